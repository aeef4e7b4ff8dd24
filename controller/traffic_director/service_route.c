/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/traffic_director/service_route.h"

#include "common/objects/names.h"
#include "controller/leader/choose.h"

enum { SETTLE_MS = 20 }; /* pods of a new namespace are being listed */

static const struct zl_pod *find_pod(const struct zl_service_view *view, const char *uid)
{
    for (size_t i = 0; uid != NULL && i < view->pod_count; i++) {
        if (zl_same_string(view->pods[i]->meta.uid, uid)) {
            return view->pods[i];
        }
    }
    return NULL;
}

static const struct zl_pod *choose(const struct zl_service_view *view, struct zl_steps *steps)
{
    const struct zl_choice_rules rules = {.sticky = view->source->sticky,
                                          .prefers = view->source->prefers,
                                          .lost_node = view->current_node,
                                          .failover_delay_ms = view->source->failover_delay_ms,
                                          .unready_ms = view->unready_ms,
                                          .min_ready_ms = view->source->min_ready_ms,
                                          .ready_ms = view->ready_ms};
    /* The Service has joined a pool that has a leader among its pods: nothing is left to choose. */
    const struct zl_pod *holder = find_pod(view, view->holder_uid);
    if (holder != NULL) {
        return zl_can_lead(holder) || zl_is_leaving(holder) ? holder : NULL;
    }
    struct zl_choice choice =
        zl_choose_leader(view->pods, view->pod_count, view->current_uid, &rules);
    if (choice.recheck_ms > 0) {
        zl_steps_look_again(steps, choice.recheck_ms);
    }
    if (choice.leader != NULL) {
        return choice.leader;
    }
    const struct zl_pod *last = find_pod(view, view->current_uid);
    return last != NULL && zl_is_leaving(last) ? last : NULL;
}

/* What makes it impossible to route; the caller frees, NULL: nothing. */
static char *find_fault(const struct zl_service *source, const char *leader_name)
{
    if (source->external) {
        return zl_strdup("a Service of type ExternalName has no pods to choose a leader from");
    }
    if (source->selector == NULL) {
        return zl_strdup("the Service has no selector, so there are no pods to choose from");
    }
    if (zl_same_string(source->meta.name, leader_name)) {
        return zl_strdup(ZL_KEY_LEADER_SERVICE " names the Service itself; choose another name");
    }
    if (!zl_service_name_is_valid(leader_name)) {
        return zl_asprintf("\"%s\" cannot be the name of a Service (at most 63 of a-z, 0-9 and "
                           "'-', beginning with a letter); set " ZL_KEY_LEADER_SERVICE,
                           leader_name);
    }
    return NULL;
}

static enum zl_why why_of(const struct zl_service_view *view, const struct zl_pod *leader)
{
    if (leader != NULL && leader->ready) {
        return ZL_WHY_LEADS;
    }
    if (leader != NULL && zl_may_recover(leader)) {
        return ZL_WHY_LEADER_AWAITED;
    }
    return view->pod_count == 0 ? ZL_WHY_NO_POD : ZL_WHY_NO_READY_POD;
}

static void route_service(const struct zl_service_view *view, const struct zl_subject *subject,
                          struct zl_steps *steps)
{
    const struct zl_service *source = view->source;
    const struct zl_pod *leader = choose(view, steps);
    bool moves = leader == NULL || !zl_same_string(view->current_uid, leader->meta.uid);
    bool unsure =
        leader == NULL || (moves && (!source->sticky || find_pod(view, view->current_uid) == NULL));
    if (unsure && !view->settled) {
        steps->look_again_ms = SETTLE_MS;
        return;
    }
    struct zl_route *route = zl_steps_keep(steps, zl_alloc(sizeof *route));
    *route = (struct zl_route){.namespace_ = source->meta.namespace_,
                               .name = view->name,
                               .owner = *subject,
                               .from = source,
                               .leader = leader};
    struct zl_step step = {.kind = ZL_STEP_SLICES,
                           .why = why_of(view, leader),
                           .subject = *subject,
                           .of.route = route};
    zl_steps_add(steps, &step);
    step.kind = ZL_STEP_SERVICE;
    zl_steps_add(steps, &step);
}

static void clean(const char *namespace_, const char *service, const char *keep,
                  struct zl_steps *steps)
{
    const char **kept = zl_steps_keep(steps, zl_alloc(sizeof *kept));
    kept[0] = keep;
    const struct zl_step step = {
        .kind = ZL_STEP_CLEAN_ROUTES,
        .why = ZL_WHY_NOT_WANTED,
        .of.clean = {.source = {.namespace_ = namespace_, .service = service},
                     .keep = kept,
                     .keep_count = keep != NULL}};
    zl_steps_add(steps, &step);
}

void zl_plan_service(const struct zl_service_view *view, struct zl_steps *steps)
{
    const struct zl_service *source = view->source;
    const char *fault = zl_steps_keep(steps, find_fault(source, view->name));
    struct zl_step step = {.kind = ZL_STEP_TELL,
                           .why = ZL_WHY_BAD_SERVICE,
                           .subject = zl_subject_of("v1", "Service", &source->meta),
                           .words.detail = fault};
    if (fault != NULL) {
        zl_steps_add(steps, &step);
        clean(source->meta.namespace_, source->meta.name, NULL, steps);
        return;
    }
    if (source->ignored != NULL) {
        step.why = ZL_WHY_BAD_WISH;
        step.words.detail = source->ignored;
        zl_steps_add(steps, &step);
    }
    route_service(view, &step.subject, steps);
    clean(source->meta.namespace_, source->meta.name, view->name, steps);
}

void zl_plan_no_service(const char *namespace_, const char *name, struct zl_steps *steps)
{
    clean(namespace_, name, NULL, steps);
}
