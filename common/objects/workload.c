/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/workload.h"

#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "common/objects/selectors.h"

/* The API server's default for a Deployment; a StatefulSet has no such field. */
enum { PROGRESS_DEADLINE_S = 600 };

bool zl_opts_out(const struct cJSON *metadata, const struct cJSON *template)
{
    return zl_same_string(zl_json_text(metadata, "annotations", ZL_KEY_JOIN, NULL), "false") ||
           zl_same_string(zl_json_text(template, "annotations", ZL_KEY_JOIN, NULL), "false");
}

const char *zl_pool_of(const struct cJSON *metadata, const struct cJSON *template)
{
    if (zl_opts_out(metadata, template)) {
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

const char *zl_pool_of_object(const struct cJSON *object)
{
    return zl_pool_of(zl_json_at(object, "metadata", NULL),
                      zl_json_at(object, "spec", "template", "metadata", NULL));
}

/* The pods that it will make: their labels and ports. */
static struct zl_pod *decode_template(const struct cJSON *object)
{
    const struct cJSON *template = zl_json_at(object, "spec", "template", NULL);
    struct zl_pod *pod = zl_alloc(sizeof *pod);
    pod->labels = zl_labels_pack(zl_json_at(template, "metadata", "labels", NULL));
    zl_pod_decode_ports(zl_json_at(template, "spec", NULL), pod);
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

enum zl_status zl_workload_decode(const struct zl_kind *kind, const struct cJSON *object,
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
    workload->pool = zl_strdup(zl_pool_of_object(object));
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
