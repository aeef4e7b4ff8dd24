/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_priorities.c - suites by name to GnuTLS' priority string.
 *
 * GnuTLS does not select suites but their parts: key exchanges for TLS 1.2, and ciphers for both versions
 * together. So not every set of suites can be had; one that cannot is refused with the suite that
 * is missing, rather than widened or narrowed in silence.
 */
#include "common/http/tls_priorities.h"

#include "common/base/buf.h"
#include "common/base/limits.h"

enum cipher { AES_128, AES_256, CHACHA20, CIPHER_COUNT };
/* The key exchange of a suite; TLS 1.3 leaves that to other fields. */
enum exchange { ECDSA, RSA, EXCHANGE_COUNT, TLS_1_3 = EXCHANGE_COUNT };

struct suite {
    const char *name;
    enum exchange exchange;
    enum cipher cipher;
};

static const struct suite SUITES[] = {
    {"TLS_AES_128_GCM_SHA256", TLS_1_3, AES_128},
    {"TLS_AES_256_GCM_SHA384", TLS_1_3, AES_256},
    {"TLS_CHACHA20_POLY1305_SHA256", TLS_1_3, CHACHA20},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ECDSA, AES_128},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ECDSA, AES_256},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ECDSA, CHACHA20},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", RSA, AES_128},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", RSA, AES_256},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", RSA, CHACHA20},
    /* Go's older names for two of them */
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", ECDSA, CHACHA20},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", RSA, CHACHA20},
};
enum { SUITE_COUNT = sizeof SUITES / sizeof SUITES[0], ALIAS_COUNT = 2 };

/* In GnuTLS' words, in the order of preference. */
static const char *const CIPHERS[CIPHER_COUNT] = {"AES-128-GCM", "AES-256-GCM",
                                                  "CHACHA20-POLY1305"};
static const char *const EXCHANGES[EXCHANGE_COUNT] = {"ECDHE-ECDSA", "ECDHE-RSA"};

#define PRIORITIES_MAX ZL_KIB

/* named[exchange][cipher] */
struct choice {
    bool named[EXCHANGE_COUNT + 1][CIPHER_COUNT];
};

static const char *name_of(enum exchange exchange, enum cipher cipher)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (SUITES[i].exchange == exchange && SUITES[i].cipher == cipher) {
            return SUITES[i].name;
        }
    }
    return "";
}

static enum zl_status unknown_suite(const char *name, size_t length, struct zl_error *err)
{
    ZL_AUTO_BUF struct zl_buf list;
    zl_buf_init(&list, ZL_KIB);
    for (size_t i = 0; i < SUITE_COUNT - ALIAS_COUNT; i++) {
        zl_buf_printf(&list, "%s%s", i == 0 ? "" : ", ", SUITES[i].name);
    }
    return zl_error_set(
        err, ZL_E_INVALID,
        "\"%.*s\" is no cipher suite with forward secrecy and an AEAD cipher; there "
        "are %s",
        length > 60 ? 60 : (int)length, name, list.data);
}

static enum zl_status read_name(const char *name, size_t length, struct choice *choice,
                                struct zl_error *err)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (strlen(SUITES[i].name) == length && strncmp(SUITES[i].name, name, length) == 0) {
            choice->named[SUITES[i].exchange][SUITES[i].cipher] = true;
            return ZL_OK;
        }
    }
    return unknown_suite(name, length, err);
}

static enum zl_status read_names(const char *suites, struct choice *choice, struct zl_error *err)
{
    for (const char *name = suites;; name++) {
        size_t length = strcspn(name, ",");
        enum zl_status status = read_name(name, length, choice, err);
        if (status != ZL_OK) {
            return status;
        }
        name += length;
        if (*name == '\0') {
            return ZL_OK;
        }
    }
}

static bool names_any(const struct choice *choice, enum exchange exchange)
{
    bool any = false;
    for (int i = 0; i < CIPHER_COUNT; i++) {
        any = any || choice->named[exchange][i];
    }
    return any;
}

/* The ciphers of those suites of EXCHANGES that are named. */
static void unite(const struct choice *choice, enum exchange first, enum exchange last,
                  bool ciphers[CIPHER_COUNT])
{
    for (int i = 0; i < CIPHER_COUNT; i++) {
        for (unsigned exchange = first; exchange <= last; exchange++) {
            ciphers[i] = ciphers[i] || choice->named[exchange][i];
        }
    }
}

/* Every exchange that is named must be named with every cipher that is. */
static enum zl_status check_complete(const struct choice *choice, const bool ciphers[CIPHER_COUNT],
                                     struct zl_error *err)
{
    for (int exchange = 0; exchange <= TLS_1_3; exchange++) {
        for (int i = 0; names_any(choice, exchange) && i < CIPHER_COUNT; i++) {
            if (ciphers[i] && !choice->named[exchange][i]) {
                return zl_error_set(err, ZL_E_INVALID,
                                    "%s is missing: a cipher is on or off for all suites; name it "
                                    "too, or leave out all suites with its cipher",
                                    name_of(exchange, i));
            }
        }
    }
    return ZL_OK;
}

static enum zl_status choose(const struct choice *choice, bool only_1_3, bool ciphers[CIPHER_COUNT],
                             struct zl_error *err)
{
    bool has_1_2 = names_any(choice, ECDSA) || names_any(choice, RSA);
    if (only_1_3) {
        /* Suites of TLS 1.2 are then without effect, unless they are all there is. */
        bool has_1_3 = names_any(choice, TLS_1_3);
        unite(choice, has_1_3 ? TLS_1_3 : ECDSA, has_1_3 ? TLS_1_3 : RSA, ciphers);
        return ZL_OK;
    }
    if (!has_1_2) {
        return zl_error_set(err, ZL_E_INVALID,
                            "no suite of TLS 1.2 (TLS_ECDHE_...) is named: name one, or set the "
                            "minimum version to 1.3");
    }
    unite(choice, ECDSA, TLS_1_3, ciphers);
    return check_complete(choice, ciphers, err);
}

static char *print(const struct choice *choice, bool only_1_3, const bool ciphers[CIPHER_COUNT])
{
    struct zl_buf text;
    zl_buf_init(&text, PRIORITIES_MAX);
    zl_buf_printf(&text, "NORMAL:-VERS-ALL:+VERS-TLS1.3%s:-KX-ALL",
                  only_1_3 ? "" : ":+VERS-TLS1.2");
    for (int i = 0; i < EXCHANGE_COUNT; i++) {
        if (!only_1_3 && names_any(choice, i)) {
            zl_buf_printf(&text, ":+%s", EXCHANGES[i]);
        }
    }
    zl_buf_add_text(&text, ":-CIPHER-ALL");
    for (int i = 0; i < CIPHER_COUNT; i++) {
        if (ciphers[i]) {
            zl_buf_printf(&text, ":+%s", CIPHERS[i]);
        }
    }
    return zl_buf_take(&text);
}

enum zl_status zl_tls_priorities(const char *min_version, const char *suites, char **out,
                                 struct zl_error *err)
{
    bool only_1_3 = strcmp(min_version, "1.3") == 0 || strcmp(min_version, "VersionTLS13") == 0;
    if (!only_1_3 && strcmp(min_version, "1.2") != 0 && strcmp(min_version, "VersionTLS12") != 0) {
        return zl_error_set(err, ZL_E_INVALID, "\"%.20s\" is no TLS version: 1.2 or 1.3",
                            min_version);
    }
    struct choice choice = {0};
    bool ciphers[CIPHER_COUNT] = {0};
    if (suites == NULL || suites[0] == '\0') {
        memset(&choice, true, sizeof choice);
    } else {
        enum zl_status status = read_names(suites, &choice, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    enum zl_status status = choose(&choice, only_1_3, ciphers, err);
    if (status == ZL_OK) {
        *out = print(&choice, only_1_3, ciphers);
    }
    return status;
}
