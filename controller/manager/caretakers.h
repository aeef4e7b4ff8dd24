/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caretakers.h - the threads of reconcile/caretaker.h, from the start of a replica until its renewals are nobody else's any more.
 *
 * Threads: one starts and stops them.
 */
#ifndef ZL_CONTROLLER_MANAGER_CARETAKERS_H
#define ZL_CONTROLLER_MANAGER_CARETAKERS_H

#include "controller/reconcile/context.h"

struct zl_caretakers; /* opaque */

/* CARES, from their threads: are renewals still their care? False is for ever. Borrowed, like CONTEXT, until they are stopped. */
struct zl_caretakers *zl_caretakers_start(struct zl_context *context, bool (*cares)(void *ctx),
                                          void *ctx);
/* Joins them; a renewal that is on its way is waited for. NULL is fine. */
void zl_caretakers_stop(struct zl_caretakers *caretakers);

#endif
