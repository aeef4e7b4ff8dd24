/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/next.h"

#include "common/base/memory.h"
#include "common/fleet/next_internal.h"

/*
 * The order matters: what has ended is settled before anything is given. Who has just come waits until the free slots are given
 * to those that have a ticket: where thousands come at once, nobody else's turn waits for all of their tickets.
 */
static zl_fleet_row *const ROWS[] = {
    zl_fleet_row_open,          zl_fleet_row_restored,  zl_fleet_row_witness,
    zl_fleet_row_complete,      zl_fleet_row_adopt,     zl_fleet_row_project,
    zl_fleet_row_offer_events,  zl_fleet_row_end,       zl_fleet_row_late,
    zl_fleet_row_answer,        zl_fleet_row_withdrawn, zl_fleet_row_active_events,
    zl_fleet_row_restored_over, zl_fleet_row_spec,      zl_fleet_row_tell_ticket,
    zl_fleet_row_retry,         zl_fleet_row_stages,    zl_fleet_row_offer,
    zl_fleet_row_tickets,       zl_fleet_row_places,
};

struct zl_fleet_turn zl_fleet_told(const struct zl_fleet_view *view,
                                   const struct zl_fleet_cluster *cluster)
{
    struct zl_fleet_turn turn = {0};
    if (cluster->turn != NULL) {
        turn = *cluster->turn;
    }
    ZL_FLEET_TEXT(turn.pool, view->pool);
    return turn;
}

struct zl_fleet_write zl_fleet_tell(const struct zl_fleet_cluster *cluster,
                                    const struct zl_fleet_turn *turn, const char *rule)
{
    return (struct zl_fleet_write){
        .kind = ZL_FLEET_WRITE_TURN, .rule = rule, .cluster = cluster->name, .turn = *turn};
}

const struct zl_fleet_entry *zl_fleet_slot_of(const struct zl_fleet_view *view,
                                              const struct zl_fleet_cluster *cluster)
{
    return zl_fleet_entry_of(view->ledger, cluster->name);
}

bool zl_fleet_speaks_for(const struct zl_fleet_cluster *cluster, const char *uid)
{
    return cluster->member != NULL && cluster->request != NULL &&
           strcmp(cluster->member->cluster_uid, uid) == 0;
}

bool zl_fleet_is_held(const struct zl_fleet_ledger *ledger)
{
    return ledger->pause.id != 0 || ledger->restored_serial != 0;
}

/* --- what people read of the queue goes along with a swap, never for its own sake --- */

static int by_order(const void *left, const void *right)
{
    const struct zl_fleet_place *a = left, *b = right;
    return zl_fleet_order(a->view, a->cluster, b->cluster);
}

bool zl_fleet_is_waiting(const struct zl_fleet_ledger *ledger,
                         const struct zl_fleet_cluster *cluster)
{
    return cluster->turn != NULL &&
           (cluster->turn->state == ZL_FLEET_WAITING || cluster->turn->state == ZL_FLEET_OFFERED) &&
           zl_fleet_entry_of(ledger, cluster->name) == NULL;
}

struct zl_fleet_place *zl_fleet_queue(const struct zl_fleet_view *view,
                                      const struct zl_fleet_ledger *ledger, size_t *count)
{
    struct zl_fleet_place *list = zl_alloc((view->count + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; i < view->count; i++) {
        if (zl_fleet_is_waiting(ledger, &view->clusters[i])) {
            list[(*count)++] = (struct zl_fleet_place){view, &view->clusters[i]};
        }
    }
    qsort(list, *count, sizeof *list, by_order);
    return list;
}

static void describe_queue(const struct zl_fleet_view *view, struct zl_fleet_ledger *ledger)
{
    size_t count = 0;
    struct zl_fleet_place *list = zl_fleet_queue(view, ledger, &count);
    ledger->counts.waiting = (int64_t)count;
    ledger->queue_count = count < ZL_FLEET_SHOWN_MAX ? count : ZL_FLEET_SHOWN_MAX;
    free(ledger->queue);
    ledger->queue = zl_alloc((ledger->queue_count + 1) * sizeof *ledger->queue);
    for (size_t i = 0; i < ledger->queue_count; i++) {
        ZL_FLEET_TEXT(ledger->queue[i], list[i].cluster->name);
    }
    free(list);
}

struct zl_fleet_write zl_fleet_swap(const struct zl_fleet_view *view, struct zl_fleet_ledger *taken,
                                    const char *rule)
{
    describe_queue(view, taken);
    return (struct zl_fleet_write){.kind = ZL_FLEET_WRITE_LEDGER, .rule = rule, .ledger = taken};
}

struct zl_fleet_write zl_fleet_next(const struct zl_fleet_view *view,
                                    const struct zl_fleet_now *now)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_fleet_write write = ROWS[i](view, now);
        if (write.kind != ZL_FLEET_NO_WRITE || view->ledger == NULL) {
            return write;
        }
    }
    return (struct zl_fleet_write){.kind = ZL_FLEET_NO_WRITE};
}

void zl_fleet_write_clear(struct zl_fleet_write *write)
{
    zl_fleet_ledger_free(write->ledger);
    memset(write, 0, sizeof *write);
}
