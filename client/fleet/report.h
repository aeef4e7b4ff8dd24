/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - work in a cluster that is no Job asks for its cluster's turn, and says how it ended.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_FLEET_REPORT_H
#define ZL_CLIENT_FLEET_REPORT_H

#include "common/kube/client.h"

#include <stdio.h>

enum zl_fleet_wish_kind {
    ZL_WISH_REQUEST,
    ZL_WISH_DONE,
    ZL_WISH_FAILED,
    ZL_WISH_ACCEPT,
    ZL_WISH_DECLINE,
    ZL_WISH_EXTEND
};

struct zl_fleet_report_wish {
    enum zl_fleet_wish_kind kind;
    int64_t token;      /* 0: of the turn that status shows */
    const char *reason; /* of a failure, or of declining */
};

/* Write it to the LeaderPolicy of POOL in NAMESPACE_. ZL_E_NOT_FOUND: there is none, or no turn to report of. */
enum zl_status zl_fleet_report_write(struct zl_kube_client *client, const char *namespace_,
                                     const char *pool, const struct zl_fleet_report_wish *wish,
                                     FILE *out, struct zl_error *err) ZL_MUST_CHECK;

#endif
