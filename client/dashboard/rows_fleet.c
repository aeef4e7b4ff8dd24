/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/rows.h"

#include "common/base/json.h"

#include <string.h>

#define MS_PER_S INT64_C(1000)
/* Fewer endings are no pace. */
enum { PACE_LEAST = 3 };

int64_t zl_fleet_end_s(const struct zl_fleet_ledger *ledger)
{
    int64_t first_s = 0, last_s = 0, endings = 0;
    for (size_t i = 0; i < ledger->history_count; i++) {
        const struct zl_fleet_ending *ending = &ledger->history[i];
        if (strcmp(ending->round, ledger->round) != 0) {
            continue;
        }
        first_s = endings == 0 || ending->at_s < first_s ? ending->at_s : first_s;
        last_s = ending->at_s > last_s ? ending->at_s : last_s;
        endings++;
    }
    const int64_t left = ledger->counts.waiting + (int64_t)ledger->active_count;
    if (endings < PACE_LEAST || left == 0 || ledger->pause.id != 0 || ledger->n == 0) {
        return 0;
    }
    return last_s + left * (last_s - first_s) / (endings - 1);
}

/* The last ending of CLUSTER in the ledger's round; NULL: none. */
static const struct zl_fleet_ending *ending_of(const struct zl_fleet_ledger *ledger,
                                               const char *cluster)
{
    for (size_t i = ledger->history_count; i > 0; i--) {
        const struct zl_fleet_ending *ending = &ledger->history[i - 1];
        if (strcmp(ending->cluster, cluster) == 0 && strcmp(ending->round, ledger->round) == 0) {
            return ending;
        }
    }
    return NULL;
}

/* Its place in the ledger's queue, which is newer than what the cluster was told; 0: none. */
static int64_t position_of(const struct zl_fleet_ledger *ledger, const char *cluster)
{
    for (size_t i = 0; i < ledger->queue_count; i++) {
        if (strcmp(ledger->queue[i], cluster) == 0) {
            return (int64_t)i + 1;
        }
    }
    return 0;
}

static const char *state_after(const struct zl_fleet_ending *ending)
{
    if (ending == NULL) {
        return "Idle";
    }
    return ending->outcome == ZL_FLEET_DONE || ending->outcome == ZL_FLEET_DONE_LATE ? "Done"
           : ending->outcome == ZL_FLEET_RELEASED                                    ? "Idle"
                                                                                     : "Failed";
}

static void add_cluster(struct cJSON *list, const struct zl_fleet_ledger *ledger,
                        const char *cluster, const struct zl_fleet_turn *turn)
{
    const struct zl_fleet_entry *entry = zl_fleet_entry_of(ledger, cluster);
    const struct zl_fleet_ending *ending = ending_of(ledger, cluster);
    const int64_t queued = position_of(ledger, cluster);
    const bool waits =
        entry == NULL && (queued > 0 || (turn != NULL && turn->state == ZL_FLEET_WAITING));
    const int64_t position = queued > 0 ? queued : turn != NULL ? turn->position : 0;
    struct cJSON *row = zl_json_object();
    zl_json_set_text(row, "name", cluster);
    zl_json_set_text(row, "state",
                     entry != NULL ? (entry->active ? "Active" : "Offered")
                     : waits       ? "Waiting"
                                   : state_after(ending));
    zl_json_set_i64(row, "position", waits ? position : 0);
    zl_json_set_i64(row, "wave",
                    waits && position > 0 && ledger->n > 0 ? (position - 1) / ledger->n + 1 : 0);
    zl_json_set_i64(row, "token", entry != NULL ? entry->token : 0);
    zl_json_set_i64(row, "elapsedMs", entry != NULL ? entry->elapsed_ms : 0);
    zl_json_set_i64(row, "limitMs", entry != NULL ? entry->limit_ms : 0);
    zl_json_set_text(row, "why", waits && turn != NULL && turn->why[0] != '\0' ? turn->why : NULL);
    zl_json_set_text(row, "outcome",
                     ending != NULL ? zl_fleet_outcome_name(ending->outcome) : NULL);
    if (ending != NULL) {
        zl_json_set_i64(row, "endedMs", ending->at_s * MS_PER_S);
    } else {
        zl_json_set_null(row, "endedMs");
    }
    zl_json_append(list, row);
}

static bool has_turn(const struct zl_cluster_turn *turns, size_t count, const char *cluster)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(turns[i].cluster, cluster) == 0) {
            return true;
        }
    }
    return false;
}

/* Those that the hub tells of, then those of which the ledger alone knows. */
static struct cJSON *clusters_of(const struct zl_fleet_ledger *ledger,
                                 const struct zl_cluster_turn *turns, size_t count)
{
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < count; i++) {
        add_cluster(list, ledger, turns[i].cluster, turns[i].turn);
    }
    for (size_t i = 0; i < ledger->active_count; i++) {
        if (!has_turn(turns, count, ledger->active[i].cluster)) {
            add_cluster(list, ledger, ledger->active[i].cluster, NULL);
        }
    }
    for (size_t i = 0; i < ledger->queue_count; i++) {
        if (!has_turn(turns, count, ledger->queue[i]) &&
            zl_fleet_entry_of(ledger, ledger->queue[i]) == NULL) {
            add_cluster(list, ledger, ledger->queue[i], NULL);
        }
    }
    return list;
}

static void set_pause(struct cJSON *row, const struct zl_fleet_pause *pause)
{
    if (pause->id == 0) {
        zl_json_set_null(row, "paused");
        return;
    }
    struct cJSON *out = zl_json_child(row, "paused");
    zl_json_set_text(out, "by", pause->by);
    zl_json_set_text(out, "reason", pause->reason[0] != '\0' ? pause->reason : NULL);
    zl_json_set_i64(out, "sinceMs", pause->since_s * MS_PER_S);
}

struct cJSON *zl_row_of_fleet(const char *pool, const struct zl_fleet_ledger *ledger,
                              const struct zl_cluster_turn *turns, size_t count)
{
    struct cJSON *row = zl_json_object();
    const int64_t end_s = zl_fleet_end_s(ledger);
    zl_json_set_text(row, "pool", pool);
    zl_json_set_i64(row, "n", ledger->n);
    zl_json_set_i64(row, "limitMs", ledger->limit_ms);
    zl_json_set_i64(row, "maxFailures", ledger->max_failures);
    zl_json_set_text(row, "round", ledger->round[0] != '\0' ? ledger->round : NULL);
    set_pause(row, &ledger->pause);
    zl_json_set_bool(row, "restored", ledger->restored_serial != 0);
    zl_json_set_bool(row, "specDiffers", ledger->spec_differs);
    zl_json_set_bool(row, "setByPerson", ledger->set);
    zl_json_set_i64(row, "waiting", ledger->counts.waiting);
    zl_json_set_i64(row, "done", ledger->counts.done + ledger->counts.late);
    zl_json_set_i64(row, "failed", ledger->counts.failed);
    if (end_s != 0) {
        zl_json_set_i64(row, "endMs", end_s * MS_PER_S);
    } else {
        zl_json_set_null(row, "endMs");
    }
    zl_json_set(row, "clusters", clusters_of(ledger, turns, count));
    return row;
}
