/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_fixture.h - a running HTTP server with a few routes, and a client for it.
 *
 * POST /validate answers "<length of the body> <content type>", GET /healthz "ok", GET /nothing nothing;
 * POST /hidden/s3cret the same as /validate, and nobody is told of it;
 * GET /slow posts ENTERED and waits for LEAVE.
 */
#ifndef ZL_TEST_HTTP_FIXTURE_H
#define ZL_TEST_HTTP_FIXTURE_H

#include "common/http/server.h"
#include "wire.h"

#include <semaphore.h>

#define BODY_MAX 65536
#define PATIENT_MS 20000 /* a valgrind run stays below this */
/* A busy machine serves a good request within it, under valgrind as well. */
#define REQUEST_TIMEOUT_MS 1500
#define IDLE_TIMEOUT_MS 3000
#define NEVER_MS 600000 /* no machine is that slow */
#define CONNECTIONS_MAX 12

#define GOOD_REQUEST "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"

struct zl_http_fixture {
    struct zl_http_server *server;
    struct zl_http_options options;
    struct zl_key_slot *keys;
    char *priorities;
    int tls;              /* protocol version of the good client, 0: plain */
    sem_t entered, leave; /* of GET /slow */
};

/* A fresh self-signed one; the caller frees. */
struct zl_key_pair *zl_new_key_pair(void);

/*
 * For cmocka; "impatient" gives a request REQUEST_TIMEOUT_MS, the others PATIENT_MS. A connection may be idle for IDLE_TIMEOUT_MS
 * with "idle_timeout", with the others for NEVER_MS: a slow machine idles, too.
 */
int zl_setup_tls(void **state);
int zl_setup_plain(void **state);
int zl_setup_tls_idle_timeout(void **state);
int zl_setup_tls_impatient(void **state);
int zl_setup_plain_impatient(void **state);
int zl_teardown(void **state);

struct zl_wire zl_fixture_dial(const struct zl_http_fixture *fixture);
/* One request on a connection of its own. */
struct zl_wire_answer zl_fixture_ask(const struct zl_http_fixture *fixture, const char *request);
/* Fails the test when GET /healthz is not answered. */
void zl_fixture_assert_serves(const struct zl_http_fixture *fixture);

#define OVER_TLS(test) cmocka_unit_test_setup_teardown(test, zl_setup_tls, zl_teardown)
#define OVER_PLAIN(test) cmocka_unit_test_setup_teardown(test, zl_setup_plain, zl_teardown)
#define OVER_BOTH(test) OVER_TLS(test), OVER_PLAIN(test)
#define OVER_TLS_IMPATIENT(test)                                                                   \
    cmocka_unit_test_setup_teardown(test, zl_setup_tls_impatient, zl_teardown)
#define OVER_BOTH_IMPATIENT(test)                                                                  \
    OVER_TLS_IMPATIENT(test),                                                                      \
        cmocka_unit_test_setup_teardown(test, zl_setup_plain_impatient, zl_teardown)

#endif
