/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's turn in a fleet, as the library tells it and reports its end, against a server of one LeaderPolicy. */
#include "client/lib/zenlead.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/objects/names.h"
#include "test/unit/lease_peer.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define WAIT_MS 20000 /* for a busy machine; nothing waits so long */

struct scene {
    struct zl_lease_peer *peer;
    zenlead *handle;
    atomic_int told;
    struct zenlead_turn last;
};

static void on_turn(void *ctx, const char *fleet, const struct zenlead_turn *turn)
{
    struct scene *scene = ctx;
    assert_string_equal(fleet, "fixes");
    scene->last = *turn;
    atomic_fetch_add(&scene->told, 1);
}

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    scene->peer = zl_lease_peer_start();
    options.kubeconfig = zl_lease_peer_kubeconfig(scene->peer);
    options.turn_changed = on_turn;
    options.ctx = scene;
    *state = scene;
    return zenlead_open(&options, &scene->handle, NULL) == ZENLEAD_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    zenlead_close(scene->handle);
    zl_lease_peer_stop(scene->peer);
    free(scene);
    return 0;
}

static int64_t boot_ns(void)
{
    return zl_clock_boot_ms() * INT64_C(1000000);
}

/* boot_ns counts whole milliseconds, and a turn's end, a time of the wall clock, is another by microseconds at each look. */
static bool is_over(const struct zenlead_turn *turn)
{
    return boot_ns() + INT64_C(2) * 1000000 >= turn->valid_until_ns;
}

static int ask(struct scene *scene, int timeout_ms, struct zenlead_turn *out)
{
    *out = (struct zenlead_turn)ZENLEAD_TURN_INIT;
    return zenlead_turn_ask(scene->handle, "fixes", timeout_ms, out, NULL);
}

static int state_of(struct scene *scene)
{
    struct zenlead_turn turn;
    (void)ask(scene, 0, &turn);
    return turn.state;
}

static void test_a_turn_is_told_with_its_token_until_its_end(void **state)
{
    struct scene *scene = *state;
    struct zenlead_turn turn;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    assert_int_equal(ask(scene, WAIT_MS, &turn), ZENLEAD_OK);
    assert_int_equal(turn.state, ZENLEAD_TURN_ACTIVE);
    assert_int_equal(turn.token, 7);
    assert_in_range(turn.valid_until_ns - boot_ns(), INT64_C(500) * 1000000000,
                    INT64_C(601) * 1000000000);
}

static void test_it_holds_until_its_end_when_the_server_is_gone_and_no_longer(void **state)
{
    struct scene *scene = *state;
    struct zenlead_turn turn;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 4);
    assert_int_equal(ask(scene, WAIT_MS, &turn), ZENLEAD_OK);
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_GONE);
    if (!is_over(&turn)) {
        const int before = state_of(scene);
        assert_true(before == ZENLEAD_TURN_ACTIVE || is_over(&turn));
    }
    AWAIT(state_of(scene) == ZENLEAD_TURN_UNKNOWN);
    assert_true(is_over(&turn));
}

static void test_a_turn_whose_time_is_over_is_none(void **state)
{
    struct scene *scene = *state;
    struct zenlead_turn turn;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, -2);
    assert_int_equal(ask(scene, WAIT_MS, &turn), ZENLEAD_OK);
    assert_int_equal(turn.state, ZENLEAD_TURN_ENDING);
    assert_int_equal(turn.token, 0);
}

static void test_who_waits_is_told_its_place_and_then_its_turn(void **state)
{
    struct scene *scene = *state;
    struct zenlead_turn turn;
    zl_lease_peer_write_turn(scene->peer, "fixes", 0, 0);
    assert_int_equal(ask(scene, WAIT_MS, &turn), ZENLEAD_OK);
    assert_int_equal(turn.state, ZENLEAD_TURN_WAITING);
    assert_int_equal(turn.position, 2);
    assert_string_equal(turn.why, "5 of 5 act");
    assert_int_equal(zenlead_dispatch(scene->handle, NULL), ZENLEAD_OK);
    assert_int_equal(atomic_load(&scene->told), 1);

    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    struct pollfd ready = {.fd = zenlead_fd(scene->handle), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
    /* The descriptor may be readable for a look that changed nothing. */
    AWAIT(zenlead_dispatch(scene->handle, NULL) == ZENLEAD_OK && atomic_load(&scene->told) == 2);
    assert_int_equal(scene->last.token, 7);
}

static void test_a_server_that_fails_or_forbids_or_has_no_such_fleet_is_unknown(void **state)
{
    static const struct {
        enum zl_mood mood;
        int status;
    } rows[] = {
        {ZL_MOOD_GONE, ZENLEAD_E_API},       {ZL_MOOD_FAILING, ZENLEAD_E_API},
        {ZL_MOOD_SILENT, ZENLEAD_E_TIMEOUT}, {ZL_MOOD_DENYING, ZENLEAD_E_DENIED},
        {ZL_MOOD_WELL, ZENLEAD_E_INVALID}, /* another fleet's LeaderPolicy is there */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *scene = *state;
        struct zenlead_turn turn;
        zl_lease_peer_write_turn(scene->peer, "others", 7, 600);
        zl_lease_peer_set_mood(scene->peer, rows[i].mood);
        int status = ask(scene, 50, &turn);
        if (rows[i].mood != ZL_MOOD_SILENT) {
            AWAIT((status = ask(scene, 50, &turn)) != ZENLEAD_E_TIMEOUT);
        }
        assert_int_equal(status, rows[i].status);
        assert_int_equal(turn.state, ZENLEAD_TURN_UNKNOWN);
        assert_int_equal(turn.token, 0);
        tear_down(state);
        set_up(state);
    }
}

static char *report_of(struct scene *scene)
{
    return zl_lease_peer_annotation(scene->peer, ZL_KEY_FLEET_REPORT);
}

static void expect_report(struct scene *scene, const char *text)
{
    ZL_AUTO_FREE char *report = report_of(scene);
    assert_string_equal(report, text);
}

static void test_ends_are_reported_once_and_of_the_turn_that_is(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    assert_int_equal(zenlead_turn_report(scene->handle, "fixes", 6, ZENLEAD_DONE, NULL, NULL),
                     ZENLEAD_E_LOST);
    expect_report(scene, "");
    assert_int_equal(
        zenlead_turn_report(scene->handle, "fixes", 7, ZENLEAD_FAILED, "node 7 hangs", NULL),
        ZENLEAD_OK);
    expect_report(scene, "7 failed node 7 hangs");
    const int calls = zl_lease_peer_calls(scene->peer);
    assert_int_equal(
        zenlead_turn_report(scene->handle, "fixes", 7, ZENLEAD_FAILED, "node 7 hangs", NULL),
        ZENLEAD_OK);
    assert_int_equal(zl_lease_peer_calls(scene->peer), calls + 1); /* a look, and no write */
    assert_int_equal(zenlead_turn_report(scene->handle, "fixes", 0, ZENLEAD_DONE, NULL, NULL),
                     ZENLEAD_E_INVALID);
    assert_int_equal(zenlead_turn_report(scene->handle, "fixes", 7, 4, NULL, NULL),
                     ZENLEAD_E_INVALID);
}

static void test_a_turn_is_asked_for_and_what_was_asked_is_taken_back(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 0, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(zenlead_turn_request(scene->handle, "fixes", NULL), ZENLEAD_OK);
        ZL_AUTO_FREE char *want = zl_lease_peer_annotation(scene->peer, ZL_KEY_FLEET_WANT);
        assert_string_equal(want, "true");
    }
    assert_int_equal(zl_lease_peer_calls(scene->peer), 3); /* two looks and one write */
    assert_int_equal(zenlead_turn_report(scene->handle, "fixes", 0, ZENLEAD_RELEASED, NULL, NULL),
                     ZENLEAD_OK);
    ZL_AUTO_FREE char *want = zl_lease_peer_annotation(scene->peer, ZL_KEY_FLEET_WANT);
    assert_string_equal(want, "");
    expect_report(scene, "");
}

static void expect(struct scene *scene, const char *key, const char *text)
{
    ZL_AUTO_FREE char *found = zl_lease_peer_annotation(scene->peer, key);
    assert_string_equal(found, text);
}

static void test_turns_are_accepted_declined_and_extended(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    assert_int_equal(zenlead_turn_decline(scene->handle, "fixes", "no space", NULL), ZENLEAD_OK);
    expect(scene, ZL_KEY_FLEET_DECLINE, "no space");
    assert_int_equal(zenlead_turn_accept(scene->handle, "fixes", NULL), ZENLEAD_OK);
    expect(scene, ZL_KEY_FLEET_DECLINE, "");
    expect(scene, ZL_KEY_FLEET_ACCEPT, "0");
    assert_int_equal(zenlead_turn_extend(scene->handle, "fixes", 6, NULL), ZENLEAD_E_LOST);
    expect(scene, ZL_KEY_FLEET_EXTEND, "");
    assert_int_equal(zenlead_turn_extend(scene->handle, "fixes", 7, NULL), ZENLEAD_OK);
    expect(scene, ZL_KEY_FLEET_EXTEND, "7 1");
    assert_int_equal(zenlead_turn_decline(scene->handle, "fixes", "", NULL), ZENLEAD_E_INVALID);
    assert_int_equal(zenlead_turn_extend(scene->handle, "fixes", 0, NULL), ZENLEAD_E_INVALID);
    assert_int_equal(zenlead_turn_accept(scene->handle, NULL, NULL), ZENLEAD_E_INVALID);
    assert_int_equal(zenlead_turn_accept(scene->handle, "others", NULL), ZENLEAD_E_INVALID);
}

/* A program that was compiled against a header without what has come since. */
static void test_options_of_an_earlier_header_are_taken(void **state)
{
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    zenlead *handle = NULL;
    (void)state;
    options.size = offsetof(struct zenlead_options, turn_changed);
    assert_int_equal(zenlead_open(&options, &handle, NULL), ZENLEAD_OK);
    zenlead_close(handle);
    options.size--;
    assert_int_equal(zenlead_open(&options, &handle, NULL), ZENLEAD_E_INVALID);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_turn_is_told_with_its_token_until_its_end),
        TEST(test_it_holds_until_its_end_when_the_server_is_gone_and_no_longer),
        TEST(test_a_turn_whose_time_is_over_is_none),
        TEST(test_who_waits_is_told_its_place_and_then_its_turn),
        TEST(test_a_server_that_fails_or_forbids_or_has_no_such_fleet_is_unknown),
        TEST(test_ends_are_reported_once_and_of_the_turn_that_is),
        TEST(test_a_turn_is_asked_for_and_what_was_asked_is_taken_back),
        TEST(test_turns_are_accepted_declined_and_extended),
        TEST(test_options_of_an_earlier_header_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
