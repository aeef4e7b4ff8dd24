/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/service.h"
#include "common/base/parse.h"
#include "common/objects/carried.h"
#include "common/objects/names.h"
#include "common/validation/our_keys.h"
#include "common/validation/workload.h"

#include <string.h>

#define FIELD(key) "metadata.annotations[" key "]"

/* @param otherwise  how a value counts that is neither "true" nor "false" */
static void check_truth(const char *value, const char *field, const char *otherwise,
                        struct zl_findings *findings)
{
    if (value != NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        zl_findings_warn(findings, field,
                         "\"" ZL_SHOWN "\" is neither \"true\" nor \"false\"; it counts as \"%s\"",
                         value, otherwise);
    }
}

static void check_duration(const struct cJSON *annotations, const char *key,
                           struct zl_findings *findings)
{
    const char *text = zl_json_text(annotations, key, NULL);
    int64_t ms = 0;
    if (text != NULL && !zl_parse_duration(text, &ms)) {
        ZL_AUTO_FREE char *field = zl_asprintf("metadata.annotations[%s]", key);
        zl_findings_warn(findings, field,
                         "\"" ZL_SHOWN "\" is not a duration and is ignored; write for example 10s "
                         "or 1m30s",
                         text);
    }
}

static void check_words(const struct cJSON *annotations, struct zl_findings *findings)
{
    const char *strategy = zl_json_text(annotations, ZL_KEY_STRATEGY, NULL);
    const char *type = zl_json_text(annotations, ZL_KEY_LEADER_TYPE, NULL);
    enum zl_preference preference;
    const char *known = NULL;
    if (strategy != NULL && !zl_preference_parse(strategy, &preference)) {
        zl_findings_warn(findings, FIELD(ZL_KEY_STRATEGY),
                         "\"" ZL_SHOWN "\" is none of " ZL_PREFERENCE_NAMES
                         " and is ignored: the pod that has been Ready longest leads",
                         strategy);
    }
    if (type != NULL && !zl_leader_type_parse(type, &known)) {
        zl_findings_warn(findings, FIELD(ZL_KEY_LEADER_TYPE),
                         "\"" ZL_SHOWN "\" is none of " ZL_LEADER_TYPE_NAMES
                         " and is ignored: the leader Service is of type ClusterIP",
                         type);
    }
}

static void check_copied(const struct cJSON *map, const struct cJSON *annotations, const char *key,
                         struct zl_findings *findings)
{
    ZL_AUTO_FREE char *field = zl_asprintf("metadata.annotations[%s]", key);
    const char *names = zl_json_text(annotations, key, NULL);
    size_t length = 0;
    bool is_cut = false;
    const char *refused = zl_carried_refused(names, &length);
    if (refused != NULL) {
        zl_findings_warn(findings, field,
                         "%.*s is never copied: a GitOps tool, kubectl or zen-lead would take the "
                         "leader Service for its own; leave it out",
                         length < 64 ? (int)length : 64, refused);
    }
    free(zl_carried_pick(map, names, &is_cut));
    if (is_cut) {
        zl_findings_warn(findings, field, "names more than 16 KiB; the rest is left out");
    }
}

/* What only counts beside zen-lead.io/enabled: "true". */
static void check_alone(const struct cJSON *annotations, struct zl_findings *findings)
{
    static const char *const keys[] = {
        ZL_KEY_LEADER_SERVICE, ZL_KEY_STICKY,      ZL_KEY_MIN_READY,
        ZL_KEY_STRATEGY,       ZL_KEY_LEADER_TYPE, ZL_KEY_FAILOVER_DELAY,
        ZL_KEY_COPY_LABELS,    ZL_KEY_POOL,        ZL_KEY_COPY_ANNOTATIONS};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (zl_json_text(annotations, keys[i], NULL) != NULL) {
            ZL_AUTO_FREE char *field = zl_asprintf("metadata.annotations[%s]", keys[i]);
            zl_findings_warn(findings, field,
                             "has no effect without the annotation " ZL_KEY_ENABLED ": \"true\"");
        }
    }
}

static void check_leader_name(const char *own, const char *wanted, struct zl_findings *findings)
{
    if (wanted == NULL || wanted[0] == '\0') {
        ZL_AUTO_FREE char *name = zl_asprintf("%s" ZL_LEADER_SUFFIX, own);
        if (!zl_service_name_is_valid(name)) {
            zl_findings_warn(findings, "metadata.name",
                             "no Service can be named <name>" ZL_LEADER_SUFFIX
                             ", so none is made; set the annotation " ZL_KEY_LEADER_SERVICE);
        }
    } else if (zl_same_string(own, wanted)) {
        zl_findings_warn(findings, FIELD(ZL_KEY_LEADER_SERVICE),
                         "names the Service itself, so no leader Service is made; choose another "
                         "name");
    } else if (!zl_service_name_is_valid(wanted)) {
        zl_findings_warn(findings, FIELD(ZL_KEY_LEADER_SERVICE),
                         "\"" ZL_SHOWN "\" cannot be the name of a Service; use at most 63 of a-z, "
                         "0-9 and '-', a letter first",
                         wanted);
    }
}

static void check_pods(const struct cJSON *spec, struct zl_findings *findings)
{
    if (zl_same_string(zl_json_text(spec, "type", NULL), "ExternalName")) {
        zl_findings_warn(findings, "spec.type",
                         "a Service of type ExternalName has no pods, so none can lead; annotate "
                         "one with a selector");
    } else if (zl_json_count(zl_json_at(spec, "selector", NULL)) == 0) {
        zl_findings_warn(findings, "spec.selector",
                         "is empty, so there are no pods to choose a leader from; set it");
    }
}

void zl_warn_service(const struct cJSON *object, const struct zl_warned_policy *pool,
                     struct zl_findings *findings)
{
    const struct cJSON *annotations = zl_json_at(object, "metadata", "annotations", NULL);
    const char *enabled = zl_json_text(annotations, ZL_KEY_ENABLED, NULL);
    const char *joined = zl_json_text(annotations, ZL_KEY_POOL, NULL);
    const char *own = zl_json_text(object, "metadata", "name", NULL);

    zl_keys_check(zl_json_at(object, "metadata", "labels", NULL), ZL_PLACE_SERVICE_LABEL,
                  "metadata.labels", findings);
    zl_keys_check(annotations, ZL_PLACE_SERVICE_ANNOTATION, "metadata.annotations", findings);
    check_truth(enabled, FIELD(ZL_KEY_ENABLED), "false", findings);
    check_truth(zl_json_text(annotations, ZL_KEY_STICKY, NULL), FIELD(ZL_KEY_STICKY), "true",
                findings);
    check_duration(annotations, ZL_KEY_MIN_READY, findings);
    check_duration(annotations, ZL_KEY_FAILOVER_DELAY, findings);
    check_words(annotations, findings);
    check_copied(zl_json_at(object, "metadata", "labels", NULL), annotations, ZL_KEY_COPY_LABELS,
                 findings);
    check_copied(annotations, annotations, ZL_KEY_COPY_ANNOTATIONS, findings);
    if (joined != NULL) {
        zl_warn_pool_name(joined, FIELD(ZL_KEY_POOL), findings);
    }
    if (joined != NULL && joined[0] != '\0' && pool->missing) {
        zl_warn_policy_missing(joined, FIELD(ZL_KEY_POOL), findings);
    }
    if (!zl_same_string(enabled, "true")) {
        check_alone(annotations, findings);
        return;
    }
    check_pods(zl_json_at(object, "spec", NULL), findings);
    check_leader_name(own != NULL ? own : "",
                      zl_json_text(annotations, ZL_KEY_LEADER_SERVICE, NULL), findings);
}
