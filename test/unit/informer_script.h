/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_script.h - an informer against a scripted peer: what the server answers to each request
 * in turn, and a journal of what the informer made of it.
 *
 * Threads: the test's, the informer's and the peer's share a script under its mutex.
 */
#ifndef ZL_TEST_INFORMER_SCRIPT_H
#define ZL_TEST_INFORMER_SCRIPT_H

#include "common/base/buf.h"
#include "common/kube/informer_internal.h"
#include "test/unit/peer.h"

#include <pthread.h>

/* Short waits for all tests but those that are about waiting. */
extern const struct zl_informer_timing ZL_QUICK;

enum zl_ending { ZL_WHOLE, ZL_END, ZL_CUT, ZL_HOLD };

/* The answer to one request, in the order in which requests come. The last one holds. */
struct zl_step {
    int status;
    const char *extra;
    const char *body;      /* with ZL_WHOLE */
    const char *pieces[6]; /* with the others: chunks of the stream */
    enum zl_ending ending;
};

enum { ZL_SCRIPT_REQUESTS_MAX = 64 };

struct zl_script {
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_informer *informer;
    const struct zl_step *steps;
    int step_count;

    pthread_mutex_t mutex;
    struct zl_buf journal; /* what on_change was told */
    char *paths[ZL_SCRIPT_REQUESTS_MAX];
    int64_t times_ms[ZL_SCRIPT_REQUESTS_MAX];
    int requests;
    const struct zl_json_shape *shape; /* before it begins */
    bool partial;
    bool picky;              /* decode wants no object whose role is "extra" */
    uint64_t position_early; /* the newest version that on_change saw in the position too soon */
};

int zl_script_set_up(void **state);
int zl_script_tear_down(void **state);
/* Start the peer with the script, and the informer on it. */
void zl_script_begin(struct zl_script *script, const struct zl_step *steps, int count,
                     const struct zl_informer_timing *timing);
int zl_script_requests(struct zl_script *script); /* so far */
/* "+a@5 " new, "a@5>6 " changed, "-a@6 " deleted */
bool zl_script_journal_is(struct zl_script *script, const char *text);
/* The request of that number, from 0, is a watch from VERSION (NULL: a list). */
void zl_script_expect_request(struct zl_script *script, int index, const char *version);

#define BEGIN(script_, steps_)                                                                     \
    zl_script_begin((script_), (steps_), (int)(sizeof(steps_) / sizeof(steps_)[0]), &ZL_QUICK)

#define ITEM(name_, version_)                                                                      \
    "{\"metadata\":{\"namespace\":\"n\",\"name\":\"" name_ "\",\"resourceVersion\":\"" version_    \
    "\"}}"
#define ITEM_AS(name_, version_, role_)                                                            \
    "{\"role\":\"" role_ "\",\"metadata\":{\"namespace\":\"n\",\"name\":\"" name_                  \
    "\",\"resourceVersion\":\"" version_ "\"}}"
#define LIST(version_, items_)                                                                     \
    {                                                                                              \
        .status = 200, .body =                                                                     \
                           "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version_   \
                           "\"},\"items\":[" items_ "]}"                                           \
    }
#define EVENT(type_, item_) "{\"type\":\"" type_ "\",\"object\":" item_ "}\n"
#define BOOKMARK(version_)                                                                         \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version_ "\"}}}\n"
#define GONE_STATUS                                                                                \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"too old resource version: 5 "       \
    "(9)\",\"reason\":\"Expired\",\"code\":410}"
#define GONE_EVENT "{\"type\":\"ERROR\",\"object\":" GONE_STATUS "}\n"

#endif
