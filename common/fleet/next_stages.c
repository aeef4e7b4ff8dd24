/* SPDX-License-Identifier: Apache-2.0 */
/* Which clusters may have a turn by the fleet's plan: stages that open one after the other, spread, windows; and retries. */
#include "common/base/memory.h"
#include "common/fleet/next_internal.h"

static const struct zl_fleet_write NOTHING = {.kind = ZL_FLEET_NO_WRITE};

/* The hub's clock where it is known: arbiters differ, and a soak must not. */
int64_t zl_fleet_time_s(const struct zl_fleet_now *now)
{
    return now->server_s > 0 ? now->server_s : now->wall_s;
}

static const char *labels_of(const struct zl_fleet_cluster *cluster)
{
    return cluster->member != NULL ? cluster->member->labels : "";
}

void zl_fleet_place_entry(const struct zl_fleet_plan *plan, const struct zl_fleet_cluster *cluster,
                          struct zl_fleet_entry *entry)
{
    entry->stage = (int64_t)zl_fleet_stage_of(plan, labels_of(cluster));
    memset(entry->spread, 0, sizeof entry->spread);
    if (plan->spread.key[0] != '\0') {
        zl_fleet_label_of(labels_of(cluster), plan->spread.key, entry->spread);
    }
}

/* --- what keeps one back --- */

static bool is_soaked(const struct zl_fleet_ledger *ledger, const struct zl_fleet_now *now)
{
    const struct zl_fleet_progress *progress = &ledger->progress;
    const struct zl_fleet_stage *last = &ledger->plan.stages[progress->open - 1];
    return progress->over_s != 0 &&
           zl_fleet_time_s(now) >= progress->over_s + (last->soak_ms + 999) / 1000;
}

/* The rest, behind all stages, is opened by the last one alone. */
static bool needs_approval(const struct zl_fleet_plan *plan, int64_t stage)
{
    return stage < (int64_t)plan->stage_count && plan->stages[stage].approval;
}

const char *zl_fleet_stage_why(const struct zl_fleet_ledger *ledger,
                               const struct zl_fleet_cluster *cluster,
                               const struct zl_fleet_now *now)
{
    const struct zl_fleet_progress *progress = &ledger->progress;
    if (ledger->plan.stage_count == 0) {
        return NULL;
    }
    int64_t stage = (int64_t)zl_fleet_stage_of(&ledger->plan, labels_of(cluster));
    bool this_round = strcmp(progress->round, ledger->round) == 0;
    if (this_round && stage < progress->open) {
        return NULL;
    }
    if (!this_round || progress->open == 0) {
        return stage == 0 && needs_approval(&ledger->plan, 0)
                   ? "its stage waits for approval: zen-lead fleet approve"
                   : "its stage is not open yet";
    }
    if (stage > progress->open || progress->over_s == 0) {
        return "its stage is not open: clusters of the one before have not had their turn";
    }
    if (!is_soaked(ledger, now)) {
        return "its stage opens when the one before has soaked";
    }
    return "its stage waits for approval: zen-lead fleet approve";
}

const char *zl_fleet_window_why(const struct zl_fleet_cluster *cluster,
                                const struct zl_fleet_now *now)
{
    const struct zl_fleet_windows *windows = &cluster->request->spec.windows;
    return zl_fleet_windows_are_open(windows, zl_fleet_time_s(now)) ? NULL
                                                                    : "none of its windows is open";
}

const char *zl_fleet_crowd_why(const struct zl_fleet_ledger *ledger,
                               const struct zl_fleet_cluster *cluster)
{
    const struct zl_fleet_plan *plan = &ledger->plan;
    struct zl_fleet_entry mine = {0};
    int64_t of_stage = 0, of_spread = 0;
    if (plan->stage_count == 0 && plan->spread.key[0] == '\0') {
        return NULL;
    }
    zl_fleet_place_entry(plan, cluster, &mine);
    for (size_t i = 0; i < ledger->active_count; i++) {
        of_stage += ledger->active[i].stage == mine.stage;
        of_spread += strcmp(ledger->active[i].spread, mine.spread) == 0;
    }
    int64_t max = mine.stage < (int64_t)plan->stage_count ? plan->stages[mine.stage].max : 0;
    if (max > 0 && of_stage >= max) {
        return ZL_FLEET_WHY_STAGE_FULL;
    }
    return plan->spread.key[0] != '\0' && of_spread >= plan->spread.max ? ZL_FLEET_WHY_SPREAD_FULL
                                                                        : NULL;
}

/* --- stages open one after the other --- */

static bool has_had_its_turn(const struct zl_fleet_view *view,
                             const struct zl_fleet_cluster *cluster)
{
    return cluster->turn != NULL && strcmp(cluster->turn->round, view->ledger->round) == 0 &&
           cluster->turn->turns > 0;
}

/*
 * All clusters of the stages that are open have had their turn in this round, and in the last one it went well at least once. One
 * that is absent keeps nothing closed; a stage whose clusters have not been seen yet is not over.
 *
 * @param heard  of those that had no turn, look at the ones alone that were heard since the watch began: a new arbiter does not
 *               know yet who of the others lives
 */
static bool is_over(const struct zl_fleet_view *view, int64_t open, bool heard)
{
    bool any = false;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        int64_t stage = (int64_t)zl_fleet_stage_of(&view->ledger->plan, labels_of(cluster));
        if (entry != NULL && entry->stage < open) {
            return false;
        }
        if (stage >= open) {
            continue;
        }
        if (has_had_its_turn(view, cluster)) {
            any = any || (stage == open - 1 && cluster->turn->done > 0);
        } else if (cluster->request != NULL && !zl_fleet_is_absent(cluster) &&
                   (cluster->beaten || !heard)) {
            return false;
        }
    }
    return any;
}

static struct zl_fleet_progress progress_next(const struct zl_fleet_view *view,
                                              const struct zl_fleet_now *now)
{
    const struct zl_fleet_ledger *ledger = view->ledger;
    const struct zl_fleet_plan *plan = &ledger->plan;
    struct zl_fleet_progress next = ledger->progress;
    if (plan->stage_count == 0) {
        return (struct zl_fleet_progress){0};
    }
    if (strcmp(next.round, ledger->round) != 0 || (next.open == 0 && !needs_approval(plan, 0))) {
        next = (struct zl_fleet_progress){.open = needs_approval(plan, 0) ? 0 : 1};
        ZL_FLEET_TEXT(next.round, ledger->round);
        return next;
    }
    if (next.open == 0 || next.open > (int64_t)plan->stage_count) {
        return next;
    }
    const bool over = is_over(view, next.open, false);
    if (next.over_s == 0) {
        next.over_s = over ? zl_fleet_time_s(now) : 0;
    } else if (!is_over(view, next.open, true)) {
        next.over_s = 0;
    } else if (over && is_soaked(ledger, now) && !needs_approval(plan, next.open)) {
        next.open++;
        next.over_s = 0;
    }
    return next;
}

struct zl_fleet_write zl_fleet_row_stages(const struct zl_fleet_view *view,
                                          const struct zl_fleet_now *now)
{
    const struct zl_fleet_progress *was = &view->ledger->progress;
    const struct zl_fleet_progress is = progress_next(view, now);
    if (is.open == was->open && is.over_s == was->over_s && strcmp(is.round, was->round) == 0) {
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    next->progress = is;
    return zl_fleet_swap(view, next, is.open > was->open ? "stage-opened" : "stage");
}

/* --- a person lets failed and skipped ones take another turn --- */

/* Its last turn of this round failed, before a person said that such turns are taken again. */
static bool is_retried(const struct zl_fleet_view *view, const struct zl_fleet_turn *turn)
{
    return (turn->outcome == ZL_FLEET_FAILED || turn->outcome == ZL_FLEET_EXPIRED) &&
           turn->ended_token == turn->token && turn->ended_token <= view->ledger->retry_token &&
           turn->retried < turn->ended_token && turn->turns > 0 &&
           strcmp(turn->round, view->ledger->round) == 0;
}

/* It let offers pass, and would be asked again later only. */
static bool is_skipped(const struct zl_fleet_view *view, const struct zl_fleet_turn *turn)
{
    return turn->state == ZL_FLEET_WAITING && turn->declines > 0 &&
           turn->token <= view->ledger->retry_token && turn->retried < turn->token;
}

struct zl_fleet_write zl_fleet_row_retry(const struct zl_fleet_view *view,
                                         const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->count && view->ledger->retry_token != 0; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
        if (zl_fleet_slot_of(view, cluster) != NULL) {
            continue;
        }
        bool failed = is_retried(view, &turn);
        if (failed || is_skipped(view, &turn)) {
            turn.turns -= failed;
            turn.declines = 0;
            turn.retried = turn.token;
            return zl_fleet_tell(cluster, &turn, "retry");
        }
    }
    return NOTHING;
}
