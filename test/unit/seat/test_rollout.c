/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char own[] = "uid-deployment", other[] = "uid-other";
static char first_uid[] = "uid-first", second_uid[] = "uid-second", third_uid[] = "uid-third";
static char a[] = "web-a", b[] = "web-b";

#define REPLICASET(id, label, owner, wanted, number, created)                                      \
    {                                                                                              \
        .meta = {.name = (label),                                                                  \
                 .uid = (id),                                                                      \
                 .created_us = (created),                                                          \
                 .controller = {.uid = (owner)}},                                                  \
        .replicas = (wanted), .revision = (number)                                                 \
    }

static const struct zl_replicaset FIRST = REPLICASET(first_uid, a, own, 3, 1, 10);
static const struct zl_replicaset SECOND = REPLICASET(second_uid, b, own, 1, 2, 20);
static const struct zl_replicaset SCALED_DOWN = REPLICASET(first_uid, a, own, 0, 1, 10);
static const struct zl_replicaset ROLLED_BACK = REPLICASET(first_uid, a, own, 3, 3, 10);
static const struct zl_replicaset STRANGER = REPLICASET(third_uid, a, other, 3, 9, 90);
static const struct zl_replicaset UNNUMBERED = REPLICASET(third_uid, a, own, 1, 0, 30);
static const struct zl_replicaset UNNUMBERED_OLDER = REPLICASET(second_uid, b, own, 1, 0, 20);
static const struct zl_replicaset TWIN = REPLICASET(first_uid, b, own, 1, 0, 30);
static const struct zl_replicaset EMPTY_NEWEST = REPLICASET(second_uid, b, own, 0, 2, 20);

struct of_row {
    const char *name;
    const struct zl_replicaset *replicasets[3];
    size_t count;
    const char *ready_revision; /* NULL: none was proven */
    bool deleting;              /* the proven one */
    const struct zl_replicaset *newest, *proven;
};

static const struct of_row OF_ROWS[] = {
    {"none", {NULL}, 0, first_uid, false, NULL, NULL},
    {"only another Deployment's", {&STRANGER}, 1, third_uid, false, NULL, NULL},
    {"one, not proven yet", {&FIRST}, 1, NULL, false, &FIRST, NULL},
    {"one, proven", {&FIRST}, 1, first_uid, false, &FIRST, &FIRST},
    {"the highest number is the newest", {&SECOND, &FIRST}, 2, first_uid, false, &SECOND, &FIRST},
    {"in whatever order", {&FIRST, &SECOND}, 2, first_uid, false, &SECOND, &FIRST},
    {"rolled back: an old one has the highest number",
     {&ROLLED_BACK, &SECOND},
     2,
     second_uid,
     false,
     &ROLLED_BACK,
     &SECOND},
    {"another Deployment's number plays no part",
     {&STRANGER, &FIRST},
     2,
     first_uid,
     false,
     &FIRST,
     &FIRST},
    {"proven, but wants no pods", {&SCALED_DOWN, &SECOND}, 2, first_uid, false, &SECOND, NULL},
    {"proven, but on its way out", {&FIRST, &SECOND}, 2, first_uid, true, &SECOND, NULL},
    {"proven, but there no more", {&SECOND}, 1, first_uid, false, &SECOND, NULL},
    {"without numbers the younger is newer",
     {&UNNUMBERED, &UNNUMBERED_OLDER},
     2,
     NULL,
     false,
     &UNNUMBERED,
     NULL},
    {"then the name decides, in this order", {&UNNUMBERED, &TWIN}, 2, NULL, false, &TWIN, NULL},
    {"and in that", {&TWIN, &UNNUMBERED}, 2, NULL, false, &TWIN, NULL},
};

static void test_newest_and_proven_follow_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof OF_ROWS / sizeof OF_ROWS[0]; i++) {
        const struct of_row *row = &OF_ROWS[i];
        struct zl_lease lease = {.ready_revision = zl_strdup(row->ready_revision)};
        const struct zl_replicaset *replicasets[3] = {row->replicasets[0], row->replicasets[1],
                                                      row->replicasets[2]};
        struct zl_replicaset deleting = FIRST;
        deleting.meta.deleting = true;
        if (row->deleting) {
            replicasets[0] = &deleting;
        }
        struct zl_rollout rollout = zl_rollout_of(replicasets, row->count, own, &lease);
        if (rollout.newest != row->newest || rollout.proven != row->proven) {
            fail_msg("%s", row->name);
        }
        free(lease.ready_revision);
    }
}

static void test_without_a_lease_nothing_is_proven(void **state)
{
    (void)state;
    const struct zl_replicaset *replicasets[] = {&FIRST, &SECOND};
    struct zl_rollout rollout = zl_rollout_of(replicasets, 2, own, NULL);
    assert_ptr_equal(rollout.newest, &SECOND);
    assert_null(rollout.proven);
}

struct lead_row {
    const char *name;
    const struct zl_replicaset *newest, *proven;
    bool recreate;
    bool first, second; /* may a pod of it lead? */
};

static const struct lead_row LEAD_ROWS[] = {
    {"nothing is known", NULL, NULL, false, true, true},
    {"the proven one leads", &SECOND, &FIRST, false, true, false},
    {"with Recreate the newest leads", &SECOND, &FIRST, true, false, true},
    {"nothing is proven: the newest", &SECOND, NULL, false, false, true},
    {"nothing is proven, Recreate: the newest", &SECOND, NULL, true, false, true},
    {"the newest wants no pods: any", &EMPTY_NEWEST, NULL, false, true, true},
    {"the newest wants no pods, Recreate: any", &EMPTY_NEWEST, &FIRST, true, true, true},
    {"rolled back", &ROLLED_BACK, &SECOND, false, false, true},
    {"newest and proven in one", &SECOND, &SECOND, false, false, true},
};

static void test_the_proven_revision_leads_else_the_newest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LEAD_ROWS / sizeof LEAD_ROWS[0]; i++) {
        const struct lead_row *row = &LEAD_ROWS[i];
        const struct zl_rollout rollout = {.newest = row->newest, .proven = row->proven};
        const struct zl_policy policy = {.recreate = row->recreate};
        if (zl_rollout_may_lead(&rollout, &policy, first_uid) != row->first ||
            zl_rollout_may_lead(&rollout, &policy, second_uid) != row->second) {
            fail_msg("%s", row->name);
        }
    }
    const struct zl_rollout rollout = {.newest = &SECOND};
    assert_false(zl_rollout_may_lead(&rollout, &(struct zl_policy){0}, NULL));
}

/* A row is the handover from FIRST to SECOND with something about it changed. */
struct succeed_row {
    const char *name;
    bool may_succeed;
    bool standby, recreate;                      /* the policy */
    bool recreates, paused, is_set, one_replica; /* the workload */
    bool two_replicas, unknown, wants_none; /* the newest revision is unknown, or wants no pods */
    bool no_lease;
    bool of_first, of_none;             /* the pod's revision */
    bool holder_second, holder_missing; /* the leader's */
    char *failed;
};

static const struct succeed_row SUCCEED_ROWS[] = {
    {"beside a leader of the old revision", true, .failed = NULL},
    {"beside an empty seat", true, .holder_missing = true},
    {"two replicas are enough", true, .two_replicas = true},
    {"another revision failed", true, .failed = third_uid},
    {"standby: nobody is refused", false, .standby = true},
    {"rollout: Recreate", false, .recreate = true},
    {"the Deployment's own strategy is Recreate", false, .recreates = true},
    {"paused", false, .paused = true},
    {"a StatefulSet", false, .is_set = true},
    {"one replica", false, .one_replica = true},
    {"no revision is known", false, .unknown = true},
    {"no revision is known, nor the pod's", false, .unknown = true, .of_none = true},
    {"the newest wants no pods", false, .wants_none = true},
    {"a pod of the old revision", false, .of_first = true, .holder_second = true},
    {"a pod of no revision", false, .of_none = true},
    {"no Lease to record it in", false, .no_lease = true},
    {"this revision failed", false, .failed = second_uid},
    {"the leader is of the newest already", false, .holder_second = true},
};

static bool may_succeed(const struct succeed_row *row)
{
    const struct zl_policy policy = {.standby = row->standby, .recreate = row->recreate};
    const struct zl_workload workload = {
        .kind = row->is_set ? &ZL_KIND_STATEFULSET : &ZL_KIND_DEPLOYMENT,
        .replicas = row->one_replica ? 1 : (row->two_replicas ? 2 : 3),
        .paused = row->paused,
        .recreates = row->recreates,
    };
    const struct zl_lease lease = {.failed_revision = row->failed};
    struct zl_rollout rollout = {.newest = row->wants_none ? &EMPTY_NEWEST : &SECOND,
                                 .proven = &FIRST};
    const char *revision = row->of_first ? first_uid : second_uid;
    const char *holder = row->holder_second ? second_uid : first_uid;
    if (row->unknown) {
        rollout.newest = NULL;
    }
    return zl_rollout_may_succeed(&rollout, &policy, &workload, row->no_lease ? NULL : &lease,
                                  row->of_none ? NULL : revision,
                                  row->holder_missing ? NULL : holder);
}

static void test_only_the_newest_revision_of_a_rollout_may_succeed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SUCCEED_ROWS / sizeof SUCCEED_ROWS[0]; i++) {
        if (may_succeed(&SUCCEED_ROWS[i]) != SUCCEED_ROWS[i].may_succeed) {
            fail_msg("%s", SUCCEED_ROWS[i].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_and_proven_follow_the_table),
        cmocka_unit_test(test_without_a_lease_nothing_is_proven),
        cmocka_unit_test(test_the_proven_revision_leads_else_the_newest),
        cmocka_unit_test(test_only_the_newest_revision_of_a_rollout_may_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
