/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_internal.h - what a judge knows: shared by the part that hears what is told, asked and stamped (judge.c) and the one that
 * looks at each swap of the ledger (judge_ledger.c).
 *
 * Threads: as judge.h.
 */
#ifndef ZL_TEST_CHAOS_FLEET_JUDGE_INTERNAL_H
#define ZL_TEST_CHAOS_FLEET_JUDGE_INTERNAL_H

#include "common/base/hash.h"
#include "test/chaos/fleet/judge.h"

#include <stdio.h>

enum { CLUSTERS_MAX = 256, SLOTS_MAX = 256, NAME_MAX_ = 64, PERIODS = 2 };

struct slot {
    char cluster[NAME_MAX_];
    int64_t token;
    bool active;
};

/* What the last revision of the ledger says. */
struct ledger {
    bool known, paused, restored;
    int64_t n, last_token, next_ticket, failures;
    char round[NAME_MAX_];
    struct slot slots[SLOTS_MAX];
    size_t count;
};

struct cluster {
    char name[NAME_MAX_];
    /* turn.<cluster> */
    char state[16], outcome[16], round[NAME_MAX_];
    int64_t ticket, turns, token, gen, ended, declines, told_ms;
    /* member.<cluster> */
    char verb[16];
    int64_t nonce, report, asked_ms, wrote_ms, live_ms, period_ms;
    /* by the worker's stamps */
    int64_t act, until_ms; /* 0: it does not act */
    bool settled;          /* it ended a turn as done in this calm */
};

/* Every token that was ever seen. */
struct token {
    int64_t token;
    char cluster[NAME_MAX_];
    bool seen;        /* the ledger had it */
    bool granted;     /* as Active */
    bool begun;       /* a worker acted in it */
    char outcome[16]; /* that the worker reported; "": none */
    UT_hash_handle hh;
};

struct zl_fleet_judge {
    struct zl_fleet_judge_spec spec;
    struct ledger ledger;
    struct cluster clusters[CLUSTERS_MAX];
    size_t cluster_count;
    struct token *tokens;
    int64_t largest; /* token */
    bool old;        /* what comes is what a restored hub has: nobody has decided it now */
    struct zl_fleet_tally tally;
};

__attribute__((format(printf, 3, 4))) void
zl_fleet_violation(struct zl_fleet_judge *judge, const char *rule, const char *format, ...);

/* Made when it is not there. */
struct cluster *zl_fleet_cluster_of(struct zl_fleet_judge *judge, const char *name);
/* NULL: it was never seen. */
struct token *zl_fleet_token_of(struct zl_fleet_judge *judge, int64_t number);
struct token *zl_fleet_token_add(struct zl_fleet_judge *judge, int64_t number, const char *cluster);
bool zl_fleet_acts(const struct cluster *cluster, int64_t at_ms);

/* Cut where it does not fit; NULL: "". */
#define COPY(field, text) ((void)snprintf(field, sizeof(field), "%s", (text) != NULL ? (text) : ""))

#endif
