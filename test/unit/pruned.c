/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/pruned.h"

#include "common/base/buf.h"
#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct outcome {
    struct zl_buf text;
    bool is_cut;
};

static enum zl_status keep(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct outcome *out = ctx;
    (void)err;
    out->is_cut = out->is_cut || kept->cut;
    assert_true(zl_buf_add(&out->text, kept->text, kept->length));
    return ZL_OK;
}

char *zl_pruned_or_cut(const struct zl_json_shape *shape, const char *text, bool *is_cut)
{
    struct outcome out = {0};
    zl_buf_init(&out.text, ZL_MIB);
    ZL_AUTO_PRUNER struct zl_json_pruner *pruner =
        zl_json_pruner_new(shape, ZL_KEPT_MAX, keep, &out);
    if (zl_json_pruner_feed(pruner, text, strlen(text), NULL) != ZL_OK ||
        zl_json_pruner_end(pruner, NULL) != ZL_OK) {
        zl_buf_add_text(&out.text, zl_json_pruner_rest(pruner));
    }
    *is_cut = out.is_cut;
    return zl_buf_take(&out.text);
}

char *zl_pruned(const struct zl_json_shape *shape, const char *text)
{
    bool is_cut = false;
    char *pruned = zl_pruned_or_cut(shape, text, &is_cut);
    assert_false(is_cut);
    return pruned;
}

struct cJSON *zl_prune(const struct zl_json_shape *shape, struct cJSON **tree)
{
    struct cJSON *pruned = NULL;
    ZL_AUTO_FREE char *whole = zl_json_print(*tree);
    ZL_AUTO_FREE char *text = zl_pruned(shape, whole);
    struct zl_error err = {0};
    if (zl_json_parse(text, strlen(text), &pruned, &err) != ZL_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    zl_json_free(*tree);
    *tree = pruned;
    return pruned;
}
