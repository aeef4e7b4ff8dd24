/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/script.h"

#include <pthread.h>

const struct zl_kube_target *const LEASE = &(const struct zl_kube_target){
    .resource = &ZL_KUBE_LEASES, .namespace_ = "default", .name = "zen-lead-a"};

struct zl_peer *zl_the_peer;
struct zl_kube_client *zl_the_client;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct zl_script script;
static struct zl_asked last;

static void keep(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

void zl_play(struct zl_script next)
{
    pthread_mutex_lock(&lock);
    script = next;
    pthread_mutex_unlock(&lock);
}

struct zl_asked zl_asked(void)
{
    pthread_mutex_lock(&lock);
    struct zl_asked copy = last;
    pthread_mutex_unlock(&lock);
    return copy;
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    struct zl_script now = script;
    keep(last.method, sizeof last.method, zl_peer_method(call));
    keep(last.path, sizeof last.path, zl_peer_path(call));
    keep(last.sent, sizeof last.sent, zl_peer_body(call));
    keep(last.accept, sizeof last.accept, zl_peer_header(call, "Accept"));
    keep(last.content_type, sizeof last.content_type, zl_peer_header(call, "Content-Type"));
    keep(last.authorization, sizeof last.authorization, zl_peer_header(call, "Authorization"));
    keep(last.user_agent, sizeof last.user_agent, zl_peer_header(call, "User-Agent"));
    pthread_mutex_unlock(&lock);
    if (now.serve != NULL) {
        now.serve(&now, call);
    } else {
        zl_peer_answer(call, now.status, now.extra, now.body);
    }
}

void zl_log_in(struct zl_kube_config config)
{
    struct zl_error err = {0};
    ZL_AUTO_FREE char *url = zl_peer_url(zl_the_peer);
    config.server = url;
    zl_kube_client_free(zl_the_client);
    if (zl_kube_client_new(&config, "zen-lead-test/1", &zl_the_client, &err) != ZL_OK) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

int zl_script_start(void **state)
{
    (void)state;
    zl_play((struct zl_script){.status = 200, .body = "{}"});
    zl_the_peer = zl_peer_start(serve, NULL);
    zl_the_client = NULL;
    zl_log_in((struct zl_kube_config){0});
    return 0;
}

int zl_script_stop(void **state)
{
    (void)state;
    zl_kube_client_free(zl_the_client);
    zl_peer_stop(zl_the_peer);
    zl_the_client = NULL;
    zl_the_peer = NULL;
    return 0;
}
