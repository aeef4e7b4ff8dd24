/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h - what the page shows: rows by their keys, each a JSON text, and what has changed since a reader looked last.
 *
 * Each change has a number, which grows. A reader who knows the changes up to a number is told of the rows that are newer, and of those
 * that went; one who knows too little is given all of it.
 *
 * Threads: a board belongs to who has its lock.
 */
#ifndef ZL_CLIENT_DASHBOARD_BOARD_H
#define ZL_CLIENT_DASHBOARD_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

struct zl_board; /* opaque */
struct zl_board *zl_board_new(void);
void zl_board_free(struct zl_board *board); /* NULL is fine */

/* The row KEY becomes ROW (taken). @return false: it says that already, and nothing has changed */
bool zl_board_put(struct zl_board *board, const char *key, struct cJSON *row);
/* @return false: there is no such row */
bool zl_board_drop(struct zl_board *board, const char *key);
/* How many rows there are. */
size_t zl_board_count(const struct zl_board *board);
/* The number of the last change; 0: there was none. */
int64_t zl_board_last(const struct zl_board *board);

/*
 * What changed after SEEN (0: nothing is known) as one JSON object in one line:
 *
 *     {"now": milliseconds since 1970, "number": N, "whole": all that is not set is not there,
 *      "set": {key: row}, "drop": [key]}
 *
 * @return the caller frees; SEEN becomes the number
 */
char *zl_board_tell(const struct zl_board *board, int64_t *seen, int64_t now_ms);

#endif
