/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/fleet_scene.h"

#include "common/base/memory.h"

static const char *const NAMES[ZL_SCENE_CLUSTERS] = {"a", "b", "c"};
static const char *const UIDS[ZL_SCENE_CLUSTERS] = {"ua", "ub", "uc"};

void zl_scene_open(struct zl_fleet_scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->ledger.n = 1;
    scene->ledger.limit_ms = ZL_SCENE_LIMIT_MS;
    scene->ledger.set = true;
    scene->ledger.next_ticket = 10;
    ZL_FLEET_TEXT(scene->ledger.round, "cve");
    for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
        ZL_FLEET_TEXT(scene->turns[i].pool, "pool");
        ZL_FLEET_TEXT(scene->turns[i].round, "cve");
        ZL_FLEET_TEXT(scene->requests[i].pool, "pool");
        ZL_FLEET_TEXT(scene->members[i].cluster_uid, UIDS[i]);
        scene->members[i].period_ms = 60000;
        scene->clusters[i] = (struct zl_fleet_cluster){.name = NAMES[i],
                                                       .turn = &scene->turns[i],
                                                       .member = &scene->members[i],
                                                       .request = &scene->requests[i],
                                                       .beaten = true};
    }
    scene->view = (struct zl_fleet_view){.pool = "pool",
                                         .ledger = &scene->ledger,
                                         .clusters = scene->clusters,
                                         .count = ZL_SCENE_CLUSTERS,
                                         .unbroken_ms = 1000000};
    scene->now.wall_s = 1;
}

void zl_scene_close(struct zl_fleet_scene *scene)
{
    zl_fleet_write_clear(&scene->write);
    zl_fleet_ledger_clear(&scene->ledger);
}

void zl_scene_wait(struct zl_fleet_scene *scene, int cluster, int64_t ticket)
{
    scene->turns[cluster].state = ZL_FLEET_WAITING;
    scene->turns[cluster].ticket = ticket;
    scene->turns[cluster].position = 1;
    zl_scene_ask(scene, cluster, ZL_FLEET_WANT, scene->turns[cluster].ended_token, 1000 + ticket);
}

struct zl_fleet_entry *zl_scene_slot(struct zl_fleet_scene *scene, int cluster, int64_t token,
                                     bool active)
{
    struct zl_fleet_entry entry = {.active = active,
                                   .token = token,
                                   .gen = active ? 1 : 0,
                                   .answers = active ? 500 : 0,
                                   .limit_ms = ZL_SCENE_LIMIT_MS};
    struct zl_fleet_turn *turn = &scene->turns[cluster];
    ZL_FLEET_TEXT(entry.cluster, NAMES[cluster]);
    ZL_FLEET_TEXT(entry.uid, active ? UIDS[cluster] : "");
    ZL_FLEET_TEXT(entry.round, "cve");
    zl_fleet_entry_add(&scene->ledger, &entry);
    scene->ledger.last_token = token > scene->ledger.last_token ? token : scene->ledger.last_token;
    turn->state = active ? ZL_FLEET_ACTIVE : ZL_FLEET_OFFERED;
    turn->token = token;
    turn->gen = entry.gen;
    turn->answers = entry.answers;
    turn->limit_ms = entry.limit_ms;
    turn->ticket = turn->ticket > 0 ? turn->ticket : 1;
    ZL_FLEET_TEXT(turn->uid, entry.uid);
    zl_scene_ask(scene, cluster, active ? ZL_FLEET_ACCEPT : ZL_FLEET_WANT, active ? token : 0,
                 active ? 500 : 400);
    return zl_fleet_entry_of(&scene->ledger, NAMES[cluster]);
}

void zl_scene_ask(struct zl_fleet_scene *scene, int cluster, enum zl_fleet_verb verb, int64_t token,
                  int64_t nonce)
{
    scene->requests[cluster].verb = verb;
    scene->requests[cluster].token = token;
    scene->requests[cluster].nonce = nonce;
}

void zl_scene_report(struct zl_fleet_scene *scene, int cluster, int64_t token,
                     enum zl_fleet_outcome outcome)
{
    scene->requests[cluster].report.token = token;
    scene->requests[cluster].report.outcome = outcome;
}

const char *zl_scene_next(struct zl_fleet_scene *scene)
{
    zl_fleet_write_clear(&scene->write);
    scene->write = zl_fleet_next(&scene->view, &scene->now);
    return scene->write.kind == ZL_FLEET_NO_WRITE ? "" : scene->write.rule;
}

const char *zl_scene_step(struct zl_fleet_scene *scene)
{
    const char *rule = zl_scene_next(scene);
    if (scene->write.kind == ZL_FLEET_WRITE_LEDGER) {
        zl_fleet_ledger_clear(&scene->ledger);
        scene->ledger = *scene->write.ledger;
        free(scene->write.ledger);
        scene->write.ledger = NULL;
        scene->view.ledger = &scene->ledger;
    }
    for (int i = 0; scene->write.kind == ZL_FLEET_WRITE_TURN && i < ZL_SCENE_CLUSTERS; i++) {
        if (strcmp(NAMES[i], scene->write.cluster) == 0) {
            scene->turns[i] = scene->write.turn;
        }
    }
    return rule;
}

const char *zl_scene_steps(struct zl_fleet_scene *scene)
{
    static char text[512];
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < 12; i++) {
        const char *rule = zl_scene_step(scene);
        if (rule[0] == '\0') {
            break;
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "", rule);
    }
    return text;
}
