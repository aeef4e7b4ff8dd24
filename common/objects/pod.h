/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod.h - a pod, decoded to what leadership and traffic are decided from.
 *
 * Threads: pure; a decoded object is read-only.
 */
#ifndef ZL_OBJECTS_POD_H
#define ZL_OBJECTS_POD_H

#include "common/objects/meta.h"

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
    bool ended;      /* while deleting: all of its containers have, by its own status; else false */
    int64_t
        ready_since_us; /* lastTransitionTime of Ready, wall clock of the kubelet; 0 unless ready */
    int64_t ready_changed_us; /* the same, Ready or not: another time is another spell */
    char *identity;           /* annotation zen-lead/identity */
    bool serving;             /* as ready, but also while deleting: it still answers */
    char *labels;             /* as in labels.h; NULL: none, or more than ZL_LABELS_KEPT_MAX */
    char *revision; /* of a StatefulSet's pod: the name of its ControllerRevision; else NULL */
    char *node;     /* NULL: not bound */
    char *ips[ZL_POD_IPS_MAX]; /* the first is the main one; NULL: none */
    /* Of all containers that run beside each other, native sidecars included; the first ZL_PORTS_KEPT_MAX. */
    struct zl_container_port *ports;
    size_t port_count;
};

extern const struct zl_json_shape ZL_POD_SHAPE[];
/* The same of a pod's template. */
extern const struct zl_json_shape ZL_POD_PORTS_SHAPE[];
enum zl_status zl_pod_decode(const struct cJSON *object, struct zl_pod **out,
                             struct zl_error *err) ZL_MUST_CHECK;
void zl_pod_free(void *pod); /* a struct zl_pod; fits zl_ref_new */

struct zl_pod *zl_pod_copy(const struct zl_pod *pod);

/* Add the ports of all containers of a pod's SPEC that run beside each other. */
void zl_pod_decode_ports(const struct cJSON *spec, struct zl_pod *pod);

/* "TCP", "UDP" or "SCTP" for TEXT; the default, "TCP", for NULL and anything else. */
const char *zl_protocol(const char *text);

#endif
