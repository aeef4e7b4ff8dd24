/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.h - an EndpointSlice of ours: at most one endpoint, the leader.
 *
 * The same struct says what is wanted and what is stored, so that a write is made only where they differ.
 *
 * Threads: pure; a decoded slice is read-only.
 */
#ifndef ZL_OBJECTS_SLICE_H
#define ZL_OBJECTS_SLICE_H

#include "common/objects/meta.h"

struct zl_slice_port {
    char *name;           /* NULL: "" */
    const char *protocol; /* constant */
    char *app_protocol;   /* or NULL */
    int64_t number;
};

/* discovery.k8s.io/v1beta1 may store no condition but ready. */
enum zl_tristate { ZL_UNSAID = -1, ZL_NO, ZL_YES };

struct zl_slice {
    struct zl_meta meta;
    char *service;         /* label kubernetes.io/service-name */
    char *source;          /* label zen-lead.io/source-service, or NULL */
    char *pool;            /* label zen-lead/pool, or NULL */
    bool ipv6;             /* addressType */
    size_t endpoint_count; /* what follows describes the first */
    char *address, *node, *zone;
    char *target_name, *target_uid;
    enum zl_tristate ready, serving, terminating;
    struct zl_slice_port *ports;
    size_t port_count;
};

/* *OUT is a slice of either version. */
extern const struct zl_json_shape ZL_SLICE_SHAPE[];
enum zl_status zl_slice_decode(const struct cJSON *object, struct zl_slice **out,
                               struct zl_error *err) ZL_MUST_CHECK;
void zl_slice_free(void *slice); /* a struct zl_slice; fits zl_ref_new */

/* @param version  "v1" or "v1beta1"   @param resource_version  NULL: to be created */
struct cJSON *zl_slice_encode(const struct zl_slice *slice, const char *version,
                              const char *resource_version);
/* Is STORED what DESIRED says? What an old API server does not store counts as the same. */
bool zl_slice_same(const struct zl_slice *desired, const struct zl_slice *stored);
/* Does it lead traffic to a pod? */
bool zl_slice_is_routed(const struct zl_slice *slice);

#endif
