/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.h - what reconciles need; each part is handed what it needs of it.
 *
 * Threads: shared by all workers.
 */
#ifndef ZL_CONTROLLER_RECONCILE_CONTEXT_H
#define ZL_CONTROLLER_RECONCILE_CONTEXT_H

#include "controller/apply/apply.h"
#include "controller/view/sources.h"

struct zl_armer;

/* All borrowed. */
struct zl_context {
    struct zl_sources sources; /* views come from it */
    struct zl_writer writer;   /* steps are carried out with it */
    struct zl_armer *armer;    /* knows whether a namespace's gatekeeper is armed */
};

#endif
