/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kind.h - a kind of workload that may join a pool: one row and one file of this folder.
 *
 * Webhook and controller walk the same rows: what is watched, read live, reviewed and warned of, which pool an object
 * joins, whose pods lead and whose take turns, who is woken. docs/add-a-kind.md says how a Kind is added.
 *
 * Threads: pure; rows are constant.
 */
#ifndef ZL_KINDS_KIND_H
#define ZL_KINDS_KIND_H

#include "common/kube/resource.h"
#include "common/objects/workload.h"

/* In the order of the rows. */
enum zl_kind_index {
    ZL_KIND_INDEX_DEPLOYMENT,
    ZL_KIND_INDEX_STATEFULSET,
    ZL_KIND_INDEX_DAEMONSET,
    ZL_KIND_INDEX_CRONJOB,
    ZL_KIND_INDEX_JOB,
    ZL_KIND_COUNT,
};

/* Its own controller replaces a pod only beside others, which the gatekeeper refuses: who helps it to a new revision? */
enum zl_kind_rollout {
    ZL_ROLLOUT_OWN, /* nobody needs to */
    ZL_ROLLOUT_HANDOVER, /* a pod of the newest ReplicaSet is admitted beside the leader and succeeds it */
    ZL_ROLLOUT_REPLACE, /* the leader is deleted when a newer ControllerRevision waits */
};

/*
 * OBJECT is always what DECODE made, and begins with a struct zl_meta. What may be NULL says so.
 */
struct zl_kind {
    enum zl_kind_index index;
    const char *name;         /* "StatefulSet" */
    const char *abbreviation; /* kubectl's: "sts"; NULL: it has none */
    struct zl_kube_resource resource;
    const struct zl_kube_resource *alternative; /* in the version of older servers; or NULL */
    const char *api_version;                    /* of RESOURCE, as references and Events name it */

    /* Where an object's pods, and the Jobs that it makes, have their template: "spec.template". */
    const char *pod_template;
    const char *job_template; /* NULL: it makes no Jobs, but pods */

    const struct zl_json_shape *shape; /* what DECODE and POOL_IN_JSON read */
    enum zl_status (*decode)(const struct zl_kind *kind, const struct cJSON *object, void **out,
                             struct zl_error *err);
    void (*free_object)(void *object);
    /* The pool that the keys of OBJECT name, as it came from the API server or decoded; borrowed, NULL: none. */
    const char *(*pool_in_json)(const struct cJSON *object);
    const char *(*pool)(const void *object);

    /* Who makes its objects and decides for them where their own keys do not; NULL: nobody. */
    const struct zl_kind *maker;
    bool (*asks_maker)(const void *object); /* with MAKER: does OBJECT leave it to that one? */
    bool (*is_marked)(const void *object);  /* we wrote to it and must take that back; or NULL */

    const struct zl_kind *between; /* what it makes its pods through (a ReplicaSet); or NULL */
    bool
        takes_turns; /* its pods execute in turn; else one of them leads, and no Job runs beside it */
    /* Of a Kind that leads: how many pods OBJECT wants, of which more than one are refused. NULL: none ever is. */
    int64_t (*wanted)(const void *object);
    const struct zl_kube_resource
        *woken; /* whose annotation makes the owner sync at once; NULL: it needs no waking */
    enum zl_kind_rollout rollout;
};

extern const struct zl_kind ZL_KIND_DEPLOYMENT, ZL_KIND_STATEFULSET, ZL_KIND_DAEMONSET,
    ZL_KIND_CRONJOB, ZL_KIND_JOB;
/* Stands between a Deployment and its pods, and joins no pool itself: not among the rows. */
extern const struct zl_kind ZL_KIND_REPLICASET;

/* By their INDEX. */
extern const struct zl_kind *const ZL_KINDS[ZL_KIND_COUNT];

/* By the resource of a review ("apps", "deployments"), or by name ("Deployment"); NULL: there is no such row. */
const struct zl_kind *zl_kind_of_resource(const char *group, const char *plural);
const struct zl_kind *zl_kind_named(const char *name);

/* Does REF lead to an object of KIND? One without apiVersion is taken at its word; without kind it leads nowhere. */
bool zl_kind_is(const struct zl_kind *kind, const struct zl_controller_ref *ref);
/* The row of the object that REF leads to; NULL: of none. */
const struct zl_kind *zl_kind_of(const struct zl_controller_ref *ref);
/*
 * The Kind whose objects have pods with that controller: for a ReplicaSet it is the Deployment's. NULL: none.
 */
const struct zl_kind *zl_kind_of_pods(const struct zl_controller_ref *controller);
/* Is it one that takes turns? */
bool zl_kind_is_of_turns(const struct zl_controller_ref *controller);

/* How many pods WORKLOAD wants; 0 of a Kind of which none is ever refused. */
int64_t zl_workload_wants(const struct zl_workload *workload);
/*
 * Does more than one pod of WORKLOAD have to be refused in a scaleDown pool whose other workloads want OTHERS pods? Where the pool as a
 * whole wants one pod at most there is nothing to elect: the replicas of all its workloads count together, because two Deployments
 * of one replica each are a pair, too.
 */
bool zl_refuses_followers(const struct zl_workload *workload, int64_t others);

/* Is there none of these of which a pod would ever be refused? */
bool zl_stand_by(const struct zl_workload *const *workloads, size_t count);

/* What OBJECT, decoded, has first. */
const struct zl_meta *zl_kind_meta(const void *object);

#endif
