/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.h - a pool's Lease (coordination.k8s.io/v1, "zen-lead-<pool>"): who leads, and the fencing token.
 *
 * holderIdentity is "<pod>_<uid>", client-go's form, or the pod's own identity with
 * identityStrategy: custom; pod and uid always stand in annotations as well. leaseTransitions counts
 * changes of leader. The fencing token grows by one with each new leader and never falls while the
 * pool exists; it starts at 1.
 *
 * Threads: pure. Reading and writing it: lease_store.h.
 */
#ifndef ZL_SEAT_LEASE_H
#define ZL_SEAT_LEASE_H

#include "common/objects/policy.h"

/* Beyond this JSON numbers lose precision: a larger one was written by hand and is ignored. */
#define ZL_FENCING_TOKEN_MAX (INT64_C(1) << 53)

/* A lost Lease goes on so much later: past the one token that it may have given without a record (token_store.h). */
#define ZL_TOKEN_SKIP 2

/* Of a uid; Kubernetes' have 36. */
#define ZL_UID_MAX 63

/* As many deposed pods may still live at once, stuck on lost nodes, before the oldest is forgotten. */
#define ZL_DEPOSED_MAX 32

struct zl_lease {
    char *namespace_;
    char *pool; /* the Lease's name without its prefix */
    char *uid;
    char *resource_version; /* NULL: not stored yet, zl_lease_swap creates it */
    char *holder_identity;  /* NULL or "": released */
    char *holder_pod;       /* NULL when released, or no pod can have the name that was written */
    char *holder_uid;       /* NULL when released, or written by hand without one */
    bool provisional;       /* claimed; the pod was not seen yet */
    char *claim_owner;      /* with PROVISIONAL: uid of the pod's controller; NULL: not known */
    bool wants_repair;      /* label or owner reference is missing; a swap puts them back */
    /* A rollout's (rollout.h); each NULL: none. What they mean stands in names.h. */
    char *successor_pod, *successor_uid;
    char *deposed; /* "uid,uid": at most ZL_DEPOSED_MAX, the latest last */
    char *ready_holder, *ready_revision, *failed_revision;
    /* In a guarded pool: the Job whose turn it is, also between two of its pods. NULL: nobody's. */
    char *turn_job, *turn_uid;
    char *
        request; /* text of a request for another leader (request.h); NULL: none. Gone with the holder */
    int64_t fencing_token;
    int64_t released_token; /* -1: no release of ours */
    int64_t transitions;
    int64_t duration_s;
    int64_t acquire_us, renew_us; /* wall clock of the writer; 0: absent */
};

/*
 * Decode; *OUT stays NULL with ZL_OK when the Lease's name lacks our prefix. What is longer than we ever write was not
 * written by us, and is not there.
 */
extern const struct zl_json_shape ZL_LEASE_SHAPE[];
enum zl_status zl_lease_decode(const struct cJSON *object, struct zl_lease **out,
                               struct zl_error *err) ZL_MUST_CHECK;
void zl_lease_free(void *lease); /* a struct zl_lease; fits zl_ref_new */
struct zl_lease *zl_lease_copy(const struct zl_lease *lease);

static inline bool zl_lease_is_held(const struct zl_lease *lease)
{
    return lease != NULL && lease->holder_identity != NULL && lease->holder_identity[0] != '\0';
}
bool zl_lease_is_held_by(const struct zl_lease *lease, const char *pod_uid);
bool zl_lease_is_succeeded_by(const struct zl_lease *lease, const char *pod_uid);
bool zl_lease_has_deposed(const struct zl_lease *lease, const char *pod_uid);
/* Does POD_UID take no part in filling an empty seat: its successor, or one that lost it? LEASE may be NULL. */
static inline bool zl_lease_sets_aside(const struct zl_lease *lease, const char *pod_uid)
{
    return zl_lease_is_succeeded_by(lease, pod_uid) || zl_lease_has_deposed(lease, pod_uid);
}

/* Was the empty seat emptied by us, when nobody could lead any more who did? */
static inline bool zl_lease_was_released(const struct zl_lease *lease)
{
    return lease != NULL && !zl_lease_is_held(lease) &&
           lease->released_token == lease->fencing_token;
}
/* Was the Lease lost: deleted, or emptied by somebody else? Whom it named, nobody knows. */
static inline bool zl_lease_is_lost(const struct zl_lease *lease)
{
    return lease == NULL || (!zl_lease_is_held(lease) && !zl_lease_was_released(lease));
}

/* What a Lease names as its leader. */
struct zl_candidate {
    const char *pod;
    const char *uid;
    const char *identity; /* custom identity; NULL or "": "<pod>_<uid>" */
    const char
        *owner; /* uid of the controller that asks for a pod which is not stored yet; NULL: none */
};

static inline struct zl_candidate zl_candidate_of(const struct zl_pod *pod,
                                                  const struct zl_policy *policy)
{
    return (struct zl_candidate){.pod = pod->meta.name,
                                 .uid = pod->meta.uid,
                                 .identity = policy->custom_identity ? pod->identity : NULL};
}

/*
 * The record after CANDIDATE took the seat: next fencing token (one more than CURRENT's and than
 * KNOWN_TOKEN, the largest that was seen elsewhere), a transition more. A successor that takes it is
 * one no longer. It is no Job's turn any more, unless the caller says so.
 *
 * @param current  NULL: there is no Lease
 * @return owned by the caller
 */
struct zl_lease *zl_lease_claimed(const struct zl_lease *current, const struct zl_policy *policy,
                                  int64_t known_token, const struct zl_candidate *candidate,
                                  bool provisional, int64_t now_us);
/*
 * A Lease that names nobody. In a scaleDown pool a Lease is only ever created so: creating is no
 * compare-and-swap with a Lease that was there before and was deleted, so a holder is named by the swap that
 * follows.
 */
struct zl_lease *zl_lease_vacant(const struct zl_policy *policy);
/* The record of an empty seat in which nobody ever sat: as good as one that we released. */
struct zl_lease *zl_lease_never_led(const struct zl_lease *current);
/* Changes of a record that is about to be stored. */
void zl_lease_set_turn(struct zl_lease *lease, const char *job, const char *uid); /* or NULLs */
void zl_lease_set_successor(struct zl_lease *lease, const char *pod,
                            const char *uid); /* or NULLs */
void zl_lease_depose(struct zl_lease *lease, const char *uid);
/* Is UID one of UIDS ("uid,uid", or NULL)? */
bool zl_uids_have(const char *uids, const char *uid);
void zl_lease_depose_all(struct zl_lease *lease, const char *uids); /* "uid,uid" or NULL */
/* Forget the deposed pods for which LIVES says no. */
void zl_lease_prune_deposed(struct zl_lease *lease, bool (*lives)(void *ctx, const char *uid),
                            void *ctx);

/* The record after a deliberate release. The token stays: the next claim passes it. A turn is over. */
struct zl_lease *zl_lease_released(const struct zl_lease *current, int64_t now_us);
/*
 * The record after the controller saw its holder alive: confirmed and renewed. HOLDER is named anew, in case
 * that someone wrote over it; NULL: its pod is not known.
 */
struct zl_lease *zl_lease_renewed(const struct zl_lease *current, const struct zl_policy *policy,
                                  const struct zl_candidate *holder, int64_t now_us);
/* Does LEASE name CANDIDATE, in all three places? */
bool zl_lease_names(const struct zl_lease *lease, const struct zl_candidate *candidate);

/* The name of POOL's Lease; the caller frees. */
char *zl_lease_name(const char *pool);

/* The object that a swap sends: a merge patch at LEASE's resource version, or with none a new object. */
struct cJSON *zl_lease_encode(const struct zl_lease *lease, const struct zl_policy *policy);

#endif
