/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/daemon.h"

#include "common/base/commit.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/process.h"

static const struct zl_metric BUILD_INFO = {
    .name = "zen_lead_build_info",
    .type = ZL_METRIC_GAUGE,
    .help = "1, with the program, its version and its commit as labels.",
    .label1 = "program",
    .label2 = "version",
    .label3 = "commit",
};

const struct zl_metric *const ZL_DAEMON_METRICS[] = {&BUILD_INFO, NULL};

static enum zl_status connect_and_run(const struct zl_daemon *daemon, struct zl_error *err)
{
    struct zl_kube_config kube = {0};
    struct zl_kube_client *client = NULL;
    ZL_AUTO_FREE char *user_agent = zl_asprintf("%s/%s", daemon->name, ZL_VERSION);

    enum zl_status status = zl_kube_config_load(daemon->kubeconfig, NULL, &kube, err);
    if (status == ZL_OK) {
        kube.silence_ms = daemon->watch_silence_s * 1000;
        status = zl_kube_client_new(&kube, user_agent, &client, err);
    }
    if (status == ZL_OK) {
        ZL_LOG_INFO("using API server", ZL_STR("server", kube.server),
                    ZL_STR("source", kube.source));
        status = daemon->run(daemon->ctx, client, &kube, err);
    }
    zl_kube_client_free(client);
    zl_kube_config_clear(&kube);
    return status;
}

int zl_daemon_main(const struct zl_daemon *daemon)
{
    struct zl_error err = {0};
    enum zl_log_level level = ZL_LOG_LEVEL_INFO;
    if (zl_log_level_parse(daemon->log_level, &level)) {
        zl_log_set_level(level);
    }
    zl_memory_tune();
    zl_process_init();
    zl_kube_init();
    zl_metrics_register_all(daemon->metrics);
    struct zl_samples *build = zl_samples_new();
    zl_samples_add(build, daemon->name, ZL_VERSION, zl_commit, 1);
    zl_metric_replace(&BUILD_INFO, build);
    ZL_LOG_INFO("starting", ZL_STR("program", daemon->name), ZL_STR("version", ZL_VERSION),
                ZL_STR("commit", zl_commit));
    enum zl_status status = connect_and_run(daemon, &err);
    if (status != ZL_OK) {
        ZL_LOG_ERROR("cannot run", ZL_ERR(&err));
    }
    zl_kube_cleanup();
    return status == ZL_OK ? 0 : 1;
}
