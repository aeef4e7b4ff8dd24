/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a real directory, written as kubelet and others do; what is served is seen by a TLS client. */
#include "test/unit/key_scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/await.h"

static void test_what_the_files_hold_is_served_from_the_start(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_A);
    assert_true(zl_key_scene_says(scene, true, ""));
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"loaded\"}"),
                     1);
    double expires = zl_metric_text_value("zen_lead_certificate_expiration_timestamp_seconds");
    assert_true(expires > (double)time(NULL) + 3500 && expires < (double)time(NULL) + 3700);
}

static void test_kubelets_swap_of_the_link_is_followed(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_swap_link(scene, ZL_PAIR_A);
    assert_int_equal(symlink("..data/tls.crt", scene->cert_file), 0);
    assert_int_equal(symlink("..data/tls.key", scene->key_file), 0);
    zl_key_scene_start(scene);
    for (int i = 0; i < 6; i++) {
        int pair = i % 2 == 0 ? ZL_PAIR_B : ZL_PAIR_A;
        zl_key_scene_swap_link(scene, pair);
        AWAIT(zl_key_scene_shown(scene) == pair);
    }
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"loaded\"}"),
                     7);
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"invalid\"}"),
                     0);
}

static void test_deleting_and_creating_is_followed_and_the_gap_is_said(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    unlink(scene->cert_file);
    unlink(scene->key_file);
    AWAIT(zl_key_scene_says(scene, true, "tls.crt: No such file"));
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_A);
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"invalid\"}"),
                     1);
    zl_key_scene_write(scene, ZL_PAIR_B, ZL_PAIR_B);
    AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_B);
    AWAIT(zl_key_scene_says(scene, true, ""));
}

static void test_files_and_folder_may_come_later(void **state)
{
    struct zl_key_scene *scene = *state;
    rmdir(scene->folder);
    zl_key_scene_start(scene);
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_NONE);
    assert_true(zl_key_scene_says(scene, false, "tls.crt: No such file"));
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_expiration_timestamp_seconds"), 0);
    assert_int_equal(mkdir(scene->folder, 0755), 0);
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_A);
    assert_true(zl_key_scene_says(scene, true, ""));
}

static void test_a_folder_that_is_replaced_is_followed(void **state)
{
    struct zl_key_scene *scene = *state;
    ZL_AUTO_FREE char *aside = zl_asprintf("%s.aside", scene->folder);
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    for (int i = 0; i < 3; i++) {
        int pair = i % 2 == 0 ? ZL_PAIR_B : ZL_PAIR_A;
        assert_int_equal(rename(scene->folder, aside), 0);
        zl_remove_tree(aside);
        AWAIT(zl_key_scene_says(scene, true, "No such file"));
        assert_int_equal(mkdir(scene->folder, 0755), 0);
        zl_key_scene_write(scene, pair, pair);
        AWAIT(zl_key_scene_shown(scene) == pair);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_what_the_files_hold_is_served_from_the_start),
        WITH_FOLDER(test_kubelets_swap_of_the_link_is_followed),
        WITH_FOLDER(test_deleting_and_creating_is_followed_and_the_gap_is_said),
        WITH_FOLDER(test_files_and_folder_may_come_later),
        WITH_FOLDER(test_a_folder_that_is_replaced_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
