/* SPDX-License-Identifier: Apache-2.0 */
#include "client/lib/zenlead.h"

#include "client/election/names.h"
#include "common/base/memory.h"
#include "test/unit/lease_peer.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define WAIT_MS 20000 /* for a busy machine; nothing waits so long */
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

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

static zenlead *open_as(struct zl_lease_peer *peer, const char *pod, const char *uid)
{
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    zenlead *handle = NULL;
    options.kubeconfig = zl_lease_peer_kubeconfig(peer);
    options.pod = pod;
    options.pod_uid = uid;
    options.timeout_ms = WAIT_MS;
    assert_int_equal(zenlead_open(&options, &handle, NULL), ZENLEAD_OK);
    return handle;
}

/* The pool's Lease as gatekeeper and controller write it, renewed AGE_S ago. */
static void write_lease(struct zl_lease_peer *peer, const char *pod, const char *uid, int age_s)
{
    char renewed[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us() - age_s * INT64_C(1000000), renewed);
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{\"metadata\":{\"name\":\"zen-lead-web\",\"namespace\":\"shop\",\"uid\":\"u\","
        "\"annotations\":{\"zen-lead.io/holder-pod\":\"%s\",\"zen-lead.io/holder-uid\":\"%s\","
        "\"zen-lead.io/fencing-token\":\"17\"}},\"spec\":{\"holderIdentity\":\"%s_%s\","
        "\"leaseDurationSeconds\":15,\"renewTime\":\"%s\",\"acquireTime\":\"%s\","
        "\"leaseTransitions\":3}}",
        pod, uid, pod, uid, renewed, renewed);
    zl_lease_peer_write(peer, text);
}

static int64_t boot_ns(void)
{
    return zl_clock_boot_ms() * INT64_C(1000000);
}

static void test_each_fail_safe_rule(void **state)
{
    static const struct {
        const char *pod, *uid, *holder; /* HOLDER "": there is no Lease */
        int age_s;
        enum zl_mood mood;
        bool installed, leads;
        enum zenlead_role role;
        enum zenlead_reason reason;
    } rows[] = {
        {"a", "1", "a", 0, ZL_MOOD_WELL, true, true, ZENLEAD_LEADER, ZENLEAD_REASON_HOLDS},
        {"a", NULL, "a", 0, ZL_MOOD_WELL, true, true, ZENLEAD_LEADER, ZENLEAD_REASON_HOLDS},
        {"a", "2", "a", 0, ZL_MOOD_WELL, true, false, ZENLEAD_FOLLOWER, ZENLEAD_REASON_OTHER_HOLDS},
        {"a", "1", "b", 0, ZL_MOOD_WELL, true, false, ZENLEAD_FOLLOWER, ZENLEAD_REASON_OTHER_HOLDS},
        {"a", "1", "a", 20, ZL_MOOD_WELL, true, false, ZENLEAD_FOLLOWER, ZENLEAD_REASON_EXPIRED},
        {"a", "1", "", 0, ZL_MOOD_WELL, true, false, ZENLEAD_FOLLOWER, ZENLEAD_REASON_NO_HOLDER},
        {"a", "1", "", 0, ZL_MOOD_WELL, false, true, ZENLEAD_LEADER, ZENLEAD_REASON_NOT_INSTALLED},
        {"a", "1", "a", 20, ZL_MOOD_WELL, false, true, ZENLEAD_LEADER,
         ZENLEAD_REASON_NOT_INSTALLED},
        {"a", "1", "", 0, ZL_MOOD_DENYING, false, true, ZENLEAD_LEADER,
         ZENLEAD_REASON_NOT_INSTALLED},
        {"a", "1", "a", 0, ZL_MOOD_DENYING, true, false, ZENLEAD_UNKNOWN, ZENLEAD_REASON_API_ERROR},
        {"a", "1", "a", 0, ZL_MOOD_FAILING, true, false, ZENLEAD_UNKNOWN, ZENLEAD_REASON_API_ERROR},
        {"a", "1", "a", 0, ZL_MOOD_GONE, true, false, ZENLEAD_UNKNOWN, ZENLEAD_REASON_API_ERROR},
        {NULL, NULL, "a", 0, ZL_MOOD_GONE, true, true, ZENLEAD_LEADER, ZENLEAD_REASON_NO_POD},
    };
    struct zl_lease_peer *peer = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].holder[0] == '\0') {
            zl_lease_peer_write(peer, NULL);
        } else {
            write_lease(peer, rows[i].holder, "1", rows[i].age_s);
        }
        zl_lease_peer_set_mood(peer, rows[i].mood);
        zl_lease_peer_set_installed(peer, rows[i].installed);
        zenlead *handle = open_as(peer, rows[i].pod, rows[i].uid);
        struct zenlead_answer answer = ZENLEAD_ANSWER_INIT;
        if (zenlead_is_leader(handle, "web") != rows[i].leads) {
            fail_msg("row %zu", i);
        }
        const int status = zenlead_ask(handle, "web", 0, &answer, NULL);
        assert_int_equal(status == ZENLEAD_OK, rows[i].role != ZENLEAD_UNKNOWN);
        assert_int_equal(answer.role, rows[i].role);
        assert_int_equal(answer.reason, rows[i].reason);
        assert_int_equal(answer.valid_until_ns > boot_ns(), rows[i].role != ZENLEAD_UNKNOWN);
        zenlead_close(handle);
    }
}

/* --- each rule, whatever the server does --- */

struct server {
    const char *name;
    enum zl_mood mood;
    bool down;      /* nobody listens */
    int timeout_ms; /* of the first question */
};

static const struct server SERVERS[] = {
    {"well", ZL_MOOD_WELL, false, WAIT_MS},       {"down", ZL_MOOD_WELL, true, WAIT_MS},
    {"gone", ZL_MOOD_GONE, false, WAIT_MS},       {"slow", ZL_MOOD_SILENT, false, 100},
    {"failing", ZL_MOOD_FAILING, false, WAIT_MS}, {"forbidding", ZL_MOOD_DENYING, false, WAIT_MS},
};

#define DOWN_KUBECONFIG                                                                            \
    "{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"c\","     \
    "\"namespace\":\"shop\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"             \
    "\"http://127.0.0.1:1\"}}]}"

/* What zenlead_is_leader says first to POD (NULL: who we are is not known). */
static bool leads_first(struct zl_lease_peer *peer, const struct server *server, const char *pod)
{
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    zenlead *handle = NULL;
    char path[] = "/tmp/zl-down.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, DOWN_KUBECONFIG, strlen(DOWN_KUBECONFIG)), strlen(DOWN_KUBECONFIG));
    (void)close(fd);
    zl_lease_peer_set_mood(peer, server->mood);
    options.kubeconfig = server->down ? path : zl_lease_peer_kubeconfig(peer);
    options.pod = pod;
    options.timeout_ms = server->timeout_ms;
    assert_int_equal(zenlead_open(&options, &handle, NULL), ZENLEAD_OK);
    const bool leads = zenlead_is_leader(handle, "web");
    zenlead_close(handle);
    (void)unlink(path);
    return leads;
}

/* TRUE_AT: the servers at which POD leads, each followed by a space. */
static void expect_leads(struct zl_lease_peer *peer, const char *pod, const char *true_at)
{
    for (size_t i = 0; i < COUNT(SERVERS); i++) {
        ZL_AUTO_FREE char *word = zl_asprintf("%s ", SERVERS[i].name);
        if (leads_first(peer, &SERVERS[i], pod) != (strstr(true_at, word) != NULL)) {
            fail_msg("server %s", SERVERS[i].name);
        }
    }
}

static void
test_without_the_crd_everybody_leads_where_the_server_says_that_it_has_none(void **state)
{
    zl_lease_peer_set_installed(*state, false);
    expect_leads(*state, "a", "well forbidding "); /* what it serves, everybody may ask */
}

static void test_who_does_not_know_its_name_leads_whatever_the_server_does(void **state)
{
    expect_leads(*state, NULL, "well down gone slow failing forbidding ");
}

static void test_an_error_of_the_server_is_no_leadership(void **state)
{
    write_lease(*state, "a", "1", 0);
    expect_leads(*state, "a", "well ");
}

static void test_an_expired_lease_is_no_leadership_whatever_the_server_does(void **state)
{
    write_lease(*state, "a", "1", 20);
    expect_leads(*state, "a", "");
}

static void
test_a_server_that_does_not_answer_is_unknown_within_the_time_that_was_given(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct zenlead_answer answer = ZENLEAD_ANSWER_INIT;
    struct zenlead_error error = ZENLEAD_ERROR_INIT;
    write_lease(peer, "a", "1", 0);
    zl_lease_peer_set_mood(peer, ZL_MOOD_SILENT);
    zenlead *handle = open_as(peer, "a", "1");
    assert_int_equal(zenlead_ask(handle, "web", 50, &answer, &error), ZENLEAD_E_TIMEOUT);
    assert_int_equal(answer.role, ZENLEAD_UNKNOWN);
    assert_string_equal(error.message, "pool web: not known in time");
    assert_false(zenlead_is_leader(handle, "web"));
    zenlead_close(handle);
}

static void test_an_answer_says_who_with_which_token_and_until_when(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct zenlead_answer answer = ZENLEAD_ANSWER_INIT;
    write_lease(peer, "b", "1", 0);
    zenlead *handle = open_as(peer, "a", "1");
    const int64_t before_ns = boot_ns();
    assert_int_equal(zenlead_ask(handle, "web", WAIT_MS, &answer, NULL), ZENLEAD_OK);
    assert_string_equal(answer.holder, "b");
    assert_int_equal(answer.token, 17);
    assert_in_range(answer.valid_until_ns - before_ns, INT64_C(14000000000),
                    INT64_C(15000000000) + WAIT_MS * INT64_C(1000000));
    zenlead_close(handle);
}

static void test_changes_are_followed_and_asking_costs_no_request_and_no_time(void **state)
{
    enum { CALLS = 200000 };
    struct zl_lease_peer *peer = *state;
    write_lease(peer, "b", "1", 0);
    zenlead *handle = open_as(peer, "a", "1");
    assert_false(zenlead_is_leader(handle, "web"));
    write_lease(peer, "a", "1", 0);
    AWAIT(zenlead_is_leader(handle, "web"));
    const int before = zl_lease_peer_calls(peer);
    struct timespec from = {0}, to = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    int leads = 0;
    for (int i = 0; i < CALLS; i++) {
        leads += zenlead_is_leader(handle, "web");
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    const int64_t ns =
        (to.tv_sec - from.tv_sec) * INT64_C(1000000000) + (to.tv_nsec - from.tv_nsec);
    print_message("zenlead_is_leader: %lld ns\n", (long long)(ns / CALLS));
    assert_int_equal(leads, CALLS);
    /* Of this thread's own time, under valgrind as well: no request. make bench-sidecar measures what it costs. */
    assert_true(ns / CALLS <= 20000);
    /* The pool is looked at every few seconds, whoever asks and however often. */
    assert_in_range(zl_lease_peer_calls(peer) - before, 0, 100);
    write_lease(peer, "b", "1", 0);
    AWAIT(!zenlead_is_leader(handle, "web"));
    zenlead_close(handle);
}

struct seen {
    int count;
    int role;
    int64_t token;
    char pool[320], holder[320];
};

static void on_changed(void *ctx, const char *pool, const struct zenlead_answer *answer)
{
    struct seen *seen = ctx;
    seen->count++;
    seen->role = answer->role;
    seen->token = answer->token;
    (void)snprintf(seen->pool, sizeof seen->pool, "%s", pool);
    (void)snprintf(seen->holder, sizeof seen->holder, "%s", answer->holder);
}

static bool is_readable(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}

static void test_an_event_loop_is_told_of_changes_and_of_nothing_else(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct seen seen = {0};
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    zenlead *handle = NULL;
    options.kubeconfig = zl_lease_peer_kubeconfig(peer);
    options.pod = "a";
    options.timeout_ms = WAIT_MS;
    options.changed = on_changed;
    options.ctx = &seen;
    write_lease(peer, "b", "1", 0);
    assert_int_equal(zenlead_open(&options, &handle, NULL), ZENLEAD_OK);
    assert_false(is_readable(zenlead_fd(handle)));
    assert_false(zenlead_is_leader(handle, "web"));
    AWAIT(is_readable(zenlead_fd(handle)));
    assert_int_equal(seen.count, 0);
    assert_int_equal(zenlead_dispatch(handle, NULL), ZENLEAD_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.role, ZENLEAD_FOLLOWER);
    assert_string_equal(seen.pool, "web");
    assert_false(is_readable(zenlead_fd(handle)));
    const int calls = zl_lease_peer_calls(peer);
    write_lease(peer, "b", "1", 0); /* a renewal */
    AWAIT(zl_lease_peer_calls(peer) > calls);
    assert_int_equal(zenlead_dispatch(handle, NULL), ZENLEAD_OK);
    assert_int_equal(seen.count, 1);
    write_lease(peer, "a", "1", 0);
    AWAIT(is_readable(zenlead_fd(handle)));
    assert_int_equal(zenlead_dispatch(handle, NULL), ZENLEAD_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.role, ZENLEAD_LEADER);
    assert_string_equal(seen.holder, "a");
    assert_int_equal(seen.token, 17);
    zenlead_close(handle);
}

static void test_what_was_known_holds_through_an_outage_but_not_for_ever(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct zenlead_answer answer = ZENLEAD_ANSWER_INIT;
    write_lease(peer, "a", "1", 12); /* three seconds are left of it */
    zenlead *handle = open_as(peer, "a", "1");
    assert_true(zenlead_is_leader(handle, "web"));
    zl_lease_peer_set_mood(peer, ZL_MOOD_FAILING);
    AWAIT(!zenlead_is_leader(handle, "web"));
    assert_int_not_equal(zenlead_ask(handle, "web", 0, &answer, NULL), ZENLEAD_OK);
    assert_int_equal(answer.reason, ZENLEAD_REASON_STALE);
    zl_lease_peer_set_mood(peer, ZL_MOOD_WELL);
    write_lease(peer, "a", "1", 0);
    AWAIT(zenlead_is_leader(handle, "web"));
    zenlead_close(handle);
}

struct listener {
    atomic_int acquired, lost;
    _Atomic int64_t token;
};

static void on_acquired(void *ctx, int64_t token)
{
    struct listener *listener = ctx;
    atomic_store(&listener->token, token);
    atomic_fetch_add(&listener->acquired, 1);
}

static void on_lost(void *ctx)
{
    struct listener *listener = ctx;
    atomic_fetch_add(&listener->lost, 1);
}

static void test_an_elector_leads_until_another_does(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct listener listener = {0};
    struct zenlead_election election = ZENLEAD_ELECTION_INIT;
    election.lease = "mailer-leader-election";
    election.retry_period_ms = 50;
    election.acquired = on_acquired;
    election.lost = on_lost;
    election.ctx = &listener;
    zl_lease_peer_write(peer, "{\"spec\":{\"holderIdentity\":\"\",\"leaseTransitions\":41}}");
    zenlead *handle = open_as(peer, "a", "1");
    zenlead_elector *elector = NULL;
    assert_int_equal(zenlead_elect(handle, &election, &elector, NULL), ZENLEAD_OK);
    AWAIT(atomic_load(&listener.acquired) == 1);
    assert_true(zenlead_elector_holds(elector));
    assert_int_equal(atomic_load(&listener.token), 42);
    assert_int_equal(zenlead_elector_token(elector), 42);
    zl_lease_peer_write(peer, "{\"spec\":{\"holderIdentity\":\"other\"}}");
    AWAIT(atomic_load(&listener.lost) == 1);
    assert_false(zenlead_elector_holds(elector));
    zenlead_elector_close(elector);
    zenlead_close(handle);
}

static void test_a_lock_is_held_by_one_and_each_holder_has_a_larger_token(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct zenlead_answer first = ZENLEAD_ANSWER_INIT, second = ZENLEAD_ANSWER_INIT;
    zenlead *a = open_as(peer, "a", NULL), *b = open_as(peer, "b", NULL);
    assert_int_equal(zenlead_lock(a, "m", WAIT_MS, &first, NULL), ZENLEAD_OK);
    assert_int_equal(zenlead_lock(a, "m", 0, NULL, NULL), ZENLEAD_E_BUSY);
    assert_int_equal(zenlead_lock(b, "m", 200, NULL, NULL), ZENLEAD_E_TIMEOUT);
    assert_int_equal(zenlead_unlock(b, "m", first.token, NULL), ZENLEAD_E_LOST);
    assert_int_equal(zenlead_unlock(a, "m", first.token + 1, NULL), ZENLEAD_E_LOST);
    assert_int_equal(zenlead_unlock(a, "m", first.token, NULL), ZENLEAD_OK);
    assert_int_equal(zenlead_lock(b, "m", WAIT_MS, &second, NULL), ZENLEAD_OK);
    assert_true(second.token > first.token);
    assert_int_equal(zenlead_unlock(b, "m", second.token, NULL), ZENLEAD_OK);
    /* Also when somebody deletes the Lease, unless holders had changed more than once a second. */
    AWAIT(zl_first_token(zl_clock_wall_us()) > second.token);
    zl_lease_peer_write(peer, NULL);
    assert_int_equal(zenlead_lock(a, "m", WAIT_MS, &first, NULL), ZENLEAD_OK);
    assert_true(first.token > second.token);
    zenlead_close(b);
    zenlead_close(a);
}

static void test_arguments_that_cannot_be_meant_are_refused(void **state)
{
    struct zl_lease_peer *peer = *state;
    struct zenlead_election election = ZENLEAD_ELECTION_INIT;
    struct zenlead_error error = ZENLEAD_ERROR_INIT;
    zenlead_elector *elector = NULL;
    zenlead *handle = open_as(peer, "a", "1");
    assert_int_equal(zenlead_ask(handle, "", 0, NULL, &error), ZENLEAD_E_INVALID);
    assert_int_equal(zenlead_elect(handle, &election, &elector, &error), ZENLEAD_E_INVALID);
    election.lease = "zen-lead-web";
    assert_int_equal(zenlead_elect(handle, &election, &elector, &error), ZENLEAD_E_INVALID);
    assert_non_null(strstr(error.message, "belong to zen-lead's pools"));
    assert_false(zenlead_is_leader(NULL, "web"));
    assert_false(zenlead_elector_holds(NULL));
    zenlead_elector_close(NULL);
    zenlead_close(NULL);
    zenlead_close(handle);
    assert_int_equal(zl_lease_peer_calls(peer), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    static const char *const variables[] = {"POD_NAME", "POD_UID", "POD_NAMESPACE",
                                            "KUBERNETES_SERVICE_HOST"};
    for (size_t i = 0; i < COUNT(variables); i++) {
        (void)unsetenv(variables[i]);
    }
    const struct CMUnitTest tests[] = {
        TEST(test_each_fail_safe_rule),
        TEST(test_without_the_crd_everybody_leads_where_the_server_says_that_it_has_none),
        TEST(test_who_does_not_know_its_name_leads_whatever_the_server_does),
        TEST(test_an_error_of_the_server_is_no_leadership),
        TEST(test_an_expired_lease_is_no_leadership_whatever_the_server_does),
        TEST(test_a_server_that_does_not_answer_is_unknown_within_the_time_that_was_given),
        TEST(test_an_answer_says_who_with_which_token_and_until_when),
        TEST(test_changes_are_followed_and_asking_costs_no_request_and_no_time),
        TEST(test_an_event_loop_is_told_of_changes_and_of_nothing_else),
        TEST(test_what_was_known_holds_through_an_outage_but_not_for_ever),
        TEST(test_an_elector_leads_until_another_does),
        TEST(test_a_lock_is_held_by_one_and_each_holder_has_a_larger_token),
        TEST(test_arguments_that_cannot_be_meant_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
