/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/member.h"

#include "common/base/larger.h"

#include <string.h>

enum { BEAT_ACTIVE_MS = 15000, BEAT_WAITING_MS = 60000 };

void zl_fleet_agent_begin(struct zl_fleet_agent *agent, const char *pool,
                          const struct zl_fleet_request *own)
{
    memset(agent, 0, sizeof *agent);
    if (own != NULL) {
        agent->request = *own;
    }
    ZL_FLEET_TEXT(agent->request.pool, pool);
    ZL_FLEET_TEXT(agent->turn.pool, pool);
}

/* Is it what was told before, or what an older hub says? */
static bool is_older(const struct zl_fleet_turn *turn, const struct zl_fleet_turn *known)
{
    if (turn->token != known->token) {
        return turn->token < known->token;
    }
    if (turn->gen != known->gen) {
        return turn->gen < known->gen;
    }
    return turn->ended_token < known->ended_token || turn->ticket < known->ticket;
}

void zl_fleet_agent_see(struct zl_fleet_agent *agent, const struct zl_fleet_turn *turn)
{
    struct zl_fleet_request *request = &agent->request;
    if (turn == NULL) {
        return;
    }
    request->seen_token = zl_larger(request->seen_token, zl_larger(turn->token, turn->ended_token));
    /* What this process acts in ends by its clock, or by a turn that knows of it. */
    if (!is_older(turn, &agent->turn) || agent->acted_until_ms == 0) {
        agent->turn = *turn;
    }
}

static bool has_reported(const struct zl_fleet_agent *agent, int64_t token)
{
    const struct zl_fleet_report *report = &agent->request.report;
    return report->outcome != ZL_FLEET_NO_OUTCOME && report->token >= token;
}

/* When the request NONCE left; -1: it is none of this process'. */
static int64_t sent_ms(const struct zl_fleet_agent *agent, int64_t nonce)
{
    for (size_t i = 0; i < ZL_FLEET_SENT_MAX && nonce != 0; i++) {
        if (agent->sent[i].nonce == nonce) {
            return agent->sent[i].boot_ms;
        }
    }
    return -1;
}

bool zl_fleet_may_act(const struct zl_fleet_agent *agent, int64_t boot_ms, int64_t *until_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    int64_t since_ms = sent_ms(agent, turn->answers);
    if (turn->state != ZL_FLEET_ACTIVE || since_ms < 0 || turn->ended_token >= turn->token ||
        has_reported(agent, turn->token)) {
        return false;
    }
    int64_t end_ms = since_ms + turn->limit_ms - zl_fleet_margin_ms(turn->limit_ms);
    if (until_ms != NULL) {
        *until_ms = end_ms;
    }
    return boot_ms < end_ms;
}

bool zl_fleet_agent_is_forgotten(const struct zl_fleet_agent *agent,
                                 const struct zl_fleet_turn *turn, int64_t boot_ms)
{
    static const struct zl_fleet_turn untold;
    return zl_fleet_may_act(agent, boot_ms, NULL) &&
           is_older(turn != NULL ? turn : &untold, &agent->turn);
}

/* --- what to ask for --- */

static void ask(struct zl_fleet_agent *agent, enum zl_fleet_verb verb, int64_t token, int64_t nonce,
                int64_t boot_ms)
{
    memmove(&agent->sent[1], &agent->sent[0], (ZL_FLEET_SENT_MAX - 1) * sizeof agent->sent[0]);
    agent->sent[0].nonce = nonce;
    agent->sent[0].boot_ms = boot_ms;
    agent->request.verb = verb;
    agent->request.token = token;
    agent->request.nonce = nonce;
    agent->request.gen = 0;
    agent->request.rest_ms = 0;
    agent->request.reason[0] = '\0';
}

/* Is VERB for TOKEN asked already, by this process where that counts? */
static bool is_asked(const struct zl_fleet_agent *agent, enum zl_fleet_verb verb, int64_t token)
{
    const struct zl_fleet_request *request = &agent->request;
    bool ours =
        verb == ZL_FLEET_WANT || verb == ZL_FLEET_DECLINE || sent_ms(agent, request->nonce) >= 0;
    return request->verb == verb && request->token == token && ours;
}

static void withdraw(struct zl_fleet_agent *agent)
{
    agent->request.verb = ZL_FLEET_NOTHING;
    agent->request.reason[0] = '\0';
}

static void report(struct zl_fleet_agent *agent, int64_t token, enum zl_fleet_outcome outcome,
                   const char *reason)
{
    struct zl_fleet_report *written = &agent->request.report;
    written->token = token;
    written->outcome = outcome;
    ZL_FLEET_TEXT(written->reason, reason);
    withdraw(agent);
}

/* The end of the turn that is told, or of an offer that nobody wants any more. Each token is reported once. */
static void note_outcome(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    if (intent->outcome != ZL_FLEET_NO_OUTCOME && intent->outcome_token > 0 &&
        intent->outcome_token <= turn->token && !has_reported(agent, intent->outcome_token)) {
        report(agent, intent->outcome_token, intent->outcome, intent->reason);
        return;
    }
    bool open = turn->state == ZL_FLEET_ACTIVE && turn->ended_token < turn->token;
    if (open && !intent->wants && !has_reported(agent, turn->token)) {
        report(agent, turn->token, ZL_FLEET_RELEASED, "nothing is left to execute");
    }
}

static void ask_in_turn(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent,
                        int64_t nonce, int64_t boot_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    if (has_reported(agent, turn->token)) {
        withdraw(agent); /* the report says it all */
    } else if (sent_ms(agent, turn->answers) < 0) {
        if (!is_asked(agent, ZL_FLEET_RESUME, turn->token)) {
            ask(agent, ZL_FLEET_RESUME, turn->token, nonce, boot_ms);
        }
    } else if (intent->extends && agent->extension_of_gen != turn->gen) {
        agent->extension_of_gen = turn->gen;
        ask(agent, ZL_FLEET_EXTEND, turn->token, nonce, boot_ms);
    }
}

static void answer_offer(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent,
                         int64_t nonce, int64_t boot_ms)
{
    int64_t token = agent->turn.token;
    enum zl_fleet_verb verb = intent->is_ready ? ZL_FLEET_ACCEPT : ZL_FLEET_DECLINE;
    if (!is_asked(agent, verb, token)) {
        ask(agent, verb, token, nonce, boot_ms);
        ZL_FLEET_TEXT(agent->request.reason, intent->is_ready ? NULL : intent->not_ready);
    }
}

static void want(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent, int64_t nonce,
                 int64_t boot_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    bool waits = turn->state == ZL_FLEET_WAITING;
    if (!zl_fleet_is_answered(&agent->request.report, turn)) {
        withdraw(agent);
    } else if (waits && !intent->is_ready) { /* it has its place; an offer would keep a slot */
        if (!is_asked(agent, ZL_FLEET_DECLINE, agent->request.token)) {
            ask(agent, ZL_FLEET_DECLINE, turn->ended_token, nonce, boot_ms);
        }
        ZL_FLEET_TEXT(agent->request.reason, intent->not_ready); /* which may have become another */
    } else if (!is_asked(agent, ZL_FLEET_WANT, turn->ended_token)) {
        ask(agent, ZL_FLEET_WANT, turn->ended_token, nonce, boot_ms);
    }
}

static void claim(struct zl_fleet_agent *agent, int64_t nonce, int64_t boot_ms)
{
    int64_t until_ms = 0;
    const struct zl_fleet_turn *turn = &agent->turn;
    if (!zl_fleet_may_act(agent, boot_ms, &until_ms) ||
        is_asked(agent, ZL_FLEET_CLAIM, turn->token)) {
        return;
    }
    ask(agent, ZL_FLEET_CLAIM, turn->token, nonce, boot_ms);
    agent->request.gen = turn->gen;
    /* With the margin, which is taken off again when the answer comes. */
    agent->request.rest_ms = until_ms - boot_ms + zl_fleet_margin_ms(turn->limit_ms);
}

static void ask_next(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent,
                     bool forgotten, int64_t nonce, int64_t boot_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    bool open = turn->ended_token < turn->token;
    note_outcome(agent, intent);
    if (forgotten) {
        claim(agent, nonce, boot_ms);
    } else if (turn->state == ZL_FLEET_ACTIVE && open) {
        ask_in_turn(agent, intent, nonce, boot_ms);
    } else if (!intent->wants) {
        withdraw(agent);
    } else if (turn->state == ZL_FLEET_OFFERED && open && !has_reported(agent, turn->token)) {
        answer_offer(agent, intent, nonce, boot_ms);
    } else {
        want(agent, intent, nonce, boot_ms);
    }
}

bool zl_fleet_member_next(struct zl_fleet_agent *agent, const struct zl_fleet_intent *intent,
                          bool forgotten, int64_t nonce, int64_t boot_ms)
{
    const struct zl_fleet_request was = agent->request;
    const struct zl_fleet_request *is = &agent->request;
    int64_t until_ms = 0;
    ask_next(agent, intent, forgotten, nonce, boot_ms);
    agent->acted_until_ms = zl_fleet_may_act(agent, boot_ms, &until_ms) ? until_ms : 0;
    return was.verb != is->verb || was.nonce != is->nonce || was.token != is->token ||
           was.report.token != is->report.token || was.report.outcome != is->report.outcome;
}

bool zl_fleet_is_unanswered(const struct zl_fleet_agent *agent)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    const struct zl_fleet_request *request = &agent->request;
    if (!zl_fleet_is_answered(&request->report, turn)) {
        return true;
    }
    switch (request->verb) {
    case ZL_FLEET_WANT:
        return turn->state == ZL_FLEET_IDLE;
    case ZL_FLEET_ACCEPT:
        return turn->state == ZL_FLEET_OFFERED && turn->token == request->token;
    case ZL_FLEET_RESUME:
    case ZL_FLEET_CLAIM:
        return turn->answers != request->nonce;
    case ZL_FLEET_NOTHING:
    case ZL_FLEET_DECLINE:
    case ZL_FLEET_EXTEND: /* which may be refused, and nobody says so */
        break;
    }
    return false;
}

int64_t zl_fleet_beat_ms(bool acts, int64_t asked_ms)
{
    const int64_t period_ms = acts ? BEAT_ACTIVE_MS : BEAT_WAITING_MS;
    return asked_ms > 0 && asked_ms < period_ms ? asked_ms : period_ms;
}

bool zl_fleet_hub_is_older(int64_t wrote, const char *cluster_uid,
                           const struct zl_fleet_member *found)
{
    if (wrote == 0) {
        return false;
    }
    if (found == NULL) {
        return true;
    }
    return strcmp(found->cluster_uid, cluster_uid) == 0 && found->beat < wrote;
}
