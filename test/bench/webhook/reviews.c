/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reviews.c - zl-reviews: one review, sent to a webhook again and again over TLS, as an API server sends them.
 *
 * With --rate, reviews are due by a clock, whoever is late with the one before: a time counts from when its review was due, so one that
 * waits for a slow one counts as slow too. Without, each connection sends the next one when it has its answer.
 */
#include "common/base/memory.h"
#include "common/base/monitor.h"
#include "common/base/options.h"
#include "common/base/parse.h"
#include "test/bench/bench.h"

#include <inttypes.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, REVIEW_MAX = 1 << 20, TIMES_FIRST = 4096 };

struct config {
    const char *name, *path, *ca, *review;
    int64_t port, connections, rate, seconds;
    bool fresh;
};

static const struct zl_option OPTIONS[] = {
    {"name", NULL, ZL_OPTION_TEXT, "webhook", 0, 0, NULL, offsetof(struct config, name), "NAME",
     "Of the line that is printed."},
    {"port", NULL, ZL_OPTION_I64, "8443", 1, 65535, NULL, offsetof(struct config, port), "PORT",
     "The webhook's, on 127.0.0.1."},
    {"path", NULL, ZL_OPTION_TEXT, "/", 0, 0, NULL, offsetof(struct config, path), "PATH",
     "Where it takes reviews."},
    {"ca", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, ca), "FILE",
     "The CA of its certificate."},
    {"review", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, review), "FILE",
     "The AdmissionReview."},
    {"connections", NULL, ZL_OPTION_I64, "16", 1, 1024, NULL, offsetof(struct config, connections),
     "N", "How many at once."},
    {"rate", NULL, ZL_OPTION_I64, "0", 0, 100000, NULL, offsetof(struct config, rate), "N",
     "Reviews in a second; 0: as many as are answered."},
    {"seconds", NULL, ZL_OPTION_I64, "10", 1, 600, NULL, offsetof(struct config, seconds), "N",
     "How long."},
    {"fresh", NULL, ZL_OPTION_BOOL, "false", 0, 0, NULL, offsetof(struct config, fresh), NULL,
     "A new connection, with a full handshake, for each review."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-reviews",
    .summary = "Sends one review again and again, and prints how long the answers took.",
    .options = OPTIONS,
};

struct load {
    struct config config;
    SSL_CTX *tls;
    char *request;
    size_t request_length;
    int64_t begin_us, end_us;
    atomic_llong next; /* whose turn it is, with a rate */
};

struct sender {
    struct load *load;
    pthread_t thread;
    SSL *ssl; /* NULL: no connection */
    int fd;
    int64_t *times_us;
    size_t count, room;
    int64_t allowed;
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "zl-reviews: %s\n", what);
    exit(1);
}

/* --- one connection --- */

static void dial(struct sender *sender)
{
    const struct load *load = sender->load;
    sender->fd = zl_bench_dial(load->config.port);
    if (sender->fd < 0) {
        give_up("nobody listens there");
    }
    sender->ssl = SSL_new(load->tls);
    if (sender->ssl == NULL || SSL_set_fd(sender->ssl, sender->fd) != 1 ||
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(sender->ssl), "127.0.0.1") != 1 ||
        SSL_connect(sender->ssl) != 1) {
        give_up("no TLS with it, or its certificate is none of this CA's");
    }
}

static void hang_up(struct sender *sender)
{
    (void)SSL_shutdown(sender->ssl);
    SSL_free(sender->ssl);
    close(sender->fd);
    sender->ssl = NULL;
}

/* How long TEXT, an answer so far, is to become; 0: its head is not whole. */
static size_t whole_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *field = end != NULL ? strcasestr(text, "\r\ncontent-length:") : NULL;
    if (end == NULL) {
        return 0;
    }
    if (field == NULL || field > end) {
        give_up("an answer without Content-Length");
    }
    field += strlen("\r\ncontent-length:");
    field += strspn(field, " ");
    ZL_AUTO_FREE char *digits = zl_strndup(field, strspn(field, "0123456789"));
    int64_t length = 0;
    if (zl_parse_i64(digits, 0, ANSWER_MAX, &length, NULL) != ZL_OK) {
        give_up("an answer with a strange Content-Length");
    }
    return (size_t)(end + 4 - text) + (size_t)length;
}

static void ask(struct sender *sender)
{
    const struct load *load = sender->load;
    char answer[ANSWER_MAX];
    size_t length = 0, whole = 0;
    if (sender->ssl == NULL) {
        dial(sender);
    }
    if (SSL_write(sender->ssl, load->request, (int)load->request_length) !=
        (int)load->request_length) {
        give_up("it does not take a review");
    }
    while (whole == 0 || length < whole) {
        const int got = SSL_read(sender->ssl, answer + length, (int)(sizeof answer - 1 - length));
        if (got <= 0) {
            give_up("it closed the connection");
        }
        length += (size_t)got;
        answer[length] = '\0';
        whole = whole == 0 ? whole_length(answer) : whole;
    }
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0 || strstr(answer, "\"allowed\":") == NULL) {
        give_up(answer);
    }
    sender->allowed += strstr(answer, "\"allowed\":true") != NULL;
    if (load->config.fresh) {
        hang_up(sender);
    }
}

/* --- all of them --- */

static void note(struct sender *sender, int64_t took_us)
{
    if (sender->count == sender->room) {
        sender->room = sender->room == 0 ? TIMES_FIRST : 2 * sender->room;
        sender->times_us = zl_realloc(sender->times_us, sender->room, sizeof *sender->times_us);
    }
    sender->times_us[sender->count++] = took_us;
}

/* When the next review is due, waited for; -1: it is over. */
static int64_t next_due(struct load *load)
{
    const int64_t now_us = zl_bench_now_us();
    if (load->config.rate == 0) {
        return now_us < load->end_us ? now_us : -1;
    }
    const int64_t i = atomic_fetch_add(&load->next, 1);
    const int64_t due_us = load->begin_us + i * 1000000 / load->config.rate;
    if (due_us >= load->end_us) {
        return -1;
    }
    if (due_us > now_us) {
        zl_bench_sleep_until(due_us);
    }
    return due_us;
}

static void *send_all(void *ctx)
{
    struct sender *sender = ctx;
    int64_t due_us;
    if (!sender->load->config.fresh) {
        /* An API server keeps its connections: the first review of one, for which memory is touched first, is no one in a hundred. */
        ask(sender);
        sender->allowed = 0;
    }
    zl_bench_sleep_until(sender->load->begin_us);
    while ((due_us = next_due(sender->load)) >= 0) {
        ask(sender);
        note(sender, zl_bench_now_us() - due_us);
    }
    if (sender->ssl != NULL) {
        hang_up(sender);
    }
    return NULL;
}

static void read_review(struct load *load)
{
    char *body = zl_alloc(REVIEW_MAX);
    FILE *file = fopen(load->config.review, "re");
    const size_t length = file != NULL ? fread(body, 1, REVIEW_MAX, file) : 0;
    if (length == 0 || length == REVIEW_MAX) {
        give_up("--review: it cannot be read, or is too large");
    }
    (void)fclose(file);
    char *head = zl_asprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1:%" PRId64
                             "\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                             load->config.path, load->config.port, length);
    load->request_length = strlen(head) + length;
    load->request = zl_alloc(load->request_length);
    memcpy(load->request, head, strlen(head));
    memcpy(load->request + strlen(head), body, length);
    free(head);
    free(body);
}

static void print(const struct load *load, const struct sender *senders)
{
    size_t count = 0;
    int64_t allowed = 0;
    for (int64_t i = 0; i < load->config.connections; i++) {
        count += senders[i].count;
        allowed += senders[i].allowed;
    }
    if (count == 0) {
        give_up("nothing was measured");
    }
    int64_t *times_us = zl_alloc(count * sizeof *times_us);
    size_t at = 0;
    for (int64_t i = 0; i < load->config.connections; i++) {
        memcpy(times_us + at, senders[i].times_us, senders[i].count * sizeof *times_us);
        at += senders[i].count;
    }
    const double took_s = (double)(zl_bench_now_us() - load->begin_us) / 1e6;
    const struct zl_bench_times times = zl_bench_sum_up(times_us, count);
    (void)printf("%-16s %8zu %9.0f %9.3f %9.3f %9.3f %3.0f%%\n", load->config.name, count,
                 (double)count / took_s, times.p50_ms, times.p99_ms, times.max_ms,
                 100.0 * (double)allowed / (double)count);
    free(times_us);
}

int main(int argc, char **argv)
{
    static struct load load;
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &load.config);
    if (load.config.ca == NULL || load.config.review == NULL) {
        give_up("--ca and --review are needed");
    }
    read_review(&load);
    load.tls = SSL_CTX_new(TLS_client_method());
    if (load.tls == NULL || SSL_CTX_load_verify_locations(load.tls, load.config.ca, NULL) != 1) {
        give_up("--ca: there is no certificate in it");
    }
    SSL_CTX_set_verify(load.tls, SSL_VERIFY_PEER, NULL);
    struct sender *senders = zl_alloc((size_t)load.config.connections * sizeof *senders);
    /* Time for all handshakes and first reviews before: they are measured by --fresh. */
    load.begin_us = zl_bench_now_us() + 500000;
    load.end_us = load.begin_us + load.config.seconds * 1000000;
    for (int64_t i = 0; i < load.config.connections; i++) {
        senders[i].load = &load;
        senders[i].thread = zl_thread_start("sender", send_all, &senders[i]);
    }
    for (int64_t i = 0; i < load.config.connections; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    print(&load, senders);
    return 0;
}
