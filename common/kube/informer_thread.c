/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_thread.c - look which informers have something to begin, then wait for what the API server sends to any of them.
 */
#include "common/kube/informer_thread.h"

#include "common/kube/informer_internal.h"

struct zl_informer_thread {
    const char *name;
    struct zl_kube_loop *loop;
    struct zl_informer *informers; /* the thread's own */
    pthread_t thread;

    struct zl_monitor monitor; /* guards the rest; woken when an informer was let go */
    bool running, ending;
    struct zl_informer *newcomers;
};

/* Take in who was started, let go who is to stop. @return false: the thread ends */
static bool take_up(struct zl_informer_thread *thread)
{
    zl_monitor_lock(&thread->monitor);
    while (thread->newcomers != NULL) {
        struct zl_informer *informer = thread->newcomers;
        thread->newcomers = informer->next;
        informer->next = thread->informers;
        thread->informers = informer;
    }
    for (struct zl_informer **link = &thread->informers; *link != NULL;) {
        struct zl_informer *informer = *link;
        if (!informer->leaving_thread) {
            link = &informer->next;
            continue;
        }
        *link = informer->next;
        zl_informer_halt(informer);
        informer->driven = false;
        zl_monitor_wake_all(&thread->monitor);
    }
    const bool goes_on = !thread->ending;
    zl_monitor_unlock(&thread->monitor);
    return goes_on;
}

static void *run(void *arg)
{
    struct zl_informer_thread *thread = arg;
    while (take_up(thread)) {
        int64_t next_ms = INT64_MAX;
        for (struct zl_informer *informer = thread->informers; informer != NULL;
             informer = informer->next) {
            const int64_t due_ms = zl_informer_step(informer);
            next_ms = due_ms < next_ms ? due_ms : next_ms;
        }
        zl_kube_loop_run(thread->loop, next_ms);
    }
    return NULL;
}

struct zl_informer_thread *zl_informer_thread_new(const char *name)
{
    struct zl_informer_thread *thread = zl_alloc(sizeof *thread);
    thread->name = name;
    thread->loop = zl_kube_loop_new();
    zl_monitor_init(&thread->monitor);
    return thread;
}

void zl_informer_thread_free(struct zl_informer_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    zl_monitor_lock(&thread->monitor);
    thread->ending = true;
    const bool running = thread->running;
    zl_monitor_unlock(&thread->monitor);
    zl_kube_loop_wake(thread->loop);
    if (running) {
        pthread_join(thread->thread, NULL);
    }
    zl_kube_loop_free(thread->loop);
    zl_monitor_clear(&thread->monitor);
    free(thread);
}

struct zl_kube_loop *zl_informer_thread_loop(struct zl_informer_thread *thread)
{
    return thread->loop;
}

void zl_informer_thread_add(struct zl_informer_thread *thread, struct zl_informer *informer)
{
    zl_monitor_lock(&thread->monitor);
    informer->driven = true;
    informer->leaving_thread = false;
    informer->next = thread->newcomers;
    thread->newcomers = informer;
    if (!thread->running) {
        thread->running = true;
        thread->thread = zl_thread_start(thread->name, run, thread);
    }
    zl_monitor_unlock(&thread->monitor);
    zl_kube_loop_wake(thread->loop);
}

void zl_informer_thread_remove(struct zl_informer_thread *thread, struct zl_informer *informer)
{
    zl_monitor_lock(&thread->monitor);
    informer->leaving_thread = true;
    zl_kube_loop_wake(thread->loop);
    while (informer->driven) {
        zl_monitor_wait(&thread->monitor, ZL_FOREVER);
    }
    zl_monitor_unlock(&thread->monitor);
}
