/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl.h - zl-kubectl, what the end-to-end tests find as "kubectl": the few commands that they give thousands of
 * times, without the tenth of a second that the real one needs to start.
 *
 * The rule: whoever looks at standard output, standard error, exit status or cluster cannot tell the two apart. What is
 * not certain to come out the same (an option, a field, an answer of the server) is deferred: the real kubectl is
 * executed instead, with the same arguments and the same standard input. So a verb first decides, then reads, and
 * writes last; nothing is deferred after a write. test/e2e/kubectl.bats compares the two.
 *
 * Threads: one.
 */
#ifndef ZL_TEST_KUBECTL_H
#define ZL_TEST_KUBECTL_H

#include "common/base/buf.h"
#include "common/kube/client.h"

/* What a verb returns instead of an exit status: the real kubectl has to do this. */
#define ZL_DEFER (-1)

/* More objects or types than this in one command are deferred. */
#define ZL_KUBECTL_ARGUMENTS_MAX 32

struct zl_command {
    const char *verb;
    const char *arguments[ZL_KUBECTL_ARGUMENTS_MAX]; /* after the verb, without options */
    size_t argument_count;
    const char *namespace_; /* NULL: the kubeconfig's */
    const char *output;
    const char *selector;
    const char *field_selector;
    const char *file;
    const char *patch;
    const char *patch_type;
    const char *raw;
    const char *wait_for;
    const char *dry_run;
    const char *timeout;
    const char *grace_period;
    const char *wait; /* these are "true", "false" or NULL when not given */
    const char *all_namespaces;
    const char *all;
    const char *ignore_not_found;
    const char *overwrite;
    const char *force;
};

struct zl_session {
    struct zl_kube_client *client;
    const char *namespace_; /* of this command */
    int minor;              /* the version of kubectl and server: 20 for 1.20 */
    struct zl_buf out;      /* written when the command is over; dropped when it is deferred */
    struct zl_buf err;
    struct zl_buf
        warnings; /* standard error's, too: kubectl shows them when they come, before what it did */
    struct zl_buf input; /* what was read of standard input, for the real one */
    const char *reason;  /* why it was deferred, for ZL_KUBECTL_LOG */
};

/* Remembers WHY (not copied); for `return zl_defer(session, "a table")`. */
int zl_defer(struct zl_session *session, const char *why);

/* ---- command.c: the command line */

/* False when it holds anything that is not known here. */
bool zl_command_parse(int argc, char **argv, struct zl_command *command);
bool zl_is_true(const char *flag);

/* ---- kinds.c: the resource types */

struct zl_object {
    const struct zl_kube_resource *resource;
    const char *name; /* NULL: all, or those that a selector picks */
};

/*
 * What the arguments FROM..END of a command name: "pods", "pods,leases", "pod a b", "pod/a lease/b".
 *
 * @param objects  room for ZL_KUBECTL_ARGUMENTS_MAX
 * @return how many; 0 when one is not known
 */
size_t zl_objects_parse(const struct zl_session *session, const char *const *arguments,
                        size_t count, struct zl_object *objects);
/* By apiVersion and kind; NULL when not known. */
const struct zl_kube_resource *zl_kind_find(const struct zl_session *session,
                                            const char *api_version, const char *kind);
/* "pod" or "deployment.apps": what kubectl calls an object of this type. The caller frees. */
char *zl_kind_label(const struct zl_kube_resource *resource);

/* ---- exchange.c: one request */

struct zl_answer {
    int http_status;
    struct zl_buf body;
    struct cJSON *tree; /* NULL when the body is no JSON */
    bool warned;        /* the server sent a warning */
};

struct zl_question {
    const char *method;
    const struct zl_kube_resource *resource;
    const char *namespace_; /* NULL: none in the URL */
    const char *name;
    const char *path;     /* instead of all these */
    const char *selector; /* query parameters; NULL for none */
    const char *field_selector;
    const char *field_manager;
    const char *dry_run;
    const char *field_validation;
    const char *content_type;
    const char *body;
};

/*
 * Send it. Warnings of the server are put into the session's standard error.
 *
 * @return false when nobody answered
 */
bool zl_ask(struct zl_session *session, const struct zl_question *question,
            struct zl_answer *answer);
void zl_answer_clear(struct zl_answer *answer);
#define ZL_AUTO_ANSWER ZL_CLEANUP(zl_answer_clear)

/* The answer says that just this object is not there. */
bool zl_is_not_found(const struct zl_answer *answer, const char *name);
/*
 * Put what kubectl says of a refusal into the session's standard error. VERB and SOURCE: "creating" and "STDIN" where
 * kubectl says what it was about, or NULL.
 *
 * @return false when it is of a form that is not known here
 */
bool zl_print_refusal(struct zl_session *session, const struct zl_answer *answer, const char *verb,
                      const char *source);

/* The same for a write, which is never done twice: in whatever form. Returns 1. */
int zl_refused(struct zl_session *session, const struct zl_answer *answer, const char *verb,
               const char *source);
/* "pod/a created" */
void zl_print_done(struct zl_session *session, const struct zl_kube_resource *resource,
                   const char *name, const char *outcome);

/*
 * GET the object, or the objects of a list, each with its apiVersion and kind, into the array ITEMS.
 *
 * @return 0; 1 with a message printed when the one object is not there; ZL_DEFER
 */
int zl_fetch(struct zl_session *session, const struct zl_command *command,
             const struct zl_object *object, struct cJSON *items);

/* ---- print.c: as kubectl prints */

/* As Go's encoding/json does: sorted, four spaces (INDENT) or compact. False: a number that C prints otherwise. */
bool zl_print_json(struct zl_buf *out, const struct cJSON *tree, bool indent);
/* jsonpath.c: false when the template or what it finds is not known here. */
bool zl_print_jsonpath(struct zl_buf *out, const char *template, const struct cJSON *tree);

/* ---- manifest.c: YAML */

/*
 * The documents of TEXT, with their types, in an array.
 *
 * @return NULL when it holds anything whose reading is not certain
 */
struct cJSON *zl_manifest_read(const char *text, size_t length);
/* NULL, or the first field of OBJECT that kubectl might refuse: shapes.c knows what the tests use. The caller frees. */
char *zl_shape_check(const struct cJSON *object);

/* ---- wait.c */

struct zl_condition {
    const char *type; /* it is True; NULL: the object is gone */
    const char *uid;  /* gone: also when another object has this name; may be NULL */
};

/* Wait until it holds. Returns 0, or 1 with a message printed. */
int zl_await(struct zl_session *session, const struct zl_object *object,
             const struct zl_condition *condition, int64_t deadline_ms);

/* ---- verbs: each returns kubectl's exit status, or ZL_DEFER */

int zl_kubectl_get(struct zl_session *session, const struct zl_command *command);
int zl_kubectl_delete(struct zl_session *session, const struct zl_command *command);
int zl_kubectl_mark(struct zl_session *session,
                    const struct zl_command *command); /* annotate, label */
int zl_kubectl_patch(struct zl_session *session, const struct zl_command *command);
int zl_kubectl_create(struct zl_session *session,
                      const struct zl_command *command); /* create, apply */
int zl_kubectl_wait(struct zl_session *session, const struct zl_command *command);

#endif
