/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/process_metrics.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct row {
    const char *line;
    bool parsed;
    double cpu, start, virtual_bytes, resident;
} ROWS[] = {
    {"7 (zen-lead) S 1 7 7 0 -1 4194560 900 0 3 0 250 50 0 0 20 0 9 0 1234 104857600 2560 "
     "1844674\n",
     true, 3, 12.34, 104857600, 2560 * 4096.0},
    /* A name with all that could be taken for the end of it. */
    {"7 (a) S 1 (b) x) S 1 7 7 0 -1 0 0 0 0 0 100 0 0 0 20 0 1 0 100 1 1 0", true, 1, 1, 1, 4096},
    {"7 (a) S 1 7 7 0 -1 0 0 0 0 0 100 0 0 0 20 0 1 0 100 1", false, 0, 0, 0, 0},
    {"7 (a) S 1 7 7 0 -1 0 0 0 0 0 x 0 0 0 20 0 1 0 100 1 1", false, 0, 0, 0, 0},
    {"7 (a)", false, 0, 0, 0, 0},
    {"", false, 0, 0, 0, 0},
};

static void test_process_stat_is_read_behind_the_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_process_stat stat = {0};
        bool parsed = zl_process_stat_parse(ROWS[i].line, 100, 4096, &stat);
        if (parsed != ROWS[i].parsed || stat.cpu_seconds != ROWS[i].cpu ||
            stat.started_after_boot_s != ROWS[i].start ||
            stat.virtual_bytes != ROWS[i].virtual_bytes ||
            stat.resident_bytes != ROWS[i].resident) {
            fail_msg("row %zu: %d %g %g %g %g", i, parsed, stat.cpu_seconds,
                     stat.started_after_boot_s, stat.virtual_bytes, stat.resident_bytes);
        }
    }
}

static double value(const char *name)
{
    for (size_t i = 0; ZL_PROCESS_METRICS[i] != NULL; i++) {
        if (strcmp(ZL_PROCESS_METRICS[i]->name, name) == 0) {
            return zl_metric_value(ZL_PROCESS_METRICS[i], NULL, NULL);
        }
    }
    fail_msg("no metric %s", name);
    return 0;
}

static void test_process_metrics_are_of_this_process(void **state)
{
    (void)state;
    double now = (double)time(NULL);
    zl_process_metrics_measure();
    double fds = value("process_open_fds");
    double start = value("process_start_time_seconds");
    assert_true(fds >= 3 && fds <= value("process_max_fds"));
    assert_true(value("process_resident_memory_bytes") > 100000);
    assert_true(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
    assert_true(start <= now + 1 && start > now - 600);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    zl_process_metrics_measure();
    assert_true(value("process_open_fds") == fds + 1);
    assert_true(value("process_start_time_seconds") == start); /* no restart */
    (void)close(fd);
    zl_metrics_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_stat_is_read_behind_the_name),
        cmocka_unit_test(test_process_metrics_are_of_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
