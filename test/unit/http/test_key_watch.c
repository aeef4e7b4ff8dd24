/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a real directory, written as kubelet and others do; what is served is seen by a TLS client. */
#include "test/unit/http_fixture.h"

#include "common/base/metrics.h"
#include "common/http/key_watch.h"
#include "test/unit/capture.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "test/unit/await.h"

/* Pairs of a scene: three that are valid, one in the last tenth of its life, one that has expired. */
enum { A, B, C, ENDING, EXPIRED, PAIRS, NONE = -1 };

struct scene {
    struct zl_http_fixture *http;
    struct zl_key_watch *watch;
    char *folder, *cert_file, *key_file;
    char *cert[PAIRS], *key[PAIRS], *fingerprint[PAIRS];
    int versions; /* folders that ..data has led to */
    struct zl_capture log;
};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_pair(const struct scene *scene, int cert, int key)
{
    write_text(scene->key_file, scene->key[key]);
    write_text(scene->cert_file, scene->cert[cert]);
}

/* As kubelet does: a new folder, a link to it beside ..data, one rename. */
static void swap_link(struct scene *scene, int pair)
{
    ZL_AUTO_FREE char *target = zl_asprintf("..version_%d", scene->versions++);
    ZL_AUTO_FREE char *cert = zl_asprintf("%s/%s/tls.crt", scene->folder, target);
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s/tls.key", scene->folder, target);
    ZL_AUTO_FREE char *version = zl_asprintf("%s/%s", scene->folder, target);
    ZL_AUTO_FREE char *fresh = zl_asprintf("%s/..data_tmp", scene->folder);
    ZL_AUTO_FREE char *data = zl_asprintf("%s/..data", scene->folder);
    assert_int_equal(mkdir(version, 0755), 0);
    write_text(cert, scene->cert[pair]);
    write_text(key, scene->key[pair]);
    assert_int_equal(symlink(target, fresh), 0);
    assert_int_equal(rename(fresh, data), 0);
}

/* Which pair a new connection is shown. */
static int shown(const struct scene *scene)
{
    struct zl_wire wire = zl_fixture_dial(scene->http);
    if (wire.fd == -1) {
        return NONE;
    }
    ZL_AUTO_FREE char *fingerprint = zl_wire_fingerprint(&wire);
    zl_wire_close(&wire);
    for (int i = 0; i < PAIRS; i++) {
        if (strcmp(scene->fingerprint[i], fingerprint) == 0) {
            return i;
        }
    }
    return NONE;
}

static bool says(const struct scene *scene, bool is_usable, const char *text)
{
    struct zl_key_watch_state state;
    zl_key_watch_state(scene->watch, &state);
    return state.is_usable == is_usable &&
           (text[0] == '\0' ? state.message[0] == '\0' : strstr(state.message, text) != NULL);
}

static double value_of(const char *line)
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

/* What was logged since the start; ends the capture. */
static void assert_logged(struct scene *scene, const char *piece, int times)
{
    ZL_AUTO_FREE char *log = zl_capture_end(&scene->log);
    zl_capture_begin(&scene->log, 2);
    if (count(log, piece) != times) {
        fail_msg("not %d times \"%s\" in\n%s", times, piece, log);
    }
}

static int setup(void **state)
{
    void *http = NULL;
    struct scene *scene = zl_alloc(sizeof *scene);
    zl_metrics_reset();
    zl_metrics_register_all((const struct zl_metric *const *const[]){ZL_KEY_METRICS, NULL});
    zl_setup_tls(&http);
    scene->http = http;
    zl_key_slot_put(scene->http->keys, NULL);
    scene->folder = zl_strdup("/tmp/zl-key-watch.XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    scene->cert_file = zl_asprintf("%s/tls.crt", scene->folder);
    scene->key_file = zl_asprintf("%s/tls.key", scene->folder);
    for (int i = 0; i < PAIRS; i++) {
        long until_s = i == EXPIRED ? -3600 : i == ENDING ? 600 : 3600;
        zl_self_signed_for(-7200, until_s, &scene->cert[i], &scene->key[i]);
        scene->fingerprint[i] = zl_pem_fingerprint(scene->cert[i]);
    }
    zl_capture_begin(&scene->log, 2);
    *state = scene;
    return 0;
}

static void start(struct scene *scene)
{
    scene->watch = zl_key_watch_start(scene->cert_file, scene->key_file, scene->http->keys);
}

static void remove_tree(const char *path)
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
            remove_tree(child);
        }
    }
    closedir(folder);
    rmdir(path);
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    void *http = scene->http;
    zl_key_watch_stop(scene->watch);
    ZL_AUTO_FREE char *log = zl_capture_end(&scene->log);
    zl_teardown(&http);
    remove_tree(scene->folder);
    for (int i = 0; i < PAIRS; i++) {
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

/* --- the tests ------------------------------------------------------------------------------ */

static void test_what_the_files_hold_is_served_from_the_start(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    assert_int_equal(shown(scene), A);
    assert_true(says(scene, true, ""));
    assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"loaded\"}"), 1);
    double expires = value_of("zen_lead_certificate_expiration_timestamp_seconds");
    assert_true(expires > (double)time(NULL) + 3500 && expires < (double)time(NULL) + 3700);
}

static void test_kubelets_swap_of_the_link_is_followed(void **state)
{
    struct scene *scene = *state;
    swap_link(scene, A);
    assert_int_equal(symlink("..data/tls.crt", scene->cert_file), 0);
    assert_int_equal(symlink("..data/tls.key", scene->key_file), 0);
    start(scene);
    for (int i = 0; i < 6; i++) {
        int pair = i % 2 == 0 ? B : A;
        swap_link(scene, pair);
        AWAIT(shown(scene) == pair);
    }
    assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"loaded\"}"), 7);
    assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"invalid\"}"), 0);
}

static void test_deleting_and_creating_is_followed_and_the_gap_is_said(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    unlink(scene->cert_file);
    unlink(scene->key_file);
    AWAIT(says(scene, true, "tls.crt: No such file"));
    assert_int_equal(shown(scene), A);
    assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"invalid\"}"), 1);
    write_pair(scene, B, B);
    AWAIT(shown(scene) == B);
    AWAIT(says(scene, true, ""));
}

static void test_half_a_pair_waits_for_the_other_half(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    ZL_AUTO_FREE char *half = zl_strndup(scene->cert[B], strlen(scene->cert[B]) / 2);
    write_text(scene->cert_file, half);
    AWAIT(says(scene, true, "not PEM text with a BEGIN CERTIFICATE"));
    write_text(scene->cert_file, scene->cert[B]);
    AWAIT(says(scene, true, "does not belong to the certificate"));
    assert_int_equal(shown(scene), A);
    write_text(scene->key_file, scene->key[B]);
    AWAIT(shown(scene) == B);
    assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"invalid\"}"), 2);
}

/* Two files, one after the other: every renewal passes through a pair that does not fit. */
static void test_a_pair_that_is_wrong_for_a_moment_is_not_spoken_of(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    /* A round that is held up for a second gives them time to be said: it counts for nothing. */
    int rounds = 0, in_time = 0;
    for (; in_time < 3 && rounds < AT_ONCE_TRIES; rounds++) {
        const int64_t said =
            (int64_t)value_of("zen_lead_certificate_reloads_total{result=\"invalid\"}");
        const int64_t start_ms = zl_clock_ms();
        write_text(scene->key_file, scene->key[B]);
        usleep(200000); /* long enough to be read, not long enough to be said */
        write_text(scene->cert_file, scene->cert[B]);
        AWAIT(shown(scene) == B);
        write_pair(scene, A, A);
        AWAIT(shown(scene) == A);
        if (zl_clock_ms() - start_ms < 1000) {
            assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"invalid\"}"),
                             said);
            in_time++;
        }
    }
    if (rounds == in_time) {
        assert_logged(scene, "not reloaded", 0);
    }
}

static void test_each_change_for_the_worse_is_said_once(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    write_pair(scene, A, B);
    AWAIT(says(scene, true, "does not belong"));
    for (int i = 0; i < 3; i++) {
        write_pair(scene, A, B); /* touched, not changed */
        usleep(150000);
    }
    assert_logged(scene, "not reloaded", 1);
    write_pair(scene, A, C);
    AWAIT(value_of("zen_lead_certificate_reloads_total{result=\"invalid\"}") == 2);
    write_pair(scene, A, A);
    AWAIT(says(scene, true, ""));
    assert_int_equal(shown(scene), A);
    assert_logged(scene, "are again those in use", 1);
}

static void test_an_expired_pair_does_not_replace_a_valid_one(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    write_pair(scene, EXPIRED, EXPIRED);
    AWAIT(says(scene, true, "tls.crt expired at "));
    assert_int_equal(shown(scene), A);
    assert_int_equal(value_of("zen_lead_certificate_reloads_total{result=\"expired\"}"), 1);
    write_pair(scene, B, B);
    AWAIT(shown(scene) == B);
}

static void test_an_expired_pair_is_served_for_want_of_a_better_one_and_is_not_ready(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, EXPIRED, EXPIRED);
    start(scene);
    assert_int_equal(shown(scene), EXPIRED);
    assert_true(says(scene, false, "or run zen-lead-certs"));
    assert_logged(scene, "certificate is not valid: the API server refuses it", 1);
    write_pair(scene, A, A);
    AWAIT(shown(scene) == A);
    assert_true(says(scene, true, ""));
}

static void test_a_certificate_that_should_have_been_renewed_is_warned_of_once(void **state)
{
    struct scene *scene = *state;
    write_pair(scene, A, A);
    start(scene);
    write_pair(scene, ENDING, ENDING);
    AWAIT(shown(scene) == ENDING);
    AWAIT(says(scene, true, "and was not renewed"));
    write_pair(scene, ENDING, ENDING);
    usleep(300000); /* looked at once more */
    assert_logged(scene, "certificate expires soon", 1);
}

static void test_files_and_folder_may_come_later(void **state)
{
    struct scene *scene = *state;
    rmdir(scene->folder);
    start(scene);
    assert_int_equal(shown(scene), NONE);
    assert_true(says(scene, false, "tls.crt: No such file"));
    assert_int_equal(value_of("zen_lead_certificate_expiration_timestamp_seconds"), 0);
    assert_int_equal(mkdir(scene->folder, 0755), 0);
    write_pair(scene, A, A);
    AWAIT(shown(scene) == A);
    assert_true(says(scene, true, ""));
}

static void test_a_folder_that_is_replaced_is_followed(void **state)
{
    struct scene *scene = *state;
    ZL_AUTO_FREE char *aside = zl_asprintf("%s.aside", scene->folder);
    write_pair(scene, A, A);
    start(scene);
    for (int i = 0; i < 3; i++) {
        int pair = i % 2 == 0 ? B : A;
        assert_int_equal(rename(scene->folder, aside), 0);
        remove_tree(aside);
        AWAIT(says(scene, true, "No such file"));
        assert_int_equal(mkdir(scene->folder, 0755), 0);
        write_pair(scene, pair, pair);
        AWAIT(shown(scene) == pair);
    }
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_what_the_files_hold_is_served_from_the_start),
        WITH_FOLDER(test_kubelets_swap_of_the_link_is_followed),
        WITH_FOLDER(test_deleting_and_creating_is_followed_and_the_gap_is_said),
        WITH_FOLDER(test_half_a_pair_waits_for_the_other_half),
        WITH_FOLDER(test_a_pair_that_is_wrong_for_a_moment_is_not_spoken_of),
        WITH_FOLDER(test_each_change_for_the_worse_is_said_once),
        WITH_FOLDER(test_an_expired_pair_does_not_replace_a_valid_one),
        WITH_FOLDER(test_an_expired_pair_is_served_for_want_of_a_better_one_and_is_not_ready),
        WITH_FOLDER(test_a_certificate_that_should_have_been_renewed_is_warned_of_once),
        WITH_FOLDER(test_files_and_folder_may_come_later),
        WITH_FOLDER(test_a_folder_that_is_replaced_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
