/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - zl-kubelet: options, signals, start and stop.
 */
#include "common/base/log.h"
#include "common/base/options.h"
#include "test/kubelet/kubelet.h"

#include <pthread.h>
#include <signal.h>

struct config {
    const char *kubeconfig;
    const char *log_level;
    struct zl_kubelet_options kubelet;
};

static const struct zl_option OPTIONS[] = {
    {"kubeconfig", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, kubeconfig),
     "FILE", "The cluster to serve. Default: as kubectl finds it."},
    {"nodes", NULL, ZL_OPTION_I64, "1", 1, 1000, NULL, offsetof(struct config, kubelet.nodes),
     "COUNT", "How many nodes to play."},
    {"max-grace-ms", NULL, ZL_OPTION_I64, "200", 0, 600000, NULL,
     offsetof(struct config, kubelet.max_grace_ms), "MS",
     "A deleted pod ends after this time, or after its grace period if that is shorter."},
    {"log-level", NULL, ZL_OPTION_CHOICE, "info", 0, 0, "debug|info|warn|error",
     offsetof(struct config, log_level), "LEVEL", "Lines below this level are dropped."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-kubelet",
    .summary = "Plays scheduler and kubelet for every pod of a control plane that has no machines: "
               "for tests "
               "and the demo. Never run it against a real cluster.",
    .options = OPTIONS,
    .epilogue =
        "Annotations on a pod steer it: zl-test/ready-after-ms, zl-test/ready, "
        "zl-test/fail-after-ms,\n"
        "zl-test/succeed-after-ms, zl-test/terminate-after-ms, zl-test/stuck, zl-test/node (see "
        "test/kubelet/pod.h).\n",
};

static int fail(const struct zl_error *err)
{
    ZL_LOG_ERROR("cannot start", ZL_ERR(err));
    return 1;
}

static int run(const struct config *config, const sigset_t *signals)
{
    struct zl_error err = {0};
    struct zl_kube_config where = {0};
    if (zl_kube_config_load(config->kubeconfig, NULL, &where, &err) != ZL_OK) {
        return fail(&err);
    }
    struct zl_kube_client *client = NULL;
    enum zl_status status = zl_kube_client_new(&where, "zl-kubelet/" ZL_VERSION, &client, &err);
    zl_kube_config_clear(&where);
    if (status != ZL_OK) {
        return fail(&err);
    }
    struct zl_kubelet *kubelet = NULL;
    if (zl_kubelet_start(client, &config->kubelet, &kubelet, &err) != ZL_OK) {
        zl_kube_client_free(client);
        return fail(&err);
    }
    ZL_LOG_INFO("playing kubelet", ZL_I64("nodes", config->kubelet.nodes));
    int signal_number = 0;
    sigwait(signals, &signal_number);
    zl_kubelet_stop(kubelet);
    zl_kube_client_free(client);
    return 0;
}

int main(int argc, char **argv)
{
    struct config config = {0};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    enum zl_log_level level = ZL_LOG_LEVEL_INFO;
    if (zl_log_level_parse(config.log_level, &level)) {
        zl_log_set_level(level);
    }

    /* Blocked before the first thread exists: only sigwait below sees them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    zl_kube_init();
    int code = run(&config, &signals);
    zl_kube_cleanup();
    return code;
}
