/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/plan.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_MAX = 63, DAY_S = 86400, DAYS = 7, EPOCH_DAY = 3 /* 1970 began on a Thursday */ };

/* --- labels --- */

/* Is PART, of LENGTH bytes, one of LABELS? */
static bool has_part(const char *labels, const char *part, size_t length)
{
    while (*labels != '\0') {
        size_t mine = strcspn(labels, ",");
        if (mine == length && strncmp(labels, part, length) == 0) {
            return true;
        }
        labels += mine + (labels[mine] == ',');
    }
    return false;
}

bool zl_fleet_labels_match(const char *labels, const char *match)
{
    while (*match != '\0') {
        size_t length = strcspn(match, ",");
        if (!has_part(labels, match, length)) {
            return false;
        }
        match += length + (match[length] == ',');
    }
    return true;
}

void zl_fleet_label_of(const char *labels, const char *key, char *out)
{
    size_t length = strlen(key);
    while (*labels != '\0') {
        size_t mine = strcspn(labels, ",");
        if (mine > length && labels[length] == '=' && strncmp(labels, key, length) == 0) {
            (void)snprintf(out, ZL_FLEET_MATCH_MAX, "%.*s", (int)mine, labels);
            return;
        }
        labels += mine + (labels[mine] == ',');
    }
    (void)snprintf(out, ZL_FLEET_MATCH_MAX, "%s=", key);
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and what EXTRA has, a letter or digit first and last. */
static bool is_word(const char *text, size_t length, const char *extra)
{
    for (size_t i = 0; i < length; i++) {
        bool inside = i > 0 && i + 1 < length && strchr(extra, text[i]) != NULL;
        if (!is_letter_or_digit(text[i]) && !inside) {
            return false;
        }
    }
    return true;
}

static enum zl_status check_part(const char *text, const char *part, size_t length,
                                 struct zl_error *err)
{
    size_t key = strcspn(part, "=");
    if (key >= length || key == 0) {
        return zl_error_set(err, ZL_E_INVALID, "\"%.*s\": say name=value", (int)length, part);
    }
    if (key >= ZL_FLEET_KEY_MAX || !is_word(part, key, "-_./")) {
        return zl_error_set(err, ZL_E_INVALID,
                            "\"%.*s\": a name is 1 to 63 letters, digits, '-', '_', '.' and '/', "
                            "a letter or digit first and last",
                            (int)length, part);
    }
    if (length - key - 1 > VALUE_MAX || !is_word(part + key + 1, length - key - 1, "-_.")) {
        return zl_error_set(err, ZL_E_INVALID,
                            "\"%.*s\": a value is at most 63 letters, digits, '-', '_' and '.', a "
                            "letter or digit first and last",
                            (int)length, part);
    }
    for (const char *at = text; at < part; at += strcspn(at, ",") + 1) {
        if (strncmp(at, part, key + 1) == 0) {
            return zl_error_set(err, ZL_E_INVALID, "\"%.*s\": the name stands there twice",
                                (int)length, part);
        }
    }
    return ZL_OK;
}

enum zl_status zl_fleet_labels_check(const char *text, size_t size, struct zl_error *err)
{
    if (strlen(text) >= size) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "together more than %zu characters", size - 1);
    }
    const char *part = text;
    while (*part != '\0') {
        size_t length = strcspn(part, ",");
        enum zl_status status = check_part(text, part, length, err);
        if (status != ZL_OK) {
            return status;
        }
        part += length;
        if (part[0] == ',' && part[1] == '\0') {
            return zl_error_set(err, ZL_E_INVALID, "nothing stands behind the last comma");
        }
        part += *part == ',';
    }
    return ZL_OK;
}

/* --- stages and spread --- */

size_t zl_fleet_stage_of(const struct zl_fleet_plan *plan, const char *labels)
{
    size_t stage = 0;
    while (stage < plan->stage_count && !zl_fleet_labels_match(labels, plan->stages[stage].match)) {
        stage++;
    }
    return stage;
}

static int compare_number(int64_t left, int64_t right)
{
    return (left > right) - (left < right);
}

static int compare_stage(const struct zl_fleet_stage *left, const struct zl_fleet_stage *right)
{
    const int orders[] = {strcmp(left->match, right->match), compare_number(left->max, right->max),
                          compare_number(left->soak_ms, right->soak_ms),
                          compare_number(left->approval, right->approval)};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (orders[i] != 0) {
            return orders[i];
        }
    }
    return 0;
}

/* The stricter one is less. */
static int compare_plan(const struct zl_fleet_plan *left, const struct zl_fleet_plan *right)
{
    int order = compare_number((int64_t)right->stage_count, (int64_t)left->stage_count);
    const bool spreads = left->spread.key[0] != '\0';
    if (order == 0) {
        order = compare_number(right->spread.key[0] != '\0', spreads);
    }
    if (order == 0) {
        order = compare_number(left->spread.max, right->spread.max);
    }
    for (size_t i = 0; i < left->stage_count && order == 0; i++) {
        order = compare_stage(&left->stages[i], &right->stages[i]);
    }
    return order != 0 ? order : strcmp(left->spread.key, right->spread.key);
}

bool zl_fleet_plan_is_same(const struct zl_fleet_plan *left, const struct zl_fleet_plan *right)
{
    return compare_plan(left, right) == 0;
}

bool zl_fleet_plan_is_stricter(const struct zl_fleet_plan *plan, const struct zl_fleet_plan *than)
{
    return compare_plan(plan, than) < 0;
}

/* --- windows --- */

/* A window over midnight is of the day that it began on. */
static bool is_open(const struct zl_fleet_window *window, int64_t now_s)
{
    const int64_t local_s = now_s + window->offset_min * 60;
    const int64_t day = local_s / DAY_S, minute = local_s % DAY_S / 60;
    const bool over_midnight = window->to_min <= window->from_min;
    const bool of_today = minute >= window->from_min && (over_midnight || minute < window->to_min);
    const bool of_yesterday = over_midnight && minute < window->to_min;
    const int64_t today = (day + EPOCH_DAY) % DAYS, yesterday = (today + DAYS - 1) % DAYS;
    const int64_t days = window->days != 0 ? window->days : (1 << DAYS) - 1;
    return (of_today && (days >> today & 1) != 0) || (of_yesterday && (days >> yesterday & 1) != 0);
}

bool zl_fleet_windows_are_open(const struct zl_fleet_windows *windows, int64_t now_s)
{
    bool open = windows->count == 0;
    for (size_t i = 0; i < windows->count && !open; i++) {
        open = is_open(&windows->items[i], now_s);
    }
    return open;
}
