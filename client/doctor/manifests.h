/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifests.h - manifests before they are applied: what the webhook would say of them, by its own rules, and what they say of each
 * other. Nobody is asked, so a pool that they do not have is not known to be missing.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_DOCTOR_MANIFESTS_H
#define ZL_CLIENT_DOCTOR_MANIFESTS_H

#include "common/validation/findings.h"

struct zl_manifest {
    struct cJSON *object;
    size_t line;                          /* where its document begins, from 1 */
    const char *kind, *name, *namespace_; /* borrowed from OBJECT and the judge's caller */
    bool concerns_us;                     /* else there is nothing to say of it */
    const char *elsewhere; /* the pool that it joins, which these manifests do not have; or NULL */
    struct zl_findings findings;
};

/* {0} is an empty list. */
struct zl_manifests {
    struct zl_manifest *items;
    size_t count;
};
void zl_manifests_clear(struct zl_manifests *manifests);

/*
 * Read YAML or JSON documents, and the items of Lists. Anchors are refused (common/kube/yaml.h).
 *
 * @return ZL_OK, or ZL_E_INVALID with the line
 */
enum zl_status zl_manifests_read(const char *text, size_t length, struct zl_manifests *out,
                                 struct zl_error *err) ZL_MUST_CHECK;
/* NAMESPACE: of objects that name none, and kept; "" is one too. */
void zl_manifests_judge(struct zl_manifests *manifests, const char *namespace_);

#endif
