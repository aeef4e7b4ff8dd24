/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/parse.h"
#include "test/kubectl/kubectl.h"

#include <inttypes.h>

/* kubectl wait's own. */
#define PATIENCE_MS 30000

/* The object's or, from 1.2x on, the condition's own. */
static bool is_outdated(const struct zl_session *session, const struct cJSON *object,
                        const struct cJSON *condition)
{
    int64_t generation = zl_json_i64(object, -1, "metadata", "generation", NULL);
    int64_t observed = zl_json_i64(condition, -1, "observedGeneration", NULL);
    if (observed < 0) {
        observed = zl_json_i64(object, -1, "status", "observedGeneration", NULL);
    }
    return session->minor > 20 && generation >= 0 && observed >= 0 && observed < generation;
}

static bool is_met(const struct zl_session *session, const struct cJSON *object, const char *type)
{
    const struct cJSON *condition = zl_json_first(zl_json_at(object, "status", "conditions", NULL));
    for (; condition != NULL; condition = zl_json_next(condition)) {
        const char *name = zl_json_text(condition, "type", NULL);
        const char *status = zl_json_text(condition, "status", NULL);
        if (name != NULL && status != NULL && strcasecmp(name, type) == 0) {
            return !is_outdated(session, object, condition) && strcasecmp(status, "true") == 0;
        }
    }
    return false;
}

struct waiter {
    const struct zl_session *session;
    const struct zl_condition *condition;
    bool done;
};

static enum zl_status look(void *ctx, const char *type, const struct cJSON *object,
                           struct zl_error *err)
{
    struct waiter *waiter = ctx;
    const char *condition = waiter->condition->type;
    waiter->done = condition == NULL
                       ? strcmp(type, "DELETED") == 0
                       : (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0) &&
                             is_met(waiter->session, object, condition);
    return waiter->done ? zl_error_set(err, ZL_E_STOPPED, "it is") : ZL_OK;
}

/* Whether it holds already; if not, VERSION is where to watch from. ZL_DEFER when the look failed. */
static int look_now(struct zl_session *session, const struct zl_object *object,
                    const struct zl_condition *condition, const char *field, char **version)
{
    ZL_AUTO_ANSWER struct zl_answer answer;
    if (!zl_ask(session,
                &(struct zl_question){
                    .method = "GET",
                    .resource = object->resource,
                    .namespace_ = session->namespace_,
                    .field_selector = field,
                },
                &answer) ||
        answer.http_status != 200) {
        return ZL_DEFER;
    }
    const struct cJSON *item = zl_json_first(zl_json_at(answer.tree, "items", NULL));
    zl_replace_string(version, zl_json_text(answer.tree, "metadata", "resourceVersion", NULL));
    if (condition->type != NULL) {
        return is_met(session, item, condition->type);
    }
    const char *uid = zl_json_text(item, "metadata", "uid", NULL);
    return item == NULL || (condition->uid != NULL && !zl_same_string(uid, condition->uid));
}

int zl_await(struct zl_session *session, const struct zl_object *object,
             const struct zl_condition *condition, int64_t deadline_ms)
{
    struct zl_kube_stop *stop = zl_kube_stop_new();
    struct waiter waiter = {.session = session, .condition = condition};
    struct zl_kube_target target = {.resource = object->resource,
                                    .namespace_ = session->namespace_};
    ZL_AUTO_FREE char *field = zl_asprintf("metadata.name=%s", object->name);
    int status = 0;
    while (!waiter.done && status == 0) {
        ZL_AUTO_FREE char *version = NULL;
        int now = look_now(session, object, condition, field, &version);
        int64_t left_ms = deadline_ms - zl_clock_ms();
        waiter.done = now == 1;
        if (now == 0 && left_ms <= 0) {
            zl_buf_printf(&session->err, "error: timed out waiting for the condition on %s/%s\n",
                          object->resource->plural, object->name);
            status = 1;
        } else if (now < 0) {
            zl_buf_printf(&session->err, "error: %s/%s: no answer\n", object->resource->plural,
                          object->name);
            status = 1;
        } else if (!waiter.done) {
            int timeout_s = left_ms < 3600000 ? (int)(left_ms / 1000) + 1 : 3600;
            (void)!zl_kube_watch(session->client, &target,
                                 &(struct zl_kube_selector){.field = field}, version, timeout_s,
                                 stop, look, NULL, &waiter, NULL);
        }
    }
    zl_kube_stop_free(stop);
    return status;
}

/* "--for condition=Type" */
static const char *condition_of(const struct zl_command *command)
{
    const char *type =
        command->wait_for != NULL && strncmp(command->wait_for, "condition=", 10) == 0
            ? command->wait_for + 10
            : NULL;
    return type != NULL && type[0] != '\0' && strchr(type, '=') == NULL ? type : NULL;
}

int zl_kubectl_wait(struct zl_session *session, const struct zl_command *command)
{
    struct zl_object objects[ZL_KUBECTL_ARGUMENTS_MAX];
    size_t count = zl_objects_parse(session, command->arguments, command->argument_count, objects);
    int64_t patience_ms = PATIENCE_MS;
    const char *type = condition_of(command);
    if (count == 0 || type == NULL || objects[0].name == NULL || command->all != NULL ||
        (command->timeout != NULL &&
         (!zl_parse_duration(command->timeout, &patience_ms) || patience_ms <= 0))) {
        return zl_defer(session, "what to wait for");
    }
    for (size_t i = 0; i < count; i++) {
        ZL_AUTO_JSON struct cJSON *items = zl_json_array();
        int status = zl_fetch(session, command, &objects[i], items);
        if (status != 0) {
            return count > 1 ? zl_defer(session, "one of several is not there") : status;
        }
    }
    int64_t started_ms = zl_clock_ms();
    for (size_t i = 0; i < count; i++) {
        /* Each has its own time up to 1.2x, later all share it. */
        int64_t from_ms = session->minor <= 20 ? zl_clock_ms() : started_ms;
        int status = zl_await(session, &objects[i], &(struct zl_condition){.type = type},
                              from_ms + patience_ms);
        if (status != 0) {
            return status;
        }
        zl_print_done(session, objects[i].resource, objects[i].name, "condition met");
    }
    return 0;
}
