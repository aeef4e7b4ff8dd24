/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/elector.h"

#include "test/unit/peer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

/* Many times the retry period: a busy machine must not make a healthy leader late. */
#define LEASE_MS 2000
#define RENEW_MS 1500
#define RETRY_MS 40
#define FIRST_TRANSITIONS 100
#define SLACK_MS 10000 /* for a busy machine */
/* Where no loss is wanted, however slow the machine. */
#define LONG_LEASE_MS 60000
#define LONG_RENEW_MS 30000

enum mood {
    WELL,
    SILENT,
    FAILING,
    FAIL_ONCE,
    CONFLICT_ONCE,
    LOSE_ONCE, /* does what the next write says, and cuts the connection instead of answering */
};

/* A server of one Lease. */
struct server {
    struct zl_peer *peer;
    struct zl_kube_client *client;
    pthread_mutex_t mutex;
    struct cJSON *lease; /* NULL: none */
    int64_t version;
    enum mood mood;
    int conflicts, lost_answers;
    int reads, writes;
    bool is_labelled_at_release; /* somebody writes a label just before the next release */
    struct cJSON *last_write;    /* body */
    char *last_type;             /* Content-Type */
};

struct candidate {
    struct zl_elector *elector;
    atomic_int *leaders; /* how many believe to lead now */
    atomic_int acquired, lost, clashes;
    atomic_long acquired_ms, lost_ms;
    atomic_int renewals;
    _Atomic int64_t renewed_boot_ms, transitions;
    pthread_mutex_t mutex;
    char holders[256]; /* those observed, each followed by a space */
};

static void stamp(struct server *server)
{
    char version[24];
    snprintf(version, sizeof version, "%lld", (long long)++server->version);
    zl_json_set_text(zl_json_child(server->lease, "metadata"), "resourceVersion", version);
}

/* The server's Lease or the fault of its mood. With the lock held. */
static void answer_lease(struct server *server, struct zl_peer_call *call, int status)
{
    ZL_AUTO_FREE char *text = zl_json_print(server->lease);
    zl_peer_answer(call, status, NULL, text);
}

/* As the mood has it, with STATUS or not at all. */
static void answer_write(struct server *server, struct zl_peer_call *call, int status)
{
    stamp(server);
    if (server->mood == LOSE_ONCE) {
        server->mood = WELL;
        server->lost_answers++;
        zl_peer_cut(call);
    } else {
        answer_lease(server, call, status);
    }
}

static void label_at_release(struct server *server, const struct cJSON *body)
{
    const char *holder = zl_json_text(body, "spec", "holderIdentity", NULL);
    if (server->is_labelled_at_release && holder != NULL && *holder == '\0') {
        server->is_labelled_at_release = false;
        stamp(server);
    }
}

static void serve_patch(struct server *server, struct zl_peer_call *call, const struct cJSON *body)
{
    label_at_release(server, body);
    const char *wanted = zl_json_text(body, "metadata", "resourceVersion", NULL);
    const char *current = zl_json_text(server->lease, "metadata", "resourceVersion", NULL);
    const bool refuse = server->mood == CONFLICT_ONCE;
    if (refuse) {
        server->mood = WELL;
    }
    if (server->lease == NULL) {
        zl_peer_answer(call, 404, NULL, "{}");
        return;
    }
    if (refuse || !zl_same_string(wanted, current)) {
        server->conflicts++;
        zl_peer_answer(call, 409, NULL, "{}");
        return;
    }
    struct cJSON *spec = zl_json_child(server->lease, "spec");
    for (const struct cJSON *field = zl_json_first(zl_json_at(body, "spec", NULL)); field != NULL;
         field = zl_json_next(field)) {
        zl_json_set(spec, zl_json_name(field), zl_json_copy(field));
    }
    answer_write(server, call, 200);
}

static void serve_well(struct server *server, struct zl_peer_call *call)
{
    if (strcmp(zl_peer_method(call), "GET") == 0) {
        server->reads++;
        if (server->lease == NULL) {
            zl_peer_answer(call, 404, NULL, "{}");
        } else {
            answer_lease(server, call, 200);
        }
        return;
    }
    server->writes++;
    struct cJSON *body = NULL;
    if (zl_json_parse(zl_peer_body(call), strlen(zl_peer_body(call)), &body, NULL) != ZL_OK) {
        abort();
    }
    zl_json_free(server->last_write);
    server->last_write = body;
    zl_replace_string(&server->last_type, zl_peer_header(call, "Content-Type"));
    if (strcmp(zl_peer_method(call), "PATCH") == 0) {
        serve_patch(server, call, body);
    } else if (server->lease != NULL) {
        server->conflicts++;
        zl_peer_answer(call, 409, NULL, "{}");
    } else {
        server->lease = zl_json_copy(body);
        answer_write(server, call, 201);
    }
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct server *server = ctx;
    pthread_mutex_lock(&server->mutex);
    const enum mood mood = server->mood;
    if (mood == WELL || mood == CONFLICT_ONCE || mood == LOSE_ONCE) {
        serve_well(server, call);
    }
    if (mood == FAIL_ONCE) {
        server->mood = WELL;
    }
    pthread_mutex_unlock(&server->mutex);
    if (mood == SILENT) {
        zl_peer_hold(call);
    } else if (mood == FAILING || mood == FAIL_ONCE) {
        zl_peer_answer(call, 500, NULL, "{}");
    }
}

static void set_mood(struct server *server, enum mood mood)
{
    pthread_mutex_lock(&server->mutex);
    server->mood = mood;
    pthread_mutex_unlock(&server->mutex);
}

/* One of the server's counters. */
static int count(struct server *server, const int *counter)
{
    pthread_mutex_lock(&server->mutex);
    const int value = *counter;
    pthread_mutex_unlock(&server->mutex);
    return value;
}

static int64_t spec_number(struct server *server, const char *name)
{
    pthread_mutex_lock(&server->mutex);
    const int64_t number = zl_json_i64(server->lease, -1, "spec", name, NULL);
    pthread_mutex_unlock(&server->mutex);
    return number;
}

/* Someone else writes the Lease behind the candidates' backs. */
static void usurp(struct server *server, const char *holder)
{
    pthread_mutex_lock(&server->mutex);
    if (server->lease == NULL) {
        server->lease = zl_json_object();
    }
    struct cJSON *spec = zl_json_child(server->lease, "spec");
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us() - 3600LL * 1000000, now); /* an hour behind */
    zl_json_set_text(spec, "holderIdentity", holder);
    zl_json_set_text(spec, "renewTime", now);
    zl_json_set_i64(spec, "leaseDurationSeconds", 1);
    zl_json_set_i64(spec, "leaseTransitions", 6);
    stamp(server);
    pthread_mutex_unlock(&server->mutex);
}

static void note_acquired(void *ctx)
{
    struct candidate *candidate = ctx;
    if (atomic_fetch_add(candidate->leaders, 1) != 0) {
        atomic_fetch_add(&candidate->clashes, 1);
    }
    atomic_store(&candidate->acquired_ms, zl_clock_ms());
    atomic_fetch_add(&candidate->acquired, 1);
}

static void note_lost(void *ctx)
{
    struct candidate *candidate = ctx;
    atomic_fetch_sub(candidate->leaders, 1);
    atomic_store(&candidate->lost_ms, zl_clock_ms());
    atomic_fetch_add(&candidate->lost, 1);
}

static void note_observed(void *ctx, const char *holder)
{
    struct candidate *candidate = ctx;
    pthread_mutex_lock(&candidate->mutex);
    const size_t length = strlen(candidate->holders);
    snprintf(candidate->holders + length, sizeof candidate->holders - length, "%s ", holder);
    pthread_mutex_unlock(&candidate->mutex);
}

static void note_renewed(void *ctx, int64_t boot_ms, int64_t transitions)
{
    struct candidate *candidate = ctx;
    atomic_store(&candidate->renewed_boot_ms, boot_ms);
    atomic_store(&candidate->transitions, transitions);
    atomic_fetch_add(&candidate->renewals, 1);
}

static void start(struct server *server, struct candidate *candidate, atomic_int *leaders,
                  const char *identity, int64_t lease_ms, int64_t renew_ms)
{
    const struct zl_elector_spec spec = {
        .namespace_ = "system",
        .lease = "one",
        .identity = identity,
        .lease_duration_ms = lease_ms,
        .renew_deadline_ms = renew_ms,
        .retry_period_ms = RETRY_MS,
        .acquired = note_acquired,
        .lost = note_lost,
        .observed = note_observed,
        .renewed = note_renewed,
        .first_transitions = FIRST_TRANSITIONS,
        .ctx = candidate,
    };
    struct zl_error err = {0};
    *candidate = (struct candidate){.leaders = leaders};
    pthread_mutex_init(&candidate->mutex, NULL);
    assert_int_equal(zl_elector_new(server->client, &spec, &candidate->elector, &err), ZL_OK);
    zl_elector_start(candidate->elector);
}

static void finish(struct candidate *candidate)
{
    zl_elector_free(candidate->elector);
    pthread_mutex_destroy(&candidate->mutex);
}

static int set_up(void **state)
{
    struct server *server = zl_alloc(sizeof *server);
    pthread_mutex_init(&server->mutex, NULL);
    server->peer = zl_peer_start(serve, server);
    ZL_AUTO_FREE char *url = zl_peer_url(server->peer);
    const struct zl_kube_config config = {.server = url};
    *state = server;
    return zl_kube_client_new(&config, "test", &server->client, NULL) == ZL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct server *server = *state;
    zl_peer_stop(server->peer);
    zl_kube_client_free(server->client);
    zl_json_free(server->lease);
    zl_json_free(server->last_write);
    free(server->last_type);
    pthread_mutex_destroy(&server->mutex);
    free(server);
    return 0;
}

static void expect_holder(struct server *server, const char *holder)
{
    pthread_mutex_lock(&server->mutex);
    ZL_AUTO_FREE char *found =
        zl_strdup(zl_json_text(server->lease, "spec", "holderIdentity", NULL));
    pthread_mutex_unlock(&server->mutex);
    assert_non_null(found);
    assert_string_equal(found, holder);
}

static void test_the_first_candidate_creates_the_lease_and_renews_it(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    start(server, &a, &leaders, "a", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(atomic_load(&a.acquired) == 1);
    assert_true(zl_elector_is_leader(a.elector));
    expect_holder(server, "a");
    assert_int_equal(spec_number(server, "leaseTransitions"), FIRST_TRANSITIONS);
    assert_int_equal(spec_number(server, "leaseDurationSeconds"), 60);

    pthread_mutex_lock(&server->mutex);
    const struct cJSON *spec = zl_json_at(server->lease, "spec", NULL);
    ZL_AUTO_FREE char *acquired = zl_strdup(zl_json_text(spec, "acquireTime", NULL));
    ZL_AUTO_FREE char *renewed = zl_strdup(zl_json_text(spec, "renewTime", NULL));
    const int writes = server->writes, reads = server->reads;
    pthread_mutex_unlock(&server->mutex);
    AWAIT(count(server, &server->writes) >= writes + 3);

    int64_t first_us = 0, now_us = 0;
    pthread_mutex_lock(&server->mutex);
    assert_true(zl_time_parse(renewed, &first_us));
    assert_true(zl_time_parse(zl_json_text(server->lease, "spec", "renewTime", NULL), &now_us));
    assert_string_equal(zl_json_text(server->lease, "spec", "acquireTime", NULL), acquired);
    assert_int_equal(zl_json_i64(server->lease, -1, "spec", "leaseTransitions", NULL),
                     FIRST_TRANSITIONS);
    assert_true(now_us > first_us);
    assert_int_equal(server->reads, reads); /* a leader knows the version: it only writes */
    assert_string_equal(server->last_type, "application/merge-patch+json");
    assert_int_equal(zl_json_count(zl_json_at(server->last_write, "spec", NULL)), 5);
    assert_int_equal(zl_json_count(zl_json_at(server->last_write, "metadata", NULL)), 1);
    pthread_mutex_unlock(&server->mutex);
    assert_true(zl_elector_age_ms(a.elector) < AWAIT_LIMIT_MS);
    finish(&a);
    assert_int_equal(atomic_load(&a.lost), 0);
}

static void test_release_lets_the_other_take_over_at_once_and_never_both_lead(void **state)
{
    struct server *server = *state;
    struct candidate a, b;
    atomic_int leaders = 0;
    start(server, &a, &leaders, "a", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(atomic_load(&a.acquired) == 1);
    start(server, &b, &leaders, "b", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(count(server, &server->reads) > 3);
    assert_int_equal(atomic_load(&b.acquired), 0);
    assert_false(zl_elector_is_leader(b.elector));

    atomic_fetch_sub(&leaders, 1); /* stop does not call lost */
    const int64_t stopped_ms = zl_clock_ms();
    zl_elector_stop(a.elector);
    assert_false(zl_elector_is_leader(a.elector));
    assert_int_equal(atomic_load(&a.lost), 0);
    AWAIT(atomic_load(&b.acquired) == 1);
    assert_in_range(zl_clock_ms() - stopped_ms, 0, 3 * RETRY_MS + SLACK_MS);
    expect_holder(server, "b");
    assert_int_equal(spec_number(server, "leaseTransitions"), FIRST_TRANSITIONS + 1);
    assert_int_equal(atomic_load(&a.clashes) + atomic_load(&b.clashes), 0);
    finish(&b);
    finish(&a);
    expect_holder(server, "");
    assert_int_equal(spec_number(server, "leaseDurationSeconds"), 1);
    assert_int_equal(spec_number(server, "leaseTransitions"), FIRST_TRANSITIONS + 1);
}

static void test_two_candidates_never_lead_at_once_while_the_server_fails_and_recovers(void **state)
{
    struct server *server = *state;
    struct candidate a, b;
    atomic_int leaders = 0;
    start(server, &a, &leaders, "a", LEASE_MS, RENEW_MS);
    start(server, &b, &leaders, "b", LEASE_MS, RENEW_MS);
    AWAIT(atomic_load(&leaders) == 1);
    set_mood(server, FAILING);
    AWAIT(atomic_load(&leaders) == 0);
    set_mood(server, WELL);
    /* The loser has ended: it is the other's turn, after it has seen the record rest long enough. */
    AWAIT(atomic_load(&a.acquired) + atomic_load(&b.acquired) == 2);
    assert_int_equal(atomic_load(&a.clashes) + atomic_load(&b.clashes), 0);
    assert_true(atomic_load(&a.lost) + atomic_load(&b.lost) >= 1);
    finish(&a);
    finish(&b);
}

static void test_a_leader_that_cannot_renew_loses_within_the_deadline(void **state)
{
    static const enum mood MOODS[] = {SILENT, FAILING};
    struct server *server = *state;
    for (size_t i = 0; i < 2; i++) {
        struct candidate a;
        atomic_int leaders = 0;
        start(server, &a, &leaders, "a", LEASE_MS, RENEW_MS);
        AWAIT(atomic_load(&a.acquired) == 1);
        const int64_t failing_ms = zl_clock_ms();
        set_mood(server, MOODS[i]);
        AWAIT(!zl_elector_is_leader(a.elector));
        AWAIT(atomic_load(&a.lost) == 1);
        const int64_t after_ms = atomic_load(&a.lost_ms) - failing_ms;
        assert_in_range(after_ms, RENEW_MS / 4, RENEW_MS + SLACK_MS);
        assert_false(zl_elector_is_leader(a.elector));
        set_mood(server, WELL);
        finish(&a);
        expect_holder(server, "a"); /* a loser writes nothing any more */
        tear_down(state);
        set_up(state);
        server = *state;
    }
}

static void test_a_silent_holder_is_replaced_only_after_our_own_watch_of_the_duration(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "other"); /* its renewTime is an hour old: no reason to take over */
    start(server, &a, &leaders, "a", LEASE_MS, RENEW_MS);
    AWAIT(count(server, &server->reads) >= 3);
    const int64_t renewed_ms = zl_clock_ms();
    usurp(server, "other "); /* it is alive: the wait begins anew */
    AWAIT(atomic_load(&a.acquired) == 1);
    assert_in_range(atomic_load(&a.acquired_ms) - renewed_ms, LEASE_MS,
                    LEASE_MS + 4 * RETRY_MS + SLACK_MS);
    assert_int_equal(spec_number(server, "leaseTransitions"), 7);
    finish(&a);
    assert_string_equal(a.holders, "other other  a  ");
}

static void test_a_holder_with_a_longer_lease_is_given_that(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "other");
    pthread_mutex_lock(&server->mutex);
    zl_json_set_i64(zl_json_child(server->lease, "spec"), "leaseDurationSeconds", 3600);
    pthread_mutex_unlock(&server->mutex);
    const int64_t start_ms = zl_clock_ms();
    start(server, &a, &leaders, "a", LEASE_MS, RENEW_MS);
    AWAIT(zl_clock_ms() - start_ms > LEASE_MS + 3 * RETRY_MS);
    assert_int_equal(atomic_load(&a.acquired), 0);
    finish(&a);
    expect_holder(server, "other");
}

/* With a retry period that is far longer than the test: nothing but the poke can be why it looks. */
static void start_patient(struct server *server, struct candidate *candidate, atomic_int *leaders)
{
    const struct zl_elector_spec spec = {.namespace_ = "system",
                                         .lease = "one",
                                         .identity = "a",
                                         .lease_duration_ms = 4 * AWAIT_LIMIT_MS,
                                         .renew_deadline_ms = 3 * AWAIT_LIMIT_MS,
                                         .retry_period_ms = 2 * AWAIT_LIMIT_MS,
                                         .acquired = note_acquired,
                                         .lost = note_lost,
                                         .ctx = candidate};
    *candidate = (struct candidate){.leaders = leaders};
    pthread_mutex_init(&candidate->mutex, NULL);
    assert_int_equal(zl_elector_new(server->client, &spec, &candidate->elector, NULL), ZL_OK);
    zl_elector_start(candidate->elector);
}

static void test_a_candidate_that_is_poked_looks_at_once(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "other");
    start_patient(server, &a, &leaders);
    AWAIT(count(server, &server->reads) == 1);
    usurp(server, "");
    zl_elector_poke(a.elector, NULL);
    AWAIT(atomic_load(&a.acquired) == 1);
    finish(&a);
}

/* The Lease as a watch would show it now. The caller frees. */
static struct cJSON *lease_now(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    struct cJSON *lease = zl_json_copy(server->lease);
    pthread_mutex_unlock(&server->mutex);
    return lease;
}

static void test_a_candidate_that_is_shown_the_lease_need_not_read_it(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "other");
    start_patient(server, &a, &leaders);
    AWAIT(count(server, &server->reads) == 1);
    usurp(server, "");
    ZL_AUTO_JSON struct cJSON *shown = lease_now(server);
    zl_elector_poke(a.elector, shown);
    AWAIT(atomic_load(&a.acquired) == 1);
    assert_int_equal(count(server, &server->reads), 1);
    finish(&a);
}

/* What was shown is older than what is there. */
static void test_a_lease_that_is_shown_late_is_not_taken_from_its_holder(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "");
    ZL_AUTO_JSON struct cJSON *shown = lease_now(server);
    usurp(server, "other");
    start_patient(server, &a, &leaders);
    AWAIT(count(server, &server->reads) == 1);
    zl_elector_poke(a.elector, shown);
    AWAIT(count(server, &server->conflicts) == 1);
    expect_holder(server, "other");
    usurp(server, "");
    zl_elector_poke(a.elector, NULL);
    AWAIT(atomic_load(&a.acquired) == 1);
    assert_int_equal(count(server, &server->conflicts), 1);
    finish(&a);
}

static void test_each_renewal_is_told_with_the_time_before_its_request(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    const int64_t before_ms = zl_clock_boot_ms();
    start(server, &a, &leaders, "a", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(atomic_load(&a.renewals) == 1);
    assert_in_range(atomic_load(&a.renewed_boot_ms), before_ms, zl_clock_boot_ms());
    assert_int_equal(atomic_load(&a.transitions), FIRST_TRANSITIONS);
    AWAIT(atomic_load(&a.renewals) >= 3);
    set_mood(server, FAILING);
    const int64_t failing_ms = zl_clock_boot_ms();
    const int reads = count(server, &server->reads);
    AWAIT(zl_clock_boot_ms() > failing_ms + 3 * RETRY_MS);
    assert_int_equal(count(server, &server->reads), reads); /* refused before they count */
    assert_true(atomic_load(&a.renewed_boot_ms) <= failing_ms);
    finish(&a);
}

static void test_a_lease_of_coordinated_leader_election_is_never_taken(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "");
    pthread_mutex_lock(&server->mutex);
    zl_json_set_text(zl_json_child(server->lease, "spec"), "strategy", "OldestEmulationVersion");
    pthread_mutex_unlock(&server->mutex);
    start(server, &a, &leaders, "a", LEASE_MS, RENEW_MS);
    AWAIT(count(server, &server->reads) > 3);
    assert_int_equal(server->writes, 0);
    finish(&a);
}

static void test_a_conflict_is_read_and_tried_again(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "");
    set_mood(server, CONFLICT_ONCE);
    start(server, &a, &leaders, "a", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(atomic_load(&a.acquired) == 1);
    assert_int_equal(count(server, &server->conflicts), 1);
    const int writes = count(server, &server->writes);
    set_mood(server, CONFLICT_ONCE);
    AWAIT(count(server, &server->conflicts) == 2 && count(server, &server->writes) > writes + 3);
    assert_int_equal(atomic_load(&a.lost), 0);
    assert_true(zl_elector_is_leader(a.elector));
    finish(&a);
}

static void test_a_leader_that_sees_another_holder_has_lost_at_once(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    start(server, &a, &leaders, "a", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(atomic_load(&a.acquired) == 1);
    usurp(server, "other");
    AWAIT(atomic_load(&a.lost) == 1);
    finish(&a);
    expect_holder(server, "other");
}

static void test_stop_of_a_candidate_leaves_the_lease_alone(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "other");
    start(server, &a, &leaders, "a", LONG_LEASE_MS, LONG_RENEW_MS);
    AWAIT(count(server, &server->reads) >= 1);
    finish(&a);
    assert_int_equal(server->writes, 0);
    assert_int_equal(atomic_load(&a.acquired), 0);
}

static void test_a_release_that_meets_another_write_is_tried_again(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    start_patient(server, &a, &leaders); /* no renewal comes between */
    AWAIT(atomic_load(&a.acquired) == 1);
    pthread_mutex_lock(&server->mutex);
    server->is_labelled_at_release = true;
    pthread_mutex_unlock(&server->mutex);
    finish(&a);
    assert_int_equal(server->conflicts, 1);
    expect_holder(server, "");
}

static void test_a_release_is_not_lost_by_one_failure(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    start_patient(server, &a, &leaders);
    AWAIT(atomic_load(&a.acquired) == 1);
    set_mood(server, FAIL_ONCE);
    finish(&a);
    assert_int_equal(server->mood, WELL);
    expect_holder(server, "");
}

static void test_a_release_takes_nothing_from_who_came_first(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    start_patient(server, &a, &leaders);
    AWAIT(atomic_load(&a.acquired) == 1);
    usurp(server, "other");
    finish(&a);
    assert_int_equal(server->conflicts, 1);
    expect_holder(server, "other");
}

static void test_a_candidate_that_stops_gives_back_what_it_may_have_taken(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    usurp(server, "");
    set_mood(server, LOSE_ONCE);
    start_patient(server, &a, &leaders);
    AWAIT(count(server, &server->lost_answers) == 1);
    finish(&a);
    assert_int_equal(atomic_load(&a.acquired), 0);
    expect_holder(server, "");
}

static void test_a_release_gives_up_soon_where_no_server_is(void **state)
{
    struct server *server = *state;
    struct candidate a;
    atomic_int leaders = 0;
    start_patient(server, &a, &leaders);
    AWAIT(atomic_load(&a.acquired) == 1);
    set_mood(server, FAILING);
    const int64_t began_ms = zl_clock_ms();
    finish(&a);
    assert_true(zl_clock_ms() - began_ms <
                AWAIT_LIMIT_MS); /* the renew deadline is three times that */
}

static void test_durations_must_leave_room_for_each_other(void **state)
{
    static const struct {
        int64_t lease_ms, renew_ms, retry_ms;
        enum zl_status status;
    } CASES[] = {
        {0, 0, 0, ZL_OK},
        {300, 200, 100, ZL_OK},
        {300, 300, 100, ZL_E_INVALID},
        {300, 120, 100, ZL_E_INVALID},
        {300, 121, 100, ZL_OK},
        {300, 200, -1, ZL_E_INVALID},
        {9000, 0, 0, ZL_E_INVALID},
    };
    struct server *server = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct zl_elector_spec spec = {.namespace_ = "n",
                                             .lease = "l",
                                             .identity = "i",
                                             .lease_duration_ms = CASES[i].lease_ms,
                                             .renew_deadline_ms = CASES[i].renew_ms,
                                             .retry_period_ms = CASES[i].retry_ms};
        struct zl_elector *elector = NULL;
        assert_int_equal(zl_elector_new(server->client, &spec, &elector, NULL), CASES[i].status);
        zl_elector_free(elector);
    }
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_candidate_creates_the_lease_and_renews_it),
        TEST(test_release_lets_the_other_take_over_at_once_and_never_both_lead),
        TEST(test_two_candidates_never_lead_at_once_while_the_server_fails_and_recovers),
        TEST(test_a_leader_that_cannot_renew_loses_within_the_deadline),
        TEST(test_a_silent_holder_is_replaced_only_after_our_own_watch_of_the_duration),
        TEST(test_a_holder_with_a_longer_lease_is_given_that),
        TEST(test_a_candidate_that_is_poked_looks_at_once),
        TEST(test_a_candidate_that_is_shown_the_lease_need_not_read_it),
        TEST(test_a_lease_that_is_shown_late_is_not_taken_from_its_holder),
        TEST(test_each_renewal_is_told_with_the_time_before_its_request),
        TEST(test_a_lease_of_coordinated_leader_election_is_never_taken),
        TEST(test_a_conflict_is_read_and_tried_again),
        TEST(test_a_leader_that_sees_another_holder_has_lost_at_once),
        TEST(test_stop_of_a_candidate_leaves_the_lease_alone),
        TEST(test_a_release_that_meets_another_write_is_tried_again),
        TEST(test_a_release_is_not_lost_by_one_failure),
        TEST(test_a_release_takes_nothing_from_who_came_first),
        TEST(test_a_candidate_that_stops_gives_back_what_it_may_have_taken),
        TEST(test_a_release_gives_up_soon_where_no_server_is),
        TEST(test_durations_must_leave_room_for_each_other),
    };
    zl_kube_init();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
