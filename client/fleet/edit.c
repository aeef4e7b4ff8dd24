/* SPDX-License-Identifier: Apache-2.0 */
#include "client/fleet/edit.h"

#include "common/base/clock.h"

#include <inttypes.h>

static const struct {
    const char *name;
    bool writes;
} ACTIONS[ZL_EDIT_ACTIONS] = {[ZL_EDIT_STATUS] = {"status", false},
                              [ZL_EDIT_HISTORY] = {"history", false},
                              [ZL_EDIT_PAUSE] = {"pause", true},
                              [ZL_EDIT_RESUME] = {"resume", true},
                              [ZL_EDIT_SET] = {"set", true},
                              [ZL_EDIT_ADD] = {"add", false},
                              [ZL_EDIT_CREDENTIALS] = {"credentials", false},
                              [ZL_EDIT_REMOVE] = {"remove", true},
                              [ZL_EDIT_RELEASE] = {"release", true},
                              [ZL_EDIT_REQUEST] = {"request", true},
                              [ZL_EDIT_DONE] = {"done", true},
                              [ZL_EDIT_FAILED] = {"failed", true}};

enum zl_fleet_action zl_fleet_action_named(const char *name)
{
    int action = 0;
    while (action < ZL_EDIT_ACTIONS && strcmp(ACTIONS[action].name, name) != 0) {
        action++;
    }
    return (enum zl_fleet_action)action;
}

bool zl_fleet_action_writes(enum zl_fleet_action action)
{
    return ACTIONS[action].writes;
}

bool zl_fleet_action_is_of_cluster(enum zl_fleet_action action)
{
    return action >= ZL_EDIT_ADD && action <= ZL_EDIT_RELEASE;
}

bool zl_fleet_action_is_report(enum zl_fleet_action action)
{
    return action >= ZL_EDIT_REQUEST && action <= ZL_EDIT_FAILED;
}

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
static enum zl_status resume(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
                             struct zl_error *err)
{
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

static enum zl_status set(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
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
        ZL_FLEET_TEXT(ledger->round, edit->round);
    }
    return ZL_OK;
}

enum zl_status zl_fleet_edit_apply(const struct zl_fleet_edit *edit, struct zl_fleet_ledger *ledger,
                                   struct zl_error *err)
{
    switch (edit->action) {
    case ZL_EDIT_PAUSE:
        zl_fleet_pause(ledger, edit->by, edit->reason, edit->now_s);
        return ZL_OK;
    case ZL_EDIT_RESUME:
        return edit->after_restore ? resume_restored(ledger, err) : resume(edit, ledger, err);
    case ZL_EDIT_SET:
        return set(edit, ledger, err);
    case ZL_EDIT_STATUS:
    case ZL_EDIT_HISTORY:
    case ZL_EDIT_ADD:
    case ZL_EDIT_CREDENTIALS:
    case ZL_EDIT_REMOVE:
    case ZL_EDIT_RELEASE:
    case ZL_EDIT_REQUEST:
    case ZL_EDIT_DONE:
    case ZL_EDIT_FAILED:
    case ZL_EDIT_ACTIONS:
        break;
    }
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
    for (size_t i = 0; i < ledger->active_count; i++) {
        const struct zl_fleet_entry *entry = &ledger->active[i];
        (void)fprintf(out, "%-8s %-40s token %" PRId64 ", %" PRId64 " of %" PRId64 " s\n",
                      entry->active ? "Active" : "Offered", entry->cluster, entry->token,
                      entry->elapsed_ms / 1000, entry->limit_ms / 1000);
    }
    for (size_t i = 0; i < ledger->queue_count; i++) {
        (void)fprintf(out, "%-8zu %s\n", i + 1, ledger->queue[i]);
    }
}

void zl_fleet_print_history(const struct zl_fleet_ledger *ledger, FILE *out)
{
    for (size_t i = 0; i < ledger->history_count; i++) {
        const struct zl_fleet_ending *ending = &ledger->history[i];
        char at[ZL_TIME_TEXT_MAX];
        zl_time_format(ending->at_s * 1000000, at);
        (void)fprintf(out, "%s %-9s %-40s token %" PRId64 " round \"%s\"\n", at,
                      zl_fleet_outcome_name(ending->outcome), ending->cluster, ending->token,
                      ending->round);
    }
}
