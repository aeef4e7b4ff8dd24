/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubelet/kubelet.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/kube/informer.h"
#include "common/kube/workqueue.h"
#include "test/kubelet/node.h"
#include "test/kubelet/pod.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

#define WORKERS 4
#define MAX_BACKOFF_MS 5000

struct life {
    char *uid;
    struct zl_kubelet_life times;
    UT_hash_handle hh;
};

struct zl_kubelet {
    struct zl_kube_client *client;
    const struct zl_kubelet_options *options;
    struct zl_informer *pods;
    /* Keys: "namespace/name" of a pod, "/name" of a node whose heartbeat is due. */
    struct zl_workqueue *queue;
    pthread_t workers[WORKERS];
    atomic_uint next_node;

    pthread_mutex_t lock; /* the two below; written by the informer's thread alone */
    struct life *lives;   /* by uid */
    uint32_t next_number;
};

/* uthash's arithmetic is not written for -Wconversion. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"

static struct life *find_life(struct zl_kubelet *kubelet, const char *uid)
{
    struct life *life = NULL;
    HASH_FIND_STR(kubelet->lives, uid, life);
    return life;
}

static struct life *add_life(struct zl_kubelet *kubelet, const char *uid)
{
    struct life *life = zl_alloc(sizeof *life);
    life->uid = zl_strdup(uid);
    life->times.number = kubelet->next_number++;
    HASH_ADD_KEYPTR(hh, kubelet->lives, life->uid, strlen(life->uid), life);
    return life;
}

static void remove_life(struct zl_kubelet *kubelet, const char *uid)
{
    struct life *life = find_life(kubelet, uid);
    if (life == NULL) {
        return;
    }
    HASH_DEL(kubelet->lives, life);
    free(life->uid);
    free(life);
}

#pragma GCC diagnostic pop

/* Note when POD was first seen bound and first seen deleting. */
static void observe(struct zl_kubelet *kubelet, const struct zl_kubelet_pod *pod)
{
    struct life *life = find_life(kubelet, pod->uid);
    if (life == NULL) {
        life = add_life(kubelet, pod->uid);
    }
    if (pod->node != NULL && life->times.bound_ms == 0) {
        life->times.bound_ms = zl_clock_ms();
        life->times.bound_wall_us = zl_clock_wall_us();
    }
    if (pod->deleting && life->times.deleting_ms == 0) {
        life->times.deleting_ms = zl_clock_ms();
    }
}

static void on_pod_change(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_kubelet *kubelet = ctx;
    const struct zl_kubelet_pod *before = old_object;
    const struct zl_kubelet_pod *now = new_object;

    pthread_mutex_lock(&kubelet->lock);
    if (before != NULL && (now == NULL || !zl_same_string(before->uid, now->uid))) {
        remove_life(kubelet, before->uid);
    }
    if (now != NULL) {
        observe(kubelet, now);
    }
    pthread_mutex_unlock(&kubelet->lock);

    if (now != NULL) {
        ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", now->namespace_, now->name);
        zl_workqueue_add(kubelet->queue, key);
    }
}

static bool get_life(struct zl_kubelet *kubelet, const char *uid, struct zl_kubelet_life *out)
{
    pthread_mutex_lock(&kubelet->lock);
    const struct life *life = find_life(kubelet, uid);
    if (life != NULL) {
        *out = life->times;
    }
    pthread_mutex_unlock(&kubelet->lock);
    return life != NULL;
}

static void node_name(unsigned number, char out[32])
{
    snprintf(out, 32, "stand-in-%u", number + 1);
}

static enum zl_status bind_pod(struct zl_kubelet *kubelet, const struct zl_kubelet_pod *pod,
                               struct zl_error *err)
{
    char node[32];
    if (pod->wanted_node == NULL) {
        node_name(atomic_fetch_add(&kubelet->next_node, 1) % (unsigned)kubelet->options->nodes,
                  node);
    }
    ZL_AUTO_JSON struct cJSON *binding = zl_json_object();
    zl_json_set_text(binding, "apiVersion", "v1");
    zl_json_set_text(binding, "kind", "Binding");
    struct cJSON *metadata = zl_json_child(binding, "metadata");
    zl_json_set_text(metadata, "name", pod->name);
    zl_json_set_text(metadata, "uid", pod->uid);
    struct cJSON *target = zl_json_child(binding, "target");
    zl_json_set_text(target, "apiVersion", "v1");
    zl_json_set_text(target, "kind", "Node");
    zl_json_set_text(target, "name", pod->wanted_node != NULL ? pod->wanted_node : node);
    const struct zl_kube_target where = {.resource = &ZL_KUBE_PODS,
                                         .namespace_ = pod->namespace_,
                                         .name = pod->name,
                                         .subresource = "binding"};
    return zl_kube_create(kubelet->client, &where, binding, NULL, err);
}

static enum zl_status write_status(struct zl_kubelet *kubelet, const struct zl_kubelet_pod *pod,
                                   const struct zl_kubelet_life *life,
                                   const struct zl_kubelet_plan *plan, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_kubelet_status_patch(pod, life, plan);
    /*
     * A pod of the same name that came meanwhile must not get this status, nor this one a second time before our first
     * write is seen, with new times and without what others wrote since: the API server compares.
     */
    zl_json_set_text(zl_json_child(patch, "metadata"), "uid", pod->uid);
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion", pod->version);
    const struct zl_kube_target where = {.resource = &ZL_KUBE_PODS,
                                         .namespace_ = pod->namespace_,
                                         .name = pod->name,
                                         .subresource = "status"};
    return zl_kube_patch(kubelet->client, &where, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

static enum zl_status remove_pod(struct zl_kubelet *kubelet, const struct zl_kubelet_pod *pod,
                                 struct zl_error *err)
{
    const struct zl_kube_target where = {
        .resource = &ZL_KUBE_PODS, .namespace_ = pod->namespace_, .name = pod->name};
    const struct zl_kube_delete_options options = {.uid = pod->uid, .grace_period_s = 0};
    return zl_kube_delete(kubelet->client, &where, &options, err);
}

static enum zl_status carry_out(struct zl_kubelet *kubelet, const struct zl_kubelet_pod *pod,
                                const struct zl_kubelet_life *life,
                                const struct zl_kubelet_plan *plan, struct zl_error *err)
{
    switch (plan->step) {
    case ZL_KUBELET_WAIT:
        return ZL_OK;
    case ZL_KUBELET_BIND:
        return bind_pod(kubelet, pod, err);
    case ZL_KUBELET_SET_STATUS:
    case ZL_KUBELET_FAIL:
    case ZL_KUBELET_SUCCEED:
    case ZL_KUBELET_END:
        return write_status(kubelet, pod, life, plan, err);
    case ZL_KUBELET_REMOVE:
        return remove_pod(kubelet, pod, err);
    }
    return ZL_OK;
}

static enum zl_status sync_pod(struct zl_kubelet *kubelet, const char *key, struct zl_error *err)
{
    const char *slash = strchr(key, '/');
    ZL_AUTO_FREE char *namespace_ = zl_strndup(key, (size_t)(slash - key));
    ZL_AUTO_REF struct zl_ref *ref =
        zl_store_find(zl_informer_store(kubelet->pods), namespace_, slash + 1);
    if (ref == NULL) {
        return ZL_OK;
    }
    const struct zl_kubelet_pod *pod = zl_ref_object(ref);
    struct zl_kubelet_life life;
    if (!get_life(kubelet, pod->uid, &life)) {
        return ZL_OK;
    }
    struct zl_kubelet_plan plan =
        zl_kubelet_plan(pod, &life, kubelet->options->max_grace_ms, zl_clock_ms());
    if (plan.step == ZL_KUBELET_WAIT && plan.wait_ms >= 0) {
        zl_workqueue_add_after(kubelet->queue, key, plan.wait_ms);
    }
    enum zl_status status = carry_out(kubelet, pod, &life, &plan, err);
    /* Gone, replaced, or changed meanwhile: its next event brings us back. */
    if (status == ZL_E_NOT_FOUND || status == ZL_E_CONFLICT) {
        return ZL_OK;
    }
    return status;
}

static enum zl_status sync_node(struct zl_kubelet *kubelet, const char *key, struct zl_error *err)
{
    enum zl_status status = zl_kubelet_node_beat(kubelet->client, key + 1, err);
    if (status == ZL_OK) {
        zl_workqueue_add_after(kubelet->queue, key, ZL_KUBELET_HEARTBEAT_MS);
    }
    return status;
}

static void *work(void *ctx)
{
    struct zl_kubelet *kubelet = ctx;
    for (;;) {
        ZL_AUTO_FREE char *key = zl_workqueue_get(kubelet->queue, NULL);
        if (key == NULL) {
            return NULL;
        }
        struct zl_error err = {0};
        enum zl_status status =
            key[0] == '/' ? sync_node(kubelet, key, &err) : sync_pod(kubelet, key, &err);
        if (status == ZL_OK) {
            zl_workqueue_forget(kubelet->queue, key);
        } else {
            ZL_LOG_WARN("will try again", ZL_STR("key", key), ZL_ERR(&err));
            zl_workqueue_add_rate_limited(kubelet->queue, key);
        }
        zl_workqueue_done(kubelet->queue, key);
    }
}

enum zl_status zl_kubelet_start(struct zl_kube_client *client,
                                const struct zl_kubelet_options *options, struct zl_kubelet **out,
                                struct zl_error *err)
{
    for (unsigned i = 0; i < (unsigned)options->nodes; i++) {
        char name[32];
        node_name(i, name);
        enum zl_status status = zl_kubelet_node_register(client, name, i, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    struct zl_kubelet *kubelet = zl_alloc(sizeof *kubelet);
    kubelet->client = client;
    kubelet->options = options;
    kubelet->queue = zl_workqueue_new(MAX_BACKOFF_MS);
    pthread_mutex_init(&kubelet->lock, NULL);
    /* Random, so that a stand-in that is started again gives out other addresses. */
    zl_random_bytes(&kubelet->next_number, sizeof kubelet->next_number);
    const struct zl_informer_spec spec = {.resource = &ZL_KUBE_PODS,
                                          .decode = zl_kubelet_pod_decode,
                                          .free_object = zl_kubelet_pod_free,
                                          .on_change = on_pod_change,
                                          .ctx = kubelet};
    kubelet->pods = zl_informer_new(client, &spec);
    for (unsigned i = 0; i < (unsigned)options->nodes; i++) {
        char key[33] = "/";
        node_name(i, key + 1);
        zl_workqueue_add(kubelet->queue, key);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_create(&kubelet->workers[i], NULL, work, kubelet);
    }
    zl_informer_start(kubelet->pods);
    *out = kubelet;
    return ZL_OK;
}

void zl_kubelet_stop(struct zl_kubelet *kubelet)
{
    zl_informer_stop(kubelet->pods);
    zl_workqueue_shutdown(kubelet->queue);
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(kubelet->workers[i], NULL);
    }
    zl_informer_free(kubelet->pods);
    zl_workqueue_free(kubelet->queue);
    while (kubelet->lives != NULL) {
        remove_life(kubelet, kubelet->lives->uid);
    }
    pthread_mutex_destroy(&kubelet->lock);
    free(kubelet);
}
