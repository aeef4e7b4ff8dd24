/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many namespaces behind one informer, against a peer that answers each of them by itself.
 */
#include "common/base/buf.h"
#include "common/kube/informer_internal.h"
#include "test/unit/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

enum { SPACES_MAX = 4, PATH_MAX_BYTES = 256 };

/* What the peer says of one namespace; "" is all. */
struct space {
    const char *name;
    char *items;      /* of its list */
    char *events;     /* what an open watch says next, then it is empty */
    int version;      /* of its list */
    bool holds_lists; /* they are not answered until this is taken back */
    bool mute;        /* no list and no watch is answered at all, for ever */
    bool deaf;        /* a watch is accepted, and never says a word */
    int lists, watches, open;
    char last_watch[PATH_MAX_BYTES];
};

struct scene {
    struct zl_peer *peer;
    struct zl_kube_client *client;
    int64_t client_silence_ms;
    struct zl_informer *informer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
    struct space spaces[SPACES_MAX];
    struct zl_buf journal;
};

static struct space *space_of(struct scene *scene, const char *name)
{
    size_t i = 0;
    while (scene->spaces[i].name != NULL && strcmp(scene->spaces[i].name, name) != 0) {
        i++;
    }
    assert_true(i < SPACES_MAX);
    scene->spaces[i].name = name;
    return &scene->spaces[i];
}

/* The space that PATH asks about. */
static struct space *asked_space(struct scene *scene, const char *path)
{
    const char *at = strstr(path, "/namespaces/");
    const char *name = at != NULL ? at + strlen("/namespaces/") : "/";
    for (size_t i = 0; i < SPACES_MAX && scene->spaces[i].name != NULL; i++) {
        const size_t length = strlen(scene->spaces[i].name);
        if (strcspn(name, "/") == length && strncmp(name, scene->spaces[i].name, length) == 0) {
            return &scene->spaces[i];
        }
    }
    fprintf(stderr, "nobody may ask for %s\n", path);
    abort(); /* this is the peer's thread */
}

static void say(struct scene *scene, struct zl_peer_call *call, struct space *space)
{
    ZL_AUTO_FREE char *text = space->events;
    space->events = NULL;
    pthread_mutex_unlock(&scene->lock);
    zl_peer_piece(call, text, strlen(text));
    pthread_mutex_lock(&scene->lock);
}

static void serve_watch(struct scene *scene, struct zl_peer_call *call, struct space *space)
{
    space->watches++;
    snprintf(space->last_watch, sizeof space->last_watch, "%s", zl_peer_path(call));
    zl_peer_begin(call, 200);
    if (space->deaf) {
        pthread_mutex_unlock(&scene->lock);
        zl_peer_hold(call);
        pthread_mutex_lock(&scene->lock);
        return;
    }
    space->open++;
    while (!scene->over) {
        if (space->events != NULL) {
            say(scene, call, space);
        } else {
            pthread_cond_wait(&scene->changed, &scene->lock);
        }
    }
    zl_peer_cut(call);
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct scene *scene = ctx;
    pthread_mutex_lock(&scene->lock);
    struct space *space = asked_space(scene, zl_peer_path(call));
    const bool watches = strstr(zl_peer_path(call), "watch=") != NULL;
    space->lists += !watches;
    if (space->mute) {
        pthread_mutex_unlock(&scene->lock);
        zl_peer_hold(call);
        return;
    }
    if (watches) {
        serve_watch(scene, call, space);
        pthread_mutex_unlock(&scene->lock);
        return;
    }
    ZL_AUTO_FREE char *body =
        zl_asprintf("{\"metadata\":{\"resourceVersion\":\"%d\"},\"items\":[%s]}", space->version,
                    space->items != NULL ? space->items : "");
    while (space->holds_lists && !scene->over) {
        pthread_cond_wait(&scene->changed, &scene->lock);
    }
    pthread_mutex_unlock(&scene->lock);
    zl_peer_answer(call, 200, NULL, body);
}

static enum zl_status decode(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    (void)ctx;
    (void)err;
    *out = zl_asprintf("%s/%s", zl_json_text(object, "metadata", "namespace", NULL),
                       zl_json_text(object, "metadata", "name", NULL));
    return ZL_OK;
}

static void note_change(void *ctx, const void *old_object, const void *new_object)
{
    struct scene *scene = ctx;
    pthread_mutex_lock(&scene->lock);
    if (old_object == NULL) {
        zl_buf_printf(&scene->journal, "+%s ", (const char *)new_object);
    } else if (new_object == NULL) {
        zl_buf_printf(&scene->journal, "-%s ", (const char *)old_object);
    } else {
        zl_buf_printf(&scene->journal, "=%s ", (const char *)new_object);
    }
    pthread_mutex_unlock(&scene->lock);
}

static bool journal_is(struct scene *scene, const char *text)
{
    pthread_mutex_lock(&scene->lock);
    const bool is = strcmp(scene->journal.data != NULL ? scene->journal.data : "", text) == 0;
    pthread_mutex_unlock(&scene->lock);
    return is;
}

#define POD(namespace_, name_, version_)                                                           \
    "{\"metadata\":{\"namespace\":\"" namespace_ "\",\"name\":\"" name_                            \
    "\",\"resourceVersion\":\"" version_ "\"}}"

static void tell(struct scene *scene, const char *name, const char *type, const char *object)
{
    pthread_mutex_lock(&scene->lock);
    struct space *space = space_of(scene, name);
    char *longer = zl_asprintf("%s{\"type\":\"%s\",\"object\":%s}\n",
                               space->events != NULL ? space->events : "", type, object);
    free(space->events);
    space->events = longer;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
}

/* NAME's list, and what the peer does. */
static void set(struct scene *scene, const char *name, const char *items, int version, bool holds)
{
    pthread_mutex_lock(&scene->lock);
    struct space *space = space_of(scene, name);
    free(space->items);
    space->items = zl_strdup(items);
    space->version = version;
    space->holds_lists = holds;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
}

enum what { LISTS, WATCHES, OPEN };

static int count_of(struct scene *scene, const char *name, enum what what)
{
    pthread_mutex_lock(&scene->lock);
    const struct space *space = space_of(scene, name);
    const int value = what == LISTS ? space->lists : what == WATCHES ? space->watches : space->open;
    pthread_mutex_unlock(&scene->lock);
    return value;
}

static void begin(struct scene *scene, bool on_demand, int64_t open_ms, int64_t silence_ms)
{
    const struct zl_informer_timing timing = {.backoff_ms = 20,
                                              .backoff_max_ms = 80,
                                              .list_gap_ms = 1,
                                              .short_watch_ms = 10,
                                              .open_ms = open_ms,
                                              .silence_ms = silence_ms};
    const struct zl_informer_spec spec = {.resource = &ZL_KUBE_PODS,
                                          .on_demand = on_demand,
                                          .decode = decode,
                                          .free_object = free,
                                          .on_change = note_change,
                                          .ctx = scene};
    scene->peer = zl_peer_start(serve, scene);
    ZL_AUTO_FREE char *url = zl_peer_url(scene->peer);
    const struct zl_kube_config config = {.server = url, .silence_ms = scene->client_silence_ms};
    struct zl_error err = {0};
    assert_int_equal(zl_kube_client_new(&config, "test", &scene->client, &err), ZL_OK);
    scene->informer = zl_informer_new(scene->client, &spec);
    zl_informer_set_timing(scene->informer, &timing);
    zl_informer_start(scene->informer);
}

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    pthread_mutex_init(&scene->lock, NULL);
    pthread_cond_init(&scene->changed, NULL);
    zl_buf_init(&scene->journal, 65536);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    pthread_mutex_lock(&scene->lock);
    scene->over = true;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
    zl_informer_free(scene->informer);
    zl_peer_stop(scene->peer);
    zl_kube_client_free(scene->client);
    for (size_t i = 0; i < SPACES_MAX; i++) {
        free(scene->spaces[i].items);
        free(scene->spaces[i].events);
    }
    zl_buf_clear(&scene->journal);
    pthread_cond_destroy(&scene->changed);
    pthread_mutex_destroy(&scene->lock);
    free(scene);
    return 0;
}

#define STATE(scene_, name_) zl_informer_state((scene_)->informer, (name_))

/* --- one waits for nobody ------------------------------------------------------------------------ */

static void test_a_slow_list_delays_no_event_of_another_namespace(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", POD("a", "x", "5"), 9, false);
    set(scene, "slow", POD("slow", "y", "6"), 9, true);
    begin(scene, true, 0, 0);
    assert_false(STATE(scene, "a").followed);
    zl_informer_follow(scene->informer, "a");
    AWAIT(STATE(scene, "a").watching);
    zl_informer_follow(scene->informer, "slow");
    AWAIT(count_of(scene, "slow", LISTS) == 1);
    assert_true(STATE(scene, "slow").followed);
    assert_false(STATE(scene, "slow").synced);

    tell(scene, "a", "DELETED", POD("a", "x", "10"));
    tell(scene, "a", "ADDED", POD("a", "z", "11"));
    AWAIT(journal_is(scene, "+a/x -a/x +a/z "));
    assert_false(STATE(scene, "slow").synced); /* nobody waited for it */
    assert_true(STATE(scene, "a").settled);

    set(scene, "slow", NULL, 12, false);
    AWAIT(STATE(scene, "slow").settled);
    assert_true(journal_is(scene, "+a/x -a/x +a/z +slow/y "));
    assert_int_equal(count_of(scene, "a", LISTS), 1);
    assert_int_equal(count_of(scene, "a", WATCHES), 1);
}

static void test_a_new_list_sweeps_its_own_namespace_alone(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", POD("a", "x", "5"), 9, false);
    set(scene, "b", POD("b", "y", "6"), 9, false);
    begin(scene, true, 0, 0);
    zl_informer_follow(scene->informer, "a");
    AWAIT(STATE(scene, "a").watching);
    zl_informer_follow(scene->informer, "b");
    AWAIT(STATE(scene, "b").watching);
    set(scene, "b", NULL, 20, false);
    tell(scene, "b", "ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}");
    AWAIT(journal_is(scene, "+a/x +b/y -b/y "));
    AWAIT(STATE(scene, "b").watching);
    assert_int_equal(STATE(scene, "b").position, 20);
    assert_int_equal(STATE(scene, "a").position, 9);
    assert_int_equal(count_of(scene, "a", LISTS), 1);
}

/* --- who came and went --------------------------------------------------------------------------- */

static void test_a_forgotten_namespace_leaves_in_silence_and_is_unknown(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", POD("a", "x", "5"), 9, false);
    set(scene, "b", POD("b", "y", "5"), 9, false);
    begin(scene, true, 0, 0);
    zl_informer_follow(scene->informer, "a");
    AWAIT(STATE(scene, "a").watching);
    zl_informer_follow(scene->informer, "b");
    AWAIT(STATE(scene, "b").watching);
    zl_informer_forget(scene->informer, "a", 0);
    AWAIT(!STATE(scene, "a").followed);
    AWAIT(zl_store_count(zl_informer_store(scene->informer)) == 1);
    assert_true(journal_is(scene, "+a/x +b/y "));
    assert_int_equal(zl_informer_health(scene->informer).streams, 1);
    assert_false(zl_informer_has_gap(scene->informer)); /* what left is none */

    zl_informer_follow(scene->informer, "a"); /* again: listed anew */
    AWAIT(STATE(scene, "a").watching);
    assert_true(journal_is(scene, "+a/x +b/y +a/x "));
    assert_false(zl_informer_has_gap(scene->informer));
}

static void test_a_policy_made_and_deleted_in_a_loop_lists_once(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", POD("a", "x", "5"), 9, false);
    begin(scene, true, 0, 0);
    for (int i = 0; i < 20; i++) {
        zl_informer_follow(scene->informer, "a");
        zl_informer_forget(scene->informer, "a", 60000);
    }
    zl_informer_follow(scene->informer, "a");
    AWAIT(STATE(scene, "a").watching);
    assert_int_equal(count_of(scene, "a", LISTS), 1);
    assert_int_equal(count_of(scene, "a", WATCHES), 1);
}

static void test_a_namespace_forgotten_while_it_is_listed_ends_that_list(void **state)
{
    struct scene *scene = *state;
    set(scene, "slow", POD("slow", "y", "6"), 9, true);
    begin(scene, true, 0, 0);
    zl_informer_follow(scene->informer, "slow");
    AWAIT(count_of(scene, "slow", LISTS) == 1);
    assert_true(zl_informer_has_gap(scene->informer));
    zl_informer_forget(scene->informer, "slow", 0);
    AWAIT(!STATE(scene, "slow").followed);
    assert_false(zl_informer_has_gap(scene->informer));
    set(scene, "slow", NULL, 9, false);
    assert_true(zl_informer_is_synced(scene->informer)); /* nothing is missing any more */
    assert_int_equal(zl_store_count(zl_informer_store(scene->informer)), 0);
}

/* --- a list beside the open watch ---------------------------------------------------------------- */

/* The list is of version 15. Until it is answered the watch tells of what came after that, and before. */
static void test_beside_the_watch_the_newer_of_two_wins(void **state)
{
    struct scene *scene = *state;
    set(scene, "", NULL, 9, false); /* all namespaces */
    begin(scene, false, 0, 0);
    AWAIT(STATE(scene, NULL).watching);
    set(scene, "a", POD("a", "old", "5") "," POD("a", "deleted", "6") "," POD("a", "changed", "7"),
        15, true);
    zl_informer_refill(scene->informer, "a");
    AWAIT(count_of(scene, "a", LISTS) == 1);
    assert_false(STATE(scene, "a").settled);
    assert_true(STATE(scene, "b").settled);

    tell(scene, "", "DELETED", POD("a", "deleted", "16"));
    tell(scene, "", "MODIFIED", POD("a", "changed", "17"));
    AWAIT(STATE(scene, "a").position == 17);
    set(scene, "a", NULL, 15, false);
    AWAIT(STATE(scene, "a").settled);
    assert_true(journal_is(scene, "+a/changed +a/old "));
    assert_true(STATE(scene, "a").watching);
    assert_int_equal(count_of(scene, "", WATCHES), 1);

    /* What the watch tells late is older than what the list brought. */
    tell(scene, "", "DELETED", POD("a", "old", "4"));
    tell(scene, "", "ADDED", POD("a", "end", "20"));
    AWAIT(journal_is(scene, "+a/changed +a/old +a/end "));
}

/* --- connections --------------------------------------------------------------------------------- */

/* A connection for lists goes when there are none for as long as one may take to be answered. */
static void test_what_lists_no_more_keeps_the_connection_of_its_watch_alone(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", POD("a", "x", "5"), 9, false);
    set(scene, "b", POD("b", "y", "5"), 9, false);
    begin(scene, true, 200, 0);
    zl_informer_follow(scene->informer, "a");
    AWAIT(STATE(scene, "a").watching);
    assert_int_equal(zl_peer_connections(scene->peer), 2);
    AWAIT(zl_peer_connections(scene->peer) == 1);

    zl_informer_follow(scene->informer,
                       "b"); /* anew, and each watch of HTTP/1.1 has one of its own */
    AWAIT(STATE(scene, "b").watching);
    AWAIT(zl_peer_connections(scene->peer) == 2);
    tell(scene, "a", "DELETED", POD("a", "x", "10"));
    tell(scene, "b", "DELETED", POD("b", "y", "10"));
    AWAIT(zl_store_count(zl_informer_store(scene->informer)) == 0);
    assert_int_equal(count_of(scene, "a", LISTS), 1);
    assert_int_equal(count_of(scene, "a", WATCHES), 1);
}

/* --- silence ------------------------------------------------------------------------------------- */

static void resume_a_silent_watch(struct scene *scene, int64_t silence_ms)
{
    set(scene, "a", POD("a", "x", "5"), 9, false);
    space_of(scene, "a")->deaf = true;
    begin(scene, true, 0, silence_ms);
    zl_informer_follow(scene->informer, "a");
    AWAIT(count_of(scene, "a", WATCHES) >= 2);
    pthread_mutex_lock(&scene->lock);
    space_of(scene, "a")->deaf = false;
    pthread_mutex_unlock(&scene->lock);
    AWAIT(count_of(scene, "a", OPEN) >= 1);
    assert_non_null(strstr(space_of(scene, "a")->last_watch, "resourceVersion=9&"));
    tell(scene, "a", "DELETED", POD("a", "x", "10"));
    AWAIT(journal_is(scene, "+a/x -a/x "));
    assert_int_equal(count_of(scene, "a", LISTS), 1); /* no gap, no list */
}

static void test_a_silent_watch_is_resumed_where_it_was(void **state)
{
    resume_a_silent_watch(*state, 100);
}

/* --watch-silence-seconds */
static void test_the_client_says_what_silence_is(void **state)
{
    struct scene *scene = *state;
    scene->client_silence_ms = 100;
    resume_a_silent_watch(scene, 0);
}

static void test_what_is_not_answered_is_asked_again_elsewhere(void **state)
{
    struct scene *scene = *state;
    set(scene, "a", POD("a", "x", "5"), 9, false);
    set(scene, "hung", NULL, 9, false);
    space_of(scene, "hung")->mute = true;
    begin(scene, true, 100, 0);
    zl_informer_follow(scene->informer, "hung");
    AWAIT(count_of(scene, "hung", LISTS) >= 2);
    zl_informer_follow(scene->informer, "a");
    AWAIT(STATE(scene, "a").watching);
    pthread_mutex_lock(&scene->lock);
    space_of(scene, "hung")->mute = false;
    pthread_mutex_unlock(&scene->lock);
    AWAIT(STATE(scene, "hung").watching);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_slow_list_delays_no_event_of_another_namespace),
        TEST(test_a_new_list_sweeps_its_own_namespace_alone),
        TEST(test_a_forgotten_namespace_leaves_in_silence_and_is_unknown),
        TEST(test_a_policy_made_and_deleted_in_a_loop_lists_once),
        TEST(test_a_namespace_forgotten_while_it_is_listed_ends_that_list),
        TEST(test_beside_the_watch_the_newer_of_two_wins),
        TEST(test_what_lists_no_more_keeps_the_connection_of_its_watch_alone),
        TEST(test_a_silent_watch_is_resumed_where_it_was),
        TEST(test_the_client_says_what_silence_is),
        TEST(test_what_is_not_answered_is_asked_again_elsewhere),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
