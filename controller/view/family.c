/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/family.h"

#include "common/base/memory.h"

char *zl_route_slice_name(const char *service, enum zl_family family)
{
    return zl_asprintf("%s%s", service, family == ZL_FAMILY_IPV6 ? "-ipv6" : "");
}
