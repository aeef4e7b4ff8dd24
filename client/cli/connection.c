/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"

#include "client/cli/exit_codes.h"
#include "common/base/parse.h"

#include <stdio.h>

const struct zl_option_letter ZL_LETTERS[] = {
    {'n', "namespace"}, {'A', "all-namespaces"},     {'o', "output"},
    {'w', "watch"},     {'E', "conflict-exit-code"}, {0, NULL},
};

enum zl_status zl_connection_load(const struct zl_connection *connection,
                                  struct zl_kube_config *out, struct zl_error *err)
{
    const enum zl_status status =
        zl_kube_config_load(connection->kubeconfig, connection->context, out, err);
    if (status == ZL_OK && connection->namespace_ != NULL) {
        zl_replace_string(&out->namespace_, connection->namespace_);
    }
    return status;
}

enum zl_status zl_duration_read(const char *name, const char *text, int64_t *out_ms,
                                struct zl_error *err)
{
    if (!zl_parse_duration(text, out_ms)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "option --%s: \"%.40s\" is not a duration such as 500ms, 15s or 1m30s",
                            name, text);
    }
    return ZL_OK;
}

bool zl_verb_parse(const struct zl_program *program, int argc, char **argv, void *config,
                   struct zl_operands *words, int *exit_code)
{
    switch (zl_options_parse_operands(program, argc, argv, config, words)) {
    case ZL_OPTIONS_RUN:
        return true;
    case ZL_OPTIONS_EXIT_OK:
        *exit_code = ZL_EXIT_YES;
        return false;
    case ZL_OPTIONS_EXIT_USAGE:
        break;
    }
    *exit_code = ZL_EXIT_USAGE;
    return false;
}

int zl_verb_failed(const struct zl_program *program, enum zl_status status,
                   const struct zl_error *err)
{
    (void)fprintf(stderr, "%s: %s\n", program->name, err->message);
    return status == ZL_E_INVALID ? ZL_EXIT_USAGE : ZL_EXIT_UNKNOWN;
}
