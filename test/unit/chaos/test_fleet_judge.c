/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge of the fleet's chaos run must find every kind of violation, and none where there is none: each row is what the
 * hub showed, and which of I1 to I5 is broken by it. A millisecond goes by with each line.
 *
 *   ledger JSON    turn CLUSTER JSON    member CLUSTER JSON    begins CLUSTER TOKEN UNTIL-MS    ends CLUSTER TOKEN OUTCOME
 *   restored    wait MS    finish
 */
#include "common/base/memory.h"
#include "test/chaos/fleet/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATIENCE_MS = 1000, PERIOD_MS = 60000 };

struct found {
    char rules[256];
};

static void note(void *ctx, const char *rule, const char *sentence)
{
    struct found *found = ctx;
    (void)sentence;
    if (strstr(found->rules, rule) == NULL) {
        (void)snprintf(found->rules + strlen(found->rules),
                       sizeof found->rules - strlen(found->rules), "%s", rule);
    }
}

#define A(cluster, token) "{\"cluster\":\"" cluster "\",\"state\":\"Active\",\"token\":" token "}"
#define O(cluster, token) "{\"cluster\":\"" cluster "\",\"state\":\"Offered\",\"token\":" token "}"
#define L(n, active, more)                                                                         \
    "ledger {\"n\":" n ",\"maxFailures\":-1,\"active\":[" active "]" more "}\n"
#define ENDED(cluster, token, outcome)                                                             \
    "turn " cluster " {\"state\":\"Idle\",\"token\":" token ",\"endedToken\":" token               \
    ",\"outcome\":\"" outcome "\"}\n"
#define WAITS(cluster, ticket)                                                                     \
    "turn " cluster " {\"state\":\"Waiting\",\"ticket\":" ticket "}\nmember " cluster              \
    " {\"verb\":\"want\",\"nonce\":" ticket "}\n"
#define PAUSED ",\"paused\":{\"id\":1}"
#define RESTORED ",\"restored\":{\"serial\":1}"
#define FAILED(token) ",\"failed\":[" token "],\"counts\":{\"failed\":1}"

static const struct {
    const char *name, *script, *rules;
} ROWS[] = {
    {"a turn from offer to done",
     L("1", "", "") L("1", O("a", "1"), "")
         L("1", A("a", "1"), "") "begins a 1 900\nends a 1 done\n" ENDED("a", "1", "Done")
             L("1", "", "") L("1", O("b", "2"), "") "finish\n",
     ""},
    {"N lowered pre-empts nobody",
     L("2", "", "") L("2", O("a", "1"), "") L("2", O("a", "1") "," O("b", "2"), "")
         L("1", O("a", "1") "," O("b", "2"), ""),
     ""},
    {"one more than N",
     L("1", "", "") L("1", O("a", "1"), "") L("1", O("a", "1") "," O("b", "2"), ""), "I1"},
    {"an offer in a pause", L("1", "", PAUSED) L("1", O("a", "1"), PAUSED), "I1"},
    {"an offer in the swap that resumes", L("1", "", PAUSED) L("1", O("a", "1"), ""), "I1"},
    {"an offer that outlasts the pause",
     L("1", "", "") L("1", O("a", "1"), "") L("1", O("a", "1"), PAUSED), "I1"},
    {"an offer that is accepted in a pause",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), PAUSED), "I1"},
    {"an offer after a restoration", L("1", "", RESTORED) L("1", O("a", "1"), RESTORED), "I1"},
    {"a turn without an offer", L("1", "", "") L("1", A("a", "1"), ""), "I1"},
    {"a ledger that is gone", L("1", "", "") "ledger null\n", "I1"},
    {"a slot that is freed under who acts",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") "begins a 1 900\n" ENDED(
         "a", "1", "Expired") L("1", "", FAILED("1")),
     "I2"},
    {"a slot that is freed when the time is over",
     L("1", "", "") L("1", O("a", "1"), "")
         L("1", A("a", "1"), "") "begins a 1 900\nwait 1000\n" ENDED("a", "1", "Expired")
             L("1", "", FAILED("1")),
     ""},
    {"a turn that no ledger had", L("1", "", "") "begins a 1 900\nfinish\n", "I2"},
    {"a stamp that is here before its revision",
     L("1", "", "") "begins a 1 900\n" L("1", O("a", "1"), "") L("1", A("a", "1"), "") "finish\n",
     ""},
    {"an offer beside an act that a restored hub has forgotten",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") "begins a 1 900\nrestored\n" L(
         "1", "", "") L("1", O("b", "2"), ""),
     "I2"},
    {"an act that a restored hub takes in again",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") "begins a 1 900\nrestored\n" L(
         "1", "", "") L("1", "", RESTORED) L("1", A("a", "1"), RESTORED),
     ""},
    {"a token that comes twice",
     L("1", "", "") L("1", O("a", "1"), "") L("1", "", "") L("1", O("b", "1"), ""), "I3"},
    {"a token that comes twice to one cluster",
     L("1", "", "") L("1", O("a", "1"), "") L("1", "", "") L("1", O("a", "1"), ""), "I3"},
    {"a token that is smaller",
     L("1", "", "") L("1", O("a", "5"), "") L("1", "", "") L("1", O("b", "4"), ""), "I3"},
    {"a token that a restored hub gives again",
     L("1", "", "") L("1", O("a", "1"), "") "restored\n" L("1", "", "") L("1", O("b", "1"), ""),
     "I3"},
    {"a turn that goes backwards",
     "turn a {\"token\":2,\"gen\":2}\nturn a {\"token\":2,\"gen\":1}\n", "I3"},
    {"an act in another's token", L("1", "", "") L("1", O("a", "1"), "") "begins b 1 900\n", "I3"},
    {"somebody is passed over",
     L("1", "", "") WAITS("a", "1") WAITS("b", "2") "wait 2000\n" L("1", O("b", "1"), ""), "I4"},
    {"the first one goes first",
     L("1", "", "") WAITS("a", "1") WAITS("b", "2") "wait 2000\n" L("1", O("a", "1"), ""), ""},
    {"a ticket that was told a moment ago",
     L("1", "", "") WAITS("b", "2") "wait 2000\n" WAITS("a", "1") L("1", O("b", "1"), ""), ""},
    {"who is absent is passed over",
     L("1", "", "") WAITS("a", "1") "wait 200000\n" WAITS("b", "2") L("1", O("b", "1"), ""), ""},
    {"fewer turns go before an older ticket",
     L("1", "", "") WAITS("a", "1") "turn b {\"state\":\"Waiting\",\"ticket\":2,\"turns\":1}\n"
                                    "wait 2000\n" L("1", O("b", "1"), ""),
     "I4"},
    {"a failure that is not counted",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") ENDED("a", "1", "Failed")
         L("1", "", ""),
     "I5"},
    {"a failure that is counted, and pauses nothing though it should",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") ENDED(
         "a", "1",
         "Failed") "ledger {\"n\":1,\"maxFailures\":0,\"failed\":[1],\"counts\":{\"failed\":1}}\n",
     "I5"},
    {"a done that counts as a failure",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") ENDED("a", "1", "Done")
         L("1", "", FAILED("1")),
     "I5"},
    {"an end that was not told",
     L("1", "", "") L("1", O("a", "1"), "") L("1", A("a", "1"), "") L("1", "", ""), "I5"},
    {"a done that is told as failed",
     L("1", "", "") L("1", O("a", "1"), "")
         L("1", A("a", "1"), "") "begins a 1 900\nends a 1 done\n" ENDED("a", "1", "Failed"),
     "I5"},
    {"a failure that is told as done",
     L("1", "", "") L("1", O("a", "1"), "")
         L("1", A("a", "1"), "") "begins a 1 900\nends a 1 failed\n" ENDED("a", "1", "DoneLate"),
     "I5"},
    {"a failure that is taken back",
     L("1", "", "") L("1", O("a", "1"), "")
         L("1", A("a", "1"), "") "begins a 1 900\nends a 1 done\n" ENDED("a", "1", "Expired")
             L("1", "", FAILED("1")) L("1", "", ",\"counts\":{\"late\":1}")
                 ENDED("a", "1", "DoneLate") "finish\n",
     ""},
    {"a failure that leaves the counts", L("1", "", FAILED("1")) L("1", "", ""), "I5"},
    {"a failure that is not taken back",
     L("1", "", "") L("1", O("a", "1"), "")
         L("1", A("a", "1"), "") "begins a 1 900\nends a 1 done\n" ENDED("a", "1", "Expired")
             L("1", "", FAILED("1")) "finish\n",
     "I5"},
};

static void say(struct zl_fleet_judge *judge, int64_t *now_ms, const char *line)
{
    char cluster[64], word[64];
    long long token = 0, until_ms = 0;
    int at = 0;
    ZL_AUTO_JSON struct cJSON *json = NULL;
    const char *brace = strchr(line, '{');
    (*now_ms)++;
    if (brace != NULL) {
        assert_int_equal(zl_json_parse(brace, strlen(brace), &json, NULL), ZL_OK);
    }
    if (strncmp(line, "ledger ", 7) == 0) {
        zl_fleet_judge_ledger(judge, *now_ms, json);
    } else if (sscanf(line, "turn %63s %n", cluster, &at) == 1 && at > 0) {
        zl_fleet_judge_turn(judge, *now_ms, cluster, json);
    } else if (sscanf(line, "member %63s %n", cluster, &at) == 1 && at > 0) {
        zl_fleet_judge_member(judge, *now_ms, cluster, PERIOD_MS, json);
    } else if (sscanf(line, "begins %63s %lld %lld", cluster, &token, &until_ms) == 3) {
        zl_fleet_judge_begins(judge, cluster, token, *now_ms, until_ms);
    } else if (sscanf(line, "ends %63s %lld %63s", cluster, &token, word) == 3) {
        zl_fleet_judge_ends(judge, cluster, token, *now_ms, word);
    } else if (sscanf(line, "wait %lld", &until_ms) == 1) {
        *now_ms += until_ms;
    } else if (strcmp(line, "restored") == 0) {
        zl_fleet_judge_restored(judge);
    } else {
        assert_string_equal(line, "finish");
        zl_fleet_judge_finish(judge);
    }
}

static void test_judge_finds_each_violation_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct found found = {0};
        const struct zl_fleet_judge_spec spec = {
            .rate = 1, .patience_ms = PATIENCE_MS, .violation = note, .ctx = &found};
        struct zl_fleet_judge *judge = zl_fleet_judge_new(&spec);
        ZL_AUTO_FREE char *script = zl_strdup(ROWS[i].script);
        char *rest = script, *line;
        int64_t now_ms = 10;
        while ((line = strsep(&rest, "\n")) != NULL) {
            if (line[0] != '\0') {
                say(judge, &now_ms, line);
            }
        }
        zl_fleet_judge_free(judge);
        if (strcmp(found.rules, ROWS[i].rules) != 0) {
            fail_msg("%s: found \"%s\", not \"%s\"", ROWS[i].name, found.rules, ROWS[i].rules);
        }
    }
}

static void test_calm_is_settled_when_each_cluster_has_done_a_turn(void **state)
{
    struct found found = {0};
    const struct zl_fleet_judge_spec spec = {
        .rate = 1, .patience_ms = PATIENCE_MS, .violation = note, .ctx = &found};
    struct zl_fleet_judge *judge = zl_fleet_judge_new(&spec);
    char names[64];
    int64_t now_ms = 10;
    (void)state;
    static const char *const LINES[] = {
        "ledger {\"n\":1}", "ledger {\"n\":1,\"active\":[" O("a", "1") "]}",
        "ledger {\"n\":1,\"active\":[" A("a", "1") "]}",
        "turn a {\"endedToken\":1,\"token\":1,\"outcome\":\"Done\"}"};
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        say(judge, &now_ms, LINES[i]);
    }
    zl_fleet_judge_calm(judge);
    assert_int_equal(zl_fleet_judge_unsettled(judge, names, sizeof names), 1);
    assert_string_equal(names, " a");
    say(judge, &now_ms, "ledger {\"n\":1}");
    assert_int_equal(zl_fleet_judge_unsettled(judge, names, sizeof names), 0);
    assert_int_equal(zl_fleet_judge_tally(judge).done, 1);
    assert_string_equal(found.rules, "");
    zl_fleet_judge_free(judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_finds_each_violation_and_no_other),
        cmocka_unit_test(test_calm_is_settled_when_each_cluster_has_done_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
