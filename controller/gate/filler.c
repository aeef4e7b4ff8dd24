/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/filler.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "controller/gate/dispute.h"
#include "controller/gate/review_secret.h"
#include "controller/gate/token_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    SYNC_LOOK_MS = 200,
    OWNER_RETRY_MS = 600000,  /* OpenShift wants the right to delete of who sets an owner */
    LEGACY_OVERLAP_MS = 3000, /* API servers hear of the new entry by their watches */
    LEAVE_TIMEOUT_MS = 2000,
    OPPONENT_MAX = 64,
};
#define WEBHOOK_PODS "app.kubernetes.io/name=zen-lead,app.kubernetes.io/component=webhook"

/* Since when something is as it is. */
struct since {
    char *what;
    int64_t ms;
};

struct zl_filler {
    struct zl_kube_client *client;
    const char *namespace_;
    void (*changed)(void *ctx);
    void *ctx;
    struct zl_informer *shipped, *secret, *pods;
    atomic_bool started;
    struct since tokens, in_use, filled;
    char *ca_bundle;           /* the last that was seen */
    struct zl_dispute dispute; /* about zen-lead-pods */
    int64_t owner_retry_ms;    /* not before */
    pthread_mutex_t lock;      /* of what follows */
    char opponent[OPPONENT_MAX];
};

/* --- what is watched --- */

static enum zl_status decode_shipped(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    (void)ctx;
    (void)err;
    *out = zl_webhook_entry_decode(object, ZL_SOURCE_ENTRY);
    return ZL_OK;
}

static enum zl_status decode_secret(void *ctx, const struct cJSON *object, void **out,
                                    struct zl_error *err)
{
    (void)ctx;
    (void)err;
    *out = zl_json_copy(object);
    return ZL_OK;
}

static void free_secret(void *object)
{
    zl_json_free(object);
}

/* Kept are the pods that know /validate alone; finished ones answer nobody. */
static enum zl_status decode_pod(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const char *phase = zl_json_text(object, "status", "phase", NULL);
    (void)ctx;
    (void)err;
    if (zl_json_at(object, "metadata", "annotations", ZL_KEY_REVIEW_PATH, NULL) == NULL &&
        !zl_same_string(phase, "Succeeded") && !zl_same_string(phase, "Failed")) {
        *out = zl_strdup(zl_json_text(object, "metadata", "name", NULL));
    }
    return ZL_OK;
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    const struct zl_filler *filler = ctx;
    (void)old_object;
    (void)new_object;
    filler->changed(filler->ctx);
}

static bool is_synced(const struct zl_filler *filler)
{
    return zl_informer_is_synced(filler->shipped) && zl_informer_is_synced(filler->secret) &&
           zl_informer_is_synced(filler->pods);
}

/* Milliseconds for which WHAT (may be NULL) has been what it is. */
static int64_t lasts_ms(struct since *since, const char *what)
{
    if (since->ms == 0 || !zl_same_string(since->what, what)) {
        zl_replace_string(&since->what, what);
        since->ms = zl_clock_ms();
    }
    return zl_clock_ms() - since->ms;
}

/* --- writing --- */

static const struct zl_kube_target TARGET_OF_PODS = {.resource = &ZL_KUBE_VALIDATING_WEBHOOKS,
                                                     .name = ZL_PODS_CONFIGURATION};
static const struct zl_kube_target TARGET_OF_SHIPPED = {.resource = &ZL_KUBE_VALIDATING_WEBHOOKS,
                                                        .name = ZL_SHIPPED_CONFIGURATION};

/* Somebody was faster, or it is gone: the event of that brings us here again. */
static enum zl_status forgive(enum zl_status status, struct zl_result *result)
{
    if (status == ZL_E_CONFLICT || status == ZL_E_INVALID || status == ZL_E_NOT_FOUND) {
        zl_look_again(&result->requeue_after_ms, SYNC_LOOK_MS);
        return ZL_OK;
    }
    return status;
}

/* --- the Secret --- */

static void make_token(char token[ZL_REVIEW_TOKEN_LENGTH + 1])
{
    unsigned char bytes[ZL_REVIEW_TOKEN_BYTES];
    zl_random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    }
}

static enum zl_status write_secret(struct zl_filler *filler, const struct cJSON *old,
                                   const struct zl_webhook_entry *pods,
                                   const struct zl_token_plan *plan, struct zl_error *err)
{
    struct zl_kube_target target = {
        .resource = &ZL_KUBE_SECRETS, .namespace_ = filler->namespace_, .name = ZL_REVIEW_SECRET};
    char token[ZL_REVIEW_TOKEN_LENGTH + 1];
    make_token(token);
    ZL_AUTO_JSON struct cJSON *object =
        old == NULL ? zl_review_secret_new(plan, token, zl_clock_wall_us(), pods->object)
                    : zl_review_secret_patch(plan, token, zl_clock_wall_us(), old);
    enum zl_status status = old == NULL ? zl_kube_create(filler->client, &target, object, NULL, err)
                                        : zl_kube_patch(filler->client, &target,
                                                        ZL_KUBE_PATCH_MERGE, object, NULL, err);
    if (status == ZL_OK) {
        ZL_LOG_INFO(
            "path of reviews written", ZL_BOOL("newToken", plan->token == NULL || old == NULL),
            ZL_BOOL("previousToo", plan->previous != NULL), ZL_BOOL("plainToo", plan->plain));
    }
    return status;
}

/* --- who insists --- */

static void set_opponent(struct zl_filler *filler, const char *name)
{
    pthread_mutex_lock(&filler->lock);
    snprintf(filler->opponent, sizeof filler->opponent, "%s", name);
    pthread_mutex_unlock(&filler->lock);
}

/* OBJECT is not what we wrote. Milliseconds to wait before it is written again. */
static int64_t wait_of_repair(struct zl_filler *filler, const struct cJSON *object,
                              const char *wanted)
{
    int64_t left_ms = zl_dispute_wait_ms(&filler->dispute, wanted, zl_clock_ms());
    if (left_ms > 0 && filler->opponent[0] == '\0') {
        set_opponent(filler, zl_opponent_of(object));
        ZL_LOG_WARN("somebody keeps changing the configuration " ZL_PODS_CONFIGURATION
                    ": it is repaired less often",
                    ZL_STR("manager", filler->opponent));
    }
    return left_ms;
}

static void note_peace(struct zl_filler *filler, struct zl_result *result)
{
    if (filler->dispute.repairs == 0) {
        return;
    }
    int64_t left_ms = zl_dispute_peace_ms(&filler->dispute, zl_clock_ms());
    if (left_ms > 0) {
        zl_look_again(&result->requeue_after_ms, left_ms);
    } else {
        set_opponent(filler, "");
    }
}

/* --- zen-lead-pods --- */

static char *print_wanted(const struct zl_gate_wanted *wanted)
{
    ZL_AUTO_JSON struct cJSON *selector = zl_selector_new(wanted->namespaces);
    ZL_AUTO_FREE char *names = zl_json_print(selector);
    return zl_asprintf("%s %s %s", wanted->path, wanted->ca_bundle, names);
}

/* Read first: the cache may lag behind our own last patch, and a place in a list is only true now. */
static enum zl_status fill(struct zl_filler *filler, const struct zl_gate_wanted *wanted,
                           struct zl_result *result, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_FREE char *text = print_wanted(wanted);
    enum zl_status status = zl_kube_get(filler->client, &TARGET_OF_PODS, &object, err);
    if (status != ZL_OK) {
        return forgive(status, result);
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_gate_patch(object, wanted);
    if (patch == NULL) {
        return ZL_OK;
    }
    int64_t wait_ms = wait_of_repair(filler, object, text);
    if (wait_ms > 0) {
        zl_look_again(&result->requeue_after_ms, wait_ms);
        return ZL_OK;
    }
    status = zl_kube_patch(filler->client, &TARGET_OF_PODS, ZL_KUBE_PATCH_JSON, patch, NULL, err);
    if (status == ZL_OK) {
        zl_dispute_wrote(&filler->dispute, text, zl_clock_ms());
        ZL_LOG_INFO("configuration of the gatekeeper set",
                    ZL_I64("namespaces", (int64_t)wanted->namespaces->count),
                    ZL_BOOL("plainPath", zl_same_string(wanted->path, ZL_REVIEW_PATH_PLAIN)));
    }
    return forgive(status, result);
}

/* --- zen-lead: what is ours of it --- */

static bool selects_something(const struct zl_webhook_entry *legacy)
{
    return legacy->present && !(legacy->selected.count == 1 &&
                                strcmp(legacy->selected.items[0], ZL_NO_NAMESPACE) == 0);
}

static enum zl_status patch_shipped(struct zl_filler *filler, const struct cJSON *patch,
                                    const char *what, struct zl_result *result,
                                    struct zl_error *err)
{
    enum zl_status status =
        zl_kube_patch(filler->client, &TARGET_OF_SHIPPED, ZL_KUBE_PATCH_JSON, patch, NULL, err);
    if (status == ZL_OK) {
        ZL_LOG_INFO("configuration " ZL_SHIPPED_CONFIGURATION " patched", ZL_STR("what", what));
    }
    return forgive(status, result);
}

/* Who replaces the whole configuration takes the caBundle away, and nobody's LeaderPolicy could be applied. */
static enum zl_status restore_ca_bundle(struct zl_filler *filler,
                                        const struct zl_webhook_entry *shipped,
                                        struct zl_result *result, struct zl_error *err)
{
    if (shipped->ca_bundle != NULL) {
        zl_replace_string(&filler->ca_bundle, shipped->ca_bundle);
    }
    if (filler->ca_bundle == NULL) {
        return ZL_OK;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_ca_bundle_patch(shipped->object, filler->ca_bundle);
    return patch != NULL ? patch_shipped(filler, patch, "caBundle restored", result, err) : ZL_OK;
}

/* Both entries ask the same webhook, and a claim may be asked for twice: better that than a moment without any. */
static enum zl_status empty_legacy(struct zl_filler *filler, const struct zl_webhook_entry *legacy,
                                   struct zl_result *result, struct zl_error *err)
{
    static const struct zl_namespaces none = {0};
    int64_t left_ms = LEGACY_OVERLAP_MS - lasts_ms(&filler->filled, filler->dispute.written);
    if (left_ms > 0) {
        zl_look_again(&result->requeue_after_ms, left_ms);
        return ZL_OK;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_selector_patch(legacy->object, &none);
    return patch != NULL
               ? patch_shipped(filler, patch, "its entry for pods selects none", result, err)
               : ZL_OK;
}

/* --- the owner --- */

static enum zl_status own(struct zl_filler *filler, const struct zl_kube_target *target,
                          const struct zl_webhook_entry *entry, const char *name, const char *uid,
                          struct zl_error *err)
{
    if (entry == NULL || entry->owner_uid != NULL) {
        return ZL_OK;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_owner_patch(entry->object, name, uid);
    return zl_kube_patch(filler->client, target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

/*
 * So that the configurations go with the Namespace: without the webhook they would keep pods from starting. A failure is said
 * once in a while and keeps nobody from anything.
 */
static void own_both(struct zl_filler *filler, const struct zl_webhook_entry *pods,
                     const struct zl_webhook_entry *shipped, struct zl_result *result)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const char *home =
        shipped->service_namespace != NULL ? shipped->service_namespace : filler->namespace_;
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_NAMESPACES, .name = home, .metadata_only = true};
    if ((pods->owner_uid != NULL && shipped->owner_uid != NULL) ||
        zl_clock_ms() < filler->owner_retry_ms) {
        return;
    }
    enum zl_status status = zl_kube_get(filler->client, &target, &object, &err);
    const char *uid = zl_json_text(object, "metadata", "uid", NULL);
    if (status == ZL_OK && uid != NULL &&
        zl_json_at(object, "metadata", "deletionTimestamp", NULL) == NULL) {
        status = own(filler, &TARGET_OF_PODS, pods, home, uid, &err);
        if (status == ZL_OK) {
            status = own(filler, &TARGET_OF_SHIPPED, shipped, home, uid, &err);
        }
    }
    if (status != ZL_OK && status != ZL_E_CONFLICT) {
        filler->owner_retry_ms = zl_clock_ms() + OWNER_RETRY_MS;
        zl_look_again(&result->requeue_after_ms, OWNER_RETRY_MS);
        ZL_LOG_WARN(
            "the configurations are not owned by the Namespace: who deletes that must delete "
            "them, too",
            ZL_STR("namespace", home), ZL_ERR(&err));
    }
}

/* --- all of it --- */

static struct zl_token_plan plan_path(struct zl_filler *filler, const struct zl_webhook_entry *pods,
                                      bool legacy, const struct cJSON *secret,
                                      const struct zl_review_tokens *tokens)
{
    const struct zl_token_facts facts = {
        .tokens = tokens,
        .in_use = pods->path,
        .all_know = zl_store_count(zl_informer_store(filler->pods)) == 0,
        .legacy = legacy,
        .tokens_ms =
            lasts_ms(&filler->tokens, zl_json_text(secret, "metadata", "resourceVersion", NULL)),
        .in_use_ms = lasts_ms(&filler->in_use, pods->path),
        .now_us = zl_clock_wall_us(),
    };
    return zl_token_plan(&facts);
}

/* Everything but the owner. Ends at the first write of the Secret: the event of that brings us here again. */
static enum zl_status work(struct zl_filler *filler, const struct zl_webhook_entry *pods,
                           const struct zl_webhook_entry *shipped,
                           const struct zl_namespaces *wanted, struct zl_result *result,
                           struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref =
        zl_store_find(zl_informer_store(filler->secret), filler->namespace_, ZL_REVIEW_SECRET);
    const struct cJSON *secret = ref != NULL ? zl_ref_object(ref) : NULL;
    ZL_AUTO_TOKENS struct zl_review_tokens tokens = {0};
    struct zl_webhook_entry *legacy = zl_webhook_entry_decode(shipped->object, ZL_WEBHOOK_ENTRY);
    bool is_legacy = selects_something(legacy);
    zl_review_tokens_decode(secret, &tokens);
    struct zl_token_plan plan = plan_path(filler, pods, is_legacy, secret, &tokens);
    if (plan.look_again_ms > 0) {
        zl_look_again(&result->requeue_after_ms, plan.look_again_ms);
    }
    if (filler->ca_bundle == NULL) { /* a controller that has just started */
        zl_replace_string(&filler->ca_bundle, pods->ca_bundle);
    }
    enum zl_status status = restore_ca_bundle(filler, shipped, result, err);
    if (status == ZL_OK && plan.write) {
        status = forgive(write_secret(filler, secret, pods, &plan, err), result);
    } else if (status == ZL_OK && plan.may_fill && filler->ca_bundle != NULL) {
        ZL_AUTO_FREE char *path = plan.path_token != NULL ? zl_review_path(plan.path_token)
                                                          : zl_strdup(ZL_REVIEW_PATH_PLAIN);
        const struct zl_gate_wanted gate = {.shipped = shipped->object,
                                            .path = path,
                                            .ca_bundle = filler->ca_bundle,
                                            .namespaces = wanted};
        ZL_AUTO_JSON struct cJSON *patch = zl_gate_patch(pods->object, &gate);
        if (patch != NULL) {
            status = fill(filler, &gate, result, err);
        } else {
            note_peace(filler, result);
            status = is_legacy ? empty_legacy(filler, legacy, result, err) : ZL_OK;
        }
    }
    zl_webhook_entry_free(legacy);
    return status;
}

struct zl_result zl_filler_fill(struct zl_filler *filler, const struct zl_webhook_entry *pods,
                                const struct zl_namespaces *wanted, struct zl_error *err)
{
    struct zl_result result = {.status = ZL_OK};
    if (!is_synced(filler)) {
        result.requeue_after_ms = SYNC_LOOK_MS;
        return result;
    }
    ZL_AUTO_REF struct zl_ref *ref =
        zl_store_find(zl_informer_store(filler->shipped), "", ZL_SHIPPED_CONFIGURATION);
    const struct zl_webhook_entry *shipped = ref != NULL ? zl_ref_object(ref) : NULL;
    if (pods == NULL || shipped == NULL) {
        return result; /* it is installed by halves, or removed: said by GatekeeperArmed */
    }
    result.status = work(filler, pods, shipped, wanted, &result, err);
    if (result.status == ZL_OK) {
        own_both(filler, pods, shipped, &result);
    }
    return result;
}

void zl_filler_opponent(struct zl_filler *filler, char *out, size_t size)
{
    pthread_mutex_lock(&filler->lock);
    snprintf(out, size, "%s", filler->opponent);
    pthread_mutex_unlock(&filler->lock);
}

/* --- start and stop --- */

static struct zl_informer *watch(struct zl_filler *filler, struct zl_informer_thread *thread,
                                 struct zl_informer_spec spec)
{
    spec.thread = thread;
    spec.on_change = changed;
    spec.ctx = filler;
    return zl_informer_new(filler->client, &spec);
}

struct zl_filler *zl_filler_new(struct zl_kube_client *client, struct zl_informer_thread *thread,
                                const char *namespace_, void (*changed_)(void *ctx), void *ctx)
{
    struct zl_filler *filler = zl_alloc(sizeof *filler);
    filler->client = client;
    filler->namespace_ = namespace_;
    filler->changed = changed_;
    filler->ctx = ctx;
    pthread_mutex_init(&filler->lock, NULL);
    atomic_init(&filler->started, false);
    filler->shipped = watch(filler, thread,
                            (struct zl_informer_spec){
                                .resource = &ZL_KUBE_VALIDATING_WEBHOOKS,
                                .field_selector = "metadata.name=" ZL_SHIPPED_CONFIGURATION,
                                .decode = decode_shipped,
                                .free_object = zl_webhook_entry_free,
                            });
    filler->secret = watch(filler, thread,
                           (struct zl_informer_spec){
                               .resource = &ZL_KUBE_SECRETS,
                               .namespace_ = namespace_,
                               .field_selector = "metadata.name=" ZL_REVIEW_SECRET,
                               .shape = ZL_REVIEW_SECRET_SHAPE,
                               .decode = decode_secret,
                               .free_object = free_secret,
                           });
    filler->pods = watch(filler, thread,
                         (struct zl_informer_spec){
                             .resource = &ZL_KUBE_PODS,
                             .namespace_ = namespace_,
                             .label_selector = WEBHOOK_PODS,
                             .decode = decode_pod,
                             .free_object = free,
                         });
    return filler;
}

void zl_filler_start(struct zl_filler *filler)
{
    zl_informer_start(filler->shipped);
    zl_informer_start(filler->secret);
    zl_informer_start(filler->pods);
    atomic_store(&filler->started, true);
}

/* Gone, or on its way out. */
static bool is_home_deleted(struct zl_filler *filler)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_NAMESPACES,
                                          .name = filler->namespace_,
                                          .metadata_only = true,
                                          .deadline_ms = zl_clock_ms() + LEAVE_TIMEOUT_MS};
    enum zl_status status = zl_kube_get(filler->client, &target, &object, &err);
    return status == ZL_E_NOT_FOUND ||
           (status == ZL_OK && zl_json_at(object, "metadata", "deletionTimestamp", NULL) != NULL);
}

static void leave(struct zl_filler *filler)
{
    struct zl_error err = {0};
    struct zl_kube_target target = TARGET_OF_PODS;
    ZL_AUTO_JSON struct cJSON *object = zl_json_object();
    target.deadline_ms = zl_clock_ms() + LEAVE_TIMEOUT_MS;
    zl_json_set_null(object, "webhooks");
    enum zl_status status =
        zl_kube_patch(filler->client, &target, ZL_KUBE_PATCH_MERGE, object, NULL, &err);
    ZL_LOG_INFO("the Namespace is being deleted: nobody waits for the webhook any more",
                ZL_BOOL("done", status == ZL_OK));
}

void zl_filler_stop(struct zl_filler *filler)
{
    if (!atomic_exchange(&filler->started, false)) {
        return;
    }
    if (is_home_deleted(filler)) {
        leave(filler);
    }
    zl_informer_stop(filler->shipped);
    zl_informer_stop(filler->secret);
    zl_informer_stop(filler->pods);
}

void zl_filler_free(struct zl_filler *filler)
{
    if (filler == NULL) {
        return;
    }
    zl_informer_free(filler->shipped);
    zl_informer_free(filler->secret);
    zl_informer_free(filler->pods);
    free(filler->tokens.what);
    free(filler->in_use.what);
    free(filler->filled.what);
    free(filler->ca_bundle);
    zl_dispute_clear(&filler->dispute);
    pthread_mutex_destroy(&filler->lock);
    free(filler);
}
