/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kinds/leads.h"

#include <assert.h>
#include <stddef.h>

static_assert(offsetof(struct zl_workload, meta) == 0, "zl_meta first");

enum zl_status zl_leads_decode(const struct zl_kind *kind, const struct cJSON *object, void **out,
                               struct zl_error *err)
{
    struct zl_workload *workload = NULL;
    enum zl_status status = zl_workload_decode(kind, object, &workload, err);
    *out = workload;
    return status;
}

const char *zl_leads_pool(const void *object)
{
    return ((const struct zl_workload *)object)->pool;
}

int64_t zl_leads_replicas(const void *object)
{
    return ((const struct zl_workload *)object)->replicas;
}
