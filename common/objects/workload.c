/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/workload.h"

#include "common/base/limits.h"
#include "common/base/since.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "common/objects/selectors.h"

/* The API server's default for a Deployment; a StatefulSet has no such field. */
enum { PROGRESS_DEADLINE_S = 600 };

static const struct zl_json_shape LABELS[] = {{.name = ZL_KEY_POOL}, {.name = NULL}};
static const struct zl_json_shape ANNOTATIONS[] = {
    {.name = ZL_KEY_POOL}, {.name = ZL_KEY_JOIN}, {.name = NULL}};
const struct zl_json_shape ZL_POOL_KEYS_SHAPE[] = {{.name = "labels", .members = LABELS},
                                                   {.name = "annotations", .members = ANNOTATIONS},
                                                   {.name = NULL}};

static const struct zl_json_shape OWN_ANNOTATIONS[] = {{.name = ZL_KEY_POOL},
                                                       {.name = ZL_KEY_JOIN},
                                                       {.name = ZL_KEY_LEADER_SERVICE},
                                                       {.name = ZL_KEY_DEPLOYMENT_REVISION},
                                                       {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = LABELS},
                                                {.name = "annotations", .members = OWN_ANNOTATIONS},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape POD_METADATA[] = {{.name = "labels", .max = ZL_LABELS_KEPT_MAX},
                                                    {.name = "annotations", .members = ANNOTATIONS},
                                                    {.name = NULL}};
static const struct zl_json_shape TEMPLATE[] = {{.name = "metadata", .members = POD_METADATA},
                                                {.name = "spec", .members = ZL_POD_PORTS_SHAPE},
                                                {.name = NULL}};
static const struct zl_json_shape SPEC[] = {{.name = "replicas"},
                                            {.name = "selector", .max = ZL_LABELS_KEPT_MAX},
                                            {.name = "template", .members = TEMPLATE},
                                            {.name = "strategy"},
                                            {.name = "updateStrategy"},
                                            {.name = "paused"},
                                            {.name = "minReadySeconds"},
                                            {.name = "progressDeadlineSeconds"},
                                            {.name = "ordinals"},
                                            {.name = NULL}};
static const struct zl_json_shape STATUS[] = {
    {.name = "observedGeneration"}, {.name = "updateRevision"}, {.name = NULL}};
const struct zl_json_shape ZL_WORKLOAD_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                                  {.name = "spec", .members = SPEC},
                                                  {.name = "status", .members = STATUS},
                                                  {.name = NULL}};

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
    const char *wanted =
        zl_json_text(object, "metadata", "annotations", ZL_KEY_LEADER_SERVICE, NULL);
    workload->wanted_name = wanted != NULL && wanted[0] != '\0' ? zl_id_remembered(wanted) : NULL;
    workload->pool = zl_id_remembered(zl_pool_of_object(object));
    workload->selector = zl_selector_text(zl_json_at(object, "spec", "selector", NULL));
    workload->template_pod = decode_template(object);
    decode_rollout(zl_json_at(object, "spec", NULL), workload);
    const char *number =
        zl_json_text(object, "metadata", "annotations", ZL_KEY_DEPLOYMENT_REVISION, NULL);
    workload->revision = zl_id_remembered(
        number != NULL ? number : zl_json_text(object, "status", "updateRevision", NULL));
    workload->observed =
        zl_json_i64(object, 0, "status", "observedGeneration", NULL) >= workload->meta.generation;
    *out = workload;
    return ZL_OK;
}

char *zl_workload_leader_name(const struct zl_workload *workload)
{
    return workload->wanted_name != NULL ? zl_strdup(workload->wanted_name)
                                         : zl_asprintf("%s" ZL_LEADER_SUFFIX, workload->meta.name);
}

void zl_workload_free(void *object)
{
    struct zl_workload *workload = object;
    if (workload == NULL) {
        return;
    }
    zl_meta_clear(&workload->meta);
    free(workload->wanted_name);
    free(workload->pool);
    free(workload->selector);
    free(workload->revision);
    zl_pod_free(workload->template_pod);
    free(workload);
}
