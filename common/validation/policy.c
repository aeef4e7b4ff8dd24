/* SPDX-License-Identifier: Apache-2.0 */
#include "common/validation/policy.h"

#include "common/objects/names.h"
#include "common/objects/policy.h"
#include "common/objects/policy_fields.h"
#include "common/objects/service.h"

#include <string.h>

/* metav1.CauseType */
#define INVALID "FieldValueInvalid"
#define UNSUPPORTED "FieldValueNotSupported"
#define TOO_LONG "FieldValueTooLong"

/* No field's range has it. */
enum { NO_SECONDS = -1 };

/* The number as it counts; NO_SECONDS: it is none that may be. */
static int64_t seconds_of(const struct cJSON *spec, const struct zl_policy_field *field)
{
    const struct cJSON *node = zl_json_at(spec, field->name, NULL);
    if (node == NULL || zl_json_is_null(node)) {
        return field->fallback;
    }
    int64_t value = zl_json_i64(spec, INT64_MIN, field->name, NULL);
    return value >= field->min && value <= field->max ? value : NO_SECONDS;
}

static void check_seconds(const struct cJSON *spec, const struct zl_policy_field *field,
                          struct zl_findings *findings)
{
    if (seconds_of(spec, field) != NO_SECONDS) {
        return;
    }
    ZL_AUTO_FREE char *shown = zl_json_print(zl_json_at(spec, field->name, NULL));
    zl_findings_error(findings, INVALID, field->path,
                      "Invalid value: " ZL_SHOWN ": must be a whole number of seconds from %lld to "
                      "%lld; e.g. %lld",
                      shown, (long long)field->min, (long long)field->max,
                      (long long)field->fallback);
}

/* FIELD must be less than another one, unless one of the two was refused already. */
static void check_order(const struct cJSON *spec, const struct zl_policy_field *field,
                        struct zl_findings *findings)
{
    const struct zl_policy_field *upper = zl_policy_field_find(field->less_than);
    if (upper == NULL) {
        return;
    }
    int64_t value = seconds_of(spec, field);
    int64_t limit = seconds_of(spec, upper);
    if (value == NO_SECONDS || limit == NO_SECONDS || value < limit) {
        return;
    }
    /* In the proportion of the defaults. */
    int64_t example = limit * field->fallback / upper->fallback;
    zl_findings_error(findings, INVALID, field->path,
                      "Invalid value: %lld: must be less than %s (%lld); e.g. %lld",
                      (long long)value, upper->path, (long long)limit,
                      (long long)(example > 0 ? example : 1));
}

static void check_choice(const struct cJSON *spec, const struct zl_policy_field *field,
                         struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_at(spec, field->name, NULL);
    const char *text = zl_json_value_text(node);
    if (node == NULL || zl_json_is_null(node) || zl_same_string(text, field->choices[0]) ||
        zl_same_string(text, field->choices[1])) {
        return;
    }
    ZL_AUTO_FREE char *shown = zl_json_print(node);
    zl_findings_error(findings, UNSUPPORTED, field->path,
                      "Unsupported value: " ZL_SHOWN ": supported values: \"%s\", \"%s\"", shown,
                      field->choices[0], field->choices[1]);
}

static void check_switch(const struct cJSON *spec, const struct zl_policy_field *field,
                         struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_at(spec, field->name, NULL);
    if (node == NULL || zl_json_is_null(node)) {
        return;
    }
    /* Neither fallback comes through: it is no truth value. */
    if (zl_json_bool(spec, true, field->name, NULL) !=
        zl_json_bool(spec, false, field->name, NULL)) {
        ZL_AUTO_FREE char *shown = zl_json_print(node);
        zl_findings_error(findings, INVALID, field->path,
                          "Invalid value: " ZL_SHOWN ": must be true or false", shown);
    }
}

static void check_values(const struct cJSON *spec, enum zl_policy_field_type type,
                         void (*check)(const struct cJSON *spec,
                                       const struct zl_policy_field *field,
                                       struct zl_findings *findings),
                         struct zl_findings *findings)
{
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        if (field->type == type) {
            check(spec, field, findings);
        }
    }
}

static void check_fields(const struct cJSON *spec, struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_is_object(spec) ? zl_json_first(spec) : NULL;
    for (; node != NULL; node = zl_json_next(node)) {
        if (zl_policy_field_find(zl_json_name(node)) == NULL) {
            ZL_AUTO_FREE char *path = zl_asprintf("spec." ZL_SHOWN, zl_json_name(node));
            zl_findings_warn(findings, path,
                             "unknown field, ignored; \"kubectl explain leaderpolicy.spec\" "
                             "lists the known ones");
        }
    }
}

/*
 * The API server drops unknown fields before it asks us (pruning), and before 1.25 it says nothing about them.
 * What "kubectl apply" was given stands in its annotation.
 */
static void check_applied(const struct cJSON *object, struct zl_findings *findings)
{
    const char *applied = zl_json_text(object, "metadata", "annotations",
                                       "kubectl.kubernetes.io/last-applied-configuration", NULL);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    if (applied != NULL && zl_json_parse(applied, strlen(applied), &tree, NULL) == ZL_OK) {
        check_fields(zl_json_at(tree, "spec", NULL), findings);
    }
}

static void check_name(const struct cJSON *object, struct zl_findings *findings)
{
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    if (name == NULL) {
        return;
    }
    size_t length = strlen(name);
    if (length > ZL_POOL_NAME_MAX) {
        zl_findings_error(
            findings, TOO_LONG, "metadata.name",
            "Too long: may not be longer than %d: it is the value of the label " ZL_KEY_POOL
            "; choose a shorter name",
            ZL_POOL_NAME_MAX);
        return;
    }
    if (zl_pool_name_is_reserved(name)) {
        zl_findings_error(
            findings, INVALID, "metadata.name",
            "Invalid value: \"%s\": the Lease of such a pool would be the one by which "
            "zen-lead's controllers elect one of them; choose another name",
            name);
        return;
    }
    ZL_AUTO_FREE char *director = zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, name);
    if (!zl_service_name_is_valid(director)) {
        zl_findings_warn(findings, "metadata.name",
                         "no Service can be named <pool>" ZL_DIRECTOR_SUFFIX ", so there is none "
                         "for this pool; use at most %zu of a-z, 0-9 and '-', a letter first",
                         ZL_POOL_NAME_MAX - strlen(ZL_DIRECTOR_SUFFIX));
    }
}

/* What is allowed and has no effect. */
static void check_effect(const struct cJSON *object, struct zl_findings *findings)
{
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    const char *mode = zl_json_text(object, "spec", "followerMode", NULL);
    bool standby = zl_same_string(mode, "standby");
    /* Handover may be the default that the API server filled in. */
    if (standby && zl_same_string(zl_json_text(object, "spec", "rollout", NULL), "Recreate")) {
        zl_findings_warn(findings, "spec.rollout",
                         "has no effect with followerMode: standby; remove it, or use scaleDown");
    }
    /* As in manifests/base/webhook-configuration.yaml. */
    if (!standby && (zl_same_string(namespace_, "kube-system") ||
                     zl_same_string(namespace_, "zen-lead-system"))) {
        zl_findings_warn(findings, "metadata.namespace",
                         "pods in %s are never gatekept; use followerMode: standby, or another "
                         "namespace",
                         namespace_);
    }
}

static bool is_to_be_judged(const struct cJSON *object, const struct cJSON *old_object)
{
    return zl_json_text(object, "metadata", "deletionTimestamp", NULL) == NULL &&
           (old_object == NULL ||
            !zl_json_same(zl_json_at(object, "spec", NULL), zl_json_at(old_object, "spec", NULL)));
}

void zl_warn_unrefused(const struct cJSON *object, const struct cJSON *old_object,
                       const struct zl_kind *kind, struct zl_findings *findings)
{
    const char *mode = zl_json_text(object, "spec", "followerMode", NULL);
    if (is_to_be_judged(object, old_object) && !zl_same_string(mode, "standby")) {
        zl_findings_warn(findings, "spec.followerMode",
                         "scaleDown refuses no pod of the %s in this pool: all of them run and one "
                         "leads; write followerMode: standby",
                         kind->name);
    }
}

void zl_validate_policy(const struct cJSON *object, const struct cJSON *old_object,
                        struct zl_findings *findings)
{
    const struct cJSON *spec = zl_json_at(object, "spec", NULL);
    if (!is_to_be_judged(object, old_object)) {
        return;
    }
    /* Errors first: a full list drops what comes later. */
    check_name(object, findings);
    check_values(spec, ZL_POLICY_SECONDS, check_seconds, findings);
    check_values(spec, ZL_POLICY_SECONDS, check_order, findings);
    check_values(spec, ZL_POLICY_CHOICE, check_choice, findings);
    check_values(spec, ZL_POLICY_SWITCH, check_switch, findings);
    check_fields(spec, findings);
    check_applied(object, findings);
    check_effect(object, findings);
}
