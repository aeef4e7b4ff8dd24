/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server's deadlines: who is slow is cut, whoever is served slowly is not. */
#include "test/unit/http_fixture.h"

#include "common/base/clock.h"

#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

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

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        OVER_BOTH_IMPATIENT(test_slow_peers_are_cut_at_the_deadline_while_others_are_served),
        OVER_BOTH_IMPATIENT(test_who_asks_and_takes_no_answer_is_cut),
        OVER_TLS_IMPATIENT(test_handshake_that_never_comes_is_cut),
        cmocka_unit_test_setup_teardown(test_idle_connection_lives_for_the_idle_timeout,
                                        zl_setup_tls_idle_timeout, zl_teardown),
        OVER_TLS_IMPATIENT(test_slow_handler_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
