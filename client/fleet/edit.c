/* SPDX-License-Identifier: Apache-2.0 */
#include "client/fleet/edit.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <string.h>

static enum zl_status resume_restored(struct zl_fleet_ledger *ledger, struct zl_error *err)
{
    if (ledger->restored_serial == 0) {
        return zl_error_set(err, ZL_E_INVALID, "the hub is not held after a restore");
    }
    ledger->restored_serial = 0;
    ledger->restored_s = 0;
    ledger->hold_ms = 0;
    return ZL_OK;
}

/* Who has read of one failure does not resume the next one with it. */
enum zl_status zl_fleet_edit_resume(const struct zl_fleet_edit *edit,
                                    struct zl_fleet_ledger *ledger, struct zl_error *err)
{
    if (edit->after_restore) {
        return resume_restored(ledger, err);
    }
    if (ledger->pause.id == 0) {
        return zl_error_set(err, ZL_E_INVALID, "the fleet is not paused");
    }
    if (!zl_fleet_resume(ledger, edit->pause_id)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "it is paused by %s: %s; say --id %" PRId64 " to resume that",
                            ledger->pause.by, ledger->pause.reason, ledger->pause.id);
    }
    return ZL_OK;
}

enum zl_status zl_fleet_edit_set(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
                                 struct zl_error *err)
{
    bool any =
        edit->n != -2 || edit->limit_ms != -2 || edit->max_failures != -2 || edit->round != NULL;
    if (any == edit->by_clusters) {
        return zl_error_set(err, ZL_E_INVALID,
                            "give --n, --limit, --max-failures or --round, or --by-clusters alone");
    }
    if (edit->limit_ms != -2 &&
        (edit->limit_ms < ZL_FLEET_LIMIT_LEAST_MS || edit->limit_ms > ZL_FLEET_LIMIT_MAX_MS)) {
        return zl_error_set(err, ZL_E_INVALID, "--limit must be from 1s to 168h");
    }
    ledger->set = !edit->by_clusters;
    ledger->n = edit->n != -2 ? edit->n : ledger->n;
    ledger->limit_ms = edit->limit_ms != -2 ? edit->limit_ms : ledger->limit_ms;
    ledger->max_failures = edit->max_failures != -2 ? edit->max_failures : ledger->max_failures;
    if (edit->round != NULL) {
        zl_fleet_begin_round(ledger, edit->round);
    }
    return ZL_OK;
}

/* Why the last stage that is open does not make room for the next one yet. */
static enum zl_status refuse_early(const struct zl_fleet_edit *edit,
                                   const struct zl_fleet_ledger *ledger, struct zl_error *err)
{
    const struct zl_fleet_progress *progress = &ledger->progress;
    const int64_t soak_s = ledger->plan.stages[progress->open - 1].soak_ms / 1000;
    if (progress->over_s == 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "stage %" PRId64 " is not over: clusters of it have not had their turn "
                            "in this round, or none of them was done; --force opens the next one "
                            "all the same",
                            progress->open);
    }
    if (edit->now_s < progress->over_s + soak_s) {
        char until[ZL_TIME_TEXT_MAX];
        zl_time_format((progress->over_s + soak_s) * 1000000, until);
        return zl_error_set(err, ZL_E_INVALID,
                            "stage %" PRId64 " soaks until %s; --force opens the next one all the "
                            "same",
                            progress->open, until);
    }
    return ZL_OK;
}

enum zl_status zl_fleet_edit_approve(const struct zl_fleet_edit *edit,
                                     struct zl_fleet_ledger *ledger, struct zl_error *err)
{
    const struct zl_fleet_progress *progress = &ledger->progress;
    if (ledger->plan.stage_count == 0) {
        return zl_error_set(err, ZL_E_INVALID, "the fleet has no stages");
    }
    if (progress->open > (int64_t)ledger->plan.stage_count) {
        return zl_error_set(err, ZL_E_INVALID, "all stages are open");
    }
    if (strcmp(progress->round, ledger->round) != 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the round has just begun, and no arbiter has seen it: try again");
    }
    enum zl_status status =
        progress->open > 0 && !edit->force ? refuse_early(edit, ledger, err) : ZL_OK;
    if (status == ZL_OK) {
        zl_fleet_open_stage(ledger);
    }
    return status;
}

enum zl_status zl_fleet_edit_retry(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
                                   struct zl_error *err)
{
    (void)edit;
    if (ledger->last_token == 0) {
        return zl_error_set(err, ZL_E_INVALID, "nobody has had a turn yet");
    }
    ledger->retry_token = ledger->last_token; /* what fails after this waits for the next retry */
    return ZL_OK;
}

enum zl_status zl_fleet_edit_pause(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
                                   struct zl_error *err)
{
    (void)err;
    zl_fleet_pause(ledger, edit->by, edit->reason, edit->now_s);
    return ZL_OK;
}

/* --- printing --- */

static void print_held(const struct zl_fleet_ledger *ledger, FILE *out)
{
    if (ledger->pause.id != 0) {
        char since[ZL_TIME_TEXT_MAX];
        zl_time_format(ledger->pause.since_s * 1000000, since);
        (void)fprintf(out, "Paused %" PRId64 " by %s since %s: %s\n", ledger->pause.id,
                      ledger->pause.by, since, ledger->pause.reason);
    }
    if (ledger->restored_serial != 0) {
        (void)fprintf(out, "The hub was restored: nothing is offered for %" PRId64 " s\n",
                      ledger->hold_ms / 1000);
    }
    if (ledger->spec_differs) {
        (void)fputs("The clusters' LeaderPolicies differ\n", out);
    }
}

static void print_stages(const struct zl_fleet_ledger *ledger, FILE *out)
{
    const struct zl_fleet_progress *progress = &ledger->progress;
    const int64_t count = (int64_t)ledger->plan.stage_count;
    for (int64_t i = 0; i < count; i++) {
        const struct zl_fleet_stage *stage = &ledger->plan.stages[i];
        const bool over = i + 1 < progress->open || (i + 1 == progress->open && progress->over_s);
        (void)fprintf(out, "Stage %-2" PRId64 " %-8s %s%s\n", i + 1,
                      over                 ? "over"
                      : i < progress->open ? "open"
                                           : "closed",
                      stage->match[0] != '\0' ? stage->match : "all clusters",
                      stage->approval && i >= progress->open ? ", waits for approval" : "");
    }
    if (count > 0) {
        (void)fprintf(out, "Stage %-2" PRId64 " %-8s the rest\n", count + 1,
                      progress->open > count ? "open" : "closed");
    }
}

/* Did the last turn of this round that history has of ENDING's cluster end so? */
static bool is_last(const struct zl_fleet_ledger *ledger, size_t at)
{
    for (size_t i = at + 1; i < ledger->history_count; i++) {
        if (strcmp(ledger->history[i].cluster, ledger->history[at].cluster) == 0) {
            return false;
        }
    }
    return strcmp(ledger->history[at].round, ledger->round) == 0;
}

static void print_failed(const struct zl_fleet_ledger *ledger, FILE *out)
{
    for (size_t i = 0; i < ledger->history_count; i++) {
        const struct zl_fleet_ending *ending = &ledger->history[i];
        if ((ending->outcome == ZL_FLEET_FAILED || ending->outcome == ZL_FLEET_EXPIRED) &&
            is_last(ledger, i)) {
            (void)fprintf(out, "%-8s %-40s token %" PRId64 "%s\n",
                          zl_fleet_outcome_name(ending->outcome), ending->cluster, ending->token,
                          ending->token <= ledger->retry_token ? ", to go again" : "");
        }
    }
}

void zl_fleet_print_status(const char *pool, const struct zl_fleet_ledger *ledger, FILE *out)
{
    const struct zl_fleet_counts *counts = &ledger->counts;
    (void)fprintf(out,
                  "%s: %zu of %" PRId64 " active, %" PRId64 " waiting, %" PRId64 " done, %" PRId64
                  " failed; round \"%s\", %" PRId64 " s each%s\n",
                  pool, ledger->active_count, ledger->n, counts->waiting,
                  counts->done + counts->late, counts->failed, ledger->round,
                  ledger->limit_ms / 1000, ledger->set ? ", set by a person" : "");
    print_held(ledger, out);
    print_stages(ledger, out);
    for (size_t i = 0; i < ledger->active_count; i++) {
        const struct zl_fleet_entry *entry = &ledger->active[i];
        (void)fprintf(out, "%-8s %-40s token %" PRId64 ", %" PRId64 " of %" PRId64 " s\n",
                      entry->active ? "Active" : "Offered", entry->cluster, entry->token,
                      entry->elapsed_ms / 1000, entry->limit_ms / 1000);
    }
    for (size_t i = 0; i < ledger->queue_count; i++) {
        (void)fprintf(out, "%-8zu %s\n", i + 1, ledger->queue[i]);
    }
    print_failed(ledger, out);
}

void zl_fleet_print_history(const char *pool, const struct zl_fleet_ledger *ledger, FILE *out)
{
    (void)pool;
    for (size_t i = 0; i < ledger->history_count; i++) {
        const struct zl_fleet_ending *ending = &ledger->history[i];
        char at[ZL_TIME_TEXT_MAX];
        zl_time_format(ending->at_s * 1000000, at);
        (void)fprintf(out, "%s %-9s %-40s token %" PRId64 " round \"%s\"\n", at,
                      zl_fleet_outcome_name(ending->outcome), ending->cluster, ending->token,
                      ending->round);
    }
}
