/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/policy.h"

#include "common/base/clock.h"
#include "common/objects/names.h"
#include "controller/fleet/policy_spec.h"

#include <string.h>

enum { HEARTBEAT_DEFAULT_S = 60, HEARTBEAT_LEAST_S = 5, HEARTBEAT_MOST_S = 600 };

static const struct zl_json_shape ANNOTATIONS[] = {
    {.name = ZL_KEY_FLEET_WANT},    {.name = ZL_KEY_FLEET_REPORT}, {.name = ZL_KEY_FLEET_ACCEPT},
    {.name = ZL_KEY_FLEET_DECLINE}, {.name = ZL_KEY_FLEET_EXTEND}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "annotations", .members = ANNOTATIONS},
                                                {.members = ZL_META_SHAPE}};
const struct zl_json_shape ZL_FLEET_POLICY_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                                      {.name = "spec"},
                                                      {.name = "status"},
                                                      {.name = NULL}};

static int64_t heartbeat_ms(const struct cJSON *object)
{
    int64_t seconds = zl_json_i64(object, HEARTBEAT_DEFAULT_S, "spec", "heartbeatSeconds", NULL);
    seconds = seconds < HEARTBEAT_LEAST_S ? HEARTBEAT_LEAST_S : seconds;
    return 1000 * (seconds > HEARTBEAT_MOST_S ? HEARTBEAT_MOST_S : seconds);
}

enum zl_status zl_fleet_policy_decode(const struct cJSON *object, struct zl_fleet_policy **out,
                                      struct zl_error *err)
{
    const char *pool = zl_json_text(object, "spec", "pool", NULL);
    const struct cJSON *status_now = zl_json_at(object, "status", NULL);
    struct zl_fleet_policy *policy = zl_alloc(sizeof *policy);
    *out = NULL;
    enum zl_status status = zl_meta_decode(object, &policy->meta, err);
    if (status == ZL_OK && (pool == NULL || !zl_fleet_name_is_valid(pool))) {
        status = zl_error_set(err, ZL_E_INVALID, "LeaderPolicy %s: spec.pool: no name of a fleet",
                              policy->meta.name);
    }
    if (status == ZL_OK &&
        zl_fleet_spec_read(zl_json_at(object, "spec", NULL), &policy->spec, err) != ZL_OK) {
        status = zl_error_wrap(err, ZL_E_INVALID, "LeaderPolicy %s", policy->meta.name);
    }
    if (status != ZL_OK) {
        zl_fleet_policy_free(policy);
        return status;
    }
    struct zl_error problem = {0};
    if (zl_fleet_outside_read(zl_json_at(object, "metadata", "annotations", NULL), &policy->outside,
                              &problem) != ZL_OK) {
        policy->problem = zl_strdup(problem.message);
    }
    policy->outside.manual =
        zl_same_string(zl_json_text(object, "spec", "acceptance", NULL), "Manual");
    policy->pool = zl_strdup(pool);
    policy->heartbeat_ms = heartbeat_ms(object);
    policy->status = status_now != NULL ? zl_json_print(status_now) : NULL;
    *out = policy;
    return ZL_OK;
}

void zl_fleet_policy_free(void *object)
{
    struct zl_fleet_policy *policy = object;
    if (policy == NULL) {
        return;
    }
    zl_meta_clear(&policy->meta);
    free(policy->pool);
    free(policy->problem);
    free(policy->status);
    free(policy);
}

/* --- status --- */

const char *zl_fleet_phase(const struct zl_fleet_agent *agent, int64_t boot_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    if (turn->state == ZL_FLEET_ACTIVE) { /* told, which is not yet allowed */
        return zl_fleet_may_act(agent, boot_ms, NULL) ? "Active" : "Ending";
    }
    if (turn->state == ZL_FLEET_IDLE && agent->request.verb == ZL_FLEET_WANT) {
        return "Waiting";
    }
    return zl_fleet_state_name(turn->state);
}

/* API servers before 1.21 take an empty text for null, and refuse it. */
static const char *reason_of(const struct zl_fleet_ledger *ledger)
{
    return ledger->pause.reason[0] != '\0' ? ledger->pause.reason : "no reason was given";
}

static char *why_of(const struct zl_fleet_known *known)
{
    const struct zl_fleet_turn *turn = &known->agent->turn;
    const struct zl_fleet_ledger *ledger = known->ledger;
    const char *phase = zl_fleet_phase(known->agent, known->boot_ms);
    if (!known->hub_is_reached) {
        return zl_asprintf("the hub is not reached: %s",
                           known->hub_problem != NULL ? known->hub_problem : "no answer yet");
    }
    if (strcmp(phase, "Idle") == 0) {
        return zl_strdup("nothing waits for a turn");
    }
    if (strcmp(phase, "Waiting") != 0) {
        return strcmp(phase, "Ending") == 0
                   ? zl_strdup("the end of this turn is on its way to the hub")
                   : zl_strdup(strcmp(phase, "Active") == 0 ? "it is this cluster's turn"
                                                            : "a turn is offered");
    }
    if (ledger != NULL && ledger->pause.id != 0) {
        return zl_asprintf("the fleet is paused by %s: %s", ledger->pause.by, reason_of(ledger));
    }
    if (ledger != NULL && ledger->restored_serial != 0) {
        return zl_strdup(ZL_FLEET_WHY_RESTORED ": turns that it forgot must end first");
    }
    if (known->agent->request.verb == ZL_FLEET_DECLINE) {
        return zl_asprintf("it takes no turn: %s", known->agent->request.reason[0] != '\0'
                                                       ? known->agent->request.reason
                                                       : "no reason was given");
    }
    if (turn->why[0] != '\0') {
        return zl_strdup(turn->why);
    }
    if (ledger != NULL && (int64_t)ledger->active_count >= ledger->n) {
        return zl_asprintf("%zu of %lld clusters act", ledger->active_count, (long long)ledger->n);
    }
    return zl_strdup("it waits for the arbiter");
}

static void put_turn(struct cJSON *status, const struct zl_fleet_known *known)
{
    int64_t until_ms = 0;
    char until[ZL_TIME_TEXT_MAX];
    if (!zl_fleet_may_act(known->agent, known->boot_ms, &until_ms)) {
        zl_json_set_null(status, "turn");
        return;
    }
    struct cJSON *turn = zl_json_child(status, "turn");
    zl_json_set_i64(turn, "token", known->agent->turn.token);
    zl_json_set_i64(turn, "generation", known->agent->turn.gen);
    /* Whole seconds, and never later than the cluster may act: whoever works by it must have stopped then. */
    int64_t until_us = known->wall_us + (until_ms - known->boot_ms) * 1000;
    zl_time_format(until_us / 1000000 * 1000000, until);
    zl_json_set_text(turn, "until", until);
}

static void put_fleet(struct cJSON *status, const struct zl_fleet_ledger *ledger)
{
    int64_t active = 0;
    for (size_t i = 0; ledger != NULL && i < ledger->active_count; i++) {
        active += ledger->active[i].active;
    }
    if (ledger == NULL) {
        return;
    }
    zl_json_set_i64(status, "active", active);
    zl_json_set_i64(status, "waiting", ledger->counts.waiting);
    zl_json_set_i64(status, "done", ledger->counts.done + ledger->counts.late);
    zl_json_set_i64(status, "failed", ledger->counts.failed);
    zl_json_set_text(status, "round", ledger->round[0] != '\0' ? ledger->round : NULL);
    if (ledger->pause.id == 0) {
        zl_json_set_null(status, "paused");
        return;
    }
    struct cJSON *paused = zl_json_child(status, "paused");
    char since[ZL_TIME_TEXT_MAX];
    zl_time_format(ledger->pause.since_s * 1000000, since);
    zl_json_set_text(paused, "by", ledger->pause.by); /* in the order in which they come back */
    zl_json_set_i64(paused, "id", ledger->pause.id);
    zl_json_set_text(paused, "reason", reason_of(ledger));
    zl_json_set_text(paused, "since", since);
}

/* What WAS says of TYPE stays as it is, with its time, while it is so. MESSAGE is not empty: see reason_of. */
static void put_condition(struct cJSON *list, const struct cJSON *was, const char *type, bool holds,
                          const char *reason, const char *message, int64_t wall_us)
{
    const char *status = holds ? "True" : "False";
    const struct cJSON *old = zl_json_first(was);
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(wall_us, now);
    while (old != NULL && !zl_same_string(zl_json_text(old, "type", NULL), type)) {
        old = zl_json_next(old);
    }
    const char *since = zl_json_text(old, "lastTransitionTime", NULL);
    bool same = since != NULL && zl_same_string(zl_json_text(old, "status", NULL), status);
    struct cJSON *condition = zl_json_object();
    zl_json_set_text(condition, "lastTransitionTime", same ? since : now);
    zl_json_set_text(condition, "message", message);
    zl_json_set_text(condition, "reason", reason);
    zl_json_set_text(condition, "status", status);
    zl_json_set_text(condition, "type", type);
    zl_json_append(list, condition);
}

static struct cJSON *conditions(const struct cJSON *was, const struct zl_fleet_known *known)
{
    struct cJSON *list = zl_json_array();
    const struct cJSON *old = zl_json_at(was, "conditions", NULL);
    bool reached = known->hub_is_reached;
    bool paused = known->ledger != NULL && known->ledger->pause.id != 0;
    bool differs = known->ledger != NULL && known->ledger->spec_differs;
    put_condition(list, old, "HubReached", reached, reached ? "Reached" : "NotReached",
                  reached                      ? "the hub answers"
                  : known->hub_problem != NULL ? known->hub_problem
                                               : "no answer yet",
                  known->wall_us);
    put_condition(list, old, "Paused", paused, paused ? "Paused" : "Running",
                  paused ? reason_of(known->ledger) : "turns are given", known->wall_us);
    put_condition(list, old, "SpecDiffers", differs, differs ? "Differs" : "Same",
                  differs ? "the clusters' LeaderPolicies are not the same"
                          : "the clusters' LeaderPolicies say the same",
                  known->wall_us);
    put_condition(list, old, "DuplicateMember", known->duplicate,
                  known->duplicate ? "Duplicate" : "Alone",
                  known->duplicate ? "another cluster uses this name on the hub: neither gets a "
                                     "turn while both do"
                                   : "no other cluster uses this name",
                  known->wall_us);
    return list;
}

/* Does WAS hold all that STATUS sets, and nothing where STATUS has null? */
static bool says(const struct cJSON *was, const struct cJSON *status)
{
    const struct cJSON *member = zl_json_first(status);
    for (; member != NULL; member = zl_json_next(member)) {
        const struct cJSON *old = zl_json_at(was, zl_json_name(member), NULL);
        bool same = zl_json_is_null(member) ? old == NULL : zl_json_same(old, member);
        if (!same) {
            return false;
        }
    }
    return true;
}

/* The end of a turn is told to the second once: clocks that are read anew must not make it another, but for an earlier one. */
static void keep_until(const struct cJSON *was, struct cJSON *status)
{
    int64_t old_us = 0, new_us = 0;
    const char *old = zl_json_text(was, "turn", "until", NULL);
    bool same = zl_json_i64(was, 0, "turn", "token", NULL) ==
                zl_json_i64(status, -1, "turn", "token", NULL);
    if (same && zl_time_parse(old, &old_us) &&
        zl_time_parse(zl_json_text(status, "turn", "until", NULL), &new_us) && old_us <= new_us &&
        new_us - old_us <= 1000000) {
        zl_json_set_text(zl_json_child(status, "turn"), "until", old);
    }
}

struct cJSON *zl_fleet_policy_status(const struct zl_fleet_policy *policy,
                                     const struct zl_fleet_known *known)
{
    ZL_AUTO_JSON struct cJSON *was = NULL;
    struct cJSON *status = zl_json_object();
    ZL_AUTO_FREE char *why = why_of(known);
    if (policy->status != NULL &&
        zl_json_parse(policy->status, strlen(policy->status), &was, NULL) != ZL_OK) {
        was = NULL;
    }
    zl_json_set_text(status, "phase", zl_fleet_phase(known->agent, known->boot_ms));
    zl_json_set_text(status, "cluster", known->cluster);
    put_turn(status, known);
    keep_until(was, status);
    bool waits = known->agent->turn.state == ZL_FLEET_WAITING;
    if (waits && known->agent->turn.position > 0) {
        zl_json_set_i64(status, "position", known->agent->turn.position);
    } else {
        zl_json_set_null(status, "position");
    }
    zl_json_set_text(status, "why", why);
    zl_json_set_i64(status, "lastToken", known->agent->turn.ended_token);
    put_fleet(status, known->ledger);
    zl_json_set_i64(status, "observedGeneration", policy->meta.generation);
    zl_json_set(status, "conditions", conditions(was, known));
    if (says(was, status)) {
        zl_json_free(status);
        return NULL;
    }
    return status;
}
