/* SPDX-License-Identifier: Apache-2.0 */
/*
 * definition_note.h - whether the installed CRD keeps what this program writes, as the last write that tells showed: it is one for all pools.
 *
 * Threads: any.
 */
#ifndef ZL_CONTROLLER_OBSERVE_DEFINITION_NOTE_H
#define ZL_CONTROLLER_OBSERVE_DEFINITION_NOTE_H

#include "common/base/json.h"

#include <stdbool.h>

struct zl_definition_note; /* opaque */

struct zl_definition_note *zl_definition_note_new(void);
void zl_definition_note_free(struct zl_definition_note *note); /* NULL is fine */

/*
 * The answer to a write of WRITTEN lacked FIELD; NULL: it lacked nothing. What was complained about is taken back by a write that had
 * that field: one without it, of a pool without a leader for instance, says nothing. True when FIELD is news.
 */
bool zl_definition_note_set(struct zl_definition_note *note, const struct cJSON *written,
                            const char *field);
/* The sentence, NULL when all is kept; the caller frees. */
char *zl_definition_note_text(struct zl_definition_note *note);

#endif
