/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/dispatch.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/kube/reasons.h"
#include "common/kube/retries.h"
#include "common/objects/names.h"
#include "controller/gate/armer.h"
#include "controller/manager/keys.h"
#include "controller/reconcile/reconcile.h"

#include <string.h>

enum {
    SYNC_LOOK_MS = 100,
    DUE_LEAST_MS = 1000, /* after a failure */
};

static const struct zl_metric RECONCILES = {
    .name = "zen_lead_reconciliations_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Reconciliations of a pool or Service by result (ok, conflict, transient, ...).",
    .label1 = "result",
};
static const struct zl_metric RECONCILE_SECONDS = {
    .name = "zen_lead_reconciliation_duration_seconds",
    .type = ZL_METRIC_HISTOGRAM,
    .help = "Duration of one reconciliation by result.",
    .label1 = "result",
    .buckets = ZL_BUCKETS_SECONDS,
};
static const struct zl_metric RECONCILE_ERRORS = {
    .name = "zen_lead_reconciliation_errors_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Reconciliations that failed, by class of error. A lost race (conflict) is none.",
    .label1 = "error_type",
};

const struct zl_metric *const ZL_DISPATCH_METRICS[] = {&RECONCILES, &RECONCILE_SECONDS,
                                                       &RECONCILE_ERRORS, NULL};

static void settle(const struct zl_dispatch *dispatch, const char *key,
                   const struct zl_result *result, const struct zl_error *err)
{
    if (result->idle_after_ms > 0) {
        zl_workqueue_add_to(dispatch->queue, key, ZL_LANE_IDLE, result->idle_after_ms);
    }
    if (result->status == ZL_OK) {
        if (zl_workqueue_failures(dispatch->queue, key) > 0) {
            zl_retry_succeeded("reconcile");
        }
        zl_workqueue_forget(dispatch->queue, key);
        if (result->requeue_after_ms > 0) {
            zl_workqueue_add_after(dispatch->queue, key, result->requeue_after_ms);
        }
        return;
    }
    if (strcmp(err->reason, ZL_REASON_NAMESPACE_TERMINATING) == 0) {
        zl_workqueue_forget(dispatch->queue, key);
        return; /* it is being deleted with all that is in it */
    }
    zl_retry_count("reconcile");
    /* A conflict is the normal end of a race that someone else won: look again, without alarm. */
    if (result->status != ZL_E_CONFLICT) {
        zl_metric_add(&RECONCILE_ERRORS, zl_status_name(result->status), NULL, 1);
        ZL_LOG_WARN("reconcile failed", ZL_STR("key", key),
                    ZL_STR("class", zl_status_name(result->status)), ZL_ERR(err));
    }
    if (err->retry_after_ms > 0) {
        zl_workqueue_add_after(dispatch->queue, key, err->retry_after_ms);
        return;
    }
    zl_workqueue_add_rate_limited(dispatch->queue, key);
    if (result->requeue_after_ms > 0) {
        /* What is due does not wait for a grown back-off. */
        int64_t due_ms = result->requeue_after_ms;
        zl_workqueue_add_after(dispatch->queue, key, due_ms > DUE_LEAST_MS ? due_ms : DUE_LEAST_MS);
    }
}

void zl_dispatch(const struct zl_dispatch *dispatch, const char *key, enum zl_lane lane)
{
    struct zl_error err = {0};
    ZL_AUTO_FREE char *namespace_ = NULL;
    ZL_AUTO_FREE char *name_ = NULL;
    const char *lagging = NULL;
    int64_t started_ms = zl_clock_ms();

    enum zl_key_kind kind = zl_key_split(key, &namespace_, &name_);
    if (kind != ZL_KEY_OF_SERVICE &&
        !zl_cache_is_synced(dispatch->context->sources.cache,
                            namespace_[0] != '\0' ? namespace_ : NULL, &lagging)) {
        /* The CRD was just installed, or the namespace has its first pool: none is judged by half of what there is. */
        zl_workqueue_add_after(dispatch->queue, key, SYNC_LOOK_MS);
        return;
    }
    struct zl_result result = {.status = ZL_OK};
    switch (kind) {
    case ZL_KEY_OF_SERVICE:
        result =
            zl_reconcile_service(dispatch->context, namespace_, name_, lane == ZL_LANE_IDLE, &err);
        break;
    case ZL_KEY_OF_WAKE:
        result = zl_reconcile_freed(dispatch->context, namespace_, name_, &err);
        break;
    case ZL_KEY_OF_JOB:
        result = zl_reconcile_job(dispatch->context, namespace_, name_, &err);
        break;
    case ZL_KEY_OF_SELECTOR:
        result = zl_armer_set_selector(dispatch->context->armer, &err);
        break;
    case ZL_KEY_OF_POOL:
        result =
            zl_reconcile_pool(dispatch->context, namespace_, name_, lane == ZL_LANE_IDLE, &err);
        break;
    }
    const char *name = zl_status_name(result.status);
    zl_metric_add(&RECONCILES, name, NULL, 1);
    zl_metric_observe(&RECONCILE_SECONDS, name, NULL,
                      (double)(zl_clock_ms() - started_ms) / 1000.0);
    settle(dispatch, key, &result, &err);
}
