/* SPDX-License-Identifier: Apache-2.0 */
/* Who is heard when a certificate is asked for. The client's CA is its own self-signed certificate, of the name "test". */
#include "certs/material.h"
#include "test/unit/http_fixture.h"

#include <openssl/tls1.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define POST "POST /validate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}"
#define POST_HIDDEN "POST /hidden/none HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}"
#define DAY_S 86400

struct people {
    char *cert, *key;             /* whom the server trusts */
    char *other_cert, *other_key; /* of nobody's CA */
    char *old_cert, *old_key;     /* trusted, but expired */
    struct zl_material serving;   /* of a trusted CA, but for servers */
    char *trusted;                /* all those CAs */
};

static void make_serving(struct zl_material *out)
{
    ZL_AUTO_NAMES struct zl_names names = {0};
    struct zl_renewed what;
    const struct zl_material nothing = {0};
    assert_int_equal(zl_names_collect(NULL, NULL, "localhost", NULL, &names, NULL), ZL_OK);
    const struct zl_renewal renewal = {.names = &names,
                                       .now_s = time(NULL),
                                       .validity_s = DAY_S,
                                       .ca_validity_s = 2 * DAY_S,
                                       .renew_before_s = 60};
    assert_int_equal(zl_material_renew(&nothing, &renewal, out, &what, NULL), ZL_OK);
}

static void meet(struct people *people)
{
    *people = (struct people){0};
    zl_self_signed("P-256", &people->cert, &people->key);
    zl_self_signed("P-256", &people->other_cert, &people->other_key);
    zl_self_signed_for(-7200, -3600, &people->old_cert, &people->old_key);
    make_serving(&people->serving);
    people->trusted =
        zl_asprintf("%s%s%s", people->cert, people->old_cert, people->serving.pem[ZL_PART_CA_CERT]);
}

static void part(struct people *people)
{
    free(people->cert);
    free(people->key);
    free(people->other_cert);
    free(people->other_key);
    free(people->old_cert);
    free(people->old_key);
    free(people->trusted);
    zl_material_clear(&people->serving);
}

static struct zl_http_server *start(struct zl_http_fixture *fixture, const char *ca,
                                    const char *name)
{
    struct zl_http_options options = fixture->options;
    struct zl_http_server *server = NULL;
    struct zl_error err = {0};
    options.client_ca = ca;
    options.client_name = name;
    if (zl_http_server_start(&options, &server, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    return server;
}

static int ask(const struct zl_http_server *server, int tls, const char *cert, const char *key,
               const char *request)
{
    struct zl_wire wire = zl_wire_open_as(cert, key, zl_http_server_port(server), tls);
    zl_wire_send_text(&wire, request);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    zl_wire_close(&wire);
    return answer.status;
}

static void test_only_who_shows_a_certificate_of_the_ca_is_heard_and_probes_are(void **state)
{
    struct people p;
    meet(&p);
    struct zl_http_server *server = start(*state, p.trusted, NULL);
    const struct row {
        const char *cert, *key, *request;
        int status;
    } rows[] = {
        {p.cert, p.key, POST, 200},
        {p.cert, p.key, POST_HIDDEN, 404},
        {NULL, NULL, POST, 403},
        {NULL, NULL, POST_HIDDEN, 403}, /* not even that there is none */
        {p.other_cert, p.other_key, POST, 403},
        {p.old_cert, p.old_key, POST, 403},
        {p.serving.pem[ZL_PART_CERT], p.serving.pem[ZL_PART_KEY], POST, 403},
        {NULL, NULL, GOOD_REQUEST, 200},
        {p.other_cert, p.other_key, GOOD_REQUEST, 200},
    };
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i / 2];
        int status = ask(server, versions[i % 2], row->cert, row->key, row->request);
        if (status != row->status) {
            fail_msg("row %zu, TLS version %x: %d", i / 2, (unsigned)versions[i % 2], status);
        }
    }
    zl_http_server_stop(server, 1000);
    part(&p);
}

static void test_a_name_is_asked_for_as_well(void **state)
{
    struct people p;
    meet(&p);
    const struct row {
        const char *name;
        int status;
    } rows[] = {{"test", 200}, {"tes", 403}, {"test2", 403}, {"", 403}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_http_server *server = start(*state, p.trusted, rows[i].name);
        assert_int_equal(ask(server, TLS1_3_VERSION, p.cert, p.key, POST), rows[i].status);
        zl_http_server_stop(server, 1000);
    }
    part(&p);
}

static void test_what_is_no_list_of_certificates_is_an_error(void **state)
{
    struct zl_http_fixture *fixture = *state;
    const char *const texts[] = {"", "none",
                                 "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < 3; i++) {
        struct zl_http_options options = fixture->options;
        struct zl_http_server *server = NULL;
        struct zl_error err = {0};
        options.client_ca = texts[i];
        assert_int_equal(zl_http_server_start(&options, &server, &err), ZL_E_INVALID);
        assert_non_null(strstr(err.message, "--client-ca-file"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_TLS(test_only_who_shows_a_certificate_of_the_ca_is_heard_and_probes_are),
        OVER_TLS(test_a_name_is_asked_for_as_well),
        OVER_TLS(test_what_is_no_list_of_certificates_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
