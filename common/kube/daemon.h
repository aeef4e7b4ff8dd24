/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - the frame of a long-running program: signals, log level, API server, exit code.
 *
 * Threads: from main, before any other thread.
 */
#ifndef ZL_KUBE_DAEMON_H
#define ZL_KUBE_DAEMON_H

#include "common/base/metrics.h"
#include "common/kube/client.h"

struct zl_daemon {
    const char *name;                              /* "zen-lead-webhook" */
    const char *kubeconfig;                        /* --kubeconfig, or NULL */
    const char *log_level;                         /* --log-level */
    int64_t watch_silence_s;                       /* --watch-silence-seconds */
    const struct zl_metric *const *const *metrics; /* the program's, as zl_metrics_register_all */
    /* Runs until it is asked to stop (common/base/process.h), or fails. */
    enum zl_status (*run)(void *ctx, struct zl_kube_client *client,
                          const struct zl_kube_config *kube, struct zl_error *err);
    void *ctx;
};

extern const struct zl_metric *const ZL_DAEMON_METRICS[];

/* @return the process's exit code: 0 stopped as asked, 1 failed (the reason is logged) */
int zl_daemon_main(const struct zl_daemon *daemon);

#endif
