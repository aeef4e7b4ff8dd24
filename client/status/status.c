/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/status/pools.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/kube/client.h"
#include "common/objects/names.h"

#include <stddef.h>
#include <unistd.h>

#define WATCH_S 300
#define WATCH_AGAIN_S 1

struct config {
    struct zl_connection connection;
    const char *output;
    bool all_namespaces, watch;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "all-namespaces",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, all_namespaces),
     .help = "The pools of all namespaces."},
    {.name = "output",
     .type = ZL_OPTION_CHOICE,
     .default_value = "table",
     .choices = "table|wide|json|yaml",
     .offset = offsetof(struct config, output),
     .help = "How to say it. json and yaml: {\"items\": [...]}; with --watch one document for each "
             "change. "
             "Their field names never change."},
    {.name = "watch",
     .type = ZL_OPTION_BOOL,
     .offset = offsetof(struct config, watch),
     .help = "Go on, and print each pool anew when it changes."},
    {.name = NULL},
};

const struct zl_program ZL_STATUS_PROGRAM = {
    .name = "zen-lead status",
    .summary =
        "Shows who leads in each pool, since when, with which fencing token, how many may and how "
        "many are refused; and why, where nobody leads.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "[POOL]",
    .words_max = 1,
    .epilogue = "LEASE is what is left of the pool's Lease by the clocks of its writer and of this "
                "machine; an expired one\n"
                "is renewed late, its leader stays as long as its pod is alive. A pod knows best "
                "by itself: libzenlead.\n"
                "\n" ZL_EXIT_CODES_TEXT "\n"
                "\n"
                "Examples:\n"
                "  zen-lead status -n shop\n"
                "  zen-lead status web -o json | jq -r '.items[].leader'\n",
};

struct known {
    struct zl_lease *lease;
};

struct look {
    const struct config *config;
    struct zl_kube_client *client;
    const char *namespace_, *pool; /* NULL: all */
    struct known *leases;          /* of a list of all pools: all that there are */
    size_t lease_count;
    struct cJSON *rows;
    bool heads_printed;
    char *version; /* of the last change that was seen */
};

/* The pool's Lease; NULL when there is none, or it may not be read: the policy's status has to do. */
static struct zl_lease *read_lease(const struct look *look, const struct zl_policy *policy)
{
    ZL_AUTO_FREE char *name = zl_lease_name(policy->meta.name);
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEASES, .namespace_ = policy->meta.namespace_, .name = name};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_lease *lease = NULL;
    struct zl_error ignored = {0};
    if (zl_kube_get(look->client, &target, &object, &ignored) != ZL_OK ||
        zl_lease_decode(object, &lease, &ignored) != ZL_OK) {
        return NULL;
    }
    return lease;
}

static enum zl_status add_lease(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct look *look = ctx;
    struct zl_lease *lease = NULL;
    const enum zl_status status = zl_lease_decode(object, &lease, err);
    if (status == ZL_OK && lease != NULL) {
        look->leases = zl_realloc(look->leases, look->lease_count + 1, sizeof *look->leases);
        look->leases[look->lease_count++].lease = lease;
    }
    return ZL_OK; /* one that cannot be read is as good as none */
}

static void forget_leases(struct look *look)
{
    for (size_t i = 0; i < look->lease_count; i++) {
        zl_lease_free(look->leases[i].lease);
    }
    free(look->leases);
    look->leases = NULL;
    look->lease_count = 0;
}

static const struct zl_lease *find_lease(const struct look *look, const struct zl_policy *policy)
{
    for (size_t i = 0; look->leases != NULL && i < look->lease_count; i++) {
        const struct zl_lease *lease = look->leases[i].lease;
        if (zl_same_string(lease->pool, policy->meta.name) &&
            zl_same_string(lease->namespace_, policy->meta.namespace_)) {
            return lease;
        }
    }
    return NULL;
}

static enum zl_status add_row(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct look *look = ctx;
    struct zl_policy *policy = NULL;
    const enum zl_status status = zl_policy_decode(object, &policy, err);
    if (status != ZL_OK) {
        return status;
    }
    struct zl_lease *read = look->leases == NULL ? read_lease(look, policy) : NULL;
    const struct zl_lease *lease = read != NULL ? read : find_lease(look, policy);
    zl_json_append(look->rows, zl_pool_describe(policy, lease, zl_clock_wall_us()));
    zl_lease_free(read);
    zl_policy_free(policy);
    return ZL_OK;
}

static bool says(const struct look *look, const char *format)
{
    return strcmp(look->config->output, format) == 0;
}

static void print_rows(struct look *look)
{
    const struct zl_table table = {.out = stdout,
                                   .with_namespace = look->config->all_namespaces,
                                   .wide = says(look, "wide"),
                                   .now_us = zl_clock_wall_us()};
    if (says(look, "json") || says(look, "yaml")) {
        ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
        zl_json_set(tree, "items", zl_json_copy(look->rows));
        ZL_AUTO_FREE char *text = zl_json_print(tree);
        if (says(look, "json")) {
            (void)puts(text);
        } else {
            (void)fputs(look->heads_printed ? "---\n" : "", stdout);
            zl_yaml_print(stdout, tree);
        }
    } else {
        zl_pools_print_table(&table, look->rows, !look->heads_printed);
    }
    look->heads_printed = true;
    (void)fflush(stdout);
}

/* Leases first, all at once: two requests, however many pools there are. */
static enum zl_status list_all(struct look *look, const struct zl_kube_target *target,
                               struct zl_error *err)
{
    const struct zl_kube_selector ours = {.label = ZL_LEASE_SELECTOR}, all = {0};
    const struct zl_kube_target leases = {
        .resource = &ZL_KUBE_LEASES, .namespace_ = look->namespace_, .shape = ZL_LEASE_SHAPE};
    struct zl_error ignored = {0};
    (void)!zl_kube_list(look->client, &leases, &ours, add_lease, look, NULL, &ignored);
    const enum zl_status status =
        zl_kube_list(look->client, target, &all, add_row, look, &look->version, err);
    forget_leases(look);
    return status;
}

static enum zl_status list(struct look *look, struct zl_error *err)
{
    struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                    .namespace_ = look->namespace_,
                                    .shape = ZL_POLICY_SHAPE};
    if (look->pool == NULL) {
        return list_all(look, &target, err);
    }
    target.name = look->pool;
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const enum zl_status status = zl_kube_get(look->client, &target, &object, err);
    zl_replace_string(&look->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    return status == ZL_OK ? add_row(look, object, err) : status;
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct look *look = ctx;
    if (strcmp(type, "ERROR") == 0) {
        return zl_kube_status_decode(object, 0, err);
    }
    zl_replace_string(&look->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    if (strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0) {
        return ZL_OK;
    }
    zl_json_free(look->rows);
    look->rows = zl_json_array();
    const enum zl_status status = add_row(look, object, err);
    if (status == ZL_OK) {
        print_rows(look);
    }
    return status;
}

/* All of it once more. */
static enum zl_status look_again(struct look *look, struct zl_error *err)
{
    zl_json_free(look->rows);
    look->rows = zl_json_array();
    const enum zl_status status = list(look, err);
    if (status == ZL_OK) {
        print_rows(look);
    }
    return status == ZL_E_NOT_FOUND ? ZL_OK : status; /* it may come back */
}

/* Until somebody ends the program, or watching is forbidden. */
static enum zl_status watch(struct look *look, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = look->namespace_,
                                          .shape = ZL_POLICY_SHAPE};
    ZL_AUTO_FREE char *one =
        look->pool != NULL ? zl_asprintf("metadata.name=%s", look->pool) : NULL;
    const struct zl_kube_selector selector = {.field = one};
    struct zl_kube_stop *stop = zl_kube_stop_new();
    enum zl_status status = ZL_OK;
    do {
        status = zl_kube_watch(look->client, &target, &selector, look->version, WATCH_S, stop,
                               on_event, NULL, look, err);
        if (status == ZL_E_GONE) { /* a watch without a version may begin with what is old */
            status = look_again(look, err);
        }
        if (status != ZL_OK) {
            (void)sleep(WATCH_AGAIN_S);
        }
    } while (status != ZL_E_DENIED && status != ZL_E_INVALID && status != ZL_E_NOT_FOUND);
    zl_kube_stop_free(stop);
    return status;
}

static int explain_absence(const struct look *look, const struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *served = NULL;
    struct zl_error ignored = {0};
    if (zl_kube_get_path(look->client, "/apis/" ZL_POLICY_API_VERSION, &served, &ignored) ==
        ZL_E_NOT_FOUND) {
        (void)fprintf(stderr,
                      "%s: zen-lead is not installed here: the cluster has no LeaderPolicies\n",
                      ZL_STATUS_PROGRAM.name);
    } else {
        (void)fprintf(stderr, "%s: %s\n", ZL_STATUS_PROGRAM.name, err->message);
    }
    return ZL_EXIT_NO;
}

static int run(struct look *look)
{
    struct zl_error err = {0};
    enum zl_status status = list(look, &err);
    if (status == ZL_E_NOT_FOUND) {
        return explain_absence(look, &err);
    }
    if (status == ZL_OK) {
        print_rows(look);
        status = look->config->watch ? watch(look, &err) : ZL_OK;
    }
    return status == ZL_OK ? ZL_EXIT_YES : zl_verb_failed(&ZL_STATUS_PROGRAM, status, &err);
}

int zl_status_verb(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands operands = {0};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_STATUS_PROGRAM, argc, argv, &config, &operands, &refused)) {
        return refused;
    }
    if (config.all_namespaces && operands.count > 0) {
        (void)fprintf(stderr, "%s: a pool has one namespace: POOL or --all-namespaces\n",
                      ZL_STATUS_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    struct zl_error err = {0};
    struct zl_kube_config kube = {0};
    struct look look = {.config = &config,
                        .pool = operands.count > 0 ? operands.words[0] : NULL,
                        .rows = zl_json_array()};
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    enum zl_status status = zl_connection_load(&config.connection, &kube, &err);
    if (status == ZL_OK) {
        look.namespace_ = config.all_namespaces ? NULL : kube.namespace_;
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &look.client, &err);
    }
    const int code =
        status == ZL_OK ? run(&look) : zl_verb_failed(&ZL_STATUS_PROGRAM, status, &err);
    zl_json_free(look.rows);
    free(look.version);
    zl_kube_client_free(look.client);
    zl_kube_cleanup();
    zl_kube_config_clear(&kube);
    return code;
}
