/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/explain/look.h"
#include "client/status/pools.h"
#include "common/base/log.h"
#include "common/kube/client.h"

#include <stddef.h>

struct config {
    struct zl_connection connection;
    const char *output, *text;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "text",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, text),
     .value_name = "TEXT",
     .help = "Explain what was said instead: a refusal, a warning, an Event. The API server is not "
             "asked."},
    {.name = "output",
     .type = ZL_OPTION_CHOICE,
     .default_value = "lines",
     .choices = "lines|json|yaml",
     .offset = offsetof(struct config, output),
     .help = "How to say it. json and yaml: verdict, what, by, changes, do; their names and the "
             "verdicts never change."},
    {.name = NULL},
};

const struct zl_program ZL_EXPLAIN_PROGRAM = {
    .name = "zen-lead explain",
    .summary = "Says what zen-lead does with an object and why: a pod, a workload, a Job, a "
               "Service; also one that is not in any pool. With --text, what a refusal or warning "
               "means.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "[KIND/NAME]",
    .words_max = 2,
    .epilogue =
        "Exit code 0: it was explained; a refusal is normal. 1: there is no such object, "
        "or the text is not\n"
        "zen-lead's.\n"
        "\n" ZL_EXIT_CODES_TEXT "\n"
        "\n"
        "Examples:\n"
        "  zen-lead explain deployment/web -n shop\n"
        "  zen-lead explain pod web-7f-x2k9 -o json | jq -r .verdict\n"
        "  zen-lead explain --text 'pool \"web\" has a leader; only the leader'\\''s pod is "
        "allowed'\n",
};

static int print(const struct config *config, const struct zl_explanation *explanation)
{
    const struct {
        const char *name, *value;
    } rows[] = {
        {"what", explanation->what},
        {"by", explanation->by},
        {"changes", explanation->changes},
        {"do", explanation->cure},
    };
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "verdict", explanation->verdict);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        zl_json_set_text(tree, rows[i].name, rows[i].value);
    }
    if (strcmp(config->output, "json") == 0) {
        ZL_AUTO_FREE char *text = zl_json_print(tree);
        (void)puts(text);
    } else if (strcmp(config->output, "yaml") == 0) {
        zl_yaml_print(stdout, tree);
    } else {
        const size_t longest = strlen(explanation->verdict);
        const int width = (int)(longest > strlen("changes") ? longest : strlen("changes")) + 3;
        (void)printf("%-*s%s\n", width, explanation->verdict, explanation->what);
        for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++) {
            (void)printf("%-*s%s\n", width, rows[i].name, rows[i].value);
        }
    }
    return strcmp(explanation->verdict, ZL_VERDICT_UNKNOWN) == 0 ? ZL_EXIT_NO : ZL_EXIT_YES;
}

/* "deployment/web", or "deployment" and "web". @return NULL: usage, which was said. The caller frees NAME */
static const char *read_words(const struct zl_operands *words, char **name)
{
    const char *first = words->words[0];
    const size_t length = strcspn(first, "/");
    ZL_AUTO_FREE char *word = zl_strndup(first, length);
    const char *kind = zl_explain_kind(word);
    const bool joined = first[length] == '/';
    if (kind == NULL) {
        ZL_AUTO_FREE char *kinds = zl_explain_kinds();
        (void)fprintf(stderr, "%s: \"%.60s\": give KIND/NAME, KIND one of %s\n",
                      ZL_EXPLAIN_PROGRAM.name, first, kinds);
        return NULL;
    }
    if (joined == (words->count > 1) || (joined && first[length + 1] == '\0')) {
        (void)fprintf(stderr, "%s: give one name: %.60s/NAME\n", ZL_EXPLAIN_PROGRAM.name, word);
        return NULL;
    }
    *name = zl_strdup(joined ? first + length + 1 : words->words[1]);
    return kind;
}

static int explain_object(const struct config *config, const char *kind, const char *name)
{
    struct zl_error err = {0};
    struct zl_kube_config kube = {0};
    struct zl_kube_client *client = NULL;
    struct zl_explanation explanation = {0};
    zl_kube_init();
    enum zl_status status = zl_connection_load(&config->connection, &kube, &err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &client, &err);
    }
    if (status == ZL_OK) {
        status = zl_explain_object(client, kube.namespace_, kind, name, &explanation, &err);
    }
    int code = ZL_EXIT_NO;
    if (status == ZL_OK) {
        code = print(config, &explanation);
    } else if (status == ZL_E_NOT_FOUND) {
        (void)fprintf(stderr, "%s: %s\n", ZL_EXPLAIN_PROGRAM.name, err.message);
    } else {
        code = zl_verb_failed(&ZL_EXPLAIN_PROGRAM, status, &err);
    }
    zl_explanation_clear(&explanation);
    zl_kube_client_free(client);
    zl_kube_cleanup();
    zl_kube_config_clear(&kube);
    return code;
}

int zl_explain(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int code = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_EXPLAIN_PROGRAM, argc, argv, &config, &words, &code)) {
        return code;
    }
    if ((config.text == NULL) == (words.count == 0)) {
        (void)fprintf(stderr, "%s: give either KIND/NAME or --text\n", ZL_EXPLAIN_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    if (config.text != NULL) {
        struct zl_explanation explanation = {0};
        zl_explain_text(config.text, &explanation);
        code = print(&config, &explanation);
        zl_explanation_clear(&explanation);
        return code;
    }
    ZL_AUTO_FREE char *name = NULL;
    const char *kind = read_words(&words, &name);
    return kind != NULL ? explain_object(&config, kind, name) : ZL_EXIT_USAGE;
}
