/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/judge.h"

#include <string.h>

enum zl_holder zl_holder_of(const struct zl_lease *lease, const struct zl_pod *pod)
{
    if (pod == NULL) {
        return ZL_HOLDER_GONE;
    }
    /* A holder written by hand without a uid can only be compared by name. */
    if (lease->holder_uid != NULL && strcmp(lease->holder_uid, pod->meta.uid) != 0) {
        return ZL_HOLDER_GONE;
    }
    if (pod->finished) {
        return ZL_HOLDER_FINISHED;
    }
    return pod->meta.deleting ? ZL_HOLDER_TERMINATING : ZL_HOLDER_ALIVE;
}

enum zl_seat zl_seat_judge(const struct zl_lease *lease, enum zl_holder holder,
                           int64_t claim_age_ms, int64_t claim_timeout_ms)
{
    if (lease == NULL) {
        return ZL_SEAT_ABSENT;
    }
    if (!zl_lease_is_held(lease)) {
        return ZL_SEAT_EMPTY;
    }
    switch (holder) {
    case ZL_HOLDER_ALIVE:
    case ZL_HOLDER_TERMINATING:
        return ZL_SEAT_HELD;
    case ZL_HOLDER_FINISHED:
    case ZL_HOLDER_OUTSIDE:
        return ZL_SEAT_ABANDONED;
    case ZL_HOLDER_GONE:
        return lease->provisional && claim_age_ms < claim_timeout_ms ? ZL_SEAT_PROVISIONAL
                                                                     : ZL_SEAT_ABANDONED;
    case ZL_HOLDER_UNKNOWN:
        break;
    }
    return ZL_SEAT_UNKNOWN;
}

int64_t zl_claim_patience_ms(const struct zl_lease *lease, const char *owner,
                             int64_t claim_timeout_ms)
{
    bool asks_again = lease != NULL && lease->claim_owner != NULL && owner != NULL &&
                      strcmp(lease->claim_owner, owner) == 0;
    return asks_again && claim_timeout_ms > ZL_CLAIM_RETRY_MS ? ZL_CLAIM_RETRY_MS
                                                              : claim_timeout_ms;
}
