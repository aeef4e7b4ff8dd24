/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticks.h - the scheduled times that Jobs of a guarded pool have used up, kept in LeaderPolicy status.
 *
 * A tick belongs to the first Job that took a turn for it, for good: written with the fencing token, before
 * the Lease names that Job's pod. Only the last ZL_TICKS_MAX are kept; what is older than all of them counts as
 * used, because nobody can tell any more.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_TICKS_H
#define ZL_OBJECTS_TICKS_H

#include "common/base/json.h"

#define ZL_TICKS_MAX 64

struct zl_tick {
    int64_t time_s; /* seconds since 1970 */
    char *job, *uid;
};

/* In order of time; {0} is a valid start. */
struct zl_ticks {
    struct zl_tick *items;
    size_t count;
};

void zl_ticks_clear(struct zl_ticks *ticks);
void zl_ticks_copy(const struct zl_ticks *ticks, struct zl_ticks *copy); /* COPY must be empty */

/* Who used TIME_S up; NULL: nobody that is known. */
const struct zl_tick *zl_ticks_find(const struct zl_ticks *ticks, int64_t time_s);
/* May the Job UID have TIME_S: is it its already, or nobody's and not too old to know? */
bool zl_ticks_allow(const struct zl_ticks *ticks, int64_t time_s, const char *uid);
/* Note that JOB used TIME_S up. Nothing changes when it is noted already. */
void zl_ticks_add(struct zl_ticks *ticks, int64_t time_s, const char *job, const char *uid);

/* The array in LeaderPolicy status: [{time, job, uid}]. */
void zl_ticks_decode(const struct cJSON *list, struct zl_ticks *out);
struct cJSON *zl_ticks_encode(const struct zl_ticks *ticks);

#endif
