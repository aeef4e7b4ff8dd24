/* SPDX-License-Identifier: Apache-2.0 */
/* `handover` and `release` as they are called, against an API server that answers from a table. */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "common/objects/names.h"
#include "test/unit/object_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define POLICY "/apis/coordination.kube-zen.io/v1alpha1/namespaces/shop/leaderpolicies/web"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
#define LEASE LEASES "/zen-lead-web"
#define POD "/api/v1/namespaces/shop/pods/web-b"
#define REVIEW "/apis/authentication.k8s.io/v1/selfsubjectreviews"
#define HELD(pod, token, more)                                                                     \
    "{'metadata':{'name':'zen-lead-web','namespace':'shop','uid':'l','resourceVersion':'5',"       \
    "'annotations':{'zen-lead.io/holder-pod':'" pod "','zen-lead.io/holder-uid':'" pod             \
    "-uid','zen-lead.io/fencing-token':'" token "'" more "}},'spec':{'holderIdentity':'" pod       \
    "_u'}}"
#define EVENT(lease) "{'type':'MODIFIED','object':" lease "}\n"

static int set_up(void **state)
{
    struct zl_object_peer *peer = zl_object_peer_start();
    zl_object_peer_put(peer, "GET", POLICY, 200,
                       "{'metadata':{'name':'web','namespace':'shop','uid':'p'},'spec':{"
                       "'followerMode':'standby'}}");
    zl_object_peer_put(peer, "GET", LEASE, 200, HELD("web-a", "17", ""));
    zl_object_peer_put(peer, "GET", POD, 200,
                       "{'metadata':{'name':'web-b','namespace':'shop','uid':'web-b-uid'},"
                       "'status':{'phase':'Running'}}");
    zl_object_peer_put(peer, "POST", REVIEW, 201, "{'status':{'userInfo':{'username':'ann'}}}");
    zl_object_peer_put(peer, "PATCH", LEASE, 200, HELD("web-a", "17", ""));
    zl_object_peer_put(peer, "GET", LEASES, 200, EVENT(HELD("web-b", "18", "")));
    *state = peer;
    return 0;
}

static int tear_down(void **state)
{
    zl_object_peer_stop(*state);
    return 0;
}

static int hand_over(struct zl_object_peer *peer, const char *timeout)
{
    char *argv[] = {(char[]){"handover"},
                    (char[]){"web"},
                    (char[]){"--to=web-b"},
                    (char[]){"--quiet"},
                    zl_asprintf("--timeout=%s", timeout),
                    zl_asprintf("--kubeconfig=%s", zl_object_peer_kubeconfig(peer)),
                    NULL};
    const int code = zl_handover(6, argv);
    free(argv[4]);
    free(argv[5]);
    return code;
}

/* The request that the last patch of the Lease carried; the caller frees. NULL: it took one away. */
static char *request_sent(struct zl_object_peer *peer, int *count)
{
    ZL_AUTO_FREE char *sent = zl_object_peer_sent(peer, "PATCH", LEASE, count);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    assert_non_null(sent);
    assert_int_equal(zl_json_parse(sent, strlen(sent), &tree, NULL), ZL_OK);
    assert_string_equal(zl_json_text(tree, "metadata", "resourceVersion", NULL), "5");
    return zl_strdup(zl_json_text(tree, "metadata", "annotations", ZL_KEY_REQUEST, NULL));
}

static void test_one_patch_asks_and_names_pod_token_and_user(void **state)
{
    struct zl_object_peer *peer = *state;
    int count = 0;
    assert_int_equal(hand_over(peer, "20s"), ZL_EXIT_YES);
    ZL_AUTO_FREE char *request = request_sent(peer, &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(request, "\"to\":\"web-b_web-b-uid\""));
    assert_non_null(strstr(request, "\"token\":17"));
    assert_non_null(strstr(request, "\"by\":\"ann\""));
}

static void test_a_request_that_the_controller_drops_is_a_no(void **state)
{
    struct zl_object_peer *peer = *state;
    zl_object_peer_put(peer, "GET", LEASES, 200, EVENT(HELD("web-a", "17", "")));
    assert_int_equal(hand_over(peer, "20s"), ZL_EXIT_NO);
}

#define ASKED ",'zen-lead.io/handover-request':'{}'"

static void test_what_nobody_answers_is_taken_back(void **state)
{
    struct zl_object_peer *peer = *state;
    int count = 0;
    zl_object_peer_put(peer, "GET", LEASES, 200, EVENT(HELD("web-a", "17", ASKED)));
    zl_object_peer_keep(peer, LEASE);
    assert_int_equal(hand_over(peer, "100ms"), ZL_EXIT_NO);
    assert_null(request_sent(peer, &count));
    assert_int_equal(count, 2);
}

/* The watch tells nothing; the answer came all the same. */
static void test_an_answer_that_no_watch_told_of_is_a_yes(void **state)
{
    struct zl_object_peer *peer = *state;
    int count = 0;
    zl_object_peer_put(peer, "GET", LEASES, 200, EVENT(HELD("web-a", "17", ASKED)));
    zl_object_peer_put(peer, "PATCH", LEASE, 200, HELD("web-a", "17", ASKED));
    zl_object_peer_change(peer, LEASE, HELD("web-b", "18", ""));
    assert_int_equal(hand_over(peer, "100ms"), ZL_EXIT_YES);
    ZL_AUTO_FREE char *request = request_sent(peer, &count);
    assert_non_null(request);
    assert_int_equal(count, 1);
}

static void test_what_somebody_else_asked_meanwhile_stays(void **state)
{
    struct zl_object_peer *peer = *state;
    int count = 0;
    zl_object_peer_put(peer, "GET", LEASES, 200, EVENT(HELD("web-a", "17", ASKED)));
    zl_object_peer_put(peer, "GET", LEASE, 200, HELD("web-a", "17", ASKED));
    assert_int_equal(hand_over(peer, "100ms"), ZL_EXIT_NO);
    ZL_AUTO_FREE char *request = request_sent(peer, &count);
    assert_non_null(request);
    assert_int_equal(count, 1);
}

static void test_what_may_not_be_asked_is_not_known(void **state)
{
    struct zl_object_peer *peer = *state;
    zl_object_peer_put(peer, "PATCH", LEASE, 403, "{'kind':'Status','code':403,'message':'no'}");
    assert_int_equal(hand_over(peer, "20s"), ZL_EXIT_UNKNOWN);
    zl_object_peer_put(peer, "GET", POLICY, 404, "{}");
    assert_int_equal(hand_over(peer, "20s"), ZL_EXIT_NO);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_patch_asks_and_names_pod_token_and_user),
        TEST(test_a_request_that_the_controller_drops_is_a_no),
        TEST(test_what_nobody_answers_is_taken_back),
        TEST(test_an_answer_that_no_watch_told_of_is_a_yes),
        TEST(test_what_somebody_else_asked_meanwhile_stays),
        TEST(test_what_may_not_be_asked_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
