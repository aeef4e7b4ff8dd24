/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/lease_peer.h"

#include "common/base/clock.h"
#include "common/base/monitor.h"
#include "test/unit/peer.h"

#include <unistd.h>

struct zl_lease_peer {
    struct zl_peer *peer;
    char *kubeconfig;
    struct zl_monitor monitor; /* guards the rest; woken by each change of the Lease */
    struct cJSON *lease;       /* NULL: none */
    char *cached;              /* what watches begin with; NULL: with LEASE */
    int64_t version, oldest;
    enum zl_mood mood;
    bool uninstalled, stopping;
};

static void changed(struct zl_lease_peer *peer)
{
    char version[24];
    (void)snprintf(version, sizeof version, "%lld", (long long)++peer->version);
    if (peer->lease != NULL) {
        zl_json_set_text(zl_json_child(peer->lease, "metadata"), "resourceVersion", version);
    }
    zl_monitor_wake_all(&peer->monitor);
}

static void answer_lease(struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    ZL_AUTO_FREE char *text = peer->lease != NULL ? zl_json_print(peer->lease) : NULL;
    zl_peer_answer(call, text != NULL ? 200 : 404, NULL, text != NULL ? text : "{}");
}

static void merge(struct cJSON *into, const struct cJSON *patch)
{
    for (const struct cJSON *field = zl_json_first(patch); field != NULL;
         field = zl_json_next(field)) {
        if (zl_json_is_object(field)) {
            merge(zl_json_child(into, zl_json_name(field)), field);
        } else { /* null reads as nothing is there */
            zl_json_set(into, zl_json_name(field), zl_json_copy(field));
        }
    }
}

static void serve_write(struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    const bool patch = strcmp(zl_peer_method(call), "PATCH") == 0;
    ZL_AUTO_JSON struct cJSON *body = NULL;
    if (zl_json_parse(zl_peer_body(call), strlen(zl_peer_body(call)), &body, NULL) != ZL_OK) {
        abort();
    }
    const char *wanted = zl_json_text(body, "metadata", "resourceVersion", NULL);
    const char *is = zl_json_text(peer->lease, "metadata", "resourceVersion", NULL);
    if (patch && peer->lease == NULL) {
        zl_peer_answer(call, 404, NULL, "{}");
        return;
    }
    if (patch ? wanted != NULL && !zl_same_string(wanted, is) : peer->lease != NULL) {
        zl_peer_answer(call, 409, NULL, "{}");
        return;
    }
    if (patch) {
        merge(peer->lease, body);
    } else {
        peer->lease = zl_json_copy(body);
    }
    changed(peer);
    answer_lease(peer, call);
}

static void send_event(struct zl_lease_peer *peer, struct zl_peer_call *call, bool first)
{
    ZL_AUTO_FREE char *object = zl_json_print(peer->lease);
    ZL_AUTO_FREE char *line =
        zl_asprintf("{\"type\":\"%s\",\"object\":%s}\n", first ? "ADDED" : "MODIFIED", object);
    zl_peer_piece(call, line, strlen(line));
}

/* Of the watch that is asked for; -1: it says none. */
static int64_t version_in(const char *path)
{
    static const char name[] = "resourceVersion=";
    const char *at = strstr(path, name);
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : -1;
}

static void send_cached(const struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    ZL_AUTO_FREE char *line = zl_asprintf("{\"type\":\"ADDED\",\"object\":%s}\n", peer->cached);
    zl_peer_piece(call, line, strlen(line));
}

/*
 * Without a version what is there, or was; and each change, for as long as the client wants it or until something is wrong with
 * the server.
 */
static void serve_watch(struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    const int64_t until_ms = zl_clock_ms() + 3000, oldest = peer->oldest;
    int64_t sent = version_in(zl_peer_path(call));
    if (sent >= 0 && sent < oldest) {
        zl_peer_answer(call, 410, NULL, "{}");
        return;
    }
    zl_peer_begin(call, 200);
    if (sent < 0 && peer->cached != NULL) {
        send_cached(peer, call);
        sent = peer->version;
    }
    while (!peer->stopping && peer->mood == ZL_MOOD_WELL && peer->oldest == oldest &&
           zl_clock_ms() < until_ms) {
        if (sent != peer->version && peer->lease != NULL) {
            send_event(peer, call, sent < 0);
        }
        sent = peer->version;
        (void)zl_monitor_wait(&peer->monitor, until_ms);
    }
    zl_peer_end(call);
}

/* The peer's one object, if it is one of those that are asked for. */
static void answer_list(const struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    ZL_AUTO_FREE char *object = peer->lease != NULL ? zl_json_print(peer->lease) : zl_strdup("");
    ZL_AUTO_FREE char *text =
        zl_asprintf("{\"metadata\":{\"resourceVersion\":\"%lld\"},\"items\":[%s]}",
                    (long long)peer->version, object);
    zl_peer_answer(call, 200, NULL, text);
}

static bool is_collection(const char *path)
{
    const char *name = strstr(path, "/namespaces/shop/leaderpolicies");
    const size_t length = strlen("/namespaces/shop/leaderpolicies");
    return name != NULL && (name[length] == '\0' || name[length] == '?');
}

static void serve_discovery(const struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    zl_peer_answer(call, peer->uninstalled ? 404 : 200, NULL,
                   peer->uninstalled ? "{}" : "{\"resources\":[{\"name\":\"leaderpolicies\"}]}");
}

static void serve_well(struct zl_lease_peer *peer, struct zl_peer_call *call)
{
    const char *path = zl_peer_path(call);
    if (strstr(path, "watch=true") != NULL) {
        serve_watch(peer, call);
    } else if (strcmp(path, "/apis/coordination.kube-zen.io/v1alpha1") == 0) {
        serve_discovery(peer, call);
    } else if (strcmp(zl_peer_method(call), "GET") == 0 && is_collection(path)) {
        answer_list(peer, call);
    } else if (strcmp(zl_peer_method(call), "GET") == 0) {
        answer_lease(peer, call);
    } else {
        serve_write(peer, call);
    }
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct zl_lease_peer *peer = ctx;
    zl_monitor_lock(&peer->monitor);
    const enum zl_mood mood = peer->mood;
    if (mood == ZL_MOOD_WELL) {
        serve_well(peer, call);
    } else if (mood == ZL_MOOD_DENYING &&
               strcmp(zl_peer_path(call), "/apis/coordination.kube-zen.io/v1alpha1") == 0) {
        serve_discovery(peer, call); /* everybody may ask for that */
    } else if (mood == ZL_MOOD_FAILING || mood == ZL_MOOD_DENYING) {
        zl_peer_answer(call, mood == ZL_MOOD_FAILING ? 500 : 403, NULL, "{}");
    } else if (mood == ZL_MOOD_GONE) {
        zl_peer_cut(call);
    }
    zl_monitor_unlock(&peer->monitor);
    if (mood == ZL_MOOD_SILENT) {
        zl_peer_hold(call);
    }
}

struct zl_lease_peer *zl_lease_peer_start(void)
{
    struct zl_lease_peer *peer = zl_alloc(sizeof *peer);
    zl_monitor_init(&peer->monitor);
    peer->peer = zl_peer_start(serve, peer);
    peer->kubeconfig = zl_peer_kubeconfig(peer->peer);
    return peer;
}

void zl_lease_peer_stop(struct zl_lease_peer *peer)
{
    zl_monitor_lock(&peer->monitor);
    peer->stopping = true;
    zl_monitor_wake_all(&peer->monitor);
    zl_monitor_unlock(&peer->monitor);
    zl_peer_stop(peer->peer);
    (void)unlink(peer->kubeconfig);
    free(peer->kubeconfig);
    zl_json_free(peer->lease);
    free(peer->cached);
    zl_monitor_clear(&peer->monitor);
    free(peer);
}

const char *zl_lease_peer_kubeconfig(const struct zl_lease_peer *peer)
{
    return peer->kubeconfig;
}

void zl_lease_peer_set_mood(struct zl_lease_peer *peer, enum zl_mood mood)
{
    zl_monitor_lock(&peer->monitor);
    peer->mood = mood;
    zl_monitor_wake_all(&peer->monitor);
    zl_monitor_unlock(&peer->monitor);
}

void zl_lease_peer_set_installed(struct zl_lease_peer *peer, bool installed)
{
    zl_monitor_lock(&peer->monitor);
    peer->uninstalled = !installed;
    zl_monitor_unlock(&peer->monitor);
}

void zl_lease_peer_write(struct zl_lease_peer *peer, const char *text)
{
    zl_monitor_lock(&peer->monitor);
    zl_json_free(peer->lease);
    peer->lease = NULL;
    if (text != NULL && zl_json_parse(text, strlen(text), &peer->lease, NULL) != ZL_OK) {
        abort();
    }
    changed(peer);
    zl_monitor_unlock(&peer->monitor);
}

void zl_lease_peer_write_turn(struct zl_lease_peer *peer, const char *fleet, int token, int left_s)
{
    char until[ZL_TIME_TEXT_MAX];
    zl_time_format(zl_clock_wall_us() + left_s * INT64_C(1000000), until);
    ZL_AUTO_FREE char *turn =
        token == 0
            ? zl_strdup("\"phase\":\"Waiting\",\"position\":2,\"why\":\"5 of 5 act\"")
            : zl_asprintf(
                  "\"phase\":\"Active\",\"turn\":{\"token\":%d,\"generation\":1,\"until\":\"%s\"}",
                  token, until);
    ZL_AUTO_FREE char *text =
        zl_asprintf("{\"metadata\":{\"name\":\"flp\",\"namespace\":\"shop\"},"
                    "\"spec\":{\"pool\":\"%s\"},\"status\":{\"cluster\":\"east\",%s}}",
                    fleet, turn);
    zl_lease_peer_write(peer, text);
}

void zl_lease_peer_set_cached(struct zl_lease_peer *peer, const char *text)
{
    zl_monitor_lock(&peer->monitor);
    zl_replace_string(&peer->cached, text);
    zl_monitor_unlock(&peer->monitor);
}

void zl_lease_peer_compact(struct zl_lease_peer *peer)
{
    zl_monitor_lock(&peer->monitor);
    changed(peer);
    peer->oldest = peer->version;
    zl_monitor_unlock(&peer->monitor);
}

char *zl_lease_peer_holder(struct zl_lease_peer *peer)
{
    zl_monitor_lock(&peer->monitor);
    const char *holder = zl_json_text(peer->lease, "spec", "holderIdentity", NULL);
    char *copy = zl_strdup(holder != NULL ? holder : "");
    zl_monitor_unlock(&peer->monitor);
    return copy;
}

char *zl_lease_peer_annotation(struct zl_lease_peer *peer, const char *key)
{
    zl_monitor_lock(&peer->monitor);
    const char *value = zl_json_text(peer->lease, "metadata", "annotations", key, NULL);
    char *copy = zl_strdup(value != NULL ? value : "");
    zl_monitor_unlock(&peer->monitor);
    return copy;
}

int zl_lease_peer_calls(struct zl_lease_peer *peer)
{
    return zl_peer_calls(peer->peer);
}
