/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/campaign.h"
#include "client/election/names.h"
#include "client/lib/internal.h"
#include "common/base/clock.h"

#define RENEW_MS 10000
#define NS_PER_MS INT64_C(1000000)

struct zenlead_elector {
    struct zl_campaign *campaign;
    char *identity;
    int64_t renew_ms;
    _Atomic int64_t until_ms, token; /* UNTIL: boot clock */
    void (*acquired)(void *ctx, int64_t token);
    void (*lost)(void *ctx);
    void *ctx;
    struct zl_monitor monitor; /* guards HELD, which somebody may wait for */
    bool held;
};

static void on_held(void *ctx, int64_t boot_ms, int64_t token)
{
    zenlead_elector *elector = ctx;
    atomic_store(&elector->token, token);
    atomic_store(&elector->until_ms, boot_ms + elector->renew_ms);
    zl_monitor_lock(&elector->monitor);
    const bool first = !elector->held;
    elector->held = true;
    zl_monitor_wake_all(&elector->monitor);
    zl_monitor_unlock(&elector->monitor);
    if (first && elector->acquired != NULL) {
        elector->acquired(elector->ctx, token);
    }
}

static void on_lost(void *ctx)
{
    zenlead_elector *elector = ctx;
    atomic_store(&elector->until_ms, 0);
    if (elector->lost != NULL) {
        elector->lost(elector->ctx);
    }
}

/* Copies what it needs of ELECTION. */
static zenlead_elector *new_elector(const zenlead *handle, const struct zenlead_election *election)
{
    zenlead_elector *elector = zl_alloc(sizeof *elector);
    elector->identity = zl_election_identity(handle->pod);
    elector->renew_ms = election->renew_deadline_ms > 0 ? election->renew_deadline_ms : RENEW_MS;
    elector->acquired = election->acquired;
    elector->lost = election->lost;
    elector->ctx = election->ctx;
    zl_monitor_init(&elector->monitor);
    return elector;
}

static enum zl_status start(zenlead *handle, const struct zenlead_election *election,
                            zenlead_elector *elector, struct zl_error *err)
{
    struct zl_kube_client *client = NULL;
    enum zl_status status = zl_lease_name_check(election->lease, err);
    if (status == ZL_OK) {
        status = zl_lead_client(handle, &client, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    const struct zl_campaign_spec spec = {
        .namespace_ = handle->where,
        .lease = election->lease,
        .identity = elector->identity,
        .lease_ms = election->lease_duration_ms,
        .renew_ms = election->renew_deadline_ms,
        .retry_ms = election->retry_period_ms,
        .held = on_held,
        .lost = on_lost,
        .ctx = elector,
    };
    return zl_campaign_start(client, &spec, &elector->campaign, err);
}

int zenlead_elect(zenlead *handle, const struct zenlead_election *election, zenlead_elector **out,
                  struct zenlead_error *error)
{
    if (handle == NULL || election == NULL || election->size < sizeof *election ||
        election->lease == NULL) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "election: begin with ZENLEAD_ELECTION_INIT, and name a Lease");
    }
    struct zl_error err = {0};
    zenlead_elector *elector = new_elector(handle, election);
    const enum zl_status status = start(handle, election, elector, &err);
    if (status != ZL_OK) {
        zenlead_elector_close(elector);
        return zl_lead_fail(error, status, err.message);
    }
    *out = elector;
    return ZENLEAD_OK;
}

bool zenlead_elector_holds(const zenlead_elector *elector)
{
    return elector != NULL && zl_clock_boot_ms() < atomic_load(&elector->until_ms);
}

int64_t zenlead_elector_token(const zenlead_elector *elector)
{
    return elector != NULL ? atomic_load(&elector->token) : 0;
}

void zenlead_elector_close(zenlead_elector *elector)
{
    if (elector == NULL) {
        return;
    }
    atomic_store(&elector->until_ms, 0);
    zl_campaign_stop(elector->campaign);
    zl_monitor_clear(&elector->monitor);
    free(elector->identity);
    free(elector);
}

/* Put NAME into the handle's list; false when it is there. */
static bool reserve(zenlead *handle, const char *name, struct zl_lead_lock **out)
{
    pthread_mutex_lock(&handle->lock);
    struct zl_lead_lock *lock = handle->locks;
    while (lock != NULL && strcmp(lock->name, name) != 0) {
        lock = lock->next;
    }
    const bool is_new = lock == NULL;
    if (is_new) {
        lock = zl_alloc(sizeof *lock);
        lock->name = zl_strdup(name);
        lock->next = handle->locks;
        handle->locks = lock;
        *out = lock;
    }
    pthread_mutex_unlock(&handle->lock);
    return is_new;
}

static void fill_lock(zenlead *handle, struct zl_lead_lock *lock, zenlead_elector *elector)
{
    pthread_mutex_lock(&handle->lock);
    lock->elector = elector;
    pthread_mutex_unlock(&handle->lock);
}

/* Out of the list: the lock NAME if its token is TOKEN, or (NULL) the one that WHICH is. */
static struct zl_lead_lock *take(zenlead *handle, const char *name, int64_t token,
                                 const struct zl_lead_lock *which)
{
    pthread_mutex_lock(&handle->lock);
    struct zl_lead_lock **at = &handle->locks;
    while (*at != NULL &&
           !(which != NULL ? *at == which
                           : strcmp((*at)->name, name) == 0 && (*at)->elector != NULL &&
                                 zenlead_elector_token((*at)->elector) == token)) {
        at = &(*at)->next;
    }
    struct zl_lead_lock *found = *at;
    if (found != NULL) {
        *at = found->next;
    }
    pthread_mutex_unlock(&handle->lock);
    return found;
}

static void free_lock(struct zl_lead_lock *lock)
{
    zenlead_elector_close(lock->elector);
    free(lock->name);
    free(lock);
}

static bool await_held(zenlead_elector *elector, int timeout_ms)
{
    const int64_t deadline_ms = zl_clock_ms() + timeout_ms;
    zl_monitor_lock(&elector->monitor);
    while (!elector->held && zl_monitor_wait(&elector->monitor, deadline_ms)) {
        ;
    }
    const bool held = elector->held;
    zl_monitor_unlock(&elector->monitor);
    return held && zenlead_elector_holds(elector);
}

static void describe(const zenlead_elector *elector, struct zenlead_answer *out)
{
    *out = (struct zenlead_answer){.size = sizeof *out,
                                   .role = ZENLEAD_LEADER,
                                   .reason = ZENLEAD_REASON_HOLDS,
                                   .token = atomic_load(&elector->token),
                                   .valid_until_ns = atomic_load(&elector->until_ms) * NS_PER_MS};
    (void)snprintf(out->holder, sizeof out->holder, "%s", elector->identity);
}

int zenlead_lock(zenlead *handle, const char *name, int timeout_ms, struct zenlead_answer *answer,
                 struct zenlead_error *error)
{
    struct zl_lead_lock *lock = NULL;
    zenlead_elector *elector = NULL;
    if (handle == NULL || name == NULL || timeout_ms < 0) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_lock needs a handle, a name and a time-out");
    }
    if (!reserve(handle, name, &lock)) {
        return zl_lead_refuse(error, ZENLEAD_E_BUSY, "lock %s: this handle has it already", name);
    }
    ZL_AUTO_FREE char *lease = zl_lock_lease(name);
    const struct zenlead_election election = {.size = sizeof election, .lease = lease};
    int status = zenlead_elect(handle, &election, &elector, error);
    if (status == ZENLEAD_OK && elector != NULL && await_held(elector, timeout_ms)) {
        if (answer != NULL) {
            describe(elector, answer);
        }
        fill_lock(handle, lock, elector);
        return ZENLEAD_OK;
    }
    if (status == ZENLEAD_OK) {
        status = zl_lead_refuse(error, ZENLEAD_E_TIMEOUT, "lock %s: not acquired within %d ms",
                                name, timeout_ms);
    }
    (void)take(handle, NULL, 0, lock);
    zenlead_elector_close(elector);
    free_lock(lock);
    return status;
}

int zenlead_unlock(zenlead *handle, const char *name, int64_t token, struct zenlead_error *error)
{
    if (handle == NULL || name == NULL) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID, "zenlead_unlock needs a handle and a name");
    }
    struct zl_lead_lock *lock = take(handle, name, token, NULL);
    const bool held = lock != NULL && zenlead_elector_holds(lock->elector);
    if (lock != NULL) {
        free_lock(lock);
    }
    return held ? ZENLEAD_OK
                : zl_lead_refuse(error, ZENLEAD_E_LOST, "lock %s: not held with that token", name);
}

void zl_lead_locks_free(zenlead *handle)
{
    while (handle->locks != NULL) {
        struct zl_lead_lock *next = handle->locks->next;
        free_lock(handle->locks);
        handle->locks = next;
    }
}
