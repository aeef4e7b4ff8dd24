/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.h - what a person does to a fleet's ledger, and how it reads.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_FLEET_EDIT_H
#define ZL_CLIENT_FLEET_EDIT_H

#include "common/base/error.h"
#include "common/fleet/fleet.h"

#include <stdio.h>

struct zl_fleet_edit {
    const char *by, *reason;           /* of a pause */
    int64_t pause_id;                  /* of a resumption; 0: none was named */
    bool after_restore;                /* end the hold of a restored hub */
    bool force;                        /* open a stage although the one before is not over */
    int64_t n, limit_ms, max_failures; /* of a setting; -2: as it is */
    const char *round;                 /* NULL: as it is */
    bool by_clusters;                  /* what the clusters' LeaderPolicies say counts again */
    int64_t now_s;
};

/* Change LEDGER. ZL_E_INVALID: why not, and what to do; LEDGER is unchanged then. */
typedef enum zl_status zl_fleet_edit_fn(const struct zl_fleet_edit *edit,
                                        struct zl_fleet_ledger *ledger, struct zl_error *err);
zl_fleet_edit_fn zl_fleet_edit_pause, zl_fleet_edit_resume, zl_fleet_edit_set;
zl_fleet_edit_fn zl_fleet_edit_approve; /* open the next stage */
zl_fleet_edit_fn zl_fleet_edit_retry;   /* failed and skipped ones of the round go again */

void zl_fleet_print_status(const char *pool, const struct zl_fleet_ledger *ledger, FILE *out);
void zl_fleet_print_history(const char *pool, const struct zl_fleet_ledger *ledger, FILE *out);

#endif
