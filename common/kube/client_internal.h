/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_internal.h - what the files of the client share: client.c makes requests of targets,
 * client_transport.c carries them over libcurl, client_token.c keeps the bearer token fresh,
 * client_status.c reads refusals, client_watch.c streams.
 *
 * Threads: as client.h says.
 */
#ifndef ZL_KUBE_CLIENT_INTERNAL_H
#define ZL_KUBE_CLIENT_INTERNAL_H

#include "common/base/buf.h"
#include "common/kube/client.h"

#include <curl/curl.h>
#include <pthread.h>
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
    pthread_mutex_t lock;         /* the pool */
    CURL *idle[ZL_KUBE_IDLE_MAX]; /* the last one is the warmest */
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
    int64_t timeout_ms;       /* for all of it; 0: no deadline */
    bool secret;              /* the server's "invalid" may quote what must not be logged */
};

void zl_kube_request_clear(struct zl_kube_request *request);
#define ZL_AUTO_REQUEST ZL_CLEANUP(zl_kube_request_clear)
/* Append "name=value", escaped; nothing when VALUE is NULL. */
void zl_kube_request_query(struct zl_kube_request *request, const char *name, const char *value);
/* A list or watch of TARGET's collection. Clear REQUEST in any case. */
enum zl_status zl_kube_request_collection(struct zl_kube_request *request,
                                          const struct zl_kube_client *client,
                                          const char *operation,
                                          const struct zl_kube_target *target,
                                          const struct zl_kube_selector *selector,
                                          struct zl_error *err) ZL_MUST_CHECK;

/*
 * Send REQUEST, wait for the whole answer.
 *
 * @param answer  receives the body of a 2xx answer
 * @return ZL_OK for 2xx; else the class of the refusal or of the broken transport
 */
enum zl_status zl_kube_execute(struct zl_kube_client *client, const struct zl_kube_request *request,
                               struct zl_buf *answer, struct zl_error *err) ZL_MUST_CHECK;

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
