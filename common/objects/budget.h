/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - PodDisruptionBudgets and HorizontalPodAutoscalers that cannot work beside a pool which runs one pod of several
 * replicas: what their objects say.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_BUDGET_H
#define ZL_OBJECTS_BUDGET_H

#include "common/base/json.h"
#include "common/base/json_prune.h"

#include <stdint.h>

extern const struct zl_json_shape ZL_BUDGET_SHAPE[], ZL_AUTOSCALER_SHAPE[];

/*
 * Does BUDGET, of whichever version, never let the one pod go that runs of REPLICAS with LABELS (packed, labels.h)? It counts
 * from the replicas: whatever leaves it wanting a healthy pod forbids every eviction. One whose selector has expressions
 * is not judged.
 */
bool zl_budget_forbids(const struct cJSON *budget, const char *labels, int64_t replicas);
/* Does AUTOSCALER scale the object NAME of that KIND? */
bool zl_autoscaler_scales(const struct cJSON *autoscaler, const char *kind, const char *name);

/* What is to be told; the caller frees. */
char *zl_budget_complaint(const struct cJSON *budget, const char *kind, const char *name,
                          int64_t replicas);
char *zl_autoscaler_complaint(const struct cJSON *autoscaler, const char *kind, const char *name);

#endif
