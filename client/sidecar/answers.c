/* SPDX-License-Identifier: Apache-2.0 */
#include "client/sidecar/answers.h"

#include "common/base/json.h"

#include <string.h>

#define NS_PER_MS INT64_C(1000000)

static const char *const ROLES[] = {
    [ZENLEAD_UNKNOWN] = "unknown", [ZENLEAD_LEADER] = "leader", [ZENLEAD_FOLLOWER] = "follower"};
static const char *const REASONS[] = {
    [ZENLEAD_REASON_NONE] = "none",
    [ZENLEAD_REASON_HOLDS] = "holds",
    [ZENLEAD_REASON_NOT_INSTALLED] = "not-installed",
    [ZENLEAD_REASON_NO_POD] = "no-pod",
    [ZENLEAD_REASON_OTHER_HOLDS] = "other-holds",
    [ZENLEAD_REASON_NO_HOLDER] = "no-holder",
    [ZENLEAD_REASON_EXPIRED] = "expired",
    [ZENLEAD_REASON_API_ERROR] = "api-error",
    [ZENLEAD_REASON_STALE] = "stale",
};

static const char *const STATES[] = {
    [ZENLEAD_TURN_UNKNOWN] = "unknown", [ZENLEAD_TURN_IDLE] = "idle",
    [ZENLEAD_TURN_WAITING] = "waiting", [ZENLEAD_TURN_OFFERED] = "offered",
    [ZENLEAD_TURN_ACTIVE] = "active",   [ZENLEAD_TURN_ENDING] = "ending"};

/* An answer that is over is no answer. */
static enum zenlead_role role_of(const struct zenlead_answer *answer, int64_t now_ns)
{
    return answer->valid_until_ns > now_ns ? (enum zenlead_role)answer->role : ZENLEAD_UNKNOWN;
}

static int64_t left_ms(int64_t until_ns, int64_t now_ns)
{
    return until_ns > now_ns ? (until_ns - now_ns) / NS_PER_MS : 0;
}

char *zl_sidecar_json(const struct zenlead_answer *answer, int64_t now_ns)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    const enum zenlead_role role = role_of(answer, now_ns);
    const bool lapsed = role == ZENLEAD_UNKNOWN && answer->role != ZENLEAD_UNKNOWN;
    zl_json_set_text(tree, "role", ROLES[role]);
    zl_json_set_text(tree, "holder", answer->holder[0] != '\0' ? answer->holder : NULL);
    zl_json_set_i64(tree, "token", answer->token);
    zl_json_set_i64(tree, "validForMs", left_ms(answer->valid_until_ns, now_ns));
    zl_json_set_text(tree, "reason", REASONS[lapsed ? ZENLEAD_REASON_STALE : answer->reason]);
    return zl_json_print(tree);
}

int zl_sidecar_status(const struct zenlead_answer *answer, enum zenlead_role role, int64_t now_ns)
{
    return role_of(answer, now_ns) == role ? 200 : 503;
}

char *zl_sidecar_compat(const struct zenlead_answer *answer)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "name", answer->holder);
    return zl_json_print(tree);
}

bool zl_sidecar_differs(const struct zenlead_answer *left, const struct zenlead_answer *right)
{
    return left->role != right->role || left->token != right->token ||
           strcmp(left->holder, right->holder) != 0;
}

char *zl_sidecar_turn_json(const struct zenlead_turn *turn, int64_t now_ns)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    const bool over = turn->valid_until_ns <= now_ns;
    zl_json_set_text(tree, "state", STATES[over ? ZENLEAD_TURN_UNKNOWN : turn->state]);
    zl_json_set_i64(tree, "token", over ? 0 : turn->token);
    zl_json_set_i64(tree, "validForMs", left_ms(turn->valid_until_ns, now_ns));
    zl_json_set_i64(tree, "position", over ? 0 : turn->position);
    zl_json_set_text(tree, "why", over ? NULL : turn->why);
    return zl_json_print(tree);
}

bool zl_sidecar_may_act(const struct zenlead_turn *turn, int64_t now_ns)
{
    return turn->state == ZENLEAD_TURN_ACTIVE && turn->token != 0 && turn->valid_until_ns > now_ns;
}

bool zl_sidecar_turn_differs(const struct zenlead_turn *left, const struct zenlead_turn *right)
{
    return left->state != right->state || left->token != right->token ||
           left->position != right->position;
}
