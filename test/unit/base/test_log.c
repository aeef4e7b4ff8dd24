/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "test/unit/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct cJSON *parsed_line(const char *line)
{
    size_t length = strlen(line);
    assert_true(length > 0 && length <= ZL_LOG_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    if (zl_json_parse(line, length, &tree, &err) != ZL_OK) {
        fail_msg("%s: %s", err.message, line);
    }
    return tree;
}

static void test_line_is_one_json_object_with_time_level_message_and_pairs(void **state)
{
    (void)state;
    struct zl_error err = {0};
    (void)zl_error_set(&err, ZL_E_GONE, "too old");
    struct zl_capture capture;
    zl_capture_begin(&capture, STDERR_FILENO);
    ZL_LOG_INFO("lease claimed", ZL_STR("namespace", "a"), ZL_I64("fencingToken", 7),
                ZL_BOOL("dryRun", false), ZL_STR("pod", NULL), ZL_ERR(&err));
    ZL_AUTO_FREE char *line = zl_capture_end(&capture);
    assert_int_equal(strlen("2026-01-02T03:04:05.000Z"), 24);
    assert_memory_equal(line, "{\"ts\":\"2", 8);
    assert_int_equal(line[7 + 10], 'T');
    assert_int_equal(line[7 + 19], '.');
    assert_string_equal(
        line + 7 + 23, "Z\",\"level\":\"info\",\"msg\":\"lease claimed\",\"namespace\":\"a\","
                       "\"fencingToken\":7,\"dryRun\":false,\"pod\":null,\"error\":\"too old\"}\n");
}

static void test_line_needs_no_pairs_and_fits_an_if_without_braces(void **state)
{
    (void)state;
    struct zl_capture capture;
    zl_capture_begin(&capture, STDERR_FILENO);
    for (int i = 0; i < 2; i++) {
        if (i == 0) {
            ZL_LOG_WARN("first");
        } else {
            ZL_LOG_ERROR("second");
        }
    }
    ZL_AUTO_FREE char *lines = zl_capture_end(&capture);
    assert_non_null(strstr(lines, "\"level\":\"warn\",\"msg\":\"first\"}\n"));
    assert_non_null(strstr(lines, "\"level\":\"error\",\"msg\":\"second\"}\n"));
}

static void test_levels_below_the_chosen_one_are_dropped(void **state)
{
    (void)state;
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < COUNT(names); i++) {
        enum zl_log_level level = ZL_LOG_LEVEL_DEBUG;
        assert_true(zl_log_level_parse(names[i], &level));
        zl_log_set_level(level);
        struct zl_capture capture;
        zl_capture_begin(&capture, STDERR_FILENO);
        ZL_LOG_DEBUG("m");
        ZL_LOG_INFO("m");
        ZL_LOG_WARN("m");
        ZL_LOG_ERROR("m");
        ZL_AUTO_FREE char *lines = zl_capture_end(&capture);
        for (size_t j = 0; j < COUNT(names); j++) {
            assert_int_equal(strstr(lines, names[j]) != NULL, j >= i);
        }
    }
    zl_log_set_level(ZL_LOG_LEVEL_INFO);
    enum zl_log_level level = ZL_LOG_LEVEL_WARN;
    assert_false(zl_log_level_parse("INFO", &level));
    assert_false(zl_log_level_parse("", &level));
    assert_false(zl_log_level_parse(NULL, &level));
    assert_int_equal(level, ZL_LOG_LEVEL_WARN);
}

static void test_values_are_escaped_and_always_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"", "\"\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"line\nbreak\ttab\x1b[31m\x7f", "\"line\\u000abreak\\u0009tab\\u001b[31m\\u007f\""},
        {"\xE2\x82\xAC \xF0\x9F\x98\x80", "\"\xE2\x82\xAC \xF0\x9F\x98\x80\""},
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zl_capture capture;
        zl_capture_begin(&capture, STDERR_FILENO);
        ZL_LOG_INFO("m", ZL_STR("k\"", rows[i].text));
        ZL_AUTO_FREE char *line = zl_capture_end(&capture);
        ZL_AUTO_JSON struct cJSON *tree = parsed_line(line);
        assert_non_null(zl_json_at(tree, "k\"", NULL));
        ZL_AUTO_FREE char *expected = zl_asprintf("\"k\\\"\":%s}\n", rows[i].written);
        assert_non_null(strstr(line, expected));
    }
}

static void test_long_values_are_cut_and_leave_room_for_the_next(void **state)
{
    (void)state;
    static const char *const units[] = {"x",   "\"", "\x01", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                        "\xFF"};
    for (size_t unit = 0; unit < COUNT(units); unit++) {
        char text[8192];
        size_t size = strlen(units[unit]);
        for (size_t i = 0; i < sizeof text - 8; i += size) {
            memcpy(text + i, units[unit], size + 1);
        }
        for (size_t pairs = 1; pairs <= 8; pairs++) {
            const struct zl_log_pair all[] = {
                ZL_STR("a", text), ZL_I64("b", INT64_MIN), ZL_STR("c", text), ZL_STR("d", text),
                ZL_STR("e", text), ZL_STR("f", text),      ZL_I64("g", 1),    ZL_STR("h", text),
            };
            struct zl_capture capture;
            zl_capture_begin(&capture, STDERR_FILENO);
            zl_log_write(ZL_LOG_LEVEL_INFO, "m", all, pairs);
            ZL_AUTO_FREE char *line = zl_capture_end(&capture);
            ZL_AUTO_JSON struct cJSON *tree = parsed_line(line);
            assert_true(zl_json_bool(tree, false, "cut", NULL));
            assert_string_equal(zl_json_text(tree, "msg", NULL), "m");
            assert_in_range(strlen(zl_json_text(tree, "a", NULL)), 150, ZL_KIB);
            assert_true(pairs < 2 || zl_json_at(tree, "b", NULL) != NULL);
        }
    }
}

static void test_every_length_near_the_bound_gives_valid_json(void **state)
{
    (void)state;
    char text[1100];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (size_t length = 850; length < 1060; length++) {
        char last[1100];
        memset(last, 'y', sizeof last);
        last[length] = '\0';
        struct zl_capture capture;
        zl_capture_begin(&capture, STDERR_FILENO);
        ZL_LOG_INFO("m", ZL_STR("a", text), ZL_STR("b", text), ZL_STR("c", text), ZL_STR("d", last),
                    ZL_STR("e", "short"), ZL_BOOL("f", true));
        ZL_AUTO_FREE char *line = zl_capture_end(&capture);
        ZL_AUTO_JSON struct cJSON *tree = parsed_line(line);
        assert_non_null(zl_json_at(tree, "c", NULL));
    }
    struct zl_capture capture;
    zl_capture_begin(&capture, STDERR_FILENO);
    ZL_AUTO_FREE char *key = zl_alloc(ZL_LOG_LINE_MAX);
    memset(key, 'k', ZL_LOG_LINE_MAX - 1);
    ZL_LOG_INFO(key, ZL_I64(key, 1), ZL_I64("n", 2));
    ZL_AUTO_FREE char *line = zl_capture_end(&capture);
    ZL_AUTO_JSON struct cJSON *tree = parsed_line(line);
    assert_null(zl_json_at(tree, key, NULL));
    assert_int_equal(zl_json_i64(tree, -1, "n", NULL), 2);
}

static void test_a_line_keeps_errno_even_where_nobody_reads(void **state)
{
    (void)state;
    assert_true(ZL_LOG_LINE_MAX <= PIPE_BUF); /* what makes a line whole on a pipe */
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(close(STDERR_FILENO), 0);
    errno = ENOSPC;
    ZL_LOG_INFO("m");
    int after = errno;
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(saved), 0);
    assert_int_equal(after, ENOSPC);
}

#define THREADS 4
#define LINES 200

static void *write_lines(void *unused)
{
    (void)unused;
    for (int i = 0; i < LINES; i++) {
        ZL_LOG_INFO("m", ZL_STR("a", "some text"), ZL_I64("i", i));
    }
    return NULL;
}

static void test_lines_of_threads_do_not_interleave(void **state)
{
    (void)state;
    struct zl_capture capture;
    zl_capture_begin(&capture, STDERR_FILENO);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    ZL_AUTO_FREE char *lines = zl_capture_end(&capture);
    size_t count = 0;
    for (char *at = lines; *at != '\0'; count++) {
        char *end = strchr(at, '\n');
        assert_non_null(end);
        struct cJSON *tree = NULL;
        assert_int_equal(zl_json_parse(at, (size_t)(end - at), &tree, NULL), ZL_OK);
        zl_json_free(tree);
        at = end + 1;
    }
    assert_int_equal(count, THREADS * LINES);
}

static void test_out_of_memory_is_one_line_and_an_abort(void **state)
{
    (void)state;
    struct zl_capture capture;
    zl_capture_begin(&capture, STDERR_FILENO);
    pid_t child = fork();
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)signal(SIGABRT, SIG_DFL);
        free(zl_realloc(NULL, SIZE_MAX, 2)); /* an overflow: no allocator is asked */
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    ZL_AUTO_FREE char *line = zl_capture_end(&capture);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    ZL_AUTO_JSON struct cJSON *tree = parsed_line(line);
    assert_string_equal(zl_json_text(tree, "msg", NULL), "out of memory");
    assert_string_equal(zl_json_text(tree, "level", NULL), "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_is_one_json_object_with_time_level_message_and_pairs),
        cmocka_unit_test(test_line_needs_no_pairs_and_fits_an_if_without_braces),
        cmocka_unit_test(test_levels_below_the_chosen_one_are_dropped),
        cmocka_unit_test(test_values_are_escaped_and_always_utf8),
        cmocka_unit_test(test_long_values_are_cut_and_leave_room_for_the_next),
        cmocka_unit_test(test_every_length_near_the_bound_gives_valid_json),
        cmocka_unit_test(test_a_line_keeps_errno_even_where_nobody_reads),
        cmocka_unit_test(test_lines_of_threads_do_not_interleave),
        cmocka_unit_test(test_out_of_memory_is_one_line_and_an_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
