/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/armer.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "controller/gate/armings.h"
#include "controller/gate/filler.h"
#include "controller/gate/probe.h"

#include <stdatomic.h>
#include <string.h>

enum { SYNC_LOOK_MS = 200, JITTER_PERCENT = 10, PROBE_BACKOFF_MAX_MS = 5000 };

static const struct zl_metric NAMESPACES = {
    .name = "zen_lead_gatekeeper_namespaces",
    .type = ZL_METRIC_GAUGE,
    .help = "Namespaces with a LeaderPolicy by state: armed (the API server asks the webhook about "
            "their pods) or unarmed.",
    .label1 = "state",
    .zeros = (const char *const[]){"armed", "unarmed", NULL},
};
static const struct zl_metric PROBES = {
    .name = "zen_lead_gatekeeper_probes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Probes of the gatekeeper by result (refused: armed; passed, unreachable, ...).",
    .label1 = "result",
};

struct zl_armer {
    struct zl_kube_client *client;
    struct zl_cache *cache;
    struct zl_armer_news news;
    struct zl_workqueue *probes; /* namespaces */
    const char *namespace_;
    struct zl_informer *configuration; /* zen-lead-pods */
    struct zl_filler *filler;          /* of it */
    struct zl_armings *armings;
    bool (*also)(void *ctx, void (*add)(void *out, const char *namespace_), void *out);
    void *also_ctx;
    atomic_bool started, stopping;
    atomic_bool is_foreign;     /* the configuration is somebody else's: neither read nor written */
    _Atomic int64_t changed_ms; /* when the entry changed in anything but our names */
};

const struct zl_metric *const ZL_ARMER_METRICS[] = {&NAMESPACES, &PROBES, NULL};

/* --- what is there --- */

static enum zl_status decode_entry(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    (void)ctx;
    (void)err;
    *out = zl_webhook_entry_decode(object, ZL_WEBHOOK_ENTRY);
    return ZL_OK;
}

/* Our entry, or NULL: there is no configuration. */
static struct zl_ref *find_entry(struct zl_armer *armer)
{
    return zl_store_find(zl_informer_store(armer->configuration), "", ZL_PODS_CONFIGURATION);
}

static bool is_present(const struct zl_webhook_entry *entry)
{
    return entry != NULL && entry->present;
}

/* Pods there must start without us: the cluster's own, and those that answer the webhook's calls. */
static bool is_excluded(const struct zl_armer *armer, const struct zl_webhook_entry *entry,
                        const char *namespace_)
{
    return strcmp(namespace_, "kube-system") == 0 ||
           zl_same_string(namespace_, armer->namespace_) ||
           (is_present(entry) && zl_same_string(namespace_, entry->service_namespace));
}

static void add_namespace(void *out, const char *namespace_)
{
    zl_namespaces_add(out, namespace_);
}

/* The namespaces that have a LeaderPolicy, sorted. false: not all of them are known yet. */
static bool list_namespaces(struct zl_armer *armer, struct zl_namespaces *out)
{
    bool known = armer->also == NULL || armer->also(armer->also_ctx, add_namespace, out);
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_cache_list(armer->cache, ZL_CACHED_POLICIES, NULL, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        const struct zl_policy *policy = zl_ref_object(policies.items[i]);
        zl_namespaces_add(out, policy->meta.namespace_);
    }
    zl_namespaces_sort(out);
    return known;
}

/* --- the selector --- */

static void choose_wanted(const struct zl_armer *armer, const struct zl_webhook_entry *entry,
                          const struct zl_namespaces *all, struct zl_namespaces *wanted)
{
    for (size_t i = 0; i < all->count; i++) {
        if (!is_excluded(armer, entry, all->items[i])) {
            zl_namespaces_add(wanted, all->items[i]);
        }
    }
}

static void show_count(struct zl_armer *armer)
{
    size_t armed = 0;
    size_t count = zl_armings_count(armer->armings, &armed);
    zl_metric_set(&NAMESPACES, "armed", NULL, (double)armed);
    zl_metric_set(&NAMESPACES, "unarmed", NULL, (double)(count - armed));
}

struct zl_result zl_armer_set_selector(struct zl_armer *armer, struct zl_error *err)
{
    struct zl_result result = {.status = ZL_OK};
    ZL_AUTO_NAMESPACES struct zl_namespaces all = {0};
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = {0};

    if (atomic_load(&armer->is_foreign)) {
        return result;
    }
    if (!zl_informer_is_synced(armer->configuration)) {
        result.requeue_after_ms = SYNC_LOOK_MS;
        return result;
    }
    ZL_AUTO_REF struct zl_ref *ref = find_entry(armer);
    const struct zl_webhook_entry *entry = ref != NULL ? zl_ref_object(ref) : NULL;
    if (!list_namespaces(armer, &all)) {
        result.requeue_after_ms = SYNC_LOOK_MS;
        return result;
    }
    choose_wanted(armer, entry, &all, &wanted);
    /* Before the selector shrinks: what was probed until now says nothing about a later return. */
    zl_armings_keep(armer->armings, &all);
    show_count(armer);
    return zl_filler_fill(armer->filler, entry, &wanted, err);
}

/* --- events --- */

static bool is_armed(struct zl_armer *armer, const char *namespace_)
{
    struct zl_arming_state state = {0};
    return zl_armings_find(armer->armings, namespace_, &state) && state.arming == ZL_ARMING_ARMED;
}

/*
 * Our own patch adds and removes names: that is no news for the armed namespaces that stay. A change of anything
 * else of the entry is news for all, also of what others require beside the names: it may take a namespace out.
 */
static bool differ_in_more_than_names(const struct zl_webhook_entry *before,
                                      const struct zl_webhook_entry *after)
{
    return !is_present(before) || !is_present(after) || strcmp(before->rest, after->rest) != 0;
}

static void configuration_changed(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_armer *armer = ctx;
    const struct zl_webhook_entry *after = new_object;
    const bool concerns_all = differ_in_more_than_names(old_object, after);
    ZL_AUTO_NAMESPACES struct zl_namespaces all = {0};
    if (concerns_all) {
        atomic_store(&armer->changed_ms, zl_clock_ms());
    }
    armer->news.configuration_changed(armer->news.ctx);
    (void)list_namespaces(armer, &all);
    for (size_t i = 0; i < all.count; i++) {
        if (concerns_all || !zl_namespaces_have(&after->selected, all.items[i]) ||
            !is_armed(armer, all.items[i])) {
            zl_workqueue_add(armer->probes, all.items[i]);
        }
    }
}

static void something_to_fill(void *ctx)
{
    const struct zl_armer *armer = ctx;
    armer->news.configuration_changed(armer->news.ctx);
}

void zl_armer_policy_changed(struct zl_armer *armer, const char *namespace_)
{
    armer->news.configuration_changed(armer->news.ctx);
    zl_workqueue_add(armer->probes, namespace_);
}

/* --- probes --- */

/* The name of a LeaderPolicy there, the same one each time; NULL: there is none. */
static char *find_policy(struct zl_armer *armer, const char *namespace_)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    const char *first = NULL;
    zl_cache_list(armer->cache, ZL_CACHED_POLICIES, namespace_, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        const struct zl_policy *policy = zl_ref_object(policies.items[i]);
        if (first == NULL || strcmp(policy->meta.name, first) < 0) {
            first = policy->meta.name;
        }
    }
    return zl_strdup(first);
}

static bool has_policy(struct zl_armer *armer, const char *namespace_)
{
    ZL_AUTO_FREE char *name = find_policy(armer, namespace_);
    return name != NULL;
}

static void tell_of_verdict(const char *namespace_, enum zl_arming arming,
                            const struct zl_error *err)
{
    enum zl_log_level level = ZL_LOG_LEVEL_WARN;
    if (arming == ZL_ARMING_ARMED || arming == ZL_ARMING_PROBING) {
        level = ZL_LOG_LEVEL_INFO;
    }
    ZL_LOG_AT(level, "gatekeeper of a namespace", ZL_STR("namespace", namespace_),
              ZL_STR("state", zl_arming_reason(arming)),
              ZL_STR("error", err->message[0] != '\0' ? err->message : NULL));
}

/* A policy of somebody else may let in only what looks like the namespace's own LeaderPolicies: then the probe does. */
static enum zl_probe try_probes(struct zl_armer *armer, const char *namespace_,
                                struct zl_arming_state *state, struct zl_error *err)
{
    enum zl_probe result = state->resembling
                               ? ZL_PROBE_FAILED
                               : zl_probe_namespace(armer->client, namespace_, NULL, err);
    if (result != ZL_PROBE_FAILED) {
        return result;
    }
    ZL_AUTO_FREE char *name = find_policy(armer, namespace_);
    if (name == NULL) {
        return result;
    }
    struct zl_error again = {0};
    enum zl_probe other = zl_probe_namespace(armer->client, namespace_, name, &again);
    state->resembling = other == ZL_PROBE_REFUSED || other == ZL_PROBE_PASSED;
    if (state->resembling || err->message[0] == '\0') {
        *err = again;
        return other;
    }
    return result;
}

static void probe(struct zl_armer *armer, const char *namespace_, struct zl_arming_state *state,
                  struct zl_arming_facts *facts, struct zl_error *err)
{
    facts->probe = try_probes(armer, namespace_, state, err);
    zl_metric_add(&PROBES, zl_probe_name(facts->probe), NULL, 1);
    bool refused = facts->probe == ZL_PROBE_REFUSED;
    bool failing = !refused && facts->probe != ZL_PROBE_TERMINATING;
    facts->attempts = failing ? facts->attempts + 1 : 0;
    facts->failing_ms =
        zl_armings_note(armer->armings, namespace_, state->serial, failing, zl_clock_ms());
    if (refused) {
        *err = (struct zl_error){0}; /* it is the answer, not a failure */
        return;
    }
    if (facts->probe == ZL_PROBE_PASSED) {
        facts->labelled = zl_probe_label(armer->client, namespace_);
    }
}

/* What the condition says beside its constant words. */
static void explain(struct zl_armer *armer, const struct zl_error *err,
                    struct zl_arming_state *state)
{
    state->detail[0] = '\0';
    if (state->arming == ZL_ARMING_PROBE_FAILED) {
        zl_arming_say(state, err->message);
    } else if (state->arming == ZL_ARMING_CONTESTED) {
        zl_filler_opponent(armer->filler, state->detail, sizeof state->detail);
    } else if (state->arming == ZL_ARMING_NOT_INTERCEPTED) {
        ZL_AUTO_REF struct zl_ref *ref = find_entry(armer);
        const struct zl_webhook_entry *entry = ref != NULL ? zl_ref_object(ref) : NULL;
        ZL_AUTO_FREE char *others =
            entry != NULL ? zl_selector_others(entry->selector, &entry->selected) : NULL;
        zl_arming_say(state, others);
    }
}

static struct zl_arming_facts gather(struct zl_armer *armer, const char *namespace_,
                                     const struct zl_arming_state *state)
{
    ZL_AUTO_REF struct zl_ref *ref = find_entry(armer);
    const struct zl_webhook_entry *entry = ref != NULL ? zl_ref_object(ref) : NULL;
    const bool foreign = atomic_load(&armer->is_foreign); /* the probe alone tells what it does */
    char opponent[64];
    zl_filler_opponent(armer->filler, opponent, sizeof opponent);
    return (struct zl_arming_facts){
        .contested = opponent[0] != '\0',
        .excluded = is_excluded(armer, entry, namespace_),
        .read = foreign || zl_informer_is_synced(armer->configuration),
        .entry = foreign || is_present(entry),
        .selected =
            foreign || (is_present(entry) && zl_namespaces_have(&entry->selected, namespace_)),
        .was_armed = state->arming == ZL_ARMING_ARMED,
        .attempts = state->attempts,
    };
}

/* @return milliseconds until the next look; 0: at the next event */
static int64_t look_at(struct zl_armer *armer, const char *namespace_)
{
    struct zl_error err = {0};
    const char *lagging = NULL;
    size_t armed = 0;

    if (!zl_cache_is_synced(armer->cache, namespace_, &lagging)) {
        return SYNC_LOOK_MS;
    }
    if (!has_policy(armer, namespace_)) {
        return 0;
    }
    struct zl_arming_state state = zl_armings_begin(armer->armings, namespace_);
    struct zl_arming_facts facts = gather(armer, namespace_, &state);
    if (zl_arming_needs_probe(&facts)) {
        probe(armer, namespace_, &state, &facts, &err);
        if (facts.probe == ZL_PROBE_TERMINATING) {
            return 0;
        }
    } else {
        facts.attempts = 0;
        (void)zl_armings_note(armer->armings, namespace_, state.serial, false, zl_clock_ms());
    }
    state.arming = zl_arming_judge(&facts);
    state.attempts = facts.attempts;
    explain(armer, &err, &state);
    if (zl_armings_end(armer->armings, namespace_, &state)) {
        tell_of_verdict(namespace_, state.arming, &err);
        armer->news.verdict_changed(armer->news.ctx, namespace_);
    }
    show_count(armer);
    size_t count = zl_armings_count(armer->armings, &armed);
    int64_t delay_ms = zl_arming_look_again_ms(state.arming, state.attempts, count,
                                               zl_clock_ms() - atomic_load(&armer->changed_ms));
    return delay_ms > 0 ? zl_jitter_ms(delay_ms, JITTER_PERCENT) : 0;
}

void zl_armer_work(struct zl_armer *armer)
{
    for (;;) {
        ZL_AUTO_FREE char *namespace_ = zl_workqueue_get(armer->probes, NULL);
        if (namespace_ == NULL || atomic_load(&armer->stopping)) {
            return; /* what is queued may take seconds each */
        }
        int64_t delay_ms = look_at(armer, namespace_);
        if (delay_ms > 0) {
            zl_workqueue_add_after(armer->probes, namespace_, delay_ms);
        }
        zl_workqueue_done(armer->probes, namespace_);
    }
}

void zl_armer_condition(struct zl_armer *armer, const char *namespace_,
                        const struct zl_condition *before, const char *now,
                        struct zl_condition *out)
{
    struct zl_arming_state state = {0};
    if (!zl_armings_find(armer->armings, namespace_, &state) && before->status != NULL) {
        zl_condition_copy(out, before);
        return;
    }
    ZL_AUTO_FREE char *message = zl_arming_message(state.arming, namespace_, state.detail);
    zl_condition_set(out, state.arming == ZL_ARMING_ARMED, zl_arming_reason(state.arming), message);
    zl_condition_date(out, before, now);
}

/* --- start and stop --- */

struct zl_armer *zl_armer_new(struct zl_kube_client *client, struct zl_cache *cache,
                              const struct zl_armer_news *news, const char *namespace_)
{
    struct zl_armer *armer = zl_alloc(sizeof *armer);
    const struct zl_informer_spec spec = {
        .resource = &ZL_KUBE_VALIDATING_WEBHOOKS,
        .thread = zl_cache_thread(cache),
        .field_selector = "metadata.name=" ZL_PODS_CONFIGURATION,
        .decode = decode_entry,
        .free_object = zl_webhook_entry_free,
        .on_change = configuration_changed,
        .ctx = armer,
    };
    armer->client = client;
    armer->cache = cache;
    armer->news = *news;
    armer->namespace_ = namespace_;
    armer->probes = zl_workqueue_new(PROBE_BACKOFF_MAX_MS);
    armer->armings = zl_armings_new();
    armer->configuration = zl_informer_new(client, &spec);
    armer->filler = zl_filler_new(client, spec.thread, namespace_, something_to_fill, armer);
    atomic_init(&armer->started, false);
    atomic_init(&armer->stopping, false);
    atomic_init(&armer->is_foreign, false);
    atomic_init(&armer->changed_ms, zl_clock_ms());
    return armer;
}

void zl_armer_leave_configuration(struct zl_armer *armer)
{
    atomic_store(&armer->is_foreign, true);
}

void zl_armer_also(struct zl_armer *armer,
                   bool (*list)(void *ctx, void (*add)(void *out, const char *namespace_),
                                void *out),
                   void *ctx)
{
    armer->also = list;
    armer->also_ctx = ctx;
}

void zl_armer_start(struct zl_armer *armer)
{
    if (!atomic_exchange(&armer->started, true)) {
        zl_informer_start(armer->configuration);
        zl_filler_start(armer->filler);
    }
}

struct zl_informer *zl_armer_informer(struct zl_armer *armer)
{
    return atomic_load(&armer->started) ? armer->configuration : NULL;
}

void zl_armer_stop(struct zl_armer *armer)
{
    if (atomic_load(&armer->started)) {
        zl_filler_stop(armer->filler);
        zl_informer_stop(armer->configuration);
    }
    atomic_store(&armer->stopping, true);
    zl_workqueue_shutdown(armer->probes);
}

void zl_armer_free(struct zl_armer *armer)
{
    if (armer == NULL) {
        return;
    }
    zl_informer_free(armer->configuration);
    zl_filler_free(armer->filler);
    zl_workqueue_free(armer->probes);
    zl_armings_free(armer->armings);
    free(armer);
}
