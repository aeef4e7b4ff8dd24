/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Informers that share a thread, against a peer in which each resource has one object, and says that it changed whenever it is told to.
 */
#include "common/kube/informer_internal.h"
#include "test/unit/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

enum { INFORMERS = 3 };

static const struct zl_kube_resource *const RESOURCES[INFORMERS] = {
    &ZL_KUBE_PODS, &ZL_KUBE_SERVICES, &ZL_KUBE_LEASES};

struct scene {
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_informer_thread *thread;
    pthread_mutex_t lock; /* guards VERSION and OVER */
    pthread_cond_t changed;
    int version; /* that the peer's objects have */
    bool over;
    struct observer {
        struct scene *scene;
        struct zl_informer *informer;
        atomic_int changes, open; /* told of; watches at the peer */
        _Atomic pthread_t told_by;
        struct zl_informer *starts; /* when this one is synced */
    } observers[INFORMERS];
};

static void say(struct scene *scene, struct zl_peer_call *call, int version)
{
    ZL_AUTO_FREE char *text =
        zl_asprintf("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"namespace\":\"n\",\"name\":"
                    "\"a\",\"resourceVersion\":\"%d\"}}}\n",
                    version);
    pthread_mutex_unlock(&scene->lock);
    zl_peer_piece(call, text, strlen(text));
    pthread_mutex_lock(&scene->lock);
}

static void serve_watch(struct scene *scene, struct observer *observer, struct zl_peer_call *call)
{
    int said = scene->version;
    zl_peer_begin(call, 200);
    atomic_fetch_add(&observer->open, 1);
    while (!scene->over) {
        if (said < scene->version) {
            said = scene->version;
            say(scene, call, said);
        } else {
            pthread_cond_wait(&scene->changed, &scene->lock);
        }
    }
    atomic_fetch_sub(&observer->open, 1);
    zl_peer_cut(call);
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct scene *scene = ctx;
    size_t i = 0;
    while (i < INFORMERS - 1 && strstr(zl_peer_path(call), RESOURCES[i]->plural) == NULL) {
        i++;
    }
    pthread_mutex_lock(&scene->lock);
    if (strstr(zl_peer_path(call), "watch=") != NULL) {
        serve_watch(scene, &scene->observers[i], call);
    } else {
        ZL_AUTO_FREE char *body =
            zl_asprintf("{\"metadata\":{\"resourceVersion\":\"%d\"},\"items\":[{\"metadata\":{"
                        "\"namespace\":\"n\",\"name\":\"a\",\"resourceVersion\":\"%d\"}}]}",
                        scene->version, scene->version);
        zl_peer_answer(call, 200, NULL, body);
    }
    pthread_mutex_unlock(&scene->lock);
}

static enum zl_status decode(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    (void)ctx;
    (void)err;
    *out = zl_strdup(zl_json_text(object, "metadata", "resourceVersion", NULL));
    return ZL_OK;
}

static void note_change(void *ctx, const void *old_object, const void *new_object)
{
    struct observer *observer = ctx;
    (void)old_object;
    (void)new_object;
    atomic_store(&observer->told_by, pthread_self());
    atomic_fetch_add(&observer->changes, 1);
}

static void note_synced(void *ctx)
{
    struct observer *observer = ctx;
    if (observer->starts != NULL) {
        zl_informer_start(observer->starts);
    }
}

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    struct zl_error err = {0};
    pthread_mutex_init(&scene->lock, NULL);
    pthread_cond_init(&scene->changed, NULL);
    scene->version = 10;
    scene->peer = zl_peer_start(serve, scene);
    ZL_AUTO_FREE char *url = zl_peer_url(scene->peer);
    const struct zl_kube_config config = {.server = url};
    assert_int_equal(zl_kube_client_new(&config, "test", &scene->client, &err), ZL_OK);
    scene->thread = zl_informer_thread_new("shared");
    for (size_t i = 0; i < INFORMERS; i++) {
        struct observer *observer = &scene->observers[i];
        const struct zl_informer_spec spec = {.resource = RESOURCES[i],
                                              .thread = scene->thread,
                                              .decode = decode,
                                              .free_object = free,
                                              .on_change = note_change,
                                              .on_synced = note_synced,
                                              .ctx = observer};
        observer->scene = scene;
        observer->informer = zl_informer_new(scene->client, &spec);
    }
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < INFORMERS; i++) {
        zl_informer_free(scene->observers[i].informer);
    }
    zl_informer_thread_free(scene->thread);
    pthread_mutex_lock(&scene->lock);
    scene->over = true;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
    zl_peer_stop(scene->peer);
    zl_kube_client_free(scene->client);
    pthread_cond_destroy(&scene->changed);
    pthread_mutex_destroy(&scene->lock);
    free(scene);
    return 0;
}

static void start_all(struct scene *scene)
{
    for (size_t i = 0; i < INFORMERS; i++) {
        zl_informer_start(scene->observers[i].informer);
    }
    for (size_t i = 0; i < INFORMERS; i++) {
        assert_true(zl_informer_wait_synced(scene->observers[i].informer, NULL, NULL));
        AWAIT(atomic_load(&scene->observers[i].open) == 1);
    }
}

static void change_all(struct scene *scene)
{
    pthread_mutex_lock(&scene->lock);
    scene->version++;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->lock);
}

static void test_one_thread_drives_them_all(void **state)
{
    struct scene *scene = *state;
    start_all(scene);
    change_all(scene);
    for (size_t i = 0; i < INFORMERS; i++) {
        AWAIT(atomic_load(&scene->observers[i].changes) == 2);
        assert_true(pthread_equal(atomic_load(&scene->observers[i].told_by),
                                  atomic_load(&scene->observers[0].told_by)));
    }
}

static void test_one_that_stops_is_told_nothing_more_and_others_go_on(void **state)
{
    struct scene *scene = *state;
    struct observer *stopped = &scene->observers[1];
    start_all(scene);
    zl_informer_stop(stopped->informer);
    assert_false(zl_informer_health(stopped->informer).watching);
    change_all(scene);
    AWAIT(atomic_load(&scene->observers[0].changes) == 2);
    AWAIT(atomic_load(&scene->observers[2].changes) == 2);
    assert_int_equal(atomic_load(&stopped->changes), 1);
    zl_informer_free(ZL_STEAL(&stopped->informer)); /* while the others run */
    change_all(scene);
    AWAIT(atomic_load(&scene->observers[0].changes) == 3);
}

/* As the cache does: what comes first decides what is followed. */
static void test_a_callback_starts_another_one(void **state)
{
    struct scene *scene = *state;
    scene->observers[0].starts = scene->observers[1].informer;
    scene->observers[1].starts = scene->observers[2].informer;
    zl_informer_start(scene->observers[0].informer);
    AWAIT(atomic_load(&scene->observers[2].open) == 1);
    change_all(scene);
    AWAIT(atomic_load(&scene->observers[2].changes) == 2);
}

static void test_one_that_stops_at_any_moment_leaves_nothing_behind(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < INFORMERS; i++) {
        zl_informer_start(scene->observers[i].informer);
    }
    for (size_t i = 0; i < INFORMERS; i++) { /* in the middle of its list, or before it */
        zl_informer_stop(scene->observers[i].informer);
        zl_informer_stop(scene->observers[i].informer);
    }
    assert_false(zl_informer_health(scene->observers[0].informer).watching);
}

static void test_a_thread_that_was_never_needed_is_freed(void **state)
{
    (void)state; /* nothing was started */
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_one_thread_drives_them_all),
        CASE(test_one_that_stops_is_told_nothing_more_and_others_go_on),
        CASE(test_a_callback_starts_another_one),
        CASE(test_one_that_stops_at_any_moment_leaves_nothing_behind),
        CASE(test_a_thread_that_was_never_needed_is_freed),
    };
    zl_kube_init();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
