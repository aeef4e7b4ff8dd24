/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON trees; the only user of cJSON.
 *
 * Paths are lists of member names that end with NULL:
 *     const char *name = zl_json_text(pod, "metadata", "name", NULL);
 * Names are compared with case. A missing member, a member of another type and a NULL tree all
 * read as "absent", so that decoding needs no ladder of checks. Numbers are exact up to 2^53.
 *
 * Threads: a tree belongs to one thread at a time; different trees are independent.
 */
#ifndef ZL_JSON_H
#define ZL_JSON_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct cJSON;

/*
 * Parse exactly one JSON value.
 *
 * Refuses: empty input, bytes after the value other than white space, nesting deeper than
 * ZL_JSON_DEPTH_MAX, an embedded NUL.
 *
 * Accepts: the escape \u0000, read as \ufffd, because a C string would end there; bytes in strings that
 * are not UTF-8, handed on as they are; a name that comes twice, of which the first counts.
 *
 * @param text  LENGTH bytes, need not be NUL-terminated
 * @param out   the caller frees with zl_json_free
 */
enum zl_status zl_json_parse(const char *text, size_t length, struct cJSON **out,
                             struct zl_error *err) ZL_MUST_CHECK;
void zl_json_free(struct cJSON *tree);
void zl_json_cleanup(struct cJSON **tree);
#define ZL_AUTO_JSON ZL_CLEANUP(zl_json_cleanup)

/*
 * The same into memory of the tree's own, *ARENA, which the caller frees in its place: a tree of a hundred nodes is a hundred
 * allocations, in which threads meet. Such a tree is read only: nothing is put into it or taken out of it.
 */
struct zl_arena;
enum zl_status zl_json_parse_apart(const char *text, size_t length, struct cJSON **out,
                                   struct zl_arena **arena, struct zl_error *err) ZL_MUST_CHECK;
/*
 * Once, before other threads use JSON. Until then, and in programs that do not say so, zl_json_parse_apart takes ordinary memory for
 * the tree, and zl_json_free_apart frees it.
 */
void zl_json_have_arenas(void);
void zl_json_free_apart(struct cJSON *tree, struct zl_arena *arena); /* NULL are fine */

/* Unformatted text; the caller frees. */
char *zl_json_print(const struct cJSON *tree);
/* Add TEXT (NULL: "") as a JSON string with its quotes, as zl_json_print writes one. */
void zl_json_quote(struct zl_buf *out, const char *text);

/* Reading. All borrow from TREE, which may be NULL. */
const struct cJSON *zl_json_at(const struct cJSON *tree, ...) __attribute__((sentinel));
/* The same by one text, "spec.template.metadata": no name in it has a dot. */
const struct cJSON *zl_json_at_path(const struct cJSON *tree, const char *path);
const char *zl_json_text(const struct cJSON *tree, ...)
    __attribute__((sentinel)); /* NULL if absent */
/* FALLBACK when absent, not a number, not whole, or beyond 2^53. */
int64_t zl_json_i64(const struct cJSON *tree, int64_t fallback, ...) __attribute__((sentinel));
/* FALLBACK is an int because a bool before "..." has no defined meaning in C. */
bool zl_json_bool(const struct cJSON *tree, int fallback, ...) __attribute__((sentinel));
bool zl_json_is_object(const struct cJSON *node);
bool zl_json_is_array(const struct cJSON *node);
bool zl_json_is_text(const struct cJSON *node);
bool zl_json_is_null(const struct cJSON *node);
/* Members or elements in order; NULL after the last. */
const struct cJSON *zl_json_first(const struct cJSON *node);
const struct cJSON *zl_json_next(const struct cJSON *node);
/* The member name of NODE, NULL for an element; its text, NULL when it is not text. */
const char *zl_json_name(const struct cJSON *node);
const char *zl_json_value_text(const struct cJSON *node);
size_t zl_json_count(const struct cJSON *node);
/* Both absent, or the same when printed: members in the same order, as the API server sorts them. */
bool zl_json_same(const struct cJSON *left, const struct cJSON *right);

/* Building. Setters replace an existing member; `taken` trees change owner, NULL stands for JSON null. */
struct cJSON *zl_json_object(void);
struct cJSON *zl_json_array(void);
struct cJSON *zl_json_copy(const struct cJSON *tree);
void zl_json_set(struct cJSON *object, const char *name, struct cJSON *taken);
void zl_json_set_text(struct cJSON *object, const char *name,
                      const char *text); /* NULL: JSON null */
/* Nothing where TEXT is NULL or "": in a list's members a null would stand, and API servers before 1.21 take "" for one. */
void zl_json_set_text_if_any(struct cJSON *object, const char *name, const char *text);
void zl_json_set_i64(struct cJSON *object, const char *name, int64_t value);
void zl_json_set_bool(struct cJSON *object, const char *name, bool value);
void zl_json_set_null(struct cJSON *object, const char *name);
/* The object member NAME, made empty when absent; borrowed. */
struct cJSON *zl_json_child(struct cJSON *object, const char *name);
void zl_json_append(struct cJSON *array, struct cJSON *taken);
void zl_json_append_i64(struct cJSON *array, int64_t value);
void zl_json_append_text(struct cJSON *array, const char *text);

#endif
