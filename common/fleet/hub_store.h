/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub_store.h - one Lease of the fleet on the hub, read and replaced.
 *
 * Every write is a PUT of what was read with its resourceVersion: it stores all of it or nothing, and who was slower is told
 * so (ZL_E_CONFLICT). What others put beside our annotation stays.
 *
 * Threads: a lease that was read is read-only; the functions block on the hub.
 */
#ifndef ZL_FLEET_HUB_STORE_H
#define ZL_FLEET_HUB_STORE_H

#include "common/fleet/codec.h"
#include "common/fleet/reboots.h"
#include "common/kube/client.h"

enum zl_hub_lease_kind { ZL_HUB_LEDGER, ZL_HUB_TURN, ZL_HUB_MEMBER, ZL_HUB_REBOOTS };

struct zl_hub_lease {
    enum zl_hub_lease_kind kind;
    char *name, *version, *object; /* OBJECT: JSON, all of it but managedFields */
    const char *of;                /* the pool's, cluster's or group's name, within NAME */
    bool broken; /* its annotation cannot be read: WHY says why, and what it holds is zero */
    char *why;
    /* The one of KIND; the others are NULL or zero. A ledger is large, and the others are many. */
    struct zl_fleet_ledger *ledger;
    struct zl_fleet_turns turns;
    struct zl_fleet_member member;
    struct zl_fleet_reboots reboots;
};

extern const struct zl_json_shape ZL_HUB_LEASE_SHAPE[];

/* *OUT stays NULL for a Lease that is none of a fleet's. */
enum zl_status zl_hub_lease_decode(const struct cJSON *object, struct zl_hub_lease **out,
                                   struct zl_error *err) ZL_MUST_CHECK;
void zl_hub_lease_free(void *lease); /* fits zl_ref_new */

/* @return ZL_OK with *OUT NULL when there is none */
enum zl_status zl_hub_lease_read(struct zl_kube_client *hub, const char *namespace_,
                                 const char *name, struct zl_hub_lease **out,
                                 struct zl_error *err) ZL_MUST_CHECK;

/*
 * Store TEXT as NAME's annotation, if WAS is still what the hub has.
 *
 * @param was     NULL: the Lease is created; it is a conflict when there is one
 * @param beat    renewTime and holderIdentity are set, of a member's own
 * @param stored  receives what was stored; the caller frees; may be NULL
 */
enum zl_status zl_hub_lease_put(struct zl_kube_client *hub, const char *namespace_,
                                const char *name, const struct zl_hub_lease *was, const char *text,
                                bool beat, struct zl_hub_lease **stored,
                                struct zl_error *err) ZL_MUST_CHECK;

/*
 * Give each ledger of the namespace to EACH, which borrows it. Its failure ends the list and is returned.
 */
enum zl_status zl_hub_ledgers(struct zl_kube_client *hub, const char *namespace_,
                              enum zl_status (*each)(void *ctx, const struct zl_hub_lease *ledger,
                                                     struct zl_error *err),
                              void *ctx, struct zl_error *err) ZL_MUST_CHECK;

/* @return ZL_OK also when there is none */
enum zl_status zl_hub_lease_delete(struct zl_kube_client *hub, const char *namespace_,
                                   const char *name, struct zl_error *err) ZL_MUST_CHECK;

#endif
