/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - zl-client: asks a URL again and again, as many clients of a Service together would, and counts what they saw.
 *
 * Each request has a connection of its own and is not repeated. A first line "asks URL" says that it
 * listens to signals. SIGUSR1 prints a line and starts to count anew; SIGTERM and SIGINT print the
 * last one and end it:
 *
 *   requests N errors E longest-gap-ms G slowest-ms S answers A,B,...
 *
 * A gap is the time between the answers of two requests that follow each other, or since the start of the count, or to its end; answers
 * are those that came, in the order in which they first did. The first error of each count is told on standard error.
 */
#include "common/base/clock.h"
#include "common/base/options.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>

#define ANSWER_MAX 128
#define ANSWERS_MAX 16

struct config {
    const char *url;
    int64_t interval_ms, timeout_ms;
};

static const struct zl_option OPTIONS[] = {
    {"url", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, url), "URL",
     "What to ask."},
    {"interval-ms", NULL, ZL_OPTION_I64, "4", 1, 60000, NULL, offsetof(struct config, interval_ms),
     "MS", "Time between an answer and the next request."},
    {"timeout-ms", NULL, ZL_OPTION_I64, "300", 1, 60000, NULL, offsetof(struct config, timeout_ms),
     "MS", "A request that takes longer is an error."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-client",
    .summary = "Counts the gaps and errors that a client of a Service sees.",
    .options = OPTIONS,
    .epilogue = "kill -USR1 prints what was seen since the last one.\n",
};

struct count {
    long requests, errors;
    int64_t last_ms, gap_ms, slowest_ms;
    char answers[ANSWERS_MAX][ANSWER_MAX];
    size_t answer_count;
};

struct text {
    char bytes[ANSWER_MAX];
    size_t length;
};

static size_t receive(char *bytes, size_t size, size_t count, void *ctx)
{
    struct text *text = ctx;
    for (size_t i = 0; i < size * count; i++) {
        if (text->length < sizeof text->bytes - 1 && bytes[i] > ' ') {
            text->bytes[text->length++] = bytes[i];
        }
    }
    return size * count;
}

/*
 * Closed with a reset: a port that waits for a minute (TIME-WAIT) is not free for the next connection, and two clients with 250
 * connections a second of one address to one pod use up all there are.
 */
static int reset_at_end(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    (void)purpose;
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0 ? CURL_SOCKOPT_OK
                                                                              : CURL_SOCKOPT_ERROR;
}

/*
 * Port by port, all of them before one comes again, from below those that the kernel gives out to others of this address, the kubelet
 * among them. With ports of that range one connection in some thousands got no answer for two seconds on Linux 6.18, long after
 * the traffic had moved. Why was not found: a port that a probe of the same pod had a moment ago is not it.
 */
static void choose_port(CURL *handle, long *port)
{
    enum { FIRST = 2000, LAST = 19900, TRIES = 50 };
    *port = *port < FIRST || *port >= LAST ? FIRST : *port + 1;
    curl_easy_setopt(handle, CURLOPT_LOCALPORT, *port);
    curl_easy_setopt(handle, CURLOPT_LOCALPORTRANGE, (long)TRIES);
}

static void tell_error(CURL *handle, long port, CURLcode result, long status, int64_t took_ms)
{
    curl_off_t connected_us = 0;
    curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME_T, &connected_us);
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us(), now);
    fprintf(stderr,
            "%s zl-client: %s, status %ld, after %ld ms, %s, from port %ld or the next free\n", now,
            curl_easy_strerror(result), status, (long)took_ms,
            connected_us > 0 ? "connected" : "not connected", port);
}

static void begin(struct count *count)
{
    *count = (struct count){.last_ms = zl_clock_ms()};
}

static void see_time(struct count *count, int64_t now_ms)
{
    if (now_ms - count->last_ms > count->gap_ms) {
        count->gap_ms = now_ms - count->last_ms;
    }
    count->last_ms = now_ms;
}

static void print(struct count *count)
{
    see_time(count, zl_clock_ms());
    printf("requests %ld errors %ld longest-gap-ms %ld slowest-ms %ld answers ", count->requests,
           count->errors, (long)count->gap_ms, (long)count->slowest_ms);
    for (size_t i = 0; i < count->answer_count; i++) {
        printf("%s%s", i > 0 ? "," : "", count->answers[i]);
    }
    printf("\n");
    fflush(stdout);
}

static void see_answer(struct count *count, const char *answer)
{
    for (size_t i = 0; i < count->answer_count; i++) {
        if (strcmp(count->answers[i], answer) == 0) {
            return;
        }
    }
    if (count->answer_count < ANSWERS_MAX) {
        snprintf(count->answers[count->answer_count++], ANSWER_MAX, "%s", answer);
    }
}

static void ask(CURL *handle, long port, struct count *count)
{
    struct text text = {.length = 0};
    int64_t started_ms = zl_clock_ms();
    long status = 0;
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &text);
    CURLcode result = curl_easy_perform(handle);
    int64_t now_ms = zl_clock_ms();
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    count->requests++;
    if (now_ms - started_ms > count->slowest_ms) {
        count->slowest_ms = now_ms - started_ms;
    }
    if (result == CURLE_OK && status == 200) {
        see_time(count, now_ms);
        text.bytes[text.length] = '\0';
        see_answer(count, text.bytes);
    } else if (count->errors++ == 0) {
        tell_error(handle, port, result, status, now_ms - started_ms);
    }
}

static void run(const struct config *config, CURL *handle, const sigset_t *signals)
{
    struct count count;
    begin(&count);
    curl_easy_setopt(handle, CURLOPT_URL, config->url);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
    curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, reset_at_end);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    const struct timespec interval = {.tv_sec = config->interval_ms / 1000,
                                      .tv_nsec = config->interval_ms % 1000 * 1000000};
    int signal_number = 0;
    long port = 0;
    printf("asks %s\n", config->url); /* from here on it may be signalled */
    fflush(stdout);
    do {
        choose_port(handle, &port);
        ask(handle, port, &count);
        signal_number = sigtimedwait(signals, NULL, &interval);
        if (signal_number == SIGUSR1) {
            print(&count);
            begin(&count);
        }
    } while (signal_number != SIGTERM && signal_number != SIGINT);
    print(&count);
}

int main(int argc, char **argv)
{
    struct config config;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    if (config.url == NULL) {
        fprintf(stderr, "zl-client: --url is missing\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *handle = curl_easy_init();
    if (handle == NULL) {
        return 1;
    }
    run(&config, handle, &signals);
    curl_easy_cleanup(handle);
    curl_global_cleanup();
    return 0;
}
