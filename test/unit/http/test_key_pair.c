/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/http/key_pair.h"
#include "test/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define DAY_S INT64_C(86400)
#define YEAR_S (365 * DAY_S)

/* The key of PEM, encrypted with a password. */
static char *encrypted(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    char *data = NULL, password[] = "secret";
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), password, 6, NULL, NULL), 1);
    long length = BIO_get_mem_data(out, &data);
    char *text = zl_strndup(data, (size_t)length);
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
    return text;
}

static char *repeat(const char *text, int times)
{
    char *all = zl_strdup("");
    for (int i = 0; i < times; i++) {
        char *longer = zl_asprintf("%s%s", all, text);
        free(all);
        all = longer;
    }
    return all;
}

static void test_what_is_no_pair_is_refused_with_the_cure(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *cert = NULL, *key = NULL, *other_cert = NULL, *other_key = NULL;
    ZL_AUTO_FREE char *odd_cert = NULL, *odd_key = NULL;
    zl_self_signed("P-256", &cert, &key);
    zl_self_signed("P-256", &other_cert, &other_key);
    zl_self_signed("secp256k1", &odd_cert, &odd_key);
    ZL_AUTO_FREE char *half_cert = zl_strndup(cert, strlen(cert) / 2);
    ZL_AUTO_FREE char *half_key = zl_strndup(key, strlen(key) / 2);
    ZL_AUTO_FREE char *locked = encrypted(key);
    ZL_AUTO_FREE char *endless = repeat(cert, ZL_CERT_CHAIN_MAX + 1);
    const struct row {
        const char *cert, *key, *says;
    } rows[] = {
        {"", key, "certificate is not PEM text"},
        {key, key, "certificate is not PEM text"},
        {half_cert, key, "certificate is not PEM text"},
        {endless, key, "more than 16 certificates"},
        {cert, "", "key is not PEM text"},
        {cert, cert, "key is not PEM text"},
        {cert, half_key, "key is not PEM text"},
        {cert, locked, "unencrypted private key"},
        {odd_cert, odd_key, "key is not PEM text"}, /* a curve that the TLS library does not know */
        {other_cert, key, "does not belong to the certificate"},
        {cert, other_key, "does not belong to the certificate"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_key_pair *pair = NULL;
        struct zl_error err = {0};
        assert_int_equal(zl_key_pair_parse(rows[i].cert, rows[i].key, &pair, &err), ZL_E_INVALID);
        assert_null(pair);
        if (strstr(err.message, rows[i].says) == NULL) {
            fail_msg("row %zu: %s", i, err.message);
        }
    }
}

static void test_a_pair_with_its_chain_says_how_long_its_first_certificate_is_valid(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *cert = NULL, *key = NULL, *issuer = NULL, *issuer_key = NULL;
    zl_self_signed_for(-10, 1000, &cert, &key);
    zl_self_signed_for(-20, 2000, &issuer, &issuer_key);
    ZL_AUTO_FREE char *chain = zl_asprintf("%s%s", cert, issuer);
    struct zl_key_pair *pair = NULL;
    assert_int_equal(zl_key_pair_parse(chain, key, &pair, NULL), ZL_OK);
    struct zl_validity validity = zl_key_pair_validity(pair);
    assert_int_equal(validity.not_after_s - validity.not_before_s, 1010);
    zl_key_pair_free(pair);
}

static void test_time_makes_a_certificate_good_ending_or_useless(void **state)
{
    (void)state;
    const struct zl_validity year = {.not_before_s = 0, .not_after_s = YEAR_S};
    const struct zl_validity hour = {.not_before_s = 0, .not_after_s = 3600};
    const struct row {
        const struct zl_validity *validity;
        int64_t now_s;
        enum zl_validity_state state;
    } rows[] = {
        {&year, -1, ZL_VALIDITY_NOT_YET},
        {&year, 0, ZL_VALIDITY_GOOD},
        {&year, YEAR_S - 7 * DAY_S, ZL_VALIDITY_GOOD},
        {&year, YEAR_S - 7 * DAY_S + 1, ZL_VALIDITY_ENDING},
        {&year, YEAR_S, ZL_VALIDITY_ENDING},
        {&year, YEAR_S + 1, ZL_VALIDITY_EXPIRED},
        {&hour, 3240, ZL_VALIDITY_GOOD},
        {&hour, 3241, ZL_VALIDITY_ENDING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (zl_validity_judge(rows[i].validity, rows[i].now_s) != rows[i].state) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_what_is_valid_is_never_replaced_by_what_is_not(void **state)
{
    (void)state;
    const struct zl_validity past = {0, 99}, present = {50, 150}, other = {90, 200},
                             future = {101, 300};
    const struct row {
        const struct zl_validity *serving, *found;
        bool may;
    } rows[] = {
        {NULL, &present, true},   {NULL, &past, true},        {NULL, &future, true},
        {&present, &other, true}, {&other, &present, true}, /* rolled back: as the files say */
        {&present, &past, false}, {&present, &future, false}, {&past, &present, true},
        {&past, &future, true},   {&future, &present, true},  {&future, &past, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (zl_validity_may_replace(rows[i].serving, rows[i].found, 100) != rows[i].may) {
            fail_msg("row %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_pair_is_refused_with_the_cure),
        cmocka_unit_test(test_a_pair_with_its_chain_says_how_long_its_first_certificate_is_valid),
        cmocka_unit_test(test_time_makes_a_certificate_good_ending_or_useless),
        cmocka_unit_test(test_what_is_valid_is_never_replaced_by_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
