/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_stream.h - any number of lists and watches at once, driven by one thread.
 *
 * A loop has two sets of connections, one for watches and one for lists, so that a list that hangs does not take a watch
 * along. On a connection that speaks HTTP/2 up to 100 requests run at once. Those for lists are closed when for
 * ZL_OPEN_TIMEOUT_MS there was no list.
 *
 * Silence: a server that hangs while its kernel answers, and a proxy that keeps our side open when it has lost the other,
 * look like one that has nothing to say. So a request that is not answered within ZL_OPEN_TIMEOUT_MS, and a watch on which
 * nothing came for 90 to 120 s although bookmarks come each minute (or for what zl_kube_config says), is ended. When nothing came on its
 * connection either, the connection is closed, which tells everybody else on it at once; and in no case is what timed out
 * repeated on it.
 *
 * Threads: a loop, its lists and watches belong to one thread; zl_kube_loop_wake may be called from any.
 */
#ifndef ZL_KUBE_CLIENT_STREAM_H
#define ZL_KUBE_CLIENT_STREAM_H

#include "common/kube/client.h"

/* Until the head of the answer; as long as any other call takes. */
#define ZL_OPEN_TIMEOUT_MS ZL_KUBE_TIMEOUT_MS
/* API servers send a bookmark about once a minute (client-go counts on it, too); a third more is jitter. */
#define ZL_SILENCE_MS 90000

struct zl_kube_loop; /* opaque */

struct zl_kube_loop *zl_kube_loop_new(void);
void zl_kube_loop_free(struct zl_kube_loop *loop); /* nothing may be under way */
/* zl_kube_loop_run returns soon, also when it is called later. */
void zl_kube_loop_wake(struct zl_kube_loop *loop);
/* Wait for bytes, at most until UNTIL_MS (of zl_clock_ms()), and hand over what came. */
void zl_kube_loop_run(struct zl_kube_loop *loop, int64_t until_ms);
/* For tests: shorter ones. Before anything is started. */
void zl_kube_loop_set_patience(struct zl_kube_loop *loop, int64_t open_ms, int64_t silence_ms);

/* A watch under way. */
struct zl_kube_watcher; /* opaque */

struct zl_kube_watch_spec {
    const struct zl_kube_target
        *target; /* its shape and is_cut are borrowed for the watch's life */
    const struct zl_kube_selector *selector; /* may be NULL */
    const char *resource_version;
    int timeout_s;
    bool anew; /* not on a connection that is open: on one of those the last one was silent */
    /* As zl_kube_watch's. A failure ends the watch. */
    enum zl_status (*event)(void *ctx, const char *type, const struct cJSON *object,
                            struct zl_error *err);
    void (*opened)(void *ctx); /* may be NULL */
    /* Once, as the last call, unless it is freed before; it may be freed in there. */
    void (*ended)(void *ctx, enum zl_status status, struct zl_error *err);
    void *ctx;
};

/* @param out  the caller frees it */
enum zl_status zl_kube_watcher_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                     const struct zl_kube_watch_spec *spec,
                                     struct zl_kube_watcher **out,
                                     struct zl_error *err) ZL_MUST_CHECK;
/* Ends it where it is; NULL is fine. Not from within EVENT or OPENED. */
void zl_kube_watcher_free(struct zl_kube_watcher *watcher);

/* A list under way. */
struct zl_kube_lister; /* opaque */

struct zl_kube_list_spec {
    const struct zl_kube_target *target; /* its shape and is_cut are borrowed for the list's life */
    struct zl_kube_selector selector;    /* its texts are borrowed for the list's life */
    bool anew;                           /* as zl_kube_watch_spec's */
    /* As zl_kube_list's. */
    enum zl_status (*each)(void *ctx, const struct cJSON *object, struct zl_error *err);
    /* As zl_kube_watch_spec's. VERSION: the list's, of its first page; NULL after a failure, and where there is none. */
    void (*ended)(void *ctx, enum zl_status status, const char *version, struct zl_error *err);
    void *ctx;
};

enum zl_status zl_kube_lister_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                    const struct zl_kube_list_spec *spec,
                                    struct zl_kube_lister **out,
                                    struct zl_error *err) ZL_MUST_CHECK;
/* NULL is fine. Not from within EACH. */
void zl_kube_lister_free(struct zl_kube_lister *lister);

/* Status.reason of an error that says: no answer, or no word, in time, on a connection that works for others. */
#define ZL_REASON_SILENT "Silent"

#endif
