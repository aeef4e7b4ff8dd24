/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits, in which order, and what `turn` says of it. */
#include "common/base/backoff.h"
#include "common/base/memory.h"
#include "common/fleet/next_internal.h"

static const struct zl_fleet_write NOTHING = {.kind = ZL_FLEET_NO_WRITE};

static int64_t turns_of(const struct zl_fleet_view *view, const struct zl_fleet_cluster *cluster)
{
    return strcmp(cluster->turn->round, view->ledger->round) == 0 ? cluster->turn->turns : 0;
}

int zl_fleet_order(const struct zl_fleet_view *view, const struct zl_fleet_cluster *left,
                   const struct zl_fleet_cluster *right)
{
    int64_t a = turns_of(view, left), b = turns_of(view, right);
    if (a != b) {
        return a < b ? -1 : 1;
    }
    if (left->turn->ticket != right->turn->ticket) {
        return left->turn->ticket < right->turn->ticket ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

const char *zl_fleet_why(const struct zl_fleet_ledger *ledger,
                         const struct zl_fleet_cluster *cluster, const struct zl_fleet_now *now)
{
    const struct zl_fleet_turn *turn = cluster->turn;
    const struct zl_fleet_request *request = cluster->request;
    if (request == NULL || zl_fleet_is_absent(cluster)) {
        return "absent: its heartbeat is too old";
    }
    if (cluster->duplicate) {
        return ZL_FLEET_WHY_DUPLICATE;
    }
    if (request->verb == ZL_FLEET_DECLINE) {
        return "it declined";
    }
    if (request->verb != ZL_FLEET_WANT && request->verb != ZL_FLEET_ACCEPT) {
        return "it asks for no turn";
    }
    if (turn != NULL && !zl_fleet_is_answered(&request->report, turn)) {
        return "its report comes first";
    }
    if (turn != NULL && turn->declines > 0 &&
        cluster->refused_ms <
            zl_backoff_ms(turn->declines - 1, ZL_FLEET_BACK_OFF_MS, ZL_FLEET_BACK_OFF_MAX_MS)) {
        return "an offer came to nothing a moment ago";
    }
    const char *stage = ledger != NULL ? zl_fleet_stage_why(ledger, cluster, now) : NULL;
    return stage != NULL ? stage : zl_fleet_window_why(cluster, now);
}

/* --- `turn` follows the ledger --- */

static bool is_told(const struct zl_fleet_turn *turn, const struct zl_fleet_entry *entry)
{
    return turn->state == (entry->active ? ZL_FLEET_ACTIVE : ZL_FLEET_OFFERED) &&
           turn->token == entry->token && turn->gen == entry->gen &&
           turn->answers == entry->answers && turn->limit_ms == entry->limit_ms;
}

/* From the ledger alone, what is answered too: what the member asks by now may be a later request. Never backwards. */
struct zl_fleet_write zl_fleet_row_project(const struct zl_fleet_view *view,
                                           const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        if (entry == NULL) {
            continue;
        }
        struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
        bool ahead = turn.token > entry->token ||
                     (turn.token == entry->token && turn.gen > entry->gen) ||
                     turn.ended_token >= entry->token;
        if (ahead || is_told(&turn, entry)) {
            continue;
        }
        turn.state = entry->active ? ZL_FLEET_ACTIVE : ZL_FLEET_OFFERED;
        turn.token = entry->token;
        turn.gen = entry->gen;
        turn.answers = entry->answers;
        turn.limit_ms = entry->limit_ms;
        turn.declines = entry->active ? 0 : turn.declines;
        turn.position = 0;
        turn.why[0] = '\0';
        ZL_FLEET_TEXT(turn.uid, entry->uid);
        return zl_fleet_tell(cluster, &turn, "told");
    }
    return NOTHING;
}

static bool wants(const struct zl_fleet_cluster *cluster)
{
    return cluster->request != NULL && cluster->request->verb != ZL_FLEET_NOTHING;
}

static struct zl_fleet_write withdrawn(const struct zl_fleet_view *view,
                                       const struct zl_fleet_cluster *cluster)
{
    struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
    if (wants(cluster)) { /* its place is kept; a pause is not its fault */
        turn.state = ZL_FLEET_WAITING;
        turn.declines += zl_fleet_is_held(view->ledger) ? 0 : 1;
        return zl_fleet_tell(cluster, &turn, "offer-over");
    }
    turn.state = ZL_FLEET_IDLE;
    turn.ended_token = turn.token > turn.ended_token ? turn.token : turn.ended_token;
    turn.outcome = ZL_FLEET_RELEASED;
    turn.declines = 0;
    turn.position = 0;
    turn.why[0] = '\0';
    return zl_fleet_tell(cluster, &turn, "released");
}

static struct zl_fleet_write left_queue(const struct zl_fleet_view *view,
                                        const struct zl_fleet_cluster *cluster)
{
    struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
    if (turn.token > turn.ended_token) {
        return withdrawn(view, cluster);
    }
    turn.state = ZL_FLEET_IDLE;
    turn.position = 0;
    turn.declines = 0;
    turn.why[0] = '\0';
    return zl_fleet_tell(cluster, &turn, "released");
}

/* A person took the slot away, or nothing is known of it: the turn is over. */
static struct zl_fleet_write taken_away(const struct zl_fleet_view *view,
                                        const struct zl_fleet_cluster *cluster)
{
    struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
    turn.state = ZL_FLEET_IDLE;
    turn.ended_token = turn.token;
    turn.outcome = ZL_FLEET_RELEASED;
    return zl_fleet_tell(cluster, &turn, "taken-away");
}

struct zl_fleet_write zl_fleet_row_withdrawn(const struct zl_fleet_view *view,
                                             const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_turn *turn = cluster->turn;
        /* Who is behind what was told has not heard of it, and says nothing. */
        if (turn == NULL || turn->token > view->ledger->last_token ||
            zl_fleet_slot_of(view, cluster) != NULL) {
            continue;
        }
        if (turn->state == ZL_FLEET_OFFERED) {
            return withdrawn(view, cluster);
        }
        if (turn->state == ZL_FLEET_WAITING && !wants(cluster)) {
            return left_queue(view, cluster);
        }
        if (turn->state == ZL_FLEET_ACTIVE && view->ledger->restored_serial == 0) {
            return taken_away(view, cluster);
        }
    }
    return NOTHING;
}

/* --- tickets: reserved in the ledger before they are told --- */

/* It wants a turn, after the last one that it had, and is not in the queue. */
static bool is_new(const struct zl_fleet_view *view, const struct zl_fleet_cluster *cluster)
{
    const struct zl_fleet_request *request = cluster->request;
    if (request == NULL || request->verb != ZL_FLEET_WANT ||
        (cluster->turn != NULL && cluster->turn->state != ZL_FLEET_IDLE)) {
        return false;
    }
    const struct zl_fleet_turn told = zl_fleet_told(view, cluster);
    return !zl_fleet_is_absent(cluster) && !cluster->duplicate &&
           request->token >= told.ended_token && zl_fleet_is_answered(&request->report, &told) &&
           zl_fleet_slot_of(view, cluster) == NULL;
}

static int by_name(const void *name, const void *cluster)
{
    return strcmp(name, ((const struct zl_fleet_cluster *)cluster)->name);
}

/* Whose want TICKET was reserved for; NULL: it asks for something else by now. */
static const struct zl_fleet_cluster *whose(const struct zl_fleet_view *view,
                                            const struct zl_fleet_ticket *ticket)
{
    const struct zl_fleet_cluster *cluster =
        bsearch(ticket->cluster, view->clusters, view->count, sizeof *cluster, by_name);
    return cluster != NULL && cluster->request != NULL && cluster->request->nonce == ticket->nonce
               ? cluster
               : NULL;
}

/* Where CLUSTER stands once TURN is told. */
static int64_t place_with(const struct zl_fleet_view *view, const struct zl_fleet_cluster *cluster,
                          const struct zl_fleet_turn *turn)
{
    const struct zl_fleet_cluster told = {.name = cluster->name, .turn = turn};
    int64_t place = 1;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *other = &view->clusters[i];
        place += zl_fleet_is_waiting(view->ledger, other) && zl_fleet_order(view, other, &told) < 0;
    }
    return place;
}

struct zl_fleet_write zl_fleet_row_tell_ticket(const struct zl_fleet_view *view,
                                               const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->ledger->ticket_count && view->count > 0; i++) {
        const struct zl_fleet_ticket *ticket = &view->ledger->tickets[i];
        const struct zl_fleet_cluster *cluster = whose(view, ticket);
        if (cluster == NULL || !is_new(view, cluster)) {
            continue;
        }
        struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
        if (turn.ticket >= ticket->ticket) {
            continue;
        }
        turn.state = ZL_FLEET_WAITING;
        turn.ticket = ticket->ticket;
        turn.declines = 0;
        turn.position = place_with(view, cluster, &turn);
        turn.why[0] = '\0';
        return zl_fleet_tell(cluster, &turn, "ticket-told");
    }
    return NOTHING;
}

/* Who asked first; of those that one look found, by name. */
static int by_want(const void *left, const void *right)
{
    const struct zl_fleet_cluster *a = *(const struct zl_fleet_cluster *const *)left;
    const struct zl_fleet_cluster *b = *(const struct zl_fleet_cluster *const *)right;
    if (a->wanted_ms != b->wanted_ms) {
        return a->wanted_ms > b->wanted_ms ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* Those that are new, in the order in which they asked; the caller frees. NULL: there is none. */
static const struct zl_fleet_cluster **list_new(const struct zl_fleet_view *view, size_t *count)
{
    const struct zl_fleet_cluster **list = NULL;
    *count = 0;
    for (size_t i = 0; i < view->count; i++) {
        if (is_new(view, &view->clusters[i])) {
            list = list != NULL ? list : zl_alloc((view->count - i) * sizeof(void *));
            list[(*count)++] = &view->clusters[i];
        }
    }
    if (*count > 1) {
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
        qsort(list, *count, sizeof *list, by_want);
    }
    return list;
}

struct zl_fleet_write zl_fleet_row_tickets(const struct zl_fleet_view *view,
                                           const struct zl_fleet_now *now)
{
    (void)now;
    size_t count = 0;
    const struct zl_fleet_cluster **list = list_new(view, &count);
    if (count == 0 || view->ledger->next_ticket >= ZL_FLEET_NUMBER_MAX - ZL_FLEET_TICKETS_MAX) {
        free(list);
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    next->ticket_count = 0; /* all of them were told by now, or their wants are gone */
    next->tickets = zl_realloc(next->tickets, ZL_FLEET_TICKETS_MAX, sizeof *next->tickets);
    for (size_t i = 0; i < count && i < ZL_FLEET_TICKETS_MAX; i++) {
        struct zl_fleet_ticket ticket = {.ticket = next->next_ticket++,
                                         .nonce = list[i]->request->nonce};
        ZL_FLEET_TEXT(ticket.cluster, list[i]->name);
        next->tickets[next->ticket_count++] = ticket;
    }
    free(list);
    return zl_fleet_swap(view, next, "tickets");
}

/* --- where one stands, and why --- */

/*
 * That as many act as may beside it is told when a slot is free all the same, and stays told while none is: a hand-over must not
 * cost a write for each that waits.
 */
static const char *why_to_tell(const struct zl_fleet_ledger *ledger, bool is_full,
                               const struct zl_fleet_cluster *cluster, const char *told,
                               const struct zl_fleet_now *now)
{
    const char *why = zl_fleet_why(ledger, cluster, now);
    if (why != NULL) {
        return why;
    }
    if (is_full) {
        return ZL_FLEET_WHY_LEDGER_FULL;
    }
    if ((int64_t)ledger->active_count < ledger->n) {
        return zl_fleet_crowd_why(ledger, cluster);
    }
    bool crowded =
        strcmp(told, ZL_FLEET_WHY_STAGE_FULL) == 0 || strcmp(told, ZL_FLEET_WHY_SPREAD_FULL) == 0;
    return crowded ? told : NULL;
}

/* A place is told again when it has halved, for the same reason. */
struct zl_fleet_write zl_fleet_row_places(const struct zl_fleet_view *view,
                                          const struct zl_fleet_now *now)
{
    size_t count = 0;
    const struct zl_fleet_ledger *ledger = view->ledger;
    struct zl_fleet_place *queue = zl_fleet_queue(view, ledger, &count);
    const bool is_full = (int64_t)ledger->active_count < ledger->n && zl_fleet_room(ledger) == 0;
    struct zl_fleet_write write = NOTHING;
    for (size_t i = 0; i < count && write.kind == ZL_FLEET_NO_WRITE; i++) {
        const struct zl_fleet_cluster *cluster = queue[i].cluster;
        const struct zl_fleet_turn *turn = cluster->turn;
        const char *why = why_to_tell(ledger, is_full, cluster, turn->why, now);
        int64_t place = (int64_t)i + 1;
        bool moved = turn->position == 0 || 2 * place <= turn->position;
        if (moved || strcmp(turn->why, why != NULL ? why : "") != 0) {
            struct zl_fleet_turn next = *turn;
            next.position = place;
            ZL_FLEET_TEXT(next.why, why);
            write = zl_fleet_tell(cluster, &next, "place");
        }
    }
    free(queue);
    return write;
}
