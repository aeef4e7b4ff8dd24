/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which value of the label zen-lead/role, and what the condition says of it. */
#include "common/objects/names.h"
#include "controller/leader/role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char uid_a[] = "uid-a", uid_b[] = "uid-b", identity[] = "web-a_uid-a", pod_a[] = "web-a";

struct row {
    const char *name;
    bool wanted, standby, held, provisional, gatekept, deleting;
    char *uid; /* of the pod that is asked about; web-a holds the Lease */
    enum zl_role role;
};

static const struct row ROWS[] = {
    {"not wanted", false, true, true, false, true, false, uid_a, ZL_ROLE_NONE},
    {"the holder", true, true, true, false, true, false, uid_a, ZL_ROLE_LEADER},
    {"another pod", true, true, true, false, true, false, uid_b, ZL_ROLE_FOLLOWER},
    {"the holder of a scaleDown pool", true, false, true, false, true, false, uid_a,
     ZL_ROLE_LEADER},
    {"its successor", true, false, true, false, true, false, uid_b, ZL_ROLE_FOLLOWER},
    {"a holder that is only claimed", true, false, true, true, true, false, uid_a,
     ZL_ROLE_FOLLOWER},
    {"a holder on its way out leads to the end", true, false, true, false, true, true, uid_a,
     ZL_ROLE_LEADER},
    {"nobody holds it", true, true, false, false, true, false, uid_a, ZL_ROLE_FOLLOWER},
    {"nobody holds it, and one replica is wanted", true, false, false, false, false, false, uid_a,
     ZL_ROLE_LEADER},
    {"the same, on its way out", true, false, false, false, false, true, uid_a, ZL_ROLE_FOLLOWER},
    {"one pod that is not gatekept beside a leader", true, false, true, false, false, false, uid_b,
     ZL_ROLE_FOLLOWER},
    {"one replica of a standby pool is elected like others", true, true, false, false, false, false,
     uid_a, ZL_ROLE_FOLLOWER},
};

static void test_the_label_follows_the_lease(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        const struct zl_policy policy = {.standby = row->standby, .role_label = row->wanted};
        const struct zl_lease lease = {.holder_identity = row->held ? identity : NULL,
                                       .holder_pod = row->held ? pod_a : NULL,
                                       .holder_uid = row->held ? uid_a : NULL,
                                       .provisional = row->provisional};
        const struct zl_pod pod = {.meta = {.uid = row->uid, .deleting = row->deleting}};
        const struct zl_member member = {.pod = &pod, .gatekept = row->gatekept};
        const struct zl_view view = {
            .policy = &policy, .lease = &lease, .elects_all = row->standby};
        if (zl_role_of(&member, &view) != row->role) {
            fail_msg("%s: %d", row->name, (int)zl_role_of(&member, &view));
        }
    }
}

static void test_what_is_written_already_is_not_written_again(void **state)
{
    (void)state;
    static char leader[] = "app=web\0zen-lead/role=leader\0";
    static char follower[] = "zen-lead/role=follower\0";
    static char other[] = "zen-lead/role=boss\0";
    static const struct {
        char *labels;
        bool none, leader, follower;
    } rows[] = {
        {NULL, true, false, false},
        {leader, false, true, false},
        {follower, false, false, true},
        {other, true, false, false}, /* no value of ours: left alone, or overwritten */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct zl_pod pod = {.labels = rows[i].labels};
        assert_int_equal(zl_role_is_written(&pod, ZL_ROLE_NONE), rows[i].none);
        assert_int_equal(zl_role_is_written(&pod, ZL_ROLE_LEADER), rows[i].leader);
        assert_int_equal(zl_role_is_written(&pod, ZL_ROLE_FOLLOWER), rows[i].follower);
    }
}

static void test_labels_of_a_pool_that_never_asked_for_them_are_not_ours(void **state)
{
    (void)state;
    static char false_[] = "False";
    struct zl_policy policy = {0};
    const struct zl_view view = {.policy = &policy};
    assert_false(zl_roles_matter(&view));
    policy.role_label = true;
    assert_true(zl_roles_matter(&view));
    policy.role_label = false;
    policy.status.conditions[ZL_CONDITION_POD_ROLE_LABELS].status = false_; /* it did ask */
    assert_true(zl_roles_matter(&view));
}

static void expect_condition(enum zl_role_labels labels, const struct zl_condition *before,
                             const char *status, const char *reason, const char *since)
{
    struct zl_policy_status after = {0};
    struct zl_condition *is = &after.conditions[ZL_CONDITION_POD_ROLE_LABELS];
    zl_roles_condition(labels, before, "later", is);
    if (status == NULL) {
        assert_null(is->status);
    } else {
        assert_string_equal(is->status, status);
        assert_string_equal(is->reason, reason);
        assert_string_equal(is->since, since);
    }
    zl_policy_status_clear(&after);
}

static void test_the_condition_says_whether_labels_are_kept(void **state)
{
    (void)state;
    static char true_[] = "True", labelled[] = "Labelled", text[] = "...", earlier[] = "earlier";
    const struct zl_condition none = {0};
    const struct zl_condition good = {
        .status = true_, .reason = labelled, .message = text, .since = earlier};
    expect_condition(ZL_ROLE_LABELS_OFF, &good, NULL, NULL, NULL);
    expect_condition(ZL_ROLE_LABELS_UNKNOWN, &none, NULL, NULL, NULL);
    expect_condition(ZL_ROLE_LABELS_UNKNOWN, &good, "True", "Labelled", "earlier");
    expect_condition(ZL_ROLE_LABELS_WRITTEN, &good, "True", "Labelled", "earlier");
    expect_condition(ZL_ROLE_LABELS_WRITTEN, &none, "True", "Labelled", "later");
    expect_condition(ZL_ROLE_LABELS_FORBIDDEN, &good, "False", "Forbidden", "later");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_label_follows_the_lease),
        cmocka_unit_test(test_what_is_written_already_is_not_written_again),
        cmocka_unit_test(test_labels_of_a_pool_that_never_asked_for_them_are_not_ours),
        cmocka_unit_test(test_the_condition_says_whether_labels_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
