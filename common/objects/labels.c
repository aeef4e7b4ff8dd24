/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/labels.h"

#include "common/base/buf.h"

#include <string.h>

/* More than is kept of an object (ZL_KEPT_MAX); Kubernetes has no bound for all of its labels together. */
#define LABELS_MAX (1ul << 20)

char *zl_labels_pack(const struct cJSON *object)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, LABELS_MAX);
    const struct cJSON *label = zl_json_first(object);
    for (; label != NULL; label = zl_json_next(label)) {
        const char *value = zl_json_value_text(label);
        if (value != NULL) {
            (void)zl_buf_add_text(&text, zl_json_name(label));
            (void)zl_buf_add_text(&text, "=");
            (void)zl_buf_add_text(&text, value);
            (void)zl_buf_add(&text, "", 1);
        }
    }
    return text.length > 0 ? zl_buf_take(&text) : NULL;
}

/* Bytes without the empty text at the end. */
static size_t packed_size(const char *labels)
{
    const char *at = labels;
    while (*at != '\0') {
        at += strlen(at) + 1;
    }
    return (size_t)(at - labels);
}

char *zl_labels_copy(const char *labels)
{
    if (labels == NULL) {
        return NULL;
    }
    size_t size = packed_size(labels);
    char *copy = zl_alloc(size + 1);
    memcpy(copy, labels, size + 1);
    return copy;
}

static bool has_label(const char *labels, const char *label)
{
    for (const char *at = labels; *at != '\0'; at += strlen(at) + 1) {
        if (strcmp(at, label) == 0) {
            return true;
        }
    }
    return false;
}

bool zl_labels_match(const char *labels, const char *selector)
{
    if (labels == NULL || selector == NULL) {
        return false;
    }
    for (const char *at = selector; *at != '\0'; at += strlen(at) + 1) {
        if (!has_label(labels, at)) {
            return false;
        }
    }
    return true;
}
