/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/manager.h"

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/monitor.h"
#include "common/base/process.h"
#include "common/cache/claims.h"
#include "common/kube/elector.h"
#include "common/objects/names.h"
#include "controller/fleet/fleet.h"
#include "controller/gate/armer.h"
#include "controller/manager/caretakers.h"
#include "controller/manager/discovery.h"
#include "controller/manager/dispatch.h"
#include "controller/manager/keys.h"
#include "controller/manager/server.h"
#include "controller/observe/definition_note.h"

#include <pthread.h>
#include <unistd.h>

enum {
    RETRY_BACKOFF_MAX_MS = 30000,
    EVENTS_DRAIN_MS = 2000,
    WORKERS_MAX = 64,
    FIRST_LOOKS_MS = 15000, /* until the caretakers leave renewals to the workers */
    PROBERS = 2,
};

struct manager {
    const struct zl_controller_config *config;
    struct zl_workqueue *queue;
    struct zl_context context;
    struct zl_job_notes job_notes;
    struct zl_controller_server *server;
    pthread_t workers[WORKERS_MAX];
    int64_t worker_count;
    pthread_t probers[PROBERS];
    struct zl_caretakers *caretakers;
    struct zl_discovery *discovery;
    struct zl_kube_client *client;
    struct zl_fleet *fleet;    /* NULL: it has no part in one */
    struct zl_monitor monitor; /* guards the rest */
    struct zl_elector *elector;
    bool acting, stopping;
    int64_t acting_since_ms;
    bool discovered; /* the informers that this server has are running */
};

static const struct zl_metric IS_LEADER = {
    .name = "zen_lead_controller_is_leader",
    .type = ZL_METRIC_GAUGE,
    .help = "1 on the controller replica that acts, 0 on the others.",
};

/* --- workers --- */

static bool is_stopping(void *ctx)
{
    struct manager *manager = ctx;
    zl_monitor_lock(&manager->monitor);
    bool stopping = manager->stopping;
    zl_monitor_unlock(&manager->monitor);
    return stopping;
}

/* Block until this replica is elected and sees the whole cluster; false: it stops first. */
static bool wait_for_turn(struct manager *manager)
{
    zl_monitor_lock(&manager->monitor);
    while (!(manager->acting && manager->discovered) && !manager->stopping) {
        zl_monitor_wait(&manager->monitor, ZL_FOREVER);
    }
    bool elected = manager->acting && manager->discovered;
    zl_monitor_unlock(&manager->monitor);
    return elected && zl_cache_wait_synced(manager->context.sources.cache, is_stopping, manager);
}

static void *work(void *ctx)
{
    struct manager *manager = ctx;
    const struct zl_dispatch dispatch = {.context = &manager->context, .queue = manager->queue};
    if (!wait_for_turn(manager)) {
        return NULL;
    }
    for (;;) {
        enum zl_lane lane = ZL_LANE_EVENT;
        ZL_AUTO_FREE char *key = zl_workqueue_get(manager->queue, &lane);
        if (key == NULL) {
            return NULL;
        }
        zl_dispatch(&dispatch, key, lane);
        zl_workqueue_done(manager->queue, key);
    }
}

/* A replica that has just been elected looks at everything first, and renewals wait for that. */
static bool takes_care(void *ctx)
{
    struct manager *manager = ctx;
    zl_monitor_lock(&manager->monitor);
    const bool is_new =
        !manager->acting || zl_clock_ms() - manager->acting_since_ms < FIRST_LOOKS_MS;
    zl_monitor_unlock(&manager->monitor);
    return is_new;
}

static void *probe(void *ctx)
{
    struct manager *manager = ctx;
    if (wait_for_turn(manager)) {
        zl_armer_work(manager->context.armer);
    }
    return NULL;
}

static void start_workers(struct manager *manager)
{
    for (int64_t i = 0; i < manager->config->workers; i++) {
        manager->workers[i] = zl_thread_start("worker", work, manager);
    }
    zl_workqueue_limit_idle(manager->queue, manager->config->workers - 1);
    for (size_t i = 0; i < PROBERS; i++) {
        manager->probers[i] = zl_thread_start("probe", probe, manager);
    }
    manager->caretakers = zl_caretakers_start(&manager->context, takes_care, manager);
    manager->worker_count = manager->config->workers;
}

static void act(void *ctx)
{
    struct manager *manager = ctx;
    zl_metric_set(&IS_LEADER, NULL, NULL, 1);
    ZL_LOG_INFO("elected: acting", ZL_I64("workers", manager->worker_count));
    zl_monitor_lock(&manager->monitor);
    manager->acting = true;
    manager->acting_since_ms = zl_clock_ms();
    zl_monitor_wake_all(&manager->monitor);
    zl_monitor_unlock(&manager->monitor);
    /* What changed until now was not noted. What changes from now on is more urgent than what perhaps did. */
    const struct zl_keys all = {
        .cache = manager->context.sources.cache, .queue = manager->queue, .lane = ZL_LANE_DUE};
    zl_keys_enqueue_all(&all);
    zl_fleet_act(manager->fleet);
}

static void lost(void *ctx)
{
    (void)ctx;
    /* Another replica may act from now on: nothing of ours may still be on its way. */
    ZL_LOG_ERROR("lost the controller's Lease, exiting at once");
    _exit(1);
}

static void observed(void *ctx, const char *holder)
{
    (void)ctx;
    ZL_LOG_INFO("controller's Lease has a new holder", ZL_STR("holder", holder));
}

static bool is_acting(struct manager *manager)
{
    zl_monitor_lock(&manager->monitor);
    bool acting = manager->acting;
    zl_monitor_unlock(&manager->monitor);
    return acting;
}

/* An object of the first lists has perhaps changed, while no controller acted. One that changes now has. */
static struct zl_keys keys_of_event(const struct manager *manager)
{
    struct zl_cache *cache = manager->context.sources.cache;
    const char *lagging = NULL;
    return (struct zl_keys){.cache = cache,
                            .queue = manager->queue,
                            .lane = zl_cache_is_synced(cache, NULL, &lagging) ? ZL_LANE_EVENT
                                                                              : ZL_LANE_DUE};
}

static void changed(void *ctx, enum zl_cached kind, const void *old_object, const void *new_object)
{
    struct manager *manager = ctx;
    if (kind == ZL_CACHED_PODS) {
        zl_ready_clock_see(manager->context.sources.ready_clock, old_object, new_object,
                           zl_clock_ms());
        zl_failovers_see(manager->context.writer.failovers, manager->context.sources.cache,
                         old_object, new_object);
    }
    const struct zl_claims claims = {.clock = manager->context.sources.clock,
                                     .cache = manager->context.sources.cache};
    zl_claims_see(&claims, kind, old_object, new_object);
    if (is_acting(manager)) {
        const struct zl_keys keys = keys_of_event(manager);
        zl_keys_enqueue(&keys, kind, old_object, new_object);
        zl_keys_enqueue_freed(manager->context.sources.cache, manager->queue, kind, old_object,
                              new_object);
    }
    if (kind == ZL_CACHED_POLICIES && (old_object == NULL) != (new_object == NULL)) {
        const struct zl_policy *policy = new_object != NULL ? new_object : old_object;
        zl_armer_policy_changed(manager->context.armer, policy->meta.namespace_);
    }
}

/* The webhook's, or what it must say. */
static void configuration_changed(void *ctx)
{
    const struct manager *manager = ctx;
    zl_workqueue_add(manager->queue, ZL_SELECTOR_KEY);
}

static void verdict_changed(void *ctx, const char *namespace_)
{
    const struct manager *manager = ctx;
    zl_keys_enqueue_pools(manager->context.sources.cache, manager->queue, namespace_);
}

/* --- health and metrics --- */

/* For the server's threads: the elector comes after the server, and goes before it. */
static struct zl_health look_at_election(void *ctx)
{
    struct manager *manager = ctx;
    zl_monitor_lock(&manager->monitor);
    bool elects = manager->elector != NULL;
    struct zl_health health = {.elects = elects,
                               .acting = manager->acting,
                               .lease_age_ms = elects ? zl_elector_age_ms(manager->elector) : 0,
                               .lease_duration_ms = manager->config->lease_duration_s * 1000};
    zl_monitor_unlock(&manager->monitor);
    return health;
}

/* Of one that does more than that a hub which is away is no reason to be out of service. */
static char *look_at_fleet(void *ctx)
{
    struct manager *manager = ctx;
    if (!manager->config->fleet_arbiter_only) {
        return NULL;
    }
    zl_monitor_lock(&manager->monitor);
    char *complaint = zl_fleet_complaint(manager->fleet);
    zl_monitor_unlock(&manager->monitor);
    return complaint;
}

static void answer_fleet_lock(void *ctx, const struct zl_http_request *request,
                              struct zl_http_response *response)
{
    struct manager *manager = ctx;
    zl_monitor_lock(&manager->monitor);
    const struct zl_fleet *fleet = manager->fleet; /* freed after the server */
    zl_monitor_unlock(&manager->monitor);
    zl_fleet_answer_lock(fleet, request, response);
}

const struct zl_metric *const ZL_MANAGER_METRICS[] = {&IS_LEADER, NULL};

static enum zl_status start_server(struct manager *manager, struct zl_error *err)
{
    const bool cluster = !manager->config->fleet_arbiter_only;
    const struct zl_controller_server_spec spec = {
        .address = manager->config->listen_address,
        .port = manager->config->metrics_port,
        .cache = cluster ? manager->context.sources.cache : NULL,
        .armer = manager->context.armer,
        .queue = manager->queue,
        .election = look_at_election,
        .complaint = look_at_fleet,
        .fleet_lock = manager->config->fleet_lock != NULL ? answer_fleet_lock : NULL,
        .ctx = manager};
    return zl_controller_server_start(&spec, &manager->server, err);
}

/* --- start and stop --- */

static char *make_identity(void)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    return zl_asprintf("%s_%016llx", host, (unsigned long long)zl_random());
}

static enum zl_status start_election(struct manager *manager, struct zl_kube_client *client,
                                     const char *namespace_, struct zl_error *err)
{
    const struct zl_controller_config *config = manager->config;
    ZL_AUTO_FREE char *identity = make_identity();
    const struct zl_elector_spec spec = {
        .namespace_ = namespace_,
        .lease = ZL_ELECTION_LEASE,
        .identity = identity,
        .lease_duration_ms = config->lease_duration_s * 1000,
        .renew_deadline_ms = config->renew_deadline_s * 1000,
        .retry_period_ms = config->retry_period_s * 1000,
        .acquired = act,
        .lost = lost,
        .observed = observed,
        .ctx = manager,
    };
    if (!config->leader_elect) {
        act(manager);
        return ZL_OK;
    }
    struct zl_elector *elector = NULL;
    enum zl_status status = zl_elector_new(client, &spec, &elector, err);
    if (status == ZL_OK) {
        zl_monitor_lock(&manager->monitor);
        manager->elector = elector;
        zl_monitor_unlock(&manager->monitor);
        zl_elector_start(elector);
    }
    return status;
}

static enum zl_status start_fleet(struct manager *manager, struct zl_error *err)
{
    const struct zl_controller_config *config = manager->config;
    ZL_AUTO_FREE char *identity = make_identity();
    const struct zl_fleet_options options = {.arbiter = config->fleet_arbiter ||
                                                        config->fleet_arbiter_only,
                                             .nothing_else = config->fleet_arbiter_only,
                                             .hub_kubeconfig = config->fleet_hub_kubeconfig,
                                             .cluster_name = config->cluster_name,
                                             .cluster_labels = config->cluster_labels,
                                             .hub_namespace = config->fleet_namespace,
                                             .lock_groups = config->fleet_lock,
                                             .namespaces = config->namespaces,
                                             .events = manager->context.writer.events,
                                             .policies_changed = configuration_changed,
                                             .ctx = manager};
    struct zl_fleet *fleet = NULL;
    enum zl_status status = zl_fleet_start(&options, manager->client, identity, &fleet, err);
    zl_monitor_lock(&manager->monitor); /* the server asks it how it is */
    manager->fleet = fleet;
    zl_monitor_unlock(&manager->monitor);
    if (fleet != NULL) {
        zl_armer_also(manager->context.armer, zl_fleet_namespaces, fleet);
    }
    return status;
}

static void note_discovered(void *ctx)
{
    struct manager *manager = ctx;
    zl_monitor_lock(&manager->monitor);
    manager->discovered = true;
    zl_monitor_wake_all(&manager->monitor);
    zl_monitor_unlock(&manager->monitor);
}

static void start_discovery(struct manager *manager)
{
    const struct zl_discovery_spec spec = {
        .client = manager->client,
        .context = &manager->context,
        .routing_only = manager->config->routing_only,
        .fills_configuration = manager->config->namespaces == NULL, /* it belongs to the cluster */
        .answered = note_discovered,
        .ctx = manager};
    manager->discovery = zl_discovery_start(&spec);
}

static void stop_election(struct manager *manager)
{
    struct zl_elector *elector = manager->elector; /* only this thread sets it */
    if (elector == NULL) {
        return;
    }
    zl_elector_stop(elector);
    zl_monitor_lock(&manager->monitor);
    manager->elector = NULL;
    zl_monitor_unlock(&manager->monitor);
    zl_elector_free(elector);
}

/* Workers first: the Lease is given back only when nothing of ours is on its way any more. */
static void stop(struct manager *manager)
{
    zl_monitor_lock(&manager->monitor);
    manager->stopping = true;
    zl_monitor_wake_all(&manager->monitor);
    zl_monitor_unlock(&manager->monitor);
    zl_workqueue_shutdown(manager->queue);
    zl_discovery_stop(manager->discovery);
    zl_armer_stop(manager->context.armer); /* the discovery might have started it */
    for (int64_t i = 0; i < manager->worker_count; i++) {
        (void)pthread_join(manager->workers[i], NULL);
    }
    for (size_t i = 0; i < PROBERS && manager->worker_count > 0; i++) {
        (void)pthread_join(manager->probers[i], NULL);
    }
    zl_caretakers_stop(manager->caretakers);
    zl_fleet_stop(manager->fleet); /* the workers asked it what is gatekept */
    stop_election(manager);
    zl_monitor_lock(&manager->monitor);
    struct zl_fleet *fleet = manager->fleet;
    manager->fleet = NULL;
    zl_monitor_unlock(&manager->monitor);
    zl_controller_server_stop(manager->server); /* an answer to a node may be on its way */
    zl_fleet_free(fleet);
    zl_cache_stop(manager->context.sources.cache); /* its callbacks know the armer */
    zl_armer_free(manager->context.armer);
    zl_cache_free(manager->context.sources.cache);
    zl_events_free(manager->context.writer.events, EVENTS_DRAIN_MS);
    zl_wakes_free(manager->context.sources.wakes);
    zl_ready_clock_free(manager->context.sources.ready_clock);
    zl_sinces_free(manager->context.sources.sinces);
    zl_definition_note_free(manager->context.writer.definition);
    zl_failovers_free(manager->context.writer.failovers);
    zl_claim_clock_free(manager->context.sources.clock);
    zl_job_notes_clear(&manager->job_notes);
    zl_workqueue_free(manager->queue);
    zl_monitor_clear(&manager->monitor);
}

static void open_context(struct manager *manager, struct zl_kube_client *client,
                         const struct zl_cache_options *options)
{
    struct zl_sources *sources = &manager->context.sources;
    *sources = (struct zl_sources){.client = client,
                                   .cache = zl_cache_new(client, options),
                                   .clock = zl_claim_clock_new(),
                                   .sinces = zl_sinces_new(ZL_KEYS_REMEMBERED_MAX),
                                   .wakes = zl_wakes_new(),
                                   .ready_clock = zl_ready_clock_new(),
                                   .job_notes = &manager->job_notes,
                                   .claim_timeout_ms = manager->config->claim_timeout_s * 1000};
    manager->context.writer =
        (struct zl_writer){.client = client,
                           .cache = sources->cache,
                           .events = zl_events_new(client, "zen-lead-controller"),
                           .clock = sources->clock,
                           .sinces = sources->sinces,
                           .wakes = sources->wakes,
                           .failovers = zl_failovers_new(),
                           .job_notes = sources->job_notes,
                           .definition = zl_definition_note_new()};
}

enum zl_status zl_manager_run(const struct zl_controller_config *config,
                              struct zl_kube_client *client, const char *namespace_,
                              struct zl_error *err)
{
    struct manager manager = {
        .config = config, .client = client, .queue = zl_workqueue_new(RETRY_BACKOFF_MAX_MS)};
    const struct zl_cache_options cache_options = {.watch = zl_watch_named(config->watch),
                                                   .namespaces = config->namespaces,
                                                   .with_replicasets = true,
                                                   .on_change = changed,
                                                   .ctx = &manager};
    const struct zl_armer_news armer_news = {.configuration_changed = configuration_changed,
                                             .verdict_changed = verdict_changed,
                                             .ctx = &manager};
    zl_monitor_init(&manager.monitor);
    open_context(&manager, client, &cache_options);
    manager.context.armer =
        zl_armer_new(client, manager.context.sources.cache, &armer_news, namespace_);

    enum zl_status status = start_server(&manager, err);
    if (status == ZL_OK) {
        status = start_fleet(&manager, err);
    }
    if (status == ZL_OK && !config->fleet_arbiter_only) {
        start_discovery(&manager);
        start_workers(&manager);
        status = start_election(&manager, client, namespace_, err);
    }
    if (status == ZL_OK) {
        zl_process_wait_for_signal();
        ZL_LOG_INFO("shutting down");
    }
    stop(&manager);
    return status;
}
