/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks_pools.c - pools and their workloads, as LeaderPolicy status and the Leases have them.
 */
#include "client/doctor/checks.h"

#include "common/base/clock.h"
#include "common/objects/names.h"

#define STUCK_US INT64_C(60000000)

static const char *name_of(const struct cJSON *object)
{
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    return name != NULL ? name : "";
}

static const char *namespace_of(const struct cJSON *object)
{
    const char *name = zl_json_text(object, "metadata", "namespace", NULL);
    return name != NULL ? name : "";
}

static const struct cJSON *condition_of(const struct cJSON *policy, const char *type)
{
    for (const struct cJSON *condition =
             zl_json_first(zl_json_at(policy, "status", "conditions", NULL));
         condition != NULL; condition = zl_json_next(condition)) {
        if (zl_same_string(zl_json_text(condition, "type", NULL), type)) {
            return condition;
        }
    }
    return NULL;
}

static bool is_false(const struct cJSON *condition)
{
    return zl_same_string(zl_json_text(condition, "status", NULL), "False");
}

static bool is_standby(const struct cJSON *policy)
{
    return zl_same_string(zl_json_text(policy, "spec", "followerMode", NULL), "standby");
}

/* The LeaderPolicies; NULL: not known, and *HEALTH says what that is. */
static const struct cJSON *policies_of(const struct zl_doctor_facts *facts,
                                       struct zl_findings_of_check *out, enum zl_health *health)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_POLICIES];
    *health = ZL_HEALTH_ABSENT;
    if (told->status != ZL_E_NOT_FOUND && zl_told_tree(facts, ZL_ASKED_POLICIES) == NULL) {
        *health = zl_check_unknown(told, out);
    }
    return zl_told_tree(facts, ZL_ASKED_POLICIES);
}

static const struct cJSON *find_policy(const struct zl_doctor_facts *facts, const char *namespace_,
                                       const char *name)
{
    for (const struct cJSON *policy = zl_json_first(zl_told_tree(facts, ZL_ASKED_POLICIES));
         policy != NULL; policy = zl_json_next(policy)) {
        if (strcmp(namespace_of(policy), namespace_) == 0 && strcmp(name_of(policy), name) == 0) {
            return policy;
        }
    }
    return NULL;
}

/* --- conditions --- */

enum zl_health zl_check_armed(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out)
{
    enum zl_health health = ZL_HEALTH_GOOD;
    for (const struct cJSON *policy = zl_json_first(policies_of(facts, out, &health));
         policy != NULL; policy = zl_json_next(policy)) {
        const struct cJSON *armed = condition_of(policy, "GatekeeperArmed");
        health = health == ZL_HEALTH_ABSENT ? ZL_HEALTH_GOOD : health;
        if (is_false(armed) && !is_standby(policy)) {
            const char *reason = zl_json_text(armed, "reason", NULL);
            zl_check_say(out, "%s/%s: %s", namespace_of(policy), name_of(policy),
                         reason != NULL ? reason : "not armed");
        }
    }
    return out->count == 0 || health == ZL_HEALTH_UNKNOWN ? health : ZL_HEALTH_FAILED;
}

/* Pools whose condition Compatible is False for REASON. */
static enum zl_health judge_compatible(const struct zl_doctor_facts *facts, const char *reason,
                                       struct zl_findings_of_check *out)
{
    enum zl_health health = ZL_HEALTH_GOOD;
    for (const struct cJSON *policy = zl_json_first(policies_of(facts, out, &health));
         policy != NULL; policy = zl_json_next(policy)) {
        const struct cJSON *compatible = condition_of(policy, "Compatible");
        health = health == ZL_HEALTH_ABSENT ? ZL_HEALTH_GOOD : health;
        if (is_false(compatible) &&
            zl_same_string(zl_json_text(compatible, "reason", NULL), reason)) {
            const char *message = zl_json_text(compatible, "message", NULL);
            zl_check_say(out, "%s/%s: %s", namespace_of(policy), name_of(policy),
                         message != NULL ? message : reason);
        }
    }
    return out->count == 0 || health == ZL_HEALTH_UNKNOWN ? health : ZL_HEALTH_WARNED;
}

enum zl_health zl_check_budgets(const struct zl_doctor_facts *facts,
                                struct zl_findings_of_check *out)
{
    return judge_compatible(facts, "BudgetForbidsEviction", out);
}

enum zl_health zl_check_foreign_endpoints(const struct zl_doctor_facts *facts,
                                          struct zl_findings_of_check *out)
{
    return judge_compatible(facts, "ForeignEndpoints", out);
}

enum zl_health zl_check_autoscalers(const struct zl_doctor_facts *facts,
                                    struct zl_findings_of_check *out)
{
    return judge_compatible(facts, "AutoscalerCannotScale", out);
}

enum zl_health zl_check_jobs(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out)
{
    return judge_compatible(facts, "JobsContested", out);
}

/* For so long that it is no start and no failover. */
static bool is_stuck(const struct cJSON *ready, int64_t now_us)
{
    int64_t since_us = 0;
    return is_false(ready) &&
           zl_time_parse(zl_json_text(ready, "lastTransitionTime", NULL), &since_us) &&
           now_us - since_us > STUCK_US;
}

enum zl_health zl_check_leaders(const struct zl_doctor_facts *facts,
                                struct zl_findings_of_check *out)
{
    const int64_t now_us = facts->now_us + zl_doctor_skew_us(facts);
    enum zl_health health = ZL_HEALTH_GOOD;
    for (const struct cJSON *policy = zl_json_first(policies_of(facts, out, &health));
         policy != NULL; policy = zl_json_next(policy)) {
        const struct cJSON *ready = condition_of(policy, "Ready");
        health = health == ZL_HEALTH_ABSENT ? ZL_HEALTH_GOOD : health;
        if (is_stuck(ready, now_us)) {
            const char *message = zl_json_text(ready, "message", NULL);
            zl_check_say(out, "%s/%s: %s", namespace_of(policy), name_of(policy),
                         message != NULL ? message : "not Ready");
        }
    }
    return out->count == 0 || health == ZL_HEALTH_UNKNOWN ? health : ZL_HEALTH_WARNED;
}

enum zl_health zl_check_observed(const struct zl_doctor_facts *facts,
                                 struct zl_findings_of_check *out)
{
    const int64_t now_us = facts->now_us + zl_doctor_skew_us(facts);
    enum zl_health health = ZL_HEALTH_GOOD;
    for (const struct cJSON *policy = zl_json_first(policies_of(facts, out, &health));
         policy != NULL; policy = zl_json_next(policy)) {
        int64_t made_us = 0;
        const int64_t is = zl_json_i64(policy, 0, "metadata", "generation", NULL);
        const int64_t seen = zl_json_i64(policy, 0, "status", "observedGeneration", NULL);
        health = health == ZL_HEALTH_ABSENT ? ZL_HEALTH_GOOD : health;
        (void)zl_time_parse(zl_json_text(policy, "metadata", "creationTimestamp", NULL), &made_us);
        if (seen < is && now_us - made_us > STUCK_US) {
            zl_check_say(out, "%s/%s is not", namespace_of(policy), name_of(policy));
        }
    }
    return out->count == 0 || health == ZL_HEALTH_UNKNOWN ? health : ZL_HEALTH_FAILED;
}

enum zl_health zl_check_rollouts(const struct zl_doctor_facts *facts,
                                 struct zl_findings_of_check *out)
{
    const struct cJSON *leases = zl_told_tree(facts, ZL_ASKED_LEASES);
    if (leases == NULL) {
        return zl_check_unknown(&facts->told[ZL_ASKED_LEASES], out);
    }
    for (const struct cJSON *lease = zl_json_first(leases); lease != NULL;
         lease = zl_json_next(lease)) {
        if (zl_json_text(lease, "metadata", "annotations", ZL_KEY_FAILED_REVISION, NULL) != NULL) {
            zl_check_say(out, "Lease %s/%s: the newest revision's pod was not Ready in time",
                         namespace_of(lease), name_of(lease));
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_WARNED;
}

/* --- workloads --- */

static bool has_claim(const struct cJSON *deployment)
{
    for (const struct cJSON *volume =
             zl_json_first(zl_json_at(deployment, "spec", "template", "spec", "volumes", NULL));
         volume != NULL; volume = zl_json_next(volume)) {
        if (zl_json_at(volume, "persistentVolumeClaim", NULL) != NULL) {
            return true;
        }
    }
    return false;
}

enum zl_health zl_check_volumes(const struct zl_doctor_facts *facts,
                                struct zl_findings_of_check *out)
{
    const enum zl_question question = ZL_ASKED_WORKLOADS + ZL_KIND_INDEX_DEPLOYMENT;
    const struct cJSON *deployments = zl_told_tree(facts, question);
    if (deployments == NULL) {
        return zl_check_unknown(&facts->told[question], out);
    }
    for (const struct cJSON *deployment = zl_json_first(deployments); deployment != NULL;
         deployment = zl_json_next(deployment)) {
        const char *pool = zl_pool_of_object(deployment);
        const struct cJSON *policy =
            pool != NULL ? find_policy(facts, namespace_of(deployment), pool) : NULL;
        const bool recreates =
            zl_same_string(zl_json_text(deployment, "spec", "strategy", "type", NULL), "Recreate");
        if (policy != NULL && !is_standby(policy) && !recreates &&
            !zl_same_string(zl_json_text(policy, "spec", "rollout", NULL), "Recreate") &&
            zl_json_i64(deployment, 1, "spec", "replicas", NULL) > 1 && has_claim(deployment)) {
            zl_check_say(out, "Deployment %s/%s", namespace_of(deployment), name_of(deployment));
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_WARNED;
}

enum zl_health zl_check_policies_exist(const struct zl_doctor_facts *facts,
                                       struct zl_findings_of_check *out)
{
    bool known = false;
    enum zl_health health = ZL_HEALTH_GOOD;
    if (policies_of(facts, out, &health) == NULL && health == ZL_HEALTH_UNKNOWN) {
        return health;
    }
    for (int i = 0; i < ZL_KIND_COUNT; i++) {
        const struct cJSON *objects = zl_told_tree(facts, ZL_ASKED_WORKLOADS + (unsigned)i);
        known = known || objects != NULL;
        for (const struct cJSON *object = zl_json_first(objects); object != NULL;
             object = zl_json_next(object)) {
            const char *pool = ZL_KINDS[i]->pool_in_json(object);
            if (pool != NULL && find_policy(facts, namespace_of(object), pool) == NULL) {
                zl_check_say(out, "%s %s/%s names pool %s", ZL_KINDS[i]->name, namespace_of(object),
                             name_of(object), pool);
            }
        }
    }
    if (!known) {
        return zl_check_unknown(&facts->told[ZL_ASKED_WORKLOADS], out);
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_WARNED;
}
