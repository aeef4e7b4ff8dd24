/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what the cluster's pools look like, kept true by informers.
 *
 * Two halves, each started on its own. Pools: LeaderPolicies, the workloads that join one (of the Kinds in
 * common/kinds), their Leases, for the controller also the ReplicaSets and ControllerRevisions of their namespaces.
 * Routing: Services, our EndpointSlices, the nodes' zones.
 *
 * Only who uses zen-lead is followed. LeaderPolicies, Services, our Leases and slices, nodes, and the metadata of workloads
 * with our label are watched everywhere; a namespace that has one of those is a user's. The rest, which may be large
 * and is mostly other people's, is watched there alone: pods beside a policy or an opted-in Service, ReplicaSets and revisions beside
 * a policy, whole workloads beside a policy or a labelled one. (Membership may stand in an annotation, which no label
 * selector can ask for; so there all workloads are watched and filtered while they are decoded.) Memory and requests are
 * a function of zen-lead's users, not of the cluster's size. Services that are neither opted in nor ours are kept beside a
 * policy or one that is: it may lend its ports, or have a name that we want.
 *
 * So what is known is known of a namespace. One that is not followed, or not listed yet, is not empty: ask
 * zl_cache_is_settled before a missing object means anything.
 *
 * Threads: any.
 */
#ifndef ZL_CACHE_CACHE_H
#define ZL_CACHE_CACHE_H

#include "common/kinds/kind.h"
#include "common/kube/informer.h"
#include "common/objects/job.h"
#include "common/objects/node.h"
#include "common/objects/replicaset.h"
#include "common/objects/service.h"
#include "common/objects/slice.h"
#include "common/seat/lease.h"

enum zl_cached {
    ZL_CACHED_POLICIES, /* struct zl_policy */
    /*
     * The Kinds that may join a pool, in the order of ZL_KINDS: what is in a pool, what we marked, and in a pool's
     * namespace what its maker may have put into one. zl_cached_of and zl_kind_cached lead there and back.
     */
    ZL_CACHED_KINDS,
    ZL_CACHED_CRONJOBS = ZL_CACHED_KINDS + ZL_KIND_INDEX_CRONJOB, /* struct zl_cronjob */
    ZL_CACHED_JOBS = ZL_CACHED_KINDS + ZL_KIND_INDEX_JOB,         /* struct zl_job */
    ZL_CACHED_LEASES = ZL_CACHED_KINDS + ZL_KIND_COUNT,           /* struct zl_lease */
    ZL_CACHED_PODS,        /* struct zl_pod; beside an opted-in Service also without controller */
    ZL_CACHED_REPLICASETS, /* struct zl_replicaset; only WITH_REPLICASETS */
    ZL_CACHED_REVISIONS, /* struct zl_revision, of Kinds that are replaced; only WITH_REPLICASETS */
    ZL_CACHED_SERVICES,  /* struct zl_service; this and the next two: only with routing */
    ZL_CACHED_SLICES,    /* struct zl_slice, ours */
    ZL_CACHED_NODES,     /* struct zl_node */
    ZL_CACHED_COUNT,
};

static inline enum zl_cached zl_cached_of(const struct zl_kind *kind)
{
    return (enum zl_cached)(ZL_CACHED_KINDS + kind->index);
}

/* NULL: no object of that sort joins a pool. */
static inline const struct zl_kind *zl_kind_cached(enum zl_cached cached)
{
    return cached >= ZL_CACHED_KINDS && cached < ZL_CACHED_LEASES
               ? ZL_KINDS[cached - ZL_CACHED_KINDS]
               : NULL;
}

/* By what some kinds can be looked up within a namespace; see indexes.c for which. */
enum zl_index {
    ZL_BY_OWNER,       /* uid of the controller */
    ZL_BY_POOL,        /* the pool that it joins or belongs to */
    ZL_BY_SOURCE,      /* ours: the Service that it was made for */
    ZL_BY_WANTED_NAME, /* an annotated Service: how its leader Service is to be called */
    ZL_BY_POD,         /* a Lease: the pod that holds it; a slice: the pod that it leads to */
    ZL_BY_LABEL, /* a pod: each "key=value"; a user's Service, a Deployment: the first of its selector */
    ZL_BY_COUNT,
};

/* How what is followed by namespace is watched; follow.c says when auto takes which. */
enum zl_watch { ZL_WATCH_AUTO, ZL_WATCH_NAMESPACES, ZL_WATCH_CLUSTER };

/* "auto", "namespaces" or "cluster"; anything else and NULL: auto. */
enum zl_watch zl_watch_named(const char *name);

struct zl_cache_options {
    enum zl_watch watch;
    const char *namespaces; /* "a,b": nothing outside of these is looked at; NULL: all there are */
    bool with_replicasets;  /* and ControllerRevisions */
    /* As zl_informer_spec.on_change, with the kind. May be NULL. */
    void (*on_change)(void *ctx, enum zl_cached kind, const void *old_object,
                      const void *new_object);
    void *ctx;
};

struct zl_cache; /* opaque */

struct zl_cache *zl_cache_new(struct zl_kube_client *client,
                              const struct zl_cache_options *options);
/* Each once, from one thread. Routing alone serves opted-in Services; pools may come later. */
void zl_cache_start_pools(struct zl_cache *cache);
/* @param slices  the version of EndpointSlice that the server has */
void zl_cache_start_routing(struct zl_cache *cache, const struct zl_kube_resource *slices);
void zl_cache_stop(struct zl_cache *cache); /* no on_change after this; look-ups still work */
void zl_cache_free(struct zl_cache *cache); /* stops first */
/* For informers of others, whose events are as patient as those of Services or Leases; they are freed before the cache is. */
struct zl_informer_thread *zl_cache_thread(struct zl_cache *cache);

/*
 * true when all that is of interest at the start was listed once, and whatever is of interest in NAMESPACE_ (may be NULL)
 * by now; else *LAGGING names what was not.
 */
bool zl_cache_is_synced(struct zl_cache *cache, const char *namespace_, const char **lagging);
/* Blocks until it is, of no namespace; as zl_informer_wait_synced. */
bool zl_cache_wait_synced(struct zl_cache *cache, bool (*stop)(void *ctx), void *ctx);
/* Is NAMESPACE_ followed, with its first list in the store? */
bool zl_cache_is_followed(struct zl_cache *cache, enum zl_cached kind, const char *namespace_);
/*
 * As zl_informer_state's settled: a namespace that became interesting is listed, and until
 * that list is there a missing object proves nothing. Never where it is not followed.
 */
bool zl_cache_is_settled(struct zl_cache *cache, enum zl_cached kind, const char *namespace_);
/*
 * For how long has no watch been open: what is cached of NAMESPACE_ is at least so old. 0 while one is. Not followed: how long
 * nobody would have said that it is of interest.
 */
int64_t zl_cache_not_watching_ms(struct zl_cache *cache, enum zl_cached kind,
                                 const char *namespace_);
/* Is what is cached of NAMESPACE_ at least as new as RESOURCE_VERSION? Then what is missing was gone by then. */
bool zl_cache_is_as_new(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                        const char *resource_version);
/* As zl_informer_state's. */
uint64_t zl_cache_position(struct zl_cache *cache, enum zl_cached kind, const char *namespace_);

/* The informer of a kind; NULL: not wanted, or not started yet. */
struct zl_informer *zl_cache_informer(struct zl_cache *cache, enum zl_cached kind);
/* That of the metadata of labelled objects, by their Kind's index; NULL: as above. */
struct zl_informer *zl_cache_labelled(struct zl_cache *cache, size_t index);
/* How often zl_cache_find found an object of a kind, and how often it did not. */
struct zl_lookups {
    uint64_t hits, misses;
};
struct zl_lookups zl_cache_lookups(struct zl_cache *cache, enum zl_cached kind);

/* NULL when it is not cached; the caller drops the reference. */
struct zl_ref *zl_cache_find(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                             const char *name);
struct zl_ref *zl_cache_find_lease(struct zl_cache *cache, const char *namespace_,
                                   const char *pool);
/* Adds one reference per object of the namespace to OUT. */
void zl_cache_list(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                   struct zl_refs *out);
/* Those that have VALUE under INDEX. The kind must have such an index. */
void zl_cache_list_by(struct zl_cache *cache, enum zl_cached kind, enum zl_index index,
                      const char *namespace_, const char *value, struct zl_refs *out);
size_t zl_cache_count_by(struct zl_cache *cache, enum zl_cached kind, enum zl_index index,
                         const char *namespace_, const char *value);
/* The workloads of one pool whose pods lead. */
void zl_cache_list_workloads(struct zl_cache *cache, const char *namespace_, const char *pool,
                             struct zl_refs *out);

/* How many pods those of them want that do not have UID. */
int64_t zl_cache_wanted_by_others(struct zl_cache *cache, const char *namespace_, const char *pool,
                                  const char *uid);

/* How many of a pool's members name it themselves: of the Kinds that take turns, or of those whose pods lead. */
size_t zl_cache_count_members(struct zl_cache *cache, const char *namespace_, const char *pool,
                              bool takes_turns);

/* The pool that OBJECT of KIND is in, by its own keys or its maker's; NULL: none. The caller frees. */
char *zl_cache_pool_of(struct zl_cache *cache, const struct zl_kind *kind, const void *object);

/*
 * The object of a Kind that REF, a controller, leads to, and the one that a pod with that CONTROLLER belongs to (a
 * ReplicaSet's pod to its Deployment); NULL: not cached, so in no pool. The caller drops the reference.
 */
struct zl_ref *zl_cache_find_controller(struct zl_cache *cache, const char *namespace_,
                                        const struct zl_controller_ref *ref);
struct zl_ref *zl_cache_find_owner(struct zl_cache *cache, const char *namespace_,
                                   const struct zl_controller_ref *controller);

/* The CronJob of JOB, if it has one and that is in a pool; else NULL. The caller drops the reference. */
struct zl_ref *zl_cache_find_cronjob(struct zl_cache *cache, const struct zl_job *job);
/* startingDeadlineSeconds of JOB's CronJob; -1: none. */
int64_t zl_cache_starting_deadline_s(struct zl_cache *cache, const struct zl_job *job);
/* As zl_cache_pool_of. */
char *zl_cache_pool_of_job(struct zl_cache *cache, const struct zl_job *job);
/* The Jobs of a pool, those that are over included. */
void zl_cache_list_jobs(struct zl_cache *cache, const char *namespace_, const char *pool,
                        struct zl_refs *out);

#endif
