/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.h - the reasons for which something is done to a pool or a route: one table of what the log, the metrics and the Events
 * say about each.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_APPLY_WHY_H
#define ZL_CONTROLLER_APPLY_WHY_H

#include "common/base/memory.h"

#include <stdint.h>

enum zl_why {
    /* The Lease is written: */
    ZL_WHY_NO_LEASE,            /* there is none, and pods run that it could name */
    ZL_WHY_RENEWAL,             /* its holder lives: renewed, confirmed, repaired */
    ZL_WHY_ROLLOUT,             /* successor, revisions or deposed pods have changed */
    ZL_WHY_ELECTED,             /* nobody sat in the seat, or nobody who can lead */
    ZL_WHY_LEADER_GONE,         /* emptied; */
    ZL_WHY_LEADER_OUTSIDE,      /* ... the pod lives, in another pool or none */
    ZL_WHY_TURN_OVER,           /* ... a Job's turn has ended */
    ZL_WHY_CLAIM_EXPIRED,       /* ... the claimed pod never appeared */
    ZL_WHY_CLAIM_EXPIRED_TAKEN, /* the same, and another pod lives */
    ZL_WHY_NOT_READY, /* emptied: its holder was not Ready for too long, and never leads again */
    ZL_WHY_NOT_READY_TAKEN, /* the same, and the successor may have the seat */
    ZL_WHY_HANDED_OVER,     /* the successor is Ready */
    ZL_WHY_REQUESTED,    /* somebody asked for it, and another pod of the standby pool may lead */
    ZL_WHY_REQUEST_VOID, /* somebody asked in vain: that is said, and the request cleared */
    /* A token is raised before that. */
    ZL_WHY_TOKEN,
    /* A route is written: */
    ZL_WHY_LEADS,          /* a Ready pod leads, or nobody who should be told is without one */
    ZL_WHY_NO_LEADER,      /* of a pool, none of whose pods leads Ready */
    ZL_WHY_NO_READY_POD,   /* of a Service that selects no pod that may lead */
    ZL_WHY_NO_POD,         /* of a Service that selects no pod at all */
    ZL_WHY_LEADER_AWAITED, /* of a Service whose leader is not Ready, for less than it may be */
    ZL_WHY_NOT_WANTED,     /* removed */
    /* A Job: */
    ZL_WHY_ITS_TURN,          /* resumed, woken */
    ZL_WHY_HAD_ITS_TURN,      /* resumed: it executes or is over, and still carries the mark */
    ZL_WHY_NOT_GUARDED,       /* resumed: the pool guards no Jobs (any more) */
    ZL_WHY_WAITS,             /* queued */
    ZL_WHY_RESUMED_TOO_EARLY, /* suspended again */
    ZL_WHY_DUPLICATE,         /* deleted: another Job has its scheduled time */
    ZL_WHY_DUPLICATE_OLD,     /* ... or had it, so long ago that nobody knows */
    ZL_WHY_MISSED,            /* ... startingDeadlineSeconds passed */
    /* Owners are woken: */
    ZL_WHY_SEAT_FREE,
    ZL_WHY_NEWEST_WAITS, /* the place beside the leader is free */
    ZL_WHY_NOT_GATEKEPT, /* the pool was switched to standby: what was refused until now waits */
    /* A pod is deleted: */
    ZL_WHY_SURPLUS,
    ZL_WHY_SURPLUS_OF_JOB,
    ZL_WHY_DEPOSED,          /* it lost the seat, which is empty now */
    ZL_WHY_LED_BEFORE,       /* it led before; the Event that deposed it said so */
    ZL_WHY_SUCCESSOR_FAILED, /* not Ready before the progress deadline */
    ZL_WHY_SUCCESSOR_STALE,  /* its revision is not the newest any more, or no handover is wanted */
    ZL_WHY_LEADER_OUTDATED,  /* a newer revision waits, and only one pod may run */
    ZL_WHY_ASKED_TO_GO,      /* somebody asked for another leader, and only one pod may run */
    ZL_WHY_NOBODY_WAITS,     /* the seat is taken: the mark of a wake is of no use any more */
    /* A pod is labelled, the status written. */
    ZL_WHY_ROLE,
    ZL_WHY_STATUS,
    /* Only told: */
    ZL_WHY_LEADER_ELECTED,         /* the status says so */
    ZL_WHY_ELECTED_AFTER_GONE,     /* the same, and what became of the leader before it: */
    ZL_WHY_ELECTED_AFTER_DELETION, /* it is on its way out; */
    ZL_WHY_ELECTED_AFTER_UNREADY,  /* it is not Ready */
    ZL_WHY_ARMED,
    ZL_WHY_NOT_ARMED,
    ZL_WHY_LABELS_FORBIDDEN,
    ZL_WHY_TURN_STARTED,
    ZL_WHY_POOL_IS_LED,       /* to the user of a Job beside a Deployment */
    ZL_WHY_INCOMPATIBLE,      /* something else in the namespace works against the pool */
    ZL_WHY_FOREIGN_ENDPOINTS, /* the same, of an annotated Service */
    ZL_WHY_RUNS_ON,           /* a pod of the pool ought to be gone, and may still run */
    ZL_WHY_CONTESTED,         /* somebody else resumes a Job that waits */
    ZL_WHY_ELSEWHERE,         /* another controller makes a Job's pods */
    ZL_WHY_LEFT_POOL,         /* a workload is in no pool any more */
    ZL_WHY_NO_POLICY,
    ZL_WHY_BAD_NAME, /* no Service can have the name that a route is to have */
    ZL_WHY_BAD_SERVICE,
    ZL_WHY_BAD_WISH, /* annotations of a Service that mean nothing */
    ZL_WHY_COUNT,
};

/* Each NULL: nothing is said there. */
struct zl_reason {
    const char *name;  /* in traces of tests */
    const char *log;   /* the line's message */
    const char *label; /* of the metric that counts it, which its writer knows */
    const char *event; /* the Event's reason */
    bool warning;      /* type Warning, else Normal */
    bool stands;       /* it is so at each look: told now and then */
    const char *text;  /* its message; {pod} and the like stand for struct zl_words */
};
const struct zl_reason *zl_reason_of(enum zl_why why);

/* What the message is about; borrowed, each NULL where it has none. */
struct zl_words {
    const char *pool, *pod, *other, *time, *detail;
    int64_t number;
};
/* The Event's message; the caller frees. */
char *zl_reason_text(enum zl_why why, const struct zl_words *words);

#endif
