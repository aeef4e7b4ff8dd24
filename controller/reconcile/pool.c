/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile/reconcile.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "controller/gate/armer.h"
#include "controller/observe/definition_note.h"
#include "controller/reconcile/strategy.h"
#include "controller/traffic_director/pool_routes.h"
#include "controller/view/gather.h"
#include "controller/view/look_traffic.h"
#include "controller/view/surroundings.h"

enum { UNSERVED_LOOK_MS = 30000 };

static void look_at_arming(struct zl_armer *armer, struct zl_gathered *known)
{
    struct zl_view *view = &known->view;
    struct zl_condition *armed = &known->looked_up.conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(view->now_us, now);
    zl_armer_condition(armer, view->namespace_,
                       &view->policy->status.conditions[ZL_CONDITION_GATEKEEPER_ARMED], now, armed);
    view->armed = armed;
}

/* When nothing is urgent. What cannot be listed is listed the next time: nobody waits for it. */
static void look_around(struct zl_context *context, struct zl_gathered *known)
{
    struct zl_view *view = &known->view;
    struct zl_error err = {0};
    if (view->defers_renewal || view->workload_count == 0 ||
        !zl_surroundings_are_due(&context->sources, view->namespace_, view->name, zl_clock_ms())) {
        return;
    }
    if (zl_surroundings_look(&context->sources, view, context->writer.slices, &known->surroundings,
                             &err) == ZL_OK) {
        view->surroundings = known->surroundings;
    } else {
        ZL_LOG_DEBUG("cannot look around", ZL_STR("namespace", view->namespace_), ZL_ERR(&err));
    }
}

/* What the last write of any pool's status has shown. */
static void look_at_definition(const struct zl_context *context, struct zl_gathered *known)
{
    free(known->definition_complaint);
    known->definition_complaint = zl_definition_note_text(context->writer.definition);
    known->view.definition_complaint = known->definition_complaint;
}

/* What STRATEGY wants to know. */
static enum zl_status look(struct zl_context *context, const struct zl_strategy *strategy,
                           struct zl_gathered *known, struct zl_error *err)
{
    known->view.elects_all = strategy->elects_all;
    if (known->view.policy != NULL) {
        look_at_arming(context->armer, known);
    }
    enum zl_status status = zl_view_look(&context->sources, known, strategy->looks, err);
    if (status == ZL_OK && known->view.policy != NULL) {
        look_around(context, known);
        look_at_definition(context, known);
    }
    return status;
}

/* Where traffic goes after the Lease is written. */
static void plan_routes(const struct zl_writer *writer, struct zl_traffic_gathered *traffic,
                        struct zl_steps *steps)
{
    if (writer->slices == NULL || zl_steps_only_create(steps)) {
        return; /* a server without EndpointSlices */
    }
    zl_traffic_begin(traffic, &steps->after);
    if (steps->after.policy != NULL) {
        zl_plan_targets(&steps->after, &traffic->view);
        zl_traffic_look(writer->cache, &steps->after, traffic);
    }
    zl_plan_pool_routes(&traffic->view, steps);
}

struct zl_result zl_reconcile_pool(struct zl_context *context, const char *namespace_,
                                   const char *name, bool renews, struct zl_error *err)
{
    ZL_AUTO_GATHERED struct zl_gathered known;
    ZL_AUTO_TRAFFIC struct zl_traffic_gathered traffic = {0};
    ZL_AUTO_STEPS struct zl_steps steps = {0};
    enum zl_status status = zl_view_gather(&context->sources, namespace_, name, &known, err);
    const struct zl_strategy *strategy = zl_strategy_for(&known.view);
    known.view.defers_renewal = !renews;
    if (known.view.policy == NULL && !known.view.policies_known) {
        /* A 404 for our group says nothing of LeaderPolicies. */
        return (struct zl_result){.status = status, .requeue_after_ms = UNSERVED_LOOK_MS};
    }
    bool goes = known.view.policy != NULL && known.view.policy->meta.deleting;
    if (status == ZL_OK && !goes) {
        status = look(context, strategy, &known, err);
    }
    if (status != ZL_OK || goes) {
        return (struct zl_result){.status = status};
    }
    zl_steps_begin(&steps, &known.view);
    zl_strategy_plan(strategy, &known.view, &steps);
    plan_routes(&context->writer, &traffic, &steps);
    return zl_apply(&context->writer, &steps, err);
}
