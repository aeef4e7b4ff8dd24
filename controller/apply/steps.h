/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.h - what is to be done to one pool or route: the plan's outcome, plain data, that apply.c carries out.
 *
 * A plan makes the next Lease first, complete. The view as it will be once that is stored (AFTER) is what all other
 * steps are planned from: what is stored is what was given, or a conflict, and then nothing of it happens.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_APPLY_STEPS_H
#define ZL_CONTROLLER_APPLY_STEPS_H

#include "controller/apply/role_label.h"
#include "controller/apply/subject.h"
#include "controller/apply/why.h"
#include "controller/traffic_director/route.h"
#include "controller/view/view.h"

/* In this order they are carried out; those of one kind, in the order in which they were planned. */
enum zl_step_kind {
    ZL_STEP_RECORD_TOKEN,  /* LeaderPolicy status: the token that the Lease gave before */
    ZL_STEP_RESERVE_TOKEN, /* ... the one that it is to give now, and a Job's tick with it */
    ZL_STEP_LEASE,
    ZL_STEP_SLICES,     /* a route's EndpointSlices, and its Service where there is none yet */
    ZL_STEP_RESUME_JOB, /* it waits no more */
    ZL_STEP_WAKE,       /* an owner is made to create a pod now */
    ZL_STEP_UNBLOCK,    /* the same for what was refused until now, before the status forgets it */
    ZL_STEP_SERVICE,    /* a route's Service as it should be, and what is told of it */
    ZL_STEP_CLEAN_ROUTES,
    ZL_STEP_QUEUE_JOB,   /* it is told that it waits, and suspended */
    ZL_STEP_SUSPEND_JOB, /* somebody resumed it while it waits */
    ZL_STEP_DELETE_JOB,
    ZL_STEP_DELETE_POD,
    ZL_STEP_LABEL_POD,
    ZL_STEP_STATUS,
    ZL_STEP_UNMARK, /* what wakes left on a Deployment's ReplicaSets is taken off */
    ZL_STEP_TELL,   /* an Event alone */
    ZL_STEP_KIND_COUNT,
};

/* What must be so on the API server when a step is carried out; else it fails with ZL_E_CONFLICT. */
enum zl_proof {
    ZL_PROOF_TAKER_LIVES = 1,     /* the pod that gets the seat is there, and not over */
    ZL_PROOF_STILL_UNREADY = 2,   /* the pod that loses it is there, and not Ready */
    ZL_PROOF_LEASE_SAME = 4,      /* nobody wrote the Lease since it was seen */
    ZL_PROOF_HOLDER_SAME = 8,     /* it names the same pod, and leaves the step's pod no place */
    ZL_PROOF_LEADS = 16,          /* it names the step's pod */
    ZL_PROOF_LEADS_NOT = 32,      /* it names another, or nobody */
    ZL_PROOF_TURN_SAME = 64,      /* the turn is the same Job's */
    ZL_PROOF_NO_TURN = 128,       /* the step's Job has no turn, and gets none */
    ZL_PROOF_OWNERS_LISTED = 256, /* the cache has the owners that are to be woken */
    ZL_PROOF_ASKED = 512,         /* it has the request that the step answers */
};

/* Exactly one is set. */
struct zl_wake_target {
    const struct zl_workload *workload;
    const struct zl_replicaset *replicaset;
    const struct zl_job *job;
};

/* Whose routes are meant: those of one annotated Service, or of one pool. */
struct zl_route_source {
    const char *namespace_;
    const char *service; /* used when POOL is NULL */
    const char *pool;
};

/* So long a leader Service is kept, leading nowhere, whose workload is not there: it may be made again. */
enum { ZL_DESERTED_MS = 10000 };

struct zl_step {
    enum zl_step_kind kind;
    enum zl_why why;
    unsigned proofs;                   /* enum zl_proof */
    struct zl_subject subject;         /* of the Event, if WHY has one */
    struct zl_words words;             /* for its message */
    union {                            /* borrowed from the view or kept by the steps */
        int64_t token;                 /* RECORD_TOKEN: the status' is raised to it */
        const struct zl_turn *tick_of; /* RESERVE_TOKEN: whose tick is used up; or NULL */
        const struct zl_job *job;      /* RESUME_JOB */
        const struct zl_turn *turn;    /* QUEUE, SUSPEND, DELETE_JOB */
        struct zl_wake_target owner;   /* WAKE, UNBLOCK, UNMARK */
        const struct zl_pod *pod;      /* DELETE_POD */
        const struct zl_route *route;  /* SLICES, SERVICE */
        struct {
            struct zl_route_source source;
            const char *const *keep; /* Services that stay, with their slices */
            size_t keep_count;
        } clean;
        struct {
            const struct zl_pod *pod;
            enum zl_role role;
        } label;
    } of;
};

/* {0} is a valid start; zl_steps_clear. */
struct zl_steps {
    struct zl_step *items;
    size_t count;
    /* The view once the Lease is written, or as it is when that stays. Set by zl_steps_begin. */
    struct zl_view after;
    const struct zl_view *before;
    struct zl_lease *next;          /* the Lease to store; NULL: it stays. AFTER borrows it. */
    const struct zl_pod *taker;     /* who gets the seat by it; NULL: nobody */
    struct zl_policy_status status; /* what a STATUS step writes */
    enum zl_role_labels labels;     /* what becomes of the LABEL_POD steps, if none fails */
    struct zl_wake_clock wake;      /* the pool's, from now on */
    int64_t look_again_ms;          /* 0: only on the next event */
    int64_t idle_after_ms;          /* the same for what can wait: a renewal; 0: nothing does */
    struct zl_turn *turns;          /* of AFTER */
    void **kept;
    size_t kept_count;
};

/* Plan from VIEW, which must outlive STEPS: AFTER is VIEW until zl_steps_lease is called. */
void zl_steps_begin(struct zl_steps *steps, const struct zl_view *view);
void zl_steps_clear(struct zl_steps *steps);
#define ZL_AUTO_STEPS ZL_CLEANUP(zl_steps_clear)

/* Copies STEP. */
void zl_steps_add(struct zl_steps *steps, const struct zl_step *step);
/*
 * Store NEXT (taken) as the Lease.
 *
 * @param taker  who gets the seat by it, NULL: nobody
 */
void zl_steps_lease(struct zl_steps *steps, const struct zl_step *step, struct zl_lease *next,
                    const struct zl_pod *taker);
/* The token turned out to be another one than NEXT said. */
void zl_steps_set_token(struct zl_steps *steps, int64_t token);
/* Lower the time of the next look to MS (0 and less: at once). */
void zl_steps_look_again(struct zl_steps *steps, int64_t ms);
/* Look again MS (0 and less: at once) from now, or a while later: a renewal that is late harms nobody. */
void zl_steps_idle_after(struct zl_steps *steps, int64_t ms);
/* TAKEN (from malloc) lives as long as STEPS. Returns it. */
void *zl_steps_keep(struct zl_steps *steps, void *taken);
/* Is there a step of KIND? */
bool zl_steps_have(const struct zl_steps *steps, enum zl_step_kind kind);
/* Is a Lease made that names nobody? Then all else is planned when it is there. */
bool zl_steps_only_create(const struct zl_steps *steps);
/* The pool's LeaderPolicy. */
struct zl_subject zl_subject_policy(const struct zl_view *view);

/* Does LEASE leave POD, a gatekept one, no place? */
bool zl_pod_must_go(const struct zl_pod *pod, const struct zl_lease *lease);

#endif
