/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds.c - zl-kinds: the rows of common/kinds as text, for kinds.sh.
 *
 * One line each: name, group, plural, versions with commas, "member" or "between", "woken" or "-".
 */
#include "common/kinds/kind.h"

#include <stdio.h>

static bool is_woken(const struct zl_kube_resource *resource)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (ZL_KINDS[i]->woken == resource) {
            return true;
        }
    }
    return false;
}

static void print(const struct zl_kind *kind, const char *part)
{
    const struct zl_kube_resource *resource = &kind->resource;
    const struct zl_kube_resource *other = kind->alternative;
    printf("%s %s %s %s%s%s %s %s\n", kind->name, resource->group, resource->plural,
           resource->version, other != NULL ? "," : "", other != NULL ? other->version : "", part,
           is_woken(resource) ? "woken" : "-");
}

int main(void)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        print(ZL_KINDS[i], "member");
        if (ZL_KINDS[i]->between != NULL) {
            print(ZL_KINDS[i]->between, "between");
        }
    }
    return 0;
}
