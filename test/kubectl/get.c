/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>

#define JSONPATH "jsonpath="

/* kubectl wraps what it found into a List of its own, but for the one object that was asked for by name. */
static struct cJSON *wrapped(const struct zl_session *session, struct cJSON *items_taken)
{
    struct cJSON *list = zl_json_object();
    zl_json_set_text(list, "apiVersion", "v1");
    zl_json_set_text(list, "kind", "List");
    zl_json_set_text(zl_json_child(list, "metadata"), "resourceVersion", "");
    if (session->minor <= 20) {
        zl_json_set_text(zl_json_child(list, "metadata"), "selfLink", "");
    }
    zl_json_set(list, "items", items_taken);
    return list;
}

/* Since 1.21 they are shown on demand only. */
static void hide_managed_fields(struct cJSON *items)
{
    for (cJSON *item = items->child; item != NULL; item = item->next) {
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(item, "metadata"),
                                                "managedFields");
    }
}

static bool print_names(struct zl_session *session, const struct cJSON *items)
{
    const struct cJSON *item = zl_json_first(items);
    for (; item != NULL; item = zl_json_next(item)) {
        const struct zl_kube_resource *resource = zl_kind_find(
            session, zl_json_text(item, "apiVersion", NULL), zl_json_text(item, "kind", NULL));
        if (resource == NULL) {
            return false;
        }
        ZL_AUTO_FREE char *label = zl_kind_label(resource);
        zl_buf_printf(&session->out, "%s/%s\n", label,
                      zl_json_text(item, "metadata", "name", NULL));
    }
    return true;
}

static bool print(struct zl_session *session, const char *format, struct cJSON *items_taken,
                  bool alone)
{
    ZL_AUTO_JSON struct cJSON *items = items_taken;
    if (strcmp(format, "name") == 0) {
        return print_names(session, items);
    }
    bool json = strcmp(format, "json") == 0;
    if (json && session->minor >= 21) {
        hide_managed_fields(items);
    }
    ZL_AUTO_JSON struct cJSON *list = alone ? NULL : wrapped(session, ZL_STEAL(&items));
    const struct cJSON *tree = alone ? zl_json_first(items) : list;
    if (!json) {
        return zl_print_jsonpath(&session->out, format + strlen(JSONPATH), tree);
    }
    return zl_print_json(&session->out, tree, true) && zl_buf_add_text(&session->out, "\n");
}

static int get_raw(struct zl_session *session, const struct zl_command *command)
{
    if (command->argument_count > 0 || command->output != NULL || command->selector != NULL ||
        command->field_selector != NULL || command->all_namespaces != NULL ||
        command->raw[0] != '/' || strpbrk(command->raw, "%?# ") != NULL) {
        return zl_defer(session, "a raw path with more");
    }
    ZL_AUTO_ANSWER struct zl_answer answer;
    if (!zl_ask(session, &(struct zl_question){.method = "GET", .path = command->raw}, &answer) ||
        answer.http_status != 200 || answer.warned) {
        return zl_defer(session, "a raw read was refused");
    }
    zl_buf_add(&session->out, answer.body.data, answer.body.length);
    return 0;
}

static bool is_known_format(const char *output)
{
    return output != NULL && (strcmp(output, "name") == 0 || strcmp(output, "json") == 0 ||
                              strncmp(output, JSONPATH, strlen(JSONPATH)) == 0);
}

int zl_kubectl_get(struct zl_session *session, const struct zl_command *command)
{
    if (command->raw != NULL) {
        return get_raw(session, command);
    }
    struct zl_object objects[ZL_KUBECTL_ARGUMENTS_MAX];
    size_t count = zl_objects_parse(session, command->arguments, command->argument_count, objects);
    if (!is_known_format(command->output) || count == 0) {
        return zl_defer(session, count == 0 ? "a type or name" : "an output format");
    }
    bool named = objects[0].name != NULL;
    if (named && (command->selector != NULL || command->field_selector != NULL ||
                  command->all_namespaces != NULL)) {
        return zl_defer(session, "names and selectors");
    }
    bool ignore = zl_is_true(command->ignore_not_found);
    ZL_AUTO_JSON struct cJSON *items = zl_json_array();
    for (size_t i = 0; i < count; i++) {
        int status = zl_fetch(session, command, &objects[i], items);
        if (status == 1 && count > 1) {
            return zl_defer(session, "one of several is not there");
        }
        if (status == 1 && ignore) {
            zl_buf_reset(&session->err);
            return 0;
        }
        if (status != 0) {
            return status;
        }
    }
    if (ignore && zl_json_count(items) == 0) {
        return 0;
    }
    return print(session, command->output, ZL_STEAL(&items), named && count == 1)
               ? 0
               : zl_defer(session, "a jsonpath");
}
