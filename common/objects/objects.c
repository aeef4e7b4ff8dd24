/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/objects.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"

#include <string.h>

/* The API server's default for a Deployment; a StatefulSet has no such field. */
enum { PROGRESS_DEADLINE_S = 600 };

void zl_controller_ref_decode(const struct cJSON *metadata, struct zl_controller_ref *out)
{
    memset(out, 0, sizeof *out);
    const struct cJSON *owner = zl_json_first(zl_json_at(metadata, "ownerReferences", NULL));
    for (; owner != NULL; owner = zl_json_next(owner)) {
        if (!zl_json_bool(owner, false, "controller", NULL)) {
            continue;
        }
        out->api_version = zl_strdup(zl_json_text(owner, "apiVersion", NULL));
        out->kind = zl_strdup(zl_json_text(owner, "kind", NULL));
        out->name = zl_strdup(zl_json_text(owner, "name", NULL));
        out->uid = zl_strdup(zl_json_text(owner, "uid", NULL));
        return;
    }
}

void zl_controller_ref_clear(struct zl_controller_ref *owner)
{
    free(owner->api_version);
    free(owner->kind);
    free(owner->name);
    free(owner->uid);
    memset(owner, 0, sizeof *owner);
}

enum zl_status zl_meta_decode(const struct cJSON *object, struct zl_meta *out, struct zl_error *err)
{
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const char *name = zl_json_text(metadata, "name", NULL);
    const char *uid = zl_json_text(metadata, "uid", NULL);
    const char *namespace_ = zl_json_text(metadata, "namespace", NULL);

    memset(out, 0, sizeof *out);
    if (name == NULL || uid == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "metadata.%s is missing",
                            name == NULL ? "name" : "uid");
    }
    out->namespace_ = zl_strdup(namespace_ != NULL ? namespace_ : "");
    out->name = zl_strdup(name);
    out->uid = zl_strdup(uid);
    out->resource_version = zl_strdup(zl_json_text(metadata, "resourceVersion", NULL));
    out->generation = zl_json_i64(metadata, 0, "generation", NULL);
    out->deleting = zl_json_text(metadata, "deletionTimestamp", NULL) != NULL;
    if (!zl_time_parse(zl_json_text(metadata, "creationTimestamp", NULL), &out->created_us)) {
        out->created_us = 0;
    }
    zl_controller_ref_decode(metadata, &out->controller);
    return ZL_OK;
}

void zl_meta_clear(struct zl_meta *meta)
{
    free(meta->namespace_);
    free(meta->name);
    free(meta->uid);
    free(meta->resource_version);
    zl_controller_ref_clear(&meta->controller);
    memset(meta, 0, sizeof *meta);
}

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
        if (!pod->ready || !zl_time_parse(since, &pod->ready_since_us)) {
            pod->ready_since_us = 0;
        }
        return;
    }
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
    for (; port != NULL; port = zl_json_next(port)) {
        pod->ports = zl_realloc(pod->ports, pod->port_count + 1, sizeof *pod->ports);
        pod->ports[pod->port_count++] = (struct zl_container_port){
            .name = zl_strdup(zl_json_text(port, "name", NULL)),
            .protocol = zl_protocol(zl_json_text(port, "protocol", NULL)),
            .number = zl_json_i64(port, 0, "containerPort", NULL),
        };
    }
}

/* Of all containers of a pod's SPEC that run beside each other. */
static void decode_ports(const struct cJSON *spec, struct zl_pod *pod)
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
    decode_ports(spec, pod);

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
    }
    pod->revision = zl_strdup(zl_json_text(metadata, "labels", ZL_KEY_CONTROLLER_REVISION, NULL));
    pod->is_static = zl_json_text(annotations, "kubernetes.io/config.mirror", NULL) != NULL;
    pod->identity = zl_strdup(zl_json_text(annotations, ZL_KEY_IDENTITY, NULL));
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
    copy->ports = pod->port_count > 0 ? zl_alloc(pod->port_count * sizeof *copy->ports) : NULL;
    for (size_t i = 0; i < pod->port_count; i++) {
        copy->ports[i] = pod->ports[i];
        copy->ports[i].name = zl_strdup(pod->ports[i].name);
    }
    return copy;
}

const char *zl_pool_of(const struct cJSON *metadata, const struct cJSON *template)
{
    const char *own_join = zl_json_text(metadata, "annotations", ZL_KEY_JOIN, NULL);
    const char *template_join = zl_json_text(template, "annotations", ZL_KEY_JOIN, NULL);
    if (zl_same_string(own_join, "false") || zl_same_string(template_join, "false")) {
        return NULL;
    }

    const char *places[] = {
        zl_json_text(metadata, "labels", ZL_KEY_POOL, NULL),
        zl_json_text(metadata, "annotations", ZL_KEY_POOL, NULL),
        zl_json_text(template, "annotations", ZL_KEY_POOL, NULL),
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i] != NULL && places[i][0] != '\0') {
            return places[i];
        }
    }
    return NULL;
}

/* The pods that it will make: their labels and ports. */
static struct zl_pod *decode_template(const struct cJSON *object)
{
    const struct cJSON *template = zl_json_at(object, "spec", "template", NULL);
    struct zl_pod *pod = zl_alloc(sizeof *pod);
    pod->labels = zl_labels_pack(zl_json_at(template, "metadata", "labels", NULL));
    decode_ports(zl_json_at(template, "spec", NULL), pod);
    return pod;
}

static void decode_rollout(const struct cJSON *spec, struct zl_workload *workload)
{
    const char *strategy = zl_json_text(spec, "strategy", "type", NULL);
    const char *update = zl_json_text(spec, "updateStrategy", "type", NULL);
    workload->paused = zl_json_bool(spec, false, "paused", NULL);
    workload->recreates = zl_same_string(strategy, "Recreate");
    workload->on_delete = zl_same_string(update, "OnDelete");
    workload->min_ready_s = zl_json_i64(spec, 0, "minReadySeconds", NULL);
    workload->progress_deadline_s =
        zl_json_i64(spec, PROGRESS_DEADLINE_S, "progressDeadlineSeconds", NULL);
    /* Counted from the first ordinal (spec.ordinals.start, Kubernetes 1.26 and later; KEP-3335); both are int32. */
    workload->partition =
        zl_json_i64(spec, 0, "updateStrategy", "rollingUpdate", "partition", NULL) +
        zl_json_i64(spec, 0, "ordinals", "start", NULL);
}

enum zl_status zl_workload_decode(enum zl_workload_kind kind, const struct cJSON *object,
                                  struct zl_workload **out, struct zl_error *err)
{
    struct zl_workload *workload = zl_alloc(sizeof *workload);
    enum zl_status status = zl_meta_decode(object, &workload->meta, err);
    if (status != ZL_OK) {
        zl_workload_free(workload);
        return status;
    }
    workload->kind = kind;
    workload->replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
    workload->pool =
        zl_strdup(zl_pool_of(zl_json_at(object, "metadata", NULL),
                             zl_json_at(object, "spec", "template", "metadata", NULL)));
    workload->selector = zl_selector_text(zl_json_at(object, "spec", "selector", NULL));
    workload->template_pod = decode_template(object);
    decode_rollout(zl_json_at(object, "spec", NULL), workload);
    *out = workload;
    return ZL_OK;
}

void zl_workload_free(void *object)
{
    struct zl_workload *workload = object;
    if (workload == NULL) {
        return;
    }
    zl_meta_clear(&workload->meta);
    free(workload->pool);
    free(workload->selector);
    zl_pod_free(workload->template_pod);
    free(workload);
}

const char *zl_workload_kind_name(enum zl_workload_kind kind)
{
    return kind == ZL_WORKLOAD_DEPLOYMENT ? "Deployment" : "StatefulSet";
}

enum zl_status zl_replicaset_decode(const struct cJSON *object, struct zl_replicaset **out,
                                    struct zl_error *err)
{
    struct zl_replicaset *replicaset = zl_alloc(sizeof *replicaset);
    enum zl_status status = zl_meta_decode(object, &replicaset->meta, err);
    if (status != ZL_OK) {
        zl_replicaset_free(replicaset);
        return status;
    }
    replicaset->replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
    const char *revision =
        zl_json_text(object, "metadata", "annotations", ZL_KEY_DEPLOYMENT_REVISION, NULL);
    if (revision == NULL ||
        zl_parse_i64(revision, 0, INT64_MAX, &replicaset->revision, NULL) != ZL_OK) {
        replicaset->revision = 0;
    }
    *out = replicaset;
    return ZL_OK;
}

void zl_replicaset_free(void *object)
{
    struct zl_replicaset *replicaset = object;
    if (replicaset == NULL) {
        return;
    }
    zl_meta_clear(&replicaset->meta);
    free(replicaset);
}

enum zl_status zl_revision_decode(const struct cJSON *object, struct zl_revision **out,
                                  struct zl_error *err)
{
    struct zl_revision *revision = zl_alloc(sizeof *revision);
    enum zl_status status = zl_meta_decode(object, &revision->meta, err);
    if (status != ZL_OK) {
        zl_revision_free(revision);
        return status;
    }
    revision->number = zl_json_i64(object, 0, "revision", NULL);
    *out = revision;
    return ZL_OK;
}

void zl_revision_free(void *object)
{
    struct zl_revision *revision = object;
    if (revision == NULL) {
        return;
    }
    zl_meta_clear(&revision->meta);
    free(revision);
}

static void add_requirement(struct zl_buf *text, const char *requirement)
{
    if (requirement == NULL) {
        return;
    }
    /* Cannot fail: the API server bounds a selector far below the buffer's maximum. */
    (void)zl_buf_printf(text, "%s%s", text->length > 0 ? "," : "", requirement);
}

static void add_expression(struct zl_buf *text, const struct cJSON *expression)
{
    const char *key = zl_json_text(expression, "key", NULL);
    const char *op = zl_json_text(expression, "operator", NULL);
    ZL_AUTO_FREE char *requirement = NULL;

    if (key == NULL || op == NULL) {
        return;
    }
    if (strcmp(op, "Exists") == 0) {
        requirement = zl_strdup(key);
    } else if (strcmp(op, "DoesNotExist") == 0) {
        requirement = zl_asprintf("!%s", key);
    } else {
        ZL_AUTO_BUF struct zl_buf values;
        zl_buf_init(&values, 1ul << 20);
        const struct cJSON *value = zl_json_first(zl_json_at(expression, "values", NULL));
        for (; value != NULL; value = zl_json_next(value)) {
            add_requirement(&values, zl_json_value_text(value));
        }
        requirement = zl_asprintf("%s %s (%s)", key, strcmp(op, "In") == 0 ? "in" : "notin",
                                  values.data != NULL ? values.data : "");
    }
    add_requirement(text, requirement);
}

char *zl_selector_text(const struct cJSON *selector)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, 1ul << 20);

    const struct cJSON *label = zl_json_first(zl_json_at(selector, "matchLabels", NULL));
    for (; label != NULL; label = zl_json_next(label)) {
        const char *value = zl_json_value_text(label);
        ZL_AUTO_FREE char *requirement =
            zl_asprintf("%s=%s", zl_json_name(label), value != NULL ? value : "");
        add_requirement(&text, requirement);
    }
    const struct cJSON *expression = zl_json_first(zl_json_at(selector, "matchExpressions", NULL));
    for (; expression != NULL; expression = zl_json_next(expression)) {
        add_expression(&text, expression);
    }
    return zl_buf_take(&text);
}
