/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome.h - what one look of doctor came to, and how it differs from what was said before.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_DOCTOR_OUTCOME_H
#define ZL_CLIENT_DOCTOR_OUTCOME_H

#include "client/doctor/checks.h"

#define ZL_CHECKS_MAX 64

/* By the rows of ZL_CHECKS. */
struct zl_outcome {
    char *details[ZL_CHECKS_MAX]; /* NULL: the check was not made */
    enum zl_health health[ZL_CHECKS_MAX];
    int counts[ZL_HEALTH_COUNT];
    bool unreachable; /* no API server: nothing but that is known */
};

/* OUT needs no initial value. */
void zl_outcome_judge(const struct zl_doctor_facts *facts, struct zl_outcome *out);
void zl_outcome_clear(struct zl_outcome *outcome);

/* {"items": [{id, group, title, result, detail, cure}]} of the checks that ONLY wants; NULL: of all. The caller frees. */
struct cJSON *zl_outcome_tree(const struct zl_outcome *outcome, const bool *only);

/* What was said of each check last. */
struct zl_verdicts {
    enum zl_health health[ZL_CHECKS_MAX];
    bool any; /* something was said */
};

/*
 * CHANGED[i]: the verdict of check i is another one than was said. SAID becomes what OUTCOME says. Without an API server only the check
 * of that can have changed; of the others what was said stays.
 *
 * @return how many
 */
int zl_outcome_changes(const struct zl_outcome *outcome, struct zl_verdicts *said,
                       bool changed[ZL_CHECKS_MAX]);

#endif
