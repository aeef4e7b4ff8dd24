/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/sightings.h"

#include "common/base/hash.h"
#include "common/base/monitor.h"

#include <pthread.h>
#include <string.h>

struct entry {
    char *uid;
    struct zl_sighting sighting;
    size_t bytes;
    UT_hash_handle hh;
};

struct zl_sightings {
    pthread_rwlock_t lock;
    struct entry *entries; /* in the order of their arrival: uthash keeps it */
    size_t bytes;          /* of them */
};

struct zl_sightings *zl_sightings_new(void)
{
    struct zl_sightings *sightings = zl_alloc(sizeof *sightings);
    zl_read_lock_init(&sightings->lock);
    return sightings;
}

void zl_sighting_clear(struct zl_sighting *sighting)
{
    free(sighting->owner_name);
    free(sighting->owner_uid);
    free(sighting->was_in);
    zl_ref_drop(sighting->owner);
    memset(sighting, 0, sizeof *sighting);
}

static void remove_entry(struct zl_sightings *sightings, struct entry *entry)
{
    HASH_DEL(sightings->entries, entry);
    sightings->bytes -= entry->bytes;
    zl_sighting_clear(&entry->sighting);
    free(entry->uid);
    free(entry);
}

void zl_sightings_free(struct zl_sightings *sightings)
{
    if (sightings == NULL) {
        return;
    }
    struct entry *entry, *next;
    HASH_ITER(hh, sightings->entries, entry, next)
    remove_entry(sightings, entry);
    pthread_rwlock_destroy(&sightings->lock);
    free(sightings);
}

static struct zl_sighting copy_of(const struct zl_sighting *sighting)
{
    return (struct zl_sighting){
        .owner_name = zl_strdup(sighting->owner_name),
        .owner_uid = zl_strdup(sighting->owner_uid),
        .was_in = zl_strdup(sighting->was_in),
        .owner = sighting->owner != NULL ? zl_ref_hold(sighting->owner) : NULL,
        .owner_bytes = sighting->owner_bytes,
        .version = sighting->version,
    };
}

static size_t bytes_of(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t bytes_of_entry(const char *uid, const struct zl_sighting *sighting)
{
    return sizeof(struct entry) + bytes_of(uid) + bytes_of(sighting->owner_name) +
           bytes_of(sighting->owner_uid) + bytes_of(sighting->was_in) + sighting->owner_bytes;
}

static bool has_room(const struct zl_sightings *sightings, size_t bytes)
{
    return HASH_COUNT(sightings->entries) < ZL_SIGHTINGS_MAX &&
           sightings->bytes + bytes <= ZL_SIGHTINGS_BYTES_MAX;
}

void zl_sightings_put(struct zl_sightings *sightings, const char *uid,
                      const struct zl_sighting *sighting)
{
    const size_t bytes = bytes_of_entry(uid, sighting);
    struct entry *entry;
    pthread_rwlock_wrlock(&sightings->lock);
    HASH_FIND_STR(sightings->entries, uid, entry);
    if (entry != NULL) {
        remove_entry(sightings, entry);
    }
    if (bytes <= ZL_SIGHTING_BYTES_MAX) {
        while (sightings->entries != NULL && !has_room(sightings, bytes)) {
            remove_entry(sightings, sightings->entries);
        }
        entry = zl_alloc(sizeof *entry);
        entry->uid = zl_strdup(uid);
        entry->sighting = copy_of(sighting);
        entry->bytes = bytes;
        sightings->bytes += bytes;
        HASH_ADD_KEYPTR(hh, sightings->entries, entry->uid, strlen(entry->uid), entry);
    }
    pthread_rwlock_unlock(&sightings->lock);
}

size_t zl_sightings_bytes(struct zl_sightings *sightings)
{
    pthread_rwlock_rdlock(&sightings->lock);
    const size_t bytes = sightings->bytes;
    pthread_rwlock_unlock(&sightings->lock);
    return bytes;
}

bool zl_sightings_find(struct zl_sightings *sightings, const char *uid, struct zl_sighting *out)
{
    struct entry *entry;
    pthread_rwlock_rdlock(&sightings->lock);
    HASH_FIND_STR(sightings->entries, uid, entry);
    *out = entry != NULL ? copy_of(&entry->sighting) : (struct zl_sighting){0};
    pthread_rwlock_unlock(&sightings->lock);
    return entry != NULL;
}
