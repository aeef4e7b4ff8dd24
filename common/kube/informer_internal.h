/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_internal.h - the informer's waiting times, so that tests need not wait for them.
 */
#ifndef ZL_KUBE_INFORMER_INTERNAL_H
#define ZL_KUBE_INFORMER_INTERNAL_H

#include "common/kube/informer.h"

struct zl_informer_timing {
    int64_t backoff_ms;     /* first wait after a failure; doubles */
    int64_t backoff_max_ms; /* and stops doubling here */
    int64_t list_gap_ms;    /* least time from one list to the next */
    int64_t short_watch_ms; /* a watch that ends sooner without news counts as a failure */
};

/* Before zl_informer_start. */
void zl_informer_set_timing(struct zl_informer *informer, const struct zl_informer_timing *timing);

#endif
