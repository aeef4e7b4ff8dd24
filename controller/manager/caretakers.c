/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/caretakers.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/monitor.h"
#include "controller/reconcile/caretaker.h"

enum { CARETAKERS = 4 };

struct caretaker {
    struct zl_caretakers *all;
    size_t index;
    pthread_t thread;
};

struct zl_caretakers {
    struct zl_context *context;
    bool (*cares)(void *ctx);
    void *ctx;
    struct caretaker each[CARETAKERS];
    struct zl_monitor monitor; /* guards the rest */
    bool stopping;
};

static bool go_on(void *ctx)
{
    struct zl_caretakers *all = ctx;
    zl_monitor_lock(&all->monitor);
    const bool stopping = all->stopping;
    zl_monitor_unlock(&all->monitor);
    return !stopping && all->cares(all->ctx);
}

static void wait_until(struct zl_caretakers *all, int64_t until_ms)
{
    zl_monitor_lock(&all->monitor);
    while (!all->stopping && zl_monitor_wait(&all->monitor, until_ms)) {
    }
    zl_monitor_unlock(&all->monitor);
}

static void *take_care(void *ctx)
{
    const struct caretaker *caretaker = ctx;
    struct zl_caretakers *all = caretaker->all;
    const struct zl_caretaker_share share = {.index = caretaker->index, .count = CARETAKERS};
    const char *lagging = NULL;
    while (go_on(all)) {
        if (zl_cache_is_synced(all->context->sources.cache, NULL, &lagging)) {
            zl_caretaker_look(all->context, share, zl_clock_ms(), go_on, all);
        }
        wait_until(all, zl_clock_ms() + ZL_CARETAKER_LOOK_MS);
    }
    return NULL;
}

struct zl_caretakers *zl_caretakers_start(struct zl_context *context, bool (*cares)(void *ctx),
                                          void *ctx)
{
    struct zl_caretakers *all = zl_alloc(sizeof *all);
    all->context = context;
    all->cares = cares;
    all->ctx = ctx;
    zl_monitor_init(&all->monitor);
    for (size_t i = 0; i < CARETAKERS; i++) {
        all->each[i] = (struct caretaker){.all = all, .index = i};
        all->each[i].thread = zl_thread_start("caretaker", take_care, &all->each[i]);
    }
    return all;
}

void zl_caretakers_stop(struct zl_caretakers *all)
{
    if (all == NULL) {
        return;
    }
    zl_monitor_lock(&all->monitor);
    all->stopping = true;
    zl_monitor_wake_all(&all->monitor);
    zl_monitor_unlock(&all->monitor);
    for (size_t i = 0; i < CARETAKERS; i++) {
        (void)pthread_join(all->each[i].thread, NULL);
    }
    zl_monitor_clear(&all->monitor);
    free(all);
}
