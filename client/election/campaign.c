/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/campaign.h"

#include "client/election/lease_watch.h"
#include "client/election/names.h"
#include "common/base/clock.h"
#include "common/base/monitor.h"
#include "common/kube/elector.h"

struct zl_campaign {
    struct zl_kube_client *client;
    struct zl_campaign_spec spec;
    struct zl_elector *elector;
    struct zl_lease_watch *watch;
    char *namespace_;
    pthread_t watcher;
};

static void on_acquired(void *ctx)
{
    const struct zl_campaign *campaign = ctx;
    zl_lease_watch_end(campaign->watch); /* who leads hears of others by its own renewals */
}

static void on_renewed(void *ctx, int64_t boot_ms, int64_t transitions)
{
    const struct zl_campaign *campaign = ctx;
    campaign->spec.held(campaign->spec.ctx, boot_ms, transitions);
}

static void on_lost(void *ctx)
{
    const struct zl_campaign *campaign = ctx;
    campaign->spec.lost(campaign->spec.ctx);
}

static void on_observed(void *ctx, const char *holder)
{
    const struct zl_campaign *campaign = ctx;
    if (campaign->spec.observed != NULL) {
        campaign->spec.observed(campaign->spec.ctx, holder);
    }
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    const struct zl_campaign *campaign = ctx;
    (void)err;
    if (strcmp(type, "BOOKMARK") != 0) {
        zl_elector_poke(campaign->elector, strcmp(type, "DELETED") != 0 ? object : NULL);
    }
    return ZL_OK;
}

static void *watch(void *arg)
{
    struct zl_campaign *campaign = arg;
    struct zl_error ignored = {0}; /* then the elector's own tries have to do */
    (void)!zl_lease_watch_run(campaign->watch, campaign->client, campaign->namespace_, &ignored);
    return NULL;
}

static void free_campaign(struct zl_campaign *campaign)
{
    zl_elector_free(campaign->elector);
    zl_lease_watch_free(campaign->watch);
    free(campaign->namespace_);
    free(campaign);
}

enum zl_status zl_campaign_start(struct zl_kube_client *client, const struct zl_campaign_spec *spec,
                                 struct zl_campaign **out, struct zl_error *err)
{
    struct zl_campaign *campaign = zl_alloc(sizeof *campaign);
    campaign->client = client;
    campaign->spec = *spec;
    const struct zl_lease_watch_spec watched = {
        .lease = spec->lease, .event = on_event, .ctx = campaign};
    campaign->namespace_ = zl_strdup(spec->namespace_);
    campaign->watch = zl_lease_watch_new(&watched);
    const struct zl_elector_spec elector = {
        .namespace_ = spec->namespace_,
        .lease = spec->lease,
        .identity = spec->identity,
        .lease_duration_ms = spec->lease_ms,
        .renew_deadline_ms = spec->renew_ms,
        .retry_period_ms = spec->retry_ms,
        .acquired = on_acquired,
        .lost = on_lost,
        .observed = on_observed,
        .renewed = on_renewed,
        .ctx = campaign,
        .first_transitions = zl_first_token(zl_clock_wall_us()),
    };
    const enum zl_status status = zl_elector_new(client, &elector, &campaign->elector, err);
    if (status != ZL_OK) {
        free_campaign(campaign);
        return status;
    }
    campaign->watcher = zl_thread_start("lease-watch", watch, campaign);
    zl_elector_start(campaign->elector);
    *out = campaign;
    return ZL_OK;
}

void zl_campaign_stop(struct zl_campaign *campaign)
{
    if (campaign == NULL) {
        return;
    }
    zl_lease_watch_end(campaign->watch);
    zl_elector_stop(campaign->elector);
    pthread_join(campaign->watcher, NULL);
    free_campaign(campaign);
}

enum zl_status zl_campaign_check(struct zl_kube_client *client, const char *namespace_,
                                 const char *lease, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEASES, .namespace_ = namespace_, .name = lease};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const enum zl_status status = zl_kube_get(client, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    if (status != ZL_OK) {
        return status;
    }
    const char *strategy = zl_json_text(object, "spec", "strategy", NULL);
    if (strategy != NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "Lease %s/%s has spec.strategy %s: Coordinated Leader Election chooses "
                            "its holder; take another Lease",
                            namespace_, lease, strategy);
    }
    return ZL_OK;
}
