/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/dispute.h"

#include "common/base/backoff.h"
#include "common/base/memory.h"

#include <string.h>

enum {
    REPAIRS_AT_ONCE = 3, /* so many in a row are nobody's insisting */
    REPAIR_FIRST_MS = 1000,
    REPAIR_MAX_MS = 60000,
    PEACE_MS = 60000,
};

int64_t zl_dispute_wait_ms(const struct zl_dispute *dispute, const char *wanted, int64_t now_ms)
{
    if (!zl_same_string(dispute->written, wanted) || dispute->repairs < REPAIRS_AT_ONCE) {
        return 0;
    }
    int64_t step_ms =
        zl_backoff_ms(dispute->repairs - REPAIRS_AT_ONCE, REPAIR_FIRST_MS, REPAIR_MAX_MS);
    int64_t left_ms = dispute->last_repair_ms + step_ms - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

void zl_dispute_wrote(struct zl_dispute *dispute, const char *wanted, int64_t now_ms)
{
    if (zl_same_string(dispute->written, wanted)) {
        dispute->repairs++;
        dispute->last_repair_ms = now_ms;
    }
    zl_replace_string(&dispute->written, wanted);
}

int64_t zl_dispute_peace_ms(struct zl_dispute *dispute, int64_t now_ms)
{
    int64_t left_ms = dispute->repairs > 0 ? dispute->last_repair_ms + PEACE_MS - now_ms : 0;
    if (left_ms > 0) {
        return left_ms;
    }
    dispute->repairs = 0;
    return 0;
}

void zl_dispute_clear(struct zl_dispute *dispute)
{
    free(dispute->written);
    *dispute = (struct zl_dispute){0};
}

const char *zl_opponent_of(const struct cJSON *object)
{
    const struct cJSON *field =
        zl_json_first(zl_json_at(object, "metadata", "managedFields", NULL));
    const char *name = "somebody", *latest = "";
    for (; field != NULL; field = zl_json_next(field)) {
        const char *manager = zl_json_text(field, "manager", NULL);
        const char *time = zl_json_text(field, "time", NULL);
        bool is_ours = manager != NULL && strncmp(manager, "zen-lead", strlen("zen-lead")) == 0;
        if (manager != NULL && time != NULL && !is_ours && strcmp(time, latest) >= 0) {
            name = manager;
            latest = time;
        }
    }
    return name;
}
