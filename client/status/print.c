/* SPDX-License-Identifier: Apache-2.0 */
#include "client/status/pools.h"

#include "common/base/clock.h"

#include <inttypes.h>

#define COLUMN_GAP 2
#define CELL_MAX 512

void zl_age_format(int64_t seconds, char out[ZL_AGE_TEXT_MAX])
{
    static const struct {
        int64_t below_s, unit_s;
        char letter;
    } rows[] = {
        {120, 1, 's'}, {2 * 3600, 60, 'm'}, {48 * 3600, 3600, 'h'}, {INT64_MAX, 86400, 'd'}};
    size_t i = 0;
    seconds = seconds > 0 ? seconds : 0; /* clocks differ */
    while (seconds >= rows[i].below_s) {
        i++;
    }
    (void)snprintf(out, ZL_AGE_TEXT_MAX, "%" PRId64 "%c", seconds / rows[i].unit_s, rows[i].letter);
}

enum cell { CELL_TEXT, CELL_NUMBER, CELL_SINCE, CELL_LEASE };

static const struct column {
    const char *head, *field;
    enum cell cell;
    bool only_wide;
} COLUMNS[] = {
    {"NAMESPACE", "namespace", CELL_TEXT, false}, /* the first: not always there */
    {"POOL", "pool", CELL_TEXT, false},
    {"LEADER", "leader", CELL_TEXT, false},
    {"TOKEN", "token", CELL_NUMBER, false},
    {"SINCE", "since", CELL_SINCE, false},
    {"LEASE", "leaseSeconds", CELL_LEASE, false},
    {"CANDIDATES", "candidates", CELL_NUMBER, false},
    {"BLOCKED", "blocked", CELL_NUMBER, false},
    {"MODE", "followerMode", CELL_TEXT, true},
    {"PHASE", "phase", CELL_TEXT, true},
    {"WAITING", "waiting", CELL_NUMBER, true},
    {"TRANSITIONS", "transitions", CELL_NUMBER, true},
    {"WHY", "why", CELL_TEXT, false}, /* the last: as long as it likes */
};
enum { COLUMN_COUNT = sizeof COLUMNS / sizeof COLUMNS[0] };

static bool is_shown(const struct zl_table *table, size_t column)
{
    return column == 0 ? table->with_namespace : !COLUMNS[column].only_wide || table->wide;
}

static void write_cell(const struct zl_table *table, const struct column *column,
                       const struct cJSON *row, char out[CELL_MAX])
{
    const struct cJSON *value = zl_json_at(row, column->field, NULL);
    const char *text = zl_json_value_text(value);
    const int64_t number = zl_json_i64(row, 0, column->field, NULL);
    int64_t since_us = 0;
    char age[ZL_AGE_TEXT_MAX] = "-";
    switch (column->cell) {
    case CELL_TEXT:
        (void)snprintf(out, CELL_MAX, "%s", text != NULL ? text : column->only_wide ? "-" : "");
        break;
    case CELL_NUMBER:
        (void)snprintf(out, CELL_MAX, "%" PRId64, number);
        break;
    case CELL_SINCE:
        if (zl_time_parse(text, &since_us)) {
            zl_age_format((table->now_us - since_us) / 1000000, age);
        }
        (void)snprintf(out, CELL_MAX, "%s", age);
        break;
    case CELL_LEASE:
        if (value != NULL && !zl_json_is_null(value) && number > 0) {
            zl_age_format(number, age);
        }
        (void)snprintf(out, CELL_MAX, "%s",
                       value != NULL && !zl_json_is_null(value) && number <= 0 ? "expired" : age);
        break;
    }
    if (out[0] == '\0' && strcmp(column->field, "leader") == 0) {
        (void)snprintf(out, CELL_MAX, "-");
    }
}

static void measure(const struct zl_table *table, const struct cJSON *rows,
                    size_t widths[COLUMN_COUNT])
{
    char cell[CELL_MAX];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        widths[i] = strlen(COLUMNS[i].head);
        for (const struct cJSON *row = zl_json_first(rows); row != NULL; row = zl_json_next(row)) {
            write_cell(table, &COLUMNS[i], row, cell);
            widths[i] = strlen(cell) > widths[i] ? strlen(cell) : widths[i];
        }
    }
}

/* ROW NULL: the heads. */
static void print_line(const struct zl_table *table, const struct cJSON *row,
                       const size_t widths[COLUMN_COUNT])
{
    char cell[CELL_MAX];
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!is_shown(table, i)) {
            continue;
        }
        if (row != NULL) {
            write_cell(table, &COLUMNS[i], row, cell);
        } else {
            (void)snprintf(cell, sizeof cell, "%s", COLUMNS[i].head);
        }
        const bool last = i == COLUMN_COUNT - 1;
        (void)fprintf(table->out, "%-*s", last ? 0 : (int)(widths[i] + COLUMN_GAP), cell);
    }
    (void)fputc('\n', table->out);
}

void zl_pools_print_table(const struct zl_table *table, const struct cJSON *rows, bool with_heads)
{
    size_t widths[COLUMN_COUNT];
    measure(table, rows, widths);
    if (with_heads) {
        print_line(table, NULL, widths);
    }
    for (const struct cJSON *row = zl_json_first(rows); row != NULL; row = zl_json_next(row)) {
        print_line(table, row, widths);
    }
}

static void print_yaml(FILE *out, const struct cJSON *node, int indent, bool after_dash)
{
    const bool array = zl_json_is_array(node);
    for (const struct cJSON *child = zl_json_first(node); child != NULL;
         child = zl_json_next(child)) {
        (void)fprintf(out, "%*s", after_dash ? 0 : indent, "");
        after_dash = false;
        if (array) {
            (void)fputs("- ", out);
        } else {
            (void)fprintf(out, "%s:", zl_json_name(child));
        }
        const bool nested = zl_json_is_array(child) || zl_json_is_object(child);
        if (nested && zl_json_count(child) > 0) {
            if (!array) {
                (void)fputc('\n', out);
            }
            /* A list stands as far in as the name above it. */
            print_yaml(out, child, array || !zl_json_is_array(child) ? indent + 2 : indent, array);
            continue;
        }
        ZL_AUTO_FREE char *text = zl_json_print(child);
        (void)fprintf(out, "%s%s\n", array ? "" : " ", text);
    }
}

void zl_yaml_print(FILE *out, const struct cJSON *tree)
{
    print_yaml(out, tree, 0, false);
}
