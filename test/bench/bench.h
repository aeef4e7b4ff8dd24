/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the programs of the benchmarks share.
 *
 * zl-limit is the least that any program can do: wait for the pod's watch event, PUT one EndpointSlice.
 * zl-bench makes leaders fail and looks, through watches of its own and on one clock, how long after the pod's event
 * the new revision of each contender's EndpointSlice arrives.
 */
#ifndef ZL_BENCH_H
#define ZL_BENCH_H

#include "common/kube/client.h"

#include <stdbool.h>

/* The Service name that zl-limit's slice carries. */
#define ZL_BENCH_LIMIT "bench-limit"

enum zl_status zl_bench_connect(const char *kubeconfig, struct zl_kube_client **out,
                                struct zl_error *err) ZL_MUST_CHECK;

/* discovery.k8s.io/v1, or v1beta1 before 1.21. */
const struct zl_kube_resource *zl_bench_slices(struct zl_kube_client *client);

/* Could traffic be sent to it: Running, Ready, not Terminating? */
bool zl_bench_pod_serves(const struct cJSON *pod);

/* Microseconds of CLOCK_MONOTONIC. */
int64_t zl_bench_now_us(void);
/* Until then; at once when it is past. */
void zl_bench_sleep_until(int64_t until_us);

/* A connection to PORT of 127.0.0.1, without Nagle's delay; -1: nobody listens there. The caller closes. */
int zl_bench_dial(int64_t port);

/* What COUNT times, one or more, come to; percentiles by nearest rank. Sorts TIMES_US. */
struct zl_bench_times {
    double p50_ms, p99_ms, max_ms;
};
struct zl_bench_times zl_bench_sum_up(int64_t *times_us, size_t count);

#endif
