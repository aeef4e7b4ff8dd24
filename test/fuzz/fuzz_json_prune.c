/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a list or watch, in whatever pieces: no crash, the same documents come out of any pieces, never
 * more than the maximum, and of JSON that parses every member that the shape names reads as it does in the whole.
 */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_prune.h"
#include "common/base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT_MAX = 512 };

static const struct zl_json_shape OWNER[] = {{.name = "uid"}, {.name = "name"}, {.name = NULL}};
static const struct zl_json_shape MORE[] = {{.name = "name"}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels"},
                                                {.name = "ownerReferences", .members = OWNER},
                                                {.name = "resourceVersion"},
                                                {.members = MORE}};
static const struct zl_json_shape OBJECT[] = {
    {.name = "metadata", .members = METADATA}, {.name = "status"}, {.name = NULL}};
static const struct zl_json_shape LIST[] = {{.name = "metadata", .members = METADATA},
                                            {.name = "type"},
                                            {.name = "object", .members = OBJECT},
                                            {.name = "items", .members = OBJECT, .apart = true},
                                            {.name = NULL}};

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct result {
    struct zl_buf text;  /* all that came out */
    struct zl_buf first; /* the first document */
    size_t documents, elements;
    bool cut;
};

static enum zl_status take(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct result *result = ctx;
    (void)err;
    require(kept->length <= KEPT_MAX + ZL_KEPT_RESERVE + 64);
    require(kept->text[kept->length] == '\0');
    require(zl_buf_printf(&result->text, "%d%d", kept->element, kept->cut));
    require(zl_buf_add(&result->text, kept->text, kept->length));
    if (!kept->element && result->documents++ == 0) {
        require(zl_buf_add(&result->first, kept->text, kept->length));
    }
    result->elements += kept->element ? 1 : 0;
    result->cut |= kept->cut;
    return ZL_OK;
}

static enum zl_status feed(const char *bytes, size_t size, size_t piece, struct result *result)
{
    ZL_AUTO_PRUNER struct zl_json_pruner *pruner = zl_json_pruner_new(LIST, KEPT_MAX, take, result);
    *result = (struct result){0};
    zl_buf_init(&result->text, 64 * ZL_MIB);
    zl_buf_init(&result->first, 64 * ZL_MIB);
    for (size_t at = 0; at < size; at += piece) {
        const size_t count = size - at < piece ? size - at : piece;
        enum zl_status status = zl_json_pruner_feed(pruner, bytes + at, count, NULL);
        require(status == ZL_OK || status == ZL_E_INVALID);
        if (status != ZL_OK) {
            return status;
        }
    }
    return zl_json_pruner_end(pruner, NULL);
}

static void require_same(const struct cJSON *whole, const struct cJSON *pruned)
{
    require(zl_json_same(whole, pruned));
}

static void compare_object(const struct cJSON *whole, const struct cJSON *pruned)
{
    require_same(zl_json_at(whole, "metadata", "labels", NULL),
                 zl_json_at(pruned, "metadata", "labels", NULL));
    require_same(zl_json_at(whole, "metadata", "name", NULL),
                 zl_json_at(pruned, "metadata", "name", NULL));
    require_same(zl_json_at(whole, "status", NULL), zl_json_at(pruned, "status", NULL));
    const struct cJSON *left = zl_json_at(whole, "metadata", "ownerReferences", NULL);
    const struct cJSON *right = zl_json_at(pruned, "metadata", "ownerReferences", NULL);
    if (!zl_json_is_array(left)) {
        return;
    }
    require(zl_json_count(left) == zl_json_count(right));
    left = zl_json_first(left);
    right = zl_json_first(right);
    for (; left != NULL; left = zl_json_next(left), right = zl_json_next(right)) {
        require_same(zl_json_at(left, "uid", NULL), zl_json_at(right, "uid", NULL));
    }
}

/* cJSON takes control characters for white space. */
static bool has_control(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)bytes[i] < ' ' && strchr("\t\r\n", bytes[i]) == NULL) {
            return true;
        }
    }
    return false;
}

/* A name that is written with an escape is none of the shape's, but cJSON reads it. */
static void compare(const char *bytes, size_t size, const struct result *result)
{
    ZL_AUTO_JSON struct cJSON *whole = NULL;
    ZL_AUTO_JSON struct cJSON *pruned = NULL;
    if (result->cut || memchr(bytes, '\\', size) != NULL || has_control(bytes, size) ||
        zl_json_parse(bytes, size, &whole, NULL) != ZL_OK) {
        return;
    }
    require(result->documents == 1);
    require(zl_json_parse(result->first.data, result->first.length, &pruned, NULL) == ZL_OK);
    require_same(zl_json_at(whole, "type", NULL), zl_json_at(pruned, "type", NULL));
    compare_object(whole, pruned);
    compare_object(zl_json_at(whole, "object", NULL), zl_json_at(pruned, "object", NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, pieces;
    if (size == 0) {
        return 0;
    }
    const char *bytes = (const char *)data + 1;
    enum zl_status status = feed(bytes, size - 1, size, &whole);
    require(feed(bytes, size - 1, 1 + data[0] % 16, &pieces) == status);
    require(whole.documents == pieces.documents && whole.elements == pieces.elements);
    require(whole.text.length == pieces.text.length);
    require(whole.text.length == 0 ||
            memcmp(whole.text.data, pieces.text.data, whole.text.length) == 0);
    if (status == ZL_OK) {
        compare(bytes, size - 1, &whole);
    }
    zl_buf_clear(&whole.text);
    zl_buf_clear(&whole.first);
    zl_buf_clear(&pieces.text);
    zl_buf_clear(&pieces.first);
    return 0;
}
