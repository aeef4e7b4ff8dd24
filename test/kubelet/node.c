/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubelet/node.h"

#include "common/base/clock.h"

static const struct zl_kube_resource NODES = {"", "v1", "nodes", "Node", true};

static void set_resources(struct cJSON *resources)
{
    zl_json_set_text(resources, "cpu", "1000");
    zl_json_set_text(resources, "memory", "1Ti");
    zl_json_set_text(resources, "pods", "10000");
}

static struct cJSON *node_object(const char *name, unsigned number)
{
    const char zone[] = {'z', 'o', 'n', 'e', '-', (char)('a' + number % 3), '\0'};
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(zl_clock_wall_us(), now);

    struct cJSON *node = zl_json_object();
    zl_json_set_text(node, "apiVersion", "v1");
    zl_json_set_text(node, "kind", "Node");
    struct cJSON *metadata = zl_json_child(node, "metadata");
    zl_json_set_text(metadata, "name", name);
    struct cJSON *labels = zl_json_child(metadata, "labels");
    zl_json_set_text(labels, "kubernetes.io/hostname", name);
    zl_json_set_text(labels, "topology.kubernetes.io/zone", zone);

    struct cJSON *status = zl_json_child(node, "status");
    set_resources(zl_json_child(status, "capacity"));
    set_resources(zl_json_child(status, "allocatable"));
    struct cJSON *ready = zl_json_object();
    zl_json_set_text(ready, "type", "Ready");
    zl_json_set_text(ready, "status", "True");
    zl_json_set_text(ready, "reason", "StandIn");
    zl_json_set_text(ready, "lastHeartbeatTime", now);
    zl_json_set_text(ready, "lastTransitionTime", now);
    struct cJSON *conditions = zl_json_array();
    zl_json_append(conditions, ready);
    zl_json_set(status, "conditions", conditions);
    return node;
}

enum zl_status zl_kubelet_node_register(struct zl_kube_client *client, const char *name,
                                        unsigned number, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *node = node_object(name, number);
    const struct zl_kube_target target = {.resource = &NODES};
    enum zl_status status = zl_kube_create(client, &target, node, NULL, err);
    if (status == ZL_E_CONFLICT) {
        return ZL_OK;
    }
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "registering node %s", name);
    }
    return ZL_OK;
}

static struct cJSON *lease_object(const char *name)
{
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us(), now);
    struct cJSON *lease = zl_json_object();
    zl_json_set_text(lease, "apiVersion", "coordination.k8s.io/v1");
    zl_json_set_text(lease, "kind", "Lease");
    zl_json_set_text(zl_json_child(lease, "metadata"), "name", name);
    struct cJSON *spec = zl_json_child(lease, "spec");
    zl_json_set_text(spec, "holderIdentity", name);
    zl_json_set_i64(spec, "leaseDurationSeconds", 40);
    zl_json_set_text(spec, "renewTime", now);
    return lease;
}

enum zl_status zl_kubelet_node_beat(struct zl_kube_client *client, const char *name,
                                    struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *lease = lease_object(name);
    struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEASES, .namespace_ = "kube-node-lease", .name = name};
    enum zl_status status = zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, lease, NULL, err);
    if (status != ZL_E_NOT_FOUND) {
        return status;
    }
    target.name = NULL;
    return zl_kube_create(client, &target, lease, NULL, err);
}
