/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `zen-lead elect` and `lock`, the program itself, against a server of one Lease that fails on demand. Whether anything of a
 * command lives is asked of the kernel: every process of it has the fifo open for writing.
 */
#include "test/unit/lease_peer.h"

#include "common/base/memory.h"
#include "common/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define ARGUMENTS_MAX 32
#define PIDS 4
/* What a busy machine may add. */
#define SLACK_MS 15000
#define LEASE_MS 10000
#define QUICK "--lease-duration=10s", "--renew-deadline=3s", "--retry-period=200ms", "--grace=500ms"
/* So long that no deadline comes while the test waits. */
#define LONG "--lease-duration=900s", "--renew-deadline=800s", "--retry-period=200ms"
/* A child in another session that ignores SIGTERM, and a parent that does so too. */
#define STUBBORN                                                                                   \
    "trap '' TERM; exec 9>fifo; setsid sh -c 'trap \"\" TERM; while :; do sleep 0.05; done' & "    \
    "while :; do sleep 0.05; done"

struct scene {
    struct zl_lease_peer *peer;
    char folder[64];
    char program[PATH_MAX];
    int fifo;         /* the reading end */
    pid_t pids[PIDS]; /* those that run; 0: free */
};

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    scene->peer = zl_lease_peer_start();
    (void)snprintf(scene->folder, sizeof scene->folder, "/tmp/zl-elect.XXXXXX");
    char self[PATH_MAX] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    const char *override = getenv("ZL_BIN");
    /* build/test/client/run/test_elect, build/bin/zen-lead */
    (void)snprintf(scene->program, sizeof scene->program, "%s/zen-lead",
                   override != NULL ? override : "");
    if (override == NULL) {
        (void)snprintf(scene->program, sizeof scene->program, "%s/../../../bin/zen-lead",
                       dirname(self));
    }
    assert_non_null(mkdtemp(scene->folder));
    char path[128];
    (void)snprintf(path, sizeof path, "%s/fifo", scene->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    scene->fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(scene->fifo >= 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < PIDS; i++) {
        if (scene->pids[i] > 0) {
            (void)kill(scene->pids[i], SIGKILL);
            (void)waitpid(scene->pids[i], NULL, 0);
        }
    }
    zl_lease_peer_stop(scene->peer);
    (void)close(scene->fifo);
    ZL_AUTO_FREE char *command = zl_asprintf("rm -rf %s", scene->folder);
    const char *const argv[] = {"sh", "-c", command, NULL};
    pid_t pid = 0;
    assert_int_equal(posix_spawnp(&pid, "sh", NULL, NULL, (char **)(uintptr_t)argv, environ), 0);
    (void)waitpid(pid, NULL, 0);
    free(scene);
    return 0;
}

/* "zen-lead ARGUMENTS", in the scene's folder; stderr goes to its file "err". */
static pid_t start(struct scene *scene, const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX] = {scene->program};
    int count = 1;
    for (; arguments[count - 1] != NULL; count++) {
        argv[count] = (char *)(uintptr_t)arguments[count - 1];
    }
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (chdir(scene->folder) != 0) {
            _exit(99);
        }
        const int err = open("err", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        (void)dup2(err, STDERR_FILENO);
        (void)setenv("KUBECONFIG", zl_lease_peer_kubeconfig(scene->peer), 1);
        (void)execv(scene->program, argv);
        _exit(98);
    }
    int slot = 0;
    while (scene->pids[slot] != 0) {
        slot++;
    }
    scene->pids[slot] = pid;
    return pid;
}

static int exit_code(struct scene *scene, pid_t pid)
{
    int status = 0;
    pid_t got = 0;
    AWAIT((got = waitpid(pid, &status, WNOHANG)) != 0);
    assert_int_equal(got, pid);
    for (int i = 0; i < PIDS; i++) {
        if (scene->pids[i] == pid) {
            scene->pids[i] = 0;
        }
    }
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

#define RUN(scene, ...) exit_code(scene, start(scene, (const char *[]){__VA_ARGS__, NULL}))

/* Does any process of a command live? */
static bool is_alive(const struct scene *scene)
{
    char byte;
    return read(scene->fifo, &byte, 1) < 0 && errno == EAGAIN;
}

/* The text of a file of the folder, "" when there is none yet. */
static char *text_of(const struct scene *scene, const char *name)
{
    ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", scene->folder, name);
    char *text = NULL;
    if (zl_file_read(path, &text, NULL, NULL) != ZL_OK) {
        return zl_strdup("");
    }
    return text;
}

static bool says(const struct scene *scene, const char *name, const char *part)
{
    ZL_AUTO_FREE char *text = text_of(scene, name);
    return strstr(text, part) != NULL;
}

static bool exists(const struct scene *scene, const char *name)
{
    ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", scene->folder, name);
    return access(path, F_OK) == 0;
}

static bool holder_is(struct scene *scene, const char *holder)
{
    ZL_AUTO_FREE char *found = zl_lease_peer_holder(scene->peer);
    return strcmp(found, holder) == 0;
}

static pid_t guard_of(pid_t supervisor)
{
    char path[64], text[64] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", supervisor, supervisor);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    (void)close(fd);
    text[strcspn(text, " ")] = '\0';
    int64_t pid = 0;
    assert_int_equal(zl_parse_i64(text, 1, INT32_MAX, &pid, NULL), ZL_OK);
    return (pid_t)pid;
}

static void test_the_command_runs_with_its_token_and_gives_its_code_and_the_lease_back(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write(scene->peer,
                        "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"holderIdentity\":\"\","
                        "\"leaseTransitions\":16}}");
    assert_int_equal(RUN(scene, "elect", "--component=x", "--pod=web-1", QUICK, "--", "sh", "-c",
                         "echo $ZEN_LEAD_TOKEN $ZEN_LEAD_LEASE $ZEN_LEAD_IDENTITY >out; exit 7"),
                     7);
    ZL_AUTO_FREE char *out = text_of(scene, "out");
    assert_true(strncmp(out, "17 x-leader-election web-1_", 27) == 0);
    assert_true(holder_is(scene, ""));
    assert_false(says(scene, "err", "zen-lead"));
}

static void test_codes_are_those_of_a_shell(void **state)
{
    static const struct {
        const char *script;
        int code;
    } rows[] = {
        {"exit 0", 0},
        {"exit 255", 255},
        {"kill -KILL $$", 128 + SIGKILL},
        {"kill -TERM $$", 128 + SIGTERM},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(RUN(scene, "lock", "a", "--", "sh", "-c", rows[i].script), rows[i].code);
    }
    assert_int_equal(RUN(scene, "lock", "a", "--", "./no-such-program"), 127);
    assert_true(says(scene, "err", "./no-such-program: No such file"));
    assert_int_equal(RUN(scene, "lock", "a", "--", "/tmp"), 126);
}

static void test_what_cannot_be_meant_is_refused_before_anything_happens(void **state)
{
    static const struct {
        const char *arguments[8], *says;
    } rows[] = {
        {{"elect", "--", "true"}, "give either --lease or --component"},
        {{"elect", "--lease=a", "--component=b", "--", "true"}, "give either --lease"},
        {{"elect", "--lease=zen-lead-web", "--", "true"}, "belong to zen-lead's pools"},
        {{"elect", "--lease=Big", "--", "true"}, "cannot be a Lease's name"},
        {{"elect", "--lease=a"}, "no command: put it at the end, after --"},
        {{"elect", "--lease=a", "--grace=9s", "--", "true"}, "must be longer than --retry-period"},
        {{"elect", "--lease=a", "--renew-deadline=20s", "--", "true"}, "--lease-duration 15s must"},
        {{"lock", "a", "--timeout=soon", "--", "true"}, "\"soon\" is not a duration"},
        {{"lock", "a", "b", "--", "true"}, "unexpected argument \"b\""},
        {{"lock", "--", "true"}, "something is missing: NAME"},
        {{"reign"}, "there is no verb \"reign\""},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(exit_code(scene, start(scene, rows[i].arguments)), 2);
        assert_true(says(scene, "err", rows[i].says));
    }
    assert_int_equal(zl_lease_peer_calls(scene->peer), 0);
}

static void test_a_lease_of_coordinated_leader_election_is_refused(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write(scene->peer, "{\"spec\":{\"strategy\":\"OldestEmulationVersion\"}}");
    assert_int_equal(RUN(scene, "elect", "--lease=a", "--", "touch", "out"), 2);
    assert_false(exists(scene, "out"));
    assert_true(says(scene, "err", "Coordinated Leader Election"));
}

static void test_a_lock_that_is_held_is_waited_for_as_long_as_was_said(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write(scene->peer, "{\"spec\":{\"holderIdentity\":\"other\"}}");
    assert_int_equal(RUN(scene, "lock", "a", "--timeout=0s", "--", "touch", "out"), 120);
    assert_int_equal(RUN(scene, "lock", "a", "--timeout=300ms", "-E", "7", "--", "touch", "out"),
                     7);
    const pid_t pid = start(scene, (const char *[]){"lock", "a", "--", "sh", "-c", "exit 5", NULL});
    const int calls = zl_lease_peer_calls(scene->peer);
    AWAIT(zl_lease_peer_calls(scene->peer) >= calls + 3); /* it reads, and watches */
    const int64_t released_ms = zl_clock_ms();
    zl_lease_peer_write(scene->peer, "{\"spec\":{\"holderIdentity\":\"\"}}");
    assert_int_equal(exit_code(scene, pid), 5);
    assert_in_range(zl_clock_ms() - released_ms, 0, SLACK_MS);
    assert_false(exists(scene, "out"));
}

static void test_a_signal_while_waiting_ends_it_and_nothing_starts(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write(scene->peer, "{\"spec\":{\"holderIdentity\":\"other\"}}");
    const pid_t pid =
        start(scene, (const char *[]){"elect", "--lease=a", "--", "touch", "out", NULL});
    AWAIT(zl_lease_peer_calls(scene->peer) >= 3);
    (void)kill(pid, SIGTERM);
    const int code = exit_code(scene, pid);
    /* Until its first look at the Lease is over it has no say in what a signal does. */
    assert_true(code == 128 + SIGTERM || code == 1000 + SIGTERM);
    assert_false(exists(scene, "out"));
    assert_true(holder_is(scene, "other"));
}

static void test_a_signal_goes_to_the_command_which_ends_as_it_likes(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = start(
        scene,
        (const char *[]){"elect", "--lease=a", QUICK, "--", "sh", "-c",
                         "trap 'exit 9' TERM; exec 9>fifo; while :; do sleep 0.05; done", NULL});
    AWAIT(is_alive(scene));
    (void)kill(pid, SIGTERM);
    assert_int_equal(exit_code(scene, pid), 9);
    assert_false(is_alive(scene));
    assert_true(holder_is(scene, ""));
}

static void test_what_a_command_leaves_behind_dies_before_the_lease_is_given_back(void **state)
{
    struct scene *scene = *state;
    const pid_t pid =
        start(scene,
              (const char *[]){"elect", "--lease=a", QUICK, "--", "sh", "-c",
                               "exec 9>fifo; setsid sh -c 'trap \"\" TERM; while :; do sleep 0.05; "
                               "done' & sleep 0.2; exit 3",
                               NULL});
    AWAIT(is_alive(scene));
    AWAIT(!is_alive(scene) || holder_is(scene, ""));
    assert_false(is_alive(scene));
    assert_int_equal(exit_code(scene, pid), 3);
    assert_true(holder_is(scene, ""));
}

/* The tree dies within the Lease's duration, by whatever the server does. */
static void test_a_lease_that_cannot_be_renewed_ends_the_command_in_time(void **state)
{
    static const enum zl_mood MOODS[] = {ZL_MOOD_SILENT, ZL_MOOD_FAILING, ZL_MOOD_GONE};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof MOODS / sizeof MOODS[0]; i++) {
        zl_lease_peer_write(scene->peer, NULL);
        const pid_t pid = start(
            scene, (const char *[]){"elect", "--lease=a", QUICK, "--", "sh", "-c", STUBBORN, NULL});
        AWAIT(is_alive(scene));
        const int64_t failing_ms = zl_clock_ms();
        zl_lease_peer_set_mood(scene->peer, MOODS[i]);
        AWAIT(!is_alive(scene));
        assert_in_range(zl_clock_ms() - failing_ms, 0, LEASE_MS);
        assert_int_equal(exit_code(scene, pid), 121);
        zl_lease_peer_set_mood(scene->peer, ZL_MOOD_WELL);
    }
}

static void test_a_lease_that_another_has_taken_ends_the_command_at_once(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = start(
        scene, (const char *[]){"elect", "--lease=a", QUICK, "--", "sh", "-c", STUBBORN, NULL});
    AWAIT(is_alive(scene));
    zl_lease_peer_write(scene->peer, "{\"spec\":{\"holderIdentity\":\"other\"}}");
    AWAIT(!is_alive(scene));
    assert_int_equal(exit_code(scene, pid), 121);
    assert_true(holder_is(scene, "other"));
    assert_true(says(scene, "err", "lost"));
}

static void test_a_stopped_supervisor_loses_its_command_in_time(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = start(
        scene, (const char *[]){"elect", "--lease=a", QUICK, "--", "sh", "-c", STUBBORN, NULL});
    AWAIT(is_alive(scene));
    const int64_t stopped_ms = zl_clock_ms();
    (void)kill(pid, SIGSTOP);
    AWAIT(!is_alive(scene));
    assert_in_range(zl_clock_ms() - stopped_ms, 0, LEASE_MS);
    (void)kill(pid, SIGCONT);
    assert_int_equal(exit_code(scene, pid), 121);
}

static void test_a_killed_supervisor_takes_its_command_along(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = start(
        scene, (const char *[]){"elect", "--lease=a", LONG, "--", "sh", "-c", STUBBORN, NULL});
    AWAIT(is_alive(scene));
    (void)kill(pid, SIGKILL);
    assert_int_equal(exit_code(scene, pid), 1000 + SIGKILL);
    AWAIT(!is_alive(scene));
    assert_false(holder_is(scene, ""));
}

static void test_a_killed_guard_takes_its_command_along_and_the_lease_is_given_back(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = start(
        scene, (const char *[]){"elect", "--lease=a", LONG, "--", "sh", "-c", STUBBORN, NULL});
    AWAIT(is_alive(scene));
    (void)kill(guard_of(pid), SIGKILL);
    AWAIT(!is_alive(scene) || holder_is(scene, ""));
    assert_false(is_alive(scene));
    assert_int_equal(exit_code(scene, pid), 121);
    assert_true(holder_is(scene, ""));
}

static void test_a_stopped_guard_does_not_keep_the_supervisor_from_killing(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = start(
        scene, (const char *[]){"elect", "--lease=a", QUICK, "--", "sh", "-c", STUBBORN, NULL});
    AWAIT(is_alive(scene));
    (void)kill(guard_of(pid), SIGSTOP);
    const int64_t failing_ms = zl_clock_ms();
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_SILENT);
    AWAIT(!is_alive(scene));
    assert_in_range(zl_clock_ms() - failing_ms, 0, LEASE_MS);
    assert_int_equal(exit_code(scene, pid), 121);
}

static void test_without_election_the_command_just_runs(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(
        RUN(scene, "elect", "--lease=a", "--enabled=false", "--", "sh", "-c", "exit 6"), 6);
    assert_int_equal(zl_lease_peer_calls(scene->peer), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_command_runs_with_its_token_and_gives_its_code_and_the_lease_back),
        TEST(test_codes_are_those_of_a_shell),
        TEST(test_what_cannot_be_meant_is_refused_before_anything_happens),
        TEST(test_a_lease_of_coordinated_leader_election_is_refused),
        TEST(test_a_lock_that_is_held_is_waited_for_as_long_as_was_said),
        TEST(test_a_signal_while_waiting_ends_it_and_nothing_starts),
        TEST(test_a_signal_goes_to_the_command_which_ends_as_it_likes),
        TEST(test_what_a_command_leaves_behind_dies_before_the_lease_is_given_back),
        TEST(test_a_lease_that_cannot_be_renewed_ends_the_command_in_time),
        TEST(test_a_lease_that_another_has_taken_ends_the_command_at_once),
        TEST(test_a_stopped_supervisor_loses_its_command_in_time),
        TEST(test_a_killed_supervisor_takes_its_command_along),
        TEST(test_a_killed_guard_takes_its_command_along_and_the_lease_is_given_back),
        TEST(test_a_stopped_guard_does_not_keep_the_supervisor_from_killing),
        TEST(test_without_election_the_command_just_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
