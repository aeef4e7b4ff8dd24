/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/gather_internal.h"

#include "common/base/clock.h"
#include "common/objects/names.h"

#define WEBHOOK "zen-lead-webhook"
#define CONTROLLER "zen-lead-controller"
#define SLICES_OF_SERVICE ZL_KEY_SLICE_SERVICE "=" WEBHOOK

static const struct zl_kube_resource CRDS = {
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", true};
static const struct zl_kube_resource REVIEWS = {
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", true};

/* Is there time for QUESTION? Then it counts as asked. */
static bool may_ask(const struct zl_gathering *gathering, struct zl_told *told)
{
    told->asked = zl_clock_ms() < gathering->deadline_ms;
    return told->asked;
}

static void note(struct zl_told *told, enum zl_status status, const struct zl_error *err,
                 int64_t began_ms)
{
    told->status = status;
    told->took_ms = zl_clock_ms() - began_ms;
    (void)snprintf(told->message, sizeof told->message, "%s", status != ZL_OK ? err->message : "");
}

static void ask_path(struct zl_gathering *gathering, enum zl_question question, const char *path)
{
    struct zl_told *told = &gathering->facts->told[question];
    struct zl_error err = {0};
    const int64_t began_ms = zl_clock_ms();
    if (may_ask(gathering, told)) {
        const enum zl_status status = zl_kube_get_path_within(
            gathering->client, path, zl_clock_left_ms(gathering->deadline_ms), &told->tree, &err);
        note(told, status, &err, began_ms);
    }
}

void zl_gather_object(const struct zl_gathering *gathering, struct zl_kube_client *client,
                      enum zl_question question, const struct zl_kube_resource *resource,
                      const char *namespace_, const char *name)
{
    struct zl_told *told = &gathering->facts->told[question];
    struct zl_error err = {0};
    const int64_t began_ms = zl_clock_ms();
    if (may_ask(gathering, told)) {
        const struct zl_kube_target target = {.resource = resource,
                                              .namespace_ = namespace_,
                                              .name = name,
                                              .deadline_ms = gathering->deadline_ms};
        note(told, zl_kube_get(client, &target, &told->tree, &err), &err, began_ms);
    }
}

static void ask(const struct zl_gathering *gathering, enum zl_question question,
                const struct zl_kube_resource *resource, const char *namespace_, const char *name)
{
    zl_gather_object(gathering, gathering->client, question, resource, namespace_, name);
}

static enum zl_status add(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    (void)err;
    zl_json_append(ctx, zl_json_copy(object));
    return ZL_OK;
}

void zl_gather_list(const struct zl_gathering *gathering, enum zl_question question,
                    const struct zl_kube_resource *resource, const char *namespace_,
                    const char *label)
{
    struct zl_told *told = &gathering->facts->told[question];
    struct zl_error err = {0};
    const int64_t began_ms = zl_clock_ms();
    if (!may_ask(gathering, told)) {
        return;
    }
    zl_json_free(told->tree);
    told->tree = zl_json_array();
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = namespace_, .deadline_ms = gathering->deadline_ms};
    const struct zl_kube_selector selector = {.label = label};
    note(told, zl_kube_list(gathering->client, &target, &selector, add, told->tree, NULL, &err),
         &err, began_ms);
}

/* --- dry runs --- */

static void ask_dry_run(struct zl_gathering *gathering, enum zl_question question,
                        const struct zl_kube_resource *resource, const char *api_version,
                        const char *namespace_)
{
    struct zl_told *told = &gathering->facts->told[question];
    struct zl_error err = {0};
    const int64_t began_ms = zl_clock_ms();
    if (!may_ask(gathering, told)) {
        return;
    }
    ZL_AUTO_JSON struct cJSON *object = zl_json_object();
    zl_json_set_text(object, "apiVersion", api_version);
    zl_json_set_text(object, "kind", resource->kind);
    zl_json_set_text(zl_json_child(object, "metadata"), "generateName", "doctor-of-zen-lead-");
    (void)zl_json_child(object, "spec");
    const struct zl_kube_target target = {.resource = resource,
                                          .namespace_ = namespace_,
                                          .dry_run = true,
                                          .deadline_ms = gathering->deadline_ms};
    const enum zl_status status =
        zl_kube_create(gathering->client, &target, object, &told->tree, &err);
    note(told, status, &err, began_ms);
}

/* --- rights --- */

static void ask_right(struct zl_gathering *gathering, const char *account, const char *verb,
                      const char *group, const char *resource)
{
    struct zl_doctor_facts *facts = gathering->facts;
    struct zl_right *right = &facts->rights[facts->right_count++];
    struct zl_error err = {0};
    *right = (struct zl_right){account, verb, group, resource, ZL_OK, false, false};
    right->asked = zl_clock_ms() < gathering->deadline_ms;
    if (!right->asked) {
        return;
    }
    ZL_AUTO_FREE char *user =
        zl_asprintf("system:serviceaccount:%s:%s", gathering->spec->installed_in, account);
    ZL_AUTO_JSON struct cJSON *review = zl_json_object(), *answer = NULL;
    zl_json_set_text(review, "apiVersion", "authorization.k8s.io/v1");
    zl_json_set_text(review, "kind", REVIEWS.kind);
    struct cJSON *spec = zl_json_child(review, "spec");
    zl_json_set_text(spec, "user", user);
    struct cJSON *wanted = zl_json_child(spec, "resourceAttributes");
    const char *slash = strchr(resource, '/');
    ZL_AUTO_FREE char *plural = zl_strndup(resource, strcspn(resource, "/"));
    zl_json_set_text(wanted, "namespace", gathering->pools_namespace);
    zl_json_set_text(wanted, "verb", verb);
    zl_json_set_text(wanted, "group", group);
    zl_json_set_text(wanted, "resource", plural);
    if (slash != NULL) {
        zl_json_set_text(wanted, "subresource", slash + 1);
    }
    const struct zl_kube_target target = {.resource = &REVIEWS,
                                          .deadline_ms = gathering->deadline_ms};
    right->status = zl_kube_create(gathering->client, &target, review, &answer, &err);
    right->allowed = zl_json_bool(answer, false, "status", "allowed", NULL);
}

static void ask_rights(struct zl_gathering *gathering)
{
    static const struct {
        const char *account, *verb, *group, *resource;
    } rows[] = {
        {CONTROLLER, "patch", "coordination.k8s.io", "leases"},
        {CONTROLLER, "patch", ZL_POLICY_GROUP, "leaderpolicies/status"},
        {CONTROLLER, "delete", "", "pods"},
        {CONTROLLER, "patch", "apps", "replicasets"},
        {CONTROLLER, "patch", "batch", "jobs"},
        {CONTROLLER, "create", "", "services"},
        {CONTROLLER, "create", "discovery.k8s.io", "endpointslices"},
        {CONTROLLER, "patch", "", "pods"},
        {WEBHOOK, "list", "", "pods"},
        {WEBHOOK, "patch", "coordination.k8s.io", "leases"},
        {WEBHOOK, "patch", ZL_POLICY_GROUP, "leaderpolicies/status"},
        {WEBHOOK, "patch", "", "pods"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask_right(gathering, rows[i].account, rows[i].verb, rows[i].group, rows[i].resource);
        const struct zl_right *right = &gathering->facts->rights[gathering->facts->right_count - 1];
        if (right->status == ZL_E_DENIED) {
            return; /* none of them is for us to know */
        }
    }
}

/* --- in their order --- */

static void ask_installation(struct zl_gathering *gathering)
{
    const char *installed_in = gathering->spec->installed_in;
    ask_path(gathering, ZL_ASKED_GROUPS, "/apis");
    ask_path(gathering, ZL_ASKED_KINDS, "/apis/" ZL_POLICY_API_VERSION);
    ask(gathering, ZL_ASKED_CRD, &CRDS, NULL, "leaderpolicies." ZL_POLICY_GROUP);
    gathering->facts->now_us = zl_clock_wall_us();
    ask_dry_run(gathering, ZL_ASKED_TIME, &ZL_KUBE_LEASES, "coordination.k8s.io/v1",
                gathering->spec->home);
    ask(gathering, ZL_ASKED_WEBHOOKS, &ZL_KUBE_VALIDATING_WEBHOOKS, NULL, "zen-lead");
    ask(gathering, ZL_ASKED_PODS_WEBHOOK, &ZL_KUBE_VALIDATING_WEBHOOKS, NULL, "zen-lead-pods");
    ask(gathering, ZL_ASKED_SERVICE, &ZL_KUBE_SERVICES, installed_in, WEBHOOK);
    zl_gather_list(gathering, ZL_ASKED_SLICES, &ZL_KUBE_ENDPOINTSLICES, installed_in,
                   SLICES_OF_SERVICE);
    if (gathering->facts->told[ZL_ASKED_SLICES].status == ZL_E_NOT_FOUND) {
        zl_gather_list(gathering, ZL_ASKED_SLICES, &ZL_KUBE_ENDPOINTSLICES_V1BETA1, installed_in,
                       SLICES_OF_SERVICE);
    }
    ask(gathering, ZL_ASKED_WEBHOOK_DEPLOYMENT, &ZL_KIND_DEPLOYMENT.resource, installed_in,
        WEBHOOK);
    ask(gathering, ZL_ASKED_CONTROLLER_DEPLOYMENT, &ZL_KIND_DEPLOYMENT.resource, installed_in,
        CONTROLLER);
    ask(gathering, ZL_ASKED_SECRET, &ZL_KUBE_SECRETS, installed_in, "zen-lead-webhook-tls");
    ask(gathering, ZL_ASKED_CONTROLLER_LEASE, &ZL_KUBE_LEASES, installed_in,
        ZL_LEASE_PREFIX ZL_RESERVED_POOL);
}

static void ask_pools(struct zl_gathering *gathering)
{
    const char *namespace_ = gathering->spec->namespace_;
    zl_gather_list(gathering, ZL_ASKED_POLICIES, &ZL_KUBE_LEADERPOLICIES, namespace_, NULL);
    const struct cJSON *policy = zl_json_first(gathering->facts->told[ZL_ASKED_POLICIES].tree);
    const char *found = zl_json_text(policy, "metadata", "namespace", NULL);
    gathering->pools_namespace = found != NULL ? found : gathering->spec->home;
    zl_gather_list(gathering, ZL_ASKED_LEASES, &ZL_KUBE_LEASES, namespace_, ZL_LEASE_SELECTOR);
    for (unsigned i = 0; i < ZL_KIND_COUNT; i++) {
        const enum zl_question question = ZL_ASKED_WORKLOADS + i;
        const struct zl_kind *kind = ZL_KINDS[i];
        zl_gather_list(gathering, question, &kind->resource, namespace_, ZL_KEY_POOL);
        if (gathering->facts->told[question].status == ZL_E_NOT_FOUND &&
            kind->alternative != NULL) {
            zl_gather_list(gathering, question, kind->alternative, namespace_, ZL_KEY_POOL);
        }
    }
}

void zl_gather(struct zl_kube_client *client, const struct zl_gather_spec *spec,
               struct zl_doctor_facts *out)
{
    *out = (struct zl_doctor_facts){
        .version = ZL_VERSION, .installed_in = spec->installed_in, .now_us = zl_clock_wall_us()};
    struct zl_gathering gathering = {.client = client,
                                     .spec = spec,
                                     .facts = out,
                                     .deadline_ms = zl_clock_ms() + ZL_DOCTOR_MS,
                                     .pools_namespace = spec->home};
    ask_path(&gathering, ZL_ASKED_VERSION, "/version");
    if (out->told[ZL_ASKED_VERSION].status != ZL_OK) {
        return; /* the rest would take as long to say the same */
    }
    ask_installation(&gathering);
    ask_pools(&gathering);
    ask_rights(&gathering);
    zl_gather_fleets(&gathering);
    /* The last: it may take as long as the webhook has. */
    if (out->told[ZL_ASKED_KINDS].status == ZL_OK) {
        ask_dry_run(&gathering, ZL_ASKED_REVIEW, &ZL_KUBE_LEADERPOLICIES, ZL_POLICY_API_VERSION,
                    gathering.pools_namespace);
    }
}

void zl_gather_clear(struct zl_doctor_facts *facts)
{
    for (size_t i = 0; i < ZL_QUESTIONS; i++) {
        zl_json_free(facts->told[i].tree);
        facts->told[i].tree = NULL;
    }
    for (size_t i = 0; i < facts->hub_right_count; i++) {
        free(facts->hub_rights[i].lease);
        facts->hub_rights[i].lease = NULL;
    }
}
