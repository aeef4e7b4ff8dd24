/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/election/lease_watch.h"
#include "client/handover/ask.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/objects/names.h"

#include <inttypes.h>
#include <stddef.h>

/* Somebody renews at the same moment: then it is looked at again. */
#define TRIES 5
/* The controller's clock may be behind ours. */
#define SLACK_MS 2000

struct config {
    struct zl_connection connection;
    const char *to, *timeout;
    bool quiet;
};

#define COMMON_OPTIONS                                                                             \
    ZL_CONNECTION_OPTIONS(config, connection),                                                     \
        {.name = "timeout",                                                                        \
         .type = ZL_OPTION_TEXT,                                                                   \
         .default_value = "30s",                                                                   \
         .offset = offsetof(struct config, timeout),                                               \
         .value_name = "DURATION",                                                                 \
         .help = "So long the request stands. When nothing came of it, it is taken back."},        \
    {                                                                                              \
        .name = "quiet", .type = ZL_OPTION_BOOL, .offset = offsetof(struct config, quiet),         \
        .help = "Do not print the new leader."                                                     \
    }

static const struct zl_option HANDOVER_OPTIONS[] = {
    {.name = "to",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, to),
     .value_name = "POD",
     .help = "The pod that shall lead. In a standby pool any pod that is Ready, in a scaleDown "
             "pool the successor of a rollout."},
    COMMON_OPTIONS,
    {.name = NULL},
};
static const struct zl_option RELEASE_OPTIONS[] = {COMMON_OPTIONS, {.name = NULL}};

#define HOW                                                                                        \
    "The request is an annotation on the pool's Lease, written by compare-and-swap. The\n"         \
    "controller answers it, by its own rules, and an Event on the LeaderPolicy names who asked.\n" \
    "It prints the new leader and its fencing token. Rights: get on leaderpolicies and pods;\n"    \
    "get, patch and watch on leases.\n"                                                            \
    "\n" ZL_EXIT_CODES_TEXT "\n"

const struct zl_program ZL_HANDOVER_PROGRAM = {
    .name = "zen-lead handover",
    .summary =
        "Lets another pod lead: the seat moves from the leader, which works on, to the pod that "
        "is named, in one step.",
    .options = HANDOVER_OPTIONS,
    .letters = ZL_LETTERS,
    .words = "POOL",
    .words_min = 1,
    .words_max = 1,
    .epilogue = HOW "\n"
                    "Example:\n"
                    "  zen-lead handover cache -n shop --to cache-2\n",
};

const struct zl_program ZL_RELEASE_PROGRAM = {
    .name = "zen-lead release",
    .summary =
        "Asks a pool for another leader, whichever is next. In a standby pool the seat moves "
        "at once. In a scaleDown pool the leader's pod is deleted, keeps the seat until it is "
        "gone, and the next pod leads; during a rollout the successor leads as soon as it is "
        "Ready.",
    .options = RELEASE_OPTIONS,
    .letters = ZL_LETTERS,
    .words = "POOL",
    .words_min = 1,
    .words_max = 1,
    .epilogue = HOW "\n"
                    "Example:\n"
                    "  zen-lead release web -n shop --timeout 2m\n",
};

struct asking {
    const struct zl_program *program;
    const struct config *config;
    struct zl_kube_client *client;
    const char *namespace_, *pool;
    char *lease_name, *user;
    char *text;    /* of our request, as it stands in the Lease */
    char *version; /* of the Lease with our request in it */
    struct zl_policy *policy;
    struct zl_lease *lease; /* as it was read last */
    struct zl_pod *pod;     /* --to */
    int64_t token;          /* of the leader that is asked to go */
    int64_t timeout_ms, until_us;
    struct zl_lease_watch *watch;
    int64_t deadline_ms;
    enum zl_ask_outcome asked;
};

/* --- what is so --- */

static enum zl_status get(const struct asking *asking, const struct zl_kube_resource *resource,
                          const char *name, struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = asking->namespace_, .name = name};
    return zl_kube_get(asking->client, &target, out, err);
}

static enum zl_status read_lease(struct asking *asking, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = get(asking, &ZL_KUBE_LEASES, asking->lease_name, &object, err);
    zl_lease_free(asking->lease);
    asking->lease = NULL;
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    return status == ZL_OK ? zl_lease_decode(object, &asking->lease, err) : status;
}

static enum zl_status read_pod(struct asking *asking, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    if (asking->config->to == NULL) {
        return ZL_OK;
    }
    const enum zl_status status = get(asking, &ZL_KUBE_PODS, asking->config->to, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    return status == ZL_OK ? zl_pod_decode(object, &asking->pod, err) : status;
}

static enum zl_status read_policy(struct asking *asking, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const enum zl_status status = get(asking, &ZL_KUBE_LEADERPOLICIES, asking->pool, &object, err);
    return status == ZL_OK ? zl_policy_decode(object, &asking->policy, err) : status;
}

/* Who the API server takes us for, from 1.27 on; else what the kubeconfig or the system says. */
static void find_user(struct asking *asking, const struct zl_kube_config *kube)
{
    static const struct zl_kube_resource versions[] = {
        {"authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", true},
        {"authentication.k8s.io", "v1beta1", "selfsubjectreviews", "SelfSubjectReview", true}};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0] && asking->user == NULL; i++) {
        struct zl_error ignored = {0};
        ZL_AUTO_JSON struct cJSON *review = zl_json_object(), *answer = NULL;
        const struct zl_kube_target target = {.resource = &versions[i]};
        ZL_AUTO_FREE char *api_version =
            zl_asprintf("%s/%s", versions[i].group, versions[i].version);
        zl_json_set_text(review, "apiVersion", api_version);
        zl_json_set_text(review, "kind", versions[i].kind);
        if (zl_kube_create(asking->client, &target, review, &answer, &ignored) == ZL_OK) {
            asking->user = zl_strdup(zl_json_text(answer, "status", "userInfo", "username", NULL));
        }
    }
    if (asking->user == NULL) {
        const char *name = kube->username != NULL ? kube->username : getenv("USER");
        asking->user = zl_strdup(name != NULL ? name : "somebody");
    }
}

/* --- the request --- */

static enum zl_status patch(struct asking *asking, const struct zl_request *request,
                            struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEASES, .namespace_ = asking->namespace_, .name = asking->lease_name};
    ZL_AUTO_JSON struct cJSON *change = zl_ask_patch(asking->lease, request);
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const enum zl_status status =
        zl_kube_patch(asking->client, &target, ZL_KUBE_PATCH_MERGE, change, &answer, err);
    zl_replace_string(&asking->version, zl_json_text(answer, "metadata", "resourceVersion", NULL));
    return status;
}

static int refuse(const struct asking *asking, const char *reason)
{
    (void)fprintf(stderr, "%s: %s\n", asking->program->name, reason);
    return ZL_EXIT_NO;
}

static void print_leader(const struct asking *asking)
{
    const struct zl_lease *lease = asking->lease;
    if (!asking->config->quiet && lease != NULL) {
        (void)printf("%s %" PRId64 "\n",
                     lease->holder_pod != NULL ? lease->holder_pod : lease->holder_identity,
                     lease->fencing_token);
    }
}

/* @return true: it was asked; else *CODE says how it ended */
static bool ask(struct asking *asking, int *code)
{
    struct zl_error err = {0};
    enum zl_status status = ZL_E_CONFLICT;
    for (int i = 0; i < TRIES && status == ZL_E_CONFLICT; i++) {
        ZL_AUTO_FREE char *reason = NULL;
        status = read_lease(asking, &err);
        if (status != ZL_OK) {
            break;
        }
        const struct zl_ask_facts facts = {.policy = asking->policy,
                                           .lease = asking->lease,
                                           .to = asking->config->to,
                                           .pod = asking->pod,
                                           .now_us = zl_clock_wall_us()};
        const enum zl_ask judged = zl_ask_judge(&facts, &reason);
        if (judged == ZL_ASK_LEADS) {
            print_leader(asking);
            *code = ZL_EXIT_YES;
            return false;
        }
        if (judged == ZL_ASK_REFUSED || asking->lease == NULL) {
            *code = refuse(asking, reason != NULL ? reason : "nobody leads");
            return false;
        }
        asking->token = asking->lease->fencing_token;
        asking->until_us = facts.now_us + asking->timeout_ms * 1000;
        const struct zl_request request = {
            .pod = asking->pod != NULL ? asking->pod->meta.name : NULL,
            .uid = asking->pod != NULL ? asking->pod->meta.uid : NULL,
            .token = asking->token,
            .until_us = asking->until_us,
            .user = asking->user};
        free(asking->text);
        asking->text = zl_request_encode(&request);
        status = patch(asking, &request, &err);
    }
    *code = status == ZL_OK ? ZL_EXIT_YES : zl_verb_failed(asking->program, status, &err);
    return status == ZL_OK;
}

/*
 * Nothing came of it, unless a last look says that something did: nobody shall act on it later. Somebody else's request, who asked when
 * our time was up, stays.
 */
static void withdraw(struct asking *asking)
{
    enum zl_status status = ZL_E_CONFLICT;
    for (int i = 0; i < TRIES && status == ZL_E_CONFLICT; i++) {
        struct zl_error ignored = {0};
        if (read_lease(asking, &ignored) != ZL_OK || asking->lease == NULL) {
            return;
        }
        asking->asked = zl_ask_outcome_of(asking->lease, asking->token);
        if (asking->asked != ZL_ASK_WAITS ||
            !zl_same_string(asking->lease->request, asking->text)) {
            return;
        }
        status = patch(asking, NULL, &ignored);
    }
}

/* --- what becomes of it --- */

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct asking *asking = ctx;
    struct zl_lease *lease = NULL;
    if (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0) {
        return ZL_OK;
    }
    const enum zl_status status = zl_lease_decode(object, &lease, err);
    if (status != ZL_OK) {
        return status;
    }
    zl_lease_free(asking->lease);
    asking->lease = lease;
    asking->asked = zl_ask_outcome_of(lease, asking->token);
    return asking->asked == ZL_ASK_WAITS ? ZL_OK : zl_error_set(err, ZL_E_STOPPED, "answered");
}

static void *run_clock(void *arg)
{
    const struct asking *asking = arg;
    (void)zl_lease_watch_rest(asking->watch, asking->deadline_ms);
    zl_lease_watch_end(asking->watch);
    return NULL;
}

static int await(struct asking *asking)
{
    struct zl_error err = {0};
    const struct zl_lease_watch_spec spec = {
        .lease = asking->lease_name, .event = on_event, .ctx = asking};
    asking->watch = zl_lease_watch_new(&spec);
    zl_lease_watch_go_on_from(asking->watch, asking->version);
    asking->deadline_ms = zl_clock_ms() + asking->timeout_ms + SLACK_MS;
    const pthread_t clock = zl_thread_start("clock", run_clock, asking);
    const enum zl_status status =
        zl_lease_watch_run(asking->watch, asking->client, asking->namespace_, &err);
    zl_lease_watch_end(asking->watch);
    pthread_join(clock, NULL);
    zl_lease_watch_free(asking->watch);
    if (asking->asked == ZL_ASK_WAITS) {
        withdraw(asking);
    }
    if (asking->asked == ZL_ASK_DONE) {
        print_leader(asking);
        return ZL_EXIT_YES;
    }
    if (asking->asked == ZL_ASK_DROPPED) {
        return refuse(asking, "the controller refused: the Event HandoverRefused of the "
                              "LeaderPolicy says why");
    }
    if (status != ZL_OK && status != ZL_E_STOPPED) {
        return zl_verb_failed(asking->program, status, &err);
    }
    return refuse(asking, "nothing came of it in time, and the request is taken back; is the "
                          "controller up? zen-lead doctor");
}

static int run(struct asking *asking, const struct zl_kube_config *kube)
{
    struct zl_error err = {0};
    int code = ZL_EXIT_UNKNOWN;
    enum zl_status status = read_policy(asking, &err);
    if (status == ZL_E_NOT_FOUND) {
        return refuse(asking, err.message);
    }
    if (status == ZL_OK) {
        status = read_pod(asking, &err);
    }
    if (status != ZL_OK) {
        return zl_verb_failed(asking->program, status, &err);
    }
    find_user(asking, kube);
    return ask(asking, &code) ? await(asking) : code;
}

static int start(const struct zl_program *program, const struct config *config, const char *pool)
{
    struct zl_error err = {0};
    struct zl_kube_config kube = {0};
    struct asking asking = {
        .program = program, .config = config, .pool = pool, .lease_name = zl_lease_name(pool)};
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    enum zl_status status = zl_duration_read("timeout", config->timeout, &asking.timeout_ms, &err);
    if (status == ZL_OK) {
        status = zl_connection_load(&config->connection, &kube, &err);
    }
    if (status == ZL_OK) {
        asking.namespace_ = kube.namespace_;
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &asking.client, &err);
    }
    const int code = status == ZL_OK ? run(&asking, &kube) : zl_verb_failed(program, status, &err);
    zl_policy_free(asking.policy);
    zl_lease_free(asking.lease);
    zl_pod_free(asking.pod);
    free(asking.lease_name);
    free(asking.user);
    free(asking.text);
    free(asking.version);
    zl_kube_client_free(asking.client);
    zl_kube_cleanup();
    zl_kube_config_clear(&kube);
    return code;
}

int zl_handover(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_HANDOVER_PROGRAM, argc, argv, &config, &words, &refused)) {
        return refused;
    }
    if (config.to == NULL || config.to[0] == '\0') {
        (void)fprintf(stderr, "%s: give --to POD; zen-lead release asks for whoever is next\n",
                      ZL_HANDOVER_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    return start(&ZL_HANDOVER_PROGRAM, &config, words.words[0]);
}

int zl_release(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_RELEASE_PROGRAM, argc, argv, &config, &words, &refused)) {
        return refused;
    }
    return start(&ZL_RELEASE_PROGRAM, &config, words.words[0]);
}
