/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.h - a table of fields, by which a struct is both read from JSON and written as JSON.
 *
 * A field of a table stands in the struct at AT. A number is zero when it is missing, and left out when it is zero, for a
 * Lease has little room; so are an empty text, a false flag, and an object of which all is left out.
 *
 * Threads: pure.
 */
#ifndef ZL_FLEET_FIELDS_H
#define ZL_FLEET_FIELDS_H

#include "common/base/json.h"
#include "common/fleet/codec.h"

enum zl_field_kind {
    ZL_FIELD_NUMBER, /* int64_t, from LEAST to MOST */
    ZL_FIELD_FLAG,   /* bool */
    ZL_FIELD_NAME,   /* char[SIZE]; it is compared, so a longer one is refused */
    ZL_FIELD_TEXT,   /* char[SIZE]; people read it, so a longer one is cut */
    ZL_FIELD_WORD,   /* an enumeration's, of SIZE bytes: WORD names each below MOST */
    ZL_FIELD_OBJECT, /* its MEMBERS are of the same struct */
    ZL_FIELD_LIST,   /* T *, owned, and a size_t at COUNT_AT: at most MOST of SIZE bytes */
    ZL_FIELD_MAP, /* the same as an object; an item's first SIZE_OF_KEY bytes are its member's name */
    ZL_FIELD_ROW, /* like a list, within the struct */
};

struct zl_field {
    const char *name; /* NULL in the table of a list's items: the item itself */
    enum zl_field_kind kind;
    size_t at, size, count_at;
    int64_t least, most; /* MOST 0: ZL_FLEET_NUMBER_MAX */
    const struct zl_field *members;
    const char *(*word)(int value);
    bool always;       /* written also when it says nothing */
    bool unless_empty; /* a list that is left out when it has no items */
    bool required;     /* missing, it is refused */
    bool shown;        /* for people alone: a Lease that would be too long goes without its items */
};

#define ZL_FIELD_AT(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define ZL_FIELD_ITEMS(type, member, count)                                                        \
    .at = offsetof(type, member), .size = sizeof(*((type *)0)->member),                            \
    .count_at = offsetof(type, count)

/* A plan's, of which ledger and spec have one. */
extern const struct zl_field ZL_FIELD_STAGES[];
#define ZL_FIELD_STAGES_AT(type, member)                                                           \
    ZL_FIELD_ITEMS(type, member.stages, member.stage_count),                                       \
        .most = ZL_FLEET_STAGES_MAX, .members = ZL_FIELD_STAGES, .unless_empty = true

/* The words of states, outcomes and verbs. */
const char *zl_field_state(int value);
const char *zl_field_outcome(int value);
const char *zl_field_verb(int value);

/*
 * Read TEXT (NULL is an empty one), WHAT for messages, into OUT, which is zero before. When it fails OUT may hold lists, which
 * the caller frees.
 */
enum zl_status zl_fields_read(const struct zl_field *table, const char *text, const char *what,
                              void *out, struct zl_error *err) ZL_MUST_CHECK;
/* The caller frees. */
char *zl_fields_write(const struct zl_field *table, const void *from, bool shown);

#endif
