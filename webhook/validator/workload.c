/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/validator/workload.h"

#include "common/objects/names.h"
#include "common/objects/service.h"
#include "common/objects/workload.h"
#include "webhook/validator/our_keys.h"

#include <string.h>

enum { POOL_NAME_MAX = 63 };

static const struct kind {
    const char *group, *resource, *name;
} KINDS[ZL_WARNED_COUNT] = {
    [ZL_WARNED_DEPLOYMENT] = {"apps", "deployments", "Deployment"},
    [ZL_WARNED_STATEFULSET] = {"apps", "statefulsets", "StatefulSet"},
    [ZL_WARNED_JOB] = {"batch", "jobs", "Job"},
    [ZL_WARNED_CRONJOB] = {"batch", "cronjobs", "CronJob"},
    [ZL_WARNED_SERVICE] = {"", "services", "Service"},
};

enum zl_warned_kind zl_warned_kind_of(const char *group, const char *resource)
{
    int kind = 0;
    while (kind < ZL_WARNED_COUNT &&
           (strcmp(KINDS[kind].group, group) != 0 || strcmp(KINDS[kind].resource, resource) != 0)) {
        kind++;
    }
    return (enum zl_warned_kind)kind;
}

/* --- where our keys may stand ----------------------------------------------------------------- */

static const struct cJSON *template_of(enum zl_warned_kind kind, const struct cJSON *object)
{
    return kind == ZL_WARNED_CRONJOB
               ? zl_json_at(object, "spec", "jobTemplate", "spec", "template", "metadata", NULL)
               : zl_json_at(object, "spec", "template", "metadata", NULL);
}

/* A CronJob's Jobs get these. NULL for other kinds. */
static const struct cJSON *job_of(const struct cJSON *object)
{
    return zl_json_at(object, "spec", "jobTemplate", "metadata", NULL);
}

enum { MAPS_MAX = 6 };

static const struct map {
    const char *member, *path, *cronjob_path;
    enum zl_key_place place;
    bool in_template, in_job; /* neither: in the object's own metadata */
} MAPS[MAPS_MAX] = {
    {"labels", "metadata.labels", "metadata.labels", ZL_PLACE_WORKLOAD_LABEL, false, false},
    {"annotations", "metadata.annotations", "metadata.annotations", ZL_PLACE_WORKLOAD_ANNOTATION,
     false, false},
    {"annotations", "spec.template.metadata.annotations",
     "spec.jobTemplate.spec.template.metadata.annotations", ZL_PLACE_TEMPLATE_ANNOTATION, true,
     false},
    {"labels", "spec.template.metadata.labels", "spec.jobTemplate.spec.template.metadata.labels",
     ZL_PLACE_TEMPLATE_LABEL, true, false},
    {"labels", "", "spec.jobTemplate.metadata.labels", ZL_PLACE_WORKLOAD_LABEL, false, true},
    {"annotations", "", "spec.jobTemplate.metadata.annotations", ZL_PLACE_WORKLOAD_ANNOTATION,
     false, true},
};

static const struct cJSON *map_in(enum zl_warned_kind kind, const struct cJSON *object, int i)
{
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    if (MAPS[i].in_template) {
        metadata = template_of(kind, object);
    } else if (MAPS[i].in_job) {
        metadata = job_of(object);
    }
    return zl_json_at(metadata, MAPS[i].member, NULL);
}

static const char *path_of(enum zl_warned_kind kind, int i)
{
    return kind == ZL_WARNED_CRONJOB ? MAPS[i].cronjob_path : MAPS[i].path;
}

/* --- is there anything to say? ---------------------------------------------------------------- */

static bool carries_keys(enum zl_warned_kind kind, const struct cJSON *object)
{
    for (int i = 0; i < MAPS_MAX; i++) {
        if (zl_keys_any(map_in(kind, object, i))) {
            return true;
        }
    }
    return false;
}

static bool has_changed(enum zl_warned_kind kind, const struct cJSON *object,
                        const struct cJSON *old_object)
{
    for (int i = 0; i < MAPS_MAX; i++) {
        if (!zl_keys_same(map_in(kind, object, i), map_in(kind, old_object, i))) {
            return true;
        }
    }
    return !zl_json_same(zl_json_at(object, "spec", NULL), zl_json_at(old_object, "spec", NULL));
}

static bool is_made_by_cronjob(const struct cJSON *object)
{
    struct zl_controller_ref owner;
    zl_controller_ref_decode(zl_json_at(object, "metadata", NULL), &owner);
    bool is = zl_same_string(owner.kind, "CronJob");
    zl_controller_ref_clear(&owner);
    return is;
}

bool zl_warned_concerns(enum zl_warned_kind kind, const struct cJSON *object,
                        const struct cJSON *old_object)
{
    if (kind == ZL_WARNED_COUNT || !carries_keys(kind, object) ||
        zl_json_text(object, "metadata", "deletionTimestamp", NULL) != NULL ||
        zl_same_string(zl_json_text(object, "metadata", "labels", ZL_KEY_MANAGED_BY, NULL),
                       ZL_MANAGED_BY)) {
        return false;
    }
    if (kind == ZL_WARNED_JOB && is_made_by_cronjob(object)) {
        return false;
    }
    return old_object == NULL || has_changed(kind, object, old_object);
}

static const char *pool_of(enum zl_warned_kind kind, const struct cJSON *object)
{
    const char *pool = zl_pool_of(zl_json_at(object, "metadata", NULL), template_of(kind, object));
    if (pool == NULL && kind == ZL_WARNED_CRONJOB) {
        pool = zl_pool_of(job_of(object), template_of(kind, object));
    }
    return pool;
}

const char *zl_warned_pool(enum zl_warned_kind kind, const struct cJSON *object)
{
    if (kind != ZL_WARNED_SERVICE) {
        return pool_of(kind, object);
    }
    const char *pool = zl_json_text(object, "metadata", "annotations", ZL_KEY_POOL, NULL);
    return pool != NULL && pool[0] != '\0' ? pool : NULL;
}

/* --- the values of our keys ------------------------------------------------------------------- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* An RFC 1123 subdomain, as the API server asks of a custom resource's name. */
bool zl_pool_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        bool inside = i > 0 && i + 1 < length;
        bool dash = name[i] == '-' && inside;
        bool dot = name[i] == '.' && inside && is_plain(name[i - 1]) && is_plain(name[i + 1]);
        if (!is_plain(name[i]) && !dash && !dot) {
            return false;
        }
    }
    return length > 0 && length <= POOL_NAME_MAX;
}

void zl_warn_pool_name(const char *value, const char *field, struct zl_findings *findings)
{
    if (value[0] == '\0') {
        zl_findings_warn(findings, field, "is empty, so no pool is joined; name a LeaderPolicy");
    } else if (!zl_pool_name_is_valid(value)) {
        zl_findings_warn(findings, field,
                         "\"" ZL_SHOWN "\" cannot be the name of a LeaderPolicy; use at most %d of "
                         "a-z, 0-9, '-' and '.'",
                         value, POOL_NAME_MAX);
    }
}

void zl_warn_policy_missing(const char *pool, const char *field, struct zl_findings *findings)
{
    zl_findings_warn(findings, field,
                     "LeaderPolicy \"" ZL_SHOWN "\" does not exist in this namespace, so the pool "
                     "does nothing; create it",
                     pool);
}

static void check_join(const char *value, const char *field, struct zl_findings *findings)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        zl_findings_warn(findings, field,
                         "\"" ZL_SHOWN "\" is neither \"true\" nor \"false\" and has no effect; "
                         "only \"false\" opts out",
                         value);
    }
}

/*
 * @param winner  the field that names POOL; the caller frees. NULL: nobody names one
 */
static void check_values(enum zl_warned_kind kind, const struct cJSON *object, char **winner,
                         struct zl_findings *findings)
{
    const char *pool = NULL;
    *winner = NULL;
    for (int i = 0; i < MAPS_MAX; i++) {
        const struct cJSON *map = map_in(kind, object, i);
        const char *named = zl_json_text(map, ZL_KEY_POOL, NULL);
        const char *join = zl_json_text(map, ZL_KEY_JOIN, NULL);
        bool is_label = strcmp(MAPS[i].member, "labels") == 0;
        if (join != NULL && !is_label) {
            ZL_AUTO_FREE char *field = zl_asprintf("%s[" ZL_KEY_JOIN "]", path_of(kind, i));
            check_join(join, field, findings);
        }
        if (named == NULL || MAPS[i].place == ZL_PLACE_TEMPLATE_LABEL) {
            continue;
        }
        ZL_AUTO_FREE char *field = zl_asprintf("%s[" ZL_KEY_POOL "]", path_of(kind, i));
        zl_warn_pool_name(named, field, findings);
        if (pool == NULL && named[0] != '\0') {
            pool = named;
            *winner = ZL_STEAL(&field);
        } else if (pool != NULL && strcmp(pool, named) != 0) {
            zl_findings_warn(findings, field,
                             "\"" ZL_SHOWN "\" is ignored: %s names \"" ZL_SHOWN "\"; keep one",
                             named, *winner, pool);
        }
    }
}

/* --- a workload in its pool ------------------------------------------------------------------- */

static void check_rollout(enum zl_warned_kind kind, const struct cJSON *object, int64_t replicas,
                          struct zl_findings *findings)
{
    const char *strategy = zl_json_text(object, "spec", "strategy", "type", NULL);
    if (kind == ZL_WARNED_DEPLOYMENT && !zl_same_string(strategy, "Recreate")) {
        zl_findings_warn(findings, "spec.strategy.type",
                         "1 of %lld replicas runs (followerMode: scaleDown), so it never reports "
                         "all replicas available; followerMode: standby runs all, strategy: "
                         "Recreate starts no pod beside the leader",
                         (long long)replicas);
    }
}

static void check_identity(const struct zl_policy *policy, enum zl_warned_kind kind,
                           const struct cJSON *object, struct zl_findings *findings)
{
    bool has =
        zl_json_text(template_of(kind, object), "annotations", ZL_KEY_IDENTITY, NULL) != NULL;
    if (policy->custom_identity && !has) {
        zl_findings_warn(findings, "spec.template.metadata.annotations",
                         "no " ZL_KEY_IDENTITY ", which identityStrategy: custom reads; the Lease "
                         "will name <pod>_<uid>");
    } else if (!policy->custom_identity && has) {
        zl_findings_warn(findings, "spec.template.metadata.annotations[" ZL_KEY_IDENTITY "]",
                         "has no effect without identityStrategy: custom in the LeaderPolicy");
    }
}

static void check_member(enum zl_warned_kind kind, const struct cJSON *object,
                         const struct zl_policy *policy, struct zl_findings *findings)
{
    int64_t replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
    if (replicas <= 1) {
        zl_findings_warn(findings, "spec.replicas",
                         "%lld: high availability is skipped, every pod is let in; use 2 or more",
                         (long long)replicas);
    } else if (!policy->standby) {
        check_rollout(kind, object, replicas, findings);
    }
    check_identity(policy, kind, object, findings);

    const char *name = zl_json_text(object, "metadata", "name", NULL);
    ZL_AUTO_FREE char *service = zl_asprintf("%s" ZL_LEADER_SUFFIX, name != NULL ? name : "");
    if (name != NULL && !zl_service_name_is_valid(service)) {
        zl_findings_warn(findings, "metadata.name",
                         "no Service can be named <name>" ZL_LEADER_SUFFIX ", so there is none; "
                         "use at most %zu of a-z, 0-9 and '-', a letter first",
                         POOL_NAME_MAX - strlen(ZL_LEADER_SUFFIX));
    }
}

/* @param field  where NAME, the pool, was found */
static void check_neighbours(const struct zl_warned_policy *pool, const char *name,
                             const char *field, struct zl_findings *findings)
{
    if (pool->has_jobs && !pool->policy->standby) {
        zl_findings_warn(findings, field,
                         "pool \"" ZL_SHOWN "\" has Jobs or CronJobs, which do not start beside a "
                         "Deployment or StatefulSet; give each a pool of its own",
                         name);
    }
}

/* --- a Job or CronJob in its pool ------------------------------------------------------------- */

static void check_guarded(enum zl_warned_kind kind, const struct cJSON *object,
                          const struct zl_warned_policy *pool, const char *name, const char *field,
                          struct zl_findings *findings)
{
    bool scheduled = kind == ZL_WARNED_CRONJOB;
    const struct cJSON *spec = scheduled ? zl_json_at(object, "spec", "jobTemplate", "spec", NULL)
                                         : zl_json_at(object, "spec", NULL);
    int64_t parallelism = zl_json_i64(spec, 1, "parallelism", NULL);
    if (pool->policy->standby) {
        zl_findings_warn(findings, field,
                         "pool \"" ZL_SHOWN "\" has followerMode: standby, so its Jobs do not take "
                         "turns and all execute at once; use scaleDown",
                         name);
        return;
    }
    if (pool->has_workloads) {
        zl_findings_warn(findings, field,
                         "pool \"" ZL_SHOWN "\" has a Deployment or StatefulSet, beside which Jobs "
                         "do not start; give them a pool of their own",
                         name);
    }
    if (parallelism > 1) {
        zl_findings_warn(
            findings, scheduled ? "spec.jobTemplate.spec.parallelism" : "spec.parallelism",
            "%lld: pods of a pool's Jobs execute one at a time; use 1", (long long)parallelism);
    }
}

void zl_warn_workload(enum zl_warned_kind kind, const struct cJSON *object,
                      const struct zl_warned_policy *pool, struct zl_findings *findings)
{
    if (kind == ZL_WARNED_SERVICE) {
        zl_warn_service(object, pool, findings);
        return;
    }
    for (int i = 0; i < MAPS_MAX; i++) {
        zl_keys_check(map_in(kind, object, i), MAPS[i].place, path_of(kind, i), findings);
    }
    ZL_AUTO_FREE char *field = NULL;
    check_values(kind, object, &field, findings);
    const char *name = pool_of(kind, object);
    if (name == NULL || field == NULL) { /* in none, or opted out */
        return;
    }
    bool is_job = kind == ZL_WARNED_JOB || kind == ZL_WARNED_CRONJOB;
    if (pool->missing) {
        zl_warn_policy_missing(name, field, findings);
    } else if (pool->policy != NULL && is_job) {
        check_guarded(kind, object, pool, name, field, findings);
    } else if (pool->policy != NULL) {
        check_neighbours(pool, name, field, findings);
        check_member(kind, object, pool->policy, findings);
    }
}
