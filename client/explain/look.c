/* SPDX-License-Identifier: Apache-2.0 */
#include "client/explain/look.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/kinds/kind.h"
#include "common/objects/replicaset.h"
#include "common/objects/selectors.h"
#include "common/seat/judge.h"

#include <strings.h>

#define KINDS_MAX_BYTES 1024

struct look {
    struct zl_kube_client *client;
    const char *namespace_;
    char *pool; /* NULL: none */
    struct zl_pod *pod;
    struct zl_workload *workload;
    struct zl_job *job;
    struct zl_cronjob *cronjob;
    struct zl_service *service, *led;
    struct zl_policy *policy;
    struct zl_lease *lease;
    bool opted_out, takes_turns;
    int64_t others, running;
    bool leader_inside, foreign_leads;
    const struct zl_kind *counted; /* whose objects are listed just now */
};

/* What may be named: the Kinds with what stands between them and their pods, pods, and what leads to them. */
struct named {
    const char *kind, *plural, *abbreviation;
};

enum { NAMED_COUNT = ZL_KIND_COUNT + 3 };

static struct named named_of(const struct zl_kind *kind)
{
    return (struct named){kind->name, kind->resource.plural, kind->abbreviation};
}

static struct named named_at(size_t index)
{
    switch (index) {
    case 0:
        return (struct named){"Pod", ZL_KUBE_PODS.plural, "po"};
    case 1:
        return (struct named){"Service", ZL_KUBE_SERVICES.plural, "svc"};
    case 2:
        return named_of(&ZL_KIND_REPLICASET);
    default:
        return named_of(ZL_KINDS[index - 3]);
    }
}

static bool is_name(const char *name, const char *word, size_t length)
{
    return name != NULL && strncasecmp(name, word, length) == 0 && name[length] == '\0';
}

const char *zl_explain_kind(const char *word)
{
    const size_t length = strcspn(word, "."); /* "deployments.apps" */
    for (size_t i = 0; i < NAMED_COUNT; i++) {
        const struct named named = named_at(i);
        if (is_name(named.kind, word, length) || is_name(named.plural, word, length) ||
            is_name(named.abbreviation, word, length)) {
            return named.kind;
        }
    }
    return NULL;
}

char *zl_explain_kinds(void)
{
    struct zl_buf text;
    zl_buf_init(&text, KINDS_MAX_BYTES);
    for (size_t i = 0; i < NAMED_COUNT; i++) {
        (void)zl_buf_printf(&text, "%s%s", i > 0 ? ", " : "", named_at(i).kind);
    }
    return zl_buf_take(&text);
}

static enum zl_status get(const struct look *look, const struct zl_kube_resource *resource,
                          const char *name, struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = look->namespace_, .name = name};
    return zl_kube_get(look->client, &target, out, err);
}

/* --- the object and its owners --- */

static void note_pool(struct look *look, const char *pool, bool opted_out)
{
    zl_replace_string(&look->pool, pool);
    look->opted_out = opted_out;
}

static enum zl_status read_workload(struct look *look, const struct zl_kind *kind, const char *name,
                                    struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = get(look, &kind->resource, name, &object, err);
    if (status == ZL_OK) {
        status = zl_workload_decode(kind, object, &look->workload, err);
    }
    if (status == ZL_OK) {
        note_pool(look, look->workload->pool,
                  zl_opts_out(zl_json_at(object, "metadata", NULL),
                              zl_json_at(object, "spec", "template", "metadata", NULL)));
    }
    return status;
}

static enum zl_status read_cronjob(struct look *look, const char *name, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kind *kind = &ZL_KIND_CRONJOB;
    enum zl_status status = get(look, &kind->resource, name, &object, err);
    if (status == ZL_E_NOT_FOUND && kind->alternative != NULL) {
        status = get(look, kind->alternative, name, &object, err);
    }
    if (status == ZL_OK) {
        status = zl_cronjob_decode(object, &look->cronjob, err);
    }
    if (status == ZL_OK) {
        look->takes_turns = true;
        note_pool(look, look->cronjob->pool,
                  zl_opts_out(zl_json_at(object, "metadata", NULL),
                              zl_json_at(object, "spec", "jobTemplate", "metadata", NULL)));
    }
    return status;
}

static enum zl_status read_job(struct look *look, const char *name, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = get(look, &ZL_KIND_JOB.resource, name, &object, err);
    if (status == ZL_OK) {
        status = zl_job_decode(object, &look->job, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    look->takes_turns = true;
    if (ZL_KIND_JOB.asks_maker(look->job)) {
        status = read_cronjob(look, look->job->meta.controller.name, err);
        return status == ZL_E_NOT_FOUND ? ZL_OK : status;
    }
    note_pool(look, look->job->pool, look->job->opted_out);
    return ZL_OK;
}

static enum zl_status read_replicaset(struct look *look, const char *name, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_replicaset *replicaset = NULL;
    enum zl_status status = get(look, &ZL_KIND_REPLICASET.resource, name, &object, err);
    if (status == ZL_OK) {
        status = zl_replicaset_decode(object, &replicaset, err);
    }
    if (status == ZL_OK && zl_kind_is(&ZL_KIND_DEPLOYMENT, &replicaset->meta.controller)) {
        status = read_workload(look, &ZL_KIND_DEPLOYMENT, replicaset->meta.controller.name, err);
    }
    zl_replicaset_free(replicaset);
    return status;
}

/* Whose pods are CONTROLLER's? */
static enum zl_status read_owner(struct look *look, const struct zl_controller_ref *controller,
                                 struct zl_error *err)
{
    const struct zl_kind *kind = zl_kind_of_pods(controller);
    if (kind == NULL || controller->name == NULL) {
        return ZL_OK;
    }
    if (kind->takes_turns) {
        return read_job(look, controller->name, err);
    }
    return kind->between != NULL ? read_replicaset(look, controller->name, err)
                                 : read_workload(look, kind, controller->name, err);
}

static enum zl_status read_pod(struct look *look, const char *name, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = get(look, &ZL_KUBE_PODS, name, &object, err);
    if (status == ZL_OK) {
        status = zl_pod_decode(object, &look->pod, err);
    }
    if (status == ZL_OK) {
        status = read_owner(look, &look->pod->meta.controller, err);
        status = status == ZL_E_NOT_FOUND ? ZL_OK : status; /* it was orphaned */
    }
    return status;
}

static enum zl_status read_service(struct look *look, const char *name, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL, *led = NULL;
    enum zl_status status = get(look, &ZL_KUBE_SERVICES, name, &object, err);
    if (status == ZL_OK) {
        status = zl_service_decode(object, &look->service, err);
    }
    if (status == ZL_OK && look->service->opted_in && !look->service->ours) {
        ZL_AUTO_FREE char *wanted = zl_service_leader_name(look->service);
        status = get(look, &ZL_KUBE_SERVICES, wanted, &led, err);
        if (status == ZL_OK) {
            status = zl_service_decode(led, &look->led, err);
        }
        if (status == ZL_OK && !look->led->ours) {
            zl_service_free(look->led); /* somebody else's of that name: NameConflict */
            look->led = NULL;
        }
        status = status == ZL_E_NOT_FOUND ? ZL_OK : status;
    }
    return status;
}

static enum zl_status read_subject(struct look *look, const char *kind, const char *name,
                                   struct zl_error *err)
{
    static const struct {
        const char *kind;
        enum zl_status (*read)(struct look *look, const char *name, struct zl_error *err);
    } rows[] = {{"Pod", read_pod},
                {"Job", read_job},
                {"CronJob", read_cronjob},
                {"ReplicaSet", read_replicaset},
                {"Service", read_service}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].kind, kind) == 0) {
            return rows[i].read(look, name, err);
        }
    }
    return read_workload(look, zl_kind_named(kind), name, err);
}

/* --- its pool --- */

static enum zl_status read_policy(struct look *look, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = get(look, &ZL_KUBE_LEADERPOLICIES, look->pool, &object, err);
    if (status == ZL_OK) {
        status = zl_policy_decode(object, &look->policy, err);
    }
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

/* Without it, the policy's status has to do. */
static void read_lease(struct look *look)
{
    ZL_AUTO_FREE char *name = zl_lease_name(look->pool);
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_error ignored = {0};
    if (get(look, &ZL_KUBE_LEASES, name, &object, &ignored) == ZL_OK) {
        (void)!zl_lease_decode(object, &look->lease, &ignored);
    }
}

static enum zl_status count_pod(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct look *look = ctx;
    struct zl_pod *pod = NULL;
    const enum zl_status status = zl_pod_decode(object, &pod, err);
    if (status == ZL_OK) {
        look->running += !pod->finished && !pod->meta.deleting;
        look->leader_inside |=
            look->lease != NULL && zl_lease_is_held_by(look->lease, pod->meta.uid);
        zl_pod_free(pod);
    }
    return status;
}

static void count_pods(struct look *look)
{
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = look->namespace_, .shape = ZL_POD_SHAPE};
    const struct zl_kube_selector selector = {.label = look->workload->selector};
    struct zl_error ignored = {0};
    if (look->workload->selector == NULL ||
        zl_kube_list(look->client, &target, &selector, count_pod, look, NULL, &ignored) != ZL_OK) {
        look->running = look->policy->status.candidates;
    }
}

/* --- who shares the pool --- */

static enum zl_status count_other(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct look *look = ctx;
    struct zl_workload *workload = NULL;
    const enum zl_status status = zl_workload_decode(look->counted, object, &workload, err);
    if (status == ZL_OK && zl_same_string(workload->pool, look->pool) &&
        !zl_same_string(workload->meta.uid, look->workload->meta.uid)) {
        look->others += zl_workload_wants(workload);
    }
    zl_workload_free(workload);
    return ZL_OK; /* one that cannot be read is in no pool that is known */
}

/*
 * All workloads of the namespace, without a selector: membership may stand in an annotation. Only where it matters: of a workload that
 * wants more than one pod, followers are refused anyway.
 */
static enum zl_status count_others(struct look *look, struct zl_error *err)
{
    const struct zl_kube_selector all = {0};
    enum zl_status status = ZL_OK;
    if (look->policy->standby || look->workload->kind->wanted == NULL ||
        zl_refuses_followers(look->workload, 0)) {
        return ZL_OK;
    }
    for (size_t i = 0; status == ZL_OK && i < ZL_KIND_COUNT; i++) {
        look->counted = ZL_KINDS[i];
        const struct zl_kube_target target = {.resource = &ZL_KINDS[i]->resource,
                                              .namespace_ = look->namespace_,
                                              .shape = ZL_KINDS[i]->shape};
        if (ZL_KINDS[i]->wanted != NULL) {
            status = zl_kube_list(look->client, &target, &all, count_other, look, NULL, err);
        }
    }
    return status;
}

/* A pool that shrank to one pod: who led it before may be on its way out. As the gatekeeper looks. */
static void look_for_foreign_leader(struct look *look)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_pod *holder = NULL;
    struct zl_error ignored = {0};
    if (look->lease == NULL || look->lease->holder_pod == NULL || look->leader_inside ||
        get(look, &ZL_KUBE_PODS, look->lease->holder_pod, &object, &ignored) != ZL_OK ||
        zl_pod_decode(object, &holder, &ignored) != ZL_OK) {
        return;
    }
    const enum zl_holder state = zl_holder_of(look->lease, holder);
    look->foreign_leads = (state == ZL_HOLDER_ALIVE || state == ZL_HOLDER_TERMINATING) &&
                          zl_lease_is_held_by(look->lease, holder->meta.uid) &&
                          !zl_selector_may_match(look->workload->selector, holder->labels);
    zl_pod_free(holder);
}

static enum zl_status look_around(struct look *look, struct zl_error *err)
{
    const enum zl_status status = count_others(look, err);
    if (status != ZL_OK || look->pod != NULL) {
        return status;
    }
    count_pods(look);
    if (look->workload->kind->wanted != NULL &&
        !zl_refuses_followers(look->workload, look->others)) {
        look_for_foreign_leader(look);
    }
    return ZL_OK;
}

static void clear(struct look *look)
{
    free(look->pool);
    zl_pod_free(look->pod);
    zl_workload_free(look->workload);
    zl_job_free(look->job);
    zl_cronjob_free(look->cronjob);
    zl_service_free(look->service);
    zl_service_free(look->led);
    zl_policy_free(look->policy);
    zl_lease_free(look->lease);
}

static void judge(const struct look *look, const char *kind, const char *name,
                  struct zl_explanation *out)
{
    const struct zl_explain_facts facts = {
        .kind = kind,
        .name = name,
        .namespace_ = look->namespace_,
        .pool = look->pool,
        .opted_out = look->opted_out,
        .policy = look->policy,
        .lease = look->lease,
        .takes_turns = look->takes_turns,
        .workload = look->workload,
        .others = look->others,
        .running = look->running,
        .leader_inside = look->leader_inside,
        .foreign_leads = look->foreign_leads,
        .pod = look->pod,
        .job = look->pod == NULL ? look->job : NULL,
        .service = look->service,
        .led = look->led,
        .now_us = zl_clock_wall_us(),
    };
    zl_explain_judge(&facts, out);
}

enum zl_status zl_explain_object(struct zl_kube_client *client, const char *namespace_,
                                 const char *kind, const char *name, struct zl_explanation *out,
                                 struct zl_error *err)
{
    struct look look = {.client = client, .namespace_ = namespace_};
    enum zl_status status = read_subject(&look, kind, name, err);
    if (status == ZL_OK && look.pool != NULL) {
        status = read_policy(&look, err);
    }
    if (status == ZL_OK && look.policy != NULL) {
        read_lease(&look);
    }
    if (status == ZL_OK && look.policy != NULL && look.workload != NULL) {
        status = look_around(&look, err);
    }
    if (status == ZL_OK) {
        judge(&look, kind, name, out);
    }
    clear(&look);
    return status;
}
