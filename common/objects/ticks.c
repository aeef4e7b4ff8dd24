/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/ticks.h"

#include "common/base/clock.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)

static void clear_tick(struct zl_tick *tick)
{
    free(tick->job);
    free(tick->uid);
}

void zl_ticks_clear(struct zl_ticks *ticks)
{
    for (size_t i = 0; i < ticks->count; i++) {
        clear_tick(&ticks->items[i]);
    }
    free(ticks->items);
    memset(ticks, 0, sizeof *ticks);
}

void zl_ticks_copy(const struct zl_ticks *ticks, struct zl_ticks *copy)
{
    for (size_t i = 0; i < ticks->count; i++) {
        const struct zl_tick *tick = &ticks->items[i];
        zl_ticks_add(copy, tick->time_s, tick->job, tick->uid);
    }
}

const struct zl_tick *zl_ticks_find(const struct zl_ticks *ticks, int64_t time_s)
{
    for (size_t i = 0; i < ticks->count; i++) {
        if (ticks->items[i].time_s == time_s) {
            return &ticks->items[i];
        }
    }
    return NULL;
}

bool zl_ticks_allow(const struct zl_ticks *ticks, int64_t time_s, const char *uid)
{
    const struct zl_tick *tick = zl_ticks_find(ticks, time_s);
    if (tick != NULL) {
        return zl_same_string(tick->uid, uid);
    }
    return ticks->count < ZL_TICKS_MAX || time_s > ticks->items[0].time_s;
}

void zl_ticks_add(struct zl_ticks *ticks, int64_t time_s, const char *job, const char *uid)
{
    if (zl_ticks_find(ticks, time_s) != NULL) {
        return;
    }
    ticks->items = zl_realloc(ticks->items, ticks->count + 1, sizeof *ticks->items);
    size_t at = ticks->count;
    while (at > 0 && ticks->items[at - 1].time_s > time_s) {
        ticks->items[at] = ticks->items[at - 1];
        at--;
    }
    ticks->items[at] =
        (struct zl_tick){.time_s = time_s, .job = zl_strdup(job), .uid = zl_strdup(uid)};
    ticks->count++;
    if (ticks->count > ZL_TICKS_MAX) {
        clear_tick(&ticks->items[0]);
        ticks->count--;
        memmove(ticks->items, ticks->items + 1, ticks->count * sizeof *ticks->items);
    }
}

void zl_ticks_decode(const struct cJSON *list, struct zl_ticks *out)
{
    const struct cJSON *item = zl_json_first(list);
    for (; item != NULL; item = zl_json_next(item)) {
        int64_t time_us = 0;
        if (zl_time_parse(zl_json_text(item, "time", NULL), &time_us)) {
            zl_ticks_add(out, time_us / SECOND_US, zl_json_text(item, "job", NULL),
                         zl_json_text(item, "uid", NULL));
        }
    }
}

struct cJSON *zl_ticks_encode(const struct zl_ticks *ticks)
{
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < ticks->count; i++) {
        char text[ZL_TIME_TEXT_MAX];
        struct cJSON *item = zl_json_object();
        zl_time_format(ticks->items[i].time_s * SECOND_US, text);
        zl_json_set_text(item, "time", text);
        zl_json_set_text_if_any(item, "job", ticks->items[i].job);
        zl_json_set_text_if_any(item, "uid", ticks->items[i].uid);
        zl_json_append(list, item);
    }
    return list;
}
