/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.c - a cluster's turn in a fleet: what it is, and for work that is no Job, what it asks and reports.
 */
#include "client/sidecar/answers.h"
#include "client/sidecar/internal.h"

#include "common/base/json.h"

#include <string.h>

static const char *fleet_in(const struct zl_sidecar *sidecar, const struct zl_http_request *request)
{
    return zl_sidecar_name_in(request->path, ZL_SIDECAR_FLEET_PREFIX, sidecar->spec.fleets,
                              sidecar->spec.fleet_count);
}

static void ask(const struct zl_sidecar *sidecar, const char *fleet, struct zenlead_turn *turn)
{
    *turn = (struct zenlead_turn)ZENLEAD_TURN_INIT;
    (void)zenlead_turn_ask(sidecar->handle, fleet, ZL_SIDECAR_FIRST_MS, turn, NULL);
}

static void answer_turn(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    const struct zl_sidecar *sidecar = ctx;
    struct zenlead_turn turn;
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        ask(sidecar, fleet_in(sidecar, request), &turn);
        zl_http_respond_json(response, 200, zl_sidecar_turn_json(&turn, zl_sidecar_now_ns()));
    }
}

static void answer_active(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    const struct zl_sidecar *sidecar = ctx;
    struct zenlead_turn turn;
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        ask(sidecar, fleet_in(sidecar, request), &turn);
        const int64_t at_ns = zl_sidecar_now_ns();
        zl_http_respond_json(response, zl_sidecar_may_act(&turn, at_ns) ? 200 : 503,
                             zl_sidecar_turn_json(&turn, at_ns));
    }
}

static void answer_watch(void *ctx, const struct zl_http_request *request,
                         struct zl_http_response *response)
{
    struct zl_sidecar *sidecar = ctx;
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        zl_sidecar_stream(sidecar, fleet_in(sidecar, request), true, response);
    }
}

/* --- what is asked and reported --- */

static void respond_problem(struct zl_http_response *response, int status, const char *message)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "error", message);
    zl_http_respond_json(response, status, zl_json_print(tree));
}

static int code_of(int status)
{
    static const struct {
        int status, code;
    } rows[] = {{ZENLEAD_OK, 200},
                {ZENLEAD_E_LOST, 409},
                {ZENLEAD_E_DENIED, 403},
                {ZENLEAD_E_INVALID, 404}}; /* no LeaderPolicy of that fleet */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].status == status) {
            return rows[i].code;
        }
    }
    return 503;
}

struct wish {
    int64_t token; /* -1: none was said */
    const char *reason;
};

/* {token, reason}, or nothing. @return false: it is something else, and was answered */
static bool read_wish(const struct zl_http_request *request, struct cJSON **tree, struct wish *out,
                      struct zl_http_response *response)
{
    *out = (struct wish){.token = -1};
    if (request->body_length == 0) {
        return true;
    }
    if (zl_json_parse(request->body, request->body_length, tree, NULL) != ZL_OK ||
        !zl_json_is_object(*tree)) {
        respond_problem(response, 400, "the body is not {\"token\": NUMBER, \"reason\": TEXT}");
        return false;
    }
    out->token = zl_json_i64(*tree, -1, "token", NULL);
    out->reason = zl_json_text(*tree, "reason", NULL);
    return true;
}

/* A page in somebody's browser can send no such header without asking first, and is not answered then. */
static bool is_meant(const struct zl_http_request *request, struct zl_http_response *response)
{
    const bool meant = request->zen_lead != NULL && strcmp(request->zen_lead, "true") == 0;
    if (!meant) {
        zl_http_respond_text(response, 403, "403: say that you mean it: zen-lead: true\n");
    }
    return meant;
}

typedef int say_fn(zenlead *handle, const char *fleet, const struct wish *wish,
                   struct zenlead_error *error);

static int say_request(zenlead *handle, const char *fleet, const struct wish *wish,
                       struct zenlead_error *error)
{
    (void)wish;
    return zenlead_turn_request(handle, fleet, error);
}

static int say_accept(zenlead *handle, const char *fleet, const struct wish *wish,
                      struct zenlead_error *error)
{
    (void)wish;
    return zenlead_turn_accept(handle, fleet, error);
}

static int say_decline(zenlead *handle, const char *fleet, const struct wish *wish,
                       struct zenlead_error *error)
{
    return zenlead_turn_decline(handle, fleet, wish->reason, error);
}

static int say_extend(zenlead *handle, const char *fleet, const struct wish *wish,
                      struct zenlead_error *error)
{
    return zenlead_turn_extend(handle, fleet, wish->token, error);
}

static int say_done(zenlead *handle, const char *fleet, const struct wish *wish,
                    struct zenlead_error *error)
{
    return zenlead_turn_report(handle, fleet, wish->token, ZENLEAD_DONE, NULL, error);
}

static int say_failed(zenlead *handle, const char *fleet, const struct wish *wish,
                      struct zenlead_error *error)
{
    return zenlead_turn_report(handle, fleet, wish->token, ZENLEAD_FAILED, wish->reason, error);
}

static int say_release(zenlead *handle, const char *fleet, const struct wish *wish,
                       struct zenlead_error *error)
{
    return zenlead_turn_report(handle, fleet, wish->token, ZENLEAD_RELEASED, NULL, error);
}

static const struct verb {
    const char *suffix;
    say_fn *say;
    int64_t least_token; /* -1: it is about no turn that is */
    bool needs_reason;
} VERBS[] = {
    {"/request", say_request, -1, false}, {"/accept", say_accept, -1, false},
    {"/decline", say_decline, -1, true},  {"/extend", say_extend, 1, false},
    {"/done", say_done, 1, false},        {"/failed", say_failed, 1, false},
    {"/release", say_release, 0, false}, /* 0: what was asked for, before there is a turn */
};

/* The route's path ends with it. */
static const struct verb *verb_of(const struct zl_http_request *request)
{
    const char *suffix = strrchr(request->path, '/');
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++) {
        if (strcmp(VERBS[i].suffix, suffix) == 0) {
            return &VERBS[i];
        }
    }
    return NULL;
}

static bool is_complete(const struct verb *verb, const struct wish *wish,
                        struct zl_http_response *response)
{
    if (wish->token < verb->least_token) {
        respond_problem(response, 400, "say of which turn: {\"token\": NUMBER}");
        return false;
    }
    if (verb->needs_reason && (wish->reason == NULL || *wish->reason == '\0')) {
        respond_problem(response, 400, "say why: {\"reason\": TEXT}");
        return false;
    }
    return true;
}

static void answer_wish(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    const struct zl_sidecar *sidecar = ctx;
    const struct verb *verb = verb_of(request);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    struct wish wish;
    struct zenlead_error error = ZENLEAD_ERROR_INIT;
    if (zl_sidecar_refuses(sidecar, request, response) || !is_meant(request, response) ||
        !read_wish(request, &tree, &wish, response) || !is_complete(verb, &wish, response)) {
        return;
    }
    const char *fleet = fleet_in(sidecar, request);
    const int status = verb->say(sidecar->handle, fleet, &wish, &error);
    if (status != ZENLEAD_OK) {
        respond_problem(response, code_of(status), error.message);
        return;
    }
    struct zenlead_turn turn;
    ask(sidecar, fleet, &turn);
    zl_http_respond_json(response, 200, zl_sidecar_turn_json(&turn, zl_sidecar_now_ns()));
}

const struct zl_sidecar_turn_route ZL_SIDECAR_TURN_ROUTES[] = {
    {"GET", "", answer_turn},
    {"GET", "/active", answer_active},
    {"GET", "/watch", answer_watch},
    {"POST", "/request", answer_wish},
    {"POST", "/accept", answer_wish},
    {"POST", "/decline", answer_wish},
    {"POST", "/extend", answer_wish},
    {"POST", "/done", answer_wish},
    {"POST", "/failed", answer_wish},
    {"POST", "/release", answer_wish},
    {NULL, NULL, NULL},
};
