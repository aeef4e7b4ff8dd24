/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"

#include "common/base/arena.h"
#include "common/base/json_text.h"
#include "common/base/limits.h"
#include "common/base/parse.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>

/* Whole numbers up to here are exact in a double. */
#define EXACT_MAX (INT64_C(1) << 53)
/* cJSON prints 15 significant digits; longer whole numbers are kept as text (cJSON_Raw). */
#define PRINTED_MAX INT64_C(999999999999999)

static void *allocate(size_t size_bytes)
{
    return zl_realloc(NULL, size_bytes, 1);
}

/* Before main, because the hooks are global and threads follow: out of memory then always aborts. */
__attribute__((constructor)) static void install_allocator(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = free});
}

/* What one pass over the text finds out before cJSON sees it. */
struct scan {
    size_t depth;
    size_t digits;
    bool has_long_number; /* 16 digits in a row outside of strings */
};

/* One byte outside of strings. */
static enum zl_status scan_byte(struct scan *scan, char c, size_t at, struct zl_error *err)
{
    scan->digits = c >= '0' && c <= '9' ? scan->digits + 1 : 0;
    scan->has_long_number |= scan->digits >= 16;
    if ((c == '[' || c == '{') && ++scan->depth > ZL_JSON_DEPTH_MAX) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: nested deeper than %d at byte %zu",
                            ZL_JSON_DEPTH_MAX, at);
    }
    if ((c == ']' || c == '}') && scan->depth-- == 0) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: unexpected '%c' at byte %zu", c, at);
    }
    return ZL_OK;
}

/*
 * Refuse what cJSON would take or read beyond: raw NUL, deep nesting, brackets or quotes left open (cJSON
 * 1.7.15 reads past the end of some of these).
 */
static enum zl_status scan_json(struct scan *scan, const char *text, size_t length,
                                struct zl_error *err)
{
    const char *nul = memchr(text, '\0', length);
    if (nul != NULL) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: NUL at byte %zu", (size_t)(nul - text));
    }
    size_t at = 0;
    while (at < length) {
        if (text[at] == '"') {
            scan->digits = 0;
            at = zl_json_text_end(text, at + 1, length) + 1;
            continue;
        }
        enum zl_status status = scan_byte(scan, text[at], at, err);
        if (status != ZL_OK) {
            return status;
        }
        at++;
    }
    if (scan->depth > 0 || at > length) { /* beyond it: no quote was the last one */
        return zl_error_set(err, ZL_E_INVALID, "JSON: ends after %zu bytes inside a value", length);
    }
    return ZL_OK;
}

/* The first byte that is not white space, or LENGTH. */
static size_t skip_space(const char *text, size_t at, size_t length)
{
    while (at < length &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) {
        at++;
    }
    return at;
}

/* \u0000, or what looks like it. */
static bool may_have_nul_escape(const char *text, size_t length)
{
    return memchr(text, '\\', length) != NULL && memmem(text, length, "\\u0000", 6) != NULL;
}

/*
 * A copy in which \u0000 reads \ufffd. A C string would end there, and "a\u0000b" would pass for "a"; but
 * refusing it would let whoever writes one annotation stop a watch of the whole cluster.
 */
static char *without_nul_escapes(const char *text, size_t length)
{
    char *copy = zl_strndup(text, length);
    for (char *at = copy; (at = strchr(at, '\\')) != NULL; at += at[1] != '\0' ? 2 : 1) {
        if (strncmp(at, "\\u0000", 6) == 0) {
            memcpy(at + 2, "fffd", 4); /* NOLINT: four bytes inside a longer text */
        }
    }
    return copy;
}

/* The value of a number, if it is whole and exact. */
static bool whole(const cJSON *node, int64_t *out)
{
    double value =
        node != NULL && cJSON_IsNumber(node) ? node->valuedouble : 2.0 * (double)EXACT_MAX;
    if (!(value >= -(double)EXACT_MAX && value <= (double)EXACT_MAX)) {
        return false;
    }
    *out = (int64_t)value;
    return (double)*out >= value && (double)*out <= value;
}

/* Numbers that cJSON would print with an exponent become text that prints as it is. */
static void keep_exact(cJSON *node)
{
    for (; node != NULL; node = node->next) {
        int64_t value = 0;
        if (whole(node, &value) && (value > PRINTED_MAX || value < -PRINTED_MAX)) {
            char text[24];
            const int length = snprintf(text, sizeof text, "%" PRId64, value);
            char *kept = cJSON_malloc((size_t)length + 1); /* where the tree is */
            if (kept == NULL) {
                abort(); /* as everywhere */
            }
            memcpy(kept, text, (size_t)length + 1);
            node->type = cJSON_Raw;
            node->valuestring = kept;
        }
        keep_exact(node->child);
    }
}

enum zl_status zl_json_parse(const char *text, size_t length, struct cJSON **out,
                             struct zl_error *err)
{
    size_t start = skip_space(text, 0, length);
    if (start == length) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: empty");
    }
    struct scan scan = {0};
    enum zl_status status = scan_json(&scan, text, length, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *clean =
        may_have_nul_escape(text, length) ? without_nul_escapes(text, length) : NULL;
    const char *input = clean != NULL ? clean : text;
    const char *end = NULL;
    ZL_AUTO_JSON cJSON *tree = NULL;
    if (input[start] != '\xEF') { /* cJSON would skip a byte order mark */
        tree = cJSON_ParseWithLengthOpts(input + start, length - start, &end, false);
    }
    size_t stop = end != NULL ? (size_t)(end - input) : start;
    if (tree == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: not valid near byte %zu", stop);
    }
    stop = skip_space(input, stop, length);
    if (stop < length) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: more text after the value at byte %zu", stop);
    }
    if (scan.has_long_number) {
        keep_exact(tree);
    }
    *out = ZL_STEAL(&tree);
    return ZL_OK;
}

/* --- trees with memory of their own: cJSON's hooks are of the process, the arena is of the thread that parses just now --- */

enum { ARENA_LEAST = 4096, ARENA_MOST = 65536, TREE_PER_TEXT = 8 };

static bool has_arenas;
static _Thread_local struct zl_arena *parsing_into;

static void *take(size_t size_bytes)
{
    return parsing_into != NULL ? zl_arena_take(parsing_into, size_bytes) : malloc(size_bytes);
}

static void give(void *pointer)
{
    if (parsing_into == NULL || !zl_arena_has(parsing_into, pointer)) {
        free(pointer);
    }
}

void zl_json_have_arenas(void)
{
    cJSON_Hooks hooks = {.malloc_fn = take, .free_fn = give};
    cJSON_InitHooks(&hooks);
    has_arenas = true;
}

enum zl_status zl_json_parse_apart(const char *text, size_t length, struct cJSON **out,
                                   struct zl_arena **arena, struct zl_error *err)
{
    *arena = NULL;
    if (!has_arenas) {
        return zl_json_parse(text, length, out, err);
    }
    const size_t block = length * TREE_PER_TEXT;
    struct zl_arena *own = zl_arena_new(block < ARENA_LEAST  ? ARENA_LEAST
                                        : block > ARENA_MOST ? ARENA_MOST
                                                             : block);
    parsing_into = own;
    enum zl_status status = zl_json_parse(text, length, out, err);
    parsing_into = NULL;
    if (status != ZL_OK) {
        zl_arena_free(own);
        return status;
    }
    *arena = own;
    return ZL_OK;
}

void zl_json_free_apart(struct cJSON *tree, struct zl_arena *arena)
{
    if (arena == NULL) {
        cJSON_Delete(tree);
    }
    zl_arena_free(arena);
}

void zl_json_free(struct cJSON *tree)
{
    cJSON_Delete(tree);
}

void zl_json_cleanup(struct cJSON **tree)
{
    cJSON_Delete(*tree);
}

char *zl_json_print(const struct cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    return text != NULL ? text : zl_strdup("null");
}

/* What stands behind the backslash for C; 'u': its number; 0: it stands for itself. */
static char escape_of(char c)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    if ((unsigned char)c >= 0x20 && c != '"' && c != '\\') {
        return '\0'; /* nearly all */
    }
    const char *at = c != '\0' ? strchr(escaped, c) : NULL;
    return at != NULL ? letters[at - escaped] : 'u';
}

void zl_json_quote(struct zl_buf *out, const char *text)
{
    (void)zl_buf_add(out, "\"", 1);
    const char *from = text != NULL ? text : "";
    for (const char *at = from;; at++) {
        const char escape = escape_of(*at);
        if (escape == 0) {
            continue;
        }
        (void)zl_buf_add(out, from, (size_t)(at - from));
        if (*at == '\0') {
            break;
        }
        const char pair[] = {'\\', escape};
        (void)(escape == 'u' ? zl_buf_printf(out, "\\u%04x", (unsigned)*at)
                             : zl_buf_add(out, pair, sizeof pair));
        from = at + 1;
    }
    (void)zl_buf_add(out, "\"", 1);
}

bool zl_json_same(const struct cJSON *left, const struct cJSON *right)
{
    if (left == NULL || right == NULL) {
        return left == right;
    }
    ZL_AUTO_FREE char *left_text = zl_json_print(left);
    ZL_AUTO_FREE char *right_text = zl_json_print(right);
    return strcmp(left_text, right_text) == 0;
}

/* NODE's descendant by the names in PATH up to NULL. */
static const cJSON *walk(const cJSON *node, va_list path)
{
    for (const char *name = va_arg(path, const char *); name != NULL;
         name = va_arg(path, const char *)) {
        node = cJSON_IsObject(node) ? cJSON_GetObjectItemCaseSensitive(node, name) : NULL;
    }
    return node;
}

const struct cJSON *zl_json_at(const struct cJSON *tree, ...)
{
    va_list path;
    va_start(path, tree);
    const cJSON *node = walk(tree, path);
    va_end(path);
    return node;
}

const struct cJSON *zl_json_at_path(const struct cJSON *tree, const char *path)
{
    const struct cJSON *node = tree;
    while (*path != '\0') {
        size_t length = strcspn(path, ".");
        ZL_AUTO_FREE char *name = zl_strndup(path, length);
        node = zl_json_at(node, name, NULL);
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return node;
}

const char *zl_json_text(const struct cJSON *tree, ...)
{
    va_list path;
    va_start(path, tree);
    const cJSON *node = walk(tree, path);
    va_end(path);
    return zl_json_value_text(node);
}

int64_t zl_json_i64(const struct cJSON *tree, int64_t fallback, ...)
{
    va_list path;
    va_start(path, fallback);
    const cJSON *node = walk(tree, path);
    va_end(path);
    int64_t value = 0;
    bool known = node != NULL && cJSON_IsRaw(node)
                     ? zl_parse_i64(node->valuestring, -EXACT_MAX, EXACT_MAX, &value, NULL) == ZL_OK
                     : whole(node, &value);
    return known ? value : fallback;
}

bool zl_json_bool(const struct cJSON *tree, int fallback, ...)
{
    va_list path;
    va_start(path, fallback);
    const cJSON *node = walk(tree, path);
    va_end(path);
    return cJSON_IsBool(node) ? cJSON_IsTrue(node) != 0 : fallback != 0;
}

bool zl_json_is_object(const struct cJSON *node)
{
    return cJSON_IsObject(node);
}

bool zl_json_is_array(const struct cJSON *node)
{
    return cJSON_IsArray(node);
}

bool zl_json_is_text(const struct cJSON *node)
{
    return cJSON_IsString(node);
}

bool zl_json_is_null(const struct cJSON *node)
{
    return cJSON_IsNull(node);
}

const struct cJSON *zl_json_first(const struct cJSON *node)
{
    return node != NULL ? node->child : NULL;
}

const struct cJSON *zl_json_next(const struct cJSON *node)
{
    return node != NULL ? node->next : NULL;
}

const char *zl_json_name(const struct cJSON *node)
{
    return node != NULL ? node->string : NULL;
}

const char *zl_json_value_text(const struct cJSON *node)
{
    return node != NULL && cJSON_IsString(node) ? node->valuestring : NULL;
}

size_t zl_json_count(const struct cJSON *node)
{
    size_t count = 0;
    for (const cJSON *child = zl_json_first(node); child != NULL; child = child->next) {
        count++;
    }
    return count;
}

struct cJSON *zl_json_object(void)
{
    return cJSON_CreateObject();
}

struct cJSON *zl_json_array(void)
{
    return cJSON_CreateArray();
}

struct cJSON *zl_json_copy(const struct cJSON *tree)
{
    return cJSON_Duplicate(tree, true);
}

void zl_json_set(struct cJSON *object, const char *name, struct cJSON *taken)
{
    cJSON *value = taken != NULL ? taken : cJSON_CreateNull();
    cJSON *old = cJSON_GetObjectItemCaseSensitive(object, name);
    if (old == value && old != NULL) {
        return;
    }
    bool done = old != NULL ? cJSON_ReplaceItemInObjectCaseSensitive(object, name, value)
                            : cJSON_AddItemToObject(object, name, value);
    if (!done) {
        cJSON_Delete(value);
    }
}

void zl_json_set_text(struct cJSON *object, const char *name, const char *text)
{
    zl_json_set(object, name, text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void zl_json_set_text_if_any(struct cJSON *object, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        zl_json_set_text(object, name, text);
    }
}

void zl_json_set_i64(struct cJSON *object, const char *name, int64_t value)
{
    if (value >= -PRINTED_MAX && value <= PRINTED_MAX) {
        zl_json_set(object, name, cJSON_CreateNumber((double)value));
        return;
    }
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    zl_json_set(object, name, cJSON_CreateRaw(digits));
}

void zl_json_set_bool(struct cJSON *object, const char *name, bool value)
{
    zl_json_set(object, name, cJSON_CreateBool(value));
}

void zl_json_set_null(struct cJSON *object, const char *name)
{
    zl_json_set(object, name, cJSON_CreateNull());
}

struct cJSON *zl_json_child(struct cJSON *object, const char *name)
{
    cJSON *child = cJSON_GetObjectItemCaseSensitive(object, name);
    if (cJSON_IsObject(child)) {
        return child;
    }
    child = cJSON_CreateObject();
    zl_json_set(object, name, child);
    return child;
}

void zl_json_append(struct cJSON *array, struct cJSON *taken)
{
    if (!cJSON_AddItemToArray(array, taken)) {
        cJSON_Delete(taken);
    }
}

void zl_json_append_i64(struct cJSON *array, int64_t value)
{
    zl_json_append(array, cJSON_CreateNumber((double)value));
}

void zl_json_append_text(struct cJSON *array, const char *text)
{
    zl_json_append(array, text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull());
}
