/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.c - what was planned from memory must still be so: the live checks before a step that could do harm.
 */
#include "controller/apply/internal.h"

#include "common/cache/live.h"
#include "common/seat/lease_store.h"

#include <string.h>

static enum zl_status refuse(struct zl_error *err)
{
    return zl_error_set(err, ZL_E_CONFLICT, "the Lease is newer than the cache");
}

/*
 * The pool's Lease as the API server has it now (may be NULL), read once for the steps of one kind in a row, after what they are
 * about was seen.
 */
static enum zl_status read_lease(struct zl_applying *applying, enum zl_step_kind kind,
                                 struct zl_error *err)
{
    const struct zl_view *view = applying->view;
    if (applying->has_live && applying->live_for == kind) {
        return ZL_OK;
    }
    zl_lease_free(applying->live);
    applying->live = NULL;
    enum zl_status status = zl_lease_read(applying->writer->client, view->namespace_, view->name, 0,
                                          &applying->live, err);
    applying->has_live = status == ZL_OK;
    applying->live_for = kind;
    return status;
}

/* --- of the Lease --- */

static enum zl_status prove_by_lease(struct zl_applying *applying, const struct zl_step *step,
                                     struct zl_error *err)
{
    const struct zl_lease *before = applying->steps->before->lease;
    const struct zl_lease *known = applying->view->lease;
    enum zl_status status = read_lease(applying, step->kind, err);
    const struct zl_lease *live = applying->live;
    if (status != ZL_OK) {
        return status;
    }
    bool agreed = true;
    if ((step->proofs & ZL_PROOF_LEASE_SAME) != 0) {
        agreed = live != NULL && zl_same_string(live->resource_version, before->resource_version);
    }
    if ((step->proofs & ZL_PROOF_TURN_SAME) != 0) {
        agreed = agreed && zl_same_string(live != NULL ? live->turn_uid : NULL,
                                          known != NULL ? known->turn_uid : NULL);
    }
    if ((step->proofs & ZL_PROOF_HOLDER_SAME) != 0) {
        agreed = agreed && live != NULL && known != NULL &&
                 zl_lease_is_held(live) == zl_lease_is_held(known) &&
                 zl_same_string(live->holder_uid, known->holder_uid) &&
                 zl_pod_must_go(step->of.pod, live);
    }
    if ((step->proofs & ZL_PROOF_LEADS) != 0) {
        agreed = agreed && zl_lease_is_held_by(live, step->of.pod->meta.uid);
    }
    if ((step->proofs & ZL_PROOF_LEADS_NOT) != 0) {
        agreed = agreed && !zl_lease_is_held_by(live, step->of.pod->meta.uid);
    }
    if ((step->proofs & ZL_PROOF_ASKED) != 0) {
        agreed = agreed && live != NULL && known != NULL && live->request != NULL &&
                 zl_same_string(live->request, known->request);
    }
    return agreed ? ZL_OK : refuse(err);
}

/* --- of pods --- */

/*
 * Is the pod that the cache shows really there? A leader that is dead already would be released a moment
 * later, and an empty seat invites the next pod in while another may still live.
 */
static enum zl_status prove_taker(struct zl_applying *applying, struct zl_error *err)
{
    const struct zl_pod *taker = applying->steps->taker;
    struct zl_pod *pod = NULL;
    enum zl_status status = zl_pod_read(applying->writer->client, taker->meta.namespace_,
                                        taker->meta.name, 0, &pod, err);
    bool alive = pod != NULL && !pod->finished && strcmp(pod->meta.uid, taker->meta.uid) == 0;
    zl_pod_free(pod);
    if (status == ZL_OK && !alive) {
        return zl_error_set(err, ZL_E_CONFLICT, "pod %s is gone, the cache does not know yet",
                            taker->meta.name);
    }
    return status;
}

/* Does the API server agree that the leader is still not Ready, and that its containers have ended if they had? */
static enum zl_status prove_unready(struct zl_applying *applying, struct zl_error *err)
{
    const struct zl_pod *known = applying->steps->before->holder_pod;
    struct zl_pod *pod = NULL;
    enum zl_status status = zl_pod_read(applying->writer->client, known->meta.namespace_,
                                        known->meta.name, 0, &pod, err);
    bool same = pod != NULL && strcmp(pod->meta.uid, known->meta.uid) == 0;
    bool agreed = same && !pod->serving && pod->meta.deleting == known->meta.deleting &&
                  (pod->ended || !known->ended);
    zl_pod_free(pod);
    if (status == ZL_OK && !agreed) {
        return zl_error_set(err, ZL_E_CONFLICT, "pod %s has changed, the cache does not know yet",
                            known->meta.name);
    }
    return status;
}

/* --- of Jobs --- */

/* *TAKEN: the Job RIVAL is there and has TURN's scheduled time, or had it. */
static enum zl_status look_at_rival(const struct zl_writer *writer, const struct zl_turn *turn,
                                    bool *taken, struct zl_error *err)
{
    struct zl_job *rival = NULL;
    if (turn->rival == NULL) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_job_read(writer->client, turn->job->meta.namespace_, turn->rival, 0, &rival, err);
    if (rival == NULL) {
        return status;
    }
    bool may_run = !rival->meta.deleting && !zl_job_is_paused(rival);
    *taken = strcmp(rival->meta.uid, turn->job->meta.uid) != 0 &&
             rival->tick_s == turn->job->tick_s && (rival->finished || may_run);
    zl_job_free(rival);
    return ZL_OK;
}

static enum zl_status read_policy(const struct zl_writer *writer, const struct zl_view *view,
                                  struct zl_policy **out, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = view->namespace_,
                                          .name = view->name,
                                          .shape = ZL_POLICY_SHAPE};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = zl_kube_get(writer->client, &target, &object, err);
    return status == ZL_OK ? zl_policy_decode(object, out, err) : status;
}

/* By what the API server has now, the step's Job has no turn and gets none. Read anew for each: a turn may begin at any moment. */
static enum zl_status prove_no_turn(struct zl_applying *applying, const struct zl_step *step,
                                    struct zl_error *err)
{
    const struct zl_view *view = applying->view;
    const struct zl_turn *turn = step->of.turn;
    const struct zl_job *job = turn->job;
    struct zl_policy *policy = NULL;
    struct zl_lease *lease = NULL;
    bool agreed = false;
    enum zl_status status = read_policy(applying->writer, view, &policy, err);
    if (status == ZL_OK) {
        status =
            zl_lease_read(applying->writer->client, view->namespace_, view->name, 0, &lease, err);
    }
    if (status == ZL_OK) {
        const struct zl_ticks *ticks = zl_policy_ticks(policy);
        bool its_own = ticks == NULL || (zl_ticks_find(ticks, job->tick_s) != NULL &&
                                         zl_ticks_allow(ticks, job->tick_s, job->meta.uid));
        bool has_turn = lease != NULL && zl_same_string(lease->turn_uid, job->meta.uid);
        agreed = turn->standing == ZL_STANDING_MISSED ||
                 (ticks != NULL && !zl_ticks_allow(ticks, job->tick_s, job->meta.uid));
        if (!agreed && ticks != NULL) {
            status = look_at_rival(applying->writer, turn, &agreed, err);
        }
        /* With ticks: Each no time is anybody's, and only a missed deadline removes a Job. */
        its_own = its_own && (ticks != NULL || turn->standing != ZL_STANDING_MISSED);
        agreed = agreed && !its_own && !has_turn;
    }
    zl_lease_free(lease);
    zl_policy_free(policy);
    if (status == ZL_OK && !agreed) {
        return zl_error_set(err, ZL_E_CONFLICT, "whether Job %s may run is newer than the cache",
                            job->meta.name);
    }
    return status;
}

enum zl_status zl_prove(struct zl_applying *applying, const struct zl_step *step,
                        struct zl_error *err)
{
    const unsigned by_lease = ZL_PROOF_LEASE_SAME | ZL_PROOF_TURN_SAME | ZL_PROOF_HOLDER_SAME |
                              ZL_PROOF_LEADS | ZL_PROOF_LEADS_NOT | ZL_PROOF_ASKED;
    enum zl_status status = ZL_OK;
    if ((step->proofs & ZL_PROOF_TAKER_LIVES) != 0) {
        status = prove_taker(applying, err);
    }
    if (status == ZL_OK && (step->proofs & ZL_PROOF_STILL_UNREADY) != 0) {
        status = prove_unready(applying, err);
    }
    if (status == ZL_OK && (step->proofs & by_lease) != 0) {
        status = prove_by_lease(applying, step, err);
    }
    if (status == ZL_OK && (step->proofs & ZL_PROOF_NO_TURN) != 0) {
        status = prove_no_turn(applying, step, err);
    }
    if (status == ZL_OK && (step->proofs & ZL_PROOF_OWNERS_LISTED) != 0 &&
        !zl_cache_is_settled(applying->writer->cache, ZL_CACHED_REPLICASETS,
                             applying->view->namespace_)) {
        status = zl_error_set(err, ZL_E_CONFLICT, "the ReplicaSets are being listed");
    }
    return status;
}
