/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/guard.h"

#include "client/run/limit.h"
#include "client/run/timer.h"
#include "client/run/tree.h"
#include "common/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What was killed is looked for again so often, until there is nothing left. */
#define KILL_AGAIN_MS 5
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

struct guarding {
    struct zl_run_page *page;
    struct zl_cgroup cgroup;
    int socket, signals, timer;
    char **command;
    sigset_t mask; /* the command's */
    pid_t self, child;
    bool started, ended; /* the command's own process */
    bool alone;          /* the supervisor is gone */
    bool killing;
    int64_t again_ms; /* when the limit is judged again */
    struct zl_report report;
};

struct zl_limit zl_run_page_limit(struct zl_run_page *page)
{
    return (struct zl_limit){.deadline_ms = atomic_load(&page->deadline_ms),
                             .grace_ms = page->grace_ms,
                             .kill_ms = atomic_load(&page->kill_ms)};
}

bool zl_run_page_end(struct zl_run_page *page, int64_t kill_ms)
{
    int64_t none = 0;
    return atomic_compare_exchange_strong(&page->kill_ms, &none, kill_ms);
}

/* In the command's process. Of what is still allowed here after fork, all is: the guard has one thread. */
static void become_command(const struct guarding *guard, int64_t token)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, token);
    (void)setenv("ZEN_LEAD_TOKEN", text, 1);
    (void)setsid();
    (void)zl_cgroup_join(&guard->cgroup);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard->self) {
        _exit(EXIT_NOT_EXECUTABLE); /* the guard died before the kernel knew what to do then */
    }
    (void)pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
    (void)execvp(guard->command[0], guard->command);
    const int why = errno;
    (void)fprintf(stderr, "zen-lead: %s: %s\n", guard->command[0], strerror(why));
    (void)fflush(stderr);
    _exit(why == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void kill_all(struct guarding *guard)
{
    guard->killing = true;
    (void)zl_cgroup_kill(&guard->cgroup);
    zl_tree_signal(guard->self, SIGKILL);
}

static bool supervisor_is_gone(const struct guarding *guard)
{
    struct pollfd look = {.fd = guard->socket, .events = POLLIN};
    return guard->alone || (poll(&look, 1, 0) == 1 && (look.revents & POLLHUP) != 0);
}

/* Only inside the limit: this process may have been stopped since the order was sent. */
static void start(struct guarding *guard, int64_t token)
{
    const struct zl_limit limit = zl_run_page_limit(guard->page);
    int64_t next_ms = 0;
    if (guard->started || limit.kill_ms != 0 || supervisor_is_gone(guard) ||
        atomic_load(&guard->page->signalled) != 0 ||
        zl_limit_judge(&limit, zl_clock_boot_ms(), &next_ms) != ZL_LIMIT_WAIT) {
        guard->ended = true;
        return;
    }
    guard->started = true;
    guard->again_ms = next_ms;
    guard->child = fork();
    if (guard->child == 0) {
        become_command(guard, token);
    }
    if (guard->child < 0) {
        (void)fprintf(stderr, "zen-lead: no process for the command: %s\n", strerror(errno));
        guard->report.wait_status = EXIT_NOT_EXECUTABLE << 8;
        guard->ended = true;
    }
}

static void obey(struct guarding *guard)
{
    struct zl_order order;
    const ssize_t got = recv(guard->socket, &order, sizeof order, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got != (ssize_t)sizeof order) {
        guard->alone = true;
        kill_all(guard);
        return;
    }
    switch (order.kind) {
    case ZL_ORDER_START:
        start(guard, order.number);
        break;
    case ZL_ORDER_SIGNAL:
        if (guard->started && !guard->ended) {
            (void)kill(-guard->child, (int)order.number); /* the command leads its group */
            (void)kill(guard->child, (int)order.number);  /* if it did not come to that yet */
        }
        break;
    case ZL_ORDER_KILL:
        guard->ended = guard->ended || !guard->started; /* a start that comes later is refused */
        kill_all(guard);
        break;
    }
}

/* What the command left behind gets its grace too. */
static void end_rest(struct guarding *guard)
{
    guard->again_ms = zl_clock_boot_ms() + guard->page->grace_ms;
    zl_tree_signal(guard->self, SIGTERM);
}

/* true: there is no child left, and so no descendant. */
static bool reap(struct guarding *guard)
{
    bool leaves_rest = false;
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0 || (pid < 0 && errno == EINTR)) {
            if (leaves_rest) {
                end_rest(guard);
            }
            return false;
        }
        if (pid < 0) {
            return true;
        }
        if (pid == guard->child) {
            guard->report.wait_status = status;
            guard->ended = leaves_rest = true;
        }
    }
}

static void watch_limit(struct guarding *guard)
{
    const struct zl_limit limit = zl_run_page_limit(guard->page);
    const int64_t now_ms = zl_clock_boot_ms();
    int64_t next_ms = 0;
    if (guard->killing) {
        kill_all(guard);
        return;
    }
    if (!guard->started) {
        return;
    }
    const enum zl_limit_action action = zl_limit_judge(&limit, now_ms, &next_ms);
    if (action == ZL_LIMIT_KILL) {
        (void)zl_run_page_end(guard->page, now_ms);
    }
    if (action == ZL_LIMIT_KILL || (guard->ended && now_ms >= guard->again_ms)) {
        kill_all(guard);
        return;
    }
    if (action == ZL_LIMIT_TERM && zl_run_page_end(guard->page, limit.deadline_ms)) {
        zl_tree_signal(guard->self, SIGTERM);
    }
    if (!guard->ended) {
        guard->again_ms = next_ms;
    }
}

/* When to look again: -1 when only an event can change anything. */
static int64_t next_look_ms(const struct guarding *guard)
{
    if (guard->killing) {
        return zl_clock_boot_ms() + KILL_AGAIN_MS;
    }
    if (!guard->started) {
        return -1;
    }
    const struct zl_limit limit = zl_run_page_limit(guard->page);
    int64_t next_ms = 0;
    (void)zl_limit_judge(&limit, zl_clock_boot_ms(), &next_ms);
    return guard->ended && guard->again_ms < next_ms ? guard->again_ms : next_ms;
}

static void guard_until_all_is_over(struct guarding *guard)
{
    struct pollfd fds[] = {{.fd = guard->socket, .events = POLLIN},
                           {.fd = guard->signals, .events = POLLIN},
                           {.fd = guard->timer, .events = POLLIN}};
    for (;;) {
        zl_timer_set(guard->timer, next_look_ms(guard));
        fds[0].fd = guard->alone ? -1 : guard->socket;
        (void)poll(fds, 3, -1);
        if ((fds[0].revents & (POLLIN | POLLHUP)) != 0) {
            obey(guard);
        }
        struct signalfd_siginfo drained;
        (void)!read(guard->signals, &drained, sizeof drained);
        zl_timer_drain(guard->timer);
        watch_limit(guard);
        if (reap(guard) && (guard->ended || guard->alone)) {
            return;
        }
    }
}

static void guard_main(struct guarding *guard)
{
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    (void)setsid(); /* Ctrl-Z stops the terminal's group: not this process too */
    (void)prctl(PR_SET_NAME, "zen-lead-guard");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    guard->self = getpid();
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    guard->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    guard->timer = zl_timer_new();
    if (guard->signals < 0 || guard->timer < 0) {
        _exit(
            1); /* without these it could not keep its promise: the supervisor sees that it is gone */
    }
    guard_until_all_is_over(guard);
    guard->report.started = guard->started;
    (void)send(guard->socket, &guard->report, sizeof guard->report, MSG_NOSIGNAL);
    if (guard->alone) {
        zl_cgroup_remove(&guard->cgroup);
    }
    _exit(0);
}

bool zl_guard_fork(char **command, int64_t grace_ms, struct zl_guard *out)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        return false;
    }
    struct zl_run_page *page =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return false;
    }
    page->grace_ms = grace_ms;
    struct guarding guard = {.page = page, .socket = sockets[1], .command = command};
    (void)zl_cgroup_make(&guard.cgroup);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &guard.mask);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)close(sockets[0]);
        guard_main(&guard);
    }
    (void)close(sockets[1]);
    *out =
        (struct zl_guard){.page = page, .cgroup = guard.cgroup, .socket = sockets[0], .pid = pid};
    return pid > 0;
}

bool zl_guard_send(const struct zl_guard *guard, struct zl_order order)
{
    return send(guard->socket, &order, sizeof order, MSG_NOSIGNAL) == (ssize_t)sizeof order;
}
