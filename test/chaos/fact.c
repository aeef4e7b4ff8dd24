/* SPDX-License-Identifier: Apache-2.0 */
#include "test/chaos/fact.h"

#include "common/base/parse.h"

#include <string.h>

/* Written out here on purpose: a checker that shared the programs' names would follow their mistakes. */
#define KEY_POOL "zen-lead/pool"
#define KEY_JOIN "zen-lead/join"
#define KEY_PREFIX "zen-lead.io/"
#define KEY_REVISION "deployment.kubernetes.io/revision"
#define LEASE_PREFIX "zen-lead-"

static char *copy(const char *text)
{
    return zl_strdup(text != NULL && *text != '\0' ? text : NULL);
}

static char *controller_uid(const struct cJSON *object)
{
    const struct cJSON *owners = zl_json_at(object, "metadata", "ownerReferences", NULL);
    for (const struct cJSON *o = zl_json_first(owners); o != NULL; o = zl_json_next(o)) {
        if (zl_json_bool(o, false, "controller", NULL)) {
            return copy(zl_json_text(o, "uid", NULL));
        }
    }
    return NULL;
}

static bool has_condition(const struct cJSON *object, const char *type)
{
    const struct cJSON *conditions = zl_json_at(object, "status", "conditions", NULL);
    for (const struct cJSON *c = zl_json_first(conditions); c != NULL; c = zl_json_next(c)) {
        if (zl_same_string(zl_json_text(c, "type", NULL), type)) {
            return zl_same_string(zl_json_text(c, "status", NULL), "True");
        }
    }
    return false;
}

static void decode_pod(const struct cJSON *object, struct zl_fact *fact)
{
    const char *phase = zl_json_text(object, "status", "phase", NULL);
    fact->finished = zl_same_string(phase, "Failed") || zl_same_string(phase, "Succeeded");
    fact->ready = has_condition(object, "Ready");
}

static char *pool_of(const struct cJSON *object)
{
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const struct cJSON *template_ = zl_json_at(object, "spec", "template", "metadata", NULL);
    const char *own = zl_json_text(metadata, "annotations", KEY_JOIN, NULL);
    const char *templates = zl_json_text(template_, "annotations", KEY_JOIN, NULL);
    if (zl_same_string(own, "false") || zl_same_string(templates, "false")) {
        return NULL;
    }
    const char *pool = zl_json_text(metadata, "labels", KEY_POOL, NULL);
    if (pool == NULL) {
        pool = zl_json_text(metadata, "annotations", KEY_POOL, NULL);
    }
    if (pool == NULL) {
        pool = zl_json_text(template_, "annotations", KEY_POOL, NULL);
    }
    return copy(pool);
}

static int64_t number(const char *text)
{
    int64_t value = 0;
    if (text == NULL || zl_parse_i64(text, 0, INT64_MAX, &value, NULL) != ZL_OK) {
        return 0;
    }
    return value;
}

/* "<pod>_<uid>"; a pod's name has no underscore */
static char *uid_of_identity(const char *identity)
{
    const char *separator = identity != NULL ? strchr(identity, '_') : NULL;
    return separator != NULL ? copy(separator + 1) : NULL;
}

static void decode_lease(const struct cJSON *object, struct zl_fact *fact)
{
    const struct cJSON *annotations = zl_json_at(object, "metadata", "annotations", NULL);
    const char *identity = zl_json_text(object, "spec", "holderIdentity", NULL);
    fact->pool = zl_strdup(fact->name + strlen(LEASE_PREFIX));
    if (identity != NULL && *identity != '\0') {
        fact->holder_uid = copy(zl_json_text(annotations, KEY_PREFIX "holder-uid", NULL));
        if (fact->holder_uid == NULL) {
            fact->holder_uid = uid_of_identity(identity);
        }
    }
    fact->successor_uid = uid_of_identity(zl_json_text(annotations, KEY_PREFIX "successor", NULL));
    fact->deposed = copy(zl_json_text(annotations, KEY_PREFIX "deposed", NULL));
    fact->provisional =
        zl_same_string(zl_json_text(annotations, KEY_PREFIX "claim", NULL), "provisional");
    fact->turn_uid = uid_of_identity(zl_json_text(annotations, KEY_PREFIX "turn", NULL));
    fact->token = number(zl_json_text(annotations, KEY_PREFIX "fencing-token", NULL));
}

void zl_fact_decode(enum zl_fact_kind kind, const struct cJSON *object, struct zl_fact **out)
{
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    const char *uid = zl_json_text(object, "metadata", "uid", NULL);
    bool foreign = kind == ZL_FACT_LEASE && name != NULL &&
                   strncmp(name, LEASE_PREFIX, strlen(LEASE_PREFIX)) != 0;
    if (name == NULL || uid == NULL || foreign) {
        return;
    }
    struct zl_fact *fact = zl_alloc(sizeof *fact);
    fact->kind = kind;
    fact->name = zl_strdup(name);
    fact->uid = zl_strdup(uid);
    fact->owner_uid = controller_uid(object);
    fact->terminating = zl_json_text(object, "metadata", "deletionTimestamp", NULL) != NULL;
    fact->revision = (uint64_t)number(zl_json_text(object, "metadata", "resourceVersion", NULL));
    switch (kind) {
    case ZL_FACT_POD:
        decode_pod(object, fact);
        break;
    case ZL_FACT_LEASE:
        decode_lease(object, fact);
        break;
    case ZL_FACT_WORKLOAD:
        fact->pool = pool_of(object);
        fact->replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
        break;
    case ZL_FACT_JOB:
        fact->pool = pool_of(object);
        fact->finished = has_condition(object, "Complete") || has_condition(object, "Failed");
        break;
    case ZL_FACT_POLICY:
        fact->standby =
            zl_same_string(zl_json_text(object, "spec", "followerMode", NULL), "standby");
        fact->recreate = zl_same_string(zl_json_text(object, "spec", "rollout", NULL), "Recreate");
        fact->token = zl_json_i64(object, 0, "status", "fencingToken", NULL);
        fact->status_uid = copy(zl_json_text(object, "status", "currentHolder", "uid", NULL));
        break;
    case ZL_FACT_REPLICASET:
        fact->replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
        fact->deployment_revision =
            number(zl_json_text(object, "metadata", "annotations", KEY_REVISION, NULL));
        break;
    }
    *out = fact;
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void zl_fact_free(struct zl_fact *fact)
{
    if (fact == NULL) {
        return;
    }
    free_text(fact->name);
    free_text(fact->uid);
    free_text(fact->owner_uid);
    free_text(fact->pool);
    free_text(fact->status_uid);
    free_text(fact->holder_uid);
    free_text(fact->successor_uid);
    free_text(fact->deposed);
    free_text(fact->turn_uid);
    free(fact);
}

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

char *zl_fact_text(const struct zl_fact *fact)
{
    const char *gone = fact->deleted ? " DELETED" : "";
    switch (fact->kind) {
    case ZL_FACT_POD:
        return zl_asprintf("pod %s %s owner %s%s%s%s%s", fact->name, fact->uid,
                           or_dash(fact->owner_uid), fact->ready ? " Ready" : "",
                           fact->terminating ? " Terminating" : "",
                           fact->finished ? " finished" : "", gone);
    case ZL_FACT_LEASE:
        return zl_asprintf("lease %s holder %s%s token %lld successor %s deposed %s turn %s%s",
                           fact->pool, or_dash(fact->holder_uid),
                           fact->provisional ? " (provisional)" : "", (long long)fact->token,
                           or_dash(fact->successor_uid), or_dash(fact->deposed),
                           or_dash(fact->turn_uid), gone);
    case ZL_FACT_POLICY:
        return zl_asprintf("policy %s%s status holder %s token %lld%s", fact->name,
                           fact->standby ? " standby" : "", or_dash(fact->status_uid),
                           (long long)fact->token, gone);
    case ZL_FACT_WORKLOAD:
        return zl_asprintf("workload %s %s pool %s replicas %lld%s", fact->name, fact->uid,
                           or_dash(fact->pool), (long long)fact->replicas, gone);
    case ZL_FACT_JOB:
        return zl_asprintf("job %s %s pool %s%s%s%s", fact->name, fact->uid, or_dash(fact->pool),
                           fact->terminating ? " Terminating" : "",
                           fact->finished ? " finished" : "", gone);
    case ZL_FACT_REPLICASET:
        return zl_asprintf("replicaset %s %s owner %s replicas %lld revision %lld%s", fact->name,
                           fact->uid, or_dash(fact->owner_uid), (long long)fact->replicas,
                           (long long)fact->deployment_revision, gone);
    }
    return zl_strdup("");
}
