/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checker.c - zl-chaos-checker: watches the API and judges every change (history.h). Its standard output is the record of the
 * run: one line for each change, in etcd's order, for each thing that the driver says, and for each violation.
 *
 * Commands come as lines by a named pipe:
 *   note TEXT             for the record
 *   open POOL|- TEXT      a door opens, in the pool or in all; see zl_history_open
 *   close POOL|- MS TEXT  it closes; what slipped in may appear up to MS later
 *   slow, quick           the same for ZL_DOOR_SLOW
 *   waits NAME TEXT, goes-on NAME TEXT   of a ReplicaSet or Job: what kube-controller-manager says of it; see zl_history_expects
 *   calm MS               nobody disturbs any more: every pool must settle within MS
 *   storm                 the calm is over
 *   finish                compare with a list, write the summary, exit
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/parse.h"
#include "test/chaos/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN_MS 100
#define AUDIT_MS 15000
#define AUDIT_GAP_MS 200
#define EXIT_VIOLATED 1
#define EXIT_INCONCLUSIVE 3

struct config {
    const char *kubeconfig;
    const char *namespace_;
    const char *marker;
    const char *control;
    const char *summary;
};

static const struct zl_option OPTIONS[] = {
    {"kubeconfig", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, kubeconfig),
     "FILE", "An API server that nobody disturbs and that remembers every revision."},
    {"namespace", NULL, ZL_OPTION_TEXT, "chaos", 0, 0, NULL, offsetof(struct config, namespace_),
     "NAME", "Where the pools are."},
    {"marker", NULL, ZL_OPTION_TEXT, "zl-chaos-marker", 0, 0, NULL, offsetof(struct config, marker),
     "NAME", "The object of each type, in kube-system, by which watches are brought in order."},
    {"control", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, control), "FILE",
     "The named pipe with the commands; made when it is not there."},
    {"summary", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, summary), "FILE",
     "Written by finish."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-chaos-checker",
    .summary = "Asserts zen-lead's promises on every change that the API shows.",
    .options = OPTIONS,
    .epilogue =
        "Commands: note TEXT; open POOL|- TEXT, close POOL|- MS TEXT, the same with slow and "
        "quick;\n"
        "waits REPLICASET|JOB TEXT, goes-on REPLICASET|JOB TEXT; calm MS, storm, finish.\n"
        "Exit codes: 0 no violation, 1 violations, 2 usage, 3 the record is not complete.\n",
};

struct checker {
    const struct config *config;
    struct zl_streams *streams;
    struct zl_history *history;
    int control;
    char line[512];
    size_t line_length;
    bool finishing;

    int64_t started_ms;
    uint64_t violations[ZL_VIOLATIONS];
    uint64_t facts, calms, settled;
    int64_t slowest_settling_ms;
    int64_t calm_ms, bound_ms; /* 0: no calm is asked for, or it is decided */
    int64_t settled_since_ms;  /* -1: not settled */
    uint64_t held;             /* pools that were held up, one for each calm: zl_history_expects */
};

static void say(const struct checker *checker, int64_t at_ms, const char *what, const char *text)
{
    printf("%9.3f %s%s\n", (double)(at_ms - checker->started_ms) / 1000, what, text);
}

static void on_violation(void *ctx, enum zl_violation violation, const char *text)
{
    struct checker *checker = ctx;
    checker->violations[violation]++;
    ZL_AUTO_FREE char *line = zl_asprintf("VIOLATION %s: %s", zl_violation_name(violation), text);
    say(checker, zl_clock_ms(), "", line);
}

/* --- commands --- */

/* The first word of *TEXT, cut off; "-" is NULL. */
static const char *word(char **text)
{
    char *first = *text;
    char *space = strchr(first, ' ');
    *text = space != NULL ? space + 1 : first + strlen(first);
    if (space != NULL) {
        *space = '\0';
    }
    return strcmp(first, "-") == 0 ? NULL : first;
}

static void start_calm(struct checker *checker, const char *bound)
{
    if (zl_parse_i64(bound, 1, 3600000, &checker->bound_ms, NULL) == ZL_OK) {
        checker->calm_ms = zl_clock_ms();
        checker->settled_since_ms = -1;
        zl_history_calm(checker->history, checker->calm_ms, checker->bound_ms);
        checker->calms++;
    }
}

static void command(struct checker *checker, char *line)
{
    int64_t now_ms = zl_clock_ms();
    int64_t grace_ms = 0;
    say(checker, now_ms, "-- ", line);
    char *rest = line;
    const char *verb = word(&rest);
    if (verb == NULL || strcmp(verb, "note") == 0) {
        return;
    }
    bool slow = strcmp(verb, "slow") == 0 || strcmp(verb, "quick") == 0;
    enum zl_door door = slow ? ZL_DOOR_SLOW : ZL_DOOR_OPEN;
    if (strcmp(verb, "open") == 0 || strcmp(verb, "slow") == 0) {
        zl_history_open(checker->history, door, word(&rest), now_ms);
    } else if (strcmp(verb, "close") == 0 || strcmp(verb, "quick") == 0) {
        const char *pool = word(&rest);
        const char *grace = word(&rest);
        if (grace != NULL && zl_parse_i64(grace, 0, 3600000, &grace_ms, NULL) == ZL_OK) {
            zl_history_close(checker->history, door, pool, now_ms, grace_ms);
        }
    } else if (strcmp(verb, "waits") == 0 || strcmp(verb, "goes-on") == 0) {
        zl_history_expects(checker->history, word(&rest), strcmp(verb, "waits") == 0, now_ms);
    } else if (strcmp(verb, "calm") == 0) {
        start_calm(checker, rest);
    } else if (strcmp(verb, "storm") == 0) {
        checker->calm_ms = 0;
    } else if (strcmp(verb, "finish") == 0) {
        checker->finishing = true;
    } else {
        say(checker, now_ms, "-- ", "that was no command");
    }
}

static void read_commands(struct checker *checker)
{
    char bytes[512];
    ssize_t got = 0;
    while ((got = read(checker->control, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == '\n') {
                checker->line[checker->line_length] = '\0';
                checker->line_length = 0;
                command(checker, checker->line);
            } else if (checker->line_length + 1 < sizeof checker->line) {
                checker->line[checker->line_length++] = bytes[i];
            }
        }
    }
}

/* --- calm --- */

static void end_calm(struct checker *checker, const char *reason)
{
    int64_t took_ms = checker->settled_since_ms - checker->calm_ms;
    ZL_AUTO_FREE char *text = NULL;
    if (reason == NULL) {
        checker->settled++;
        if (took_ms > checker->slowest_settling_ms) {
            checker->slowest_settling_ms = took_ms;
        }
        text = zl_asprintf("calm %llu: settled after %lld ms", (unsigned long long)checker->calms,
                           (long long)took_ms);
    } else {
        text =
            zl_asprintf("calm %llu: not settled after %lld ms", (unsigned long long)checker->calms,
                        (long long)(zl_clock_ms() - checker->calm_ms));
        on_violation(checker, ZL_NOT_SETTLED, reason);
    }
    say(checker, zl_clock_ms(), "-- ", text);
    checker->calm_ms = 0;
}

/* The pools that the ordinary bound did not hold for, so far; says so when there is another. */
static void count_held(struct checker *checker, const char *reason)
{
    struct zl_pool_record record = {0};
    uint64_t held = 0;
    for (unsigned i = 0; zl_history_record(checker->history, i, zl_clock_ms(), &record); i++) {
        held += record.held;
    }
    if (held > checker->held) {
        ZL_AUTO_FREE char *text =
            zl_asprintf("calm %llu: held up by Kubernetes' expectations: %s",
                        (unsigned long long)checker->calms, reason != NULL ? reason : "");
        say(checker, zl_clock_ms(), "-- ", text);
        checker->held = held;
    }
}

static void look_at_calm(struct checker *checker)
{
    int64_t now_ms = zl_clock_ms();
    ZL_AUTO_FREE char *reason = NULL;
    enum zl_calm state = ZL_CALM_LASTS;
    if (checker->calm_ms == 0) {
        return;
    }
    if (zl_streams_fresh_ms(checker->streams) < checker->calm_ms) {
        reason = zl_strdup("no marker has come back since: the API server does not work");
        state = now_ms - checker->calm_ms > checker->bound_ms ? ZL_CALM_OVERDUE : ZL_CALM_LASTS;
    } else {
        state = zl_history_look(checker->history, now_ms, &reason);
        count_held(checker, reason);
    }
    if (reason != NULL) {
        checker->settled_since_ms = -1;
    } else if (checker->settled_since_ms < 0) {
        checker->settled_since_ms = now_ms;
    }
    if (state != ZL_CALM_LASTS) {
        end_calm(checker, state == ZL_CALM_OVERDUE ? reason : NULL);
    }
}

/* --- the end --- */

static uint64_t count_violations(const struct checker *checker)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < ZL_VIOLATIONS; i++) {
        sum += checker->violations[i];
    }
    return sum;
}

static void print_pools(const struct checker *checker, FILE *out)
{
    struct zl_pool_record record = {0};
    fprintf(out, "%-12s %8s %8s %8s %8s %22s\n", "pool", "changes", "token", "pods", "excused",
            "longest without leader");
    for (unsigned i = 0; zl_history_record(checker->history, i, zl_clock_ms(), &record); i++) {
        fprintf(out, "%-12s %8llu %8lld %8llu %8llu %20.1f s\n", record.pool,
                (unsigned long long)record.changes, (long long)record.token,
                (unsigned long long)record.pods, (unsigned long long)record.excused,
                (double)record.longest_ms / 1000);
    }
}

/* Does the record hold everything? */
static bool is_complete(struct checker *checker, FILE *out)
{
    int64_t until_ms = zl_clock_ms() + AUDIT_MS;
    struct zl_streams_health health = zl_streams_health(checker->streams);
    struct zl_error err = {0};
    enum zl_status status = ZL_E_TRANSIENT;
    while (status != ZL_OK && zl_clock_ms() < until_ms) {
        ZL_AUTO_FREE char *difference = NULL;
        status = zl_streams_audit(checker->streams, &difference, &err);
        if (status != ZL_OK) {
            say(checker, zl_clock_ms(),
                "-- audit: ", difference != NULL ? difference : err.message);
            (void)poll(NULL, 0, AUDIT_GAP_MS);
        }
    }
    fprintf(out, "record: %llu changes, %llu of them of pools; watches resumed %llu times; %s\n",
            (unsigned long long)health.events, (unsigned long long)checker->facts,
            (unsigned long long)health.restarts,
            health.gap        ? "INCOMPLETE: the API server has forgotten revisions (410)"
            : status != ZL_OK ? "INCOMPLETE: a list at the end shows something else"
                              : "complete: a list at the end shows the same");
    return !health.gap && status == ZL_OK;
}

static enum zl_status write_summary(struct checker *checker, int *code, struct zl_error *err)
{
    FILE *out = fopen(checker->config->summary, "w");
    if (out == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "%s: %s", checker->config->summary, strerror(errno));
    }
    uint64_t violations = count_violations(checker);
    print_pools(checker, out);
    fprintf(out, "calms: %llu, settled %llu, the slowest after %.1f s\n",
            (unsigned long long)checker->calms, (unsigned long long)checker->settled,
            (double)checker->slowest_settling_ms / 1000);
    fprintf(out, "held up by Kubernetes' expectations: %llu\n", (unsigned long long)checker->held);
    bool complete = is_complete(checker, out);
    fprintf(out, "violations: %llu\n", (unsigned long long)violations);
    for (size_t i = 0; i < ZL_VIOLATIONS; i++) {
        if (checker->violations[i] > 0) {
            fprintf(out, "  %s: %llu\n", zl_violation_name((enum zl_violation)i),
                    (unsigned long long)checker->violations[i]);
        }
    }
    *code = violations > 0 ? EXIT_VIOLATED : complete ? 0 : EXIT_INCONCLUSIVE;
    if (fclose(out) != 0) {
        return zl_error_set(err, ZL_E_INVALID, "%s: %s", checker->config->summary, strerror(errno));
    }
    return ZL_OK;
}

/* Until a finish was asked for, and everything before it was judged. */
static void judge(struct checker *checker)
{
    int64_t finish_ms = 0;
    while (finish_ms == 0 || zl_streams_fresh_ms(checker->streams) < finish_ms) {
        struct zl_fact *fact = zl_streams_next(checker->streams, TURN_MS);
        read_commands(checker);
        if (fact != NULL) {
            ZL_AUTO_FREE char *text = zl_fact_text(fact);
            ZL_AUTO_FREE char *where = zl_asprintf("%llu ", (unsigned long long)fact->revision);
            say(checker, fact->at_ms, where, text);
            checker->facts++;
            zl_history_apply(checker->history, fact);
            zl_fact_free(fact);
        }
        look_at_calm(checker);
        if (checker->finishing && finish_ms == 0) {
            finish_ms = zl_clock_ms();
        }
        if (finish_ms != 0 && zl_clock_ms() - finish_ms > AUDIT_MS) {
            return; /* the API server does not work: the audit will say so */
        }
    }
}

static enum zl_status open_control(struct checker *checker, struct zl_error *err)
{
    const char *path = checker->config->control;
    if (path == NULL || checker->config->summary == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "--control and --summary are needed");
    }
    if (mkfifo(path, 0600) != 0 && errno != EEXIST) {
        return zl_error_set(err, ZL_E_INVALID, "%s: %s", path, strerror(errno));
    }
    /* For writing as well: so it never ends, whoever comes and goes. */
    checker->control = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (checker->control < 0) {
        return zl_error_set(err, ZL_E_INVALID, "%s: %s", path, strerror(errno));
    }
    return ZL_OK;
}

static enum zl_status run(const struct config *config, int *code, struct zl_error *err)
{
    struct checker checker = {.config = config, .settled_since_ms = -1};
    struct zl_kube_config where = {0};
    struct zl_kube_client *client = NULL;
    enum zl_status status = open_control(&checker, err);
    if (status == ZL_OK) {
        status = zl_kube_config_load(config->kubeconfig, NULL, &where, err);
    }
    if (status == ZL_OK) {
        status = zl_kube_client_new(&where, "zl-chaos-checker/" ZL_VERSION, &client, err);
        zl_kube_config_clear(&where);
    }
    if (status == ZL_OK) {
        checker.started_ms = zl_clock_ms();
        status =
            zl_streams_start(client, config->namespace_, config->marker, &checker.streams, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    checker.history = zl_history_new(on_violation, &checker);
    say(&checker, zl_clock_ms(), "-- ", "watching");
    judge(&checker);
    status = write_summary(&checker, code, err);
    zl_streams_stop(checker.streams);
    zl_history_free(checker.history);
    zl_kube_client_free(client);
    close(checker.control);
    return status;
}

int main(int argc, char **argv)
{
    struct config config = {0};
    struct zl_error err = {0};
    int code = 0;
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    zl_kube_init();
    if (run(&config, &code, &err) != ZL_OK) {
        ZL_LOG_ERROR("stopped", ZL_ERR(&err));
        code = EXIT_INCONCLUSIVE;
    }
    zl_kube_cleanup();
    return code;
}
