/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_store.h - a cluster's own LeaderPolicy of a fleet, for work that is no Job: its turn, and the annotations by which it
 * asks and reports.
 *
 * Threads: any; the functions block on the API server.
 */
#ifndef ZL_FLEET_REPORT_STORE_H
#define ZL_FLEET_REPORT_STORE_H

#include "common/fleet/fleet.h"
#include "common/kube/client.h"

enum { ZL_FLEET_WHY_MAX = 256 }; /* longer text is cut */

struct zl_fleet_place {
    char *name;         /* of the LeaderPolicy; owned */
    int64_t token;      /* of the turn in which the cluster may act; 0: it has none */
    int64_t generation; /* of that turn */
    int64_t
        until_us; /* when it ends, by its controller's wall clock, or up to a second before; 0: it has none */
    int64_t last_token; /* of the last turn that ended; 0: none has */
    int64_t position;   /* in the queue; 0: it is in none */
    char phase[ZL_FLEET_NAME_MAX], cluster[ZL_FLEET_NAME_MAX];
    char why[ZL_FLEET_WHY_MAX];
    char report[ZL_FLEET_WHY_MAX]; /* the annotation; "": there is none */
    bool wants;                    /* the annotation: work that is no Job asks for a turn */
};

/* What the LeaderPolicy OBJECT says of its cluster. The caller frees OUT's name. */
void zl_fleet_place_read(const struct cJSON *object, struct zl_fleet_place *out);
/* The LeaderPolicy of POOL in NAMESPACE_. ZL_E_NOT_FOUND: there is none. The caller frees OUT's name. */
enum zl_status zl_fleet_place_find(struct zl_kube_client *client, const char *namespace_,
                                   const char *pool, struct zl_fleet_place *out,
                                   struct zl_error *err) ZL_MUST_CHECK;
/* Write both annotations; NULL takes one off. */
enum zl_status zl_fleet_place_annotate(struct zl_kube_client *client, const char *namespace_,
                                       const char *name, const char *want, const char *report,
                                       struct zl_error *err) ZL_MUST_CHECK;

/* PLACE's cluster takes its next turn; the word is for one turn. PLACE is as zl_fleet_place_find read it, here and below. */
enum zl_status zl_fleet_place_accept(struct zl_kube_client *client, const char *namespace_,
                                     const struct zl_fleet_place *place,
                                     struct zl_error *err) ZL_MUST_CHECK;

/* It takes no turn, for this REASON, until it accepts one. */
enum zl_status zl_fleet_place_decline(struct zl_kube_client *client, const char *namespace_,
                                      const struct zl_fleet_place *place, const char *reason,
                                      struct zl_error *err) ZL_MUST_CHECK;

/* It asks for more time in the turn that PLACE tells of. */
enum zl_status zl_fleet_place_extend(struct zl_kube_client *client, const char *namespace_,
                                     const struct zl_fleet_place *place,
                                     struct zl_error *err) ZL_MUST_CHECK;

#endif
