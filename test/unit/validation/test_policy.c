/* SPDX-License-Identifier: Apache-2.0 */
/* LeaderPolicy: every rule, its field, its message and its cure; and what must not jam. */
#include "common/validation/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct cJSON *parse(const char *text)
{
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    if (zl_json_parse(text, strlen(text), &tree, &err) != ZL_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    return tree;
}

/* ' stands for " in SPEC, so that rows stay readable. */
static struct cJSON *policy(const char *name, const char *namespace_, const char *spec)
{
    ZL_AUTO_FREE char *text = zl_asprintf("{'metadata':{'name':'%s','namespace':'%s'},'spec':%s}",
                                          name, namespace_, spec);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return parse(text);
}

static void expect(const char *name, const struct zl_findings *findings, const char *text,
                   const char *warning)
{
    char *warnings[ZL_FINDINGS_MAX] = {NULL};
    ZL_AUTO_FREE char *found = zl_findings_text(findings);
    size_t count = zl_findings_warnings(findings, warnings, ZL_FINDINGS_MAX);
    if (strcmp(found, text) != 0) {
        fail_msg("%s: errors are\n  %s\nnot\n  %s", name, found, text);
    }
    if (count != (warning[0] != '\0') || (count > 0 && strcmp(warnings[0], warning) != 0)) {
        fail_msg("%s: %zu warnings, the first\n  %s\nnot\n  %s", name, count,
                 count > 0 ? warnings[0] : "", warning);
    }
    for (size_t i = 0; i < count; i++) {
        free(warnings[i]);
    }
}

#define NAME_54 "a23456789012345678901234567890123456789012345678901234"
#define NAME_55 NAME_54 "5"
#define NAME_63 NAME_54 "567890123"
#define LEASE "spec.leaseDurationSeconds: "
#define RENEW "spec.renewDeadlineSeconds: "
#define RETRY "spec.retryPeriodSeconds: "
#define GRACE "spec.handoverGracePeriodSeconds: "
#define DIRECTOR                                                                                   \
    "metadata.name: no Service can be named <pool>-director, so there is none for this pool; use " \
    "at most 54 of a-z, 0-9 and '-', a letter first"

static const struct row {
    const char *name, *namespace_, *spec;
    const char *errors;  /* "" for none */
    const char *warning; /* the only one; "" for none */
} ROWS[] = {
    {"web", "shop", "{}", "", ""},
    {"web", "shop", "null", "", ""},
    {"web", "shop",
     "{'leaseDurationSeconds':15,'renewDeadlineSeconds':10,'retryPeriodSeconds':2,"
     "'identityStrategy':'custom','followerMode':'scaleDown','rollout':'Recreate',"
     "'handoverGracePeriodSeconds':2,'podRoleLabel':false}",
     "", ""},

    /* the controllers' own Lease */
    {"controller-leader-election", "shop", "{}",
     "metadata.name: Invalid value: \"controller-leader-election\": the Lease of such a pool would "
     "be "
     "the one by which zen-lead's controllers elect one of them; choose another name",
     ""},
    {"controller-leader-elections", "shop", "{}", "", ""},

    /* the order of the three times */
    {"web", "shop", "{'retryPeriodSeconds':9}", "", ""},
    {"web", "shop", "{'retryPeriodSeconds':10}",
     RETRY "Invalid value: 10: must be less than spec.renewDeadlineSeconds (10); e.g. 2", ""},
    {"web", "shop", "{'retryPeriodSeconds':12}",
     RETRY "Invalid value: 12: must be less than spec.renewDeadlineSeconds (10); e.g. 2", ""},
    {"web", "shop", "{'renewDeadlineSeconds':14}", "", ""},
    {"web", "shop", "{'renewDeadlineSeconds':15}",
     RENEW "Invalid value: 15: must be less than spec.leaseDurationSeconds (15); e.g. 10", ""},
    {"web", "shop", "{'leaseDurationSeconds':8}",
     RENEW "Invalid value: 10: must be less than spec.leaseDurationSeconds (8); e.g. 5", ""},
    {"web", "shop", "{'renewDeadlineSeconds':2}",
     RETRY "Invalid value: 2: must be less than spec.renewDeadlineSeconds (2); e.g. 1", ""},
    {"web", "shop", "{'leaseDurationSeconds':5,'renewDeadlineSeconds':5,'retryPeriodSeconds':5}",
     "[" RENEW "Invalid value: 5: must be less than spec.leaseDurationSeconds (5); e.g. 3, " RETRY
     "Invalid value: 5: must be less than spec.renewDeadlineSeconds (5); e.g. 1]",
     ""},

    /* ranges; what is out of range is in no order */
    {"web", "shop", "{'leaseDurationSeconds':4}",
     LEASE "Invalid value: 4: must be a whole number of seconds from 5 to 3600; e.g. 15", ""},
    {"web", "shop", "{'leaseDurationSeconds':3601}",
     LEASE "Invalid value: 3601: must be a whole number of seconds from 5 to 3600; e.g. 15", ""},
    {"web", "shop", "{'leaseDurationSeconds':3600,'renewDeadlineSeconds':3600}",
     RENEW "Invalid value: 3600: must be a whole number of seconds from 2 to 3599; e.g. 10", ""},
    {"web", "shop", "{'renewDeadlineSeconds':1}",
     RENEW "Invalid value: 1: must be a whole number of seconds from 2 to 3599; e.g. 10", ""},
    {"web", "shop", "{'retryPeriodSeconds':0}",
     RETRY "Invalid value: 0: must be a whole number of seconds from 1 to 3598; e.g. 2", ""},
    {"web", "shop", "{'retryPeriodSeconds':-1}",
     RETRY "Invalid value: -1: must be a whole number of seconds from 1 to 3598; e.g. 2", ""},
    {"web", "shop", "{'retryPeriodSeconds':3599}",
     RETRY "Invalid value: 3599: must be a whole number of seconds from 1 to 3598; e.g. 2", ""},
    {"web", "shop", "{'leaseDurationSeconds':'15'}",
     LEASE "Invalid value: \"15\": must be a whole number of seconds from 5 to 3600; e.g. 15", ""},
    {"web", "shop", "{'leaseDurationSeconds':15.5}",
     LEASE "Invalid value: 15.5: must be a whole number of seconds from 5 to 3600; e.g. 15", ""},

    /* one that may be 0 */
    {"web", "shop", "{'handoverGracePeriodSeconds':0}", "", ""},
    {"web", "shop", "{'handoverGracePeriodSeconds':60}", "", ""},
    {"web", "shop", "{'handoverGracePeriodSeconds':-1}",
     GRACE "Invalid value: -1: must be a whole number of seconds from 0 to 60; e.g. 2", ""},
    {"web", "shop", "{'handoverGracePeriodSeconds':61}",
     GRACE "Invalid value: 61: must be a whole number of seconds from 0 to 60; e.g. 2", ""},
    {"web", "shop", "{'handoverGracePeriodSeconds':'0'}",
     GRACE "Invalid value: \"0\": must be a whole number of seconds from 0 to 60; e.g. 2", ""},

    /* choices */
    {"web", "shop", "{'identityStrategy':'Pod'}",
     "spec.identityStrategy: Unsupported value: \"Pod\": supported values: \"pod\", \"custom\"",
     ""},
    {"web", "shop", "{'followerMode':'parked'}",
     "spec.followerMode: Unsupported value: \"parked\": supported values: \"scaleDown\", "
     "\"standby\"",
     ""},
    {"web", "shop", "{'rollout':'handover'}",
     "spec.rollout: Unsupported value: \"handover\": supported values: \"Handover\", \"Recreate\"",
     ""},
    {"web", "shop", "{'rollout':7}",
     "spec.rollout: Unsupported value: 7: supported values: \"Handover\", \"Recreate\"", ""},
    {"web", "shop", "{'podRoleLabel':'yes'}",
     "spec.podRoleLabel: Invalid value: \"yes\": must be true or false", ""},

    /* names */
    {NAME_54, "shop", "{}", "", ""},
    {NAME_55, "shop", "{}", "", DIRECTOR},
    {NAME_63, "shop", "{}", "", DIRECTOR},
    {"my.pool", "shop", "{}", "", DIRECTOR},
    {"1st", "shop", "{}", "", DIRECTOR},
    {NAME_63 "4", "shop", "{}",
     "metadata.name: Too long: may not be longer than 63: it is the value of the label "
     "zen-lead/pool; choose a shorter name",
     ""},

    /* allowed, and without effect */
    {"web", "shop", "{'podRoleLabel':true}", "", ""},
    {"web", "shop", "{'leaseDuration':15}", "",
     "spec.leaseDuration: unknown field, ignored; \"kubectl explain leaderpolicy.spec\" lists the "
     "known ones"},
    {"web", "shop", "{'followerMode':'standby','rollout':'Handover'}", "", ""},
    {"web", "shop", "{'followerMode':'standby','rollout':'Recreate'}", "",
     "spec.rollout: has no effect with followerMode: standby; remove it, or use scaleDown"},
    {"web", "kube-system", "{}", "",
     "metadata.namespace: pods in kube-system are never gatekept; use followerMode: standby, or "
     "another namespace"},
    {"web", "zen-lead-system", "{}", "",
     "metadata.namespace: pods in zen-lead-system are never gatekept; use followerMode: standby, "
     "or another namespace"},
    {"web", "kube-system", "{'followerMode':'standby'}", "", ""},
};

static void test_each_rule_names_field_and_cure(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        ZL_AUTO_JSON struct cJSON *object = policy(row->name, row->namespace_, row->spec);
        ZL_AUTO_FINDINGS struct zl_findings findings = {0};
        zl_validate_policy(object, NULL, &findings);
        expect(row->spec, &findings, row->errors, row->warning);
    }
}

#define BAD "{'retryPeriodSeconds':12}"
#define BAD_ERROR                                                                                  \
    RETRY "Invalid value: 12: must be less than spec.renewDeadlineSeconds (10); e.g. 2"

static void test_an_invalid_policy_whose_spec_stays_does_not_jam(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *before = policy("web", "shop", BAD);
    ZL_AUTO_JSON struct cJSON *after = policy("web", "shop", BAD);
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    zl_json_set_text(zl_json_child(zl_json_child(after, "metadata"), "annotations"), "note", "x");
    zl_validate_policy(after, before, &findings);
    expect("metadata alone", &findings, "", "");
    zl_json_set_i64(zl_json_child(before, "spec"), "retryPeriodSeconds", 13);
    zl_validate_policy(after, before, &findings);
    expect("the spec changes", &findings, BAD_ERROR, "");
}

static void test_a_policy_that_is_being_deleted_does_not_jam(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *before = policy("web", "shop", "{}");
    ZL_AUTO_JSON struct cJSON *after = policy("web", "shop", BAD);
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    zl_validate_policy(after, before, &findings);
    expect("alive", &findings, BAD_ERROR, "");
    zl_findings_clear(&findings);
    zl_json_set_text(zl_json_child(after, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
    zl_validate_policy(after, before, &findings);
    expect("deleting", &findings, "", "");
}

static void test_a_field_that_was_pruned_is_found_in_what_kubectl_applied(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = policy("web", "shop", "{}");
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    struct cJSON *annotations = zl_json_child(zl_json_child(object, "metadata"), "annotations");
    zl_json_set_text(annotations, "kubectl.kubernetes.io/last-applied-configuration", "{\"spec\":");
    zl_validate_policy(object, NULL, &findings);
    expect("no JSON", &findings, "", "");
    zl_json_set_text(annotations, "kubectl.kubernetes.io/last-applied-configuration",
                     "{\"spec\":{\"followMode\":\"standby\"}}");
    zl_validate_policy(object, NULL, &findings);
    expect("a slip of the pen", &findings, "",
           "spec.followMode: unknown field, ignored; \"kubectl explain leaderpolicy.spec\" lists "
           "the known ones");
}

static void test_causes_are_those_of_the_api_servers_own_errors(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object =
        policy("web", "shop", "{'retryPeriodSeconds':12,'rollout':'x','podRoleLabel':true}");
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    zl_validate_policy(object, NULL, &findings);
    ZL_AUTO_JSON struct cJSON *causes = zl_findings_causes(&findings);
    ZL_AUTO_FREE char *text = zl_json_print(causes);
    assert_string_equal(
        text,
        "[{\"reason\":\"FieldValueInvalid\",\"message\":\"Invalid value: 12: must be less than "
        "spec.renewDeadlineSeconds (10); e.g. 2\",\"field\":\"spec.retryPeriodSeconds\"},"
        "{\"reason\":\"FieldValueNotSupported\",\"message\":\"Unsupported value: \\\"x\\\": "
        "supported values: \\\"Handover\\\", \\\"Recreate\\\"\",\"field\":\"spec.rollout\"}]");
}

static void test_a_hundred_unknown_fields_and_long_values_stay_within_bounds(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = policy("web", "shop", "{}");
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    ZL_AUTO_FREE char *value = zl_alloc(100001);
    memset(value, 'v', 100000);
    struct cJSON *spec = zl_json_child(object, "spec");
    zl_json_set_text(spec, "rollout", value);
    for (int i = 0; i < 100; i++) {
        ZL_AUTO_FREE char *name = zl_asprintf("%.60s%d", value, i);
        zl_json_set_text(spec, name, "");
    }
    zl_validate_policy(object, NULL, &findings);
    assert_int_equal(findings.count, ZL_FINDINGS_MAX);
    ZL_AUTO_FREE char *text = zl_findings_text(&findings);
    assert_true(strlen(text) < 300);
}

static void test_a_pool_where_scale_down_refuses_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *old_spec;
        size_t warnings;
    } rows[] = {
        {"{}", NULL, 1},
        {"{\"followerMode\":\"scaleDown\"}", NULL, 1},
        {"{\"followerMode\":\"standby\"}", NULL, 0},
        {"{}", "{}", 0}, /* said once */
        {"{}", "{\"followerMode\":\"standby\"}", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = policy("web", "shop", rows[i].spec);
        ZL_AUTO_JSON struct cJSON *before =
            rows[i].old_spec != NULL ? policy("web", "shop", rows[i].old_spec) : NULL;
        ZL_AUTO_FINDINGS struct zl_findings findings = {0};
        zl_warn_unrefused(object, before, &ZL_KIND_STATEFULSET, &findings);
        assert_int_equal(findings.count, rows[i].warnings);
        assert_int_equal(zl_findings_errors(&findings), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_names_field_and_cure),
        cmocka_unit_test(test_an_invalid_policy_whose_spec_stays_does_not_jam),
        cmocka_unit_test(test_a_policy_that_is_being_deleted_does_not_jam),
        cmocka_unit_test(test_a_field_that_was_pruned_is_found_in_what_kubectl_applied),
        cmocka_unit_test(test_causes_are_those_of_the_api_servers_own_errors),
        cmocka_unit_test(test_a_hundred_unknown_fields_and_long_values_stay_within_bounds),
        cmocka_unit_test(test_a_pool_where_scale_down_refuses_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
