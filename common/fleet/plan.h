/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - which clusters take their turns before others, beside which others, and when: stages, spread and windows.
 *
 * Clusters are told apart by labels: "region=eu,tier=canary", in any order, each name once. A stage is a match of them, each part
 * of which a cluster has to have; a cluster is of the first stage that it matches, and of the rest, behind all stages, when it
 * matches none.
 *
 * Threads: pure.
 */
#ifndef ZL_FLEET_PLAN_H
#define ZL_FLEET_PLAN_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZL_FLEET_STAGES_MAX = 8, ZL_FLEET_WINDOWS_MAX = 8, ZL_FLEET_DAY_MIN = 24 * 60 };
#define ZL_FLEET_MATCH_MAX 128 /* with the NUL, as all of these */
#define ZL_FLEET_LABELS_MAX 256
#define ZL_FLEET_KEY_MAX 64

struct zl_fleet_stage {
    char match[ZL_FLEET_MATCH_MAX]; /* "": all clusters */
    int64_t max;                    /* of its clusters act at once; 0: as many as N allows */
    int64_t soak_ms;                /* after its last turn, before the next stage opens */
    bool approval;                  /* a person opens it */
};

/* How many clusters with the same value of a label act at once. */
struct zl_fleet_spread {
    char key[ZL_FLEET_KEY_MAX]; /* "": no spread */
    int64_t max;
};

struct zl_fleet_plan {
    struct zl_fleet_stage stages[ZL_FLEET_STAGES_MAX];
    size_t stage_count;
    struct zl_fleet_spread spread;
};

/* When turns may begin: from FROM_MIN to before TO_MIN of DAYS, minutes of a day; over midnight when TO is not after FROM. */
struct zl_fleet_window {
    int64_t days; /* bits, 1 is Monday; 0: all */
    int64_t from_min, to_min;
    int64_t offset_min; /* of its clock, east of UTC */
};

struct zl_fleet_windows {
    struct zl_fleet_window items[ZL_FLEET_WINDOWS_MAX];
    size_t count;
};

/* Has LABELS each part of MATCH? */
bool zl_fleet_labels_match(const char *labels, const char *match);
/* The part of LABELS with KEY, "region=eu", into OUT of ZL_FLEET_MATCH_MAX bytes; "region=" when there is none. */
void zl_fleet_label_of(const char *labels, const char *key, char *out);
/*
 * Check TEXT, "name=value,...": names and values as Kubernetes has them, each name once.
 *
 * @param size  of the room for it, with the NUL
 * @return ZL_OK, or ZL_E_INVALID, ZL_E_TOO_LARGE with what is wrong
 */
enum zl_status zl_fleet_labels_check(const char *text, size_t size,
                                     struct zl_error *err) ZL_MUST_CHECK;

/* Of a cluster with LABELS: an index; stage_count: the rest. */
size_t zl_fleet_stage_of(const struct zl_fleet_plan *plan, const char *labels);
bool zl_fleet_plan_is_same(const struct zl_fleet_plan *left, const struct zl_fleet_plan *right);
/* Where clusters do not say the same: more stages, then a spread, then the smaller one; then either, always the same. */
bool zl_fleet_plan_is_stricter(const struct zl_fleet_plan *plan, const struct zl_fleet_plan *than);

/* May a turn begin at NOW_S, seconds since 1970? Without windows always. */
bool zl_fleet_windows_are_open(const struct zl_fleet_windows *windows, int64_t now_s);

#endif
