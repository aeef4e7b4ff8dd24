/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/mark.h"
#include "client/cli/verb.h"
#include "client/doctor/checks.h"
#include "client/doctor/gather.h"
#include "client/doctor/offline.h"
#include "client/doctor/outcome.h"
#include "client/status/pools.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/fleet/fleet.h"

#include <ctype.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define AGAIN_S 2

struct config {
    struct zl_connection connection;
    const char *output, *installed_in, *hub_namespace, *wait, *filename;
    bool brief, list, strict, watch;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "system-namespace",
     .type = ZL_OPTION_TEXT,
     .default_value = "zen-lead-system",
     .offset = offsetof(struct config, installed_in),
     .value_name = "NAMESPACE",
     .help = "Where zen-lead's own programs are."},
    {.name = "fleet-namespace",
     .variable = "ZEN_LEAD_FLEET_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .default_value = ZL_FLEET_NAMESPACE,
     .offset = offsetof(struct config, hub_namespace),
     .value_name = "NAME",
     .help = "Namespace of the fleets' Leases on the hub, which is asked with this cluster's own "
             "credential (Secret zen-lead-fleet)."},
    {.name = "output",
     .type = ZL_OPTION_CHOICE,
     .default_value = "lines",
     .choices = "lines|wide|json|yaml",
     .offset = offsetof(struct config, output),
     .help = "How to say it. wide: also what is as it should be. json and yaml: {\"items\": [...]} "
             "with id, group, title, result, detail and cure of each check."},
    {.name = "short",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, brief),
     .help = "Print only what failed, and the sum."},
    {.name = "list",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, list),
     .help = "Print what would be checked, and ask nobody."},
    {.name = "wait",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, wait),
     .value_name = "DURATION",
     .help = "Look again every 2 s until nothing fails, at most so long."},
    {.name = "filename",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, filename),
     .value_name = "FILE",
     .help = "Judge the manifests of FILE, \"-\" for standard input, before they are applied, and "
             "ask nobody: what the webhook would refuse or warn of. Objects that name no namespace "
             "are taken to be in --namespace."},
    {.name = "watch",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, watch),
     .help = "Go on looking every 2 s, and print each check whose result changes, until Ctrl-C or "
             "SIGTERM. The exit code is the last look's."},
    {.name = "strict",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, strict),
     .help = "Exit with 4 when there are warnings and nothing failed."},
    {.name = NULL},
};

static const struct zl_option_letter LETTERS[] = {
    {'n', "namespace"}, {'o', "output"}, {'w', "watch"}, {'f', "filename"}, {0, NULL}};

const struct zl_program ZL_DOCTOR_PROGRAM = {
    .name = "zen-lead doctor",
    .summary =
        "Checks API server, installation, webhook, controller, pools and fleets, all of it at each "
        "look, and says of what is wrong how it is mended. It changes nothing: what it "
        "creates are dry runs.",
    .options = OPTIONS,
    .letters = LETTERS,
    .epilogue =
        "Without --namespace the pools of all namespaces are looked at. What may not be read, or "
        "is not answered\n"
        "within 3 s, is \"unknown\". docs/troubleshooting.md has a line for each id; an id never "
        "changes.\n"
        "\n" ZL_EXIT_CODES_TEXT " 4 only warnings, with --strict.\n"
        "\n"
        "Examples:\n"
        "  zen-lead doctor\n"
        "  zen-lead doctor --wait 2m --short\n"
        "  zen-lead doctor -w\n"
        "  helm template . | zen-lead doctor -f - --strict\n"
        "  zen-lead doctor -o json | jq -r '.items[] | select(.result == \"failed\").id'\n",
};

/* --- output --- */

static bool is_shown(const struct config *config, enum zl_health health)
{
    return strcmp(config->output, "wide") == 0 ||
           (config->brief ? health == ZL_HEALTH_FAILED : health >= ZL_HEALTH_UNKNOWN);
}

static void print_check(const struct zl_check *check, enum zl_health health, const char *detail)
{
    static const enum zl_mark marks[ZL_HEALTH_COUNT] = {
        [ZL_HEALTH_GOOD] = ZL_MARK_GOOD,       [ZL_HEALTH_ABSENT] = ZL_MARK_NONE,
        [ZL_HEALTH_UNKNOWN] = ZL_MARK_UNKNOWN, [ZL_HEALTH_WARNED] = ZL_MARK_WARNING,
        [ZL_HEALTH_FAILED] = ZL_MARK_BAD,
    };
    char anchor[16];
    (void)printf("  %s %s %s%s%s\n", zl_mark(marks[health]), check->id, check->title,
                 detail != NULL && detail[0] != '\0' ? ": " : "", detail != NULL ? detail : "");
    if (health >= ZL_HEALTH_WARNED) {
        (void)snprintf(anchor, sizeof anchor, "%s", check->id);
        for (char *c = anchor; *c != '\0'; c++) {
            *c = (char)tolower((unsigned char)*c);
        }
        (void)printf("    cure: %s   docs/troubleshooting.md#%s\n", check->cure, anchor);
    }
}

static void print_lines(const struct config *config, const struct zl_outcome *outcome)
{
    const char *group = "";
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        /* With no API server, one line says it all. */
        const bool implied = outcome->unreachable && i > 0;
        if (implied || !is_shown(config, outcome->health[i])) {
            continue;
        }
        if (strcmp(group, ZL_CHECKS[i].group) != 0) {
            group = ZL_CHECKS[i].group;
            (void)printf("%s\n", group);
        }
        print_check(&ZL_CHECKS[i], outcome->health[i], outcome->details[i]);
    }
    const int unknown = outcome->counts[ZL_HEALTH_UNKNOWN];
    (void)printf("%d ok, %d warning%s, %d failed",
                 outcome->counts[ZL_HEALTH_GOOD] + outcome->counts[ZL_HEALTH_ABSENT],
                 outcome->counts[ZL_HEALTH_WARNED],
                 outcome->counts[ZL_HEALTH_WARNED] == 1 ? "" : "s",
                 outcome->counts[ZL_HEALTH_FAILED]);
    (void)(unknown > 0 ? printf(", %d unknown\n", unknown) : printf("\n"));
}

static bool is_tree(const struct config *config)
{
    return strcmp(config->output, "json") == 0 || strcmp(config->output, "yaml") == 0;
}

static void print_tree(const struct config *config, const struct zl_outcome *outcome,
                       const bool *only)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_outcome_tree(outcome, only);
    if (strcmp(config->output, "json") == 0) {
        ZL_AUTO_FREE char *text = zl_json_print(tree);
        (void)puts(text);
    } else {
        (void)fputs(only != NULL ? "---\n" : "", stdout);
        zl_yaml_print(stdout, tree);
    }
}

static void print(const struct config *config, const struct zl_outcome *outcome)
{
    if (is_tree(config)) {
        print_tree(config, outcome, NULL);
    } else {
        print_lines(config, outcome);
    }
}

/* Also what is well again: nobody would hear of it else. */
static void print_changes(const struct config *config, const struct zl_outcome *outcome,
                          const bool changed[ZL_CHECKS_MAX])
{
    if (is_tree(config)) {
        print_tree(config, outcome, changed);
        return;
    }
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(zl_clock_wall_us(), now);
    (void)puts(now);
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        if (changed[i]) {
            print_check(&ZL_CHECKS[i], outcome->health[i], outcome->details[i]);
        }
    }
}

static int list_checks(void)
{
    for (const struct zl_check *check = ZL_CHECKS; check->id != NULL; check++) {
        (void)printf("%s  %-12s  %s\n", check->id, check->group, check->title);
    }
    return ZL_EXIT_YES;
}

/* --- the run --- */

static int code_of(const struct config *config, const struct zl_outcome *outcome)
{
    if (outcome->unreachable) {
        return ZL_EXIT_UNKNOWN;
    }
    if (outcome->counts[ZL_HEALTH_FAILED] > 0) {
        return ZL_EXIT_NO;
    }
    return config->strict && outcome->counts[ZL_HEALTH_WARNED] > 0 ? ZL_EXIT_WARNED : ZL_EXIT_YES;
}

struct examination {
    const struct config *config;
    struct zl_kube_client *client;
    const char *home;
    int64_t until_ms; /* of --wait */
};

/* OUT was cleared, or never used. */
static void look(const struct examination *examination, struct zl_outcome *out)
{
    const struct zl_gather_spec spec = {.namespace_ = examination->config->connection.namespace_,
                                        .home = examination->home,
                                        .hub_namespace = examination->config->hub_namespace,
                                        .installed_in = examination->config->installed_in};
    struct zl_doctor_facts facts = {0};
    zl_gather(examination->client, &spec, &facts);
    zl_outcome_judge(&facts, out);
    zl_gather_clear(&facts);
}

static int examine(const struct examination *examination)
{
    struct zl_outcome outcome;
    look(examination, &outcome);
    while (outcome.counts[ZL_HEALTH_FAILED] > 0 && zl_clock_ms() < examination->until_ms) {
        (void)sleep(AGAIN_S);
        zl_outcome_clear(&outcome);
        look(examination, &outcome);
    }
    print(examination->config, &outcome);
    const int code = code_of(examination->config, &outcome);
    zl_outcome_clear(&outcome);
    return code;
}

/* Until a signal, which is heard between two looks: the longest takes 3 s. */
static int watch(const struct examination *examination, const sigset_t *ends)
{
    const struct timespec pause = {.tv_sec = AGAIN_S};
    struct zl_verdicts said = {0};
    struct zl_outcome outcome;
    bool changed[ZL_CHECKS_MAX];
    int code = ZL_EXIT_YES;
    do {
        const bool first = !said.any;
        look(examination, &outcome);
        const int count = zl_outcome_changes(&outcome, &said, changed);
        if (first) {
            print(examination->config, &outcome);
        } else if (count > 0) {
            print_changes(examination->config, &outcome, changed);
        }
        (void)fflush(stdout);
        code = code_of(examination->config, &outcome);
        zl_outcome_clear(&outcome);
    } while (ferror(stdout) == 0 && sigtimedwait(ends, NULL, &pause) < 0);
    return code;
}

/* Before there are threads: they have the mask of who made them. */
static void block_ends(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, ends, NULL);
}

int zl_doctor(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int code = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_DOCTOR_PROGRAM, argc, argv, &config, &words, &code)) {
        return code;
    }
    if (config.list) {
        return list_checks();
    }
    if ((config.watch ? 1 : 0) + (config.wait != NULL) + (config.filename != NULL) > 1) {
        (void)fprintf(stderr, "%s: give one of --watch, --wait and --filename\n",
                      ZL_DOCTOR_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    if (config.filename != NULL) {
        const struct zl_offline offline = {config.filename, config.connection.namespace_,
                                           config.output, config.brief, config.strict};
        return zl_doctor_offline(&ZL_DOCTOR_PROGRAM, &offline);
    }
    sigset_t ends;
    if (config.watch) {
        block_ends(&ends);
    }
    struct zl_error err = {0};
    struct zl_kube_config kube = {0};
    struct zl_kube_client *client = NULL;
    int64_t wait_ms = 0;
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    enum zl_status status =
        config.wait != NULL ? zl_duration_read("wait", config.wait, &wait_ms, &err) : ZL_OK;
    if (status == ZL_OK) {
        status = zl_connection_load(&config.connection, &kube, &err);
    }
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &client, &err);
    }
    const struct examination examination = {&config, client, kube.namespace_,
                                            zl_clock_ms() + wait_ms};
    if (status != ZL_OK) {
        code = zl_verb_failed(&ZL_DOCTOR_PROGRAM, status, &err);
    } else {
        code = config.watch ? watch(&examination, &ends) : examine(&examination);
    }
    zl_kube_client_free(client);
    zl_kube_cleanup();
    zl_kube_config_clear(&kube);
    return code;
}
