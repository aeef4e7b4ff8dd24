/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/kube/client.h"
#include "test/unit/peer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/await.h" /* after cmocka.h */

/* One watch: what the peer sends, and what came of it. */
struct scene {
    void (*serve)(struct zl_peer_call *call);
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_kube_stop *stop;
    char path[512]; /* asked of the peer; read after the peer was stopped */
    char seen[256]; /* "ADDED a;BOOKMARK ;" */
    int opened;
    const char *fail_at; /* the name at which EVENT fails */
    const char *stop_at; /* the name at which EVENT sets the stop */
    const struct zl_json_shape *shape;
    bool takes_cut, is_cut;
    struct zl_error err;
};

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct scene *scene = ctx;
    snprintf(scene->path, sizeof scene->path, "%s", zl_peer_path(call));
    scene->serve(call);
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct scene *scene = ctx;
    size_t length = strlen(scene->seen);
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    snprintf(scene->seen + length, sizeof scene->seen - length, "%s %s%s;", type, name ? name : "",
             scene->is_cut ? " cut" : "");
    if (scene->fail_at != NULL && zl_same_string(name, scene->fail_at)) {
        return zl_error_set(err, ZL_E_GONE, "the reader says so");
    }
    if (scene->stop_at != NULL && zl_same_string(name, scene->stop_at)) {
        zl_kube_stop_set(scene->stop);
    }
    return ZL_OK;
}

static void on_opened(void *ctx)
{
    struct scene *scene = ctx;
    scene->opened++;
}

static void setup(struct scene *scene)
{
    ZL_AUTO_FREE char *url = NULL;
    scene->peer = zl_peer_start(serve, scene);
    url = zl_peer_url(scene->peer);
    const struct zl_kube_config config = {.server = url};
    assert_int_equal(zl_kube_client_new(&config, "zen-lead-test/1", &scene->client, NULL), ZL_OK);
    scene->stop = zl_kube_stop_new();
}

static void teardown(struct scene *scene)
{
    zl_peer_stop(scene->peer);
    zl_kube_client_free(scene->client);
    zl_kube_stop_free(scene->stop);
}

static enum zl_status watch(struct scene *scene)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS,
                                          .namespace_ = "a",
                                          .shape = scene->shape,
                                          .is_cut = scene->takes_cut ? &scene->is_cut : NULL};
    const struct zl_kube_selector selector = {.label = "x=y"};
    scene->err = (struct zl_error){0};
    return zl_kube_watch(scene->client, &target, &selector, "41", 60, scene->stop, on_event,
                         on_opened, scene, &scene->err);
}

static void piece(struct zl_peer_call *call, const char *text)
{
    zl_peer_piece(call, text, strlen(text));
}

#define EVENT(type, name)                                                                          \
    "{\"type\":\"" type "\",\"object\":{\"metadata\":{\"name\":\"" name "\"}}}\n"

/* ---- what a server can send ------------------------------------------------------------------ */

static void send_events(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    piece(call, EVENT("ADDED", "a") EVENT("MODIFIED", "b"));
    piece(call, EVENT("DELETED", "c"));
    piece(call, "{\"type\":\"BOOKMARK\",\"object\":{}}\n{\"type\":\"ERROR\",\"object\":"
                "{\"kind\":\"Status\",\"code\":410}}\n");
    zl_peer_end(call);
}

static void send_byte_by_byte(struct zl_peer_call *call)
{
    const char *text = EVENT("ADDED", "a") "\n\n" EVENT("ADDED", "b");
    zl_peer_begin(call, 200);
    for (const char *at = text; *at != '\0'; at++) {
        zl_peer_piece(call, at, 1);
    }
    zl_peer_end(call);
}

static void send_nothing(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    zl_peer_end(call);
}

static void cut_in_a_line(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    piece(call, EVENT("ADDED", "a") "{\"type\":\"ADDED\",");
    zl_peer_cut(call);
}

static void end_in_a_line(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    piece(call, EVENT("ADDED", "a") "{\"type\":\"ADDED\",");
    zl_peer_end(call);
}

static void send_garbage(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    piece(call, EVENT("ADDED", "a") "<html>\n" EVENT("ADDED", "b"));
    zl_peer_end(call);
}

static void send_no_event(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    piece(call, "{\"type\":\"ADDED\",\"object\":7}\n");
    zl_peer_end(call);
}

static void send_huge_line(struct zl_peer_call *call)
{
    const size_t length = 1 << 20;
    ZL_AUTO_FREE char *bytes = zl_alloc(length);
    memset(bytes, 'x', length);
    zl_peer_begin(call, 200);
    piece(call, EVENT("ADDED", "a") "{\"type\":\"");
    for (size_t i = 0; i <= ZL_WHOLE_ANSWER_MAX / length; i++) {
        zl_peer_piece(call, bytes, length);
    }
    piece(call, "\",\"object\":{}}\n" EVENT("ADDED", "b"));
    zl_peer_end(call);
}

/* As large as one that etcd stores can be as JSON, twelve MiB of "<", and one of which too much would be kept. */
static void send_fat_objects(struct zl_peer_call *call)
{
    static const char ESCAPED[] = "\\u003c";
    const size_t count = (1 << 20) / 6;
    struct zl_buf text;
    zl_buf_init(&text, 2 * ZL_MIB);
    for (size_t i = 0; i < count; i++) {
        zl_buf_add_text(&text, ESCAPED);
    }
    zl_peer_begin(call, 200);
    piece(call, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"fat\"},\"spec\":\"");
    for (int i = 0; i < 12; i++) {
        zl_peer_piece(call, text.data, text.length);
    }
    piece(call, "\"}}\n" EVENT("ADDED", "b") "{\"type\":\"ADDED\",\"object\":{\"metadata\":"
                                             "{\"labels\":{\"a\":\"");
    zl_peer_piece(call, text.data, text.length);
    piece(call, "\"},\"name\":\"cut\"}}}\n" EVENT("ADDED", "c"));
    zl_peer_end(call);
    zl_buf_clear(&text);
}

static void send_large_line(struct zl_peer_call *call)
{
    const size_t length = (3 << 20) + 5;
    ZL_AUTO_FREE char *bytes = zl_alloc(length);
    memset(bytes, 'x', length);
    zl_peer_begin(call, 200);
    piece(call, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"large\",\"uid\":\"");
    zl_peer_piece(call, bytes, length);
    piece(call, "\"}}}\n" EVENT("ADDED", "b"));
    zl_peer_end(call);
}

static void refuse_gone(struct zl_peer_call *call)
{
    zl_peer_answer(
        call, 410, NULL,
        "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}\n");
}

static void refuse_for_now(struct zl_peer_call *call)
{
    zl_peer_answer(call, 429, "Retry-After: 3\r\n", "");
}

static void refuse_without_status(struct zl_peer_call *call)
{
    zl_peer_answer(call, 503, NULL, "upstream connect error\n");
}

static void cut_at_once(struct zl_peer_call *call)
{
    zl_peer_cut(call);
}

static void test_a_watch_delivers_what_the_server_sends(void **state)
{
    (void)state;
    static const struct {
        void (*serve)(struct zl_peer_call *call);
        enum zl_status status;
        int opened;
        const char *seen;
        const char *message;
    } ROWS[] = {
        {send_events, ZL_OK, 1, "ADDED a;MODIFIED b;DELETED c;BOOKMARK ;ERROR ;", ""},
        {send_byte_by_byte, ZL_OK, 1, "ADDED a;ADDED b;", ""},
        {send_nothing, ZL_OK, 1, "", ""},
        {send_large_line, ZL_OK, 1, "ADDED large;ADDED b;", ""},
        {cut_in_a_line, ZL_E_TRANSIENT, 1, "ADDED a;", "WATCH pods a: "},
        {end_in_a_line, ZL_E_TRANSIENT, 1, "ADDED a;", "middle of a line"},
        {send_garbage, ZL_E_TRANSIENT, 1, "ADDED a;", "not JSON"},
        {send_no_event, ZL_E_TRANSIENT, 1, "", "not a watch event"},
        {send_huge_line, ZL_E_TOO_LARGE, 1, "ADDED a;", "too large"},
        {refuse_gone, ZL_E_GONE, 0, "", "WATCH pods a: old"},
        {refuse_for_now, ZL_E_THROTTLED, 0, "", "WATCH pods a: HTTP 429"},
        {refuse_without_status, ZL_E_TRANSIENT, 0, "", "HTTP 503: upstream connect error"},
        {cut_at_once, ZL_E_TRANSIENT, 0, "", "WATCH pods a: "},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct scene scene = {.serve = ROWS[i].serve};
        setup(&scene);
        assert_int_equal(watch(&scene), ROWS[i].status);
        assert_string_equal(scene.seen, ROWS[i].seen);
        assert_int_equal(scene.opened, ROWS[i].opened);
        if (strstr(scene.err.message, ROWS[i].message) == NULL) {
            fail_msg("\"%s\" is not in: %s", ROWS[i].message, scene.err.message);
        }
        assert_int_equal(scene.err.retry_after_ms, ROWS[i].serve == refuse_for_now ? 3000 : 0);
        teardown(&scene);
    }
}

static const struct zl_json_shape METADATA[] = {
    {.name = "name"}, {.name = "labels"}, {.name = NULL}};
static const struct zl_json_shape SHAPE[] = {{.name = "metadata", .members = METADATA},
                                             {.name = NULL}};

static void test_an_object_of_any_size_passes(void **state)
{
    (void)state;
    struct scene taken = {.serve = send_fat_objects, .shape = SHAPE, .takes_cut = true};
    setup(&taken);
    assert_int_equal(watch(&taken), ZL_OK);
    assert_string_equal(taken.seen, "ADDED fat;ADDED b;ADDED cut cut;ADDED c;");
    teardown(&taken);
    struct scene refused = {.serve = send_fat_objects, .shape = SHAPE};
    setup(&refused);
    assert_int_equal(watch(&refused), ZL_E_TOO_LARGE);
    assert_string_equal(refused.seen, "ADDED fat;ADDED b;");
    assert_string_equal(refused.err.message,
                        "WATCH pods a: what is read of an object is too large");
    teardown(&refused);
}

/* The shape is that of a pod; what the server says of an error is read all the same. */
static enum zl_status on_error(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    (void)ctx;
    return strcmp(type, "ERROR") == 0 ? zl_kube_status_decode(object, 0, err) : ZL_OK;
}

static void test_an_error_event_is_read_whatever_the_shape(void **state)
{
    (void)state;
    struct scene scene = {.serve = send_events};
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS, .shape = SHAPE};
    setup(&scene);
    assert_int_equal(zl_kube_watch(scene.client, &target, NULL, "41", 60, scene.stop, on_error,
                                   NULL, NULL, &scene.err),
                     ZL_E_GONE);
    teardown(&scene);
}

static void test_a_watch_asks_for_bookmarks_from_a_version(void **state)
{
    (void)state;
    struct scene scene = {.serve = send_nothing};
    setup(&scene);
    assert_int_equal(watch(&scene), ZL_OK);
    teardown(&scene);
    assert_string_equal(scene.path, "/api/v1/namespaces/a/pods?labelSelector=x%3Dy&watch=true"
                                    "&allowWatchBookmarks=true&resourceVersion=41"
                                    "&timeoutSeconds=60");
}

static void test_a_failing_reader_ends_the_watch(void **state)
{
    (void)state;
    struct scene scene = {.serve = send_events, .fail_at = "b"};
    setup(&scene);
    assert_int_equal(watch(&scene), ZL_E_GONE);
    assert_string_equal(scene.err.message, "the reader says so");
    assert_string_equal(scene.seen, "ADDED a;MODIFIED b;");
    teardown(&scene);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void test_a_stop_from_the_reader_ends_the_watch(void **state)
{
    (void)state;
    struct scene scene = {.serve = send_events, .stop_at = "b"};
    setup(&scene);
    assert_int_equal(watch(&scene), ZL_E_STOPPED);
    assert_string_equal(scene.seen, "ADDED a;MODIFIED b;");
    assert_int_equal(watch(&scene), ZL_E_STOPPED); /* until it is cleared */
    zl_kube_stop_clear(scene.stop);
    scene.stop_at = NULL;
    assert_int_equal(watch(&scene), ZL_OK);
    teardown(&scene);
}

static atomic_bool holding;

static void hold_silently(struct zl_peer_call *call)
{
    atomic_store(&holding, true);
    zl_peer_hold(call);
}

static void hold_after_an_event(struct zl_peer_call *call)
{
    zl_peer_begin(call, 200);
    piece(call, EVENT("ADDED", "a") "{\"type\":");
    atomic_store(&holding, true);
    zl_peer_hold(call);
}

static void *stop_when_holding(void *argument)
{
    struct scene *scene = argument;
    while (!atomic_load(&holding)) {
        usleep(1000);
    }
    usleep(
        20000); /* the watch waits in its poll by now; were it not, the stop would end it as well */
    zl_kube_stop_set(scene->stop);
    return NULL;
}

enum { AT_ONCE_MS = 800 }; /* the poll alone takes 1000 */

/* Returns the milliseconds that the watch lasted, the 20 before the stop among them. */
static int64_t stop_a_watch(struct scene *scene)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_when_holding, scene), 0);
    int64_t started_ms = zl_clock_ms();
    assert_int_equal(watch(scene), ZL_E_STOPPED);
    int64_t took_ms = zl_clock_ms() - started_ms;
    assert_int_equal(pthread_join(thread, NULL), 0);
    return took_ms;
}

static void test_a_stop_from_another_thread_ends_a_waiting_watch_at_once(void **state)
{
    (void)state;
    void (*const serves[])(struct zl_peer_call *) = {hold_silently, hold_after_an_event};
    for (size_t i = 0; i < 2; i++) {
        int64_t took_ms = INT64_MAX;
        for (int attempt = 0; took_ms > AT_ONCE_MS && attempt < AT_ONCE_TRIES; attempt++) {
            struct scene scene = {.serve = serves[i]};
            atomic_store(&holding, false);
            setup(&scene);
            took_ms = stop_a_watch(&scene);
            assert_true(zl_kube_stop_is_set(scene.stop));
            teardown(&scene);
        }
        assert_in_range(took_ms, 0, AT_ONCE_MS);
    }
}

/* A listener whose queue is full: a connect to it hangs. */
static int full_listener(struct sockaddr_in *address, int fillers[], size_t count)
{
    socklen_t length = sizeof *address;
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)address, length), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)address, &length), 0);
    for (size_t i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)address, length);
    }
    return listener;
}

static void test_a_stop_ends_a_watch_that_still_connects(void **state)
{
    (void)state;
    int fillers[4];
    struct sockaddr_in address;
    int64_t took_ms = INT64_MAX;
    int listener = full_listener(&address, fillers, 4);
    ZL_AUTO_FREE char *url = zl_asprintf("http://127.0.0.1:%d", ntohs(address.sin_port));
    const struct zl_kube_config config = {.server = url};
    for (int attempt = 0; took_ms > AT_ONCE_MS && attempt < AT_ONCE_TRIES; attempt++) {
        struct scene scene = {.serve = send_nothing};
        setup(&scene);
        zl_kube_client_free(scene.client);
        assert_int_equal(zl_kube_client_new(&config, "x", &scene.client, NULL), ZL_OK);
        atomic_store(&holding, true);
        took_ms = stop_a_watch(&scene);
        teardown(&scene);
    }
    assert_in_range(took_ms, 0, AT_ONCE_MS);
    for (size_t i = 0; i < 4; i++) {
        close(fillers[i]);
    }
    close(listener);
}

static void test_a_second_watch_works_after_a_cut(void **state)
{
    (void)state;
    struct scene scene = {.serve = cut_in_a_line};
    setup(&scene);
    for (int i = 0; i < 3; i++) {
        scene.seen[0] = '\0';
        assert_int_equal(watch(&scene), ZL_E_TRANSIENT);
        assert_string_equal(scene.seen, "ADDED a;");
    }
    assert_int_equal(scene.opened, 3);
    teardown(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_watch_delivers_what_the_server_sends),
        cmocka_unit_test(test_an_object_of_any_size_passes),
        cmocka_unit_test(test_an_error_event_is_read_whatever_the_shape),
        cmocka_unit_test(test_a_watch_asks_for_bookmarks_from_a_version),
        cmocka_unit_test(test_a_failing_reader_ends_the_watch),
        cmocka_unit_test(test_a_stop_from_the_reader_ends_the_watch),
        cmocka_unit_test(test_a_stop_from_another_thread_ends_a_waiting_watch_at_once),
        cmocka_unit_test(test_a_stop_ends_a_watch_that_still_connects),
        cmocka_unit_test(test_a_second_watch_works_after_a_cut),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
