/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - one budget of bytes for what a process has under way: texts that are kept, and the trees that are made of
 * them. Like the heap that it guards there is one of them in a process.
 *
 * It has lanes, so that nobody's large requests hold up what the API server says of its objects, nor other people's small
 * requests. Whoever waits in a lane may have a share of an earlier one, never of the same.
 *
 * Threads: any.
 */
#ifndef ZL_BUDGET_H
#define ZL_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

enum zl_budget_lane {
    /* Up to ZL_BUDGET_SMALL_SHARE each: there is room for one of each connection. */
    ZL_BUDGET_SMALL_REQUESTS,
    ZL_BUDGET_REQUESTS,
    /* One at a time of the largest. Small ones, of up to ZL_BUDGET_FREE_SHARE, are not counted: a thread has one. */
    ZL_BUDGET_OBJECTS,
    ZL_BUDGET_LANES,
};

/* What a text of LENGTH bytes and its tree may take. */
size_t zl_budget_of_tree(size_t length);
/* The lane of a request that needs BYTES. */
enum zl_budget_lane zl_budget_of_request(size_t bytes);

/* false: LANE has no room for BYTES now. */
bool zl_budget_try(enum zl_budget_lane lane, size_t bytes);
/* The same; blocks until there is room. More than the whole lane is cut to that. */
void zl_budget_wait(enum zl_budget_lane lane, size_t bytes);
/* Give back what was taken: the same LANE and BYTES. */
void zl_budget_give(enum zl_budget_lane lane, size_t bytes);

#endif
