/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather_internal.h - what the files of gather.h share: gather.c the cluster, gather_fleet.c its fleets and their hub.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_DOCTOR_GATHER_INTERNAL_H
#define ZL_CLIENT_DOCTOR_GATHER_INTERNAL_H

#include "client/doctor/gather.h"

struct zl_gathering {
    struct zl_kube_client *client;
    const struct zl_gather_spec *spec;
    struct zl_doctor_facts *facts;
    int64_t deadline_ms;
    const char *pools_namespace; /* one that has a pool; borrowed from the facts, or HOME */
};

/* With CLIENT: the gathering's own, or the hub's. */
void zl_gather_object(const struct zl_gathering *gathering, struct zl_kube_client *client,
                      enum zl_question question, const struct zl_kube_resource *resource,
                      const char *namespace_, const char *name);
void zl_gather_list(const struct zl_gathering *gathering, enum zl_question question,
                    const struct zl_kube_resource *resource, const char *namespace_,
                    const char *label);

/* The fleets, where there are any: their LeaderPolicies, this cluster's identity on the hub, and what that may do there. */
void zl_gather_fleets(const struct zl_gathering *gathering);

#endif
