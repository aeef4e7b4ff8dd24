/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US 1767225600000000
#define AGO(seconds) (NOW_US - (seconds) * (int64_t)1000000)

static char ip[] = "10.0.0.1", name_a[] = "a", name_b[] = "b", name_c[] = "c", uid_a[] = "uid-a",
            uid_b[] = "uid-b", uid_c[] = "uid-c";

/* Ready for that many seconds, made that many seconds ago. */
#define POD(letter, ready_s, made_s)                                                               \
    {                                                                                              \
        .meta = {.name = name_##letter, .uid = uid_##letter, .created_us = AGO(made_s)},           \
        .ready = true, .serving = true, .ready_since_us = AGO(ready_s), .ips = {                   \
            ip                                                                                     \
        }                                                                                          \
    }

static const struct zl_pod
    OLD = POD(a, 100, 200),
    YOUNG = POD(b, 10, 20), TWIN_OF_OLD = POD(c, 100, 150), SAME_AGE_AS_OLD = POD(b, 100, 200),
    FRESH = POD(c, 2, 300),
    NOT_READY = {.meta = {.name = name_a, .uid = uid_a, .created_us = AGO(200)}, .ips = {ip}},
    TERMINATING = {.meta = {.name = name_a, .uid = uid_a, .created_us = AGO(200), .deleting = true},
                   .serving = true,
                   .ips = {ip}},
    FAILED = {.meta = {.name = name_a, .uid = uid_a}, .finished = true, .ips = {ip}},
    WITHOUT_IP = {.meta = {.name = name_a, .uid = uid_a, .created_us = AGO(200)},
                  .ready = true,
                  .ready_since_us = AGO(100)},
    CLOCK_AHEAD = POD(a, -60, 200),
    UNKNOWN_SINCE = {.meta = {.name = name_a, .uid = uid_a}, .ready = true, .ips = {ip}};

struct row {
    const char *what;
    const struct zl_pod *pods[3];
    const char *current;
    bool restless; /* sticky: "false" */
    int64_t min_ready_ms;
    const struct zl_pod *leader;
    int64_t recheck_ms;
};

static const struct row ROWS[] = {
    {.what = "nobody there"},
    {"oldest Ready leads", {&YOUNG, &OLD}, NULL, false, 0, &OLD, 0},
    {"whatever the order", {&OLD, &YOUNG}, NULL, false, 0, &OLD, 0},
    {"readiness counts before creation", {&FRESH, &YOUNG}, NULL, false, 0, &YOUNG, 0},
    {"then the older", {&TWIN_OF_OLD, &OLD}, NULL, false, 0, &OLD, 0},
    {"then the name", {&SAME_AGE_AS_OLD, &OLD}, NULL, false, 0, &OLD, 0},
    {"sticky: the younger keeps it", {&OLD, &YOUNG}, uid_b, false, 0, &YOUNG, 0},
    {"not sticky: the oldest takes it", {&OLD, &YOUNG}, uid_b, true, 0, &OLD, 0},
    {"not sticky: the oldest keeps it", {&OLD, &YOUNG}, uid_a, true, 0, &OLD, 0},
    {"leader not Ready", {&NOT_READY, &YOUNG}, uid_a, false, 0, &YOUNG, 0},
    {"leader terminating, still serving", {&TERMINATING, &YOUNG}, uid_a, false, 0, &YOUNG, 0},
    {"leader Failed", {&FAILED, &YOUNG}, uid_a, false, 0, &YOUNG, 0},
    {"leader gone", {&YOUNG}, uid_a, false, 0, &YOUNG, 0},
    {"never without an address", {&WITHOUT_IP, &YOUNG}, NULL, false, 0, &YOUNG, 0},
    {"not even the leader", {&WITHOUT_IP, &YOUNG}, uid_a, false, 0, &YOUNG, 0},
    {"all not Ready", {&NOT_READY}, NULL, false, 0, NULL, 0},
    {"the last one terminating", {&TERMINATING}, uid_a, false, 0, NULL, 0},
    {"recovery of one", {&FAILED, &FRESH}, NULL, false, 0, &FRESH, 0},
    {"Ready long enough", {&OLD, &FRESH}, NULL, false, 5000, &OLD, 0},
    {"nobody long enough: wait for the first", {&FRESH, &YOUNG}, NULL, false, 15000, NULL, 5000},
    {"one waits, another leads", {&FRESH, &YOUNG}, NULL, false, 5000, &YOUNG, 0},
    {"a leader need not wait", {&FRESH}, uid_c, false, 5000, &FRESH, 0},
    {"nor one that is not sticky", {&FRESH}, uid_c, true, 5000, &FRESH, 0},
    {"just seen Ready, whatever its own clock says: the whole time",
     {&CLOCK_AHEAD},
     NULL,
     false,
     5000,
     NULL,
     5000},
    {"does not say since when, and was seen for long",
     {&UNKNOWN_SINCE},
     NULL,
     false,
     5000,
     &UNKNOWN_SINCE,
     0},
};

static void test_leader_is_chosen_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        int64_t ready_ms[3] = {0};
        const struct zl_choice_rules rules = {
            .sticky = !row->restless, .min_ready_ms = row->min_ready_ms, .ready_ms = ready_ms};
        size_t count = 0;
        while (count < 3 && row->pods[count] != NULL) {
            int64_t since_us = row->pods[count]->ready_since_us;
            ready_ms[count++] = since_us < NOW_US ? (NOW_US - since_us) / 1000 : 0;
        }
        struct zl_choice choice = zl_choose_leader(row->pods, count, row->current, &rules);
        if (choice.leader != row->leader || choice.recheck_ms != row->recheck_ms) {
            fail_msg("%s: leader %s, recheck %lld", row->what,
                     choice.leader != NULL ? choice.leader->meta.name : "none",
                     (long long)choice.recheck_ms);
        }
    }
}

/* --- by request of the Service --- */

static char node_1[] = "node-1", node_2[] = "node-2";
#define POD_ON(letter, ready_s, made_s, where)                                                     \
    {                                                                                              \
        .meta = {.name = name_##letter, .uid = uid_##letter, .created_us = AGO(made_s)},           \
        .ready = true, .serving = true, .ready_since_us = AGO(ready_s), .node = (where), .ips = {  \
            ip                                                                                     \
        }                                                                                          \
    }
/* The longest Ready is neither the oldest nor the newest. */
static const struct zl_pod ELDER = POD_ON(a, 50, 900, node_1), MIDDLE = POD_ON(b, 100, 500, node_1),
                           NEWEST = POD_ON(c, 20, 30, node_2),
                           UNREADY_MIDDLE = {.meta = {.name = name_b, .uid = uid_b}, .ips = {ip}},
                           LEAVING_MIDDLE = {.meta = {.name = name_b,
                                                      .uid = uid_b,
                                                      .deleting = true},
                                             .ips = {ip}},
                           ADDRESSLESS_MIDDLE = {.meta = {.name = name_b, .uid = uid_b}};

static void test_preference_decides_among_those_that_can_lead(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum zl_preference prefers;
        const char *lost_node, *current;
        bool restless;
        int64_t min_ready_ms;
        const struct zl_pod *leader;
        int64_t recheck_ms;
    } rows[] = {
        {.what = "none: the longest Ready", .leader = &MIDDLE},
        {.what = "oldest", .prefers = ZL_PREFER_OLDEST, .leader = &ELDER},
        {.what = "newest", .prefers = ZL_PREFER_NEWEST, .leader = &NEWEST},
        {.what = "another node than the lost leader's",
         .prefers = ZL_PREFER_OTHER_NODE,
         .lost_node = node_1,
         .leader = &NEWEST},
        {.what = "of two there the longest Ready",
         .prefers = ZL_PREFER_OTHER_NODE,
         .lost_node = node_2,
         .leader = &MIDDLE},
        {.what = "nobody knows where it was", .prefers = ZL_PREFER_OTHER_NODE, .leader = &MIDDLE},
        {.what = "the node of a leader that still leads is not lost",
         .prefers = ZL_PREFER_OTHER_NODE,
         .lost_node = node_1,
         .current = uid_b,
         .restless = true,
         .leader = &MIDDLE},
        {.what = "sticky: who leads keeps leading",
         .prefers = ZL_PREFER_NEWEST,
         .current = uid_a,
         .leader = &ELDER},
        {.what = "not sticky: the newest takes it",
         .prefers = ZL_PREFER_NEWEST,
         .current = uid_a,
         .restless = true,
         .leader = &NEWEST},
        {.what = "not sticky: the newest will take it when it has been Ready for long enough",
         .prefers = ZL_PREFER_NEWEST,
         .current = uid_a,
         .restless = true,
         .min_ready_ms = 25000,
         .leader = &MIDDLE,
         .recheck_ms = 5000},
        {.what = "sticky: nobody need look again",
         .prefers = ZL_PREFER_NEWEST,
         .min_ready_ms = 25000,
         .leader = &MIDDLE},
        {.what = "not sticky: one that waits and would not lead is not looked for",
         .prefers = ZL_PREFER_OLDEST,
         .restless = true,
         .min_ready_ms = 25000,
         .leader = &ELDER},
    };
    const struct zl_pod *const pods[] = {&NEWEST, &ELDER, &MIDDLE};
    const int64_t ready_ms[] = {20000, 50000, 100000};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct zl_choice_rules rules = {.sticky = !rows[i].restless,
                                              .prefers = rows[i].prefers,
                                              .lost_node = rows[i].lost_node,
                                              .min_ready_ms = rows[i].min_ready_ms,
                                              .ready_ms = ready_ms};
        struct zl_choice choice = zl_choose_leader(pods, 3, rows[i].current, &rules);
        if (choice.leader != rows[i].leader || choice.recheck_ms != rows[i].recheck_ms) {
            fail_msg("%s: leader %s, recheck %lld", rows[i].what,
                     choice.leader != NULL ? choice.leader->meta.name : "none",
                     (long long)choice.recheck_ms);
        }
    }
}

static void test_leader_that_is_merely_not_ready_is_waited_for(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const struct zl_pod *current;
        int64_t delay_ms, unready_ms;
        bool restless;
        const struct zl_pod *leader;
        int64_t recheck_ms;
    } rows[] = {
        {"no delay: at once", &UNREADY_MIDDLE, 0, 0, false, &ELDER, 0},
        {"just now", &UNREADY_MIDDLE, 5000, 0, false, &UNREADY_MIDDLE, 5000},
        {"for a while", &UNREADY_MIDDLE, 5000, 4000, false, &UNREADY_MIDDLE, 1000},
        {"for long enough", &UNREADY_MIDDLE, 5000, 5000, false, &ELDER, 0},
        {"not sticky: the same", &UNREADY_MIDDLE, 5000, 4000, true, &UNREADY_MIDDLE, 1000},
        {"deleted: it does not come back", &LEAVING_MIDDLE, 5000, 0, false, &ELDER, 0},
        {"no address", &ADDRESSLESS_MIDDLE, 5000, 0, false, &ELDER, 0},
        {"it is Ready", &MIDDLE, 5000, 0, false, &MIDDLE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct zl_pod *const pods[] = {&ELDER, rows[i].current};
        const struct zl_choice_rules rules = {.sticky = !rows[i].restless,
                                              .failover_delay_ms = rows[i].delay_ms,
                                              .unready_ms = rows[i].unready_ms};
        struct zl_choice choice = zl_choose_leader(pods, 2, uid_b, &rules);
        if (choice.leader != rows[i].leader || choice.recheck_ms != rows[i].recheck_ms) {
            fail_msg("%s: leader %s, recheck %lld", rows[i].what,
                     choice.leader != NULL ? choice.leader->meta.name : "none",
                     (long long)choice.recheck_ms);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leader_is_chosen_as_the_table_says),
        cmocka_unit_test(test_preference_decides_among_those_that_can_lead),
        cmocka_unit_test(test_leader_that_is_merely_not_ready_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
