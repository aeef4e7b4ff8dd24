/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - the words of a fleet: what the ledger, a cluster's turn and a cluster's requests hold.
 *
 * All stand in annotations of Leases on the hub. Names have fixed room, so that these are plain values: a cluster's and a
 * pool's are at most 63 bytes (a pool's is the value of a label), a round's is cut there. Times are milliseconds or, with
 * _s, seconds since 1970. Tokens, tickets and nonces are whole numbers below 2^53, which JSON keeps; 0 stands for none.
 *
 * Threads: plain data.
 */
#ifndef ZL_FLEET_FLEET_H
#define ZL_FLEET_FLEET_H

#include "common/fleet/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZL_FLEET_NAME_MAX 64 /* with the NUL */
#define ZL_FLEET_UID_MAX 64
#define ZL_FLEET_TEXT_MAX 160 /* what a person reads; longer text is cut */
#define ZL_FLEET_NUMBER_MAX ((INT64_C(1) << 53) - 1)

/* Annotations and names of the Leases: <prefix><pool or cluster>. */
#define ZL_FLEET_LEDGER_KEY "zen-lead.io/fleet"
#define ZL_FLEET_TURN_KEY "zen-lead.io/turn"
#define ZL_FLEET_MEMBER_KEY "zen-lead.io/member"
#define ZL_FLEET_REBOOTS_KEY "zen-lead.io/reboots"
#define ZL_FLEET_LEDGER_PREFIX "fleet."
#define ZL_FLEET_TURN_PREFIX "turn."
#define ZL_FLEET_MEMBER_PREFIX "member."
#define ZL_FLEET_REBOOTS_PREFIX "reboots."
#define ZL_FLEET_ARBITER_LEASE "zen-fleet-arbiter"
/* What is said of a cluster that gets no turn, as zen-lead doctor knows it again. */
#define ZL_FLEET_WHY_DUPLICATE "two clusters use this name"
#define ZL_FLEET_WHY_RESTORED "the hub was restored from a backup"
#define ZL_FLEET_NAMESPACE "zen-fleet"

enum {
    ZL_FLEET_N_MAX = 2000,     /* a ledger's annotations end at 256 KiB */
    ZL_FLEET_SHOWN_MAX = 256,  /* of queue and history, which people read; of failed tokens */
    ZL_FLEET_POOLS_MAX = 32,   /* of one cluster */
    ZL_FLEET_TICKETS_MAX = 64, /* given out by one swap */
};
#define ZL_FLEET_LIMIT_LEAST_MS INT64_C(1000)
#define ZL_FLEET_LIMIT_MAX_MS (INT64_C(7) * 24 * 3600 * 1000)

/* What a holder does not use of its limit, because clocks run at rates that differ by up to 1 %. */
int64_t zl_fleet_margin_ms(int64_t limit_ms);
/* What the arbiter waits beyond a limit before the turn has expired. */
int64_t zl_fleet_grace_ms(int64_t limit_ms);

enum zl_fleet_state {
    ZL_FLEET_IDLE,
    ZL_FLEET_WAITING,
    ZL_FLEET_OFFERED,
    ZL_FLEET_ACTIVE,
};

enum zl_fleet_outcome {
    ZL_FLEET_NO_OUTCOME,
    ZL_FLEET_DONE,
    ZL_FLEET_FAILED,
    ZL_FLEET_RELEASED,
    ZL_FLEET_EXPIRED,
    ZL_FLEET_DONE_LATE, /* it had expired, and was done all the same */
};

enum zl_fleet_verb {
    ZL_FLEET_NOTHING, /* it wants no turn (any more) */
    ZL_FLEET_WANT,    /* TOKEN: the ended turn that this one follows */
    ZL_FLEET_ACCEPT,  /* TOKEN: of the offer */
    ZL_FLEET_DECLINE,
    ZL_FLEET_RESUME, /* the turn's process is new */
    ZL_FLEET_EXTEND,
    ZL_FLEET_CLAIM, /* the hub has forgotten a turn that this process acts in */
};

/* --- the ledger of one pool --- */

/* One slot that is taken. */
struct zl_fleet_entry {
    char cluster[ZL_FLEET_NAME_MAX], uid[ZL_FLEET_UID_MAX], round[ZL_FLEET_NAME_MAX];
    bool active; /* else it is an offer; GEN 0 then */
    int64_t token, gen;
    int64_t answers; /* the nonce of the request that made GEN */
    int64_t limit_ms;
    int64_t elapsed_ms; /* of GEN; a lower bound */
    int64_t extensions;
    int64_t stage;                   /* of its cluster; the first is 0 */
    char spread[ZL_FLEET_MATCH_MAX]; /* the label by which it is spread: "region=eu"; "": by none */
};

/* A place in the queue that is reserved, and perhaps not yet told. */
struct zl_fleet_ticket {
    char cluster[ZL_FLEET_NAME_MAX];
    int64_t ticket;
    int64_t nonce; /* of the want */
};

struct zl_fleet_ending {
    char cluster[ZL_FLEET_NAME_MAX], round[ZL_FLEET_NAME_MAX];
    int64_t token, at_s;
    enum zl_fleet_outcome outcome;
};

struct zl_fleet_pause {
    int64_t id; /* 0: not paused */
    int64_t since_s;
    char by[ZL_FLEET_NAME_MAX], reason[ZL_FLEET_TEXT_MAX];
};

/* WAITING is now; the others are of the ledger's round. */
struct zl_fleet_counts {
    int64_t waiting, done, failed, released, late;
};

/* How far the stages are in ROUND. */
struct zl_fleet_progress {
    char round[ZL_FLEET_NAME_MAX];
    int64_t open;   /* so many stages are; the rest, behind all of them, is one more */
    int64_t over_s; /* since when all of its clusters have had their turn; 0: they have not */
};

struct zl_fleet_ledger {
    int64_t n, limit_ms, max_extensions;
    int64_t max_failures; /* -1: no failure pauses */
    char round[ZL_FLEET_NAME_MAX];
    bool set;          /* a person did: what the clusters' specs say does not count */
    bool spec_differs; /* they do not say the same */
    struct zl_fleet_plan plan;
    struct zl_fleet_progress progress;
    int64_t retry_token; /* turns up to it that failed in this round are taken again */
    struct zl_fleet_pause pause;
    int64_t last_pause;                           /* the largest id so far */
    int64_t restored_s, hold_ms, restored_serial; /* restored_serial 0: not restored */
    int64_t last_restored;
    int64_t failed[ZL_FLEET_SHOWN_MAX]; /* tokens */
    size_t failed_count;
    int64_t last_token, next_ticket;
    struct zl_fleet_counts counts;
    /* Owned. */
    struct zl_fleet_entry *active; /* in order of their clusters' names */
    size_t active_count;
    struct zl_fleet_ticket *tickets;
    size_t ticket_count;
    char (*queue)[ZL_FLEET_NAME_MAX];
    size_t queue_count;
    struct zl_fleet_ending *history; /* the oldest first */
    size_t history_count;
};

/* --- what one cluster is told of one pool --- */

struct zl_fleet_turn {
    char pool[ZL_FLEET_NAME_MAX], round[ZL_FLEET_NAME_MAX], uid[ZL_FLEET_UID_MAX];
    enum zl_fleet_state state;
    int64_t ticket;
    int64_t turns; /* that ended in ROUND; one that is taken again does not count */
    int64_t done;  /* of them, those that ended well */
    int64_t token, gen, limit_ms, answers;
    int64_t ended_token;
    enum zl_fleet_outcome outcome; /* of ENDED_TOKEN */
    int64_t declines;              /* offers in a row that came to nothing */
    int64_t retried;               /* the turn that this cluster is to take again */
    int64_t witnessed;             /* the mark of the member that was heard */
    int64_t position;              /* in the queue when it was last told; 0: unknown */
    char why[ZL_FLEET_TEXT_MAX];   /* why it is passed over; "": it is not */
};

struct zl_fleet_turns {
    struct zl_fleet_turn *items; /* owned */
    size_t count;
};

/* --- what one cluster asks for --- */

/* As the cluster's own LeaderPolicy has it. */
struct zl_fleet_spec {
    int64_t n, limit_ms, max_failures, max_extensions;
    char round[ZL_FLEET_NAME_MAX];
    struct zl_fleet_plan plan;
    struct zl_fleet_windows windows; /* this cluster's alone */
};

struct zl_fleet_report {
    int64_t token;
    enum zl_fleet_outcome outcome;
    char reason[ZL_FLEET_TEXT_MAX];
};

/* Of one pool. */
struct zl_fleet_request {
    char pool[ZL_FLEET_NAME_MAX];
    enum zl_fleet_verb verb;
    int64_t nonce, token;
    int64_t gen, rest_ms;           /* of a claim */
    char reason[ZL_FLEET_TEXT_MAX]; /* of a decline */
    struct zl_fleet_report report;  /* the last one; it stays */
    int64_t seen_token;             /* the largest that it saw */
    struct zl_fleet_spec spec;
};

struct zl_fleet_member {
    char cluster_uid[ZL_FLEET_UID_MAX];
    int64_t beat;      /* grows with each write */
    int64_t period_ms; /* how often it beats */
    int64_t mark;      /* a nonce: it found its Lease older than it had written it; 0: it did not */
    char labels[ZL_FLEET_LABELS_MAX]; /* "region=eu,tier=canary" */
    struct zl_fleet_request *items;   /* owned */
    size_t count;
};

/* A deep copy; the caller frees with zl_fleet_ledger_free. */
struct zl_fleet_ledger *zl_fleet_ledger_copy(const struct zl_fleet_ledger *ledger);
void zl_fleet_ledger_clear(struct zl_fleet_ledger *ledger);
void zl_fleet_ledger_free(struct zl_fleet_ledger *ledger); /* NULL is fine */
/* The entry of CLUSTER; NULL: it has none. */
struct zl_fleet_entry *zl_fleet_entry_of(const struct zl_fleet_ledger *ledger, const char *cluster);
/* A cluster has one at most: there must be none of ENTRY's. */
void zl_fleet_entry_add(struct zl_fleet_ledger *ledger, const struct zl_fleet_entry *entry);
/* Bring them into their order. */
void zl_fleet_entries_sort(struct zl_fleet_ledger *ledger);
void zl_fleet_entry_remove(struct zl_fleet_ledger *ledger, const char *cluster);
bool zl_fleet_has_failed(const struct zl_fleet_ledger *ledger, int64_t token);
/* Begin ROUND, if it is another one: its counts and stages begin anew. */
void zl_fleet_begin_round(struct zl_fleet_ledger *ledger, const char *round);
/* Open the next stage. */
void zl_fleet_open_stage(struct zl_fleet_ledger *ledger);
/* Pause it, or give the pause that stands a new id; offers are withdrawn in the same swap. */
void zl_fleet_pause(struct zl_fleet_ledger *ledger, const char *by, const char *reason,
                    int64_t now_s);
/* End the pause ID. false: it is not the one that stands, and nothing is changed. */
bool zl_fleet_resume(struct zl_fleet_ledger *ledger, int64_t id);

void zl_fleet_turns_clear(struct zl_fleet_turns *turns);
/* Of POOL; NULL: nothing was told. */
const struct zl_fleet_turn *zl_fleet_turn_of(const struct zl_fleet_turns *turns, const char *pool);
/* In the place of what was told of TURN's pool. */
void zl_fleet_turn_put(struct zl_fleet_turns *turns, const struct zl_fleet_turn *turn);
void zl_fleet_member_clear(struct zl_fleet_member *member);
/* Do they say the same, but for the beat? */
bool zl_fleet_member_is_same(const struct zl_fleet_member *left,
                             const struct zl_fleet_member *right);
const struct zl_fleet_request *zl_fleet_request_of(const struct zl_fleet_member *member,
                                                   const char *pool);
void zl_fleet_request_put(struct zl_fleet_member *member, const struct zl_fleet_request *request);

/* Did TURN answer REPORT for good? */
bool zl_fleet_is_answered(const struct zl_fleet_report *report, const struct zl_fleet_turn *turn);
/* Can a cluster or a pool have this name: an RFC 1123 label or subdomain of up to 63 bytes? */
bool zl_fleet_name_is_valid(const char *name);
/* TEXT into a field of SIZE bytes, cut at a whole character. NULL: "". */
void zl_fleet_text(char *out, size_t size, const char *text);
#define ZL_FLEET_TEXT(field, text) zl_fleet_text(field, sizeof(field), text)

/* The words of JSON and of people: "Idle", "Done", "want". */
const char *zl_fleet_state_name(enum zl_fleet_state state);
const char *zl_fleet_outcome_name(enum zl_fleet_outcome outcome);
const char *zl_fleet_verb_name(enum zl_fleet_verb verb);

#endif
