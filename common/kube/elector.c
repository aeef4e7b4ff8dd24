/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Lease is written by a merge patch that carries metadata.resourceVersion: a compare-and-swap
 * like the PUT of client-go, but it names only the five fields that belong to the election. Labels,
 * and fields of API versions that this code does not know, stay as they are.
 *
 * Stricter than client-go in two places, both in favour of never having two leaders:
 *   - the renew deadline counts from the last successful renewal, not from the first failed one;
 *   - a leader that sees another holder in the Lease has lost at once, not at the deadline.
 */
#include "common/kube/elector.h"

#include "common/base/clock.h"
#include "common/base/larger.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/kube/retries.h"

#define LEASE_DURATION_MS 15000
#define RENEW_DEADLINE_MS 10000
#define RETRY_PERIOD_MS 2000
#define RETRY_JITTER_PERCENT 120
#define RELEASED_DURATION_S 1 /* zero is not valid */
/* A candidate reads the Lease so often although a watch shows it: servers close connections that nobody uses. */
#define READ_AGAIN_MS 20000
/* Between the tries of a release: with a server that is away, not long enough to keep a program from ending. */
static const int64_t RELEASE_PAUSES_MS[] = {10, 40, 160};
#define RELEASE_PAUSES (sizeof RELEASE_PAUSES_MS / sizeof RELEASE_PAUSES_MS[0])

/* What was seen in the Lease last. */
struct record {
    bool known; /* the version is the server's newest, as far as we know: no read needed */
    char *version;
    char *spec; /* as text: it changes whenever the holder renews */
    char *holder;
    char *acquire_time;
    int64_t transitions;
    int64_t duration_ms;
    int64_t observed_ms; /* when SPEC changed last, by our clock */
    bool coordinated;    /* spec.strategy: not for us to take */
};

struct zl_elector {
    struct zl_kube_client *client;
    struct zl_elector_spec spec; /* its strings are ours */
    struct record record;        /* the thread's own */
    char *reported_holder;       /* the thread's own: the last one given to OBSERVED */
    bool is_fresh;               /* the thread's own: RECORD is what a watch has just shown */
    int64_t read_ms;             /* the thread's own: the last read */
    bool is_unsure; /* the thread's own: a write's answer was lost, so the Lease may be ours */
    pthread_t thread;
    bool started;

    struct zl_monitor monitor; /* guards the rest */
    bool stopping, leading;
    bool poked;          /* a candidate need not wait for its next try */
    struct cJSON *shown; /* with the poke; NULL: nothing */
    int64_t renewed_ms;  /* start of the last call that renewed */
    int64_t touched_ms;  /* last time that the server answered with the Lease */
};

static int64_t seconds_up(int64_t ms)
{
    return (ms + 999) / 1000;
}

static bool is_us(const struct zl_elector *elector)
{
    return zl_same_string(elector->record.holder, elector->spec.identity);
}

/*
 * No call may outlive the renew deadline of a leader: a server that hangs would hide the loss. Half
 * of it leaves room for a second try.
 */
static int64_t call_timeout_ms(struct zl_elector *elector)
{
    int64_t timeout_ms = elector->spec.renew_deadline_ms / 2;
    zl_monitor_lock(&elector->monitor);
    if (elector->leading) {
        timeout_ms = zl_smaller(timeout_ms, elector->renewed_ms + elector->spec.renew_deadline_ms -
                                                zl_clock_ms());
    }
    zl_monitor_unlock(&elector->monitor);
    return timeout_ms > 1 ? timeout_ms : 1;
}

static struct zl_kube_target target_of(struct zl_elector *elector)
{
    return (struct zl_kube_target){.resource = &ZL_KUBE_LEASES,
                                   .namespace_ = elector->spec.namespace_,
                                   .name = elector->spec.lease,
                                   .deadline_ms = zl_clock_ms() + call_timeout_ms(elector)};
}

static void report_holder(struct zl_elector *elector)
{
    const char *holder = elector->record.holder;
    if (zl_same_string(elector->reported_holder, holder)) {
        return;
    }
    zl_replace_string(&elector->reported_holder, holder);
    if (elector->spec.observed != NULL) {
        elector->spec.observed(elector->spec.ctx, holder);
    }
}

/* Take in the Lease that the server answered with. */
static void observe(struct zl_elector *elector, const struct cJSON *lease)
{
    struct record *record = &elector->record;
    const char *holder = zl_json_text(lease, "spec", "holderIdentity", NULL);
    ZL_AUTO_FREE char *spec = zl_json_print(zl_json_at(lease, "spec", NULL));

    if (!zl_same_string(spec, record->spec)) {
        free(record->spec);
        record->spec = ZL_STEAL(&spec);
        record->observed_ms = zl_clock_ms();
    }
    zl_replace_string(&record->version, zl_json_text(lease, "metadata", "resourceVersion", NULL));
    zl_replace_string(&record->holder, holder == NULL ? "" : holder);
    zl_replace_string(&record->acquire_time, zl_json_text(lease, "spec", "acquireTime", NULL));
    record->transitions = zl_json_i64(lease, 0, "spec", "leaseTransitions", NULL);
    record->duration_ms = 1000 * zl_json_i64(lease, 0, "spec", "leaseDurationSeconds", NULL);
    record->coordinated = zl_json_text(lease, "spec", "strategy", NULL) != NULL;
    record->known = record->version != NULL;
    elector->is_unsure = false;

    zl_monitor_lock(&elector->monitor);
    elector->touched_ms = zl_clock_ms();
    zl_monitor_unlock(&elector->monitor);
    report_holder(elector);
}

/*
 * Judged by our clock from when we saw the record change, never by the times in it: clocks of two
 * machines need not agree. A holder that declared a longer lease than ours is given that.
 */
static int64_t expiry_ms(const struct zl_elector *elector)
{
    const struct record *record = &elector->record;
    int64_t duration_ms = elector->spec.lease_duration_ms;
    if (record->duration_ms > 1000 * seconds_up(duration_ms)) { /* ours was written rounded up */
        duration_ms = record->duration_ms;
    }
    return record->observed_ms + duration_ms;
}

static bool is_taken(const struct zl_elector *elector)
{
    const struct record *record = &elector->record;
    if (record->coordinated) {
        return true;
    }
    return *record->holder != '\0' && !is_us(elector) && zl_clock_ms() < expiry_ms(elector);
}

/* The spec to write: ours from now on, or nobody's. */
static struct cJSON *new_spec(const struct zl_elector *elector, bool release)
{
    const struct record *record = &elector->record;
    const bool stays = !release && is_us(elector);
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us(), now);

    struct cJSON *spec = zl_json_object();
    zl_json_set_text(spec, "holderIdentity", release ? "" : elector->spec.identity);
    zl_json_set_i64(spec, "leaseDurationSeconds",
                    release ? RELEASED_DURATION_S : seconds_up(elector->spec.lease_duration_ms));
    zl_json_set_text(spec, "acquireTime",
                     stays && record->acquire_time != NULL ? record->acquire_time : now);
    zl_json_set_text(spec, "renewTime", now);
    zl_json_set_i64(spec, "leaseTransitions",
                    record->transitions + (stays || release || record->version == NULL ? 0 : 1));
    return spec;
}

/*
 * After any failure it may have happened: also after a conflict, since libcurl repeats what it sent on a connection that
 * the server had just closed, and then it is our own first attempt that was first.
 */
static void note_write(struct zl_elector *elector, enum zl_status status,
                       const struct cJSON *answer)
{
    elector->record.known = false; /* read before the next one */
    elector->is_unsure = status != ZL_OK;
    if (status == ZL_OK) {
        observe(elector, answer);
    }
}

static enum zl_status write_lease(struct zl_elector *elector, bool release, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion", elector->record.version);
    zl_json_set(patch, "spec", new_spec(elector, release));

    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const struct zl_kube_target target = target_of(elector);
    const enum zl_status status =
        zl_kube_patch(elector->client, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, err);
    note_write(elector, status, answer);
    return status;
}

static enum zl_status create_lease(struct zl_elector *elector, struct zl_error *err)
{
    zl_replace_string(&elector->record.version, NULL);
    elector->record.transitions = elector->spec.first_transitions;
    ZL_AUTO_JSON struct cJSON *lease = zl_json_object();
    zl_json_set_text(lease, "apiVersion", "coordination.k8s.io/v1");
    zl_json_set_text(lease, "kind", "Lease");
    struct cJSON *metadata = zl_json_child(lease, "metadata");
    zl_json_set_text(metadata, "name", elector->spec.lease);
    zl_json_set_text(metadata, "namespace", elector->spec.namespace_);
    zl_json_set(lease, "spec", new_spec(elector, false));

    ZL_AUTO_JSON struct cJSON *answer = NULL;
    struct zl_kube_target target = target_of(elector);
    target.name = NULL;
    const enum zl_status status = zl_kube_create(elector->client, &target, lease, &answer, err);
    note_write(elector, status, answer);
    return status;
}

static enum zl_status read_lease(struct zl_elector *elector, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *lease = NULL;
    const struct zl_kube_target target = target_of(elector);
    elector->read_ms = zl_clock_ms();
    const enum zl_status status = zl_kube_get(elector->client, &target, &lease, err);
    if (status == ZL_OK) {
        observe(elector, lease);
    }
    return status;
}

/* A watch may be late. Then the write that follows is refused, and the next event or try mends it. */
static enum zl_status read_unless_shown(struct zl_elector *elector, struct zl_error *err)
{
    const bool spare = elector->is_fresh && elector->record.known &&
                       (!is_taken(elector) || zl_clock_ms() - elector->read_ms < READ_AGAIN_MS);
    elector->is_fresh = false;
    return spare ? ZL_OK : read_lease(elector, err);
}

static bool is_leading(struct zl_elector *elector)
{
    zl_monitor_lock(&elector->monitor);
    const bool leading = elector->leading;
    zl_monitor_unlock(&elector->monitor);
    return leading;
}

/*
 * One try. ZL_OK says that the server answered, *HELD whether the Lease is ours as of this call.
 */
static enum zl_status try_acquire_or_renew(struct zl_elector *elector, bool *held,
                                           struct zl_error *err)
{
    *held = false;
    if (elector->record.known && is_us(elector)) {
        const enum zl_status renewed = write_lease(elector, false, err);
        *held = renewed == ZL_OK && is_us(elector);
        if (renewed != ZL_E_CONFLICT) { /* someone wrote the Lease: perhaps only a label */
            return renewed;
        }
    }
    const enum zl_status read = read_unless_shown(elector, err);
    if (read == ZL_E_NOT_FOUND) {
        const enum zl_status created = create_lease(elector, err);
        *held = created == ZL_OK;
        return created;
    }
    if (read != ZL_OK || is_taken(elector) || (is_leading(elector) && !is_us(elector))) {
        return read;
    }
    const enum zl_status written = write_lease(elector, false, err);
    *held = written == ZL_OK && is_us(elector);
    return written;
}

/* When a call to the server began, by both clocks. */
struct instant {
    int64_t ms, boot_ms;
};

static struct instant instant_now(void)
{
    /* The boot clock first: a machine that sleeps in between makes the limits earlier, not later. */
    const int64_t boot_ms = zl_clock_boot_ms();
    return (struct instant){.ms = zl_clock_ms(), .boot_ms = boot_ms};
}

static void set_leading(struct zl_elector *elector, bool leading, int64_t renewed_ms)
{
    zl_monitor_lock(&elector->monitor);
    elector->leading = leading;
    elector->renewed_ms = renewed_ms;
    zl_monitor_unlock(&elector->monitor);
}

/* The Lease is ours as of the call that began at STARTED. */
static void note_held(struct zl_elector *elector, struct instant started)
{
    set_leading(elector, true, started.ms);
    if (elector->spec.renewed != NULL) {
        elector->spec.renewed(elector->spec.ctx, started.boot_ms, elector->record.transitions);
    }
}

/*
 * When a candidate tries again, if nobody pokes it: no later than the moment at which the Lease that it saw may be taken.
 */
static int64_t next_try_ms(const struct zl_elector *elector)
{
    const int64_t now_ms = zl_clock_ms();
    const int64_t retry_ms =
        now_ms + zl_jitter_ms(elector->spec.retry_period_ms, RETRY_JITTER_PERCENT);
    const int64_t free_ms = elector->record.version != NULL ? expiry_ms(elector) : 0;
    return free_ms > now_ms ? zl_smaller(retry_ms, free_ms) : retry_ms;
}

static void wait_as_candidate(struct zl_elector *elector, int64_t deadline_ms)
{
    zl_monitor_lock(&elector->monitor);
    while (!elector->stopping && !elector->poked &&
           zl_monitor_wait(&elector->monitor, deadline_ms)) {
        ;
    }
    elector->poked = false;
    ZL_AUTO_JSON struct cJSON *shown = ZL_STEAL(&elector->shown);
    zl_monitor_unlock(&elector->monitor);
    if (shown != NULL) {
        observe(elector, shown);
        elector->is_fresh = true;
    }
}

static void wait_until(struct zl_elector *elector, int64_t deadline_ms)
{
    zl_monitor_lock(&elector->monitor);
    while (!elector->stopping && zl_monitor_wait(&elector->monitor, deadline_ms)) {
        ;
    }
    zl_monitor_unlock(&elector->monitor);
}

static bool is_stopping(struct zl_elector *elector)
{
    zl_monitor_lock(&elector->monitor);
    const bool stopping = elector->stopping;
    zl_monitor_unlock(&elector->monitor);
    return stopping;
}

static void log_failure(const struct zl_elector *elector, const char *role, enum zl_status status,
                        const struct zl_error *err)
{
    if (status == ZL_OK) {
        return;
    }
    zl_retry_count("election");
    if (status == ZL_E_CONFLICT) { /* two candidates at once: the algorithm at work */
        ZL_LOG_INFO("another candidate was first", ZL_STR("lease", elector->spec.lease));
    } else {
        ZL_LOG_WARN("cannot reach the election's lease", ZL_STR("lease", elector->spec.lease),
                    ZL_STR("role", role), ZL_ERR(err));
    }
}

/* Until the Lease is ours (true), or the stop (false). */
static bool acquire(struct zl_elector *elector)
{
    while (!is_stopping(elector)) {
        struct zl_error err = {0};
        bool held = false;
        const struct instant started = instant_now();
        const enum zl_status status = try_acquire_or_renew(elector, &held, &err);
        if (held) {
            note_held(elector, started);
            return true;
        }
        log_failure(elector, "candidate", status, &err);
        wait_as_candidate(elector, next_try_ms(elector));
    }
    return false;
}

/* Until the Lease is lost (true), or the stop (false). */
static bool renew(struct zl_elector *elector)
{
    const struct zl_elector_spec *spec = &elector->spec;
    int64_t renewed_ms = elector->renewed_ms; /* only this thread writes it */
    for (;;) {
        const int64_t deadline_ms = renewed_ms + spec->renew_deadline_ms;
        wait_until(elector, zl_smaller(zl_clock_ms() + spec->retry_period_ms, deadline_ms));
        if (is_stopping(elector)) {
            return false;
        }
        if (zl_clock_ms() >= deadline_ms) {
            return true;
        }
        struct zl_error err = {0};
        bool held = false;
        const struct instant started = instant_now();
        const enum zl_status status = try_acquire_or_renew(elector, &held, &err);
        log_failure(elector, "leader", status, &err);
        if (held) {
            renewed_ms = started.ms;
            note_held(elector, started);
        } else if (status == ZL_OK) {
            return true; /* the server says that the Lease is somebody else's */
        }
    }
}

static enum zl_status try_release(struct zl_elector *elector, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (!elector->record.known) {
        status = read_lease(elector, err);
    }
    if (status == ZL_OK && is_us(elector)) {
        status = write_lease(elector, true, err);
    }
    return status;
}

static bool is_worth_another(enum zl_status status)
{
    return status == ZL_E_CONFLICT || status == ZL_E_TRANSIENT || status == ZL_E_THROTTLED;
}

/*
 * So that the next leader need not wait. One failure is not the end of it: somebody may have written a label just then, or the
 * server have closed the connection. Failing for good is no harm: the Lease expires.
 */
static void release(struct zl_elector *elector)
{
    struct zl_error err = {0};
    const int64_t until_ms = zl_clock_ms() + call_timeout_ms(elector);
    enum zl_status status = try_release(elector, &err);
    for (size_t i = 0; i < RELEASE_PAUSES && is_worth_another(status); i++) {
        if (zl_clock_ms() + RELEASE_PAUSES_MS[i] >= until_ms) {
            break;
        }
        const struct timespec pause = {.tv_nsec = RELEASE_PAUSES_MS[i] * 1000000L};
        (void)nanosleep(&pause, NULL);
        status = try_release(elector, &err);
    }
    set_leading(elector, false, elector->renewed_ms);
    if (status == ZL_OK) {
        ZL_LOG_INFO("lease released", ZL_STR("lease", elector->spec.lease));
    } else {
        ZL_LOG_WARN("lease not released", ZL_STR("lease", elector->spec.lease), ZL_ERR(&err));
    }
}

static void *run(void *arg)
{
    struct zl_elector *elector = arg;
    if (!acquire(elector)) {
        if (elector->is_unsure) {
            release(elector);
        }
        return NULL;
    }
    ZL_LOG_INFO("became leader", ZL_STR("lease", elector->spec.lease),
                ZL_STR("identity", elector->spec.identity));
    elector->spec.acquired(elector->spec.ctx);
    if (!renew(elector)) {
        release(elector);
        return NULL;
    }
    set_leading(elector, false, elector->renewed_ms);
    ZL_LOG_ERROR("lost leadership", ZL_STR("lease", elector->spec.lease),
                 ZL_STR("identity", elector->spec.identity),
                 ZL_STR("holder", elector->record.holder));
    elector->spec.lost(elector->spec.ctx);
    return NULL;
}

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value == 0 ? fallback : value;
}

enum zl_status zl_elector_new(struct zl_kube_client *client, const struct zl_elector_spec *spec,
                              struct zl_elector **out, struct zl_error *err)
{
    const int64_t lease_ms = or_default(spec->lease_duration_ms, LEASE_DURATION_MS);
    const int64_t renew_ms = or_default(spec->renew_deadline_ms, RENEW_DEADLINE_MS);
    const int64_t retry_ms = or_default(spec->retry_period_ms, RETRY_PERIOD_MS);
    if (retry_ms <= 0 || retry_ms * RETRY_JITTER_PERCENT / 100 >= renew_ms ||
        renew_ms >= lease_ms) {
        return zl_error_set(err, ZL_E_INVALID,
                            "lease duration %lld ms, renew deadline %lld ms, retry period %lld ms: "
                            "each must be longer than the next (the last one times 1.2)",
                            (long long)lease_ms, (long long)renew_ms, (long long)retry_ms);
    }

    struct zl_elector *elector = zl_alloc(sizeof *elector);
    elector->client = client;
    elector->spec = *spec;
    elector->spec.namespace_ = zl_strdup(spec->namespace_);
    elector->spec.lease = zl_strdup(spec->lease);
    elector->spec.identity = zl_strdup(spec->identity);
    elector->spec.lease_duration_ms = lease_ms;
    elector->spec.renew_deadline_ms = renew_ms;
    elector->spec.retry_period_ms = retry_ms;
    elector->touched_ms = zl_clock_ms();
    zl_monitor_init(&elector->monitor);
    *out = elector;
    return ZL_OK;
}

void zl_elector_start(struct zl_elector *elector)
{
    elector->started = true;
    elector->thread = zl_thread_start("elector", run, elector);
}

void zl_elector_poke(struct zl_elector *elector, const struct cJSON *lease)
{
    struct cJSON *shown = lease != NULL ? zl_json_copy(lease) : NULL;
    zl_monitor_lock(&elector->monitor);
    zl_json_free(elector->shown);
    elector->shown = shown;
    elector->poked = true;
    zl_monitor_wake_all(&elector->monitor);
    zl_monitor_unlock(&elector->monitor);
}

void zl_elector_stop(struct zl_elector *elector)
{
    zl_monitor_lock(&elector->monitor);
    elector->stopping = true;
    zl_monitor_wake_all(&elector->monitor);
    zl_monitor_unlock(&elector->monitor);
    if (!elector->started) {
        return;
    }
    elector->started = false;
    pthread_join(elector->thread, NULL);
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text); /* the spec's strings are const to the callers, but ours */
}

void zl_elector_free(struct zl_elector *elector)
{
    if (elector == NULL) {
        return;
    }
    zl_elector_stop(elector);
    free_text(elector->spec.namespace_);
    free_text(elector->spec.lease);
    free_text(elector->spec.identity);
    free(elector->record.version);
    free(elector->record.spec);
    free(elector->record.holder);
    free(elector->record.acquire_time);
    free(elector->reported_holder);
    zl_json_free(elector->shown);
    zl_monitor_clear(&elector->monitor);
    free(elector);
}

bool zl_elector_is_leader(struct zl_elector *elector)
{
    zl_monitor_lock(&elector->monitor);
    /* Also while the thread has not come round to notice that the deadline is over. */
    const bool leader =
        elector->leading && zl_clock_ms() - elector->renewed_ms < elector->spec.renew_deadline_ms;
    zl_monitor_unlock(&elector->monitor);
    return leader;
}

int64_t zl_elector_age_ms(struct zl_elector *elector)
{
    zl_monitor_lock(&elector->monitor);
    const int64_t age_ms = zl_clock_ms() - elector->touched_ms;
    zl_monitor_unlock(&elector->monitor);
    return age_ms;
}
