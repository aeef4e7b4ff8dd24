/* SPDX-License-Identifier: Apache-2.0 */
/* Files that may not be served, or not for long: what is served meanwhile, and what is said about it. */
#include "test/unit/key_scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/await.h"

static void test_half_a_pair_waits_for_the_other_half(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    ZL_AUTO_FREE char *half =
        zl_strndup(scene->cert[ZL_PAIR_B], strlen(scene->cert[ZL_PAIR_B]) / 2);
    zl_write_text(scene->cert_file, half);
    AWAIT(zl_key_scene_says(scene, true, "not PEM text with a BEGIN CERTIFICATE"));
    zl_write_text(scene->cert_file, scene->cert[ZL_PAIR_B]);
    AWAIT(zl_key_scene_says(scene, true, "does not belong to the certificate"));
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_A);
    zl_write_text(scene->key_file, scene->key[ZL_PAIR_B]);
    AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_B);
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"invalid\"}"),
                     2);
}

/* Two files, one after the other: every renewal passes through a pair that does not fit. */
static void test_a_pair_that_is_wrong_for_a_moment_is_not_spoken_of(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    /* A round that is held up for a second gives them time to be said: it counts for nothing. */
    int rounds = 0, in_time = 0;
    for (; in_time < 3 && rounds < AT_ONCE_TRIES; rounds++) {
        const int64_t said =
            (int64_t)zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"invalid\"}");
        const int64_t start_ms = zl_clock_ms();
        zl_write_text(scene->key_file, scene->key[ZL_PAIR_B]);
        usleep(200000); /* long enough to be read, not long enough to be said */
        zl_write_text(scene->cert_file, scene->cert[ZL_PAIR_B]);
        AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_B);
        zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
        AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_A);
        if (zl_clock_ms() - start_ms < 1000) {
            assert_int_equal(
                zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"invalid\"}"),
                said);
            in_time++;
        }
    }
    if (rounds == in_time) {
        zl_key_scene_assert_logged(scene, "not reloaded", 0);
    }
}

static void test_each_change_for_the_worse_is_said_once(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_B);
    AWAIT(zl_key_scene_says(scene, true, "does not belong"));
    for (int i = 0; i < 3; i++) {
        zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_B); /* touched, not changed */
        usleep(150000);
    }
    zl_key_scene_assert_logged(scene, "not reloaded", 1);
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_C);
    AWAIT(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"invalid\"}") == 2);
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    AWAIT(zl_key_scene_says(scene, true, ""));
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_A);
    zl_key_scene_assert_logged(scene, "are again those in use", 1);
}

static void test_an_expired_pair_does_not_replace_a_valid_one(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    zl_key_scene_write(scene, ZL_PAIR_EXPIRED, ZL_PAIR_EXPIRED);
    AWAIT(zl_key_scene_says(scene, true, "tls.crt expired at "));
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_A);
    assert_int_equal(zl_metric_text_value("zen_lead_certificate_reloads_total{result=\"expired\"}"),
                     1);
    zl_key_scene_write(scene, ZL_PAIR_B, ZL_PAIR_B);
    AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_B);
}

static void test_an_expired_pair_is_served_for_want_of_a_better_one_and_is_not_ready(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_EXPIRED, ZL_PAIR_EXPIRED);
    zl_key_scene_start(scene);
    assert_int_equal(zl_key_scene_shown(scene), ZL_PAIR_EXPIRED);
    assert_true(zl_key_scene_says(scene, false, "or run zen-lead-certs"));
    zl_key_scene_assert_logged(scene, "certificate is not valid: the API server refuses it", 1);
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_A);
    assert_true(zl_key_scene_says(scene, true, ""));
}

static void test_a_certificate_that_should_have_been_renewed_is_warned_of_once(void **state)
{
    struct zl_key_scene *scene = *state;
    zl_key_scene_write(scene, ZL_PAIR_A, ZL_PAIR_A);
    zl_key_scene_start(scene);
    zl_key_scene_write(scene, ZL_PAIR_ENDING, ZL_PAIR_ENDING);
    AWAIT(zl_key_scene_shown(scene) == ZL_PAIR_ENDING);
    AWAIT(zl_key_scene_says(scene, true, "and was not renewed"));
    zl_key_scene_write(scene, ZL_PAIR_ENDING, ZL_PAIR_ENDING);
    usleep(300000); /* looked at once more */
    zl_key_scene_assert_logged(scene, "certificate expires soon", 1);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_half_a_pair_waits_for_the_other_half),
        WITH_FOLDER(test_a_pair_that_is_wrong_for_a_moment_is_not_spoken_of),
        WITH_FOLDER(test_each_change_for_the_worse_is_said_once),
        WITH_FOLDER(test_an_expired_pair_does_not_replace_a_valid_one),
        WITH_FOLDER(test_an_expired_pair_is_served_for_want_of_a_better_one_and_is_not_ready),
        WITH_FOLDER(test_a_certificate_that_should_have_been_renewed_is_warned_of_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
