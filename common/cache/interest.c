/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/interest.h"

#include "common/base/hash.h"
#include "common/base/monitor.h"

#include <pthread.h>
#include <string.h>

struct space {
    char *namespace_;
    struct zl_interest interest;
    UT_hash_handle hh;
};

struct zl_interests {
    pthread_mutex_t lock;
    struct space *spaces; /* none has nothing */
};

bool zl_interest_wants(const struct zl_interest *interest, enum zl_cached kind)
{
    if (zl_kind_cached(kind) != NULL) {
        return interest->policies + interest->members + interest->marked > 0;
    }
    switch (kind) {
    case ZL_CACHED_PODS:
    case ZL_CACHED_SERVICES:
        return interest->policies + interest->services > 0;
    case ZL_CACHED_REPLICASETS:
    case ZL_CACHED_REVISIONS:
        return interest->policies > 0;
    case ZL_CACHED_POLICIES: /* these are followed everywhere */
    case ZL_CACHED_LEASES:
    case ZL_CACHED_SLICES:
    case ZL_CACHED_NODES:
    case ZL_CACHED_KINDS: /* the Kinds: above */
    case ZL_CACHED_CRONJOBS:
    case ZL_CACHED_JOBS:
    case ZL_CACHED_COUNT:
        break;
    }
    return true;
}

enum zl_interest_step zl_interest_step(const struct zl_interest *before,
                                       const struct zl_interest *after, enum zl_cached kind)
{
    const bool was = zl_interest_wants(before, kind);
    const bool is = zl_interest_wants(after, kind);
    if (was != is) {
        return is ? ZL_INTEREST_BEGINS : ZL_INTEREST_ENDS;
    }
    /* Pods that nothing controls may stand behind a Service, and lead in no pool. */
    return is && kind == ZL_CACHED_PODS && before->services == 0 && after->services > 0
               ? ZL_INTEREST_GROWS
               : ZL_INTEREST_STAYS;
}

struct zl_interests *zl_interests_new(void)
{
    struct zl_interests *interests = zl_alloc(sizeof *interests);
    zl_short_lock_init(&interests->lock);
    return interests;
}

static void drop(struct zl_interests *interests, struct space *space)
{
    HASH_DELETE(hh, interests->spaces, space);
    free(space->namespace_);
    free(space);
}

void zl_interests_free(struct zl_interests *interests)
{
    struct space *space = NULL;
    struct space *next = NULL;
    HASH_ITER(hh, interests->spaces, space, next)
    {
        drop(interests, space);
    }
    pthread_mutex_destroy(&interests->lock);
    free(interests);
}

struct zl_interest zl_interests_of(struct zl_interests *interests, const char *namespace_)
{
    struct space *found = NULL;
    struct zl_interest interest = {0};
    pthread_mutex_lock(&interests->lock);
    if (namespace_ != NULL) {
        HASH_FIND_STR(interests->spaces, namespace_, found);
    }
    if (found != NULL) {
        interest = found->interest;
    }
    pthread_mutex_unlock(&interests->lock);
    return interest;
}

size_t zl_interests_count(struct zl_interests *interests)
{
    pthread_mutex_lock(&interests->lock);
    const size_t count = HASH_COUNT(interests->spaces);
    pthread_mutex_unlock(&interests->lock);
    return count;
}

char **zl_interests_names(struct zl_interests *interests, size_t *count)
{
    size_t at = 0;
    pthread_mutex_lock(&interests->lock);
    *count = HASH_COUNT(interests->spaces);
    char **names = zl_alloc((*count + 1) * sizeof *names);
    for (const struct space *space = interests->spaces; space != NULL; space = space->hh.next) {
        names[at++] = zl_strdup(space->namespace_);
    }
    pthread_mutex_unlock(&interests->lock);
    return names;
}

void zl_interests_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static size_t *count_of(struct zl_interest *interest, enum zl_interest_in what)
{
    switch (what) {
    case ZL_INTEREST_POLICIES:
        return &interest->policies;
    case ZL_INTEREST_SERVICES:
        return &interest->services;
    case ZL_INTEREST_MEMBERS:
        return &interest->members;
    case ZL_INTEREST_MARKED:
        break;
    }
    return &interest->marked;
}

void zl_interests_note(struct zl_interests *interests, const char *namespace_,
                       enum zl_interest_in what, bool up, struct zl_interest *before,
                       struct zl_interest *after)
{
    static const struct zl_interest NONE = {0};
    struct space *found = NULL;
    pthread_mutex_lock(&interests->lock);
    HASH_FIND_STR(interests->spaces, namespace_, found);
    if (found == NULL) {
        found = zl_alloc(sizeof *found);
        found->namespace_ = zl_strdup(namespace_);
        HASH_ADD_KEYPTR(hh, interests->spaces, found->namespace_, strlen(found->namespace_), found);
    }
    *before = found->interest;
    size_t *count = count_of(&found->interest, what);
    if (up) {
        ++*count;
    } else if (*count > 0) {
        --*count;
    }
    *after = found->interest;
    if (memcmp(after, &NONE, sizeof NONE) == 0) {
        drop(interests, found);
    }
    pthread_mutex_unlock(&interests->lock);
}
