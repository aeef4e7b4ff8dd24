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

/* An answer that is over is no answer. */
static enum zenlead_role role_of(const struct zenlead_answer *answer, int64_t now_ns)
{
    return answer->valid_until_ns > now_ns ? (enum zenlead_role)answer->role : ZENLEAD_UNKNOWN;
}

static int64_t valid_for_ms(const struct zenlead_answer *answer, int64_t now_ns)
{
    return answer->valid_until_ns > now_ns ? (answer->valid_until_ns - now_ns) / NS_PER_MS : 0;
}

char *zl_sidecar_json(const struct zenlead_answer *answer, int64_t now_ns)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    const enum zenlead_role role = role_of(answer, now_ns);
    const bool lapsed = role == ZENLEAD_UNKNOWN && answer->role != ZENLEAD_UNKNOWN;
    zl_json_set_text(tree, "role", ROLES[role]);
    zl_json_set_text(tree, "holder", answer->holder[0] != '\0' ? answer->holder : NULL);
    zl_json_set_i64(tree, "token", answer->token);
    zl_json_set_i64(tree, "validForMs", valid_for_ms(answer, now_ns));
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

bool zl_sidecar_host_is_local(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; host != NULL && i < sizeof names / sizeof names[0]; i++) {
        const size_t length = strlen(names[i]);
        const char *port = host + length;
        if (strncmp(host, names[i], length) == 0 &&
            (port[0] == '\0' || (port[0] == ':' && port[1] != '\0' &&
                                 port[1 + strspn(port + 1, "0123456789")] == '\0'))) {
            return true;
        }
    }
    return false;
}
