/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surroundings.h - what other people's objects in the namespace make of a pool: budgets that never let its leader go,
 * autoscalers that count pods which are refused, endpoints of others behind its leader Services.
 *
 * None of it is watched. It is listed now and then, when nothing more urgent is to be done: it is about being told, not about
 * leading.
 *
 * Threads: what is found belongs to one reconcile.
 */
#ifndef ZL_CONTROLLER_VIEW_SURROUNDINGS_H
#define ZL_CONTROLLER_VIEW_SURROUNDINGS_H

#include "controller/view/sources.h"
#include "controller/view/view.h"

/* How long from one look to the next. */
enum { ZL_SURROUNDINGS_MS = 45000 };

/*
 * Is it time to look, at this one, and at any? Notes that it was looked, then.
 *
 * @param name  of the pool or Service
 */
bool zl_surroundings_are_due(const struct zl_sources *sources, const char *namespace_,
                             const char *name, int64_t now_ms);
/*
 * Look around VIEW's pool. A right that is missing (of an installation that is older than this program) leaves its part out.
 *
 * @param slices  the version of EndpointSlice that the server has; NULL: none
 * @param out     zeroed; zl_surroundings_clear, also after a failure
 */
enum zl_status zl_surroundings_look(const struct zl_sources *sources, const struct zl_view *view,
                                    const struct zl_kube_resource *slices,
                                    struct zl_surroundings *out,
                                    struct zl_error *err) ZL_MUST_CHECK;
/*
 * The first EndpointSlice of somebody else that leads traffic of one of SERVICES elsewhere; *OUT stays NULL when there is none.
 *
 * @param services  names, separated by commas
 * @param out       a sentence; the caller frees
 */
enum zl_status zl_surroundings_find_slice(const struct zl_sources *sources,
                                          const struct zl_kube_resource *slices,
                                          const char *namespace_, const char *services, char **out,
                                          struct zl_error *err) ZL_MUST_CHECK;
void zl_surroundings_clear(struct zl_surroundings *surroundings);

#endif
