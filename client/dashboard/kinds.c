/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/kinds.h"

#include "client/dashboard/rows.h"
#include "client/dashboard/timeline.h"
#include "common/fleet/hub_store.h"
#include "common/objects/names.h"

static enum zl_status decode_policy(void *ctx, const struct cJSON *object, void **out,
                                    struct zl_error *err)
{
    struct zl_policy *policy = NULL;
    const enum zl_status status = zl_policy_decode(object, &policy, err);
    (void)ctx;
    *out = policy;
    return status;
}

static enum zl_status decode_lease(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    struct zl_lease *lease = NULL;
    const enum zl_status status = zl_lease_decode(object, &lease, err);
    (void)ctx;
    *out = lease;
    return status;
}

static enum zl_status decode_service(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    struct zl_service *service = NULL;
    const enum zl_status status = zl_service_decode(object, &service, err);
    (void)ctx;
    if (status == ZL_OK && (service->opted_in || service->ours)) {
        *out = service;
    } else {
        zl_service_free(service);
    }
    return status;
}

static enum zl_status decode_news(void *ctx, const struct cJSON *object, void **out,
                                  struct zl_error *err)
{
    struct zl_news *news = NULL;
    const enum zl_status status = zl_news_decode(object, &news, err);
    (void)ctx;
    *out = news;
    return status;
}

static void free_membership(void *object)
{
    struct zl_membership *membership = object;
    zl_meta_clear(&membership->meta);
    zl_json_free(membership->row);
    free(membership);
}

static enum zl_status decode_membership(void *ctx, const struct cJSON *object, void **out,
                                        struct zl_error *err)
{
    struct zl_membership *membership = zl_alloc(sizeof *membership);
    const enum zl_status status = zl_meta_decode(object, &membership->meta, err);
    (void)ctx;
    if (status != ZL_OK) {
        free_membership(membership);
        return status;
    }
    membership->row = zl_row_of_membership(object);
    *out = membership;
    return ZL_OK;
}

static enum zl_status decode_hub(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    const enum zl_status status = zl_hub_lease_decode(object, &lease, err);
    (void)ctx;
    *out = lease;
    return status;
}

static const struct zl_json_shape MEMBERSHIP_METADATA[] = {{.members = ZL_META_SHAPE}};
static const struct zl_json_shape MEMBERSHIP_SHAPE[] = {
    {.name = "metadata", .members = MEMBERSHIP_METADATA},
    {.name = "spec"},
    {.name = "status"},
    {.name = NULL}};

const struct zl_followed_kind ZL_FOLLOWED[ZL_FOLLOWED_COUNT] = {
    [ZL_FOLLOWED_POLICIES] = {"LeaderPolicies", &ZL_KUBE_LEADERPOLICIES, NULL, NULL,
                              ZL_POLICY_SHAPE, decode_policy, zl_policy_free, false},
    [ZL_FOLLOWED_LEASES] = {"Leases", &ZL_KUBE_LEASES, ZL_LEASE_SELECTOR, NULL, ZL_LEASE_SHAPE,
                            decode_lease, zl_lease_free, false},
    [ZL_FOLLOWED_SERVICES] = {"Services", &ZL_KUBE_SERVICES, NULL, NULL, ZL_SERVICE_SHAPE,
                              decode_service, zl_service_free, false},
    [ZL_FOLLOWED_EVENTS] = {"Events", &ZL_KUBE_EVENTS, NULL, "source=zen-lead-controller",
                            ZL_NEWS_SHAPE, decode_news, zl_news_free, false},
    [ZL_FOLLOWED_REFUSALS] = {"Events of refused pods", &ZL_KUBE_EVENTS, NULL,
                              "reason=FailedCreate", ZL_NEWS_SHAPE, decode_news, zl_news_free,
                              false},
    [ZL_FOLLOWED_MEMBERSHIPS] = {"LeaderPolicies of fleets", &ZL_KUBE_FLEETPOLICIES, NULL, NULL,
                                 MEMBERSHIP_SHAPE, decode_membership, free_membership, true},
    [ZL_FOLLOWED_HUB] = {"the fleet's hub", &ZL_KUBE_LEASES, NULL, NULL, ZL_HUB_LEASE_SHAPE,
                         decode_hub, zl_hub_lease_free, false},
};
