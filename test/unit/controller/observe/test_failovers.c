/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe/failovers.h"

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int set_up(void **state)
{
    zl_metrics_register_all((const struct zl_metric *const *const[]){ZL_FAILOVER_METRICS, NULL});
    *state = zl_failovers_new();
    return 0;
}

static int tear_down(void **state)
{
    zl_failovers_free(*state);
    zl_metrics_reset();
    return 0;
}

/* Is there this line? */
static void expect_line(const char *line)
{
    ZL_AUTO_BUF struct zl_buf out;
    zl_buf_init(&out, ZL_MIB);
    zl_metrics_write(&out);
    if (strstr(out.data, line) == NULL) {
        fail_msg("no \"%s\" in\n%s", line, out.data);
    }
}

static void test_a_pod_says_why_it_cannot_lead(void **state)
{
    (void)state;
    const struct zl_pod good = {.ready = true, .ips = {(char[]){"10.0.0.1"}}};
    struct zl_pod finished = good, terminating = good, unready = good, no_ip = good;
    finished.finished = true;
    finished.meta.deleting = true;
    finished.ready = false;
    terminating.meta.deleting = true;
    terminating.ready = false;
    unready.ready = false;
    no_ip.ips[0] = NULL;
    assert_int_equal(zl_loss_of(&good), ZL_LOSS_NONE);
    assert_int_equal(zl_loss_of(&finished), ZL_LOSS_FINISHED);
    assert_int_equal(zl_loss_of(&terminating), ZL_LOSS_TERMINATING);
    assert_int_equal(zl_loss_of(&unready), ZL_LOSS_NOT_READY);
    assert_int_equal(zl_loss_of(&no_ip), ZL_LOSS_NO_IP);
    assert_int_equal(zl_loss_of(NULL), ZL_LOSS_GONE);
}

static void test_a_failover_counts_for_what_was_seen_first(void **state)
{
    struct zl_failovers *failovers = *state;
    zl_failovers_note(failovers, "a", ZL_LOSS_NOT_READY, zl_clock_ms() - 20000);
    zl_failovers_note(failovers, "a", ZL_LOSS_TERMINATING, zl_clock_ms());
    zl_failovers_note(failovers, "a", ZL_LOSS_GONE, zl_clock_ms());
    zl_failovers_count(failovers, "a");
    zl_failovers_count(failovers, "a"); /* it led two Services */
    expect_line("zen_lead_failover_count_total{reason=\"notReady\"} 2\n");
    expect_line("zen_lead_failover_latency_seconds_bucket{reason=\"notReady\",le=\"10\"} 0\n");
    expect_line("zen_lead_failover_latency_seconds_bucket{reason=\"notReady\",le=\"30\"} 2\n");
}

static void test_a_leader_that_recovers_was_not_lost(void **state)
{
    struct zl_failovers *failovers = *state;
    zl_failovers_note(failovers, "a", ZL_LOSS_NONE, zl_clock_ms());
    zl_failovers_note(failovers, "a", ZL_LOSS_NOT_READY, zl_clock_ms() - 20000);
    zl_failovers_note(failovers, "a", ZL_LOSS_NONE, zl_clock_ms());
    zl_failovers_count(failovers, "a"); /* and handed over later */
    expect_line("zen_lead_failover_count_total{reason=\"handover\"} 1\n");
    expect_line("# TYPE zen_lead_failover_latency_seconds histogram\n");
}

static void test_a_service_remembers_whom_it_led_to(void **state)
{
    struct zl_failovers *failovers = *state;
    assert_null(zl_failovers_fill(failovers, "shop", "web-leader"));
    zl_failovers_vacate(failovers, "shop", "web-leader", "a", 1000);
    zl_failovers_vacate(failovers, "shop", "web-leader", "b", 2000);
    zl_failovers_vacate(failovers, "shop2", "web-leader", "c", 2000);
    ZL_AUTO_FREE char *uid = zl_failovers_fill(failovers, "shop", "web-leader");
    assert_string_equal(uid, "b");
    assert_null(zl_failovers_fill(failovers, "shop", "web-leader"));
    ZL_AUTO_FREE char *other = zl_failovers_fill(failovers, "shop2", "web-leader");
    assert_string_equal(other, "c");
}

static void test_a_loss_before_our_time_has_no_reason(void **state)
{
    (void)state;
    zl_failovers_count_unseen(zl_clock_wall_us() - INT64_C(45000000));
    zl_failovers_count_unseen(zl_clock_wall_us() + INT64_C(45000000)); /* another machine's clock */
    expect_line("zen_lead_failover_count_total{reason=\"unknown\"} 2\n");
    expect_line("zen_lead_failover_latency_seconds_bucket{reason=\"unknown\",le=\"0.005\"} 1\n");
    expect_line("zen_lead_failover_latency_seconds_bucket{reason=\"unknown\",le=\"30\"} 1\n");
    expect_line("zen_lead_failover_latency_seconds_bucket{reason=\"unknown\",le=\"60\"} 2\n");
}

static void test_losses_of_an_hour_ago_are_forgotten(void **state)
{
    struct zl_failovers *failovers = *state;
    zl_failovers_note(failovers, "old", ZL_LOSS_GONE, zl_clock_ms() - 3700000);
    for (int i = 0; i < 64; i++) {
        ZL_AUTO_FREE char *uid = zl_asprintf("pod-%d", i);
        zl_failovers_note(failovers, uid, ZL_LOSS_FINISHED, zl_clock_ms());
    }
    zl_failovers_count(failovers, "old");
    zl_failovers_count(failovers, "pod-0");
    expect_line("zen_lead_failover_count_total{reason=\"handover\"} 1\n");
    expect_line("zen_lead_failover_count_total{reason=\"finished\"} 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pod_says_why_it_cannot_lead),
        cmocka_unit_test_setup_teardown(test_a_failover_counts_for_what_was_seen_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_leader_that_recovers_was_not_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_service_remembers_whom_it_led_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_loss_before_our_time_has_no_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_losses_of_an_hour_ago_are_forgotten, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
