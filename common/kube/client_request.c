/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_request.c - what is sent for a target: method, address and what the answer may be.
 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/kube/client_internal.h"

#define MEDIA_JSON "application/json"
#define MEDIA_PARTIAL "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define MEDIA_PARTIAL_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

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

static int64_t deadline_of(const struct zl_kube_target *target)
{
    return target->deadline_ms > 0 ? target->deadline_ms : zl_clock_ms() + ZL_KUBE_TIMEOUT_MS;
}

enum zl_status zl_kube_request_object(struct zl_kube_request *request,
                                      const struct zl_kube_client *client, const char *operation,
                                      const char *method, const struct zl_kube_target *target,
                                      const char *name, struct zl_error *err)
{
    *request = (struct zl_kube_request){
        .operation = operation,
        .method = method,
        .what = describe(method, target, name),
        .accept = target->metadata_only ? MEDIA_PARTIAL "," MEDIA_JSON : MEDIA_JSON,
        .deadline_ms = deadline_of(target),
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
        .deadline_ms = deadline_of(target),
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
