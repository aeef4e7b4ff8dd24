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

enum zl_fleet_action {
    ZL_EDIT_STATUS,
    ZL_EDIT_HISTORY,
    ZL_EDIT_PAUSE,
    ZL_EDIT_RESUME,
    ZL_EDIT_SET,
    /* Of one cluster (clusters.h): no ledger is edited. */
    ZL_EDIT_ADD,
    ZL_EDIT_CREDENTIALS,
    ZL_EDIT_REMOVE,
    ZL_EDIT_RELEASE,
    /* In the cluster itself (report.h). */
    ZL_EDIT_REQUEST,
    ZL_EDIT_DONE,
    ZL_EDIT_FAILED,
    ZL_EDIT_ACTIONS, /* how many there are: no action */
};
/* ZL_EDIT_ACTIONS: there is none of that name. */
enum zl_fleet_action zl_fleet_action_named(const char *name);
bool zl_fleet_action_writes(enum zl_fleet_action action);
bool zl_fleet_action_is_of_cluster(enum zl_fleet_action action); /* clusters.h */
bool zl_fleet_action_is_report(enum zl_fleet_action action);     /* report.h */

struct zl_fleet_edit {
    enum zl_fleet_action action;
    const char *by, *reason;           /* of a pause */
    int64_t pause_id;                  /* of a resumption; 0: none was named */
    bool after_restore;                /* end the hold of a restored hub */
    int64_t n, limit_ms, max_failures; /* of a setting; -2: as it is */
    const char *round;                 /* NULL: as it is */
    bool by_clusters;                  /* what the clusters' LeaderPolicies say counts again */
    int64_t now_s;
};

/* Change LEDGER. ZL_E_INVALID: why not, and what to do; LEDGER is unchanged then. */
enum zl_status zl_fleet_edit_apply(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
                                   struct zl_error *err) ZL_MUST_CHECK;

void zl_fleet_print_status(const char *pool, const struct zl_fleet_ledger *ledger, FILE *out);
void zl_fleet_print_history(const struct zl_fleet_ledger *ledger, FILE *out);

#endif
