/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_internal.h - what the files of the informer share: informer.c is what others call, informer_thread.c drives
 * them, informer_stream.c follows one namespace, informer_fill.c lists one beside its watch, informer_apply.c brings what came into the store.
 *
 * Threads: what stands below MONITOR is guarded by it; LEAVING_THREAD and DRIVEN by the thread's own; the rest is
 * the thread's.
 */
#ifndef ZL_KUBE_INFORMER_INTERNAL_H
#define ZL_KUBE_INFORMER_INTERNAL_H

#include "common/base/hash.h"
#include "common/base/monitor.h"
#include "common/kube/client_stream.h"
#include "common/kube/informer.h"
#include "common/kube/informer_thread.h"
#include "common/kube/listing.h"

#include <stdatomic.h>

struct zl_informer_timing {
    int64_t backoff_ms;     /* first wait after a failure; doubles */
    int64_t backoff_max_ms; /* and stops doubling here */
    int64_t list_gap_ms; /* least time from one list of a stream, or of a namespace, to the next */
    int64_t short_watch_ms;      /* a watch that ends sooner without news counts as a failure */
    int64_t open_ms, silence_ms; /* 0: ZL_OPEN_TIMEOUT_MS, ZL_SILENCE_MS */
};

/* Before zl_informer_start. */
void zl_informer_set_timing(struct zl_informer *informer, const struct zl_informer_timing *timing);

/* An object that the watch said is gone, or not wanted, while a list is under way that may still name it. */
struct zl_tomb {
    char *name;
    uint64_t version;
    struct zl_tomb *next;
};

/* A list of one namespace beside its stream's watch. */
struct zl_fill {
    struct zl_stream *stream;
    char *namespace_;
    struct zl_kube_lister *lister; /* NULL: it waits */
    struct zl_listing listing;
    struct zl_tomb *tombs; /* while LISTER runs */
    int64_t due_ms;
    int failures;
    bool covered; /* the stream itself is listed, since later than this was asked for */
    /* below MONITOR */
    bool again; /* it was asked for once more since it began */
    struct zl_fill *next;
};

struct zl_stream {
    struct zl_informer *informer;
    char *namespace_; /* "": all */
    struct zl_stream *next;
    const struct zl_kube_resource *resource; /* the spec's, or its alternative */
    char *version;                           /* resourceVersion to watch from; NULL: list first */
    struct zl_kube_lister *lister;           /* one of the two at most */
    struct zl_kube_watcher *watcher;
    struct zl_listing listing; /* what LISTER brought so far */
    int64_t due_ms;            /* not before this is the next one begun */
    int64_t last_list_ms;      /* end of the last list that succeeded; 0: none */
    int64_t opened_ms;         /* when this watch was accepted; 0: it was not */
    int64_t list_began_ms;     /* of LISTER */
    int failures;              /* in a row; 0 when healthy */
    const char *failed_verb;   /* the last of them: "list" or "watch"; constant */
    int page;                  /* objects of a list's first page: fewer after a list that failed */
    bool fell_behind;          /* 410 came since it was healthy last, and a list was the answer */
    bool news;                 /* this watch moved the version */
    bool was_open;             /* a watch was accepted before */
    bool anew;        /* the last request was silent: the next one uses another connection */
    bool tried_other; /* this list was not there in the other version of the resource either */
    /* below MONITOR */
    bool synced, watching;
    bool counted; /* in the informer's by_namespace, and among its gaps while it is not watching */
    bool is_old;  /* zl_informer_relist */
    int64_t last_watching_ms; /* when the last watch ended; its start before the first */
    uint64_t position;
    struct zl_fill *fills;
    UT_hash_handle hh;
};

/* A namespace that nobody needs. */
struct zl_leaving {
    char *namespace_;
    int64_t due_ms;
    struct zl_leaving *next;
};

struct zl_informer {
    struct zl_kube_client *client;
    struct zl_informer_spec spec;
    struct zl_informer_timing timing;
    struct zl_store *store;
    struct zl_informer_thread *thread, *own_thread; /* OWN: NULL when it is shared */
    struct zl_kube_loop *loop;                      /* the thread's */
    struct zl_informer *next;                       /* of the thread's */
    bool driven, leaving_thread;
    struct zl_stream *streams;             /* those of BY_NAMESPACE but for NEWCOMERS */
    int lists;                             /* under way */
    int64_t step_ms;                       /* when a stream has something to begin */
    bool is_cut;                           /* the object that is looked at is not complete */
    int64_t failed_said_ms, again_said_ms; /* when the log was told so of a stream; 0: never */
    uint64_t unsaid;                       /* how many have failed since */

    struct zl_monitor monitor;     /* guards the block below; woken by each change of it */
    bool started, stopping, asked; /* ASKED: the thread has to look at what is below */
    struct zl_stream *by_namespace, *newcomers;
    struct zl_leaving *leaving;
    size_t unsynced;
    atomic_size_t gaps; /* streams that are not watching; read without the lock */
    uint64_t restarts, relists, cut;
};

/* --- informer.c --- */

/* With the monitor's lock: a watch of STREAM was opened, or is over. */
void zl_informer_note_watching(struct zl_stream *stream, bool watching);

/* From its thread: */

/* Begin what is due. @return when it has to be called again, unless something ends before */
int64_t zl_informer_step(struct zl_informer *informer);
/* End what is under way: nobody drives it any more. */
void zl_informer_halt(struct zl_informer *informer);

/* --- informer_thread.c --- */

struct zl_kube_loop *zl_informer_thread_loop(struct zl_informer_thread *thread);
void zl_informer_thread_add(struct zl_informer_thread *thread, struct zl_informer *informer);
/* When it returns, the thread has nothing more to do with INFORMER. */
void zl_informer_thread_remove(struct zl_informer_thread *thread, struct zl_informer *informer);

/* --- informer_apply.c --- */

const char *zl_informer_object_namespace(const struct cJSON *object);
/* Of a list: into LISTING. */
enum zl_status zl_informer_collect(struct zl_informer *informer, struct zl_listing *listing,
                                   const struct cJSON *object);
/* Of a watch. */
void zl_informer_apply_event(struct zl_stream *stream, const char *type,
                             const struct cJSON *object);
/* A complete list of the stream's namespace; it is emptied. */
void zl_informer_replace(struct zl_stream *stream, struct zl_listing *listing);
/* A complete list of FILL's namespace, beside what the watch brought; it is emptied. */
void zl_informer_merge(struct zl_fill *fill);
void zl_tombs_clear(struct zl_tomb **tombs);

/* --- informer_stream.c --- */

struct zl_stream *zl_stream_new(struct zl_informer *informer, const char *namespace_);
/* From the thread: end what is under way; what was followed is not any more. */
void zl_stream_halt(struct zl_stream *stream);
/* Nothing may be under way, unless this is the thread. */
void zl_stream_free(struct zl_stream *stream);
/* Begin what is due. @return when it has to be called again, unless something ends before */
int64_t zl_stream_step(struct zl_stream *stream, int64_t now_ms);

/* What STREAM's requests ask for, and in which of its namespaces (NULL: all). */
struct zl_kube_target zl_stream_target(const struct zl_stream *stream, const char *namespace_);
struct zl_kube_selector zl_stream_selector(const struct zl_stream *stream);
/* FAILURES of VERB in a row: counted, and told in the log. @return when it is tried again */
int64_t zl_stream_back_off(const struct zl_stream *stream, const char *namespace_, const char *verb,
                           int failures, const struct zl_error *err);
/* The end of a transfer may be where another one begins. */
static inline void zl_informer_look_soon(struct zl_informer *informer)
{
    informer->step_ms = 0;
}

/* --- informer_fill.c: the lists beside STREAM's watch --- */

/* Lists of one informer under way at once: what they hold is not in the store yet, and API servers count them. */
enum { ZL_LISTS_MAX = 8 };

/* With the monitor's lock, from any thread: NAMESPACE_ is to be listed, once more if that is under way. */
void zl_fills_add(struct zl_stream *stream, const char *namespace_);
/* With the monitor's lock, from any thread: is that asked for of NAMESPACE_ (NULL: of any), and not done yet? */
bool zl_fills_have(const struct zl_stream *stream, const char *namespace_);
/* STREAM itself is listed: what was asked for until now will be in that list, and what runs is in its way. */
void zl_fills_cover(struct zl_stream *stream);
/* With the monitor's lock: that list is here. What was asked for since it began stays. */
void zl_fills_drop_covered(struct zl_stream *stream);
/* Begin those that are due, while there is a place. @return as zl_stream_step */
int64_t zl_fills_step(struct zl_stream *stream, int64_t now_ms);
void zl_fills_halt(struct zl_stream *stream);
void zl_fills_free(struct zl_stream *stream);

#endif
