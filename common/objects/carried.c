/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/carried.h"

#include "common/base/buf.h"
#include "common/objects/labels.h"

#include <string.h>

/* As the names of a list: one that ends with "*" is all that begin so. */
static const char *const NEVER[] = {
    "zen-lead/*",
    "zen-lead.io/*",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/instance", /* by which Argo CD knows what it has applied */
    "argocd.argoproj.io/*",
    "kustomize.toolkit.fluxcd.io/*",
    "helm.toolkit.fluxcd.io/*",
    "meta.helm.sh/*",
    "kubectl.kubernetes.io/*",
};
enum { NEVER_COUNT = sizeof NEVER / sizeof NEVER[0] };

/* --- lists of names --- */

#define BLANKS " \t\r\n"

/* The next name of the list at *AT, of *LENGTH; *AT goes behind it. NULL: there is none. */
static const char *next_name(const char **at, size_t *length)
{
    const char *name = *at + strspn(*at, BLANKS ",");
    *length = strcspn(name, ",");
    *at = name + *length;
    while (*length > 0 && strchr(BLANKS, name[*length - 1]) != NULL) {
        --*length;
    }
    return *length > 0 ? name : NULL;
}

static bool covers(const char *name, size_t length, const char *key, size_t key_length)
{
    if (name[length - 1] == '*') {
        return key_length >= length - 1 && strncmp(name, key, length - 1) == 0;
    }
    return length == key_length && strncmp(name, key, length) == 0;
}

static bool is_never_carried(const char *key, size_t length)
{
    for (size_t i = 0; i < NEVER_COUNT; i++) {
        if (covers(NEVER[i], strlen(NEVER[i]), key, length)) {
            return true;
        }
    }
    return false;
}

static bool is_named(const char *names, const char *key, size_t key_length)
{
    size_t length = 0;
    for (const char *name = next_name(&names, &length); name != NULL;
         name = next_name(&names, &length)) {
        if (covers(name, length, key, key_length)) {
            return true;
        }
    }
    return false;
}

const char *zl_carried_refused(const char *names, size_t *length)
{
    const char *name = names != NULL ? next_name(&names, length) : NULL;
    while (name != NULL && !is_never_carried(name, *length)) {
        name = next_name(&names, length);
    }
    return name;
}

/* --- what is carried --- */

static size_t key_length_of(const char *entry)
{
    return strcspn(entry, "=");
}

char *zl_carried_pick(const struct cJSON *map, const char *names, bool *is_cut)
{
    ZL_AUTO_BUF struct zl_buf packed;
    zl_buf_init(&packed, ZL_CARRIED_MAX);
    const struct cJSON *member = names != NULL ? zl_json_first(map) : NULL;
    for (; member != NULL; member = zl_json_next(member)) {
        const char *key = zl_json_name(member);
        const char *value = zl_json_value_text(member);
        if (value == NULL || is_never_carried(key, strlen(key)) ||
            !is_named(names, key, strlen(key))) {
            continue;
        }
        ZL_AUTO_FREE char *entry = zl_asprintf("%s=%s", key, value);
        if (!zl_buf_add(&packed, entry, strlen(entry) + 1) && is_cut != NULL) {
            *is_cut = true;
        }
    }
    return packed.length > 0 ? zl_buf_take(&packed) : NULL;
}

char *zl_carried_names(const char *carried)
{
    ZL_AUTO_BUF struct zl_buf names;
    zl_buf_init(&names, ZL_CARRIED_MAX);
    for (const char *at = carried; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        (void)zl_buf_printf(&names, "%s%.*s", names.length > 0 ? "," : "", (int)key_length_of(at),
                            at);
    }
    return names.length > 0 ? zl_buf_take(&names) : NULL;
}

bool zl_carried_same(const char *left, const char *right)
{
    if (left == NULL || right == NULL) {
        return left == right;
    }
    return zl_labels_match(left, right) && zl_labels_match(right, left);
}

static bool is_carried(const char *carried, const char *key)
{
    for (const char *at = carried; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        if (covers(key, strlen(key), at, key_length_of(at))) {
            return true;
        }
    }
    return false;
}

void zl_carried_encode(const char *carried, const char *were, struct cJSON *map)
{
    size_t length = 0;
    for (const char *at = carried; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        ZL_AUTO_FREE char *key = zl_asprintf("%.*s", (int)key_length_of(at), at);
        zl_json_set_text(map, key, at + key_length_of(at) + 1);
    }
    for (const char *name = were != NULL ? next_name(&were, &length) : NULL; name != NULL;
         name = next_name(&were, &length)) {
        /* Somebody may have edited the list: what is not ours to carry is not ours to take away. */
        ZL_AUTO_FREE char *key = zl_asprintf("%.*s", (int)length, name);
        if (!is_carried(carried, key) && !is_never_carried(key, length)) {
            zl_json_set_null(map, key);
        }
    }
}
