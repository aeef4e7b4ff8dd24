/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/spells.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <pthread.h>
#include <string.h>

struct entry {
    char *key; /* "namespace/pool/spell" */
    char *uid;
    int64_t since_ms;
    UT_hash_handle hh;
};

struct zl_spells {
    pthread_mutex_t lock;
    struct entry *entries;
};

struct zl_spells *zl_spells_new(void)
{
    struct zl_spells *spells = zl_alloc(sizeof *spells);
    pthread_mutex_init(&spells->lock, NULL);
    return spells;
}

static void remove_entry(struct zl_spells *spells, struct entry *entry)
{
    HASH_DEL(spells->entries, entry);
    free(entry->key);
    free(entry->uid);
    free(entry);
}

void zl_spells_free(struct zl_spells *spells)
{
    struct entry *entry, *next;
    if (spells == NULL) {
        return;
    }
    HASH_ITER(hh, spells->entries, entry, next)
    remove_entry(spells, entry);
    pthread_mutex_destroy(&spells->lock);
    free(spells);
}

static int64_t note(struct zl_spells *spells, const char *key, const char *uid, int64_t now_ms)
{
    struct entry *entry;
    HASH_FIND_STR(spells->entries, key, entry);
    if (uid == NULL) {
        if (entry != NULL) {
            remove_entry(spells, entry);
        }
        return 0;
    }
    if (entry == NULL) {
        entry = zl_alloc(sizeof *entry);
        entry->key = zl_strdup(key);
        HASH_ADD_KEYPTR(hh, spells->entries, entry->key, strlen(entry->key), entry);
    }
    if (!zl_same_string(entry->uid, uid)) {
        zl_replace_string(&entry->uid, uid);
        entry->since_ms = now_ms;
    }
    return now_ms - entry->since_ms;
}

int64_t zl_spells_note(struct zl_spells *spells, const char *namespace_, const char *pool,
                       enum zl_spell spell, const char *uid, int64_t now_ms)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s/%d", namespace_, pool, (int)spell);
    pthread_mutex_lock(&spells->lock);
    int64_t age_ms = note(spells, key, uid, now_ms);
    pthread_mutex_unlock(&spells->lock);
    return age_ms;
}

void zl_spells_forget(struct zl_spells *spells, const char *namespace_, const char *pool)
{
    for (int spell = 0; spell < ZL_SPELL_COUNT; spell++) {
        (void)zl_spells_note(spells, namespace_, pool, (enum zl_spell)spell, NULL, 0);
    }
}
