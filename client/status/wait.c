/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/election/lease_watch.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/kube/client.h"
#include "common/seat/lease.h"

#include <inttypes.h>
#include <stddef.h>

struct config {
    struct zl_connection connection;
    const char *what, *pod, *timeout;
    bool quiet;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "for",
     .type = ZL_OPTION_CHOICE,
     .default_value = "leader",
     .choices = "leader",
     .offset = offsetof(struct config, what),
     .help = "leader: the pool's Lease names the pod, or without --pod any pod at all."},
    {.name = "pod",
     .variable = "POD_NAME",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, pod),
     .value_name = "NAME",
     .help = "Wait until this pod leads. Without it: until some pod does."},
    {.name = "timeout",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, timeout),
     .value_name = "DURATION",
     .help = "Wait so long, then exit with 1. Without it: for ever."},
    {.name = "quiet",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, quiet),
     .help = "Do not print the leader."},
    {.name = NULL},
};

const struct zl_program ZL_WAIT_PROGRAM = {
    .name = "zen-lead wait",
    .summary =
        "Waits until the pool has a leader, or until that is a certain pod (itself, where POD_NAME "
        "is set), and prints the leader and its fencing token. It follows the Lease, so it needs "
        "the "
        "right to watch it.",
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
                           "  zen-lead wait web --pod \"$POD_NAME\" && exec warm-the-cache\n",
};

struct waiting {
    const struct config *config;
    struct zl_kube_client *client;
    char *namespace_;
    bool found;
    struct zl_lease_watch *watch;
    int64_t deadline_ms; /* ZL_FOREVER: none */
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

static void *run_clock(void *arg)
{
    const struct waiting *waiting = arg;
    (void)zl_lease_watch_rest(waiting->watch, waiting->deadline_ms);
    zl_lease_watch_end(waiting->watch);
    return NULL;
}

static int conclude(const struct waiting *waiting, const char *pool, enum zl_status status,
                    const struct zl_error *err)
{
    if (waiting->found) {
        return ZL_EXIT_YES;
    }
    if (status == ZL_OK || status == ZL_E_STOPPED) {
        (void)fprintf(
            stderr, "%s: pool %s/%s: %s%s within %s\n", ZL_WAIT_PROGRAM.name, waiting->namespace_,
            pool, waiting->config->pod != NULL ? waiting->config->pod : "nobody",
            waiting->config->pod != NULL ? " does not lead" : " leads", waiting->config->timeout);
        return ZL_EXIT_NO;
    }
    return zl_verb_failed(&ZL_WAIT_PROGRAM, status, err);
}

static int wait_for(struct waiting *waiting, const char *pool)
{
    struct zl_error err = {0};
    ZL_AUTO_FREE char *lease = zl_lease_name(pool);
    const struct zl_lease_watch_spec spec = {.lease = lease, .event = on_event, .ctx = waiting};
    waiting->watch = zl_lease_watch_new(&spec);
    const pthread_t clock = zl_thread_start("clock", run_clock, waiting);
    const enum zl_status status =
        zl_lease_watch_run(waiting->watch, waiting->client, waiting->namespace_, &err);
    const int code = conclude(waiting, pool, status, &err);
    zl_lease_watch_end(waiting->watch);
    pthread_join(clock, NULL);
    zl_lease_watch_free(waiting->watch);
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
