/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/policy_spec.h"

#include "common/base/json.h"
#include "common/base/memory.h"
#include "common/base/parse.h"

#include <string.h>

enum { N_DEFAULT = 1, OFFSET_HOURS_MAX = 14 };

/* --- stages and spread --- */

/* {"tier": "canary", "region": "eu"} as "region=eu,tier=canary": in the order in which API servers store it, which is by name. */
static enum zl_status read_match(const struct cJSON *match, size_t at, struct zl_fleet_stage *out,
                                 struct zl_error *err)
{
    ZL_AUTO_FREE char *text = zl_strdup("");
    for (const struct cJSON *label = zl_json_first(match); label != NULL;
         label = zl_json_next(label)) {
        const char *value = zl_json_value_text(label);
        char *longer = zl_asprintf("%s%s%s=%s", text, text[0] != '\0' ? "," : "",
                                   zl_json_name(label), value != NULL ? value : "");
        free(text);
        text = longer;
    }
    enum zl_status status = zl_fleet_labels_check(text, sizeof out->match, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, ZL_E_INVALID, "spec.stages[%zu].match", at);
    }
    ZL_FLEET_TEXT(out->match, text);
    return ZL_OK;
}

static enum zl_status read_stage(const struct cJSON *stage, size_t at, struct zl_fleet_stage *out,
                                 struct zl_error *err)
{
    const char *soak = zl_json_text(stage, "soak", NULL);
    out->max = zl_json_i64(stage, 0, "max", NULL);
    out->approval = zl_json_bool(stage, false, "approval", NULL);
    if (out->max < 0 || out->max > ZL_FLEET_N_MAX) {
        return zl_error_set(err, ZL_E_INVALID, "spec.stages[%zu].max: must be from 1 to %d", at,
                            ZL_FLEET_N_MAX);
    }
    if (soak != NULL && !zl_parse_duration(soak, &out->soak_ms)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "spec.stages[%zu].soak: \"%.40s\" is no duration: say 30m or 1h30m", at,
                            soak);
    }
    return read_match(zl_json_at(stage, "match", NULL), at, out, err);
}

static enum zl_status read_stages(const struct cJSON *spec, struct zl_fleet_plan *out,
                                  struct zl_error *err)
{
    const struct cJSON *stages = zl_json_at(spec, "stages", NULL);
    enum zl_status status = ZL_OK;
    if (stages != NULL && zl_json_count(stages) > ZL_FLEET_STAGES_MAX) {
        return zl_error_set(err, ZL_E_INVALID, "spec.stages: more than %d",
                            (int)ZL_FLEET_STAGES_MAX);
    }
    for (const struct cJSON *stage = zl_json_first(stages); stage != NULL && status == ZL_OK;
         stage = zl_json_next(stage)) {
        status = read_stage(stage, out->stage_count, &out->stages[out->stage_count], err);
        out->stage_count++;
    }
    return status;
}

static enum zl_status read_spread(const struct cJSON *spec, struct zl_fleet_spread *out,
                                  struct zl_error *err)
{
    const struct cJSON *spread = zl_json_at(spec, "spread", NULL);
    if (spread == NULL) {
        return ZL_OK;
    }
    const char *key = zl_json_text(spread, "key", NULL);
    ZL_AUTO_FREE char *label = zl_asprintf("%s=", key != NULL ? key : "");
    enum zl_status status = zl_fleet_labels_check(label, ZL_FLEET_MATCH_MAX, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, ZL_E_INVALID, "spec.spread.key: name a label");
    }
    out->max = zl_json_i64(spread, 0, "max", NULL);
    if (out->max < 1 || out->max > ZL_FLEET_N_MAX) {
        return zl_error_set(err, ZL_E_INVALID, "spec.spread.max: must be from 1 to %d",
                            ZL_FLEET_N_MAX);
    }
    ZL_FLEET_TEXT(out->key, key);
    return ZL_OK;
}

/* --- windows --- */

static bool read_two_digits(const char *text, int64_t most, int64_t *out)
{
    ZL_AUTO_FREE char *digits = zl_strndup(text, 2);
    return strlen(digits) == 2 && zl_parse_i64(digits, 0, most, out, NULL) == ZL_OK;
}

/* "HH:MM" in minutes, up to and with HOURS:00. */
static bool read_time(const char *text, int64_t hours, int64_t *out)
{
    int64_t hour = 0, minute = 0;
    if (text == NULL || strlen(text) != 5 || text[2] != ':' ||
        !read_two_digits(text, hours, &hour) || !read_two_digits(text + 3, 59, &minute) ||
        (hour == hours && minute > 0)) {
        return false;
    }
    *out = hour * 60 + minute;
    return true;
}

static enum zl_status read_day(const char *name, size_t at, int64_t *days, struct zl_error *err)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name != NULL && strcmp(names[i], name) == 0) {
            *days |= INT64_C(1) << i;
            return ZL_OK;
        }
    }
    return zl_error_set(err, ZL_E_INVALID,
                        "spec.windows[%zu].days: \"%.40s\" is no day: say Mon, Tue, Wed, Thu, Fri, "
                        "Sat or Sun",
                        at, name != NULL ? name : "");
}

/* Names of zones need their history of clock changes, which images of one program have not. */
static bool read_zone(const char *text, int64_t *offset_min)
{
    if (text == NULL || strcmp(text, "UTC") == 0) {
        return true;
    }
    if ((text[0] != '+' && text[0] != '-') || !read_time(text + 1, OFFSET_HOURS_MAX, offset_min)) {
        return false;
    }
    *offset_min = text[0] == '-' ? -*offset_min : *offset_min;
    return true;
}

static enum zl_status read_window(const struct cJSON *window, size_t at,
                                  struct zl_fleet_window *out, struct zl_error *err)
{
    const char *from = zl_json_text(window, "from", NULL), *to = zl_json_text(window, "to", NULL);
    const char *zone = zl_json_text(window, "timeZone", NULL);
    if (!read_time(from, 24, &out->from_min) || out->from_min == ZL_FLEET_DAY_MIN) {
        return zl_error_set(err, ZL_E_INVALID,
                            "spec.windows[%zu].from: \"%.40s\": say HH:MM, 00:00 to 23:59", at,
                            from != NULL ? from : "");
    }
    if (!read_time(to, 24, &out->to_min)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "spec.windows[%zu].to: \"%.40s\": say HH:MM, 00:00 to 24:00", at,
                            to != NULL ? to : "");
    }
    if (!read_zone(zone, &out->offset_min)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "spec.windows[%zu].timeZone: \"%.40s\": say UTC or how far it is from "
                            "UTC, +02:00",
                            at, zone);
    }
    const struct cJSON *day = zl_json_first(zl_json_at(window, "days", NULL));
    enum zl_status status = ZL_OK;
    for (; day != NULL && status == ZL_OK; day = zl_json_next(day)) {
        status = read_day(zl_json_value_text(day), at, &out->days, err);
    }
    return status;
}

static enum zl_status read_windows(const struct cJSON *spec, struct zl_fleet_windows *out,
                                   struct zl_error *err)
{
    const struct cJSON *windows = zl_json_at(spec, "windows", NULL);
    enum zl_status status = ZL_OK;
    if (windows != NULL && zl_json_count(windows) > ZL_FLEET_WINDOWS_MAX) {
        return zl_error_set(err, ZL_E_INVALID, "spec.windows: more than %d",
                            (int)ZL_FLEET_WINDOWS_MAX);
    }
    for (const struct cJSON *window = zl_json_first(windows); window != NULL && status == ZL_OK;
         window = zl_json_next(window)) {
        status = read_window(window, out->count, &out->items[out->count], err);
        out->count++;
    }
    return status;
}

/* --- the whole --- */

static enum zl_status read_numbers(const struct cJSON *spec, struct zl_fleet_spec *out,
                                   struct zl_error *err)
{
    const char *duration = zl_json_text(spec, "leaseDuration", NULL);
    const char *round = zl_json_text(spec, "round", NULL);
    out->n = zl_json_i64(spec, N_DEFAULT, "maxConcurrentLeaders", NULL);
    out->max_extensions = zl_json_i64(spec, 0, "maxExtensions", NULL);
    out->max_failures = zl_json_bool(spec, false, "pauseOnError", NULL)
                            ? zl_json_i64(spec, 0, "maxFailures", NULL)
                            : -1;
    if (round == NULL) { /* a second campaign has another name */
        round = zl_json_text(spec, "observability", "annotations", "policy", NULL);
    }
    ZL_FLEET_TEXT(out->round, round);
    if (!zl_parse_duration(duration != NULL ? duration : "30m", &out->limit_ms) ||
        out->limit_ms < ZL_FLEET_LIMIT_LEAST_MS || out->limit_ms > ZL_FLEET_LIMIT_MAX_MS) {
        return zl_error_set(err, ZL_E_INVALID, "spec.leaseDuration: must be from 1s to 168h");
    }
    if (out->n < 1) {
        return zl_error_set(err, ZL_E_INVALID, "spec.maxConcurrentLeaders: must be at least 1");
    }
    if (out->max_failures < -1 || out->max_extensions < 0) {
        return zl_error_set(err, ZL_E_INVALID, "spec.%s: must not be negative",
                            out->max_extensions < 0 ? "maxExtensions" : "maxFailures");
    }
    return ZL_OK;
}

enum zl_status zl_fleet_spec_read(const struct cJSON *spec, struct zl_fleet_spec *out,
                                  struct zl_error *err)
{
    enum zl_status status = read_numbers(spec, out, err);
    if (status == ZL_OK) {
        status = read_stages(spec, &out->plan, err);
    }
    if (status == ZL_OK) {
        status = read_spread(spec, &out->plan.spread, err);
    }
    return status == ZL_OK ? read_windows(spec, &out->windows, err) : status;
}
