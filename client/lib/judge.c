/* SPDX-License-Identifier: Apache-2.0 */
#include "client/lib/judge.h"

#define NS_PER_MS INT64_C(1000000)

void zl_lead_note_renewal(struct zl_lead_renewal *renewal, const struct zl_lease *lease,
                          int64_t asked_ms, int64_t wall_us)
{
    if (renewal->known && renewal->renew_us == lease->renew_us) {
        return;
    }
    const int64_t age_ms = (wall_us - lease->renew_us) / 1000;
    renewal->renewed_ms = asked_ms;
    if (!renewal->known && age_ms > 0) {
        renewal->renewed_ms -= age_ms;
    }
    renewal->known = true;
    renewal->renew_us = lease->renew_us;
}

static bool is_us(const struct zl_lead_facts *facts)
{
    const struct zl_lease *lease = facts->lease;
    return zl_same_string(lease->holder_pod, facts->pod) &&
           (facts->pod_uid == NULL || lease->holder_uid == NULL ||
            zl_same_string(lease->holder_uid, facts->pod_uid));
}

static void say(struct zenlead_answer *out, enum zenlead_role role, enum zenlead_reason reason,
                int64_t until_ms)
{
    out->role = (int)role;
    out->reason = (int)reason;
    out->valid_until_ns = until_ms * NS_PER_MS;
}

void zl_lead_judge(const struct zl_lead_facts *facts, struct zenlead_answer *out)
{
    const struct zl_lease *lease = facts->lease;
    const int64_t duration_ms =
        lease != NULL && lease->duration_s > 0 ? lease->duration_s * 1000 : ZL_LEAD_VALID_MS;
    const int64_t known_until_ms = facts->asked_ms + duration_ms;
    const int64_t ends_ms = facts->renewed_ms + duration_ms;
    const bool held = zl_lease_is_held(lease);
    *out = (struct zenlead_answer){.size = sizeof *out};
    if (lease != NULL) {
        out->token = lease->fencing_token;
    }
    if (held) {
        (void)snprintf(out->holder, sizeof out->holder, "%s",
                       lease->holder_pod != NULL ? lease->holder_pod : lease->holder_identity);
    }
    if (held && facts->asked_ms < ends_ms) {
        if (is_us(facts)) {
            say(out, ZENLEAD_LEADER, ZENLEAD_REASON_HOLDS, ends_ms);
        } else {
            say(out, ZENLEAD_FOLLOWER, ZENLEAD_REASON_OTHER_HOLDS, known_until_ms);
        }
    } else if (!facts->installed) {
        say(out, ZENLEAD_LEADER, ZENLEAD_REASON_NOT_INSTALLED, known_until_ms);
    } else {
        say(out, ZENLEAD_FOLLOWER, held ? ZENLEAD_REASON_EXPIRED : ZENLEAD_REASON_NO_HOLDER,
            known_until_ms);
    }
}
