/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armer.h - arms the gatekeeper: keeps the configuration zen-lead-pods to the namespaces that have a LeaderPolicy
 * (filler.h), and says by probes in which of them that has taken effect.
 *
 * The configuration is filled by a worker of the controller (zl_armer_set_selector). Probes have a queue and threads
 * of their own: one may hang for as long as the webhook does, and must not keep a failover waiting.
 *
 * Threads: any where nothing else is said.
 */
#ifndef ZL_CONTROLLER_GATE_ARMER_H
#define ZL_CONTROLLER_GATE_ARMER_H

#include "common/base/metrics.h"
#include "common/cache/cache.h"
#include "common/kube/workqueue.h"
#include "controller/result.h"

struct zl_armer; /* opaque */

/* Whom it tells. Called on informer and probe threads; must not block. */
struct zl_armer_news {
    void (*configuration_changed)(void *ctx); /* zl_armer_set_selector has something to do */
    void (*verdict_changed)(void *ctx, const char *namespace_); /* so has zl_armer_condition */
    void *ctx;
};

/*
 * All borrowed for the armer's life, but for NEWS, which is copied.
 *
 * @param namespace_  the controller's own, which is never gatekept
 */
struct zl_armer *zl_armer_new(struct zl_kube_client *client, struct zl_cache *cache,
                              const struct zl_armer_news *news, const char *namespace_);
/* Instead of starting: the configuration is somebody else's to keep. Namespaces are probed all the same. */
void zl_armer_leave_configuration(struct zl_armer *armer);
/* Begin to watch the configuration; once, when the pools are watched. */
void zl_armer_start(struct zl_armer *armer);
/* No more probes: zl_armer_work returns soon, and there is no more news. From one thread. */
void zl_armer_stop(struct zl_armer *armer);
void zl_armer_free(struct zl_armer *armer); /* stopped, and no thread in zl_armer_work */

/* What watches zen-lead-pods; NULL: not started yet. */
struct zl_informer *zl_armer_informer(struct zl_armer *armer);
/* A LeaderPolicy of NAMESPACE_ came or went. Does not block. */
void zl_armer_policy_changed(struct zl_armer *armer, const char *namespace_);
/* Probe namespaces as they are due, until zl_armer_stop; only on the elected replica. */
void zl_armer_work(struct zl_armer *armer);
/*
 * Namespaces that are gatekept for another reason, by LIST: it tells ADD each of them. Before the armer is started.
 *
 * @param list  @return false: they are not known yet, so that nothing is written
 */
void zl_armer_also(struct zl_armer *armer,
                   bool (*list)(void *ctx, void (*add)(void *out, const char *namespace_),
                                void *out),
                   void *ctx);
/* Make zen-lead-pods what the LeaderPolicies ask for. */
struct zl_result zl_armer_set_selector(struct zl_armer *armer, struct zl_error *err);

/*
 * Condition GatekeeperArmed of a pool in NAMESPACE_, into the empty OUT.
 *
 * @param before  as it was: kept while this replica has not judged the namespace
 * @param now     RFC 3339
 */
void zl_armer_condition(struct zl_armer *armer, const char *namespace_,
                        const struct zl_condition *before, const char *now,
                        struct zl_condition *out);

extern const struct zl_metric *const ZL_ARMER_METRICS[];

#endif
