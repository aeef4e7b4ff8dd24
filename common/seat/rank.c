/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/rank.h"

#include <string.h>

bool zl_pod_precedes(const struct zl_pod *left, const struct zl_pod *right)
{
    if (left->meta.deleting != right->meta.deleting) {
        return right->meta.deleting;
    }
    if (left->ready != right->ready) {
        return left->ready;
    }
    if (left->ready_since_us != right->ready_since_us) {
        return left->ready_since_us < right->ready_since_us;
    }
    if (left->meta.created_us != right->meta.created_us) {
        return left->meta.created_us < right->meta.created_us;
    }
    return strcmp(left->meta.name, right->meta.name) < 0;
}
