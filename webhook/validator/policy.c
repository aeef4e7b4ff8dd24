/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/validator/policy.h"

#include "common/objects/names.h"
#include "common/objects/service.h"

#include <string.h>

/* metav1.CauseType */
#define INVALID "FieldValueInvalid"
#define UNSUPPORTED "FieldValueNotSupported"
#define TOO_LONG "FieldValueTooLong"

enum { POOL_NAME_MAX = 63 }; /* it is a label's value */

static const struct number {
    const char *name, *path;
    int64_t min, max, fallback;
} NUMBERS[] = {
    {"leaseDurationSeconds", "spec.leaseDurationSeconds", 5, 3600, 15},
    {"renewDeadlineSeconds", "spec.renewDeadlineSeconds", 2, 3599, 10},
    {"retryPeriodSeconds", "spec.retryPeriodSeconds", 1, 3598, 2},
};
enum { LEASE, RENEW, RETRY, NUMBER_COUNT };

static const struct choice {
    const char *name, *path;
    const char *values[2];
} CHOICES[] = {
    {"identityStrategy", "spec.identityStrategy", {"pod", "custom"}},
    {"followerMode", "spec.followerMode", {"scaleDown", "standby"}},
    {"rollout", "spec.rollout", {"Handover", "Recreate"}},
};
enum { CHOICE_COUNT = sizeof CHOICES / sizeof CHOICES[0] };

/* The number as it counts; 0 when there is an error about it. */
static int64_t check_number(const struct cJSON *spec, const struct number *number,
                            struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_at(spec, number->name, NULL);
    if (node == NULL || zl_json_is_null(node)) {
        return number->fallback;
    }
    int64_t value = zl_json_i64(spec, INT64_MIN, number->name, NULL);
    if (value >= number->min && value <= number->max) {
        return value;
    }
    ZL_AUTO_FREE char *shown = zl_json_print(node);
    zl_findings_error(findings, INVALID, number->path,
                      "Invalid value: " ZL_SHOWN ": must be a whole number of seconds from %lld to "
                      "%lld; e.g. %lld",
                      shown, (long long)number->min, (long long)number->max,
                      (long long)number->fallback);
    return 0;
}

/* LOWER's field must be less than UPPER's; 0 stands for a value that was refused already. */
static void check_order(const int64_t *values, int lower, int upper, int64_t example,
                        struct zl_findings *findings)
{
    if (values[lower] == 0 || values[upper] == 0 || values[lower] < values[upper]) {
        return;
    }
    zl_findings_error(findings, INVALID, NUMBERS[lower].path,
                      "Invalid value: %lld: must be less than %s (%lld); e.g. %lld",
                      (long long)values[lower], NUMBERS[upper].path, (long long)values[upper],
                      (long long)example);
}

static void check_times(const struct cJSON *spec, struct zl_findings *findings)
{
    int64_t values[NUMBER_COUNT];
    for (int i = 0; i < NUMBER_COUNT; i++) {
        values[i] = check_number(spec, &NUMBERS[i], findings);
    }
    /* The proportions of the defaults: 15, 10, 2. */
    int64_t retry = values[RENEW] / 5;
    check_order(values, RENEW, LEASE, values[LEASE] * 2 / 3, findings);
    check_order(values, RETRY, RENEW, retry > 0 ? retry : 1, findings);
}

static void check_choice(const struct cJSON *spec, const struct choice *choice,
                         struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_at(spec, choice->name, NULL);
    const char *text = zl_json_value_text(node);
    if (node == NULL || zl_json_is_null(node) || zl_same_string(text, choice->values[0]) ||
        zl_same_string(text, choice->values[1])) {
        return;
    }
    ZL_AUTO_FREE char *shown = zl_json_print(node);
    zl_findings_error(findings, UNSUPPORTED, choice->path,
                      "Unsupported value: " ZL_SHOWN ": supported values: \"%s\", \"%s\"", shown,
                      choice->values[0], choice->values[1]);
}

static void check_role_label(const struct cJSON *spec, struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_at(spec, "podRoleLabel", NULL);
    if (node == NULL || zl_json_is_null(node)) {
        return;
    }
    /* Neither fallback comes through: it is no truth value. */
    if (zl_json_bool(spec, true, "podRoleLabel", NULL) !=
        zl_json_bool(spec, false, "podRoleLabel", NULL)) {
        ZL_AUTO_FREE char *shown = zl_json_print(node);
        zl_findings_error(findings, INVALID, "spec.podRoleLabel",
                          "Invalid value: " ZL_SHOWN ": must be true or false", shown);
    }
}

static bool is_field(const char *name)
{
    for (int i = 0; i < NUMBER_COUNT; i++) {
        if (zl_same_string(name, NUMBERS[i].name)) {
            return true;
        }
    }
    for (int i = 0; i < CHOICE_COUNT; i++) {
        if (zl_same_string(name, CHOICES[i].name)) {
            return true;
        }
    }
    return zl_same_string(name, "podRoleLabel");
}

static void check_fields(const struct cJSON *spec, struct zl_findings *findings)
{
    const struct cJSON *node = zl_json_is_object(spec) ? zl_json_first(spec) : NULL;
    for (; node != NULL; node = zl_json_next(node)) {
        if (!is_field(zl_json_name(node))) {
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
    if (length > POOL_NAME_MAX) {
        zl_findings_error(
            findings, TOO_LONG, "metadata.name",
            "Too long: may not be longer than %d: it is the value of the label " ZL_KEY_POOL
            "; choose a shorter name",
            POOL_NAME_MAX);
        return;
    }
    ZL_AUTO_FREE char *director = zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, name);
    if (!zl_service_name_is_valid(director)) {
        zl_findings_warn(findings, "metadata.name",
                         "no Service can be named <pool>" ZL_DIRECTOR_SUFFIX ", so there is none "
                         "for this pool; use at most %zu of a-z, 0-9 and '-', a letter first",
                         POOL_NAME_MAX - strlen(ZL_DIRECTOR_SUFFIX));
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

void zl_validate_policy(const struct cJSON *object, const struct cJSON *old_object,
                        struct zl_findings *findings)
{
    const struct cJSON *spec = zl_json_at(object, "spec", NULL);
    bool deleting = zl_json_text(object, "metadata", "deletionTimestamp", NULL) != NULL;
    if (deleting ||
        (old_object != NULL && zl_json_same(spec, zl_json_at(old_object, "spec", NULL)))) {
        return;
    }
    /* Errors first: a full list drops what comes later. */
    check_name(object, findings);
    check_times(spec, findings);
    for (int i = 0; i < CHOICE_COUNT; i++) {
        check_choice(spec, &CHOICES[i], findings);
    }
    check_role_label(spec, findings);
    check_fields(spec, findings);
    check_applied(object, findings);
    check_effect(object, findings);
}
