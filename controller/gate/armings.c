/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/armings.h"

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/since.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct entry {
    char *namespace_;
    bool judged;
    struct zl_arming_state state;
    UT_hash_handle hh;
};

struct zl_armings {
    pthread_mutex_t lock;
    struct entry *entries;
    uint64_t last_serial;
    struct zl_sinces *sinces; /* of the namespaces whose probes fail */
};

struct zl_armings *zl_armings_new(void)
{
    struct zl_armings *armings = zl_alloc(sizeof *armings);
    pthread_mutex_init(&armings->lock, NULL);
    armings->sinces = zl_sinces_new(ZL_KEYS_REMEMBERED_MAX);
    return armings;
}

static void remove_entry(struct zl_armings *armings, struct entry *entry)
{
    HASH_DEL(armings->entries, entry);
    zl_since_forget(armings->sinces, entry->namespace_, "");
    free(entry->namespace_);
    free(entry);
}

void zl_armings_free(struct zl_armings *armings)
{
    struct entry *entry, *next;
    if (armings == NULL) {
        return;
    }
    HASH_ITER(hh, armings->entries, entry, next)
    remove_entry(armings, entry);
    zl_sinces_free(armings->sinces);
    pthread_mutex_destroy(&armings->lock);
    free(armings);
}

static struct entry *find(struct zl_armings *armings, const char *namespace_)
{
    struct entry *entry;
    HASH_FIND_STR(armings->entries, namespace_, entry);
    return entry;
}

void zl_arming_say(struct zl_arming_state *state, const char *text)
{
    static const char name[] = ZL_PROBE_PREFIX;
    size_t length = 0;
    while (text != NULL && *text != '\0' && length + sizeof name < sizeof state->detail) {
        bool is_name = strncmp(text, name, strlen(name)) == 0;
        if (!is_name) {
            state->detail[length++] = *text++;
            continue;
        }
        memcpy(state->detail + length, name, strlen(name));
        length += strlen(name);
        text += strlen(name);
        text += strspn(text, "0123456789abcdef");
    }
    state->detail[length] = '\0';
}

struct zl_arming_state zl_armings_begin(struct zl_armings *armings, const char *namespace_)
{
    pthread_mutex_lock(&armings->lock);
    struct entry *entry = find(armings, namespace_);
    if (entry == NULL) {
        entry = zl_alloc(sizeof *entry);
        entry->namespace_ = zl_strdup(namespace_);
        entry->state.serial = ++armings->last_serial;
        HASH_ADD_KEYPTR(hh, armings->entries, entry->namespace_, strlen(entry->namespace_), entry);
    }
    struct zl_arming_state state = entry->state;
    pthread_mutex_unlock(&armings->lock);
    return state;
}

int64_t zl_armings_note(struct zl_armings *armings, const char *namespace_, uint64_t serial,
                        bool failing, int64_t now_ms)
{
    /* A namespace that went and came back meanwhile begins anew: with another serial. */
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, serial);
    return zl_since(armings->sinces, namespace_, "", ZL_TOPIC_UNARMED, failing ? id : NULL, now_ms);
}

bool zl_armings_end(struct zl_armings *armings, const char *namespace_,
                    const struct zl_arming_state *state)
{
    bool changed = false;
    pthread_mutex_lock(&armings->lock);
    struct entry *entry = find(armings, namespace_);
    if (entry != NULL && entry->state.serial == state->serial) {
        changed = !entry->judged || entry->state.arming != state->arming ||
                  strcmp(entry->state.detail, state->detail) != 0;
        entry->state = *state;
        entry->judged = true;
    }
    pthread_mutex_unlock(&armings->lock);
    return changed;
}

bool zl_armings_find(struct zl_armings *armings, const char *namespace_,
                     struct zl_arming_state *out)
{
    pthread_mutex_lock(&armings->lock);
    const struct entry *entry = find(armings, namespace_);
    bool judged = entry != NULL && entry->judged;
    if (judged) {
        *out = entry->state;
    }
    pthread_mutex_unlock(&armings->lock);
    return judged;
}

void zl_armings_keep(struct zl_armings *armings, const struct zl_namespaces *kept)
{
    struct entry *entry, *next;
    pthread_mutex_lock(&armings->lock);
    HASH_ITER(hh, armings->entries, entry, next)
    {
        if (!zl_namespaces_have(kept, entry->namespace_)) {
            remove_entry(armings, entry);
        }
    }
    pthread_mutex_unlock(&armings->lock);
}

size_t zl_armings_count(struct zl_armings *armings, size_t *armed)
{
    struct entry *entry, *next;
    *armed = 0;
    pthread_mutex_lock(&armings->lock);
    HASH_ITER(hh, armings->entries, entry, next)
    {
        *armed += entry->state.arming == ZL_ARMING_ARMED;
    }
    size_t count = HASH_COUNT(armings->entries);
    pthread_mutex_unlock(&armings->lock);
    return count;
}
