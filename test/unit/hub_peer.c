/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/hub_peer.h"

#include "common/base/clock.h"
#include "common/base/monitor.h"
#include "test/unit/peer.h"

#include <unistd.h>

enum { WATCH_MS = 20000 };

/* Each version of an object, in order; the last one of a path is what is stored. */
struct change {
    char *path;
    struct cJSON *object;
    bool first; /* of its path */
};

struct zl_hub_peer {
    struct zl_peer *peer;
    char *kubeconfig;
    struct zl_monitor monitor; /* guards the rest; woken by each change */
    struct change *changes;    /* the version of the one at I is I + 1 */
    size_t count;
    bool stopping, away;
    void (*changed)(void *ctx, const char *path, const struct cJSON *object);
    void *ctx;
};

static struct cJSON *parse(const char *text)
{
    struct cJSON *tree = NULL;
    ZL_AUTO_FREE char *copy = zl_strdup(text);
    for (char *c = copy; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    if (zl_json_parse(copy, strlen(copy), &tree, NULL) != ZL_OK) {
        abort();
    }
    return tree;
}

static struct cJSON *find(const struct zl_hub_peer *peer, const char *path)
{
    for (size_t i = peer->count; i-- > 0;) {
        if (strcmp(peer->changes[i].path, path) == 0) {
            return peer->changes[i].object;
        }
    }
    return NULL;
}

static const struct cJSON *add(struct zl_hub_peer *peer, const char *path, struct cJSON *taken)
{
    struct cJSON *metadata = zl_json_child(taken, "metadata");
    ZL_AUTO_FREE char *version = zl_asprintf("%zu", peer->count + 1);
    zl_json_set_text(metadata, "resourceVersion", version);
    if (zl_json_text(metadata, "uid", NULL) == NULL) {
        zl_json_set_text(metadata, "uid", path);
    }
    bool first = find(peer, path) == NULL;
    peer->changes = zl_realloc(peer->changes, peer->count + 1, sizeof *peer->changes);
    peer->changes[peer->count++] =
        (struct change){.path = zl_strdup(path), .object = taken, .first = first};
    if (peer->changed != NULL) {
        peer->changed(peer->ctx, path, taken);
    }
    zl_monitor_wake_all(&peer->monitor);
    return taken;
}

static void merge(struct cJSON *into, const struct cJSON *patch)
{
    for (const struct cJSON *field = zl_json_first(patch); field != NULL;
         field = zl_json_next(field)) {
        if (zl_json_is_object(field)) {
            merge(zl_json_child(into, zl_json_name(field)), field);
        } else {
            zl_json_set(into, zl_json_name(field), zl_json_copy(field));
        }
    }
}

/* Is PATH one object of COLLECTION, and of NAME if that is asked for? */
static bool is_of(const char *path, const char *collection, const char *name)
{
    size_t length = strlen(collection);
    return strncmp(path, collection, length) == 0 && path[length] == '/' &&
           strchr(path + length + 1, '/') == NULL &&
           (name[0] == '\0' || strcmp(path + length + 1, name) == 0);
}

/* The name that a fieldSelector asks for. */
static void asked_name(const char *query, char *name, size_t size)
{
    const char *at = strstr(query, "metadata.name%3D");
    size_t length = at != NULL ? strcspn(at + 16, "&") : 0;
    (void)snprintf(name, size, "%.*s", (int)length, at != NULL ? at + 16 : "");
}

static void answer(struct zl_peer_call *call, int status, const struct cJSON *object)
{
    ZL_AUTO_FREE char *text = object != NULL ? zl_json_print(object) : NULL;
    zl_peer_answer(call, status, NULL, text != NULL ? text : "{}");
}

static void serve_list(struct zl_hub_peer *peer, struct zl_peer_call *call, const char *collection,
                       const char *name)
{
    ZL_AUTO_JSON struct cJSON *list = zl_json_object();
    struct cJSON *items = zl_json_array();
    ZL_AUTO_FREE char *version = zl_asprintf("%zu", peer->count);
    zl_json_set_text(zl_json_child(list, "metadata"), "resourceVersion", version);
    for (size_t i = 0; i < peer->count; i++) {
        const struct change *change = &peer->changes[i];
        if (is_of(change->path, collection, name) && find(peer, change->path) == change->object) {
            zl_json_append(items, zl_json_copy(change->object));
        }
    }
    zl_json_set(list, "items", items);
    answer(call, 200, list);
}

static void serve_watch(struct zl_hub_peer *peer, struct zl_peer_call *call, const char *collection,
                        const char *name, size_t sent)
{
    const int64_t until_ms = zl_clock_ms() + WATCH_MS;
    zl_peer_begin(call, 200);
    while (!peer->stopping && !peer->away && zl_clock_ms() < until_ms) {
        for (; sent < peer->count; sent++) {
            const struct change *change = &peer->changes[sent];
            if (is_of(change->path, collection, name)) {
                ZL_AUTO_FREE char *object = zl_json_print(change->object);
                ZL_AUTO_FREE char *line = zl_asprintf("{\"type\":\"%s\",\"object\":%s}\n",
                                                      change->first ? "ADDED" : "MODIFIED", object);
                zl_peer_piece(call, line, strlen(line));
            }
        }
        (void)zl_monitor_wait(&peer->monitor, until_ms);
    }
    zl_peer_end(call);
}

/* A PUT or patch of what is there needs its version where it gives one; a PUT of what is not there creates it. */
static void serve_write(struct zl_hub_peer *peer, struct zl_peer_call *call, const char *path)
{
    const char *method = zl_peer_method(call);
    ZL_AUTO_JSON struct cJSON *body = NULL;
    if (zl_json_parse(zl_peer_body(call), strlen(zl_peer_body(call)), &body, NULL) != ZL_OK) {
        abort();
    }
    const char *wanted = zl_json_text(body, "metadata", "resourceVersion", NULL);
    bool create = strcmp(method, "POST") == 0;
    ZL_AUTO_FREE char *name =
        create ? zl_asprintf("%s/%s", path, zl_json_text(body, "metadata", "name", NULL))
               : zl_strdup(path);
    const struct cJSON *was = find(peer, name);
    const char *is = zl_json_text(was, "metadata", "resourceVersion", NULL);
    if (was == NULL && (strcmp(method, "PATCH") == 0 || (!create && wanted != NULL))) {
        answer(call, 404, NULL);
    } else if (was != NULL && (create || (wanted != NULL && strcmp(wanted, is) != 0))) {
        answer(call, 409, NULL);
    } else if (was != NULL && wanted == NULL && strcmp(method, "PUT") == 0) {
        answer(call, 422, NULL);
    } else {
        struct cJSON *next = strcmp(method, "PATCH") == 0 ? zl_json_copy(was) : zl_json_copy(body);
        if (strcmp(method, "PATCH") == 0) {
            merge(next, body);
        }
        answer(call, was == NULL ? 201 : 200, add(peer, name, next));
    }
}

/* Watches are not told. */
static void serve_delete(struct zl_hub_peer *peer, struct zl_peer_call *call, const char *path)
{
    const struct cJSON *was = find(peer, path);
    answer(call, was != NULL ? 200 : 404, was);
    for (size_t i = 0; i < peer->count; i++) {
        if (strcmp(peer->changes[i].path, path) == 0) {
            peer->changes[i].path[0] = '\0';
        }
    }
}

static void serve_here(struct zl_hub_peer *peer, struct zl_peer_call *call)
{
    const char *full = zl_peer_path(call);
    const char *query = full + strcspn(full, "?");
    ZL_AUTO_FREE char *path = zl_strndup(full, (size_t)(query - full));
    char name[128];
    size_t length = strlen(path);
    asked_name(query, name, sizeof name);
    if (length > 7 && strcmp(path + length - 7, "/status") == 0) {
        path[length - 7] = '\0';
    }
    const char *version = strstr(query, "resourceVersion=");
    if (strcmp(zl_peer_method(call), "DELETE") == 0) {
        serve_delete(peer, call, path);
    } else if (strcmp(zl_peer_method(call), "GET") != 0) {
        serve_write(peer, call, path);
    } else if (strstr(query, "watch=") != NULL) {
        serve_watch(peer, call, path, name, version != NULL ? strtoull(version + 16, NULL, 10) : 0);
    } else if (find(peer, path) != NULL) {
        answer(call, 200, find(peer, path));
    } else if (strstr(query, "limit=") != NULL) {
        serve_list(peer, call, path, name);
    } else {
        answer(call, 404, NULL);
    }
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct zl_hub_peer *peer = ctx;
    zl_monitor_lock(&peer->monitor);
    if (peer->away) {
        zl_peer_cut(call);
    } else {
        serve_here(peer, call);
    }
    zl_monitor_unlock(&peer->monitor);
}

struct zl_hub_peer *zl_hub_peer_start(void)
{
    struct zl_hub_peer *peer = zl_alloc(sizeof *peer);
    zl_monitor_init(&peer->monitor);
    peer->peer = zl_peer_start(serve, peer);
    return peer;
}

void zl_hub_peer_stop(struct zl_hub_peer *peer)
{
    zl_monitor_lock(&peer->monitor);
    peer->stopping = true;
    zl_monitor_wake_all(&peer->monitor);
    zl_monitor_unlock(&peer->monitor);
    zl_peer_stop(peer->peer);
    for (size_t i = 0; i < peer->count; i++) {
        free(peer->changes[i].path);
        zl_json_free(peer->changes[i].object);
    }
    free(peer->changes);
    zl_monitor_clear(&peer->monitor);
    free(peer);
}

struct zl_kube_client *zl_hub_peer_client(struct zl_hub_peer *peer)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    char namespace_[] = "shop";
    ZL_AUTO_FREE char *url = zl_peer_url(peer->peer);
    const struct zl_kube_config config = {.server = url, .namespace_ = namespace_};
    if (zl_kube_client_new(&config, "test", &client, &err) != ZL_OK) {
        abort();
    }
    return client;
}

void zl_hub_peer_store(struct zl_hub_peer *peer, const char *path, const char *text)
{
    zl_monitor_lock(&peer->monitor);
    (void)add(peer, path, parse(text));
    zl_monitor_unlock(&peer->monitor);
}

void zl_hub_peer_merge(struct zl_hub_peer *peer, const char *path, const char *text)
{
    ZL_AUTO_JSON struct cJSON *patch = parse(text);
    zl_monitor_lock(&peer->monitor);
    struct cJSON *next = zl_json_copy(find(peer, path));
    merge(next, patch);
    (void)add(peer, path, next);
    zl_monitor_unlock(&peer->monitor);
}

struct cJSON *zl_hub_peer_read(struct zl_hub_peer *peer, const char *path)
{
    zl_monitor_lock(&peer->monitor);
    const struct cJSON *found = find(peer, path);
    struct cJSON *copy = found != NULL ? zl_json_copy(found) : NULL;
    zl_monitor_unlock(&peer->monitor);
    return copy;
}

void zl_hub_peer_set_away(struct zl_hub_peer *peer, bool away)
{
    zl_monitor_lock(&peer->monitor);
    peer->away = away;
    zl_monitor_wake_all(&peer->monitor);
    zl_monitor_unlock(&peer->monitor);
}

void zl_hub_peer_watch(struct zl_hub_peer *peer,
                       void (*changed)(void *ctx, const char *path, const struct cJSON *object),
                       void *ctx)
{
    zl_monitor_lock(&peer->monitor);
    peer->changed = changed;
    peer->ctx = ctx;
    zl_monitor_unlock(&peer->monitor);
}
