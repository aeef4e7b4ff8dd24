/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/metrics.h"
#include "test/unit/script.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

/* ---- connections ----------------------------------------------------------------------------- */

static void cut_every_second(const struct zl_script *now, struct zl_peer_call *call)
{
    if (zl_peer_number(call) % 2 == 0) {
        zl_peer_cut(call);
    } else {
        zl_peer_answer(call, now->status, NULL, now->body);
    }
}

static void test_a_kept_alive_connection_that_died_is_replaced_unseen(void **state)
{
    (void)state;
    zl_play((struct zl_script){.serve = cut_every_second, .status = 200, .body = "{}"});
    for (int i = 0; i < 4; i++) {
        assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
    }
    assert_int_equal(zl_peer_calls(zl_the_peer), 7); /* 1, then cut and repeated three times */
}

static void cut_half_way(const struct zl_script *now, struct zl_peer_call *call)
{
    (void)now;
    zl_peer_begin(call, 200);
    zl_peer_piece(call, "{\"half\":", 8);
    zl_peer_cut(call);
}

static void test_a_cut_in_the_middle_of_an_answer_is_transient(void **state)
{
    (void)state;
    struct zl_error err = {0};
    zl_play((struct zl_script){.serve = cut_half_way, .status = 200, .body = "{}"});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_TRANSIENT);
    assert_int_equal(strncmp(err.message, "GET leases default/zen-lead-a: ", 31), 0);
    assert_int_equal(err.http_status, 0);
    zl_play((struct zl_script){.status = 200, .body = "{}"});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_OK);
}

static void serve_date(const struct zl_script *now, struct zl_peer_call *call)
{
    zl_peer_answer(call, now->status, now->body, "{}");
}

static void test_the_servers_clock_is_known_by_the_date_of_its_answers(void **state)
{
    (void)state;
    static const char right[] = "date: Fri, 15 Jan 2027 08:00:00 GMT\r\n";
    static const char wrong[] = "Date: one of these days\r\n", none[] = "Dates: 1\r\n";
    static const char *const heads[] = {right, wrong, none};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        zl_play((struct zl_script){.serve = serve_date, .status = 200, .body = heads[i]});
        assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
        assert_in_range(zl_kube_server_time_s(zl_the_client), 1800000000, 1800000060);
    }
    /* a refusal has a date, too */
    zl_play((struct zl_script){
        .serve = serve_date, .status = 404, .body = "Date: Fri, 15 Jan 2027 09:00:00 GMT\r\n"});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_E_NOT_FOUND);
    assert_in_range(zl_kube_server_time_s(zl_the_client), 1800003600, 1800003660);
}

static void hold(const struct zl_script *now, struct zl_peer_call *call)
{
    (void)now;
    zl_peer_hold(call);
}

static void test_a_silent_server_is_left_at_the_deadline(void **state)
{
    (void)state;
    struct zl_error err = {0};
    struct zl_kube_target target = *LEASE;
    int64_t started_ms = zl_clock_ms();
    target.deadline_ms = started_ms + 100;
    zl_play((struct zl_script){.serve = hold, .status = 200, .body = "{}"});
    assert_int_equal(zl_kube_get(zl_the_client, &target, NULL, &err), ZL_E_TRANSIENT);
    assert_in_range(zl_clock_ms() - started_ms, 90, 5000);
}

static void *cancel_when_asked(void *ctx)
{
    (void)ctx;
    while (zl_peer_calls(zl_the_peer) == 0) {
        usleep(1000);
    }
    zl_kube_client_cancel(zl_the_client);
    return NULL;
}

/* Long before the deadline of 10 s; and a call that comes afterwards does not begin to wait. */
static void test_a_cancelled_call_does_not_wait_for_its_server(void **state)
{
    struct zl_error err = {0};
    pthread_t thread;
    (void)state;
    zl_play((struct zl_script){.serve = hold, .status = 200, .body = "{}"});
    const int64_t started_ms = zl_clock_ms();
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_asked, NULL), 0);
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_STOPPED);
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_STOPPED);
    assert_true(zl_clock_ms() - started_ms < 5000);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void serve_pages(const struct zl_script *now, struct zl_peer_call *call)
{
    (void)now;
    (void)poll(NULL, 0, 20);
    zl_peer_answer(call, 200, "Content-Type: application/json\r\n",
                   "{\"metadata\":{\"continue\":\"more\"},\"items\":[]}");
}

static enum zl_status ignore(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    (void)ctx, (void)object, (void)err;
    return ZL_OK;
}

static void test_a_deadline_holds_through_the_pages_of_a_list(void **state)
{
    (void)state;
    struct zl_error err = {0};
    int64_t started_ms = zl_clock_ms();
    const struct zl_kube_target all = {.resource = &ZL_KUBE_PODS, .deadline_ms = started_ms + 300};
    zl_play((struct zl_script){.serve = serve_pages, .status = 200, .body = "{}"});
    assert_int_equal(zl_kube_list(zl_the_client, &all, NULL, ignore, NULL, NULL, &err),
                     ZL_E_TRANSIENT);
    assert_in_range(zl_clock_ms() - started_ms, 290, 5000);
}

static void test_after_the_deadline_nothing_is_sent(void **state)
{
    (void)state;
    struct zl_error err = {0};
    struct zl_kube_target target = *LEASE;
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    target.deadline_ms = zl_clock_ms();
    int calls = zl_peer_calls(zl_the_peer);
    assert_int_equal(zl_kube_patch(zl_the_client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, &err),
                     ZL_E_TRANSIENT);
    assert_non_null(strstr(err.message, "not sent"));
    assert_int_equal(zl_peer_calls(zl_the_peer), calls);
}

static void test_a_refused_connection_is_transient(void **state)
{
    (void)state;
    struct zl_error err = {0};
    zl_peer_stop(zl_the_peer);
    zl_the_peer = NULL;
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_TRANSIENT);
    assert_non_null(strstr(err.message, "GET leases default/zen-lead-a: "));
}

static void endless(const struct zl_script *now, struct zl_peer_call *call)
{
    (void)now;
    const size_t length = 1 << 20;
    ZL_AUTO_FREE char *piece = zl_alloc(length);
    memset(piece, ' ', length);
    zl_peer_begin(call, 200);
    for (size_t i = 0; i <= ZL_ANSWER_MAX / length; i++) {
        zl_peer_piece(call, piece, length);
    }
    zl_peer_end(call);
}

static void test_an_endless_answer_is_cut_off(void **state)
{
    (void)state;
    struct zl_error err = {0};
    zl_play((struct zl_script){.serve = endless, .status = 200, .body = "{}"});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "64 MiB"));
}

static void *get_many(void *argument)
{
    int *failures = argument;
    for (int i = 0; i < 50; i++) {
        ZL_AUTO_JSON struct cJSON *out = NULL;
        *failures += zl_kube_get_path(zl_the_client, "/version", &out, NULL) != ZL_OK;
    }
    return NULL;
}

static void answer_only(void *ctx, struct zl_peer_call *call)
{
    (void)ctx;
    zl_peer_answer(call, 200, NULL, "{}");
}

static void test_many_threads_share_one_client(void **state)
{
    (void)state;
    pthread_t threads[8];
    int failures[8] = {0};
    zl_script_stop(NULL);
    zl_the_peer = zl_peer_start(answer_only, NULL);
    zl_log_in((struct zl_kube_config){.token = (char[]){"t"}});
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, get_many, &failures[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
    assert_int_equal(zl_peer_calls(zl_the_peer), 400);
}

/* ---- who we are ------------------------------------------------------------------------------ */

static void test_basic_authentication_is_sent(void **state)
{
    (void)state;
    zl_log_in((struct zl_kube_config){.username = (char[]){"me"}, .password = (char[]){"pass"}});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().authorization, "Basic bWU6cGFzcw==");
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Ask until the peer sees TOKEN: the file is looked at once a second. */
static bool token_arrives(const char *token)
{
    int64_t deadline_ms = zl_clock_ms() + 60000;
    while (zl_clock_ms() < deadline_ms) {
        assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
        if (strcmp(zl_asked().authorization, token) == 0) {
            return true;
        }
        usleep(20000);
    }
    return false;
}

static void test_a_token_file_is_read_again_when_it_changes(void **state)
{
    (void)state;
    char directory[] = "/tmp/zl-token-XXXXXX";
    assert_non_null(mkdtemp(directory));
    ZL_AUTO_FREE char *path = zl_asprintf("%s/token", directory);
    ZL_AUTO_FREE char *next = zl_asprintf("%s/next", directory);
    put(path, "one\n");
    zl_log_in((struct zl_kube_config){.token_file = path, .token = (char[]){"fixed"}});
    assert_true(token_arrives("Bearer one"));
    put(next, "two");
    assert_int_equal(rename(next, path), 0); /* as a kubelet does */
    assert_true(token_arrives("Bearer two"));
    assert_int_equal(unlink(path), 0); /* gone: the last token stays */
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().authorization, "Bearer two");
    put(path, "three");
    assert_true(token_arrives("Bearer three"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void test_a_client_without_its_token_file_is_refused(void **state)
{
    (void)state;
    struct zl_kube_client *made = NULL;
    struct zl_error err = {0};
    char server[] = "https://a";
    char path[] = "/absent/token";
    const struct zl_kube_config config = {.server = server, .token_file = path};
    assert_int_equal(zl_kube_client_new(&config, "x", &made, &err), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/absent/token"));
    assert_null(made);
}

static void test_a_server_that_is_no_url_is_refused(void **state)
{
    (void)state;
    struct zl_kube_client *made = NULL;
    struct zl_error err = {0};
    char server[] = "ftp://a";
    const struct zl_kube_config config = {.server = server};
    assert_int_equal(zl_kube_client_new(&config, "x", &made, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "ftp://a"));
}

/* ---- a server that hangs behind connections that are open --------------------------------------- */

enum { OLD_CONNECTIONS = 3 };
static _Thread_local bool is_old; /* the peer has a thread for each connection */
static pthread_barrier_t all_are_asked;

static void answer_together(const struct zl_script *now, struct zl_peer_call *call)
{
    is_old = true;
    (void)pthread_barrier_wait(&all_are_asked); /* so that each has a connection of its own */
    zl_peer_answer(call, now->status, NULL, now->body);
}

static void hang_on_old_connections(const struct zl_script *now, struct zl_peer_call *call)
{
    if (is_old) {
        zl_peer_hold(call);
    } else {
        zl_peer_answer(call, now->status, NULL, now->body);
    }
}

static void *get_once(void *ctx)
{
    (void)ctx;
    (void)!zl_kube_get(zl_the_client, LEASE, NULL, NULL);
    return NULL;
}

/* A renewal that timed out must not find out about each kept connection one by one, until its deadline is over. */
static void test_after_a_timeout_no_connection_from_before_is_used(void **state)
{
    pthread_t threads[OLD_CONNECTIONS];
    struct zl_kube_target target = *LEASE;
    (void)state;
    (void)pthread_barrier_init(&all_are_asked, NULL, OLD_CONNECTIONS);
    zl_play((struct zl_script){.serve = answer_together, .status = 200, .body = "{}"});
    for (size_t i = 0; i < OLD_CONNECTIONS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, get_once, NULL), 0);
    }
    for (size_t i = 0; i < OLD_CONNECTIONS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    zl_play((struct zl_script){.serve = hang_on_old_connections, .status = 200, .body = "{}"});
    target.deadline_ms = zl_clock_ms() + 100;
    assert_int_equal(zl_kube_get(zl_the_client, &target, NULL, NULL), ZL_E_TRANSIENT);
    target.deadline_ms = zl_clock_ms() + 10000;
    for (int i = 0; i < OLD_CONNECTIONS; i++) {
        assert_int_equal(zl_kube_get(zl_the_client, &target, NULL, NULL), ZL_OK);
    }
    (void)pthread_barrier_destroy(&all_are_asked);
}

static void test_calls_are_measured_by_operation_and_result(void **state)
{
    (void)state;
    struct zl_buf text;
    zl_buf_init(&text, 1 << 20);
    zl_metrics_reset();
    zl_metrics_register_all((const struct zl_metric *const *const[]){ZL_KUBE_CLIENT_METRICS, NULL});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
    zl_play((struct zl_script){.status = 404, .body = "{}"});
    assert_int_equal(zl_kube_delete(zl_the_client, LEASE, NULL, NULL), ZL_E_NOT_FOUND);
    zl_metrics_write(&text);
    assert_non_null(strstr(text.data, "zen_lead_api_call_duration_seconds_count"
                                      "{operation=\"get\",result=\"success\"} 1"));
    assert_non_null(strstr(text.data, "zen_lead_api_call_duration_seconds_count"
                                      "{operation=\"delete\",result=\"not_found\"} 1"));
    zl_buf_clear(&text);
    zl_metrics_reset();
}

static void test_a_call_without_an_answer_in_time_is_counted(void **state)
{
    (void)state;
    struct zl_kube_target target = *LEASE;
    zl_metrics_reset();
    zl_metrics_register_all((const struct zl_metric *const *const[]){ZL_KUBE_CLIENT_METRICS, NULL});
    const struct zl_metric *timeouts = ZL_KUBE_CLIENT_METRICS[1];
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
    assert_true(zl_metric_value(timeouts, "get", NULL) <= 0);
    zl_play((struct zl_script){.serve = hold, .status = 200, .body = "{}"});
    target.deadline_ms = zl_clock_ms() + 50;
    assert_int_equal(zl_kube_get(zl_the_client, &target, NULL, NULL), ZL_E_TRANSIENT);
    assert_int_equal(zl_metric_value(timeouts, "get", NULL), 1);
    zl_metrics_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_kept_alive_connection_that_died_is_replaced_unseen),
        WITH_PEER(test_a_cut_in_the_middle_of_an_answer_is_transient),
        WITH_PEER(test_the_servers_clock_is_known_by_the_date_of_its_answers),
        WITH_PEER(test_a_silent_server_is_left_at_the_deadline),
        WITH_PEER(test_a_cancelled_call_does_not_wait_for_its_server),
        WITH_PEER(test_after_a_timeout_no_connection_from_before_is_used),
        WITH_PEER(test_a_deadline_holds_through_the_pages_of_a_list),
        WITH_PEER(test_a_call_without_an_answer_in_time_is_counted),
        WITH_PEER(test_after_the_deadline_nothing_is_sent),
        WITH_PEER(test_a_refused_connection_is_transient),
        WITH_PEER(test_an_endless_answer_is_cut_off),
        WITH_PEER(test_many_threads_share_one_client),
        WITH_PEER(test_basic_authentication_is_sent),
        WITH_PEER(test_a_token_file_is_read_again_when_it_changes),
        cmocka_unit_test(test_a_client_without_its_token_file_is_refused),
        cmocka_unit_test(test_a_server_that_is_no_url_is_refused),
        WITH_PEER(test_calls_are_measured_by_operation_and_result),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
