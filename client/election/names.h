/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - how a Lease of an election or a lock is called, and who takes part in it.
 *
 * Threads: pure, but for zl_election_identity, which asks the system.
 */
#ifndef ZL_CLIENT_NAMES_H
#define ZL_CLIENT_NAMES_H

#include "common/base/memory.h"

#include <stdint.h>

/* "<component>-leader-election", as zen-sdk and controller-runtime's users have it; "<name>-lock". The caller frees. */
char *zl_election_lease(const char *component);
char *zl_lock_lease(const char *name);

/*
 * May LEASE be contended for? ZL_E_INVALID: no name of an object, or one of zen-lead's own ("zen-lead-..."): a pool's
 * Lease belongs to gatekeeper and controller.
 */
enum zl_status zl_lease_name_check(const char *lease, struct zl_error *err) ZL_MUST_CHECK;

/* "<pod or host>_<random>": no two processes have the same one, not even one after the other. The caller frees. */
char *zl_election_identity(const char *pod);

/*
 * leaseTransitions of a Lease that is made anew: seconds since 2020. So the fencing token grows although somebody deleted the
 * Lease, as long as holders do not change more than once a second on average.
 */
int64_t zl_first_token(int64_t wall_us);

#endif
