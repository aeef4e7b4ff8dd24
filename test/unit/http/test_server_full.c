/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server when all of its connections are taken: who leaves, and who never does. */
#include "test/unit/http_fixture.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

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

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        OVER_BOTH(test_a_full_server_lets_go_who_was_idle_longest),
        OVER_BOTH(test_silent_connections_leave_before_idle_ones),
        OVER_BOTH(test_slow_senders_make_room),
        OVER_BOTH(test_one_address_cannot_take_the_server_from_another),
        OVER_TLS(test_a_request_that_is_answered_never_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
