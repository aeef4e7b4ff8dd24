/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_metrics.h - process_*: what this process takes, under the names that Prometheus' client libraries share.
 *
 * Threads: any.
 */
#ifndef ZL_PROCESS_METRICS_H
#define ZL_PROCESS_METRICS_H

#include "common/base/metrics.h"

#include <stdbool.h>

extern const struct zl_metric *const ZL_PROCESS_METRICS[];

/* Of /proc/PID/stat. */
struct zl_process_stat {
    double cpu_seconds;          /* user and system, of all threads */
    double started_after_boot_s; /* when it began, since the machine's boot */
    double virtual_bytes, resident_bytes;
};

/*
 * The line of /proc/PID/stat as figures; pure. The second field is the program's name, in parentheses, which may hold spaces and
 * parentheses of its own.
 *
 * @param ticks_per_s, page_bytes  sysconf's
 * @return false: the line is none
 */
bool zl_process_stat_parse(const char *line, double ticks_per_s, double page_bytes,
                           struct zl_process_stat *out);

/* Measure anew. What the kernel does not say stays what it was. */
void zl_process_metrics_measure(void);

#endif
