/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a LeaderPolicy's fields is sound, and a policy is decoded by it. */
#include "common/objects/policy_fields.h"

#include "common/objects/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_each_field_has_a_name_a_default_and_a_range(void **state)
{
    (void)state;
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        ZL_AUTO_FREE char *path = zl_asprintf("spec.%s", field->name);
        const struct zl_policy_field *upper = zl_policy_field_find(field->less_than);
        bool ranged = field->min >= 0 && field->max > 0 && field->min <= field->fallback &&
                      field->fallback <= field->max && field->choices[0] == NULL;
        bool ordered = field->less_than == NULL ||
                       (upper != NULL && upper->type == ZL_POLICY_SECONDS &&
                        field->fallback < upper->fallback && field->max < upper->max);
        bool chosen = field->choices[0] != NULL && field->choices[1] != NULL &&
                      strcmp(field->choices[0], field->choices[1]) != 0;
        bool numberless = field->fallback == 0 && field->min == 0 && field->max == 0;
        bool sound = field->type == ZL_POLICY_SECONDS  ? ranged
                     : field->type == ZL_POLICY_CHOICE ? chosen && numberless
                                                       : numberless && field->choices[0] == NULL;
        if (!sound || !ordered || strcmp(field->path, path) != 0 || field->help[0] == '\0' ||
            zl_policy_field_find(field->name) != field) {
            fail_msg("%s", field->name);
        }
    }
    assert_null(zl_policy_field_find("leaseduration"));
    assert_null(zl_policy_field_find(NULL));
}

static void decode(const char *text, struct zl_policy *policy)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *spec = NULL;
    if (zl_json_parse(text, strlen(text), &spec, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    memset(policy, 0xff, sizeof *policy); /* so that a member that was left out shows */
    zl_policy_fields_decode(spec, policy);
}

static void expect_defaults(const struct zl_policy *policy)
{
    assert_int_equal(policy->lease_duration_s, 15);
    assert_int_equal(policy->renew_deadline_s, 10);
    assert_int_equal(policy->retry_period_s, 2);
    assert_int_equal(policy->handover_grace_s, 2);
    assert_false(policy->custom_identity || policy->standby || policy->recreate ||
                 policy->role_label);
}

static void test_policy_without_a_field_has_its_default(void **state)
{
    (void)state;
    struct zl_policy policy;
    decode("{}", &policy);
    expect_defaults(&policy);
    memset(&policy, 0xff, sizeof policy);
    zl_policy_fields_decode(NULL, &policy);
    expect_defaults(&policy);
    decode("{\"leaseDurationSeconds\":\"60\",\"renewDeadlineSeconds\":4.5,\"retryPeriodSeconds\":"
           "null,\"identityStrategy\":\"Custom\",\"followerMode\":1,\"rollout\":[],"
           "\"podRoleLabel\":\"true\",\"handoverGracePeriodSeconds\":\"0\"}",
           &policy);
    expect_defaults(&policy);
}

static void test_each_field_comes_into_its_member(void **state)
{
    (void)state;
    struct zl_policy policy;
    decode("{\"leaseDurationSeconds\":60,\"renewDeadlineSeconds\":40,\"retryPeriodSeconds\":20,"
           "\"handoverGracePeriodSeconds\":0}",
           &policy);
    assert_int_equal(policy.lease_duration_s, 60);
    assert_int_equal(policy.renew_deadline_s, 40);
    assert_int_equal(policy.retry_period_s, 20);
    assert_int_equal(policy.handover_grace_s, 0);
    decode("{\"identityStrategy\":\"custom\",\"rollout\":\"Handover\"}", &policy);
    assert_true(policy.custom_identity);
    assert_false(policy.standby || policy.recreate || policy.role_label);
    decode("{\"followerMode\":\"standby\"}", &policy);
    assert_true(policy.standby);
    assert_false(policy.custom_identity || policy.recreate || policy.role_label);
    decode("{\"rollout\":\"Recreate\"}", &policy);
    assert_true(policy.recreate);
    assert_false(policy.custom_identity || policy.standby || policy.role_label);
    decode("{\"podRoleLabel\":true}", &policy);
    assert_true(policy.role_label);
    assert_false(policy.custom_identity || policy.standby || policy.recreate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_field_has_a_name_a_default_and_a_range),
        cmocka_unit_test(test_policy_without_a_field_has_its_default),
        cmocka_unit_test(test_each_field_comes_into_its_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
