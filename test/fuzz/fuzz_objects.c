/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever JSON comes as an object of the API server: no crash, what is read of it has a name, and of what only one of our own
 * would have written (LeaderPolicy, Lease) the numbers stay within their bounds. What clusters write on a fleet's hub is read
 * again as it was written.
 */
#include "common/fleet/codec.h"
#include "common/kinds/kind.h"
#include "common/objects/job.h"
#include "common/objects/node.h"
#include "common/objects/policy.h"
#include "common/objects/replicaset.h"
#include "common/objects/review_path.h"
#include "common/objects/service.h"
#include "common/objects/slice.h"
#include "common/objects/workload.h"
#include "common/seat/lease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void require_meta(const struct zl_meta *meta)
{
    require(meta->name != NULL && meta->name[0] != '\0' && meta->namespace_ != NULL);
}

/* Decode, look at the metadata, free; TYPE has a META. */
#define CHECK(type, decode, release)                                                               \
    do {                                                                                           \
        struct type *object = NULL;                                                                \
        if (decode(tree, &object, NULL) == ZL_OK) {                                                \
            require_meta(&object->meta);                                                           \
            release(object);                                                                       \
        } else {                                                                                   \
            require(object == NULL);                                                               \
        }                                                                                          \
    } while (0)

static void check_policy(const struct cJSON *tree)
{
    struct zl_policy *policy = NULL;
    if (zl_policy_decode(tree, &policy, NULL) == ZL_OK) {
        require_meta(&policy->meta);
        require(policy->lease_duration_s > 0 && policy->retry_period_s > 0);
        require(policy->status.fencing_token >= 0);
        require(policy->status.fencing_token <= ZL_FENCING_TOKEN_MAX);
        (void)zl_policy_led_last(policy, "uid", policy->status.fencing_token);
        zl_policy_free(policy);
    }
}

static void check_lease(const struct cJSON *tree)
{
    struct zl_lease *lease = NULL;
    /* A Lease of somebody else is none. */
    if (zl_lease_decode(tree, &lease, NULL) == ZL_OK && lease != NULL) {
        require(lease->pool != NULL && lease->namespace_ != NULL);
        require(lease->fencing_token >= 0 && lease->fencing_token <= ZL_FENCING_TOKEN_MAX);
        require(lease->holder_uid == NULL || strlen(lease->holder_uid) <= ZL_UID_MAX);
        (void)zl_lease_was_released(lease);
        struct zl_lease *copy = zl_lease_copy(lease);
        zl_lease_free(copy);
        zl_lease_free(lease);
    }
}

static void check_workloads(const struct cJSON *tree)
{
    for (size_t row = 0; row < ZL_KIND_COUNT; row++) {
        struct zl_workload *workload = NULL;
        if (zl_workload_decode(ZL_KINDS[row], tree, &workload, NULL) == ZL_OK) {
            require_meta(&workload->meta);
            zl_workload_free(workload);
        }
    }
}

static void check_node(const struct cJSON *tree)
{
    struct zl_node *node = NULL;
    if (zl_node_decode(tree, &node, NULL) == ZL_OK) {
        zl_node_free(node);
    }
}

/* What is written of it is read as the same. */
#define CHECK_AGAIN(type, decode, encode, clear)                                                   \
    do {                                                                                           \
        struct type first, second;                                                                 \
        if (decode(text, &first, NULL) == ZL_OK) {                                                 \
            ZL_AUTO_FREE char *written = encode(&first);                                           \
            require(decode(written, &second, NULL) == ZL_OK);                                      \
            ZL_AUTO_FREE char *again = encode(&second);                                            \
            require(strcmp(written, again) == 0);                                                  \
            clear(&first);                                                                         \
            clear(&second);                                                                        \
        }                                                                                          \
    } while (0)

static void check_fleet(const uint8_t *data, size_t size)
{
    ZL_AUTO_FREE char *text = zl_strndup((const char *)data, size);
    CHECK_AGAIN(zl_fleet_ledger, zl_fleet_ledger_decode, zl_fleet_ledger_encode,
                zl_fleet_ledger_clear);
    CHECK_AGAIN(zl_fleet_turns, zl_fleet_turns_decode, zl_fleet_turns_encode, zl_fleet_turns_clear);
    CHECK_AGAIN(zl_fleet_member, zl_fleet_member_decode, zl_fleet_member_encode,
                zl_fleet_member_clear);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    if (zl_json_parse((const char *)data, size, &tree, NULL) != ZL_OK) {
        return 0;
    }
    CHECK(zl_pod, zl_pod_decode, zl_pod_free);
    CHECK(zl_job, zl_job_decode, zl_job_free);
    CHECK(zl_cronjob, zl_cronjob_decode, zl_cronjob_free);
    CHECK(zl_replicaset, zl_replicaset_decode, zl_replicaset_free);
    CHECK(zl_revision, zl_revision_decode, zl_revision_free);
    CHECK(zl_service, zl_service_decode, zl_service_free);
    CHECK(zl_slice, zl_slice_decode, zl_slice_free);
    check_policy(tree);
    check_lease(tree);
    check_workloads(tree);
    check_node(tree);
    check_fleet(data, size);
    return 0;
}
