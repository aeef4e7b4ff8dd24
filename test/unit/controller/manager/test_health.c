/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/health.h"

#include "common/kube/informer_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void expect(const char *name, char *taken, const char *wanted)
{
    ZL_AUTO_FREE char *text = taken;
    if (!zl_same_string(text, wanted)) {
        fail_msg("%s: \"%s\", not \"%s\"", name, text, wanted);
    }
}

static void test_a_watch_may_be_down_for_thirty_seconds(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct zl_informer_health health;
        const char *complaint;
    } rows[] = {
        {"watching", {.synced = true, .watching = true}, NULL},
        {"not listed", {.synced = false, .not_watching_ms = 100}, "pods are not listed yet"},
        {"a short gap", {.synced = true, .not_watching_ms = 30000}, NULL},
        {"a long one",
         {.synced = true, .not_watching_ms = 42900},
         "pods have not been watched for 42 s"},
        {"never listed counts more",
         {.synced = false, .not_watching_ms = 42900},
         "pods are not listed yet"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect(rows[i].name, zl_informer_complaint("pods", &rows[i].health), rows[i].complaint);
    }
}

#define ELECTED .elects = true, .lease_duration_ms = 15000

static void test_a_replica_is_ready_when_it_could_act(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct zl_health health;
        const char *not_ready, *not_alive;
    } rows[] = {
        {"without election",
         {.lease_age_ms = 0, .lease_duration_ms = 15000, .acting = true},
         NULL,
         NULL},
        {"a candidate that sees the Lease", {ELECTED, .lease_age_ms = 2000}, NULL, NULL},
        {"the leader", {ELECTED, .acting = true, .lease_age_ms = 2000}, NULL, NULL},
        {"a candidate that saw it two lease durations ago",
         {ELECTED, .lease_age_ms = 30000},
         NULL,
         NULL},
        {"a candidate that has not seen it for longer",
         {ELECTED, .lease_age_ms = 31000},
         "the election's Lease could not be read for 31 s",
         NULL},
        {"a leader that should have exited",
         {ELECTED, .acting = true, .lease_age_ms = 35001},
         "the election's Lease could not be read for 35 s",
         "it acts although its Lease was not renewed for 35 s"},
        {"a leader that may still exit by itself",
         {ELECTED, .acting = true, .lease_age_ms = 35000},
         "the election's Lease could not be read for 35 s",
         NULL},
        {"the cache comes first",
         {ELECTED, .cache = "pods are not listed yet", .configuration = "other",
          .lease_age_ms = 31000},
         "pods are not listed yet",
         NULL},
        {"then the webhook's configuration",
         {ELECTED, .configuration = "other", .lease_age_ms = 31000},
         "other",
         NULL},
        {"an arbiter that does not see its hub",
         {.fleet = "leases are not listed yet"},
         "leases are not listed yet",
         NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect(rows[i].name, zl_not_ready_because(&rows[i].health), rows[i].not_ready);
        expect(rows[i].name, zl_not_alive_because(&rows[i].health), rows[i].not_alive);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_may_be_down_for_thirty_seconds),
        cmocka_unit_test(test_a_replica_is_ready_when_it_could_act),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
