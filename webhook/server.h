/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the webhook's two HTTP servers: reviews over TLS, health and metrics in plain HTTP.
 *
 *   TLS:    POST /validate/<token>   POST /validate-leaderpolicy   POST /warn-workload   GET /healthz   GET /readyz
 *   plain:  GET /healthz   GET /readyz   GET /metrics
 *
 * Reviews of pods may claim a seat, so their path is a secret (review_door.h). The other two answer anybody: what they say
 * follows from what they are sent, and nothing is written. With client_ca_file whatever is posted is heard only of who has such
 * a certificate.
 *
 * Threads: start and stop from main; handlers run on the servers' threads.
 */
#ifndef ZL_WEBHOOK_SERVER_H
#define ZL_WEBHOOK_SERVER_H

#include "webhook/gatekeeper/gatekeeper.h"

#include <stdatomic.h>

struct zl_webhook_config {
    const char *kubeconfig, *namespace_, *listen_address, *cert_file, *key_file;
    const char *client_ca_file, *client_name;
    const char *tls_min_version, *tls_cipher_suites;
    const char *log_level, *on_api_error;
    const char *watch, *namespaces; /* as struct zl_cache_options has them */
    int64_t watch_silence_s;
    int64_t port, metrics_port;
    int64_t deadline_ms, claim_timeout_s;
    bool fleet;
    int64_t connections_max, shutdown_delay_s, drain_timeout_s;
};

struct zl_webhook_server; /* opaque */

/*
 * Reads certificate and key, and follows them from then on; binds both ports. Files that are no good are
 * no failure: /readyz says so until they are. ZL_E_INVALID names port or option, and cure.
 */
enum zl_status zl_webhook_server_start(const struct zl_webhook_config *config,
                                       const struct zl_gatekeeper *gatekeeper,
                                       struct zl_webhook_server **out,
                                       struct zl_error *err) ZL_MUST_CHECK;
/*
 * From now on /readyz says no, so that the Service stops sending reviews here, and each review is the last one on its connection:
 * the API server keeps its connections, and sends the next review on another one.
 */
void zl_webhook_server_leave(struct zl_webhook_server *server);
/* Serve on while anybody asks, and answer what is in flight, at most DRAIN_MS, then close and free. */
void zl_webhook_server_stop(struct zl_webhook_server *server, int64_t drain_ms);

#endif
