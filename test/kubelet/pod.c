/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubelet/pod.h"

#include "common/base/parse.h"

#define DAY_MS (24ll * 3600 * 1000)

static const char *annotation(const struct cJSON *object, const char *key)
{
    return zl_json_text(object, "metadata", "annotations", key, NULL);
}

/* -1 when absent or not a number: a test that mistypes one sees the default behaviour. */
static int64_t annotation_ms(const struct cJSON *object, const char *key)
{
    int64_t ms = -1;
    const char *text = annotation(object, key);
    if (text == NULL || zl_parse_i64(text, 0, DAY_MS, &ms, NULL) != ZL_OK) {
        return -1;
    }
    return ms;
}

static bool has_ready_condition(const struct cJSON *object)
{
    const struct cJSON *conditions = zl_json_at(object, "status", "conditions", NULL);
    for (const struct cJSON *c = zl_json_first(conditions); c != NULL; c = zl_json_next(c)) {
        if (zl_same_string(zl_json_text(c, "type", NULL), "Ready")) {
            return zl_same_string(zl_json_text(c, "status", NULL), "True");
        }
    }
    return false;
}

/* A DaemonSet's controller leaves it to the scheduler to bind its pods, and says by affinity where to. */
static const char *wanted_node(const struct cJSON *object)
{
    const char *named = annotation(object, "zl-test/node");
    if (named != NULL) {
        return named;
    }
    const struct cJSON *terms = zl_json_at_path(
        object, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
                ".nodeSelectorTerms");
    const struct cJSON *fields = zl_json_at(zl_json_first(terms), "matchFields", NULL);
    for (const struct cJSON *f = zl_json_first(fields); f != NULL; f = zl_json_next(f)) {
        if (zl_same_string(zl_json_text(f, "key", NULL), "metadata.name")) {
            return zl_json_value_text(zl_json_first(zl_json_at(f, "values", NULL)));
        }
    }
    return NULL;
}

static bool has_ended(const struct cJSON *object)
{
    const struct cJSON *first =
        zl_json_first(zl_json_at(object, "status", "containerStatuses", NULL));
    return first != NULL && zl_json_at(first, "state", "terminated", NULL) != NULL;
}

static struct cJSON *decode_containers(const struct cJSON *object)
{
    struct cJSON *statuses = zl_json_array();
    const struct cJSON *containers = zl_json_at(object, "spec", "containers", NULL);
    for (const struct cJSON *c = zl_json_first(containers); c != NULL; c = zl_json_next(c)) {
        struct cJSON *status = zl_json_object();
        zl_json_set_text(status, "name", zl_json_text(c, "name", NULL));
        zl_json_set_text(status, "image", zl_json_text(c, "image", NULL));
        zl_json_append(statuses, status);
    }
    return statuses;
}

enum zl_status zl_kubelet_pod_decode(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    (void)ctx;
    (void)err;
    struct zl_kubelet_pod *pod = zl_alloc(sizeof *pod);
    pod->namespace_ = zl_strdup(zl_json_text(object, "metadata", "namespace", NULL));
    pod->name = zl_strdup(zl_json_text(object, "metadata", "name", NULL));
    pod->uid = zl_strdup(zl_json_text(object, "metadata", "uid", NULL));
    pod->version = zl_strdup(zl_json_text(object, "metadata", "resourceVersion", NULL));
    pod->node = zl_strdup(zl_json_text(object, "spec", "nodeName", NULL));
    pod->wanted_node = zl_strdup(wanted_node(object));
    const char *scheduler = zl_json_text(object, "spec", "schedulerName", NULL);
    pod->foreign = scheduler != NULL && strcmp(scheduler, "default-scheduler") != 0;
    pod->deleting = zl_json_text(object, "metadata", "deletionTimestamp", NULL) != NULL;
    pod->grace_ms = 1000 * zl_json_i64(object, 30, "metadata", "deletionGracePeriodSeconds", NULL);
    const char *phase = zl_json_text(object, "status", "phase", NULL);
    pod->running = zl_same_string(phase, "Running");
    pod->finished = zl_same_string(phase, "Failed") || zl_same_string(phase, "Succeeded");
    pod->ready = has_ready_condition(object);
    pod->never_ready = zl_same_string(annotation(object, "zl-test/ready"), "false");
    pod->ended = has_ended(object);
    pod->stays = zl_same_string(annotation(object, "zl-test/stuck"), "ended");
    pod->stuck = zl_same_string(annotation(object, "zl-test/stuck"), "true");
    pod->ready_after_ms = annotation_ms(object, "zl-test/ready-after-ms");
    pod->fail_after_ms = annotation_ms(object, "zl-test/fail-after-ms");
    pod->succeed_after_ms = annotation_ms(object, "zl-test/succeed-after-ms");
    pod->terminate_after_ms = annotation_ms(object, "zl-test/terminate-after-ms");
    pod->containers = decode_containers(object);
    *out = pod;
    return ZL_OK;
}

void zl_kubelet_pod_free(void *object)
{
    struct zl_kubelet_pod *pod = object;
    if (pod == NULL) {
        return;
    }
    free(pod->namespace_);
    free(pod->name);
    free(pod->uid);
    free(pod->version);
    free(pod->node);
    free(pod->wanted_node);
    zl_json_free(pod->containers);
    free(pod);
}

static struct zl_kubelet_plan plan_end(const struct zl_kubelet_pod *pod,
                                       const struct zl_kubelet_life *life, int64_t max_grace_ms,
                                       int64_t now_ms)
{
    struct zl_kubelet_plan plan = {.step = ZL_KUBELET_WAIT, .wait_ms = -1};
    if (pod->stuck || (pod->stays && pod->ended)) {
        return plan;
    }
    int64_t lasts_ms = pod->terminate_after_ms >= 0 ? pod->terminate_after_ms : max_grace_ms;
    if (lasts_ms > pod->grace_ms) {
        lasts_ms = pod->grace_ms;
    }
    int64_t left_ms = life->deleting_ms + lasts_ms - now_ms;
    if (left_ms <= 0) {
        plan.step = pod->stays ? ZL_KUBELET_END : ZL_KUBELET_REMOVE;
    } else {
        plan.wait_ms = left_ms;
    }
    return plan;
}

/* The earlier of WAIT_MS (-1: never) and the time until AFTER_MS (-1: never). */
static int64_t sooner(int64_t wait_ms, int64_t after_ms, int64_t age_ms)
{
    int64_t left_ms = after_ms - age_ms;
    if (left_ms <= 0 || (wait_ms >= 0 && wait_ms < left_ms)) {
        return wait_ms;
    }
    return left_ms;
}

static bool is_due(int64_t after_ms, int64_t age_ms)
{
    return after_ms >= 0 && age_ms >= after_ms;
}

struct zl_kubelet_plan zl_kubelet_plan(const struct zl_kubelet_pod *pod,
                                       const struct zl_kubelet_life *life, int64_t max_grace_ms,
                                       int64_t now_ms)
{
    struct zl_kubelet_plan plan = {.step = ZL_KUBELET_WAIT, .wait_ms = -1};
    if (pod->deleting) {
        return plan_end(pod, life, max_grace_ms, now_ms);
    }
    if (pod->finished) {
        return plan;
    }
    if (pod->node == NULL) {
        plan.step = pod->foreign ? ZL_KUBELET_WAIT : ZL_KUBELET_BIND;
        return plan;
    }
    int64_t age_ms = now_ms - life->bound_ms;
    plan.ready = !pod->never_ready && age_ms >= pod->ready_after_ms;
    if (is_due(pod->fail_after_ms, age_ms)) {
        plan.step = ZL_KUBELET_FAIL;
    } else if (is_due(pod->succeed_after_ms, age_ms)) {
        plan.step = ZL_KUBELET_SUCCEED;
    } else if (!pod->running || pod->ready != plan.ready) {
        plan.step = ZL_KUBELET_SET_STATUS;
    } else {
        if (!pod->never_ready) {
            plan.wait_ms = sooner(plan.wait_ms, pod->ready_after_ms, age_ms);
        }
        plan.wait_ms = sooner(plan.wait_ms, pod->fail_after_ms, age_ms);
        plan.wait_ms = sooner(plan.wait_ms, pod->succeed_after_ms, age_ms);
    }
    return plan;
}
