/* SPDX-License-Identifier: Apache-2.0 */
/* status.turn.until is what work that is no Job stops by: it is never later than the cluster may act. */
#include "common/base/clock.h"
#include "controller/fleet/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WALL_US INT64_C(1800000000000000)
#define BOOT_MS INT64_C(10000000)

static struct zl_fleet_agent agent;

/* UNTIL of a status in which the cluster may act for LEFT_MS more, where it said WAS before; as microseconds after WALL_US. */
static int64_t told(int64_t left_ms, const char *was)
{
    struct zl_fleet_policy policy = {.pool = zl_strdup("p"),
                                     .status = was != NULL ? zl_strdup(was) : NULL};
    const struct zl_fleet_known known = {
        .cluster = "a", .agent = &agent, .boot_ms = BOOT_MS, .wall_us = WALL_US};
    const int64_t limit_ms = 100000;
    int64_t until_us = 0;
    memset(&agent, 0, sizeof agent);
    zl_fleet_agent_begin(&agent, "p", NULL);
    agent.turn.state = ZL_FLEET_ACTIVE;
    agent.turn.token = 7;
    agent.turn.answers = 1;
    agent.turn.limit_ms = limit_ms;
    agent.sent[0].nonce = 1;
    agent.sent[0].boot_ms = BOOT_MS + left_ms - limit_ms + zl_fleet_margin_ms(limit_ms);
    ZL_AUTO_JSON struct cJSON *status = zl_fleet_policy_status(&policy, &known);
    assert_true(zl_time_parse(zl_json_text(status, "turn", "until", NULL), &until_us));
    free(policy.status);
    free(policy.pool);
    return until_us - WALL_US;
}

static char *said(int64_t after_us)
{
    char until[ZL_TIME_TEXT_MAX];
    zl_time_format(WALL_US + after_us, until);
    return zl_asprintf("{\"turn\":{\"token\":7,\"until\":\"%s\"}}", until);
}

static void test_until_is_never_later_than_the_cluster_may_act(void **state)
{
    static const int64_t LEFT_MS[] = {1000, 1001, 1499, 1500, 1501, 1999, 60900};
    (void)state;
    for (size_t i = 0; i < sizeof LEFT_MS / sizeof LEFT_MS[0]; i++) {
        assert_int_equal(told(LEFT_MS[i], NULL), LEFT_MS[i] / 1000 * 1000000);
    }
}

static void
test_until_stays_when_the_new_one_is_up_to_a_second_later_and_never_when_it_is_earlier(void **state)
{
    static const struct {
        int64_t was_s, left_ms, is_s;
    } ROWS[] = {{9, 9999, 9}, {9, 10400, 9}, {9, 11000, 11}, {10, 9999, 9}, {10, 9000, 9}};
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        ZL_AUTO_FREE char *was = said(ROWS[i].was_s * 1000000);
        assert_int_equal(told(ROWS[i].left_ms, was), ROWS[i].is_s * 1000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_until_is_never_later_than_the_cluster_may_act),
        cmocka_unit_test(
            test_until_stays_when_the_new_one_is_up_to_a_second_later_and_never_when_it_is_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
