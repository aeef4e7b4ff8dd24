/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/pod.h"

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/since.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"

#define MIRROR "kubernetes.io/config.mirror"

static const struct zl_json_shape CONTAINER[] = {
    {.name = "ports"}, {.name = "restartPolicy"}, {.name = NULL}};
const struct zl_json_shape ZL_POD_PORTS_SHAPE[] = {{.name = "containers", .members = CONTAINER},
                                                   {.name = "initContainers", .members = CONTAINER},
                                                   {.name = NULL}};

static const struct zl_json_shape ANNOTATIONS[] = {
    {.name = MIRROR}, {.name = ZL_KEY_IDENTITY}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .max = ZL_LABELS_KEPT_MAX},
                                                {.name = "annotations", .members = ANNOTATIONS},
                                                {.name = "deletionGracePeriodSeconds"},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape SPEC[] = {{.name = "nodeName"}, {.members = ZL_POD_PORTS_SHAPE}};
static const struct zl_json_shape CONDITION[] = {
    {.name = "type"}, {.name = "status"}, {.name = "lastTransitionTime"}, {.name = NULL}};
/* That it is there is all that is read. */
static const struct zl_json_shape TERMINATED[] = {{.name = "exitCode"}, {.name = NULL}};
static const struct zl_json_shape STATE[] = {{.name = "terminated", .members = TERMINATED},
                                             {.name = NULL}};
static const struct zl_json_shape CONTAINER_STATUS[] = {{.name = "state", .members = STATE},
                                                        {.name = NULL}};
static const struct zl_json_shape STATUS[] = {
    {.name = "phase"},
    {.name = "containerStatuses", .members = CONTAINER_STATUS},
    {.name = "initContainerStatuses", .members = CONTAINER_STATUS},
    {.name = "ephemeralContainerStatuses", .members = CONTAINER_STATUS},
    {.name = "conditions", .members = CONDITION},
    {.name = "podIP"},
    {.name = "podIPs"},
    {.name = NULL}};
const struct zl_json_shape ZL_POD_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                             {.name = "spec", .members = SPEC},
                                             {.name = "status", .members = STATUS},
                                             {.name = NULL}};

static void decode_readiness(const struct cJSON *status, struct zl_pod *pod)
{
    const struct cJSON *condition = zl_json_first(zl_json_at(status, "conditions", NULL));
    for (; condition != NULL; condition = zl_json_next(condition)) {
        if (!zl_same_string(zl_json_text(condition, "type", NULL), "Ready")) {
            continue;
        }
        pod->serving = zl_same_string(zl_json_text(condition, "status", NULL), "True") &&
                       zl_same_string(zl_json_text(status, "phase", NULL), "Running");
        pod->ready = pod->serving && !pod->meta.deleting;
        const char *since = zl_json_text(condition, "lastTransitionTime", NULL);
        if (!zl_time_parse(since, &pod->ready_changed_us)) {
            pod->ready_changed_us = 0;
        }
        pod->ready_since_us = pod->ready ? pod->ready_changed_us : 0;
        return;
    }
}

/* *COUNT: plus the containers that LIST speaks of. */
static bool have_terminated(const struct cJSON *list, size_t *count)
{
    const struct cJSON *container = zl_json_first(list);
    for (; container != NULL; container = zl_json_next(container)) {
        if (zl_json_at(container, "state", "terminated", NULL) == NULL) {
            return false;
        }
        ++*count;
    }
    return true;
}

/* One of which its kubelet has not said anything yet has not ended. */
static bool has_ended(const struct cJSON *status)
{
    size_t count = 0;
    size_t others = 0;
    return have_terminated(zl_json_at(status, "containerStatuses", NULL), &count) && count > 0 &&
           have_terminated(zl_json_at(status, "initContainerStatuses", NULL), &others) &&
           have_terminated(zl_json_at(status, "ephemeralContainerStatuses", NULL), &others);
}

const char *zl_protocol(const char *text)
{
    if (zl_same_string(text, "UDP")) {
        return "UDP";
    }
    return zl_same_string(text, "SCTP") ? "SCTP" : "TCP";
}

static void decode_container_ports(const struct cJSON *container, struct zl_pod *pod)
{
    const struct cJSON *port = zl_json_first(zl_json_at(container, "ports", NULL));
    for (; port != NULL && pod->port_count < ZL_PORTS_KEPT_MAX; port = zl_json_next(port)) {
        pod->ports = zl_realloc(pod->ports, pod->port_count + 1, sizeof *pod->ports);
        pod->ports[pod->port_count++] = (struct zl_container_port){
            .name = zl_strdup(zl_json_text(port, "name", NULL)),
            .protocol = zl_protocol(zl_json_text(port, "protocol", NULL)),
            .number = zl_json_i64(port, 0, "containerPort", NULL),
        };
    }
}

/* Of all containers of a pod's SPEC that run beside each other. */
void zl_pod_decode_ports(const struct cJSON *spec, struct zl_pod *pod)
{
    const struct cJSON *container = zl_json_first(zl_json_at(spec, "containers", NULL));
    for (; container != NULL; container = zl_json_next(container)) {
        decode_container_ports(container, pod);
    }
    /* An init container that restarts runs beside the others for good: a native sidecar. */
    container = zl_json_first(zl_json_at(spec, "initContainers", NULL));
    for (; container != NULL; container = zl_json_next(container)) {
        if (zl_same_string(zl_json_text(container, "restartPolicy", NULL), "Always")) {
            decode_container_ports(container, pod);
        }
    }
}

static void decode_network(const struct cJSON *object, struct zl_pod *pod)
{
    const struct cJSON *spec = zl_json_at(object, "spec", NULL);
    pod->node = zl_strdup(zl_json_text(spec, "nodeName", NULL));
    zl_pod_decode_ports(spec, pod);

    size_t count = 0;
    const struct cJSON *ip = zl_json_first(zl_json_at(object, "status", "podIPs", NULL));
    for (; ip != NULL && count < ZL_POD_IPS_MAX; ip = zl_json_next(ip)) {
        const char *text = zl_json_text(ip, "ip", NULL);
        if (text != NULL && text[0] != '\0') {
            pod->ips[count++] = zl_strdup(text);
        }
    }
    const char *main_ip = zl_json_text(object, "status", "podIP", NULL);
    if (count == 0 && main_ip != NULL && main_ip[0] != '\0') {
        pod->ips[0] = zl_strdup(main_ip);
    }
}

enum zl_status zl_pod_decode(const struct cJSON *object, struct zl_pod **out, struct zl_error *err)
{
    struct zl_pod *pod = zl_alloc(sizeof *pod);
    enum zl_status status = zl_meta_decode(object, &pod->meta, err);
    if (status != ZL_OK) {
        zl_pod_free(pod);
        return status;
    }
    const char *phase = zl_json_text(object, "status", "phase", NULL);
    pod->failed = zl_same_string(phase, "Failed");
    pod->finished = pod->failed || zl_same_string(phase, "Succeeded");
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const struct cJSON *annotations = zl_json_at(metadata, "annotations", NULL);
    if (pod->meta.deleting) {
        pod->grace_s = zl_json_i64(metadata, 0, "deletionGracePeriodSeconds", NULL);
        pod->ended = pod->finished || has_ended(zl_json_at(object, "status", NULL));
    }
    pod->revision = zl_strdup(zl_json_text(metadata, "labels", ZL_KEY_CONTROLLER_REVISION, NULL));
    pod->is_static = zl_json_text(annotations, MIRROR, NULL) != NULL;
    pod->identity = zl_id_remembered(zl_json_text(annotations, ZL_KEY_IDENTITY, NULL));
    decode_readiness(zl_json_at(object, "status", NULL), pod);
    pod->labels = zl_labels_pack(zl_json_at(metadata, "labels", NULL));
    decode_network(object, pod);
    *out = pod;
    return ZL_OK;
}

void zl_pod_free(void *object)
{
    struct zl_pod *pod = object;
    if (pod == NULL) {
        return;
    }
    zl_meta_clear(&pod->meta);
    free(pod->identity);
    free(pod->labels);
    free(pod->revision);
    free(pod->node);
    for (size_t i = 0; i < ZL_POD_IPS_MAX; i++) {
        free(pod->ips[i]);
    }
    for (size_t i = 0; i < pod->port_count; i++) {
        free(pod->ports[i].name);
    }
    free(pod->ports);
    free(pod);
}

struct zl_pod *zl_pod_copy(const struct zl_pod *pod)
{
    struct zl_pod *copy = zl_alloc(sizeof *copy);
    *copy = *pod;
    copy->meta.namespace_ = zl_strdup(pod->meta.namespace_);
    copy->meta.name = zl_strdup(pod->meta.name);
    copy->meta.uid = zl_strdup(pod->meta.uid);
    copy->meta.resource_version = zl_strdup(pod->meta.resource_version);
    copy->meta.controller.api_version = zl_strdup(pod->meta.controller.api_version);
    copy->meta.controller.kind = zl_strdup(pod->meta.controller.kind);
    copy->meta.controller.name = zl_strdup(pod->meta.controller.name);
    copy->meta.controller.uid = zl_strdup(pod->meta.controller.uid);
    copy->identity = zl_strdup(pod->identity);
    copy->labels = zl_labels_copy(pod->labels);
    copy->revision = zl_strdup(pod->revision);
    copy->node = zl_strdup(pod->node);
    for (size_t i = 0; i < ZL_POD_IPS_MAX; i++) {
        copy->ips[i] = zl_strdup(pod->ips[i]);
    }
    const size_t count = pod->port_count;
    copy->ports = count > 0 ? zl_alloc(count * sizeof *copy->ports) : NULL;
    for (size_t i = 0; i < count; i++) {
        copy->ports[i] = pod->ports[i];
        copy->ports[i].name = zl_strdup(pod->ports[i].name);
    }
    return copy;
}
