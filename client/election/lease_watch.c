/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/lease_watch.h"

#include "common/base/clock.h"
#include "common/base/monitor.h"

#define USUAL_WATCH_S 300
#define APART_MS 1000

struct zl_lease_watch {
    struct zl_lease_watch_spec spec; /* its lease is in the next one */
    char *selector;
    struct zl_kube_stop *stop;
    struct zl_monitor monitor; /* guards OVER */
    bool over;
};

struct zl_lease_watch *zl_lease_watch_new(const struct zl_lease_watch_spec *spec)
{
    struct zl_lease_watch *watch = zl_alloc(sizeof *watch);
    watch->spec = *spec;
    watch->selector = zl_asprintf("metadata.name=%s", spec->lease);
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
    free(watch->selector);
    free(watch);
}

enum zl_status zl_lease_watch_once(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                   const char *namespace_, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES, .namespace_ = namespace_};
    const struct zl_kube_selector selector = {.field = watch->selector};
    const int watch_s = watch->spec.watch_s > 0 ? watch->spec.watch_s : USUAL_WATCH_S;
    return zl_kube_watch(client, &target, &selector, NULL, watch_s, watch->stop, watch->spec.event,
                         NULL, watch->spec.ctx, err);
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
