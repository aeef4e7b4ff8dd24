/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - zl-clock.so, to be preloaded: a program's clocks go RATE times as fast, and its wall clock is wrong by so much.
 *
 * ZL_CLOCK="RATE MONO0_NS WALL0_NS OFFSET_S": at CLOCK_MONOTONIC MONO0_NS all its clocks are what they are, its wall clock
 * WALL0_NS + OFFSET_S; from then on a second of it lasts 1/RATE s. Programs with the same first three numbers agree on time but
 * for their offsets. Waits are shortened alike. So what takes a fleet minutes takes a test seconds, with the programs as
 * they are shipped. The kernel's own timers (TCP) and other programs keep the true time.
 *
 * Threads: any; nothing is kept but what the environment says.
 */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define EXPORTED __attribute__((visibility("default")))

static struct {
    int64_t rate, mono0_ns, wall0_ns, offset_s;
} settings = {.rate = 1};
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_poll)(struct pollfd *, nfds_t, int);
static int (*real_epoll_wait)(int, struct epoll_event *, int, int);
static int (*real_nanosleep)(const struct timespec *, struct timespec *);
static int (*real_sigtimedwait)(const sigset_t *, siginfo_t *, const struct timespec *);

static int64_t to_ns(const struct timespec *time_)
{
    return time_->tv_sec * NS_PER_S + time_->tv_nsec;
}

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

static void find(void *pointer, const char *name, const char *version)
{
    void *found = version != NULL ? dlvsym(RTLD_NEXT, name, version) : dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        fprintf(stderr, "zl-clock: no %s\n", name);
        abort();
    }
    *(void **)pointer = found;
}

/* Other libraries' constructors ask for the time before ours has run. */
__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("ZL_CLOCK");
    if (real_sigtimedwait != NULL) {
        return;
    }
    find(&real_gettime, "clock_gettime", NULL);
    find(&real_timedwait, "pthread_cond_timedwait", "GLIBC_2.3.2"); /* dlsym finds an older one */
    find(&real_poll, "poll", NULL);
    find(&real_epoll_wait, "epoll_wait", NULL);
    find(&real_nanosleep, "nanosleep", NULL);
    find(&real_sigtimedwait, "sigtimedwait", NULL);
    if (text != NULL && (sscanf(text, "%ld %ld %ld %ld", &settings.rate, &settings.mono0_ns,
                                &settings.wall0_ns, &settings.offset_s) != 4 ||
                         settings.rate < 1)) {
        fprintf(stderr, "zl-clock: ZL_CLOCK=\"%s\" cannot be read\n", text);
        abort();
    }
}

/* How long it is since the beginning, as this program sees it. */
static int64_t gone_by_ns(void)
{
    struct timespec now = {0};
    start();
    (void)real_gettime(CLOCK_MONOTONIC, &now);
    return (to_ns(&now) - settings.mono0_ns) * settings.rate;
}

static int64_t wall_ns(void)
{
    return settings.wall0_ns + gone_by_ns() + settings.offset_s * NS_PER_S;
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *out)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *out = to_timespec(wall_ns());
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *out = to_timespec(settings.mono0_ns + gone_by_ns());
        return 0;
    default:
        start();
        return real_gettime(clock, out);
    }
}

EXPORTED time_t time(time_t *out)
{
    time_t now = wall_ns() / NS_PER_S;
    if (out != NULL) {
        *out = now;
    }
    return now;
}

EXPORTED int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    int64_t now = wall_ns();
    (void)zone;
    *out = (struct timeval){.tv_sec = now / NS_PER_S, .tv_usec = now % NS_PER_S / 1000};
    return 0;
}

/* UNTIL is of CLOCK_MONOTONIC, as with all conditions here. */
EXPORTED int pthread_cond_timedwait(pthread_cond_t *restrict condition,
                                    pthread_mutex_t *restrict mutex,
                                    const struct timespec *restrict until)
{
    start();
    int64_t gone_ns = (to_ns(until) - settings.mono0_ns) / settings.rate;
    const struct timespec truly = to_timespec(settings.mono0_ns + gone_ns);
    return real_timedwait(condition, mutex, &truly);
}

static int shorter_ms(int timeout_ms)
{
    return timeout_ms > 0 ? (int)((timeout_ms + settings.rate - 1) / settings.rate) : timeout_ms;
}

EXPORTED int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    start();
    return real_poll(fds, count, shorter_ms(timeout_ms));
}

EXPORTED int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    start();
    return real_epoll_wait(epoll, events, max, shorter_ms(timeout_ms));
}

EXPORTED int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    start();
    const struct timespec truly = to_timespec(to_ns(wanted) / settings.rate);
    return real_nanosleep(&truly, left);
}

EXPORTED int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *wanted)
{
    struct timespec truly;
    start();
    if (wanted == NULL) {
        return real_sigtimedwait(set, info, NULL);
    }
    truly = to_timespec(to_ns(wanted) / settings.rate);
    return real_sigtimedwait(set, info, &truly);
}
