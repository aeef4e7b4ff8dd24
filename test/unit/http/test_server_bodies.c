/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of which only a part is kept, and what they take of the process's budget. */
#include "common/base/budget.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/http/server.h"
#include "test/unit/wire.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { BODY_MAX_BYTES = 32 * 1024 * 1024, PATIENT_MS = 60000 };

static const struct zl_json_shape OBJECT[] = {{.name = "name"}, {.name = "list"}, {.name = NULL}};
static const struct zl_json_shape SHAPE[] = {{.name = "object", .members = OBJECT}, {.name = NULL}};

/* "<length> <the first 200 bytes>" */
static void handle(void *ctx, const struct zl_http_request *request,
                   struct zl_http_response *response)
{
    (void)ctx;
    ZL_AUTO_FREE char *text = zl_asprintf("%zu %.200s", request->body_length, request->body);
    zl_http_respond_text(response, strlen(request->body) == request->body_length ? 200 : 500, text);
}

static const struct zl_http_route ROUTES[] = {{"POST", "/", handle, SHAPE, NULL},
                                              {NULL, NULL, NULL, NULL, NULL}};

static int start(void **state)
{
    struct zl_http_server *server = NULL;
    const struct zl_http_options options = {
        .connections_max = 100,
        .body_max_bytes = BODY_MAX_BYTES,
        .request_timeout_ms = PATIENT_MS,
        .idle_timeout_ms = PATIENT_MS,
        .routes = ROUTES,
    };
    struct zl_error err = {0};
    if (zl_http_server_start(&options, &server, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    *state = server;
    return 0;
}

static int stop(void **state)
{
    zl_http_server_stop(*state, 1000);
    return 0;
}

/* A body of BEFORE, COUNT times TEXT, and AFTER. */
struct body {
    const char *before, *text;
    size_t count;
    const char *after;
};

static struct zl_wire_answer post_on(struct zl_wire *wire, const struct body *body)
{
    char head[256];
    struct zl_buf piece;
    const size_t each = strlen(body->text);
    const size_t at_once = each > 0 && body->count > 1000 ? 1000 : body->count;
    zl_buf_init(&piece, ZL_MIB);
    for (size_t i = 0; i < at_once; i++) {
        zl_buf_add_text(&piece, body->text);
    }
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body->before) + body->count * each + strlen(body->after), body->before);
    zl_wire_send_text(wire, head);
    for (size_t sent = 0; sent < body->count;) {
        size_t count = body->count - sent < at_once ? body->count - sent : at_once;
        zl_wire_send(wire, piece.data, count * each);
        sent += count;
    }
    zl_wire_send_text(wire, body->after);
    zl_buf_clear(&piece);
    return zl_wire_receive(wire, false);
}

static struct zl_wire_answer post(struct zl_http_server *server, const struct body *body)
{
    struct zl_wire wire = zl_wire_open(zl_http_server_port(server), 0);
    struct zl_wire_answer answer = post_on(&wire, body);
    zl_wire_close(&wire);
    return answer;
}

static void assert_answer(struct zl_http_server *server, const struct body *body, int status,
                          const char *text)
{
    struct zl_wire_answer answer = post(server, body);
    assert_int_equal(answer.status, status);
    if (strncmp(answer.body, text, strlen(text)) != 0) {
        fail_msg("%s, not %s", answer.body, text);
    }
}

static const struct body SMALL = {"{\"object\":{\"name\":\"a\",\"b\":1}}", "", 0, ""};
/* 20 MiB, of which nothing is kept. */
static const struct body FAT = {"{\"a\":\"", "\\u003c", 3400000, "\",\"object\":{\"name\":\"n\"}}"};
/* 200 KiB, and all of it. */
static const struct body KEPT = {"{\"object\":{\"list\":[0", ",0", 100000, "]}}"};
static const struct body TOO_MUCH = {"{\"object\":{\"list\":[0", ",0", 200000, "]}}"};

static void test_only_what_the_shape_names_reaches_the_handler(void **state)
{
    static const struct {
        const char *body, *answer;
    } ROWS[] = {
        {"{\"object\":{\"name\":\"a\",\"b\":[1]},\"c\":2}", "23 {\"object\":{\"name\":\"a\"}}"},
        {"7", "1 7"},
        {"", "0 "},
        /* what is no JSON is none afterwards */
        {"{\"object\":{\"name\":", "18 {\"object\":{\"name\":"},
        {"{\"a\":1}}", "3 {},"},
        {"{} {}", "4 {}{}"},
        {"{\"other\" 1}", "1 {"},
        {"<html>", "6 <html>"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct body body = {ROWS[i].body, "", 0, ""};
        assert_answer(*state, &body, 200, ROWS[i].answer);
    }
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void *post_fat(void *ctx)
{
    for (int i = 0; i < 3; i++) {
        assert_answer(ctx, &FAT, 200, "23 {\"object\":{\"name\":\"n\"}}");
    }
    return NULL;
}

static void test_large_bodies_of_which_little_is_kept_take_no_memory(void **state)
{
    pthread_t threads[8];
    long before = peak_kib();
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_fat, *state), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(peak_kib() - before <
                64L * 1024); /* 160 MiB are on their way; valgrind takes some */
}

static void test_too_much_to_keep_is_refused_and_the_server_goes_on(void **state)
{
    assert_answer(*state, &KEPT, 200, "200023 ");
    assert_answer(*state, &TOO_MUCH, 413,
                  "413: what is read of the body is larger than 262144 bytes\n");
    assert_answer(*state, &KEPT, 200, "200023 ");
}

static void test_over_the_budget_large_ones_are_put_off_and_small_ones_pass(void **state)
{
    assert_true(zl_budget_try(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX / 2));
    assert_answer(*state, &KEPT, 429, "429: too much is under way here, try again\n");
    assert_answer(*state, &SMALL, 200, "23 ");
    assert_answer(*state, &FAT, 200, "23 ");
    zl_budget_give(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX / 2);
    assert_answer(*state, &KEPT, 200, "200023 ");
}

/* Whatever came before on the same connection, whole, broken or too large. */
static void test_one_body_leaves_nothing_to_the_next(void **state)
{
    static const struct body BROKEN = {"{\"object\":{\"name\":", "", 0, ""},
                             TEXT = {"<", "", 0, ""}, NOTHING = {"", "", 0, ""};
    static const struct body *const BEFORE[] = {&SMALL, &BROKEN, &TEXT,    &NOTHING,
                                                &FAT,   &KEPT,   &TOO_MUCH};
    struct zl_wire wire = zl_wire_open(zl_http_server_port(*state), 0);
    for (size_t i = 0; i < sizeof BEFORE / sizeof BEFORE[0]; i++) {
        (void)post_on(&wire, BEFORE[i]);
        const struct zl_wire_answer answer = post_on(&wire, &SMALL);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "23 {\"object\":{\"name\":\"a\"}}");
    }
    zl_wire_close(&wire);
}

/* Nothing is left of a share whose request is over, however it ended. */
static void test_shares_are_given_back(void **state)
{
    assert_answer(*state, &KEPT, 200, "200023 ");
    assert_answer(*state, &TOO_MUCH, 413, "413");
    struct zl_wire wire = zl_wire_open(zl_http_server_port(*state), 0);
    zl_wire_send_text(&wire, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9000\r\n\r\n"
                             "{\"object\":{\"list\":[");
    zl_wire_send_zeros(&wire, 8000, false);
    zl_wire_close(&wire);
    zl_http_server_stop(*state, 1000);
    *state = NULL;
    static const enum zl_budget_lane LANES[] = {ZL_BUDGET_SMALL_REQUESTS, ZL_BUDGET_REQUESTS};
    static const size_t MAX[] = {ZL_BUDGET_SMALL_REQUESTS_MAX, ZL_BUDGET_REQUESTS_MAX};
    for (size_t i = 0; i < 2; i++) {
        assert_true(zl_budget_try(LANES[i], MAX[i]));
        zl_budget_give(LANES[i], MAX[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_the_shape_names_reaches_the_handler),
        TEST(test_large_bodies_of_which_little_is_kept_take_no_memory),
        TEST(test_too_much_to_keep_is_refused_and_the_server_goes_on),
        TEST(test_over_the_budget_large_ones_are_put_off_and_small_ones_pass),
        TEST(test_one_body_leaves_nothing_to_the_next),
        TEST(test_shares_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
