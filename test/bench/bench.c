/* SPDX-License-Identifier: Apache-2.0 */
#include "test/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct zl_kube_resource SLICES_V1 = {"discovery.k8s.io", "v1", "endpointslices",
                                                  "EndpointSlice", false};
static const struct zl_kube_resource SLICES_V1BETA1 = {"discovery.k8s.io", "v1beta1",
                                                       "endpointslices", "EndpointSlice", false};

enum zl_status zl_bench_connect(const char *kubeconfig, struct zl_kube_client **out,
                                struct zl_error *err)
{
    struct zl_kube_config config = {0};
    enum zl_status status = zl_kube_config_load(kubeconfig, NULL, &config, err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&config, "zl-bench/" ZL_VERSION, out, err);
        zl_kube_config_clear(&config);
    }
    return status;
}

const struct zl_kube_resource *zl_bench_slices(struct zl_kube_client *client)
{
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    struct zl_error err = {0};
    if (zl_kube_get_path(client, "/apis/discovery.k8s.io/v1", &answer, &err) == ZL_OK) {
        return &SLICES_V1;
    }
    return &SLICES_V1BETA1;
}

bool zl_bench_pod_serves(const struct cJSON *pod)
{
    if (zl_json_text(pod, "metadata", "deletionTimestamp", NULL) != NULL ||
        !zl_same_string(zl_json_text(pod, "status", "phase", NULL), "Running")) {
        return false;
    }
    const struct cJSON *conditions = zl_json_at(pod, "status", "conditions", NULL);
    for (const struct cJSON *c = zl_json_first(conditions); c != NULL; c = zl_json_next(c)) {
        if (zl_same_string(zl_json_text(c, "type", NULL), "Ready")) {
            return zl_same_string(zl_json_text(c, "status", NULL), "True");
        }
    }
    return false;
}

int64_t zl_bench_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void zl_bench_sleep_until(int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / 1000000,
                                   .tv_nsec = until_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        ;
    }
}

int zl_bench_dial(int64_t port)
{
    const int on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static double percentile_ms(const int64_t *sorted, size_t count, size_t percent)
{
    return (double)sorted[(count * percent + 99) / 100 - 1] / 1000.0;
}

struct zl_bench_times zl_bench_sum_up(int64_t *times_us, size_t count)
{
    qsort(times_us, count, sizeof *times_us, by_value);
    return (struct zl_bench_times){.p50_ms = percentile_ms(times_us, count, 50),
                                   .p99_ms = percentile_ms(times_us, count, 99),
                                   .max_ms = percentile_ms(times_us, count, 100)};
}
