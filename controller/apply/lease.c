/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.c - the pool's Lease, and the fencing token that LeaderPolicy status keeps for it (common/seat/token_store.h).
 */
#include "controller/apply/internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/seat/lease_store.h"
#include "common/seat/token_store.h"

const struct zl_metric ZL_TRANSITIONS = {
    .name = "zen_lead_leader_changes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Writes of the controller that changed who holds a pool's Lease, by action.",
    .label1 = "action",
};

const struct zl_metric ZL_CLAIMS_EXPIRED = {
    .name = "zen_lead_provisional_releases_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Claims whose pod never appeared, so that the seat was taken back: a quota or another "
            "webhook "
            "refused it.",
};

static enum zl_status reserve(struct zl_applying *applying, const struct zl_turn *tick_of,
                              int64_t *token, struct zl_error *err)
{
    struct zl_kube_client *client = applying->writer->client;
    const struct zl_policy *policy = applying->view->policy;
    int64_t above = applying->steps->next->fencing_token - 1;
    if (tick_of == NULL) {
        return zl_token_reserve(client, policy, above, 0, token, err);
    }
    const struct zl_job *job = tick_of->job;
    const struct zl_tick tick = {
        .time_s = job->tick_s, .job = job->meta.name, .uid = job->meta.uid};
    enum zl_status status = zl_token_reserve_tick(client, policy, above, &tick, 0, token, err);
    /* Another Job has used it up, and the cache does not know yet. */
    return status == ZL_E_INVALID ? zl_error_wrap(err, ZL_E_CONFLICT, "adopting a pod") : status;
}

enum zl_status zl_apply_token(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err)
{
    int64_t token = 0;
    if (step->kind == ZL_STEP_RECORD_TOKEN) {
        return zl_token_record(applying->writer->client, applying->view->policy, step->of.token, 0,
                               err);
    }
    enum zl_status status = reserve(applying, step->of.tick_of, &token, err);
    if (status == ZL_OK) {
        zl_steps_set_token(applying->steps, token);
    }
    return status;
}

static void note_change(const struct zl_applying *applying, const struct zl_step *step,
                        const struct zl_lease *stored)
{
    const struct zl_reason *reason = zl_reason_of(step->why);
    const struct zl_pod *taker = applying->steps->taker;
    bool expired = step->why == ZL_WHY_CLAIM_EXPIRED || step->why == ZL_WHY_CLAIM_EXPIRED_TAKEN;
    if (reason->label == NULL) {
        return;
    }
    zl_metric_add(&ZL_TRANSITIONS, reason->label, NULL, 1);
    ZL_LOG_INFO(reason->log, ZL_STR("namespace", stored->namespace_), ZL_STR("pool", stored->pool),
                ZL_STR("pod", taker != NULL ? taker->meta.name
                                            : applying->steps->before->lease->holder_pod),
                ZL_I64("fencingToken", stored->fencing_token), ZL_BOOL("claimExpired", expired));
    if (expired) {
        zl_metric_add(&ZL_CLAIMS_EXPIRED, NULL, NULL, 1);
    }
    zl_tell(applying->writer, step);
}

enum zl_status zl_apply_lease(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err)
{
    const struct zl_steps *steps = applying->steps;
    struct zl_lease *stored = NULL;
    enum zl_status status = zl_lease_swap(applying->writer->client, steps->next,
                                          applying->view->policy, 0, &stored, err);
    if (status == ZL_OK) {
        note_change(applying, step, stored);
        zl_count_turn(&applying->view->jobs, steps->before->lease, stored);
        (void)zl_claim_clock_observe(applying->writer->clock, stored, zl_clock_ms());
    }
    zl_lease_free(stored);
    return status;
}

enum zl_status zl_apply_renewal(const struct zl_writer *writer, const struct zl_lease *lease,
                                const struct zl_policy *policy, struct zl_error *err)
{
    struct zl_lease *next = zl_lease_renewed(lease, policy, NULL, zl_clock_wall_us());
    enum zl_status status = zl_lease_swap(writer->client, next, policy, 0, NULL, err);
    zl_lease_free(next);
    return status;
}
