/* SPDX-License-Identifier: Apache-2.0 */
#include "client/handover/ask.h"

#include "common/objects/names.h"

/* Why nobody can be asked, whoever is meant; NULL: there is a leader that can go. The caller frees. */
static char *why_nobody(const struct zl_ask_facts *facts)
{
    const struct zl_lease *lease = facts->lease;
    const char *pool = facts->policy->meta.name;
    ZL_AUTO_REQUEST_OF_LEASE struct zl_request other = {0};
    if (lease != NULL && lease->turn_uid != NULL) {
        return zl_asprintf("pool %s is of Jobs: a turn ends with its Job", pool);
    }
    if (!zl_lease_is_held(lease) || lease->holder_pod == NULL) {
        return zl_asprintf("nobody leads pool %s: see zen-lead status %s", pool, pool);
    }
    if (lease->provisional) {
        return zl_asprintf("pool %s has a leader that is not there yet: try again in a moment",
                           pool);
    }
    if (zl_request_decode(lease, &other) && other.token == lease->fencing_token &&
        other.until_us > facts->now_us) {
        return zl_asprintf("%s has just asked pool %s for another leader",
                           other.user != NULL ? other.user : "somebody", pool);
    }
    return NULL;
}

static char *why_not_to(const struct zl_ask_facts *facts)
{
    const struct zl_pod *pod = facts->pod;
    const char *pool = facts->policy->meta.name;
    if (pod == NULL) {
        return zl_asprintf("there is no pod %s in namespace %s", facts->to,
                           facts->policy->meta.namespace_);
    }
    if (pod->meta.deleting || pod->finished) {
        return zl_asprintf("pod %s is on its way out", facts->to);
    }
    if (!facts->policy->standby && !zl_lease_is_succeeded_by(facts->lease, pod->meta.uid)) {
        return zl_asprintf("pool %s runs one pod (followerMode: scaleDown), and pod %s is not its "
                           "successor: zen-lead release %s lets the next one lead when the leader "
                           "is gone",
                           pool, facts->to, pool);
    }
    return NULL;
}

enum zl_ask zl_ask_judge(const struct zl_ask_facts *facts, char **reason)
{
    *reason = why_nobody(facts);
    if (*reason == NULL && facts->to != NULL && facts->pod != NULL &&
        zl_lease_is_held_by(facts->lease, facts->pod->meta.uid)) {
        return ZL_ASK_LEADS;
    }
    if (*reason == NULL && facts->to != NULL) {
        *reason = why_not_to(facts);
    }
    return *reason != NULL ? ZL_ASK_REFUSED : ZL_ASK_NOW;
}

enum zl_ask_outcome zl_ask_outcome_of(const struct zl_lease *lease, int64_t token)
{
    if (lease == NULL) {
        return ZL_ASK_WAITS;
    }
    if (lease->fencing_token > token) {
        return zl_lease_is_held(lease) && !lease->provisional ? ZL_ASK_DONE : ZL_ASK_WAITS;
    }
    return lease->request == NULL && zl_lease_is_held(lease) ? ZL_ASK_DROPPED : ZL_ASK_WAITS;
}

struct cJSON *zl_ask_patch(const struct zl_lease *lease, const struct zl_request *request)
{
    struct cJSON *patch = zl_json_object();
    struct cJSON *metadata = zl_json_child(patch, "metadata");
    struct cJSON *annotations = zl_json_child(metadata, "annotations");
    zl_json_set_text(metadata, "resourceVersion", lease->resource_version);
    if (request != NULL) {
        ZL_AUTO_FREE char *text = zl_request_encode(request);
        zl_json_set_text(annotations, ZL_KEY_REQUEST, text);
    } else {
        zl_json_set_null(annotations, ZL_KEY_REQUEST);
    }
    return patch;
}
