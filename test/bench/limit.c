/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit.c - zl-limit: the bare minimum, to compare with. Waits for the event by which a pod stops serving and does one
 * PUT of an EndpointSlice. No queue, no cache, no choice: the first other pod will do.
 */
#include "common/base/log.h"
#include "common/base/options.h"
#include "test/bench/bench.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PODS_MAX 16
#define NAME_MAX_BYTES 254

struct config {
    const char *kubeconfig;
    const char *namespace_;
    const char *app;
};

static const struct zl_option OPTIONS[] = {
    {"kubeconfig", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, kubeconfig),
     "FILE", "The cluster. Default: as kubectl finds it."},
    {"namespace", NULL, ZL_OPTION_TEXT, "default", 0, 0, NULL, offsetof(struct config, namespace_),
     "NAME", "Where pods and slice are."},
    {"app", NULL, ZL_OPTION_TEXT, "bench", 0, 0, NULL, offsetof(struct config, app), "LABEL",
     "The pods: label app."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-limit",
    .summary = "One watch event, one PUT: what the failover benchmark compares with.",
    .options = OPTIONS,
};

struct limit {
    struct zl_kube_client *client;
    struct zl_kube_target slice;
    struct cJSON *object; /* as the server returned it last */
    int64_t writes;
    char serving[PODS_MAX][NAME_MAX_BYTES];
    char addresses[PODS_MAX][64];
};

static int find(const struct limit *limit, const char *name)
{
    for (int i = 0; i < PODS_MAX; i++) {
        if (zl_same_string(limit->serving[i], name)) {
            return i;
        }
    }
    return -1;
}

static int first_serving(const struct limit *limit)
{
    for (int i = 0; i < PODS_MAX; i++) {
        if (limit->serving[i][0] != '\0') {
            return i;
        }
    }
    return -1;
}

static void set_endpoint(struct limit *limit)
{
    struct cJSON *endpoints = zl_json_array();
    int leader = first_serving(limit);
    if (leader >= 0) {
        struct cJSON *endpoint = zl_json_object();
        struct cJSON *addresses = zl_json_array();
        zl_json_append_text(addresses, limit->addresses[leader]);
        zl_json_set(endpoint, "addresses", addresses);
        zl_json_set_bool(zl_json_child(endpoint, "conditions"), "ready", true);
        struct cJSON *target = zl_json_child(endpoint, "targetRef");
        zl_json_set_text(target, "kind", "Pod");
        zl_json_set_text(target, "name", limit->serving[leader]);
        zl_json_append(endpoints, endpoint);
    }
    zl_json_set(limit->object, "endpoints", endpoints);
}

static enum zl_status put(struct limit *limit, struct zl_error *err)
{
    set_endpoint(limit);
    /* A PUT that changes nothing makes no revision; and the bare minimum carries no history. */
    struct cJSON *metadata = zl_json_child(limit->object, "metadata");
    ZL_AUTO_FREE char *writes = zl_asprintf("%lld", (long long)++limit->writes);
    zl_json_set_text(zl_json_child(metadata, "annotations"), "writes", writes);
    zl_json_set_null(metadata, "managedFields");
    struct cJSON *stored = NULL;
    enum zl_status status =
        zl_kube_replace(limit->client, &limit->slice, limit->object, &stored, err);
    if (status == ZL_OK) {
        zl_json_free(limit->object);
        limit->object = stored;
    }
    return status;
}

static void start_serving(struct limit *limit, const char *name, const struct cJSON *pod)
{
    int free_slot = find(limit, "");
    const char *address = zl_json_text(pod, "status", "podIP", NULL);
    if (free_slot >= 0 && address != NULL) {
        snprintf(limit->serving[free_slot], NAME_MAX_BYTES, "%s", name);
        snprintf(limit->addresses[free_slot], sizeof limit->addresses[0], "%s", address);
    }
}

static enum zl_status on_pod(void *ctx, const char *type, const struct cJSON *pod,
                             struct zl_error *err)
{
    struct limit *limit = ctx;
    const char *name = zl_json_text(pod, "metadata", "name", NULL);
    if (name == NULL || zl_same_string(type, "BOOKMARK")) {
        return ZL_OK;
    }
    bool serves = !zl_same_string(type, "DELETED") && zl_bench_pod_serves(pod);
    int slot = find(limit, name);
    if (slot >= 0 && !serves) {
        limit->serving[slot][0] = '\0';
        return put(limit, err);
    }
    if (slot < 0 && serves) {
        start_serving(limit, name, pod);
    }
    return ZL_OK;
}

static enum zl_status on_listed(void *ctx, const struct cJSON *pod, struct zl_error *err)
{
    return on_pod(ctx, "ADDED", pod, err);
}

static enum zl_status create_slice(struct limit *limit, const struct config *config,
                                   struct zl_error *err)
{
    const struct zl_kube_resource *slices = zl_bench_slices(limit->client);
    limit->slice = (struct zl_kube_target){
        .resource = slices, .namespace_ = config->namespace_, .name = ZL_BENCH_LIMIT};
    ZL_AUTO_JSON struct cJSON *slice = zl_json_object();
    ZL_AUTO_FREE char *version = zl_asprintf("%s/%s", slices->group, slices->version);
    zl_json_set_text(slice, "apiVersion", version);
    zl_json_set_text(slice, "kind", "EndpointSlice");
    struct cJSON *metadata = zl_json_child(slice, "metadata");
    zl_json_set_text(metadata, "name", ZL_BENCH_LIMIT);
    zl_json_set_text(zl_json_child(metadata, "labels"), "kubernetes.io/service-name",
                     ZL_BENCH_LIMIT);
    zl_json_set_text(slice, "addressType", "IPv4");
    zl_json_set(slice, "endpoints", zl_json_array());
    return zl_kube_create(limit->client, &limit->slice, slice, &limit->object, err);
}

static enum zl_status run(const struct config *config, struct zl_error *err)
{
    static struct limit limit;
    enum zl_status status = zl_bench_connect(config->kubeconfig, &limit.client, err);
    if (status != ZL_OK || (status = create_slice(&limit, config, err)) != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *label = zl_asprintf("app=%s", config->app);
    const struct zl_kube_selector selector = {.label = label};
    const struct zl_kube_target pods = {.resource = &ZL_KUBE_PODS,
                                        .namespace_ = config->namespace_};
    ZL_AUTO_FREE char *version = NULL;
    status = zl_kube_list(limit.client, &pods, &selector, on_listed, &limit, &version, err);
    if (status == ZL_OK) {
        status = put(&limit, err);
    }
    struct zl_kube_stop *stop = zl_kube_stop_new();
    if (status == ZL_OK) {
        status = zl_kube_watch(limit.client, &pods, &selector, version, 3600, stop, on_pod, NULL,
                               &limit, err);
    }
    zl_kube_stop_free(stop);
    return status;
}

int main(int argc, char **argv)
{
    struct config config = {0};
    struct zl_error err = {0};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    zl_kube_init();
    if (run(&config, &err) != ZL_OK) {
        ZL_LOG_ERROR("stopped", ZL_ERR(&err));
        return 1;
    }
    return 0;
}
