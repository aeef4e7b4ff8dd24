/* SPDX-License-Identifier: Apache-2.0 */
#include "test/chaos/streams.h"

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/kinds/kind.h"

#include <stdatomic.h>
#include <string.h>

#define STREAMS 7
#define MARK_GAP_MS 250
#define RETRY_MS 200
#define CALL_MS 5000
#define WATCH_S 3600
#define MARKER_NAMESPACE "kube-system"
#define KEY_MARK "zl-test/mark"

static const struct {
    const struct zl_kube_resource *resource;
    enum zl_fact_kind kind;
} TYPES[STREAMS] = {
    {&ZL_KUBE_LEADERPOLICIES, ZL_FACT_POLICY},
    {&ZL_KIND_DEPLOYMENT.resource, ZL_FACT_WORKLOAD},
    {&ZL_KIND_STATEFULSET.resource, ZL_FACT_WORKLOAD},
    {&ZL_KIND_JOB.resource, ZL_FACT_JOB},
    {&ZL_KIND_REPLICASET.resource, ZL_FACT_REPLICASET},
    {&ZL_KUBE_PODS, ZL_FACT_POD},
    {&ZL_KUBE_LEASES, ZL_FACT_LEASE},
};

struct entry {
    struct entry *next;
    struct zl_fact *fact;
};

/* An object that is there, as far as the watch says. */
struct live {
    char *uid;
    uint64_t revision;
    UT_hash_handle hh;
};

struct stream {
    struct zl_streams *streams;
    const struct zl_kube_resource *resource;
    enum zl_fact_kind kind;
    struct zl_kube_stop *stop;
    pthread_t thread;
    char *version; /* the watching thread's own */

    /* guarded by the monitor */
    struct entry *first, *last;
    uint64_t position; /* everything up to it is in the queue, or was */
    struct live *live;
};

struct zl_streams {
    struct zl_kube_client *client;
    const char *namespace_;
    const char *marker;
    struct stream streams[STREAMS];
    pthread_t marking;
    atomic_bool stopping;

    struct zl_monitor monitor;
    uint64_t marked; /* the first revision of the last complete round of marks; 0: none, or seen */
    int64_t marked_ms, fresh_ms;
    struct zl_streams_health health;
};

static uint64_t revision_of(const struct cJSON *object)
{
    const char *text = zl_json_text(object, "metadata", "resourceVersion", NULL);
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

/* --- one watch; the functions with the monitor held say so --- */

/* With the monitor held. */
static void note_live(struct stream *stream, const struct zl_fact *fact)
{
    struct live *live = NULL;
    HASH_FIND_STR(stream->live, fact->uid, live);
    if (fact->deleted && live != NULL) {
        HASH_DELETE(hh, stream->live, live);
        free(live->uid);
        free(live);
    } else if (!fact->deleted && live == NULL) {
        live = zl_alloc(sizeof *live);
        live->uid = zl_strdup(fact->uid);
        HASH_ADD_KEYPTR(hh, stream->live, live->uid, strlen(live->uid), live);
    }
    if (!fact->deleted) {
        live->revision = fact->revision;
    }
}

/* With the monitor held. A list comes by name, so its facts are put in order here; a watch needs no search. */
static void enqueue(struct stream *stream, struct zl_fact *taken)
{
    struct entry *entry = zl_alloc(sizeof *entry);
    entry->fact = taken;
    if (stream->first == NULL || stream->last->fact->revision <= taken->revision) {
        *(stream->first == NULL ? &stream->first : &stream->last->next) = entry;
        stream->last = entry;
        return;
    }
    struct entry **at = &stream->first;
    while ((*at)->fact->revision <= taken->revision) {
        at = &(*at)->next;
    }
    entry->next = *at;
    *at = entry;
}

static void take(struct stream *stream, const struct cJSON *object, bool deleted)
{
    struct zl_streams *streams = stream->streams;
    struct zl_fact *fact = NULL;
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    if (zl_same_string(namespace_, streams->namespace_)) {
        zl_fact_decode(stream->kind, object, &fact);
    }
    if (fact != NULL) {
        fact->deleted = deleted;
        fact->at_ms = zl_clock_ms();
    }
    zl_monitor_lock(&streams->monitor);
    streams->health.events++;
    if (fact != NULL) {
        note_live(stream, fact);
        enqueue(stream, fact);
    }
    zl_monitor_unlock(&streams->monitor);
}

static enum zl_status on_listed(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    (void)err;
    take(ctx, object, false);
    return ZL_OK;
}

static void advance(struct stream *stream, uint64_t revision)
{
    zl_monitor_lock(&stream->streams->monitor);
    if (revision > stream->position) {
        stream->position = revision;
        zl_monitor_wake_all(&stream->streams->monitor);
    }
    zl_monitor_unlock(&stream->streams->monitor);
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct stream *stream = ctx;
    if (strcmp(type, "ERROR") == 0) {
        return zl_kube_status_decode(object, 0, err);
    }
    if (strcmp(type, "BOOKMARK") != 0) {
        take(stream, object, strcmp(type, "DELETED") == 0);
    }
    zl_replace_string(&stream->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    advance(stream, revision_of(object));
    return ZL_OK;
}

static enum zl_status list(struct stream *stream, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = stream->resource};
    enum zl_status status = zl_kube_list(stream->streams->client, &target, NULL, on_listed, stream,
                                         &stream->version, err);
    if (status == ZL_OK) {
        advance(stream, strtoull(stream->version, NULL, 10));
    }
    return status;
}

static void note_end(struct stream *stream, enum zl_status status, const struct zl_error *err)
{
    struct zl_streams *streams = stream->streams;
    ZL_LOG_INFO("watch ended", ZL_STR("resource", stream->resource->plural),
                ZL_STR("from", stream->version), ZL_STR("class", zl_status_name(status)),
                ZL_ERR(err));
    zl_monitor_lock(&streams->monitor);
    streams->health.restarts++;
    streams->health.gap = streams->health.gap || status == ZL_E_GONE;
    zl_monitor_unlock(&streams->monitor);
}

static void *follow(void *arg)
{
    struct stream *stream = arg;
    struct zl_streams *streams = stream->streams;
    const struct zl_kube_target target = {.resource = stream->resource};
    while (!atomic_load(&streams->stopping)) {
        struct zl_error err = {0};
        ZL_AUTO_FREE char *from = zl_strdup(stream->version);
        enum zl_status status = zl_kube_watch(streams->client, &target, NULL, from, WATCH_S,
                                              stream->stop, on_event, NULL, stream, &err);
        if (status == ZL_E_STOPPED) {
            return NULL;
        }
        note_end(stream, status, &err);
        if (status == ZL_E_GONE) {
            return NULL; /* whatever comes now has a hole in it */
        }
        int64_t until_ms = zl_clock_ms() + RETRY_MS;
        zl_monitor_lock(&streams->monitor);
        while (!atomic_load(&streams->stopping) && zl_monitor_wait(&streams->monitor, until_ms)) {
            ;
        }
        zl_monitor_unlock(&streams->monitor);
    }
    return NULL;
}

/* --- markers --- */

/* The revision of the marker's new state; 0 when it could not be written. */
static uint64_t mark(struct zl_streams *streams, const struct stream *stream, const char *value)
{
    const struct zl_kube_target target = {.resource = stream->resource,
                                          .namespace_ = MARKER_NAMESPACE,
                                          .name = streams->marker,
                                          .deadline_ms = zl_clock_ms() + CALL_MS};
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *metadata = zl_json_child(patch, "metadata");
    zl_json_set_text(zl_json_child(metadata, "annotations"), KEY_MARK, value);
    if (zl_kube_patch(streams->client, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, &err) !=
        ZL_OK) {
        ZL_LOG_DEBUG("marker not written", ZL_STR("resource", stream->resource->plural),
                     ZL_ERR(&err));
        return 0;
    }
    return revision_of(answer);
}

static void await_next_round(struct zl_streams *streams, uint64_t marked, int64_t began_ms)
{
    int64_t until_ms = began_ms + MARK_GAP_MS;
    zl_monitor_lock(&streams->monitor);
    streams->marked = marked;
    streams->marked_ms = began_ms;
    zl_monitor_wake_all(&streams->monitor);
    /* A round that is not seen yet would be lost: wait for it, too. */
    while (!atomic_load(&streams->stopping) && (streams->marked != 0 || zl_clock_ms() < until_ms)) {
        (void)zl_monitor_wait(&streams->monitor, streams->marked != 0 ? ZL_FOREVER : until_ms);
    }
    zl_monitor_unlock(&streams->monitor);
}

static void *keep_marking(void *arg)
{
    struct zl_streams *streams = arg;
    for (uint64_t round = 1; !atomic_load(&streams->stopping); round++) {
        int64_t began_ms = zl_clock_ms();
        uint64_t lowest = UINT64_MAX; /* everything from before the round is below it */
        bool complete = true;
        ZL_AUTO_FREE char *value = zl_asprintf("%llu", (unsigned long long)round);
        for (size_t i = 0; i < STREAMS && !atomic_load(&streams->stopping); i++) {
            uint64_t revision = mark(streams, &streams->streams[i], value);
            complete = complete && revision != 0;
            lowest = revision < lowest ? revision : lowest;
        }
        await_next_round(streams, complete ? lowest : 0, began_ms);
    }
    return NULL;
}

/* --- all together --- */

enum zl_status zl_streams_start(struct zl_kube_client *client, const char *namespace_,
                                const char *marker, struct zl_streams **out, struct zl_error *err)
{
    struct zl_streams *streams = zl_alloc(sizeof *streams);
    streams->client = client;
    streams->namespace_ = namespace_;
    streams->marker = marker;
    zl_monitor_init(&streams->monitor);
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *stream = &streams->streams[i];
        stream->streams = streams;
        stream->resource = TYPES[i].resource;
        stream->kind = TYPES[i].kind;
        stream->stop = zl_kube_stop_new();
        enum zl_status status = list(stream, err);
        if (status != ZL_OK) {
            return status; /* the program ends */
        }
    }
    for (size_t i = 0; i < STREAMS; i++) {
        streams->streams[i].thread =
            zl_thread_start(TYPES[i].resource->plural, follow, &streams->streams[i]);
    }
    streams->marking = zl_thread_start("markers", keep_marking, streams);
    *out = streams;
    return ZL_OK;
}

void zl_streams_stop(struct zl_streams *streams)
{
    atomic_store(&streams->stopping, true);
    zl_monitor_lock(&streams->monitor);
    zl_monitor_wake_all(&streams->monitor);
    zl_monitor_unlock(&streams->monitor);
    pthread_join(streams->marking, NULL);
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *stream = &streams->streams[i];
        zl_kube_stop_set(stream->stop);
        pthread_join(stream->thread, NULL);
        zl_kube_stop_free(stream->stop);
        while (stream->first != NULL) {
            struct entry *entry = stream->first;
            stream->first = entry->next;
            zl_fact_free(entry->fact);
            free(entry);
        }
        struct live *live = NULL, *next = NULL;
        HASH_ITER(hh, stream->live, live, next)
        {
            HASH_DELETE(hh, stream->live, live);
            free(live->uid);
            free(live);
        }
        free(stream->version);
    }
    zl_monitor_clear(&streams->monitor);
    free(streams);
}

/* With the monitor held: the stream with the lowest first fact that nothing lower can come before; NULL: none. */
static struct stream *next_stream(struct zl_streams *streams, uint64_t *watermark)
{
    struct stream *lowest = NULL;
    *watermark = UINT64_MAX;
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *stream = &streams->streams[i];
        *watermark = stream->position < *watermark ? stream->position : *watermark;
        if (stream->first != NULL &&
            (lowest == NULL || stream->first->fact->revision < lowest->first->fact->revision)) {
            lowest = stream;
        }
    }
    return lowest != NULL && lowest->first->fact->revision <= *watermark ? lowest : NULL;
}

struct zl_fact *zl_streams_next(struct zl_streams *streams, int64_t wait_ms)
{
    int64_t until_ms = zl_clock_ms() + wait_ms;
    struct zl_fact *fact = NULL;
    uint64_t watermark = 0;
    zl_monitor_lock(&streams->monitor);
    struct stream *stream = next_stream(streams, &watermark);
    while (stream == NULL) {
        if (streams->marked != 0 && streams->marked <= watermark) {
            streams->fresh_ms = streams->marked_ms;
            streams->marked = 0;
            zl_monitor_wake_all(&streams->monitor);
        }
        if (!zl_monitor_wait(&streams->monitor, until_ms)) {
            break;
        }
        stream = next_stream(streams, &watermark);
    }
    if (stream != NULL) {
        struct entry *entry = stream->first;
        stream->first = entry->next;
        fact = entry->fact;
        free(entry);
    }
    zl_monitor_unlock(&streams->monitor);
    return fact;
}

int64_t zl_streams_fresh_ms(struct zl_streams *streams)
{
    zl_monitor_lock(&streams->monitor);
    int64_t fresh_ms = streams->fresh_ms;
    zl_monitor_unlock(&streams->monitor);
    return fresh_ms;
}

struct zl_streams_health zl_streams_health(struct zl_streams *streams)
{
    zl_monitor_lock(&streams->monitor);
    struct zl_streams_health health = streams->health;
    zl_monitor_unlock(&streams->monitor);
    return health;
}

/* --- the audit --- */

struct audit {
    struct stream *stream;
    size_t count;
    char *difference;
};

static enum zl_status compare(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct audit *audit = ctx;
    struct zl_streams *streams = audit->stream->streams;
    struct zl_fact *fact = NULL;
    (void)err;
    if (!zl_same_string(zl_json_text(object, "metadata", "namespace", NULL), streams->namespace_)) {
        return ZL_OK;
    }
    zl_fact_decode(audit->stream->kind, object, &fact);
    if (fact == NULL) {
        return ZL_OK;
    }
    struct live *live = NULL;
    zl_monitor_lock(&streams->monitor);
    HASH_FIND_STR(audit->stream->live, fact->uid, live);
    /* A watch may be ahead of a list. */
    if ((live == NULL || live->revision < fact->revision) && audit->difference == NULL) {
        audit->difference = zl_asprintf("%s %s: the list says revision %llu, the watch %llu",
                                        audit->stream->resource->plural, fact->name,
                                        (unsigned long long)fact->revision,
                                        (unsigned long long)(live != NULL ? live->revision : 0));
    }
    zl_monitor_unlock(&streams->monitor);
    audit->count++;
    zl_fact_free(fact);
    return ZL_OK;
}

enum zl_status zl_streams_audit(struct zl_streams *streams, char **difference, struct zl_error *err)
{
    for (size_t i = 0; i < STREAMS; i++) {
        struct audit audit = {.stream = &streams->streams[i]};
        const struct zl_kube_target target = {.resource = audit.stream->resource};
        enum zl_status status =
            zl_kube_list(streams->client, &target, NULL, compare, &audit, NULL, err);
        zl_monitor_lock(&streams->monitor);
        size_t known = HASH_COUNT(audit.stream->live);
        zl_monitor_unlock(&streams->monitor);
        if (status == ZL_OK && audit.difference == NULL && known != audit.count) {
            audit.difference = zl_asprintf("%s: the list has %zu, the watch %zu",
                                           audit.stream->resource->plural, audit.count, known);
        }
        if (status != ZL_OK || audit.difference != NULL) {
            *difference = audit.difference;
            return status != ZL_OK ? status : zl_error_set(err, ZL_E_CONFLICT, "not the same");
        }
    }
    return ZL_OK;
}
