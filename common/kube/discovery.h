/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discovery.h - what this API server serves.
 *
 * Threads: any; blocks on the API server.
 */
#ifndef ZL_KUBE_DISCOVERY_H
#define ZL_KUBE_DISCOVERY_H

#include "common/kube/client.h"

/*
 * The first of CANDIDATES (all of one group, NULL at the end) whose version the server has.
 *
 * @return ZL_E_NOT_FOUND when it serves none of them
 */
enum zl_status zl_kube_discover(struct zl_kube_client *client,
                                const struct zl_kube_resource *const *candidates,
                                const struct zl_kube_resource **out,
                                struct zl_error *err) ZL_MUST_CHECK;

#endif
