/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.h - doctor's questions to the API server: all of them, whatever becomes of some, within one deadline. Nothing is
 * written: what is created is a dry run.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_DOCTOR_GATHER_H
#define ZL_CLIENT_DOCTOR_GATHER_H

#include "client/doctor/facts.h"
#include "common/kube/client.h"

/* So much altogether; what is not answered by then is not known. */
#define ZL_DOCTOR_MS 3000

struct zl_gather_spec {
    const char *namespace_;    /* where pools and workloads are looked at; NULL: everywhere */
    const char *home;          /* the user's namespace, for dry runs */
    const char *hub_namespace; /* of the fleets' Leases on the hub */
    const char *installed_in;  /* of zen-lead's programs; borrowed by the facts */
};

/* OUT: zl_gather_clear. */
void zl_gather(struct zl_kube_client *client, const struct zl_gather_spec *spec,
               struct zl_doctor_facts *out);
void zl_gather_clear(struct zl_doctor_facts *facts);

#endif
