/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/budget.h"

#include "common/base/memory.h"
#include "common/base/parse.h"
#include "common/objects/labels.h"

#include <string.h>

static const struct zl_json_shape NAME[] = {{.name = "name"}, {.name = NULL}};
static const struct zl_json_shape SPEC[] = {
    {.name = "selector"}, {.name = "minAvailable"}, {.name = "maxUnavailable"}, {.name = NULL}};
const struct zl_json_shape ZL_BUDGET_SHAPE[] = {
    {.name = "metadata", .members = NAME}, {.name = "spec", .members = SPEC}, {.name = NULL}};
static const struct zl_json_shape TARGET[] = {{.name = "kind"}, {.name = "name"}, {.name = NULL}};
static const struct zl_json_shape SCALER_SPEC[] = {{.name = "scaleTargetRef", .members = TARGET},
                                                   {.name = NULL}};
const struct zl_json_shape ZL_AUTOSCALER_SHAPE[] = {{.name = "metadata", .members = NAME},
                                                    {.name = "spec", .members = SCALER_SPEC},
                                                    {.name = NULL}};

/* An IntOrString of SPEC, percentages of REPLICAS rounded up as Kubernetes does; MISSING: absent, or no number. */
static int64_t number_of(const struct cJSON *spec, const char *name, int64_t replicas,
                         int64_t missing)
{
    const char *text = zl_json_text(spec, name, NULL);
    size_t length = text != NULL ? strlen(text) : 0;
    int64_t percent = 0;
    if (length == 0) {
        return zl_json_i64(spec, missing, name, NULL);
    }
    ZL_AUTO_FREE char *digits = zl_strndup(text, length - 1);
    if (text[length - 1] != '%' || zl_parse_i64(digits, 0, 1000, &percent, NULL) != ZL_OK) {
        return missing;
    }
    return (percent * replicas + 99) / 100;
}

static bool selects(const struct cJSON *selector, const char *labels)
{
    const struct cJSON *expressions = zl_json_at(selector, "matchExpressions", NULL);
    ZL_AUTO_FREE char *wanted = zl_labels_pack(zl_json_at(selector, "matchLabels", NULL));
    return zl_json_count(expressions) == 0 && zl_labels_match(labels, wanted);
}

bool zl_budget_forbids(const struct cJSON *budget, const char *labels, int64_t replicas)
{
    const struct cJSON *spec = zl_json_at(budget, "spec", NULL);
    int64_t least = number_of(spec, "minAvailable", replicas, 0);
    int64_t most_out = number_of(spec, "maxUnavailable", replicas, replicas);
    return replicas > 1 && selects(zl_json_at(spec, "selector", NULL), labels) &&
           (least > 0 || most_out < replicas);
}

bool zl_autoscaler_scales(const struct cJSON *autoscaler, const char *kind, const char *name)
{
    const struct cJSON *target = zl_json_at(autoscaler, "spec", "scaleTargetRef", NULL);
    return zl_same_string(zl_json_text(target, "kind", NULL), kind) &&
           zl_same_string(zl_json_text(target, "name", NULL), name);
}

char *zl_budget_complaint(const struct cJSON *budget, const char *kind, const char *name,
                          int64_t replicas)
{
    const char *own = zl_json_text(budget, "metadata", "name", NULL);
    return zl_asprintf(
        "PodDisruptionBudget %s never lets the leader go, since %s %s runs one pod of "
        "%lld replicas: a drain waits for ever; set maxUnavailable: 100%%, or "
        "followerMode: standby",
        own != NULL ? own : "", kind, name, (long long)replicas);
}

char *zl_autoscaler_complaint(const struct cJSON *autoscaler, const char *kind, const char *name)
{
    const char *own = zl_json_text(autoscaler, "metadata", "name", NULL);
    return zl_asprintf(
        "HorizontalPodAutoscaler %s scales %s %s by its one pod: replicas above 1 are "
        "refused, and at 1 nothing is; set the replicas by hand, or "
        "followerMode: standby",
        own != NULL ? own : "", kind, name);
}
