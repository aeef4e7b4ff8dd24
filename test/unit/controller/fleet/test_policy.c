/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet's LeaderPolicy: its spec as users write it, and its status. */
#include "controller/fleet/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

static struct zl_fleet_agent agent;

static struct zl_fleet_policy *policy_of(const char *spec, struct zl_error *err)
{
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{\"metadata\":{\"name\":\"p\",\"namespace\":\"shop\",\"uid\":\"u\",\"generation\":2},"
        "\"spec\":{%s}}",
        spec);
    struct cJSON *object = NULL;
    struct zl_fleet_policy *policy = NULL;
    assert_int_equal(zl_json_parse(text, strlen(text), &object, err), ZL_OK);
    (void)!zl_fleet_policy_decode(object, &policy, err);
    zl_json_free(object);
    return policy;
}

static void test_the_manifest_is_read_as_it_is_written(void **state)
{
    (void)state;
    struct zl_error err = {0};
    struct zl_fleet_policy *policy = policy_of(
        "\"pool\":\"security-remediation-pool\",\"maxConcurrentLeaders\":5,\"strategy\":"
        "\"fairness\",\"leaseDuration\":\"30m\",\"observability\":{\"annotations\":{\"policy\":"
        "\"CVE-2015-12345-remediation\",\"incident\":\"INC-98765\"}}",
        &err);
    assert_non_null(policy);
    assert_string_equal(policy->pool, "security-remediation-pool");
    assert_int_equal(policy->spec.n, 5);
    assert_int_equal(policy->spec.limit_ms, 1800000);
    assert_int_equal(policy->spec.max_failures, -1);
    assert_string_equal(policy->spec.round, "CVE-2015-12345-remediation");
    zl_fleet_policy_free(policy);
    policy = policy_of("\"pool\":\"p\",\"pauseOnError\":true,\"round\":\"r\"", &err);
    assert_int_equal(policy->spec.max_failures, 0);
    assert_string_equal(policy->spec.round, "r");
    zl_fleet_policy_free(policy);
    assert_null(policy_of("\"pool\":\"p\",\"leaseDuration\":\"500ms\"", &err));
    assert_non_null(strstr(err.message, "leaseDuration"));
    assert_null(policy_of("\"pool\":\"P_\"", &err));
}

static void test_stages_spread_and_windows_are_read_as_they_are_written(void **state)
{
    (void)state;
    struct zl_error err = {0};
    struct zl_fleet_policy *policy = policy_of(
        "\"pool\":\"p\",\"stages\":[{\"match\":{\"region\":\"eu\",\"tier\":\"canary\"},\"max\":2,"
        "\"soak\":\"1h30m\"},{\"approval\":true}],\"spread\":{\"key\":\"region\",\"max\":3},"
        "\"windows\":[{\"days\":[\"Mon\",\"Sun\"],\"from\":\"22:00\",\"to\":\"06:30\","
        "\"timeZone\":\"-02:30\"},{\"from\":\"00:00\",\"to\":\"24:00\"}]",
        &err);
    if (policy == NULL) {
        fail_msg("%s", err.message);
    }
    const struct zl_fleet_plan *plan = &policy->spec.plan;
    assert_int_equal(plan->stage_count, 2);
    assert_string_equal(plan->stages[0].match, "region=eu,tier=canary");
    assert_int_equal(plan->stages[0].max, 2);
    assert_int_equal(plan->stages[0].soak_ms, 5400000);
    assert_false(plan->stages[0].approval);
    assert_string_equal(plan->stages[1].match, "");
    assert_true(plan->stages[1].approval);
    assert_string_equal(plan->spread.key, "region");
    assert_int_equal(plan->spread.max, 3);
    const struct zl_fleet_windows *windows = &policy->spec.windows;
    assert_int_equal(windows->count, 2);
    assert_int_equal(windows->items[0].days, 1 | 64);
    assert_int_equal(windows->items[0].from_min, 22 * 60);
    assert_int_equal(windows->items[0].to_min, 6 * 60 + 30);
    assert_int_equal(windows->items[0].offset_min, -150);
    assert_int_equal(windows->items[1].to_min, 24 * 60);
    zl_fleet_policy_free(policy);
}

static void test_a_spec_that_cannot_be_meant_names_object_field_and_cure(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *field, *cure;
    } cases[] = {
        {"\"maxConcurrentLeaders\":0", "spec.maxConcurrentLeaders", "at least 1"},
        {"\"pauseOnError\":true,\"maxFailures\":-2", "spec.maxFailures", "negative"},
        {"\"stages\":[{},{\"soak\":\"later\"}]", "spec.stages[1].soak", "say 30m"},
        {"\"stages\":[{\"max\":-1}]", "spec.stages[0].max", "from 1"},
        {"\"stages\":[{\"match\":{\"a b\":\"c\"}}]", "spec.stages[0].match", "a name is"},
        {"\"stages\":[{},{},{},{},{},{},{},{},{}]", "spec.stages", "more than 8"},
        {"\"spread\":{\"max\":1}", "spec.spread.key", "name a label"},
        {"\"spread\":{\"key\":\"region\"}", "spec.spread.max", "from 1"},
        {"\"windows\":[{\"from\":\"8:00\",\"to\":\"09:00\"}]", "spec.windows[0].from", "HH:MM"},
        {"\"windows\":[{\"from\":\"24:00\",\"to\":\"09:00\"}]", "spec.windows[0].from", "23:59"},
        {"\"windows\":[{\"from\":\"08:00\"}]", "spec.windows[0].to", "HH:MM"},
        {"\"windows\":[{\"from\":\"08:00\",\"to\":\"24:01\"}]", "spec.windows[0].to", "24:00"},
        {"\"windows\":[{\"from\":\"08:00\",\"to\":\"09:60\"}]", "spec.windows[0].to", "24:00"},
        {"\"windows\":[{\"from\":\"08:00\",\"to\":\"09:00\",\"timeZone\":\"Europe/Berlin\"}]",
         "spec.windows[0].timeZone", "+02:00"},
        {"\"windows\":[{\"from\":\"08:00\",\"to\":\"09:00\",\"days\":[\"Mo\"]}]",
         "spec.windows[0].days", "Mon, Tue"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zl_error err = {0};
        ZL_AUTO_FREE char *spec = zl_asprintf("\"pool\":\"p\",%s", cases[i].spec);
        assert_null(policy_of(spec, &err));
        if (strstr(err.message, "LeaderPolicy p: ") == NULL ||
            strstr(err.message, cases[i].field) == NULL ||
            strstr(err.message, cases[i].cure) == NULL) {
            fail_msg("%s: %s", cases[i].spec, err.message);
        }
    }
}

static void test_status_says_why_and_is_written_once(void **state)
{
    (void)state;
    struct zl_error err = {0};
    struct zl_fleet_policy *policy = policy_of("\"pool\":\"p\"", &err);
    struct zl_fleet_ledger ledger = {.n = 1, .round = "r"};
    zl_fleet_pause(&ledger, "ann", "b failed", 1700000000);
    struct zl_fleet_known known = {.cluster = "a",
                                   .agent = &agent,
                                   .ledger = &ledger,
                                   .hub_is_reached = true,
                                   .boot_ms = NOW_MS,
                                   .wall_us = INT64_C(1800000000000000)};
    agent.turn.state = ZL_FLEET_WAITING;
    agent.turn.position = 3;
    ZL_AUTO_JSON struct cJSON *status = zl_fleet_policy_status(policy, &known);
    assert_string_equal(zl_json_text(status, "phase", NULL), "Waiting");
    assert_string_equal(zl_json_text(status, "why", NULL), "the fleet is paused by ann: b failed");
    assert_string_equal(zl_json_text(status, "paused", "reason", NULL), "b failed");
    assert_int_equal(zl_json_i64(status, 0, "position", NULL), 3);
    zl_json_set(status, "turn", NULL);
    policy->status = zl_json_print(status);
    /* null is what is absent there */
    char *null_turn = strstr(policy->status, "\"turn\":null,");
    assert_non_null(null_turn);
    memmove(null_turn, null_turn + 12, strlen(null_turn + 12) + 1);
    known.wall_us += 5000000;
    assert_null(zl_fleet_policy_status(policy, &known));
    assert_null(strstr(policy->status, "another cluster uses"));
    known.duplicate = true;
    ZL_AUTO_JSON struct cJSON *twice = zl_fleet_policy_status(policy, &known);
    ZL_AUTO_FREE char *text = zl_json_print(twice);
    assert_non_null(strstr(text, "another cluster uses this name"));
    zl_fleet_resume(&ledger, ledger.pause.id);
    agent.request.verb = ZL_FLEET_DECLINE;
    ZL_FLEET_TEXT(agent.request.reason, "disk is full");
    ZL_AUTO_JSON struct cJSON *declines = zl_fleet_policy_status(policy, &known);
    assert_string_equal(zl_json_text(declines, "why", NULL), "it takes no turn: disk is full");
    known.hub_is_reached = false;
    known.hub_problem = "refused";
    ZL_AUTO_JSON struct cJSON *away = zl_fleet_policy_status(policy, &known);
    assert_string_equal(zl_json_text(away, "why", NULL), "the hub is not reached: refused");
    zl_fleet_policy_free(policy);
    zl_fleet_ledger_clear(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_manifest_is_read_as_it_is_written),
        cmocka_unit_test(test_stages_spread_and_windows_are_read_as_they_are_written),
        cmocka_unit_test(test_a_spec_that_cannot_be_meant_names_object_field_and_cure),
        cmocka_unit_test(test_status_says_why_and_is_written_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
