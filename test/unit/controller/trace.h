/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - steps as text: what a plan's test compares. One line a step, in the order in which they are carried out.
 *
 *   reserve-token if taker-lives lease-same
 *   lease handed-over: holder=web-s successor=- deposed=uid-a ready=uid-s/rs-new
 *   delete-pod led-before web-a if holder-same
 *   again 5000
 *
 * Of a Lease what changes by it is printed, but for times, token and transitions; STATUS and what it tells are not: they
 * are tested by themselves.
 */
#ifndef ZL_TEST_TRACE_H
#define ZL_TEST_TRACE_H

#include "controller/apply/steps.h"

/* Milliseconds until the pool is looked at again, for whatever; 0: only on the next event. */
int64_t next_look_ms(const struct zl_steps *steps);
/* The caller frees. */
char *trace_of(const struct zl_steps *steps);
/* Fail with both unless STEPS are WANTED, a trace whose lines may also be separated by "; ". */
void expect_trace(const char *name, const struct zl_steps *steps, const char *wanted);

#endif
