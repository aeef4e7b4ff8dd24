/* SPDX-License-Identifier: Apache-2.0 */
/*
 * news.h - what is worth an Event on a LeaderPolicy: how this cluster's turn goes, and that the fleet is paused or resumed.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_FLEET_NEWS_H
#define ZL_CONTROLLER_FLEET_NEWS_H

#include "common/fleet/member.h"

/* What was told; {0} is a process that has told nothing. The first look tells what is so, and not what was. */
struct zl_fleet_heard {
    bool looked;
    int64_t offered, began, ended; /* the last tokens */
    enum zl_fleet_outcome outcome; /* of ENDED */
    int64_t pause;                 /* the id of the one that stands; 0: none */
};

struct zl_fleet_item {
    const char *reason; /* "TurnBegan"; a constant */
    bool warning;
    char message[2 * ZL_FLEET_TEXT_MAX];
};

enum { ZL_FLEET_NEWS_MAX = 4 }; /* in one look */

/*
 * What is news since HEARD, which is then what was told.
 *
 * @param ledger  as it was last read; NULL: never
 * @return how many of OUT are filled
 */
size_t zl_fleet_news(struct zl_fleet_heard *heard, const struct zl_fleet_agent *agent,
                     const struct zl_fleet_ledger *ledger, int64_t boot_ms,
                     struct zl_fleet_item out[ZL_FLEET_NEWS_MAX]);

#endif
