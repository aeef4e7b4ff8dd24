/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - single calls, and lists page by page: what is read of the answer while it comes.
 */
#include "common/base/budget.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/kube/client_internal.h"

#define FIELD_MANAGER "zen-lead"
#define MEDIA_JSON "application/json"
#define MEDIA_MERGE_PATCH "application/merge-patch+json"
#define MEDIA_APPLY_PATCH "application/apply-patch+yaml" /* JSON is YAML */
#define MEDIA_JSON_PATCH "application/json-patch+json"

/* ---- calls ----------------------------------------------------------------------------------- */

/* One object on its way in. */
struct answer {
    const struct zl_kube_request *request;
    struct zl_json_pruner *pruner;
    size_t received;
    struct cJSON **out;
};

static enum zl_status take_object(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    const struct answer *answer = ctx;
    if (*answer->out != NULL) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: more text after the value");
    }
    if (kept->cut) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "what is read of the object is too large");
    }
    return zl_json_parse(kept->text, kept->length, answer->out, err);
}

/* Something between us and the API server answered, or the object is too large. */
static enum zl_status explain(const struct zl_kube_request *request, enum zl_status status,
                              struct zl_error *err)
{
    if (status != ZL_E_INVALID) {
        return zl_error_wrap(err, status, "%s", request->what);
    }
    return zl_error_wrap(err, ZL_E_TRANSIENT, "%s: the answer is not JSON", request->what);
}

static enum zl_status take_bytes(void *ctx, const char *bytes, size_t length, struct zl_error *err)
{
    struct answer *answer = ctx;
    answer->received += length;
    if (answer->received > ZL_ANSWER_MAX) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "%s: the answer is larger than %lu MiB",
                            answer->request->what, ZL_ANSWER_MAX / ZL_MIB);
    }
    if (answer->pruner == NULL) {
        return ZL_OK;
    }
    enum zl_status status = zl_json_pruner_feed(answer->pruner, bytes, length, err);
    return status == ZL_OK ? ZL_OK : explain(answer->request, status, err);
}

/*
 * @param shape  what is read of the answer; NULL: all
 * @param out    may be NULL: then the answer's body is not even read as JSON
 */
static enum zl_status call(struct zl_kube_client *client, const struct zl_kube_request *request,
                           const struct zl_json_shape *shape, struct cJSON **out,
                           struct zl_error *err)
{
    struct cJSON *tree = NULL;
    struct answer answer = {.request = request, .out = &tree};
    const struct zl_kube_sink sink = {.take = take_bytes, .ctx = &answer};
    ZL_AUTO_PRUNER struct zl_json_pruner *pruner = NULL;
    if (out != NULL) {
        pruner = zl_json_pruner_new(shape, shape != NULL ? ZL_KEPT_MAX : ZL_WHOLE_ANSWER_MAX,
                                    take_object, &answer);
        answer.pruner = pruner;
    }
    enum zl_status status = zl_kube_execute(client, request, &sink, err);
    if (status != ZL_OK || out == NULL) {
        zl_json_free(tree);
        return status;
    }
    status = zl_json_pruner_end(pruner, err);
    if (status == ZL_OK && tree == NULL) {
        status = zl_error_set(err, ZL_E_INVALID, "JSON: empty");
    }
    if (status != ZL_OK) {
        zl_json_free(tree);
        return explain(request, status, err);
    }
    *out = tree;
    return ZL_OK;
}

enum zl_status zl_kube_get(struct zl_kube_client *client, const struct zl_kube_target *target,
                           struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        zl_kube_request_object(&request, client, "get", "GET", target, target->name, err);
    return status == ZL_OK ? call(client, &request, target->shape, out, err) : status;
}

enum zl_status zl_kube_get_path(struct zl_kube_client *client, const char *path, struct cJSON **out,
                                struct zl_error *err)
{
    return zl_kube_get_path_within(client, path, ZL_KUBE_TIMEOUT_MS, out, err);
}

enum zl_status zl_kube_get_path_within(struct zl_kube_client *client, const char *path,
                                       int64_t timeout_ms, struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request = {
        .operation = "get",
        .method = "GET",
        .what = zl_asprintf("GET %s", path),
        .url = zl_asprintf("%s%s", client->base, path),
        .accept = MEDIA_JSON,
        .deadline_ms = zl_clock_ms() + (timeout_ms > 0 ? timeout_ms : ZL_KUBE_TIMEOUT_MS),
    };
    return call(client, &request, NULL, out, err);
}

/* What all calls with a body share. */
static enum zl_status write_object(struct zl_kube_client *client, struct zl_kube_request *request,
                                   const struct zl_kube_target *target, const char *content_type,
                                   const struct cJSON *body, struct cJSON **out,
                                   struct zl_error *err)
{
    zl_kube_request_query(request, "fieldManager", FIELD_MANAGER);
    zl_kube_request_query(request, "dryRun", target->dry_run ? "All" : NULL);
    request->content_type = content_type;
    request->body = zl_json_print(body);
    return call(client, request, target->shape, out, err);
}

enum zl_status zl_kube_create(struct zl_kube_client *client, const struct zl_kube_target *target,
                              const struct cJSON *object, struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    enum zl_status status =
        zl_kube_request_object(&request, client, "create", "POST", target, name, err);
    if (status != ZL_OK) {
        return status;
    }
    return write_object(client, &request, target, MEDIA_JSON, object, out, err);
}

enum zl_status zl_kube_replace(struct zl_kube_client *client, const struct zl_kube_target *target,
                               const struct cJSON *object, struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        zl_kube_request_object(&request, client, "replace", "PUT", target, target->name, err);
    if (status != ZL_OK) {
        return status;
    }
    return write_object(client, &request, target, MEDIA_JSON, object, out, err);
}

enum zl_status zl_kube_patch(struct zl_kube_client *client, const struct zl_kube_target *target,
                             enum zl_kube_patch_type type, const struct cJSON *patch,
                             struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        zl_kube_request_object(&request, client, "patch", "PATCH", target, target->name, err);
    if (status != ZL_OK) {
        return status;
    }
    if (type == ZL_KUBE_PATCH_MERGE) {
        return write_object(client, &request, target, MEDIA_MERGE_PATCH, patch, out, err);
    }
    if (type == ZL_KUBE_PATCH_JSON) {
        return write_object(client, &request, target, MEDIA_JSON_PATCH, patch, out, err);
    }
    zl_kube_request_query(&request, "force", "true");
    return write_object(client, &request, target, MEDIA_APPLY_PATCH, patch, out, err);
}

/* With a body the API server reads no option from the query, so that dryRun is in here. */
static struct cJSON *delete_options(const struct zl_kube_target *target,
                                    const struct zl_kube_delete_options *options)
{
    struct cJSON *body = zl_json_object();
    zl_json_set_text(body, "apiVersion", "v1");
    zl_json_set_text(body, "kind", "DeleteOptions");
    zl_json_set_text(body, "propagationPolicy",
                     options != NULL && options->foreground ? "Foreground" : "Background");
    if (target->dry_run) {
        struct cJSON *all = zl_json_array();
        zl_json_append_text(all, "All");
        zl_json_set(body, "dryRun", all);
    }
    if (options != NULL && options->uid != NULL) {
        zl_json_set_text(zl_json_child(body, "preconditions"), "uid", options->uid);
    }
    if (options != NULL && options->resource_version != NULL) {
        zl_json_set_text(zl_json_child(body, "preconditions"), "resourceVersion",
                         options->resource_version);
    }
    if (options != NULL && options->grace_period_s >= 0) {
        zl_json_set_i64(body, "gracePeriodSeconds", options->grace_period_s);
    }
    return body;
}

enum zl_status zl_kube_delete(struct zl_kube_client *client, const struct zl_kube_target *target,
                              const struct zl_kube_delete_options *options, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        zl_kube_request_object(&request, client, "delete", "DELETE", target, target->name, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_JSON struct cJSON *body = delete_options(target, options);
    request.content_type = MEDIA_JSON;
    request.body = zl_json_print(body);
    return call(client, &request, NULL, NULL, err);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static const struct zl_json_shape LIST_METADATA[] = {
    {.name = "resourceVersion"}, {.name = "continue"}, {.name = NULL}};

static enum zl_status take_item(struct zl_kube_page *page, const struct zl_json_kept *kept,
                                struct zl_error *err)
{
    struct cJSON *object = NULL;
    const size_t share = zl_budget_of_tree(kept->length);
    zl_budget_wait(ZL_BUDGET_OBJECTS, share);
    enum zl_status status = zl_kube_parse(page->target, kept, &object, err);
    if (status == ZL_OK) {
        status = page->failure = page->each(page->ctx, object, err);
    }
    zl_json_free(object);
    zl_budget_give(ZL_BUDGET_OBJECTS, share);
    return status;
}

static enum zl_status take_part(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct zl_kube_page *page = ctx;
    if (kept->element) {
        return take_item(page, kept, err);
    }
    if (page->head != NULL) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: more text after the value");
    }
    return zl_json_parse(kept->text, kept->length, &page->head, err);
}

enum zl_status zl_kube_page_take(void *ctx, const char *bytes, size_t length, struct zl_error *err)
{
    struct zl_kube_page *page = ctx;
    page->received += length;
    enum zl_status status = zl_json_pruner_feed(page->pruner, bytes, length, err);
    return status == ZL_OK || page->failure != ZL_OK ? status
                                                     : explain(&page->request, status, err);
}

enum zl_status zl_kube_page_begin(struct zl_kube_page *page, const struct zl_kube_client *client,
                                  const struct zl_kube_selector *selector, int count,
                                  const char *token, struct zl_error *err)
{
    enum zl_status status =
        zl_kube_request_collection(&page->request, client, "list", page->target, selector, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *limit = zl_asprintf("%d", count);
    zl_kube_request_query(&page->request, "limit", limit);
    zl_kube_request_query(&page->request, "continue", token);
    page->shape[0] = (struct zl_json_shape){.name = "metadata", .members = LIST_METADATA};
    page->shape[1] =
        (struct zl_json_shape){.name = "items", .members = page->target->shape, .apart = true};
    page->pruner = zl_json_pruner_new(
        page->shape, page->target->shape != NULL ? ZL_KEPT_MAX : ZL_WHOLE_ANSWER_MAX, take_part,
        page);
    return ZL_OK;
}

enum zl_status zl_kube_page_end(struct zl_kube_page *page, struct zl_error *err)
{
    if (zl_json_pruner_end(page->pruner, err) != ZL_OK) {
        return explain(&page->request, ZL_E_INVALID, err);
    }
    /* Go writes a list without items as null */
    const struct cJSON *items = zl_json_at(page->head, "items", NULL);
    if (!zl_json_is_array(items) && !zl_json_is_null(items)) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: the answer is not a list",
                            page->request.what);
    }
    return ZL_OK;
}

void zl_kube_page_clear(struct zl_kube_page *page)
{
    zl_json_pruner_free(page->pruner);
    zl_json_free(page->head);
    zl_kube_request_clear(&page->request);
    page->pruner = NULL;
    page->head = NULL;
    page->request = (struct zl_kube_request){0};
}

/* Receive one page and hand over its items while it comes. */
static enum zl_status receive_page(struct zl_kube_client *client,
                                   const struct zl_kube_selector *selector, int count,
                                   const char *token, struct zl_kube_page *page,
                                   struct zl_error *err)
{
    const struct zl_kube_sink sink = {.take = zl_kube_page_take, .ctx = page};
    enum zl_status status = zl_kube_page_begin(page, client, selector, count, token, err);
    if (status == ZL_OK) {
        status = zl_kube_execute(client, &page->request, &sink, err);
    }
    return status == ZL_OK ? zl_kube_page_end(page, err) : status;
}

int zl_kube_page_next(int count, size_t received)
{
    if (received > ZL_PAGE_AIM) {
        return count > 1 ? count / 2 : 1;
    }
    if (received > ZL_PAGE_AIM / 4) {
        return count;
    }
    return count < ZL_LIST_PAGE / 2 ? count * 2 : ZL_LIST_PAGE;
}

enum zl_status zl_kube_list(struct zl_kube_client *client, const struct zl_kube_target *target,
                            const struct zl_kube_selector *selector,
                            enum zl_status (*each)(void *ctx, const struct cJSON *object,
                                                   struct zl_error *err),
                            void *ctx, char **resource_version, struct zl_error *err)
{
    ZL_AUTO_FREE char *token = NULL;
    ZL_AUTO_FREE char *version = NULL;
    int count = target->page > 0 ? target->page : ZL_LIST_PAGE;
    do {
        ZL_CLEANUP(zl_kube_page_clear)
        struct zl_kube_page page = {.target = target, .each = each, .ctx = ctx};
        enum zl_status status = receive_page(client, selector, count, token, &page, err);
        if (status == ZL_OK && version == NULL) {
            version = zl_strdup(zl_json_text(page.head, "metadata", "resourceVersion", NULL));
        }
        zl_replace_string(&token, zl_json_text(page.head, "metadata", "continue", NULL));
        count = zl_kube_page_next(count, page.received);
        if (status != ZL_OK) {
            return status;
        }
    } while (token != NULL && token[0] != '\0');
    if (resource_version != NULL) {
        *resource_version = ZL_STEAL(&version);
    }
    return ZL_OK;
}

enum zl_status zl_kube_parse(const struct zl_kube_target *target, const struct zl_json_kept *kept,
                             struct cJSON **out, struct zl_error *err)
{
    if (kept->cut && target->is_cut == NULL) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "what is read of an object is too large");
    }
    if (target->is_cut != NULL) {
        *target->is_cut = kept->cut;
    }
    return zl_json_parse(kept->text, kept->length, out, err);
}
