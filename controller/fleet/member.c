/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member.h"

#include "common/base/log.h"
#include "common/kinds/kind.h"
#include "common/kube/discovery.h"
#include "common/objects/names.h"
#include "controller/fleet/cronjobs.h"
#include "controller/fleet/jobs.h"
#include "controller/fleet/member_internal.h"

#include <string.h>

enum {
    LOOK_MS = 1000,
    DISCOVERY_MS = 30000,
};

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

static int by_place(const void *left, const void *right)
{
    const struct zl_fleet_policy *a = zl_ref_object(*(struct zl_ref *const *)left);
    const struct zl_fleet_policy *b = zl_ref_object(*(struct zl_ref *const *)right);
    int order = strcmp(a->meta.namespace_, b->meta.namespace_);
    return order != 0 ? order : strcmp(a->meta.name, b->meta.name);
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
    zl_member_label_jobs(member, &jobs, &policies);
    zl_member_hold_jobs(member, &jobs, &policies);
    zl_member_find_parts(member, &policies);
    for (size_t i = 0; i < member->part_count; i++) {
        zl_member_look_at_jobs(member, &member->parts[i], &jobs, &policies);
    }
    zl_member_drop_settled(member);
    zl_member_forget_mark(member);
    zl_member_keep_lease(member);
    zl_member_tell(member, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        zl_member_write_status(member, zl_ref_object(policies.items[i]));
    }
}

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
    zl_member_hold_jobs(member, &jobs, &policies);
}

/* Members that start together do not all come to the hub at once. @return false: it stops */
static bool join_by_and_by(struct zl_cluster_member *member)
{
    const int64_t at_ms = zl_clock_ms() + zl_member_random(ZL_FLEET_JOIN_MAX_MS);
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
    zl_informer_start(member->cronjobs);
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
    while (!zl_member_read_own(member)) {
        hold_all(member);
        if (!wait_for_change(member, LOOK_MS + zl_member_random(LOOK_MS))) {
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

static enum zl_status decode_cronjob(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    struct zl_fleet_cronjob *cronjob = NULL;
    (void)ctx;
    enum zl_status status = zl_fleet_cronjob_decode(object, &cronjob, err);
    *out = cronjob;
    return status;
}

static void open_informers(struct zl_cluster_member *member)
{
    member->turn_field = zl_asprintf("metadata.name=%s", member->turn_name);
    const struct zl_informer_spec turns = {.resource = &ZL_KUBE_LEASES,
                                           .name = "fleet-turn",
                                           .namespace_ = member->hub_namespace,
                                           .field_selector = member->turn_field,
                                           .reconnect_spread_ms = ZL_FLEET_RECONNECT_MAX_MS,
                                           .shape = ZL_HUB_LEASE_SHAPE,
                                           .decode = decode_lease,
                                           .free_object = zl_hub_lease_free,
                                           .on_change = changed,
                                           .ctx = member};
    const struct zl_informer_spec policies = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                              .thread = member->informers,
                                              .name = "fleet-policies",
                                              .namespace_ = member->namespaces,
                                              .shape = ZL_FLEET_POLICY_SHAPE,
                                              .decode = decode_policy,
                                              .free_object = zl_fleet_policy_free,
                                              .on_change = policies_changed,
                                              .ctx = member};
    const struct zl_informer_spec jobs = {.resource = &ZL_KUBE_JOBS,
                                          .thread = member->informers,
                                          .name = "fleet-jobs",
                                          .namespace_ = member->namespaces,
                                          .label_selector = ZL_KEY_FLEET,
                                          .shape = ZL_FLEET_JOB_SHAPE,
                                          .decode = decode_job,
                                          .free_object = zl_fleet_job_free,
                                          .on_change = changed,
                                          .ctx = member};
    const struct zl_informer_spec cronjobs = {.resource = &ZL_KIND_CRONJOB.resource,
                                              .alternative = ZL_KIND_CRONJOB.alternative,
                                              .thread = member->informers,
                                              .name = "fleet-cronjobs",
                                              .namespace_ = member->namespaces,
                                              .label_selector = ZL_KEY_FLEET,
                                              .shape = ZL_FLEET_CRONJOB_SHAPE,
                                              .decode = decode_cronjob,
                                              .free_object = zl_fleet_cronjob_free,
                                              .on_change = changed,
                                              .ctx = member};
    member->turns = zl_informer_new(member->spec.hub, &turns);
    member->policies = zl_informer_new(member->spec.cluster, &policies);
    member->jobs = zl_informer_new(member->spec.cluster, &jobs);
    member->cronjobs = zl_informer_new(member->spec.cluster, &cronjobs);
}

struct zl_cluster_member *zl_cluster_member_start(const struct zl_cluster_spec *spec)
{
    struct zl_cluster_member *member = zl_alloc(sizeof *member);
    member->spec = *spec;
    member->name = zl_strdup(spec->name);
    member->hub_namespace = zl_strdup(spec->hub_namespace);
    member->namespaces = zl_strdup(spec->namespaces);
    member->labels = zl_strdup(spec->labels);
    member->own_name = zl_asprintf("%s%s", ZL_FLEET_MEMBER_PREFIX, spec->name);
    member->turn_name = zl_asprintf("%s%s", ZL_FLEET_TURN_PREFIX, spec->name);
    zl_monitor_init(&member->monitor);
    atomic_init(&member->cannot_suspend, false);
    member->informers = zl_informer_thread_new("fleet-informers");
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
    zl_informer_free(member->cronjobs);
    zl_informer_thread_free(member->informers);
    for (size_t i = 0; i < member->part_count; i++) {
        zl_fleet_ledger_clear(&member->parts[i].ledger);
    }
    free(member->parts);
    zl_hub_lease_free(member->own);
    zl_monitor_clear(&member->monitor);
    free(member->name);
    free(member->hub_namespace);
    free(member->namespaces);
    free(member->labels);
    free(member->own_name);
    free(member->turn_name);
    free(member->turn_field);
    free(member);
}
