/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rank.h - which of two pods is the better leader: the one order that webhook and controller share.
 *
 * Threads: pure.
 */
#ifndef ZL_SEAT_RANK_H
#define ZL_SEAT_RANK_H

#include "common/objects/pod.h"

/*
 * Whose pod is the best leader among POD's peers: not terminating before terminating, Ready before not
 * Ready, longest Ready, then oldest, then by name.
 *
 * @return true when LEFT is to be preferred to RIGHT
 */
bool zl_pod_precedes(const struct zl_pod *left, const struct zl_pod *right);

#endif
