/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/fleet/clusters.h"
#include "client/fleet/edit.h"
#include "client/fleet/report.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/fleet/hub_store.h"

#include <stddef.h>

enum { TRIES = 10 }; /* an arbiter writes at the same moment: then it is looked at again */

struct config {
    struct zl_connection connection;
    const char *fleet_namespace, *reason, *limit, *round;
    int64_t id, n, max_failures, token;
    bool after_restore, by_clusters, force;
};

#define FIELD(name_) offsetof(struct config, name_)

static const struct zl_option OPTIONS[] = {
    {.name = "fleet-namespace",
     .variable = "ZEN_LEAD_FLEET_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .default_value = ZL_FLEET_NAMESPACE,
     .offset = FIELD(fleet_namespace),
     .value_name = "NAME",
     .help = "Namespace of the fleets' Leases on the hub."},
    {.name = "namespace",
     .variable = "POD_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(connection.namespace_),
     .value_name = "NAMESPACE",
     .help = "Of request, done and failed: where the cluster's LeaderPolicy is. Without it: the "
             "namespace of the kubeconfig's context, or the pod's."},
    {.name = "context",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(connection.context),
     .value_name = "NAME",
     .help = "The kubeconfig's context to use. Without it: its current one."},
    {.name = "kubeconfig",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(connection.kubeconfig),
     .value_name = "FILE",
     .help = "How to reach the hub; for request, done and failed the cluster. Without it: "
             "$KUBECONFIG, then the pod's service account, then "
             "~/.kube/config."},
    {.name = "reason",
     .type = ZL_OPTION_TEXT,
     .default_value = "by hand",
     .offset = FIELD(reason),
     .value_name = "TEXT",
     .help = "Of pause and failed: why, for those who look at it."},
    {.name = "id",
     .type = ZL_OPTION_I64,
     .default_value = "0",
     .min = 0,
     .max = ZL_FLEET_NUMBER_MAX,
     .offset = FIELD(id),
     .value_name = "NUMBER",
     .help = "Of resume: which pause. One more failure gives it another number, so that nobody "
             "resumes what he has not read about."},
    {.name = "after-restore",
     .type = ZL_OPTION_BOOL,
     .offset = FIELD(after_restore),
     .help = "Of resume: end the time in which a hub that was restored from a backup offers "
             "nothing. You say that no cluster acts in a turn that it forgot."},
    {.name = "n",
     .type = ZL_OPTION_I64,
     .default_value = "-2",
     .min = -2,
     .max = ZL_FLEET_N_MAX,
     .offset = FIELD(n),
     .value_name = "COUNT",
     .help = "Of set: how many clusters may act at once; 0: no more turns. -2: as it is."},
    {.name = "limit",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(limit),
     .value_name = "DURATION",
     .help = "Of set: how long a turn lasts that begins from now on."},
    {.name = "max-failures",
     .type = ZL_OPTION_I64,
     .default_value = "-2",
     .min = -2,
     .max = ZL_FLEET_SHOWN_MAX - 1,
     .offset = FIELD(max_failures),
     .value_name = "COUNT",
     .help = "Of set: how many failures there may be without a pause; -1: any. -2: as it is."},
    {.name = "round",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(round),
     .value_name = "NAME",
     .help = "Of set: another name begins another pass over all clusters."},
    {.name = "by-clusters",
     .type = ZL_OPTION_BOOL,
     .offset = FIELD(by_clusters),
     .help = "Of set: what the clusters' LeaderPolicies say counts again, the strictest of it."},
    {.name = "token",
     .type = ZL_OPTION_I64,
     .default_value = "0",
     .min = 0,
     .max = ZL_FLEET_NUMBER_MAX,
     .offset = FIELD(token),
     .value_name = "NUMBER",
     .help = "Of done and failed: of which turn. Without it: of the one that status shows."},
    {.name = "force",
     .type = ZL_OPTION_BOOL,
     .offset = FIELD(force),
     .help = "Of release: give the cluster's slot away although it may still act, so that more "
             "than N may. You say that you have seen that it does not."},
    {.name = NULL},
};

const struct zl_program ZL_FLEET_PROGRAM = {
    .name = "zen-lead fleet",
    .summary =
        "Shows on the hub which clusters of a fleet act, which wait and how turns ended, and "
        "pauses, resumes and sets the fleet: status, history, pause, resume, set POOL. Adds and "
        "removes clusters: add CLUSTER prints its identity on the hub for kubectl apply, "
        "credentials CLUSTER a kubeconfig with it, remove CLUSTER deletes its Leases, release "
        "POOL CLUSTER --force takes its turn away. In a cluster, for work that is no Job: request, "
        "done, failed POOL.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "ACTION POOL|CLUSTER [CLUSTER]",
    .words_min = 2,
    .words_max = 3,
    .epilogue =
        "The ledger is the Lease fleet.POOL; it is written by compare-and-swap, so that nothing\n"
        "that arbiters write is lost. Rights on leases: get; update for pause, resume, set,\n"
        "release; list and delete for remove. credentials reads the Secret member.CLUSTER. In the\n"
        "cluster: list and patch on leaderpolicies.leadership.kube-zen.io.\n"
        "\n" ZL_EXIT_CODES_TEXT "\n"
        "\n"
        "Examples:\n"
        "  zen-lead fleet status security-remediation-pool\n"
        "  zen-lead fleet set security-remediation-pool --n 2\n"
        "  zen-lead fleet add prod-eu-west-1 | kubectl apply -f -\n"
        "  zen-lead fleet credentials prod-eu-west-1 >hub.kubeconfig\n"
        "  zen-lead fleet done security-remediation-pool --namespace ops\n",
};

/* What is to be done with LEASE, the ledger of POOL as it was read. */
static enum zl_status act_on(struct zl_kube_client *hub, const char *namespace_, const char *pool,
                             struct zl_hub_lease *lease, const struct zl_fleet_edit *edit,
                             struct zl_error *err)
{
    enum zl_status status =
        lease->broken ? zl_error_set(err, ZL_E_NOT_FOUND, "Lease %s: %s", lease->name, lease->why)
                      : zl_fleet_edit_apply(edit, &lease->ledger, err);
    if (status == ZL_OK && zl_fleet_action_writes(edit->action)) {
        ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(&lease->ledger);
        status = zl_hub_lease_put(hub, namespace_, lease->name, lease, text, false, NULL, err);
    }
    if (status == ZL_OK && edit->action == ZL_EDIT_HISTORY) {
        zl_fleet_print_history(&lease->ledger, stdout);
    } else if (status == ZL_OK) {
        zl_fleet_print_status(pool, &lease->ledger, stdout);
    }
    return status;
}

/* One try. ZL_E_CONFLICT: look again. */
static enum zl_status act_once(struct zl_kube_client *hub, const char *namespace_, const char *pool,
                               const struct zl_fleet_edit *edit, struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_LEDGER_PREFIX, pool);
    enum zl_status status = zl_hub_lease_read(hub, namespace_, name, &lease, err);
    if (status != ZL_OK) {
        return status;
    }
    if (lease == NULL) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "no fleet %s: there is no Lease %s in namespace %s", pool, name,
                            namespace_);
    }
    status = act_on(hub, namespace_, pool, lease, edit, err);
    zl_hub_lease_free(lease);
    return status;
}

static enum zl_status act(struct zl_kube_client *hub, const struct config *config, const char *pool,
                          const struct zl_fleet_edit *edit, struct zl_error *err)
{
    enum zl_status status = ZL_E_CONFLICT;
    for (int i = 0; i < TRIES && status == ZL_E_CONFLICT; i++) {
        status = act_once(hub, config->fleet_namespace, pool, edit, err);
    }
    return status;
}

static enum zl_status make_edit(const struct config *config, const char *action,
                                struct zl_fleet_edit *out, struct zl_error *err)
{
    const char *user = getenv("USER");
    *out = (struct zl_fleet_edit){.action = zl_fleet_action_named(action),
                                  .by = user != NULL && user[0] != '\0' ? user : "a person",
                                  .reason = config->reason,
                                  .pause_id = config->id,
                                  .after_restore = config->after_restore,
                                  .n = config->n,
                                  .limit_ms = -2,
                                  .max_failures = config->max_failures,
                                  .round = config->round,
                                  .by_clusters = config->by_clusters,
                                  .now_s = zl_clock_wall_us() / 1000000};
    if (out->action == ZL_EDIT_ACTIONS) {
        return zl_error_set(err, ZL_E_INVALID,
                            "%.40s: no such action; status, history, pause, resume, set, add, "
                            "credentials, remove, release, request, done, failed",
                            action);
    }
    if (out->n == -1) {
        return zl_error_set(err, ZL_E_INVALID, "--n must not be negative");
    }
    return config->limit != NULL ? zl_duration_read("limit", config->limit, &out->limit_ms, err)
                                 : ZL_OK;
}

/* WORDS[1] is the cluster, but for release, where it is the pool. */
static enum zl_status act_on_cluster(const struct zl_fleet_hub *hub, const struct config *config,
                                     enum zl_fleet_action action, const char *const *words,
                                     struct zl_error *err)
{
    switch (action) {
    case ZL_EDIT_CREDENTIALS:
        return zl_fleet_credentials(hub, words[1], stdout, err);
    case ZL_EDIT_REMOVE:
        return zl_fleet_remove(hub, words[1], stdout, err);
    case ZL_EDIT_RELEASE:
        return zl_fleet_release(hub, words[1], words[2], config->force, stdout, err);
    case ZL_EDIT_STATUS:
    case ZL_EDIT_HISTORY:
    case ZL_EDIT_PAUSE:
    case ZL_EDIT_RESUME:
    case ZL_EDIT_SET:
    case ZL_EDIT_ADD:
    case ZL_EDIT_REQUEST:
    case ZL_EDIT_DONE:
    case ZL_EDIT_FAILED:
    case ZL_EDIT_ACTIONS:
        break;
    }
    return ZL_OK;
}

static enum zl_status check_words(enum zl_fleet_action action, int count, struct zl_error *err)
{
    if (count == (action == ZL_EDIT_RELEASE ? 3 : 2)) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID,
                        action == ZL_EDIT_RELEASE ? "release: give POOL and CLUSTER"
                                                  : "give one POOL or CLUSTER");
}

static enum zl_status run(const struct config *config, const struct zl_operands *words,
                          const struct zl_fleet_edit *edit, struct zl_error *err)
{
    struct zl_kube_config kube = {0};
    struct zl_kube_client *client = NULL;
    enum zl_status status = zl_connection_load(&config->connection, &kube, err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &client, err);
    }
    if (status == ZL_OK && zl_fleet_action_is_report(edit->action)) {
        const struct zl_fleet_report_wish wish = {
            .action = edit->action, .token = config->token, .reason = config->reason};
        status =
            zl_fleet_report_write(client, kube.namespace_, words->words[1], &wish, stdout, err);
    } else if (status == ZL_OK && zl_fleet_action_is_of_cluster(edit->action)) {
        const struct zl_fleet_hub hub = {
            .client = client, .config = &kube, .namespace_ = config->fleet_namespace};
        status = act_on_cluster(&hub, config, edit->action, words->words, err);
    } else if (status == ZL_OK) {
        status = act(client, config, words->words[1], edit, err);
    }
    zl_kube_client_free(client);
    zl_kube_config_clear(&kube);
    return status;
}

/* That there is no turn, or that a cluster has a slot, is an answer: no. */
static int failed(enum zl_fleet_action action, enum zl_status status, const struct zl_error *err)
{
    const int code = zl_verb_failed(&ZL_FLEET_PROGRAM, status, err);
    const bool answers = zl_fleet_action_is_of_cluster(action) || zl_fleet_action_is_report(action);
    return answers && status == ZL_E_NOT_FOUND ? ZL_EXIT_NO : code;
}

int zl_fleet(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    struct zl_error err = {0};
    struct zl_fleet_edit edit;
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_FLEET_PROGRAM, argc, argv, &config, &words, &refused)) {
        return refused;
    }
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    enum zl_status status = make_edit(&config, words.words[0], &edit, &err);
    if (status == ZL_OK) {
        status = check_words(edit.action, words.count, &err);
    }
    if (status == ZL_OK && edit.action == ZL_EDIT_ADD) { /* which asks no hub */
        status = zl_fleet_add(config.fleet_namespace, words.words[1], stdout, &err);
    } else if (status == ZL_OK) {
        status = run(&config, &words, &edit, &err);
    }
    const int code = status == ZL_OK ? ZL_EXIT_YES : failed(edit.action, status, &err);
    zl_kube_cleanup();
    return code;
}
