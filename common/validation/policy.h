/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - what is wrong with a LeaderPolicy: a pure function over the object.
 *
 * Says again what the CRD's schema says, because an older CRD may still be installed, and what no schema
 * says on API servers before 1.25: the order of the three times (CEL rules are dropped there).
 *
 * Threads: pure.
 */
#ifndef ZL_VALIDATION_POLICY_H
#define ZL_VALIDATION_POLICY_H

#include "common/kinds/kind.h"
#include "common/validation/findings.h"

/* A policy that is being deleted, and one whose spec stays as it was, must not jam: nothing is found. */
void zl_validate_policy(const struct cJSON *object, const struct cJSON *old_object,
                        struct zl_findings *findings);
/* In the pool of such a policy is a member of KIND, none of whose pods is ever refused: under scaleDown that is said. */
void zl_warn_unrefused(const struct cJSON *object, const struct cJSON *old_object,
                       const struct zl_kind *kind, struct zl_findings *findings);

#endif
