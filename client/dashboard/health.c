/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/health.h"

#include "common/base/clock.h"
#include "common/base/monitor.h"

#include <stdio.h>

#define LOOK_MS 500
/* A watch that is opened anew is none for a moment. */
#define PATIENCE_MS 1500
#define ASK_AGAIN_MS 3000
#define ASK_MS 2000

struct zl_health {
    struct zl_health_spec spec;
    struct zl_informer *informers[ZL_FOLLOWED_COUNT];
    struct zl_kind_health kinds[ZL_FOLLOWED_COUNT]; /* the thread's, as the next */
    int64_t asked_ms[ZL_FOLLOWED_COUNT];            /* of zl_clock_ms */
    pthread_t thread;
    struct zl_monitor monitor; /* guards the rest */
    bool stopping;
};

/* --- the row --- */

static const char *state_of(const struct zl_kind_health *kind, bool may_miss)
{
    if (kind->stale_since == 0) {
        return kind->synced ? "followed" : "loading";
    }
    if (kind->answer == ZL_E_NOT_FOUND) {
        return may_miss ? "absent" : "missing";
    }
    return kind->answer == ZL_E_DENIED ? "forbidden" : "stale";
}

struct cJSON *zl_health_row(const struct zl_kind_health kinds[ZL_FOLLOWED_COUNT])
{
    struct cJSON *row = zl_json_object(), *list = zl_json_array();
    bool reached = true;
    for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) {
        const struct zl_kind_health *kind = &kinds[i];
        if (!kind->wanted) {
            continue;
        }
        struct cJSON *item = zl_json_object();
        const bool lost = kind->stale_since != 0 && kind->answer == ZL_E_TRANSIENT;
        zl_json_set_text(item, "title", ZL_FOLLOWED[i].title);
        zl_json_set_text(item, "state", state_of(kind, ZL_FOLLOWED[i].may_miss));
        if (kind->stale_since != 0) {
            zl_json_set_i64(item, "staleSinceMs", kind->stale_since);
        } else {
            zl_json_set_null(item, "staleSinceMs");
        }
        zl_json_set_text(item, "problem", kind->problem[0] != '\0' ? kind->problem : NULL);
        zl_json_append(list, item);
        reached = reached && (!lost || i == ZL_FOLLOWED_HUB);
    }
    zl_json_set_bool(row, "reached", reached);
    zl_json_set(row, "kinds", list);
    return row;
}

/* --- looking --- */

/* One is enough to know that they may be read. */
static enum zl_status end_at_first(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    (void)ctx;
    (void)object;
    (void)err;
    return ZL_E_STOPPED;
}

static void ask(struct zl_health *health, enum zl_followed kind)
{
    static const struct zl_json_shape nothing[] = {{.name = "kind"}, {.name = NULL}};
    const struct zl_followed_kind *followed = &ZL_FOLLOWED[kind];
    const bool hub = kind == ZL_FOLLOWED_HUB;
    struct zl_kind_health *known = &health->kinds[kind];
    struct zl_error err = {0};
    const struct zl_kube_target target = {.resource = followed->resource,
                                          .namespace_ = hub ? health->spec.fleet_namespace
                                                            : health->spec.namespace_,
                                          .deadline_ms = zl_clock_ms() + ASK_MS,
                                          .shape = nothing,
                                          .page = 1};
    const struct zl_kube_selector selector = {.label = followed->label_selector,
                                              .field = followed->field_selector};
    health->asked_ms[kind] = zl_clock_ms();
    known->answer = zl_kube_list(hub ? health->spec.hub : health->spec.client, &target, &selector,
                                 end_at_first, NULL, NULL, &err);
    known->answer = known->answer == ZL_E_STOPPED ? ZL_OK : known->answer;
    (void)snprintf(known->problem, sizeof known->problem, "%s",
                   known->answer == ZL_OK ? "" : err.message);
}

static void look_at(struct zl_health *health, enum zl_followed kind)
{
    struct zl_kind_health *known = &health->kinds[kind];
    const struct zl_informer_health found = zl_informer_health(health->informers[kind]);
    known->synced = found.synced;
    if (found.synced && found.watching) {
        known->stale_since = 0;
        known->answer = ZL_OK;
        known->problem[0] = '\0';
        return;
    }
    if (found.not_watching_ms < PATIENCE_MS) {
        return;
    }
    if (known->stale_since == 0) {
        known->stale_since = zl_clock_wall_us() / 1000 - found.not_watching_ms;
    }
    if (health->asked_ms[kind] == 0 || zl_clock_ms() - health->asked_ms[kind] > ASK_AGAIN_MS) {
        ask(health, kind);
    }
}

static bool await_next_look(struct zl_health *health)
{
    const int64_t until_ms = zl_clock_ms() + LOOK_MS;
    zl_monitor_lock(&health->monitor);
    while (!health->stopping && zl_monitor_wait(&health->monitor, until_ms)) {
        ;
    }
    const bool stopping = health->stopping;
    zl_monitor_unlock(&health->monitor);
    return !stopping;
}

static void *run(void *arg)
{
    struct zl_health *health = arg;
    do {
        for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) {
            if (health->informers[i] != NULL) {
                look_at(health, (enum zl_followed)i);
            }
        }
        health->spec.told(health->spec.ctx, zl_health_row(health->kinds));
    } while (await_next_look(health));
    return NULL;
}

struct zl_health *zl_health_start(const struct zl_health_spec *spec,
                                  struct zl_informer *const informers[ZL_FOLLOWED_COUNT])
{
    struct zl_health *health = zl_alloc(sizeof *health);
    health->spec = *spec;
    for (int i = 0; i < ZL_FOLLOWED_COUNT; i++) {
        health->informers[i] = informers[i];
        health->kinds[i].wanted = informers[i] != NULL;
    }
    zl_monitor_init(&health->monitor);
    health->thread = zl_thread_start("health", run, health);
    return health;
}

void zl_health_stop(struct zl_health *health)
{
    zl_monitor_lock(&health->monitor);
    health->stopping = true;
    zl_monitor_wake_all(&health->monitor);
    zl_monitor_unlock(&health->monitor);
    pthread_join(health->thread, NULL);
    zl_monitor_clear(&health->monitor);
    free(health);
}
