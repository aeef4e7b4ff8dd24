/* SPDX-License-Identifier: Apache-2.0 */
/* What the clusters' LeaderPolicies say of their fleet, and which of it counts. */
#include "common/base/memory.h"
#include "common/fleet/next_internal.h"

static const struct zl_fleet_write NOTHING = {.kind = ZL_FLEET_NO_WRITE};

/* The spec of CLUSTER, if it has one and is heard; else NULL. */
static const struct zl_fleet_spec *spec_of(const struct zl_fleet_cluster *cluster)
{
    const struct zl_fleet_spec *spec = cluster->request != NULL ? &cluster->request->spec : NULL;
    return spec != NULL && spec->n > 0 && spec->limit_ms >= ZL_FLEET_LIMIT_LEAST_MS &&
                   !zl_fleet_is_absent(cluster)
               ? spec
               : NULL;
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The round that most clusters name, the first one by name of several; WAS, when none is named by more. Kept by VIEW, or WAS. */
static const char *voted_round(const struct zl_fleet_view *view, const char *was)
{
    const char **names = zl_alloc((view->count + 1) * sizeof(char *));
    const char *voted = was;
    size_t count = 0, votes = 0, most = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_spec *spec = spec_of(&view->clusters[i]);
        const bool same = spec != NULL && strcmp(spec->round, was) == 0;
        most += same;
        if (spec != NULL && !same) {
            names[count++] = spec->round;
        }
    }
    if (count > 1) {
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
        qsort(names, count, sizeof *names, by_text);
    }
    for (size_t i = 0; i < count; i++) {
        votes = i > 0 && strcmp(names[i - 1], names[i]) == 0 ? votes + 1 : 1;
        if (votes > most) {
            most = votes;
            voted = names[i];
        }
    }
    free(names);
    return voted;
}

static int64_t stricter_failures(int64_t left, int64_t right)
{
    return left < 0 ? right : right < 0 ? left : left < right ? left : right;
}

static void tighten(struct zl_fleet_spec *strictest, const struct zl_fleet_spec *spec)
{
    strictest->n = spec->n < strictest->n ? spec->n : strictest->n;
    strictest->limit_ms =
        spec->limit_ms < strictest->limit_ms ? spec->limit_ms : strictest->limit_ms;
    strictest->max_failures = stricter_failures(strictest->max_failures, spec->max_failures);
    strictest->max_extensions = spec->max_extensions < strictest->max_extensions
                                    ? spec->max_extensions
                                    : strictest->max_extensions;
    if (zl_fleet_plan_is_stricter(&spec->plan, &strictest->plan)) {
        strictest->plan = spec->plan;
    }
}

static bool same_spec(const struct zl_fleet_spec *left, const struct zl_fleet_spec *right)
{
    return left->n == right->n && left->limit_ms == right->limit_ms &&
           left->max_failures == right->max_failures &&
           left->max_extensions == right->max_extensions &&
           zl_fleet_plan_is_same(&left->plan, &right->plan) &&
           strcmp(left->round, right->round) == 0;
}

/*
 * While manifests are rolled out they differ: the strictest counts. The round is the one that most name; WAS stays until
 * another has more.
 */
static bool strictest_spec(const struct zl_fleet_view *view, const char *was,
                           struct zl_fleet_spec *out, bool *differs)
{
    const struct zl_fleet_spec *first = NULL;
    *differs = false;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_spec *spec = spec_of(&view->clusters[i]);
        if (spec == NULL) {
            continue;
        }
        if (first == NULL) {
            first = spec;
            *out = *spec;
        }
        if (!same_spec(first, spec)) { /* nearly all of them are the same */
            *differs = true;
            tighten(out, spec);
        }
    }
    if (*differs) {
        ZL_FLEET_TEXT(out->round, voted_round(view, was));
    }
    return first != NULL;
}

/* What of LEDGER comes from a spec. */
static struct zl_fleet_spec settings_of(const struct zl_fleet_ledger *ledger)
{
    struct zl_fleet_spec spec = {.n = ledger->n,
                                 .limit_ms = ledger->limit_ms,
                                 .max_failures = ledger->max_failures,
                                 .max_extensions = ledger->max_extensions,
                                 .plan = ledger->plan};
    ZL_FLEET_TEXT(spec.round, ledger->round);
    return spec;
}

static void take_spec(struct zl_fleet_ledger *ledger, const struct zl_fleet_spec *spec)
{
    ledger->n = spec->n < ZL_FLEET_N_MAX ? spec->n : ZL_FLEET_N_MAX;
    ledger->limit_ms =
        spec->limit_ms < ZL_FLEET_LIMIT_MAX_MS ? spec->limit_ms : ZL_FLEET_LIMIT_MAX_MS;
    ledger->max_failures = spec->max_failures;
    ledger->max_extensions = spec->max_extensions;
    if (!zl_fleet_plan_is_same(&ledger->plan, &spec->plan)) { /* whose turns are over keep that */
        ledger->plan = spec->plan;
        memset(&ledger->progress, 0, sizeof ledger->progress);
    }
    zl_fleet_begin_round(ledger, spec->round);
}

struct zl_fleet_write zl_fleet_row_open(const struct zl_fleet_view *view,
                                        const struct zl_fleet_now *now)
{
    (void)now;
    struct zl_fleet_spec spec;
    bool differs = false;
    if (view->ledger != NULL || !strictest_spec(view, "", &spec, &differs)) {
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_alloc(sizeof *next);
    take_spec(next, &spec);
    next->spec_differs = differs;
    next->next_ticket = 1;
    return (struct zl_fleet_write){.kind = ZL_FLEET_WRITE_LEDGER, .rule = "opened", .ledger = next};
}

static bool same_settings(const struct zl_fleet_ledger *left, const struct zl_fleet_ledger *right)
{
    const struct zl_fleet_spec one = settings_of(left), other = settings_of(right);
    return left->spec_differs == right->spec_differs && same_spec(&one, &other);
}

struct zl_fleet_write zl_fleet_row_spec(const struct zl_fleet_view *view,
                                        const struct zl_fleet_now *now)
{
    (void)now;
    struct zl_fleet_spec spec;
    bool differs = false;
    if (!strictest_spec(view, view->ledger->round, &spec, &differs)) {
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    if (!next->set) { /* what a person set is not the clusters' to change */
        take_spec(next, &spec);
    }
    next->spec_differs = differs;
    if (same_settings(next, view->ledger)) {
        zl_fleet_ledger_free(next);
        return NOTHING;
    }
    return zl_fleet_swap(view, next, "spec");
}
