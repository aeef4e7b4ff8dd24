/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/ca.h"
#include "certs/material.h"
#include "certs/pem.h"
#include "certs/store_files.h"
#include "common/base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S INT64_C(86400)
#define NOW_S INT64_C(1800000000)

static struct zl_names names_of(const char *service, const char *dns, const char *ip)
{
    struct zl_names names;
    struct zl_error err = {0};
    if (zl_names_collect(service, "ns", dns, ip, &names, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    return names;
}

static struct zl_renewal renewal_at(const struct zl_names *names, int64_t now_s)
{
    return (struct zl_renewal){.names = names,
                               .now_s = now_s,
                               .validity_s = 365 * DAY_S,
                               .ca_validity_s = 3650 * DAY_S,
                               .renew_before_s = 30 * DAY_S};
}

static struct zl_renewed renew(const struct zl_material *old, const struct zl_renewal *renewal,
                               struct zl_material *out)
{
    struct zl_renewed what;
    struct zl_error err = {0};
    if (zl_material_renew(old, renewal, out, &what, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    return what;
}

static void assert_same_material(const struct zl_material *left, const struct zl_material *right)
{
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        assert_string_equal(left->pem[i], right->pem[i]);
    }
}

/* What a TLS client does: every certificate of the bundle is trusted, the host name must match. */
static bool client_accepts(const char *bundle, const char *leaf_pem, const char *host, int64_t at_s)
{
    ZL_AUTO_X509 X509 *leaf = zl_pem_certificate(leaf_pem);
    X509_STORE *store = X509_STORE_new();
    for (const char *next = bundle; next != NULL; next = strstr(next + 1, "-----BEGIN")) {
        ZL_AUTO_X509 X509 *ca = zl_pem_certificate(next);
        assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    }
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_CTX_init(check, store, leaf, NULL), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(check);
    X509_VERIFY_PARAM_set_time(param, (time_t)at_s);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1) {
        X509_VERIFY_PARAM_set1_host(param, host, 0);
    }
    bool accepted = X509_verify_cert(check) == 1;
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    return accepted;
}

static void test_a_client_accepts_exactly_the_names_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool accepted;
    } cases[] = {
        {"hook", true},           {"hook.ns", true},
        {"hook.ns.svc", true},    {"hook.ns.svc.cluster.local", true},
        {"extra.example", true},  {"10.0.0.7", true},
        {"fd00::1", true},        {"hook.other.svc", false},
        {"a.hook.ns.svc", false}, {"10.0.0.8", false},
        {"fd00::2", false},
    };
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", "extra.example", "10.0.0.7,fd00::1");
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    assert_true(renew(&(struct zl_material){0}, &renewal, &made).changed);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool accepted =
            client_accepts(made.pem[ZL_PART_CA_CERT], made.pem[ZL_PART_CERT], cases[i].host, NOW_S);
        if (accepted != cases[i].accepted) {
            fail_msg("%s: accepted %d", cases[i].host, accepted);
        }
    }
}

static void test_validity_begins_an_hour_early_and_ends_in_time(void **state)
{
    (void)state;
    static const struct {
        int64_t at_s;
        bool accepted;
    } cases[] = {
        {NOW_S - 3601, false},
        {NOW_S - 3599, true},
        {NOW_S + 365 * DAY_S - 1, true},
        {NOW_S + 365 * DAY_S + 1, false},
    };
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(client_accepts(made.pem[ZL_PART_CA_CERT], made.pem[ZL_PART_CERT],
                                        "hook.ns.svc", cases[i].at_s),
                         cases[i].accepted);
    }
}

static void test_certificates_carry_what_rfc_5280_asks(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    ZL_AUTO_X509 X509 *ca = zl_pem_certificate(made.pem[ZL_PART_CA_CERT]);
    ZL_AUTO_X509 X509 *leaf = zl_pem_certificate(made.pem[ZL_PART_CERT]);
    assert_int_equal(X509_check_ca(ca), 1);
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(X509_check_ca(leaf), 0);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
    assert_non_null(X509_get0_subject_key_id(leaf));
    assert_int_equal(
        ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf), X509_get0_subject_key_id(ca)), 0);
    assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(leaf)), 20);
    assert_int_equal(ASN1_STRING_get0_data(X509_get0_serialNumber(leaf))[0] & 0xc0, 0x40);
    static const int critical[] = {NID_basic_constraints, NID_key_usage};
    for (size_t i = 0; i < 2; i++) {
        assert_true(X509_EXTENSION_get_critical(
            X509_get_ext(ca, X509_get_ext_by_NID(ca, critical[i], -1))));
        assert_true(X509_EXTENSION_get_critical(
            X509_get_ext(leaf, X509_get_ext_by_NID(leaf, critical[i], -1))));
    }
}

static void test_good_material_is_kept(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, "10.0.0.7");
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renewal.now_s = NOW_S + 334 * DAY_S;
    assert_false(renew(&made, &renewal, &again).changed);
    assert_same_material(&made, &again);
}

/* The key of the CA is only needed to sign: a CA of someone else serves as long as it lasts. */
static void test_good_material_without_ca_key_is_kept(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    zl_replace_string(&made.pem[ZL_PART_CA_KEY], NULL);
    assert_false(renew(&made, &renewal, &again).changed);
}

static void test_near_its_end_the_certificate_is_renewed_by_the_same_ca(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renewal.now_s = NOW_S + 335 * DAY_S;
    struct zl_renewed what = renew(&made, &renewal, &again);
    assert_true(what.changed);
    assert_string_equal(what.reason, "it expires soon");
    assert_string_equal(made.pem[ZL_PART_CA_CERT], again.pem[ZL_PART_CA_CERT]);
    assert_string_not_equal(made.pem[ZL_PART_KEY], again.pem[ZL_PART_KEY]);
    assert_true(client_accepts(made.pem[ZL_PART_CA_CERT], again.pem[ZL_PART_CERT], "hook.ns.svc",
                               renewal.now_s));
}

static void test_force_renews_the_certificate_and_keeps_the_ca(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renewal.force = true;
    assert_true(renew(&made, &renewal, &again).changed);
    assert_string_equal(made.pem[ZL_PART_CA_CERT], again.pem[ZL_PART_CA_CERT]);
    assert_string_not_equal(made.pem[ZL_PART_CERT], again.pem[ZL_PART_CERT]);
}

static void test_a_replaced_ca_is_trusted_beside_the_new_one(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    renewal.ca_validity_s = 400 * DAY_S;
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    ZL_AUTO_MATERIAL struct zl_material late = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renewal.now_s = NOW_S + 371 * DAY_S;
    assert_true(renew(&made, &renewal, &again).changed);
    const char *bundle = again.pem[ZL_PART_CA_CERT];
    assert_true(client_accepts(bundle, again.pem[ZL_PART_CERT], "hook.ns.svc", renewal.now_s));
    assert_true(client_accepts(bundle, made.pem[ZL_PART_CERT], "hook.ns.svc", NOW_S));
    assert_non_null(strstr(bundle + 1, "-----BEGIN"));
    assert_false(renew(&again, &renewal, &late).changed);
}

static void test_an_expired_ca_is_not_carried_on(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renewal.now_s = NOW_S + 3651 * DAY_S;
    renew(&made, &renewal, &again);
    assert_null(strstr(again.pem[ZL_PART_CA_CERT] + 1, "-----BEGIN"));
}

static void test_a_certificate_never_outlives_its_ca(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    ZL_AUTO_FREE char *ca = NULL, *ca_key = NULL, *cert = NULL, *key = NULL;
    assert_int_equal(zl_ca_create(NOW_S, NOW_S + 10 * DAY_S, &ca, &ca_key, NULL), ZL_OK);
    assert_int_equal(zl_ca_issue(ca, ca_key, &names, NOW_S, NOW_S + 20 * DAY_S, &cert, &key, NULL),
                     ZL_OK);
    ZL_AUTO_X509 X509 *authority = zl_pem_certificate(ca);
    ZL_AUTO_X509 X509 *leaf = zl_pem_certificate(cert);
    assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(leaf), X509_get0_notAfter(authority)), 0);
}

/* A run killed between two files, a disk that lost a file, an editor: all end in good material. */
static void test_broken_and_mixed_up_material_is_replaced(void **state)
{
    (void)state;
    static const char garbage[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    enum damage { REMOVED, GARBAGE, EMPTY, OF_ANOTHER_SET, DAMAGES };
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material other = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renew(&(struct zl_material){0}, &renewal, &other);
    for (size_t part = 0; part < ZL_PART_COUNT; part++) {
        for (int damage = REMOVED; damage < DAMAGES; damage++) {
            if (part == ZL_PART_CA_KEY) {
                continue; /* not needed until something is signed: its own test */
            }
            const char *text[DAMAGES] = {NULL, garbage, "", other.pem[part]};
            ZL_AUTO_MATERIAL struct zl_material broken = {0};
            ZL_AUTO_MATERIAL struct zl_material mended = {0};
            for (size_t i = 0; i < ZL_PART_COUNT; i++) {
                broken.pem[i] = zl_strdup(i == part ? text[damage] : made.pem[i]);
            }
            if (!renew(&broken, &renewal, &mended).changed) {
                fail_msg("part %zu, damage %d: kept", part, damage);
            }
            ZL_AUTO_MATERIAL struct zl_material kept = {0};
            assert_false(renew(&mended, &renewal, &kept).changed);
            assert_true(client_accepts(mended.pem[ZL_PART_CA_CERT], mended.pem[ZL_PART_CERT],
                                       "hook.ns.svc", NOW_S));
        }
    }
}

static void test_a_lost_ca_key_means_a_new_ca_at_the_next_renewal(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    zl_replace_string(&made.pem[ZL_PART_CA_KEY], "nonsense");
    renewal.force = true;
    renew(&made, &renewal, &again);
    assert_true(client_accepts(again.pem[ZL_PART_CA_CERT], made.pem[ZL_PART_CERT], "hook", NOW_S));
    assert_true(client_accepts(again.pem[ZL_PART_CA_CERT], again.pem[ZL_PART_CERT], "hook", NOW_S));
    assert_false(client_accepts(made.pem[ZL_PART_CA_CERT], again.pem[ZL_PART_CERT], "hook", NOW_S));
}

static void test_a_further_name_makes_a_new_certificate(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names few = names_of("hook", NULL, NULL);
    ZL_AUTO_NAMES struct zl_names more = names_of("hook", "more.example", NULL);
    struct zl_renewal renewal = renewal_at(&few, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material again = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    renewal.names = &more;
    struct zl_renewed what = renew(&made, &renewal, &again);
    assert_true(what.changed);
    assert_string_equal(what.reason, "it is not for the name more.example");
}

static void test_names_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *service, *dns, *ip;
        enum zl_status status;
    } cases[] = {
        {NULL, NULL, NULL, ZL_E_INVALID},
        {"Hook", NULL, NULL, ZL_E_INVALID},
        {"hook,DNS:evil", NULL, NULL, ZL_E_INVALID},
        {NULL, "*.example", NULL, ZL_E_INVALID},
        {NULL, "a..b", NULL, ZL_E_INVALID},
        {NULL, "-a", NULL, ZL_E_INVALID},
        {NULL, "a-", NULL, ZL_E_INVALID},
        {NULL, "a-.b", NULL, ZL_E_INVALID},
        {NULL, "a.", NULL, ZL_E_INVALID},
        {NULL, "a,", NULL, ZL_E_INVALID},
        {NULL, "", NULL, ZL_E_INVALID},
        {NULL, "a b", NULL, ZL_E_INVALID},
        {NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL,
         ZL_E_INVALID},
        {NULL, NULL, "localhost", ZL_E_INVALID},
        {NULL, NULL, "10.0.0.256", ZL_E_INVALID},
        {NULL, NULL, "10.0.0.1,,", ZL_E_INVALID},
        {NULL, NULL, "fd00::1%eth0", ZL_E_INVALID},
        {NULL, "a,a,b.c", NULL, ZL_OK},
        {NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, ZL_OK},
        {NULL, NULL, "::1,127.0.0.1", ZL_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ZL_AUTO_NAMES struct zl_names names;
        enum zl_status status =
            zl_names_collect(cases[i].service, "ns", cases[i].dns, cases[i].ip, &names, NULL);
        if (status != cases[i].status) {
            fail_msg("case %zu: status %d", i, status);
        }
    }
}

static char *scratch_directory(void)
{
    char *directory = zl_strdup("/tmp/zl-test-certs.XXXXXX");
    assert_non_null(mkdtemp(directory));
    return directory;
}

static void remove_directory(const char *directory)
{
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", directory, zl_part_names[i]);
        unlink(path);
    }
    /* Fails when anything else was left behind. */
    assert_int_equal(rmdir(directory), 0);
}

static void test_files_come_back_as_they_were_and_keys_are_private(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *parent = scratch_directory();
    ZL_AUTO_FREE char *directory = zl_asprintf("%s/tls", parent);
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material absent = {0};
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    ZL_AUTO_MATERIAL struct zl_material read = {0};
    assert_int_equal(zl_files_load(directory, &absent, NULL), ZL_OK);
    assert_true(renew(&absent, &renewal, &made).changed);
    mode_t old_mask = umask(0077);
    assert_int_equal(zl_files_save(directory, &made, NULL), ZL_OK);
    assert_int_equal(zl_files_save(directory, &made, NULL), ZL_OK);
    umask(old_mask);
    assert_int_equal(zl_files_load(directory, &read, NULL), ZL_OK);
    assert_same_material(&made, &read);
    static const mode_t modes[ZL_PART_COUNT] = {[ZL_PART_CA_CERT] = 0644,
                                                [ZL_PART_CA_KEY] = 0600,
                                                [ZL_PART_CERT] = 0644,
                                                [ZL_PART_KEY] = 0600};
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", directory, zl_part_names[i]);
        struct stat file;
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 0777, modes[i]);
    }
    remove_directory(directory);
    remove_directory(parent);
}

static void test_a_place_that_cannot_be_written_is_an_error_that_names_it(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material made = {0};
    renew(&(struct zl_material){0}, &renewal, &made);
    static const char *const places[] = {"/nonexistent/tls", "/dev/null", "/proc"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct zl_error err = {0};
        assert_int_equal(zl_files_save(places[i], &made, &err), ZL_E_INVALID);
        assert_non_null(strstr(err.message, places[i]));
    }
}

/* controller.md finding 10: the Secret is deleted, which is how people make cert-manager renew. */
static void test_lost_secret_keeps_the_ca_that_webhooks_still_show(void **state)
{
    (void)state;
    ZL_AUTO_NAMES struct zl_names names = names_of("hook", NULL, NULL);
    const struct zl_renewal renewal = renewal_at(&names, NOW_S);
    ZL_AUTO_MATERIAL struct zl_material lost = {0}, made = {0};
    static const struct zl_material nothing = {0};
    struct zl_change change = {.before = &nothing, .after = &made, .now_s = NOW_S};
    size_t kept = 9;
    (void)renew(&nothing, &renewal, &lost);
    (void)renew(&nothing, &renewal, &made);
    ZL_AUTO_FREE char *trust = zl_trust_keep(&change, lost.pem[ZL_PART_CA_CERT], &kept);
    assert_int_equal(kept, 1);
    assert_true(client_accepts(trust, lost.pem[ZL_PART_CERT], "hook.ns.svc", NOW_S));
    assert_true(client_accepts(trust, made.pem[ZL_PART_CERT], "hook.ns.svc", NOW_S));
    /* The next runs keep it, and it does not grow. */
    change = (struct zl_change){.before = &made, .after = &made, .now_s = NOW_S + 60};
    ZL_AUTO_FREE char *again = zl_trust_keep(&change, trust, &kept);
    assert_string_equal(again, trust);
    /* Two days later every webhook has the new one. */
    change.now_s = NOW_S + 2 * DAY_S;
    ZL_AUTO_FREE char *later = zl_trust_keep(&change, trust, &kept);
    assert_int_equal(kept, 0);
    assert_string_equal(later, made.pem[ZL_PART_CA_CERT]);
    change.now_s = NOW_S;
    /* What the Secret knew and has dropped is dropped. */
    const struct zl_change dropped = {.before = &lost, .after = &made, .now_s = NOW_S};
    ZL_AUTO_FREE char *short_one = zl_trust_keep(&dropped, trust, &kept);
    assert_string_equal(short_one, made.pem[ZL_PART_CA_CERT]);
    /* Nor is one kept that has expired, or is none of ours, or no certificate at all. */
    ZL_AUTO_FREE char *foreign =
        zl_asprintf("%s-----BEGIN CERTIFICATE-----\nx", lost.pem[ZL_PART_CERT]);
    ZL_AUTO_FREE char *without = zl_trust_keep(&change, foreign, &kept);
    assert_string_equal(without, made.pem[ZL_PART_CA_CERT]);
    ZL_AUTO_FREE char *none = zl_trust_keep(&change, NULL, &kept);
    assert_string_equal(none, made.pem[ZL_PART_CA_CERT]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_secret_keeps_the_ca_that_webhooks_still_show),
        cmocka_unit_test(test_a_client_accepts_exactly_the_names_asked_for),
        cmocka_unit_test(test_validity_begins_an_hour_early_and_ends_in_time),
        cmocka_unit_test(test_certificates_carry_what_rfc_5280_asks),
        cmocka_unit_test(test_good_material_is_kept),
        cmocka_unit_test(test_good_material_without_ca_key_is_kept),
        cmocka_unit_test(test_near_its_end_the_certificate_is_renewed_by_the_same_ca),
        cmocka_unit_test(test_force_renews_the_certificate_and_keeps_the_ca),
        cmocka_unit_test(test_a_replaced_ca_is_trusted_beside_the_new_one),
        cmocka_unit_test(test_an_expired_ca_is_not_carried_on),
        cmocka_unit_test(test_a_certificate_never_outlives_its_ca),
        cmocka_unit_test(test_broken_and_mixed_up_material_is_replaced),
        cmocka_unit_test(test_a_lost_ca_key_means_a_new_ca_at_the_next_renewal),
        cmocka_unit_test(test_a_further_name_makes_a_new_certificate),
        cmocka_unit_test(test_names_that_cannot_be_are_refused),
        cmocka_unit_test(test_files_come_back_as_they_were_and_keys_are_private),
        cmocka_unit_test(test_a_place_that_cannot_be_written_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
