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

struct cJSON *zl_outcome_tree(const struct zl_outcome *outcome, const bool *only)
{
    struct cJSON *tree = zl_json_object();
    struct cJSON *items = zl_json_array();
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        if (only != NULL && !only[i]) {
            continue;
        }
        struct cJSON *row = zl_json_object();
        const char *detail = outcome->details[i];
        const bool is_bad = outcome->health[i] >= ZL_HEALTH_WARNED;
        zl_json_set_text(row, "id", ZL_CHECKS[i].id);
        zl_json_set_text(row, "group", ZL_CHECKS[i].group);
        zl_json_set_text(row, "title", ZL_CHECKS[i].title);
        zl_json_set_text(row, "result", zl_health_name(outcome->health[i]));
        zl_json_set_text(row, "detail", detail != NULL && detail[0] != '\0' ? detail : NULL);
        zl_json_set_text(row, "cure", is_bad ? ZL_CHECKS[i].cure : NULL);
        zl_json_append(items, row);
    }
    zl_json_set(tree, "items", items);
    return tree;
}
