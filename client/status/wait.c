/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/election/lease_watch.h"
#include "client/election/turn_watch.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/kube/client.h"
#include "common/seat/lease.h"

#include <inttypes.h>
#include <stddef.h>

struct config {
    struct zl_connection connection;
    const char *what, *pod, *job, *timeout;
    bool quiet;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "for",
     .type = ZL_OPTION_CHOICE,
     .default_value = "leader",
     .choices = "leader|turn",
     .offset = offsetof(struct config, what),
     .help =
         "leader: the pool's Lease names the pod, or without --pod any pod at all. turn: POOL is a "
         "fleet, and it is this cluster's turn in it."},
    {.name = "pod",
     .variable = "POD_NAME",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, pod),
     .value_name = "NAME",
     .help = "Wait until this pod leads. Without it: until some pod does."},
    {.name = "job",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, job),
     .value_name = "NAME",
     .help = "With --for turn: POOL is a pool of Jobs of this cluster, and it is this Job's turn."},
    {.name = "timeout",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, timeout),
     .value_name = "DURATION",
     .help = "Wait so long, then exit with 1. Without it: for ever."},
    {.name = "quiet",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, quiet),
     .help = "Do not print who it is."},
    {.name = NULL},
};

const struct zl_program ZL_WAIT_PROGRAM = {
    .name = "zen-lead wait",
    .summary =
        "Waits until the pool has a leader, or until that is a certain pod (itself, where POD_NAME "
        "is set), and prints the leader and its fencing token. With --for turn: until it is this "
        "cluster's turn in the fleet POOL, and prints the cluster, the fencing token and the "
        "seconds "
        "that are left. It follows the Lease or the LeaderPolicy, so it needs the right to watch "
        "it.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "POOL",
    .words_min = 1,
    .words_max = 1,
    .epilogue =
        ZL_EXIT_CODES_TEXT "\n"
                           "\n"
                           "Examples:\n"
                           "  zen-lead wait web -n shop --timeout 30s\n"
                           "  zen-lead wait web --pod \"$POD_NAME\" && exec warm-the-cache\n"
                           "  zen-lead wait fixes -n ops --for turn --timeout 6h\n",
};

struct waiting {
    const struct config *config;
    struct zl_kube_client *client;
    char *namespace_;
    bool found;
    struct zl_lease_watch *watch; /* one of both */
    struct zl_turn_watch *turn;
    char why[ZL_FLEET_WHY_MAX]; /* it is not the cluster's turn */
    int64_t deadline_ms;        /* ZL_FOREVER: none */
};

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct waiting *waiting = ctx;
    struct zl_lease *lease = NULL;
    if (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0) {
        return ZL_OK;
    }
    enum zl_status status = zl_lease_decode(object, &lease, err);
    const char *pod = waiting->config->pod;
    if (status == ZL_OK && zl_lease_is_held(lease) && lease->holder_pod != NULL &&
        (pod == NULL || strcmp(lease->holder_pod, pod) == 0)) {
        waiting->found = true;
        if (!waiting->config->quiet) {
            (void)printf("%s %" PRId64 "\n", lease->holder_pod, lease->fencing_token);
        }
        status = zl_error_set(err, ZL_E_STOPPED, "found");
    }
    zl_lease_free(lease);
    return status;
}

/* A turn whose time is over is none, whatever a controller that is down left behind. */
static enum zl_status on_told(void *ctx, const struct zl_fleet_place *place, int64_t asked_ms,
                              struct zl_error *err)
{
    struct waiting *waiting = ctx;
    (void)asked_ms;
    if (place == NULL) {
        (void)snprintf(waiting->why, sizeof waiting->why, "no LeaderPolicy of that fleet");
        return ZL_OK;
    }
    const int64_t left_us = place->until_us - zl_clock_wall_us();
    if (place->token == 0 || left_us <= 0) {
        (void)snprintf(waiting->why, sizeof waiting->why, "%s",
                       place->token != 0 ? "its turn is over" : place->why);
        return ZL_OK;
    }
    waiting->found = true;
    if (!waiting->config->quiet) {
        (void)printf("%s %" PRId64 " %" PRId64 "\n", place->cluster, place->token,
                     left_us / 1000000);
    }
    return zl_error_set(err, ZL_E_STOPPED, "found");
}

/* A pool of Jobs says whose turn it is in its LeaderPolicy. */
static enum zl_status on_policy(void *ctx, const char *type, const struct cJSON *object,
                                struct zl_error *err)
{
    struct waiting *waiting = ctx;
    const struct config *config = waiting->config;
    const char *executes = zl_json_text(object, "status", "executing", "name", NULL);
    if ((strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0) ||
        !zl_same_string(executes, config->job)) {
        return ZL_OK;
    }
    waiting->found = true;
    if (!config->quiet) {
        (void)printf("%s %" PRId64 "\n", executes,
                     zl_json_i64(object, 0, "status", "fencingToken", NULL));
    }
    return zl_error_set(err, ZL_E_STOPPED, "found");
}

static void end(const struct waiting *waiting)
{
    if (waiting->turn != NULL) {
        zl_turn_watch_end(waiting->turn);
    } else {
        zl_lease_watch_end(waiting->watch);
    }
}

static void *run_clock(void *arg)
{
    const struct waiting *waiting = arg;
    (void)(waiting->turn != NULL ? zl_turn_watch_rest(waiting->turn, waiting->deadline_ms)
                                 : zl_lease_watch_rest(waiting->watch, waiting->deadline_ms));
    end(waiting);
    return NULL;
}

static int conclude(const struct waiting *waiting, const char *pool, enum zl_status status,
                    const struct zl_error *err)
{
    const struct config *config = waiting->config;
    if (waiting->found) {
        return ZL_EXIT_YES;
    }
    if (status != ZL_OK && status != ZL_E_STOPPED) {
        return zl_verb_failed(&ZL_WAIT_PROGRAM, status, err);
    }
    if (waiting->turn != NULL) {
        (void)fprintf(stderr, "%s: fleet %s, namespace %s: no turn within %s: %s\n",
                      ZL_WAIT_PROGRAM.name, pool, waiting->namespace_, config->timeout,
                      waiting->why[0] != '\0' ? waiting->why : "nothing was heard");
    } else if (config->job != NULL) {
        (void)fprintf(stderr, "%s: pool %s/%s: not the turn of Job %s within %s\n",
                      ZL_WAIT_PROGRAM.name, waiting->namespace_, pool, config->job,
                      config->timeout);
    } else {
        (void)fprintf(stderr, "%s: pool %s/%s: %s%s within %s\n", ZL_WAIT_PROGRAM.name,
                      waiting->namespace_, pool, config->pod != NULL ? config->pod : "nobody",
                      config->pod != NULL ? " does not lead" : " leads", config->timeout);
    }
    return ZL_EXIT_NO;
}

static enum zl_status watch_on(struct waiting *waiting, struct zl_error *err)
{
    return waiting->turn != NULL
               ? zl_turn_watch_run(waiting->turn, waiting->client, waiting->namespace_, err)
               : zl_lease_watch_run(waiting->watch, waiting->client, waiting->namespace_, err);
}

static int wait_for(struct waiting *waiting, const char *pool)
{
    struct zl_error err = {0};
    ZL_AUTO_FREE char *lease = zl_lease_name(pool);
    const struct zl_lease_watch_spec spec = {.lease = lease, .event = on_event, .ctx = waiting};
    const struct zl_turn_watch_spec turn = {.fleet = pool, .told = on_told, .ctx = waiting};
    const struct zl_lease_watch_spec policy = {
        .lease = pool, .resource = &ZL_KUBE_LEADERPOLICIES, .event = on_policy, .ctx = waiting};
    if (strcmp(waiting->config->what, "leader") == 0) {
        waiting->watch = zl_lease_watch_new(&spec);
    } else if (waiting->config->job != NULL) {
        waiting->watch = zl_lease_watch_new(&policy);
    } else {
        waiting->turn = zl_turn_watch_new(&turn);
    }
    const pthread_t clock = zl_thread_start("clock", run_clock, waiting);
    const enum zl_status status = watch_on(waiting, &err);
    const int code = conclude(waiting, pool, status, &err);
    end(waiting);
    pthread_join(clock, NULL);
    zl_lease_watch_free(waiting->watch);
    zl_turn_watch_free(waiting->turn);
    return code;
}

/* The time-out, the kubeconfig, the client. */
static enum zl_status prepare(struct waiting *waiting, struct zl_error *err)
{
    const struct config *config = waiting->config;
    struct zl_kube_config kube = {0};
    int64_t timeout_ms = 0;
    enum zl_status status = ZL_OK;
    waiting->deadline_ms = ZL_FOREVER;
    if (config->timeout != NULL) {
        status = zl_duration_read("timeout", config->timeout, &timeout_ms, err);
        waiting->deadline_ms = zl_clock_ms() + timeout_ms;
    }
    if (status == ZL_OK) {
        status = zl_connection_load(&config->connection, &kube, err);
    }
    if (status == ZL_OK) {
        waiting->namespace_ = zl_strdup(kube.namespace_);
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &waiting->client, err);
    }
    zl_kube_config_clear(&kube);
    return status;
}

int zl_wait(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands operands = {0};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_WAIT_PROGRAM, argc, argv, &config, &operands, &refused)) {
        return refused;
    }
    if (config.job != NULL && strcmp(config.what, "turn") != 0) {
        (void)fprintf(stderr, "%s: --job goes with --for turn\n", ZL_WAIT_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    struct zl_error err = {0};
    struct waiting waiting = {.config = &config};
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    const enum zl_status status = prepare(&waiting, &err);
    const int code = status == ZL_OK ? wait_for(&waiting, operands.words[0])
                                     : zl_verb_failed(&ZL_WAIT_PROGRAM, status, &err);
    zl_kube_client_free(waiting.client);
    zl_kube_cleanup();
    free(waiting.namespace_);
    return code;
}
