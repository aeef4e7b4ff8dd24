/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zen-lead - the command line: one verb, one file. Also kubectl's plugin: kubectl-zen_lead and kubectl_complete-zen_lead
 * are links to it.
 */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "common/base/commit.h"

#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

/* What stands in place of a verb; false: nothing of these. */
static bool print_about_itself(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        zl_overview_print(stdout);
    } else if (strcmp(word, "--version") == 0) {
        (void)printf("zen-lead " ZL_VERSION " (commit %s)\n", zl_commit);
    } else if (strcmp(word, "--help-markdown") == 0) {
        zl_overview_print_markdown(stdout);
    } else if (strcmp(word, "--man") == 0) {
        zl_man_print(stdout);
    } else {
        return false;
    }
    (void)fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    const char *name = base_name(argv[0]);
    if (name != NULL && strcmp(name, "kubectl_complete-zen_lead") == 0) {
        zl_complete(argc - 1, argv + 1, stdout);
        return ZL_EXIT_YES;
    }
    if (argc < 2) {
        zl_overview_print(stderr);
        return ZL_EXIT_USAGE;
    }
    if (strcmp(argv[1], "__complete") == 0) {
        zl_complete(argc - 2, argv + 2, stdout);
        return ZL_EXIT_YES;
    }
    const struct zl_verb *verb = zl_verb_find(argv[1]);
    if (verb != NULL) {
        return verb->run(argc - 1, argv + 1);
    }
    if (print_about_itself(argv[1])) {
        return ZL_EXIT_YES;
    }
    (void)fprintf(stderr, "zen-lead: there is no verb \"%.40s\"; run 'zen-lead --help'\n", argv[1]);
    return ZL_EXIT_USAGE;
}
