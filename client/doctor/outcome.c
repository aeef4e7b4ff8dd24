/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/outcome.h"

void zl_outcome_judge(const struct zl_doctor_facts *facts, struct zl_outcome *out)
{
    *out = (struct zl_outcome){.unreachable = facts->told[ZL_ASKED_VERSION].status != ZL_OK};
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        /* Without an API server nothing else is known. */
        out->health[i] = out->unreachable && i > 0
                             ? ZL_HEALTH_UNKNOWN
                             : zl_check_judge(&ZL_CHECKS[i], facts, &out->details[i]);
        out->counts[out->health[i]]++;
    }
}

void zl_outcome_clear(struct zl_outcome *outcome)
{
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        free(outcome->details[i]);
        outcome->details[i] = NULL;
    }
}

int zl_outcome_changes(const struct zl_outcome *outcome, struct zl_verdicts *said,
                       bool changed[ZL_CHECKS_MAX])
{
    int count = 0;
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        const bool implied = outcome->unreachable && i > 0;
        changed[i] = said->any && !implied && outcome->health[i] != said->health[i];
        count += changed[i];
        if (!implied || !said->any) {
            said->health[i] = outcome->health[i];
        }
    }
    said->any = true;
    return count;
}
