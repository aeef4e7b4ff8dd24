/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { JOBS_MAX = 6, NOW_S = 100000, T1 = 90000, T2 = 90060 };

/* One Job; its name is its uid. */
struct row {
    const char *name;
    int64_t created_s, tick_s;
    bool finished, deleting, suspended, ours, runs;
    bool each;                 /* of the first: spec.ticks of the pool is Each */
    bool elsewhere, scheduled; /* managedBy another controller; Kueue's */
    int64_t deadline_s;        /* 0: none */
};

struct scene {
    const char *title;
    struct row jobs[JOBS_MAX];
    const char *turn;      /* whose turn the Lease says it is */
    const char *used_by;   /* who used T1 up */
    const char *standings; /* in order: o p d m E w */
    const char *order;     /* names in order */
    const char *next;
};

static const struct scene SCENES[] = {
    {"first come, first served",
     {{.name = "b", .created_s = 2}, {.name = "a", .created_s = 3}, {.name = "c", .created_s = 1}},
     NULL,
     NULL,
     "www",
     "c b a",
     "c"},
    {"numbers count by value",
     {{.name = "j-10", .created_s = 1},
      {.name = "j-9", .created_s = 1},
      {.name = "j-1", .created_s = 1}},
     NULL,
     NULL,
     "www",
     "j-1 j-9 j-10",
     "j-1"},
    {"one executes",
     {{.name = "a", .created_s = 1}, {.name = "b", .created_s = 2}, {.name = "c", .created_s = 3}},
     "b",
     NULL,
     "wEw",
     "a b c",
     "a"},
    {"whose turn it was is over",
     {{.name = "a", .created_s = 1, .finished = true}, {.name = "b", .created_s = 2}},
     "a",
     NULL,
     "ow",
     "a b",
     "b"},
    {"deleted Jobs wait for nothing",
     {{.name = "a", .created_s = 1, .deleting = true}, {.name = "b", .created_s = 2}},
     NULL,
     NULL,
     "ow",
     "a b",
     "b"},
    {"its user suspended it",
     {{.name = "a", .created_s = 1, .suspended = true}, {.name = "b", .created_s = 2}},
     NULL,
     NULL,
     "pw",
     "a b",
     "b"},
    {"suspended by us it waits",
     {{.name = "a", .created_s = 1, .suspended = true, .ours = true},
      {.name = "b", .created_s = 2}},
     NULL,
     NULL,
     "ww",
     "a b",
     "a"},
    {"its user suspends it in its turn",
     {{.name = "a", .created_s = 1, .suspended = true}, {.name = "b", .created_s = 2}},
     "a",
     NULL,
     "pw",
     "a b",
     "b"},
    {"one that runs goes first",
     {{.name = "a", .created_s = 1},
      {.name = "b", .created_s = 2, .runs = true},
      {.name = "c", .created_s = 3, .runs = true}},
     NULL,
     NULL,
     "www",
     "a b c",
     "b"},
    {"one Job for each tick",
     {{.name = "a", .created_s = 1, .tick_s = T1},
      {.name = "b", .created_s = 1, .tick_s = T1},
      {.name = "c", .created_s = 2, .tick_s = T2},
      {.name = "d", .created_s = 2, .tick_s = T2}},
     NULL,
     NULL,
     "wdwd",
     "a b c d",
     "a"},
    {"the tick was used up by a Job that is gone",
     {{.name = "a", .created_s = 1, .tick_s = T1}, {.name = "b", .created_s = 2}},
     NULL,
     "gone",
     "dw",
     "a b",
     "b"},
    {"... by itself",
     {{.name = "a", .created_s = 1, .tick_s = T1}, {.name = "b", .created_s = 1, .tick_s = T1}},
     NULL,
     "a",
     "wd",
     "a b",
     "a"},
    {"... by the later one",
     {{.name = "a", .created_s = 1, .tick_s = T1}, {.name = "b", .created_s = 2, .tick_s = T1}},
     NULL,
     "b",
     "dw",
     "a b",
     "b"},
    {"a finished Job is proof enough",
     {{.name = "a", .created_s = 1, .tick_s = T1, .finished = true},
      {.name = "b", .created_s = 2, .tick_s = T1}},
     NULL,
     NULL,
     "od",
     "a b",
     NULL},
    {"one that is deleted before its turn leaves the tick",
     {{.name = "a", .created_s = 1, .tick_s = T1, .deleting = true},
      {.name = "b", .created_s = 2, .tick_s = T1}},
     NULL,
     NULL,
     "ow",
     "a b",
     "b"},
    {"so does one that its user suspended",
     {{.name = "a", .created_s = 1, .tick_s = T1, .suspended = true},
      {.name = "b", .created_s = 2, .tick_s = T1}},
     NULL,
     NULL,
     "pw",
     "a b",
     "b"},
    {"executing, its tick is its own",
     {{.name = "a", .created_s = 1, .tick_s = T1}, {.name = "b", .created_s = 1, .tick_s = T1}},
     "a",
     "a",
     "Ed",
     "a b",
     NULL},
    {"made by hand it has no tick",
     {{.name = "a", .created_s = 1, .tick_s = T1}, {.name = "b", .created_s = 2}},
     NULL,
     NULL,
     "ww",
     "a b",
     "a"},
    {"missed its deadline",
     {{.name = "a", .created_s = 1, .tick_s = T1, .deadline_s = NOW_S - T1 - 1},
      {.name = "b", .created_s = 2, .tick_s = T1, .deadline_s = NOW_S - T1}},
     NULL,
     NULL,
     "md",
     "a b",
     NULL},
    {"just in time",
     {{.name = "a", .created_s = 1, .tick_s = T1, .deadline_s = NOW_S - T1}},
     NULL,
     NULL,
     "w",
     "a",
     "a"},
    {"no deadline for one that started",
     {{.name = "a", .created_s = 1, .tick_s = T1, .deadline_s = 1}},
     "a",
     "a",
     "E",
     "a",
     NULL},
    {"... or whose turn began and was lost",
     {{.name = "a", .created_s = 1, .tick_s = T1, .deadline_s = 1}},
     NULL,
     "a",
     "w",
     "a",
     "a"},
    /* Finding 6 */
    {"one whose pods another controller makes gets no turn",
     {{.name = "a", .created_s = 1, .elsewhere = true}, {.name = "b", .created_s = 2}},
     NULL,
     NULL,
     "pw",
     "a b",
     "b"},
    {"one that Kueue suspended has not been admitted there, queued here or not",
     {{.name = "a", .created_s = 1, .suspended = true, .ours = true, .scheduled = true},
      {.name = "b", .created_s = 2, .ours = true, .scheduled = true}},
     NULL,
     NULL,
     "pw",
     "a b",
     "b"},
    /* Case 13 */
    {"ticks: Each: two tasks of one time both get their turn",
     {{.name = "dump", .created_s = 1, .tick_s = T1, .each = true},
      {.name = "vacuum", .created_s = 1, .tick_s = T1}},
     NULL,
     "dump",
     "ww",
     "dump vacuum",
     "dump"},
    {"... unless its own deadline passed",
     {{.name = "a", .created_s = 1, .tick_s = T1, .deadline_s = NOW_S - T1 - 1, .each = true}},
     NULL,
     NULL,
     "m",
     "a",
     NULL},
    {"nobody", {{.name = NULL}}, NULL, NULL, "", "", NULL},
};

static char letter_of(enum zl_standing standing)
{
    return "opdmEw"[standing];
}

static void check(const struct scene *scene)
{
    struct zl_job jobs[JOBS_MAX] = {0};
    struct zl_turn turns[JOBS_MAX] = {0};
    struct zl_ticks ticks = {0};
    size_t count = 0;
    for (; count < JOBS_MAX && scene->jobs[count].name != NULL; count++) {
        const struct row *row = &scene->jobs[count];
        struct zl_job *job = &jobs[count];
        job->meta.name = zl_strdup(row->name);
        job->meta.uid = zl_strdup(row->name);
        job->meta.created_us = row->created_s * 1000000;
        job->meta.deleting = row->deleting;
        job->finished = row->finished;
        job->suspended = row->suspended;
        job->queued = row->ours;
        job->elsewhere = row->elsewhere;
        job->scheduled = row->scheduled;
        job->parallelism = 1;
        job->tick_s = row->tick_s;
        turns[count] =
            (struct zl_turn){.job = job,
                             .runs = row->runs,
                             .starting_deadline_s = row->deadline_s > 0 ? row->deadline_s : -1};
    }
    if (scene->used_by != NULL) {
        zl_ticks_add(&ticks, T1, scene->used_by, scene->used_by);
    }
    zl_turns_judge(turns, count, scene->turn, scene->jobs[0].each ? NULL : &ticks, NOW_S);

    char standings[JOBS_MAX + 1] = "";
    char order[64] = "";
    for (size_t i = 0; i < count; i++) {
        standings[i] = letter_of(turns[i].standing);
        (void)snprintf(order + strlen(order), sizeof order - strlen(order), "%s%s",
                       i > 0 ? " " : "", turns[i].job->meta.name);
        assert_true(turns[i].standing != ZL_STANDING_DUPLICATE || turns[i].rival != NULL);
    }
    const struct zl_turn *next = zl_turns_next(turns, count);
    const char *name = next != NULL ? next->job->meta.name : NULL;
    if (strcmp(standings, scene->standings) != 0 || strcmp(order, scene->order) != 0 ||
        !zl_same_string(name, scene->next)) {
        fail_msg("%s: %s, %s, next %s", scene->title, standings, order,
                 name != NULL ? name : "none");
    }
    zl_ticks_clear(&ticks);
    for (size_t i = 0; i < count; i++) {
        free(jobs[i].meta.name);
        free(jobs[i].meta.uid);
    }
}

static void test_whose_turn_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++) {
        check(&SCENES[i]);
    }
}

static void test_a_job_is_found_by_its_uid(void **state)
{
    (void)state;
    struct zl_job job = {.meta = {.uid = (char[]){"u"}}};
    const struct zl_turn turn = {.job = &job};
    assert_ptr_equal(zl_turns_find(&turn, 1, "u"), &turn);
    assert_null(zl_turns_find(&turn, 1, "v"));
    assert_null(zl_turns_find(NULL, 0, "u"));
}

static void test_ticks_keep_the_latest(void **state)
{
    (void)state;
    struct zl_ticks ticks = {0};
    for (int64_t i = ZL_TICKS_MAX + 2; i > 0; i--) { /* also when they come in the wrong order */
        zl_ticks_add(&ticks, i * 60, "job", "u");
    }
    assert_int_equal(ticks.count, ZL_TICKS_MAX);
    assert_int_equal(ticks.items[0].time_s, 3 * 60);
    assert_null(zl_ticks_find(&ticks, 2 * 60));
    assert_false(zl_ticks_allow(&ticks, 2 * 60, "v")); /* too old to know */
    assert_false(zl_ticks_allow(&ticks, 3 * 60, "v"));
    assert_true(zl_ticks_allow(&ticks, 3 * 60, "u"));
    assert_true(zl_ticks_allow(&ticks, 1000 * 60, "v"));
    zl_ticks_add(&ticks, 3 * 60, "other", "v"); /* it is used up, for good */
    assert_string_equal(zl_ticks_find(&ticks, 3 * 60)->uid, "u");
    zl_ticks_clear(&ticks);
    assert_true(zl_ticks_allow(&ticks, 60, "v"));
}

static void test_ticks_survive_the_status(void **state)
{
    (void)state;
    struct zl_ticks ticks = {0};
    struct zl_ticks copy = {0};
    zl_ticks_add(&ticks, 120, "b", "v");
    zl_ticks_add(&ticks, 60, "a", "u");
    ZL_AUTO_JSON struct cJSON *json = zl_ticks_encode(&ticks);
    zl_ticks_decode(json, &copy);
    ZL_AUTO_JSON struct cJSON *again = zl_ticks_encode(&copy);
    assert_true(zl_json_same(json, again));
    assert_int_equal(copy.items[0].time_s, 60);
    assert_string_equal(copy.items[0].job, "a");
    zl_ticks_clear(&ticks);
    zl_ticks_clear(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_turn_it_is),
        cmocka_unit_test(test_a_job_is_found_by_its_uid),
        cmocka_unit_test(test_ticks_keep_the_latest),
        cmocka_unit_test(test_ticks_survive_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
