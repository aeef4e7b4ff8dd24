/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limits.h"
#include "common/kube/client_internal.h"

#define FIELD_MANAGER "zen-lead"
#define MEDIA_JSON "application/json"
#define MEDIA_MERGE_PATCH "application/merge-patch+json"
#define MEDIA_APPLY_PATCH "application/apply-patch+yaml" /* JSON is YAML */
#define MEDIA_JSON_PATCH "application/json-patch+json"
#define MEDIA_PARTIAL "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define MEDIA_PARTIAL_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

/* ---- requests -------------------------------------------------------------------------------- */

void zl_kube_request_clear(struct zl_kube_request *request)
{
    free(request->what);
    free(request->url);
    free(request->body);
}

/* Percent-encoded for a path segment or a query value: RFC 3986's unreserved bytes stay. */
static char *escape(const char *text)
{
    static const char HEX[] = "0123456789ABCDEF";
    char *out = zl_alloc(strlen(text) * 3 + 1);
    char *to = out;
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= '0' && byte <= '9') || strchr("-._~", byte) != NULL) {
            *to++ = *at;
        } else {
            *to++ = '%';
            *to++ = HEX[byte >> 4];
            *to++ = HEX[byte & 15];
        }
    }
    return out;
}

static void append(char **text, char *taken)
{
    char *longer = zl_asprintf("%s%s", *text, taken);
    free(taken);
    free(*text);
    *text = longer;
}

static void append_segment(char **url, const char *segment)
{
    ZL_AUTO_FREE char *escaped = escape(segment);
    append(url, zl_asprintf("/%s", escaped));
}

void zl_kube_request_query(struct zl_kube_request *request, const char *name, const char *value)
{
    if (value != NULL) {
        ZL_AUTO_FREE char *escaped = escape(value);
        bool first =
            strchr(request->url, '?') == NULL; /* NOLINT: an accepted request has its URL */
        append(&request->url, zl_asprintf("%c%s=%s", first ? '?' : '&', name, escaped));
    }
}

/* An empty name would turn the deletion of one object into that of a collection. */
static bool is_segment(const char *text)
{
    return text != NULL && text[0] != '\0' && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static char *collection_url(const struct zl_kube_client *client,
                            const struct zl_kube_target *target)
{
    const struct zl_kube_resource *resource = target->resource;
    char *url =
        resource->group[0] == '\0'
            ? zl_asprintf("%s/api/%s", client->base, resource->version)
            : zl_asprintf("%s/apis/%s/%s", client->base, resource->group, resource->version);
    if (!resource->cluster_scoped && target->namespace_ != NULL) {
        append(&url, zl_strdup("/namespaces"));
        append_segment(&url, target->namespace_);
    }
    append_segment(&url, resource->plural);
    return url;
}

/* "GET leases default/zen-lead-a"; NAME may be NULL. */
static char *describe(const char *verb, const struct zl_kube_target *target, const char *name)
{
    bool namespaced = !target->resource->cluster_scoped && target->namespace_ != NULL;
    return zl_asprintf(
        "%s %s%s%s%s%s%s%s%s", verb, target->resource->plural, namespaced || name ? " " : "",
        namespaced ? target->namespace_ : "", namespaced && name ? "/" : "", name ? name : "",
        target->subresource ? " (" : "", target->subresource ? target->subresource : "",
        target->subresource ? ")" : "");
}

static int64_t timeout_of(const struct zl_kube_target *target)
{
    return target->timeout_ms > 0 ? target->timeout_ms : ZL_KUBE_TIMEOUT_MS;
}

/* A request about one object; a create is about the collection it joins, unless it has a subresource. */
static enum zl_status request_object(struct zl_kube_request *request,
                                     const struct zl_kube_client *client, const char *operation,
                                     const char *method, const struct zl_kube_target *target,
                                     const char *name, struct zl_error *err)
{
    *request = (struct zl_kube_request){
        .operation = operation,
        .method = method,
        .what = describe(method, target, name),
        .accept = target->metadata_only ? MEDIA_PARTIAL "," MEDIA_JSON : MEDIA_JSON,
        .timeout_ms = timeout_of(target),
        .secret = target->resource == &ZL_KUBE_SECRETS,
    };
    if (!target->resource->cluster_scoped && !is_segment(target->namespace_)) {
        return zl_error_set(err, ZL_E_INVALID, "%s: no namespace is given", request->what);
    }
    bool by_name = strcmp(method, "POST") != 0 || target->subresource != NULL;
    if (by_name && !is_segment(target->name)) {
        return zl_error_set(err, ZL_E_INVALID, "%s: no object is named", request->what);
    }
    request->url = collection_url(client, target);
    if (by_name) {
        append_segment(&request->url, target->name);
    }
    if (target->subresource != NULL) {
        append_segment(&request->url, target->subresource);
    }
    return ZL_OK;
}

enum zl_status
zl_kube_request_collection(struct zl_kube_request *request, const struct zl_kube_client *client,
                           const char *operation, const struct zl_kube_target *target,
                           const struct zl_kube_selector *selector, struct zl_error *err)
{
    bool watch = strcmp(operation, "watch") == 0;
    const char *partial = watch ? MEDIA_PARTIAL "," MEDIA_JSON : MEDIA_PARTIAL_LIST "," MEDIA_JSON;
    *request = (struct zl_kube_request){
        .operation = operation,
        .method = "GET",
        .what = describe(watch ? "WATCH" : "LIST", target, NULL),
        .accept = target->metadata_only ? partial : MEDIA_JSON,
        .timeout_ms = timeout_of(target),
    };
    if (target->namespace_ != NULL && !target->resource->cluster_scoped &&
        !is_segment(target->namespace_)) {
        return zl_error_set(err, ZL_E_INVALID, "%s: the namespace is not a name", request->what);
    }
    request->url = collection_url(client, target);
    if (selector != NULL) {
        zl_kube_request_query(request, "labelSelector", selector->label);
        zl_kube_request_query(request, "fieldSelector", selector->field);
    }
    return ZL_OK;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* OUT may be NULL: then the answer's body is not even read as JSON. */
static enum zl_status call(struct zl_kube_client *client, const struct zl_kube_request *request,
                           struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_BUF struct zl_buf answer;
    zl_buf_init(&answer, ZL_ANSWER_MAX);
    enum zl_status status = zl_kube_execute(client, request, &answer, err);
    if (status != ZL_OK || out == NULL) {
        return status;
    }
    status = zl_json_parse(answer.data ? answer.data : "", answer.length, out, err);
    if (status != ZL_OK) { /* something between us and the API server answered */
        struct zl_error cause = err != NULL ? *err : (struct zl_error){0};
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: the answer is not JSON: %s", request->what,
                            cause.message);
    }
    return ZL_OK;
}

enum zl_status zl_kube_get(struct zl_kube_client *client, const struct zl_kube_target *target,
                           struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        request_object(&request, client, "get", "GET", target, target->name, err);
    return status == ZL_OK ? call(client, &request, out, err) : status;
}

enum zl_status zl_kube_get_path(struct zl_kube_client *client, const char *path, struct cJSON **out,
                                struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request = {
        .operation = "get",
        .method = "GET",
        .what = zl_asprintf("GET %s", path),
        .url = zl_asprintf("%s%s", client->base, path),
        .accept = MEDIA_JSON,
        .timeout_ms = ZL_KUBE_TIMEOUT_MS,
    };
    return call(client, &request, out, err);
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
    return call(client, request, out, err);
}

enum zl_status zl_kube_create(struct zl_kube_client *client, const struct zl_kube_target *target,
                              const struct cJSON *object, struct cJSON **out, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    enum zl_status status = request_object(&request, client, "create", "POST", target, name, err);
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
        request_object(&request, client, "replace", "PUT", target, target->name, err);
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
        request_object(&request, client, "patch", "PATCH", target, target->name, err);
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
        request_object(&request, client, "delete", "DELETE", target, target->name, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_JSON struct cJSON *body = delete_options(target, options);
    request.content_type = MEDIA_JSON;
    request.body = zl_json_print(body);
    return call(client, &request, NULL, err);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static enum zl_status list_page(struct zl_kube_client *client, const struct zl_kube_target *target,
                                const struct zl_kube_selector *selector, const char *token,
                                struct cJSON **page, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        zl_kube_request_collection(&request, client, "list", target, selector, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *limit = zl_asprintf("%d", ZL_LIST_PAGE);
    zl_kube_request_query(&request, "limit", limit);
    zl_kube_request_query(&request, "continue", token);
    status = call(client, &request, page, err);
    /* Go writes a list without items as null */
    const struct cJSON *items = zl_json_at(*page, "items", NULL);
    if (status == ZL_OK && !zl_json_is_array(items) && !zl_json_is_null(items)) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: the answer is not a list", request.what);
    }
    return status;
}

enum zl_status zl_kube_list(struct zl_kube_client *client, const struct zl_kube_target *target,
                            const struct zl_kube_selector *selector,
                            enum zl_status (*each)(void *ctx, const struct cJSON *object,
                                                   struct zl_error *err),
                            void *ctx, char **resource_version, struct zl_error *err)
{
    ZL_AUTO_FREE char *token = NULL;
    ZL_AUTO_FREE char *version = NULL;
    do {
        ZL_AUTO_JSON struct cJSON *page = NULL;
        enum zl_status status = list_page(client, target, selector, token, &page, err);
        if (status != ZL_OK) {
            return status;
        }
        if (version == NULL) {
            version = zl_strdup(zl_json_text(page, "metadata", "resourceVersion", NULL));
        }
        zl_replace_string(&token, zl_json_text(page, "metadata", "continue", NULL));
        const struct cJSON *item = zl_json_first(zl_json_at(page, "items", NULL));
        for (; item != NULL; item = zl_json_next(item)) {
            status = each(ctx, item, err);
            if (status != ZL_OK) {
                return status;
            }
        }
    } while (token != NULL && token[0] != '\0');
    if (resource_version != NULL) {
        *resource_version = ZL_STEAL(&version);
    }
    return ZL_OK;
}
