/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/sidecar/serve.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "common/kube/client.h"

#include <stddef.h>
#include <stdio.h>

struct config {
    struct zl_connection connection;
    const char *pod, *pod_uid, *address, *compat;
    int64_t port;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONNECTION_OPTIONS(config, connection),
    {.name = "pod",
     .variable = "POD_NAME",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, pod),
     .value_name = "NAME",
     .help = "Whom the answers are about: the pod beside which it runs."},
    {.name = "pod-uid",
     .variable = "POD_UID",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, pod_uid),
     .value_name = "UID",
     .help =
         "Its uid: without it a StatefulSet's pod is taken for the one of that name before it."},
    {.name = "listen-address",
     .type = ZL_OPTION_TEXT,
     .default_value = "127.0.0.1",
     .offset = offsetof(struct config, address),
     .value_name = "ADDRESS",
     .help = "127.0.0.1 or ::1, or a path: a unix socket, for its owner and group. Containers of a "
             "pod share the loopback; probes by the kubelet need the exec form."},
    {.name = "port",
     .type = ZL_OPTION_I64,
     .default_value = "4040",
     .min = 0,
     .max = 65535,
     .offset = offsetof(struct config, port),
     .value_name = "PORT",
     .help = "0: a free one, which is printed."},
    {.name = "compat",
     .type = ZL_OPTION_CHOICE,
     .default_value = "none",
     .choices = "none|leader-elector",
     .offset = offsetof(struct config, compat),
     .help = "leader-elector: GET / answers {\"name\": LEADER} of the first pool, as the old "
             "contrib/leader-elector did."},
    {.name = NULL},
};

const struct zl_program ZL_SIDECAR_PROGRAM = {
    .name = "zen-lead sidecar",
    .summary =
        "Answers a pod's question whether it leads, by HTTP on the loopback: for programs in "
        "any language; and whether it is this cluster's turn in a fleet. It follows the pools and "
        "fleets "
        "that are named, and no answer is without the time for which it is valid.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "POOL|fleet/NAME...",
    .words_min = 1,
    .words_max = ZL_OPERANDS_MAX,
    .epilogue =
        "GET /v1/pools/POOL           {role, holder, token, validForMs, reason}\n"
        "GET /v1/pools/POOL/leader    200 when it is certain, else 503; /follower likewise\n"
        "GET /v1/pools/POOL/watch     server-sent events: the state first, then each change\n"
        "GET /v1/fleet/NAME           {state, token, validForMs, position, why}; /active: 200 or "
        "503;\n"
        "                             /watch likewise\n"
        "POST /v1/fleet/NAME/request, /done, /failed, /release   {token, reason}, with the header\n"
        "                             zen-lead: true; 409 when that turn is not this cluster's\n"
        "docs/sidecar.yaml describes it as OpenAPI. Rights: get and watch on the pools' Leases; "
        "of\n"
        "fleets get, list and watch on leaderpolicies.leadership.kube-zen.io, and patch to POST.\n"
        "\n" ZL_EXIT_CODES_TEXT "\n"
        "\n"
        "Examples:\n"
        "  zen-lead sidecar web & curl -f http://127.0.0.1:4040/v1/pools/web/leader\n"
        "  zen-lead sidecar fleet/fixes & curl -f http://127.0.0.1:4040/v1/fleet/fixes/active\n",
};

static bool is_loopback(const char *address)
{
    return address[0] == '/' || strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

#define FLEET_WORD "fleet/"

struct named {
    const char *pools[ZL_OPERANDS_MAX], *fleets[ZL_OPERANDS_MAX];
    int pool_count, fleet_count;
};

static void sort_words(const struct zl_operands *words, struct named *out)
{
    *out = (struct named){0};
    for (int i = 0; i < words->count; i++) {
        if (strncmp(words->words[i], FLEET_WORD, strlen(FLEET_WORD)) == 0) {
            out->fleets[out->fleet_count++] = words->words[i] + strlen(FLEET_WORD);
        } else {
            out->pools[out->pool_count++] = words->words[i];
        }
    }
}

static int serve(const struct config *config, const struct named *named)
{
    struct zl_error err = {0};
    struct zl_sidecar *sidecar = NULL;
    const struct zl_sidecar_spec spec = {
        .lead = {.size = sizeof spec.lead,
                 .kubeconfig = config->connection.kubeconfig,
                 .context = config->connection.context,
                 .namespace_ = config->connection.namespace_,
                 .pod = config->pod,
                 .pod_uid = config->pod_uid},
        .pools = named->pools,
        .pool_count = named->pool_count,
        .fleets = named->fleets,
        .fleet_count = named->fleet_count,
        .compat = strcmp(config->compat, "leader-elector") == 0,
        .address = config->address,
        .port = config->port,
    };
    const enum zl_status status = zl_sidecar_start(&spec, &sidecar, &err);
    if (status != ZL_OK) {
        return zl_verb_failed(&ZL_SIDECAR_PROGRAM, status, &err);
    }
    if (config->address[0] == '/') {
        (void)printf("unix:%s\n", config->address);
    } else {
        (void)printf(strchr(config->address, ':') != NULL ? "http://[%s]:%d\n" : "http://%s:%d\n",
                     config->address, zl_sidecar_port(sidecar));
    }
    (void)fflush(stdout);
    zl_process_wait_for_signal();
    zl_sidecar_stop(sidecar);
    return ZL_EXIT_YES;
}

int zl_sidecar(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int code = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_SIDECAR_PROGRAM, argc, argv, &config, &words, &code)) {
        return code;
    }
    struct named named;
    sort_words(&words, &named);
    if (config.pod == NULL && named.pool_count > 0) {
        (void)fprintf(stderr,
                      "%s: whose sidecar is it? Give --pod, or set POD_NAME by the downward "
                      "API\n",
                      ZL_SIDECAR_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    if (!is_loopback(config.address)) {
        (void)fprintf(stderr,
                      "%s: option --listen-address: %.60s is no loopback address; it "
                      "answers this pod alone\n",
                      ZL_SIDECAR_PROGRAM.name, config.address);
        return ZL_EXIT_USAGE;
    }
    zl_log_set_level(ZL_LOG_LEVEL_WARN);
    zl_process_init();
    zl_kube_init();
    code = serve(&config, &named);
    zl_kube_cleanup();
    return code;
}
