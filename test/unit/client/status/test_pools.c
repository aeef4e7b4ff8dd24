/* SPDX-License-Identifier: Apache-2.0 */
#include "client/status/pools.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW "2026-01-02T03:00:00Z"

static int64_t now_us(void)
{
    int64_t us = 0;
    assert_true(zl_time_parse(NOW, &us));
    return us;
}

static struct cJSON *parse(const char *text)
{
    struct cJSON *json = NULL;
    assert_int_equal(zl_json_parse(text, strlen(text), &json, NULL), ZL_OK);
    return json;
}

/* What is said of a pool with this STATUS and the Lease's ANNOTATIONS and SPEC (NULL: no Lease). */
static struct cJSON *describe(const char *status, const char *annotations, const char *spec)
{
    struct zl_policy *policy = NULL;
    struct zl_lease *lease = NULL;
    ZL_AUTO_FREE char *text =
        zl_asprintf("{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"p\"},"
                    "\"spec\":{},\"status\":%s}",
                    status);
    ZL_AUTO_JSON struct cJSON *object = parse(text);
    assert_int_equal(zl_policy_decode(object, &policy, NULL), ZL_OK);
    if (spec != NULL) {
        ZL_AUTO_FREE char *lease_text = zl_asprintf(
            "{\"metadata\":{\"name\":\"zen-lead-web\",\"namespace\":\"shop\",\"uid\":\"l\","
            "\"resourceVersion\":\"5\",\"annotations\":%s},\"spec\":%s}",
            annotations, spec);
        ZL_AUTO_JSON struct cJSON *lease_object = parse(lease_text);
        assert_int_equal(zl_lease_decode(lease_object, &lease, NULL), ZL_OK);
    }
    struct cJSON *row = zl_pool_describe(policy, lease, now_us());
    zl_lease_free(lease);
    zl_policy_free(policy);
    return row;
}

#define READY                                                                                      \
    "{\"phase\":\"Stable\",\"candidates\":3,\"blocked\":2,\"fencingToken\":17,"                    \
    "\"leaseTransitions\":4,\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","              \
    "\"reason\":\"LeaderReady\",\"message\":\"m\",\"lastTransitionTime\":\"" NOW "\"}]}"
#define HELD_BY_X                                                                                  \
    "{\"zen-lead.io/holder-pod\":\"web-x\",\"zen-lead.io/holder-uid\":\"1\","                      \
    "\"zen-lead.io/fencing-token\":\"17\"}"
#define RENEWED                                                                                    \
    "{\"holderIdentity\":\"web-x_1\",\"leaseDurationSeconds\":15,"                                 \
    "\"acquireTime\":\"2026-01-02T00:00:00.000000Z\",\"renewTime\":\"2026-01-02T02:59:57."         \
    "000000Z\"}"
#define NOT_READY                                                                                  \
    "{\"phase\":\"Electing\",\"fencingToken\":4,"                                                  \
    "\"lastTransitionTime\":\"2026-01-02T02:59:40Z\",\"conditions\":[{\"type\":\"Ready\","         \
    "\"status\":\"False\",\"reason\":\"NoLeader\",\"message\":\"no pod leads\","                   \
    "\"lastTransitionTime\":\"2026-01-02T02:59:40Z\"},{\"type\":\"GatekeeperArmed\","              \
    "\"status\":\"False\",\"reason\":\"Probing\",\"message\":\"not armed yet\","                   \
    "\"lastTransitionTime\":\"" NOW "\"}]}"

static char *table_of(const struct cJSON *rows, bool wide, bool with_namespace)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const struct zl_table table = {
        .out = out, .wide = wide, .with_namespace = with_namespace, .now_us = now_us()};
    zl_pools_print_table(&table, rows, true);
    (void)fclose(out);
    return text;
}

static void test_a_pool_is_a_line_and_why_nobody_leads_is_said(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *rows = zl_json_array();
    zl_json_append(rows, describe(READY, HELD_BY_X, RENEWED));
    zl_json_append(rows, describe(NOT_READY, "{}", "{\"leaseDurationSeconds\":15}"));
    zl_json_append(rows, describe("{}", NULL, NULL));
    ZL_AUTO_FREE char *table = table_of(rows, false, false);
    assert_string_equal(
        table,
        "POOL  LEADER  TOKEN  SINCE  LEASE  CANDIDATES  BLOCKED  WHY\n"
        "web   web-x   17     3h     12s    3           2        \n"
        "web   -       4      20s    -      0           0        no pod leads (for 20s); "
        "gatekeeper: not armed yet\n"
        "web   -       0      -      -      0           0        the controller has not seen this "
        "pool yet\n");
    ZL_AUTO_FREE char *wide = table_of(rows, true, true);
    assert_non_null(strstr(wide, "NAMESPACE  POOL  LEADER"));
    assert_non_null(strstr(wide, "MODE       PHASE     WAITING  TRANSITIONS  WHY\n"));
}

static void test_names_of_fields_never_change(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *row = describe(READY, HELD_BY_X, RENEWED);
    ZL_AUTO_FREE char *text = zl_json_print(row);
    assert_string_equal(
        text, "{\"namespace\":\"shop\",\"pool\":\"web\",\"followerMode\":\"scaleDown\","
              "\"phase\":\"Stable\",\"leader\":\"web-x\",\"leaderUid\":\"1\",\"token\":17,"
              "\"since\":\"2026-01-02T00:00:00Z\",\"leaseSeconds\":12,\"candidates\":3,"
              "\"blocked\":2,\"waiting\":0,\"executing\":null,\"successor\":null,"
              "\"transitions\":4,\"ready\":true,\"armed\":null,\"why\":null}");
}

static void test_yaml_is_what_json_is(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree =
        parse("{\"items\":[{\"a\":\"x: "
              "y\",\"n\":null,\"b\":[1,2]},{\"c\":true}],\"e\":[],\"o\":{\"p\":1}}");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    zl_yaml_print(out, tree);
    (void)fclose(out);
    assert_string_equal(text, "items:\n"
                              "- a: \"x: y\"\n"
                              "  n: null\n"
                              "  b:\n"
                              "  - 1\n"
                              "  - 2\n"
                              "- c: true\n"
                              "e: []\n"
                              "o:\n"
                              "  p: 1\n");
    free(text);
}

static void test_ages_are_short(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{-5, "0s"},     {0, "0s"},    {119, "119s"},   {120, "2m"},
                {7199, "119m"}, {7200, "2h"}, {172799, "47h"}, {172800, "2d"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ZL_AGE_TEXT_MAX];
        zl_age_format(rows[i].seconds, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pool_is_a_line_and_why_nobody_leads_is_said),
        cmocka_unit_test(test_names_of_fields_never_change),
        cmocka_unit_test(test_yaml_is_what_json_is),
        cmocka_unit_test(test_ages_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
