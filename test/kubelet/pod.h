/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod.h - what the stand-in knows of a pod, and what it does with it next.
 *
 * Annotations of the pod steer it, at any time of its life (kubectl annotate works):
 *   zl-test/ready-after-ms      ready so long after it was bound; default 0
 *   zl-test/ready: "false"      not ready, until changed or removed
 *   zl-test/fail-after-ms       phase Failed so long after it was bound
 *   zl-test/succeed-after-ms    phase Succeeded, likewise
 *   zl-test/terminate-after-ms  how long it lives after its deletion, at most its grace period
 *   zl-test/stuck: "true"       never finishes terminating, until changed or removed: its containers run on
 *   zl-test/stuck: "ended"      likewise, but its containers end in time: only the object stays
 *   zl-test/node                the node that it is bound to, which need not be one of the stand-in's; default: any of those
 *
 * One with a spec.schedulerName of its own waits for that scheduler, that is for ever.
 *
 * Threads: pure; a decoded pod is read-only.
 */
#ifndef ZL_TEST_KUBELET_POD_H
#define ZL_TEST_KUBELET_POD_H

#include "common/base/json.h"

struct zl_kubelet_pod {
    char *namespace_, *name, *uid, *version;
    char *node;        /* NULL: not bound */
    char *wanted_node; /* where it is to be bound to; NULL: anywhere */
    bool running, finished, ready, deleting;
    bool foreign;                                            /* another scheduler's: never bound */
    bool ended;                                              /* its containers have */
    bool never_ready, stuck, stays;                          /* annotations; stuck: "ended" */
    int64_t ready_after_ms, fail_after_ms, succeed_after_ms; /* -1: not set */
    int64_t terminate_after_ms, grace_ms;
    struct cJSON *containers; /* [{name, image}]: the start of containerStatuses */
};

/* For struct zl_informer_spec. */
enum zl_status zl_kubelet_pod_decode(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err);
void zl_kubelet_pod_free(void *pod);

/* What cannot be read from the object, because it is about our clock. */
struct zl_kubelet_life {
    int64_t bound_ms, deleting_ms; /* monotonic, when first seen so; 0: not yet */
    int64_t bound_wall_us;
    uint32_t number; /* makes its address */
};

enum zl_kubelet_step {
    ZL_KUBELET_WAIT,
    ZL_KUBELET_BIND,
    ZL_KUBELET_SET_STATUS, /* Running, with READY as planned */
    ZL_KUBELET_FAIL,
    ZL_KUBELET_SUCCEED,
    ZL_KUBELET_END, /* on its way out: its containers have ended, its phase stays */
    ZL_KUBELET_REMOVE,
};

struct zl_kubelet_plan {
    enum zl_kubelet_step step;
    bool ready;
    int64_t
        wait_ms; /* with ZL_KUBELET_WAIT: look again after this time; -1: only when the pod changes */
};

struct zl_kubelet_plan zl_kubelet_plan(const struct zl_kubelet_pod *pod,
                                       const struct zl_kubelet_life *life, int64_t max_grace_ms,
                                       int64_t now_ms);

/* The merge patch for pods/status that carries out PLAN; the caller frees. */
struct cJSON *zl_kubelet_status_patch(const struct zl_kubelet_pod *pod,
                                      const struct zl_kubelet_life *life,
                                      const struct zl_kubelet_plan *plan);

#endif
