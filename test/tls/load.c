/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zl-tls-load URL CA-FILE REVIEW-FILE FRESH KEPT - TLS clients that post a review again and again until SIGTERM.
 *
 * FRESH clients make a new connection, with a full handshake, for each request; KEPT clients keep theirs. Every
 * answer must be a 200 with a decision; certificate and name are verified. The last line says
 * "requests N fresh F reconnects R failed E", and the first failures are explained before it. RECONNECTS counts
 * further connections of KEPT clients: 0 when none was dropped. Exit code 1 when anything failed.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#define CLIENTS_MAX 64
#define EXPLAINED_MAX 10
#define TIMEOUT_MS 10000L
/* Between two requests of one client: the machine has other things to do. */
#define PAUSE_NS 25000000L

struct load {
    const char *url, *ca_file;
    char review[65536];
    atomic_bool over;
    atomic_long requests, fresh, reconnects, failed;
};

struct client {
    struct load *load;
    bool is_fresh;
    pthread_t thread;
};

struct answer {
    char text[4096];
    size_t length;
};

static size_t receive(char *bytes, size_t size, size_t count, void *ctx)
{
    struct answer *answer = ctx;
    size_t room = sizeof answer->text - 1 - answer->length, length = size * count;
    size_t kept = length < room ? length : room;
    memcpy(answer->text + answer->length, bytes, kept);
    answer->length += kept;
    answer->text[answer->length] = '\0';
    return length;
}

static void explain(struct load *load, const struct client *client, const char *why,
                    const char *text)
{
    if (atomic_fetch_add(&load->failed, 1) < EXPLAINED_MAX) {
        fprintf(stderr, "%s client: %s: %.300s\n", client->is_fresh ? "fresh" : "kept", why, text);
    }
}

static void ask(struct client *client, CURL *handle, long *connections)
{
    struct load *load = client->load;
    struct answer answer = {.text = ""};
    long status = 0, opened = 0;
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
    CURLcode result = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &opened);
    *connections += opened;
    atomic_fetch_add(&load->requests, 1);
    if (result != CURLE_OK) {
        explain(load, client, "no answer", curl_easy_strerror(result));
    } else if (status != 200 || strstr(answer.text, "\"allowed\":") == NULL) {
        explain(load, client, "bad answer", answer.text);
    }
}

static void *run(void *ctx)
{
    struct client *client = ctx;
    struct load *load = client->load;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *handle = curl_easy_init();
    long connections = 0;
    curl_easy_setopt(handle, CURLOPT_URL, load->url);
    curl_easy_setopt(handle, CURLOPT_CAINFO, load->ca_file);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, load->review);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, client->is_fresh ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    while (!atomic_load(&load->over)) {
        ask(client, handle, &connections);
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    atomic_fetch_add(client->is_fresh ? &load->fresh : &load->reconnects,
                     client->is_fresh ? connections : connections - 1);
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
    return NULL;
}

static bool read_review(const char *path, struct load *load)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(load->review, 1, sizeof load->review - 1, file);
    fclose(file);
    return length > 0;
}

static int number(const char *text)
{
    int value = 0;
    return sscanf(text, "%d", &value) == 1 && value >= 0 && value <= CLIENTS_MAX ? value : -1;
}

int main(int argc, char **argv)
{
    static struct load load;
    static struct client clients[2 * CLIENTS_MAX];
    int fresh = argc == 6 ? number(argv[4]) : -1, kept = argc == 6 ? number(argv[5]) : -1;
    if (fresh < 0 || kept < 0 || !read_review(argv[3], &load)) {
        fprintf(stderr, "usage: zl-tls-load URL CA-FILE REVIEW-FILE FRESH KEPT\n");
        return 2;
    }
    load.url = argv[1];
    load.ca_file = argv[2];
    sigset_t signals;
    int signal_number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < fresh + kept; i++) {
        clients[i] = (struct client){.load = &load, .is_fresh = i < fresh};
        pthread_create(&clients[i].thread, NULL, run, &clients[i]);
    }
    sigwait(&signals, &signal_number);
    atomic_store(&load.over, true);
    for (int i = 0; i < fresh + kept; i++) {
        pthread_join(clients[i].thread, NULL);
    }
    printf("requests %ld fresh %ld reconnects %ld failed %ld\n", atomic_load(&load.requests),
           atomic_load(&load.fresh), atomic_load(&load.reconnects), atomic_load(&load.failed));
    curl_global_cleanup();
    return atomic_load(&load.failed) == 0 ? 0 : 1;
}
