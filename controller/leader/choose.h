/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose.h - who leads a standby pool or an annotated Service: the one choice, a pure function.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_CHOOSE_H
#define ZL_CONTROLLER_LEADER_CHOOSE_H

#include "common/objects/service.h"
#include "common/seat/judge.h"

struct zl_choice_rules {
    bool sticky; /* a leader that can lead keeps leading */
    enum zl_preference prefers;
    const char *
        lost_node; /* with ZL_PREFER_OTHER_NODE: where the last leader is or was; NULL: not known */
    int64_t failover_delay_ms; /* so long a leader that is merely not Ready is waited for */
    int64_t unready_ms;        /* for how long it has been seen so; needed with FAILOVER_DELAY_MS */
    int64_t min_ready_ms;      /* so long must a pod have been Ready before it becomes the leader */
    const int64_t *
        ready_ms; /* how long each has been seen Ready (view/ready_clock.h); needed with MIN_READY_MS */
};

struct zl_choice {
    const struct zl_pod *leader; /* NULL: none can lead. Perhaps not Ready: it is waited for */
    int64_t recheck_ms;          /* look again then: a pod that must still wait may lead; 0: none */
};

/* Ready, not on its way out, not over, and with an address. */
bool zl_can_lead(const struct zl_pod *pod);
/* On its way out, not over, and with an address: while nobody replaces it, traffic to it is shown as what it is. */
bool zl_is_leaving(const struct zl_pod *pod);

/* Not Ready, and nothing else is the matter with it: it may come back. */
bool zl_may_recover(const struct zl_pod *pod);

/*
 * The leader among PODS: the current one while it can lead (sticky), else the one that is preferred. Without a preference
 * that is the one that is Ready longest (then the oldest, then by name).
 *
 * @param current_uid  who leads now; NULL: nobody
 */
struct zl_choice zl_choose_leader(const struct zl_pod *const *pods, size_t count,
                                  const char *current_uid, const struct zl_choice_rules *rules);

#endif
