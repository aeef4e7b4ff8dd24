/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload.h - a workload whose pods may lead a pool (a Deployment, a StatefulSet), and which pool an object joins.
 *
 * Threads: pure; a decoded object is read-only.
 */
#ifndef ZL_OBJECTS_WORKLOAD_H
#define ZL_OBJECTS_WORKLOAD_H

#include "common/objects/pod.h"

struct zl_kind; /* common/kinds/kind.h */

struct zl_workload {
    struct zl_meta meta;
    const struct zl_kind *kind;
    int64_t replicas;  /* desired; 1 when the field is absent */
    char *wanted_name; /* of its leader Service, as zl_id_remembered; NULL: "<name>-leader" */
    char *pool;        /* the pool that it joins, likewise; NULL: none, or opted out */
    char *selector;    /* spec.selector as a labelSelector query */
    struct zl_pod
        *template_pod; /* labels and ports of the pods that it makes; nothing else is set */
    bool paused;       /* a Deployment that is not to roll out now */
    /* Its own strategy takes the old pods away before it makes new ones (Recreate), or never (OnDelete). */
    bool recreates, on_delete;
    int64_t min_ready_s;         /* a pod counts as available after being Ready so long */
    int64_t progress_deadline_s; /* how long a new revision may take to become Ready */
    int64_t partition;           /* of a StatefulSet: lower ordinals keep their revision */
    /* Its own controller has seen meta.generation: what it made is what the template says. */
    bool observed;
    /* What that controller takes for its newest revision: a Deployment's number, a StatefulSet's name; NULL: it has not said. */
    char *revision;
};

/* Where a pool may be named: of an object's metadata, and of its pod template's, labels besides. */
extern const struct zl_json_shape ZL_POOL_KEYS_SHAPE[];

/* Does zen-lead/join: "false" stand on an object or on its pod template? */
bool zl_opts_out(const struct cJSON *metadata, const struct cJSON *template_metadata);

/*
 * The pool that a workload names, borrowed: the label wins, then the workload's annotation, then its pod
 * template's. NULL: none, or opted out.
 */
const char *zl_pool_of(const struct cJSON *metadata, const struct cJSON *template_metadata);
/* The same of an OBJECT whose pods' template is spec.template. */
const char *zl_pool_of_object(const struct cJSON *object);

/* Of the Service that leads to it, when it leads; the caller frees. */
char *zl_workload_leader_name(const struct zl_workload *workload);

extern const struct zl_json_shape ZL_WORKLOAD_SHAPE[];
enum zl_status zl_workload_decode(const struct zl_kind *kind, const struct cJSON *object,
                                  struct zl_workload **out, struct zl_error *err) ZL_MUST_CHECK;
void zl_workload_free(void *workload); /* a struct zl_workload; fits zl_ref_new */

#endif
