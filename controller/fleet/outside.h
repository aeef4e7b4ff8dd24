/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outside.h - work that is no Job: it asks for a turn, and says how it ended, by annotations of the LeaderPolicy.
 *
 *   zen-lead.io/fleet-want: "true"                 this cluster wants a turn
 *   zen-lead.io/fleet-report: "TOKEN done"         the end of turn TOKEN; or "TOKEN failed WHY", "TOKEN released"
 *
 * Where a report stands, the want beside it is over: to ask again the report is taken off. In a turn that such work asked for
 * no Job is started.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_FLEET_OUTSIDE_H
#define ZL_CONTROLLER_FLEET_OUTSIDE_H

#include "common/base/error.h"
#include "common/fleet/member.h"

struct cJSON;

struct zl_fleet_outside {
    bool wants;                    /* and nothing is reported */
    struct zl_fleet_report report; /* TOKEN 0: none */
};

/* Of a LeaderPolicy's ANNOTATIONS. ZL_E_INVALID: what cannot be meant, and what may be; OUT has none of it. */
enum zl_status zl_fleet_outside_read(const struct cJSON *annotations, struct zl_fleet_outside *out,
                                     struct zl_error *err) ZL_MUST_CHECK;
/* Of several LeaderPolicies of a fleet: one that wants is enough, the newest report counts. */
void zl_fleet_outside_join(struct zl_fleet_outside *into, const struct zl_fleet_outside *other);

/*
 * Does it report an end that nobody has been told yet: of the turn that is open, or of one that expired and was done?
 */
bool zl_fleet_outside_reports(const struct zl_fleet_outside *outside,
                              const struct zl_fleet_agent *agent);

#endif
