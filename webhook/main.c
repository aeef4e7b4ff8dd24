/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zen-lead-webhook - the gatekeeper: refuses every pod of a pool but its leader's.
 */
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/process.h"
#include "common/base/process_metrics.h"
#include "common/cache/claims.h"
#include "common/cache/health.h"
#include "common/http/key_watch.h"
#include "common/http/server.h"
#include "common/kube/daemon.h"
#include "common/kube/informer_health.h"
#include "common/kube/retries.h"
#include "common/objects/review_path.h"
#include "webhook/gatekeeper/claim.h"
#include "webhook/gatekeeper/gatekeeper.h"
#include "webhook/review/bad_review.h"
#include "webhook/review_door.h"
#include "webhook/server.h"
#include "webhook/validator/validator.h"

#include <stddef.h>

#define FIELD(name) offsetof(struct zl_webhook_config, name)

static const struct zl_option OPTIONS[] = {
    {.name = "cert-file",
     .type = ZL_OPTION_TEXT,
     .default_value = "/etc/zen-lead/tls/tls.crt",
     .offset = FIELD(cert_file),
     .value_name = "FILE",
     .help = "Serving certificate with its chain, PEM."},
    {.name = "key-file",
     .type = ZL_OPTION_TEXT,
     .default_value = "/etc/zen-lead/tls/tls.key",
     .offset = FIELD(key_file),
     .value_name = "FILE",
     .help =
         "Private key of the certificate, PEM. Both files are followed: a change is in use within "
         "a second, without a restart."},
    {.name = "client-ca-file",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(client_ca_file),
     .value_name = "FILE",
     .help =
         "CAs, PEM, one of which must have issued the certificate that the API server shows; "
         "whoever shows none is refused with 403, but for /healthz and /readyz. Read at the start. "
         "Without it: nobody is asked for a certificate."},
    {.name = "client-name",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(client_name),
     .value_name = "NAME",
     .help = "Common name that this certificate must have, where the CA has other clients, too. "
             "Without it: any."},
    {.name = "tls-min-version",
     .type = ZL_OPTION_CHOICE,
     .default_value = "1.2",
     .choices = "1.2|1.3|VersionTLS12|VersionTLS13",
     .offset = FIELD(tls_min_version),
     .help =
         "Oldest version of TLS that is spoken; the last two are kube-apiserver's names for the "
         "first two."},
    {.name = "tls-cipher-suites",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(tls_cipher_suites),
     .value_name = "NAME,...",
     .help = "Cipher suites by the names that kube-apiserver uses. Without it: the six "
             "TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_"
             "SHA256) of TLS 1.2 and the three of TLS 1.3. A cipher is on or off for all of them."},
    {.name = "port",
     .type = ZL_OPTION_I64,
     .default_value = "8443",
     .min = 0,
     .max = 65535,
     .offset = FIELD(port),
     .value_name = "PORT",
     .help = "TLS port for the API server's reviews; 0 takes a free one."},
    {.name = "metrics-port",
     .type = ZL_OPTION_I64,
     .default_value = "8080",
     .min = 0,
     .max = 65535,
     .offset = FIELD(metrics_port),
     .value_name = "PORT",
     .help = "Plain HTTP port for /metrics, /healthz and /readyz; 0 takes a free one."},
    {.name = "listen-address",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(listen_address),
     .value_name = "ADDRESS",
     .help = "Numeric IPv4 or IPv6 address to listen on. Without it: all addresses."},
    {.name = "kubeconfig",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(kubeconfig),
     .value_name = "FILE",
     .help =
         "How to reach the API server. Without it: $KUBECONFIG, then the pod's service account, "
         "then ~/.kube/config."},
    {.name = "namespace",
     .variable = "POD_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .default_value = "zen-lead-system",
     .offset = FIELD(namespace_),
     .value_name = "NAMESPACE",
     .help =
         "Where the Secret " ZL_REVIEW_SECRET
         " is, which says at which path reviews of pods are taken: the controller's namespace."},
    {.name = "fleet",
     .variable = "ZEN_LEAD_FLEET",
     .type = ZL_OPTION_BOOL,
     .default_value = "false",
     .offset = FIELD(fleet),
     .help = "Refuse pods of Jobs with the label zen-lead/fleet until it is their cluster's turn; "
             "for a cluster whose controller has --fleet-hub-kubeconfig."},
    {.name = "deadline-ms",
     .variable = "ZEN_LEAD_DEADLINE_MS",
     .type = ZL_OPTION_I64,
     .default_value = "1000",
     .min = 50,
     .max = 25000,
     .offset = FIELD(deadline_ms),
     .value_name = "MS",
     .help =
         "Time for one decision, API calls included. Keep it below timeoutSeconds of the webhook "
         "configuration: a late answer is worse than a refusal."},
    {.name = "claim-timeout-seconds",
     .variable = "ZEN_LEAD_CLAIM_TIMEOUT_SECONDS",
     .type = ZL_OPTION_I64,
     .default_value = "41",
     .min = 1,
     .max = ZL_CLAIM_TIMEOUT_MAX_S,
     .offset = FIELD(claim_timeout_s),
     .value_name = "SECONDS",
     .help =
         "How long an admitted pod may take to appear before another owner's pod may take its "
         "claim "
         "over (quota or another webhook can still reject it); the owner that asks again may after "
         "5 "
         "s, or after this if it is less. The default is what the API server and etcd may need to "
         "store a pod. Use the same value for the controller."},
    {.name = "on-api-error",
     .variable = "ZEN_LEAD_ON_API_ERROR",
     .type = ZL_OPTION_CHOICE,
     .default_value = "deny",
     .choices = "deny|allow",
     .offset = FIELD(on_api_error),
     .help =
         "Answer for a pod of a pool when the API server cannot be asked who leads: deny keeps one "
         "leader, allow keeps pods starting. Match it to failurePolicy (Fail, Ignore)."},
    {.name = "connections-max",
     .type = ZL_OPTION_I64,
     .default_value = "512",
     .min = 1,
     .max = 65535,
     .offset = FIELD(connections_max),
     .value_name = "COUNT",
     .help = "Connections served at once; each has a thread."},
    {.name = "shutdown-delay-seconds",
     .type = ZL_OPTION_I64,
     .default_value = "0",
     .min = 0,
     .max = 300,
     .offset = FIELD(shutdown_delay_s),
     .value_name = "SECONDS",
     .help = "After SIGTERM, keep serving this long with /readyz saying no, so that the Service "
             "forgets this replica first, and close each connection after its next review, so that "
             "the API server lets go of it."},
    {.name = "drain-timeout-seconds",
     .type = ZL_OPTION_I64,
     .default_value = "5",
     .min = 0,
     .max = 300,
     .offset = FIELD(drain_timeout_s),
     .value_name = "SECONDS",
     .help =
         "Then serve on for up to half of this while anybody still asks, and wait for reviews in "
         "flight."},
    {.name = "watch",
     .variable = "ZEN_LEAD_WATCH",
     .type = ZL_OPTION_CHOICE,
     .default_value = "auto",
     .choices = "auto|namespaces|cluster",
     .offset = FIELD(watch),
     .help = "How pods, workloads are watched: in each namespace that uses zen-lead (namespaces), "
             "or all at once and filtered (cluster), for clusters in which nearly every namespace "
             "uses it. "
             "auto takes cluster when more than 500 namespaces do at the program's start."},
    {.name = "watch-silence-seconds",
     .variable = "ZEN_LEAD_WATCH_SILENCE_SECONDS",
     .type = ZL_OPTION_I64,
     .default_value = "90",
     .min = 5,
     .max = 3600,
     .offset = FIELD(watch_silence_s),
     .value_name = "SECONDS",
     .help =
         "A watch on which nothing came for so long, and up to a third more, is resumed on another "
         "connection: so late is what a hung API server, or a proxy that lost it, keeps from us. "
         "API servers send a bookmark each minute; less than that resumes quiet watches, too."},
    {.name = "namespaces",
     .variable = "WATCH_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(namespaces),
     .value_name = "NAME,...",
     .help = "Look at these namespaces alone, with rights in them and none in the cluster."},
    {.name = "log-level",
     .variable = "ZEN_LEAD_LOG_LEVEL",
     .type = ZL_OPTION_CHOICE,
     .default_value = "info",
     .choices = "debug|info|warn|error",
     .offset = FIELD(log_level),
     .help = "Least severe log line that is written to standard error."},
    {.name = NULL},
};

static const struct zl_metric *const *const METRICS[] = {
    ZL_DAEMON_METRICS,      ZL_PROCESS_METRICS,
    ZL_KUBE_CLIENT_METRICS, ZL_RETRY_METRICS,
    ZL_INFORMER_METRICS,    ZL_CACHE_METRICS,
    ZL_HTTP_METRICS,        ZL_KEY_METRICS,
    ZL_REVIEW_DOOR_METRICS, ZL_BAD_REVIEW_METRICS,
    ZL_GATEKEEPER_METRICS,  ZL_CLAIM_METRICS,
    ZL_VALIDATOR_METRICS,   NULL};

static const struct zl_program PROGRAM = {
    .name = "zen-lead-webhook",
    .summary =
        "Validating admission webhook of zen-lead. For each pod that a Deployment or "
        "StatefulSet of a pool creates it answers whether that pod may be the leader, for each "
        "pod of a Job whether it is its turn; the API server refuses the others. Run any number "
        "of replicas: a compare-and-swap on the pool's Lease decides between them.",
    .options = OPTIONS,
    .epilogue = "Signals: SIGTERM and SIGINT drain and exit 0; a second one exits at once.\n"
                "Exit codes: 0 stopped as asked, 1 failed (the last log line says why), 2 usage.\n",
};

/* What remembers more of the cache's objects than what they are now. */
struct observers {
    struct zl_claims claims;
    struct zl_owners *owners;
};

static void cache_changed(void *ctx, enum zl_cached kind, const void *old_object,
                          const void *new_object)
{
    const struct observers *observers = ctx;
    zl_claims_see(&observers->claims, kind, old_object, new_object);
    if (zl_kind_cached(kind) != NULL && new_object == NULL) {
        zl_owners_note_lost(observers->owners, zl_kind_cached(kind), old_object);
    }
}

static void wait_and_drain(const struct zl_webhook_config *config, struct zl_webhook_server *server)
{
    zl_process_wait_for_signal();
    ZL_LOG_INFO("shutting down", ZL_I64("delaySeconds", config->shutdown_delay_s));
    zl_webhook_server_leave(server);
    zl_process_linger(config->shutdown_delay_s * 1000);
    zl_webhook_server_stop(server, config->drain_timeout_s * 1000);
}

static enum zl_status serve(void *ctx, struct zl_kube_client *client,
                            const struct zl_kube_config *kube, struct zl_error *err)
{
    const struct zl_webhook_config *config = ctx;
    struct observers observers = {.claims = {.clock = zl_claim_clock_new(), .vacancies = true}};
    (void)kube;
    const struct zl_cache_options cache_options = {.watch = zl_watch_named(config->watch),
                                                   .namespaces = config->namespaces,
                                                   .on_change = cache_changed,
                                                   .ctx = &observers};
    struct zl_cache *cache = zl_cache_new(client, &cache_options);
    observers.claims.cache = cache;
    observers.owners = zl_owners_new(client, cache);
    struct zl_webhook_server *server = NULL;
    const struct zl_gatekeeper gatekeeper = {
        .client = client,
        .cache = cache,
        .owners = observers.owners,
        .clock = observers.claims.clock,
        .deadline_ms = config->deadline_ms,
        .claim_timeout_ms = config->claim_timeout_s * 1000,
        .allow_on_api_error = strcmp(config->on_api_error, "allow") == 0,
        .fleets = config->fleet,
    };
    /* Before the first review can come: a cache that was not started has nothing to wait for. */
    zl_cache_start_pools(cache);
    enum zl_status status = zl_webhook_server_start(config, &gatekeeper, &server, err);
    if (status == ZL_OK) {
        wait_and_drain(config, server);
    }
    zl_cache_free(cache);
    zl_owners_free(observers.owners);
    zl_claim_clock_free(observers.claims.clock);
    return status;
}

int main(int argc, char **argv)
{
    struct zl_webhook_config config;
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    const struct zl_daemon daemon = {.name = PROGRAM.name,
                                     .kubeconfig = config.kubeconfig,
                                     .log_level = config.log_level,
                                     .watch_silence_s = config.watch_silence_s,
                                     .metrics = METRICS,
                                     .run = serve,
                                     .ctx = &config};
    zl_json_have_arenas();
    return zl_daemon_main(&daemon);
}
