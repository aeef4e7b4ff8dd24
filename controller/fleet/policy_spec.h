/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_spec.h - the spec of a fleet's LeaderPolicy, from JSON.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_FLEET_POLICY_SPEC_H
#define ZL_CONTROLLER_FLEET_POLICY_SPEC_H

#include "common/base/error.h"
#include "common/fleet/fleet.h"

struct cJSON;

/*
 * @param spec  may be NULL: all defaults
 * @param out   zero before
 * @return ZL_E_INVALID: which field, what it says, and what it has to say
 */
enum zl_status zl_fleet_spec_read(const struct cJSON *spec, struct zl_fleet_spec *out,
                                  struct zl_error *err) ZL_MUST_CHECK;

#endif
