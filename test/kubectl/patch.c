/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubectl/kubectl.h"

/* NULL when the type is not known here. */
static const char *media_type(const char *type)
{
    if (type == NULL || strcmp(type, "strategic") == 0) {
        return "application/strategic-merge-patch+json";
    }
    if (strcmp(type, "merge") == 0) {
        return "application/merge-patch+json";
    }
    return strcmp(type, "json") == 0 ? "application/json-patch+json" : NULL;
}

static bool is_same(const struct cJSON *before, const struct cJSON *after)
{
    ZL_AUTO_BUF struct zl_buf left;
    ZL_AUTO_BUF struct zl_buf right;
    zl_buf_init(&left, 16u << 20);
    zl_buf_init(&right, 16u << 20);
    return zl_print_json(&left, before, false) && zl_print_json(&right, after, false) &&
           strcmp(left.data, right.data) == 0;
}

int zl_kubectl_patch(struct zl_session *session, const struct zl_command *command)
{
    struct zl_object objects[ZL_KUBECTL_ARGUMENTS_MAX];
    size_t count = zl_objects_parse(session, command->arguments, command->argument_count, objects);
    const char *media = media_type(command->patch_type);
    ZL_AUTO_JSON struct cJSON *patch = NULL;
    if (count != 1 || objects[0].name == NULL || media == NULL || command->patch == NULL ||
        zl_json_parse(command->patch, strlen(command->patch), &patch, NULL) != ZL_OK) {
        return zl_defer(session, "a patch");
    }
    /* A strategic merge is for types that the server was built with; kubectl has its own words for it. */
    if (command->patch_type == NULL && strstr(objects[0].resource->group, "kube-zen") != NULL) {
        return zl_defer(session, "a strategic patch");
    }
    ZL_AUTO_JSON struct cJSON *items = zl_json_array();
    int status = zl_fetch(session, command, &objects[0], items);
    if (status != 0) {
        return status;
    }
    ZL_AUTO_ANSWER struct zl_answer answer;
    bool answered = zl_ask(session,
                           &(struct zl_question){
                               .method = "PATCH",
                               .resource = objects[0].resource,
                               .namespace_ = session->namespace_,
                               .name = objects[0].name,
                               .field_manager = "kubectl-patch",
                               .content_type = media,
                               .body = command->patch,
                           },
                           &answer);
    if (!answered || answer.http_status != 200) {
        return zl_refused(session, &answer, NULL, NULL);
    }
    bool same = is_same(zl_json_first(items), answer.tree);
    zl_print_done(session, objects[0].resource, objects[0].name,
                  same ? "patched (no change)" : "patched");
    return 0;
}
