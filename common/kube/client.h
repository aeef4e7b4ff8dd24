/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - the Kubernetes REST API over libcurl: HTTP/2 where the server has it, keep-alive, TLS
 * verified, every call with a deadline.
 *
 * A client keeps idle connections and hands the warmest one to the next call. Kubernetes Status
 * answers become an enum zl_status class plus the server's sentence in struct zl_error:
 *   404 NOT_FOUND, 409 CONFLICT, 410 GONE, 400/405/415/422 INVALID, 401/403 DENIED,
 *   429 THROTTLED (Retry-After honoured in retry_after_ms), 413 TOO_LARGE, 5xx and network TRANSIENT.
 * A call that fails on a kept-alive connection before any byte of an answer arrived is repeated by
 * libcurl on a fresh one; nothing else is retried here: that is the caller's policy. A deadline is a point in time, so
 * that whoever makes several calls for one answer hands on the one that it has.
 *
 * Threads: a client serves any number of threads at once.
 */
#ifndef ZL_KUBE_CLIENT_H
#define ZL_KUBE_CLIENT_H

#include "common/base/json.h"
#include "common/base/json_prune.h"
#include "common/base/metrics.h"
#include "common/kube/config.h"
#include "common/kube/reasons.h"
#include "common/kube/resource.h"

#include <stdint.h>

struct zl_kube_client; /* opaque */

/*
 * CONFIG is copied. USER_AGENT: "zen-lead-webhook/0.3.0". Call curl_global_init (zl_kube_init) in
 * main before the first one.
 */
enum zl_status zl_kube_client_new(const struct zl_kube_config *config, const char *user_agent,
                                  struct zl_kube_client **out, struct zl_error *err) ZL_MUST_CHECK;
void zl_kube_client_free(struct zl_kube_client *client); /* no call may be in flight */
/*
 * From any thread: the calls in flight end within about a second as ZL_E_STOPPED, whether their server answers or not, and so
 * does each later one. Watches have a zl_kube_stop. For who is about to free the client and must not wait for an API server.
 */
void zl_kube_client_cancel(struct zl_kube_client *client);
/*
 * The server's clock now, in seconds since 1970, by the Date of its last answer to a call (not of a watch). 0: unknown.
 */
int64_t zl_kube_server_time_s(struct zl_kube_client *client);
void zl_kube_init(void);
void zl_kube_cleanup(void);

/* For one request of a call that has no deadline. */
#define ZL_KUBE_TIMEOUT_MS 10000

/* Which object. NAMESPACE_ is ignored for cluster-scoped resources; NAME NULL for a collection. */
struct zl_kube_target {
    const struct zl_kube_resource *resource;
    const char *namespace_; /* NULL with a namespaced resource: all namespaces (list, watch) */
    const char *name;
    const char *subresource; /* "status", or NULL */
    /*
     * zl_clock_ms by which all of the call must be over, a list with its pages too: what comes later is not even asked for,
     * and ends as ZL_E_TRANSIENT. 0: ZL_KUBE_TIMEOUT_MS for each request of it.
     */
    int64_t deadline_ms;
    bool metadata_only; /* get, list, watch: PartialObjectMetadata */
    bool dry_run;       /* create, replace, patch, delete: dryRun=All */
    /* What is read of an answer's object; the rest is never in memory. NULL: all of it is kept. */
    const struct zl_json_shape *shape;
    /*
     * list, watch: NULL: an object of which SHAPE names more than ZL_KEPT_MAX is ZL_E_TOO_LARGE, as it is for the others.
     * Else it is handed over without its largest members, and *IS_CUT says for each object whether that is so.
     */
    bool *is_cut;
    int page; /* list: objects of the first page; 0: ZL_LIST_PAGE */
};

/* OUT (may be NULL where the answer is not wanted) is freed by the caller with zl_json_free. */
enum zl_status zl_kube_get(struct zl_kube_client *client, const struct zl_kube_target *target,
                           struct cJSON **out, struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_kube_create(struct zl_kube_client *client, const struct zl_kube_target *target,
                              const struct cJSON *object, struct cJSON **out,
                              struct zl_error *err) ZL_MUST_CHECK;
/* PUT: a compare-and-swap when OBJECT carries metadata.resourceVersion. */
enum zl_status zl_kube_replace(struct zl_kube_client *client, const struct zl_kube_target *target,
                               const struct cJSON *object, struct cJSON **out,
                               struct zl_error *err) ZL_MUST_CHECK;

enum zl_kube_patch_type {
    ZL_KUBE_PATCH_MERGE, /* RFC 7386; a compare-and-swap when it carries metadata.resourceVersion */
    ZL_KUBE_PATCH_APPLY, /* server-side apply, fieldManager "zen-lead", force */
    ZL_KUBE_PATCH_JSON,  /* RFC 6902: PATCH is an array; a failed "test" is ZL_E_INVALID */
};
enum zl_status zl_kube_patch(struct zl_kube_client *client, const struct zl_kube_target *target,
                             enum zl_kube_patch_type type, const struct cJSON *patch,
                             struct cJSON **out, struct zl_error *err) ZL_MUST_CHECK;

struct zl_kube_delete_options {
    const char *uid;              /* precondition, or NULL */
    const char *resource_version; /* precondition, or NULL */
    int64_t grace_period_s;       /* -1: the object's own */
    bool foreground;              /* propagationPolicy: Foreground; else Background */
};
/* OPTIONS may be NULL. A failed precondition is ZL_E_CONFLICT. */
enum zl_status zl_kube_delete(struct zl_kube_client *client, const struct zl_kube_target *target,
                              const struct zl_kube_delete_options *options,
                              struct zl_error *err) ZL_MUST_CHECK;

struct zl_kube_selector {
    const char *label; /* labelSelector, or NULL */
    const char *field; /* fieldSelector, or NULL */
};

/*
 * LIST in pages of up to ZL_LIST_PAGE objects, as many as fit into ZL_PAGE_AIM by what the page before had.
 * EACH is called once per object, in order, on this thread, while the page is still on
 * its way: one object is in memory at a time, however large the page is. EACH's failure ends the list and is returned; what
 * it was given before a failure is no list. A consistent read (no resourceVersion).
 *
 * A continue token that expires in the middle is ZL_E_GONE: start again.
 *
 * @param resource_version  receives the list's version (of its first page), freed by the caller; may be NULL
 */
enum zl_status zl_kube_list(struct zl_kube_client *client, const struct zl_kube_target *target,
                            const struct zl_kube_selector *selector,
                            enum zl_status (*each)(void *ctx, const struct cJSON *object,
                                                   struct zl_error *err),
                            void *ctx, char **resource_version, struct zl_error *err) ZL_MUST_CHECK;

/* Ends a watch from another thread, at once. Made once per watching thread, reused. */
struct zl_kube_stop; /* opaque */
struct zl_kube_stop *zl_kube_stop_new(void);
void zl_kube_stop_set(struct zl_kube_stop *stop);   /* from any thread */
void zl_kube_stop_clear(struct zl_kube_stop *stop); /* by the watching thread, between watches */
bool zl_kube_stop_is_set(const struct zl_kube_stop *stop);
void zl_kube_stop_free(struct zl_kube_stop *stop);

/*
 * WATCH from RESOURCE_VERSION, with bookmarks, until the server ends it (ZL_OK: watch again from the
 * last version seen), STOP is set (ZL_E_STOPPED), EVENT returns a failure (returned as it is), or
 * an error. Of an event only what TARGET's shape names is kept, so that an object may be of any size. A peer whose
 * kernel is gone is noticed within about 30 s (TCP keep-alive and user timeout). A server that hangs while its kernel
 * answers is noticed when the watch is over: TIMEOUT_S and 30 s more.
 *
 * @param timeout_s  timeoutSeconds asked of the server
 * @param event      TYPE: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR; OBJECT is borrowed
 * @param opened     called once when the server accepted the watch (200); may be NULL
 */
enum zl_status
zl_kube_watch(struct zl_kube_client *client, const struct zl_kube_target *target,
              const struct zl_kube_selector *selector, const char *resource_version, int timeout_s,
              struct zl_kube_stop *stop,
              enum zl_status (*event)(void *ctx, const char *type, const struct cJSON *object,
                                      struct zl_error *err),
              void (*opened)(void *ctx), void *ctx, struct zl_error *err) ZL_MUST_CHECK;

/* A Status object (of an ERROR event, or an answer's body) as a class and a sentence. HTTP_STATUS: 0 if unknown. */
enum zl_status zl_kube_status_decode(const struct cJSON *status, int http_status,
                                     struct zl_error *err);

/* Plain GET of a path that is not a resource ("/version", "/apis/discovery.k8s.io"). */
enum zl_status zl_kube_get_path(struct zl_kube_client *client, const char *path, struct cJSON **out,
                                struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_kube_get_path_within(struct zl_kube_client *client, const char *path,
                                       int64_t timeout_ms, struct cJSON **out,
                                       struct zl_error *err) ZL_MUST_CHECK;

/* API calls by method and class, for /metrics: zen_lead_api_call_duration_seconds{operation,result}. */
extern const struct zl_metric *const ZL_KUBE_CLIENT_METRICS[];

#endif
