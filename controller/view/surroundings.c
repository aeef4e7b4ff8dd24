/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/surroundings.h"

#include "common/base/buf.h"
#include "common/objects/budget.h"
#include "common/objects/names.h"

#include <string.h>

enum { NAMES_MAX_BYTES = 65536 };

static const struct zl_json_shape NAME[] = {{.name = "name"}, {.name = "labels"}, {.name = NULL}};
static const struct zl_json_shape ENDPOINT[] = {{.name = "addresses"}, {.name = NULL}};
static const struct zl_json_shape SLICE[] = {{.name = "metadata", .members = NAME},
                                             {.name = "endpoints", .members = ENDPOINT},
                                             {.name = NULL}};

struct looking {
    const struct zl_view *view;
    struct zl_surroundings *out;
};

static enum zl_status judge_budget(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    const struct looking *looking = ctx;
    const struct zl_view *view = looking->view;
    (void)err;
    for (size_t i = 0; looking->out->budget == NULL && i < view->workload_count; i++) {
        const struct zl_workload *workload = view->workloads[i];
        const struct zl_pod *template_pod = workload->template_pod;
        if (zl_view_refuses(view, workload) && template_pod != NULL &&
            zl_budget_forbids(object, template_pod->labels, workload->replicas)) {
            looking->out->budget = zl_budget_complaint(object, workload->kind->name,
                                                       workload->meta.name, workload->replicas);
        }
    }
    return ZL_OK;
}

static enum zl_status judge_autoscaler(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    const struct looking *looking = ctx;
    const struct zl_view *view = looking->view;
    (void)err;
    for (size_t i = 0; looking->out->autoscaler == NULL && i < view->workload_count; i++) {
        const struct zl_workload *workload = view->workloads[i];
        if (zl_view_refuses(view, workload) &&
            zl_autoscaler_scales(object, workload->kind->name, workload->meta.name)) {
            looking->out->autoscaler =
                zl_autoscaler_complaint(object, workload->kind->name, workload->meta.name);
        }
    }
    return ZL_OK;
}

static enum zl_status judge_slice(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    char **out = ctx;
    const struct cJSON *labels = zl_json_at(object, "metadata", "labels", NULL);
    const char *by = zl_json_text(labels, ZL_KEY_SLICE_MANAGED_BY, NULL);
    (void)err;
    if (*out == NULL && !zl_same_string(by, ZL_MANAGED_BY) &&
        zl_json_count(zl_json_at(object, "endpoints", NULL)) > 0) {
        *out = zl_asprintf("EndpointSlice %s (made by %s) leads Service %s elsewhere besides: not "
                           "all of its traffic "
                           "reaches the leader; remove it, or the Endpoints that it mirrors",
                           zl_json_text(object, "metadata", "name", NULL),
                           by != NULL ? by : "nobody known",
                           zl_json_text(labels, ZL_KEY_SLICE_SERVICE, NULL));
    }
    return ZL_OK;
}

/* Lists what is there; a server without such objects, or a right that we lack, is nothing found. */
static enum zl_status
list(const struct zl_sources *sources, const struct zl_kube_target *target, const char *labels,
     enum zl_status (*each)(void *ctx, const struct cJSON *object, struct zl_error *err), void *ctx,
     bool *served, struct zl_error *err)
{
    const struct zl_kube_selector selector = {.label = labels};
    enum zl_status status = zl_kube_list(sources->client, target, &selector, each, ctx, NULL, err);
    *served = status != ZL_E_NOT_FOUND;
    return status == ZL_E_NOT_FOUND || status == ZL_E_DENIED ? ZL_OK : status;
}

enum zl_status zl_surroundings_find_slice(const struct zl_sources *sources,
                                          const struct zl_kube_resource *slices,
                                          const char *namespace_, const char *services, char **out,
                                          struct zl_error *err)
{
    bool served = false;
    ZL_AUTO_FREE char *labels = zl_asprintf(
        ZL_KEY_SLICE_SERVICE " in (%s)," ZL_KEY_SLICE_MANAGED_BY "!=" ZL_MANAGED_BY, services);
    const struct zl_kube_target target = {
        .resource = slices, .namespace_ = namespace_, .shape = SLICE};
    return slices == NULL ? ZL_OK : list(sources, &target, labels, judge_slice, out, &served, err);
}

/* The leader Services of VIEW's pool, separated by commas; the caller frees. */
static char *name_services(const struct zl_view *view)
{
    struct zl_buf names;
    zl_buf_init(&names, NAMES_MAX_BYTES);
    (void)zl_buf_printf(&names, "%s" ZL_DIRECTOR_SUFFIX, view->name);
    for (size_t i = 0; i < view->workload_count; i++) {
        ZL_AUTO_FREE char *name = zl_workload_leader_name(view->workloads[i]);
        (void)zl_buf_printf(&names, ",%s", name);
    }
    return zl_buf_take(&names);
}

enum zl_status zl_surroundings_look(const struct zl_sources *sources, const struct zl_view *view,
                                    const struct zl_kube_resource *slices,
                                    struct zl_surroundings *out, struct zl_error *err)
{
    struct looking looking = {.view = view, .out = out};
    ZL_AUTO_FREE char *services = name_services(view);
    bool served = false;
    enum zl_status status =
        zl_surroundings_find_slice(sources, slices, view->namespace_, services, &out->slice, err);
    bool gatekept = !view->elects_all && zl_view_is_gatekept(view);
    const struct zl_kube_resource *const versions[] = {&ZL_KUBE_BUDGETS, &ZL_KUBE_BUDGETS_V1BETA1};
    for (size_t i = 0; status == ZL_OK && gatekept && !served && i < 2; i++) {
        const struct zl_kube_target budgets = {
            .resource = versions[i], .namespace_ = view->namespace_, .shape = ZL_BUDGET_SHAPE};
        status = list(sources, &budgets, NULL, judge_budget, &looking, &served, err);
    }
    if (status == ZL_OK && gatekept) {
        const struct zl_kube_target scalers = {.resource = &ZL_KUBE_AUTOSCALERS,
                                               .namespace_ = view->namespace_,
                                               .shape = ZL_AUTOSCALER_SHAPE};
        status = list(sources, &scalers, NULL, judge_autoscaler, &looking, &served, err);
    }
    out->looked = status == ZL_OK;
    return status;
}

/* So many milliseconds lie between two looks, whoever they are about: what a quiet cluster costs must not grow with it. */
enum { LOOKS_APART_MS = 500 };

static bool is_due(const struct zl_sources *sources, const char *namespace_, const char *name,
                   int64_t every_ms, int64_t now_ms)
{
    int64_t age_ms =
        zl_since(sources->sinces, namespace_, name, ZL_TOPIC_SURROUNDINGS, "seen", now_ms);
    return age_ms == 0 || age_ms >= every_ms; /* 0: never, or as good as just now */
}

static void begin_anew(const struct zl_sources *sources, const char *namespace_, const char *name,
                       int64_t now_ms)
{
    (void)zl_since(sources->sinces, namespace_, name, ZL_TOPIC_SURROUNDINGS, NULL, now_ms);
    (void)zl_since(sources->sinces, namespace_, name, ZL_TOPIC_SURROUNDINGS, "seen", now_ms);
}

bool zl_surroundings_are_due(const struct zl_sources *sources, const char *namespace_,
                             const char *name, int64_t now_ms)
{
    if (!is_due(sources, "", "", LOOKS_APART_MS, now_ms) ||
        !is_due(sources, namespace_, name, ZL_SURROUNDINGS_MS, now_ms)) {
        return false;
    }
    begin_anew(sources, "", "", now_ms);
    begin_anew(sources, namespace_, name, now_ms);
    return true;
}

void zl_surroundings_clear(struct zl_surroundings *surroundings)
{
    free(surroundings->budget);
    free(surroundings->autoscaler);
    free(surroundings->slice);
    memset(surroundings, 0, sizeof *surroundings);
}
