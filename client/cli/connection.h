/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - how a verb reaches the API server: the options that kubectl has too, once for all verbs.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_CONNECTION_H
#define ZL_CLIENT_CONNECTION_H

#include "common/base/options.h"
#include "common/kube/config.h"

/* A member of the verb's struct config. */
struct zl_connection {
    const char *namespace_, *context, *kubeconfig;
};

/* The rows of its options; FIELD_ gives the offset of a member: FIELD(connection.namespace_). */
#define ZL_CONNECTION_OPTIONS(config_, member_)                                                    \
    {.name = "namespace",                                                                          \
     .variable = "POD_NAMESPACE",                                                                  \
     .type = ZL_OPTION_TEXT,                                                                       \
     .offset = offsetof(struct config_, member_.namespace_),                                       \
     .value_name = "NAMESPACE",                                                                    \
     .help = "Where it is. Without it: the namespace of the kubeconfig's context, or the pod's."}, \
        {.name = "context",                                                                        \
         .type = ZL_OPTION_TEXT,                                                                   \
         .offset = offsetof(struct config_, member_.context),                                      \
         .value_name = "NAME",                                                                     \
         .help = "The kubeconfig's context to use. Without it: its current one."},                 \
    {                                                                                              \
        .name = "kubeconfig", .type = ZL_OPTION_TEXT,                                              \
        .offset = offsetof(struct config_, member_.kubeconfig), .value_name = "FILE",              \
        .help = "How to reach the API server. Without it: $KUBECONFIG, then the pod's service "    \
                "account, then ~/.kube/config."                                                    \
    }

/* -n, -A, -o, -w: the same in every verb. */
extern const struct zl_option_letter ZL_LETTERS[];

/* Where CONNECTION leads; a namespace that it names stands in OUT. OUT: zl_kube_config_clear, in any case. */
enum zl_status zl_connection_load(const struct zl_connection *connection,
                                  struct zl_kube_config *out, struct zl_error *err) ZL_MUST_CHECK;

/* The value of option NAME as milliseconds; TEXT: "15s", "1m30s". ZL_E_INVALID: it is no such duration. */
enum zl_status zl_duration_read(const char *name, const char *text, int64_t *out_ms,
                                struct zl_error *err) ZL_MUST_CHECK;

/*
 * Parse a verb's command line into CONFIG and WORDS, as zl_options_parse_operands.
 *
 * @param exit_code  set where the verb does not run: help was printed, or the usage is wrong
 * @return the verb shall run
 */
bool zl_verb_parse(const struct zl_program *program, int argc, char **argv, void *config,
                   struct zl_operands *words, int *exit_code) ZL_MUST_CHECK;

/* "zen-lead VERB: MESSAGE" to standard error. @return the exit code that STATUS stands for */
int zl_verb_failed(const struct zl_program *program, enum zl_status status,
                   const struct zl_error *err);

#endif
