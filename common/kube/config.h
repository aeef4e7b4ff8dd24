/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - where the API server is and who we are to it.
 *
 * Order, as kubectl and client-go do it: an explicit kubeconfig path; the files of KUBECONFIG
 * (':'-separated, first definition of a name wins, missing files skipped); in-cluster
 * (KUBERNETES_SERVICE_HOST set and the service account's token readable); ~/.kube/config.
 *
 * Threads: pure; a loaded config is read-only.
 */
#ifndef ZL_KUBE_CONFIG_H
#define ZL_KUBE_CONFIG_H

#include "common/base/memory.h"

#include <stdbool.h>
#include <stdint.h>

struct zl_kube_config {
    char *server;          /* "https://[fd00::1]:6443", no slash at the end */
    char *namespace_;      /* the context's or the pod's namespace; "default" when none is named */
    char *ca_pem;          /* trusted CAs; NULL: the system's */
    char *client_cert_pem; /* both or neither */
    char *client_key_pem;
    char *token; /* fixed bearer token, or NULL */
    char *
        token_file; /* re-read when it changes; wins over TOKEN when both are set, as in client-go */
    char *username; /* basic authentication, both or neither */
    char *password;
    char *proxy_url;       /* NULL: the environment's *_PROXY rules of libcurl */
    char *tls_server_name; /* name to verify and send as SNI; NULL: the host of SERVER */
    bool insecure;         /* insecure-skip-tls-verify */
    int64_t
        silence_ms; /* a watch without a word for so long is dead; 0: ZL_SILENCE_MS. No kubeconfig says it */
    char *source; /* where it came from, for the log: "in-cluster", or file names and context */
};

/*
 * @param path         explicit kubeconfig, or NULL
 * @param context      context to use, or NULL for current-context
 * @param out          zeroed by the caller or not: every field is overwritten; zl_kube_config_clear
 * @return ZL_OK; ZL_E_INVALID or ZL_E_NOT_FOUND with file, entry, field and cure in ERR
 */
enum zl_status zl_kube_config_load(const char *path, const char *context,
                                   struct zl_kube_config *out, struct zl_error *err) ZL_MUST_CHECK;

/* The parts, for tests. DIRECTORY is /var/run/secrets/kubernetes.io/serviceaccount in a pod. */
enum zl_status zl_kube_config_in_cluster(const char *directory, const char *host, const char *port,
                                         struct zl_kube_config *out,
                                         struct zl_error *err) ZL_MUST_CHECK;
/* PATHS is a ':'-separated list, as in KUBECONFIG. */
enum zl_status zl_kube_config_from_files(const char *paths, const char *context,
                                         struct zl_kube_config *out,
                                         struct zl_error *err) ZL_MUST_CHECK;

void zl_kube_config_clear(struct zl_kube_config *config);

#endif
