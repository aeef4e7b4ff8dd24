/* SPDX-License-Identifier: Apache-2.0 */
#include "test/chaos/fleet/judge_internal.h"

#include <stdarg.h>
#include <string.h>

void zl_fleet_violation(struct zl_fleet_judge *judge, const char *rule, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    judge->spec.violation(judge->spec.ctx, rule, text);
}

struct cluster *zl_fleet_cluster_of(struct zl_fleet_judge *judge, const char *name)
{
    for (size_t i = 0; i < judge->cluster_count; i++) {
        if (strcmp(judge->clusters[i].name, name) == 0) {
            return &judge->clusters[i];
        }
    }
    if (judge->cluster_count == CLUSTERS_MAX) {
        zl_fleet_violation(judge, "bounds", "more than %d clusters", CLUSTERS_MAX);
        return &judge->clusters[0];
    }
    struct cluster *cluster = &judge->clusters[judge->cluster_count++];
    COPY(cluster->name, name);
    return cluster;
}

struct token *zl_fleet_token_of(struct zl_fleet_judge *judge, int64_t number)
{
    struct token *token = NULL;
    HASH_FIND(hh, judge->tokens, &number, sizeof number, token);
    return token;
}

struct token *zl_fleet_token_add(struct zl_fleet_judge *judge, int64_t number, const char *cluster)
{
    struct token *token = zl_alloc(sizeof *token);
    token->token = number;
    COPY(token->cluster, cluster);
    HASH_ADD(hh, judge->tokens, token, sizeof token->token, token);
    return token;
}

bool zl_fleet_acts(const struct cluster *cluster, int64_t at_ms)
{
    return cluster->act != 0 && at_ms < cluster->until_ms;
}

/* --- turns and members --- */

static void judge_told(struct zl_fleet_judge *judge, const struct cluster *was,
                       const struct cluster *is)
{
    if (is->token < was->token || (is->token == was->token && is->gen < was->gen) ||
        is->ended < was->ended) {
        zl_fleet_violation(
            judge, "I3", "what %s is told goes backwards: token %lld, gen %lld, ended %lld",
            is->name, (long long)is->token, (long long)is->gen, (long long)is->ended);
    }
}

static void judge_outcome(struct zl_fleet_judge *judge, const struct cluster *is)
{
    const struct token *token = zl_fleet_token_of(judge, is->ended);
    if (token == NULL || token->outcome[0] == '\0') {
        return;
    }
    bool done = strcmp(token->outcome, "done") == 0;
    if (done && strcmp(is->outcome, "Failed") == 0) {
        zl_fleet_violation(judge, "I5", "%s has done its turn %lld, and it counts as failed",
                           is->name, (long long)is->ended);
    }
    if (!done && strncmp(is->outcome, "Done", 4) == 0) {
        zl_fleet_violation(judge, "I5",
                           "%s has reported its turn %lld as %s, and it counts as done", is->name,
                           (long long)is->ended, token->outcome);
    }
}

void zl_fleet_judge_turn(struct zl_fleet_judge *judge, int64_t at_ms, const char *name,
                         const struct cJSON *turn)
{
    struct cluster *cluster = zl_fleet_cluster_of(judge, name);
    const struct cluster was = *cluster;
    const char *outcome = zl_json_text(turn, "outcome", NULL);
    const char *state = zl_json_text(turn, "state", NULL);
    judge->tally.turns++;
    COPY(cluster->state, state != NULL ? state : "Idle");
    COPY(cluster->outcome, outcome);
    COPY(cluster->round, zl_json_text(turn, "round", NULL));
    cluster->ticket = zl_json_i64(turn, 0, "ticket", NULL);
    cluster->turns = zl_json_i64(turn, 0, "turns", NULL);
    cluster->token = zl_json_i64(turn, 0, "token", NULL);
    cluster->gen = zl_json_i64(turn, 0, "gen", NULL);
    cluster->ended = zl_json_i64(turn, 0, "endedToken", NULL);
    cluster->declines = zl_json_i64(turn, 0, "declines", NULL);
    if (strcmp(was.state, cluster->state) != 0 || was.ticket != cluster->ticket ||
        was.declines != cluster->declines || was.turns != cluster->turns) {
        cluster->told_ms = at_ms;
    }
    judge->tally.late += strcmp(cluster->outcome, "DoneLate") == 0 &&
                         strcmp(was.outcome, "Expired") == 0 && was.ended == cluster->ended;
    judge_told(judge, &was, cluster);
    judge_outcome(judge, cluster);
}

void zl_fleet_judge_member(struct zl_fleet_judge *judge, int64_t at_ms, const char *name,
                           int64_t period_ms, const struct cJSON *request)
{
    struct cluster *cluster = zl_fleet_cluster_of(judge, name);
    const char *verb = zl_json_text(request, "verb", NULL);
    int64_t nonce = zl_json_i64(request, 0, "nonce", NULL);
    int64_t report = zl_json_i64(request, 0, "report", "token", NULL);
    judge->tally.members++;
    verb = verb != NULL ? verb : "nothing";
    if (strcmp(cluster->verb, verb) != 0 || cluster->nonce != nonce || cluster->report != report) {
        cluster->asked_ms = at_ms;
    }
    if (cluster->wrote_ms == 0 ||
        at_ms - cluster->wrote_ms > PERIODS * cluster->period_ms / judge->spec.rate) {
        cluster->live_ms = at_ms;
    }
    COPY(cluster->verb, verb);
    cluster->nonce = nonce;
    cluster->report = report;
    cluster->period_ms = period_ms;
    cluster->wrote_ms = at_ms;
}

/* --- stamps --- */

void zl_fleet_judge_begins(struct zl_fleet_judge *judge, const char *name, int64_t token,
                           int64_t at_ms, int64_t until_ms)
{
    struct cluster *cluster = zl_fleet_cluster_of(judge, name);
    struct token *known = zl_fleet_token_of(judge, token);
    int64_t count = 0;
    cluster->act = token;
    cluster->until_ms = until_ms;
    judge->tally.acts++;
    if (known == NULL) { /* the revision that gave it is still on its way: finish will look */
        known = zl_fleet_token_add(judge, token, name);
    }
    known->begun = true;
    if (strcmp(known->cluster, name) != 0) {
        zl_fleet_violation(judge, "I3", "%s acts in token %lld of %s", name, (long long)token,
                           known->cluster);
    }
    for (size_t i = 0; i < judge->cluster_count; i++) {
        count += zl_fleet_acts(&judge->clusters[i], at_ms);
    }
    judge->tally.most_acting = count > judge->tally.most_acting ? count : judge->tally.most_acting;
}

void zl_fleet_judge_ends(struct zl_fleet_judge *judge, const char *name, int64_t token,
                         int64_t at_ms, const char *outcome)
{
    struct cluster *cluster = zl_fleet_cluster_of(judge, name);
    struct token *known = zl_fleet_token_of(judge, token);
    (void)at_ms;
    if (cluster->act == token) {
        cluster->act = 0;
    }
    if (known != NULL && strcmp(outcome, "stopped") != 0) {
        COPY(known->outcome, outcome);
    }
}

void zl_fleet_judge_restored(struct zl_fleet_judge *judge)
{
    memset(&judge->ledger, 0, sizeof judge->ledger);
    judge->old = true;
    for (size_t i = 0; i < judge->cluster_count; i++) {
        struct cluster *cluster = &judge->clusters[i];
        struct cluster fresh = {.act = cluster->act, .until_ms = cluster->until_ms};
        COPY(fresh.name, cluster->name);
        *cluster = fresh;
    }
}

void zl_fleet_judge_calm(struct zl_fleet_judge *judge)
{
    for (size_t i = 0; i < judge->cluster_count; i++) {
        judge->clusters[i].settled = false;
    }
}

size_t zl_fleet_judge_unsettled(const struct zl_fleet_judge *judge, char *names, size_t size)
{
    size_t count = 0, length = 0;
    names[0] = '\0';
    for (size_t i = 0; i < judge->cluster_count; i++) {
        const struct cluster *cluster = &judge->clusters[i];
        if (!cluster->settled) {
            count++;
            length += (size_t)snprintf(names + length, size - length, " %s", cluster->name);
            length = length < size ? length : size - 1;
        }
    }
    return count;
}

void zl_fleet_judge_finish(struct zl_fleet_judge *judge)
{
    for (const struct token *token = judge->tokens; token != NULL; token = token->hh.next) {
        if (token->begun && !token->granted) {
            zl_fleet_violation(judge, "I2", "%s acted in token %lld, which no ledger had",
                               token->cluster, (long long)token->token);
        }
    }
    for (size_t i = 0; i < judge->cluster_count; i++) {
        const struct cluster *cluster = &judge->clusters[i];
        const struct token *token = zl_fleet_token_of(judge, cluster->ended);
        if (token != NULL && strcmp(token->outcome, "done") == 0 &&
            strcmp(cluster->outcome, "Expired") == 0) {
            zl_fleet_violation(judge, "I5",
                               "%s has done its turn %lld, and the failure was not taken back",
                               cluster->name, (long long)cluster->ended);
        }
    }
}

struct zl_fleet_tally zl_fleet_judge_tally(const struct zl_fleet_judge *judge)
{
    return judge->tally;
}

struct zl_fleet_judge *zl_fleet_judge_new(const struct zl_fleet_judge_spec *spec)
{
    struct zl_fleet_judge *judge = zl_alloc(sizeof *judge);
    judge->spec = *spec;
    return judge;
}

void zl_fleet_judge_free(struct zl_fleet_judge *judge)
{
    struct token *token = NULL, *next = NULL;
    if (judge == NULL) {
        return;
    }
    HASH_ITER(hh, judge->tokens, token, next)
    {
        HASH_DELETE(hh, judge->tokens, token);
        free(token);
    }
    free(judge);
}
