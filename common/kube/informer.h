/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer.h - a local, always-converging copy of one resource type: LIST, then WATCH from the
 * list's version, resumed without losing an event (client-go's reflector).
 *
 *   - A watch that ends normally or breaks is resumed from the last version seen (events and bookmarks).
 *   - 410 Gone lists again; the difference to the store is delivered as changes.
 *   - 429 and 5xx and network errors back off, 800 ms doubling to 5 s, jittered (client-go's
 *     reflector goes to 30 s: so long a failover would wait once the server is back); Retry-After is honoured.
 *   - Memory holds only what DECODE returned.
 *
 * Threads: one thread per informer runs DECODE and ON_CHANGE; the functions below may be called from
 * any thread except inside a callback (zl_informer_stop would wait for itself).
 */
#ifndef ZL_KUBE_INFORMER_H
#define ZL_KUBE_INFORMER_H

#include "common/kube/client.h"
#include "common/kube/store.h"

struct zl_informer_spec {
    const struct zl_kube_resource *resource;
    /*
     * The same in another version, or NULL: a list that answers 404 is tried in the other one. So it follows an API
     * server that is upgraded past a version, too.
     */
    const struct zl_kube_resource *alternative;
    const char *namespace_;     /* NULL: all */
    const char *label_selector; /* or NULL */
    const char *field_selector; /* "metadata.name=x": that one object; or NULL */
    bool metadata_only;
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
    void *ctx;
};

struct zl_informer; /* opaque */

/* SPEC is copied (its strings are borrowed for the informer's life). Starts nothing. */
struct zl_informer *zl_informer_new(struct zl_kube_client *client,
                                    const struct zl_informer_spec *spec);
void zl_informer_start(struct zl_informer *informer);
void zl_informer_stop(struct zl_informer *informer); /* waits for the thread; may be called twice */
void zl_informer_free(struct zl_informer *informer); /* stops first */

struct zl_store *zl_informer_store(struct zl_informer *informer);

/* true once the first list is in the store and was delivered */
bool zl_informer_is_synced(struct zl_informer *informer);
/*
 * Blocks until synced, or STOP() says so (asked every 50 ms; may be NULL).
 * @return true when synced
 */
bool zl_informer_wait_synced(struct zl_informer *informer, bool (*stop)(void *ctx), void *ctx);

/*
 * List again soon (at most four times a second): what DECODE wants has grown. Objects that it now wants
 * arrive as new.
 */
void zl_informer_relist(struct zl_informer *informer);

/* true when it is synced and every zl_informer_relist so far has been answered by a list. */
bool zl_informer_is_settled(struct zl_informer *informer);

/*
 * The newest resourceVersion that this informer has seen, as a number: every change up to it is in
 * the store, whether kept or not. 0 before the first sync. Versions of one API server's resources
 * may be compared as numbers (KEP-5504 makes that official; etcd revisions always were).
 */
uint64_t zl_informer_position(struct zl_informer *informer);
/* A resourceVersion as a number; 0 when it is not one. */
uint64_t zl_resource_version_number(const char *resource_version);

struct zl_informer_health {
    bool synced;
    bool watching;           /* a watch is open now */
    int64_t not_watching_ms; /* how long none has been open; 0 while watching */
    uint64_t restarts;       /* watches opened again since start */
    uint64_t relists;
};
struct zl_informer_health zl_informer_health(struct zl_informer *informer);
const char *zl_informer_name(const struct zl_informer *informer); /* the resource's plural */

#endif
