/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes somebody sends to the real server, on a connection of its own: each answer is HTTP, a handler gets only what its
 * route allows, and a good request is served afterwards.
 */
#include "common/base/limits.h"
#include "common/http/server.h"
#include "webhook/review/admission_review.h"
#include "webhook/review/shapes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { BODY_MAX = 65536, ANSWER_MAX = 1 << 20 };

static struct zl_http_server *server;

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void handle_review(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    struct zl_review review;
    (void)ctx;
    require(strcmp(request->method, "POST") == 0 && request->body_length <= BODY_MAX);
    require(request->body[request->body_length] == '\0');
    require(zl_review_decode(request->body, request->body_length, &review, NULL) != ZL_OK ||
            review.uid != NULL);
    zl_review_clear(&review);
    zl_http_respond_text(response, 200, "reviewed\n");
}

static void handle_ok(void *ctx, const struct zl_http_request *request,
                      struct zl_http_response *response)
{
    (void)ctx;
    require(strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
    zl_http_respond_text(response, 200, "ok\n");
}

static const struct zl_http_route ROUTES[] = {
    {"POST", "/validate", handle_review, ZL_REVIEW_OF_POD, NULL},
    {"POST", "/warn", handle_review, ZL_REVIEW_OF_WORKLOAD, NULL},
    {"POST", "/whole", handle_review, NULL, NULL},
    {"GET", "/ok", handle_ok, NULL, NULL},
    {0},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct zl_http_options options = {
        .address = "127.0.0.1",
        .connections_max = 16,
        .body_max_bytes = BODY_MAX,
        .request_timeout_ms = 5000,
        .idle_timeout_ms = 5000,
        .routes = ROUTES,
    };
    (void)argc, (void)argv;
    require(zl_http_server_start(&options, &server, NULL) == ZL_OK);
    return 0;
}

/* What comes back on one connection for these bytes, with ENDS also for their end; the caller frees. */
static char *ask(const void *bytes, size_t size, bool ends)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(zl_http_server_port(server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *answer = zl_alloc(ANSWER_MAX);
    size_t length = 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(fd >= 0 &&
            TEMP_FAILURE_RETRY(connect(fd, (const struct sockaddr *)&to, sizeof to)) == 0);
    (void)!TEMP_FAILURE_RETRY(send(fd, bytes, size, MSG_NOSIGNAL));
    if (ends) {
        shutdown(fd, SHUT_WR);
    }
    for (;;) {
        /* libFuzzer has an alarm each second. */
        ssize_t count = TEMP_FAILURE_RETRY(recv(fd, answer + length, ANSWER_MAX - 1 - length, 0));
        if (count <= 0) {
            break;
        }
        length += (size_t)count;
    }
    close(fd);
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char GOOD[] = "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    ZL_AUTO_FREE char *answer = ask(data, size, true);
    ZL_AUTO_FREE char *good = ask(GOOD, strlen(GOOD), false);
    if ((answer[0] != '\0' && strncmp(answer, "HTTP/1.", 7) != 0) ||
        strncmp(good, "HTTP/1.1 200 ", 13) != 0 || strstr(good, "\r\n\r\nok\n") == NULL) {
        fprintf(stderr, "answer \"%s\"\nof a good request \"%s\"\n", answer, good);
        abort();
    }
    return 0;
}
