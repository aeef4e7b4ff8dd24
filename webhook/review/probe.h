/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - the controller's question "does the API server ask you about this namespace?"
 *
 * It is a dry run of creating a LeaderPolicy with a nonce in an annotation. The refusal that repeats the
 * nonce is the answer. Without dry run the annotation means nothing, so nobody's LeaderPolicy is refused
 * for it.
 *
 * Threads: pure.
 */
#ifndef ZL_WEBHOOK_REVIEW_PROBE_H
#define ZL_WEBHOOK_REVIEW_PROBE_H

#include "webhook/review/admission_review.h"

#define ZL_PROBE_NONCE_MAX 64

/* The nonce (1 to 64 digits and lower-case letters), borrowed from REVIEW; NULL: it is no probe. */
const char *zl_probe_nonce(const struct zl_review *review);
/* What the refusal says; the caller frees. */
char *zl_probe_message(const char *nonce);

#endif
