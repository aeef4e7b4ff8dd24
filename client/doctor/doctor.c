/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/doctor/checks.h"
#include "client/doctor/gather.h"
#include "client/status/pools.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <ctype.h>
#include <stddef.h>
#include <unistd.h>

#define AGAIN_S 2

struct config {
    struct zl_connection connection;
    const char *output, *installed_in, *wait;
    bool brief, list, strict;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "system-namespace",
     .type = ZL_OPTION_TEXT,
     .default_value = "zen-lead-system",
     .offset = offsetof(struct config, installed_in),
     .value_name = "NAMESPACE",
     .help = "Where zen-lead's own programs are."},
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
    {.name = "strict",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, strict),
     .help = "Exit with 4 when there are warnings and nothing failed."},
    {.name = NULL},
};

const struct zl_program ZL_DOCTOR_PROGRAM = {
    .name = "zen-lead doctor",
    .summary = "Checks API server, installation, webhook, controller and pools, all of it at each "
               "look, and says of what is wrong how it is mended. It changes nothing: what it "
               "creates are dry runs.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
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
        "  zen-lead doctor -o json | jq -r '.items[] | select(.result == \"failed\").id'\n",
};

struct outcome {
    char *details[64];
    enum zl_health health[64];
    int counts[ZL_HEALTH_COUNT];
    bool unreachable;
};

static void judge(const struct zl_doctor_facts *facts, struct outcome *out)
{
    *out = (struct outcome){.unreachable = facts->told[ZL_ASKED_VERSION].status != ZL_OK};
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        /* Without an API server nothing else is known. */
        out->health[i] = out->unreachable && i > 0
                             ? ZL_HEALTH_UNKNOWN
                             : zl_check_judge(&ZL_CHECKS[i], facts, &out->details[i]);
        out->counts[out->health[i]]++;
    }
}

static void outcome_clear(struct outcome *outcome)
{
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        free(outcome->details[i]);
    }
}

/* --- output --- */

static struct cJSON *tree_of(const struct outcome *outcome)
{
    struct cJSON *tree = zl_json_object();
    struct cJSON *items = zl_json_array();
    for (size_t i = 0; ZL_CHECKS[i].id != NULL; i++) {
        struct cJSON *row = zl_json_object();
        const char *detail = outcome->details[i];
        const bool is_bad = outcome->health[i] >= ZL_HEALTH_WARNED;
        zl_json_set_text(row, "id", ZL_CHECKS[i].id);
        zl_json_set_text(row, "group", ZL_CHECKS[i].group);
        zl_json_set_text(row, "title", ZL_CHECKS[i].title);
        zl_json_set_text(row, "result", zl_health_name(outcome->health[i]));
        zl_json_set_text(row, "detail", detail != NULL && detail[0] != '\0' ? detail : NULL);
        zl_json_set_text(row, "cure", is_bad ? ZL_CHECKS[i].cure : NULL);
        zl_json_append(items, row);
    }
    zl_json_set(tree, "items", items);
    return tree;
}

static bool is_shown(const struct config *config, enum zl_health health)
{
    return strcmp(config->output, "wide") == 0 ||
           (config->brief ? health == ZL_HEALTH_FAILED : health >= ZL_HEALTH_UNKNOWN);
}

static void print_check(const struct zl_check *check, enum zl_health health, const char *detail)
{
    static const char *const marks[ZL_HEALTH_COUNT] = {"√", "-", "?", "‼", "×"};
    char anchor[16];
    (void)printf("  %s %s %s%s%s\n", marks[health], check->id, check->title,
                 detail != NULL && detail[0] != '\0' ? ": " : "", detail != NULL ? detail : "");
    if (health >= ZL_HEALTH_WARNED) {
        (void)snprintf(anchor, sizeof anchor, "%s", check->id);
        for (char *c = anchor; *c != '\0'; c++) {
            *c = (char)tolower((unsigned char)*c);
        }
        (void)printf("    cure: %s   docs/troubleshooting.md#%s\n", check->cure, anchor);
    }
}

static void print_lines(const struct config *config, const struct outcome *outcome)
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

static void print(const struct config *config, const struct outcome *outcome)
{
    if (strcmp(config->output, "json") == 0 || strcmp(config->output, "yaml") == 0) {
        ZL_AUTO_JSON struct cJSON *tree = tree_of(outcome);
        ZL_AUTO_FREE char *text = zl_json_print(tree);
        if (strcmp(config->output, "json") == 0) {
            (void)puts(text);
        } else {
            zl_yaml_print(stdout, tree);
        }
    } else {
        print_lines(config, outcome);
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

static int code_of(const struct config *config, const struct outcome *outcome)
{
    if (outcome->unreachable) {
        return ZL_EXIT_UNKNOWN;
    }
    if (outcome->counts[ZL_HEALTH_FAILED] > 0) {
        return ZL_EXIT_NO;
    }
    return config->strict && outcome->counts[ZL_HEALTH_WARNED] > 0 ? ZL_EXIT_WARNED : ZL_EXIT_YES;
}

static int examine(const struct config *config, struct zl_kube_client *client, const char *home,
                   int64_t until_ms)
{
    const struct zl_gather_spec spec = {.namespace_ = config->connection.namespace_,
                                        .home = home,
                                        .installed_in = config->installed_in};
    struct outcome outcome = {0};
    bool again = false;
    do {
        struct zl_doctor_facts facts = {0};
        outcome_clear(&outcome);
        zl_gather(client, &spec, &facts);
        judge(&facts, &outcome);
        zl_gather_clear(&facts);
        again = outcome.counts[ZL_HEALTH_FAILED] > 0 && zl_clock_ms() < until_ms;
        if (again) {
            (void)sleep(AGAIN_S);
        }
    } while (again);
    print(config, &outcome);
    const int code = code_of(config, &outcome);
    outcome_clear(&outcome);
    return code;
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
    code = status == ZL_OK ? examine(&config, client, kube.namespace_, zl_clock_ms() + wait_ms)
                           : zl_verb_failed(&ZL_DOCTOR_PROGRAM, status, &err);
    zl_kube_client_free(client);
    zl_kube_cleanup();
    zl_kube_config_clear(&kube);
    return code;
}
