/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of kubectl's jsonpath that tests use: texts, fields, [n], [*] and [?(@.field=="text")]. What a map's order
 * would decide, what is absent where kubectl complains, ranges and the descent are the real one's.
 */
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>

#define FOUND_MAX 4096

/* The nodes that the steps so far have led to. */
struct found {
    const cJSON *nodes[FOUND_MAX];
    size_t count;
};

static bool add(struct found *found, const cJSON *node)
{
    if (found->count == FOUND_MAX) {
        return false;
    }
    found->nodes[found->count++] = node;
    return true;
}

/* The name of a field up to its end, without the backslashes that escape its dots. */
static char *read_name(const char **at)
{
    const char *from = *at;
    char *name = zl_alloc(strlen(from) + 1);
    size_t length = 0;
    while (*from != '\0' && strchr(".,[]$@{} \t\r\n", *from) == NULL) {
        if (*from == '\\') {
            from++;
            if (*from == '\0') {
                break;
            }
        }
        name[length++] = *from++;
    }
    *at = from;
    return name;
}

static bool step_field(const char **at, const struct found *from, struct found *to)
{
    ZL_AUTO_FREE char *name = read_name(at);
    if (name[0] == '\0' || strcmp(name, "*") == 0) {
        return false;
    }
    for (size_t i = 0; i < from->count; i++) {
        const cJSON *child =
            zl_json_is_object(from->nodes[i]) ? zl_json_at(from->nodes[i], name, NULL) : NULL;
        if (child != NULL && !add(to, child)) {
            return false;
        }
    }
    return true;
}

/* [3] or [*], of which only arrays have elements. */
static bool step_elements(const char **at, const struct found *from, struct found *to)
{
    bool every = (*at)[0] == '*' && (*at)[1] == ']';
    bool digit = (*at)[0] >= '0' && (*at)[0] <= '9' && (*at)[1] == ']';
    int index = digit ? (*at)[0] - '0' : -1;
    if (!every && !digit) {
        return false;
    }
    *at += 2;
    for (size_t i = 0; i < from->count; i++) {
        const cJSON *array = from->nodes[i];
        if (zl_json_is_null(array)) {
            continue;
        }
        if (!zl_json_is_array(array) || (digit && (size_t)index >= zl_json_count(array)) ||
            (every && array->child == NULL && i + 1 < from->count)) {
            return false; /* a complaint; after an empty one kubectl looks at no other */
        }
        int position = 0;
        for (const cJSON *child = array->child; child != NULL; child = child->next, position++) {
            if ((every || position == index) && !add(to, child)) {
                return false;
            }
        }
    }
    return true;
}

/* @.a.b of a filter, for one element; false when it is more than fields. */
static bool read_filter(const char **at, char **path, char **wanted)
{
    const char *equals = strstr(*at, "==\"");
    const char *end = equals != NULL ? strstr(equals + 3, "\")]") : NULL;
    if (end == NULL || strncmp(*at, "@.", 2) != 0) {
        return false;
    }
    *path = zl_strndup(*at + 2, (size_t)(equals - *at) - 2);
    *wanted = zl_strndup(equals + 3, (size_t)(end - equals) - 3);
    *at = end + 3;
    return strpbrk(*path, ".[]\\ \"'()") == NULL && strpbrk(*wanted, "\\\"'") == NULL;
}

static bool step_filter(const char **at, const struct found *from, struct found *to)
{
    ZL_AUTO_FREE char *field = NULL;
    ZL_AUTO_FREE char *wanted = NULL;
    if (!read_filter(at, &field, &wanted)) {
        return false;
    }
    for (size_t i = 0; i < from->count; i++) {
        if (!zl_json_is_array(from->nodes[i])) {
            return false;
        }
        for (const cJSON *child = from->nodes[i]->child; child != NULL; child = child->next) {
            const cJSON *value = zl_json_at(child, field, NULL);
            if (value != NULL && !zl_json_is_text(value)) {
                return false;
            }
            if (value != NULL && strcmp(zl_json_value_text(value), wanted) == 0 &&
                !add(to, child)) {
                return false;
            }
        }
    }
    return true;
}

static bool print_value(struct zl_buf *out, const cJSON *node)
{
    if (zl_json_is_null(node)) {
        return false;
    }
    return zl_json_is_text(node) ? zl_buf_add_text(out, zl_json_value_text(node))
                                 : zl_print_json(out, node, false);
}

static bool print_found(struct zl_buf *out, const struct found *found)
{
    bool known = true;
    for (size_t i = 0; known && i < found->count; i++) {
        known = (i == 0 || zl_buf_add_text(out, " ")) && print_value(out, found->nodes[i]);
    }
    return known;
}

/* What stands between { and }. */
static bool print_path(struct zl_buf *out, const char **at, const cJSON *tree)
{
    ZL_AUTO_FREE struct found *now = zl_alloc(sizeof *now);
    ZL_AUTO_FREE struct found *next = zl_alloc(sizeof *next);
    if (!add(now, tree) || **at != '.') {
        return false;
    }
    while (**at != '}') {
        bool known = false;
        next->count = 0;
        if (**at == '.') {
            ++*at;
            known = step_field(at, now, next);
        } else if (strncmp(*at, "[?(", 3) == 0) {
            *at += 3;
            known = step_filter(at, now, next);
        } else if (**at == '[') {
            ++*at;
            known = step_elements(at, now, next);
        }
        if (!known) {
            return false;
        }
        struct found *swap = now;
        now = next;
        next = swap;
    }
    ++*at;
    return print_found(out, now);
}

bool zl_print_jsonpath(struct zl_buf *out, const char *template, const struct cJSON *tree)
{
    const char *at = template;
    while (*at != '\0') {
        if (*at == '{') {
            at++;
            if (!print_path(out, &at, tree)) {
                return false;
            }
            continue;
        }
        size_t text = strcspn(at, "{");
        if (!zl_buf_add(out, at, text)) {
            return false;
        }
        at += text;
    }
    return true;
}
