/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl annotate and label: read the objects, then send the difference as a merge patch.
 */
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>

struct marks {
    const char *field;    /* "annotations" or "labels" */
    struct cJSON *wanted; /* key: text, or null to remove it */
    bool labels;
};

static bool is_pair(const char *argument)
{
    size_t length = strlen(argument);
    return (strchr(argument, '=') != NULL && argument[0] != '=') ||
           (length > 1 && argument[length - 1] == '-');
}

static bool is_key(const char *key)
{
    const char *slash = strchr(key, '/');
    return key[0] != '\0' && key[0] != '/' &&
           (slash == NULL || (slash[1] != '\0' && strchr(slash + 1, '/') == NULL)) &&
           strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789./-") == strlen(key);
}

static bool is_label_value(const char *value)
{
    return strlen(value) <= 63 && value[0] != '-' && value[0] != '.' &&
           strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(value);
}

/* "key=value" or "key-" */
static bool add_pair(struct marks *marks, const char *pair)
{
    const char *equals = strchr(pair, '=');
    ZL_AUTO_FREE char *key =
        zl_strndup(pair, equals != NULL ? (size_t)(equals - pair) : strlen(pair) - 1);
    if (!is_key(key) || zl_json_at(marks->wanted, key, NULL) != NULL ||
        (equals != NULL && marks->labels && !is_label_value(equals + 1))) {
        return false;
    }
    zl_json_set_text(marks->wanted, key, equals != NULL ? equals + 1 : NULL);
    return true;
}

/* What has to be changed of OBJECT. NULL: kubectl would complain, or say something else than that it is done. */
static struct cJSON *difference(const struct zl_session *session, const struct marks *marks,
                                bool overwrite, const struct cJSON *object, const char **outcome)
{
    const struct cJSON *has = zl_json_at(object, "metadata", marks->field, NULL);
    ZL_AUTO_JSON struct cJSON *change = zl_json_object();
    size_t added = 0;
    size_t removed = 0;
    const struct cJSON *mark = zl_json_first(marks->wanted);
    for (; mark != NULL; mark = zl_json_next(mark)) {
        const char *old = zl_json_text(has, zl_json_name(mark), NULL);
        const char *new = zl_json_value_text(mark);
        if ((old != NULL && new != NULL && !overwrite) ||
            (old == NULL && new == NULL && marks->labels)) {
            return NULL;
        }
        if (!zl_same_string(old, new)) {
            zl_json_set_text(zl_json_child(zl_json_child(change, "metadata"), marks->field),
                             zl_json_name(mark), new);
            added += new != NULL;
            removed += new == NULL;
        }
    }
    *outcome = "annotated";
    if (marks->labels) {
        *outcome = session->minor <= 20 || removed == 0 ? "labeled"
                   : added == 0                         ? "unlabeled"
                                                        : "modified";
    }
    return marks->labels && added + removed == 0 ? NULL : ZL_STEAL(&change);
}

/* 0, or 1 with the refusal printed. */
static int change_one(struct zl_session *session, const struct marks *marks,
                      const struct zl_object *object, const struct cJSON *before, bool overwrite)
{
    const char *outcome = NULL;
    ZL_AUTO_JSON struct cJSON *change = difference(session, marks, overwrite, before, &outcome);
    ZL_AUTO_FREE char *body = zl_json_print(change);
    ZL_AUTO_ANSWER struct zl_answer answer;
    const char *name = zl_json_text(before, "metadata", "name", NULL);
    bool answered =
        zl_ask(session,
               &(struct zl_question){
                   .method = "PATCH",
                   .resource = object->resource,
                   .namespace_ = session->namespace_,
                   .name = name,
                   .field_manager = marks->labels ? "kubectl-label" : "kubectl-annotate",
                   .content_type = "application/merge-patch+json",
                   .body = body,
               },
               &answer);
    if (!answered || answer.http_status != 200) {
        zl_refused(session, &answer, NULL, NULL);
        return 1;
    }
    zl_print_done(session, object->resource, name, outcome);
    return 0;
}

static int change_all(struct zl_session *session, const struct zl_command *command,
                      const struct marks *marks, const struct zl_object *objects, size_t count)
{
    bool overwrite = zl_is_true(command->overwrite);
    ZL_AUTO_JSON struct cJSON *found = zl_json_array(); /* an array for each of OBJECTS */
    for (size_t i = 0; i < count; i++) {
        struct cJSON *items = zl_json_array();
        zl_json_append(found, items);
        int status = zl_fetch(session, command, &objects[i], items);
        if (status == 1 && count > 1) {
            return zl_defer(session, "one of several is not there");
        }
        if (status != 0) {
            return status;
        }
        for (const struct cJSON *item = items->child; item != NULL; item = item->next) {
            const char *outcome = NULL;
            ZL_AUTO_JSON struct cJSON *change =
                difference(session, marks, overwrite, item, &outcome);
            if (change == NULL) {
                return zl_defer(session, "a mark that is there, or is not");
            }
        }
    }
    int status = 0;
    const struct cJSON *items = found->child;
    for (size_t i = 0; i < count; i++, items = items->next) {
        for (const struct cJSON *item = items->child; item != NULL; item = item->next) {
            status |= change_one(session, marks, &objects[i], item, overwrite);
        }
    }
    return status;
}

int zl_kubectl_mark(struct zl_session *session, const struct zl_command *command)
{
    size_t names = 0;
    while (names < command->argument_count && !is_pair(command->arguments[names])) {
        names++;
    }
    bool labels = strcmp(command->verb, "label") == 0;
    ZL_AUTO_JSON struct cJSON *wanted = zl_json_object();
    struct marks marks = {
        .field = labels ? "labels" : "annotations", .wanted = wanted, .labels = labels};
    for (size_t i = names; i < command->argument_count; i++) {
        if (!is_pair(command->arguments[i]) || !add_pair(&marks, command->arguments[i])) {
            return zl_defer(session, "a mark");
        }
    }
    struct zl_object objects[ZL_KUBECTL_ARGUMENTS_MAX];
    size_t count = zl_objects_parse(session, command->arguments, names, objects);
    bool every = zl_is_true(command->all);
    if (count == 0 || zl_json_count(wanted) == 0) {
        return zl_defer(session, "a type or name");
    }
    if (every + (command->selector != NULL) != (objects[0].name == NULL)) {
        return zl_defer(session, "names and selectors");
    }
    return change_all(session, command, &marks, objects, count);
}
