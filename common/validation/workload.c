/* SPDX-License-Identifier: Apache-2.0 */
#include "common/validation/workload.h"

#include "common/objects/names.h"
#include "common/objects/service.h"
#include "common/objects/workload.h"
#include "common/validation/our_keys.h"

#include <string.h>

/* --- where our keys may stand ----------------------------------------------------------------- */

enum { MAPS_MAX = 6 };

/* In the metadata of an object, of its pods' template, or of the template of the Jobs that it makes. */
enum where { IN_OBJECT, IN_POD_TEMPLATE, IN_JOB_TEMPLATE };

static const struct map {
    const char *member;
    enum where where;
    enum zl_key_place place;
} MAPS[MAPS_MAX] = {
    {"labels", IN_OBJECT, ZL_PLACE_WORKLOAD_LABEL},
    {"annotations", IN_OBJECT, ZL_PLACE_WORKLOAD_ANNOTATION},
    {"annotations", IN_POD_TEMPLATE, ZL_PLACE_TEMPLATE_ANNOTATION},
    {"labels", IN_POD_TEMPLATE, ZL_PLACE_TEMPLATE_LABEL},
    {"labels", IN_JOB_TEMPLATE, ZL_PLACE_WORKLOAD_LABEL},
    {"annotations", IN_JOB_TEMPLATE, ZL_PLACE_WORKLOAD_ANNOTATION},
};

/* The path of a map in an object of KIND (NULL: a Service); NULL: it has none. The caller frees. */
static char *path_of(const struct zl_kind *kind, int i)
{
    if (MAPS[i].where == IN_OBJECT) {
        return zl_asprintf("metadata.%s", MAPS[i].member);
    }
    const char *template = NULL;
    if (kind != NULL) {
        template = MAPS[i].where == IN_POD_TEMPLATE ? kind->pod_template : kind->job_template;
    }
    return template != NULL ? zl_asprintf("%s.metadata.%s", template, MAPS[i].member) : NULL;
}

static const struct cJSON *map_in(const struct zl_kind *kind, const struct cJSON *object, int i)
{
    ZL_AUTO_FREE char *path = path_of(kind, i);
    return path != NULL ? zl_json_at_path(object, path) : NULL;
}

/* --- is there anything to say? ---------------------------------------------------------------- */

static bool carries_keys(const struct zl_kind *kind, const struct cJSON *object)
{
    for (int i = 0; i < MAPS_MAX; i++) {
        if (zl_keys_any(map_in(kind, object, i))) {
            return true;
        }
    }
    return false;
}

static bool has_changed(const struct zl_kind *kind, const struct cJSON *object,
                        const struct cJSON *old_object)
{
    for (int i = 0; i < MAPS_MAX; i++) {
        if (!zl_keys_same(map_in(kind, object, i), map_in(kind, old_object, i))) {
            return true;
        }
    }
    return !zl_json_same(zl_json_at(object, "spec", NULL), zl_json_at(old_object, "spec", NULL));
}

/* Then it was the maker that was warned of. */
static bool is_made(const struct zl_kind *kind, const struct cJSON *object)
{
    if (kind == NULL || kind->maker == NULL) {
        return false;
    }
    struct zl_controller_ref owner;
    zl_controller_ref_decode(zl_json_at(object, "metadata", NULL), &owner);
    bool is = zl_kind_is(kind->maker, &owner);
    zl_controller_ref_clear(&owner);
    return is;
}

bool zl_warned_concerns(const struct zl_kind *kind, const struct cJSON *object,
                        const struct cJSON *old_object)
{
    if (!carries_keys(kind, object) ||
        zl_json_text(object, "metadata", "deletionTimestamp", NULL) != NULL ||
        zl_same_string(zl_json_text(object, "metadata", "labels", ZL_KEY_MANAGED_BY, NULL),
                       ZL_MANAGED_BY)) {
        return false;
    }
    if (is_made(kind, object)) {
        return false;
    }
    return old_object == NULL || has_changed(kind, object, old_object);
}

const char *zl_warned_pool(const struct zl_kind *kind, const struct cJSON *object)
{
    if (kind != NULL) {
        return kind->pool_in_json(object);
    }
    const char *pool = zl_json_text(object, "metadata", "annotations", ZL_KEY_POOL, NULL);
    return pool != NULL && pool[0] != '\0' ? pool : NULL;
}

/* --- the values of our keys ------------------------------------------------------------------- */

void zl_warn_pool_name(const char *value, const char *field, struct zl_findings *findings)
{
    if (value[0] == '\0') {
        zl_findings_warn(findings, field, "is empty, so no pool is joined; name a LeaderPolicy");
    } else if (!zl_pool_name_is_valid(value)) {
        zl_findings_warn(findings, field,
                         "\"" ZL_SHOWN "\" cannot be the name of a LeaderPolicy; use at most %d of "
                         "a-z, 0-9, '-' and '.'",
                         value, ZL_POOL_NAME_MAX);
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
static void check_values(const struct zl_kind *kind, const struct cJSON *object, char **winner,
                         struct zl_findings *findings)
{
    const char *pool = NULL;
    *winner = NULL;
    for (int i = 0; i < MAPS_MAX; i++) {
        ZL_AUTO_FREE char *path = path_of(kind, i);
        const struct cJSON *map = path != NULL ? zl_json_at_path(object, path) : NULL;
        const char *named = zl_json_text(map, ZL_KEY_POOL, NULL);
        const char *join = zl_json_text(map, ZL_KEY_JOIN, NULL);
        bool is_label = strcmp(MAPS[i].member, "labels") == 0;
        if (join != NULL && !is_label) {
            ZL_AUTO_FREE char *field = zl_asprintf("%s[" ZL_KEY_JOIN "]", path);
            check_join(join, field, findings);
        }
        if (named == NULL || MAPS[i].place == ZL_PLACE_TEMPLATE_LABEL) {
            continue;
        }
        ZL_AUTO_FREE char *field = zl_asprintf("%s[" ZL_KEY_POOL "]", path);
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

static void check_rollout(const struct zl_kind *kind, const struct cJSON *object, int64_t replicas,
                          struct zl_findings *findings)
{
    const char *strategy = zl_json_text(object, "spec", "strategy", "type", NULL);
    if (kind->rollout == ZL_ROLLOUT_HANDOVER && !zl_same_string(strategy, "Recreate")) {
        zl_findings_warn(findings, "spec.strategy.type",
                         "1 of %lld replicas runs (followerMode: scaleDown), so it never reports "
                         "all replicas available; followerMode: standby runs all, strategy: "
                         "Recreate starts no pod beside the leader",
                         (long long)replicas);
    }
}

static void check_identity(const struct zl_policy *policy, const struct zl_kind *kind,
                           const struct cJSON *object, struct zl_findings *findings)
{
    const struct cJSON *template = zl_json_at_path(object, kind->pod_template);
    bool has = zl_json_text(template, "metadata", "annotations", ZL_KEY_IDENTITY, NULL) != NULL;
    if (policy->custom_identity && !has) {
        zl_findings_warn(findings, "spec.template.metadata.annotations",
                         "no " ZL_KEY_IDENTITY ", which identityStrategy: custom reads; the Lease "
                         "will name <pod>_<uid>");
    } else if (!policy->custom_identity && has) {
        zl_findings_warn(findings, "spec.template.metadata.annotations[" ZL_KEY_IDENTITY "]",
                         "has no effect without identityStrategy: custom in the LeaderPolicy");
    }
}

/* How many of its pods run. */
static void check_pods(const struct zl_kind *kind, const struct cJSON *object,
                       const struct zl_warned_policy *pool, struct zl_findings *findings)
{
    if (kind->wanted == NULL) {
        return;
    }
    int64_t replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
    if (replicas <= 1 && pool->others > 0) {
        return; /* one of a pair */
    }
    if (replicas <= 1) {
        zl_findings_warn(findings, "spec.replicas",
                         "%lld: high availability is skipped, every pod is let in, while no other "
                         "workload of the pool wants one; use 2 or more",
                         (long long)replicas);
    } else if (!pool->policy->standby) {
        check_rollout(kind, object, replicas, findings);
    }
}

static void check_member(const struct zl_kind *kind, const struct cJSON *object,
                         const struct zl_warned_policy *pool, struct zl_findings *findings)
{
    check_pods(kind, object, pool, findings);
    check_identity(pool->policy, kind, object, findings);

    const char *name = zl_json_text(object, "metadata", "name", NULL);
    const char *wanted =
        zl_json_text(object, "metadata", "annotations", ZL_KEY_LEADER_SERVICE, NULL);
    ZL_AUTO_FREE char *service = zl_asprintf("%s" ZL_LEADER_SUFFIX, name != NULL ? name : "");
    if (wanted != NULL && wanted[0] != '\0') {
        if (!zl_service_name_is_valid(wanted)) {
            zl_findings_warn(findings, "metadata.annotations[" ZL_KEY_LEADER_SERVICE "]",
                             "\"" ZL_SHOWN "\" cannot be the name of a Service; use at most 63 of "
                             "a-z, 0-9 and '-', a letter first",
                             wanted);
        }
    } else if (name != NULL && !zl_service_name_is_valid(service)) {
        zl_findings_warn(findings, "metadata.name",
                         "no Service can be named <name>" ZL_LEADER_SUFFIX ", so there is none; "
                         "use at most %zu of a-z, 0-9 and '-', a letter first",
                         ZL_POOL_NAME_MAX - strlen(ZL_LEADER_SUFFIX));
    }
}

/* @param field  where NAME, the pool, was found */
static void check_neighbours(const struct zl_kind *kind, const struct zl_warned_policy *pool,
                             const char *name, const char *field, struct zl_findings *findings)
{
    if (pool->policy->standby) {
        return;
    }
    if (kind->wanted == NULL) {
        zl_findings_warn(findings, field,
                         "followerMode: scaleDown of pool \"" ZL_SHOWN "\" refuses no pod of a %s: "
                         "all of them run and one leads; write followerMode: standby",
                         name, kind->name);
    }
    if (pool->has_jobs) {
        zl_findings_warn(findings, field,
                         "pool \"" ZL_SHOWN "\" has Jobs, which do not start beside a Deployment "
                         "or another workload that stays; give each a pool of its own",
                         name);
    }
}

/* --- a Job or CronJob in its pool ------------------------------------------------------------- */

static void check_guarded(const struct zl_kind *kind, const struct cJSON *object,
                          const struct zl_warned_policy *pool, const char *name, const char *field,
                          struct zl_findings *findings)
{
    ZL_AUTO_FREE char *spec =
        kind->job_template != NULL ? zl_asprintf("%s.spec", kind->job_template) : zl_strdup("spec");
    int64_t parallelism = zl_json_i64(zl_json_at_path(object, spec), 1, "parallelism", NULL);
    if (pool->policy->standby) {
        zl_findings_warn(findings, field,
                         "pool \"" ZL_SHOWN "\" has followerMode: standby, so its Jobs do not take "
                         "turns and all execute at once; use scaleDown",
                         name);
        return;
    }
    if (pool->has_workloads) {
        zl_findings_warn(findings, field,
                         "pool \"" ZL_SHOWN
                         "\" has a Deployment or another workload that stays, beside "
                         "which Jobs do not start; give them a pool of their own",
                         name);
    }
    if (parallelism > 1) {
        ZL_AUTO_FREE char *where = zl_asprintf("%s.parallelism", spec);
        zl_findings_warn(findings, where,
                         "%lld: pods of a pool's Jobs execute one at a time; use 1",
                         (long long)parallelism);
    }
}

void zl_warn_workload(const struct zl_kind *kind, const struct cJSON *object,
                      const struct zl_warned_policy *pool, struct zl_findings *findings)
{
    if (kind == NULL) {
        zl_warn_service(object, pool, findings);
        return;
    }
    for (int i = 0; i < MAPS_MAX; i++) {
        ZL_AUTO_FREE char *path = path_of(kind, i);
        if (path != NULL) {
            zl_keys_check(zl_json_at_path(object, path), MAPS[i].place, path, findings);
        }
    }
    ZL_AUTO_FREE char *field = NULL;
    check_values(kind, object, &field, findings);
    const char *name = kind->pool_in_json(object);
    if (name == NULL || field == NULL) { /* in none, or opted out */
        return;
    }
    if (pool->missing) {
        zl_warn_policy_missing(name, field, findings);
    } else if (pool->policy != NULL && kind->takes_turns) {
        check_guarded(kind, object, pool, name, field, findings);
    } else if (pool->policy != NULL) {
        check_neighbours(kind, pool, name, field, findings);
        check_member(kind, object, pool, findings);
    }
}

/* --- volumes ----------------------------------------------------------------------------------- */

void zl_warn_of_volumes(const struct zl_kind *kind, const struct cJSON *object,
                        const struct zl_policy *policy, struct zl_findings *findings)
{
    const char *strategy = zl_json_text(object, "spec", "strategy", "type", NULL);
    bool hands_over = kind->rollout == ZL_ROLLOUT_HANDOVER && !policy->standby &&
                      !policy->recreate && !zl_same_string(strategy, "Recreate") &&
                      zl_json_i64(object, 1, "spec", "replicas", NULL) > 1;
    const struct cJSON *template = zl_json_at_path(object, kind->pod_template);
    const struct cJSON *volume = zl_json_first(zl_json_at(template, "spec", "volumes", NULL));
    for (; hands_over && volume != NULL; volume = zl_json_next(volume)) {
        const char *claim = zl_json_text(volume, "persistentVolumeClaim", "claimName", NULL);
        if (claim != NULL) {
            zl_findings_warn(findings, "spec.template.spec.volumes",
                             "PersistentVolumeClaim \"" ZL_SHOWN "\": if it is ReadWriteOnce, the "
                             "successor of a handover waits for it on another node until its "
                             "deadline; use rollout: Recreate in the LeaderPolicy",
                             claim);
            return;
        }
    }
}
