/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubectl/kubectl.h"

#include <ctype.h>

/* A type, the names that kubectl takes for it, and the versions (of 1.N) that prefer it so. */
static const struct kind {
    struct zl_kube_resource resource;
    const char *names;
    int since, until;
} KINDS[] = {
    {{"", "v1", "pods", "Pod", false}, " pods pod po ", 0, 99},
    {{"", "v1", "services", "Service", false}, " services service svc ", 0, 99},
    {{"", "v1", "events", "Event", false}, " events event ev ", 0, 99},
    {{"", "v1", "endpoints", "Endpoints", false}, " endpoints ep ", 0, 99},
    {{"", "v1", "configmaps", "ConfigMap", false}, " configmaps configmap cm ", 0, 99},
    {{"", "v1", "secrets", "Secret", false}, " secrets secret ", 0, 99},
    {{"", "v1", "resourcequotas", "ResourceQuota", false},
     " resourcequotas resourcequota quota ",
     0,
     99},
    {{"", "v1", "namespaces", "Namespace", true}, " namespaces namespace ns ", 0, 99},
    {{"", "v1", "nodes", "Node", true}, " nodes node no ", 0, 99},
    {{"apps", "v1", "deployments", "Deployment", false}, " deployments deployment deploy ", 0, 99},
    {{"apps", "v1", "statefulsets", "StatefulSet", false}, " statefulsets statefulset sts ", 0, 99},
    {{"apps", "v1", "daemonsets", "DaemonSet", false}, " daemonsets daemonset ds ", 0, 99},
    {{"apps", "v1", "replicasets", "ReplicaSet", false}, " replicasets replicaset rs ", 0, 99},
    {{"batch", "v1", "jobs", "Job", false}, " jobs job ", 0, 99},
    {{"batch", "v1beta1", "cronjobs", "CronJob", false}, " cronjobs cronjob cj ", 0, 20},
    {{"batch", "v1", "cronjobs", "CronJob", false}, " cronjobs cronjob cj ", 21, 99},
    {{"coordination.k8s.io", "v1", "leases", "Lease", false}, " leases lease ", 0, 99},
    {{"discovery.k8s.io", "v1beta1", "endpointslices", "EndpointSlice", false},
     " endpointslices endpointslice ",
     0,
     20},
    {{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", false},
     " endpointslices endpointslice ",
     21,
     99},
    {{"coordination.kube-zen.io", "v1alpha1", "leaderpolicies", "LeaderPolicy", false},
     " leaderpolicies leaderpolicy lp ",
     0,
     99},
    {{"admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
      "ValidatingWebhookConfiguration", true},
     " validatingwebhookconfigurations validatingwebhookconfiguration ",
     0,
     99},
};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static bool is_served(const struct zl_session *session, const struct kind *kind)
{
    return kind->since <= session->minor && session->minor <= kind->until;
}

static const struct zl_kube_resource *by_name(const struct zl_session *session, const char *name,
                                              size_t length)
{
    ZL_AUTO_FREE char *text = zl_strndup(name, length);
    ZL_AUTO_FREE char *spaced = zl_asprintf(" %s ", text);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (length > 0 && is_served(session, &KINDS[i]) && strstr(KINDS[i].names, spaced) != NULL) {
            return &KINDS[i].resource;
        }
    }
    return NULL;
}

const struct zl_kube_resource *zl_kind_find(const struct zl_session *session,
                                            const char *api_version, const char *kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct zl_kube_resource *resource = &KINDS[i].resource;
        ZL_AUTO_FREE char *version = resource->group[0] == '\0'
                                         ? zl_strdup(resource->version)
                                         : zl_asprintf("%s/%s", resource->group, resource->version);
        if (is_served(session, &KINDS[i]) && zl_same_string(version, api_version) &&
            zl_same_string(resource->kind, kind)) {
            return resource;
        }
    }
    return NULL;
}

char *zl_kind_label(const struct zl_kube_resource *resource)
{
    char *label = resource->group[0] == '\0'
                      ? zl_strdup(resource->kind)
                      : zl_asprintf("%s.%s", resource->kind, resource->group);
    for (char *at = label; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return label;
}

/* A name that needs no escape in a URL and no thought about what kubectl would do with it. */
static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(name);
}

/* "pods,leases" */
static size_t parse_types(const struct zl_session *session, const char *types,
                          struct zl_object *objects)
{
    size_t count = 0;
    for (const char *at = types;; at++) {
        size_t length = strcspn(at, ",");
        const struct zl_kube_resource *resource = by_name(session, at, length);
        if (resource == NULL || count == ZL_KUBECTL_ARGUMENTS_MAX) {
            return 0;
        }
        objects[count++] = (struct zl_object){.resource = resource};
        at += length;
        if (*at == '\0') {
            return count;
        }
    }
}

/* "pod/a" */
static bool parse_pair(const struct zl_session *session, const char *pair, struct zl_object *object)
{
    const char *slash = strchr(pair, '/');
    if (slash == NULL || !is_plain_name(slash + 1)) {
        return false;
    }
    object->name = slash + 1;
    const char *dot = memchr(pair, '.', (size_t)(slash - pair));
    object->resource = by_name(session, pair, (size_t)((dot != NULL ? dot : slash) - pair));
    if (object->resource == NULL) {
        return false;
    }
    /* "deployment.apps/web", as kubectl prints them */
    return dot == NULL ||
           (strlen(object->resource->group) == (size_t)(slash - dot) - 1 &&
            strncmp(dot + 1, object->resource->group, (size_t)(slash - dot) - 1) == 0);
}

size_t zl_objects_parse(const struct zl_session *session, const char *const *arguments,
                        size_t count, struct zl_object *objects)
{
    if (count == 0 || count > ZL_KUBECTL_ARGUMENTS_MAX) {
        return 0;
    }
    if (strchr(arguments[0], '/') != NULL) {
        for (size_t i = 0; i < count; i++) {
            if (!parse_pair(session, arguments[i], &objects[i])) {
                return 0;
            }
        }
        return count;
    }
    size_t types = parse_types(session, arguments[0], objects);
    if (count == 1 || types != 1) {
        return count == 1 ? types : 0;
    }
    for (size_t i = 1; i < count; i++) {
        if (!is_plain_name(arguments[i])) {
            return 0;
        }
        objects[i - 1] = (struct zl_object){.resource = objects[0].resource, .name = arguments[i]};
    }
    return count - 1;
}
