/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_watch.h - one named object, mostly a Lease, watched until it is over: who ends it, and how long to rest between two watches.
 *
 * As an informer does it: what is there is read first, and watched from there on, so that nothing is old and nothing falls between. A
 * watch without a resource version may begin with what an API server's cache had a while ago. So where there is no
 * Lease to begin with, whatever such a watch brings is read before it is told. Without the right to read, it is told as it comes.
 *
 * Threads: one watches (run, once); zl_lease_watch_end and zl_lease_watch_rest from any.
 */
#ifndef ZL_CLIENT_LEASE_WATCH_H
#define ZL_CLIENT_LEASE_WATCH_H

#include "common/kube/client.h"

struct zl_lease_watch_spec {
    const char *lease;                       /* its name; copied */
    const struct zl_kube_resource *resource; /* NULL: Leases */
    int watch_s;                             /* how long one watch lasts; 0: as long as is usual */
    /*
     * ADDED: what is there; then each change, and bookmarks. Never ERROR. The watching thread's, and its failure ends
     * the watch.
     */
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
/* A single one; as zl_kube_watch. The next one goes on where it ended. */
enum zl_status zl_lease_watch_once(struct zl_lease_watch *watch, struct zl_kube_client *client,
                                   const char *namespace_, struct zl_error *err) ZL_MUST_CHECK;

/* The watching thread wants another object of that name from now on, read first. */
void zl_lease_watch_go_on_with(struct zl_lease_watch *watch, const char *name);
/* The watching thread has read the Lease itself: go on from VERSION, NULL: read first. */
void zl_lease_watch_go_on_from(struct zl_lease_watch *watch, const char *version);

/* Wait until UNTIL_MS of zl_clock_ms, ZL_FOREVER: until it is over. @return false: it is over */
bool zl_lease_watch_rest(struct zl_lease_watch *watch, int64_t until_ms);
/* From now on it is over: ends the watch that runs, and every rest. */
void zl_lease_watch_end(struct zl_lease_watch *watch);
bool zl_lease_watch_is_over(struct zl_lease_watch *watch);

#endif
