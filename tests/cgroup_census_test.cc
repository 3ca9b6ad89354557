#include "identity/cgroup_census.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

#define UID "11111111-2222-3333-4444-555555555555"
#define UID_ "11111111_2222_3333_4444_555555555555"
#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define POD "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"

START_TEST(counted) {
  for (const char* path : {
           POD "/cri-containerd-" ID ".scope",
           "/kubepods/pod" UID "/" ID,
           "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" ID,
           "/system.slice/docker-" ID ".scope",
           "/docker/" ID,
           "/lxc.payload.web",
           "/system.slice/nginx.service",
           "/init.scope",
           "/user.slice/user-1000.slice/session-3.scope",
           "/user.slice/user-1000.slice/user@1000.service",
           "/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
       })
    ck_assert_msg(CgroupCensus::is_counted(path), "%s", path);
  for (const char* path : {
           "",
           "/",
           "/kubepods",
           "/kubepods.slice/kubepods-burstable.slice",
           POD,
           POD "/crio-conmon-" ID ".scope",
           POD "/cri-containerd-" ID ".scope/container",
           POD "/cri-containerd-" ID ".scope/init.scope",
           "/kubepods/pod" UID,
           "/kubepods/pod" UID "/" ID "/system.slice/nginx.service",
           "/system.slice",
           "/user.slice/user-1000.slice/user@1000.service/init.scope",
           "/system.slice/nginx.service/worker",
           "/system.slice/docker-" ID ".scope/nested",
           "/init",
           "/some/folder",
       })
    ck_assert_msg(!CgroupCensus::is_counted(path), "%s", path);
}
END_TEST

std::string all(CgroupCensus& census) {
  std::string text;
  census.each([&](uint64_t id, const std::string& path) {
    text += std::to_string(id) + path + " ";
    return true;
  });
  return text;
}

START_TEST(comes_and_goes) {
  std::vector<uint64_t> replaced;
  CgroupCensus census([&](uint64_t id) { replaced.push_back(id); });
  census.born(1, "/system.slice/a.service");
  census.born(2, "/system.slice/a.service/below");
  census.born(3, "/system.slice/b.service");
  CHECK_TEXT(all(census), "1/system.slice/a.service 3/system.slice/b.service ");
  ck_assert(census.born(9, "/system.slice/a.service"));  // restarted
  ck_assert(census.born(9, "/system.slice/a.service"));  // seen by a scan
  CHECK_TEXT(all(census), "9/system.slice/a.service 3/system.slice/b.service ");
  ck_assert(replaced == std::vector<uint64_t>{1});
  census.each([](uint64_t id, const std::string&) { return id == 3; });
  CHECK_TEXT(all(census), "3/system.slice/b.service ");
  census.forget("/system.slice/b.service");
  CHECK_TEXT(all(census), "");
}
END_TEST

// Its files are read and counted once, under one id.
START_TEST(in_both_hierarchies) {
  std::vector<uint64_t> replaced;
  CgroupCensus census([&](uint64_t id) { replaced.push_back(id); });
  ck_assert(census.born(5, "/system.slice/a.service"));
  ck_assert(!census.born(7 | kLegacyBit, "/system.slice/a.service"));
  CHECK_TEXT(all(census), "5/system.slice/a.service ");
  ck_assert(replaced.empty());
}
END_TEST

START_TEST(bounded) {
  CgroupCensus census([](uint64_t) {});
  for (size_t i = 0; i < CgroupCensus::kCgroupsMax + 5; i++)
    census.born(i + 1, "/system.slice/unit-" + std::to_string(i) + ".service");
  ck_assert_uint_eq(census.size(), CgroupCensus::kCgroupsMax);
  ck_assert_uint_eq(census.overflow(), 5);
  census.born(77777, "/system.slice/unit-0.service");  // known, so that there is room
  ck_assert_uint_eq(census.overflow(), 5);
}
END_TEST

}  // namespace

CHECK_MAIN("cgroup_census", counted, comes_and_goes, in_both_hierarchies, bounded)
