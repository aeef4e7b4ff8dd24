/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fact.h - what the checker takes from an object of the API, and nothing more.
 *
 * Threads: pure.
 */
#ifndef ZL_TEST_CHAOS_FACT_H
#define ZL_TEST_CHAOS_FACT_H

#include "common/base/json.h"
#include "test/chaos/history.h"

/* The strings of OUT are owned: zl_fact_free. *OUT stays NULL when the object says nothing to a history. */
void zl_fact_decode(enum zl_fact_kind kind, const struct cJSON *object, struct zl_fact **out);
void zl_fact_free(struct zl_fact *fact);

/* One line about FACT for the record; the caller frees. */
char *zl_fact_text(const struct zl_fact *fact);

#endif
