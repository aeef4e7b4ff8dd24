/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor: it holds the Lease, and sees to it that nothing of the command lives when another may have it.
 */
#include "client/run/run.h"

#include "client/cli/exit_codes.h"
#include "client/election/campaign.h"
#include "client/run/guard.h"
#include "client/run/limit.h"
#include "client/run/notify.h"
#include "client/run/timer.h"
#include "client/run/tree.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/kube/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_AGAIN_MS 20
/* --timeout 0s: for one look at the Lease, however long that takes, but no longer. */
#define ONE_LOOK_MS 5000
/* A guard that does not report so long after SIGKILL was due is stopped itself. */
#define GUARD_PATIENCE_MS 1000

static const int END_SIGNALS[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
static const int PASSED_SIGNALS[] = {SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGALRM};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct supervisor {
    const struct zl_run *run;
    struct zl_guard guard;
    struct zl_kube_client *client;
    struct zl_campaign *campaign;
    int wake, signals, timer; /* descriptors */
    int64_t give_up_ms;       /* boot clock; -1: never */
    int64_t watchdog_ms, next_watchdog_ms;
    bool started;
    int64_t killing_ms; /* since when; 0: not yet */
    int exit_code;
    /* From the elector's thread. */
    atomic_bool held, lost, taken; /* TAKEN: another was seen to hold it */
    _Atomic int64_t token;
};

static void on_held(void *ctx, int64_t boot_ms, int64_t token)
{
    struct supervisor *all = ctx;
    atomic_store(&all->guard.page->deadline_ms, boot_ms + all->run->renew_ms);
    atomic_store(&all->token, token);
    if (!atomic_exchange(&all->held, true)) {
        (void)eventfd_write(all->wake, 1);
    }
}

static void on_lost(void *ctx)
{
    struct supervisor *all = ctx;
    atomic_store(&all->lost, true);
    (void)eventfd_write(all->wake, 1);
}

static void on_observed(void *ctx, const char *holder)
{
    struct supervisor *all = ctx;
    if (*holder != '\0' && strcmp(holder, all->run->identity) != 0) {
        atomic_store(&all->taken, true);
        (void)eventfd_write(all->wake, 1);
    }
}

static void say(const struct supervisor *all, const char *text)
{
    (void)fprintf(stderr, "%s: Lease %s/%s: %s\n", all->run->name, all->run->namespace_,
                  all->run->lease, text);
}

static bool is_among(int number, const int *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == number) {
            return true;
        }
    }
    return false;
}

static void begin_kill(struct supervisor *all)
{
    if (all->killing_ms == 0) {
        all->killing_ms = zl_clock_boot_ms();
        (void)zl_run_page_end(all->guard.page, all->killing_ms);
        (void)zl_guard_send(&all->guard, (struct zl_order){.kind = ZL_ORDER_KILL});
    }
}

/* The guard does the same, unless it was stopped: then it goes too, and what is left becomes ours. */
static void kill_on(struct supervisor *all)
{
    (void)zl_cgroup_kill(&all->guard.cgroup);
    zl_tree_signal(all->guard.pid, SIGKILL);
    if (zl_clock_boot_ms() - all->killing_ms >= GUARD_PATIENCE_MS) {
        (void)kill(all->guard.pid, SIGKILL);
    }
}

static void await_end(pid_t pid, int most_ms)
{
    const struct timespec pause = {.tv_nsec = 500000};
    for (int i = 0; i < 2 * most_ms && waitpid(pid, NULL, WNOHANG) == 0; i++) {
        (void)nanosleep(&pause, NULL);
    }
}

/*
 * The guard is gone, or about to go: nothing of the command may outlive it. What it leaves is ours once it has ended; mostly
 * that is nothing, and who waits for the Lease does not wait for a walk through all processes.
 */
static void end_guard(const struct zl_guard *guard)
{
    const struct timespec pause = {.tv_nsec = KILL_AGAIN_MS * 1000000L};
    (void)kill(guard->pid, SIGKILL); /* somebody may have stopped it */
    await_end(guard->pid, KILL_AGAIN_MS);
    for (;;) {
        pid_t pid = 0;
        do {
            pid = waitpid(-1, NULL, WNOHANG);
        } while (pid > 0 || (pid < 0 && errno == EINTR));
        if (pid < 0) {
            return;
        }
        (void)zl_cgroup_kill(&guard->cgroup);
        zl_tree_signal(getpid(), SIGKILL);
        (void)nanosleep(&pause, NULL);
    }
}

static int code_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? ZL_EXIT_SIGNAL + WTERMSIG(wait_status)
                                    : WEXITSTATUS(wait_status);
}

/* What the guard has to say, or that it is gone. true: all is over. */
static bool hear_guard(struct supervisor *all)
{
    struct zl_report report;
    const ssize_t got = recv(all->guard.socket, &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    const int signalled = atomic_load(&all->guard.page->signalled);
    end_guard(&all->guard);
    all->guard.pid = -1;
    if (got != (ssize_t)sizeof report) {
        say(all, all->killing_ms != 0 ? "lost; the command was killed"
                                      : "the guard process died; nothing of the command is left");
        all->exit_code = ZL_EXIT_LOST;
    } else if (atomic_load(&all->guard.page->kill_ms) != 0) {
        say(all, "lost; the command was ended");
        all->exit_code = ZL_EXIT_LOST;
    } else if (report.started) {
        all->exit_code = code_of(report.wait_status);
    } else {
        all->exit_code = signalled != 0 ? ZL_EXIT_SIGNAL + signalled : ZL_EXIT_LOST;
    }
    return true;
}

/* true: all is over. */
static bool hear_signals(struct supervisor *all)
{
    struct signalfd_siginfo info;
    while (read(all->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        const int number = (int)info.ssi_signo;
        if (is_among(number, END_SIGNALS, COUNT(END_SIGNALS))) {
            atomic_store(&all->guard.page->signalled, number);
            if (!all->started) {
                all->exit_code = ZL_EXIT_SIGNAL + number;
                return true;
            }
        }
        if (all->started && number != SIGCHLD) {
            (void)zl_guard_send(&all->guard,
                                (struct zl_order){.kind = ZL_ORDER_SIGNAL, .number = number});
        }
    }
    return false;
}

/* true: all is over. */
static bool hear_elector(struct supervisor *all)
{
    eventfd_t ignored = 0;
    (void)eventfd_read(all->wake, &ignored);
    if (atomic_load(&all->lost) && !all->started) { /* this process was stopped for that long */
        say(all, "lost before the command could start");
        all->exit_code = ZL_EXIT_LOST;
        return true;
    }
    if (atomic_load(&all->held) && !all->started && atomic_load(&all->guard.page->signalled) == 0) {
        all->started = true;
        (void)zl_guard_send(&all->guard, (struct zl_order){.kind = ZL_ORDER_START,
                                                           .number = atomic_load(&all->token)});
        ZL_AUTO_FREE char *state =
            zl_asprintf("READY=1\nSTATUS=holds Lease %s/%s, token %" PRId64, all->run->namespace_,
                        all->run->lease, atomic_load(&all->token));
        zl_notify(state);
    }
    if (atomic_load(&all->lost)) {
        begin_kill(all);
    }
    return false;
}

/* true: all is over. */
static bool watch_time(struct supervisor *all)
{
    const int64_t now_ms = zl_clock_boot_ms();
    if (all->watchdog_ms > 0 && now_ms >= all->next_watchdog_ms) {
        all->next_watchdog_ms = now_ms + all->watchdog_ms;
        zl_notify("WATCHDOG=1");
    }
    if (!all->started) {
        all->exit_code = (int)all->run->not_acquired_exit;
        return (all->give_up_ms >= 0 && now_ms >= all->give_up_ms) ||
               (all->run->timeout_ms == 0 && atomic_load(&all->taken));
    }
    if (all->killing_ms != 0) {
        kill_on(all);
        return false;
    }
    const struct zl_limit limit = zl_run_page_limit(all->guard.page);
    int64_t next_ms = 0;
    switch (zl_limit_judge(&limit, now_ms, &next_ms)) {
    case ZL_LIMIT_KILL:
        begin_kill(all);
        break;
    case ZL_LIMIT_TERM:
        if (zl_run_page_end(all->guard.page, limit.deadline_ms)) {
            zl_tree_signal(all->guard.pid, SIGTERM);
        }
        break;
    case ZL_LIMIT_WAIT:
        break;
    }
    return false;
}

static int64_t earlier(int64_t left, int64_t right)
{
    return left < 0 || (right >= 0 && right < left) ? right : left;
}

static int64_t next_look_ms(struct supervisor *all)
{
    const int64_t watchdog_ms = all->watchdog_ms > 0 ? all->next_watchdog_ms : -1;
    if (all->killing_ms != 0) {
        return zl_clock_boot_ms() + KILL_AGAIN_MS;
    }
    if (!all->started) {
        return earlier(all->give_up_ms, watchdog_ms);
    }
    const struct zl_limit limit = zl_run_page_limit(all->guard.page);
    int64_t next_ms = 0;
    (void)zl_limit_judge(&limit, zl_clock_boot_ms(), &next_ms);
    return earlier(next_ms, watchdog_ms);
}

static void supervise(struct supervisor *all)
{
    struct pollfd fds[] = {{.fd = all->guard.socket, .events = POLLIN},
                           {.fd = all->signals, .events = POLLIN},
                           {.fd = all->wake, .events = POLLIN},
                           {.fd = all->timer, .events = POLLIN}};
    for (;;) {
        zl_timer_set(all->timer, next_look_ms(all));
        (void)poll(fds, COUNT(fds), -1);
        zl_timer_drain(all->timer);
        if (fds[0].revents != 0 && hear_guard(all)) {
            return;
        }
        if (hear_signals(all) || hear_elector(all) || watch_time(all)) {
            return;
        }
    }
}

static enum zl_status prepare(struct supervisor *all, struct zl_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < COUNT(END_SIGNALS); i++) {
        sigaddset(&set, END_SIGNALS[i]);
    }
    for (size_t i = 0; i < COUNT(PASSED_SIGNALS); i++) {
        sigaddset(&set, PASSED_SIGNALS[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    all->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    all->timer = zl_timer_new();
    all->watchdog_ms = zl_notify_watchdog_ms();
    all->next_watchdog_ms = zl_clock_boot_ms();
    const int64_t timeout_ms = all->run->timeout_ms;
    all->give_up_ms =
        timeout_ms < 0 ? -1 : zl_clock_boot_ms() + (timeout_ms > 0 ? timeout_ms : ONE_LOOK_MS);
    if (all->signals < 0 || all->wake < 0 || all->timer < 0) {
        return zl_error_set(err, ZL_E_TRANSIENT, "no descriptors: %s", strerror(errno));
    }
    return ZL_OK;
}

/* Until here signals end the process as they always do: nothing has happened yet. */
static enum zl_status connect_to_lease(struct supervisor *all, struct zl_error *err)
{
    enum zl_status status =
        zl_kube_client_new(all->run->kube, "zen-lead/" ZL_VERSION, &all->client, err);
    if (status != ZL_OK) {
        return status;
    }
    status = zl_campaign_check(all->client, all->run->namespace_, all->run->lease, err);
    /* A server that cannot be reached is waited for. */
    return status == ZL_E_INVALID || status == ZL_E_DENIED ? status : ZL_OK;
}

static enum zl_status contend(struct supervisor *all, struct zl_error *err)
{
    const struct zl_campaign_spec spec = {
        .namespace_ = all->run->namespace_,
        .lease = all->run->lease,
        .identity = all->run->identity,
        .lease_ms = all->run->lease_ms,
        .renew_ms = all->run->renew_ms,
        .retry_ms = all->run->retry_ms,
        .held = on_held,
        .lost = on_lost,
        .observed = on_observed,
        .ctx = all,
    };
    ZL_AUTO_FREE char *state =
        zl_asprintf("STATUS=waits for Lease %s/%s", all->run->namespace_, all->run->lease);
    zl_notify(state);
    return zl_campaign_start(all->client, &spec, &all->campaign, err);
}

static int fail(const struct supervisor *all, enum zl_status status, const struct zl_error *err)
{
    say(all, err->message);
    return status == ZL_E_INVALID ? ZL_EXIT_USAGE : ZL_EXIT_UNKNOWN;
}

static void close_all(struct supervisor *all)
{
    (void)close(all->guard.socket); /* a guard that has nothing to guard ends by this */
    if (all->guard.pid > 0) {
        (void)kill(all->guard.pid, SIGCONT); /* somebody may have stopped it */
        (void)waitpid(all->guard.pid, NULL, 0);
    }
    zl_campaign_stop(all->campaign); /* the Lease is given back when nothing of the command lives */
    zl_cgroup_remove(&all->guard.cgroup);
    zl_kube_client_free(all->client);
    zl_kube_cleanup();
    (void)close(all->signals);
    (void)close(all->wake);
    (void)close(all->timer);
}

int zl_run(const struct zl_run *run)
{
    struct supervisor all = {
        .run = run, .guard.cgroup.folder = -1, .signals = -1, .wake = -1, .timer = -1};
    struct zl_error err = {0};
    (void)setenv("ZEN_LEAD_LEASE", run->lease, 1);
    (void)setenv("ZEN_LEAD_IDENTITY", run->identity, 1);
    if (!zl_tree_is_visible() || !zl_guard_fork(run->command, run->grace_ms, &all.guard)) {
        say(&all, "cannot guard a command here: /proc, shared memory and processes are needed");
        return ZL_EXIT_UNKNOWN;
    }
    zl_kube_init();
    enum zl_status status = connect_to_lease(&all, &err);
    if (status == ZL_OK) {
        status = prepare(&all, &err);
    }
    if (status == ZL_OK) {
        status = contend(&all, &err);
    }
    if (status == ZL_OK) {
        supervise(&all);
    } else {
        all.exit_code = fail(&all, status, &err);
    }
    close_all(&all);
    return all.exit_code;
}
