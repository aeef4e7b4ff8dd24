/* SPDX-License-Identifier: Apache-2.0 */
/* `wait` against an API server of one Lease, whose cache may be late. */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "test/unit/capture.h"
#include "test/unit/lease_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

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

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_prints_who_leads_and_not_who_did),
        TEST(test_a_pod_that_led_before_is_not_taken_for_the_leader),
        TEST(test_nobody_leads_when_the_lease_is_gone_whatever_the_cache_says),
        TEST(test_what_is_forbidden_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
