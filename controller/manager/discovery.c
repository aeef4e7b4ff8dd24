/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/discovery.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/monitor.h"
#include "common/kube/discovery.h"
#include "controller/gate/armer.h"

enum {
    RETRY_MS = 1000,
    POOLS_LOOK_MS = 30000, /* how long an installed CRD may go unnoticed */
};

struct zl_discovery {
    struct zl_discovery_spec spec;
    pthread_t thread;
    struct zl_monitor monitor; /* guards the rest */
    bool stopping;
};

/* @return false: it is to stop */
static bool pause_for(struct zl_discovery *discovery, int64_t delay_ms)
{
    const int64_t deadline_ms = zl_clock_ms() + delay_ms;
    zl_monitor_lock(&discovery->monitor);
    while (!discovery->stopping && zl_monitor_wait(&discovery->monitor, deadline_ms)) {
        ;
    }
    bool go_on = !discovery->stopping;
    zl_monitor_unlock(&discovery->monitor);
    return go_on;
}

static bool is_stopping(struct zl_discovery *discovery)
{
    zl_monitor_lock(&discovery->monitor);
    bool stopping = discovery->stopping;
    zl_monitor_unlock(&discovery->monitor);
    return stopping;
}

/* Until the server has answered; NULL: it is to stop, or there is none of them. */
static const struct zl_kube_resource *ask(struct zl_discovery *discovery,
                                          const struct zl_kube_resource *const *candidates)
{
    for (;;) {
        struct zl_error err = {0};
        const struct zl_kube_resource *found = NULL;
        enum zl_status status = zl_kube_discover(discovery->spec.client, candidates, &found, &err);
        if (status == ZL_OK || status == ZL_E_NOT_FOUND) {
            return found;
        }
        ZL_LOG_WARN("cannot ask what the API server has", ZL_STR("group", candidates[0]->group),
                    ZL_ERR(&err));
        if (!pause_for(discovery, RETRY_MS)) {
            return NULL;
        }
    }
}

static void serve_pools(const struct zl_discovery_spec *spec)
{
    ZL_LOG_INFO("serving pools");
    zl_cache_start_pools(spec->context->sources.cache);
    if (spec->fills_configuration) {
        zl_armer_start(spec->context->armer);
    } else {
        zl_armer_leave_configuration(spec->context->armer);
    }
}

static void serve_routes(const struct zl_discovery_spec *spec,
                         const struct zl_kube_resource *slices)
{
    spec->context->writer.slices = slices;
    ZL_LOG_INFO("routing", ZL_STR("endpointSlices", slices->version));
    zl_cache_start_routing(spec->context->sources.cache, slices);
}

/*
 * What is not there may come: the CRD is installed, an API server that has just started says 404 of what it serves a moment
 * later. So it is asked again, soon at first.
 */
static void *discover(void *ctx)
{
    static const struct zl_kube_resource *const slice_versions[] = {
        &ZL_KUBE_ENDPOINTSLICES, &ZL_KUBE_ENDPOINTSLICES_V1BETA1, NULL};
    static const struct zl_kube_resource *const pool_versions[] = {&ZL_KUBE_LEADERPOLICIES, NULL};
    struct zl_discovery *discovery = ctx;
    const struct zl_discovery_spec *spec = &discovery->spec;
    const struct zl_kube_resource *slices = NULL;
    bool pools = spec->routing_only;
    for (int64_t attempt = 0; slices == NULL || !pools; attempt++) {
        const struct zl_kube_resource *found =
            slices == NULL ? ask(discovery, slice_versions) : NULL;
        bool served = !pools && ask(discovery, pool_versions) != NULL;
        if (is_stopping(discovery)) {
            return NULL;
        }
        if (served) { /* first: what they want of the Services is then known when those are listed */
            pools = true;
            serve_pools(spec);
        }
        if (found != NULL) {
            slices = found;
            serve_routes(spec, slices);
        } else if (slices == NULL && attempt == 0) {
            ZL_LOG_WARN("the API server has no EndpointSlices: nothing is routed");
        }
        spec->answered(spec->ctx);
        bool all = slices != NULL && pools;
        if (!all && !pause_for(discovery, zl_backoff_ms(attempt, RETRY_MS, POOLS_LOOK_MS))) {
            return NULL;
        }
    }
    return NULL;
}

struct zl_discovery *zl_discovery_start(const struct zl_discovery_spec *spec)
{
    struct zl_discovery *discovery = zl_alloc(sizeof *discovery);
    discovery->spec = *spec;
    zl_monitor_init(&discovery->monitor);
    discovery->thread = zl_thread_start("discovery", discover, discovery);
    return discovery;
}

void zl_discovery_stop(struct zl_discovery *discovery)
{
    if (discovery == NULL) {
        return;
    }
    zl_monitor_lock(&discovery->monitor);
    discovery->stopping = true;
    zl_monitor_wake_all(&discovery->monitor);
    zl_monitor_unlock(&discovery->monitor);
    (void)pthread_join(discovery->thread, NULL);
    zl_monitor_clear(&discovery->monitor);
    free(discovery);
}
