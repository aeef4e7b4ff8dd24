/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet_scene.h - one pool as an arbiter sees it, for tests of single decisions: three clusters that live, want nothing,
 * and are told nothing; N is 1, a turn has 60 s.
 *
 * Threads: one.
 */
#ifndef ZL_TEST_FLEET_SCENE_H
#define ZL_TEST_FLEET_SCENE_H

#include "common/fleet/next.h"

enum { ZL_SCENE_CLUSTERS = 3, ZL_SCENE_LIMIT_MS = 60000, ZL_SCENE_A = 0, ZL_SCENE_B, ZL_SCENE_C };

struct zl_fleet_scene {
    struct zl_fleet_ledger ledger;
    struct zl_fleet_turn turns[ZL_SCENE_CLUSTERS];
    struct zl_fleet_member members[ZL_SCENE_CLUSTERS];
    struct zl_fleet_request requests[ZL_SCENE_CLUSTERS];
    struct zl_fleet_cluster
        clusters[ZL_SCENE_CLUSTERS]; /* "a", "b", "c" with the uids "ua", "ub", "uc" */
    struct zl_fleet_view view;
    struct zl_fleet_now now;
    struct zl_fleet_write write; /* the last one */
};

void zl_scene_open(struct zl_fleet_scene *scene);
void zl_scene_close(struct zl_fleet_scene *scene);
/* CLUSTER waits with TICKET. */
void zl_scene_wait(struct zl_fleet_scene *scene, int cluster, int64_t ticket);
/* CLUSTER has an entry, ACTIVE or an offer, that was told. */
struct zl_fleet_entry *zl_scene_slot(struct zl_fleet_scene *scene, int cluster, int64_t token,
                                     bool active);
/* What CLUSTER asks for. */
void zl_scene_ask(struct zl_fleet_scene *scene, int cluster, enum zl_fleet_verb verb, int64_t token,
                  int64_t nonce);
void zl_scene_report(struct zl_fleet_scene *scene, int cluster, int64_t token,
                     enum zl_fleet_outcome outcome);
/* The next write: its rule, "" for none. It stays in scene->write. */
const char *zl_scene_next(struct zl_fleet_scene *scene);
/* The same, and it is stored. */
const char *zl_scene_step(struct zl_fleet_scene *scene);
/* The rules of the next writes, each stored, as one text; until there is none. Good until the next call. */
const char *zl_scene_steps(struct zl_fleet_scene *scene);

#endif
