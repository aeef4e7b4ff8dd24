/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server against what a stranger may send: it refuses, cuts, and goes on serving. */
#include "test/unit/http_fixture.h"

#include "common/base/clock.h"
#include "common/base/limits.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#define TEN_MEGABYTES (10 * ZL_MIB)

static struct zl_wire_answer post(const struct zl_http_fixture *fixture, size_t length,
                                  bool chunked)
{
    char head[256];
    struct zl_wire wire = zl_fixture_dial(fixture);
    if (chunked) {
        snprintf(head, sizeof head,
                 "POST /validate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    } else {
        snprintf(head, sizeof head,
                 "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", length);
    }
    zl_wire_send_text(&wire, head);
    zl_wire_send_zeros(&wire, length, chunked);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    zl_wire_close(&wire);
    return answer;
}

/* --- sizes ---------------------------------------------------------------------------------- */

static void test_body_is_accepted_up_to_the_limit_and_not_a_byte_more(void **state)
{
    const struct row {
        size_t length;
        int status;
        const char *body;
    } rows[] = {
        {0, 200, "0 (none)"},
        {1, 200, "1 (none)"},
        {BODY_MAX, 200, "65536 (none)"},
        {BODY_MAX + 1, 413, "413: the body is larger than 65536 bytes\n"},
        {TEN_MEGABYTES, 413, "413: the body is larger than 65536 bytes\n"},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i / 2];
        struct zl_wire_answer answer = post(*state, row->length, i % 2 == 1);
        assert_int_equal(answer.status, row->status);
        assert_string_equal(answer.body, row->body);
        zl_fixture_assert_serves(*state);
    }
}

static void test_body_declared_too_large_is_refused_unread_and_the_connection_closed(void **state)
{
    const char *const methods[] = {"POST /validate", "PUT /validate", "GET /healthz", "PATCH /x"};
    const int statuses[] = {413, 405, 413, 404};
    for (size_t i = 0; i < 4; i++) {
        ZL_AUTO_FREE char *head = zl_asprintf(
            "%s HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\n\r\n", methods[i]);
        struct zl_wire wire = zl_fixture_dial(*state);
        int64_t start_ms = zl_clock_ms();
        zl_wire_send_text(&wire, head);
        struct zl_wire_answer answer = zl_wire_receive(&wire, false);
        assert_int_equal(answer.status, statuses[i]);
        assert_true(zl_clock_ms() - start_ms < PATIENT_MS / 4);
        assert_non_null(strstr(answer.head, "Connection: close\r\n"));
        assert_true(zl_wire_is_closed(&wire, PATIENT_MS / 2));
        zl_wire_close(&wire);
    }
    zl_fixture_assert_serves(*state);
}

/* --- abuse ---------------------------------------------------------------------------------- */

static void test_garbage_is_survived(void **state)
{
    const char *const garbage[] = {
        "\r\n\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\xff\xff",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "POST /validate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ("POST /validate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
         "ffffffffffffffffff\r\n"),
        "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf",
        "GET /healthz HTTP/1.1\r\nX: ",
        "GE",
        "",
    };
    const struct zl_http_fixture *fixture = *state;
    for (size_t i = 0; i < 2 * sizeof garbage / sizeof garbage[0]; i++) {
        /* every second time below TLS */
        struct zl_wire wire =
            zl_wire_open(zl_http_server_port(fixture->server), i % 2 == 0 ? fixture->tls : 0);
        zl_wire_send_text(&wire, garbage[i / 2]);
        zl_wire_close(&wire);
        zl_fixture_assert_serves(fixture);
    }
}

static void test_header_larger_than_memory_is_refused(void **state)
{
    struct zl_wire wire = zl_fixture_dial(*state);
    zl_wire_send_text(&wire, "GET /healthz HTTP/1.1\r\nX: ");
    zl_wire_send_zeros(&wire, 200 * ZL_KIB, false);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    assert_true(answer.status == 431 || answer.status == 0); /* 0: reset by what it had not read */
    zl_wire_close(&wire);
    zl_fixture_assert_serves(*state);
}

struct slow_peer {
    const char *first; /* sent at once */
    const char *drip;  /* then this again and again, every few ms */
    bool after_a_good_request;
    struct zl_wire wire;
    int64_t start_ms, cut_after_ms;
};

static void test_slow_peers_are_cut_at_the_deadline_while_others_are_served(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct slow_peer peers[] = {
        {"", "", false, {0}, 0, 0},
        {"GET /healthz HTTP/1.1\r\n", "X: y\r\n", false, {0}, 0, 0},
        {"POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n",
         "z",
         false,
         {0},
         0,
         0},
        {"POST /validate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n",
         "1\r\nz\r\n",
         false,
         {0},
         0,
         0},
        {"G", "E", true, {0}, 0, 0},
    };
    const size_t count = sizeof peers / sizeof peers[0];
    for (size_t i = 0; i < count; i++) {
        peers[i].start_ms = zl_clock_ms();
        peers[i].wire = zl_fixture_dial(fixture);
        if (peers[i].after_a_good_request) {
            zl_wire_send_text(&peers[i].wire, GOOD_REQUEST);
            assert_int_equal(zl_wire_receive(&peers[i].wire, false).status, 200);
            peers[i].start_ms = zl_clock_ms();
        }
        zl_wire_send_text(&peers[i].wire, peers[i].first);
    }
    int64_t start_ms = zl_clock_ms();
    for (size_t open = count; open > 0 && zl_clock_ms() - start_ms < PATIENT_MS;) {
        zl_fixture_assert_serves(fixture);
        for (size_t i = 0; i < count; i++) {
            if (peers[i].cut_after_ms != 0) {
                continue;
            }
            zl_wire_send_text(&peers[i].wire, peers[i].drip);
            if (!zl_wire_is_closed(&peers[i].wire, 5)) {
                continue;
            }
            peers[i].cut_after_ms = zl_clock_ms() - peers[i].start_ms;
            open--;
        }
    }
    for (size_t i = 0; i < count; i++) {
        zl_wire_close(&peers[i].wire);
        assert_in_range(peers[i].cut_after_ms, REQUEST_TIMEOUT_MS, PATIENT_MS);
    }
}

static void test_who_asks_and_takes_no_answer_is_cut(void **state)
{
    enum { LEAST = 4096, PADDING = 4000 };
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire wire = zl_fixture_dial(fixture);
    ZL_AUTO_FREE char *request =
        zl_asprintf("GET /page HTTP/1.1\r\nHost: t\r\nX: %0*d\r\n\r\n", PADDING, 0);
    setsockopt(wire.fd, SOL_SOCKET, SO_RCVBUF, &(int){LEAST}, sizeof(int));
    while (zl_wire_send_text(&wire, request)) { /* until all that holds them is full */
    }
    struct pollfd cut = {.fd = wire.fd};
    assert_int_equal(poll(&cut, 1, PATIENT_MS), 1);
    assert_true((cut.revents & (POLLERR | POLLHUP)) != 0);
    zl_wire_close(&wire);
    zl_fixture_assert_serves(fixture);
}

static void test_handshake_that_never_comes_is_cut(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire wire = zl_wire_open(zl_http_server_port(fixture->server), 0);
    assert_true(zl_wire_is_closed(&wire, PATIENT_MS));
    zl_wire_close(&wire);
    zl_fixture_assert_serves(fixture);
}

static void test_idle_connection_lives_for_the_idle_timeout(void **state)
{
    struct zl_wire wire = zl_fixture_dial(*state);
    int64_t start_ms = zl_clock_ms();
    zl_wire_send_text(&wire, GOOD_REQUEST);
    assert_int_equal(zl_wire_receive(&wire, false).status, 200);
    assert_true(zl_wire_is_closed(&wire, PATIENT_MS / 2));
    assert_in_range(zl_clock_ms() - start_ms, IDLE_TIMEOUT_MS, PATIENT_MS);
    zl_wire_close(&wire);
}

static void test_slow_handler_is_not_cut(void **state)
{
    struct zl_http_fixture *fixture = *state;
    struct zl_wire wire = zl_fixture_dial(fixture);
    zl_wire_send_text(&wire, "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    sem_wait(&fixture->entered);
    assert_false(zl_wire_is_closed(&wire, REQUEST_TIMEOUT_MS * 2));
    sem_post(&fixture->leave);
    assert_string_equal(zl_wire_receive(&wire, false).body, "done\n");
    zl_wire_close(&wire);
}

/* --- a full server ------------------------------------------------------------------------ */

/* Longer than a connection counts as one that is about to send its first request. */
#define NEWBORN_MS 600

static bool asks_well(struct zl_wire *wire)
{
    zl_wire_send_text(wire, GOOD_REQUEST);
    return zl_wire_receive(wire, false).status == 200;
}

static void open_idle(const struct zl_http_fixture *fixture, uint8_t host, struct zl_wire *wires,
                      int count)
{
    for (int i = 0; i < count; i++) {
        wires[i] = zl_wire_open_from(host, zl_http_server_port(fixture->server), fixture->tls);
        assert_true(asks_well(&wires[i]));
    }
}

static void open_silent(const struct zl_http_fixture *fixture, uint8_t host, struct zl_wire *wires,
                        int count)
{
    for (int i = 0; i < count; i++) {
        wires[i] = zl_wire_open_from(host, zl_http_server_port(fixture->server), 0);
    }
}

static void close_all(struct zl_wire *wires, int count)
{
    for (int i = 0; i < count; i++) {
        zl_wire_close(&wires[i]);
    }
}

static void test_a_full_server_lets_go_who_was_idle_longest(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire wires[CONNECTIONS_MAX];
    open_idle(fixture, 1, wires, CONNECTIONS_MAX);
    assert_true(asks_well(&wires[0])); /* it is not the one that was idle longest any more */
    struct zl_wire more[2];
    open_idle(fixture, 1, more, 2);
    assert_true(zl_wire_is_closed(&wires[1], PATIENT_MS / 2));
    assert_true(zl_wire_is_closed(&wires[2], PATIENT_MS / 2));
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        assert_true(i == 1 || i == 2 || asks_well(&wires[i]));
    }
    close_all(wires, CONNECTIONS_MAX);
    close_all(more, 2);
}

static void test_silent_connections_leave_before_idle_ones(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire silent[CONNECTIONS_MAX / 2], idle[CONNECTIONS_MAX / 2], more[2];
    open_silent(fixture, 1, silent, CONNECTIONS_MAX / 2);
    assert_false(zl_wire_is_closed(&silent[0], NEWBORN_MS));
    open_idle(fixture, 1, idle, CONNECTIONS_MAX / 2);
    open_idle(fixture, 1, more, 2);
    assert_true(zl_wire_is_closed(&silent[0], PATIENT_MS / 2));
    assert_true(zl_wire_is_closed(&silent[1], PATIENT_MS / 2));
    assert_false(zl_wire_is_closed(&silent[2], 0));
    assert_true(asks_well(&idle[0]));
    close_all(silent, CONNECTIONS_MAX / 2);
    close_all(idle, CONNECTIONS_MAX / 2);
    close_all(more, 2);
}

static void test_slow_senders_make_room(void **state)
{
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire slow[CONNECTIONS_MAX];
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        slow[i] = zl_fixture_dial(fixture);
        zl_wire_send_text(&slow[i],
                          "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\nz");
    }
    for (int i = 0; i < 3; i++) {
        zl_fixture_assert_serves(fixture);
    }
    int closed =
        0; /* which one: those whose request the server has not begun to read leave first */
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        closed += zl_wire_is_closed(&slow[i], 0);
    }
    assert_true(closed > 0);
    close_all(slow, CONNECTIONS_MAX);
}

/*
 * Close them, once the server has noticed: a farewell that it has not read looks like the beginning of a request, and who sends one
 * may stay before who idles.
 */
static void leave_all(struct zl_wire *wires, int count)
{
    for (int i = 0; i < count; i++) {
        (void)shutdown(wires[i].fd, SHUT_WR);
    }
    for (int i = 0; i < count; i++) {
        assert_true(zl_wire_is_closed(&wires[i], PATIENT_MS));
    }
    close_all(wires, count);
}

/* Ten times the server's connections, silent and idle, from one address: another one's stay, and are answered. */
static void test_one_address_cannot_take_the_server_from_another(void **state)
{
    enum { OWN = 3, ATTACKS = 5 };
    const struct zl_http_fixture *fixture = *state;
    struct zl_wire own[OWN];
    open_idle(fixture, 1, own, OWN);
    for (int round = 0; round < ATTACKS; round++) {
        struct zl_wire silent[CONNECTIONS_MAX], idle[CONNECTIONS_MAX];
        open_silent(fixture, 2, silent, CONNECTIONS_MAX);
        for (int i = 0; i < CONNECTIONS_MAX; i++) {
            idle[i] = zl_wire_open_from(2, zl_http_server_port(fixture->server), fixture->tls);
            (void)asks_well(&idle[i]); /* a slow one may be sent away before it has asked */
        }
        for (int i = 0; i < OWN; i++) {
            assert_true(asks_well(&own[i]));
        }
        zl_fixture_assert_serves(fixture); /* a new connection, as kubelet's are */
        leave_all(silent, CONNECTIONS_MAX);
        leave_all(idle, CONNECTIONS_MAX);
    }
    close_all(own, OWN);
}

static void test_a_request_that_is_answered_never_leaves(void **state)
{
    struct zl_http_fixture *fixture = *state;
    struct zl_wire busy[CONNECTIONS_MAX];
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        busy[i] = zl_fixture_dial(fixture);
        zl_wire_send_text(&busy[i], "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
        sem_wait(&fixture->entered);
    }
    struct zl_wire more = zl_wire_open(zl_http_server_port(fixture->server), 0);
    assert_true(zl_wire_is_closed(&more, PATIENT_MS / 2));
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        sem_post(&fixture->leave);
    }
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        assert_string_equal(zl_wire_receive(&busy[i], false).body, "done\n");
    }
    zl_wire_close(&more);
    close_all(busy, CONNECTIONS_MAX);
    zl_fixture_assert_serves(fixture);
}

/* --- scrapes ---------------------------------------------------------------------------------- */

static sem_t measuring, measured;

static void measure(void *ctx)
{
    (void)ctx;
    sem_post(&measuring);
    sem_wait(&measured);
}

static void *scrape(void *ctx)
{
    zl_http_respond_metrics(ctx, measure, NULL);
    return NULL;
}

static void test_scrapes_beyond_a_few_are_put_off(void **state)
{
    enum { AT_ONCE = 4 };
    struct zl_http_response responses[AT_ONCE] = {0}, more = {0};
    pthread_t threads[AT_ONCE];
    (void)state;
    sem_init(&measuring, 0, 0);
    sem_init(&measured, 0, 0);
    for (int i = 0; i < AT_ONCE; i++) {
        responses[i].status = 200;
        assert_int_equal(pthread_create(&threads[i], NULL, scrape, &responses[i]), 0);
        sem_wait(&measuring);
    }
    zl_http_respond_metrics(&more, measure, NULL);
    assert_int_equal(more.status, 503);
    for (int i = 0; i < AT_ONCE; i++) {
        sem_post(&measured);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(responses[i].status, 200);
        free(responses[i].body);
    }
    free(more.body);
    sem_destroy(&measuring);
    sem_destroy(&measured);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        OVER_BOTH(test_body_is_accepted_up_to_the_limit_and_not_a_byte_more),
        OVER_BOTH(test_body_declared_too_large_is_refused_unread_and_the_connection_closed),
        OVER_BOTH(test_garbage_is_survived),
        OVER_BOTH(test_header_larger_than_memory_is_refused),
        OVER_BOTH_IMPATIENT(test_slow_peers_are_cut_at_the_deadline_while_others_are_served),
        OVER_BOTH_IMPATIENT(test_who_asks_and_takes_no_answer_is_cut),
        OVER_TLS_IMPATIENT(test_handshake_that_never_comes_is_cut),
        cmocka_unit_test_setup_teardown(test_idle_connection_lives_for_the_idle_timeout,
                                        zl_setup_tls_idle_timeout, zl_teardown),
        OVER_TLS_IMPATIENT(test_slow_handler_is_not_cut),
        OVER_BOTH(test_a_full_server_lets_go_who_was_idle_longest),
        OVER_BOTH(test_silent_connections_leave_before_idle_ones),
        OVER_BOTH(test_slow_senders_make_room),
        OVER_BOTH(test_one_address_cannot_take_the_server_from_another),
        OVER_TLS(test_a_request_that_is_answered_never_leaves),
        cmocka_unit_test(test_scrapes_beyond_a_few_are_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
