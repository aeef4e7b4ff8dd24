/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server against real sockets: what it serves, and how it starts and stops. */
#include "test/unit/http_fixture.h"

#include "common/base/clock.h"

#include <openssl/tls1.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

/* --- what is served ------------------------------------------------------------------------- */

static void test_answer_is_the_handlers_over_tls_1_2_and_1_3(void **state)
{
    struct zl_http_fixture *fixture = *state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        fixture->tls = versions[i];
        struct zl_wire_answer answer = zl_fixture_ask(
            fixture, "POST /validate?timeout=3s HTTP/1.1\r\nHost: t\r\n"
                     "Content-Type: application/json\r\nContent-Length: 5\r\n\r\nhello");
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "5 application/json");
        assert_non_null(strstr(answer.head, "Content-Type: text/plain; charset=utf-8\r\n"));
        /* What a POST is answered is for nobody to look at or to keep. */
        assert_null(strstr(answer.head, "Cache-Control:"));
        answer = zl_fixture_ask(fixture, GOOD_REQUEST);
        assert_non_null(strstr(answer.head, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(answer.head, "Cache-Control: no-store\r\n"));
    }
}

static void test_tls_1_1_is_refused(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire wire = zl_wire_open(zl_http_server_port(fixture->server), TLS1_1_VERSION);
    assert_int_equal(wire.fd, -1);
    zl_fixture_assert_serves(fixture);
}

static void test_plain_http_on_the_tls_port_gets_no_answer(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire wire = zl_wire_open(zl_http_server_port(fixture->server), 0);
    zl_wire_send_text(&wire, GOOD_REQUEST);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    assert_int_equal(answer.status, 0);
    zl_wire_close(&wire);
    zl_fixture_assert_serves(fixture);
}

static void test_requests_are_routed_by_method_and_path(void **state)
{
    const struct row {
        const char *line;
        int status;
        const char *in_head, *in_body;
    } rows[] = {
        {"GET /healthz", 200, "Content-Length: 3\r\n", "ok\n"},
        {"GET /healthz?verbose=1", 200, "", "ok\n"},
        {"HEAD /healthz", 200, "Content-Length: 3\r\n", ""},
        {"GET /nothing", 200, "Content-Length: 0\r\n", ""},
        {"POST /validate", 200, "", "0 (none)"},
        {"GET /validate", 405, "Allow: POST\r\n", "this path serves POST"},
        {"HEAD /validate", 405, "Allow: POST\r\n", ""},
        {"DELETE /healthz", 405, "Allow: GET, HEAD\r\n", "this path serves GET, HEAD"},
        {"get /healthz", 405, "Allow: GET, HEAD\r\n", ""},
        {"GET /", 404, "", "there is POST /validate, GET /healthz, GET /nothing, GET /page"},
        {"GET /", 404, "", "GET /page, GET /slow\n"}, /* and no word of what is hidden */
        {"POST /hidden/s3cret", 200, "", "0 (none)"},
        {"GET /hidden/s3cret", 405, "Allow: POST\r\n", ""},
        {"POST /hidden", 404, "", ""},
        {"POST /hidden/s3cre", 404, "", ""},
        {"GET /hidden/s3cret/", 404, "", ""},
        {"GET /healthz/", 404, "", ""},
        {"GET /healthz%00", 404, "", ""},
        {"GET /%68ealthz", 404, "", ""},
        {"GET ../../etc/passwd", 404, "", ""},
        {"OPTIONS *", 404, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *request = zl_asprintf("%s HTTP/1.1\r\nHost: t\r\n\r\n", rows[i].line);
        struct zl_wire_answer answer = zl_fixture_ask(*state, request);
        if (answer.status != rows[i].status || strstr(answer.head, rows[i].in_head) == NULL ||
            strstr(answer.body, rows[i].in_body) == NULL) {
            fail_msg("%s: %s%s", rows[i].line, answer.head, answer.body);
        }
        if (strncmp(rows[i].line, "HEAD", 4) == 0) {
            assert_int_equal(answer.body_length, 0);
        }
    }
}

static void test_connection_is_reused(void **state)
{
    struct zl_wire wire = zl_fixture_dial(*state);
    for (int i = 0; i < 5; i++) {
        assert_true(zl_wire_send_text(&wire, GOOD_REQUEST));
        assert_int_equal(zl_wire_receive(&wire, false).status, 200);
    }
    zl_wire_close(&wire);
}

static void test_what_is_asked_at_once_is_answered_one_by_one(void **state)
{
    struct zl_wire wire = zl_fixture_dial(*state);
    assert_true(zl_wire_send_text(&wire, "GET /page HTTP/1.1\r\nHost: t\r\n\r\n" GOOD_REQUEST
                                         "POST /validate HTTP/1.1\r\nHost: t\r\n"
                                         "Content-Length: 5\r\n\r\nhello" GOOD_REQUEST));
    static const char *const BEGIN[] = {"ppp", "ok\n", "5 (none)", "ok\n"};
    for (size_t i = 0; i < sizeof BEGIN / sizeof BEGIN[0]; i++) {
        const struct zl_wire_answer answer = zl_wire_receive(&wire, false);
        assert_int_equal(answer.status, 200);
        assert_memory_equal(answer.body, BEGIN[i], strlen(BEGIN[i]));
    }
    zl_wire_close(&wire);
}

/* --- start and stop ------------------------------------------------------------------------- */

static void *stop_server(void *server)
{
    zl_http_server_stop(server, 5000);
    return NULL;
}

static void test_stop_drains_the_request_under_way(void **state)
{
    struct zl_http_fixture *fixture = *state;
    uint16_t port = zl_http_server_port(fixture->server);
    struct zl_wire idle = zl_fixture_dial(fixture), busy = zl_fixture_dial(fixture);
    zl_wire_send_text(&idle, GOOD_REQUEST);
    assert_int_equal(zl_wire_receive(&idle, false).status, 200);
    zl_wire_send_text(&busy, "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    sem_wait(&fixture->entered);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_server, fixture->server);
    fixture->server = NULL;
    assert_false(zl_wire_is_closed(
        &busy, 1000)); /* and the stop has begun, or the answer would not say so */
    sem_post(&fixture->leave);
    struct zl_wire_answer answer = zl_wire_receive(&busy, false);
    assert_string_equal(answer.body, "done\n");
    assert_non_null(strcasestr(answer.head, "Connection: close\r\n"));
    pthread_join(stopper, NULL);
    assert_true(zl_wire_is_closed(&idle, 0));
    assert_int_equal(zl_wire_open(port, 0).fd, -1);
    zl_wire_close(&idle);
    zl_wire_close(&busy);
}

static void test_who_leaves_serves_on_and_each_answer_is_the_last_of_its_connection(void **state)
{
    struct zl_http_fixture *fixture = *state;
    struct zl_wire kept = zl_fixture_dial(fixture);
    zl_wire_send_text(&kept, GOOD_REQUEST);
    struct zl_wire_answer answer = zl_wire_receive(&kept, false);
    assert_null(strcasestr(answer.head, "Connection: close\r\n"));
    zl_http_server_leave(fixture->server);
    assert_false(zl_wire_is_closed(&kept, 100)); /* it may be in use on the other side just now */
    zl_wire_send_text(&kept, GOOD_REQUEST);
    struct zl_wire fresh = zl_fixture_dial(fixture);
    zl_wire_send_text(&fresh, GOOD_REQUEST);
    struct zl_wire *both[] = {&kept, &fresh};
    for (size_t i = 0; i < 2; i++) {
        answer = zl_wire_receive(both[i], false);
        assert_int_equal(answer.status, 200);
        assert_non_null(strcasestr(answer.head, "Connection: close\r\n"));
        assert_true(zl_wire_is_closed(both[i], 20000));
        zl_wire_close(both[i]);
    }
}

/* kube-proxy on a busy machine leads to a webhook that leaves for longer than it waited. */
static void test_stop_serves_on_while_anybody_asks(void **state)
{
    struct zl_http_fixture *fixture = *state;
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_server, fixture->server);
    for (int i = 0; i < 10; i++) { /* a second: longer than the calm that it waits for */
        struct zl_wire fresh = zl_fixture_dial(fixture);
        zl_wire_send_text(&fresh, GOOD_REQUEST);
        assert_int_equal(zl_wire_receive(&fresh, false).status, 200);
        assert_true(zl_wire_is_closed(&fresh, 20000));
        zl_wire_close(&fresh);
        const struct timespec pause = {.tv_nsec = 100 * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    pthread_join(stopper, NULL);
    fixture->server = NULL;
}

static void test_stop_does_not_wait_for_idle_or_silent_connections(void **state)
{
    struct zl_http_fixture *fixture = *state;
    struct zl_wire idle = zl_fixture_dial(fixture), silent = zl_fixture_dial(fixture);
    zl_wire_send_text(&idle, GOOD_REQUEST);
    assert_int_equal(zl_wire_receive(&idle, false).status, 200);
    int64_t start_ms = zl_clock_ms();
    zl_http_server_stop(fixture->server, 20000);
    fixture->server = NULL;
    assert_true(zl_clock_ms() - start_ms < 10000);
    zl_wire_close(&idle);
    zl_wire_close(&silent);
}

static void test_start_refuses_what_cannot_work(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    const struct row {
        const char *address;
        int64_t port;
        const char *in_message;
    } rows[] = {
        {NULL, zl_http_server_port(fixture->server), "another program has it"},
        {"127.0.0.1", zl_http_server_port(fixture->server), "Address already in use"},
        {"192.0.2.1", 0, "no interface of this host has that address"},
        {"localhost", 0, "give a numeric IPv4 or IPv6 address"},
        {NULL, 65536, "port 65536"},
        {NULL, -1, "port -1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_http_options options = fixture->options;
        struct zl_http_server *server = NULL;
        struct zl_error err = {0};
        options.address = rows[i].address;
        options.port = rows[i].port;
        assert_int_equal(zl_http_server_start(&options, &server, &err), ZL_E_INVALID);
        assert_null(server);
        if (strstr(err.message, rows[i].in_message) == NULL) {
            fail_msg("row %zu: %s", i, err.message);
        }
    }
}

/* --- certificates that change --------------------------------------------------------------- */

static void put_new_pair(struct zl_http_fixture *fixture)
{
    zl_key_slot_put(fixture->keys, zl_new_key_pair());
}

static void test_a_new_pair_is_for_new_connections_and_old_ones_go_on(void **state)
{
    struct zl_http_fixture *fixture = *state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        fixture->tls = versions[i];
        struct zl_wire before = zl_fixture_dial(fixture);
        ZL_AUTO_FREE char *old = zl_wire_fingerprint(&before);
        put_new_pair(fixture);
        struct zl_wire after = zl_fixture_dial(fixture);
        ZL_AUTO_FREE char *new = zl_wire_fingerprint(&after);
        assert_string_not_equal(old, new);
        assert_true(zl_wire_send_text(&before, GOOD_REQUEST));
        assert_int_equal(zl_wire_receive(&before, false).status, 200);
        assert_true(zl_wire_send_text(&after, GOOD_REQUEST));
        assert_int_equal(zl_wire_receive(&after, false).status, 200);
        zl_wire_close(&before);
        zl_wire_close(&after);
    }
}

static void test_without_a_pair_handshakes_fail_until_there_is_one(void **state)
{
    struct zl_http_fixture *fixture = *state;
    zl_key_slot_put(fixture->keys, NULL);
    struct zl_wire wire = zl_fixture_dial(fixture);
    assert_int_equal(wire.fd, -1);
    put_new_pair(fixture);
    zl_fixture_assert_serves(fixture);
}

struct rotation {
    struct zl_http_fixture *fixture;
    atomic_bool over;
};

static void *rotate(void *ctx)
{
    struct rotation *rotation = ctx;
    while (!atomic_load(&rotation->over)) {
        put_new_pair(rotation->fixture);
        usleep(1000); /* valgrind runs one thread at a time, and would run this one alone */
    }
    return NULL;
}

static void test_no_handshake_fails_while_pairs_change_all_the_time(void **state)
{
    struct rotation rotation = {.fixture = *state};
    pthread_t rotator;
    pthread_create(&rotator, NULL, rotate, &rotation);
    int served = 0;
    for (int i = 0; i < 60; i++) {
        struct zl_wire wire = zl_fixture_dial(*state);
        for (int request = 0; request < 2; request++) {
            zl_wire_send_text(&wire, GOOD_REQUEST);
            served += zl_wire_receive(&wire, false).status == 200;
        }
        zl_wire_close(&wire);
    }
    atomic_store(&rotation.over, true);
    pthread_join(rotator, NULL);
    assert_int_equal(served, 120);
}

static void test_one_address_is_served_alone(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    const char *const addresses[] = {"127.0.0.1", "0.0.0.0", "::1"};
    for (size_t i = 0; i < 3; i++) {
        struct zl_http_options options = fixture->options;
        struct zl_http_server *server = NULL;
        options.address = addresses[i];
        if (zl_http_server_start(&options, &server, NULL) != ZL_OK) {
            assert_string_equal(addresses[i], "::1"); /* a host without IPv6 */
            continue;
        }
        struct zl_wire wire = zl_wire_open(zl_http_server_port(server), 0);
        assert_int_equal(wire.fd >= 0, i < 2);
        zl_wire_close(&wire);
        zl_http_server_stop(server, 1000);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        OVER_TLS(test_answer_is_the_handlers_over_tls_1_2_and_1_3),
        OVER_TLS(test_tls_1_1_is_refused),
        OVER_TLS(test_plain_http_on_the_tls_port_gets_no_answer),
        OVER_BOTH(test_requests_are_routed_by_method_and_path),
        OVER_BOTH(test_connection_is_reused),
        OVER_BOTH(test_what_is_asked_at_once_is_answered_one_by_one),
        OVER_BOTH(test_stop_drains_the_request_under_way),
        OVER_TLS(test_stop_serves_on_while_anybody_asks),
        OVER_TLS(test_who_leaves_serves_on_and_each_answer_is_the_last_of_its_connection),
        OVER_TLS(test_stop_does_not_wait_for_idle_or_silent_connections),
        OVER_TLS(test_start_refuses_what_cannot_work),
        OVER_TLS(test_a_new_pair_is_for_new_connections_and_old_ones_go_on),
        OVER_TLS(test_without_a_pair_handshakes_fail_until_there_is_one),
        OVER_TLS(test_no_handshake_fails_while_pairs_change_all_the_time),
        OVER_TLS(test_one_address_is_served_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
