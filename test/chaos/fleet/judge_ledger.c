/* SPDX-License-Identifier: Apache-2.0 */
#include "test/chaos/fleet/judge_internal.h"

#include <string.h>

/* --- I3 --- */

static struct token *note_token(struct zl_fleet_judge *judge, const struct slot *slot)
{
    struct token *token = zl_fleet_token_of(judge, slot->token);
    if (token != NULL && strcmp(token->cluster, slot->cluster) != 0) {
        zl_fleet_violation(judge, "I3", "token %lld of %s is given to %s", (long long)slot->token,
                           token->cluster, slot->cluster);
    }
    if (token != NULL && token->seen) {
        return token;
    }
    if (slot->token <= judge->largest) {
        zl_fleet_violation(judge, "I3", "token %lld of %s is not larger than %lld",
                           (long long)slot->token, slot->cluster, (long long)judge->largest);
    }
    token = token != NULL ? token : zl_fleet_token_add(judge, slot->token, slot->cluster);
    token->seen = true;
    judge->largest = slot->token > judge->largest ? slot->token : judge->largest;
    return token;
}

/* --- reading a ledger --- */

static void read_slots(struct zl_fleet_judge *judge, struct ledger *out, const struct cJSON *ledger)
{
    const struct cJSON *item = zl_json_first(zl_json_at(ledger, "active", NULL));
    for (; item != NULL; item = zl_json_next(item)) {
        if (out->count == SLOTS_MAX) {
            zl_fleet_violation(judge, "bounds", "more than %d slots", SLOTS_MAX);
            return;
        }
        struct slot *slot = &out->slots[out->count++];
        const char *state = zl_json_text(item, "state", NULL);
        COPY(slot->cluster, zl_json_text(item, "cluster", NULL));
        slot->token = zl_json_i64(item, 0, "token", NULL);
        slot->active = state != NULL && strcmp(state, "Active") == 0;
    }
}

static void read_ledger(struct zl_fleet_judge *judge, struct ledger *out,
                        const struct cJSON *ledger)
{
    memset(out, 0, sizeof *out);
    out->known = ledger != NULL;
    out->paused = zl_json_is_object(zl_json_at(ledger, "paused", NULL));
    out->restored = zl_json_is_object(zl_json_at(ledger, "restored", NULL));
    out->n = zl_json_i64(ledger, 0, "n", NULL);
    out->last_token = zl_json_i64(ledger, 0, "lastToken", NULL);
    out->next_ticket = zl_json_i64(ledger, 0, "nextTicket", NULL);
    /* One that is taken back goes over into the other count. */
    out->failures = zl_json_i64(ledger, 0, "counts", "failed", NULL) +
                    zl_json_i64(ledger, 0, "counts", "late", NULL);
    COPY(out->round, zl_json_text(ledger, "round", NULL));
    read_slots(judge, out, ledger);
}

static const struct slot *slot_of(const struct ledger *ledger, const char *cluster)
{
    for (size_t i = 0; i < ledger->count; i++) {
        if (strcmp(ledger->slots[i].cluster, cluster) == 0) {
            return &ledger->slots[i];
        }
    }
    return NULL;
}

static bool has(const struct ledger *ledger, const struct slot *slot)
{
    const struct slot *found = slot_of(ledger, slot->cluster);
    return found != NULL && found->token == slot->token;
}

static bool has_failed(const struct cJSON *ledger, int64_t token)
{
    const struct cJSON *item = zl_json_first(zl_json_at(ledger, "failed", NULL));
    for (; item != NULL; item = zl_json_next(item)) {
        if (zl_json_i64(item, 0, NULL) == token) {
            return true;
        }
    }
    return false;
}

/* --- I2 --- */

static void judge_acts(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                       const struct slot *given)
{
    for (size_t i = 0; i < judge->cluster_count; i++) {
        const struct cluster *cluster = &judge->clusters[i];
        const struct slot *slot = slot_of(next, cluster->name);
        if (zl_fleet_acts(cluster, at_ms) && (slot == NULL || slot->token != cluster->act)) {
            zl_fleet_violation(
                judge, "I2", "%s is given token %lld while %s acts in %lld without a slot",
                given->cluster, (long long)given->token, cluster->name, (long long)cluster->act);
        }
    }
}

/* --- I4 --- */

static int64_t turns_in(const struct cluster *cluster, const char *round)
{
    return strcmp(cluster->round, round) == 0 ? cluster->turns : 0;
}

static bool could_act(const struct zl_fleet_judge *judge, const struct cluster *cluster,
                      int64_t at_ms)
{
    int64_t since_ms = at_ms - judge->spec.patience_ms;
    int64_t period_ms = PERIODS * cluster->period_ms / judge->spec.rate;
    return strcmp(cluster->state, "Waiting") == 0 && cluster->told_ms < since_ms &&
           strcmp(cluster->verb, "want") == 0 && cluster->asked_ms < since_ms &&
           cluster->declines == 0 && cluster->report <= cluster->ended &&
           cluster->live_ms < since_ms && at_ms - cluster->wrote_ms < period_ms;
}

static void judge_order(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                        const struct slot *given)
{
    const struct cluster *first = zl_fleet_cluster_of(judge, given->cluster);
    for (size_t i = 0; i < judge->cluster_count; i++) {
        const struct cluster *other = &judge->clusters[i];
        if (other == first || !could_act(judge, other, at_ms) ||
            slot_of(next, other->name) != NULL || slot_of(&judge->ledger, other->name) != NULL) {
            continue;
        }
        int64_t mine = turns_in(first, next->round), its = turns_in(other, next->round);
        if (its < mine || (its == mine && other->ticket < first->ticket)) {
            zl_fleet_violation(
                judge, "I4",
                "%s (%lld turns, ticket %lld) goes before %s (%lld turns, ticket %lld)",
                first->name, (long long)mine, (long long)first->ticket, other->name, (long long)its,
                (long long)other->ticket);
        }
    }
}

/* --- I1: what a swap adds --- */

static void judge_offer(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                        const struct slot *slot)
{
    if ((int64_t)next->count > next->n) {
        zl_fleet_violation(judge, "I1", "%s is offered a slot: %zu are taken, N is %lld",
                           slot->cluster, next->count, (long long)next->n);
    }
    if (next->paused || judge->ledger.paused || next->restored || judge->ledger.restored) {
        zl_fleet_violation(judge, "I1", "%s is offered a slot, %s", slot->cluster,
                           next->paused || judge->ledger.paused ? "in a pause"
                                                                : "after a restoration");
    }
    judge->tally.offers++;
    judge_acts(judge, next, at_ms, slot);
    judge_order(judge, next, at_ms, slot);
}

static void judge_added(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                        const struct slot *slot)
{
    const struct token *known = zl_fleet_token_of(judge, slot->token);
    if (!slot->active) {
        if (known != NULL && known->seen) {
            zl_fleet_violation(judge, "I3", "token %lld of %s is offered again",
                               (long long)slot->token, slot->cluster);
        }
        judge_offer(judge, next, at_ms, slot);
    } else if (next->restored && known != NULL && known->granted) {
        judge->tally.adopted++;
    } else {
        zl_fleet_violation(judge, "I1", "%s acts in token %lld, which it was not offered",
                           slot->cluster, (long long)slot->token);
    }
}

static void judge_grant(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                        const struct slot *slot)
{
    judge->tally.grants++;
    if (next->paused || next->restored) {
        zl_fleet_violation(judge, "I1", "the offer of %s is made a turn, %s", slot->cluster,
                           next->paused ? "in a pause" : "after a restoration");
    }
    judge_acts(judge, next, at_ms, slot);
}

/* --- I5: how a turn ends --- */

static bool counts_as_failure(const char *outcome)
{
    return strcmp(outcome, "Failed") == 0 || strcmp(outcome, "Expired") == 0;
}

static void tally_end(struct zl_fleet_judge *judge, const char *outcome)
{
    judge->tally.done += strcmp(outcome, "Done") == 0;
    judge->tally.failed += strcmp(outcome, "Failed") == 0;
    judge->tally.expired += strcmp(outcome, "Expired") == 0;
    judge->tally.released += strcmp(outcome, "Released") == 0;
}

/* @return whether it is a failure */
static bool judge_end(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                      const struct slot *slot, const struct cJSON *raw)
{
    struct cluster *cluster = zl_fleet_cluster_of(judge, slot->cluster);
    const struct slot *newer = slot_of(next, slot->cluster);
    if (newer != NULL && next->restored) {
        return false; /* a claim has taken its place */
    }
    if (zl_fleet_acts(cluster, at_ms) && cluster->act == slot->token) {
        zl_fleet_violation(judge, "I2", "the slot of %s is free while it acts in %lld",
                           slot->cluster, (long long)slot->token);
    }
    if (cluster->ended != slot->token) {
        zl_fleet_violation(judge, "I5", "the turn %lld of %s ends, and its end was not told",
                           (long long)slot->token, slot->cluster);
        return false;
    }
    tally_end(judge, cluster->outcome);
    cluster->settled = cluster->settled || strcmp(cluster->outcome, "Done") == 0;
    bool failure = counts_as_failure(cluster->outcome);
    if (failure != has_failed(raw, slot->token)) {
        zl_fleet_violation(judge, "I5", "the turn %lld of %s ends as %s, and %s",
                           (long long)slot->token, slot->cluster, cluster->outcome,
                           failure ? "is not counted" : "counts");
    }
    return failure;
}

static void judge_counts(struct zl_fleet_judge *judge, const struct ledger *next,
                         const struct cJSON *raw, int64_t failures)
{
    int64_t bearable = zl_json_i64(raw, 0, "maxFailures", NULL);
    int64_t failed = (int64_t)zl_json_count(zl_json_at(raw, "failed", NULL));
    if (next->failures < judge->ledger.failures + failures) {
        zl_fleet_violation(judge, "I5", "%lld failures more are %lld in the count",
                           (long long)failures,
                           (long long)(next->failures - judge->ledger.failures));
    }
    if (failures > 0 && bearable >= 0 && failed > bearable && !next->paused) {
        zl_fleet_violation(judge, "I5", "%lld failures, %lld are borne, and there is no pause",
                           (long long)failed, (long long)bearable);
    }
}

static void judge_numbers(struct zl_fleet_judge *judge, const struct ledger *next)
{
    if (next->last_token < judge->ledger.last_token) {
        zl_fleet_violation(judge, "I3", "the last token falls from %lld to %lld",
                           (long long)judge->ledger.last_token, (long long)next->last_token);
    }
    if (next->next_ticket < judge->ledger.next_ticket) {
        zl_fleet_violation(judge, "I4", "the next ticket falls from %lld to %lld",
                           (long long)judge->ledger.next_ticket, (long long)next->next_ticket);
    }
}

static void judge_swap(struct zl_fleet_judge *judge, const struct ledger *next, int64_t at_ms,
                       const struct cJSON *raw)
{
    const struct ledger *was = &judge->ledger;
    int64_t failures = 0;
    judge_numbers(judge, next);
    for (size_t i = 0; i < was->count; i++) {
        if (was->slots[i].active && !has(next, &was->slots[i])) {
            failures += judge_end(judge, next, at_ms, &was->slots[i], raw);
        }
    }
    judge_counts(judge, next, raw, failures);
    for (size_t i = 0; i < next->count; i++) {
        const struct slot *slot = &next->slots[i];
        const struct slot *old = slot_of(was, slot->cluster);
        if (!has(was, slot)) {
            judge_added(judge, next, at_ms, slot);
        } else if (slot->active && !old->active) {
            judge_grant(judge, next, at_ms, slot);
        }
        if (!slot->active && next->paused) {
            zl_fleet_violation(judge, "I1", "%s has an offer in a pause", slot->cluster);
        }
    }
}

void zl_fleet_judge_ledger(struct zl_fleet_judge *judge, int64_t at_ms, const struct cJSON *ledger)
{
    struct ledger next;
    int64_t active = 0;
    read_ledger(judge, &next, ledger);
    judge->tally.ledgers++;
    judge->tally.pauses += next.paused && !judge->ledger.paused;
    judge->tally.restored += next.restored && !judge->ledger.restored;
    if (!next.known && judge->ledger.known && !judge->old) {
        zl_fleet_violation(judge, "I1", "the ledger is gone");
    }
    if (next.known && judge->ledger.known && !judge->old) {
        judge_swap(judge, &next, at_ms, ledger);
    }
    for (size_t i = 0; i < next.count; i++) {
        struct token *token = note_token(judge, &next.slots[i]);
        token->granted = token->granted || next.slots[i].active;
        active += next.slots[i].active;
    }
    judge->tally.most_active =
        active > judge->tally.most_active ? active : judge->tally.most_active;
    judge->ledger = next;
    judge->old = false;
}
