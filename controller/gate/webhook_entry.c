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

/* --- reading --- */

static const struct cJSON *find_entry(const struct cJSON *object, const char *name, size_t *place)
{
    const struct cJSON *entry = zl_json_first(zl_json_at(object, "webhooks", NULL));
    *place = 0;
    for (; entry != NULL; entry = zl_json_next(entry), ++*place) {
        if (zl_same_string(zl_json_text(entry, "name", NULL), name)) {
            return entry;
        }
    }
    return NULL;
}

static bool is_about_names(const struct cJSON *requirement, const char *operator_)
{
    return zl_same_string(zl_json_text(requirement, "key", NULL), ZL_KEY_NAMESPACE_NAME) &&
           zl_same_string(zl_json_text(requirement, "operator", NULL), operator_);
}

/* The requirement that we write: the first one of its form. NULL: there is none. */
static const struct cJSON *find_ours(const struct cJSON *selector)
{
    const struct cJSON *one = zl_json_first(zl_json_at(selector, "matchExpressions", NULL));
    while (one != NULL && !is_about_names(one, "In")) {
        one = zl_json_next(one);
    }
    return one;
}

static void read_names(const struct cJSON *requirement, struct zl_namespaces *out)
{
    const struct cJSON *value = zl_json_first(zl_json_at(requirement, "values", NULL));
    for (; value != NULL; value = zl_json_next(value)) {
        if (zl_json_is_text(value)) {
            zl_namespaces_add(out, zl_json_value_text(value));
        }
    }
    zl_namespaces_sort(out);
}

/* The path in "https://host:port/path". */
static const char *path_of_url(const char *url)
{
    const char *host = url != NULL ? strstr(url, "://") : NULL;
    return host != NULL ? strchr(host + strlen("://"), '/') : NULL;
}

static char *read_path(const struct cJSON *entry)
{
    const char *path = zl_json_text(entry, "clientConfig", "service", "path", NULL);
    return zl_strdup(path != NULL ? path
                                  : path_of_url(zl_json_text(entry, "clientConfig", "url", NULL)));
}

static char *read_owner(const struct cJSON *object)
{
    const struct cJSON *owner =
        zl_json_first(zl_json_at(object, "metadata", "ownerReferences", NULL));
    while (owner != NULL && !zl_same_string(zl_json_text(owner, "kind", NULL), "Namespace")) {
        owner = zl_json_next(owner);
    }
    return zl_strdup(zl_json_text(owner, "uid", NULL));
}

struct zl_webhook_entry *zl_webhook_entry_decode(const struct cJSON *object, const char *name)
{
    struct zl_webhook_entry *out = zl_alloc(sizeof *out);
    size_t place = 0;
    const struct cJSON *entry = find_entry(object, name, &place);
    out->object = zl_json_copy(object);
    out->owner_uid = read_owner(object);
    if (entry == NULL) {
        return out;
    }
    out->present = true;
    out->service_namespace =
        zl_strdup(zl_json_text(entry, "clientConfig", "service", "namespace", NULL));
    out->path = read_path(entry);
    const char *bundle = zl_json_text(entry, "clientConfig", "caBundle", NULL);
    out->ca_bundle = bundle != NULL && bundle[0] != '\0' ? zl_strdup(bundle) : NULL;
    const struct cJSON *selector = zl_json_at(entry, "namespaceSelector", NULL);
    out->selector = selector != NULL ? zl_json_copy(selector) : NULL;
    read_names(find_ours(selector), &out->selected);
    static const struct zl_namespaces none = {0};
    ZL_AUTO_JSON struct cJSON *rest = zl_json_copy(entry);
    ZL_AUTO_FREE char *others = zl_selector_others(selector, &none);
    zl_json_set_text(rest, "namespaceSelector", others);
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
    free(entry->path);
    free(entry->ca_bundle);
    zl_json_free(entry->selector);
    zl_namespaces_clear(&entry->selected);
    free(entry->rest);
    free(entry->owner_uid);
    zl_json_free(entry->object);
    free(entry);
}

/* --- the selector --- */

static struct cJSON *new_requirement(const struct zl_namespaces *wanted)
{
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
    return one;
}

/*
 * A requirement of somebody else. It is kept, since it can only narrow; but not one that takes out by its name a
 * namespace that has a LeaderPolicy.
 */
static bool is_kept(const struct cJSON *requirement, const struct cJSON *ours,
                    const struct zl_namespaces *wanted)
{
    if (requirement == ours || is_about_names(requirement, "In")) {
        return false;
    }
    if (!is_about_names(requirement, "NotIn")) {
        return true;
    }
    const struct cJSON *value = zl_json_first(zl_json_at(requirement, "values", NULL));
    while (value != NULL && !zl_namespaces_have(wanted, zl_json_value_text(value))) {
        value = zl_json_next(value);
    }
    return value == NULL;
}

struct cJSON *zl_selector_new(const struct zl_namespaces *wanted)
{
    struct cJSON *selector = zl_json_object();
    struct cJSON *expressions = zl_json_array();
    zl_json_append(expressions, new_requirement(wanted));
    zl_json_set(selector, "matchExpressions", expressions);
    return selector;
}

/* SELECTOR with our requirement as WANTED, in its place, and those of others that are kept. */
static struct cJSON *merge(const struct cJSON *selector, const struct zl_namespaces *wanted)
{
    struct cJSON *merged = zl_json_object();
    struct cJSON *expressions = zl_json_array();
    const struct cJSON *ours = find_ours(selector);
    const struct cJSON *one = zl_json_first(zl_json_at(selector, "matchExpressions", NULL));
    const struct cJSON *labels = zl_json_at(selector, "matchLabels", NULL);
    if (ours == NULL) {
        zl_json_append(expressions, new_requirement(wanted));
    }
    for (; one != NULL; one = zl_json_next(one)) {
        if (one == ours) {
            zl_json_append(expressions, new_requirement(wanted));
        } else if (is_kept(one, ours, wanted)) {
            zl_json_append(expressions, zl_json_copy(one));
        }
    }
    zl_json_set(merged, "matchExpressions", expressions);
    if (zl_json_count(labels) > 0) {
        zl_json_set(merged, "matchLabels", zl_json_copy(labels));
    }
    return merged;
}

static bool are_values(const struct cJSON *requirement, const struct zl_namespaces *wanted)
{
    ZL_AUTO_JSON struct cJSON *ours = new_requirement(wanted);
    const struct cJSON *want = zl_json_first(zl_json_at(ours, "values", NULL));
    const struct cJSON *have = zl_json_first(zl_json_at(requirement, "values", NULL));
    for (; want != NULL && have != NULL; want = zl_json_next(want), have = zl_json_next(have)) {
        if (!zl_same_string(zl_json_value_text(want), zl_json_value_text(have))) {
            return false;
        }
    }
    return want == NULL && have == NULL;
}

bool zl_selector_is(const struct cJSON *selector, const struct zl_namespaces *wanted)
{
    const struct cJSON *ours = find_ours(selector);
    const struct cJSON *one = zl_json_first(zl_json_at(selector, "matchExpressions", NULL));
    for (; one != NULL; one = zl_json_next(one)) {
        if (one != ours && !is_kept(one, ours, wanted)) {
            return false;
        }
    }
    return ours != NULL && are_values(ours, wanted);
}

char *zl_selector_others(const struct cJSON *selector, const struct zl_namespaces *wanted)
{
    ZL_AUTO_JSON struct cJSON *others = zl_json_array();
    const struct cJSON *ours = find_ours(selector);
    const struct cJSON *one = zl_json_first(zl_json_at(selector, "matchExpressions", NULL));
    for (; one != NULL; one = zl_json_next(one)) {
        if (is_kept(one, ours, wanted)) {
            zl_json_append(others, zl_json_copy(one));
        }
    }
    const struct cJSON *labels = zl_json_at(selector, "matchLabels", NULL);
    if (zl_json_count(labels) > 0) {
        zl_json_append(others, zl_json_copy(labels));
    }
    return zl_json_count(others) > 0 ? zl_json_print(others) : zl_strdup("");
}

/* --- patches --- */

/* VALUE is taken; NULL: the operation has none. */
static void add_operation(struct cJSON *patch, const char *op, const char *path,
                          struct cJSON *taken)
{
    struct cJSON *operation = zl_json_object();
    zl_json_set_text(operation, "op", op);
    zl_json_set_text(operation, "path", path);
    if (taken != NULL) {
        zl_json_set(operation, "value", taken);
    }
    zl_json_append(patch, operation);
}

static void add_to_entry(struct cJSON *patch, const char *op, size_t place, const char *field,
                         struct cJSON *taken)
{
    ZL_AUTO_FREE char *path = zl_asprintf("/webhooks/%zu/%s", place, field);
    add_operation(patch, op, path, taken);
}

/* An entry is found by its place, so the patch fails unless the same one still stands there. */
static void test_place(struct cJSON *patch, size_t place, const struct cJSON *entry)
{
    add_to_entry(patch, "test", place, "name", zl_json_copy(zl_json_at(entry, "name", NULL)));
}

static void add_selector(struct cJSON *patch, size_t place, const struct cJSON *selector,
                         const struct zl_namespaces *wanted)
{
    if (selector != NULL) {
        add_to_entry(patch, "test", place, "namespaceSelector", zl_json_copy(selector));
    }
    add_to_entry(patch, "add", place, "namespaceSelector", merge(selector, wanted));
}

struct cJSON *zl_selector_patch(const struct cJSON *object, const struct zl_namespaces *wanted)
{
    size_t place = 0;
    const struct cJSON *entry = find_entry(object, ZL_WEBHOOK_ENTRY, &place);
    const struct cJSON *selector = zl_json_at(entry, "namespaceSelector", NULL);
    if (entry == NULL || zl_selector_is(selector, wanted)) {
        return NULL;
    }
    struct cJSON *patch = zl_json_array();
    test_place(patch, place, entry);
    add_selector(patch, place, selector, wanted);
    return patch;
}

/* Where the webhook is, as the shipped entry says, with our path and caBundle. NULL: it does not say. */
static struct cJSON *new_client_config(const struct zl_gate_wanted *wanted)
{
    size_t place = 0;
    const struct cJSON *source = find_entry(wanted->shipped, ZL_SOURCE_ENTRY, &place);
    const struct cJSON *service = zl_json_at(source, "clientConfig", "service", NULL);
    const char *url = zl_json_text(source, "clientConfig", "url", NULL);
    if (service == NULL && url == NULL) {
        return NULL;
    }
    struct cJSON *config = zl_json_object();
    if (service != NULL) {
        struct cJSON *copy = zl_json_copy(service);
        zl_json_set_text(copy, "path", wanted->path);
        zl_json_set(config, "service", copy);
    } else if (url != NULL) {
        const char *rest = path_of_url(url);
        int length = (int)(rest != NULL ? (size_t)(rest - url) : strlen(url));
        ZL_AUTO_FREE char *ours = zl_asprintf("%.*s%s", length, url, wanted->path);
        zl_json_set_text(config, "url", ours);
    }
    zl_json_set_text(config, "caBundle", wanted->ca_bundle);
    return config;
}

static struct cJSON *new_rule(const char *group, const char *version, const char *resource)
{
    struct cJSON *rule = zl_json_object();
    const struct {
        const char *name, *value;
    } lists[] = {{"apiGroups", group},
                 {"apiVersions", version},
                 {"operations", "CREATE"},
                 {"resources", resource}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct cJSON *list = zl_json_array();
        zl_json_append_text(list, lists[i].value);
        zl_json_set(rule, lists[i].name, list);
    }
    zl_json_set_text(rule, "scope", "Namespaced");
    return rule;
}

/*
 * The whole entry. Whether pods wait for the webhook, and for how long, is the user's choice: as in the entry that is shipped.
 * The controller's probe (a dry run of a LeaderPolicy) goes where pods go, and so proves that they do; others are let through.
 */
static struct cJSON *new_entry(const struct zl_gate_wanted *wanted, struct cJSON *client_config)
{
    size_t place = 0;
    const struct cJSON *source = find_entry(wanted->shipped, ZL_SOURCE_ENTRY, &place);
    const char *failure_policy = zl_json_text(source, "failurePolicy", NULL);
    struct cJSON *entry = zl_json_object();
    struct cJSON *versions = zl_json_array();
    struct cJSON *rules = zl_json_array();
    zl_json_append_text(versions, "v1");
    zl_json_append(rules, new_rule("", "v1", "pods"));
    zl_json_append(rules, new_rule("coordination.kube-zen.io", "v1alpha1", "leaderpolicies"));
    zl_json_set_text(entry, "name", ZL_WEBHOOK_ENTRY);
    zl_json_set(entry, "admissionReviewVersions", versions);
    /* A claim writes the Lease; a dry run only decides. */
    zl_json_set_text(entry, "sideEffects", "NoneOnDryRun");
    zl_json_set_text(entry, "failurePolicy", failure_policy != NULL ? failure_policy : "Fail");
    zl_json_set_text(entry, "matchPolicy", "Equivalent");
    zl_json_set_i64(entry, "timeoutSeconds", zl_json_i64(source, 3, "timeoutSeconds", NULL));
    zl_json_set(entry, "rules", rules);
    zl_json_set(entry, "namespaceSelector", zl_selector_new(wanted->namespaces));
    zl_json_set(entry, "clientConfig", client_config);
    return entry;
}

static struct cJSON *create_patch(const struct cJSON *object, struct cJSON *entry)
{
    struct cJSON *patch = zl_json_array();
    add_operation(patch, "test", "/metadata/resourceVersion",
                  zl_json_copy(zl_json_at(object, "metadata", "resourceVersion", NULL)));
    if (zl_json_is_array(zl_json_at(object, "webhooks", NULL))) {
        add_operation(patch, "add", "/webhooks/-", entry);
    } else {
        struct cJSON *webhooks = zl_json_array();
        zl_json_append(webhooks, entry);
        add_operation(patch, "add", "/webhooks", webhooks);
    }
    return patch;
}

/* Whatever the order of the members. */
static bool is_client_config(const struct cJSON *config, const struct cJSON *wanted)
{
    static const char *const texts[] = {"namespace", "name", "path"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!zl_same_string(zl_json_text(config, "service", texts[i], NULL),
                            zl_json_text(wanted, "service", texts[i], NULL))) {
            return false;
        }
    }
    return zl_json_i64(config, 443, "service", "port", NULL) ==
               zl_json_i64(wanted, 443, "service", "port", NULL) &&
           zl_same_string(zl_json_text(config, "url", NULL), zl_json_text(wanted, "url", NULL)) &&
           zl_same_string(zl_json_text(config, "caBundle", NULL),
                          zl_json_text(wanted, "caBundle", NULL));
}

struct cJSON *zl_gate_patch(const struct cJSON *object, const struct zl_gate_wanted *wanted)
{
    size_t place = 0;
    const struct cJSON *entry = find_entry(object, ZL_WEBHOOK_ENTRY, &place);
    struct cJSON *config = new_client_config(wanted);
    if (config == NULL) {
        return NULL;
    }
    if (entry == NULL) {
        return create_patch(object, new_entry(wanted, config));
    }
    struct cJSON *patch = zl_json_array();
    test_place(patch, place, entry);
    const struct cJSON *selector = zl_json_at(entry, "namespaceSelector", NULL);
    if (!zl_selector_is(selector, wanted->namespaces)) {
        add_selector(patch, place, selector, wanted->namespaces);
    }
    if (!is_client_config(zl_json_at(entry, "clientConfig", NULL), config)) {
        add_to_entry(patch, "add", place, "clientConfig", ZL_STEAL(&config));
    }
    zl_json_free(config);
    if (zl_json_count(patch) == 1) {
        zl_json_free(patch);
        return NULL;
    }
    return patch;
}

struct cJSON *zl_ca_bundle_patch(const struct cJSON *object, const char *ca_bundle)
{
    static const char suffix[] = ".zen-lead.kube-zen.io";
    ZL_AUTO_JSON struct cJSON *patch = zl_json_array();
    const struct cJSON *entry = zl_json_first(zl_json_at(object, "webhooks", NULL));
    for (size_t place = 0; entry != NULL; entry = zl_json_next(entry), place++) {
        const char *name = zl_json_text(entry, "name", NULL);
        const char *bundle = zl_json_text(entry, "clientConfig", "caBundle", NULL);
        bool is_ours = name != NULL && strlen(name) > strlen(suffix) &&
                       strcmp(name + strlen(name) - strlen(suffix), suffix) == 0;
        if (is_ours && (bundle == NULL || bundle[0] == '\0')) {
            test_place(patch, place, entry);
            ZL_AUTO_JSON struct cJSON *text = zl_json_object();
            zl_json_set_text(text, "value", ca_bundle);
            add_to_entry(patch, "add", place, "clientConfig/caBundle",
                         zl_json_copy(zl_json_at(text, "value", NULL)));
        }
    }
    return zl_json_count(patch) > 0 ? ZL_STEAL(&patch) : NULL;
}

struct cJSON *zl_owner_patch(const struct cJSON *object, const char *name, const char *uid)
{
    struct cJSON *patch = zl_json_object();
    struct cJSON *owners = zl_json_array();
    struct cJSON *ours = zl_json_object();
    const struct cJSON *owner =
        zl_json_first(zl_json_at(object, "metadata", "ownerReferences", NULL));
    for (; owner != NULL; owner = zl_json_next(owner)) {
        if (!zl_same_string(zl_json_text(owner, "kind", NULL), "Namespace")) {
            zl_json_append(owners, zl_json_copy(owner));
        }
    }
    zl_json_set_text(ours, "apiVersion", "v1");
    zl_json_set_text(ours, "kind", "Namespace");
    zl_json_set_text(ours, "name", name);
    zl_json_set_text(ours, "uid", uid);
    zl_json_append(owners, ours);
    struct cJSON *metadata = zl_json_child(patch, "metadata");
    zl_json_set_text(metadata, "resourceVersion",
                     zl_json_text(object, "metadata", "resourceVersion", NULL));
    zl_json_set(metadata, "ownerReferences", owners);
    return patch;
}
