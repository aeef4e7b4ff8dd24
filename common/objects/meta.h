/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta.h - what every Kubernetes object has: its metadata, and in that its controller.
 *
 * Each zl_X_decode of this folder turns the API's JSON into a struct that owns its strings; absent text is NULL.
 * A decode fails with ZL_E_INVALID only when name or uid is missing: the API server has validated the rest, and
 * what it left out reads as its default.
 *
 * Each ZL_X_SHAPE says what its decode reads, and nothing else is in memory then: whoever adds a field adds it there.
 *
 * Threads: pure; a decoded object is read-only.
 */
#ifndef ZL_OBJECTS_META_H
#define ZL_OBJECTS_META_H

#include "common/base/json.h"
#include "common/base/json_prune.h"

#include <stdint.h>

struct zl_controller_ref {
    char *api_version, *kind, *name, *uid; /* all NULL: no controller */
};

/* One ownerReference. Nobody checks how long its texts are: longer ones than names can be are kept as zl_id_remembered. */
void zl_owner_ref_decode(const struct cJSON *owner, struct zl_controller_ref *out);
/* METADATA's ownerReference with controller: true; OUT stays zero without one. */
void zl_controller_ref_decode(const struct cJSON *metadata, struct zl_controller_ref *out);
void zl_controller_ref_clear(struct zl_controller_ref *owner);
/* The same as METADATA's only ownerReference. */
void zl_controller_ref_encode(struct cJSON *metadata, const struct zl_controller_ref *owner);
/* The same with a SECOND owner, who is not the controller; its UID NULL: none. */
void zl_owner_refs_encode(struct cJSON *metadata, const struct zl_controller_ref *controller,
                          const struct zl_controller_ref *second);

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

extern const struct zl_json_shape ZL_META_SHAPE[];   /* of METADATA; to go on from another table */
extern const struct zl_json_shape ZL_OBJECT_SHAPE[]; /* of an object, nothing but that */
enum zl_status zl_meta_decode(const struct cJSON *object, struct zl_meta *out,
                              struct zl_error *err) ZL_MUST_CHECK;
void zl_meta_clear(struct zl_meta *meta);
/* Another number after each edit of what an object asks for: its generation; of objects that have none, Services, their resourceVersion. */
uint64_t zl_meta_edition(const struct zl_meta *meta);

#endif
