/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/events.h"

#include "test/unit/peer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

enum { CALLS_MAX = 64 };

struct seen {
    char *method;
    char *path;
    struct cJSON *body;
};

struct fixture {
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_events *events;
    pthread_mutex_t mutex;
    struct seen calls[CALLS_MAX];
    int count;
    int statuses[CALLS_MAX]; /* answers in order; 0: what is right; -1: silence */
};

static const struct zl_event_object POD = {"v1", "Pod", "shop", "cart-0", "uid-1"};

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct fixture *fixture = ctx;
    int status = 0;
    pthread_mutex_lock(&fixture->mutex);
    if (fixture->count < CALLS_MAX) {
        struct seen *seen = &fixture->calls[fixture->count];
        const char *body = zl_peer_body(call);
        seen->method = zl_strdup(zl_peer_method(call));
        seen->path = zl_strdup(zl_peer_path(call));
        if (zl_json_parse(body, strlen(body), &seen->body, NULL) != ZL_OK) {
            abort();
        }
        status = fixture->statuses[fixture->count++];
    }
    pthread_mutex_unlock(&fixture->mutex);
    if (status < 0) {
        zl_peer_hold(call);
    } else if (status == 0) {
        status = strcmp(zl_peer_method(call), "POST") == 0 ? 201 : 200;
    }
    zl_peer_answer(call, status, NULL, "{}");
}

static int calls(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    const int count = fixture->count;
    pthread_mutex_unlock(&fixture->mutex);
    return count;
}

static int set_up(void **state)
{
    struct fixture *fixture = zl_alloc(sizeof *fixture);
    pthread_mutex_init(&fixture->mutex, NULL);
    fixture->peer = zl_peer_start(serve, fixture);
    ZL_AUTO_FREE char *url = zl_peer_url(fixture->peer);
    const struct zl_kube_config config = {.server = url};
    if (zl_kube_client_new(&config, "test", &fixture->client, NULL) != ZL_OK) {
        return -1;
    }
    fixture->events = zl_events_new(fixture->client, "zen-lead-controller");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    zl_events_free(fixture->events, 0);
    zl_peer_stop(fixture->peer);
    zl_kube_client_free(fixture->client);
    for (int i = 0; i < fixture->count; i++) {
        free(fixture->calls[i].method);
        free(fixture->calls[i].path);
        zl_json_free(fixture->calls[i].body);
    }
    pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

/* The call of that number, from 0, was METHOD on a path that begins with PATH. */
static const struct cJSON *expect_call(struct fixture *fixture, int index, const char *method,
                                       const char *path)
{
    assert_true(calls(fixture) > index);
    assert_string_equal(fixture->calls[index].method, method);
    if (strncmp(fixture->calls[index].path, path, strlen(path)) != 0) {
        fail_msg("call %d: %s, not %s", index, fixture->calls[index].path, path);
    }
    return fixture->calls[index].body;
}

static void expect_text(const struct cJSON *body, const char *field, const char *text)
{
    const char *found = zl_json_text(body, field, NULL);
    assert_non_null(found);
    assert_string_equal(found, text);
}

#define EVENTS "/api/v1/namespaces/shop/events"

static void test_a_new_event_says_all_about_it(void **state)
{
    struct fixture *fixture = *state;
    zl_events_emit(fixture->events, &POD, true, "NoReadyPods", "%d of %s", 0, "three");
    AWAIT(calls(fixture) == 1);
    const struct cJSON *event = expect_call(fixture, 0, "POST", EVENTS);
    const struct cJSON *involved = zl_json_at(event, "involvedObject", NULL);
    expect_text(event, "apiVersion", "v1");
    expect_text(event, "kind", "Event");
    expect_text(event, "type", "Warning");
    expect_text(event, "reason", "NoReadyPods");
    expect_text(event, "message", "0 of three");
    expect_text(event, "reportingComponent", "zen-lead-controller");
    assert_non_null(zl_json_text(event, "reportingInstance", NULL));
    expect_text(zl_json_at(event, "source", NULL), "component", "zen-lead-controller");
    expect_text(involved, "apiVersion", "v1");
    expect_text(involved, "kind", "Pod");
    expect_text(involved, "namespace", "shop");
    expect_text(involved, "name", "cart-0");
    expect_text(involved, "uid", "uid-1");
    expect_text(zl_json_at(event, "metadata", NULL), "namespace", "shop");
    const char *name = zl_json_text(event, "metadata", "name", NULL);
    assert_int_equal(strlen(name), strlen("cart-0.0123456789abcdef"));
    assert_int_equal(strncmp(name, "cart-0.", 7), 0);
    assert_int_equal(strspn(name + 7, "0123456789abcdef"), 16);
    assert_int_equal(zl_json_i64(event, 0, "count", NULL), 1);
    int64_t first_us = 0, last_us = 0;
    assert_true(zl_time_parse(zl_json_text(event, "firstTimestamp", NULL), &first_us));
    assert_true(zl_time_parse(zl_json_text(event, "lastTimestamp", NULL), &last_us));
    assert_true(first_us == last_us && zl_clock_wall_us() - first_us < 5000000);
}

static void test_equal_events_count_up_and_others_do_not(void **state)
{
    struct fixture *fixture = *state;
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    zl_events_emit(fixture->events, &POD, false, "Elected", "something else");
    zl_events_emit(fixture->events, &POD, true, "Elected", "now leader");
    AWAIT(calls(fixture) == 5);
    const struct cJSON *first = expect_call(fixture, 0, "POST", EVENTS);
    ZL_AUTO_FREE char *path =
        zl_asprintf(EVENTS "/%s", zl_json_text(first, "metadata", "name", NULL));
    for (int i = 1; i <= 2; i++) {
        const struct cJSON *patch = expect_call(fixture, i, "PATCH", path);
        assert_int_equal(zl_json_count(patch), 2);
        assert_int_equal(zl_json_i64(patch, 0, "count", NULL), i + 1);
        assert_non_null(zl_json_text(patch, "lastTimestamp", NULL));
    }
    expect_call(fixture, 3, "POST", EVENTS);
    expect_text(expect_call(fixture, 4, "POST", EVENTS), "type", "Warning");
}

static void test_an_event_that_is_gone_is_made_anew_and_counts_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->statuses[1] = 404;
    for (int i = 0; i < 3; i++) {
        zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    }
    AWAIT(calls(fixture) == 4);
    const struct cJSON *again = expect_call(fixture, 2, "POST", EVENTS);
    assert_int_equal(zl_json_i64(again, 0, "count", NULL), 2);
    ZL_AUTO_FREE char *path =
        zl_asprintf(EVENTS "/%s", zl_json_text(again, "metadata", "name", NULL));
    assert_int_equal(zl_json_i64(expect_call(fixture, 3, "PATCH", path), 0, "count", NULL), 3);
    assert_int_equal(zl_events_dropped(fixture->events), 0);
}

static void test_an_event_about_a_cluster_scoped_object_lives_in_default(void **state)
{
    static const struct zl_event_object NODE = {"v1", "Node", NULL, "worker", NULL};
    struct fixture *fixture = *state;
    zl_events_emit(fixture->events, &NODE, false, "Seen", "seen");
    AWAIT(calls(fixture) == 1);
    const struct cJSON *event =
        expect_call(fixture, 0, "POST", "/api/v1/namespaces/default/events");
    assert_null(zl_json_at(event, "involvedObject", "namespace", NULL));
    assert_null(zl_json_at(event, "involvedObject", "uid", NULL));
    expect_text(zl_json_at(event, "metadata", NULL), "namespace", "default");
}

static void test_long_names_and_messages_are_cut_cleanly(void **state)
{
    struct fixture *fixture = *state;
    char name[254], message[2000];
    memset(name, 'a', 253);
    name[253] = '\0';
    memcpy(name + 234, "-.", 2); /* the cut comes right after these */
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    memcpy(message + 1023, "\xc3\xa4", 2); /* a character on the limit */
    const struct zl_event_object object = {"v1", "Pod", "shop", name, "u"};
    zl_events_emit(fixture->events, &object, false, "Long", "%s", message);
    AWAIT(calls(fixture) == 1);
    const struct cJSON *event = expect_call(fixture, 0, "POST", EVENTS);
    const char *event_name = zl_json_text(event, "metadata", "name", NULL);
    assert_int_equal(strlen(event_name), 234 + 17);
    assert_int_equal(event_name[233], 'a');
    assert_int_equal(strlen(zl_json_text(event, "message", NULL)), 1023);
    expect_text(zl_json_at(event, "involvedObject", NULL), "name", name);
}

static void test_an_object_may_say_25_things_at_once_and_hinders_no_other(void **state)
{
    static const struct zl_event_object OTHER = {"v1", "Pod", "shop", "cart-1", "uid-2"};
    struct fixture *fixture = *state;
    for (int i = 0; i < 30; i++) {
        zl_events_emit(fixture->events, &POD, false, "Noise", "number %d", i);
    }
    assert_int_equal(zl_events_dropped(fixture->events), 5);
    zl_events_emit(fixture->events, &OTHER, false, "Noise", "one");
    AWAIT(calls(fixture) == 26);
    const struct cJSON *last = expect_call(fixture, 25, "POST", EVENTS);
    expect_text(zl_json_at(last, "involvedObject", NULL), "name", "cart-1");
    assert_int_equal(zl_events_dropped(fixture->events), 5);
}

static void test_a_full_queue_drops_and_does_not_block(void **state)
{
    struct fixture *fixture = *state;
    fixture->statuses[0] = -1;
    const int64_t start_ms = zl_clock_ms();
    for (int i = 0; i < 1100; i++) {
        char name[16];
        snprintf(name, sizeof name, "pod-%d", i);
        const struct zl_event_object object = {"v1", "Pod", "shop", name, "u"};
        zl_events_emit(fixture->events, &object, false, "Seen", "seen");
    }
    assert_in_range(zl_clock_ms() - start_ms, 0, 8000); /* the silence alone lasts 11 s */
    assert_in_range(zl_events_dropped(fixture->events), 99, 100);
    zl_peer_stop(fixture->peer); /* ends the silence */
    fixture->peer = NULL;
}

static void test_a_refused_event_is_dropped_and_the_next_starts_afresh(void **state)
{
    struct fixture *fixture = *state;
    fixture->statuses[0] = 403;
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    AWAIT(zl_events_dropped(fixture->events) == 1);
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    AWAIT(calls(fixture) == 2);
    const struct cJSON *event = expect_call(fixture, 1, "POST", EVENTS);
    assert_int_equal(zl_json_i64(event, 0, "count", NULL), 1);
}

static void test_a_failed_write_is_tried_again_under_the_same_name(void **state)
{
    struct fixture *fixture = *state;
    fixture->statuses[0] = 500; /* it may have been written all the same: */
    fixture->statuses[1] = 409;
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    zl_events_emit(fixture->events, &POD, false, "Elected", "now leader");
    AWAIT(calls(fixture) == 3);
    const char *name =
        zl_json_text(expect_call(fixture, 0, "POST", EVENTS), "metadata", "name", NULL);
    expect_text(zl_json_at(expect_call(fixture, 1, "POST", EVENTS), "metadata", NULL), "name",
                name);
    expect_call(fixture, 2, "PATCH", EVENTS);
    assert_int_equal(zl_events_dropped(fixture->events), 0);
}

static void test_free_delivers_what_is_queued(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        zl_events_emit(fixture->events, &POD, false, "Noise", "number %d", i);
    }
    zl_events_free(fixture->events, 5000);
    fixture->events = NULL;
    assert_int_equal(calls(fixture), 20);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

/* Finding 9: a warning that is repeated for ever leaves room for what happens. */
static void test_one_reason_takes_nothing_from_another(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 40; i++) {
        zl_events_emit(fixture->events, &POD, true, "InvalidService", "look %d", i);
    }
    zl_events_emit(fixture->events, &POD, false, "LeaderElected", "cart-0 leads");
    AWAIT(calls(fixture) == 26);
    expect_text(expect_call(fixture, 25, "POST", EVENTS), "reason", "LeaderElected");
}

static void test_what_stands_is_told_once(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 100; i++) {
        zl_events_remind(fixture->events, &POD, 1, true, "InvalidService", "no name of a Service");
    }
    zl_events_remind(fixture->events, &POD, 1, true, "InvalidService", "another text");
    zl_events_emit(fixture->events, &POD, false, "Last", "end");
    AWAIT(calls(fixture) == 3);
    expect_text(expect_call(fixture, 0, "POST", EVENTS), "message", "no name of a Service");
    expect_text(expect_call(fixture, 1, "POST", EVENTS), "message", "another text");
    expect_text(expect_call(fixture, 2, "POST", EVENTS), "reason", "Last");
    assert_int_equal(zl_events_dropped(fixture->events), 0);
}

/* However many objects there are in which something stands: far more than what is remembered of each. */
static void test_what_stands_in_thousands_is_told_of_some(void **state)
{
    enum { OBJECTS = 5000, AT_ONCE = 600, A_SECOND = 50 };
    struct fixture *fixture = *state;
    const int64_t began_ms = zl_clock_ms();
    for (int i = 0; i < OBJECTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "pool-%d", i);
        const struct zl_event_object object = {
            .api_version = "v1", .kind = "Pod", .namespace_ = "shop", .name = name, .uid = name};
        zl_events_remind(fixture->events, &object, 1, true, "PortResolutionFailed", "no such port");
    }
    zl_events_emit(fixture->events, &POD, false, "Last", "end");
    zl_events_free(fixture->events, 60000);
    fixture->events = NULL;
    const int told = zl_peer_calls(fixture->peer) - 1;
    const int64_t took_s = (zl_clock_ms() - began_ms) / 1000 + 1;
    assert_in_range(told, AT_ONCE, AT_ONCE + A_SECOND * took_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_event_says_all_about_it),
        TEST(test_equal_events_count_up_and_others_do_not),
        TEST(test_an_event_that_is_gone_is_made_anew_and_counts_on),
        TEST(test_an_event_about_a_cluster_scoped_object_lives_in_default),
        TEST(test_long_names_and_messages_are_cut_cleanly),
        TEST(test_one_reason_takes_nothing_from_another),
        TEST(test_what_stands_is_told_once),
        TEST(test_what_stands_in_thousands_is_told_of_some),
        TEST(test_an_object_may_say_25_things_at_once_and_hinders_no_other),
        TEST(test_a_full_queue_drops_and_does_not_block),
        TEST(test_a_refused_event_is_dropped_and_the_next_starts_afresh),
        TEST(test_a_failed_write_is_tried_again_under_the_same_name),
        TEST(test_free_delivers_what_is_queued),
    };
    zl_kube_init();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
