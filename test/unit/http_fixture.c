/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/http_fixture.h"

#include "common/http/tls_priorities.h"

#include <openssl/tls1.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void handle_length(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    (void)ctx;
    if (strlen(request->body) != request->body_length) {
        response->status = 500;
    }
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

/* Nearly as much as one record of TLS may hold. */
static void handle_page(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    enum { PAGE_BYTES = 12000 };
    char text[PAGE_BYTES + 1];
    (void)ctx, (void)request;
    memset(text, 'p', PAGE_BYTES);
    text[PAGE_BYTES] = '\0';
    zl_http_respond_text(response, 200, text);
}

static void handle_nothing(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    (void)ctx, (void)request, (void)response;
}

static void handle_slow(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    struct zl_http_fixture *fixture = ctx;
    (void)request;
    sem_post(&fixture->entered);
    sem_wait(&fixture->leave);
    zl_http_respond_text(response, 200, "done\n");
}

static bool serves_secret(void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "/hidden/s3cret") == 0;
}

static const struct zl_http_route ROUTES[] = {
    {"POST", "/validate", handle_length, NULL, NULL},
    {"GET", "/healthz", handle_health, NULL, NULL},
    {"GET", "/nothing", handle_nothing, NULL, NULL},
    {"GET", "/page", handle_page, NULL, NULL},
    {"GET", "/slow", handle_slow, NULL, NULL},
    {"POST", "/hidden", handle_length, NULL, serves_secret},
    {0},
};

struct zl_key_pair *zl_new_key_pair(void)
{
    ZL_AUTO_FREE char *cert = NULL, *key = NULL;
    struct zl_key_pair *pair = NULL;
    zl_self_signed("P-256", &cert, &key);
    assert_int_equal(zl_key_pair_parse(cert, key, &pair, NULL), ZL_OK);
    return pair;
}

static struct zl_http_fixture *new_fixture(int tls, int64_t request_timeout_ms,
                                           int64_t idle_timeout_ms)
{
    struct zl_http_fixture *fixture = zl_alloc(sizeof *fixture);
    fixture->keys = zl_key_slot_new();
    zl_key_slot_put(fixture->keys, zl_new_key_pair());
    assert_int_equal(zl_tls_priorities("1.2", NULL, &fixture->priorities, NULL), ZL_OK);
    sem_init(&fixture->entered, 0, 0);
    sem_init(&fixture->leave, 0, 0);
    fixture->tls = tls;
    fixture->options = (struct zl_http_options){
        .keys = tls != 0 ? fixture->keys : NULL,
        .tls_priorities = fixture->priorities,
        .connections_max = CONNECTIONS_MAX,
        .body_max_bytes = BODY_MAX,
        .request_timeout_ms = request_timeout_ms,
        .idle_timeout_ms = idle_timeout_ms,
        .routes = ROUTES,
        .ctx = fixture,
    };
    struct zl_error err = {0};
    if (zl_http_server_start(&fixture->options, &fixture->server, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    return fixture;
}

int zl_setup_tls(void **state)
{
    *state = new_fixture(TLS1_3_VERSION, PATIENT_MS, NEVER_MS);
    return 0;
}

int zl_setup_plain(void **state)
{
    *state = new_fixture(0, PATIENT_MS, NEVER_MS);
    return 0;
}

int zl_setup_tls_idle_timeout(void **state)
{
    *state = new_fixture(TLS1_3_VERSION, PATIENT_MS, IDLE_TIMEOUT_MS);
    return 0;
}

int zl_setup_tls_impatient(void **state)
{
    *state = new_fixture(TLS1_3_VERSION, REQUEST_TIMEOUT_MS, NEVER_MS);
    return 0;
}

int zl_setup_plain_impatient(void **state)
{
    *state = new_fixture(0, REQUEST_TIMEOUT_MS, NEVER_MS);
    return 0;
}

int zl_teardown(void **state)
{
    struct zl_http_fixture *fixture = *state;
    zl_http_server_stop(fixture->server, 1000);
    sem_destroy(&fixture->entered);
    sem_destroy(&fixture->leave);
    zl_key_slot_free(fixture->keys);
    free(fixture->priorities);
    free(fixture);
    return 0;
}

struct zl_wire zl_fixture_dial(const struct zl_http_fixture *fixture)
{
    return zl_wire_open(zl_http_server_port(fixture->server), fixture->tls);
}

struct zl_wire_answer zl_fixture_ask(const struct zl_http_fixture *fixture, const char *request)
{
    struct zl_wire wire = zl_fixture_dial(fixture);
    zl_wire_send_text(&wire, request);
    struct zl_wire_answer answer = zl_wire_receive(&wire, strncmp(request, "HEAD", 4) == 0);
    zl_wire_close(&wire);
    return answer;
}

void zl_fixture_assert_serves(const struct zl_http_fixture *fixture)
{
    struct zl_wire_answer answer = zl_fixture_ask(fixture, GOOD_REQUEST);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "ok\n");
}
