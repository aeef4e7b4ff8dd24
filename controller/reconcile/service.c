/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile/reconcile.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "controller/leader/choose.h"
#include "controller/traffic_director/service_route.h"
#include "controller/view/look_traffic.h"
#include "controller/view/surroundings.h"

static const struct zl_metric STICKY_HITS = {
    .name = "zen_lead_sticky_leader_hits_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at an annotated Service with a leader that found that it may go on.",
};
static const struct zl_metric STICKY_MISSES = {
    .name = "zen_lead_sticky_leader_misses_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at an annotated Service with a leader that found that it may not.",
};

static const struct zl_metric SELECTIONS = {
    .name = "zen_lead_leader_selection_attempts_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at an annotated Service that chose who leads, also the one that leads already.",
};

const struct zl_metric *const ZL_SERVICE_METRICS[] = {&STICKY_HITS, &STICKY_MISSES, &SELECTIONS,
                                                      NULL};

static void count_sticky(const struct zl_service_view *view, const struct zl_pod *leader)
{
    if (view->source->sticky && view->current_uid != NULL) {
        bool stays = leader != NULL && zl_can_lead(leader) &&
                     zl_same_string(view->current_uid, leader->meta.uid);
        zl_metric_add(stays ? &STICKY_HITS : &STICKY_MISSES, NULL, NULL, 1);
    }
}

static void count_choice(const struct zl_service_view *view, const struct zl_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (steps->items[i].kind == ZL_STEP_SLICES) {
            count_sticky(view, steps->items[i].of.route->leader);
            zl_metric_add(&SELECTIONS, NULL, NULL, 1);
        }
    }
}

/* When nothing is urgent: do others lead its leader Service elsewhere besides? */
static void look_around(struct zl_context *context, const struct zl_service_view *view,
                        struct zl_steps *steps)
{
    const struct zl_meta *source = &view->source->meta;
    struct zl_error err = {0};
    char *found = NULL;
    struct zl_step step = {.kind = ZL_STEP_TELL,
                           .why = ZL_WHY_FOREIGN_ENDPOINTS,
                           .subject = zl_subject_of("v1", "Service", source)};
    enum zl_status status = zl_surroundings_find_slice(
        &context->sources, context->writer.slices, source->namespace_, view->name, &found, &err);
    if (found != NULL) {
        step.words.detail = zl_steps_keep(steps, found);
        zl_steps_add(steps, &step);
    } else if (status != ZL_OK) {
        ZL_LOG_DEBUG("cannot look around", ZL_STR("namespace", source->namespace_), ZL_ERR(&err));
    }
}

struct zl_result zl_reconcile_service(struct zl_context *context, const char *namespace_,
                                      const char *name, bool idle, struct zl_error *err)
{
    static const struct zl_view no_pool = {0};
    ZL_AUTO_SERVICE struct zl_service_gathered known;
    ZL_AUTO_STEPS struct zl_steps steps = {0};
    zl_service_gather(&context->sources, namespace_, name, &known);
    const struct zl_service *source = known.view.source;
    zl_steps_begin(&steps, &no_pool);
    if (source == NULL || !source->opted_in) {
        zl_plan_no_service(namespace_, name, &steps);
    } else if (!source->meta.deleting) {
        zl_plan_service(&known.view, &steps);
        count_choice(&known.view, &steps);
        if (idle && zl_surroundings_are_due(&context->sources, namespace_, known.view.name,
                                            zl_clock_ms())) {
            look_around(context, &known.view, &steps);
        }
        /* Services that were made together are not looked at together for ever. */
        zl_steps_idle_after(
            &steps, zl_spread_ms(ZL_SURROUNDINGS_MS * 3 / 4, ZL_SURROUNDINGS_MS, zl_random()));
    }
    return zl_apply(&context->writer, &steps, err);
}
