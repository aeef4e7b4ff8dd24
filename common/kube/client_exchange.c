/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_exchange.c - one request in a loop: its options, what comes of it, how long it may take, and how it ends.
 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/kube/client_loop_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
    REFUSAL_MAX = 65536, /* only the beginning of a refusal is read */
    /* A watch waits most of its life: thousands of them must not keep libcurl's 16 KiB each. */
    WATCH_BUFFER_BYTES = 4096,
    SLACK_MS = 100, /* of the kernel's clock against ours */
};

struct zl_kube_exchange {
    struct zl_kube_loop *loop;
    const struct zl_kube_request *request;
    struct zl_kube_exchange_spec spec;
    struct zl_kube_exchange *next, **link; /* NULL link: not under way any more */
    CURL *handle;
    struct curl_slist *headers;
    struct zl_buf refusal;
    int64_t started_ms, heard_ms, silence_ms;
    bool is_open;
    enum zl_status failure; /* TAKE's; then ERR is there */
    struct zl_error *err;
    char detail[CURL_ERROR_SIZE];
};

static bool is_accepted(const struct zl_kube_exchange *exchange)
{
    long http_status = 0;
    curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &http_status);
    return zl_kube_status_class((int)http_status) == ZL_OK;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct zl_kube_exchange *exchange = ctx;
    exchange->heard_ms = zl_clock_ms();
    exchange->loop->heard++;
    if (!is_accepted(exchange)) {
        (void)zl_buf_add(&exchange->refusal, bytes, size * count);
        return size * count;
    }
    struct zl_error err = {0};
    exchange->failure = exchange->spec.take(exchange->spec.ctx, bytes, size * count, &err);
    if (exchange->failure == ZL_OK) {
        return size * count;
    }
    if (exchange->err == NULL) {
        exchange->err = zl_alloc(sizeof *exchange->err);
    }
    *exchange->err = err;
    return 0;
}

/* When it is given up. Bytes that come prolong a watch alone: a list is as long as any other call. */
static int64_t deadline_of(const struct zl_kube_exchange *exchange)
{
    const int64_t open_ms = exchange->started_ms + exchange->loop->open_ms;
    const int64_t end_ms = exchange->request->deadline_ms;
    if (!exchange->is_open) {
        return open_ms < end_ms ? open_ms : end_ms;
    }
    const int64_t word_ms = exchange->heard_ms + exchange->silence_ms;
    return exchange->spec.lasts && word_ms < end_ms ? word_ms : end_ms;
}

static void look_in_time(const struct zl_kube_exchange *exchange)
{
    struct zl_kube_loop *loop = exchange->loop;
    const int64_t deadline_ms = deadline_of(exchange);
    loop->look_ms = deadline_ms < loop->look_ms ? deadline_ms : loop->look_ms;
}

/* They were sent, and the token alone is a KiB. */
static void drop_headers(struct zl_kube_exchange *exchange)
{
    curl_easy_setopt(exchange->handle, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
}

/* The empty line that ends the head of the answer. */
static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct zl_kube_exchange *exchange = ctx;
    exchange->heard_ms = zl_clock_ms();
    exchange->loop->heard++;
    if (size * count == 2 && memcmp(bytes, "\r\n", 2) == 0 && is_accepted(exchange) &&
        !exchange->is_open) {
        exchange->is_open = true;
        look_in_time(exchange);
        drop_headers(exchange);
        if (exchange->spec.opened != NULL) {
            exchange->spec.opened(exchange->spec.ctx);
        }
    }
    return size * count;
}

static struct zl_kube_side *side_of(const struct zl_kube_exchange *exchange)
{
    return &exchange->loop->sides[exchange->spec.lasts ? ZL_SIDE_WATCHES : ZL_SIDE_LISTS];
}

static void set_options(struct zl_kube_client *client, struct zl_kube_exchange *exchange)
{
    CURL *handle = exchange->handle;
    exchange->headers = zl_kube_handle_prepare(client, handle, exchange->request);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 0L); /* see deadline_of */
    curl_easy_setopt(handle, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(handle, CURLOPT_SHARE, exchange->loop->share);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->detail);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, zl_kube_side_open);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, side_of(exchange));
    curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, zl_kube_side_close);
    curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, side_of(exchange));
    /*
     * A thousand that start together wait to see whether the first one's connection carries them. Without TLS none does: there libcurl
     * would find that out from the first answer, and let the others wait for that one's end, which a watch has not.
     */
    curl_easy_setopt(handle, CURLOPT_PIPEWAIT,
                     strncmp(exchange->request->url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, exchange->spec.anew ? 1L : 0L);
    if (exchange->spec.lasts) {
        curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, (long)WATCH_BUFFER_BYTES);
    }
}

enum zl_status zl_kube_exchange_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                      const struct zl_kube_request *request,
                                      const struct zl_kube_exchange_spec *spec,
                                      struct zl_kube_exchange **out, struct zl_error *err)
{
    struct zl_kube_exchange *exchange = zl_alloc(sizeof *exchange);
    exchange->loop = loop;
    exchange->request = request;
    exchange->spec = *spec;
    exchange->handle = curl_easy_init();
    exchange->started_ms = exchange->heard_ms = zl_clock_ms();
    exchange->silence_ms = zl_jitter_ms(
        client->config.silence_ms > 0 ? client->config.silence_ms : loop->silence_ms, 33);
    zl_buf_init(&exchange->refusal, REFUSAL_MAX);
    if (exchange->handle == NULL) {
        zl_kube_exchange_free(exchange);
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: no libcurl handle", request->what);
    }
    set_options(client, exchange);
    exchange->next = loop->first;
    exchange->link = &loop->first;
    if (loop->first != NULL) {
        loop->first->link = &exchange->next;
    }
    loop->first = exchange;
    side_of(exchange)->exchanges++;
    curl_multi_add_handle(side_of(exchange)->multi, exchange->handle);
    look_in_time(exchange);
    *out = exchange;
    return ZL_OK;
}

/* Out of the loop; the callbacks are silent from here on. */
static void detach(struct zl_kube_exchange *exchange)
{
    if (exchange->link == NULL) {
        return;
    }
    struct zl_kube_side *side = side_of(exchange);
    curl_multi_remove_handle(side->multi, exchange->handle);
    side->exchanges--;
    side->idle_ms = zl_clock_ms();
    *exchange->link = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->link = exchange->link;
    }
    exchange->link = NULL;
}

void zl_kube_exchange_free(struct zl_kube_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    detach(exchange);
    curl_easy_cleanup(exchange->handle);
    curl_slist_free_all(exchange->headers);
    zl_buf_clear(&exchange->refusal);
    free(exchange->err);
    free(exchange);
}

/* ---- how it ends ----------------------------------------------------------------------------- */

static void end(struct zl_kube_exchange *exchange, enum zl_status status, struct zl_error *err)
{
    if (!exchange->spec.lasts || !exchange->is_open) { /* a watch was counted when it was opened */
        zl_kube_observe(exchange->request, status, exchange->started_ms);
    }
    exchange->spec.ended(exchange->spec.ctx, status, err);
}

void zl_kube_exchange_finish(struct zl_kube_exchange *exchange, CURLcode code)
{
    struct zl_error err = {0};
    enum zl_status status = ZL_OK;
    if (exchange->failure != ZL_OK) {
        status = exchange->failure;
        err = *exchange->err;
    } else if (code != CURLE_OK) {
        status = zl_kube_curl_error(exchange->request, code, exchange->detail, &err);
    } else if (!is_accepted(exchange)) {
        status =
            zl_kube_answer_error(exchange->request, exchange->handle, &exchange->refusal, &err);
    }
    detach(exchange);
    end(exchange, status, &err);
}

static long port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &address, sizeof six);
        return ntohs(six.sin6_port);
    }
    struct sockaddr_in four;
    memcpy(&four, &address, sizeof four);
    return ntohs(four.sin_port);
}

/* Of the connection that EXCHANGE runs on; -1: it has none yet. Of one that is shared libcurl tells the port alone. */
static int find_socket(const struct zl_kube_exchange *exchange)
{
    const struct zl_kube_side *side = side_of(exchange);
    long port = 0;
    if (curl_easy_getinfo(exchange->handle, CURLINFO_LOCAL_PORT, &port) != CURLE_OK || port == 0) {
        return -1;
    }
    for (size_t i = 0; i < side->socket_count; i++) {
        if (port_of(side->sockets[i]) == port) {
            return side->sockets[i];
        }
    }
    return -1;
}

/*
 * Nothing came on its connection for the WAITED_MS that it waited: no answer, no word of anybody else's, no
 * acknowledgement of HTTP/2. Closing it is how libcurl, and with it all others on it, hear of that.
 *
 * @return false: it works for others, and stays
 */
static bool close_if_dead(struct zl_kube_exchange *exchange, int64_t waited_ms)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    const int fd = find_socket(exchange);
    memset(&info, 0, sizeof info);
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) {
        return true; /* it never had one */
    }
    if ((int64_t)info.tcpi_last_data_recv + SLACK_MS < waited_ms) {
        return false;
    }
    /* A watch that lived ends without a word of its own, and this says why an event was late. */
    ZL_LOG_INFO("closed a connection on which nothing came",
                ZL_STR("waiting", exchange->request->what), ZL_I64("waitedMs", waited_ms));
    (void)shutdown(fd, SHUT_RDWR);
    return true;
}

void zl_kube_exchange_give_up(struct zl_kube_exchange *exchange)
{
    struct zl_error err = {0};
    const int64_t waited_ms = zl_clock_ms() - exchange->heard_ms;
    const char *what = exchange->is_open ? "not a word" : "no answer";
    enum zl_status status = zl_error_set(&err, ZL_E_TRANSIENT, "%s: %s within %lld ms",
                                         exchange->request->what, what, (long long)waited_ms);
    if (!close_if_dead(exchange, waited_ms)) {
        snprintf(err.reason, sizeof err.reason, ZL_REASON_SILENT);
    }
    detach(exchange);
    end(exchange, status, &err);
}

struct zl_kube_exchange *zl_kube_exchange_find_overdue(struct zl_kube_loop *loop, int64_t now_ms)
{
    loop->look_ms = ZL_NEVER;
    for (struct zl_kube_exchange *exchange = loop->first; exchange != NULL;
         exchange = exchange->next) {
        const int64_t deadline_ms = deadline_of(exchange);
        if (deadline_ms <= now_ms) {
            return exchange;
        }
        loop->look_ms = deadline_ms < loop->look_ms ? deadline_ms : loop->look_ms;
    }
    return NULL;
}
