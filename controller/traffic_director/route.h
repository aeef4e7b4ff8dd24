/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - the Service and the EndpointSlices that lead to a leader: what they must say, as pure functions.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_TRAFFIC_DIRECTOR_ROUTE_H
#define ZL_CONTROLLER_TRAFFIC_DIRECTOR_ROUTE_H

#include "common/objects/service.h"
#include "common/objects/slice.h"
#include "controller/apply/subject.h"
#include "controller/view/family.h"

/* Borrowed, all of it. */
struct zl_route {
    const char *namespace_;
    const char *name;               /* of the leader Service */
    struct zl_subject owner;        /* with whom its objects go; Events are about it */
    struct zl_subject second_owner; /* as zl_service.second_owner; UID NULL: none */
    const char *pool;               /* NULL: of an annotated Service */
    const struct zl_service
        *from; /* lends its ports and families; NULL: the leader's containers do */
    const struct zl_pod *template_pod; /* lends its ports when nobody knows better; or NULL */
    const struct zl_pod *leader;       /* NULL: nobody. One on its way out is shown as such. */
    const char *zone; /* of the leader's node; NULL: not known. Filled by who writes it. */
};

/*
 * The Service's ports: FROM's, else the container ports of the leader. None of them when neither has any.
 * Added to SERVICE.
 */
void zl_route_add_ports(const struct zl_route *route, struct zl_service *service);

/*
 * The leader Service; freed by the caller.
 *
 * @param stored  as it is now: what it says of its leader and, with nobody leading, its ports are kept
 *                where ROUTE does not know better; what nobody knows, the template does. NULL: there is none yet.
 */
struct zl_service *zl_route_service(const struct zl_route *route, const struct zl_service *stored,
                                    int64_t now_us);

/*
 * The EndpointSlice of one address family; freed by the caller.
 *
 * @param service  as zl_route_service made it
 * @return ZL_E_INVALID, with an empty slice: the leader lacks a named port (fail closed)
 */
enum zl_status zl_route_slice(const struct zl_route *route, const struct zl_service *service,
                              enum zl_family family, struct zl_slice **out,
                              struct zl_error *err) ZL_MUST_CHECK;

/* Does the route need a slice of FAMILY? STORED: the leader Service, or NULL. */
bool zl_route_has_family(const struct zl_route *route, const struct zl_service *stored,
                         enum zl_family family);
/* POD's address of FAMILY, or NULL. */
const char *zl_pod_ip(const struct zl_pod *pod, enum zl_family family);

#endif
