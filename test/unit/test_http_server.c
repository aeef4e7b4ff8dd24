/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server against real sockets: what it serves, what it refuses, and that it survives both. */
#include "common/http/server.h"

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "wire.h"

#include <openssl/tls1.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY_MAX 65536
#define PATIENT_MS 20000 /* a valgrind run stays below this */
#define REQUEST_TIMEOUT_MS 300
#define IDLE_TIMEOUT_MS 500
#define CONNECTIONS_MAX 12
#define TEN_MEGABYTES (10 * ZL_MIB)

struct fixture {
    struct zl_http_server *server;
    struct zl_http_options options;
    char *cert, *key;
    int tls;              /* protocol version of the good client, 0: plain */
    sem_t entered, leave; /* of the /slow handler */
};

/* --- routes --------------------------------------------------------------------------------- */

static void handle_length(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    (void)ctx;
    if (strlen(request->body) != request->body_length)
        response->status = 500;
    ZL_AUTO_FREE char *text =
        zl_asprintf("%zu %s", request->body_length,
                    request->content_type == NULL ? "(none)" : request->content_type);
    zl_http_respond_text(response, response->status, text);
}

static void handle_health(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    (void)ctx, (void)request;
    zl_http_respond_text(response, 200, "ok\n");
}

static void handle_nothing(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    (void)ctx, (void)request, (void)response;
}

static void handle_slow(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    struct fixture *fixture = ctx;
    (void)request;
    sem_post(&fixture->entered);
    sem_wait(&fixture->leave);
    zl_http_respond_text(response, 200, "done\n");
}

static const struct zl_http_route ROUTES[] = {
    {"POST", "/validate", handle_length},
    {"GET", "/healthz", handle_health},
    {"GET", "/nothing", handle_nothing},
    {"GET", "/slow", handle_slow},
    {0},
};

/* --- fixture -------------------------------------------------------------------------------- */

static struct fixture *new_fixture(int tls, int64_t request_timeout_ms)
{
    struct fixture *fixture = zl_alloc(sizeof *fixture);
    zl_self_signed("P-256", &fixture->cert, &fixture->key);
    sem_init(&fixture->entered, 0, 0);
    sem_init(&fixture->leave, 0, 0);
    fixture->tls = tls;
    fixture->options = (struct zl_http_options){
        .cert_pem = tls != 0 ? fixture->cert : NULL,
        .key_pem = tls != 0 ? fixture->key : NULL,
        .connections_max = CONNECTIONS_MAX,
        .body_max_bytes = BODY_MAX,
        .request_timeout_ms = request_timeout_ms,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .routes = ROUTES,
        .ctx = fixture,
    };
    struct zl_error err = {0};
    if (zl_http_server_start(&fixture->options, &fixture->server, &err) != ZL_OK)
        fail_msg("%s", err.message);
    return fixture;
}

static int setup_tls(void **state)
{
    *state = new_fixture(TLS1_3_VERSION, PATIENT_MS);
    return 0;
}

static int setup_plain(void **state)
{
    *state = new_fixture(0, PATIENT_MS);
    return 0;
}

static int setup_tls_impatient(void **state)
{
    *state = new_fixture(TLS1_3_VERSION, REQUEST_TIMEOUT_MS);
    return 0;
}

static int setup_plain_impatient(void **state)
{
    *state = new_fixture(0, REQUEST_TIMEOUT_MS);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    zl_http_server_stop(fixture->server, 1000);
    sem_destroy(&fixture->entered);
    sem_destroy(&fixture->leave);
    free(fixture->cert);
    free(fixture->key);
    free(fixture);
    return 0;
}

static struct zl_wire dial(const struct fixture *fixture)
{
    return zl_wire_open(zl_http_server_port(fixture->server), fixture->tls);
}

/* One request on a connection of its own. */
static struct zl_wire_answer ask(const struct fixture *fixture, const char *request)
{
    struct zl_wire wire = dial(fixture);
    zl_wire_send_text(&wire, request);
    struct zl_wire_answer answer = zl_wire_receive(&wire, strncmp(request, "HEAD", 4) == 0);
    zl_wire_close(&wire);
    return answer;
}

#define GOOD "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"

static void assert_still_serves(const struct fixture *fixture)
{
    struct zl_wire_answer answer = ask(fixture, GOOD);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "ok\n");
}

static void send_zeros(struct zl_wire *wire, size_t length, bool chunked)
{
    char block[16384];
    memset(block, '0', sizeof block);
    while (length > 0) {
        size_t piece = length < sizeof block ? length : sizeof block;
        char head[32];
        snprintf(head, sizeof head, "%zx\r\n", piece);
        if (chunked && !zl_wire_send_text(wire, head))
            return;
        if (!zl_wire_send(wire, block, piece) || (chunked && !zl_wire_send_text(wire, "\r\n")))
            return;
        length -= piece;
    }
    if (chunked)
        zl_wire_send_text(wire, "0\r\n\r\n");
}

static struct zl_wire_answer post(const struct fixture *fixture, size_t length, bool chunked)
{
    char head[256];
    struct zl_wire wire = dial(fixture);
    if (chunked)
        snprintf(head, sizeof head,
                 "POST /validate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    else
        snprintf(head, sizeof head,
                 "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", length);
    zl_wire_send_text(&wire, head);
    send_zeros(&wire, length, chunked);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    zl_wire_close(&wire);
    return answer;
}

/* --- what is served ------------------------------------------------------------------------- */

static void test_answer_is_the_handlers_over_tls_1_2_and_1_3(void **state)
{
    struct fixture *fixture = *state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        fixture->tls = versions[i];
        struct zl_wire_answer answer =
            ask(fixture, "POST /validate?timeout=3s HTTP/1.1\r\nHost: t\r\n"
                         "Content-Type: application/json\r\nContent-Length: 5\r\n\r\nhello");
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, "5 application/json");
        assert_non_null(strstr(answer.head, "Content-Type: text/plain; charset=utf-8\r\n"));
        assert_non_null(strstr(answer.head, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(answer.head, "Cache-Control: no-store\r\n"));
    }
}

static void test_tls_1_1_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct zl_wire wire = zl_wire_open(zl_http_server_port(fixture->server), TLS1_1_VERSION);
    assert_int_equal(wire.fd, -1);
    assert_still_serves(fixture);
}

static void test_plain_http_on_the_tls_port_gets_no_answer(void **state)
{
    const struct fixture *fixture = *state;
    struct zl_wire wire = zl_wire_open(zl_http_server_port(fixture->server), 0);
    zl_wire_send_text(&wire, GOOD);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    assert_int_equal(answer.status, 0);
    zl_wire_close(&wire);
    assert_still_serves(fixture);
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
        {"GET /", 404, "", "there is POST /validate, GET /healthz, GET /nothing"},
        {"GET /healthz/", 404, "", ""},
        {"GET /healthz%00", 404, "", ""},
        {"GET /%68ealthz", 404, "", ""},
        {"GET ../../etc/passwd", 404, "", ""},
        {"OPTIONS *", 404, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *request = zl_asprintf("%s HTTP/1.1\r\nHost: t\r\n\r\n", rows[i].line);
        struct zl_wire_answer answer = ask(*state, request);
        if (answer.status != rows[i].status || strstr(answer.head, rows[i].in_head) == NULL ||
            strstr(answer.body, rows[i].in_body) == NULL)
            fail_msg("%s: %s%s", rows[i].line, answer.head, answer.body);
        if (strncmp(rows[i].line, "HEAD", 4) == 0)
            assert_int_equal(answer.body_length, 0);
    }
}

static void test_connection_is_reused(void **state)
{
    struct zl_wire wire = dial(*state);
    for (int i = 0; i < 5; i++) {
        assert_true(zl_wire_send_text(&wire, GOOD));
        assert_int_equal(zl_wire_receive(&wire, false).status, 200);
    }
    zl_wire_close(&wire);
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
        assert_still_serves(*state);
    }
}

static void test_body_declared_too_large_is_refused_unread_and_the_connection_closed(void **state)
{
    const char *const methods[] = {"POST /validate", "PUT /validate", "GET /healthz", "PATCH /x"};
    const int statuses[] = {413, 405, 413, 404};
    for (size_t i = 0; i < 4; i++) {
        ZL_AUTO_FREE char *head = zl_asprintf(
            "%s HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\n\r\n", methods[i]);
        struct zl_wire wire = dial(*state);
        int64_t start_ms = zl_clock_ms();
        zl_wire_send_text(&wire, head);
        struct zl_wire_answer answer = zl_wire_receive(&wire, false);
        assert_int_equal(answer.status, statuses[i]);
        assert_true(zl_clock_ms() - start_ms < PATIENT_MS / 4);
        assert_non_null(strstr(answer.head, "Connection: close\r\n"));
        assert_true(zl_wire_is_closed(&wire, 2000));
        zl_wire_close(&wire);
    }
    assert_still_serves(*state);
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
        "POST /validate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
        "ffffffffffffffffff\r\n",
        "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf",
        "GET /healthz HTTP/1.1\r\nX: ",
        "GE",
        "",
    };
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < 2 * sizeof garbage / sizeof garbage[0]; i++) {
        /* every second time below TLS */
        struct zl_wire wire =
            zl_wire_open(zl_http_server_port(fixture->server), i % 2 == 0 ? fixture->tls : 0);
        zl_wire_send_text(&wire, garbage[i / 2]);
        zl_wire_close(&wire);
        assert_still_serves(fixture);
    }
}

static void test_header_larger_than_memory_is_refused(void **state)
{
    struct zl_wire wire = dial(*state);
    zl_wire_send_text(&wire, "GET /healthz HTTP/1.1\r\nX: ");
    send_zeros(&wire, 200 * ZL_KIB, false);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    assert_true(answer.status == 431 || answer.status == 0); /* 0: reset by what it had not read */
    zl_wire_close(&wire);
    assert_still_serves(*state);
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
    const struct fixture *fixture = *state;
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
        peers[i].wire = dial(fixture);
        if (peers[i].after_a_good_request) {
            zl_wire_send_text(&peers[i].wire, GOOD);
            assert_int_equal(zl_wire_receive(&peers[i].wire, false).status, 200);
            peers[i].start_ms = zl_clock_ms();
        }
        zl_wire_send_text(&peers[i].wire, peers[i].first);
    }
    int64_t start_ms = zl_clock_ms();
    for (size_t open = count; open > 0 && zl_clock_ms() - start_ms < 3000;) {
        assert_still_serves(fixture);
        for (size_t i = 0; i < count; i++) {
            if (peers[i].cut_after_ms != 0)
                continue;
            zl_wire_send_text(&peers[i].wire, peers[i].drip);
            if (!zl_wire_is_closed(&peers[i].wire, 5))
                continue;
            peers[i].cut_after_ms = zl_clock_ms() - peers[i].start_ms;
            open--;
        }
    }
    for (size_t i = 0; i < count; i++) {
        zl_wire_close(&peers[i].wire);
        assert_in_range(peers[i].cut_after_ms, REQUEST_TIMEOUT_MS, REQUEST_TIMEOUT_MS * 5);
    }
}

static void test_handshake_that_never_comes_is_cut(void **state)
{
    const struct fixture *fixture = *state;
    struct zl_wire wire = zl_wire_open(zl_http_server_port(fixture->server), 0);
    assert_true(zl_wire_is_closed(&wire, REQUEST_TIMEOUT_MS * 3));
    zl_wire_close(&wire);
    assert_still_serves(fixture);
}

static void test_idle_connection_lives_for_the_idle_timeout(void **state)
{
    struct zl_wire wire = dial(*state);
    zl_wire_send_text(&wire, GOOD);
    assert_int_equal(zl_wire_receive(&wire, false).status, 200);
    int64_t start_ms = zl_clock_ms();
    assert_true(zl_wire_is_closed(&wire, IDLE_TIMEOUT_MS * 4));
    assert_in_range(zl_clock_ms() - start_ms, IDLE_TIMEOUT_MS - 100, IDLE_TIMEOUT_MS * 3);
    zl_wire_close(&wire);
}

static void test_slow_handler_is_not_cut(void **state)
{
    struct fixture *fixture = *state;
    struct zl_wire wire = dial(fixture);
    zl_wire_send_text(&wire, "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    sem_wait(&fixture->entered);
    assert_false(zl_wire_is_closed(&wire, REQUEST_TIMEOUT_MS * 2));
    sem_post(&fixture->leave);
    assert_string_equal(zl_wire_receive(&wire, false).body, "done\n");
    zl_wire_close(&wire);
}

static void test_connections_over_the_limit_are_closed_and_room_comes_back(void **state)
{
    const struct fixture *fixture = *state;
    uint16_t port = zl_http_server_port(fixture->server);
    struct zl_wire wires[CONNECTIONS_MAX + 1];
    for (int i = 0; i <= CONNECTIONS_MAX; i++)
        wires[i] = zl_wire_open(port, 0);
    assert_true(zl_wire_is_closed(&wires[CONNECTIONS_MAX], REQUEST_TIMEOUT_MS / 2));
    assert_false(zl_wire_is_closed(&wires[0], 0));
    for (int i = 0; i <= CONNECTIONS_MAX; i++)
        zl_wire_close(&wires[i]);
    int status = 0;
    for (int64_t until_ms = zl_clock_ms() + 2000; status != 200 && zl_clock_ms() < until_ms;)
        status = ask(fixture, GOOD).status;
    assert_int_equal(status, 200);
}

/* --- start and stop ------------------------------------------------------------------------- */

static void *stop_server(void *server)
{
    zl_http_server_stop(server, 5000);
    return NULL;
}

static void test_stop_drains_the_request_under_way(void **state)
{
    struct fixture *fixture = *state;
    uint16_t port = zl_http_server_port(fixture->server);
    struct zl_wire idle = dial(fixture), busy = dial(fixture);
    zl_wire_send_text(&idle, GOOD);
    assert_int_equal(zl_wire_receive(&idle, false).status, 200);
    zl_wire_send_text(&busy, "GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
    sem_wait(&fixture->entered);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_server, fixture->server);
    fixture->server = NULL;
    assert_false(zl_wire_is_closed(&busy, 100));
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

static void test_stop_does_not_wait_for_idle_or_silent_connections(void **state)
{
    struct fixture *fixture = *state;
    struct zl_wire idle = dial(fixture), silent = dial(fixture);
    zl_wire_send_text(&idle, GOOD);
    assert_int_equal(zl_wire_receive(&idle, false).status, 200);
    int64_t start_ms = zl_clock_ms();
    zl_http_server_stop(fixture->server, 5000);
    fixture->server = NULL;
    assert_true(zl_clock_ms() - start_ms < 1000);
    zl_wire_close(&idle);
    zl_wire_close(&silent);
}

static void test_start_refuses_what_cannot_work(void **state)
{
    const struct fixture *fixture = *state;
    ZL_AUTO_FREE char *cert = NULL, *key = NULL, *odd_cert = NULL, *odd_key = NULL;
    zl_self_signed("P-256", &cert, &key);
    zl_self_signed("secp256k1", &odd_cert, &odd_key);
    const struct row {
        const char *address;
        int64_t port;
        const char *cert, *key;
        const char *in_message;
    } rows[] = {
        {NULL, 0, fixture->cert, key, "does not belong to the certificate"},
        {NULL, 0, fixture->cert, NULL, "both a certificate and a key"},
        {NULL, 0, NULL, key, "both a certificate and a key"},
        {NULL, 0, "", key, "certificate is not PEM text"},
        {NULL, 0, key, key, "certificate is not PEM text"},
        {NULL, 0, cert, "", "key is not PEM text"},
        {NULL, 0, cert, cert, "key is not PEM text"},
        {NULL, 0, odd_cert, odd_key, "TLS library does not take"},
        {NULL, zl_http_server_port(fixture->server), cert, key, "another program has it"},
        {"127.0.0.1", zl_http_server_port(fixture->server), NULL, NULL, "Address already in use"},
        {"192.0.2.1", 0, NULL, NULL, "no interface of this host has that address"},
        {"localhost", 0, NULL, NULL, "give a numeric IPv4 or IPv6 address"},
        {NULL, 65536, NULL, NULL, "port 65536"},
        {NULL, -1, NULL, NULL, "port -1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_http_options options = fixture->options;
        struct zl_http_server *server = NULL;
        struct zl_error err = {0};
        options.address = rows[i].address;
        options.port = rows[i].port;
        options.cert_pem = rows[i].cert;
        options.key_pem = rows[i].key;
        assert_int_equal(zl_http_server_start(&options, &server, &err), ZL_E_INVALID);
        assert_null(server);
        if (strstr(err.message, rows[i].in_message) == NULL)
            fail_msg("row %zu: %s", i, err.message);
    }
}

static void test_start_needs_certificate_and_key_only_for_the_call(void **state)
{
    struct fixture *fixture = *state;
    memset(fixture->cert, 'x', strlen(fixture->cert));
    memset(fixture->key, 'x', strlen(fixture->key));
    assert_still_serves(fixture);
}

static void test_one_address_is_served_alone(void **state)
{
    const struct fixture *fixture = *state;
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

#define OVER_TLS(test) cmocka_unit_test_setup_teardown(test, setup_tls, teardown)
#define OVER_PLAIN(test) cmocka_unit_test_setup_teardown(test, setup_plain, teardown)
#define OVER_BOTH(test) OVER_TLS(test), OVER_PLAIN(test)
#define OVER_TLS_IMPATIENT(test)                                                                   \
    cmocka_unit_test_setup_teardown(test, setup_tls_impatient, teardown)
#define OVER_BOTH_IMPATIENT(test)                                                                  \
    OVER_TLS_IMPATIENT(test), cmocka_unit_test_setup_teardown(test, setup_plain_impatient, teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        OVER_TLS(test_answer_is_the_handlers_over_tls_1_2_and_1_3),
        OVER_TLS(test_tls_1_1_is_refused),
        OVER_TLS(test_plain_http_on_the_tls_port_gets_no_answer),
        OVER_BOTH(test_requests_are_routed_by_method_and_path),
        OVER_BOTH(test_connection_is_reused),
        OVER_BOTH(test_body_is_accepted_up_to_the_limit_and_not_a_byte_more),
        OVER_BOTH(test_body_declared_too_large_is_refused_unread_and_the_connection_closed),
        OVER_BOTH(test_garbage_is_survived),
        OVER_BOTH(test_header_larger_than_memory_is_refused),
        OVER_BOTH_IMPATIENT(test_slow_peers_are_cut_at_the_deadline_while_others_are_served),
        OVER_TLS_IMPATIENT(test_handshake_that_never_comes_is_cut),
        OVER_TLS(test_idle_connection_lives_for_the_idle_timeout),
        OVER_TLS_IMPATIENT(test_slow_handler_is_not_cut),
        OVER_TLS(test_connections_over_the_limit_are_closed_and_room_comes_back),
        OVER_BOTH(test_stop_drains_the_request_under_way),
        OVER_TLS(test_stop_does_not_wait_for_idle_or_silent_connections),
        OVER_TLS(test_start_refuses_what_cannot_work),
        OVER_TLS(test_start_needs_certificate_and_key_only_for_the_call),
        OVER_TLS(test_one_address_is_served_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
