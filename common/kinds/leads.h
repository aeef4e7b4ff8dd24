/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leads.h - what the Kinds have in common whose pods lead: their objects are struct zl_workload, with a pod template
 * in spec.template.
 *
 * Threads: pure.
 */
#ifndef ZL_KINDS_LEADS_H
#define ZL_KINDS_LEADS_H

#include "common/kinds/kind.h"

/* For the members of a row. */
enum zl_status zl_leads_decode(const struct zl_kind *kind, const struct cJSON *object, void **out,
                               struct zl_error *err);
const char *zl_leads_pool(const void *object);
int64_t zl_leads_replicas(const void *object);

#endif
