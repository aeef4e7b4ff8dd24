/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl create -f and apply -f of objects that are not there yet.
 */
#include "common/base/parse.h"
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

struct creation {
    const struct zl_command *command;
    bool apply;
    const char *source;
};

/* Standard input, which is kept for the real kubectl. */
static bool read_input(struct zl_buf *input)
{
    char bytes[16384];
    ssize_t got = 0;
    while ((got = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
        if (!zl_buf_add(input, bytes, (size_t)got)) {
            return false;
        }
    }
    return got == 0;
}

/* As kubectl guesses: what begins with a brace is JSON, and no YAML in flow style. */
static struct cJSON *read_text(const char *text, size_t length)
{
    if (text[strspn(text, " \t\r\n")] != '{') {
        return zl_manifest_read(text, length);
    }
    struct cJSON *object = NULL;
    if (zl_json_parse(text, length, &object, NULL) != ZL_OK) {
        return NULL;
    }
    struct cJSON *objects = zl_json_array();
    zl_json_append(objects, object);
    return objects;
}

/* The objects of the command's file; NULL when their reading is not certain. */
static struct cJSON *read_objects(struct zl_session *session, const struct zl_command *command)
{
    if (strcmp(command->file, "-") == 0) {
        return read_input(&session->input) && session->input.length > 0
                   ? read_text(session->input.data, session->input.length)
                   : NULL;
    }
    ZL_AUTO_FREE char *text = NULL;
    size_t length = 0;
    struct stat status; /* a pipe can be read once, which is for the real kubectl then */
    if (stat(command->file, &status) != 0 || !S_ISREG(status.st_mode) ||
        zl_file_read(command->file, &text, &length, NULL) != ZL_OK) {
        return NULL;
    }
    return read_text(text, length);
}

/* Make OBJECT what kubectl would send; false when it might not send it. */
static bool prepare(struct zl_session *session, const struct creation *creation,
                    struct cJSON *object)
{
    const struct zl_kube_resource *resource = zl_kind_find(
        session, zl_json_text(object, "apiVersion", NULL), zl_json_text(object, "kind", NULL));
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    const char *prefix = zl_json_text(object, "metadata", "generateName", NULL);
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    if (resource == NULL || (name == NULL && (prefix == NULL || creation->apply)) ||
        (namespace_ != NULL &&
         (resource->cluster_scoped || strcmp(namespace_, session->namespace_) != 0)) ||
        zl_json_at(object, "metadata", "resourceVersion", NULL) != NULL) {
        session->reason = "an object's type, name or namespace";
        return false;
    }
    /* Later versions leave it to the server. */
    ZL_AUTO_FREE char *unknown = session->minor <= 20 ? zl_shape_check(object) : NULL;
    if (unknown != NULL) {
        session->reason = ZL_STEAL(&unknown); /* for the log, until the end */
        return false;
    }
    if (!resource->cluster_scoped) {
        zl_json_set_text(zl_json_child(object, "metadata"), "namespace", session->namespace_);
    }
    return true;
}

/* What kubectl apply remembers of an object in the object. */
static bool annotate(struct cJSON *object)
{
    struct cJSON *annotations = zl_json_child(zl_json_child(object, "metadata"), "annotations");
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, 1u << 20);
    if (zl_json_at(annotations, LAST_APPLIED, NULL) != NULL ||
        !zl_print_json(&text, object, false) || !zl_buf_add_text(&text, "\n")) {
        return false;
    }
    zl_json_set_text(annotations, LAST_APPLIED, text.data);
    return true;
}

/* There is none of that name yet. */
static bool is_new(struct zl_session *session, const struct zl_kube_resource *resource,
                   const char *name)
{
    ZL_AUTO_ANSWER struct zl_answer answer;
    bool answered = zl_ask(session,
                           &(struct zl_question){
                               .method = "GET",
                               .resource = resource,
                               .namespace_ = session->namespace_,
                               .name = name,
                           },
                           &answer);
    return answered && zl_is_not_found(&answer, name) && !answer.warned;
}

/* 0, 1 with the refusal printed, or ZL_DEFER when kubectl might not even have sent it. */
static int create_one(struct zl_session *session, const struct creation *creation,
                      const struct zl_kube_resource *resource, const struct cJSON *object)
{
    bool dry_run = creation->command->dry_run != NULL;
    ZL_AUTO_BUF struct zl_buf body;
    zl_buf_init(&body, 4u << 20);
    if (!zl_print_json(&body, object, false)) {
        return zl_defer(session, "a text");
    }
    ZL_AUTO_ANSWER struct zl_answer answer;
    bool answered = zl_ask(
        session,
        &(struct zl_question){
            .method = "POST",
            .resource = resource,
            .namespace_ = session->namespace_,
            .field_manager = creation->apply ? "kubectl-client-side-apply" : "kubectl-create",
            .dry_run = dry_run ? "All" : NULL,
            .field_validation = session->minor > 20 ? "Strict" : NULL,
            .body = body.data,
        },
        &answer);
    if (answered && (answer.http_status == 422 || answer.http_status == 400)) {
        return zl_defer(session, "an invalid object");
    }
    if (!answered || answer.http_status != 201) {
        return zl_refused(session, &answer, "creating", creation->source);
    }
    const char *name = zl_json_text(answer.tree, "metadata", "name", NULL);
    if (creation->command->output != NULL) {
        ZL_AUTO_FREE char *label = zl_kind_label(resource);
        zl_buf_printf(&session->out, "%s/%s\n", label, name);
    } else {
        zl_print_done(session, resource, name, dry_run ? "created (server dry run)" : "created");
    }
    return 0;
}

static int create_all(struct zl_session *session, const struct creation *creation,
                      struct cJSON *objects)
{
    for (cJSON *object = objects->child; object != NULL; object = object->next) {
        if (!prepare(session, creation, object)) {
            return ZL_DEFER;
        }
        const struct zl_kube_resource *resource = zl_kind_find(
            session, zl_json_text(object, "apiVersion", NULL), zl_json_text(object, "kind", NULL));
        if (creation->apply &&
            (!annotate(object) ||
             !is_new(session, resource, zl_json_text(object, "metadata", "name", NULL)))) {
            return zl_defer(session, "an object that is there");
        }
    }
    int status = 0;
    for (const cJSON *object = objects->child; object != NULL; object = object->next) {
        const struct zl_kube_resource *resource = zl_kind_find(
            session, zl_json_text(object, "apiVersion", NULL), zl_json_text(object, "kind", NULL));
        int one = create_one(session, creation, resource, object);
        if (one == ZL_DEFER && object != objects->child) {
            zl_buf_printf(&session->err, "zl-kubectl: %s after a write\n", session->reason);
            return 1;
        }
        if (one == ZL_DEFER) {
            return ZL_DEFER;
        }
        status |= one;
    }
    return status;
}

int zl_kubectl_create(struct zl_session *session, const struct zl_command *command)
{
    struct creation creation = {
        .command = command,
        .apply = strcmp(command->verb, "apply") == 0,
        .source =
            command->file != NULL && strcmp(command->file, "-") == 0 ? "STDIN" : command->file,
    };
    if (command->file == NULL || command->argument_count > 0 ||
        (command->output != NULL && strcmp(command->output, "name") != 0) ||
        (command->dry_run != NULL && strcmp(command->dry_run, "server") != 0)) {
        return zl_defer(session, "what to create");
    }
    ZL_AUTO_JSON struct cJSON *objects = read_objects(session, command);
    if (objects == NULL || zl_json_count(objects) == 0) {
        return zl_defer(session, "a manifest");
    }
    return create_all(session, &creation, objects);
}
