/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/definition.h"

static char *find_dropped(const struct cJSON *written, const struct cJSON *stored,
                          const char *path);

static char *find_in_array(const struct cJSON *written, const struct cJSON *stored,
                           const char *path)
{
    ZL_AUTO_FREE char *element = zl_asprintf("%s[]", path);
    const struct cJSON *have = zl_json_first(stored);
    const struct cJSON *want = zl_json_first(written);
    for (; want != NULL && have != NULL; want = zl_json_next(want), have = zl_json_next(have)) {
        char *dropped = find_dropped(want, have, element);
        if (dropped != NULL) {
            return dropped;
        }
    }
    return NULL;
}

static char *find_in_object(const struct cJSON *written, const struct cJSON *stored,
                            const char *path)
{
    for (const struct cJSON *want = zl_json_first(written); want != NULL;
         want = zl_json_next(want)) {
        const char *name = zl_json_name(want);
        const struct cJSON *have = zl_json_at(stored, name, NULL);
        ZL_AUTO_FREE char *member =
            path[0] != '\0' ? zl_asprintf("%s.%s", path, name) : zl_strdup(name);
        if (zl_json_is_null(want)) {
            continue;
        }
        char *dropped = have == NULL ? ZL_STEAL(&member) : find_dropped(want, have, member);
        if (dropped != NULL) {
            return dropped;
        }
    }
    return NULL;
}

static char *find_dropped(const struct cJSON *written, const struct cJSON *stored, const char *path)
{
    if (zl_json_is_object(written)) {
        return find_in_object(written, stored, path);
    }
    return zl_json_is_array(written) ? find_in_array(written, stored, path) : NULL;
}

char *zl_definition_dropped(const struct cJSON *written, const struct cJSON *answer)
{
    return zl_json_at(answer, "metadata", NULL) != NULL ? find_dropped(written, answer, "") : NULL;
}

char *zl_definition_complaint(const char *field)
{
    return zl_asprintf("the installed CustomResourceDefinition "
                       "leaderpolicies.coordination.kube-zen.io is of another release and drops "
                       "%s: apply that of this one",
                       field);
}
