/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/lease_watch.h"

#include "common/base/clock.h"
#include "common/base/monitor.h"

#define USUAL_WATCH_S 300
#define APART_MS 1000
#define READ_MS 5000
/* The server's cache still shows what is gone. */
#define STALE_MS 100

struct zl_lease_watch {
    struct zl_lease_watch_spec spec; /* its lease is the next one */
    char *lease, *selector;
    struct zl_kube_stop *stop;
    char *version;  /* of what was told last; NULL: nothing was, or it is too old for the server */
    bool may_read;  /* not forbidden */
    bool is_unread; /* the watch that runs brought something without a version to begin with */
    struct zl_monitor monitor; /* guards OVER */
    bool over;
};

struct zl_lease_watch *zl_lease_watch_new(const struct zl_lease_watch_spec *spec)
{
    struct zl_lease_watch *watch = zl_alloc(sizeof *watch);
    watch->spec = *spec;
    watch->spec.resource = spec->resource != NULL ? spec->resource : &ZL_KUBE_LEASES;
    zl_lease_watch_go_on_with(watch, spec->lease);
    watch->stop = zl_kube_stop_new();
    zl_monitor_init(&watch->monitor);
    return watch;
}

void zl_lease_watch_free(struct zl_lease_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    zl_monitor_clear(&watch->monitor);
    zl_kube_stop_free(watch->stop);
    free(watch->version);
    free(watch->selector);
    free(watch->lease);
    free(watch);
}

static enum zl_status tell(struct zl_lease_watch *watch, const char *type,
                           const struct cJSON *object, struct zl_error *err)
{
    zl_replace_string(&watch->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    return watch->spec.event(watch->spec.ctx, type, object, err);
}

/* Tell what is there, unless nothing is, or we may not know. */
static enum zl_status read_first(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                 const char *namespace_, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = watch->spec.resource,
                                          .namespace_ = namespace_,
                                          .name = watch->spec.lease,
                                          .deadline_ms = zl_clock_ms() + READ_MS};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const enum zl_status status = zl_kube_get(client, &target, &object, err);
    watch->may_read = status != ZL_E_DENIED;
    if (status == ZL_OK) {
        return tell(watch, "ADDED", object, err);
    }
    return status == ZL_E_NOT_FOUND || status == ZL_E_DENIED ? ZL_OK : status;
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct zl_lease_watch *watch = ctx;
    if (strcmp(type, "ERROR") == 0) {
        return zl_kube_status_decode(object, 0, err);
    }
    if (watch->version == NULL && watch->may_read && strcmp(type, "BOOKMARK") != 0) {
        watch->is_unread = true;
        return zl_error_set(err, ZL_E_STOPPED, "to be read");
    }
    return tell(watch, type, object, err);
}

/* One watch from what is known, read before if nothing is. */
static enum zl_status read_and_watch(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                     const char *namespace_, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = watch->spec.resource,
                                          .namespace_ = namespace_};
    const struct zl_kube_selector selector = {.field = watch->selector};
    const int watch_s = watch->spec.watch_s > 0 ? watch->spec.watch_s : USUAL_WATCH_S;
    enum zl_status status = ZL_OK;
    if (watch->version == NULL) {
        status = read_first(watch, client, namespace_, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *from = zl_strdup(watch->version); /* events replace that one */
    status = zl_kube_watch(client, &target, &selector, from, watch_s, watch->stop, on_event, NULL,
                           watch, err);
    if (status == ZL_E_GONE) {
        zl_replace_string(&watch->version, NULL);
    }
    return status;
}

enum zl_status zl_lease_watch_once(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                   const char *namespace_, struct zl_error *err)
{
    int64_t next_ms = 0;
    for (;;) {
        watch->is_unread = false;
        const enum zl_status status = read_and_watch(watch, client, namespace_, err);
        if (!watch->is_unread) {
            return status;
        }
        /* At once at first: it was made just now. Then it is the cache that is late. */
        if (!zl_lease_watch_rest(watch, next_ms)) {
            return zl_error_set(err, ZL_E_STOPPED, "over");
        }
        next_ms = zl_clock_ms() + STALE_MS;
    }
}

void zl_lease_watch_go_on_with(struct zl_lease_watch *watch, const char *name)
{
    zl_replace_string(&watch->lease, name);
    watch->spec.lease = watch->lease;
    free(watch->selector);
    watch->selector = zl_asprintf("metadata.name=%s", name);
    zl_replace_string(&watch->version, NULL);
}

void zl_lease_watch_go_on_from(struct zl_lease_watch *watch, const char *version)
{
    zl_replace_string(&watch->version, version);
}

enum zl_status zl_lease_watch_run(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                  const char *namespace_, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    int64_t next_ms = 0;
    do {
        next_ms = zl_clock_ms() + APART_MS;
        status = zl_lease_watch_once(watch, client, namespace_, err);
        if (status == ZL_E_STOPPED || status == ZL_E_DENIED || status == ZL_E_INVALID) {
            return status;
        }
    } while (zl_lease_watch_rest(watch, next_ms));
    return status == ZL_OK ? ZL_E_STOPPED : status;
}

bool zl_lease_watch_rest(struct zl_lease_watch *watch, int64_t until_ms)
{
    zl_monitor_lock(&watch->monitor);
    while (!watch->over && zl_monitor_wait(&watch->monitor, until_ms)) {
        ;
    }
    const bool over = watch->over;
    zl_monitor_unlock(&watch->monitor);
    return !over;
}

void zl_lease_watch_end(struct zl_lease_watch *watch)
{
    zl_monitor_lock(&watch->monitor);
    watch->over = true;
    zl_monitor_wake_all(&watch->monitor);
    zl_monitor_unlock(&watch->monitor);
    zl_kube_stop_set(watch->stop);
}

bool zl_lease_watch_is_over(struct zl_lease_watch *watch)
{
    zl_monitor_lock(&watch->monitor);
    const bool over = watch->over;
    zl_monitor_unlock(&watch->monitor);
    return over;
}
