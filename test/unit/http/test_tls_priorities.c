/* SPDX-License-Identifier: Apache-2.0 */
/* The suites that GnuTLS itself makes of a priority string are those that were asked for, no more and no fewer. */
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/http/tls_priorities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

/* GnuTLS' names of them, sorted by its own preference, as "ECDHE_ECDSA_AES_128_GCM TLS1.2 ..." */
static char *suites_of(const char *priorities)
{
    gnutls_priority_t cache;
    struct zl_buf list;
    zl_buf_init(&list, 4 * ZL_KIB);
    if (gnutls_priority_init(&cache, priorities, NULL) != 0) {
        fail_msg("GnuTLS does not know %s", priorities);
    }
    for (unsigned i = 0;; i++) {
        unsigned place = 0;
        int result = gnutls_priority_get_cipher_suite_index(cache, i, &place);
        if (result == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            break;
        }
        const char *name =
            result == 0 ? gnutls_cipher_suite_info(place, NULL, NULL, NULL, NULL, NULL) : NULL;
        if (name != NULL) {
            zl_buf_printf(&list, "%s\n", name);
        }
    }
    gnutls_priority_deinit(cache);
    return zl_buf_take(&list);
}

#define E128 "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
#define E256 "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
#define ECHA "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
#define R128 "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
#define R256 "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
#define RCHA "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
#define T128 "TLS_AES_128_GCM_SHA256"
#define T256 "TLS_AES_256_GCM_SHA384"
#define TCHA "TLS_CHACHA20_POLY1305_SHA256"

static void test_suites_are_those_that_are_named(void **state)
{
    (void)state;
    const struct row {
        const char *version, *names;
        const char *offered; /* an initial for each: see below */
    } rows[] = {
        {"1.2", NULL, "abcdefghi"},
        {"1.2", "", "abcdefghi"},
        {"VersionTLS12", NULL, "abcdefghi"},
        {"1.3", NULL, "abc"},
        {"VersionTLS13", NULL, "abc"},
        {"1.2", E128, "ad"},
        {"1.2", E128 "," T128, "ad"},
        {"1.2", E128 "," E256, "abde"},
        {"1.2", E256 "," R256 "," T256, "beh"},
        {"1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
         "cfi"},
        {"1.2", E128 "," E256 "," ECHA "," R128 "," R256 "," RCHA "," T128 "," T256 "," TCHA,
         "abcdefghi"},
        {"1.3", T256, "b"},
        {"1.3", T256 "," TCHA "," E128, "bc"},
        {"1.3", R128, "a"},
    };
    static const char *const names[] = {"TLS_AES_128_GCM_SHA256",
                                        "TLS_AES_256_GCM_SHA384",
                                        "TLS_CHACHA20_POLY1305_SHA256",
                                        "TLS_ECDHE_ECDSA_AES_128_GCM_SHA256",
                                        "TLS_ECDHE_ECDSA_AES_256_GCM_SHA384",
                                        "TLS_ECDHE_ECDSA_CHACHA20_POLY1305",
                                        "TLS_ECDHE_RSA_AES_128_GCM_SHA256",
                                        "TLS_ECDHE_RSA_AES_256_GCM_SHA384",
                                        "TLS_ECDHE_RSA_CHACHA20_POLY1305"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *priorities = NULL;
        struct zl_error err = {0};
        if (zl_tls_priorities(rows[i].version, rows[i].names, &priorities, &err) != ZL_OK) {
            fail_msg("row %zu: %s", i, err.message);
        }
        ZL_AUTO_FREE char *offered = suites_of(priorities);
        size_t lines = 0;
        for (const char *next = offered; (next = strchr(next, '\n')) != NULL; next++) {
            lines++;
        }
        if (lines != strlen(rows[i].offered)) {
            fail_msg("row %zu: %s gives\n%s", i, priorities, offered);
        }
        for (const char *letter = rows[i].offered; *letter != '\0'; letter++) {
            ZL_AUTO_FREE char *line = zl_asprintf("%s\n", names[*letter - 'a']);
            if (strstr(offered, line) == NULL) {
                fail_msg("row %zu: %s lacks %s in\n%s", i, priorities, line, offered);
            }
        }
    }
}

static void test_what_cannot_be_had_is_refused_with_the_cure(void **state)
{
    (void)state;
    const struct row {
        const char *version, *names, *says;
    } rows[] = {
        {"1.1", NULL, "\"1.1\" is no TLS version: 1.2 or 1.3"},
        {"1.2", "TLS_RSA_WITH_AES_128_CBC_SHA",
         "\"TLS_RSA_WITH_AES_128_CBC_SHA\" is no cipher suite"},
        {"1.2", E128 ",", "\"\" is no cipher suite"},
        {"1.2", E128 ", " E256, "\" " E256 "\" is no cipher suite"},
        {"1.2", "tls_aes_128_gcm_sha256", "there are TLS_AES_128_GCM_SHA256, "},
        {"1.2", T128, "no suite of TLS 1.2"},
        {"1.2", E128 "," R256, E256 " is missing"},
        {"1.2", E128 "," T256, E256 " is missing"},
        {"1.2", E128 "," E256 "," T128, T256 " is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *priorities = NULL;
        struct zl_error err = {0};
        assert_int_equal(zl_tls_priorities(rows[i].version, rows[i].names, &priorities, &err),
                         ZL_E_INVALID);
        assert_null(priorities);
        if (strstr(err.message, rows[i].says) == NULL) {
            fail_msg("row %zu: %s", i, err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suites_are_those_that_are_named),
        cmocka_unit_test(test_what_cannot_be_had_is_refused_with_the_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
