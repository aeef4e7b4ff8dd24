/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet_lock.h - FleetLock's two requests, by which nodes ask before they reboot: at most so many of a group at once.
 *
 *   POST /v1/pre-reboot, /v1/steady-state    with the header "fleet-lock-protocol: true"
 *   {"client_params": {"group": "default", "id": "..."}}
 *
 * Answered are 200, also when it was so before, and else {"kind": "...", "value": "..."}: 409 while all slots are taken, 400 what is not
 * understood, 404 a group that is none of ours, 503 when the hub does not answer. Every replica answers: who has a slot stands in a Lease
 * of the hub, "reboots.<group>", that is swapped.
 *
 * The protocol knows no rights: whoever reaches the port may ask. See docs/fleet.md.
 *
 * Threads: zl_fleet_lock_answer from any, and it blocks on the hub.
 */
#ifndef ZL_CONTROLLER_FLEET_FLEET_LOCK_H
#define ZL_CONTROLLER_FLEET_FLEET_LOCK_H

#include "common/http/server.h"
#include "common/kube/client.h"

struct zl_fleet_lock; /* opaque */

/*
 * GROUPS: "default=1,workers=2", how many of each may reboot at once; HUB and NAMESPACE_ must outlive it.
 *
 * @return ZL_E_INVALID says what is wrong with GROUPS
 */
enum zl_status zl_fleet_lock_new(struct zl_kube_client *hub, const char *namespace_,
                                 const char *groups, struct zl_fleet_lock **out,
                                 struct zl_error *err) ZL_MUST_CHECK;
void zl_fleet_lock_free(struct zl_fleet_lock *lock); /* NULL is fine */
void zl_fleet_lock_answer(const struct zl_fleet_lock *lock, const struct zl_http_request *request,
                          struct zl_http_response *response);

#endif
