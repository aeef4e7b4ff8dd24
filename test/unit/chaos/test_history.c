/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker of the chaos run must find every kind of violation, and none where there is none: each row is a small history,
 * written as a script, and what is to be found in it.
 *
 *   policy NAME [standby] [recreate] [token=N] [status=UID]     workload UID pool=P|- replicas=N
 *   job UID pool=P|- [going] [over]
 *   pod UID of WORKLOAD|JOB [ready] [going] [over]
 *   lease POOL [holder=UID] [claim] [token=N] [next=UID] [out=UID,UID] [turn=JOB]
 *   replicaset UID of WORKLOAD [replicas=N] [number=N]    gone pod|lease|policy|replicaset|job NAME
 *   open|slow POOL    close|quick POOL MS    calm MS    waits|goes-on REPLICASET|JOB    at MS: also look at the calm
 */
#include "common/base/memory.h"
#include "test/chaos/fact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct found {
    unsigned count[ZL_VIOLATIONS];
    unsigned sum;
};

static void note(void *ctx, enum zl_violation violation, const char *text)
{
    struct found *found = ctx;
    (void)text;
    found->count[violation]++;
    found->sum++;
}

struct script {
    struct zl_history *history;
    uint64_t revision;
    int64_t now_ms;
    bool calm; /* it lasts */
    enum zl_calm state;
    char *reason;
};

/* The value of "KEY=..." among WORDS, NULL when absent; or WORDS's own text for a bare KEY. */
static const char *value_of(char **words, size_t count, const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 1; i < count; i++) {
        if (strncmp(words[i], key, length) == 0 && words[i][length] == '=') {
            return words[i] + length + 1;
        }
        if (strcmp(words[i], key) == 0) {
            return words[i];
        }
    }
    return NULL;
}

static int64_t number_of(char **words, size_t count, const char *key, int64_t fallback)
{
    const char *text = value_of(words, count, key);
    return text != NULL ? strtoll(text, NULL, 10) : fallback;
}

static void fill_pod(char **words, size_t count, struct zl_fact *fact)
{
    fact->kind = ZL_FACT_POD;
    fact->owner_uid = words[3];
    fact->ready = value_of(words, count, "ready") != NULL;
    fact->terminating = value_of(words, count, "going") != NULL;
    fact->finished = value_of(words, count, "over") != NULL;
}

static void fill_lease(char **words, size_t count, struct zl_fact *fact)
{
    fact->kind = ZL_FACT_LEASE;
    fact->pool = words[1];
    fact->holder_uid = value_of(words, count, "holder");
    fact->provisional = value_of(words, count, "claim") != NULL;
    fact->token = number_of(words, count, "token", 0);
    fact->successor_uid = value_of(words, count, "next");
    fact->deposed = value_of(words, count, "out");
    fact->turn_uid = value_of(words, count, "turn");
}

static bool fill(char **words, size_t count, struct zl_fact *fact)
{
    fact->name = fact->uid = words[1];
    if (strcmp(words[0], "pod") == 0) {
        fill_pod(words, count, fact);
    } else if (strcmp(words[0], "lease") == 0) {
        fill_lease(words, count, fact);
    } else if (strcmp(words[0], "policy") == 0) {
        fact->kind = ZL_FACT_POLICY;
        fact->standby = value_of(words, count, "standby") != NULL;
        fact->recreate = value_of(words, count, "recreate") != NULL;
        fact->token = number_of(words, count, "token", 0);
        fact->status_uid = value_of(words, count, "status");
    } else if (strcmp(words[0], "workload") == 0) {
        fact->kind = ZL_FACT_WORKLOAD;
        fact->pool = value_of(words, count, "pool");
        fact->pool = zl_same_string(fact->pool, "-") ? NULL : fact->pool;
        fact->replicas = number_of(words, count, "replicas", 1);
    } else if (strcmp(words[0], "job") == 0) {
        fact->kind = ZL_FACT_JOB;
        fact->pool = value_of(words, count, "pool");
        fact->pool = zl_same_string(fact->pool, "-") ? NULL : fact->pool;
        fact->terminating = value_of(words, count, "going") != NULL;
        fact->finished = value_of(words, count, "over") != NULL;
    } else if (strcmp(words[0], "replicaset") == 0) {
        fact->kind = ZL_FACT_REPLICASET;
        fact->owner_uid = words[3];
        fact->replicas = number_of(words, count, "replicas", 1);
        fact->deployment_revision = number_of(words, count, "number", 0);
    } else {
        return false;
    }
    return true;
}

static void door(struct script *script, char **words, size_t count)
{
    bool slow = strcmp(words[0], "slow") == 0 || strcmp(words[0], "quick") == 0;
    enum zl_door kind = slow ? ZL_DOOR_SLOW : ZL_DOOR_OPEN;
    if (count == 2) {
        zl_history_open(script->history, kind, words[1], script->now_ms);
    } else {
        zl_history_close(script->history, kind, words[1], script->now_ms,
                         strtoll(words[2], NULL, 10));
    }
}

static void look(struct script *script)
{
    free(script->reason);
    script->reason = NULL;
    script->state = zl_history_look(script->history, script->now_ms, &script->reason);
    script->calm = script->state == ZL_CALM_LASTS;
}

/* What is no fact; false: it is one. */
static bool tell(struct script *script, char **words, size_t count)
{
    if (strcmp(words[0], "at") == 0) {
        script->now_ms = strtoll(words[1], NULL, 10);
        if (script->calm) {
            look(script);
        }
    } else if (strcmp(words[0], "calm") == 0) {
        script->calm = true;
        zl_history_calm(script->history, script->now_ms, strtoll(words[1], NULL, 10));
    } else if (strcmp(words[0], "waits") == 0 || strcmp(words[0], "goes-on") == 0) {
        zl_history_expects(script->history, words[1], strcmp(words[0], "waits") == 0,
                           script->now_ms);
    } else if (strcmp(words[0], "open") == 0 || strcmp(words[0], "slow") == 0 ||
               strcmp(words[0], "close") == 0 || strcmp(words[0], "quick") == 0) {
        door(script, words, count);
    } else {
        return false;
    }
    return true;
}

static void run_line(struct script *script, char *line)
{
    char *words[10] = {NULL};
    size_t count = 0;
    char *rest = NULL;
    for (char *w = strtok_r(line, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
        words[count++] = w;
    }
    if (count < 2 || tell(script, words, count)) {
        return;
    }
    bool gone = strcmp(words[0], "gone") == 0;
    struct zl_fact fact = {.deleted = gone, .revision = ++script->revision};
    fact.at_ms = script->now_ms;
    assert_true(fill(words + gone, count - gone, &fact));
    zl_history_apply(script->history, &fact);
}

static void run_script(struct script *script, const char *text)
{
    ZL_AUTO_FREE char *copy = zl_strdup(text);
    char *rest = NULL;
    for (char *l = strtok_r(copy, ";", &rest); l != NULL; l = strtok_r(NULL, ";", &rest)) {
        run_line(script, l);
    }
}

/* A pool of one workload with a leader, a. */
#define LED                                                                                        \
    "policy p;workload w pool=p replicas=3;lease p holder=a claim token=1;pod a of w;"             \
    "lease p holder=a token=1;pod a of w ready;policy p token=1 status=a;at 100000;"

/* A pool of two Jobs: it is j's turn, whose first pod, a, executes; k waits. */
#define TURN                                                                                       \
    "policy p;job j pool=p;job k pool=p;lease p holder=a claim token=1 turn=j;pod a of j;"         \
    "lease p holder=a token=1 turn=j;policy p token=1 status=a;at 100000;"
/* The same after j's turn, and k's. */
#define IDLE                                                                                       \
    TURN "pod a of j over;job j pool=p over;lease p token=1;job k pool=p over;policy p token=1;"

struct row {
    const char *script;
    int violation; /* -1: none */
};

static const struct row ROWS[] = {
    {LED, -1},
    /* two leaders */
    {LED "lease p holder=b claim token=2;pod b of w", ZL_TWO_LEADERS},
    {LED "pod a of w going;lease p holder=b claim token=2;pod b of w", ZL_TWO_LEADERS},
    {LED "gone lease p;lease p holder=b claim token=2;pod b of w", ZL_TWO_LEADERS},
    {LED "lease p token=1;lease p holder=b claim token=2;pod b of w", ZL_TWO_LEADERS},
    {LED "gone pod a;lease p holder=b claim token=2;pod b of w", -1},
    {LED "pod a of w over;lease p holder=b claim token=2;pod b of w", -1},
    {LED "lease p holder=b claim token=2;gone pod a;pod b of w", -1}, /* never both at once */
    {LED "workload w pool=- replicas=3;workload v pool=p replicas=3;lease p holder=b token=2;"
         "pod b of v",
     -1}, /* a's workload has left */
    {LED "workload w pool=- replicas=3;workload w pool=p replicas=3;lease p holder=b claim token=2;"
         "pod b of w",
     ZL_TWO_LEADERS}, /* and came back before anything happened */
    {"policy p standby;workload w pool=p replicas=3;pod a of w;pod b of w;lease p holder=a token=1;"
     "lease p holder=b token=2",
     -1},
    {"policy p;workload d pool=p replicas=3;replicaset w of d;lease p holder=a claim token=1;"
     "pod a of w;lease p holder=b claim token=2;pod b of w",
     ZL_TWO_LEADERS}, /* by way of the ReplicaSet */
    {LED "slow p;lease p holder=b claim token=2;pod b of w", ZL_TWO_LEADERS}, /* a was confirmed */
    /* rollout */
    {LED "lease p holder=a token=1 next=b;pod b of w;pod b of w ready;"
         "lease p holder=b token=2 out=a;gone pod a",
     -1},
    {LED "lease p holder=a token=1 next=b;pod b of w;lease p holder=b token=2", ZL_TWO_LEADERS},
    {LED "lease p holder=a token=1 next=b;pod b of w;lease p holder=b token=2 out=a;"
         "lease p holder=a token=3 out=a",
     ZL_DEPOSED_LEADS},
    {"policy p standby;workload w pool=p replicas=3;pod a of w;pod b of w;"
     "lease p holder=a token=1 out=b;lease p holder=b token=2",
     -1},
    /* slipped past */
    {LED "pod b of w", ZL_SLIPPED_PAST},
    {LED "workload w pool=p replicas=5;pod b of w", ZL_SLIPPED_PAST},
    {LED "pod b of x", -1}, /* nobody's */
    {LED "workload w pool=p replicas=1;pod b of w", -1},
    {LED "workload w pool=p replicas=1;workload w pool=p replicas=3;at 101000;pod b of w", -1},
    {LED "workload w pool=p replicas=1;workload w pool=p replicas=3;at 110000;pod b of w",
     ZL_SLIPPED_PAST},
    {LED "workload v pool=- replicas=3;workload v pool=p replicas=3;at 101000;pod b of v", -1},
    {LED "workload v pool=- replicas=3;workload v pool=p replicas=3;at 110000;pod b of v",
     ZL_SLIPPED_PAST},
    {LED "open p;at 101000;pod b of w", -1},
    {LED "open q;at 101000;pod b of w", ZL_SLIPPED_PAST},
    {LED "at 101000;open p;at 100500;pod b of w", ZL_SLIPPED_PAST}, /* it came before that */
    {LED "open p;at 101000;close p 2000;at 102000;pod b of w", -1},
    {LED "open p;at 101000;close p 2000;at 104000;pod b of w", ZL_SLIPPED_PAST},
    {LED "slow p;at 101000;pod b of w", ZL_SLIPPED_PAST}, /* slow explains late, not uncalled */
    {LED "gone policy p;at 101000;pod b of w", -1},
    /* late commit */
    {"policy p;workload w pool=p replicas=3;lease p holder=a claim token=1;"
     "lease p holder=b claim token=2;pod b of w;at 100000;pod a of w",
     ZL_LATE_COMMIT},
    {"policy p;workload w pool=p replicas=3;at 100000;slow p;lease p holder=a claim token=1;"
     "lease p holder=b claim token=2;pod b of w;pod a of w",
     -1},
    {"policy p;workload w pool=p replicas=3;at 100000;slow p;lease p holder=a claim token=1;"
     "pod a of w;lease p holder=b claim token=2;pod b of w",
     -1}, /* stored between the look and the write */
    {"policy p;workload w pool=p replicas=3;at 100000;lease p holder=a claim token=1;"
     "pod a of w;lease p holder=b claim token=2;pod b of w",
     ZL_TWO_LEADERS},
    /* the token */
    {LED "lease p holder=a token=0", ZL_TOKEN_FELL},
    {LED "policy p token=0", ZL_TOKEN_FELL},
    {LED "gone pod a;lease p holder=b claim token=1;pod b of w", ZL_TOKEN_SHARED},
    {LED "gone lease p;gone pod a;lease p holder=b claim token=1;pod b of w", ZL_TOKEN_SHARED},
    {LED "gone lease p;lease p holder=a token=2", -1},
    {LED "gone lease p;lease p holder=a token=1", -1}, /* the same leader with the same token */
    {LED "gone policy p;policy p;gone lease p;gone pod a;lease p holder=b token=1;pod b of w", -1},
    /* Jobs: never two */
    {TURN, -1},
    {TURN "lease p holder=b claim token=2 turn=j;pod b of j", ZL_TWO_LEADERS},
    {TURN "pod a of j going;lease p holder=b claim token=2 turn=j;pod b of j", ZL_TWO_LEADERS},
    {TURN "pod a of j over;lease p holder=b claim token=2 turn=j;pod b of j", -1},
    {TURN "gone pod a;lease p holder=b claim token=2 turn=j;pod b of j", -1},
    {TURN "job j pool=p over;lease p holder=b claim token=2 turn=k;pod b of k", ZL_TWO_LEADERS},
    {TURN "gone job j pool=p;lease p holder=b claim token=2 turn=k;pod b of k", ZL_TWO_LEADERS},
    {TURN "gone job j pool=p;gone pod a;lease p holder=b claim token=2 turn=k;pod b of k", -1},
    {TURN "gone lease p;lease p token=1;lease p holder=b claim token=2 turn=k;pod b of k",
     ZL_TWO_LEADERS},
    {TURN "lease p holder=a token=1 turn=j out=a;lease p holder=b claim token=2 turn=j out=a;"
          "pod b of j",
     ZL_TWO_LEADERS}, /* there is no handover between them */
    {TURN "job j pool=-;lease p holder=b claim token=2 turn=k;pod b of k", -1},
    /* nothing slips past */
    {TURN "pod b of j", ZL_SLIPPED_PAST},
    {TURN "pod b of k", ZL_SLIPPED_PAST},
    {TURN "open p;pod b of k", -1},
    {TURN "pod b of x", -1},
    {TURN "job x pool=-;pod b of x;job x pool=p", -1}, /* labelled while it ran */
    {TURN "job x pool=-;job x pool=p;at 104000;pod b of x", -1},
    {TURN "job x pool=-;job x pool=p;at 106000;pod b of x", ZL_SLIPPED_PAST},
    {TURN "job k pool=p;at 101000;pod b of k", ZL_SLIPPED_PAST}, /* a change of it opens nothing */
    {TURN "job l pool=p;at 101000;pod b of l", ZL_SLIPPED_PAST}, /* nor does a new one */
    {TURN "gone pod a;lease p holder=b claim token=2 turn=j;lease p holder=c claim token=3 turn=j;"
          "pod c of j;pod b of j",
     ZL_LATE_COMMIT},
    /* a turn is not interrupted */
    {TURN "gone pod a;lease p holder=b claim token=2 turn=k;pod b of k", ZL_TURN_INTERRUPTED},
    {TURN "pod a of j over;lease p holder=b claim token=2 turn=k;pod b of k", ZL_TURN_INTERRUPTED},
    {TURN "gone pod a;lease p token=1", ZL_TURN_INTERRUPTED},
    {TURN "lease p holder=a token=1", ZL_TURN_INTERRUPTED},
    {TURN "gone pod a;job j pool=p over;lease p holder=b claim token=2 turn=k;pod b of k", -1},
    {TURN "gone pod a;job j pool=p going;lease p holder=b claim token=2 turn=k;pod b of k", -1},
    {TURN "gone pod a;gone job j pool=p;lease p holder=b claim token=2 turn=k;pod b of k", -1},
    {TURN "gone pod a;job j pool=-;lease p holder=b claim token=2 turn=k;pod b of k", -1},
    {TURN "gone pod a;gone lease p;lease p token=1;lease p holder=b claim token=2 turn=k;"
          "pod b of k",
     -1}, /* nobody knows whose it was */
    {TURN "gone pod a;lease p holder=b claim token=2 turn=j;pod b of k", ZL_TURN_INTERRUPTED},
    {TURN "gone pod a;job j pool=p over;lease p holder=b claim token=2;pod b of k",
     ZL_TURN_INTERRUPTED}, /* whose turn it is, is not said */
    /* the token */
    {TURN "gone pod a;lease p holder=b claim token=1 turn=j;pod b of j", ZL_TOKEN_SHARED},
    {TURN "policy p token=0", ZL_TOKEN_FELL},
};

static void test_each_script_has_the_violation_of_its_row_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct found found = {0};
        struct script script = {.history = zl_history_new(note, &found)};
        run_script(&script, ROWS[i].script);
        bool as_wanted = ROWS[i].violation < 0
                             ? found.sum == 0
                             : found.sum == 1 && found.count[ROWS[i].violation] == 1;
        for (int v = 0; !as_wanted && v < ZL_VIOLATIONS; v++) {
            print_message("%s: %u\n", zl_violation_name((enum zl_violation)v), found.count[v]);
        }
        if (!as_wanted) {
            fail_msg("row %zu: %s", i, ROWS[i].script);
        }
        zl_history_free(script.history);
    }
}

static const struct {
    const char *script;
    const char *reason; /* what stands in it; NULL: settled */
} SETTLED_ROWS[] = {
    {LED, NULL},
    {LED "gone pod a", "no Ready leader"},
    {LED "pod a of w", "no Ready leader"},
    {LED "pod a of w ready going", "no Ready leader"},
    {LED "lease p token=1", "no Ready leader"},
    {LED "gone lease p", "no Ready leader"},
    {LED "open p;pod b of w", "beside the leader"},
    {LED "open p;pod b of w over", NULL},
    {LED "workload w pool=p replicas=1;gone pod a", NULL}, /* nothing to elect */
    {LED "lease p holder=a claim token=1", "not confirmed"},
    {LED "policy p token=1 status=b", "status says"},
    {LED "policy p token=2 status=a", "status says"},
    {LED "policy p standby token=1 status=a;pod b of w", NULL},
    {IDLE, NULL},
    {TURN, "Job j (j) is not over"},
    {TURN "pod a of j over;job j pool=p over;lease p token=1;policy p token=1", "Job k"},
    {IDLE "job l pool=p", "Job l"},
    {IDLE "job l pool=p;gone job l pool=p", NULL},
    {IDLE "job l pool=-", NULL},
    {IDLE "open p;pod b of k", "pod b (b) lives"},
    {IDLE "lease p holder=a token=1", "still names a"},
    {IDLE "lease p token=1 turn=k", "still names nobody, the turn of k"},
    {IDLE "policy p token=1 status=a", "status says"},
    {IDLE "lease p token=2", "status says"},
    {IDLE "policy p token=2", NULL}, /* reserved, not used */
    {IDLE "gone lease p", NULL},
};

static void test_a_pool_is_settled_with_one_confirmed_ready_leader_in_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SETTLED_ROWS / sizeof SETTLED_ROWS[0]; i++) {
        struct found found = {0};
        struct script script = {.history = zl_history_new(note, &found)};
        run_script(&script, SETTLED_ROWS[i].script);
        run_script(&script, "calm 1000;at 100000");
        const char *wanted = SETTLED_ROWS[i].reason;
        const char *reason = script.reason;
        if ((reason != NULL) != (wanted != NULL) ||
            (wanted != NULL && strstr(reason, wanted) == NULL)) {
            fail_msg("row %zu: %s", i, reason != NULL ? reason : "settled");
        }
        free(script.reason);
        zl_history_free(script.history);
    }
}

/* Two pools of one workload each, p without a leader and q with one, x. */
#define TWO                                                                                        \
    "policy p;workload d pool=p replicas=3;replicaset r of d replicas=3;"                          \
    "policy q;workload e pool=q replicas=3;replicaset s of e replicas=3;"                          \
    "lease q holder=x claim token=1;pod x of s ready;lease q holder=x token=1;"                    \
    "policy q token=1 status=x;at 100000;"
/* p gets one, y. */
#define LEADS                                                                                      \
    "lease p holder=y claim token=1;pod y of r ready;lease p holder=y token=1;"                    \
    "policy p token=1 status=y;"

struct calm_row {
    const char *script;
    enum zl_calm state; /* at the last look */
    const char *reason;
    uint64_t held; /* calms of pool p */
};

static const struct calm_row CALM_ROWS[] = {
    {TWO "calm 60000;at 160000", ZL_CALM_LASTS, "pool p", 0},
    {TWO "calm 60000;at 160001", ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "calm 60000;at 159000;" LEADS "at 159500;at 160400", ZL_CALM_LASTS, NULL, 0},
    {TWO "calm 60000;at 159000;" LEADS "at 159500;at 160500", ZL_CALM_SETTLED, NULL, 0},
    {TWO LEADS "calm 60000;at 101000;pod x of s;at 160001", ZL_CALM_OVERDUE, "pool q", 0},
    /* held up by Kubernetes' expectations */
    {TWO "calm 60000;at 110000;waits r;at 150000", ZL_CALM_LASTS, "pool p", 0},
    {TWO "calm 60000;at 110000;waits r;at 150000;at 160001", ZL_CALM_LASTS, "pool p", 1},
    {TWO "calm 60000;at 110000;waits r;at 300000;at 460000", ZL_CALM_LASTS, "pool p", 1},
    {TWO "calm 60000;at 110000;waits r;at 300000;at 460001", ZL_CALM_OVERDUE, "pool p", 1},
    {TWO "calm 60000;at 110000;waits r;at 200000;" LEADS "at 200100;at 201100", ZL_CALM_SETTLED,
     NULL, 1},
    {TWO "calm 60000;at 110000;waits r;at 200000;goes-on r;at 260000", ZL_CALM_LASTS, "pool p", 1},
    {TWO "calm 60000;at 110000;waits r;at 200000;goes-on r;at 260001", ZL_CALM_OVERDUE, "pool p",
     1},
    {TWO "calm 60000;at 110000;waits r;goes-on r;at 160001", ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "waits r;at 100001;calm 60000;at 160002", ZL_CALM_OVERDUE, "pool p", 0},
    /* ... which hides nothing else */
    {TWO "pod x of s;calm 60000;at 110000;waits r;at 160001", ZL_CALM_OVERDUE, "pool q", 1},
    {TWO "calm 60000;at 110000;waits r;at 200000;pod x of s;at 220000;at 280000", ZL_CALM_LASTS,
     "pool q", 1},
    {TWO "calm 60000;at 110000;waits r;at 200000;pod x of s;at 220000;at 280001", ZL_CALM_OVERDUE,
     "pool q", 1},
    {TWO "calm 60000;at 110000;waits s;at 160001", ZL_CALM_OVERDUE, "pool p", 0},
    {TWO LEADS "lease p holder=y claim token=1;calm 60000;waits r;at 160001", ZL_CALM_OVERDUE,
     "not confirmed", 0},
    {TWO "pod y of r;calm 60000;waits r;at 160001", ZL_CALM_OVERDUE, "pool p", 0}, /* y could */
    {TWO "pod y of r;lease p token=1 out=y;calm 60000;waits r;at 160001", ZL_CALM_LASTS, "pool p",
     1},
    {TWO "pod y of r going;calm 60000;waits r;at 160001", ZL_CALM_LASTS, "pool p", 1},
    /* nor does it, while somebody else ought to send a pod */
    {TWO "replicaset r of d replicas=0;calm 60000;waits r;at 160001", ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "replicaset t of d replicas=1;calm 60000;waits r;at 160001", ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "replicaset t of d replicas=0;calm 60000;waits r;at 160001", ZL_CALM_LASTS, "pool p", 1},
    {TWO "replicaset t of d replicas=1;gone replicaset t of d;calm 60000;waits r;at 160001",
     ZL_CALM_LASTS, "pool p", 1},
    {TWO "policy p recreate;replicaset r of d replicas=3 number=2;"
         "replicaset t of d replicas=1 number=1;calm 60000;waits r;at 160001",
     ZL_CALM_LASTS, "pool p", 1}, /* t may not lead */
    {TWO "policy p recreate;replicaset r of d replicas=3 number=2;"
         "replicaset t of d replicas=1 number=3;calm 60000;waits r;at 160001",
     ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "policy p recreate;replicaset r of d replicas=3 number=2;"
         "replicaset t of d replicas=0 number=3;calm 60000;waits r;at 160001",
     ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "workload f pool=p replicas=3;calm 60000;waits r;at 160001", ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "workload f pool=p replicas=3;replicaset u of f replicas=3;calm 60000;waits r;at 160001",
     ZL_CALM_OVERDUE, "pool p", 0},
    {TWO "workload f pool=p replicas=3;replicaset u of f replicas=3;calm 60000;waits r;waits u;"
         "at 160001",
     ZL_CALM_LASTS, "pool p", 1},
    {TWO "workload f pool=p replicas=0;calm 60000;waits r;at 160001", ZL_CALM_LASTS, "pool p", 1},
    /* the next calm starts anew */
    {TWO "calm 60000;at 110000;waits r;at 200000;calm 60000;at 260001", ZL_CALM_OVERDUE, "pool p",
     1},
    {TWO "calm 60000;at 110000;waits r;at 200000;calm 60000;waits r;at 260001", ZL_CALM_LASTS,
     "pool p", 2},
    {TWO "calm 60000;at 110000;waits r;at 200000;" LEADS
         "calm 60000;at 202000;pod x of s;at 260001",
     ZL_CALM_OVERDUE, "pool q", 1},
};

/* The pool of Jobs p, beside q with its leader, x. */
#define BESIDE                                                                                     \
    TURN "policy q;workload e pool=q replicas=3;replicaset s of e replicas=3;"                     \
         "lease q holder=x claim token=1;pod x of s ready;lease q holder=x token=1;"               \
         "policy q token=1 status=x;"
/* j has done its work. */
#define NEXT                                                                                       \
    "pod a of j over;job j pool=p over;lease p holder=b claim token=2 turn=k;pod b of k;"          \
    "policy p token=2 status=b;"

static const struct calm_row JOB_CALM_ROWS[] = {
    {BESIDE "calm 60000;at 160000", ZL_CALM_LASTS, "Job j", 0},
    {BESIDE "calm 60000;at 160001", ZL_CALM_OVERDUE, "Job j", 0},
    {BESIDE NEXT "calm 60000;at 160001", ZL_CALM_OVERDUE, "Job k", 0}, /* that was before */
    /* from one end to the next one */
    {BESIDE "calm 60000;at 150000;" NEXT "at 210000", ZL_CALM_LASTS, "Job k", 0},
    {BESIDE "calm 60000;at 150000;" NEXT "at 210001", ZL_CALM_OVERDUE, "Job k", 0},
    {BESIDE "calm 60000;at 150000;" NEXT "at 200000;gone pod b;"
            "lease p holder=c claim token=3 turn=k;pod c of k;at 210001",
     ZL_CALM_OVERDUE, "Job k", 0}, /* another pod of it is no progress */
    {BESIDE "calm 60000;at 150000;" NEXT "at 200000;pod b of k over;job k pool=p over;"
            "lease p token=2;policy p token=2;at 201000;at 202000",
     ZL_CALM_SETTLED, NULL, 0},
    {BESIDE "pod x of s;calm 60000;at 150000;" NEXT "at 160001", ZL_CALM_OVERDUE, "pool q", 0},
    {BESIDE "calm 60000;at 150000;" NEXT "at 170000;pod x of s;at 175000;at 210001",
     ZL_CALM_OVERDUE, "Job k", 0},
    /* held up by Kubernetes' expectations */
    {BESIDE "gone pod a;calm 60000;at 110000;waits j;at 150000;at 160001", ZL_CALM_LASTS, "Job j",
     1},
    {BESIDE "gone pod a;calm 60000;at 110000;waits j;goes-on j;at 160001", ZL_CALM_OVERDUE, "Job j",
     0},
    {BESIDE "gone pod a;calm 60000;at 110000;waits k;at 160001", ZL_CALM_OVERDUE, "Job j",
     0}, /* it is j's turn */
    {BESIDE "calm 60000;at 110000;waits j;at 160001", ZL_CALM_OVERDUE, "Job j", 0}, /* a lives */
    {BESIDE "gone pod a;job j pool=p over;lease p token=1;calm 60000;waits k;at 160001",
     ZL_CALM_LASTS, "Job k", 1},
};

static uint64_t held_of(const struct zl_history *history, const char *pool)
{
    struct zl_pool_record record = {0};
    for (unsigned i = 0; zl_history_record(history, i, 0, &record); i++) {
        if (strcmp(record.pool, pool) == 0) {
            return record.held;
        }
    }
    return 0;
}

static void judge_calms(const struct calm_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct found found = {0};
        struct script script = {.history = zl_history_new(note, &found)};
        run_script(&script, rows[i].script);
        const char *wanted = rows[i].reason;
        bool reason_fits = (wanted == NULL) == (script.reason == NULL) &&
                           (wanted == NULL || strstr(script.reason, wanted) != NULL);
        if (script.state != rows[i].state || !reason_fits ||
            held_of(script.history, "p") != rows[i].held || held_of(script.history, "q") > 0) {
            fail_msg("row %zu: %s: state %d, %s, held %llu", i, rows[i].script, (int)script.state,
                     script.reason != NULL ? script.reason : "settled",
                     (unsigned long long)held_of(script.history, "p"));
        }
        free(script.reason);
        zl_history_free(script.history);
    }
}

static void test_only_expectations_of_all_who_ought_to_send_a_pod_prolong_a_calm(void **state)
{
    (void)state;
    judge_calms(CALM_ROWS, sizeof CALM_ROWS / sizeof CALM_ROWS[0]);
}

static void test_of_jobs_one_is_over_within_each_bound_until_all_are(void **state)
{
    (void)state;
    judge_calms(JOB_CALM_ROWS, sizeof JOB_CALM_ROWS / sizeof JOB_CALM_ROWS[0]);
}

static void test_changes_of_leader_and_the_longest_gap_are_counted(void **state)
{
    (void)state;
    struct found found = {0};
    struct zl_pool_record record = {0};
    struct script script = {.history = zl_history_new(note, &found)};
    run_script(&script, LED "gone pod a;at 103000;lease p holder=b claim token=2;pod b of w;"
                            "at 104000;pod b of w ready;at 110000;pod b of w;at 111000;"
                            "pod b of w ready;gone pod b");
    assert_true(zl_history_record(script.history, 0, 111000, &record));
    assert_int_equal(record.changes, 1);
    assert_int_equal(record.pods, 2);
    assert_int_equal(record.longest_ms, 4000);
    assert_int_equal(record.token, 2);
    assert_true(zl_history_record(script.history, 0, 116000, &record));
    assert_int_equal(record.longest_ms, 5000); /* the one that lasts */
    assert_false(zl_history_record(script.history, 1, 0, &record));
    zl_history_free(script.history);
}

static struct zl_fact *decoded(enum zl_fact_kind kind, const char *text)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_fact *fact = NULL;
    assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
    zl_fact_decode(kind, object, &fact);
    return fact;
}

static void test_a_lease_is_read_with_its_annotations(void **state)
{
    (void)state;
    struct zl_fact *fact = decoded(
        ZL_FACT_LEASE,
        "{\"metadata\":{\"name\":\"zen-lead-web\",\"uid\":\"u\",\"resourceVersion\":\"42\","
        "\"annotations\":{\"zen-lead.io/holder-uid\":\"a\",\"zen-lead.io/fencing-token\":\"7\","
        "\"zen-lead.io/claim\":\"provisional\",\"zen-lead.io/successor\":\"web-1_b\","
        "\"zen-lead.io/deposed\":\"c,d\",\"zen-lead.io/"
        "turn\":\"first_j\"}},\"spec\":{\"holderIdentity\":\"anything\"}}");
    assert_string_equal(fact->pool, "web");
    assert_string_equal(fact->holder_uid, "a");
    assert_string_equal(fact->successor_uid, "b");
    assert_string_equal(fact->deposed, "c,d");
    assert_string_equal(fact->turn_uid, "j");
    assert_true(fact->provisional);
    assert_int_equal(fact->token, 7);
    assert_int_equal(fact->revision, 42);
    zl_fact_free(fact);

    fact = decoded(ZL_FACT_LEASE, "{\"metadata\":{\"name\":\"zen-lead-web\",\"uid\":\"u\"},"
                                  "\"spec\":{\"holderIdentity\":\"web-1_b\"}}");
    assert_string_equal(fact->holder_uid, "b"); /* written by hand */
    zl_fact_free(fact);
    fact = decoded(ZL_FACT_LEASE, "{\"metadata\":{\"name\":\"zen-lead-web\",\"uid\":\"u\","
                                  "\"annotations\":{\"zen-lead.io/holder-uid\":\"a\"}},"
                                  "\"spec\":{\"holderIdentity\":\"\"}}");
    assert_null(fact->holder_uid); /* released */
    zl_fact_free(fact);
    assert_null(decoded(ZL_FACT_LEASE, "{\"metadata\":{\"name\":\"node-1\",\"uid\":\"u\"}}"));
}

static void test_pods_workloads_and_jobs_are_read(void **state)
{
    (void)state;
    struct zl_fact *fact = decoded(
        ZL_FACT_POD, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"deletionTimestamp\":\"t\","
                     "\"ownerReferences\":[{\"uid\":\"x\"},{\"uid\":\"o\",\"controller\":true}]},"
                     "\"status\":{\"phase\":\"Failed\",\"conditions\":[{\"type\":\"Ready\","
                     "\"status\":\"True\"}]}}");
    assert_string_equal(fact->owner_uid, "o");
    assert_true(fact->ready && fact->terminating && fact->finished);
    zl_fact_free(fact);
    fact = decoded(ZL_FACT_WORKLOAD,
                   "{\"metadata\":{\"name\":\"w\",\"uid\":\"u\",\"labels\":{\"zen-lead/pool\":"
                   "\"p\"}},\"spec\":{\"replicas\":3}}");
    assert_string_equal(fact->pool, "p");
    assert_int_equal(fact->replicas, 3);
    zl_fact_free(fact);
    fact = decoded(ZL_FACT_WORKLOAD,
                   "{\"metadata\":{\"name\":\"w\",\"uid\":\"u\",\"labels\":{\"zen-lead/pool\":"
                   "\"p\"},\"annotations\":{\"zen-lead/join\":\"false\"}}}");
    assert_null(fact->pool);
    zl_fact_free(fact);
    fact =
        decoded(ZL_FACT_REPLICASET, "{\"metadata\":{\"name\":\"r\",\"uid\":\"u\","
                                    "\"annotations\":{\"deployment.kubernetes.io/revision\":\"7\"},"
                                    "\"ownerReferences\":[{\"uid\":\"o\",\"controller\":true}]},"
                                    "\"spec\":{\"replicas\":3}}");
    assert_string_equal(fact->owner_uid, "o");
    assert_int_equal(fact->replicas, 3);
    assert_int_equal(fact->deployment_revision, 7);
    zl_fact_free(fact);
    fact = decoded(ZL_FACT_JOB, "{\"metadata\":{\"name\":\"j\",\"uid\":\"u\",\"labels\":{"
                                "\"zen-lead/pool\":\"p\"}},\"spec\":{\"parallelism\":3}}");
    assert_string_equal(fact->pool, "p");
    assert_false(fact->finished || fact->terminating);
    zl_fact_free(fact);
    fact =
        decoded(ZL_FACT_JOB, "{\"metadata\":{\"name\":\"j\",\"uid\":\"u\",\"deletionTimestamp\":"
                             "\"t\"},\"status\":{\"conditions\":[{\"type\":\"Suspended\","
                             "\"status\":\"False\"},{\"type\":\"Failed\",\"status\":\"True\"}]}}");
    assert_true(fact->finished && fact->terminating);
    zl_fact_free(fact);
    fact = decoded(ZL_FACT_POLICY, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\"},"
                                   "\"spec\":{\"rollout\":\"Recreate\"}}");
    assert_true(fact->recreate && !fact->standby);
    zl_fact_free(fact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_script_has_the_violation_of_its_row_and_no_other),
        cmocka_unit_test(test_a_pool_is_settled_with_one_confirmed_ready_leader_in_status),
        cmocka_unit_test(test_only_expectations_of_all_who_ought_to_send_a_pod_prolong_a_calm),
        cmocka_unit_test(test_of_jobs_one_is_over_within_each_bound_until_all_are),
        cmocka_unit_test(test_changes_of_leader_and_the_longest_gap_are_counted),
        cmocka_unit_test(test_a_lease_is_read_with_its_annotations),
        cmocka_unit_test(test_pods_workloads_and_jobs_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
