/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet_world.h - a hub, two arbiters and some clusters in simulated time, with faults; and a checker that knows nothing of
 * how they decide: it looks at what the hub stored, and at who acts.
 *
 * Threads: one.
 */
#ifndef ZL_TEST_FLEET_WORLD_H
#define ZL_TEST_FLEET_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct zl_world_faults {
    bool stale;      /* the second arbiter's view is up to two minutes old */
    bool crashes;    /* arbiters die between two writes */
    bool restarts;   /* members' processes die */
    bool partitions; /* members are cut off for up to three minutes */
    bool outages;    /* the hub is down for up to three minutes */
    bool failures;   /* some turns fail, some never end */
    bool n_changes;  /* N goes up and down */
    bool restores;   /* the hub is restored from a backup */
    bool
        forgetting; /* arbiters die with it, a cluster is not heard for long, and arbiters' wall clocks are wrong by ten minutes */
};

struct zl_world_result {
    int turns;       /* that were acted in */
    int most_acting; /* at one moment */
    int pauses, expiries, late, restores, declined;
    int least_turns; /* of one cluster */
    int64_t
        served_ms; /* how long after the faults it took until each cluster had another turn; -1: it did not */
    char violation[256]; /* the first broken promise; "" when all were kept */
};

/* MINUTES with FAULTS, then calm until each cluster had another turn. */
struct zl_world_result zl_world_run(uint64_t seed, int clusters, int n, int minutes,
                                    const struct zl_world_faults *faults);

#endif
