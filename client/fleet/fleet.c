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
     .help = "Of request, done, failed, accept and decline: where the cluster's LeaderPolicy is. "
             "Without it: the "
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
     .help = "How to reach the hub; for request, done, failed, accept and decline the cluster. "
             "Without it: "
             "$KUBECONFIG, then the pod's service account, then "
             "~/.kube/config."},
    {.name = "reason",
     .type = ZL_OPTION_TEXT,
     .default_value = "by hand",
     .offset = FIELD(reason),
     .value_name = "TEXT",
     .help = "Of pause, failed and decline: why, for those who look at it."},
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
             "than N may. You say that you have seen that it does not. Of approve: open the next "
             "stage although the one before is not over, or has not soaked."},
    {.name = NULL},
};

const struct zl_program ZL_FLEET_PROGRAM = {
    .name = "zen-lead fleet",
    .summary =
        "Shows on the hub which clusters of a fleet act, which wait and how turns ended, and "
        "pauses, resumes and sets the fleet: status, history, pause, resume, set POOL; approve "
        "POOL opens the next stage, retry POOL lets clusters that failed or let their offers pass "
        "go again in this round. Adds and removes clusters: add CLUSTER prints its identity on the "
        "hub for kubectl apply, "
        "credentials CLUSTER a kubeconfig with it, remove CLUSTER deletes its Leases, release "
        "POOL CLUSTER --force takes its turn away. In a cluster, for work that is no Job: request, "
        "done, failed POOL; accept and decline POOL say whether its next turn is taken, "
        "extend POOL asks for more time in the one that it has.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "ACTION POOL|CLUSTER [CLUSTER]",
    .words_min = 2,
    .words_max = 3,
    .epilogue =
        "The ledger is the Lease fleet.POOL; it is written by compare-and-swap, so that nothing\n"
        "that arbiters write is lost. Rights on leases: get; update for pause, resume, set,\n"
        "approve, retry, release; list and delete for remove. credentials reads the Secret "
        "member.CLUSTER. In the\n"
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

/* --- the verbs --- */

/* What one call has to do with. */
struct call {
    const struct verb *verb;
    const struct config *config;
    const struct zl_kube_config *kube;
    struct zl_kube_client *client; /* NULL: it asks no API server */
    const char *const *words;
    const struct zl_fleet_edit *edit;
};

struct verb {
    const char *name;
    int words;              /* with itself */
    bool by_itself;         /* it asks no API server */
    bool is_no_answer;      /* that it does not find what it looks for is an answer: no */
    zl_fleet_edit_fn *edit; /* of the ledger; NULL: it is shown */
    void (*print)(const char *pool, const struct zl_fleet_ledger *ledger, FILE *out);
    enum zl_fleet_wish_kind wish;
    enum zl_status (*act)(const struct call *call, struct zl_error *err);
};

/* What is to be done with LEASE, the ledger of POOL as it was read. */
static enum zl_status act_on(const struct call *call, struct zl_hub_lease *lease,
                             struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (lease->broken) {
        return zl_error_set(err, ZL_E_NOT_FOUND, "Lease %s: %s", lease->name, lease->why);
    }
    if (call->verb->edit != NULL) {
        status = call->verb->edit(call->edit, lease->ledger, err);
    }
    if (status == ZL_OK && call->verb->edit != NULL) {
        ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(lease->ledger);
        status = zl_hub_lease_put(call->client, call->config->fleet_namespace, lease->name, lease,
                                  text, false, NULL, err);
    }
    if (status == ZL_OK) {
        call->verb->print(call->words[1], lease->ledger, stdout);
    }
    return status;
}

/* One try. ZL_E_CONFLICT: look again. */
static enum zl_status act_once(const struct call *call, struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    const char *pool = call->words[1], *namespace_ = call->config->fleet_namespace;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_LEDGER_PREFIX, pool);
    enum zl_status status = zl_hub_lease_read(call->client, namespace_, name, &lease, err);
    if (status != ZL_OK) {
        return status;
    }
    if (lease == NULL) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "no fleet %s: there is no Lease %s in namespace %s", pool, name,
                            namespace_);
    }
    status = act_on(call, lease, err);
    zl_hub_lease_free(lease);
    return status;
}

static enum zl_status on_ledger(const struct call *call, struct zl_error *err)
{
    enum zl_status status = ZL_E_CONFLICT;
    for (int i = 0; i < TRIES && status == ZL_E_CONFLICT; i++) {
        status = act_once(call, err);
    }
    return status;
}

static struct zl_fleet_hub hub_of(const struct call *call)
{
    return (struct zl_fleet_hub){
        .client = call->client, .config = call->kube, .namespace_ = call->config->fleet_namespace};
}

static enum zl_status add(const struct call *call, struct zl_error *err)
{
    return zl_fleet_add(call->config->fleet_namespace, call->words[1], stdout, err);
}

static enum zl_status credentials(const struct call *call, struct zl_error *err)
{
    const struct zl_fleet_hub hub = hub_of(call);
    return zl_fleet_credentials(&hub, call->words[1], stdout, err);
}

static enum zl_status remove_cluster(const struct call *call, struct zl_error *err)
{
    const struct zl_fleet_hub hub = hub_of(call);
    return zl_fleet_remove(&hub, call->words[1], stdout, err);
}

static enum zl_status release(const struct call *call, struct zl_error *err)
{
    const struct zl_fleet_hub hub = hub_of(call);
    return zl_fleet_release(&hub, call->words[1], call->words[2], call->config->force, stdout, err);
}

static enum zl_status in_cluster(const struct call *call, struct zl_error *err)
{
    const struct zl_fleet_report_wish wish = {
        .kind = call->verb->wish, .token = call->config->token, .reason = call->config->reason};
    return zl_fleet_report_write(call->client, call->kube->namespace_, call->words[1], &wish,
                                 stdout, err);
}

#define LEDGER(name_, edit_, print_)                                                               \
    {                                                                                              \
        .name = (name_), .words = 2, .act = on_ledger, .edit = (edit_), .print = (print_)          \
    }
#define OF_CLUSTER(name_, words_, act_)                                                            \
    {                                                                                              \
        .name = (name_), .words = (words_), .act = (act_), .is_no_answer = true                    \
    }
#define IN_CLUSTER(name_, wish_)                                                                   \
    {                                                                                              \
        .name = (name_), .words = 2, .act = in_cluster, .wish = (wish_), .is_no_answer = true      \
    }

static const struct verb VERBS[] = {
    LEDGER("status", NULL, zl_fleet_print_status),
    LEDGER("history", NULL, zl_fleet_print_history),
    LEDGER("pause", zl_fleet_edit_pause, zl_fleet_print_status),
    LEDGER("resume", zl_fleet_edit_resume, zl_fleet_print_status),
    LEDGER("set", zl_fleet_edit_set, zl_fleet_print_status),
    LEDGER("approve", zl_fleet_edit_approve, zl_fleet_print_status),
    LEDGER("retry", zl_fleet_edit_retry, zl_fleet_print_status),
    {.name = "add", .words = 2, .act = add, .by_itself = true, .is_no_answer = true},
    OF_CLUSTER("credentials", 2, credentials),
    OF_CLUSTER("remove", 2, remove_cluster),
    OF_CLUSTER("release", 3, release),
    IN_CLUSTER("request", ZL_WISH_REQUEST),
    IN_CLUSTER("done", ZL_WISH_DONE),
    IN_CLUSTER("failed", ZL_WISH_FAILED),
    IN_CLUSTER("accept", ZL_WISH_ACCEPT),
    IN_CLUSTER("decline", ZL_WISH_DECLINE),
    IN_CLUSTER("extend", ZL_WISH_EXTEND),
};
enum { VERB_COUNT = sizeof VERBS / sizeof VERBS[0] };

static enum zl_status find_verb(const char *name, const struct verb **out, struct zl_error *err)
{
    ZL_AUTO_FREE char *names = zl_strdup("");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(VERBS[i].name, name) == 0) {
            *out = &VERBS[i];
            return ZL_OK;
        }
        char *longer = zl_asprintf("%s%s%s", names, i > 0 ? ", " : "", VERBS[i].name);
        free(names);
        names = longer;
    }
    return zl_error_set(err, ZL_E_INVALID, "%.40s: no such action; %s", name, names);
}

static enum zl_status make_edit(const struct config *config, struct zl_fleet_edit *out,
                                struct zl_error *err)
{
    const char *user = getenv("USER");
    *out = (struct zl_fleet_edit){.by = user != NULL && user[0] != '\0' ? user : "a person",
                                  .reason = config->reason,
                                  .pause_id = config->id,
                                  .after_restore = config->after_restore,
                                  .force = config->force,
                                  .n = config->n,
                                  .limit_ms = -2,
                                  .max_failures = config->max_failures,
                                  .round = config->round,
                                  .by_clusters = config->by_clusters,
                                  .now_s = zl_clock_wall_us() / 1000000};
    if (out->n == -1) {
        return zl_error_set(err, ZL_E_INVALID, "--n must not be negative");
    }
    return config->limit != NULL ? zl_duration_read("limit", config->limit, &out->limit_ms, err)
                                 : ZL_OK;
}

static enum zl_status check_words(const struct verb *verb, int count, struct zl_error *err)
{
    if (count == verb->words) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID,
                        verb->words == 3 ? "release: give POOL and CLUSTER"
                                         : "give one POOL or CLUSTER");
}

static enum zl_status run(struct call *call, struct zl_error *err)
{
    struct zl_kube_config kube = {0};
    struct zl_kube_client *client = NULL;
    if (call->verb->by_itself) {
        return call->verb->act(call, err);
    }
    enum zl_status status = zl_connection_load(&call->config->connection, &kube, err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &client, err);
    }
    if (status == ZL_OK) {
        call->client = client;
        call->kube = &kube;
        status = call->verb->act(call, err);
    }
    zl_kube_client_free(client);
    zl_kube_config_clear(&kube);
    return status;
}

static int failed(const struct verb *verb, enum zl_status status, const struct zl_error *err)
{
    const int code = zl_verb_failed(&ZL_FLEET_PROGRAM, status, err);
    return verb != NULL && verb->is_no_answer && status == ZL_E_NOT_FOUND ? ZL_EXIT_NO : code;
}

int zl_fleet(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    struct zl_error err = {0};
    struct zl_fleet_edit edit;
    struct call call = {.config = &config, .words = words.words, .edit = &edit};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_FLEET_PROGRAM, argc, argv, &config, &words, &refused)) {
        return refused;
    }
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    enum zl_status status = find_verb(words.words[0], &call.verb, &err);
    if (status == ZL_OK) {
        status = make_edit(&config, &edit, &err);
    }
    if (status == ZL_OK) {
        status = check_words(call.verb, words.count, &err);
    }
    if (status == ZL_OK) {
        status = run(&call, &err);
    }
    const int code = status == ZL_OK ? ZL_EXIT_YES : failed(call.verb, status, &err);
    zl_kube_cleanup();
    return code;
}
