/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs were compiled against with libzenlead.so.1: where members are, and what numbers mean. Something new may stand at a
 * struct's end, since each says its size; what stands here stays for as long as the library's version is 1.
 */
#include <zenlead.h>

#define IS(what, number) _Static_assert((what) == (number), #what)
#define AT(struct_, member, number) IS(offsetof(struct struct_, member), number)

#if defined(__LP64__)
AT(zenlead_error, size, 0);
AT(zenlead_error, status, 8);
AT(zenlead_error, message, 12);
_Static_assert(sizeof(struct zenlead_error) >= 528, "zenlead_error");
AT(zenlead_answer, size, 0);
AT(zenlead_answer, role, 8);
AT(zenlead_answer, reason, 12);
AT(zenlead_answer, token, 16);
AT(zenlead_answer, valid_until_ns, 24);
AT(zenlead_answer, holder, 32);
_Static_assert(sizeof(struct zenlead_answer) >= 352, "zenlead_answer");
AT(zenlead_options, size, 0);
AT(zenlead_options, kubeconfig, 8);
AT(zenlead_options, context, 16);
AT(zenlead_options, namespace_, 24);
AT(zenlead_options, pod, 32);
AT(zenlead_options, pod_uid, 40);
AT(zenlead_options, timeout_ms, 48);
AT(zenlead_options, changed, 56);
AT(zenlead_options, ctx, 64);
AT(zenlead_options, turn_changed, 72);
AT(zenlead_turn, size, 0);
AT(zenlead_turn, state, 8);
AT(zenlead_turn, token, 16);
AT(zenlead_turn, valid_until_ns, 24);
AT(zenlead_turn, position, 32);
AT(zenlead_turn, why, 40);
_Static_assert(sizeof(struct zenlead_turn) >= 296, "zenlead_turn");
AT(zenlead_election, size, 0);
AT(zenlead_election, lease, 8);
AT(zenlead_election, lease_duration_ms, 16);
AT(zenlead_election, renew_deadline_ms, 20);
AT(zenlead_election, retry_period_ms, 24);
AT(zenlead_election, acquired, 32);
AT(zenlead_election, lost, 40);
AT(zenlead_election, ctx, 48);
#endif

IS(ZENLEAD_OK, 0);
IS(ZENLEAD_E_INVALID, -1);
IS(ZENLEAD_E_API, -2);
IS(ZENLEAD_E_DENIED, -3);
IS(ZENLEAD_E_TIMEOUT, -4);
IS(ZENLEAD_E_LOST, -5);
IS(ZENLEAD_E_BUSY, -6);
IS(ZENLEAD_UNKNOWN, 0);
IS(ZENLEAD_LEADER, 1);
IS(ZENLEAD_FOLLOWER, 2);
IS(ZENLEAD_REASON_NONE, 0);
IS(ZENLEAD_REASON_HOLDS, 1);
IS(ZENLEAD_REASON_NOT_INSTALLED, 2);
IS(ZENLEAD_REASON_NO_POD, 3);
IS(ZENLEAD_REASON_OTHER_HOLDS, 4);
IS(ZENLEAD_REASON_NO_HOLDER, 5);
IS(ZENLEAD_REASON_EXPIRED, 6);
IS(ZENLEAD_REASON_API_ERROR, 7);
IS(ZENLEAD_REASON_STALE, 8);
IS(ZENLEAD_TURN_UNKNOWN, 0);
IS(ZENLEAD_TURN_IDLE, 1);
IS(ZENLEAD_TURN_WAITING, 2);
IS(ZENLEAD_TURN_OFFERED, 3);
IS(ZENLEAD_TURN_ACTIVE, 4);
IS(ZENLEAD_TURN_ENDING, 5);
IS(ZENLEAD_DONE, 1);
IS(ZENLEAD_FAILED, 2);
IS(ZENLEAD_RELEASED, 3);
