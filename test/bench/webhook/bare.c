/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare.c - zl-bare-webhook: the least that a webhook on libmicrohttpd can do. It decides nothing.
 *
 * With --parse it parses the review with cJSON and answers its uid, without it answers a constant.
 */
#include "common/base/memory.h"
#include "common/base/options.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

enum { BODY_MAX = 1 << 20, PEM_MAX = 65536, CONNECTIONS_MAX = 1024 };

struct config {
    const char *cert_file, *key_file;
    int64_t port;
    bool parse;
};

static struct config config;

static const struct zl_option OPTIONS[] = {
    {"port", NULL, ZL_OPTION_I64, "8443", 1, 65535, NULL, offsetof(struct config, port), "PORT",
     "To listen on, on 127.0.0.1."},
    {"cert-file", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, cert_file),
     "FILE", "Its certificate."},
    {"key-file", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, key_file), "FILE",
     "The key of that."},
    {"parse", NULL, ZL_OPTION_BOOL, "false", 0, 0, NULL, offsetof(struct config, parse), NULL,
     "Parse each review with cJSON."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-bare-webhook",
    .summary = "Answers every review with yes, for benchmarks.",
    .options = OPTIONS,
};

struct body {
    size_t length, room;
    char *bytes;
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "zl-bare-webhook: %s\n", what);
    exit(1);
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct body *body)
{
    char text[512];
    struct cJSON *review = config.parse ? cJSON_ParseWithLength(body->bytes, body->length) : NULL;
    const struct cJSON *uid = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(review, "request"), "uid");
    const int length =
        snprintf(text, sizeof text,
                 "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                 "\"response\":{\"uid\":\"%s\",\"allowed\":true}}",
                 cJSON_IsString(uid) ? uid->valuestring : "");
    cJSON_Delete(review);
    struct MHD_Response *response =
        MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);
    (void)MHD_add_response_header(response, "Content-Type", "application/json");
    const enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **slot)
{
    struct body *body = *slot;
    (void)ctx;
    (void)url;
    (void)method;
    (void)version;
    if (body == NULL) {
        *slot = zl_alloc(sizeof *body);
        return MHD_YES;
    }
    if (*upload_length == 0) {
        return answer(connection, body);
    }
    if (body->length + *upload_length > BODY_MAX) {
        return MHD_NO;
    }
    if (body->length + *upload_length > body->room) {
        body->room = 2 * (body->length + *upload_length);
        body->bytes = zl_realloc(body->bytes, body->room, 1);
    }
    memcpy(body->bytes + body->length, upload, *upload_length);
    body->length += *upload_length;
    *upload_length = 0;
    return MHD_YES;
}

static void on_done(void *ctx, struct MHD_Connection *connection, void **slot,
                    enum MHD_RequestTerminationCode code)
{
    struct body *body = *slot;
    (void)ctx;
    (void)connection;
    (void)code;
    if (body != NULL) {
        free(body->bytes);
        free(body);
    }
    *slot = NULL;
}

static void read_file(const char *path, char text[PEM_MAX])
{
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    const size_t length = file != NULL ? fread(text, 1, PEM_MAX - 1, file) : 0;
    if (length == 0) {
        give_up("--cert-file or --key-file cannot be read");
    }
    text[length] = '\0';
    (void)fclose(file);
}

int main(int argc, char **argv)
{
    static char certificate[PEM_MAX], key[PEM_MAX];
    sigset_t signals;
    int number = 0;
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    read_file(config.cert_file, certificate);
    read_file(config.key_file, key);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)config.port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL,
        on_request, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, on_done,
        NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_HTTPS_MEM_CERT,
        certificate, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END);
    if (daemon == NULL) {
        give_up("it cannot listen there");
    }
    (void)sigwait(&signals, &number);
    MHD_stop_daemon(daemon);
    return 0;
}
