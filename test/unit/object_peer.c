/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/object_peer.h"

#include "test/unit/peer.h"

#include <pthread.h>
#include <unistd.h>

struct entry {
    struct entry *next;
    char *key; /* "GET /path" */
    int status;
    char *text, *sent; /* SENT: by the last request; NULL: none came */
    int count;
    bool keeps;   /* of a PATCH: into what GET answers */
    char *change; /* of a PATCH: what GET answers then; or NULL */
};

struct zl_object_peer {
    struct zl_peer *peer;
    char *kubeconfig;
    pthread_mutex_t lock;
    struct entry *entries;
};

/* With the lock held. */
static struct entry *find(const struct zl_object_peer *peer, const char *key)
{
    struct entry *entry = peer->entries;
    while (entry != NULL && strcmp(entry->key, key) != 0) {
        entry = entry->next;
    }
    return entry;
}

static struct entry *find_or_add(struct zl_object_peer *peer, const char *key)
{
    struct entry *entry = find(peer, key);
    if (entry == NULL) {
        entry = zl_alloc(sizeof *entry);
        entry->key = zl_strdup(key);
        entry->status = 404;
        entry->text = zl_strdup("{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\","
                                "\"message\":\"not found\"}");
        entry->next = peer->entries;
        peer->entries = entry;
    }
    return entry;
}

/* With the lock held. */
static void keep_annotations(struct zl_object_peer *peer, const char *path, const char *body)
{
    ZL_AUTO_FREE char *key = zl_asprintf("GET %s", path);
    struct entry *entry = find_or_add(peer, key);
    ZL_AUTO_JSON struct cJSON *object = NULL, *patch = NULL;
    if (zl_json_parse(entry->text, strlen(entry->text), &object, NULL) != ZL_OK ||
        zl_json_parse(body, strlen(body), &patch, NULL) != ZL_OK) {
        abort();
    }
    struct cJSON *annotations = zl_json_child(zl_json_child(object, "metadata"), "annotations");
    for (const struct cJSON *item =
             zl_json_first(zl_json_at(patch, "metadata", "annotations", NULL));
         item != NULL; item = zl_json_next(item)) {
        zl_json_set_text(annotations, zl_json_name(item), zl_json_value_text(item));
    }
    free(entry->text);
    entry->text = zl_json_print(object);
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct zl_object_peer *peer = ctx;
    const char *path = zl_peer_path(call);
    ZL_AUTO_FREE char *key =
        zl_asprintf("%s %.*s", zl_peer_method(call), (int)strcspn(path, "?"), path);
    pthread_mutex_lock(&peer->lock);
    struct entry *entry = find_or_add(peer, key);
    const int status = entry->status;
    ZL_AUTO_FREE char *text = zl_strdup(entry->text);
    zl_replace_string(&entry->sent, zl_peer_body(call));
    entry->count++;
    const char *place = strchr(key, ' ') + 1;
    if (entry->keeps) {
        keep_annotations(peer, place, entry->sent);
    }
    if (entry->change != NULL) {
        ZL_AUTO_FREE char *get = zl_asprintf("GET %s", place);
        zl_replace_string(&find_or_add(peer, get)->text, entry->change);
    }
    pthread_mutex_unlock(&peer->lock);
    if (status == 0) {
        zl_peer_cut(call);
    } else if (status < 0) {
        zl_peer_hold(call);
    } else {
        zl_peer_answer(call, status, NULL, text);
    }
}

struct zl_object_peer *zl_object_peer_start(void)
{
    struct zl_object_peer *peer = zl_alloc(sizeof *peer);
    (void)pthread_mutex_init(&peer->lock, NULL);
    peer->peer = zl_peer_start(serve, peer);
    peer->kubeconfig = zl_peer_kubeconfig(peer->peer);
    zl_kube_init();
    return peer;
}

void zl_object_peer_stop(struct zl_object_peer *peer)
{
    zl_peer_stop(peer->peer);
    zl_kube_cleanup();
    while (peer->entries != NULL) {
        struct entry *entry = peer->entries;
        peer->entries = entry->next;
        free(entry->key);
        free(entry->text);
        free(entry->sent);
        free(entry->change);
        free(entry);
    }
    (void)unlink(peer->kubeconfig);
    free(peer->kubeconfig);
    (void)pthread_mutex_destroy(&peer->lock);
    free(peer);
}

/* TEXT with " for '. The caller frees. */
static char *quoted(const char *text)
{
    char *json = zl_strdup(text);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return json;
}

void zl_object_peer_change(struct zl_object_peer *peer, const char *path, const char *text)
{
    ZL_AUTO_FREE char *key = zl_asprintf("PATCH %s", path);
    pthread_mutex_lock(&peer->lock);
    struct entry *entry = find_or_add(peer, key);
    free(entry->change);
    entry->change = quoted(text);
    pthread_mutex_unlock(&peer->lock);
}

void zl_object_peer_put(struct zl_object_peer *peer, const char *method, const char *path,
                        int status, const char *text)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s %s", method, path);
    ZL_AUTO_FREE char *json = quoted(text);
    pthread_mutex_lock(&peer->lock);
    struct entry *entry = find_or_add(peer, key);
    entry->status = status;
    zl_replace_string(&entry->text, json);
    pthread_mutex_unlock(&peer->lock);
}

void zl_object_peer_keep(struct zl_object_peer *peer, const char *path)
{
    ZL_AUTO_FREE char *key = zl_asprintf("PATCH %s", path);
    pthread_mutex_lock(&peer->lock);
    find_or_add(peer, key)->keeps = true;
    pthread_mutex_unlock(&peer->lock);
}

int zl_object_peer_calls(struct zl_object_peer *peer)
{
    return zl_peer_calls(peer->peer);
}

char *zl_object_peer_sent(struct zl_object_peer *peer, const char *method, const char *path,
                          int *count)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s %s", method, path);
    pthread_mutex_lock(&peer->lock);
    const struct entry *entry = find(peer, key);
    char *sent = zl_strdup(entry != NULL ? entry->sent : NULL);
    if (count != NULL) {
        *count = entry != NULL ? entry->count : 0;
    }
    pthread_mutex_unlock(&peer->lock);
    return sent;
}

struct zl_kube_client *zl_object_peer_client(const struct zl_object_peer *peer)
{
    struct zl_kube_config config = {0};
    struct zl_kube_client *client = NULL;
    struct zl_error err = {0};
    if (zl_kube_config_load(peer->kubeconfig, NULL, &config, &err) != ZL_OK ||
        zl_kube_client_new(&config, "test", &client, &err) != ZL_OK) {
        abort();
    }
    zl_kube_config_clear(&config);
    return client;
}

const char *zl_object_peer_kubeconfig(const struct zl_object_peer *peer)
{
    return peer->kubeconfig;
}
