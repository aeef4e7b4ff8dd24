/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server against what a stranger may send: it refuses, cuts, and goes on serving. */
#include "test/unit/http_fixture.h"

#include "common/base/clock.h"
#include "common/base/limits.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

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
        cmocka_unit_test(test_scrapes_beyond_a_few_are_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
