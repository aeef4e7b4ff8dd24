/* SPDX-License-Identifier: Apache-2.0 */
/*
 * family.h - the EndpointSlices of a leader Service: one for each address family.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_VIEW_FAMILY_H
#define ZL_CONTROLLER_VIEW_FAMILY_H

enum zl_family { ZL_FAMILY_IPV4, ZL_FAMILY_IPV6, ZL_FAMILY_COUNT };

/* The caller frees. */
char *zl_route_slice_name(const char *service, enum zl_family family);

#endif
