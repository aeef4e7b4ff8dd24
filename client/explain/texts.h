/* SPDX-License-Identifier: Apache-2.0 */
/*
 * texts.h - what zen-lead's webhook says, in other words: each refusal and warning of docs/reference.md, one row.
 *
 * The texts come to people through others (a ReplicaSet's Event, kubectl's "Warning:", a log), so a row is found by a
 * part of its text, wherever that stands. test_texts.c holds the rows against all that the webhook can say.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_EXPLAIN_TEXTS_H
#define ZL_CLIENT_EXPLAIN_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

struct zl_known_text {
    const char *id; /* for ever: a refused pod's reason as in the metrics, else of this list */
    const char *fragment; /* found in this text alone */
    bool refuses;         /* else it warns: the object was stored all the same */
    const char *what;     /* what is so */
    const char *changes;  /* what changes it by itself; NULL: nothing */
    const char *cure;     /* "nothing: ..." where it is as it should be */
};

/* By their fragments none of which is in another's text; ends with id NULL. */
extern const struct zl_known_text ZL_KNOWN_TEXTS[];
/* The row that explains TEXT; NULL: none, it is not zen-lead's. */
const struct zl_known_text *zl_known_text_find(const char *text);
/* The pool that TEXT names: pool "web". The caller frees; NULL: it names none. */
char *zl_known_text_pool(const char *text);

#endif
