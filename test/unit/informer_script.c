/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/informer_script.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

const struct zl_informer_timing ZL_QUICK = {
    .backoff_ms = 20, .backoff_max_ms = 80, .list_gap_ms = 1, .short_watch_ms = 1000};

struct thing {
    char *name;
    char *version;
};

static void free_thing(void *object)
{
    struct thing *thing = object;
    free(thing->name);
    free(thing->version);
    free(thing);
}

static enum zl_status decode_thing(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    struct zl_script *script = ctx;
    const char *role = zl_json_text(object, "role", NULL);
    if (zl_same_string(role, "broken")) {
        return zl_error_set(err, ZL_E_INVALID, "the object is broken");
    }
    pthread_mutex_lock(&script->mutex);
    const bool picky = script->picky;
    pthread_mutex_unlock(&script->mutex);
    if (zl_same_string(role, "unwanted") || (picky && zl_same_string(role, "extra"))) {
        return ZL_OK;
    }
    struct thing *thing = zl_alloc(sizeof *thing);
    thing->name = zl_strdup(zl_json_text(object, "metadata", "name", NULL));
    thing->version = zl_strdup(zl_json_text(object, "metadata", "resourceVersion", NULL));
    *out = thing;
    return ZL_OK;
}

static void note_change(void *ctx, const void *old_object, const void *new_object)
{
    struct zl_script *script = ctx;
    const struct thing *old_thing = old_object, *new_thing = new_object;
    pthread_mutex_lock(&script->mutex);
    if (old_thing == NULL) {
        zl_buf_printf(&script->journal, "+%s@%s ", new_thing->name, new_thing->version);
    } else if (new_thing == NULL) {
        zl_buf_printf(&script->journal, "-%s@%s ", old_thing->name, old_thing->version);
    } else {
        zl_buf_printf(&script->journal, "%s@%s>%s ", new_thing->name, old_thing->version,
                      new_thing->version);
    }
    if (new_thing != NULL && zl_informer_state(script->informer, NULL).position >=
                                 zl_resource_version_number(new_thing->version)) {
        script->position_early = zl_resource_version_number(new_thing->version);
    }
    pthread_mutex_unlock(&script->mutex);
}

static int note_request(struct zl_script *script, const struct zl_peer_call *call)
{
    pthread_mutex_lock(&script->mutex);
    const int index = script->requests++;
    if (index < ZL_SCRIPT_REQUESTS_MAX) {
        script->paths[index] = zl_strdup(zl_peer_path(call));
        script->times_ms[index] = zl_clock_ms();
    }
    pthread_mutex_unlock(&script->mutex);
    return index;
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct zl_script *script = ctx;
    const int index = note_request(script, call);
    if (index >= script->step_count) {
        zl_peer_hold(call);
        return;
    }
    const struct zl_step *step = &script->steps[index];
    if (step->ending == ZL_WHOLE) {
        zl_peer_answer(call, step->status, step->extra, step->body);
        return;
    }
    zl_peer_begin(call, 200);
    for (size_t i = 0; i < 6 && step->pieces[i] != NULL; i++) {
        zl_peer_piece(call, step->pieces[i], strlen(step->pieces[i]));
        usleep(2000); /* so that the pieces arrive as such */
    }
    if (step->ending == ZL_END) {
        zl_peer_end(call);
    } else if (step->ending == ZL_CUT) {
        zl_peer_cut(call);
    } else {
        zl_peer_hold(call);
    }
}

int zl_script_requests(struct zl_script *script)
{
    pthread_mutex_lock(&script->mutex);
    const int count = script->requests;
    pthread_mutex_unlock(&script->mutex);
    return count;
}

bool zl_script_journal_is(struct zl_script *script, const char *text)
{
    pthread_mutex_lock(&script->mutex);
    const char *journal = script->journal.data == NULL ? "" : script->journal.data;
    const bool is = strcmp(journal, text) == 0;
    pthread_mutex_unlock(&script->mutex);
    return is;
}

void zl_script_begin(struct zl_script *script, const struct zl_step *steps, int count,
                     const struct zl_informer_timing *timing)
{
    script->steps = steps;
    script->step_count = count;
    script->peer = zl_peer_start(serve, script);
    ZL_AUTO_FREE char *url = zl_peer_url(script->peer);
    const struct zl_kube_config config = {.server = url};
    struct zl_error err = {0};
    assert_int_equal(zl_kube_client_new(&config, "test", &script->client, &err), ZL_OK);
    const struct zl_informer_spec spec = {
        .resource = &ZL_KUBE_PODS,
        .shape = script->shape,
        .partial = script->partial,
        .decode = decode_thing,
        .free_object = free_thing,
        .on_change = note_change,
        .ctx = script,
    };
    script->informer = zl_informer_new(script->client, &spec);
    zl_informer_set_timing(script->informer, timing);
    zl_informer_start(script->informer);
}

int zl_script_set_up(void **state)
{
    struct zl_script *script = zl_alloc(sizeof *script);
    pthread_mutex_init(&script->mutex, NULL);
    zl_buf_init(&script->journal, 65536);
    *state = script;
    return 0;
}

int zl_script_tear_down(void **state)
{
    struct zl_script *script = *state;
    zl_informer_free(script->informer);
    zl_peer_stop(script->peer);
    zl_kube_client_free(script->client);
    for (int i = 0; i < ZL_SCRIPT_REQUESTS_MAX; i++) {
        free(script->paths[i]);
    }
    zl_buf_clear(&script->journal);
    pthread_mutex_destroy(&script->mutex);
    free(script);
    return 0;
}

void zl_script_expect_request(struct zl_script *script, int index, const char *version)
{
    pthread_mutex_lock(&script->mutex);
    ZL_AUTO_FREE char *path = zl_strdup(script->paths[index]);
    pthread_mutex_unlock(&script->mutex);
    assert_non_null(path);
    if (version == NULL) {
        assert_null(strstr(path, "watch="));
        return;
    }
    ZL_AUTO_FREE char *from = zl_asprintf("resourceVersion=%s&", version);
    ZL_AUTO_FREE char *path_and = zl_asprintf("%s&", path);
    assert_non_null(strstr(path, "watch=true"));
    assert_non_null(strstr(path, "allowWatchBookmarks=true"));
    if (strstr(path_and, from) == NULL) {
        fail_msg("request %d: no %s in %s", index, from, path);
    }
}
