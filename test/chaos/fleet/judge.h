/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - is what a fleet's hub shows, revision by revision, what docs/fleet.md promises?
 *
 * It reads the JSON of the Leases as people do and knows nothing of how the programs decide. It is given every revision in
 * the order in which etcd stored them, and the workers' stamps: when work began in a cluster, and when it ended. A stamp that came
 * before a revision is given before it.
 *
 * I1 no swap of the ledger gives a slot when N are taken, nor in a pause or after a restoration; none stays offered in a pause
 * I2 who acts has a slot: none is given, and none ends, beside an act that the ledger does not have
 * I3 a token goes to one cluster, once, and is larger than all before it, over restorations, too
 * I4 nobody is passed over who could act: a ticket, a want and a heartbeat that were there for so long
 * I5 an end that is a failure counts in the swap that ends it; a done never does
 *
 * Times are CLOCK_MONOTONIC ms. Threads: one at a time.
 */
#ifndef ZL_TEST_CHAOS_FLEET_JUDGE_H
#define ZL_TEST_CHAOS_FLEET_JUDGE_H

#include "common/base/json.h"

struct zl_fleet_judge; /* opaque */

struct zl_fleet_judge_spec {
    int64_t rate;        /* how many times as fast the programs' clocks go */
    int64_t patience_ms; /* I4: how old the view may be that decided */
    void (*violation)(void *ctx, const char *rule, const char *sentence);
    void *ctx;
};

struct zl_fleet_judge *zl_fleet_judge_new(const struct zl_fleet_judge_spec *spec);
void zl_fleet_judge_free(struct zl_fleet_judge *judge);

/* One Lease's annotation of the pool; NULL: it is gone. */
void zl_fleet_judge_ledger(struct zl_fleet_judge *judge, int64_t at_ms, const struct cJSON *ledger);
void zl_fleet_judge_turn(struct zl_fleet_judge *judge, int64_t at_ms, const char *cluster,
                         const struct cJSON *turn);
void zl_fleet_judge_member(struct zl_fleet_judge *judge, int64_t at_ms, const char *cluster,
                           int64_t period_ms, const struct cJSON *request);

/* Work begins, which its clock ends at UNTIL_MS. */
void zl_fleet_judge_begins(struct zl_fleet_judge *judge, const char *cluster, int64_t token,
                           int64_t at_ms, int64_t until_ms);
/* OUTCOME: "done", "failed", "released"; "stopped": nothing is reported of it. */
void zl_fleet_judge_ends(struct zl_fleet_judge *judge, const char *cluster, int64_t token,
                         int64_t at_ms, const char *outcome);

/* The hub is an older one from here on: what comes next is what it has. Tokens and acts are not forgotten. */
void zl_fleet_judge_restored(struct zl_fleet_judge *judge);
/* A calm begins: which clusters have not ended a turn as done since, and how many are they? */
void zl_fleet_judge_calm(struct zl_fleet_judge *judge);
size_t zl_fleet_judge_unsettled(const struct zl_fleet_judge *judge, char *names, size_t size);
/* Nothing will come any more: what is still open? */
void zl_fleet_judge_finish(struct zl_fleet_judge *judge);

struct zl_fleet_tally {
    int64_t ledgers, turns, members; /* revisions */
    int64_t offers, grants, done, failed, expired, late, released, adopted;
    int64_t acts, most_acting, most_active, restored, pauses;
};
struct zl_fleet_tally zl_fleet_judge_tally(const struct zl_fleet_judge *judge);

#endif
