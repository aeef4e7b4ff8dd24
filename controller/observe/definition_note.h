/* SPDX-License-Identifier: Apache-2.0 */
/*
 * definition_note.h - whether the installed CRD keeps what this program writes, as the last write showed: it is one for all pools.
 *
 * Threads: any.
 */
#ifndef ZL_CONTROLLER_OBSERVE_DEFINITION_NOTE_H
#define ZL_CONTROLLER_OBSERVE_DEFINITION_NOTE_H

#include <stdbool.h>

struct zl_definition_note; /* opaque */

struct zl_definition_note *zl_definition_note_new(void);
void zl_definition_note_free(struct zl_definition_note *note); /* NULL is fine */

/* COMPLAINT: a sentence, copied; NULL: all is kept. True when that is news. */
bool zl_definition_note_set(struct zl_definition_note *note, const char *complaint);
/* The sentence, NULL when all is kept; the caller frees. */
char *zl_definition_note_text(struct zl_definition_note *note);

#endif
