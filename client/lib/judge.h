/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - what is known of a pool, as an answer: the seeds' fail-safe rules.
 *
 * Times are milliseconds of zl_clock_boot_ms.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_JUDGE_H
#define ZL_CLIENT_JUDGE_H

#include "client/lib/zenlead.h"
#include "common/seat/lease.h"

/* What an answer holds for when there is no Lease that says it. */
#define ZL_LEAD_VALID_MS 15000

/* When a Lease was renewed, by our own clock: since it may have been sooner than we saw it, never later. */
struct zl_lead_renewal {
    bool known;
    int64_t renew_us;   /* what the Lease says, by its writer's clock */
    int64_t renewed_ms; /* when that was, by ours */
};
/*
 * LEASE was read by a request that left at ASKED_MS. The first time the writer's clock has to be believed, as far as it
 * makes the Lease older: WALL_US is ours.
 */
void zl_lead_note_renewal(struct zl_lead_renewal *renewal, const struct zl_lease *lease,
                          int64_t asked_ms, int64_t wall_us);

/* Of the last look. */
struct zl_lead_facts {
    const char *pod, *pod_uid;    /* ours; POD_UID may be NULL */
    const struct zl_lease *lease; /* NULL: there is none */
    bool installed;               /* only asked when nobody holds the Lease: is there a zen-lead? */
    int64_t asked_ms;             /* before the request left */
    int64_t renewed_ms;
};
void zl_lead_judge(const struct zl_lead_facts *facts, struct zenlead_answer *out);

#endif
