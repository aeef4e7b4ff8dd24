/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/key_scene.h"

#include "common/base/metrics.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void zl_write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

void zl_key_scene_write(const struct zl_key_scene *scene, int cert, int key)
{
    zl_write_text(scene->key_file, scene->key[key]);
    zl_write_text(scene->cert_file, scene->cert[cert]);
}

void zl_key_scene_swap_link(struct zl_key_scene *scene, int pair)
{
    ZL_AUTO_FREE char *target = zl_asprintf("..version_%d", scene->versions++);
    ZL_AUTO_FREE char *cert = zl_asprintf("%s/%s/tls.crt", scene->folder, target);
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s/tls.key", scene->folder, target);
    ZL_AUTO_FREE char *version = zl_asprintf("%s/%s", scene->folder, target);
    ZL_AUTO_FREE char *fresh = zl_asprintf("%s/..data_tmp", scene->folder);
    ZL_AUTO_FREE char *data = zl_asprintf("%s/..data", scene->folder);
    assert_int_equal(mkdir(version, 0755), 0);
    zl_write_text(cert, scene->cert[pair]);
    zl_write_text(key, scene->key[pair]);
    assert_int_equal(symlink(target, fresh), 0);
    assert_int_equal(rename(fresh, data), 0);
}

int zl_key_scene_shown(const struct zl_key_scene *scene)
{
    struct zl_wire wire = zl_fixture_dial(scene->http);
    if (wire.fd == -1) {
        return ZL_PAIR_NONE;
    }
    ZL_AUTO_FREE char *fingerprint = zl_wire_fingerprint(&wire);
    zl_wire_close(&wire);
    for (int i = 0; i < ZL_PAIRS; i++) {
        if (strcmp(scene->fingerprint[i], fingerprint) == 0) {
            return i;
        }
    }
    return ZL_PAIR_NONE;
}

bool zl_key_scene_says(const struct zl_key_scene *scene, bool is_usable, const char *text)
{
    struct zl_key_watch_state state;
    zl_key_watch_state(scene->watch, &state);
    return state.is_usable == is_usable &&
           (text[0] == '\0' ? state.message[0] == '\0' : strstr(state.message, text) != NULL);
}

double zl_metric_text_value(const char *line)
{
    ZL_AUTO_BUF struct zl_buf text;
    double value = -1;
    zl_buf_init(&text, 65536);
    zl_metrics_write(&text);
    ZL_AUTO_FREE char *wanted = zl_asprintf("\n%s ", line);
    const char *found = strstr(text.data, wanted);
    return found != NULL && sscanf(found + strlen(wanted), "%lf", &value) == 1 ? value : -1;
}

static int count(const char *text, const char *piece)
{
    int times = 0;
    for (const char *next = text; (next = strstr(next, piece)) != NULL; next++) {
        times++;
    }
    return times;
}

void zl_key_scene_assert_logged(struct zl_key_scene *scene, const char *piece, int times)
{
    ZL_AUTO_FREE char *log = zl_capture_end(&scene->log);
    zl_capture_begin(&scene->log, 2);
    if (count(log, piece) != times) {
        fail_msg("not %d times \"%s\" in\n%s", times, piece, log);
    }
}

int zl_key_scene_setup(void **state)
{
    void *http = NULL;
    struct zl_key_scene *scene = zl_alloc(sizeof *scene);
    zl_metrics_reset();
    zl_metrics_register_all((const struct zl_metric *const *const[]){ZL_KEY_METRICS, NULL});
    zl_setup_tls(&http);
    scene->http = http;
    zl_key_slot_put(scene->http->keys, NULL);
    scene->folder = zl_strdup("/tmp/zl-key-watch.XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    scene->cert_file = zl_asprintf("%s/tls.crt", scene->folder);
    scene->key_file = zl_asprintf("%s/tls.key", scene->folder);
    for (int i = 0; i < ZL_PAIRS; i++) {
        long until_s = i == ZL_PAIR_EXPIRED ? -3600 : i == ZL_PAIR_ENDING ? 600 : 3600;
        zl_self_signed_for(-7200, until_s, &scene->cert[i], &scene->key[i]);
        scene->fingerprint[i] = zl_pem_fingerprint(scene->cert[i]);
    }
    zl_capture_begin(&scene->log, 2);
    *state = scene;
    return 0;
}

void zl_key_scene_start(struct zl_key_scene *scene)
{
    scene->watch = zl_key_watch_start(scene->cert_file, scene->key_file, scene->http->keys);
}

void zl_remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        remove(path);
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        ZL_AUTO_FREE char *child = zl_asprintf("%s/%s", path, entry->d_name);
        if (unlink(child) != 0) {
            zl_remove_tree(child);
        }
    }
    closedir(folder);
    rmdir(path);
}

int zl_key_scene_teardown(void **state)
{
    struct zl_key_scene *scene = *state;
    void *http = scene->http;
    zl_key_watch_stop(scene->watch);
    ZL_AUTO_FREE char *log = zl_capture_end(&scene->log);
    zl_teardown(&http);
    zl_remove_tree(scene->folder);
    for (int i = 0; i < ZL_PAIRS; i++) {
        free(scene->cert[i]);
        free(scene->key[i]);
        free(scene->fingerprint[i]);
    }
    free(scene->folder);
    free(scene->cert_file);
    free(scene->key_file);
    free(scene);
    return 0;
}
