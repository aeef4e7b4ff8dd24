/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checker.c - zl-fleet-checker: reads every revision of a fleet's Leases from the hub's etcd, and the workers' stamps, and judges
 * them (judge.h).
 *
 * It watches etcd itself, by its JSON gateway, so that nothing is lost while API servers come and go; the hub's API server stores
 * JSON (--storage-media-type) and compacts nothing. Commands come as lines by a named pipe:
 *   begins CLUSTER TOKEN AT_MS UNTIL_MS     a worker's stamps, written before it does anything else
 *   ends CLUSTER TOKEN AT_MS OUTCOME
 *   restoring                               etcd goes away, and comes back as it was once
 *   restored                                it is there again
 *   calm                                    says "settled" when each cluster has ended a turn as done since
 *   finish                                  write the summary and end
 * Standard output is the record. Exit code 0: no violation; 1: there was one; 2: it could not see all.
 *
 * One thread.
 */
#include "common/base/clock.h"
#include "common/base/options.h"
#include "common/base/parse.h"
#include "test/chaos/fleet/judge.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_ = 4 << 20, RETRY_MS = 100, POLL_MS = 50, EXIT_INCOMPLETE = 2 };

struct config {
    const char *etcd, *namespace_, *pool, *control, *summary;
    int64_t rate, patience_ms;
};

static const struct zl_option OPTIONS[] = {
    {"etcd", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, etcd), "URL",
     "The hub's etcd."},
    {"namespace", NULL, ZL_OPTION_TEXT, "zen-fleet", 0, 0, NULL,
     offsetof(struct config, namespace_), "NAME", "Where the Leases are."},
    {"pool", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, pool), "NAME",
     "The fleet's pool."},
    {"control", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, control), "FILE",
     "The named pipe with stamps and commands; made when it is not there."},
    {"summary", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, summary), "FILE",
     "Where the summary is written."},
    {"rate", NULL, ZL_OPTION_I64, "1", 1, 100, NULL, offsetof(struct config, rate), "N",
     "How many times as fast the programs' clocks go."},
    {"patience-ms", NULL, ZL_OPTION_I64, "5000", 0, 600000, NULL,
     offsetof(struct config, patience_ms), "MS", "How old the view may be that decided."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-fleet-checker",
    .summary = "Judges every revision of a fleet's Leases: for the fleet's chaos run.",
    .options = OPTIONS,
};

enum phase { LISTS, WATCHES, WAITS }; /* WAITS: for etcd to be restored */

struct checker {
    const struct config *config;
    struct zl_fleet_judge *judge;
    CURLM *multi;
    CURL *call; /* the one that is open; NULL: none */
    enum phase phase;
    int64_t retry_ms;
    int64_t revision; /* the last one that was seen */
    char *line;       /* of the answer, as far as it is there */
    size_t length;
    char *body; /* of the request */
    int control;
    char command[512];
    size_t command_length;
    int64_t violations, breaks, restores;
    bool finishing, incomplete;
    int64_t calm_ms; /* when the calm began; 0: there is none, or it is settled */
};

static void say(const char *kind, const char *text)
{
    printf("%" PRId64 " %s %s\n", zl_clock_ms(), kind, text);
}

static void on_violation(void *ctx, const char *rule, const char *sentence)
{
    struct checker *checker = ctx;
    ZL_AUTO_FREE char *text =
        zl_asprintf("%s: %s (at revision %" PRId64 ")", rule, sentence, checker->revision);
    checker->violations++;
    say("VIOLATION", text);
}

/* --- Leases --- */

static void judge_lease(struct checker *checker, const char *name, const struct cJSON *object)
{
    static const struct {
        const char *prefix, *key;
    } KINDS[] = {{"fleet.", "zen-lead.io/fleet"},
                 {"turn.", "zen-lead.io/turn"},
                 {"member.", "zen-lead.io/member"}};
    ZL_AUTO_JSON struct cJSON *said = NULL;
    int64_t at_ms = zl_clock_ms();
    size_t kind = 0;
    while (kind < 3 && strncmp(name, KINDS[kind].prefix, strlen(KINDS[kind].prefix)) != 0) {
        kind++;
    }
    if (kind == 3) {
        return;
    }
    const char *of = name + strlen(KINDS[kind].prefix);
    const char *text = zl_json_text(object, "metadata", "annotations", KINDS[kind].key, NULL);
    if (text != NULL && zl_json_parse(text, strlen(text), &said, NULL) != ZL_OK) {
        on_violation(checker, "I0", "a Lease's annotation is no JSON");
    }
    const struct cJSON *mine = zl_json_at(said, "pools", checker->config->pool, NULL);
    printf("%" PRId64 " %s %" PRId64 " %s\n", at_ms, name, checker->revision,
           text != NULL ? text : "-");
    if (kind == 0 && strcmp(of, checker->config->pool) == 0) {
        zl_fleet_judge_ledger(checker->judge, at_ms, said);
    } else if (kind == 1) {
        zl_fleet_judge_turn(checker->judge, at_ms, of, mine);
    } else if (kind == 2) {
        zl_fleet_judge_member(checker->judge, at_ms, of, zl_json_i64(said, 60000, "periodMs", NULL),
                              mine);
    }
}

static char *decoded(const struct cJSON *kv, const char *field)
{
    char *bytes = NULL;
    size_t length = 0;
    const char *text = zl_json_text(kv, field, NULL);
    if (text == NULL || zl_base64_decode(text, &bytes, &length, NULL) != ZL_OK) {
        return NULL;
    }
    char *out = zl_strndup(bytes, length);
    free(bytes);
    return out;
}

/* Numbers of 64 bits are texts there. */
static int64_t number(const struct cJSON *tree, const char *first, const char *second)
{
    int64_t value = 0;
    const char *text = zl_json_text(tree, first, second, NULL);
    if (text == NULL || zl_parse_i64(text, 0, INT64_MAX, &value, NULL) != ZL_OK) {
        return 0;
    }
    return value;
}

static void judge_key(struct checker *checker, const struct cJSON *kv)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_FREE char *key = decoded(kv, "key");
    ZL_AUTO_FREE char *value = decoded(kv, "value");
    const char *name = key != NULL ? strrchr(key, '/') : NULL;
    if (name == NULL) {
        return;
    }
    if (value != NULL && value[0] != '\0' &&
        zl_json_parse(value, strlen(value), &object, NULL) != ZL_OK) {
        say("INCOMPLETE", "a Lease is not stored as JSON");
        checker->incomplete = true;
        return;
    }
    judge_lease(checker, name + 1, object);
}

/* --- etcd --- */

static void open_call(struct checker *checker, const char *path)
{
    ZL_AUTO_FREE char *url = zl_asprintf("%s%s", checker->config->etcd, path);
    checker->length = 0;
    checker->call = curl_easy_init();
    curl_easy_setopt(checker->call, CURLOPT_URL, url);
    curl_easy_setopt(checker->call, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(checker->call, CURLOPT_POSTFIELDS, checker->body);
    curl_easy_setopt(checker->call, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
    curl_easy_setopt(checker->call, CURLOPT_WRITEDATA, checker);
}

static void close_call(struct checker *checker)
{
    if (checker->call != NULL) {
        curl_multi_remove_handle(checker->multi, checker->call);
        curl_easy_cleanup(checker->call);
        checker->call = NULL;
    }
}

static void read_commands(struct checker *checker);

/* Stamps that were written before an event are read before it. */
static void on_watched(struct checker *checker, const struct cJSON *answer)
{
    const struct cJSON *result = zl_json_at(answer, "result", NULL);
    const struct cJSON *event = zl_json_first(zl_json_at(result, "events", NULL));
    if (zl_json_bool(result, false, "canceled", NULL)) {
        say("INCOMPLETE", "etcd has forgotten revisions that were not seen");
        checker->incomplete = true;
    }
    for (; event != NULL; event = zl_json_next(event)) {
        checker->revision = number(event, "kv", "mod_revision");
        read_commands(checker);
        judge_key(checker, zl_json_at(event, "kv", NULL));
    }
}

/* In the order in which they were stored. */
static void on_list(struct checker *checker, const struct cJSON *answer)
{
    int64_t last = 0, next;
    const struct cJSON *found;
    do {
        const struct cJSON *kv = zl_json_first(zl_json_at(answer, "kvs", NULL));
        next = INT64_MAX;
        found = NULL;
        for (; kv != NULL; kv = zl_json_next(kv)) {
            int64_t revision = number(kv, "mod_revision", NULL);
            if (revision > last && revision < next) {
                next = revision;
                found = kv;
            }
        }
        if (found != NULL) {
            checker->revision = last = next;
            judge_key(checker, found);
        }
    } while (found != NULL);
    checker->revision = number(answer, "header", "revision");
    checker->phase = WATCHES;
    say("--", checker->restores > 0 ? "watching again" : "watching");
}

static void on_line(struct checker *checker)
{
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    if (zl_json_parse(checker->line, checker->length, &answer, NULL) != ZL_OK) {
        return; /* etcd ended in the middle of it: it is sent again */
    }
    if (checker->phase == LISTS && zl_json_at(answer, "header", NULL) != NULL) {
        on_list(checker, answer);
    } else if (checker->phase == WATCHES) {
        on_watched(checker, answer);
    }
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct checker *checker = ctx;
    for (size_t i = 0; i < size * count; i++) {
        if (bytes[i] == '\n') {
            on_line(checker);
            checker->length = 0;
        } else if (checker->length < LINE_MAX_) {
            checker->line[checker->length++] = bytes[i];
        }
    }
    return size * count;
}

static void ask(struct checker *checker)
{
    ZL_AUTO_FREE char *prefix = zl_asprintf("/registry/leases/%s/", checker->config->namespace_);
    ZL_AUTO_FREE char *first = zl_base64_encode(prefix, strlen(prefix));
    prefix[strlen(prefix) - 1]++; /* behind the last of them */
    ZL_AUTO_FREE char *last = zl_base64_encode(prefix, strlen(prefix));
    free(checker->body);
    if (checker->phase == LISTS) {
        checker->body = zl_asprintf("{\"key\":\"%s\",\"range_end\":\"%s\"}", first, last);
        open_call(checker, "/v3/kv/range");
    } else {
        checker->body = zl_asprintf("{\"create_request\":{\"key\":\"%s\",\"range_end\":\"%s\","
                                    "\"start_revision\":\"%" PRId64 "\"}}",
                                    first, last, checker->revision + 1);
        open_call(checker, "/v3/watch");
    }
    curl_easy_setopt(checker->call, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_multi_add_handle(checker->multi, checker->call);
}

/* --- commands --- */

static void obey(struct checker *checker, const char *line)
{
    char cluster[64], word[64];
    int64_t token, at_ms, until_ms;
    if (sscanf(line, "begins %63s %" SCNd64 " %" SCNd64 " %" SCNd64, cluster, &token, &at_ms,
               &until_ms) == 4) {
        zl_fleet_judge_begins(checker->judge, cluster, token, at_ms, until_ms);
    } else if (sscanf(line, "ends %63s %" SCNd64 " %" SCNd64 " %63s", cluster, &token, &at_ms,
                      word) == 4) {
        zl_fleet_judge_ends(checker->judge, cluster, token, at_ms, word);
    } else if (strcmp(line, "restoring") == 0) {
        checker->phase = WAITS;
    } else if (strcmp(line, "restored") == 0) {
        checker->restores++;
        checker->phase = LISTS;
        zl_fleet_judge_restored(checker->judge);
    } else if (strcmp(line, "calm") == 0) {
        checker->calm_ms = zl_clock_ms();
        zl_fleet_judge_calm(checker->judge);
    } else if (strcmp(line, "finish") == 0) {
        checker->finishing = true;
    }
    say("--", line);
}

static void read_commands(struct checker *checker)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(checker->control, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == '\n') {
                checker->command[checker->command_length] = '\0';
                checker->command_length = 0;
                obey(checker, checker->command);
            } else if (checker->command_length + 1 < sizeof checker->command) {
                checker->command[checker->command_length++] = bytes[i];
            }
        }
    }
}

/* --- the loop --- */

static void look_at_call(struct checker *checker)
{
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(checker->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE) {
        return;
    }
    if (checker->length > 0) {
        on_line(checker); /* an answer that is no stream has no end of line */
    }
    checker->breaks += checker->phase == WATCHES;
    checker->retry_ms = zl_clock_ms() + RETRY_MS;
    close_call(checker);
}

static void look_at_calm(struct checker *checker)
{
    char names[256];
    if (checker->calm_ms != 0 &&
        zl_fleet_judge_unsettled(checker->judge, names, sizeof names) == 0) {
        ZL_AUTO_FREE char *text =
            zl_asprintf("settled after %" PRId64 " ms", zl_clock_ms() - checker->calm_ms);
        checker->calm_ms = 0;
        say("--", text);
    }
}

static void say_unsettled(struct checker *checker)
{
    char names[256];
    if (checker->calm_ms != 0 &&
        zl_fleet_judge_unsettled(checker->judge, names, sizeof names) > 0) {
        ZL_AUTO_FREE char *text = zl_asprintf("no turn done in the calm:%s", names);
        on_violation(checker, "calm", text);
    }
}

static void turn(struct checker *checker)
{
    int running = 0;
    read_commands(checker);
    if (checker->phase == WAITS) {
        close_call(checker);
    } else if (checker->call == NULL && zl_clock_ms() >= checker->retry_ms) {
        ask(checker);
    }
    struct curl_waitfd control = {.fd = checker->control, .events = CURL_WAIT_POLLIN};
    curl_multi_poll(checker->multi, &control, 1, POLL_MS, NULL);
    curl_multi_perform(checker->multi, &running);
    look_at_call(checker);
    look_at_calm(checker);
}

static int write_summary(const struct checker *checker)
{
    const struct zl_fleet_tally tally = zl_fleet_judge_tally(checker->judge);
    FILE *file = fopen(checker->config->summary, "we");
    if (file == NULL) {
        fprintf(stderr, "zl-fleet-checker: %s: %s\n", checker->config->summary, strerror(errno));
        return EXIT_INCOMPLETE;
    }
#define WRITE(label, value) fprintf(file, "%-40s %8" PRId64 "\n", label, value)
    WRITE("revisions of the ledger", tally.ledgers);
    WRITE("revisions of turns", tally.turns);
    WRITE("revisions of members", tally.members);
    WRITE("offers", tally.offers);
    WRITE("turns", tally.grants);
    WRITE("ended: done", tally.done);
    WRITE("ended: failed", tally.failed);
    WRITE("ended: expired", tally.expired);
    WRITE("ended: given back", tally.released);
    WRITE("failures taken back", tally.late);
    WRITE("pauses", tally.pauses);
    WRITE("restores of etcd", checker->restores);
    WRITE("of them seen by the fleet", tally.restored);
    WRITE("turns adopted after one", tally.adopted);
    WRITE("acts by the workers' stamps", tally.acts);
    WRITE("most at once by the ledger", tally.most_active);
    WRITE("most at once by the stamps", tally.most_acting);
    WRITE("breaks of the checker's watch", checker->breaks);
    fprintf(file, "record: %s\nviolations: %" PRId64 "\n",
            checker->incomplete ? "INCOMPLETE" : "complete", checker->violations);
    fclose(file);
    if (checker->incomplete) {
        return EXIT_INCOMPLETE;
    }
    return checker->violations > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct config config = {0};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    struct checker checker = {.config = &config, .line = zl_alloc(LINE_MAX_)};
    const struct zl_fleet_judge_spec spec = {.rate = config.rate,
                                             .patience_ms = config.patience_ms,
                                             .violation = on_violation,
                                             .ctx = &checker};
    if (config.control == NULL || config.summary == NULL || config.etcd == NULL ||
        (mkfifo(config.control, 0600) != 0 && errno != EEXIST)) {
        fprintf(stderr, "zl-fleet-checker: --etcd, --control and --summary are needed\n");
        return EXIT_INCOMPLETE;
    }
    /* For writing as well: so it never ends, whoever comes and goes. */
    checker.control = open(config.control, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (checker.control < 0) {
        fprintf(stderr, "zl-fleet-checker: %s: %s\n", config.control, strerror(errno));
        return EXIT_INCOMPLETE;
    }
    checker.judge = zl_fleet_judge_new(&spec);
    checker.multi = curl_multi_init();
    while (!checker.finishing) {
        turn(&checker);
    }
    say_unsettled(&checker);
    zl_fleet_judge_finish(checker.judge);
    int code = write_summary(&checker);
    close_call(&checker);
    curl_multi_cleanup(checker.multi);
    zl_fleet_judge_free(checker.judge);
    free(checker.body);
    free(checker.line);
    return code;
}
