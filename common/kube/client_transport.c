/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/metrics.h"
#include "common/kube/client_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

/* A silent peer is asked after 15 s, every 5 s, and given up 30 s after it last answered. */
#define KEEPALIVE_IDLE_S 15L
#define KEEPALIVE_INTERVAL_S 5L
#define USER_TIMEOUT_MS 30000u
#define CONNECT_TIMEOUT_MS 10000L
/* An idle connection is closed after this: so is it by client-go (IdleConnTimeout), and by API servers (IdleTimeout). */
#define IDLE_CLOSE_MS 90000

static const struct zl_metric CALL_DURATION = {
    .name = "zen_lead_api_call_duration_seconds",
    .type = ZL_METRIC_HISTOGRAM,
    .help = "Duration of Kubernetes API calls; of a watch, until the server accepted it.",
    .label1 = "operation",
    .label2 = "result",
    .buckets = ZL_BUCKETS_SECONDS,
};

static const struct zl_metric TIMEOUTS = {
    .name = "zen_lead_timeout_occurrences_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Kubernetes API calls that had no answer in time, by operation.",
    .label1 = "operation",
};

const struct zl_metric *const ZL_KUBE_CLIENT_METRICS[] = {&CALL_DURATION, &TIMEOUTS, NULL};

void zl_kube_observe(const struct zl_kube_request *request, enum zl_status status,
                     int64_t started_ms)
{
    zl_metric_observe(&CALL_DURATION, request->operation, zl_status_name(status),
                      (double)(zl_clock_ms() - started_ms) / 1000.0);
}

void zl_kube_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void zl_kube_cleanup(void)
{
    curl_global_cleanup();
}

/* ---- a client -------------------------------------------------------------------------------- */

static void copy_config(struct zl_kube_config *to, const struct zl_kube_config *from)
{
    *to = *from;
    to->server = zl_strdup(from->server);
    to->namespace_ = zl_strdup(from->namespace_);
    to->ca_pem = zl_strdup(from->ca_pem);
    to->client_cert_pem = zl_strdup(from->client_cert_pem);
    to->client_key_pem = zl_strdup(from->client_key_pem);
    to->token = zl_strdup(from->token);
    to->token_file = zl_strdup(from->token_file);
    to->username = zl_strdup(from->username);
    to->password = zl_strdup(from->password);
    to->proxy_url = zl_strdup(from->proxy_url);
    to->tls_server_name = zl_strdup(from->tls_server_name);
    to->source = zl_strdup(from->source);
}

static void add_line(struct curl_slist **list, char *taken)
{
    struct curl_slist *longer = curl_slist_append(*list, taken);
    free(taken);
    if (longer == NULL) {
        abort();
    }
    *list = longer;
}

static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) {
        return zl_strdup("");
    }
    char *copy = zl_strdup(text);
    curl_free(text);
    return copy;
}

/*
 * libcurl verifies the URL's host and has no option for another name. So with tls_server_name that
 * name becomes the URL's host, and CURLOPT_CONNECT_TO and a Host header say where it really is.
 */
static enum zl_status set_base(struct zl_kube_client *client, CURLU *url, struct zl_error *err)
{
    const char *server = client->config.server;
    CURLUcode code = curl_url_set(url, CURLUPART_URL, server, 0);
    if (code != CURLUE_OK) {
        return zl_error_set(err, ZL_E_INVALID, "server \"%s\": %s", server,
                            curl_url_strerror(code));
    }
    ZL_AUTO_FREE char *scheme = url_part(url, CURLUPART_SCHEME, 0);
    if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) {
        return zl_error_set(err, ZL_E_INVALID, "server \"%s\": neither https nor http", server);
    }
    const char *name = client->config.tls_server_name;
    if (name == NULL || strcmp(scheme, "http") == 0) {
        client->base = zl_strdup(server);
        return ZL_OK;
    }
    ZL_AUTO_FREE char *host = url_part(url, CURLUPART_HOST, 0);
    ZL_AUTO_FREE char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    ZL_AUTO_FREE char *path = url_part(url, CURLUPART_PATH, 0);
    bool ipv6 = strchr(name, ':') != NULL;
    client->base = zl_asprintf("https://%s%s%s:%s%s", ipv6 ? "[" : "", name, ipv6 ? "]" : "", port,
                               strcmp(path, "/") == 0 ? "" : path);
    add_line(&client->connect_to, zl_asprintf("::%s:%s", host, port));
    client->host_header = zl_asprintf("Host: %s:%s", host, port);
    return ZL_OK;
}

enum zl_status zl_kube_client_new(const struct zl_kube_config *config, const char *user_agent,
                                  struct zl_kube_client **out, struct zl_error *err)
{
    struct zl_kube_client *client = zl_alloc(sizeof *client);
    copy_config(&client->config, config);
    client->user_agent = zl_strdup(user_agent);
    pthread_mutex_init(&client->lock, NULL);
    enum zl_status status =
        zl_kube_token_init(&client->token, config->token, config->token_file, err);
    if (status == ZL_OK) {
        CURLU *url = curl_url();
        status = set_base(client, url, err);
        curl_url_cleanup(url);
    }
    if (status != ZL_OK) {
        zl_kube_client_free(client);
        return status;
    }
    *out = client;
    return ZL_OK;
}

void zl_kube_client_free(struct zl_kube_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->idle_count > 0) {
        curl_easy_cleanup(client->idle[--client->idle_count].handle);
    }
    pthread_mutex_destroy(&client->lock);
    zl_kube_token_clear(&client->token);
    zl_kube_config_clear(&client->config);
    free(client->user_agent);
    free(client->base);
    curl_slist_free_all(client->connect_to);
    free(client->host_header);
    free(client);
}

/* ---- handles --------------------------------------------------------------------------------- */

/* Last in, first out: the connection used last is the least likely to have been closed meanwhile. */
static CURL *take_handle(struct zl_kube_client *client)
{
    CURL *handle = NULL;
    pthread_mutex_lock(&client->lock);
    if (client->idle_count > 0) {
        handle = client->idle[--client->idle_count].handle;
    }
    pthread_mutex_unlock(&client->lock);
    return handle != NULL ? handle : curl_easy_init();
}

/* Idle connections that were last answered at UNTIL_MS or before are closed. */
static void close_cold(struct zl_kube_client *client, int64_t until_ms)
{
    CURL *dropped[ZL_KUBE_IDLE_MAX];
    size_t count = 0, kept = 0;
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < client->idle_count; i++) {
        if (client->idle[i].answered_ms <= until_ms) {
            dropped[count++] = client->idle[i].handle;
        } else {
            client->idle[kept++] = client->idle[i];
        }
    }
    client->idle_count = kept;
    pthread_mutex_unlock(&client->lock);
    while (count > 0) {
        curl_easy_cleanup(dropped[--count]);
    }
}

/* What a burst needed goes when others have been enough for a while: a connection is 115 KiB here, and more at the server. */
static void return_handle(struct zl_kube_client *client, CURL *handle, bool broken)
{
    const int64_t now_ms = zl_clock_ms();
    if (!broken) {
        pthread_mutex_lock(&client->lock);
        if (client->idle_count < ZL_KUBE_IDLE_MAX) {
            client->idle[client->idle_count++] =
                (struct zl_kube_idle){.handle = handle, .answered_ms = now_ms};
            handle = NULL;
        }
        pthread_mutex_unlock(&client->lock);
    }
    curl_easy_cleanup(handle); /* NULL is fine */
    close_cold(client, now_ms - IDLE_CLOSE_MS);
}

static int set_user_timeout(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    (void)purpose;
    unsigned timeout_ms = USER_TIMEOUT_MS;
    /* best effort: without it the keep-alive probes alone end a dead connection, somewhat later */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    return CURL_SOCKOPT_OK;
}

static void set_pem(CURL *handle, CURLoption option, char *pem)
{
    /* not copied: the client outlives its handles */
    struct curl_blob blob = {.data = pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(handle, option, &blob);
}

static void set_tls(CURL *handle, const struct zl_kube_config *config)
{
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
    if (config->ca_pem != NULL) {
        set_pem(handle, CURLOPT_CAINFO_BLOB, config->ca_pem);
        /* else libcurl would trust the system's CAs beside ours */
        curl_easy_setopt(handle, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
    }
    if (config->client_cert_pem != NULL && config->client_key_pem != NULL) {
        set_pem(handle, CURLOPT_SSLCERT_BLOB, config->client_cert_pem);
        set_pem(handle, CURLOPT_SSLKEY_BLOB, config->client_key_pem);
    }
}

static void set_connection(CURL *handle, const struct zl_kube_client *client)
{
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a slow name server */
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, set_user_timeout);
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (client->config.proxy_url != NULL) {
        curl_easy_setopt(handle, CURLOPT_PROXY, client->config.proxy_url);
        curl_easy_setopt(handle, CURLOPT_NOPROXY, ""); /* NO_PROXY belongs to the environment's */
    }
}

static struct curl_slist *make_headers(struct zl_kube_client *client,
                                       const struct zl_kube_request *request)
{
    struct curl_slist *headers = NULL;
    add_line(&headers, zl_asprintf("Accept: %s", request->accept));
    add_line(&headers, zl_strdup("Expect:"));
    if (request->body != NULL) {
        add_line(&headers, zl_asprintf("Content-Type: %s", request->content_type));
    }
    if (client->host_header != NULL) {
        add_line(&headers, zl_strdup(client->host_header));
    }
    ZL_AUTO_FREE char *token = zl_kube_token_get(&client->token);
    if (token != NULL) {
        add_line(&headers, zl_asprintf("Authorization: Bearer %s", token));
    }
    return headers;
}

struct curl_slist *zl_kube_handle_prepare(struct zl_kube_client *client, CURL *handle,
                                          const struct zl_kube_request *request)
{
    const struct zl_kube_config *config = &client->config;
    curl_easy_reset(handle); /* keeps the connection */
    set_connection(handle, client);
    set_tls(handle, config);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, client->user_agent);
    if (config->username != NULL && config->token == NULL && config->token_file == NULL) {
        curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(handle, CURLOPT_USERNAME, config->username);
        curl_easy_setopt(handle, CURLOPT_PASSWORD, config->password ? config->password : "");
    }
    curl_easy_setopt(handle, CURLOPT_URL, request->url);
    if (request->deadline_ms > 0) {
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)zl_clock_left_ms(request->deadline_ms));
    }
    if (request->body != NULL) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
    struct curl_slist *headers = make_headers(client, request);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    if (client->connect_to != NULL) {
        curl_easy_setopt(handle, CURLOPT_CONNECT_TO, client->connect_to);
    }
    return headers;
}

/* ---- one exchange ---------------------------------------------------------------------------- */

/* Only the beginning of a refusal is read. */
#define REFUSAL_MAX (64 * ZL_KIB)

struct receiver {
    CURL *handle;
    const struct zl_kube_sink *sink;
    struct zl_buf refusal;
    enum zl_status failure; /* the sink's; ERR is filled */
    struct zl_error *err;
};

static size_t receive(char *bytes, size_t size, size_t count, void *ctx)
{
    struct receiver *receiver = ctx;
    long http_status = 0;
    curl_easy_getinfo(receiver->handle, CURLINFO_RESPONSE_CODE, &http_status);
    if (zl_kube_status_class((int)http_status) != ZL_OK) {
        (void)zl_buf_add(&receiver->refusal, bytes,
                         size * count); /* beyond the maximum: not needed */
        return size * count;
    }
    receiver->failure =
        receiver->sink->take(receiver->sink->ctx, bytes, size * count, receiver->err);
    return receiver->failure == ZL_OK ? size * count : 0;
}

enum zl_status zl_kube_curl_error(const struct zl_kube_request *request, CURLcode code,
                                  const char *detail, struct zl_error *err)
{
    if (code == CURLE_OPERATION_TIMEDOUT) {
        zl_metric_add(&TIMEOUTS, request->operation, NULL, 1);
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return zl_error_set(err, ZL_E_STOPPED, "%s: cancelled", request->what);
    }
    /* these are ours to mend; everything else may pass by itself */
    bool ours = code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ||
                code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
                code == CURLE_BAD_FUNCTION_ARGUMENT;
    return zl_error_set(err, ours ? ZL_E_INVALID : ZL_E_TRANSIENT, "%s: %s", request->what,
                        detail[0] != '\0' ? detail : curl_easy_strerror(code));
}

static enum zl_status judge(const struct zl_kube_request *request, const struct receiver *receiver,
                            CURLcode code, const char *detail, struct zl_error *err)
{
    long http_status = 0;
    if (receiver->failure != ZL_OK) {
        return receiver->failure;
    }
    if (code != CURLE_OK) {
        return zl_kube_curl_error(request, code, detail, err);
    }
    curl_easy_getinfo(receiver->handle, CURLINFO_RESPONSE_CODE, &http_status);
    if (zl_kube_status_class((int)http_status) != ZL_OK) {
        return zl_kube_answer_error(request, receiver->handle, &receiver->refusal, err);
    }
    return ZL_OK;
}

/* What the server's clock says, in seconds; people, proxies and arbiters of a fleet judge by it. */
static size_t note_date(char *bytes, size_t size, size_t count, void *ctx)
{
    static const char name[] = "date:";
    struct zl_kube_client *client = ctx;
    const size_t length = size * count, begin = sizeof name - 1;
    char text[64];
    if (length <= begin || length - begin >= sizeof text || strncasecmp(bytes, name, begin) != 0) {
        return length;
    }
    memcpy(text, bytes + begin, length - begin);
    text[length - begin] = '\0';
    const time_t date_s = curl_getdate(text, NULL);
    if (date_s > 0) {
        atomic_store(&client->server_ahead_ms, (int64_t)date_s * 1000 - zl_clock_boot_ms());
    }
    return length;
}

int64_t zl_kube_server_time_s(struct zl_kube_client *client)
{
    const int64_t ahead_ms = atomic_load(&client->server_ahead_ms);
    return ahead_ms != 0 ? (ahead_ms + zl_clock_boot_ms()) / 1000 : 0;
}

/* libcurl asks it at least once a second. Not 0: the transfer ends. */
static int on_progress(void *ctx, curl_off_t to_receive, curl_off_t received, curl_off_t to_send,
                       curl_off_t sent)
{
    struct zl_kube_client *client = ctx;
    (void)to_receive;
    (void)received;
    (void)to_send;
    (void)sent;
    return atomic_load(&client->is_cancelled);
}

void zl_kube_client_cancel(struct zl_kube_client *client)
{
    atomic_store(&client->is_cancelled, true);
}

static enum zl_status perform(struct zl_kube_client *client, CURL *handle,
                              const struct zl_kube_request *request,
                              const struct zl_kube_sink *sink, CURLcode *outcome,
                              struct zl_error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct receiver receiver = {.handle = handle, .sink = sink, .err = err};
    zl_buf_init(&receiver.refusal, REFUSAL_MAX);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, note_date);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, client);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, client);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, NULL);
    *outcome = code;
    enum zl_status status = judge(request, &receiver, code, detail, err);
    zl_buf_clear(&receiver.refusal);
    return status;
}

enum zl_status zl_kube_execute(struct zl_kube_client *client, const struct zl_kube_request *request,
                               const struct zl_kube_sink *sink, struct zl_error *err)
{
    int64_t started_ms = zl_clock_ms();
    CURLcode code = CURLE_OK;
    /* A write might still be stored, and nobody would know. */
    if (request->deadline_ms > 0 && started_ms >= request->deadline_ms) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: not sent, the time for it is over",
                            request->what);
    }
    CURL *handle = take_handle(client);
    if (handle == NULL) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: no libcurl handle", request->what);
    }
    struct curl_slist *headers = zl_kube_handle_prepare(client, handle, request);
    enum zl_status status = perform(client, handle, request, sink, &code, err);
    return_handle(client, handle, code != CURLE_OK); /* what timed out is not used again */
    if (code == CURLE_OPERATION_TIMEDOUT) {
        /*
         * Its server may hang, and the next request must not find that out on its own. What was answered before this one
         * began may lead there, too; what was answered since goes elsewhere, or the server works.
         */
        close_cold(client, started_ms);
    }
    curl_slist_free_all(headers);
    zl_kube_observe(request, status, started_ms);
    return status;
}
