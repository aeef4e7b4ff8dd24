/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/parse.h"
#include "test/kubectl/kubectl.h"

/* kubectl waits a week. */
#define PATIENCE_MS (INT64_C(168) * 3600 * 1000)

struct deletion {
    const struct zl_command *command;
    char *body;
    struct cJSON *deleted; /* of each: type (its place in OBJECTS), name, uid */
    bool ignore;
};

static char *delete_options(const struct zl_command *command)
{
    ZL_AUTO_JSON struct cJSON *body = zl_json_object();
    zl_json_set_text(body, "kind", "DeleteOptions");
    zl_json_set_text(body, "apiVersion", "v1");
    zl_json_set_text(body, "propagationPolicy", "Background");
    int64_t seconds = -1;
    if (command->grace_period != NULL &&
        zl_parse_i64(command->grace_period, 1, 3600, &seconds, NULL) != ZL_OK) {
        return NULL;
    }
    if (seconds > 0) {
        zl_json_set_i64(body, "gracePeriodSeconds", seconds);
    }
    return zl_json_print(body);
}

/* 0, or 1 with the refusal printed. */
static int delete_one(struct zl_session *session, struct deletion *deletion,
                      const struct zl_object *object, size_t type)
{
    ZL_AUTO_ANSWER struct zl_answer answer;
    bool answered = zl_ask(session,
                           &(struct zl_question){
                               .method = "DELETE",
                               .resource = object->resource,
                               .namespace_ = session->namespace_,
                               .name = object->name,
                               .body = deletion->body,
                           },
                           &answer);
    if (answered && deletion->ignore && zl_is_not_found(&answer, object->name)) {
        return 0;
    }
    if (!answered || answer.http_status < 200 || answer.http_status > 202) {
        return zl_refused(session, &answer, NULL, NULL);
    }
    ZL_AUTO_FREE char *label = zl_kind_label(object->resource);
    zl_buf_printf(&session->out, "%s \"%s\" deleted", label, object->name);
    if (session->minor > 20 && !object->resource->cluster_scoped) {
        zl_buf_printf(&session->out, " from %s namespace", session->namespace_);
    }
    zl_buf_add_text(&session->out, "\n");
    struct cJSON *entry = zl_json_object();
    const char *uid = zl_json_text(answer.tree, "details", "uid", NULL);
    zl_json_set_i64(entry, "type", (int64_t)type);
    zl_json_set_text(entry, "name", object->name);
    zl_json_set_text(entry, "uid",
                     uid != NULL ? uid : zl_json_text(answer.tree, "metadata", "uid", NULL));
    zl_json_append(deletion->deleted, entry);
    return 0;
}

/* Those that a selector picks are looked up first. */
static int delete_selected(struct zl_session *session, struct deletion *deletion,
                           const struct zl_object *objects, size_t count)
{
    ZL_AUTO_JSON struct cJSON *found = zl_json_array();
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct cJSON *items = zl_json_array();
        zl_json_append(found, items);
        int status = zl_fetch(session, deletion->command, &objects[i], items);
        if (status != 0) {
            return status;
        }
        total += zl_json_count(items);
    }
    if (total == 0) {
        zl_buf_add_text(&session->out, "No resources found\n");
    }
    int status = 0;
    const struct cJSON *items = zl_json_first(found);
    for (size_t i = 0; i < count; i++, items = zl_json_next(items)) {
        const struct cJSON *item = zl_json_first(items);
        for (; item != NULL; item = zl_json_next(item)) {
            struct zl_object object = {objects[i].resource,
                                       zl_json_text(item, "metadata", "name", NULL)};
            status |= delete_one(session, deletion, &object, i);
        }
    }
    return status;
}

static int await_all(struct zl_session *session, const struct deletion *deletion,
                     const struct zl_object *objects)
{
    const struct cJSON *entry = zl_json_first(deletion->deleted);
    for (; entry != NULL; entry = zl_json_next(entry)) {
        const char *uid = zl_json_text(entry, "uid", NULL);
        struct zl_object object = {objects[zl_json_i64(entry, 0, "type", NULL)].resource,
                                   zl_json_text(entry, "name", NULL)};
        int status = zl_await(session, &object, &(struct zl_condition){.uid = uid},
                              zl_clock_ms() + PATIENCE_MS);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int zl_kubectl_delete(struct zl_session *session, const struct zl_command *command)
{
    struct zl_object objects[ZL_KUBECTL_ARGUMENTS_MAX];
    size_t count = zl_objects_parse(session, command->arguments, command->argument_count, objects);
    bool selected =
        zl_is_true(command->all) || command->selector != NULL || command->field_selector != NULL;
    if (count == 0 || selected != (objects[0].name == NULL) || zl_is_true(command->force) ||
        (zl_is_true(command->all) &&
         (command->selector != NULL || command->field_selector != NULL))) {
        return zl_defer(session, "what to delete");
    }
    for (size_t i = 0; i < count; i++) {
        if (objects[i].resource->cluster_scoped && command->namespace_ != NULL) {
            return zl_defer(session, "a namespace where there is none");
        }
    }
    ZL_AUTO_JSON struct cJSON *deleted = zl_json_array();
    struct deletion deletion = {
        .command = command,
        .body = delete_options(command),
        .deleted = deleted,
        .ignore = command->ignore_not_found ? zl_is_true(command->ignore_not_found) : selected,
    };
    if (deletion.body == NULL) {
        return zl_defer(session, "a grace period");
    }
    int status = 0;
    if (selected) {
        status = delete_selected(session, &deletion, objects, count);
    } else {
        for (size_t i = 0; i < count; i++) {
            status |= delete_one(session, &deletion, &objects[i], i);
        }
    }
    free(deletion.body);
    bool wait = command->wait == NULL || zl_is_true(command->wait);
    return status == 0 && wait ? await_all(session, &deletion, objects) : status;
}
