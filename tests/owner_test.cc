#include "insight/owner.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

void check_owner(std::string_view kind, std::string_view name, std::string_view hash,
                 Owner::Kind want_kind, std::string_view want_name) {
  Owner owner = owner_of(kind, name, hash);
  ck_assert_int_eq(static_cast<int>(owner.kind), static_cast<int>(want_kind));
  CHECK_TEXT(owner.name, want_name);
}

START_TEST(deployments) {
  check_owner("ReplicaSet", "web-5d4f8c7b9", "5d4f8c7b9", Owner::Kind::deployment, "web");
  check_owner("ReplicaSet", "a-b-c-66f8", "66f8", Owner::Kind::deployment, "a-b-c");
  // Somebody's own ReplicaSet, or another's who names it otherwise.
  check_owner("ReplicaSet", "web", "", Owner::Kind::replica_set, "web");
  check_owner("ReplicaSet", "web-abc", "def", Owner::Kind::replica_set, "web-abc");
  check_owner("ReplicaSet", "web5d4f", "5d4f", Owner::Kind::replica_set, "web5d4f");
  check_owner("ReplicaSet", "-5d4f", "5d4f", Owner::Kind::replica_set, "-5d4f");
  check_owner("ReplicaSet", "f", "5d4f", Owner::Kind::replica_set, "f");
}
END_TEST

START_TEST(others) {
  check_owner("StatefulSet", "db", "", Owner::Kind::stateful_set, "db");
  check_owner("DaemonSet", "log", "", Owner::Kind::daemon_set, "log");
  check_owner("Job", "backup-28391520", "", Owner::Kind::job, "backup-28391520");
  // The hash is a ReplicaSet's alone.
  check_owner("StatefulSet", "db-66f8", "66f8", Owner::Kind::stateful_set, "db-66f8");
  check_owner("Node", "box", "", Owner::Kind::other, "box");
  check_owner("Rollout", "x", "", Owner::Kind::other, "x");
  check_owner("", "x", "", Owner::Kind::none, "");
  check_owner("Job", "", "", Owner::Kind::none, "");
  CHECK_TEXT(owner_kind_name(Owner::Kind::deployment), "deployment");
  CHECK_TEXT(owner_kind_name(Owner::Kind::other), "");
  CHECK_TEXT(owner_kind_name(Owner::Kind::none), "");
}
END_TEST

}  // namespace

CHECK_MAIN("owner", deployments, others)
