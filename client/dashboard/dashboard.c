/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/dashboard/serve.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "common/fleet/fleet.h"

#include <stddef.h>
#include <stdio.h>

struct config {
    struct zl_connection connection;
    const char *hub_kubeconfig, *fleet_namespace, *installed_in, *address;
    int64_t port;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "hub-kubeconfig",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, hub_kubeconfig),
     .value_name = "FILE",
     .help =
         "How to reach a fleet's hub: all of its clusters are shown, in waves. Without it: what "
         "this cluster's own LeaderPolicies say of the fleet."},
    {.name = "fleet-namespace",
     .variable = "ZEN_LEAD_FLEET_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .default_value = ZL_FLEET_NAMESPACE,
     .offset = offsetof(struct config, fleet_namespace),
     .value_name = "NAME",
     .help = "Namespace of the fleets' Leases on the hub."},
    {.name = "system-namespace",
     .type = ZL_OPTION_TEXT,
     .default_value = "zen-lead-system",
     .offset = offsetof(struct config, installed_in),
     .value_name = "NAMESPACE",
     .help = "Where zen-lead's own programs are, for the doctor's panel."},
    {.name = "listen-address",
     .type = ZL_OPTION_TEXT,
     .default_value = "127.0.0.1",
     .offset = offsetof(struct config, address),
     .value_name = "ADDRESS",
     .help = "127.0.0.1 or ::1, no other: it shows what you may read to whoever has the URL."},
    {.name = "port",
     .type = ZL_OPTION_I64,
     .default_value = "0",
     .min = 0,
     .max = 65535,
     .offset = offsetof(struct config, port),
     .value_name = "PORT",
     .help = "0: a free one. The URL is printed."},
    {.name = NULL},
};

const struct zl_program ZL_DASHBOARD_PROGRAM = {
    .name = "zen-lead dashboard",
    .summary = "Serves one page on this machine, live: who leads, what waits, what is wrong, how "
               "leaders changed and why, and a fleet's clusters in waves. It reads with your own "
               "rights and writes nothing.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .epilogue =
        "Without --namespace all namespaces are followed; with rights in one namespace alone, name "
        "it. What may not be\n"
        "read is said on the page, and takes nothing from the rest. The URL has a key of this "
        "session: who has it sees the\n"
        "page. Rights: list and watch on leaderpolicies of both groups, leases, services, events.\n"
        "\n" ZL_EXIT_CODES_TEXT "\n"
        "\n"
        "Examples:\n"
        "  zen-lead dashboard\n"
        "  zen-lead dashboard -n shop --port 8080\n"
        "  zen-lead dashboard --hub-kubeconfig hub.kubeconfig\n",
};

static bool is_loopback(const char *address)
{
    return strcmp(address, "127.0.0.1") == 0 || strcmp(address, "::1") == 0;
}

static enum zl_status make_hub(const struct config *config, struct zl_kube_client **out,
                               struct zl_error *err)
{
    struct zl_kube_config kube = {0};
    if (config->hub_kubeconfig == NULL) {
        return ZL_OK;
    }
    enum zl_status status = zl_kube_config_load(config->hub_kubeconfig, NULL, &kube, err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, out, err);
    }
    zl_kube_config_clear(&kube);
    return status;
}

static enum zl_status serve(const struct config *config, const struct zl_kube_config *kube,
                            struct zl_kube_client *client, struct zl_kube_client *hub,
                            struct zl_error *err)
{
    struct zl_dashboard *dashboard = NULL;
    const struct zl_dashboard_spec spec = {.client = client,
                                           .hub = hub,
                                           .server = kube->server,
                                           .namespace_ = config->connection.namespace_,
                                           .home = kube->namespace_,
                                           .installed_in = config->installed_in,
                                           .fleet_namespace = config->fleet_namespace,
                                           .address = config->address,
                                           .port = config->port};
    const enum zl_status status = zl_dashboard_start(&spec, &dashboard, err);
    if (status != ZL_OK) {
        return status;
    }
    (void)printf(strchr(config->address, ':') != NULL ? "http://[%s]:%d/%s/\n"
                                                      : "http://%s:%d/%s/\n",
                 config->address, zl_dashboard_port(dashboard), zl_dashboard_key(dashboard));
    (void)fflush(stdout);
    zl_process_wait_for_signal();
    zl_dashboard_stop(dashboard);
    return ZL_OK;
}

int zl_dashboard(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    struct zl_error err = {0};
    struct zl_kube_config kube = {0};
    struct zl_kube_client *client = NULL, *hub = NULL;
    int code = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_DASHBOARD_PROGRAM, argc, argv, &config, &words, &code)) {
        return code;
    }
    if (!is_loopback(config.address)) {
        (void)fprintf(stderr,
                      "%s: option --listen-address: %.60s is not 127.0.0.1 or ::1; it would show "
                      "what you may read to others\n",
                      ZL_DASHBOARD_PROGRAM.name, config.address);
        return ZL_EXIT_USAGE;
    }
    zl_log_set_level(ZL_LOG_LEVEL_NONE); /* the page says what is wrong */
    zl_process_init();
    zl_kube_init();
    enum zl_status status = zl_connection_load(&config.connection, &kube, &err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead/" ZL_VERSION, &client, &err);
    }
    if (status == ZL_OK) {
        status = make_hub(&config, &hub, &err);
    }
    if (status == ZL_OK) {
        status = serve(&config, &kube, client, hub, &err);
    }
    code = status == ZL_OK ? ZL_EXIT_YES : zl_verb_failed(&ZL_DASHBOARD_PROGRAM, status, &err);
    zl_kube_client_free(hub);
    zl_kube_client_free(client);
    zl_kube_cleanup();
    zl_kube_config_clear(&kube);
    return code;
}
