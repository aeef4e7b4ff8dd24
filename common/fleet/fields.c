/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/fields.h"

#include <assert.h>

static_assert(sizeof(enum zl_fleet_state) == sizeof(int) &&
                  sizeof(enum zl_fleet_outcome) == sizeof(int) &&
                  sizeof(enum zl_fleet_verb) == sizeof(int),
              "words are read as int");

#define STAGE(member) ZL_FIELD_AT(struct zl_fleet_stage, member)

const struct zl_field ZL_FIELD_STAGES[] = {
    {"match", ZL_FIELD_NAME, STAGE(match)},
    {"max", ZL_FIELD_NUMBER, STAGE(max), .most = ZL_FLEET_N_MAX},
    {"soakMs", ZL_FIELD_NUMBER, STAGE(soak_ms)},
    {"approval", ZL_FIELD_FLAG, STAGE(approval)},
    {.name = NULL}};

const char *zl_field_state(int value)
{
    return zl_fleet_state_name((enum zl_fleet_state)value);
}

const char *zl_field_outcome(int value)
{
    return zl_fleet_outcome_name((enum zl_fleet_outcome)value);
}

const char *zl_field_verb(int value)
{
    return zl_fleet_verb_name((enum zl_fleet_verb)value);
}

static void *place(const struct zl_field *field, void *base)
{
    return (char *)base + field->at;
}

static const void *place_in(const struct zl_field *field, const void *base)
{
    return (const char *)base + field->at;
}

static size_t *count_of(const struct zl_field *field, void *base)
{
    void *count = (char *)base + field->count_at;
    return count;
}

/* --- reading --- */

/* One reading: the first thing that is wrong ends it. */
struct reading {
    const char *what; /* "active", for messages; "": the whole */
    enum zl_status status;
    struct zl_error *err;
};

static void read_members(struct reading *reading, const struct zl_field *table,
                         const struct cJSON *node, void *base);

static void refuse(struct reading *reading, const struct zl_field *field, const char *why)
{
    if (reading->status == ZL_OK) {
        const char *name = field->name != NULL ? field->name : "";
        const char *dot = name[0] != '\0' && reading->what[0] != '\0' ? "." : "";
        reading->status =
            zl_error_set(reading->err, ZL_E_INVALID, "%s%s%s: %s", reading->what, dot, name, why);
    }
}

static void read_number(struct reading *reading, const struct zl_field *field,
                        const struct cJSON *node, int64_t *out)
{
    const int64_t most = field->most != 0 ? field->most : ZL_FLEET_NUMBER_MAX;
    int64_t value = zl_json_i64(node, INT64_MIN, NULL);
    if (value < field->least || value > most) {
        refuse(reading, field, "not a whole number in its range");
        return;
    }
    *out = value;
}

static void read_text(struct reading *reading, const struct zl_field *field,
                      const struct cJSON *node, char *out)
{
    const char *text = zl_json_value_text(node);
    if (field->kind == ZL_FIELD_NAME && text != NULL && strlen(text) >= field->size) {
        refuse(reading, field, "too long");
        return;
    }
    if (field->required && (text == NULL || text[0] == '\0')) {
        refuse(reading, field, "is missing");
        return;
    }
    zl_fleet_text(out, field->size, text);
}

/* Where there are two words the field is a flag. */
static void put_word(const struct zl_field *field, int value, void *out)
{
    if (field->size == sizeof(bool)) {
        *(bool *)out = value != 0;
    } else {
        memcpy(out, &value, sizeof value);
    }
}

static void read_word(struct reading *reading, const struct zl_field *field,
                      const struct cJSON *node, void *out)
{
    const char *text = zl_json_value_text(node);
    if (text == NULL) {
        return;
    }
    for (int i = 0; i < field->most; i++) {
        if (strcmp(text, field->word(i)) == 0) {
            put_word(field, i, out);
            return;
        }
    }
    refuse(reading, field, "not a word that is known here");
}

static void read_item(struct reading *reading, const struct zl_field *field,
                      const struct cJSON *node, void *out)
{
    if (field->kind == ZL_FIELD_MAP) {
        const char *key = zl_json_name(node);
        if (key == NULL || !zl_fleet_name_is_valid(key)) {
            refuse(reading, field, "an object of pools is expected");
            return;
        }
        zl_fleet_text(out, ZL_FLEET_NAME_MAX, key);
    }
    read_members(reading, field->members, node, out);
}

static void read_items(struct reading *reading, const struct zl_field *field,
                       const struct cJSON *node, void *base)
{
    const bool is_map = field->kind == ZL_FIELD_MAP;
    if (is_map ? !zl_json_is_object(node) : !zl_json_is_array(node)) {
        refuse(reading, field, is_map ? "an object is expected" : "a list is expected");
        return;
    }
    const size_t count = zl_json_count(node);
    if (count > (size_t)field->most) {
        refuse(reading, field, "too many");
        return;
    }
    if (count == 0) {
        return;
    }
    char *items = place(field, base);
    if (field->kind != ZL_FIELD_ROW) {
        items = zl_alloc(count * field->size);
        memcpy(place(field, base), &items, sizeof items);
    }
    struct reading inner = *reading;
    inner.what = field->name;
    for (const struct cJSON *item = zl_json_first(node); item != NULL; item = zl_json_next(item)) {
        read_item(&inner, field, item, items + (*count_of(field, base))++ * field->size);
    }
    reading->status = inner.status;
}

static void read_object(struct reading *reading, const struct zl_field *field,
                        const struct cJSON *node, void *base)
{
    if (!zl_json_is_object(node)) {
        refuse(reading, field, "an object is expected");
        return;
    }
    struct reading inner = *reading;
    inner.what = field->name;
    read_members(&inner, field->members, node, base);
    reading->status = inner.status;
}

static void read_field(struct reading *reading, const struct zl_field *field,
                       const struct cJSON *node, void *base)
{
    void *out = place(field, base);
    switch (field->kind) {
    case ZL_FIELD_NUMBER:
        read_number(reading, field, node, out);
        return;
    case ZL_FIELD_FLAG:
        *(bool *)out = zl_json_bool(node, false, NULL);
        return;
    case ZL_FIELD_NAME:
    case ZL_FIELD_TEXT:
        read_text(reading, field, node, out);
        return;
    case ZL_FIELD_WORD:
        read_word(reading, field, node, out);
        return;
    case ZL_FIELD_OBJECT:
        read_object(reading, field, node, base);
        return;
    case ZL_FIELD_LIST:
    case ZL_FIELD_MAP:
    case ZL_FIELD_ROW:
        read_items(reading, field, node, base);
        return;
    }
}

static bool ends(const struct zl_field *field)
{
    return field->name == NULL && field->size == 0;
}

static void read_members(struct reading *reading, const struct zl_field *table,
                         const struct cJSON *node, void *base)
{
    for (const struct zl_field *field = table; !ends(field) && reading->status == ZL_OK; field++) {
        const struct cJSON *found =
            field->name != NULL ? zl_json_at(node, field->name, NULL) : node;
        if (found != NULL) {
            read_field(reading, field, found, base);
        } else if (field->required) {
            refuse(reading, field, "is missing");
        }
    }
}

/* The JSON that stands in an annotation, as a tree: an empty text is an empty object. */
static enum zl_status parse(const char *text, struct cJSON **tree, struct zl_error *err)
{
    size_t length = text != NULL ? strnlen(text, ZL_FLEET_JSON_MAX + 1) : 0;
    if (length > ZL_FLEET_JSON_MAX) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "more than %d KiB", ZL_FLEET_JSON_MAX / 1024);
    }
    if (length == 0) {
        *tree = zl_json_object();
        return ZL_OK;
    }
    enum zl_status status = zl_json_parse(text, length, tree, err);
    if (status == ZL_OK && !zl_json_is_object(*tree)) {
        status = zl_error_set(err, ZL_E_INVALID, "not a JSON object");
    }
    return status;
}

enum zl_status zl_fields_read(const struct zl_field *table, const char *text, const char *what,
                              void *out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    struct reading reading = {.what = "", .err = err};
    reading.status = parse(text, &tree, err);
    if (reading.status == ZL_OK) {
        read_members(&reading, table, tree, out);
    }
    return reading.status == ZL_OK ? ZL_OK : zl_error_wrap(err, reading.status, "%s", what);
}

/* --- writing --- */

static struct cJSON *tree_of(const struct zl_field *table, const void *base, bool shown);

static int word_in(const struct zl_field *field, const void *base)
{
    int value = 0;
    if (field->size == sizeof(bool)) {
        return *(const bool *)place_in(field, base);
    }
    memcpy(&value, place_in(field, base), sizeof value);
    return value;
}

static const char *text_in(const struct zl_field *field, const void *base)
{
    return field->kind == ZL_FIELD_WORD ? field->word(word_in(field, base)) : place_in(field, base);
}

static int64_t number_in(const struct zl_field *field, const void *base)
{
    return *(const int64_t *)place_in(field, base);
}

static size_t count_in(const struct zl_field *field, const void *base)
{
    size_t count = 0;
    memcpy(&count, (const char *)base + field->count_at, sizeof count);
    return count;
}

static bool any_says_something(const struct zl_field *table, const void *base);

static bool says_something(const struct zl_field *field, const void *base)
{
    switch (field->kind) {
    case ZL_FIELD_NUMBER:
        return number_in(field, base) != 0;
    case ZL_FIELD_FLAG:
        return *(const bool *)place_in(field, base);
    case ZL_FIELD_NAME:
    case ZL_FIELD_TEXT:
    case ZL_FIELD_WORD:
        return text_in(field, base)[0] != '\0';
    case ZL_FIELD_OBJECT:
        return any_says_something(field->members, base);
    case ZL_FIELD_LIST:
    case ZL_FIELD_MAP:
    case ZL_FIELD_ROW:
        return !field->unless_empty || count_in(field, base) > 0;
    }
    return true;
}

static bool any_says_something(const struct zl_field *table, const void *base)
{
    while (!ends(table) && !says_something(table, base)) {
        table++;
    }
    return !ends(table);
}

static void append_item(struct cJSON *list, const struct zl_field *field, const void *item,
                        bool shown)
{
    const struct zl_field *of = field->members;
    if (field->kind == ZL_FIELD_MAP) {
        zl_json_set(list, item, tree_of(of, item, shown));
    } else if (of->name != NULL) {
        zl_json_append(list, tree_of(of, item, shown));
    } else if (of->kind == ZL_FIELD_NUMBER) {
        zl_json_append_i64(list, number_in(of, item));
    } else {
        zl_json_append_text(list, text_in(of, item));
    }
}

static struct cJSON *list_of(const struct zl_field *field, const void *base, bool shown)
{
    struct cJSON *list = field->kind == ZL_FIELD_MAP ? zl_json_object() : zl_json_array();
    const size_t count = count_in(field, base);
    const char *items = place_in(field, base);
    if (field->kind != ZL_FIELD_ROW) {
        memcpy(&items, place_in(field, base), sizeof items);
    }
    for (size_t i = 0; i < count && (shown || !field->shown); i++) {
        append_item(list, field, items + i * field->size, shown);
    }
    return list;
}

static void put(struct cJSON *tree, const struct zl_field *field, const void *base, bool shown)
{
    switch (field->kind) {
    case ZL_FIELD_NUMBER:
        zl_json_set_i64(tree, field->name, number_in(field, base));
        return;
    case ZL_FIELD_FLAG:
        zl_json_set_bool(tree, field->name, *(const bool *)place_in(field, base));
        return;
    case ZL_FIELD_NAME:
    case ZL_FIELD_TEXT:
    case ZL_FIELD_WORD:
        zl_json_set_text(tree, field->name, text_in(field, base));
        return;
    case ZL_FIELD_OBJECT:
        zl_json_set(tree, field->name, tree_of(field->members, base, shown));
        return;
    case ZL_FIELD_LIST:
    case ZL_FIELD_MAP:
    case ZL_FIELD_ROW:
        zl_json_set(tree, field->name, list_of(field, base, shown));
        return;
    }
}

static struct cJSON *tree_of(const struct zl_field *table, const void *base, bool shown)
{
    struct cJSON *tree = zl_json_object();
    for (const struct zl_field *field = table; !ends(field); field++) {
        if (field->always || says_something(field, base)) {
            put(tree, field, base, shown);
        }
    }
    return tree;
}

char *zl_fields_write(const struct zl_field *table, const void *from, bool shown)
{
    ZL_AUTO_JSON struct cJSON *tree = tree_of(table, from, shown);
    return zl_json_print(tree);
}
