/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interest.h - which namespaces have users of zen-lead, and what of them is worth following.
 *
 * Threads: zl_interest_wants is pure; a table has one lock inside.
 */
#ifndef ZL_CACHE_INTEREST_H
#define ZL_CACHE_INTEREST_H

#include "common/cache/cache.h"

/* What there is in one namespace. */
struct zl_interest {
    size_t policies;
    size_t services; /* those that have opted in */
    size_t members;  /* workloads that carry our label */
    size_t marked;   /* objects that we wrote to and must take that back from (suspended Jobs) */
};

/* Is KIND of a namespace worth following? Services: the users' ones beside those that matter everywhere. */
bool zl_interest_wants(const struct zl_interest *interest, enum zl_cached kind);

enum zl_interest_step {
    ZL_INTEREST_STAYS,
    ZL_INTEREST_BEGINS,
    ZL_INTEREST_GROWS,
    ZL_INTEREST_ENDS
};
/* What a change means for KIND. GROWS: more of its objects are wanted than before. */
enum zl_interest_step zl_interest_step(const struct zl_interest *before,
                                       const struct zl_interest *after, enum zl_cached kind);

struct zl_interests; /* opaque: by namespace */
struct zl_interests *zl_interests_new(void);
void zl_interests_free(struct zl_interests *interests);

/* NAMESPACE_ may be NULL: there is nothing in none. */
struct zl_interest zl_interests_of(struct zl_interests *interests, const char *namespace_);
/* Namespaces that have anything. */
size_t zl_interests_count(struct zl_interests *interests);
/* Their names, in no order; the caller frees with zl_interests_names_free. */
char **zl_interests_names(struct zl_interests *interests, size_t *count);
void zl_interests_names_free(char **names, size_t count);

enum zl_interest_in {
    ZL_INTEREST_POLICIES,
    ZL_INTEREST_SERVICES,
    ZL_INTEREST_MEMBERS,
    ZL_INTEREST_MARKED,
};
/* One more, or one less. *BEFORE and *AFTER: what there was and is. */
void zl_interests_note(struct zl_interests *interests, const char *namespace_,
                       enum zl_interest_in what, bool up, struct zl_interest *before,
                       struct zl_interest *after);

#endif
