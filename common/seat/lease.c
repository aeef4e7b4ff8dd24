/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/lease.h"

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/since.h"
#include "common/objects/names.h"

#include <string.h>

/* leaseTransitions is an int32 to the API server, which refuses the whole Lease beyond. */
#define TRANSITIONS_MAX INT64_C(2147483647)

static const struct zl_json_shape LABELS[] = {{.name = ZL_KEY_MANAGED_BY}, {.name = NULL}};
static const struct zl_json_shape ANNOTATIONS[] = {
    {.name = ZL_KEY_HOLDER_POD},      {.name = ZL_KEY_HOLDER_UID},
    {.name = ZL_KEY_SUCCESSOR},       {.name = ZL_KEY_DEPOSED},
    {.name = ZL_KEY_READY_HOLDER},    {.name = ZL_KEY_READY_REVISION},
    {.name = ZL_KEY_FAILED_REVISION}, {.name = ZL_KEY_FENCING_TOKEN},
    {.name = ZL_KEY_CLAIM},           {.name = ZL_KEY_CLAIM_OWNER},
    {.name = ZL_KEY_RELEASED},        {.name = ZL_KEY_TURN},
    {.name = ZL_KEY_REQUEST},         {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = LABELS},
                                                {.name = "annotations", .members = ANNOTATIONS},
                                                {.members = ZL_META_SHAPE}};
const struct zl_json_shape ZL_LEASE_SHAPE[] = {
    {.name = "metadata", .members = METADATA}, {.name = "spec"}, {.name = NULL}};

/* The longest name of an object. */
#define NAME_MAX_BYTES 253
/* Ours is the name and uid of a pod, or an annotation that is shorter. */
#define IDENTITY_MAX 512
/* A request for a handover (controller/leader): longer ones were not written by us. */
#define REQUEST_MAX 1024

/* ANNOTATIONS' text of that name, borrowed; NULL: there is none, or a longer one than MAX. */
static const char *text_of(const struct cJSON *annotations, const char *key, size_t max)
{
    const char *text = zl_json_text(annotations, key, NULL);
    return text != NULL && strlen(text) <= max ? text : NULL;
}

/* Whoever may write Leases may write any length: of a longer one than any of ours, a fingerprint is kept. */
static char *decode_identity(const char *text)
{
    return text != NULL && strlen(text) > IDENTITY_MAX ? zl_id_remembered(text) : zl_strdup(text);
}

/* Only what may be the name of a pod may be asked for: "" and ".." are other addresses of the API. */
static bool may_be_pod(const char *name, size_t length)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    return length > 0 && length <= NAME_MAX_BYTES && name[0] != '.' &&
           strspn(name, ALLOWED) >= length;
}

/* A holder that someone wrote by hand has no annotations: read it from "<pod>_<uid>". */
static void decode_holder(const struct cJSON *annotations, const char *identity,
                          struct zl_lease *lease)
{
    if (!zl_lease_is_held(lease)) {
        return;
    }
    const char *pod = zl_json_text(annotations, ZL_KEY_HOLDER_POD, NULL);
    const char *uid = text_of(annotations, ZL_KEY_HOLDER_UID, ZL_UID_MAX);
    if (pod != NULL && uid != NULL && may_be_pod(pod, strlen(pod))) {
        lease->holder_pod = zl_strdup(pod);
        lease->holder_uid = zl_strdup(uid);
        return;
    }
    /* A pod name has no underscore, so the first one separates. */
    const char *separator = strchr(identity, '_');
    size_t length = separator != NULL ? (size_t)(separator - identity) : strlen(identity);
    if (!may_be_pod(identity, length)) {
        return;
    }
    lease->holder_pod = zl_strndup(identity, length);
    const char *written = separator != NULL ? separator + 1 : "";
    if (written[0] != '\0' && strlen(written) <= ZL_UID_MAX) {
        lease->holder_uid = zl_strdup(written);
    }
}

/* "<name>_<uid>"; anything else, written by hand, is none. */
static void decode_pair(const char *text, char **name, char **uid)
{
    const char *separator = text != NULL ? strchr(text, '_') : NULL;
    if (separator == NULL || separator[1] == '\0' || strlen(separator + 1) > ZL_UID_MAX ||
        !may_be_pod(text, (size_t)(separator - text))) {
        return;
    }
    *name = zl_strndup(text, (size_t)(separator - text));
    *uid = zl_strdup(separator + 1);
}

static void decode_rollout(const struct cJSON *annotations, struct zl_lease *lease)
{
    decode_pair(zl_json_text(annotations, ZL_KEY_SUCCESSOR, NULL), &lease->successor_pod,
                &lease->successor_uid);
    lease->deposed =
        zl_strdup(text_of(annotations, ZL_KEY_DEPOSED, (size_t)ZL_DEPOSED_MAX * (ZL_UID_MAX + 1)));
    lease->ready_holder = zl_strdup(text_of(annotations, ZL_KEY_READY_HOLDER, ZL_UID_MAX));
    lease->ready_revision = zl_strdup(text_of(annotations, ZL_KEY_READY_REVISION, ZL_UID_MAX));
    lease->failed_revision = zl_strdup(text_of(annotations, ZL_KEY_FAILED_REVISION, ZL_UID_MAX));
    lease->request = zl_strdup(text_of(annotations, ZL_KEY_REQUEST, REQUEST_MAX));
}

static bool is_complete(const struct cJSON *metadata)
{
    return zl_same_string(zl_json_text(metadata, "labels", ZL_KEY_MANAGED_BY, NULL),
                          ZL_MANAGED_BY) &&
           zl_json_count(zl_json_at(metadata, "ownerReferences", NULL)) > 0;
}

enum zl_status zl_lease_decode(const struct cJSON *object, struct zl_lease **out,
                               struct zl_error *err)
{
    struct zl_meta meta;
    enum zl_status status = zl_meta_decode(object, &meta, err);
    size_t prefix_length = strlen(ZL_LEASE_PREFIX);
    if (status != ZL_OK || strncmp(meta.name, ZL_LEASE_PREFIX, prefix_length) != 0) {
        zl_meta_clear(&meta);
        return status;
    }
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const struct cJSON *annotations = zl_json_at(metadata, "annotations", NULL);
    const struct cJSON *spec = zl_json_at(object, "spec", NULL);
    const char *token = zl_json_text(annotations, ZL_KEY_FENCING_TOKEN, NULL);
    const char *identity = zl_json_text(spec, "holderIdentity", NULL);

    struct zl_lease *lease = zl_alloc(sizeof *lease);
    lease->namespace_ = ZL_STEAL(&meta.namespace_);
    lease->pool = zl_strdup(meta.name + prefix_length);
    lease->uid = ZL_STEAL(&meta.uid);
    lease->resource_version = ZL_STEAL(&meta.resource_version);
    lease->holder_identity = decode_identity(identity);
    lease->provisional =
        zl_same_string(zl_json_text(annotations, ZL_KEY_CLAIM, NULL), ZL_CLAIM_PROVISIONAL);
    if (lease->provisional) {
        lease->claim_owner = zl_strdup(text_of(annotations, ZL_KEY_CLAIM_OWNER, ZL_UID_MAX));
    }
    lease->wants_repair = !is_complete(metadata);
    lease->transitions = zl_json_i64(spec, 0, "leaseTransitions", NULL);
    const char *released = zl_json_text(annotations, ZL_KEY_RELEASED, NULL);
    if (released == NULL ||
        zl_parse_i64(released, 0, ZL_FENCING_TOKEN_MAX, &lease->released_token, NULL) != ZL_OK) {
        lease->released_token = -1;
    }
    /* An edited or lost token is not an error: LeaderPolicy status has it too, the larger one wins. */
    if (token == NULL ||
        zl_parse_i64(token, 0, ZL_FENCING_TOKEN_MAX, &lease->fencing_token, NULL) != ZL_OK) {
        lease->fencing_token = 0;
    }
    lease->duration_s = zl_json_i64(spec, 0, "leaseDurationSeconds", NULL);
    if (!zl_time_parse(zl_json_text(spec, "acquireTime", NULL), &lease->acquire_us)) {
        lease->acquire_us = 0;
    }
    if (!zl_time_parse(zl_json_text(spec, "renewTime", NULL), &lease->renew_us)) {
        lease->renew_us = 0;
    }
    decode_holder(annotations, identity, lease);
    decode_rollout(annotations, lease);
    decode_pair(zl_json_text(annotations, ZL_KEY_TURN, NULL), &lease->turn_job, &lease->turn_uid);
    zl_meta_clear(&meta);
    *out = lease;
    return ZL_OK;
}

void zl_lease_free(void *object)
{
    struct zl_lease *lease = object;
    if (lease == NULL) {
        return;
    }
    free(lease->namespace_);
    free(lease->pool);
    free(lease->uid);
    free(lease->resource_version);
    free(lease->holder_identity);
    free(lease->holder_pod);
    free(lease->holder_uid);
    free(lease->claim_owner);
    free(lease->successor_pod);
    free(lease->successor_uid);
    free(lease->deposed);
    free(lease->ready_holder);
    free(lease->ready_revision);
    free(lease->failed_revision);
    free(lease->turn_job);
    free(lease->turn_uid);
    free(lease->request);
    free(lease);
}

struct zl_lease *zl_lease_copy(const struct zl_lease *lease)
{
    struct zl_lease *copy = zl_alloc(sizeof *copy);
    *copy = *lease;
    copy->namespace_ = zl_strdup(lease->namespace_);
    copy->pool = zl_strdup(lease->pool);
    copy->uid = zl_strdup(lease->uid);
    copy->resource_version = zl_strdup(lease->resource_version);
    copy->holder_identity = zl_strdup(lease->holder_identity);
    copy->holder_pod = zl_strdup(lease->holder_pod);
    copy->holder_uid = zl_strdup(lease->holder_uid);
    copy->claim_owner = zl_strdup(lease->claim_owner);
    copy->successor_pod = zl_strdup(lease->successor_pod);
    copy->successor_uid = zl_strdup(lease->successor_uid);
    copy->deposed = zl_strdup(lease->deposed);
    copy->ready_holder = zl_strdup(lease->ready_holder);
    copy->ready_revision = zl_strdup(lease->ready_revision);
    copy->failed_revision = zl_strdup(lease->failed_revision);
    copy->turn_job = zl_strdup(lease->turn_job);
    copy->turn_uid = zl_strdup(lease->turn_uid);
    copy->request = zl_strdup(lease->request);
    return copy;
}

void zl_lease_set_turn(struct zl_lease *lease, const char *job, const char *uid)
{
    zl_replace_string(&lease->turn_job, job);
    zl_replace_string(&lease->turn_uid, uid);
}

bool zl_lease_is_held_by(const struct zl_lease *lease, const char *pod_uid)
{
    return zl_lease_is_held(lease) && lease->holder_uid != NULL &&
           strcmp(lease->holder_uid, pod_uid) == 0;
}

/* An empty identity would read as an empty seat. */
static char *identity_of(const struct zl_candidate *candidate)
{
    return candidate->identity != NULL && candidate->identity[0] != '\0'
               ? zl_strdup(candidate->identity)
               : zl_asprintf("%s_%s", candidate->pod, candidate->uid);
}

static void set_holder(struct zl_lease *lease, const struct zl_candidate *candidate)
{
    zl_replace_string(&lease->holder_pod, candidate->pod);
    zl_replace_string(&lease->holder_uid, candidate->uid);
    free(lease->holder_identity);
    lease->holder_identity = identity_of(candidate);
}

static void set_provisional(struct zl_lease *lease, const char *owner, bool provisional)
{
    lease->provisional = provisional;
    zl_replace_string(&lease->claim_owner, owner);
}

bool zl_lease_names(const struct zl_lease *lease, const struct zl_candidate *candidate)
{
    ZL_AUTO_FREE char *identity = identity_of(candidate);
    return zl_same_string(lease->holder_pod, candidate->pod) &&
           zl_same_string(lease->holder_uid, candidate->uid) &&
           zl_same_string(lease->holder_identity, identity);
}

/* The first leader of all is no transition; a Lease that was deleted continues where the status stands. */
static int64_t count_transitions(const struct zl_lease *current, const struct zl_policy *policy)
{
    int64_t known = policy->status.lease_transitions;
    bool led = current != NULL && (current->acquire_us != 0 || zl_lease_is_held(current));
    if (current != NULL && current->transitions > known) {
        known = current->transitions;
    }
    return led || known > 0 || policy->status.holder_uid != NULL ? known + 1 : 0;
}

struct zl_lease *zl_lease_claimed(const struct zl_lease *current, const struct zl_policy *policy,
                                  int64_t known_token, const struct zl_candidate *candidate,
                                  bool provisional, int64_t now_us)
{
    static const struct zl_lease absent = {.released_token = -1};
    struct zl_lease *next = zl_lease_copy(current != NULL ? current : &absent);

    if (current == NULL) {
        next->namespace_ = zl_strdup(policy->meta.namespace_);
        next->pool = zl_strdup(policy->meta.name);
    }
    if (known_token > next->fencing_token) {
        next->fencing_token = known_token;
    }
    next->transitions = count_transitions(current, policy);
    if (next->transitions > TRANSITIONS_MAX) {
        next->transitions = TRANSITIONS_MAX;
    }
    next->fencing_token++;
    set_holder(next, candidate);
    zl_lease_set_turn(next, NULL, NULL);
    zl_replace_string(&next->request, NULL);
    if (zl_lease_is_succeeded_by(next, candidate->uid)) {
        zl_lease_set_successor(next, NULL, NULL);
    }
    set_provisional(next, provisional ? candidate->owner : NULL, provisional);
    next->duration_s = policy->lease_duration_s;
    next->acquire_us = now_us;
    next->renew_us = now_us;
    return next;
}

struct zl_lease *zl_lease_vacant(const struct zl_policy *policy)
{
    struct zl_lease *lease = zl_alloc(sizeof *lease);
    lease->namespace_ = zl_strdup(policy->meta.namespace_);
    lease->pool = zl_strdup(policy->meta.name);
    lease->duration_s = policy->lease_duration_s;
    lease->released_token = -1;
    return lease;
}

struct zl_lease *zl_lease_never_led(const struct zl_lease *current)
{
    struct zl_lease *next = zl_lease_copy(current);
    next->released_token = next->fencing_token;
    return next;
}

struct zl_lease *zl_lease_released(const struct zl_lease *current, int64_t now_us)
{
    struct zl_lease *next = zl_lease_copy(current);
    zl_replace_string(&next->holder_identity, "");
    zl_replace_string(&next->holder_pod, NULL);
    zl_replace_string(&next->holder_uid, NULL);
    set_provisional(next, NULL, false);
    next->released_token = next->fencing_token;
    next->renew_us = now_us;
    zl_lease_set_turn(next, NULL, NULL);
    zl_replace_string(&next->request, NULL);
    return next;
}

struct zl_lease *zl_lease_renewed(const struct zl_lease *current, const struct zl_policy *policy,
                                  const struct zl_candidate *holder, int64_t now_us)
{
    struct zl_lease *next = zl_lease_copy(current);
    if (holder != NULL) {
        set_holder(next, holder);
    }
    set_provisional(next, NULL, false);
    next->duration_s = policy->lease_duration_s;
    next->renew_us = now_us;
    if (next->acquire_us == 0) {
        next->acquire_us = now_us;
    }
    return next;
}

char *zl_lease_name(const char *pool)
{
    return zl_asprintf(ZL_LEASE_PREFIX "%s", pool);
}

static struct cJSON *encode_owner(const struct zl_policy *policy)
{
    struct cJSON *owner = zl_json_object();
    zl_json_set_text(owner, "apiVersion", ZL_POLICY_API_VERSION);
    zl_json_set_text(owner, "kind", ZL_POLICY_KIND);
    zl_json_set_text(owner, "name", policy->meta.name);
    zl_json_set_text(owner, "uid", policy->meta.uid);
    struct cJSON *owners = zl_json_array();
    zl_json_append(owners, owner);
    return owners;
}

/* NULL: a merge patch removes it; a new Lease does without. */
static void encode_mark(const struct zl_lease *lease, struct cJSON *annotations, const char *key,
                        const char *value)
{
    if (value != NULL) {
        zl_json_set_text(annotations, key, value);
    } else if (lease->resource_version != NULL) {
        zl_json_set_null(annotations, key);
    }
}

/* The caller frees. */
static char *encode_pair(const char *name, const char *uid)
{
    return uid != NULL ? zl_asprintf("%s_%s", name, uid) : NULL;
}

static void encode_rollout(const struct zl_lease *lease, struct cJSON *annotations)
{
    ZL_AUTO_FREE char *successor = encode_pair(lease->successor_pod, lease->successor_uid);
    ZL_AUTO_FREE char *turn = encode_pair(lease->turn_job, lease->turn_uid);
    ZL_AUTO_FREE char *released =
        zl_lease_was_released(lease) ? zl_asprintf("%lld", (long long)lease->released_token) : NULL;
    encode_mark(lease, annotations, ZL_KEY_RELEASED, released);
    encode_mark(lease, annotations, ZL_KEY_SUCCESSOR, successor);
    encode_mark(lease, annotations, ZL_KEY_TURN, turn);
    encode_mark(lease, annotations, ZL_KEY_DEPOSED, lease->deposed);
    encode_mark(lease, annotations, ZL_KEY_READY_HOLDER, lease->ready_holder);
    encode_mark(lease, annotations, ZL_KEY_READY_REVISION, lease->ready_revision);
    encode_mark(lease, annotations, ZL_KEY_FAILED_REVISION, lease->failed_revision);
    encode_mark(lease, annotations, ZL_KEY_REQUEST, lease->request);
}

static void encode_metadata(const struct zl_lease *lease, const struct zl_policy *policy,
                            struct cJSON *metadata)
{
    ZL_AUTO_FREE char *name = zl_lease_name(lease->pool);
    zl_json_set_text(metadata, "name", name);
    zl_json_set_text(metadata, "namespace", lease->namespace_);
    if (lease->resource_version != NULL) {
        zl_json_set_text(metadata, "resourceVersion", lease->resource_version);
    }
    if (lease->resource_version == NULL || lease->wants_repair) {
        zl_json_set(metadata, "ownerReferences", encode_owner(policy));
    }

    struct cJSON *labels = zl_json_child(metadata, "labels");
    zl_json_set_text(labels, ZL_KEY_MANAGED_BY, ZL_MANAGED_BY);

    ZL_AUTO_FREE char *token = zl_asprintf("%lld", (long long)lease->fencing_token);
    struct cJSON *annotations = zl_json_child(metadata, "annotations");
    zl_json_set_text(annotations, ZL_KEY_FENCING_TOKEN, token);
    zl_json_set_text(annotations, ZL_KEY_HOLDER_POD, lease->holder_pod);
    zl_json_set_text(annotations, ZL_KEY_HOLDER_UID, lease->holder_uid);
    if (lease->provisional) {
        zl_json_set_text(annotations, ZL_KEY_CLAIM, ZL_CLAIM_PROVISIONAL);
    } else if (lease->resource_version != NULL) {
        zl_json_set_null(annotations, ZL_KEY_CLAIM); /* a merge patch removes it */
    }
    encode_mark(lease, annotations, ZL_KEY_CLAIM_OWNER, lease->claim_owner);
    encode_rollout(lease, annotations);
}

static void encode_time(struct cJSON *spec, const char *name, int64_t wall_us)
{
    char text[ZL_TIME_TEXT_MAX];
    if (wall_us == 0) {
        zl_json_set_null(spec, name);
        return;
    }
    zl_time_format_micro(wall_us, text);
    zl_json_set_text(spec, name, text);
}

struct cJSON *zl_lease_encode(const struct zl_lease *lease, const struct zl_policy *policy)
{
    struct cJSON *object = zl_json_object();
    zl_json_set_text(object, "apiVersion", "coordination.k8s.io/v1");
    zl_json_set_text(object, "kind", "Lease");
    encode_metadata(lease, policy, zl_json_child(object, "metadata"));

    struct cJSON *spec = zl_json_child(object, "spec");
    zl_json_set_text(spec, "holderIdentity",
                     lease->holder_identity != NULL ? lease->holder_identity : "");
    if (lease->duration_s >
        0) { /* the API server refuses 0, which is what one made by hand reads as */
        zl_json_set_i64(spec, "leaseDurationSeconds", lease->duration_s);
    }
    zl_json_set_i64(spec, "leaseTransitions", lease->transitions);
    encode_time(spec, "acquireTime", lease->acquire_us);
    encode_time(spec, "renewTime", lease->renew_us);
    return object;
}
