/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/definition.h"

#include <string.h>

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

bool zl_definition_writes(const struct cJSON *written, const char *field)
{
    if (field[0] == '\0') {
        return written != NULL && !zl_json_is_null(written);
    }
    if (strncmp(field, "[]", 2) == 0) {
        const char *rest = field[2] == '.' ? field + 3 : field + 2;
        const struct cJSON *element = zl_json_first(written);
        while (element != NULL && !zl_definition_writes(element, rest)) {
            element = zl_json_next(element);
        }
        return element != NULL;
    }
    const size_t length = strcspn(field, ".[");
    ZL_AUTO_FREE char *name = zl_asprintf("%.*s", (int)length, field);
    const struct cJSON *member = zl_json_at(written, name, NULL);
    return member != NULL &&
           zl_definition_writes(member, field[length] == '.' ? field + length + 1 : field + length);
}

char *zl_definition_complaint(const char *field)
{
    return zl_asprintf("the installed CustomResourceDefinition "
                       "leaderpolicies.coordination.kube-zen.io is of another release and drops "
                       "%s: apply that of this one",
                       field);
}
