/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer.h - a local, always-converging copy of one resource type: LIST, then WATCH from the
 * list's version, resumed without losing an event (client-go's reflector).
 *
 * An informer is one store and any number of streams: one for all namespaces, or one for each namespace that is followed.
 * One thread drives them, the informer's own or one that it shares (informer_thread.h). They share connections (HTTP/2) and wait for nobody: a
 * namespace whose list takes long delays no event of another.
 *
 *   - A list is put into the store when it is complete, and what it does not name goes, in its own namespace only.
 *   - A watch that ends normally or breaks is resumed from the last version seen (events and bookmarks). So is one that has
 *     been silent for 90 to 120 s, on another connection (client_stream.h).
 *   - 410 Gone lists that stream again; the difference to the store is delivered as changes.
 *   - An API server whose etcd was restored from a backup counts from an older version on, and sends nothing to a watch from a
 *     newer one until it is there: what was written meanwhile would be missed. Nothing in the protocol says so; whoever knows
 *     calls zl_informer_relist.
 *   - 429 and 5xx and network errors back off, 800 ms doubling to 5 s, jittered (client-go's
 *     reflector goes to 30 s: so long a failover would wait once the server is back); Retry-After is honoured.
 *   - What DECODE wants more of in a namespace is listed beside the open watch; the newer version of an object wins.
 *   - Memory holds only what DECODE returned. A stream that waits costs about 16 KiB (docs/tuning.md).
 *
 * Threads: the informer's runs DECODE, ON_CHANGE and ON_SYNCED; the functions below may be called from
 * any thread except, inside a callback on the same thread, zl_informer_stop (it would wait for itself).
 */
#ifndef ZL_KUBE_INFORMER_H
#define ZL_KUBE_INFORMER_H

#include "common/kube/client.h"
#include "common/kube/informer_thread.h"
#include "common/kube/store.h"

struct zl_informer_spec {
    const struct zl_kube_resource *resource;
    struct zl_informer_thread *thread; /* that drives it beside others; NULL: one of its own */
    /*
     * The same in another version, or NULL: a list that answers 404 is tried in the other one. So it follows an API
     * server that is upgraded past a version, too.
     */
    const struct zl_kube_resource *alternative;
    const char *name; /* in metrics and messages; NULL: the resource's plural */
    bool
        on_demand; /* nothing is followed until zl_informer_follow; else NAMESPACE_ from the start */
    bool lasting;  /* zl_informer_forget ends no watch */
    /* A failed request is tried again after 1 s to this time, at random, so that a great many clients do not come back at once. 0: see above. */
    int64_t reconnect_spread_ms;
    const char *namespace_;     /* NULL: all */
    const char *label_selector; /* or NULL */
    const char *field_selector; /* "metadata.name=x": that one object; or NULL */
    bool metadata_only;
    const struct zl_json_shape *shape; /* what DECODE reads; NULL: all */
    /*
     * An object of which SHAPE names more than ZL_KEPT_MAX comes without its largest members. It is counted and logged,
     * and the watch goes on. true: DECODE gets what there is of it. What that does not want, and with false every such
     * object, stays as it was kept before, which may be not at all.
     */
    bool partial;
    /*
     * Turn one object into what is worth keeping. *OUT stays NULL with ZL_OK: not wanted (and removed
     * if an earlier version was kept). A failure is logged and treated as not wanted.
     */
    enum zl_status (*decode)(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err);
    void (*free_object)(void *object);
    /* Of the store, as zl_store_set_indexers; NULL: none. */
    const struct zl_indexer *indexers;
    size_t indexer_count;
    /*
     * After the store changed. OLD NULL: new; NEW NULL: deleted or no longer wanted. The two may have
     * different uids when a deletion and a creation were seen as one. Must not block. May be NULL.
     */
    void (*on_change)(void *ctx, const void *old_object, const void *new_object);
    /* A stream has its first list. May be NULL. */
    void (*on_synced)(void *ctx);
    /*
     * Of a namespace that is forgotten while it is followed all the same, with all others or because it LASTS: does DECODE
     * still want OBJECT? NULL: it wants none. Quick; runs under the store's lock.
     */
    bool (*is_wanted)(void *ctx, const void *object);
    void *ctx;
};

struct zl_informer; /* opaque */

/* SPEC is copied (its strings are borrowed for the informer's life). Starts nothing. */
struct zl_informer *zl_informer_new(struct zl_kube_client *client,
                                    const struct zl_informer_spec *spec);
void zl_informer_start(struct zl_informer *informer);
void zl_informer_stop(struct zl_informer *informer); /* no callback runs after it; may be twice */
void zl_informer_free(struct zl_informer *informer); /* stops first */

struct zl_store *zl_informer_store(struct zl_informer *informer);

/* From now on NAMESPACE_ (NULL: all) is followed; nothing happens when it is already. It is not forgotten any more. */
void zl_informer_follow(struct zl_informer *informer, const char *namespace_);
/*
 * What DECODE wants of NAMESPACE_ has grown: list that beside the open watch, at most once in list_gap_ms. Objects that it now
 * wants arrive as new. Not followed yet: as zl_informer_follow.
 */
void zl_informer_refill(struct zl_informer *informer, const char *namespace_);
/*
 * Nobody needs NAMESPACE_: unless it is followed or refilled again within DELAY_MS, its watch ends and its objects leave the
 * store (while all namespaces are followed: those that are not wanted). That is not told as their deletion.
 */
void zl_informer_forget(struct zl_informer *informer, const char *namespace_, int64_t delay_ms);

/*
 * What was seen may be of an API server that is no more: its etcd was restored from a backup. All that is followed is listed
 * again, and watched from there, however small its versions are. Until then it stays as it is.
 */
void zl_informer_relist(struct zl_informer *informer);

/* What is known of one namespace (NULL: of all, where all are followed by one stream). */
struct zl_informer_state {
    bool followed; /* else: nothing is known, not even that there is nothing; the rest is zero */
    bool synced;   /* its first list is in the store and was delivered */
    bool settled;  /* and so is what zl_informer_refill asked for */
    bool watching;
    int64_t not_watching_ms; /* how long no watch has been open; 0 while one is */
    /*
     * The newest resourceVersion that was seen, as a number: every change of the namespace up to it is in
     * the store, whether kept or not. 0 before the first sync. Versions of one API server's resources
     * may be compared as numbers (KEP-5504 makes that official; etcd revisions always were).
     */
    uint64_t position;
};
struct zl_informer_state zl_informer_state(struct zl_informer *informer, const char *namespace_);
/* Is any stream without an open watch? Costs one load, where zl_informer_state looks for one stream under a lock. */
bool zl_informer_has_gap(struct zl_informer *informer);

/* true when all that is followed has its first list; so it is when nothing is followed. */
bool zl_informer_is_synced(struct zl_informer *informer);
/*
 * Blocks until synced, or STOP() says so (asked every 50 ms; may be NULL).
 * @return true when synced
 */
bool zl_informer_wait_synced(struct zl_informer *informer, bool (*stop)(void *ctx), void *ctx);

/* A resourceVersion as a number; 0 when it is not one. */
uint64_t zl_resource_version_number(const char *resource_version);

/* All of its streams together. */
struct zl_informer_health {
    bool synced;             /* each has its first list */
    bool watching;           /* each has a watch open now */
    int64_t not_watching_ms; /* how long the worst has had none; 0 while all have */
    size_t streams;
    uint64_t restarts; /* watches opened again since start */
    uint64_t relists;  /* lists after a stream's first, refills included */
    uint64_t cut;      /* objects that were too large to be read whole */
};
struct zl_informer_health zl_informer_health(struct zl_informer *informer);
const char *zl_informer_name(const struct zl_informer *informer);

#endif
