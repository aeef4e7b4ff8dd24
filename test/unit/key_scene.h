/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_scene.h - for tests of common/http/key_watch: pairs of key and certificate, a folder for them, an HTTPS server that
 * presents what the watch put into its slot, and the log. Whatever fails fails the test.
 *
 * Threads: the test's.
 */
#ifndef ZL_TEST_KEY_SCENE_H
#define ZL_TEST_KEY_SCENE_H

#include "common/http/key_watch.h"
#include "test/unit/capture.h"
#include "test/unit/http_fixture.h"

/* The pairs: three that are valid, one in the last tenth of its life, one that has expired. */
enum {
    ZL_PAIR_A,
    ZL_PAIR_B,
    ZL_PAIR_C,
    ZL_PAIR_ENDING,
    ZL_PAIR_EXPIRED,
    ZL_PAIRS,
    ZL_PAIR_NONE = -1
};

struct zl_key_scene {
    struct zl_http_fixture *http;
    struct zl_key_watch *watch;
    char *folder, *cert_file, *key_file;
    char *cert[ZL_PAIRS], *key[ZL_PAIRS], *fingerprint[ZL_PAIRS];
    int versions; /* folders that ..data has led to */
    struct zl_capture log;
};

/* A folder without files, and a server that has nothing to present. */
int zl_key_scene_setup(void **state);
int zl_key_scene_teardown(void **state);
#define WITH_FOLDER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, zl_key_scene_setup, zl_key_scene_teardown)

void zl_key_scene_start(struct zl_key_scene *scene); /* the watch */
/* The certificate of one pair and the key of another into the two files, the key first. */
void zl_key_scene_write(const struct zl_key_scene *scene, int cert, int key);
/* As kubelet does: a new folder, a link to it beside ..data, one rename. */
void zl_key_scene_swap_link(struct zl_key_scene *scene, int pair);

/* Which pair a new connection is shown. */
int zl_key_scene_shown(const struct zl_key_scene *scene);
/* Is what is served IS_USABLE, and has the watch's state TEXT? "": it says nothing. */
bool zl_key_scene_says(const struct zl_key_scene *scene, bool is_usable, const char *text);
/* PIECE was logged TIMES times since the start, or since this was asked last. */
void zl_key_scene_assert_logged(struct zl_key_scene *scene, const char *piece, int times);
/* The value of a metric, LINE as it is exposed; -1: there is none. */
double zl_metric_text_value(const char *line);

void zl_write_text(const char *path, const char *text);
void zl_remove_tree(const char *path);

#endif
