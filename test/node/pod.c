/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod.c - zl-pod: what runs in the containers of test/node. A small HTTP server that says which pod it is and can be told to fail, or
 * a program that ends by itself, for Jobs.
 *
 * GET /           the pod's name: $HOSTNAME
 * GET /ready      200, or 503: for the readiness probe
 * GET /be-ready   from now on 200;   GET /be-unready   from now on 503
 * GET /eat?mib=N  take N MiB of memory and touch them; the answer may never come
 * GET /exit?code=N   end with that exit code
 * GET /visits     the file of --append-to
 *
 * SIGTERM ends it at once, as it ends most programs that do not listen to it; with --drain-ms it serves that much longer.
 */
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/options.h"
#include "common/base/parse.h"

#include <microhttpd.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define REQUESTS_END_MS 1000

struct config {
    int64_t port, ready_after_ms, drain_ms, exit_after_ms, exit_code;
    const char *append_to;
};

static const struct zl_option OPTIONS[] = {
    {"port", NULL, ZL_OPTION_I64, "8080", 1, 65535, NULL, offsetof(struct config, port), "PORT",
     "Where to listen."},
    {"ready-after-ms", NULL, ZL_OPTION_I64, "0", 0, 600000, NULL,
     offsetof(struct config, ready_after_ms), "MS", "How long /ready says 503 at first."},
    {"drain-ms", NULL, ZL_OPTION_I64, "0", 0, 600000, NULL, offsetof(struct config, drain_ms), "MS",
     "How long to serve after SIGTERM."},
    {"exit-after-ms", NULL, ZL_OPTION_I64, "-1", -1, 600000, NULL,
     offsetof(struct config, exit_after_ms), "MS", "End after this time; -1: never."},
    {"exit-code", NULL, ZL_OPTION_I64, "0", 0, 255, NULL, offsetof(struct config, exit_code),
     "CODE", "What to end with then."},
    {"append-to", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, append_to),
     "FILE", "Write the pod's name into this file at the start."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-pod",
    .summary = "Runs in the containers of zen-lead's own tests on a real node.",
    .options = OPTIONS,
};

struct pod {
    const struct config *config;
    const char *name;
    atomic_bool ready;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
                              const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static int64_t number_of(struct MHD_Connection *connection, const char *name)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
    struct zl_error err = {0};
    int64_t value = 0;
    return text != NULL && zl_parse_i64(text, 0, 1000000, &value, &err) == ZL_OK ? value : 0;
}

/* Touched, or the kernel only promises it. */
static enum MHD_Result eat(struct MHD_Connection *connection, int64_t mib)
{
    for (int64_t i = 0; i < mib; i++) {
        char *block = zl_alloc(1 << 20);
        memset(block, 0x5a, 1 << 20);
    }
    return answer(connection, MHD_HTTP_OK, "eaten\n");
}

static enum MHD_Result visits(struct MHD_Connection *connection, const char *path)
{
    char text[4096];
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (file == NULL) {
        return answer(connection, MHD_HTTP_NOT_FOUND, "no file\n");
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return answer(connection, MHD_HTTP_OK, text);
}

static enum MHD_Result serve(void *ctx, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *body,
                             size_t *length, void **request)
{
    struct pod *pod = ctx;
    (void)method, (void)version, (void)body, (void)length, (void)request;
    if (strcmp(url, "/") == 0) {
        return answer(connection, MHD_HTTP_OK, pod->name);
    }
    if (strcmp(url, "/ready") == 0) {
        return atomic_load(&pod->ready) ? answer(connection, MHD_HTTP_OK, "ready\n")
                                        : answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no\n");
    }
    if (strcmp(url, "/be-ready") == 0 || strcmp(url, "/be-unready") == 0) {
        atomic_store(&pod->ready, url[4] == 'r');
        return answer(connection, MHD_HTTP_OK, "as you say\n");
    }
    if (strcmp(url, "/eat") == 0) {
        return eat(connection, number_of(connection, "mib"));
    }
    if (strcmp(url, "/exit") == 0) {
        _exit((int)number_of(connection, "code"));
    }
    if (strcmp(url, "/visits") == 0) {
        return visits(connection, pod->config->append_to);
    }
    return answer(connection, MHD_HTTP_NOT_FOUND, "no such path\n");
}

static int append_name(const struct config *config, const char *name)
{
    FILE *file = fopen(config->append_to, "a");
    if (file == NULL) {
        fprintf(stderr, "zl-pod: cannot write %s\n", config->append_to);
        return -1;
    }
    fprintf(file, "%s\n", name);
    return fclose(file);
}

/* wait_ms SIGNALS MS - true when a signal came before MS were over; -1: no end. */
static bool wait_ms(const sigset_t *signals, int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return sigtimedwait(signals, NULL, ms < 0 ? NULL : &time) > 0;
}

/* As servers do that end on SIGTERM: no new requests, and those that are under way to their end. */
static void finish_requests(struct MHD_Daemon *daemon)
{
    int64_t deadline_ms = zl_clock_ms() + REQUESTS_END_MS;
    MHD_socket listener = MHD_quiesce_daemon(daemon);
    if (listener != MHD_INVALID_SOCKET) {
        close(listener);
    }
    while (zl_clock_ms() < deadline_ms &&
           MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections > 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static int run(const struct config *config, const sigset_t *signals)
{
    char name[256] = "";
    struct pod pod = {.config = config, .name = name};
    gethostname(name, sizeof name - 1);
    if (config->append_to != NULL && append_name(config, name) != 0) {
        return 1;
    }
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, (uint16_t)config->port, NULL, NULL, serve,
        &pod, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "zl-pod: cannot listen on port %d\n", (int)config->port);
        return 1;
    }
    /* A signal ends either wait. */
    bool ended = config->ready_after_ms > 0 && wait_ms(signals, config->ready_after_ms);
    atomic_store(&pod.ready, true);
    ended = ended || wait_ms(signals, config->exit_after_ms);
    if (ended && config->drain_ms > 0) {
        wait_ms(signals, config->drain_ms);
    }
    finish_requests(daemon);
    MHD_stop_daemon(daemon);
    return ended ? 0 : (int)config->exit_code;
}

int main(int argc, char **argv)
{
    struct config config;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    return run(&config, &signals);
}
