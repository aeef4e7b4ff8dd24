/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/fleet/hub_store.h"
#include "common/kube/discovery.h"
#include "common/kube/informer.h"
#include "common/objects/names.h"
#include "controller/fleet/jobs.h"
#include "controller/fleet/policy.h"

#include <stdatomic.h>
#include <string.h>

enum {
    LOOK_MS = 1000,
    JOIN_SPREAD_MS = 5000,       /* many clusters are given a manifest at once */
    RECONNECT_SPREAD_MS = 60000, /* and lose the hub at once */
    BEAT_ACTIVE_MS = 15000,
    BEAT_WAITING_MS = 60000,
    DISCOVERY_MS = 30000,
};

/* One fleet that this cluster has a part in. */
struct part {
    struct zl_fleet_agent agent;
    struct zl_fleet_ledger ledger;
    bool ledger_is_known;
    int64_t started;          /* the last token that a Job was started in */
    uint64_t started_version; /* of that Job, as it was stored */
    bool wanted;              /* a LeaderPolicy names it */
    int64_t beat_ms;
};

struct zl_cluster_member {
    struct zl_cluster_spec spec;
    char *name, *hub_namespace, *namespaces, *own_name, *turn_name, *turn_field;
    struct zl_informer *turns, *policies, *jobs;
    pthread_t thread;
    /* The thread's own. */
    char uid[ZL_FLEET_UID_MAX];
    struct part *parts;
    size_t part_count;
    struct zl_hub_lease *own;       /* as it was last read or written; NULL: there is none */
    int64_t beat, mark;             /* of this process: what it wrote last */
    int64_t next_beat_ms, retry_ms; /* boot clock: when the Lease is due, and not before when */
    bool dirty;                     /* a request is another than the Lease says */
    bool read_own;                  /* the Lease was read since it was last unsure */
    bool reached;
    char problem[ZL_FLEET_TEXT_MAX];
    struct zl_monitor monitor; /* guards the rest */
    bool stopping, changed;
    bool undefined;             /* the API server has no such LeaderPolicies */
    atomic_bool cannot_suspend; /* it dropped spec.suspend of a Job */
};

static int64_t random_below(int64_t bound)
{
    uint64_t random = 0;
    zl_random_bytes(&random, sizeof random);
    return (int64_t)(random % (uint64_t)bound);
}

static int64_t new_nonce(void)
{
    return 1 + random_below(ZL_FLEET_NUMBER_MAX - 1);
}

/* @return false: it stops */
static bool wait_for_change(struct zl_cluster_member *member, int64_t delay_ms)
{
    const int64_t until_ms = zl_clock_ms() + delay_ms;
    zl_monitor_lock(&member->monitor);
    while (!member->stopping && !member->changed && zl_monitor_wait(&member->monitor, until_ms)) {
        ;
    }
    member->changed = false;
    bool go_on = !member->stopping;
    zl_monitor_unlock(&member->monitor);
    return go_on;
}

static bool wait_until_over(struct zl_cluster_member *member, int64_t delay_ms)
{
    const int64_t until_ms = zl_clock_ms() + delay_ms;
    zl_monitor_lock(&member->monitor);
    while (!member->stopping && zl_monitor_wait(&member->monitor, until_ms)) {
        ;
    }
    bool go_on = !member->stopping;
    zl_monitor_unlock(&member->monitor);
    return go_on;
}

static void note_failure(struct zl_cluster_member *member, const struct zl_error *err)
{
    if (member->reached || member->problem[0] == '\0') {
        ZL_LOG_WARN("the hub is not reached", ZL_ERR(err));
    }
    member->reached = false;
    ZL_FLEET_TEXT(member->problem, err->message);
    member->retry_ms = zl_clock_boot_ms() + 1000 + random_below(RECONNECT_SPREAD_MS);
}

static void note_success(struct zl_cluster_member *member)
{
    if (!member->reached) {
        ZL_LOG_INFO("the hub is reached");
    }
    member->reached = true;
    member->problem[0] = '\0';
    member->retry_ms = 0;
}

/* --- its own Lease --- */

/* What the hub has of this cluster's Lease. One that is older than it was written says that the hub was restored. */
static bool read_own(struct zl_cluster_member *member)
{
    struct zl_error err = {0};
    struct zl_hub_lease *found = NULL;
    if (zl_hub_lease_read(member->spec.hub, member->hub_namespace, member->own_name, &found,
                          &err) != ZL_OK) {
        note_failure(member, &err);
        return false;
    }
    note_success(member);
    if (zl_fleet_hub_is_older(member->beat, member->uid, found != NULL ? &found->member : NULL)) {
        member->mark = new_nonce();
        ZL_LOG_WARN("the hub is older than it was: it was restored from a backup");
    }
    if (found != NULL && strcmp(found->member.cluster_uid, member->uid) == 0) {
        member->beat = found->member.beat > member->beat ? found->member.beat : member->beat;
        member->mark = member->mark != 0 ? member->mark : found->member.mark;
    }
    zl_hub_lease_free(member->own);
    member->own = found;
    member->read_own = true;
    return true;
}

static bool is_active(const struct zl_cluster_member *member)
{
    for (size_t i = 0; i < member->part_count; i++) {
        if (member->parts[i].agent.turn.state == ZL_FLEET_ACTIVE) {
            return true;
        }
    }
    return false;
}

static int64_t beat_period_ms(const struct zl_cluster_member *member)
{
    int64_t period_ms = is_active(member) ? BEAT_ACTIVE_MS : BEAT_WAITING_MS;
    for (size_t i = 0; i < member->part_count; i++) {
        const struct part *part = &member->parts[i];
        if (part->wanted && part->beat_ms > 0 && part->beat_ms < period_ms) {
            period_ms = part->beat_ms;
        }
    }
    return period_ms;
}

static char *compose_own(const struct zl_cluster_member *member, int64_t period_ms)
{
    struct zl_fleet_member own = {
        .beat = member->beat + 1, .mark = member->mark, .period_ms = period_ms};
    ZL_FLEET_TEXT(own.cluster_uid, member->uid);
    for (size_t i = 0; i < member->part_count && i < ZL_FLEET_POOLS_MAX; i++) {
        zl_fleet_request_put(&own, &member->parts[i].agent.request);
    }
    char *text = zl_fleet_member_encode(&own);
    zl_fleet_member_clear(&own);
    return text;
}

static void write_own(struct zl_cluster_member *member)
{
    struct zl_error err = {0};
    struct zl_hub_lease *stored = NULL;
    int64_t period_ms = beat_period_ms(member);
    ZL_AUTO_FREE char *text = compose_own(member, period_ms);
    enum zl_status status =
        zl_hub_lease_put(member->spec.hub, member->hub_namespace, member->own_name, member->own,
                         text, true, &stored, &err);
    if (status == ZL_OK) {
        note_success(member);
        zl_hub_lease_free(member->own);
        member->own = stored;
        member->beat++;
        member->dirty = false;
        member->next_beat_ms = zl_clock_boot_ms() + period_ms - random_below(period_ms / 10);
        return;
    }
    member->read_own = false; /* whether it was stored or not: look before it is written again */
    if (status != ZL_E_CONFLICT) {
        note_failure(member, &err);
    }
}

/* --- the ledgers, for people --- */

static void read_ledger(struct zl_cluster_member *member, struct part *part)
{
    struct zl_error err = {0};
    struct zl_hub_lease *lease = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_LEDGER_PREFIX, part->agent.turn.pool);
    if (zl_hub_lease_read(member->spec.hub, member->hub_namespace, name, &lease, &err) == ZL_OK &&
        lease != NULL && !lease->broken) {
        zl_fleet_ledger_clear(&part->ledger);
        part->ledger = lease->ledger;
        memset(&lease->ledger, 0, sizeof lease->ledger);
        part->ledger_is_known = true;
    }
    zl_hub_lease_free(lease);
}

/* --- parts --- */

static struct part *part_of(struct zl_cluster_member *member, const char *pool)
{
    for (size_t i = 0; i < member->part_count; i++) {
        if (strcmp(member->parts[i].agent.turn.pool, pool) == 0) {
            return &member->parts[i];
        }
    }
    member->parts = zl_realloc(member->parts, member->part_count + 1, sizeof *member->parts);
    struct part *part = &member->parts[member->part_count++];
    memset(part, 0, sizeof *part);
    /* Another cluster of this name does not speak for us. */
    bool is_ours = member->own != NULL && strcmp(member->own->member.cluster_uid, member->uid) == 0;
    zl_fleet_agent_begin(&part->agent, pool,
                         is_ours ? zl_fleet_request_of(&member->own->member, pool) : NULL);
    member->dirty = true;
    return part;
}

static int by_place(const void *left, const void *right)
{
    const struct zl_fleet_policy *a = zl_ref_object(*(struct zl_ref *const *)left);
    const struct zl_fleet_policy *b = zl_ref_object(*(struct zl_ref *const *)right);
    int order = strcmp(a->meta.namespace_, b->meta.namespace_);
    return order != 0 ? order : strcmp(a->meta.name, b->meta.name);
}

/* Of several LeaderPolicies of one fleet the first counts. One that has gone leaves its part until that is settled. */
static void find_parts(struct zl_cluster_member *member, const struct zl_refs *policies)
{
    for (size_t i = 0; i < member->part_count; i++) {
        member->parts[i].wanted = false;
    }
    for (size_t i = 0; i < policies->count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        struct part *part = part_of(member, policy->pool);
        if (!part->wanted) {
            part->wanted = true;
            part->agent.request.spec = policy->spec;
            part->beat_ms = policy->heartbeat_ms;
        }
    }
    bool is_ours = member->own != NULL && strcmp(member->own->member.cluster_uid, member->uid) == 0;
    for (size_t i = 0; is_ours && i < member->own->member.count; i++) {
        (void)part_of(member, member->own->member.items[i].pool);
    }
}

static void drop_settled_parts(struct zl_cluster_member *member)
{
    size_t kept = 0;
    for (size_t i = 0; i < member->part_count; i++) {
        struct part part = member->parts[i];
        bool settled = !part.wanted && part.agent.turn.state == ZL_FLEET_IDLE &&
                       zl_fleet_is_answered(&part.agent.request.report, &part.agent.turn) &&
                       part.agent.request.verb == ZL_FLEET_NOTHING;
        if (settled) {
            zl_fleet_ledger_clear(&part.ledger);
            member->dirty = true;
            continue;
        }
        member->parts[kept++] = part;
    }
    member->part_count = kept;
}

/* --- Jobs --- */

/* Does a LeaderPolicy of POOL stand in the Job's namespace? */
static bool has_policy(const struct zl_refs *policies, const struct zl_fleet_job *job)
{
    for (size_t i = 0; i < policies->count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies->items[i]);
        if (strcmp(policy->pool, job->pool) == 0 &&
            strcmp(policy->meta.namespace_, job->meta.namespace_) == 0) {
            return true;
        }
    }
    return false;
}

/* Servers before 1.22 do not know spec.suspend: the webhook alone keeps the pods out, and a hold that was written is all there is. */
static void note_dropped(struct zl_cluster_member *member, const struct cJSON *patch,
                         const struct cJSON *answer)
{
    const bool dropped = zl_json_bool(patch, false, "spec", "suspend", NULL) &&
                         zl_json_at(answer, "metadata", NULL) != NULL &&
                         !zl_json_bool(answer, false, "spec", "suspend", NULL);
    if (dropped && !atomic_exchange(&member->cannot_suspend, true)) {
        ZL_LOG_INFO("this API server cannot suspend Jobs: those that wait for a turn are kept out "
                    "by webhooks with --fleet alone");
    }
}

/* @return the version that was stored; 0: none was */
static uint64_t patch_job(struct zl_cluster_member *member, const struct zl_fleet_job *job,
                          struct cJSON *taken, const char *what)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *patch = taken;
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_JOBS,
                                          .namespace_ = job->meta.namespace_,
                                          .name = job->meta.name,
                                          .shape = ZL_FLEET_JOB_SHAPE};
    enum zl_status status =
        zl_kube_patch(member->spec.cluster, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, &err);
    if (status == ZL_OK) {
        note_dropped(member, patch, answer);
        ZL_LOG_INFO(what, ZL_STR("namespace", job->meta.namespace_), ZL_STR("job", job->meta.name),
                    ZL_STR("pool", job->pool));
    } else if (status != ZL_E_CONFLICT && status != ZL_E_NOT_FOUND) {
        ZL_LOG_WARN("a Job of a fleet cannot be written", ZL_STR("job", job->meta.name),
                    ZL_ERR(&err));
    }
    const char *version = zl_json_text(answer, "metadata", "resourceVersion", NULL);
    return status == ZL_OK ? zl_resource_version_number(version) : 0;
}

static void hold_jobs(struct zl_cluster_member *member, const struct zl_refs *jobs,
                      const struct zl_refs *policies)
{
    for (size_t i = 0; i < jobs->count; i++) {
        const struct zl_fleet_job *job = zl_ref_object(jobs->items[i]);
        if (zl_fleet_job_must_be_held(job) && has_policy(policies, job)) {
            (void)patch_job(member, job, zl_fleet_job_hold_patch(job, zl_clock_wall_us()),
                            "Job held until its cluster's turn");
        }
    }
}

static size_t jobs_of(const struct zl_refs *jobs, const struct zl_refs *policies, const char *pool,
                      const struct zl_fleet_job **out)
{
    size_t count = 0;
    for (size_t i = 0; i < jobs->count; i++) {
        const struct zl_fleet_job *job = zl_ref_object(jobs->items[i]);
        if (strcmp(job->pool, pool) == 0 && (has_policy(policies, job) || job->turn != 0)) {
            out[count++] = job;
        }
    }
    return count;
}

/* --- one look --- */

static void see_turn(struct zl_cluster_member *member, struct part *part, bool *forgotten)
{
    struct zl_informer_state state = zl_informer_state(member->turns, member->hub_namespace);
    ZL_AUTO_REF struct zl_ref *ref =
        zl_store_find(zl_informer_store(member->turns), member->hub_namespace, member->turn_name);
    const struct zl_hub_lease *lease = ref != NULL ? zl_ref_object(ref) : NULL;
    if (!state.synced || (lease != NULL && lease->broken)) {
        return;
    }
    const struct zl_fleet_turn *turn =
        lease != NULL ? zl_fleet_turn_of(&lease->turns, part->agent.turn.pool) : NULL;
    *forgotten = zl_fleet_agent_is_forgotten(&part->agent, turn, zl_clock_boot_ms());
    zl_fleet_agent_see(&part->agent, turn);
}

static void look_at_part(struct zl_cluster_member *member, struct part *part,
                         const struct zl_refs *jobs, const struct zl_refs *policies)
{
    bool forgotten = false;
    see_turn(member, part, &forgotten);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    const struct zl_fleet_job **list = zl_alloc((jobs->count + 1) * sizeof *list);
    size_t count = jobs_of(jobs, policies, part->agent.turn.pool, list);
    const int64_t boot_ms = zl_clock_boot_ms(); /* before anything is sent */
    bool settled =
        zl_informer_state(member->jobs, member->namespaces).position >= part->started_version;
    struct zl_fleet_job_plan plan =
        zl_fleet_jobs_plan(list, count, &part->agent, part->started, settled, boot_ms);
    if (plan.stop != NULL) {
        (void)patch_job(member, plan.stop, zl_fleet_job_stop_patch(plan.stop),
                        "Job stopped: its cluster's turn is over");
    }
    uint64_t version =
        plan.start != NULL
            ? patch_job(member, plan.start,
                        zl_fleet_job_start_patch(plan.start, plan.token, plan.deadline_s,
                                                 zl_clock_wall_us()),
                        "Job started in its cluster's turn")
            : 0;
    if (version != 0) {
        part->started = plan.token;
        part->started_version = version;
    }
    if (zl_fleet_member_next(&part->agent, &plan.intent, forgotten, new_nonce(), boot_ms)) {
        member->dirty = true;
    }
    free(list);
}

static void write_status(struct zl_cluster_member *member, const struct zl_fleet_policy *policy)
{
    struct zl_error err = {0};
    struct part *part = part_of(member, policy->pool);
    const struct zl_fleet_known known = {.cluster = member->name,
                                         .agent = &part->agent,
                                         .ledger = part->ledger_is_known ? &part->ledger : NULL,
                                         .hub_is_reached = member->reached,
                                         .hub_problem =
                                             member->problem[0] != '\0' ? member->problem : NULL,
                                         .boot_ms = zl_clock_boot_ms(),
                                         .wall_us = zl_clock_wall_us()};
    struct cJSON *status_now = zl_fleet_policy_status(policy, &known);
    if (status_now == NULL) {
        return;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set(patch, "status", status_now);
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .subresource = "status",
                                          .shape = ZL_OBJECT_SHAPE};
    enum zl_status status =
        zl_kube_patch(member->spec.cluster, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, &err);
    if (status != ZL_OK && status != ZL_E_NOT_FOUND) {
        ZL_LOG_WARN("the status of a LeaderPolicy cannot be written",
                    ZL_STR("namespace", policy->meta.namespace_),
                    ZL_STR("policy", policy->meta.name), ZL_ERR(&err));
    }
}

/* What is due on the hub: its own Lease first, then what people read. */
static void keep_lease(struct zl_cluster_member *member)
{
    int64_t now_ms = zl_clock_boot_ms();
    bool due = member->dirty || now_ms >= member->next_beat_ms;
    if (now_ms < member->retry_ms || (member->read_own && !due)) {
        return;
    }
    if (!member->read_own && !read_own(member)) {
        return;
    }
    if (member->part_count > 0 || member->dirty) {
        write_own(member);
    }
    for (size_t i = 0; i < member->part_count && member->reached; i++) {
        read_ledger(member, &member->parts[i]);
    }
}

/* A witness is heard once in each of its fleets; then it has nothing more to say. */
static void forget_mark(struct zl_cluster_member *member)
{
    bool heard = member->mark != 0 && member->part_count > 0;
    for (size_t i = 0; i < member->part_count && heard; i++) {
        heard = member->parts[i].agent.turn.witnessed == member->mark;
    }
    if (heard) {
        member->mark = 0;
    }
}

static void look(struct zl_cluster_member *member)
{
    ZL_AUTO_REFS struct zl_refs jobs = {0};
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_store_list(zl_informer_store(member->jobs), NULL, &jobs);
    zl_store_list(zl_informer_store(member->policies), NULL, &policies);
    if (policies.count > 0) {
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
        qsort(policies.items, policies.count, sizeof *policies.items, by_place);
    }
    hold_jobs(member, &jobs, &policies);
    find_parts(member, &policies);
    for (size_t i = 0; i < member->part_count; i++) {
        look_at_part(member, &member->parts[i], &jobs, &policies);
    }
    drop_settled_parts(member);
    forget_mark(member);
    keep_lease(member);
    for (size_t i = 0; i < policies.count; i++) {
        write_status(member, zl_ref_object(policies.items[i]));
    }
}

/* --- start --- */

static bool is_stopping(void *ctx)
{
    struct zl_cluster_member *member = ctx;
    zl_monitor_lock(&member->monitor);
    bool stopping = member->stopping;
    zl_monitor_unlock(&member->monitor);
    return stopping;
}

/* The uid of kube-system tells two clusters of one name apart. */
static bool read_uid(struct zl_cluster_member *member)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_NAMESPACES, .name = "kube-system", .shape = ZL_OBJECT_SHAPE};
    enum zl_status status = zl_kube_get(member->spec.cluster, &target, &object, &err);
    if (status != ZL_OK) {
        ZL_LOG_WARN("cannot read the namespace kube-system, whose uid is the cluster's",
                    ZL_ERR(&err));
        return false;
    }
    ZL_FLEET_TEXT(member->uid, zl_json_text(object, "metadata", "uid", NULL));
    return member->uid[0] != '\0';
}

static bool has_definition(struct zl_cluster_member *member)
{
    static const struct zl_kube_resource *const candidates[] = {&ZL_KUBE_FLEETPOLICIES, NULL};
    struct zl_error err = {0};
    const struct zl_kube_resource *found = NULL;
    enum zl_status status = zl_kube_discover(member->spec.cluster, candidates, &found, &err);
    zl_monitor_lock(&member->monitor);
    member->undefined = status == ZL_E_NOT_FOUND;
    zl_monitor_unlock(&member->monitor);
    return status == ZL_OK;
}

/* Whatever the hub says, and before it says anything. */
static void hold_all(struct zl_cluster_member *member)
{
    ZL_AUTO_REFS struct zl_refs jobs = {0};
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_store_list(zl_informer_store(member->jobs), NULL, &jobs);
    zl_store_list(zl_informer_store(member->policies), NULL, &policies);
    hold_jobs(member, &jobs, &policies);
}

/* Members that start together do not all come to the hub at once. @return false: it stops */
static bool join_by_and_by(struct zl_cluster_member *member)
{
    const int64_t at_ms = zl_clock_ms() + random_below(JOIN_SPREAD_MS);
    int64_t left_ms;
    do {
        hold_all(member);
        left_ms = at_ms - zl_clock_ms();
    } while (left_ms > 0 && wait_for_change(member, left_ms));
    return left_ms <= 0;
}

/* A report that nobody has answered stands in its own Lease: that is read before anything else is done. */
static bool begin(struct zl_cluster_member *member)
{
    while (!has_definition(member)) {
        if (!wait_until_over(member, DISCOVERY_MS)) {
            return false;
        }
    }
    zl_informer_start(member->policies);
    zl_informer_start(member->jobs);
    while (!read_uid(member)) {
        if (!wait_until_over(member, DISCOVERY_MS)) {
            return false;
        }
    }
    if (!zl_informer_wait_synced(member->policies, is_stopping, member) ||
        !zl_informer_wait_synced(member->jobs, is_stopping, member) || !join_by_and_by(member)) {
        return false;
    }
    zl_informer_start(member->turns);
    while (!read_own(member)) {
        hold_all(member);
        if (!wait_for_change(member, LOOK_MS + random_below(LOOK_MS))) {
            return false;
        }
    }
    return true;
}

static void *take_part(void *ctx)
{
    struct zl_cluster_member *member = ctx;
    if (!begin(member)) {
        return NULL;
    }
    do {
        look(member);
    } while (wait_for_change(member, LOOK_MS));
    return NULL;
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_cluster_member *member = ctx;
    (void)old_object;
    (void)new_object;
    zl_monitor_lock(&member->monitor);
    member->changed = true;
    zl_monitor_wake_all(&member->monitor);
    zl_monitor_unlock(&member->monitor);
}

static void policies_changed(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_cluster_member *member = ctx;
    changed(ctx, old_object, new_object);
    if ((old_object == NULL) != (new_object == NULL) && member->spec.policies_changed != NULL) {
        member->spec.policies_changed(member->spec.ctx);
    }
}

bool zl_cluster_member_namespaces(struct zl_cluster_member *member,
                                  void (*add)(void *out, const char *namespace_), void *out)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_monitor_lock(&member->monitor);
    bool undefined = member->undefined;
    zl_monitor_unlock(&member->monitor);
    if (undefined) {
        return true;
    }
    if (!zl_informer_state(member->policies, member->namespaces).synced) {
        return false;
    }
    zl_store_list(zl_informer_store(member->policies), NULL, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        const struct zl_fleet_policy *policy = zl_ref_object(policies.items[i]);
        add(out, policy->meta.namespace_);
    }
    return true;
}

static enum zl_status decode_lease(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    (void)ctx;
    enum zl_status status = zl_hub_lease_decode(object, &lease, err);
    *out = lease;
    return status;
}

static enum zl_status decode_policy(void *ctx, const struct cJSON *object, void **out,
                                    struct zl_error *err)
{
    struct zl_fleet_policy *policy = NULL;
    (void)ctx;
    enum zl_status status = zl_fleet_policy_decode(object, &policy, err);
    *out = policy;
    return status;
}

static enum zl_status decode_job(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const struct zl_cluster_member *member = ctx;
    struct zl_fleet_job *job = NULL;
    enum zl_status status = zl_fleet_job_decode(object, &job, err);
    if (job != NULL) {
        job->cannot_suspend = atomic_load(&member->cannot_suspend);
    }
    *out = job;
    return status;
}

static void open_informers(struct zl_cluster_member *member)
{
    member->turn_field = zl_asprintf("metadata.name=%s", member->turn_name);
    const struct zl_informer_spec turns = {.resource = &ZL_KUBE_LEASES,
                                           .name = "fleet-turn",
                                           .namespace_ = member->hub_namespace,
                                           .field_selector = member->turn_field,
                                           .reconnect_spread_ms = RECONNECT_SPREAD_MS,
                                           .shape = ZL_HUB_LEASE_SHAPE,
                                           .decode = decode_lease,
                                           .free_object = zl_hub_lease_free,
                                           .on_change = changed,
                                           .ctx = member};
    const struct zl_informer_spec policies = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                              .name = "fleet-policies",
                                              .namespace_ = member->namespaces,
                                              .shape = ZL_FLEET_POLICY_SHAPE,
                                              .decode = decode_policy,
                                              .free_object = zl_fleet_policy_free,
                                              .on_change = policies_changed,
                                              .ctx = member};
    const struct zl_informer_spec jobs = {.resource = &ZL_KUBE_JOBS,
                                          .name = "fleet-jobs",
                                          .namespace_ = member->namespaces,
                                          .label_selector = ZL_KEY_FLEET,
                                          .shape = ZL_FLEET_JOB_SHAPE,
                                          .decode = decode_job,
                                          .free_object = zl_fleet_job_free,
                                          .on_change = changed,
                                          .ctx = member};
    member->turns = zl_informer_new(member->spec.hub, &turns);
    member->policies = zl_informer_new(member->spec.cluster, &policies);
    member->jobs = zl_informer_new(member->spec.cluster, &jobs);
}

struct zl_cluster_member *zl_cluster_member_start(const struct zl_cluster_spec *spec)
{
    struct zl_cluster_member *member = zl_alloc(sizeof *member);
    member->spec = *spec;
    member->name = zl_strdup(spec->name);
    member->hub_namespace = zl_strdup(spec->hub_namespace);
    member->namespaces = zl_strdup(spec->namespaces);
    member->own_name = zl_asprintf("%s%s", ZL_FLEET_MEMBER_PREFIX, spec->name);
    member->turn_name = zl_asprintf("%s%s", ZL_FLEET_TURN_PREFIX, spec->name);
    zl_monitor_init(&member->monitor);
    atomic_init(&member->cannot_suspend, false);
    open_informers(member);
    member->thread = zl_thread_start("fleet-member", take_part, member);
    return member;
}

void zl_cluster_member_stop(struct zl_cluster_member *member)
{
    if (member == NULL) {
        return;
    }
    zl_monitor_lock(&member->monitor);
    member->stopping = true;
    zl_monitor_wake_all(&member->monitor);
    zl_monitor_unlock(&member->monitor);
    (void)pthread_join(member->thread, NULL);
    zl_informer_free(member->turns);
    zl_informer_free(member->policies);
    zl_informer_free(member->jobs);
    for (size_t i = 0; i < member->part_count; i++) {
        zl_fleet_ledger_clear(&member->parts[i].ledger);
    }
    free(member->parts);
    zl_hub_lease_free(member->own);
    zl_monitor_clear(&member->monitor);
    free(member->name);
    free(member->hub_namespace);
    free(member->namespaces);
    free(member->own_name);
    free(member->turn_name);
    free(member->turn_field);
    free(member);
}
