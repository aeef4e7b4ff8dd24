/* SPDX-License-Identifier: Apache-2.0 */
/* `wait` against an API server of one Lease, whose cache may be late. */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "common/base/clock.h"
#include "common/base/monitor.h"
#include "test/unit/capture.h"
#include "test/unit/lease_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define LEASE(pod, token)                                                                          \
    "{\"metadata\":{\"name\":\"zen-lead-web\",\"namespace\":\"shop\",\"uid\":\"l\","               \
    "\"resourceVersion\":\"0\",\"annotations\":{\"zen-lead.io/holder-pod\":\"" pod                 \
    "\",\"zen-lead.io/holder-uid\":\"" pod "-uid\",\"zen-lead.io/fencing-token\":\"" token         \
    "\"}},\"spec\":{\"holderIdentity\":\"" pod "_u\"}}"

static int set_up(void **state)
{
    *state = zl_lease_peer_start();
    return 0;
}

static int tear_down(void **state)
{
    zl_lease_peer_stop(*state);
    return 0;
}

/* For a turn in the fleet "fixes". OUT: what it prints, the caller frees. @return the exit code */
static int wait_for_turn_of(struct zl_lease_peer *peer, const char *job, const char *timeout,
                            char **out)
{
    struct zl_capture capture;
    char *argv[] = {(char[]){"wait"},
                    (char[]){"fixes"},
                    (char[]){"--for=turn"},
                    zl_asprintf("--timeout=%s", timeout),
                    zl_asprintf("--kubeconfig=%s", zl_lease_peer_kubeconfig(peer)),
                    zl_asprintf("--job=%s", job != NULL ? job : ""),
                    NULL};
    zl_capture_begin(&capture, STDOUT_FILENO);
    const int code = zl_wait(job != NULL ? 6 : 5, argv);
    (void)fflush(stdout);
    *out = zl_capture_end(&capture);
    for (size_t i = 3; i < 6; i++) {
        free(argv[i]);
    }
    return code;
}

static int wait_for_turn(struct zl_lease_peer *peer, const char *timeout, char **out)
{
    return wait_for_turn_of(peer, NULL, timeout, out);
}

/* POD: NULL: any. OUT: what it prints, the caller frees. @return the exit code */
static int wait_for(struct zl_lease_peer *peer, const char *pod, const char *timeout, char **out)
{
    struct zl_capture capture;
    char *argv[] = {(char[]){"wait"},
                    (char[]){"web"},
                    zl_asprintf("--timeout=%s", timeout),
                    zl_asprintf("--kubeconfig=%s", zl_lease_peer_kubeconfig(peer)),
                    zl_asprintf("--pod=%s", pod != NULL ? pod : ""),
                    NULL};
    zl_capture_begin(&capture, STDOUT_FILENO);
    const int code = zl_wait(pod != NULL ? 5 : 4, argv);
    (void)fflush(stdout);
    *out = zl_capture_end(&capture);
    for (size_t i = 2; i < 5; i++) {
        free(argv[i]);
    }
    return code;
}

static void test_it_prints_who_leads_and_not_who_did(void **state)
{
    ZL_AUTO_FREE char *said = NULL;
    zl_lease_peer_set_cached(*state, LEASE("old", "4"));
    zl_lease_peer_write(*state, LEASE("new", "5"));
    assert_int_equal(wait_for(*state, NULL, "20s", &said), ZL_EXIT_YES);
    assert_string_equal(said, "new 5\n");
}

static void test_a_pod_that_led_before_is_not_taken_for_the_leader(void **state)
{
    ZL_AUTO_FREE char *said = NULL;
    zl_lease_peer_set_cached(*state, LEASE("old", "4"));
    zl_lease_peer_write(*state, LEASE("new", "5"));
    assert_int_equal(wait_for(*state, "old", "300ms", &said), ZL_EXIT_NO);
    assert_string_equal(said, "");
}

static void test_nobody_leads_when_the_lease_is_gone_whatever_the_cache_says(void **state)
{
    ZL_AUTO_FREE char *said = NULL;
    zl_lease_peer_set_cached(*state, LEASE("old", "4"));
    assert_int_equal(wait_for(*state, NULL, "300ms", &said), ZL_EXIT_NO);
    assert_string_equal(said, "");
}

static void test_what_is_forbidden_is_not_known(void **state)
{
    ZL_AUTO_FREE char *said = NULL;
    zl_lease_peer_set_mood(*state, ZL_MOOD_DENYING);
    assert_int_equal(wait_for(*state, NULL, "20s", &said), ZL_EXIT_UNKNOWN);
}

static void *give_turn(void *arg)
{
    AWAIT(zl_lease_peer_calls(arg) >= 3); /* it is watched */
    zl_lease_peer_write_turn(arg, "fixes", 7, 600);
    return NULL;
}

static void test_a_turn_is_waited_for(void **state)
{
    ZL_AUTO_FREE char *said = NULL;
    zl_lease_peer_write_turn(*state, "fixes", 0, 0);
    const pthread_t giver = zl_thread_start("giver", give_turn, *state);
    assert_int_equal(wait_for_turn(*state, "20s", &said), ZL_EXIT_YES);
    pthread_join(giver, NULL);
    assert_memory_equal(said, "east 7 59", 9); /* and one digit more, of seconds */
}

static void test_a_turn_that_is_over_or_anothers_is_none(void **state)
{
    ZL_AUTO_FREE char *said = NULL, *said_of_other = NULL;
    zl_lease_peer_write_turn(*state, "fixes", 7, -2);
    assert_int_equal(wait_for_turn(*state, "300ms", &said), ZL_EXIT_NO);
    assert_string_equal(said, "");
    zl_lease_peer_write_turn(*state, "others", 7, 600);
    assert_int_equal(wait_for_turn(*state, "300ms", &said_of_other), ZL_EXIT_NO);
    assert_string_equal(said_of_other, "");
}

#define JOBS(job)                                                                                  \
    "{\"metadata\":{\"name\":\"fixes\",\"namespace\":\"shop\"},\"spec\":{},\"status\":{"           \
    "\"fencingToken\":9,\"executing\":{\"name\":\"" job "\"}}}"

static void test_a_job_waits_for_its_own_turn_in_its_pool(void **state)
{
    ZL_AUTO_FREE char *said = NULL, *said_before = NULL;
    zl_lease_peer_write(*state, JOBS("other"));
    assert_int_equal(wait_for_turn_of(*state, "mine", "300ms", &said_before), ZL_EXIT_NO);
    assert_string_equal(said_before, "");
    zl_lease_peer_write(*state, JOBS("mine"));
    assert_int_equal(wait_for_turn_of(*state, "mine", "20s", &said), ZL_EXIT_YES);
    assert_string_equal(said, "mine 9\n");
}

static void test_a_turn_that_may_not_be_seen_is_not_known(void **state)
{
    ZL_AUTO_FREE char *said = NULL;
    zl_lease_peer_set_mood(*state, ZL_MOOD_DENYING);
    assert_int_equal(wait_for_turn(*state, "20s", &said), ZL_EXIT_UNKNOWN);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_prints_who_leads_and_not_who_did),
        TEST(test_a_pod_that_led_before_is_not_taken_for_the_leader),
        TEST(test_nobody_leads_when_the_lease_is_gone_whatever_the_cache_says),
        TEST(test_what_is_forbidden_is_not_known),
        TEST(test_a_turn_is_waited_for),
        TEST(test_a_turn_that_is_over_or_anothers_is_none),
        TEST(test_a_job_waits_for_its_own_turn_in_its_pool),
        TEST(test_a_turn_that_may_not_be_seen_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
