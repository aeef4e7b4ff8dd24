/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filler.h - fills zen-lead-pods, which is shipped empty: the gatekeeper's entry with the address and caBundle of zen-lead, the
 * secret path, and the namespaces that have a LeaderPolicy. It also makes the Secret of that path, gives zen-lead a caBundle
 * back that somebody wiped, makes the Namespace the owner of both configurations, and empties the entry that releases
 * without a secret path shipped in zen-lead.
 *
 * What others change is repaired at once. Where somebody insists, repairs wait longer and longer, and that is said.
 *
 * Threads: zl_filler_fill from one thread at a time; the rest from any.
 */
#ifndef ZL_CONTROLLER_GATE_FILLER_H
#define ZL_CONTROLLER_GATE_FILLER_H

#include "common/kube/informer.h"
#include "controller/gate/webhook_entry.h"
#include "controller/result.h"

struct zl_filler; /* opaque */

/*
 * @param thread      that watches; it outlives the filler
 * @param namespace_  the controller's own; borrowed
 * @param changed     called on informers' threads: there may be something to fill
 */
struct zl_filler *zl_filler_new(struct zl_kube_client *client, struct zl_informer_thread *thread,
                                const char *namespace_, void (*changed)(void *ctx), void *ctx);
void zl_filler_start(struct zl_filler *filler); /* once */
/* Watches nothing more. A Namespace that is being deleted takes the webhook with it: then nobody shall wait for that. */
void zl_filler_stop(struct zl_filler *filler);
void zl_filler_free(struct zl_filler *filler);

/*
 * Make zen-lead-pods what WANTED (sorted) asks for.
 *
 * @param pods  as the cache has it; NULL: there is no zen-lead-pods, and it is not ours to make
 */
struct zl_result zl_filler_fill(struct zl_filler *filler, const struct zl_webhook_entry *pods,
                                const struct zl_namespaces *wanted, struct zl_error *err);
/* Who changes it again and again, and nobody (""). OUT of SIZE bytes. */
void zl_filler_opponent(struct zl_filler *filler, char *out, size_t size);

#endif
