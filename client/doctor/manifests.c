/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/manifests.h"

#include "common/kinds/kind.h"
#include "common/kube/yaml.h"
#include "common/objects/budget.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "common/validation/policy.h"
#include "common/validation/workload.h"

void zl_manifests_clear(struct zl_manifests *manifests)
{
    for (size_t i = 0; i < manifests->count; i++) {
        zl_json_free(manifests->items[i].object);
        zl_findings_clear(&manifests->items[i].findings);
    }
    free(manifests->items);
    *manifests = (struct zl_manifests){0};
}

/* --- reading --- */

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* The API server gives each object a uid, and our decoders insist on it. */
static void give_uid(struct cJSON *object, size_t number)
{
    struct cJSON *metadata = zl_json_child(object, "metadata");
    if (zl_json_is_object(metadata) && zl_json_text(metadata, "uid", NULL) == NULL) {
        char uid[32];
        (void)snprintf(uid, sizeof uid, "manifest-%zu", number);
        zl_json_set_text(metadata, "uid", uid);
    }
}

static enum zl_status add(struct zl_manifests *manifests, const struct cJSON *object, size_t line,
                          struct zl_error *err)
{
    const char *kind = zl_json_text(object, "kind", NULL);
    if (kind == NULL || zl_json_text(object, "apiVersion", NULL) == NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the document at line %zu is no object of Kubernetes: apiVersion and "
                            "kind are needed",
                            line);
    }
    manifests->items = zl_realloc(manifests->items, manifests->count + 1, sizeof *manifests->items);
    struct zl_manifest *item = &manifests->items[manifests->count++];
    *item = (struct zl_manifest){.object = zl_json_copy(object), .line = line};
    give_uid(item->object, manifests->count);
    const char *name = zl_json_text(item->object, "metadata", "name", NULL);
    item->kind = zl_json_text(item->object, "kind", NULL);
    item->name = name != NULL
                     ? name
                     : text_or_empty(zl_json_text(item->object, "metadata", "generateName", NULL));
    return ZL_OK;
}

/* One document, which may be empty, or a List. */
static enum zl_status read_document(const char *text, size_t length, size_t line,
                                    struct zl_manifests *out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    enum zl_status status = zl_yaml_parse_manifest(text, length, &tree, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "the document at line %zu", line);
    }
    if (zl_json_is_null(tree)) {
        return ZL_OK;
    }
    const struct cJSON *items = zl_json_at(tree, "items", NULL);
    if (!zl_json_is_array(items)) {
        return add(out, tree, line, err);
    }
    for (const struct cJSON *item = zl_json_first(items); item != NULL && status == ZL_OK;
         item = zl_json_next(item)) {
        status = add(out, item, line, err);
    }
    return status;
}

/* "---" at a line's beginning divides documents wherever it stands, by YAML's own rules. */
static bool divides(const char *line, size_t left)
{
    return left >= 3 && strncmp(line, "---", 3) == 0 &&
           (left == 3 || strchr(" \t\r\n", line[3]) != NULL);
}

enum zl_status zl_manifests_read(const char *text, size_t length, struct zl_manifests *out,
                                 struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    size_t begin = 0, begin_line = 1, line = 1;
    for (size_t at = 0; at < length && status == ZL_OK; line++) {
        if (at > begin && divides(text + at, length - at)) {
            status = read_document(text + begin, at - begin, begin_line, out, err);
            begin = at;
            begin_line = line;
        }
        const char *end = memchr(text + at, '\n', length - at);
        at = end != NULL ? (size_t)(end - text) + 1 : length;
    }
    return status == ZL_OK ? read_document(text + begin, length - begin, begin_line, out, err)
                           : status;
}

/* --- what they are --- */

static bool is_of_group(const struct zl_manifest *manifest, const char *group)
{
    const char *version = text_or_empty(zl_json_text(manifest->object, "apiVersion", NULL));
    const char *slash = strchr(version, '/');
    const size_t length = slash != NULL ? (size_t)(slash - version) : 0;
    return strlen(group) == length && strncmp(version, group, length) == 0;
}

static bool is_policy(const struct zl_manifest *manifest)
{
    return strcmp(manifest->kind, ZL_POLICY_KIND) == 0 && is_of_group(manifest, ZL_POLICY_GROUP);
}

/* NULL: none that joins pools. */
static const struct zl_kind *kind_of(const struct zl_manifest *manifest)
{
    const struct zl_kind *kind = zl_kind_named(manifest->kind);
    return kind != NULL && is_of_group(manifest, kind->resource.group) ? kind : NULL;
}

static bool is_member(const struct zl_manifest *manifest, const char *namespace_, const char *pool)
{
    const struct zl_kind *kind = kind_of(manifest);
    return kind != NULL && strcmp(manifest->namespace_, namespace_) == 0 &&
           zl_same_string(kind->pool_in_json(manifest->object), pool);
}

static int64_t replicas_of(const struct cJSON *object)
{
    return zl_json_i64(object, 1, "spec", "replicas", NULL);
}

/* --- judging --- */

/* The API server refuses a label or annotation that is no text: unquoted true, no and 5 are none. */
static void judge_map(struct zl_manifest *manifest, const char *map)
{
    for (const struct cJSON *entry =
             zl_json_first(zl_json_at(manifest->object, "metadata", map, NULL));
         entry != NULL; entry = zl_json_next(entry)) {
        const char *key = text_or_empty(zl_json_name(entry));
        if (strstr(key, "zen-lead") == NULL || zl_json_is_text(entry)) {
            continue;
        }
        ZL_AUTO_FREE char *field = zl_asprintf("metadata.%s[" ZL_SHOWN "]", map, key);
        ZL_AUTO_FREE char *value = zl_json_print(entry);
        zl_findings_error(&manifest->findings, "FieldValueInvalid", field,
                          "Invalid value: " ZL_SHOWN ": must be text; put it in quotes", value);
        manifest->concerns_us = true;
    }
}

static void judge_policy(const struct zl_manifests *all, struct zl_manifest *policy)
{
    const char *version = zl_json_text(policy->object, "apiVersion", NULL);
    policy->concerns_us = true;
    if (!zl_same_string(version, ZL_POLICY_API_VERSION)) {
        zl_findings_error(&policy->findings, "FieldValueNotSupported", "apiVersion",
                          "Unsupported value: \"" ZL_SHOWN "\": supported values: "
                          "\"" ZL_POLICY_API_VERSION "\"",
                          version);
    }
    zl_validate_policy(policy->object, NULL, &policy->findings);
    for (size_t i = 0; i < all->count; i++) {
        const struct zl_kind *kind = kind_of(&all->items[i]);
        if (kind != NULL && !kind->takes_turns && kind->wanted == NULL &&
            is_member(&all->items[i], policy->namespace_, policy->name)) {
            zl_warn_unrefused(policy->object, NULL, kind, &policy->findings);
            return;
        }
    }
}

/* The LeaderPolicy of POOL, decoded; NULL: it is not here, or no policy. */
static struct zl_policy *find_policy(const struct zl_manifests *all, const char *namespace_,
                                     const char *pool, bool *is_here)
{
    struct zl_policy *policy = NULL;
    for (size_t i = 0; i < all->count; i++) {
        const struct zl_manifest *item = &all->items[i];
        if (is_policy(item) && strcmp(item->name, pool) == 0 &&
            strcmp(item->namespace_, namespace_) == 0) {
            *is_here = true;
            return zl_policy_decode(item->object, &policy, NULL) == ZL_OK ? policy : NULL;
        }
    }
    return NULL;
}

static struct zl_warned_policy known_of(const struct zl_manifests *all,
                                        const struct zl_manifest *object, const char *pool,
                                        const struct zl_policy *policy)
{
    struct zl_warned_policy known = {.policy = policy};
    for (size_t i = 0; i < all->count; i++) {
        const struct zl_manifest *item = &all->items[i];
        if (item == object || !is_member(item, object->namespace_, pool)) {
            continue;
        }
        const struct zl_kind *kind = kind_of(item);
        known.has_jobs = known.has_jobs || kind->takes_turns;
        known.has_workloads = known.has_workloads || !kind->takes_turns;
        known.others += kind->wanted != NULL ? replicas_of(item->object) : 0;
    }
    return known;
}

/* Budgets and autoscalers that cannot work beside one pod of several. */
static void judge_neighbours(const struct zl_manifests *all, struct zl_manifest *object,
                             const struct zl_kind *kind)
{
    const struct cJSON *template = zl_json_at_path(object->object, kind->pod_template);
    const int64_t replicas = replicas_of(object->object);
    ZL_AUTO_FREE char *labels = zl_labels_pack(zl_json_at(template, "metadata", "labels", NULL));
    for (size_t i = 0; i < all->count; i++) {
        const struct zl_manifest *item = &all->items[i];
        ZL_AUTO_FREE char *complaint = NULL;
        if (strcmp(item->namespace_, object->namespace_) != 0) {
            continue;
        }
        if (strcmp(item->kind, "PodDisruptionBudget") == 0 &&
            zl_budget_forbids(item->object, labels, replicas)) {
            complaint = zl_budget_complaint(item->object, kind->name, object->name, replicas);
        } else if (strcmp(item->kind, "HorizontalPodAutoscaler") == 0 &&
                   zl_autoscaler_scales(item->object, kind->name, object->name)) {
            complaint = zl_autoscaler_complaint(item->object, kind->name, object->name);
        }
        if (complaint != NULL) {
            zl_findings_warn(&object->findings, "spec.replicas", "%s", complaint);
        }
    }
}

/* KIND: NULL of a Service. */
static void judge_member(const struct zl_manifests *all, struct zl_manifest *object,
                         const struct zl_kind *kind)
{
    if (!zl_warned_concerns(kind, object->object, NULL)) {
        return;
    }
    object->concerns_us = true;
    struct zl_policy *policy = NULL;
    struct zl_warned_policy known = {0};
    const char *pool = zl_warned_pool(kind, object->object);
    if (pool != NULL && zl_pool_name_is_valid(pool)) {
        bool is_here = false;
        policy = find_policy(all, object->namespace_, pool, &is_here);
        known = known_of(all, object, pool, policy);
        object->elsewhere = is_here ? NULL : pool;
    }
    zl_warn_workload(kind, object->object, &known, &object->findings);
    if (kind != NULL && policy != NULL) {
        zl_warn_of_volumes(kind, object->object, policy, &object->findings);
    }
    if (kind != NULL && policy != NULL && !policy->standby && kind->wanted != NULL &&
        replicas_of(object->object) > 1) {
        judge_neighbours(all, object, kind);
    }
    zl_policy_free(policy);
}

void zl_manifests_judge(struct zl_manifests *manifests, const char *namespace_)
{
    for (size_t i = 0; i < manifests->count; i++) {
        const char *own = zl_json_text(manifests->items[i].object, "metadata", "namespace", NULL);
        manifests->items[i].namespace_ = own != NULL ? own : namespace_;
    }
    for (size_t i = 0; i < manifests->count; i++) {
        struct zl_manifest *item = &manifests->items[i];
        const struct zl_kind *kind = kind_of(item);
        const bool is_service = strcmp(item->kind, "Service") == 0 && is_of_group(item, "");
        judge_map(item, "labels");
        judge_map(item, "annotations");
        if (is_policy(item)) {
            judge_policy(manifests, item);
        } else if (kind != NULL || is_service) {
            judge_member(manifests, item, kind);
        }
    }
}
