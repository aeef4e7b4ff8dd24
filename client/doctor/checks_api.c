/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks_api.c - the API server itself, and what is installed in it.
 */
#include "client/doctor/checks.h"

#include "common/base/parse.h"
#include "common/objects/policy_fields.h"

#include <inttypes.h>

#define OLDEST_MINOR 20
#define SKEW_US INT64_C(5000000)

enum zl_health zl_check_reachable(const struct zl_doctor_facts *facts,
                                  struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_VERSION];
    if (told->status == ZL_OK) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "%s", told->message);
    return ZL_HEALTH_FAILED;
}

enum zl_health zl_check_version(const struct zl_doctor_facts *facts,
                                struct zl_findings_of_check *out)
{
    const struct cJSON *version = zl_told_tree(facts, ZL_ASKED_VERSION);
    const char *minor = zl_json_text(version, "minor", NULL);
    int64_t number = 0;
    if (minor == NULL) {
        return zl_check_unknown(&facts->told[ZL_ASKED_VERSION], out);
    }
    /* "20+" with some providers */
    ZL_AUTO_FREE char *digits = zl_strndup(minor, strspn(minor, "0123456789"));
    if (zl_parse_i64(digits, 0, 10000, &number, NULL) != ZL_OK || number >= OLDEST_MINOR) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "it is 1.%" PRId64, number);
    return ZL_HEALTH_FAILED;
}

static bool serves(const struct cJSON *groups, const char *version)
{
    const struct cJSON *group = zl_json_first(zl_json_at(groups, "groups", NULL));
    for (; group != NULL; group = zl_json_next(group)) {
        const struct cJSON *served = zl_json_first(zl_json_at(group, "versions", NULL));
        for (; served != NULL; served = zl_json_next(served)) {
            if (zl_same_string(zl_json_text(served, "groupVersion", NULL), version)) {
                return true;
            }
        }
    }
    return false;
}

enum zl_health zl_check_groups(const struct zl_doctor_facts *facts,
                               struct zl_findings_of_check *out)
{
    static const char *const wanted[][2] = {
        {"coordination.k8s.io/v1", "coordination.k8s.io/v1"},
        {"apps/v1", "apps/v1"},
        {"batch/v1", "batch/v1"},
        {"discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"},
        {"admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1"},
    };
    const struct cJSON *groups = zl_told_tree(facts, ZL_ASKED_GROUPS);
    if (groups == NULL) {
        return zl_check_unknown(&facts->told[ZL_ASKED_GROUPS], out);
    }
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!serves(groups, wanted[i][0]) && !serves(groups, wanted[i][1])) {
            zl_check_say(out, "%s is not served", wanted[i][0]);
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_FAILED;
}

enum zl_health zl_check_clock(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out)
{
    const int64_t skew_us = zl_doctor_skew_us(facts);
    if (zl_told_tree(facts, ZL_ASKED_TIME) == NULL) {
        return zl_check_unknown(&facts->told[ZL_ASKED_TIME], out);
    }
    if (skew_us > -SKEW_US && skew_us < SKEW_US) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "the server's is %" PRId64 " s %s",
                 (skew_us < 0 ? -skew_us : skew_us) / 1000000, skew_us < 0 ? "behind" : "ahead");
    return ZL_HEALTH_WARNED;
}

enum zl_health zl_check_crd(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_KINDS];
    const struct cJSON *resource = zl_json_first(zl_json_at(told->tree, "resources", NULL));
    for (; resource != NULL; resource = zl_json_next(resource)) {
        if (zl_same_string(zl_json_text(resource, "name", NULL), "leaderpolicies")) {
            return ZL_HEALTH_GOOD;
        }
    }
    if (told->status != ZL_OK && told->status != ZL_E_NOT_FOUND) {
        return zl_check_unknown(told, out);
    }
    if (zl_told_tree(facts, ZL_ASKED_CONTROLLER_LEASE) != NULL) {
        return ZL_HEALTH_ABSENT; /* installed for annotated Services alone */
    }
    zl_check_say(out, "zen-lead is not installed here");
    return ZL_HEALTH_FAILED;
}

/* The schema of PART ("spec") in the version that we speak. */
static const struct cJSON *schema_of(const struct cJSON *crd, const char *part)
{
    const struct cJSON *version = zl_json_first(zl_json_at(crd, "spec", "versions", NULL));
    while (version != NULL && !zl_same_string(zl_json_text(version, "name", NULL), "v1alpha1")) {
        version = zl_json_next(version);
    }
    return zl_json_at(version, "schema", "openAPIV3Schema", "properties", part, "properties", NULL);
}

enum zl_health zl_check_crd_fields(const struct zl_doctor_facts *facts,
                                   struct zl_findings_of_check *out)
{
    /* Without these a token could be given twice, or a tick be executed twice. */
    static const char *const status[] = {"fencingToken", "ticks", "currentHolder", "conditions"};
    const struct cJSON *crd = zl_told_tree(facts, ZL_ASKED_CRD);
    if (facts->told[ZL_ASKED_CRD].status == ZL_E_NOT_FOUND) {
        return ZL_HEALTH_ABSENT; /* ZL0201 says so */
    }
    if (crd == NULL) {
        return zl_check_unknown(&facts->told[ZL_ASKED_CRD], out);
    }
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        if (zl_json_at(schema_of(crd, "spec"), field->name, NULL) == NULL) {
            zl_check_say(out, "spec.%s is missing", field->name);
        }
    }
    for (size_t i = 0; i < sizeof status / sizeof status[0]; i++) {
        if (zl_json_at(schema_of(crd, "status"), status[i], NULL) == NULL) {
            zl_check_say(out, "status.%s is missing", status[i]);
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_FAILED;
}

/* --- rights --- */

static bool forbids(const struct zl_right *right)
{
    return strcmp(right->verb, "patch") == 0 && strcmp(right->resource, "pods") == 0;
}

enum zl_health zl_check_rights(const struct zl_doctor_facts *facts,
                               struct zl_findings_of_check *out)
{
    bool known = false;
    if (facts->told[ZL_ASKED_KINDS].status == ZL_E_NOT_FOUND) {
        return ZL_HEALTH_ABSENT;
    }
    for (size_t i = 0; i < facts->right_count; i++) {
        const struct zl_right *right = &facts->rights[i];
        known = known || (right->asked && right->status == ZL_OK);
        if (right->asked && right->status == ZL_OK && !right->allowed && !forbids(right)) {
            zl_check_say(out, "%s may not %s %s", right->account, right->verb, right->resource);
        }
    }
    if (!known) {
        zl_check_say(out, "needs the right to create subjectaccessreviews");
        return ZL_HEALTH_UNKNOWN;
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_FAILED;
}

static bool any_pool_labels(const struct zl_doctor_facts *facts)
{
    const struct cJSON *policy = zl_json_first(facts->told[ZL_ASKED_POLICIES].tree);
    for (; policy != NULL; policy = zl_json_next(policy)) {
        if (zl_json_bool(policy, false, "spec", "podRoleLabel", NULL)) {
            return true;
        }
    }
    return false;
}

enum zl_health zl_check_no_pod_patch(const struct zl_doctor_facts *facts,
                                     struct zl_findings_of_check *out)
{
    for (size_t i = 0; i < facts->right_count; i++) {
        const struct zl_right *right = &facts->rights[i];
        if (!forbids(right)) {
            continue;
        }
        if (!right->asked || right->status != ZL_OK) {
            zl_check_say(out, "needs the right to create subjectaccessreviews");
            return ZL_HEALTH_UNKNOWN;
        }
        if (right->allowed && !any_pool_labels(facts)) {
            zl_check_say(out, "%s may, and no pool has podRoleLabel: true", right->account);
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_WARNED;
}
