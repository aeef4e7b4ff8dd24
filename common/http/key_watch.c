/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http/key_watch.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/metrics.h"
#include "common/base/monitor.h"
#include "common/base/parse.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <libgen.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

/* The net under inotify, which sees nothing on some network file systems. */
#define POLL_MS 10000
/* The same while a directory cannot be watched. */
#define BLIND_POLL_MS 1000
/* From the first change to the look: writers change several files. */
#define DEBOUNCE_MS 100
/* What is wrong must stand for so long before it is said. */
#define SETTLE_MS 1000
#define REMIND_MS (24 * 3600 * INT64_C(1000))
#define DIGEST_BYTES 32

static const struct zl_metric EXPIRES = {
    .name = "zen_lead_certificate_expiration_timestamp_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "When the certificate that is served expires, seconds since 1970; 0: none is served.",
};
static const struct zl_metric RELOADS = {
    .name = "zen_lead_certificate_reloads_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Contents of the certificate files by what became of them; all results but loaded "
            "leave the "
            "certificate before in use.",
    .label1 = "result",
    .zeros = (const char *const[]){"loaded", "invalid", "expired", "not_yet_valid", NULL},
};

/* One reading of both files. */
struct reading {
    unsigned char digest[DIGEST_BYTES]; /* of what was read; the same for the same files */
    struct zl_key_pair *pair;           /* NULL: see error */
    struct zl_validity validity;        /* of pair */
    struct zl_error error;
};

struct zl_key_watch {
    char *cert_file, *key_file;
    struct zl_key_slot *slot;
    int inotify, stop; /* inotify -1: the kernel has none left for us */
    pthread_t thread;

    /* of the thread */
    unsigned char served_digest[DIGEST_BYTES];
    bool in_trouble; /* the files as they are may not be served; the next three are about that */
    unsigned char trouble_digest[DIGEST_BYTES];
    int64_t trouble_since_ms;
    bool trouble_said;
    enum zl_validity_state said_state;
    int64_t said_ms;

    pthread_mutex_t lock; /* for what the other threads read */
    bool serves;
    struct zl_validity served;
    struct zl_error trouble; /* "" when there is none, or it has not stood long enough */
};

const struct zl_metric *const ZL_KEY_METRICS[] = {&EXPIRES, &RELOADS, NULL};

static int64_t now_s(void)
{
    return zl_clock_wall_us() / 1000000;
}

/* --- reading -------------------------------------------------------------------------------- */

static void digest_text(gnutls_hash_hd_t hash, const char *text)
{
    gnutls_hash(hash, text, strlen(text) + 1); /* with the NUL: "a","bc" is not "ab","c" */
}

static void digest_reading(const char *cert, const char *key, struct reading *reading)
{
    gnutls_hash_hd_t hash;
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0) {
        abort(); /* like memory */
    }
    digest_text(hash, cert != NULL ? cert : "");
    digest_text(hash, key != NULL ? key : "");
    digest_text(hash, reading->error.message);
    gnutls_hash_deinit(hash, reading->digest);
}

static void wipe(char **text)
{
    if (*text != NULL) {
        gnutls_memset(*text, 0, strlen(*text));
    }
    free(*text);
}

static void read_files(const struct zl_key_watch *watch, struct reading *out)
{
    *out = (struct reading){0};
    ZL_AUTO_FREE char *cert = NULL;
    ZL_CLEANUP(wipe) char *key = NULL;
    enum zl_status status = zl_file_read(watch->cert_file, &cert, NULL, &out->error);
    if (status == ZL_OK) {
        status = zl_file_read(watch->key_file, &key, NULL, &out->error);
    }
    if (status == ZL_OK) {
        status = zl_key_pair_parse(cert, key, &out->pair, &out->error);
        if (status != ZL_OK) {
            zl_error_wrap(&out->error, status, "%s, %s", watch->cert_file, watch->key_file);
        }
    }
    if (out->pair != NULL) {
        out->validity = zl_key_pair_validity(out->pair);
    }
    digest_reading(cert, key, out);
}

/* --- saying what is wrong ------------------------------------------------------------------- */

static void explain_validity(const char *file, const struct zl_validity *validity,
                             enum zl_validity_state state, struct zl_error *err)
{
    char from[ZL_TIME_TEXT_MAX], until[ZL_TIME_TEXT_MAX];
    zl_time_format(validity->not_before_s * 1000000, from);
    zl_time_format(validity->not_after_s * 1000000, until);
    static const char cure[] = "look at cert-manager's Certificate, or run zen-lead-certs";
    switch (state) {
    case ZL_VALIDITY_GOOD:
        *err = (struct zl_error){0};
        break;
    case ZL_VALIDITY_ENDING:
        zl_error_set(err, ZL_E_INVALID, "%s expires at %s and was not renewed: %s", file, until,
                     cure);
        break;
    case ZL_VALIDITY_EXPIRED:
        zl_error_set(err, ZL_E_INVALID, "%s expired at %s: %s", file, until, cure);
        break;
    case ZL_VALIDITY_NOT_YET:
        zl_error_set(err, ZL_E_INVALID,
                     "%s is valid from %s on: set the clocks of this machine and of its issuer",
                     file, from);
        break;
    }
}

static const char *result_of(const struct reading *reading, enum zl_validity_state state)
{
    if (reading->pair == NULL) {
        return "invalid";
    }
    return state == ZL_VALIDITY_EXPIRED ? "expired" : "not_yet_valid";
}

static void show_trouble(struct zl_key_watch *watch, const struct zl_error *trouble)
{
    pthread_mutex_lock(&watch->lock);
    watch->trouble = *trouble;
    pthread_mutex_unlock(&watch->lock);
}

/* The files hold nothing that may be served. Returns when to look again. */
static int64_t refuse(struct zl_key_watch *watch, const struct reading *reading,
                      enum zl_validity_state state, int64_t now_ms)
{
    struct zl_error trouble = reading->error;
    if (reading->pair != NULL) {
        explain_validity(watch->cert_file, &reading->validity, state, &trouble);
    }
    if (!watch->in_trouble || memcmp(watch->trouble_digest, reading->digest, DIGEST_BYTES) != 0) {
        watch->in_trouble = true;
        memcpy(watch->trouble_digest, reading->digest, DIGEST_BYTES);
        watch->trouble_since_ms = now_ms;
        watch->trouble_said = false;
    }
    if (watch->trouble_said) {
        return now_ms + POLL_MS;
    }
    int64_t settled_ms = watch->trouble_since_ms + SETTLE_MS;
    if (now_ms < settled_ms && watch->serves) {
        return settled_ms;
    }
    watch->trouble_said = true;
    show_trouble(watch, &trouble);
    zl_metric_add(&RELOADS, result_of(reading, state), NULL, 1);
    if (watch->serves) {
        ZL_LOG_WARN("certificate not reloaded: the one before stays in use", ZL_ERR(&trouble));
    } else {
        ZL_LOG_ERROR("no certificate: not ready until the files are good", ZL_ERR(&trouble));
    }
    return now_ms + POLL_MS;
}

/* --- taking --------------------------------------------------------------------------------- */

static void forget_trouble(struct zl_key_watch *watch)
{
    watch->in_trouble = false;
    watch->trouble_said = false;
    show_trouble(watch, &(struct zl_error){0});
}

static void take(struct zl_key_watch *watch, struct reading *reading)
{
    memcpy(watch->served_digest, reading->digest, DIGEST_BYTES);
    zl_key_slot_put(watch->slot, ZL_STEAL(&reading->pair));
    pthread_mutex_lock(&watch->lock);
    bool is_first = !watch->serves;
    watch->serves = true;
    watch->served = reading->validity;
    pthread_mutex_unlock(&watch->lock);
    watch->said_state = ZL_VALIDITY_GOOD;
    zl_metric_set(&EXPIRES, NULL, NULL, (double)reading->validity.not_after_s);
    zl_metric_add(&RELOADS, "loaded", NULL, 1);
    char until[ZL_TIME_TEXT_MAX];
    zl_time_format(reading->validity.not_after_s * 1000000, until);
    ZL_LOG_INFO(is_first ? "certificate loaded" : "certificate reloaded",
                ZL_STR("file", watch->cert_file), ZL_STR("expires", until));
}

/* Of what is served: once when its state changes for the worse, and once a day. */
static void warn_of_time(struct zl_key_watch *watch, int64_t now_ms)
{
    if (!watch->serves) {
        return;
    }
    enum zl_validity_state state = zl_validity_judge(&watch->served, now_s());
    bool is_new = state != watch->said_state || now_ms - watch->said_ms >= REMIND_MS;
    if (state != ZL_VALIDITY_GOOD && is_new) {
        struct zl_error warning = {0};
        explain_validity(watch->cert_file, &watch->served, state, &warning);
        if (state == ZL_VALIDITY_ENDING) {
            ZL_LOG_WARN("certificate expires soon", ZL_ERR(&warning));
        } else {
            ZL_LOG_ERROR("certificate is not valid: the API server refuses it", ZL_ERR(&warning));
        }
        watch->said_ms = now_ms;
    }
    watch->said_state = state;
}

/* Returns when to look again, of zl_clock_ms. */
static int64_t look(struct zl_key_watch *watch)
{
    struct reading reading;
    int64_t now_ms = zl_clock_ms(), next_ms = now_ms + POLL_MS;
    read_files(watch, &reading);
    enum zl_validity_state state =
        reading.pair != NULL ? zl_validity_judge(&reading.validity, now_s()) : ZL_VALIDITY_GOOD;
    const struct zl_validity *served = watch->serves ? &watch->served : NULL;
    if (watch->serves && memcmp(watch->served_digest, reading.digest, DIGEST_BYTES) == 0) {
        if (watch->trouble_said) {
            ZL_LOG_INFO("certificate files are again those in use",
                        ZL_STR("file", watch->cert_file));
        }
        forget_trouble(watch);
    } else if (reading.pair != NULL &&
               zl_validity_may_replace(served, &reading.validity, now_s())) {
        take(watch, &reading);
        forget_trouble(watch);
    } else {
        next_ms = refuse(watch, &reading, state, now_ms);
    }
    zl_key_pair_free(reading.pair);
    warn_of_time(watch, now_ms);
    return next_ms;
}

/* --- waiting -------------------------------------------------------------------------------- */

/*
 * The directory as the path names it: kubelet swaps a link in it, other writers rename files into it. Again
 * before every look: it may have been replaced itself, and for one that is watched already this does nothing.
 */
static bool watch_directory_of(const struct zl_key_watch *watch, const char *file)
{
    ZL_AUTO_FREE char *copy = zl_strdup(file);
    return watch->inotify != -1 &&
           inotify_add_watch(watch->inotify, dirname(copy),
                             IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                 IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) != -1;
}

static void drain(int inotify)
{
    char events[4096];
    while (read(inotify, events, sizeof events) > 0) {
    }
}

/* Wait for NEXT_MS, or for a change and what comes with it; false: stop. */
static bool wait_for_change(const struct zl_key_watch *watch, int64_t next_ms)
{
    /* Without inotify the descriptor is -1, which poll passes over. */
    struct pollfd fds[] = {{.fd = watch->stop, .events = POLLIN},
                           {.fd = watch->inotify, .events = POLLIN}};
    for (;;) {
        int64_t left_ms = next_ms - zl_clock_ms();
        int ready = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;
        if (ready <= 0) {
            return true;
        }
        if (fds[0].revents != 0) {
            return false;
        }
        drain(watch->inotify);
        int64_t soon_ms = zl_clock_ms() + DEBOUNCE_MS;
        next_ms = soon_ms < next_ms ? soon_ms : next_ms;
    }
}

static int64_t watch_and_look(struct zl_key_watch *watch)
{
    bool is_watched = watch_directory_of(watch, watch->cert_file);
    is_watched = watch_directory_of(watch, watch->key_file) && is_watched;
    int64_t next_ms = look(watch); /* after the watch: no change falls between them */
    int64_t blind_ms = zl_clock_ms() + BLIND_POLL_MS;
    return is_watched || next_ms < blind_ms ? next_ms : blind_ms;
}

static void *follow(void *ctx)
{
    struct zl_key_watch *watch = ctx;
    int64_t next_ms = zl_clock_ms();
    while (wait_for_change(watch, next_ms)) {
        next_ms = watch_and_look(watch);
    }
    return NULL;
}

/* --- outside -------------------------------------------------------------------------------- */

struct zl_key_watch *zl_key_watch_start(const char *cert_file, const char *key_file,
                                        struct zl_key_slot *slot)
{
    struct zl_key_watch *watch = zl_alloc(sizeof *watch);
    watch->cert_file = zl_strdup(cert_file);
    watch->key_file = zl_strdup(key_file);
    watch->slot = slot;
    pthread_mutex_init(&watch->lock, NULL);
    watch->stop = eventfd(0, EFD_CLOEXEC);
    if (watch->stop == -1) {
        abort(); /* like memory */
    }
    watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->inotify == -1) {
        ZL_LOG_WARN("no inotify: certificate files are read every second instead",
                    ZL_STR("error", strerror(errno)));
    }
    (void)watch_and_look(watch);
    watch->thread = zl_thread_start("certificate", follow, watch);
    return watch;
}

void zl_key_watch_stop(struct zl_key_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    eventfd_write(watch->stop, 1);
    pthread_join(watch->thread, NULL);
    close(watch->stop);
    if (watch->inotify != -1) {
        close(watch->inotify);
    }
    pthread_mutex_destroy(&watch->lock);
    free(watch->cert_file);
    free(watch->key_file);
    free(watch);
}

void zl_key_watch_state(struct zl_key_watch *watch, struct zl_key_watch_state *out)
{
    pthread_mutex_lock(&watch->lock);
    bool serves = watch->serves;
    struct zl_validity served = watch->served;
    struct zl_error trouble = watch->trouble;
    pthread_mutex_unlock(&watch->lock);
    enum zl_validity_state state =
        serves ? zl_validity_judge(&served, now_s()) : ZL_VALIDITY_EXPIRED;
    out->is_usable = serves && (state == ZL_VALIDITY_GOOD || state == ZL_VALIDITY_ENDING);
    if (trouble.message[0] == '\0' && state != ZL_VALIDITY_GOOD) {
        explain_validity(watch->cert_file, &served, state, &trouble);
    }
    snprintf(out->message, sizeof out->message, "%s", trouble.message);
}
