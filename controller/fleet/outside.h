/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outside.h - work that is no Job: it asks for a turn, and says how it ended, by annotations of the LeaderPolicy.
 *
 *   zen-lead.io/fleet-want: "true"                 this cluster wants a turn
 *   zen-lead.io/fleet-report: "TOKEN done"         the end of turn TOKEN; or "TOKEN failed WHY", "TOKEN released"
 *   zen-lead.io/fleet-accept: "TOKEN"              with acceptance: Manual: the turn that follows the ended turn TOKEN is taken
 *   zen-lead.io/fleet-extend: "TOKEN GENERATION"   more time in that turn, once: what it gets is another generation
 *   zen-lead.io/fleet-decline: "WHY"               no turn is taken while this stands, by whatever work
 *
 * Where a report stands, the want beside it is over: to ask again the report is taken off. A failure that a person lets go again
 * (zen-lead fleet retry) ends no want that stands. In a turn that such work asked for no Job is started.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_FLEET_OUTSIDE_H
#define ZL_CONTROLLER_FLEET_OUTSIDE_H

#include "common/base/error.h"
#include "common/fleet/member.h"

struct cJSON;

struct zl_fleet_outside {
    bool wants;                       /* and nothing is reported */
    bool stands;                      /* the want does, whatever is reported */
    struct zl_fleet_report report;    /* TOKEN 0: none */
    bool manual;                      /* a turn is taken when somebody accepts it */
    int64_t accepted;                 /* the one that follows this ended turn; -1: none */
    int64_t extend_token, extend_gen; /* more time in it; TOKEN 0: in none */
    char decline[ZL_FLEET_TEXT_MAX];  /* why none is taken; "": it is not so */
};

/* Of a LeaderPolicy's ANNOTATIONS. ZL_E_INVALID: what cannot be meant, and what may be; OUT has none of it but the decline. */
enum zl_status zl_fleet_outside_read(const struct cJSON *annotations, struct zl_fleet_outside *out,
                                     struct zl_error *err) ZL_MUST_CHECK;
/* Of several LeaderPolicies of a fleet: one that wants is enough, the newest report counts. */
void zl_fleet_outside_join(struct zl_fleet_outside *into, const struct zl_fleet_outside *other);

/* Does it want a turn, by what the cluster was told? */
bool zl_fleet_outside_wants(const struct zl_fleet_outside *outside,
                            const struct zl_fleet_turn *turn);

/* Does it let the turn that follows be taken? *WHY: why not; borrowed. */
bool zl_fleet_outside_is_ready(const struct zl_fleet_outside *outside,
                               const struct zl_fleet_turn *turn, const char **why);

/* Does it ask for more time in the turn that is under way, as it is? */
bool zl_fleet_outside_extends(const struct zl_fleet_outside *outside,
                              const struct zl_fleet_turn *turn);

/*
 * Does it report an end that nobody has been told yet: of the turn that is open, or of one that expired and was done?
 */
bool zl_fleet_outside_reports(const struct zl_fleet_outside *outside,
                              const struct zl_fleet_agent *agent);

#endif
