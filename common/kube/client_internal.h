/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_internal.h - what the files of the client share: client_request.c makes requests of targets, client.c calls and lists,
 * client_transport.c carries one at a time over libcurl, client_loop.c and client_exchange.c many at once; client_list.c and
 * client_watch.c are what those are. client_token.c keeps the bearer token fresh, client_status.c reads refusals.
 *
 * Threads: as client.h says.
 */
#ifndef ZL_KUBE_CLIENT_INTERNAL_H
#define ZL_KUBE_CLIENT_INTERNAL_H

#include "common/base/buf.h"
#include "common/base/json_prune.h"
#include "common/kube/client.h"
#include "common/kube/client_stream.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* Idle connections kept; more calls at once than this are possible, they just connect anew. */
#define ZL_KUBE_IDLE_MAX 16

/* A bearer token, re-read from its file when that changes. */
struct zl_kube_token {
    pthread_mutex_t lock;
    char *path; /* NULL: VALUE is fixed */
    char *value;
    struct stat seen;      /* the file that VALUE was read from */
    int64_t next_check_ms; /* not before this is the file looked at again */
    bool complained;       /* the file is unusable, and the log has said so */
};

enum zl_status zl_kube_token_init(struct zl_kube_token *token, const char *value, const char *path,
                                  struct zl_error *err) ZL_MUST_CHECK;
void zl_kube_token_clear(struct zl_kube_token *token);
/* The token to send now, NULL when there is none; the caller frees. Reads the file at most once a second. */
char *zl_kube_token_get(struct zl_kube_token *token);

struct zl_kube_client {
    struct zl_kube_config config;
    char *user_agent;
    char *base; /* config.server, with the host replaced by tls_server_name when there is one */
    struct curl_slist
        *connect_to;   /* "::host:port": where to connect for BASE; NULL: where it says */
    char *host_header; /* "Host: ..." of the real server, with CONNECT_TO */
    struct zl_kube_token token;
    _Atomic int64_t server_ahead_ms; /* the server's clock before zl_clock_boot_ms; 0: unknown */
    atomic_bool is_cancelled;
    pthread_mutex_t lock; /* the pool */
    struct zl_kube_idle {
        CURL *handle;
        int64_t answered_ms;  /* its last request */
    } idle[ZL_KUBE_IDLE_MAX]; /* the last one is the warmest */
    size_t idle_count;
};

/* One HTTP request, made from a target. */
struct zl_kube_request {
    const char *operation; /* metric label: "get", "list", ... */
    const char *method;
    char *what; /* for messages: "GET leases default/zen-lead-a" */
    char *url;
    const char *accept;
    const char *content_type; /* of BODY */
    char *body;               /* NULL: none */
    int64_t deadline_ms;      /* zl_clock_ms; for all of it. 0: none */
    bool secret;              /* the server's "invalid" may quote what must not be logged */
};

void zl_kube_request_clear(struct zl_kube_request *request);
#define ZL_AUTO_REQUEST ZL_CLEANUP(zl_kube_request_clear)
/* Append "name=value", escaped; nothing when VALUE is NULL. */
void zl_kube_request_query(struct zl_kube_request *request, const char *name, const char *value);
/* About one object; METHOD POST is about the collection that it joins, unless TARGET has a subresource. Clear REQUEST in any case. */
enum zl_status zl_kube_request_object(struct zl_kube_request *request,
                                      const struct zl_kube_client *client, const char *operation,
                                      const char *method, const struct zl_kube_target *target,
                                      const char *name, struct zl_error *err) ZL_MUST_CHECK;
/* A list or watch of TARGET's collection. Clear REQUEST in any case. */
enum zl_status zl_kube_request_collection(struct zl_kube_request *request,
                                          const struct zl_kube_client *client,
                                          const char *operation,
                                          const struct zl_kube_target *target,
                                          const struct zl_kube_selector *selector,
                                          struct zl_error *err) ZL_MUST_CHECK;

/* Where the bytes of a 2xx answer go as they come. A failure ends the transfer and is returned as it is. */
struct zl_kube_sink {
    enum zl_status (*take)(void *ctx, const char *bytes, size_t length, struct zl_error *err);
    void *ctx;
};

/*
 * Send REQUEST, wait until the whole answer has gone into SINK.
 *
 * @return ZL_OK for 2xx; else the class of the refusal or of the broken transport, or SINK's failure
 */
enum zl_status zl_kube_execute(struct zl_kube_client *client, const struct zl_kube_request *request,
                               const struct zl_kube_sink *sink, struct zl_error *err) ZL_MUST_CHECK;

/* A request that runs in a loop, beside others (client_stream.h). */
struct zl_kube_exchange; /* opaque */

struct zl_kube_exchange_spec {
    bool lasts; /* a watch: ended when nothing came for a while, however long it may take */
    bool anew;  /* not on a connection that is open already */
    /* Bytes of a 2xx answer; a failure ends it and is ENDED's. */
    enum zl_status (*take)(void *ctx, const char *bytes, size_t length, struct zl_error *err);
    void (*opened)(void *ctx); /* the server said 2xx; may be NULL */
    void (*ended)(void *ctx, enum zl_status status, struct zl_error *err);
    void *ctx;
};

/* REQUEST is borrowed until the exchange is freed, which ENDED may do. */
enum zl_status zl_kube_exchange_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                      const struct zl_kube_request *request,
                                      const struct zl_kube_exchange_spec *spec,
                                      struct zl_kube_exchange **out,
                                      struct zl_error *err) ZL_MUST_CHECK;
/* NULL is fine. Where it is under way it ends, without ENDED. */
void zl_kube_exchange_free(struct zl_kube_exchange *exchange);

/* One page of a list on its way in. {0} with TARGET, EACH and CTX is its start. */
struct zl_kube_page {
    const struct zl_kube_target *target;
    enum zl_status (*each)(void *ctx, const struct cJSON *object, struct zl_error *err);
    void *ctx;
    struct zl_kube_request request;
    struct zl_json_shape shape[3];
    struct zl_json_pruner *pruner;
    size_t received;        /* bytes */
    struct cJSON *head;     /* the list without its items, once it is complete */
    enum zl_status failure; /* EACH's: then the error is its own */
};

/* COUNT objects at the most, after those that TOKEN (may be NULL) stands for. Clear PAGE in any case. */
enum zl_status zl_kube_page_begin(struct zl_kube_page *page, const struct zl_kube_client *client,
                                  const struct zl_kube_selector *selector, int count,
                                  const char *token, struct zl_error *err) ZL_MUST_CHECK;
/* For struct zl_kube_sink and struct zl_kube_exchange_spec. */
enum zl_status zl_kube_page_take(void *page, const char *bytes, size_t length,
                                 struct zl_error *err);
/* All of it was received. */
enum zl_status zl_kube_page_end(struct zl_kube_page *page, struct zl_error *err) ZL_MUST_CHECK;
void zl_kube_page_clear(struct zl_kube_page *page);
/* How many objects the next page is to have, after one of COUNT objects and RECEIVED bytes. */
int zl_kube_page_next(int count, size_t received);

/*
 * One object of a list or watch as a tree. ZL_E_INVALID: not JSON. ZL_E_TOO_LARGE: cut, and TARGET does not take such
 * ones.
 */
enum zl_status zl_kube_parse(const struct zl_kube_target *target, const struct zl_json_kept *kept,
                             struct cJSON **out, struct zl_error *err) ZL_MUST_CHECK;

/* All options of REQUEST on HANDLE (reset first). The list is freed by the caller after the transfer. */
struct curl_slist *zl_kube_handle_prepare(struct zl_kube_client *client, CURL *handle,
                                          const struct zl_kube_request *request);
/* A transfer that failed as such, as an error. DETAIL is libcurl's error buffer. */
enum zl_status zl_kube_curl_error(const struct zl_kube_request *request, CURLcode code,
                                  const char *detail, struct zl_error *err);
/* An answer that is not 2xx, as an error. */
enum zl_status zl_kube_answer_error(const struct zl_kube_request *request, CURL *handle,
                                    const struct zl_buf *body, struct zl_error *err);
/* The class alone that an HTTP status stands for. */
enum zl_status zl_kube_status_class(int http_status);
void zl_kube_observe(const struct zl_kube_request *request, enum zl_status status,
                     int64_t started_ms);

#endif
