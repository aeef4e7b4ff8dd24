/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const struct zl_metric CPU = {
    .name = "process_cpu_seconds_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Processor time, of user and system, in seconds.",
};
static const struct zl_metric RESIDENT = {
    .name = "process_resident_memory_bytes",
    .type = ZL_METRIC_GAUGE,
    .help = "Memory that is resident.",
};
static const struct zl_metric VIRTUAL = {
    .name = "process_virtual_memory_bytes",
    .type = ZL_METRIC_GAUGE,
    .help = "Address space that is in use.",
};
static const struct zl_metric START = {
    .name = "process_start_time_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "When the process started, in seconds since 1970.",
};
static const struct zl_metric OPEN_FDS = {
    .name = "process_open_fds",
    .type = ZL_METRIC_GAUGE,
    .help = "File descriptors that are open.",
};
static const struct zl_metric MAX_FDS = {
    .name = "process_max_fds",
    .type = ZL_METRIC_GAUGE,
    .help = "As many may be.",
};

const struct zl_metric *const ZL_PROCESS_METRICS[] = {&CPU,      &RESIDENT, &VIRTUAL, &START,
                                                      &OPEN_FDS, &MAX_FDS,  NULL};

/* Fields of /proc/PID/stat by the numbers of proc(5); the third is the first behind the name. */
enum {
    FIELD_AFTER_NAME = 3,
    FIELD_UTIME = 14,
    FIELD_STIME = 15,
    FIELD_START = 22,
    FIELD_VSIZE = 23,
    FIELD_RSS = 24,
    LINE_MAX_BYTES = 1024
};

bool zl_process_stat_parse(const char *line, double ticks_per_s, double page_bytes,
                           struct zl_process_stat *out)
{
    double fields[FIELD_RSS + 1] = {0};
    const char *at = strrchr(line, ')');
    int field = FIELD_AFTER_NAME;
    if (at == NULL || at[1] != ' ' || at[2] == '\0') {
        return false;
    }
    at += 3; /* the state, one letter */
    for (field++; field <= FIELD_RSS; field++) {
        char *end = NULL;
        fields[field] = strtod(at, &end);
        if (end == at) {
            return false;
        }
        at = end;
    }
    *out = (struct zl_process_stat){.cpu_seconds =
                                        (fields[FIELD_UTIME] + fields[FIELD_STIME]) / ticks_per_s,
                                    .started_after_boot_s = fields[FIELD_START] / ticks_per_s,
                                    .virtual_bytes = fields[FIELD_VSIZE],
                                    .resident_bytes = fields[FIELD_RSS] * page_bytes};
    return true;
}

static bool read_stat(struct zl_process_stat *out)
{
    char line[LINE_MAX_BYTES];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    return read && zl_process_stat_parse(line, (double)sysconf(_SC_CLK_TCK),
                                         (double)sysconf(_SC_PAGESIZE), out);
}

/* Seconds since 1970 of the machine's boot, by what both clocks say now. */
static double boot_time(void)
{
    struct timespec wall = {0};
    struct timespec boot = {0};
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    return (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
}

/* Not the one that the look itself opens. */
static void measure_descriptors(void)
{
    double count = 0;
    struct rlimit limit;
    DIR *directory = opendir("/proc/self/fd");
    if (directory != NULL) {
        for (const struct dirent *entry = readdir(directory); entry != NULL;
             entry = readdir(directory)) {
            count += entry->d_name[0] != '.';
        }
        (void)closedir(directory);
        zl_metric_set(&OPEN_FDS, NULL, NULL, count - 1);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        zl_metric_set(&MAX_FDS, NULL, NULL, (double)limit.rlim_cur);
    }
}

void zl_process_metrics_measure(void)
{
    struct zl_process_stat stat;
    if (read_stat(&stat)) {
        zl_metric_set(&CPU, NULL, NULL, stat.cpu_seconds);
        zl_metric_set(&RESIDENT, NULL, NULL, stat.resident_bytes);
        zl_metric_set(&VIRTUAL, NULL, NULL, stat.virtual_bytes);
        /* A step of the wall clock is no new start: changes() of this is how restarts are counted. */
        if (zl_metric_value(&START, NULL, NULL) == 0) {
            zl_metric_set(&START, NULL, NULL, boot_time() + stat.started_after_boot_s);
        }
    }
    measure_descriptors();
}
