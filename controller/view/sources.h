/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources.h - where a view comes from: memory first, the API server where memory may not decide, and what
 * this process noted earlier.
 *
 * Threads: shared by all workers; each source locks inside itself.
 */
#ifndef ZL_CONTROLLER_VIEW_SOURCES_H
#define ZL_CONTROLLER_VIEW_SOURCES_H

#include "common/base/since.h"
#include "common/cache/cache.h"
#include "common/seat/claim_clock.h"
#include "controller/view/job_notes.h"
#include "controller/view/ready_clock.h"
#include "controller/view/wakes.h"

/* All borrowed. */
struct zl_sources {
    struct zl_kube_client *client; /* reads only */
    struct zl_cache *cache;
    struct zl_claim_clock *clock;
    struct zl_sinces *sinces;
    struct zl_wakes *wakes;
    struct zl_ready_clock *ready_clock;
    struct zl_job_notes *job_notes;
    int64_t claim_timeout_ms;
};

#endif
