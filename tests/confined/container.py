"""What kubelet and containerd make of the DaemonSet's container: the config.json of the OCI runtime specification.

Of containerd 1.7 (oci/spec.go, oci/mounts.go, pkg/cri) with runc's or crun's defaults, cgroups by cgroupfs. What the DaemonSet says and
this does not know is an error, so that nothing of it goes unheard. Left out are the limit of CPU, for an emulated machine has too little
of it already, and what no file of a test needs: AppArmor and SELinux, of which the DaemonSet asks for none.
"""
import json, os, re

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
DAEMONSET = os.path.join(HERE, "../../k8s/daemonset.yaml")
# Where the node has the files that a kubelet makes for a pod, and the image.
NODE = "/confined"
FACTS = {"spec.nodeName": "node", "status.hostIP": "10.89.0.1"}
POD = "kubepulse-7x2bd"
UID = "6f1c0d5e-52a7-4c8e-9a3e-0f4b7c2d9e10"
ARCHITECTURES = {"amd64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "arm64": ["SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64"]}
# Stand for what is known when it is run: strings, which are whole elements of a list, and a part of one.
ARGS, ENV, ID = "@ARGS@", "@ENV@", "@ID@"

SPEC_KEYS = {"serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "hostPID", "hostNetwork", "priorityClassName",
             "terminationGracePeriodSeconds", "nodeSelector", "affinity", "tolerations", "containers", "volumes"}
CONTAINER_KEYS = {"name", "image", "imagePullPolicy", "args", "env", "ports", "resources", "startupProbe", "readinessProbe",
                  "livenessProbe", "securityContext", "volumeMounts"}
SECURITY_KEYS = {"runAsUser", "runAsGroup", "privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities",
                 "seccompProfile", "appArmorProfile", "seLinuxOptions"}

class Unknown(Exception):
    pass

def known(what, there, keys):
    for key in there:
        if key not in keys:
            raise Unknown("%s: %s is new here" % (what, key))

def expect(what, value, wanted):
    if value != wanted:
        raise Unknown("%s: %r instead of %r" % (what, value, wanted))

def daemonset(path=DAEMONSET):
    """The pod's spec and its container's."""
    with open(path) as file:
        (found,) = (each for each in yaml.safe_load_all(file) if each and each["kind"] == "DaemonSet")
    spec = found["spec"]["template"]["spec"]
    known("the pod's spec", spec, SPEC_KEYS)
    (container,) = spec["containers"]
    known("the container", container, CONTAINER_KEYS)
    known("the securityContext", container["securityContext"], SECURITY_KEYS)
    expect("privileged", container["securityContext"].get("privileged", False), False)
    expect("appArmorProfile", container["securityContext"].get("appArmorProfile"), {"type": "Unconfined"})
    return spec, container

def of_quantity(text):
    number, unit = re.fullmatch(r"(\d+)(m|[KMG]i)?", str(text)).groups()
    return int(number) * {None: 1, "m": 0.001, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}[unit]

def capabilities(security):
    expect("capabilities dropped", security["capabilities"]["drop"], ["ALL"])
    return security["capabilities"]["add"]

def seccomp(profile, names, arch):
    if profile == {"type": "Unconfined"}:
        return None
    expect("seccompProfile", profile, {"type": "RuntimeDefault"})
    with open(HERE + "/seccomp.json") as file:
        default = json.load(file)
    known("seccomp.json", names, default["allowed_with"])
    allowed = default["allowed"] + [call for name in names for call in default["allowed_with"][name]]
    return {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ARCHITECTURES[arch],
            "syscalls": [{"names": allowed, "action": "SCMP_ACT_ALLOW"}] + default["rules"]}

def mounts(spec, container):
    def made(point, kind, source, *options):
        return {"destination": point, "type": kind, "source": source, "options": list(options)}
    defaults = [
        made("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        made("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        made("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        made("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        made("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        made("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
        made("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro")]
    read_only = container["securityContext"].get("readOnlyRootFilesystem", False)
    of_pod = [(point, NODE + "/pod/" + os.path.basename(point), "ro" if read_only else "rw")
              for point in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")]
    of_pod.append(("/dev/termination-log", NODE + "/pod/termination-log", "rw"))
    if spec.get("automountServiceAccountToken", True):
        of_pod.append(("/var/run/secrets/kubernetes.io/serviceaccount", NODE + "/pod/serviceaccount", "ro"))
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        known("volumeMount", mount, {"name", "mountPath", "readOnly", "recursiveReadOnly"})
        volume = volumes[mount["name"]]
        known("volume", volume, {"name", "hostPath"})
        recursive = mount.get("recursiveReadOnly", "Disabled") != "Disabled"
        of_pod.append((mount["mountPath"], volume["hostPath"]["path"], ("rro" if recursive else "ro") if mount.get("readOnly") else "rw"))
    points = {point for point, _, _ in of_pod}
    binds = [made(point, "bind", source, "rbind", "rprivate", mode) for point, source, mode in sorted(of_pod, key=lambda m: m[0].count("/"))]
    return [mount for mount in defaults if mount["destination"] not in points] + binds

def environment(container):
    """NAME=value of each variable, but for the kubelet: where a test has one, it is its own."""
    values = {}
    for each in container.get("env", []):
        known("env", each, {"name", "value", "valueFrom"})
        value = FACTS[each["valueFrom"]["fieldRef"]["fieldPath"]] if "valueFrom" in each else each["value"]
        if each["name"].startswith("KUBEPULSE_KUBELET_"):
            continue
        values[each["name"]] = re.sub(r"\$\((\w+)\)", lambda match: values.get(match[1], match[0]), value)
    return ["%s=%s" % pair for pair in values.items()]

def config(unified=True, arch="amd64", scratch="/tmp", path=DAEMONSET):
    """config.json, with ARGS, ENV and ID in it. The network namespace is that of whoever runs it, as a pod's sandbox has one before its
    containers; `scratch` is a folder of the node that is the same one within, which no pod has."""
    spec, container = daemonset(path)
    security = container["securityContext"]
    names = capabilities(security)
    numbered = ["CAP_" + name for name in names]
    resources = container["resources"]
    memory = int(of_quantity(resources["limits"]["memory"]))
    namespaces = ["ipc", "uts", "mount"] + ([] if spec.get("hostPID") else ["pid"]) + (["cgroup"] if unified else [])
    made = {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": security["runAsUser"], "gid": security.get("runAsGroup", 0)},
            "args": ["/kubepulse"] + container.get("args", []) + [ARGS],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=" + POD, ENV],
            "cwd": "/",
            "capabilities": {which: numbered for which in ("bounding", "effective", "permitted")},
            "noNewPrivileges": not security.get("allowPrivilegeEscalation", True),
            "oomScoreAdj": {"system-node-critical": -997}.get(spec.get("priorityClassName"), 999),
        },
        "root": {"path": NODE + "/image", "readonly": security.get("readOnlyRootFilesystem", False)},
        "hostname": POD,
        "mounts": mounts(spec, container) +
                  ([{"destination": scratch, "type": "bind", "source": scratch, "options": ["rbind", "rprivate", "rw"]}] if scratch else []),
        "linux": {
            "resources": {
                "devices": [{"allow": False, "access": "rwm"}],
                "memory": {"limit": memory, "swap": memory},
                "cpu": {"shares": max(2, int(of_quantity(resources["requests"]["cpu"]) * 1024))},
            },
            "cgroupsPath": "/kubepods/burstable/pod%s/%s" % (UID, ID),
            "namespaces": [{"type": name} for name in namespaces],
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
    filters = seccomp(security.get("seccompProfile", {"type": "Unconfined"}), names, arch)
    if filters:
        made["linux"]["seccomp"] = filters
    return made

def files(**options):
    """What the node has below NODE for `run`: config.json in pieces, between which it writes what it is told, and the pod's files."""
    text = json.dumps(config(**options))
    marks = [', "%s"' % ARGS, ', "%s"' % ENV, ID]
    pieces = re.split("(%s)" % "|".join(marks), text)
    expect("the order of config.json", pieces[1::2], marks)
    _, container = daemonset(options.get("path", DAEMONSET))
    made = {"config/%d" % number: piece for number, piece in enumerate(pieces[::2])}
    made["config/env"] = "".join(line + "\n" for line in environment(container))
    made["pod/hosts"] = "127.0.0.1 localhost\n"
    made["pod/hostname"] = POD + "\n"
    made["pod/resolv.conf"] = "search kubepulse.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    made["pod/termination-log"] = ""
    for name in ("token", "ca.crt", "namespace"):
        made["pod/serviceaccount/" + name] = "kubepulse"
    with open(HERE + "/run") as file:
        made["run"] = file.read()
    return {NODE.lstrip("/") + "/" + name: text.encode() for name, text in made.items()}
