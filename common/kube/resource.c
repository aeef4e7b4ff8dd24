/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/resource.h"

const struct zl_kube_resource ZL_KUBE_PODS = {"", "v1", "pods", "Pod", false};
const struct zl_kube_resource ZL_KUBE_EVENTS = {"", "v1", "events", "Event", false};
const struct zl_kube_resource ZL_KUBE_SECRETS = {"", "v1", "secrets", "Secret", false};
const struct zl_kube_resource ZL_KUBE_NAMESPACES = {"", "v1", "namespaces", "Namespace", true};
const struct zl_kube_resource ZL_KUBE_SERVICES = {"", "v1", "services", "Service", false};
const struct zl_kube_resource ZL_KUBE_ENDPOINTS = {"", "v1", "endpoints", "Endpoints", false};
const struct zl_kube_resource ZL_KUBE_NODES = {"", "v1", "nodes", "Node", true};
const struct zl_kube_resource ZL_KUBE_ENDPOINTSLICES = {"discovery.k8s.io", "v1", "endpointslices",
                                                        "EndpointSlice", false};
const struct zl_kube_resource ZL_KUBE_ENDPOINTSLICES_V1BETA1 = {
    "discovery.k8s.io", "v1beta1", "endpointslices", "EndpointSlice", false};
const struct zl_kube_resource ZL_KUBE_CONTROLLERREVISIONS = {"apps", "v1", "controllerrevisions",
                                                             "ControllerRevision", false};
const struct zl_kube_resource ZL_KUBE_LEASES = {"coordination.k8s.io", "v1", "leases", "Lease",
                                                false};
const struct zl_kube_resource ZL_KUBE_VALIDATING_WEBHOOKS = {
    "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration", true};
const struct zl_kube_resource ZL_KUBE_LEADERPOLICIES = {"coordination.kube-zen.io", "v1alpha1",
                                                        "leaderpolicies", "LeaderPolicy", false};
const struct zl_kube_resource ZL_KUBE_FLEETPOLICIES = {"leadership.kube-zen.io", "v1alpha1",
                                                       "leaderpolicies", "LeaderPolicy", false};
const struct zl_kube_resource ZL_KUBE_JOBS = {"batch", "v1", "jobs", "Job", false};
const struct zl_kube_resource ZL_KUBE_BUDGETS = {"policy", "v1", "poddisruptionbudgets",
                                                 "PodDisruptionBudget", false};
const struct zl_kube_resource ZL_KUBE_BUDGETS_V1BETA1 = {
    "policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget", false};
const struct zl_kube_resource ZL_KUBE_AUTOSCALERS = {
    "autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler", false};
