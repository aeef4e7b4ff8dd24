/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limits.h"
#include "common/kube/client_internal.h"
#include "test/kubectl/kubectl.h"

struct receiver {
    struct zl_session *session;
    struct zl_answer *answer;
};

static size_t receive(char *bytes, size_t size, size_t count, void *ctx)
{
    struct receiver *receiver = ctx;
    return zl_buf_add(&receiver->answer->body, bytes, size * count) ? size * count : 0;
}

/* Warning: 299 - "text", which kubectl shows. */
static void show_warning(struct zl_buf *err, const char *line)
{
    const char *at = strchr(line, '"');
    const char *end = strrchr(line, '"');
    if (at == NULL || end == at) {
        return;
    }
    zl_buf_add_text(err, "Warning: ");
    for (at++; at < end; at++) {
        at += *at == '\\' && at + 1 < end;
        zl_buf_add(err, at, 1);
    }
    zl_buf_add_text(err, "\n");
}

static size_t receive_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct receiver *receiver = ctx;
    ZL_AUTO_FREE char *line = zl_strndup(bytes, size * count);
    if (strncasecmp(line, "warning:", 8) == 0) {
        receiver->answer->warned = true;
        show_warning(&receiver->session->warnings, line);
    }
    return size * count;
}

static char *url_of(const struct zl_session *session, const struct zl_question *question)
{
    const char *base = session->client->base;
    if (question->path != NULL) {
        return zl_asprintf("%s%s", base, question->path);
    }
    const struct zl_kube_resource *resource = question->resource;
    bool core = resource->group[0] == '\0';
    bool namespaced = !resource->cluster_scoped && question->namespace_ != NULL;
    return zl_asprintf("%s/%s%s/%s%s%s/%s%s%s", base, core ? "api" : "apis/", resource->group,
                       resource->version, namespaced ? "/namespaces/" : "",
                       namespaced ? question->namespace_ : "", resource->plural,
                       question->name ? "/" : "", question->name ? question->name : "");
}

bool zl_ask(struct zl_session *session, const struct zl_question *question,
            struct zl_answer *answer)
{
    *answer = (struct zl_answer){0};
    zl_buf_init(&answer->body, ZL_ANSWER_MAX);
    ZL_AUTO_REQUEST struct zl_kube_request request = {
        .method = question->method,
        .what = zl_strdup(""),
        .url = url_of(session, question),
        .accept = "application/json",
        .content_type = question->content_type ? question->content_type : "application/json",
        .body = zl_strdup(question->body),
    };
    zl_kube_request_query(&request, "labelSelector", question->selector);
    zl_kube_request_query(&request, "fieldSelector", question->field_selector);
    zl_kube_request_query(&request, "fieldManager", question->field_manager);
    zl_kube_request_query(&request, "dryRun", question->dry_run);
    zl_kube_request_query(&request, "fieldValidation", question->field_validation);
    CURL *handle = session->client->idle_count > 0
                       ? session->client->idle[--session->client->idle_count].handle
                       : curl_easy_init();
    struct curl_slist *headers = zl_kube_handle_prepare(session->client, handle, &request);
    struct receiver receiver = {.session = session, .answer = answer};
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &receiver);
    CURLcode code = curl_easy_perform(handle);
    long http_status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &http_status);
    answer->http_status = code == CURLE_OK ? (int)http_status : 0;
    curl_slist_free_all(headers);
    session->client->idle[session->client->idle_count++].handle = handle;
    if (answer->body.length > 0 &&
        zl_json_parse(answer->body.data, answer->body.length, &answer->tree, NULL) != ZL_OK) {
        answer->tree = NULL;
    }
    return answer->http_status != 0;
}

void zl_answer_clear(struct zl_answer *answer)
{
    zl_buf_clear(&answer->body);
    zl_json_free(answer->tree);
}

bool zl_is_not_found(const struct zl_answer *answer, const char *name)
{
    return answer->http_status == 404 &&
           zl_same_string(zl_json_text(answer->tree, "reason", NULL), "NotFound") &&
           zl_same_string(zl_json_text(answer->tree, "details", "name", NULL), name);
}

bool zl_print_refusal(struct zl_session *session, const struct zl_answer *answer, const char *verb,
                      const char *source)
{
    const char *reason = zl_json_text(answer->tree, "reason", NULL);
    const char *message = zl_json_text(answer->tree, "message", NULL);
    /* Of an invalid object and an unknown caller kubectl speaks otherwise. */
    if (!zl_same_string(zl_json_text(answer->tree, "kind", NULL), "Status") || reason == NULL ||
        reason[0] == '\0' || message == NULL || strcmp(reason, "Invalid") == 0 ||
        strcmp(reason, "Unauthorized") == 0) {
        return false;
    }
    zl_buf_printf(&session->err, "Error from server (%s): ", reason);
    if (verb != NULL) {
        zl_buf_printf(&session->err, "error when %s \"%s\": ", verb, source);
    }
    return zl_buf_printf(&session->err, "%s%s", message,
                         message[strlen(message) - 1] == '\n' ? "" : "\n");
}

/* The causes one by one, each once. */
static void print_invalid(struct zl_session *session, const struct zl_answer *answer)
{
    const struct cJSON *causes = zl_json_at(answer->tree, "details", "causes", NULL);
    ZL_AUTO_JSON struct cJSON *said = zl_json_object();
    const struct cJSON *cause = zl_json_first(causes);
    for (; cause != NULL; cause = zl_json_next(cause)) {
        const char *field = zl_json_text(cause, "field", NULL);
        const char *message = zl_json_text(cause, "message", NULL);
        ZL_AUTO_FREE char *line = zl_asprintf("%s: %s", field ? field : "", message ? message : "");
        zl_json_set_bool(said, line, true);
    }
    const char *kind = zl_json_text(answer->tree, "details", "kind", NULL);
    const char *name = zl_json_text(answer->tree, "details", "name", NULL);
    const char *message = zl_json_text(answer->tree, "message", NULL);
    size_t count = zl_json_count(said);
    if (kind != NULL || name != NULL) {
        zl_buf_printf(&session->err, "The %s \"%s\" is invalid", kind ? kind : "",
                      name ? name : "");
    } else {
        zl_buf_add_text(&session->err, "The request is invalid");
    }
    if (kind == NULL && name == NULL && count == 0 && message != NULL && session->minor > 20) {
        zl_buf_printf(&session->err, ": %s", message); /* 1.20 keeps it to itself */
    }
    zl_buf_add_text(&session->err, count == 0 ? "\n" : count == 1 ? ": " : ": \n");
    const struct cJSON *line = zl_json_first(said);
    for (; line != NULL; line = zl_json_next(line)) {
        zl_buf_printf(&session->err, "%s%s\n", count == 1 ? "" : "* ", zl_json_name(line));
    }
}

int zl_refused(struct zl_session *session, const struct zl_answer *answer, const char *verb,
               const char *source)
{
    if (answer->http_status == 0) {
        zl_buf_add_text(&session->err, "Unable to connect to the server\n");
    } else if (!zl_print_refusal(session, answer, verb, source)) {
        print_invalid(session, answer);
    }
    return 1;
}

void zl_print_done(struct zl_session *session, const struct zl_kube_resource *resource,
                   const char *name, const char *outcome)
{
    ZL_AUTO_FREE char *label = zl_kind_label(resource);
    zl_buf_printf(&session->out, "%s/%s %s\n", label, name, outcome);
}

/* An object of a list is what it would be alone: with its type, which the server's own lists say once for all. */
static void add_items(const struct cJSON *list, const struct zl_kube_resource *resource,
                      struct cJSON *items)
{
    const struct cJSON *item = zl_json_first(zl_json_at(list, "items", NULL));
    for (; item != NULL; item = zl_json_next(item)) {
        struct cJSON *copy = zl_json_copy(item);
        if (zl_json_at(copy, "kind", NULL) == NULL &&
            zl_json_at(copy, "apiVersion", NULL) == NULL) {
            zl_json_set_text(copy, "kind", resource->kind);
            zl_json_set_text(copy, "apiVersion", zl_json_text(list, "apiVersion", NULL));
        }
        zl_json_append(items, copy);
    }
}

int zl_fetch(struct zl_session *session, const struct zl_command *command,
             const struct zl_object *object, struct cJSON *items)
{
    bool everywhere = zl_is_true(command->all_namespaces);
    ZL_AUTO_ANSWER struct zl_answer answer;
    bool answered = zl_ask(session,
                           &(struct zl_question){
                               .method = "GET",
                               .resource = object->resource,
                               .namespace_ = everywhere ? NULL : session->namespace_,
                               .name = object->name,
                               .selector = command->selector,
                               .field_selector = command->field_selector,
                           },
                           &answer);
    if (!answered || answer.warned || answer.tree == NULL) {
        return zl_defer(session, "no answer, or a warning");
    }
    if (object->name != NULL && zl_is_not_found(&answer, object->name)) {
        return zl_print_refusal(session, &answer, NULL, NULL) ? 1 : ZL_DEFER;
    }
    if (answer.http_status != 200) {
        return zl_defer(session, "a read was refused");
    }
    if (object->name != NULL) {
        zl_json_append(items, ZL_STEAL(&answer.tree));
        return 0;
    }
    const char *more = zl_json_text(answer.tree, "metadata", "continue", NULL);
    if (more != NULL && more[0] != '\0') {
        return zl_defer(session, "a list in pages");
    }
    add_items(answer.tree, object->resource, items);
    return 0;
}
