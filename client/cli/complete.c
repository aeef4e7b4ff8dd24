/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/verb.h"

#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "common/base/options_help.h"

#include <string.h>

/* Cobra's bits: the shell adds file names, or does not. */
enum directive { WITH_FILES = 0, NO_FILES = 4 };

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The first sentence. */
static int brief_length(const char *help)
{
    const char *end = strstr(help, ". ");
    return (int)(end != NULL ? (size_t)(end - help) : strcspn(help, "."));
}

static void offer_verbs(const char *typed, FILE *out)
{
    for (const struct zl_verb *verb = ZL_VERBS; verb->name != NULL; verb++) {
        if (begins(verb->name, typed)) {
            (void)fprintf(out, "%s\t%s\n", verb->name, verb->brief);
        }
    }
}

static void offer_options(const struct zl_program *program, const char *typed, FILE *out)
{
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        if (begins(option->name, typed)) {
            (void)fprintf(out, "--%s\t%.*s\n", option->name, brief_length(option->help),
                          option->help);
        }
    }
    if (begins("help", typed)) {
        (void)fputs("--help\tPrint this help and exit\n", out);
    }
}

static void offer_choices(const char *choices, const char *typed, FILE *out)
{
    while (choices != NULL) {
        const size_t length = strcspn(choices, "|");
        if (strncmp(choices, typed, strlen(typed)) == 0 && strlen(typed) <= length) {
            (void)fprintf(out, "%.*s\n", (int)length, choices);
        }
        choices = choices[length] == '|' ? choices + length + 1 : NULL;
    }
}

/* The option whose value comes after WORD ("--output" or "-o"); NULL: none. */
static const struct zl_option *awaited(const struct zl_program *program, const char *word)
{
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        const char letter = zl_options_letter(program, option);
        const bool named = begins(word, "--") && strcmp(word + 2, option->name) == 0;
        const bool by_letter =
            letter != 0 && word[0] == '-' && word[1] == letter && word[2] == '\0';
        if ((named || by_letter) && option->type != ZL_OPTION_BOOL) {
            return option;
        }
    }
    return NULL;
}

static enum directive offer_of_verb(const struct zl_verb *verb, int count, char **words, FILE *out)
{
    const char *typed = words[count - 1];
    const struct zl_option *option = awaited(verb->program, words[count - 2]);
    for (int i = 1; i < count - 1; i++) {
        if (strcmp(words[i], "--") == 0) {
            return WITH_FILES; /* inside the command */
        }
    }
    if (option != NULL) {
        offer_choices(option->type == ZL_OPTION_CHOICE ? option->choices : NULL, typed, out);
        return zl_same_string(option->value_name, "FILE") ? WITH_FILES : NO_FILES;
    }
    if (begins(typed, "-")) {
        offer_options(verb->program, begins(typed, "--") ? typed + 2 : "", out);
    } else if (strcmp(verb->name, "completion") == 0) {
        offer_choices(verb->program->words, typed, out);
    }
    return NO_FILES;
}

void zl_complete(int count, char **words, FILE *out)
{
    enum directive directive = NO_FILES;
    const struct zl_verb *verb = count > 1 ? zl_verb_find(words[0]) : NULL;
    if (count <= 1) {
        offer_verbs(count == 1 ? words[0] : "", out);
    } else if (verb != NULL) {
        directive = offer_of_verb(verb, count, words, out);
    }
    (void)fprintf(out, ":%d\n", directive);
}

/* The scripts ask the program itself: what it can do and what they offer cannot differ. */
static const char BASH[] =
    "# bash completion for zen-lead; e.g. in ~/.bashrc: . <(zen-lead completion bash)\n"
    "_zen_lead() {\n"
    "    local line directive=4\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :*) directive=${line#:} ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(zen-lead __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "    if [ \"$directive\" = 0 ]; then\n"
    "        compopt -o default\n"
    "    fi\n"
    "}\n"
    "complete -F _zen_lead zen-lead kubectl-zen_lead\n";

static const char ZSH[] =
    "#compdef zen-lead kubectl-zen_lead\n"
    "# zsh completion for zen-lead; e.g. in ~/.zshrc: . <(zen-lead completion zsh)\n"
    "_zen_lead() {\n"
    "    local line directive=4\n"
    "    local -a offers\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :*) directive=${line#:} ;;\n"
    "        *) offers+=(\"${${line/:/\\\\:}/$'\\t'/:}\") ;;\n"
    "        esac\n"
    "    done < <(zen-lead __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    (( ${#offers} )) && _describe zen-lead offers\n"
    "    [[ $directive == 0 ]] && _files\n"
    "}\n"
    "compdef _zen_lead zen-lead kubectl-zen_lead\n";

static const char FISH[] =
    "# fish completion for zen-lead; e.g. zen-lead completion fish "
    ">~/.config/fish/completions/zen-lead.fish\n"
    "function __zen_lead\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    zen-lead __complete $words[2..-1] 2>/dev/null | string match -v ':*'\n"
    "end\n"
    "complete -c zen-lead -f -a '(__zen_lead)'\n"
    "complete -c kubectl-zen_lead -f -a '(__zen_lead)'\n";

static const struct zl_option OPTIONS[] = {{.name = NULL}};

const struct zl_program ZL_COMPLETION_PROGRAM = {
    .name = "zen-lead completion",
    .summary = "Prints a completion script for a shell. kubectl needs none: it asks "
               "kubectl_complete-zen_lead, which is installed beside the plugin.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "bash|zsh|fish",
    .words_min = 1,
    .words_max = 1,
    .epilogue = "Examples:\n"
                "  . <(zen-lead completion bash)\n"
                "  zen-lead completion fish >~/.config/fish/completions/zen-lead.fish\n",
};

int zl_completion(int argc, char **argv)
{
    static const struct {
        const char *name, *script;
    } shells[] = {{"bash", BASH}, {"zsh", ZSH}, {"fish", FISH}};
    struct zl_operands words = {0};
    int nothing = 0;
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_COMPLETION_PROGRAM, argc, argv, &nothing, &words, &refused)) {
        return refused;
    }
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, words.words[0]) == 0) {
            (void)fputs(shells[i].script, stdout);
            return fflush(stdout) == 0 ? ZL_EXIT_YES : ZL_EXIT_NO;
        }
    }
    (void)fprintf(stderr, "zen-lead completion: \"%.40s\" is not bash, zsh or fish\n",
                  words.words[0]);
    return ZL_EXIT_USAGE;
}
