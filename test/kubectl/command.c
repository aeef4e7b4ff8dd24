/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubectl/kubectl.h"

enum arity { FLAG_BOOL, FLAG_TEXT, FLAG_OPTIONAL };

/* An option, and the verbs of which it is known here what it does. */
static const struct flag {
    const char *name;
    char letter;
    enum arity arity;
    size_t offset;
    const char *verbs;
} FLAGS[] = {
    {"namespace", 'n', FLAG_TEXT, offsetof(struct zl_command, namespace_),
     " get delete annotate label patch create apply wait "},
    {"output", 'o', FLAG_TEXT, offsetof(struct zl_command, output), " get create "},
    {"selector", 'l', FLAG_TEXT, offsetof(struct zl_command, selector),
     " get delete annotate label "},
    {"field-selector", 0, FLAG_TEXT, offsetof(struct zl_command, field_selector), " get delete "},
    {"filename", 'f', FLAG_TEXT, offsetof(struct zl_command, file), " create apply "},
    {"patch", 'p', FLAG_TEXT, offsetof(struct zl_command, patch), " patch "},
    {"type", 0, FLAG_TEXT, offsetof(struct zl_command, patch_type), " patch "},
    {"raw", 0, FLAG_TEXT, offsetof(struct zl_command, raw), " get "},
    {"for", 0, FLAG_TEXT, offsetof(struct zl_command, wait_for), " wait "},
    {"timeout", 0, FLAG_TEXT, offsetof(struct zl_command, timeout), " wait "},
    {"grace-period", 0, FLAG_TEXT, offsetof(struct zl_command, grace_period), " delete "},
    {"dry-run", 0, FLAG_OPTIONAL, offsetof(struct zl_command, dry_run), " create "},
    {"wait", 0, FLAG_BOOL, offsetof(struct zl_command, wait), " delete "},
    {"all-namespaces", 'A', FLAG_BOOL, offsetof(struct zl_command, all_namespaces), " get "},
    {"all", 0, FLAG_BOOL, offsetof(struct zl_command, all), " delete annotate label wait "},
    {"ignore-not-found", 0, FLAG_BOOL, offsetof(struct zl_command, ignore_not_found),
     " get delete "},
    {"overwrite", 0, FLAG_BOOL, offsetof(struct zl_command, overwrite), " annotate label "},
    {"force", 0, FLAG_BOOL, offsetof(struct zl_command, force), " delete "},
};

bool zl_is_true(const char *flag)
{
    return zl_same_string(flag, "true");
}

static bool is_one_of(const char *word, const char *words)
{
    ZL_AUTO_FREE char *spaced = zl_asprintf(" %s ", word);
    return strstr(words, spaced) != NULL;
}

static const struct flag *flag_by_name(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        if (strlen(FLAGS[i].name) == length && strncmp(FLAGS[i].name, name, length) == 0) {
            return &FLAGS[i];
        }
    }
    return NULL;
}

static const struct flag *flag_by_letter(char letter)
{
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        if (FLAGS[i].letter != 0 && FLAGS[i].letter == letter) {
            return &FLAGS[i];
        }
    }
    return NULL;
}

/* "--name=value", "--name value", "-n value", "-nvalue": the option, and its value or NULL when that is to come. */
static const struct flag *flag_of(const char *argument, const char **value)
{
    *value = NULL;
    if (argument[1] != '-') {
        const struct flag *flag = flag_by_letter(argument[1]);
        if (flag == NULL || argument[2] == '\0') {
            return flag;
        }
        *value = argument[2] == '=' ? argument + 3 : argument + 2;
        return flag->arity == FLAG_TEXT ? flag : NULL;
    }
    const char *equals = strchr(argument, '=');
    *value = equals != NULL ? equals + 1 : NULL;
    return flag_by_name(argument + 2,
                        equals != NULL ? (size_t)(equals - argument) - 2 : strlen(argument + 2));
}

/* Set FLAG; false when it is there already. Of --namespace the last one counts. */
static bool flag_set(struct zl_command *command, const struct flag *flag, const char *value)
{
    const char **field = (const char **)(void *)((char *)command + flag->offset);
    if (*field != NULL && field != &command->namespace_) {
        return false;
    }
    if (flag->arity == FLAG_BOOL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return false;
    }
    *field = value;
    return true;
}

bool zl_command_parse(int argc, char **argv, struct zl_command *command)
{
    const struct flag *given[ZL_KUBECTL_ARGUMENTS_MAX];
    size_t flags = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            if (command->verb == NULL) {
                command->verb = argv[i];
            } else if (command->argument_count < ZL_KUBECTL_ARGUMENTS_MAX) {
                command->arguments[command->argument_count++] = argv[i];
            } else {
                return false;
            }
            continue;
        }
        const char *value = NULL;
        const struct flag *flag = flag_of(argv[i], &value);
        if (flag == NULL || flags == ZL_KUBECTL_ARGUMENTS_MAX ||
            (value == NULL &&
             (flag->arity == FLAG_OPTIONAL || (flag->arity == FLAG_TEXT && i + 1 == argc)))) {
            return false;
        }
        if (value == NULL) {
            value = flag->arity == FLAG_BOOL ? "true" : argv[++i];
        }
        if (!flag_set(command, flag, value)) {
            return false;
        }
        given[flags++] = flag;
    }
    for (size_t i = 0; i < flags; i++) {
        if (command->verb == NULL || !is_one_of(command->verb, given[i]->verbs)) {
            return false;
        }
    }
    return command->verb != NULL;
}
