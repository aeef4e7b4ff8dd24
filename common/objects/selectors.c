/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/selectors.h"

#include "common/base/buf.h"

#include <string.h>

#define SELECTOR_MAX (1ul << 20)

/* One "key=value" of a selector, borrowed. */
struct term {
    const char *key, *value;
    size_t key_length, value_length;
};

/* The next requirement of *TEXT that is "key=value"; *TEXT goes on behind it. */
static bool next_term(const char **text, struct term *out)
{
    while (*text != NULL && **text != '\0') {
        const char *start = *text;
        size_t length = strcspn(start, ",(");
        bool is_set = start[length] == '('; /* "key in (a,b)": the comma in it separates values */
        if (is_set) {
            length += strcspn(start + length, ")");
            length += strcspn(start + length, ",");
        }
        *text = start + length + (start[length] == ',' ? 1 : 0);
        size_t key_length = strcspn(start, "=! ");
        if (!is_set && key_length > 0 && key_length + 1 < length && start[key_length] == '=') {
            *out = (struct term){.key = start,
                                 .key_length = key_length,
                                 .value = start + key_length + 1,
                                 .value_length = length - key_length - 1};
            return true;
        }
    }
    return false;
}

static bool has_term(const char *labels, const struct term *term)
{
    const size_t length = term->key_length + 1 + term->value_length;
    for (const char *at = labels; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        if (strlen(at) == length && memcmp(at, term->key, length) == 0) {
            return true;
        }
    }
    return false;
}

bool zl_selector_may_match(const char *text, const char *labels)
{
    struct term term;
    while (next_term(&text, &term)) {
        if (!has_term(labels, &term)) {
            return false;
        }
    }
    return true;
}

char *zl_selector_label(const char *text)
{
    struct term term;
    return next_term(&text, &term) ? zl_strndup(term.key, term.key_length + 1 + term.value_length)
                                   : zl_strdup("");
}

static bool same_key(const struct term *left, const struct term *right)
{
    return left->key_length == right->key_length &&
           memcmp(left->key, right->key, left->key_length) == 0;
}

/* Has TEXT a term with the key of LIKE? */
static bool find_term(const char *text, const struct term *like, struct term *out)
{
    while (next_term(&text, out)) {
        if (same_key(out, like)) {
            return true;
        }
    }
    return false;
}

static void push(struct zl_selectors *out, char *taken)
{
    out->items = zl_realloc(out->items, out->count + 1, sizeof *out->items);
    out->items[out->count++] = taken;
}

static bool same_value(const struct term *left, const struct term *right)
{
    return left->value_length == right->value_length &&
           memcmp(left->value, right->value, left->value_length) == 0;
}

/*
 * The label of TEXTS[0] that most of the others have, too; false: none has any. Of several the one that tells them apart best:
 * whatever else is of the same release, or part of the same application, need not be listed.
 */
static bool choose_key(const char *const *texts, size_t count, const bool *done, struct term *out)
{
    const char *text = texts[0];
    struct term term, other;
    size_t most = 0, most_differing = 0;
    while (next_term(&text, &term)) {
        size_t sharing = 0, differing = 0;
        for (size_t i = 1; i < count; i++) {
            if (!done[i] && find_term(texts[i], &term, &other)) {
                sharing++;
                differing += same_value(&term, &other) ? 0 : 1;
            }
        }
        if (sharing > most || (sharing == most && differing > most_differing)) {
            most = sharing;
            most_differing = differing;
            *out = term;
        }
    }
    return most > 0;
}

/* "key in (...)" for TEXTS[0] and all that have KEY, which are done then. */
static char *merge(const char *const *texts, size_t count, bool *done, const struct term *key)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, SELECTOR_MAX);
    (void)zl_buf_printf(&text, "%.*s in (", (int)key->key_length, key->key);
    const char *separator = "";
    for (size_t i = 0; i < count; i++) {
        struct term term;
        if (!done[i] && find_term(texts[i], key, &term)) {
            (void)zl_buf_printf(&text, "%s%.*s", separator, (int)term.value_length, term.value);
            separator = ",";
            done[i] = true;
        }
    }
    (void)zl_buf_printf(&text, ")");
    return zl_buf_take(&text);
}

void zl_selectors_cover(const char *const *texts, size_t count, struct zl_selectors *out)
{
    ZL_AUTO_FREE bool *done = zl_alloc(count + 1);
    *out = (struct zl_selectors){0};
    for (size_t i = 0; i < count; i++) {
        struct term key;
        if (done[i]) {
            continue;
        }
        if (choose_key(texts + i, count - i, done + i, &key)) {
            push(out, merge(texts + i, count - i, done + i, &key));
        } else {
            push(out, zl_strdup(texts[i]));
        }
    }
}

void zl_selectors_clear(struct zl_selectors *selectors)
{
    for (size_t i = 0; i < selectors->count; i++) {
        free(selectors->items[i]);
    }
    free(selectors->items);
    *selectors = (struct zl_selectors){0};
}

/* --- a LabelSelector as text --- */

static void add_requirement(struct zl_buf *text, const char *requirement)
{
    if (requirement == NULL) {
        return;
    }
    /* Cannot fail: the API server bounds a selector far below the buffer's maximum. */
    (void)zl_buf_printf(text, "%s%s", text->length > 0 ? "," : "", requirement);
}

static void add_expression(struct zl_buf *text, const struct cJSON *expression)
{
    const char *key = zl_json_text(expression, "key", NULL);
    const char *op = zl_json_text(expression, "operator", NULL);
    ZL_AUTO_FREE char *requirement = NULL;

    if (key == NULL || op == NULL) {
        return;
    }
    if (strcmp(op, "Exists") == 0) {
        requirement = zl_strdup(key);
    } else if (strcmp(op, "DoesNotExist") == 0) {
        requirement = zl_asprintf("!%s", key);
    } else {
        ZL_AUTO_BUF struct zl_buf values;
        zl_buf_init(&values, 1ul << 20);
        const struct cJSON *value = zl_json_first(zl_json_at(expression, "values", NULL));
        for (; value != NULL; value = zl_json_next(value)) {
            add_requirement(&values, zl_json_value_text(value));
        }
        requirement = zl_asprintf("%s %s (%s)", key, strcmp(op, "In") == 0 ? "in" : "notin",
                                  values.data != NULL ? values.data : "");
    }
    add_requirement(text, requirement);
}

char *zl_selector_text(const struct cJSON *selector)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, 1ul << 20);

    const struct cJSON *label = zl_json_first(zl_json_at(selector, "matchLabels", NULL));
    for (; label != NULL; label = zl_json_next(label)) {
        const char *value = zl_json_value_text(label);
        ZL_AUTO_FREE char *requirement =
            zl_asprintf("%s=%s", zl_json_name(label), value != NULL ? value : "");
        add_requirement(&text, requirement);
    }
    const struct cJSON *expression = zl_json_first(zl_json_at(selector, "matchExpressions", NULL));
    for (; expression != NULL; expression = zl_json_next(expression)) {
        add_expression(&text, expression);
    }
    return zl_buf_take(&text);
}
