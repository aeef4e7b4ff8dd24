/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody asks for another leader: what the plan makes of it, row by row. */
#include "common/base/clock.h"
#include "common/seat/request.h"
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US INT64_C(1767225600000000)
#define ASKS(to, token, until)                                                                     \
    "{\"to\":\"" to "\",\"token\":" token ",\"until\":\"" until "\",\"by\":\"ann\"}"
#define ASKS_FOR_ANY(token)                                                                        \
    "{\"token\":" token ",\"until\":\"2026-01-01T00:00:30Z\",\"by\":\"ann\"}"
#define SOON "2026-01-01T00:00:30Z"
#define PAST "2025-12-31T23:59:59Z"
#define TAKEN                                                                                      \
    "reserve-token if taker-lives lease-same; lease requested: holder=web-s successor=- "          \
    "deposed=uid-a ready=uid-s proven=rs-new request=-; delete-pod led-before web-a if "           \
    "holder-same; again 9240"
#define DROPPED "lease renewal: request=-; tell request-void LeaderPolicy/web; again 9240"

/* --- scaleDown --- */

static const struct {
    const char *name;
    struct knobs knobs;
    const char *request, *steps;
} SCALE_DOWN_ROWS[] = {
    {"the successor is Ready, not for long enough",
     {.min_ready_s = 60},
     ASKS("web-s_uid-s", "3", SOON),
     TAKEN},
    {"nobody is named: the successor is next", {.min_ready_s = 60}, ASKS_FOR_ANY("3"), TAKEN},
    {"the successor is not Ready yet: it is awaited",
     {.unready = true},
     ASKS("web-s_uid-s", "3", SOON),
     "again 9240"},
    {"nor does the leader go before it, whoever is next",
     {.unready = true},
     ASKS_FOR_ANY("3"),
     "again 9240"},
    {"a paused Deployment hands nothing over",
     {.min_ready_s = 60, .paused = true},
     ASKS("web-s_uid-s", "3", SOON),
     "again 9240"},
    {"one that lost the seat never gets it",
     {.ousted = true},
     ASKS("web-s_uid-s", "3", SOON),
     "delete-pod successor-stale web-s if leads-not; again 9240"},
    {"there is only the leader: its pod goes, and keeps the seat until it has gone",
     {.none = true, .newest = OLD},
     ASKS_FOR_ANY("3"),
     "delete-pod asked-to-go web-a if leads asked; again 9240"},
    {"it is going already",
     {.none = true, .newest = OLD, .seat = LEADER_LEAVING, .serves = true},
     ASKS_FOR_ANY("3"),
     "again 9240"},
    {"another pod than the successor cannot run beside the leader",
     {.none = true, .newest = OLD},
     ASKS("web-x_uid-x", "3", SOON),
     DROPPED},
    {"the leader is another one by now", {.none = true, .newest = OLD}, ASKS_FOR_ANY("2"), DROPPED},
    {"the time is up", {.unready = true}, ASKS("web-s_uid-s", "3", PAST), DROPPED},
    {"it leads already", {.none = true, .newest = OLD}, ASKS("web-a_uid-a", "3", SOON), DROPPED},
    {"nobody can read it", {.none = true, .newest = OLD}, "web-s", DROPPED},
};

static void
test_of_a_pool_that_runs_one_pod_the_leader_goes_first_or_its_successor_leads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SCALE_DOWN_ROWS / sizeof SCALE_DOWN_ROWS[0]; i++) {
        struct scene scene;
        ZL_AUTO_FREE char *request = zl_strdup(SCALE_DOWN_ROWS[i].request);
        set_scene(&scene, &SCALE_DOWN_ROWS[i].knobs);
        scene.lease.request = request;
        expect_plan(SCALE_DOWN_ROWS[i].name, &scene, SCALE_DOWN_ROWS[i].steps);
    }
}

static void test_a_seat_that_becomes_free_takes_the_request_with_it(void **state)
{
    (void)state;
    struct scene scene;
    ZL_AUTO_FREE char *request = zl_strdup(ASKS_FOR_ANY("3"));
    set_scene(&scene, &(struct knobs){.none = true, .seat = DEAD});
    scene.lease.request = request;
    ZL_AUTO_STEPS struct zl_steps steps;
    zl_steps_begin(&steps, &scene.view);
    zl_plan_scale_down(&scene.view, &steps);
    assert_non_null(steps.next);
    assert_null(steps.next->request);
    assert_null(steps.next->holder_pod);
}

/* --- standby: the same two pods, and both run --- */

static const struct {
    const char *name;
    struct knobs knobs;
    const char *request, *steps;
} STANDBY_ROWS[] = {
    {"the pod that is named leads at once",
     {0},
     ASKS("web-s_uid-s", "3", SOON),
     "record-token 3; lease requested: holder=web-s ready=uid-s proven=rs-new request=-; again "
     "9240"},
    {"nobody is named: the one that is next",
     {0},
     ASKS_FOR_ANY("3"),
     "record-token 3; lease requested: holder=web-s ready=uid-s proven=rs-new request=-; again "
     "9240"},
    {"it is not Ready yet: it is awaited",
     {.unready = true},
     ASKS("web-s_uid-s", "3", SOON),
     "again 9240"},
    {"it is on its way out", {.deleting = true}, ASKS("web-s_uid-s", "3", SOON), "again 9240"},
    {"there is no such pod (yet)", {0}, ASKS("web-x_uid-x", "3", SOON), "again 9240"},
    {"the time is up", {.unready = true}, ASKS("web-s_uid-s", "3", PAST), DROPPED},
    {"the leader is another one by now", {0}, ASKS("web-s_uid-s", "2", SOON), DROPPED},
    {"it leads already", {0}, ASKS("web-a_uid-a", "3", SOON), DROPPED},
    {"a leader that is not Ready is replaced as ever",
     {.unready_s = 1},
     ASKS("web-x_uid-x", "3", SOON),
     "record-token 3; lease elected: holder=web-s ready=uid-s proven=rs-new request=-; again 9240"},
};

static void test_of_a_standby_pool_the_seat_moves_and_no_pod_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof STANDBY_ROWS / sizeof STANDBY_ROWS[0]; i++) {
        struct scene scene;
        ZL_AUTO_FREE char *request = zl_strdup(STANDBY_ROWS[i].request);
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene(&scene, &STANDBY_ROWS[i].knobs);
        scene.policy.standby = scene.view.elects_all = true;
        scene.lease.successor_pod = scene.lease.successor_uid = NULL;
        scene.lease.request = request;
        zl_steps_begin(&steps, &scene.view);
        zl_plan_standby(&scene.view, &steps);
        expect_trace(STANDBY_ROWS[i].name, &steps, STANDBY_ROWS[i].steps);
    }
}

static void test_the_event_names_who_asked(void **state)
{
    (void)state;
    struct scene scene;
    ZL_AUTO_FREE char *request = zl_strdup(ASKS("web-s_uid-s", "3", SOON));
    ZL_AUTO_STEPS struct zl_steps steps;
    set_scene(&scene, &(struct knobs){.min_ready_s = 60});
    scene.lease.request = request;
    zl_steps_begin(&steps, &scene.view);
    zl_plan_scale_down(&scene.view, &steps);
    for (size_t i = 0; i < steps.count; i++) {
        if (steps.items[i].kind == ZL_STEP_LEASE) {
            ZL_AUTO_FREE char *text = zl_reason_text(steps.items[i].why, &steps.items[i].words);
            assert_string_equal(text, "pod web-s leads in place of pod web-a: ann asked for it");
        }
    }
}

static void test_a_request_reads_as_it_was_written(void **state)
{
    (void)state;
    struct zl_lease lease = {0};
    const struct zl_request asked = {.pod = (char[]){"web-b"},
                                     .uid = (char[]){"u_1"},
                                     .token = 17,
                                     .until_us = NOW_US,
                                     .user = (char[]){"a \"b\"\n"}};
    ZL_AUTO_REQUEST_OF_LEASE struct zl_request read = {0};
    lease.request = zl_request_encode(&asked);
    assert_true(zl_request_decode(&lease, &read));
    assert_string_equal(read.pod, "web-b");
    assert_string_equal(read.uid, "u_1");
    assert_string_equal(read.user, "a \"b\"\n");
    assert_int_equal(read.token, 17);
    assert_int_equal(read.until_us, NOW_US);
    free(lease.request);
    static const char *const others[] = {"", "{}", "[1]", "{\"until\":\"soon\"}", "{\"until\":1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ZL_AUTO_REQUEST_OF_LEASE struct zl_request none = {0};
        lease.request = zl_strdup(others[i]);
        assert_false(zl_request_decode(&lease, &none));
        free(lease.request);
    }
    assert_false(zl_request_decode(NULL, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_of_a_pool_that_runs_one_pod_the_leader_goes_first_or_its_successor_leads),
        cmocka_unit_test(test_a_seat_that_becomes_free_takes_the_request_with_it),
        cmocka_unit_test(test_of_a_standby_pool_the_seat_moves_and_no_pod_goes),
        cmocka_unit_test(test_the_event_names_who_asked),
        cmocka_unit_test(test_a_request_reads_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
