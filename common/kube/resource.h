/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource.h - what the API server has, as paths name it. The workloads that may join a pool are in common/kinds.
 *
 * Threads: constant.
 */
#ifndef ZL_KUBE_RESOURCE_H
#define ZL_KUBE_RESOURCE_H

#include <stdbool.h>

/* A resource type: what a URL path is made of. */
struct zl_kube_resource {
    const char *group; /* "" for the core group */
    const char *version;
    const char *plural;
    const char *kind;
    bool cluster_scoped;
};

extern const struct zl_kube_resource ZL_KUBE_PODS;
extern const struct zl_kube_resource ZL_KUBE_EVENTS; /* core/v1 */
extern const struct zl_kube_resource ZL_KUBE_SECRETS;
extern const struct zl_kube_resource ZL_KUBE_NAMESPACES;
extern const struct zl_kube_resource ZL_KUBE_SERVICES;
extern const struct zl_kube_resource ZL_KUBE_NODES;
extern const struct zl_kube_resource ZL_KUBE_ENDPOINTS;              /* core/v1 */
extern const struct zl_kube_resource ZL_KUBE_ENDPOINTSLICES;         /* discovery.k8s.io/v1 */
extern const struct zl_kube_resource ZL_KUBE_ENDPOINTSLICES_V1BETA1; /* before 1.21 */
extern const struct zl_kube_resource ZL_KUBE_CONTROLLERREVISIONS;    /* apps/v1 */
extern const struct zl_kube_resource ZL_KUBE_LEASES;                 /* coordination.k8s.io/v1 */
extern const struct zl_kube_resource ZL_KUBE_BUDGETS;                /* policy/v1 */
extern const struct zl_kube_resource ZL_KUBE_BUDGETS_V1BETA1;        /* before 1.21 */
extern const struct zl_kube_resource ZL_KUBE_AUTOSCALERS;            /* autoscaling/v1 */
extern const struct zl_kube_resource ZL_KUBE_VALIDATING_WEBHOOKS;
extern const struct zl_kube_resource ZL_KUBE_LEADERPOLICIES; /* coordination.kube-zen.io/v1alpha1 */
extern const struct zl_kube_resource ZL_KUBE_FLEETPOLICIES;  /* leadership.kube-zen.io/v1alpha1 */
extern const struct zl_kube_resource ZL_KUBE_JOBS;           /* batch/v1 */

#endif
