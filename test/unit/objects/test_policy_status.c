/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/policy_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* What others edited may be empty: a Lease's annotations, a pod's labels, the status itself. */
static void test_no_empty_text_is_ever_written(void **state)
{
    (void)state;
    char none[] = "";
    char name[] = "web-0";
    struct zl_status_workload workload = {.kind = name,
                                          .name = name,
                                          .strategy = name,
                                          .leading_revision = none,
                                          .waiting_revision = none};
    struct zl_status_job job = {.name = name, .uid = none, .since = none};
    struct zl_tick tick = {.time_s = 60, .job = none, .uid = NULL};
    const struct zl_policy_status status = {.phase = name,
                                            .holder_name = name,
                                            .holder_uid = none,
                                            .holder_namespace = name,
                                            .holder_start_time = none,
                                            .holder_ready_time = none,
                                            .last_transition_time = none,
                                            .workloads = &workload,
                                            .workload_count = 1,
                                            .executing = job,
                                            .queue = &job,
                                            .queue_count = 1,
                                            .waiting = 1,
                                            .ticks = {.items = &tick, .count = 1}};
    ZL_AUTO_JSON struct cJSON *json = zl_policy_status_encode(&status);
    ZL_AUTO_FREE char *text = zl_json_print(json);
    assert_null(strstr(text, "\"\""));
    /* A null within a list no merge patch takes away. */
    const char *const lists[] = {"workloads", "queue", "ticks"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct cJSON *list = zl_json_at(json, lists[i], NULL);
        ZL_AUTO_FREE char *members = zl_json_print(list);
        assert_int_equal(zl_json_count(list), 1);
        assert_null(strstr(members, "null"));
    }
}

static void test_nothing_of_an_earlier_leader_is_left_to_the_next(void **state)
{
    (void)state;
    char name[] = "web-1";
    const struct zl_policy_status status = {
        .phase = name, .holder_name = name, .holder_namespace = name};
    ZL_AUTO_JSON struct cJSON *json = zl_policy_status_encode(&status);
    const struct cJSON *holder = zl_json_at(json, "currentHolder", NULL);
    const char *const theirs[] = {"uid", "startTime", "firstReadyTime", "fencingToken"};
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) {
        assert_true(zl_json_is_null(zl_json_at(holder, theirs[i], NULL)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_empty_text_is_ever_written),
        cmocka_unit_test(test_nothing_of_an_earlier_leader_is_left_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
