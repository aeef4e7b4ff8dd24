/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spells.h - for how long has something been seen of a pool's leader, by our own monotonic clock? Clocks of
 * machines differ, so a spell counts from the first time that this process saw it.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_CONTROLLER_VIEW_SPELLS_H
#define ZL_CONTROLLER_VIEW_SPELLS_H

#include <stdint.h>

enum zl_spell {
    ZL_SPELL_UNREADY,     /* the leader is not Ready */
    ZL_SPELL_TERMINATING, /* the leader is on its way out */
    ZL_SPELL_SUCCESSOR_TERMINATING,
    ZL_SPELL_RETRYING, /* a Job's pod failed, and its next one has not come */
    ZL_SPELL_COUNT,
};

struct zl_spells; /* opaque; one entry per pool with a spell */
struct zl_spells *zl_spells_new(void);
void zl_spells_free(struct zl_spells *spells);

/*
 * Note at NOW_MS that SPELL is on for the pod UID (NULL: it is on for nobody).
 *
 * @return milliseconds since it was first noted for that pod
 */
int64_t zl_spells_note(struct zl_spells *spells, const char *namespace_, const char *pool,
                       enum zl_spell spell, const char *uid, int64_t now_ms);
/* The pool is gone. */
void zl_spells_forget(struct zl_spells *spells, const char *namespace_, const char *pool);

#endif
