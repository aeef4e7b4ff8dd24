/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elector.h - leader election among replicas of one program by a Lease: client-go's
 * tools/leaderelection algorithm with its defaults 15 s / 10 s / 2 s.
 *
 * A candidate tries every retry period (jitter factor 1.2). It takes the Lease when there is none,
 * when the holder is empty or itself, or when the record has not changed for the lease duration by
 * *its own* monotonic clock. A leader that could not renew for the renew deadline has lost: LOST is
 * called, and the program must stop acting at once (exit). zl_elector_stop releases the Lease, so that
 * the next one does not wait.
 *
 * A Lease with spec.strategy is left alone: kube-controller-manager chooses its holder (Coordinated Leader Election).
 *
 * Threads: one thread per elector calls ACQUIRED, RENEWED, LOST and OBSERVED.
 */
#ifndef ZL_KUBE_ELECTOR_H
#define ZL_KUBE_ELECTOR_H

#include "common/kube/client.h"

struct zl_elector_spec {
    const char *namespace_;
    const char *lease;    /* "zen-lead-controller" */
    const char *identity; /* unique per process: hostname and random part */
    int64_t lease_duration_ms, renew_deadline_ms, retry_period_ms; /* 0: the defaults */
    void (*acquired)(void *ctx);
    void (*lost)(void *ctx);                         /* not called on zl_elector_stop */
    void (*observed)(void *ctx, const char *holder); /* the holder changed; may be NULL */
    /*
     * The Lease is ours, before ACQUIRED and after each renewal. BOOT_MS: zl_clock_boot_ms before that request left.
     * TRANSITIONS: grows with each change of holder. May be NULL.
     */
    void (*renewed)(void *ctx, int64_t boot_ms, int64_t transitions);
    void *ctx;
    int64_t first_transitions; /* of a Lease that we create */
};

struct zl_elector; /* opaque */

/* ZL_E_INVALID unless retry * 1.2 < renew deadline < lease duration. SPEC's strings are copied. */
enum zl_status zl_elector_new(struct zl_kube_client *client, const struct zl_elector_spec *spec,
                              struct zl_elector **out, struct zl_error *err) ZL_MUST_CHECK;
void zl_elector_start(struct zl_elector *elector);
/*
 * Releases the Lease if held, or if it may be held because a write's answer was lost; joins the thread. A release that fails is tried
 * again, a few times. Blocks for up to the renew deadline.
 */
void zl_elector_stop(struct zl_elector *elector);
void zl_elector_free(struct zl_elector *elector);
/*
 * Somebody wrote the Lease: a candidate looks at once, instead of at its next try. LEASE: as a watch has just shown it, which
 * spares the read before a write; it is copied. NULL: it is to be read. From any thread.
 */
void zl_elector_poke(struct zl_elector *elector, const struct cJSON *lease);
bool zl_elector_is_leader(struct zl_elector *elector);
/* Milliseconds of the monotonic clock since the last successful renewal or observation; for health. */
int64_t zl_elector_age_ms(struct zl_elector *elector);

#endif
