/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile/caretaker.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "controller/leader/choose.h"
#include "controller/leader/next_lease.h"

#include <string.h>

static const struct zl_metric RENEWALS = {
    .name = "zen_lead_caretaker_renewals_total",
    .type = ZL_METRIC_COUNTER,
    .help =
        "Leases of pools that this replica renewed while it stood by, or had just been elected, "
        "because nobody else did.",
};

const struct zl_metric *const ZL_CARETAKER_METRICS[] = {&RENEWALS, NULL};

/* A Job's pod is never asked whether it is Ready. */
static bool is_well(const struct zl_lease *lease, const struct zl_pod *pod)
{
    return lease->turn_uid != NULL ? !pod->finished && !pod->meta.deleting : zl_can_lead(pod);
}

static bool holder_is_well(struct zl_cache *cache, const struct zl_lease *lease)
{
    if (lease->holder_pod == NULL) {
        return false;
    }
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find(cache, ZL_CACHED_PODS, lease->namespace_, lease->holder_pod);
    const struct zl_pod *pod = ref != NULL ? zl_ref_object(ref) : NULL;
    return pod != NULL && zl_lease_is_held_by(lease, pod->meta.uid) && is_well(lease, pod);
}

/* For how long this replica has seen LEASE as it is. */
static int64_t unchanged_ms(const struct zl_sources *sources, const struct zl_lease *lease,
                            int64_t now_ms)
{
    char renewed[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(lease->renew_us, renewed);
    return zl_since(sources->sinces, lease->namespace_, lease->pool, ZL_TOPIC_RENEWED, renewed,
                    now_ms);
}

static void renew(struct zl_context *context, const struct zl_lease *lease,
                  const struct zl_policy *policy)
{
    struct zl_error err = {0};
    enum zl_status status = zl_apply_renewal(&context->writer, lease, policy, &err);
    if (status == ZL_OK) {
        zl_metric_add(&RENEWALS, NULL, NULL, 1);
    }
    ZL_LOG_INFO("renewed a Lease that nobody else renewed", ZL_STR("namespace", lease->namespace_),
                ZL_STR("pool", lease->pool), ZL_STR("result", zl_status_name(status)));
}

static void look_at_pool(struct zl_context *context, const struct zl_policy *policy, int64_t now_ms)
{
    struct zl_cache *cache = context->sources.cache;
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find_lease(cache, policy->meta.namespace_, policy->meta.name);
    const struct zl_lease *lease = ref != NULL ? zl_ref_object(ref) : NULL;
    if (lease == NULL || !zl_lease_is_held(lease) || policy->meta.deleting) {
        return;
    }
    if (zl_renewal_is_overdue(lease, policy, unchanged_ms(&context->sources, lease, now_ms)) &&
        holder_is_well(cache, lease)) {
        renew(context, lease, policy);
    }
}

void zl_caretaker_look(struct zl_context *context, struct zl_caretaker_share share, int64_t now_ms,
                       bool (*go_on)(void *ctx), void *ctx)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_cache_list(context->sources.cache, ZL_CACHED_POLICIES, NULL, &policies);
    for (size_t i = share.index; i < policies.count && go_on(ctx); i += share.count) {
        look_at_pool(context, zl_ref_object(policies.items[i]), now_ms);
    }
}
