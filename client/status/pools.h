/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.h - what is to be said of a pool, as one JSON object whose field names never change.
 *
 *     namespace, pool, followerMode, phase, leader, leaderUid, token, since, leaseSeconds, candidates, blocked, waiting,
 *     executing, successor, transitions, ready, armed, why
 *
 * Text that is not known is null. token: of the leader; without one the last that was given. leaseSeconds: until the Lease
 * ends, by the clocks of its writer and of this machine; negative when it has ended; null: there is none, or it may not be read.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_POOLS_H
#define ZL_CLIENT_POOLS_H

#include "common/base/json.h"
#include "common/seat/lease.h"

#include <stdio.h>

/*
 * LEASE may be NULL. The caller frees.
 *
 * @param now_us  0: nothing that passes with time, no leaseSeconds and no ages: who shows the row counts by itself
 */
struct cJSON *zl_pool_describe(const struct zl_policy *policy, const struct zl_lease *lease,
                               int64_t now_us);

#define ZL_AGE_TEXT_MAX 24
/* "45s", "3m", "17h", "12d": never more than four characters for what lives less than three years. */
void zl_age_format(int64_t seconds, char out[ZL_AGE_TEXT_MAX]);

struct zl_table {
    FILE *out;
    bool with_namespace, wide;
    int64_t now_us;
};
/* The heads, and each pool of ROWS (described as above) in a line. A column is as wide as what it holds. */
void zl_pools_print_table(const struct zl_table *table, const struct cJSON *rows, bool with_heads);

/* TREE in YAML's block style; each text is quoted, so that none is taken for something else. */
void zl_yaml_print(FILE *out, const struct cJSON *tree);

#endif
