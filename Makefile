# kubepulse. All output goes to build/; V=1 shows the commands.
#   make                 build/kubepulse, static
#   sudo make deps run   install what is missing, build, run the daemon on :9090
#   sudo make deps test  the same, then the tests
#   make TLS=1           build/tls/kubepulse, with mbedTLS for kubelets that speak HTTPS
#   make ARCH=arm64      build/arm64/kubepulse, on an amd64 Debian; `sudo make ARCH=arm64 deps` gets the compiler
#   make deb             build/kubepulse_VERSION-1_ARCH.deb, with TLS
#   make image           build/kubepulse-VERSION.oci.tar, the container image for amd64 and arm64; `sudo make deps image` gets what it needs
#   make deploy          the Helm chart, with this working tree's image, into the current cluster of minikube, kind or k3d

VERSION  ?= 0.6.0
REVISION ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

DESTDIR ?=
PREFIX  ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system

# Debian's names of architectures: amd64 or arm64, this machine's or the other.
debian_arch = $(patsubst aarch64,arm64,$(patsubst x86_64,amd64,$(1)))
MACHINE := $(call debian_arch,$(shell uname -m))
ARCH    ?= $(MACHINE)
override ARCH := $(call debian_arch,$(ARCH))
TRIPLE   := $(patsubst amd64,x86_64-linux-gnu,$(patsubst arm64,aarch64-linux-gnu,$(filter amd64 arm64,$(ARCH))))
BPF_ARCH := $(patsubst amd64,x86,$(ARCH))
ifeq ($(TRIPLE),)
  $(error ARCH=$(ARCH): amd64 and arm64 are known)
endif
CROSS := $(if $(filter $(MACHINE),$(ARCH)),,$(ARCH))

# TLS=1 links mbedTLS, for a kubelet that speaks HTTPS. What does not know of that is compiled once for both.
TLS ?=
BUILD ?= build$(CROSS:%=/%)$(if $(TLS),/tls)
OBJECT_FOLDER := $(BUILD:%/tls=%)
STRIP ?= $(if $(CROSS),$(TRIPLE)-)strip
CLANG      ?= clang
BPFTOOL    ?= $(firstword $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool) bpftool)
PKG_CONFIG ?= pkg-config
PUBLIC_SUFFIX ?= /usr/share/publicsuffix/public_suffix_list.dafsa

ifneq ($(CROSS),)
  # The compiler's package has the C and C++ libraries; the others are unpacked here, and nothing of this machine's is used.
  SYSROOT := $(abspath $(OBJECT_FOLDER))/sysroot
  SYSROOT_PACKAGES := libbpf-dev libelf-dev zlib1g-dev libmbedtls-dev check libsubunit-dev
  SYSROOT_READY := $(SYSROOT)/.ready
  ifeq ($(origin CXX),default)
    CXX := $(TRIPLE)-g++
  endif
  ifeq ($(origin AR),default)
    AR := $(TRIPLE)-ar
  endif
  # Runs the unit tests, in more time than Check gives them.
  RUNNER ?= env CK_TIMEOUT_MULTIPLIER=20 qemu-$(firstword $(subst -, ,$(TRIPLE)))-static
  export PKG_CONFIG_PATH :=
  export PKG_CONFIG_SYSROOT_DIR := $(SYSROOT)
  export PKG_CONFIG_LIBDIR := $(SYSROOT)/usr/lib/$(TRIPLE)/pkgconfig
  override CPPFLAGS += -isystem $(SYSROOT)/usr/include -isystem $(SYSROOT)/usr/include/$(TRIPLE)
  BPF_INCLUDES = -nostdlibinc -idirafter $(SYSROOT)/usr/include -idirafter /usr/$(TRIPLE)/include
else
  BPF_INCLUDES = -idirafter /usr/include/$(TRIPLE)
endif

# SANITIZER=address, undefined or address,undefined builds for the unit tests; such a build is not static.
SANITIZER ?=

# -Os: the binary is to stay small, and what is hot is short. No exceptions, so no unwind tables; no threads, so no locks for them.
CXXFLAGS ?= -Os -g
# The build folder is in no file that comes of it, not even in a hash: the same source gives the same binary anywhere.
PREFIX_MAP := -ffile-prefix-map=$(CURDIR)=.
override CXXFLAGS += $(PREFIX_MAP) -std=c++17 -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-threadsafe-statics \
  -Wall -Wextra -Wshadow=local -Wno-unknown-warning-option -Wnon-virtual-dtor -Wno-missing-field-initializers -Werror=return-type
# The daemon is optimised as a whole where it is linked, for 60 KB less; tests are linked from the ordinary code beside.
LTO := $(if $(SANITIZER)$(findstring clang,$(CXX)),,-flto=auto)
override CPPFLAGS += -Isrc -I. -I$(OBJECT_FOLDER) -D_GNU_SOURCE -MMD -MP
override LDFLAGS  += -Wl,--gc-sections $(PREFIX_MAP)
ifneq ($(SANITIZER),)
  override CXXFLAGS += -fsanitize=$(SANITIZER) -fno-sanitize-recover=all -fno-omit-frame-pointer
  override LDFLAGS  += -fsanitize=$(SANITIZER)
  override CPPFLAGS += -DKUBEPULSE_SANITIZED
  RUNNER ?= env CK_TIMEOUT_MULTIPLIER=10
else
  # At a fixed address, which what is static has anyway, code is some 1.5 % shorter.
  override CXXFLAGS += -fno-pie
  override LDFLAGS += -static
  # Check ends a test after 4 s; a busy machine needs more patience.
  RUNNER ?= env CK_TIMEOUT_MULTIPLIER=5
endif
# Expanded when a recipe runs, so that `make deps ...` finds what it has just installed.
LIBS       = $(if $(TLS),-lmbedtls -lmbedx509 -lmbedcrypto) $$($(PKG_CONFIG) --static --libs libbpf libelf zlib)
CHECK_LIBS = $$($(PKG_CONFIG) --static --libs check)

# No text of the source goes into the objects, some 10 KB each: the compiler is not to find it. Nor columns.
BPF_CFLAGS = -O2 -g -gno-column-info -fdebug-compilation-dir=/kubepulse -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Wno-unused-parameter -I. \
  $(BPF_INCLUDES)

Q := $(if $(V),,@)
, := ,
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)

BPF_SOURCES  := $(wildcard bpf/*.bpf.c)
SKELETONS    := $(BPF_SOURCES:bpf/%.bpf.c=$(OBJECT_FOLDER)/bpf/%.skel.h)
SOURCES      := $(wildcard src/*/*.cc) $(filter-out src/main.cc,$(wildcard src/*.cc))
UNIT_TESTS   := $(patsubst tests/%.cc,$(BUILD)/tests/%,$(wildcard tests/*_test.cc))
LIVE_SOURCES := $(wildcard tests/live/*.cc)
TLS_SOURCES  := $(if $(TLS),$(shell grep -ls KUBEPULSE_TLS $(SOURCES) $(LIVE_SOURCES) tests/*.cc))
objects_of    = $(patsubst %.cc,$(OBJECT_FOLDER)/%.o,$(filter-out $(TLS_SOURCES),$(1))) \
  $(patsubst %.cc,$(OBJECT_FOLDER)/%.tls.o,$(filter $(TLS_SOURCES),$(1)))
OBJECTS      := $(call objects_of,$(SOURCES))
LIVE_OBJECTS := $(call objects_of,$(LIVE_SOURCES))
BENCHES      := $(patsubst tests/bench/%.cc,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.cc))

.DELETE_ON_ERROR:
.SECONDARY:
SHELL = /bin/bash -o pipefail
.PHONY: all run test check check-sanitized live test-vm chart deb test-deb test-deb-vm image image-binaries image-folder deploy bench fuzz run-fuzzers \
  format format-check tidy install uninstall deps clean force

all: $(BUILD)/kubepulse

ifneq ($(CROSS),)
$(SYSROOT_READY):
	@rm -rf $(SYSROOT) && mkdir -p $(SYSROOT)
	$(call say,SYSROOT,$(SYSROOT))debs=$$(tests/vm/fetch $$(. /etc/os-release && echo $$VERSION_CODENAME) $(ARCH) $(OBJECT_FOLDER)/packages \
	  $(SYSROOT_PACKAGES)) && for deb in $$debs; do dpkg-deb -x $$deb $(SYSROOT) || exit 1; done
	@touch $@
endif

$(OBJECT_FOLDER)/bpf/%.bpf.o: bpf/%.bpf.c | $(SYSROOT_READY)
	@mkdir -p $(@D)
	@for tool in $(CLANG) $(BPFTOOL) $(firstword $(CXX)); do command -v $$tool >/dev/null || { \
	  echo "make: $$tool is missing: run 'sudo make $(CROSS:%=ARCH=% )deps' first" >&2; exit 1; }; done
	$(call say,BPF,$<)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

# With -j, too, what is missing is installed before anything is built.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(BPF_SOURCES:%.c=$(OBJECT_FOLDER)/%.o): | deps
endif

# bpftool's skeleton, but with the object in it packed: see src/collect/packed_object.h.
$(OBJECT_FOLDER)/bpf/%.skel.h: $(OBJECT_FOLDER)/bpf/%.bpf.o Makefile
	$(call say,SKEL,$@){ echo '#include "collect/packed_object.h"' && \
	  $(BPFTOOL) gen skeleton $< name $*_bpf | sed '/^static inline const void \*$*_bpf__elf_bytes(size_t \*sz)$$/,/^}/d' && \
	  echo 'static const unsigned char $*_bpf_packed[] = {' && gzip -9nc $< | od -An -v -tx1 | sed 's/ /,0x/g; s/^,//; s/$$/,/' && \
	  echo '};' && echo 'static inline const void *$*_bpf__elf_bytes(size_t *sz)' && \
	  echo '{ return kubepulse::unpack_object($*_bpf_packed, sizeof $*_bpf_packed, sz); }'; } > $@

define compile
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(EXTRA_$*) -c $< -o $@
endef
$(OBJECT_FOLDER)/src/%.o: override CXXFLAGS += $(LTO:%=% -ffat-lto-objects)
$(OBJECT_FOLDER)/%.o: %.cc Makefile | $(SKELETONS)
	$(compile)
$(OBJECT_FOLDER)/%.tls.o: override CPPFLAGS += -DKUBEPULSE_TLS
$(OBJECT_FOLDER)/%.tls.o: %.cc Makefile | $(SKELETONS)
	$(compile)

EXTRA_src/main = -DKUBEPULSE_VERSION='"$(VERSION)"' -DKUBEPULSE_REVISION='"$(REVISION)"'
EXTRA_src/daemon = $(EXTRA_src/main)
EXTRA_src/self_check = $(EXTRA_src/main)
# A commit alone is no reason to link again, unless what is built leaves the house.
$(addprefix $(OBJECT_FOLDER)/src/,main.o daemon.o self_check.o): $(if $(EXACT_REVISION),,|) $(OBJECT_FOLDER)/revision
$(OBJECT_FOLDER)/revision: force
	@mkdir -p $(@D)
	@echo $(VERSION) $(REVISION) | cmp -s - $@ || echo $(VERSION) $(REVISION) > $@

EXTRA_src/identity/public_suffix = -DPUBLIC_SUFFIX_FILE='"$(PUBLIC_SUFFIX)"'

$(OBJECT_FOLDER)/src/identity/public_suffix.o: $(wildcard $(PUBLIC_SUFFIX))

$(OBJECT_FOLDER)/tests/live/kubelet_files.o: $(wildcard tests/data/kubelet/*/*)

$(BUILD)/libkubepulse.a: $(OBJECTS)
	@mkdir -p $(@D)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/kubepulse.debug: $(OBJECT_FOLDER)/src/main.o $(BUILD)/libkubepulse.a src/kubepulse.ld
	$(call say,LINK,$@)$(CXX) $(LTO) $(LDFLAGS) $(if $(SANITIZER),,-Wl$(,)-T$(,)src/kubepulse.ld) $(filter-out %.ld,$^) $(LIBS) -o $@

$(BUILD)/kubepulse: $(BUILD)/kubepulse.debug
	$(call say,STRIP,$@)$(STRIP) -o $@ $<

$(BUILD)/tests/%_test: $(OBJECT_FOLDER)/tests/%_test$(if $(TLS),.tls).o $(BUILD)/libkubepulse.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(LTO:%=-fno-lto) $(LDFLAGS) $^ $(CHECK_LIBS) $(LIBS) -o $@

$(BUILD)/tests/live/live: $(LIVE_OBJECTS) $(BUILD)/libkubepulse.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(LTO:%=-fno-lto) $(LDFLAGS) $^ $(CHECK_LIBS) $(LIBS) -o $@

$(BUILD)/tests/bench/%: $(OBJECT_FOLDER)/tests/bench/%.o $(BUILD)/libkubepulse.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(LTO:%=-fno-lto) $(LDFLAGS) $^ $(LIBS) -o $@

run: $(BUILD)/kubepulse
	$(BUILD)/kubepulse $(ARGS)

# The units: no root, no kernel. TEST=name picks one.
PICKED_TESTS = $(filter %$(TEST)_test,$(UNIT_TESTS))
check: $(PICKED_TESTS)
	$(if $(PICKED_TESTS),,$(error TEST=$(TEST): there is no tests/$(TEST)_test.cc))
	$(Q)printf '%s\n' $(PICKED_TESTS) | xargs -P2 -n1 sh -c '$(RUNNER) $$0 >$$0.log 2>&1; status=$$?; cat $$0.log; \
	  [ $$status = 0 ] || { echo "failed: $$0"; exit 1; }'

# Real traffic against a real daemon: needs root and BPF, otherwise it says why it was skipped.
# Most tests wait most of the time, so that some are run side by side.
LIVE_JOBS ?= 4
live: $(BUILD)/kubepulse $(BUILD)/tests/live/live
	$(Q)$(BUILD)/tests/live/live -j$(LIVE_JOBS) $(BUILD)/kubepulse

test: check live

# Much of the live suite inside small VMs of other kernels, on an amd64 machine. KERNELS="5.10 6.1" picks some, UPDATE=1 writes README.md's
# table of them. Needs deps TOOLS=1, not root.
VM_ON_ARM64 = $(if $(KERNELS),$(findstring arm64,$(KERNELS))$(filter 6.12,$(KERNELS)),all)
test-vm: $(BUILD)/kubepulse $(BUILD)/tests/live/live $(BUILD)/tests/bench/sched
	$(if $(VM_ON_ARM64),$(Q)$(MAKE) --no-print-directory ARCH=arm64 BUILD=$(BUILD)/arm64 $(addprefix $(BUILD)/arm64/,kubepulse tests/live/live tests/bench/sched))
	$(Q)UPDATE=$(UPDATE) JOBS=$(JOBS) tests/vm/run $(BUILD) $(KERNELS)

# Renders k8s/chart with real helms and holds it against golden files, which UPDATE=1 writes, k8s/daemonset.yaml and Kubernetes' schemas.
chart: $(BUILD)/kubepulse
	$(Q)UPDATE=$(UPDATE) tests/chart/run $(BUILD) $(BUILD)/kubepulse

bench: $(BUILD)/kubepulse $(BENCHES)
	$(Q)tests/bench/run $(BUILD)

# libFuzzer targets: whatever parses outside bytes. FUZZ_SECONDS each; one is tests/fuzz/NAME_fuzz.cc.
FUZZ_SECONDS ?= 30
FUZZERS      := $(patsubst tests/fuzz/%.cc,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.cc))
$(BUILD)/fuzz/%_fuzz: $(OBJECT_FOLDER)/tests/fuzz/%_fuzz.o $(BUILD)/libkubepulse.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(LDFLAGS) -fsanitize=fuzzer $^ $(LIBS) -o $@
run-fuzzers: $(FUZZERS)
	$(Q)printf '%s\n' $(FUZZERS) | xargs -P2 -n1 sh -c \
	  '$$0 -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 -artifact_prefix=$(BUILD)/fuzz/ >$$0.log 2>&1; status=$$?; \
	  [ $$status = 0 ] || tail -n 40 $$0.log; echo "$$0: $$(grep number_of_executed $$0.log)"; exit $$status'

# The units and the fuzzers share a build.
SANITIZED = BUILD=$(BUILD)/sanitized CXX=clang++ CXXFLAGS="-O1 -gline-tables-only" SANITIZER=address,undefined,fuzzer-no-link
check-sanitized:
	$(Q)$(MAKE) --no-print-directory $(SANITIZED) check
fuzz:
	$(Q)$(MAKE) --no-print-directory $(SANITIZED) run-fuzzers

FORMATTED = $(wildcard src/*.h src/*.cc src/*/*.h src/*/*.cc tests/*.h tests/*.cc tests/*/*.cc tests/*/*.h bpf/*.h bpf/*.c)
format:
	$(Q)clang-format -i $(FORMATTED)
format-check:
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

# One file a process: clang-tidy 14 carries what it thinks of a va_list over to the next file. A few functions would take its analyzer most of
# the time; it looks at the first 20,000 states of each.
tidy: $(SKELETONS)
	$(Q)printf '%s\n' $(SOURCES) src/main.cc | xargs -P2 -n1 sh -c 'clang-tidy --quiet "$$@" -- -std=c++17 -fno-exceptions -fno-rtti \
	  -Isrc -I. -isystem $(OBJECT_FOLDER) -D_GNU_SOURCE -DKUBEPULSE_VERSION=\"\" -DKUBEPULSE_REVISION=\"\" -DPUBLIC_SUFFIX_FILE=\"$(PUBLIC_SUFFIX)\" -Xclang -analyzer-config -Xclang max-nodes=20000' tidy

install: $(BUILD)/kubepulse
	install -D -m 0755 $(BUILD)/kubepulse $(DESTDIR)$(PREFIX)/sbin/kubepulse
	install -D -m 0644 man/kubepulse.8 $(DESTDIR)$(PREFIX)/share/man/man8/kubepulse.8
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@PREFIX@|$(PREFIX)|g' systemd/kubepulse.service.in > $(DESTDIR)$(UNITDIR)/kubepulse.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/kubepulse.service

# TLS=1: a kubelet answers by HTTPS alone. For Debian 12 and later, and Ubuntu; needs dpkg-deb and no other packaging tool.
DEB := $(OBJECT_FOLDER)/kubepulse_$(VERSION)-1_$(ARCH).deb
ifeq ($(TLS),)
deb test-deb test-deb-vm:
	$(Q)$(MAKE) --no-print-directory TLS=1 EXACT_REVISION=1 $@
else
deb: $(BUILD)/kubepulse
	$(call say,DEB,$(DEB))systemd/debian/build $< $(DEB) $(VERSION)-1 $(ARCH) \
	  $(if $(CROSS),$(OBJECT_FOLDER)/packages/$$(. /etc/os-release && echo $$VERSION_CODENAME)-$(ARCH))

# What lintian and systemd-analyze say, and the life of the package under Debian's systemd, as PID 1 in namespaces of its own; test-deb-vm: in a
# small VM with Debian's kernel, on amd64. Need root and deps TOOLS=1.
test-deb: deb
	$(Q)tests/deb/run $(OBJECT_FOLDER) $(DEB)
test-deb-vm: deb
	$(Q)tests/deb/run $(OBJECT_FOLDER) $(DEB) --vm
endif

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/kubepulse $(DESTDIR)$(PREFIX)/share/man/man8/kubepulse.8 \
	  $(DESTDIR)$(UNITDIR)/kubepulse.service

# The container image, from k8s/Dockerfile, without Docker: buildah takes binaries that are built here. IMAGE_ARCHS=amd64 picks some.
IMAGE             ?= kubepulse:$(VERSION)
IMAGE_ARCHS       ?= $(if $(CROSS),$(ARCH),amd64 arm64)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
image_folder       = build$(if $(filter $(MACHINE),$(1)),,/$(1))/tls
image_settings     = VERSION=$(VERSION) REVISION=$(REVISION) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)
image: image-binaries
	$(call say,IMAGE,build/kubepulse-$(VERSION).oci.tar)$(image_settings) k8s/image oci build/kubepulse-$(VERSION).oci.tar $(IMAGE) \
	  $(foreach arch,$(IMAGE_ARCHS),$(arch)=$(call image_folder,$(arch)))
image-binaries: $(filter deps,$(MAKECMDGOALS))
	+$(Q)$(foreach arch,$(IMAGE_ARCHS),$(MAKE) --no-print-directory TLS=1 ARCH=$(arch) BUILD=$(call image_folder,$(arch)) EXACT_REVISION=1 all &&) :
image-folder:
	@echo $(foreach arch,$(IMAGE_ARCHS),$(call image_folder,$(arch)))

# IMAGE=NAME:TAG and HELM_ARGS, where they are given, stand in the environment. It calls make, so that make -n would run it.
deploy: $(filter deps,$(MAKECMDGOALS))
	+$(Q)$(if $(findstring n,$(firstword -$(MAKEFLAGS))),echo) env $(image_settings) MAKE='$(MAKE)' k8s/deploy

# What a fresh Debian 12 or Ubuntu lacks. TOOLS=1 adds what only .ci/run, make bench and make tidy need.
PACKAGES = clang make pkg-config git publicsuffix \
  $(if $(CROSS),g++-$(subst _,-,$(TRIPLE)),g++ libbpf-dev libelf-dev zlib1g-dev check $(if $(TLS),libmbedtls-dev))
ifneq ($(filter image deploy,$(MAKECMDGOALS)),)
  PACKAGES += buildah libmbedtls-dev $(if $(filter-out $(MACHINE),$(IMAGE_ARCHS)),$(if $(filter amd64,$(MACHINE)),g++-aarch64-linux-gnu,g++-x86-64-linux-gnu))
endif
ifneq ($(TOOLS),)
  PACKAGES += clang-format clang-tidy libclang-rt-dev curl python3 python3-pip python3-yaml python3-jsonschema iproute2 dnsutils dnsmasq-base prometheus \
    prometheus-node-exporter libbpf-tools qemu-system-x86 qemu-system-arm debian-archive-keyring buildah skopeo umoci runc \
    lintian systemd mmdebstrap e2fsprogs $(if $(CROSS),qemu-user-static) $(if $(filter amd64,$(MACHINE)),g++-aarch64-linux-gnu)
endif
deps:
	$(Q)PACKAGES="$(PACKAGES)" sh -e -c '\
	  command -v apt-get >/dev/null || { echo "make deps: no apt-get here; install: $$PACKAGES and bpftool" >&2; exit 1; }; \
	  command -v bpftool >/dev/null || [ -x /usr/sbin/bpftool ] || { \
	    if apt-cache show bpftool 2>/dev/null | grep -q "^Version"; then PACKAGES="$$PACKAGES bpftool"; \
	    else PACKAGES="$$PACKAGES linux-tools-common linux-tools-generic"; fi; }; \
	  [ -z "$(TOOLS)" ] || command -v perf >/dev/null || { \
	    if apt-cache show linux-perf 2>/dev/null | grep -q "^Version"; then PACKAGES="$$PACKAGES linux-perf"; \
	    else PACKAGES="$$PACKAGES linux-tools-common linux-tools-generic"; fi; }; \
	  missing=; for p in $$PACKAGES; do dpkg-query -W -f "\$${Status}" $$p 2>/dev/null | grep -q "ok installed" || missing="$$missing $$p"; done; \
	  [ -z "$$missing" ] || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; }'

clean:
	rm -rf $(BUILD)

-include $(wildcard $(addprefix $(OBJECT_FOLDER)/,src/*.d src/*/*.d tests/*.d tests/*/*.d bpf/*.d))
