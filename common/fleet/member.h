/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member.h - one process of a cluster's side, for one pool: what to ask for next, and may it act?
 *
 * The limit is counted on this process' own boot clock (zl_clock_boot_ms), from before the request that the turn answers
 * left. So neither another machine's clock nor a machine that slept prolongs it.
 *
 * Threads: plain data; one thread at a time.
 */
#ifndef ZL_FLEET_MEMBER_H
#define ZL_FLEET_MEMBER_H

#include "common/fleet/fleet.h"

enum { ZL_FLEET_SENT_MAX = 4 };

/* Many clusters are given a manifest at once, and all lose the hub at once: each waits for a time of its own, up to these. */
enum {
    ZL_FLEET_JOIN_MAX_MS = 5000,
    ZL_FLEET_RECONNECT_LEAST_MS = 1000,
    ZL_FLEET_RECONNECT_MAX_MS = 60000,
};

/* What the workloads of the cluster say. */
struct zl_fleet_intent {
    bool wants;                    /* there is something that must be executed */
    bool is_ready;                 /* and it could begin now */
    const char *not_ready;         /* why not; may be NULL */
    bool extends;                  /* it asks for more time */
    enum zl_fleet_outcome outcome; /* of the turn OUTCOME_TOKEN */
    int64_t outcome_token;
    const char *reason; /* of a failure; may be NULL */
};

/* {0} is a new process that has seen nothing. */
struct zl_fleet_agent {
    struct zl_fleet_turn turn;       /* the newest that was seen; it never goes backwards */
    struct zl_fleet_request request; /* what the cluster's Lease says, or will */
    struct {
        int64_t nonce, boot_ms;
    } sent[ZL_FLEET_SENT_MAX]; /* the last requests of this process; the newest first */
    int64_t acted_until_ms;    /* how long it may act in the turn; 0: it may not */
    int64_t extension_of_gen;  /* the generation that an extension was asked for */
};

/* The process begins: OWN is what the cluster's Lease says of the pool (NULL: nothing). A report in it stays. */
void zl_fleet_agent_begin(struct zl_fleet_agent *agent, const char *pool,
                          const struct zl_fleet_request *own);
/* `turn` was seen (NULL: nothing was told). What is older than what is known changes nothing. */
void zl_fleet_agent_see(struct zl_fleet_agent *agent, const struct zl_fleet_turn *turn);
/* `turn` is older than what this process acts on: the hub was restored, and must be told (ZL_FLEET_CLAIM). */
bool zl_fleet_agent_is_forgotten(const struct zl_fleet_agent *agent,
                                 const struct zl_fleet_turn *turn, int64_t boot_ms);

/*
 * What to ask for next, into AGENT's request. A request that is asked anew has a nonce of its own and was sent at BOOT_MS,
 * read by the caller before it sends.
 *
 * @param forgotten  what zl_fleet_agent_is_forgotten said
 * @param nonce      a random number, used if a request is new
 * @return whether the request is another than before, so that it must be written now
 */
bool zl_fleet_member_next(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent,
                          bool forgotten, int64_t nonce, int64_t boot_ms);

/*
 * May the cluster act now? Only in a turn that answers a request of this very process, of which it has reported no end, and
 * until its limit less a margin has gone by since that request left. Never on an offer.
 *
 * @param until_ms  receives zl_clock_boot_ms by which all must be over; may be NULL
 */
bool zl_fleet_may_act(const struct zl_fleet_agent *agent, int64_t boot_ms, int64_t *until_ms);

/* Does something that it asked for or reported wait for an arbiter's answer? A place in the queue is one. */
bool zl_fleet_is_unanswered(const struct zl_fleet_agent *agent);

/*
 * How often a cluster is heard of, whatever the fleet's size: each minute, and each 15 s while it ACTS.
 *
 * @param asked_ms  what its LeaderPolicy asks for; larger than that it is not; 0: nothing
 */
int64_t zl_fleet_beat_ms(bool acts, int64_t asked_ms);

/*
 * Is the cluster's own Lease older than this process wrote it?
 *
 * @param wrote  the last beat that was written; 0: none yet
 * @param found  what is there now; NULL: the Lease is gone
 */
bool zl_fleet_hub_is_older(int64_t wrote, const char *cluster_uid,
                           const struct zl_fleet_member *found);

#endif
