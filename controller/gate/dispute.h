/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispute.h - somebody changes what we write, we write it again: how often, until one of the two gives way.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_GATE_DISPUTE_H
#define ZL_CONTROLLER_GATE_DISPUTE_H

#include "common/base/json.h"

#include <stdint.h>

/* {0}: nothing was written yet. Times are zl_clock_ms. */
struct zl_dispute {
    char *written; /* what was wanted at the last write */
    int64_t repairs, last_repair_ms;
};

/*
 * WANTED, a text, is not there. Milliseconds to wait before it is written; 0: at once, as our own news and the first repairs are.
 */
int64_t zl_dispute_wait_ms(const struct zl_dispute *dispute, const char *wanted, int64_t now_ms);
void zl_dispute_wrote(struct zl_dispute *dispute, const char *wanted, int64_t now_ms);
/* What was written is there. Milliseconds until that is peace; 0: it is, and what was is forgotten. */
int64_t zl_dispute_peace_ms(struct zl_dispute *dispute, int64_t now_ms);
void zl_dispute_clear(struct zl_dispute *dispute);

/* Who wrote OBJECT last and is none of us, by metadata.managedFields: borrowed from it, or "somebody". */
const char *zl_opponent_of(const struct cJSON *object);

#endif
