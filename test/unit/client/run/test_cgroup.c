/* SPDX-License-Identifier: Apache-2.0 */
/* Where a process' cgroup is, and on a machine where it is delegated to the tests: that one write kills all that is in one. */
#include "client/run/cgroup.h"

#include "common/base/clock.h"
#include "common/base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define V1 "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"

static void test_where_it_is(void **state)
{
    static const struct {
        const char *mounts, *groups, *path; /* NULL: nowhere */
    } rows[] = {
        {V1 "40 30 0:37 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
         "0::/system.slice/a.service\n", "/sys/fs/cgroup/system.slice/a.service"},
        {V1 "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", "9:cpu:/x\n0::/\n",
         "/sys/fs/cgroup/unified"},
        /* a container without a namespace of its own shows its part of the tree */
        {"40 30 0:37 /pods/p /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/pods/p/c\n",
         "/sys/fs/cgroup/c"},
        {"40 30 0:37 /pods/p /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/pods/p\n",
         "/sys/fs/cgroup"},
        {"40 30 0:37 /pods/p /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/pods/pp\n", NULL},
        {"40 30 0:37 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "9:cpu:/x\n", NULL},
        {V1, "0::/a\n", NULL},
        {"", "", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[512] = "";
        const bool found = zl_cgroup_locate(rows[i].mounts, rows[i].groups, path, sizeof path);
        if (found != (rows[i].path != NULL) || (found && strcmp(path, rows[i].path) != 0)) {
            fail_msg("row %zu: %s", i, path);
        }
    }
}

static void test_a_path_that_is_too_long_is_none(void **state)
{
    char path[8] = "";
    (void)state;
    assert_false(zl_cgroup_locate("40 30 0:37 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                                  "0::/system.slice\n", path, sizeof path));
}

/* A child in CGROUP, and a grandchild in a session of its own that has lost its parent; both keep FD open. */
static void start_family(const struct zl_cgroup *cgroup)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) {
        return;
    }
    if (!zl_cgroup_join(cgroup)) {
        _exit(1);
    }
    if (fork() == 0 && fork() == 0) {
        (void)setsid();
    }
    for (;;) {
        (void)pause();
    }
}

static void test_one_write_kills_all_that_is_in_it(void **state)
{
    struct zl_cgroup cgroup;
    struct stat found;
    int ends[2];
    char byte;
    (void)state;
    if (!zl_cgroup_make(&cgroup)) {
        assert_false(zl_cgroup_kill(&cgroup)); /* and is harmless */
        assert_false(zl_cgroup_join(&cgroup));
        zl_cgroup_remove(&cgroup);
        skip(); /* no cgroup of this process is delegated to it */
    }
    ZL_AUTO_FREE char *path = zl_strdup(cgroup.path);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    start_family(&cgroup);
    (void)close(ends[1]);
    ZL_AUTO_FREE char *list = zl_asprintf("%s/cgroup.procs", path);
    int lines = 0;
    for (int64_t until_ms = zl_clock_ms() + AWAIT_LIMIT_MS;
         lines < 3 && zl_clock_ms() < until_ms;) {
        char text[256];
        const int fd = open(list, O_RDONLY | O_CLOEXEC);
        const ssize_t got = read(fd, text, sizeof text);
        (void)close(fd);
        lines = 0;
        for (ssize_t i = 0; i < got; i++) {
            lines += text[i] == '\n';
        }
    }
    assert_int_equal(lines, 3);
    assert_true(read(ends[0], &byte, 1) < 0); /* they live */
    assert_true(zl_cgroup_kill(&cgroup));
    AWAIT(read(ends[0], &byte, 1) == 0);
    while (wait(NULL) > 0) {
        ;
    }
    zl_cgroup_remove(&cgroup);
    assert_int_not_equal(stat(path, &found), 0);
    assert_int_equal(cgroup.folder, -1);
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_is),
        cmocka_unit_test(test_a_path_that_is_too_long_is_none),
        cmocka_unit_test(test_one_write_kills_all_that_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
