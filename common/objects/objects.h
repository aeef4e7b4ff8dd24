/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects.h - the Kubernetes objects that leadership is decided from, decoded to what is needed.
 *
 * Each zl_X_decode turns the API's JSON into a struct that owns its strings; absent text is NULL.
 * A decode fails with ZL_E_INVALID only when name or uid is missing: the API server has validated
 * the rest, and what it left out reads as its default.
 *
 * Threads: pure; a decoded object is read-only.
 */
#ifndef ZL_OBJECTS_OBJECTS_H
#define ZL_OBJECTS_OBJECTS_H

#include "common/base/json.h"

#include <stdint.h>

struct zl_controller_ref {
    char *api_version, *kind, *name, *uid; /* all NULL: no controller */
};

/* METADATA's ownerReference with controller: true; OUT stays zero without one. */
void zl_controller_ref_decode(const struct cJSON *metadata, struct zl_controller_ref *out);
void zl_controller_ref_clear(struct zl_controller_ref *owner);

struct zl_meta {
    char *namespace_; /* "" for cluster-scoped objects */
    char *name;
    char *uid;
    char *resource_version;
    int64_t generation;
    int64_t created_us; /* wall clock; 0 when absent */
    bool deleting;      /* deletionTimestamp is set */
    struct zl_controller_ref controller;
};

enum zl_status zl_meta_decode(const struct cJSON *object, struct zl_meta *out,
                              struct zl_error *err) ZL_MUST_CHECK;
void zl_meta_clear(struct zl_meta *meta);

struct zl_container_port {
    char *name;           /* or NULL */
    const char *protocol; /* "TCP", "UDP" or "SCTP"; constant */
    int64_t number;
};

enum { ZL_POD_IPS_MAX = 2 }; /* one for each family */

struct zl_pod {
    struct zl_meta meta;
    bool finished;   /* phase Failed or Succeeded: it will never run again */
    bool failed;     /* with FINISHED: Failed */
    bool ready;      /* phase Running, condition Ready is True, not deleting */
    bool is_static;  /* mirror of a static pod: only the kubelet can refuse it */
    int64_t grace_s; /* while deleting: how long it was given; else 0 */
    int64_t
        ready_since_us; /* lastTransitionTime of Ready, wall clock of the kubelet; 0 unless ready */
    char *identity;     /* annotation zen-lead/identity */
    bool serving;       /* as ready, but also while deleting: it still answers */
    char *labels;       /* as in labels.h; NULL: none */
    char *revision;     /* of a StatefulSet's pod: the name of its ControllerRevision; else NULL */
    char *node;         /* NULL: not bound */
    char *ips[ZL_POD_IPS_MAX]; /* the first is the main one; NULL: none */
    /* Of all containers that run beside each other, native sidecars included. */
    struct zl_container_port *ports;
    size_t port_count;
};

enum zl_status zl_pod_decode(const struct cJSON *object, struct zl_pod **out,
                             struct zl_error *err) ZL_MUST_CHECK;
void zl_pod_free(void *pod); /* a struct zl_pod; fits zl_ref_new */

struct zl_pod *zl_pod_copy(const struct zl_pod *pod);

/* "TCP", "UDP" or "SCTP" for TEXT; the default, "TCP", for NULL and anything else. */
const char *zl_protocol(const char *text);

enum zl_workload_kind { ZL_WORKLOAD_DEPLOYMENT, ZL_WORKLOAD_STATEFULSET };

struct zl_workload {
    struct zl_meta meta;
    enum zl_workload_kind kind;
    int64_t replicas; /* desired; 1 when the field is absent */
    char *pool;       /* the pool that it joins; NULL: none, or opted out */
    char *selector;   /* spec.selector as a labelSelector query */
    struct zl_pod
        *template_pod; /* labels and ports of the pods that it makes; nothing else is set */
    bool paused;       /* a Deployment that is not to roll out now */
    /* Its own strategy takes the old pods away before it makes new ones (Recreate), or never (OnDelete). */
    bool recreates, on_delete;
    int64_t min_ready_s;         /* a pod counts as available after being Ready so long */
    int64_t progress_deadline_s; /* how long a new revision may take to become Ready */
    int64_t partition;           /* of a StatefulSet: lower ordinals keep their revision */
};

/*
 * The pool that a workload names, borrowed: the label wins, then the workload's annotation, then its pod
 * template's. NULL: none, or opted out.
 */
const char *zl_pool_of(const struct cJSON *metadata, const struct cJSON *template_metadata);

enum zl_status zl_workload_decode(enum zl_workload_kind kind, const struct cJSON *object,
                                  struct zl_workload **out, struct zl_error *err) ZL_MUST_CHECK;
void zl_workload_free(void *workload); /* a struct zl_workload; fits zl_ref_new */
const char *zl_workload_kind_name(enum zl_workload_kind kind); /* "Deployment", "StatefulSet" */

struct zl_replicaset {
    struct zl_meta meta; /* meta.controller: the Deployment */
    int64_t replicas;    /* desired */
    int64_t revision;    /* annotation deployment.kubernetes.io/revision; 0: none yet */
};

enum zl_status zl_replicaset_decode(const struct cJSON *object, struct zl_replicaset **out,
                                    struct zl_error *err) ZL_MUST_CHECK;
void zl_replicaset_free(void *replicaset); /* a struct zl_replicaset; fits zl_ref_new */

/* A ControllerRevision: one state of a StatefulSet's template. */
struct zl_revision {
    struct zl_meta meta; /* meta.controller: the StatefulSet */
    int64_t number;      /* the largest is the newest; a rollback raises an old one's */
};

enum zl_status zl_revision_decode(const struct cJSON *object, struct zl_revision **out,
                                  struct zl_error *err) ZL_MUST_CHECK;
void zl_revision_free(void *revision); /* a struct zl_revision; fits zl_ref_new */

/* A metav1.LabelSelector as the text of a labelSelector query; "" selects everything. Caller frees. */
char *zl_selector_text(const struct cJSON *selector);

#endif
