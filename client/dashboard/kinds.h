/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds.h - what is followed, and what is kept of it.
 *
 * Threads: pure, on the informers' threads.
 */
#ifndef ZL_CLIENT_DASHBOARD_KINDS_H
#define ZL_CLIENT_DASHBOARD_KINDS_H

#include "common/kube/informer.h"
#include "common/objects/meta.h"

enum zl_followed {
    ZL_FOLLOWED_POLICIES,    /* struct zl_policy */
    ZL_FOLLOWED_LEASES,      /* struct zl_lease */
    ZL_FOLLOWED_SERVICES,    /* struct zl_service, annotated or ours */
    ZL_FOLLOWED_EVENTS,      /* struct zl_news, of our programs */
    ZL_FOLLOWED_REFUSALS,    /* struct zl_news, of controllers that were refused a pod */
    ZL_FOLLOWED_MEMBERSHIPS, /* struct zl_membership */
    ZL_FOLLOWED_HUB,         /* struct zl_hub_lease */
    ZL_FOLLOWED_COUNT,
};

/* This cluster's part in a fleet. */
struct zl_membership {
    struct zl_meta meta;
    struct cJSON *row; /* zl_row_of_membership */
};

struct zl_followed_kind {
    const char *title; /* for people */
    const struct zl_kube_resource *resource;
    const char *label_selector, *field_selector;
    const struct zl_json_shape *shape;
    enum zl_status (*decode)(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err);
    void (*free_object)(void *object);
    bool may_miss; /* its CRD need not be installed */
};

extern const struct zl_followed_kind ZL_FOLLOWED[ZL_FOLLOWED_COUNT];

#endif
