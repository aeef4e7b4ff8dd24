/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicaset.h - the revisions of a workload: a Deployment's ReplicaSets, a StatefulSet's ControllerRevisions.
 *
 * Threads: pure; a decoded object is read-only.
 */
#ifndef ZL_OBJECTS_REPLICASET_H
#define ZL_OBJECTS_REPLICASET_H

#include "common/objects/meta.h"

struct zl_replicaset {
    struct zl_meta meta; /* meta.controller: the Deployment */
    int64_t replicas;    /* desired */
    int64_t revision;    /* annotation deployment.kubernetes.io/revision; 0: none yet */
    bool marked;         /* it carries the mark of a wake (ZL_KEY_WAKE) */
};

extern const struct zl_json_shape ZL_REPLICASET_SHAPE[];
enum zl_status zl_replicaset_decode(const struct cJSON *object, struct zl_replicaset **out,
                                    struct zl_error *err) ZL_MUST_CHECK;
void zl_replicaset_free(void *replicaset); /* a struct zl_replicaset; fits zl_ref_new */

/* A ControllerRevision: one state of a StatefulSet's template. */
struct zl_revision {
    struct zl_meta meta; /* meta.controller: the StatefulSet */
    int64_t number;      /* the largest is the newest; a rollback raises an old one's */
};

extern const struct zl_json_shape ZL_REVISION_SHAPE[];
enum zl_status zl_revision_decode(const struct cJSON *object, struct zl_revision **out,
                                  struct zl_error *err) ZL_MUST_CHECK;
void zl_revision_free(void *revision); /* a struct zl_revision; fits zl_ref_new */

#endif
