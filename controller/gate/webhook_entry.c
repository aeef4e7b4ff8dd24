/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/webhook_entry.h"

#include <string.h>

void zl_namespaces_clear(struct zl_namespaces *namespaces)
{
    for (size_t i = 0; i < namespaces->count; i++) {
        free(namespaces->items[i]);
    }
    free(namespaces->items);
    memset(namespaces, 0, sizeof *namespaces);
}

void zl_namespaces_add(struct zl_namespaces *namespaces, const char *name)
{
    /* A power of two is full. */
    if ((namespaces->count & (namespaces->count - 1)) == 0) {
        size_t capacity = namespaces->count == 0 ? 1 : namespaces->count * 2;
        namespaces->items = zl_realloc(namespaces->items, capacity, sizeof *namespaces->items);
    }
    namespaces->items[namespaces->count++] = zl_strdup(name);
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void zl_namespaces_sort(struct zl_namespaces *namespaces)
{
    size_t kept = 0;
    if (namespaces->count == 0) {
        return;
    }
    qsort(namespaces->items, namespaces->count, sizeof *namespaces->items, compare);
    for (size_t i = 1; i < namespaces->count; i++) {
        if (strcmp(namespaces->items[kept], namespaces->items[i]) == 0) {
            free(namespaces->items[i]);
        } else {
            namespaces->items[++kept] = namespaces->items[i];
        }
    }
    namespaces->count = kept + 1;
}

bool zl_namespaces_have(const struct zl_namespaces *namespaces, const char *name)
{
    return namespaces->count > 0 && bsearch(&name, namespaces->items, namespaces->count,
                                            sizeof *namespaces->items, compare) != NULL;
}

static const struct cJSON *find_entry(const struct cJSON *object, size_t *place)
{
    const struct cJSON *entry = zl_json_first(zl_json_at(object, "webhooks", NULL));
    *place = 0;
    for (; entry != NULL; entry = zl_json_next(entry), ++*place) {
        if (zl_same_string(zl_json_text(entry, "name", NULL), ZL_WEBHOOK_ENTRY)) {
            return entry;
        }
    }
    return NULL;
}

/* The list of values if SELECTOR is the one expression that we write, else NULL. */
static const struct cJSON *selected_values(const struct cJSON *selector)
{
    const struct cJSON *expressions = zl_json_at(selector, "matchExpressions", NULL);
    const struct cJSON *one = zl_json_first(expressions);
    bool ours = zl_json_count(selector) == 1 && zl_json_count(expressions) == 1 &&
                zl_same_string(zl_json_text(one, "key", NULL), ZL_KEY_NAMESPACE_NAME) &&
                zl_same_string(zl_json_text(one, "operator", NULL), "In");
    return ours ? zl_json_at(one, "values", NULL) : NULL;
}

static void read_selected(const struct cJSON *selector, struct zl_namespaces *out)
{
    const struct cJSON *value = zl_json_first(selected_values(selector));
    for (; value != NULL; value = zl_json_next(value)) {
        if (zl_json_is_text(value)) {
            zl_namespaces_add(out, zl_json_value_text(value));
        }
    }
}

struct zl_webhook_entry *zl_webhook_entry_decode(const struct cJSON *object)
{
    struct zl_webhook_entry *out = zl_alloc(sizeof *out);
    size_t place = 0;
    const struct cJSON *entry = find_entry(object, &place);
    if (entry == NULL) {
        return out;
    }
    out->present = true;
    out->service_namespace =
        zl_strdup(zl_json_text(entry, "clientConfig", "service", "namespace", NULL));
    const struct cJSON *selector = zl_json_at(entry, "namespaceSelector", NULL);
    out->selector = selector != NULL ? zl_json_copy(selector) : NULL;
    read_selected(selector, &out->selected);
    zl_namespaces_sort(&out->selected);
    ZL_AUTO_JSON struct cJSON *rest = zl_json_copy(entry);
    zl_json_set_null(rest, "namespaceSelector");
    out->rest = zl_json_print(rest);
    return out;
}

void zl_webhook_entry_free(void *object)
{
    struct zl_webhook_entry *entry = object;
    if (entry == NULL) {
        return;
    }
    free(entry->service_namespace);
    zl_json_free(entry->selector);
    zl_namespaces_clear(&entry->selected);
    free(entry->rest);
    free(entry);
}

struct cJSON *zl_selector_new(const struct zl_namespaces *wanted)
{
    struct cJSON *selector = zl_json_object();
    struct cJSON *expressions = zl_json_array();
    struct cJSON *one = zl_json_object();
    struct cJSON *values = zl_json_array();
    for (size_t i = 0; i < wanted->count; i++) {
        zl_json_append_text(values, wanted->items[i]);
    }
    if (wanted->count == 0) {
        zl_json_append_text(values, ZL_NO_NAMESPACE);
    }
    zl_json_set_text(one, "key", ZL_KEY_NAMESPACE_NAME);
    zl_json_set_text(one, "operator", "In");
    zl_json_set(one, "values", values);
    zl_json_append(expressions, one);
    zl_json_set(selector, "matchExpressions", expressions);
    return selector;
}

bool zl_selector_is(const struct cJSON *selector, const struct zl_namespaces *wanted)
{
    ZL_AUTO_JSON struct cJSON *ours = zl_selector_new(wanted);
    const struct cJSON *want = zl_json_first(selected_values(ours));
    const struct cJSON *have = zl_json_first(selected_values(selector));
    for (; want != NULL && have != NULL; want = zl_json_next(want), have = zl_json_next(have)) {
        if (!zl_same_string(zl_json_value_text(want), zl_json_value_text(have))) {
            return false;
        }
    }
    return want == NULL && have == NULL;
}

static void add_operation(struct cJSON *patch, const char *op, size_t place, const char *field,
                          struct cJSON *taken)
{
    ZL_AUTO_FREE char *path = zl_asprintf("/webhooks/%zu/%s", place, field);
    struct cJSON *operation = zl_json_object();
    zl_json_set_text(operation, "op", op);
    zl_json_set_text(operation, "path", path);
    if (taken != NULL) {
        zl_json_set(operation, "value", taken);
    }
    zl_json_append(patch, operation);
}

struct cJSON *zl_selector_patch(const struct cJSON *object, const struct zl_namespaces *wanted)
{
    size_t place = 0;
    const struct cJSON *entry = find_entry(object, &place);
    const struct cJSON *selector = zl_json_at(entry, "namespaceSelector", NULL);
    if (entry == NULL || zl_selector_is(selector, wanted)) {
        return NULL;
    }
    struct cJSON *patch = zl_json_array();
    add_operation(patch, "test", place, "name", zl_json_copy(zl_json_at(entry, "name", NULL)));
    if (selector != NULL) {
        add_operation(patch, "test", place, "namespaceSelector", zl_json_copy(selector));
    }
    add_operation(patch, "add", place, "namespaceSelector", zl_selector_new(wanted));
    return patch;
}
