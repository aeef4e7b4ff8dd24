/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zenlead.h - who leads, am I it, until when; leader election and locks by Kubernetes Leases.
 *
 *     struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
 *     zenlead *z = NULL;
 *     if (zenlead_open(&options, &z, NULL) != ZENLEAD_OK) ...
 *     while (work()) {
 *         if (zenlead_is_leader(z, "orders")) { ... }
 *     }
 *     zenlead_close(z);
 *
 * Times. Every answer says until when it holds, on CLOCK_BOOTTIME, counted from before its request left: a machine that
 * slept, or a network that was cut, cannot make it look fresh. No such limit protects what is written to from a leader that
 * was stopped in the middle: hand the fencing token on, and refuse a smaller one than was seen.
 *
 * Threads. Handles may be used from any thread, by several at once. The library has threads of its own: one for each pool and fleet that was
 * asked about, two for each election or lock. An election's callbacks come from those, and must not close it; those of a handle from
 * zenlead_dispatch. A handle does not survive fork().
 *
 * Ownership. Strings that are given are copied; strings that come back lie inside the caller's structs.
 *
 * Errors. Functions return ZENLEAD_OK or a negative enum zenlead_status, and put a sentence into *ERROR, which may be
 * NULL. No signals, no output, no exit(); out of memory aborts. No global state but libcurl's.
 *
 * Structs begin with their size, which the _INIT macros set: later versions add members at the end.
 */
#ifndef ZENLEAD_H
#define ZENLEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ZENLEAD_API __attribute__((visibility("default")))
#else
#define ZENLEAD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum zenlead_status {
    ZENLEAD_OK = 0,
    ZENLEAD_E_INVALID = -1, /* an argument or the kubeconfig is wrong; the same fails again */
    ZENLEAD_E_API = -2,     /* the API server is not there, or does not answer properly */
    ZENLEAD_E_DENIED = -3,  /* it says no: look at RBAC */
    ZENLEAD_E_TIMEOUT = -4, /* not known, or not acquired, in time */
    ZENLEAD_E_LOST = -5,    /* it is not, or no longer, ours */
    ZENLEAD_E_BUSY = -6     /* this handle has that lock already */
};

struct zenlead_error {
    size_t size;
    int status; /* enum zenlead_status */
    char message[512];
};
#define ZENLEAD_ERROR_INIT                                                                         \
    {                                                                                              \
        sizeof(struct zenlead_error), 0, ""                                                        \
    }

enum zenlead_role { ZENLEAD_UNKNOWN, ZENLEAD_LEADER, ZENLEAD_FOLLOWER };

enum zenlead_reason {
    ZENLEAD_REASON_NONE,
    ZENLEAD_REASON_HOLDS,         /* leader: the pool's Lease names this pod */
    ZENLEAD_REASON_NOT_INSTALLED, /* leader: this cluster has no zen-lead */
    ZENLEAD_REASON_NO_POD,        /* leader: who we are is not known, as on a developer's machine */
    ZENLEAD_REASON_OTHER_HOLDS,   /* follower */
    ZENLEAD_REASON_NO_HOLDER,     /* follower: nobody leads, or there is no such pool */
    ZENLEAD_REASON_EXPIRED,       /* follower: the Lease was not renewed for its duration */
    ZENLEAD_REASON_API_ERROR,     /* unknown */
    ZENLEAD_REASON_STALE          /* unknown: what was known is not valid any more */
};

struct zenlead_answer {
    size_t size;
    int role;               /* enum zenlead_role */
    int reason;             /* enum zenlead_reason */
    int64_t token;          /* the fencing token; 0: none */
    int64_t valid_until_ns; /* CLOCK_BOOTTIME; INT64_MAX: for ever; 0: not at all */
    char holder[320];       /* the leader's pod; of a lock: who holds it. "": nobody */
};
#define ZENLEAD_ANSWER_INIT                                                                        \
    {                                                                                              \
        sizeof(struct zenlead_answer), 0, 0, 0, 0, ""                                              \
    }

/* What a cluster is in a fleet, as its own LeaderPolicy of leadership.kube-zen.io tells it. */
enum zenlead_turn_state {
    ZENLEAD_TURN_UNKNOWN,
    ZENLEAD_TURN_IDLE,    /* it asks for none */
    ZENLEAD_TURN_WAITING, /* it is in the queue */
    ZENLEAD_TURN_OFFERED, /* nothing may act before it is confirmed */
    ZENLEAD_TURN_ACTIVE,  /* it may act, until VALID_UNTIL_NS */
    ZENLEAD_TURN_ENDING   /* its end is on its way to the hub */
};

struct zenlead_turn {
    size_t size;
    int state;     /* enum zenlead_turn_state */
    int64_t token; /* the fencing token of the turn in which it may act; 0: none */
    /*
     * CLOCK_BOOTTIME; 0: not at all. Of a turn: its end, which the cluster's controller wrote as a time of its wall clock; this
     * machine's must agree with it within the smaller of 10 s and a twentieth of the turn.
     */
    int64_t valid_until_ns;
    int64_t position; /* in the queue; 0: it is in none */
    char why[256];    /* why it is where it is, for people */
};
#define ZENLEAD_TURN_INIT                                                                          \
    {                                                                                              \
        sizeof(struct zenlead_turn), 0, 0, 0, 0, ""                                                \
    }

enum zenlead_outcome {
    ZENLEAD_DONE = 1,
    ZENLEAD_FAILED = 2,  /* which may pause the fleet */
    ZENLEAD_RELEASED = 3 /* given back; nothing is counted */
};

/* All members may be NULL or 0. */
struct zenlead_options {
    size_t size;
    const char *kubeconfig; /* else $KUBECONFIG, the pod's service account, ~/.kube/config */
    const char *context;    /* of the kubeconfig; else its current one */
    const char
        *namespace_; /* of pools, Leases and locks; else $POD_NAMESPACE, the pod's, the context's */
    const char *pod; /* who we are; else $POD_NAME, and in a pod $HOSTNAME */
    const char *pod_uid; /* else $POD_UID; without it a pod is known by its name */
    int timeout_ms;      /* of the first zenlead_is_leader of a pool; else 2000 */
    /* From zenlead_dispatch alone: a pool that was asked about has another role, holder or token than was said last. */
    void (*changed)(void *ctx, const char *pool, const struct zenlead_answer *answer);
    void *ctx;
    /* The same of a fleet's turn: another state, token or position. */
    void (*turn_changed)(void *ctx, const char *fleet, const struct zenlead_turn *turn);
};
#define ZENLEAD_OPTIONS_INIT                                                                       \
    {                                                                                              \
        sizeof(struct zenlead_options), NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL          \
    }

typedef struct zenlead zenlead;                 /* opaque */
typedef struct zenlead_elector zenlead_elector; /* opaque */

/* No I/O: files are read and the API server is asked when something is first asked. OPTIONS may be NULL. */
ZENLEAD_API int zenlead_open(const struct zenlead_options *options, zenlead **out,
                             struct zenlead_error *error);
/*
 * Gives locks back, which takes up to one request for each; then ends and joins all threads, within about a second also
 * while the API server does not answer. Electors are closed before. NULL is fine.
 */
ZENLEAD_API void zenlead_close(zenlead *handle);

/*
 * Do we lead POOL? The first time the API server is asked; from then on the pool is followed, and what is known answers as long as
 * it is valid. Otherwise waits for up to TIMEOUT_MS.
 *
 * @return ZENLEAD_OK; else *ANSWER says ZENLEAD_UNKNOWN, and why
 */
ZENLEAD_API int zenlead_ask(zenlead *handle, const char *pool, int timeout_ms,
                            struct zenlead_answer *answer, struct zenlead_error *error);

/*
 * The same in one word, fail-safe:
 *   zen-lead is not installed (no CRD)     true
 *   the pod's name is not known            true
 *   this pod holds the pool's Lease        true, until the Lease's end as it was last renewed
 *   another does, or nobody, or it expired false
 *   the API server cannot be asked         false, once what was known is not valid any more
 *
 * From memory after the first call for POOL: no request, no lock, less than a microsecond.
 */
ZENLEAD_API bool zenlead_is_leader(zenlead *handle, const char *pool);

/*
 * For event loops, as with libpq: poll the descriptor for reading, then dispatch, which calls CHANGED of the options on this thread
 * and never blocks. What ends by the clock alone is not announced: the answer says when that is.
 *
 * zenlead_fd: -1 when the system had none to give. It belongs to the handle.
 */
ZENLEAD_API int zenlead_fd(const zenlead *handle);
ZENLEAD_API int zenlead_dispatch(zenlead *handle, struct zenlead_error *error);

struct zenlead_election {
    size_t size;
    const char *lease; /* the Lease to contend for; not "zen-lead-...", these are pools' */
    int lease_duration_ms, renew_deadline_ms, retry_period_ms; /* 0: 15000, 10000, 2000 */
    void (*acquired)(void *ctx, int64_t token);                /* may be NULL */
    void (*lost)(void *ctx); /* stop at once; not after zenlead_elector_close; may be NULL */
    void *ctx;
};
#define ZENLEAD_ELECTION_INIT                                                                      \
    {                                                                                              \
        sizeof(struct zenlead_election), NULL, 0, 0, 0, NULL, NULL, NULL                           \
    }

/* Take part in an election, until it is won and lost, or closed. client-go's algorithm, together with its peers. */
ZENLEAD_API int zenlead_elect(zenlead *handle, const struct zenlead_election *election,
                              zenlead_elector **out, struct zenlead_error *error);
/* Do we lead: is the renew deadline, counted from the last renewal, not over? No I/O, no lock. */
ZENLEAD_API bool zenlead_elector_holds(const zenlead_elector *elector);
/* The fencing token; 0 until it is won. */
ZENLEAD_API int64_t zenlead_elector_token(const zenlead_elector *elector);
/* Gives the Lease back. Blocks for up to one request. NULL is fine. */
ZENLEAD_API void zenlead_elector_close(zenlead_elector *elector);

/*
 * Take the lock NAME (the Lease NAME-lock), waiting for up to TIMEOUT_MS. It is kept until zenlead_unlock, as long as it
 * can be renewed: ANSWER's token belongs to every write that it protects.
 */
ZENLEAD_API int zenlead_lock(zenlead *handle, const char *name, int timeout_ms,
                             struct zenlead_answer *answer, struct zenlead_error *error);
/* ZENLEAD_E_LOST: it was not ours any more (or never was), so what was done under it may have been done beside another. */
ZENLEAD_API int zenlead_unlock(zenlead *handle, const char *name, int64_t token,
                               struct zenlead_error *error);

/*
 * What is this cluster in FLEET? The first time the API server is asked; from then on its LeaderPolicy is followed, and what is known
 * answers as long as it is valid. Otherwise waits for up to TIMEOUT_MS. Rights: get, list and watch on
 * leaderpolicies.leadership.kube-zen.io in the handle's namespace.
 *
 * @return ZENLEAD_OK; else *TURN says ZENLEAD_TURN_UNKNOWN. ZENLEAD_E_INVALID: there is no LeaderPolicy of that fleet
 */
ZENLEAD_API int zenlead_turn_ask(zenlead *handle, const char *fleet, int timeout_ms,
                                 struct zenlead_turn *turn, struct zenlead_error *error);
/* For work that is no Job: ask for a turn. Once more is no harm; a report that was made before is taken off. Needs patch. */
ZENLEAD_API int zenlead_turn_request(zenlead *handle, const char *fleet,
                                     struct zenlead_error *error);
/*
 * Where turns are accepted by hand (acceptance: Manual) or were declined: take the next one. Once more is no harm, and the word is for one
 * turn. Two requests, and needs patch.
 */
ZENLEAD_API int zenlead_turn_accept(zenlead *handle, const char *fleet,
                                    struct zenlead_error *error);
/* Take no turn until one is accepted; WHY is for people, and not empty. It ends no turn that there is. */
ZENLEAD_API int zenlead_turn_decline(zenlead *handle, const char *fleet, const char *why,
                                     struct zenlead_error *error);
/*
 * Ask for more time in the turn TOKEN, which the fleet gives at most maxExtensions times: VALID_UNTIL_NS says whether it was given. Once
 * more before that is no harm; afterwards it asks for more again.
 *
 * @return ZENLEAD_E_LOST: that turn is not, or no longer, this cluster's
 */
ZENLEAD_API int zenlead_turn_extend(zenlead *handle, const char *fleet, int64_t token,
                                    struct zenlead_error *error);
/*
 * Say how the turn TOKEN ended: OUTCOME an enum zenlead_outcome, WHY of a failure (may be NULL). Once more is no harm. ZENLEAD_RELEASED
 * with TOKEN 0 takes back what was asked for, while there is no turn yet. Two requests, and needs patch.
 *
 * @return ZENLEAD_E_LOST: that turn is not, or no longer, this cluster's
 */
ZENLEAD_API int zenlead_turn_report(zenlead *handle, const char *fleet, int64_t token, int outcome,
                                    const char *why, struct zenlead_error *error);

#ifdef __cplusplus
}
#endif

#endif
