/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_watch.h - one named Lease, watched until it is over: who ends it, and how long to rest between two watches.
 *
 * Without a resource version a watch begins with what is there: nothing falls between two of them.
 *
 * Threads: one watches (run, once); zl_lease_watch_end and zl_lease_watch_rest from any.
 */
#ifndef ZL_CLIENT_LEASE_WATCH_H
#define ZL_CLIENT_LEASE_WATCH_H

#include "common/kube/client.h"

struct zl_lease_watch_spec {
    const char *lease; /* copied */
    int watch_s;       /* how long one watch lasts; 0: as long as is usual */
    /* As in zl_kube_watch: the watching thread's, and its failure ends the watch. */
    enum zl_status (*event)(void *ctx, const char *type, const struct cJSON *object,
                            struct zl_error *err);
    void *ctx;
};

struct zl_lease_watch; /* opaque */
struct zl_lease_watch *zl_lease_watch_new(const struct zl_lease_watch_spec *spec);
void zl_lease_watch_free(struct zl_lease_watch *watch); /* nobody watches any more; NULL is fine */

/*
 * One watch after the other, a second apart at least.
 *
 * @return ZL_E_STOPPED: over, or EVENT said so; ZL_E_DENIED, ZL_E_INVALID: the server refuses it, now and later;
 *         another failure: the last watch's, and meanwhile it is over
 */
enum zl_status zl_lease_watch_run(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                  const char *namespace_, struct zl_error *err) ZL_MUST_CHECK;
/* A single one; as zl_kube_watch. */
enum zl_status zl_lease_watch_once(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                   const char *namespace_, struct zl_error *err) ZL_MUST_CHECK;

/* Wait until UNTIL_MS of zl_clock_ms, ZL_FOREVER: until it is over. @return false: it is over */
bool zl_lease_watch_rest(struct zl_lease_watch *watch, int64_t until_ms);
/* From now on it is over: ends the watch that runs, and every rest. */
void zl_lease_watch_end(struct zl_lease_watch *watch);
bool zl_lease_watch_is_over(struct zl_lease_watch *watch);

#endif
