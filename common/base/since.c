/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/since.h"

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/monitor.h"

#include <pthread.h>
#include <string.h>

struct spell {
    char *id; /* NULL: it is not so */
    int64_t since_ms;
};

struct entry {
    char *key; /* "namespace/name" */
    struct spell spells[ZL_TOPIC_COUNT];
    UT_hash_handle hh;
};

struct zl_sinces {
    pthread_mutex_t lock;
    size_t keys_max;
    struct entry *entries; /* the one that was asked about longest ago is the first */
};

struct zl_sinces *zl_sinces_new(size_t keys_max)
{
    struct zl_sinces *sinces = zl_alloc(sizeof *sinces);
    zl_short_lock_init(&sinces->lock);
    sinces->keys_max = keys_max;
    return sinces;
}

static void remove_entry(struct zl_sinces *sinces, struct entry *entry)
{
    HASH_DELETE(hh, sinces->entries, entry);
    free(entry->key);
    for (size_t i = 0; i < ZL_TOPIC_COUNT; i++) {
        free(entry->spells[i].id);
    }
    free(entry);
}

void zl_sinces_free(struct zl_sinces *sinces)
{
    struct entry *entry, *next;
    if (sinces == NULL) {
        return;
    }
    HASH_ITER(hh, sinces->entries, entry, next)
    remove_entry(sinces, entry);
    pthread_mutex_destroy(&sinces->lock);
    free(sinces);
}

char *zl_id_remembered(const char *id)
{
    const size_t length = id != NULL ? strlen(id) : 0;
    if (length <= ZL_ID_REMEMBERED_MAX) {
        return zl_strdup(id);
    }
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)id[i]) * UINT64_C(1099511628211);
    }
    return zl_asprintf("#%zu:%016llx", length, (unsigned long long)hash);
}

static struct entry *find(const struct zl_sinces *sinces, const char *key)
{
    struct entry *entry;
    HASH_FIND_STR(sinces->entries, key, entry);
    return entry;
}

static struct entry *add(struct zl_sinces *sinces, const char *key)
{
    if (HASH_COUNT(sinces->entries) >= sinces->keys_max && sinces->entries != NULL) {
        remove_entry(sinces, sinces->entries);
    }
    struct entry *entry = zl_alloc(sizeof *entry);
    entry->key = zl_strdup(key);
    HASH_ADD_KEYPTR(hh, sinces->entries, entry->key, strlen(entry->key), entry);
    return entry;
}

static void end(struct zl_sinces *sinces, const char *key, enum zl_topic topic)
{
    struct entry *entry = find(sinces, key);
    if (entry == NULL) {
        return;
    }
    zl_replace_string(&entry->spells[topic].id, NULL);
    for (size_t i = 0; i < ZL_TOPIC_COUNT; i++) {
        if (entry->spells[i].id != NULL) {
            return;
        }
    }
    remove_entry(sinces, entry);
}

static int64_t note(struct zl_sinces *sinces, const char *key, enum zl_topic topic, const char *id,
                    int64_t now_ms)
{
    struct entry *entry = find(sinces, key);
    if (entry == NULL) {
        entry = add(sinces, key);
    } else {
        HASH_DELETE(hh, sinces->entries, entry); /* to the end of the line */
        HASH_ADD_KEYPTR(hh, sinces->entries, entry->key, strlen(entry->key), entry);
    }
    struct spell *spell = &entry->spells[topic];
    if (!zl_same_string(spell->id, id)) {
        zl_replace_string(&spell->id, id);
        spell->since_ms = now_ms;
    }
    return now_ms > spell->since_ms ? now_ms - spell->since_ms : 0;
}

int64_t zl_since(struct zl_sinces *sinces, const char *namespace_, const char *name,
                 enum zl_topic topic, const char *id, int64_t now_ms)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, name);
    ZL_AUTO_FREE char *remembered = zl_id_remembered(id);
    int64_t age_ms = 0;
    pthread_mutex_lock(&sinces->lock);
    if (remembered != NULL) {
        age_ms = note(sinces, key, topic, remembered, now_ms);
    } else {
        end(sinces, key, topic);
    }
    pthread_mutex_unlock(&sinces->lock);
    return age_ms;
}

void zl_since_forget(struct zl_sinces *sinces, const char *namespace_, const char *name)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, name);
    pthread_mutex_lock(&sinces->lock);
    struct entry *entry = find(sinces, key);
    if (entry != NULL) {
        remove_entry(sinces, entry);
    }
    pthread_mutex_unlock(&sinces->lock);
}

size_t zl_sinces_count(struct zl_sinces *sinces)
{
    pthread_mutex_lock(&sinces->lock);
    size_t count = HASH_COUNT(sinces->entries);
    pthread_mutex_unlock(&sinces->lock);
    return count;
}
