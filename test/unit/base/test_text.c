/* SPDX-License-Identifier: Apache-2.0 */
/* error, memory, buf, utf8 */
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void test_error_set_overwrites_every_field_and_returns_the_status(void **state)
{
    (void)state;
    struct zl_error err = {.http_status = 409, .retry_after_ms = 7, .reason = "Conflict"};
    assert_int_equal(zl_error_set(&err, ZL_E_INVALID, "port %d", 7), ZL_E_INVALID);
    assert_int_equal(err.status, ZL_E_INVALID);
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.reason, "");
    assert_string_equal(err.message, "port 7");
    assert_int_equal(zl_error_set(NULL, ZL_E_GONE, "x"), ZL_E_GONE);
}

static void test_error_wrap_puts_context_before_the_message_and_keeps_the_rest(void **state)
{
    (void)state;
    struct zl_error err = {.status = ZL_E_THROTTLED,
                           .http_status = 429,
                           .retry_after_ms = 1000,
                           .reason = "TooManyRequests",
                           .message = "slow down"};
    assert_int_equal(zl_error_wrap(&err, ZL_E_THROTTLED, "list %s", "pods"), ZL_E_THROTTLED);
    assert_string_equal(err.message, "list pods: slow down");
    assert_int_equal(err.http_status, 429);
    assert_int_equal(err.retry_after_ms, 1000);
    assert_string_equal(err.reason, "TooManyRequests");
    assert_int_equal(zl_error_wrap(NULL, ZL_E_GONE, "x"), ZL_E_GONE);
}

static void test_error_message_may_be_an_argument_of_its_own_replacement(void **state)
{
    (void)state;
    struct zl_error err = {0};
    (void)zl_error_set(&err, ZL_E_INVALID, "inner");
    (void)zl_error_set(&err, ZL_E_DENIED, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
    (void)zl_error_wrap(&err, ZL_E_DENIED, "again %s", err.message);
    assert_string_equal(err.message, "again outer (inner): outer (inner)");
}

static void test_error_message_is_cut_between_characters(void **state)
{
    (void)state;
    for (int shift = 0; shift < 4; shift++) {
        struct zl_error err = {0};
        ZL_AUTO_BUF struct zl_buf text;
        zl_buf_init(&text, 4096);
        (void)zl_buf_printf(&text, "%.*s", shift, "abc");
        for (int i = 0; i < 400; i++) {
            (void)zl_buf_add_text(&text, "\xE2\x82\xAC"); /* the euro sign */
        }
        (void)zl_error_set(&err, ZL_E_INVALID, "%s", text.data);
        size_t length = strlen(err.message);
        assert_in_range(length, sizeof err.message - 4, sizeof err.message - 1);
        for (const char *at = err.message; *at != '\0'; at += zl_utf8_size(at)) {
            assert_int_not_equal(zl_utf8_size(at), 0);
        }
        (void)zl_error_wrap(&err, ZL_E_INVALID, "%s", text.data);
        assert_in_range(strlen(err.message), sizeof err.message - 4, sizeof err.message - 1);
    }
}

static void test_status_names_are_distinct_words(void **state)
{
    (void)state;
    for (int i = ZL_OK; i >= ZL_E_STOPPED; i--) {
        assert_string_not_equal(zl_status_name((enum zl_status)i), "unknown");
        for (int j = i - 1; j >= ZL_E_STOPPED; j--) {
            assert_string_not_equal(zl_status_name((enum zl_status)i),
                                    zl_status_name((enum zl_status)j));
        }
    }
    assert_string_equal(zl_status_name((enum zl_status)1), "unknown");
    assert_string_equal(zl_status_name(ZL_OK), "success"); /* queries of other builds select it */
}

static char *stolen(void)
{
    ZL_AUTO_FREE char *text = zl_strdup("kept");
    return ZL_STEAL(&text);
}

static void test_memory_copies_and_owns_text(void **state)
{
    (void)state;
    assert_null(zl_strdup(NULL));
    ZL_AUTO_FREE char *kept = stolen();
    assert_string_equal(kept, "kept");
    ZL_AUTO_FREE char *part = zl_strndup("abcdef", 3);
    assert_string_equal(part, "abc");
    ZL_AUTO_FREE char *formatted = zl_asprintf("%s-%d", "a", 5);
    assert_string_equal(formatted, "a-5");
    zl_replace_string(&formatted, formatted + 2); /* from within itself */
    assert_string_equal(formatted, "5");
    zl_replace_string(&formatted, NULL);
    assert_null(formatted);
    ZL_AUTO_FREE char *nothing = zl_alloc(0);
    assert_non_null(nothing);
    nothing = zl_realloc(nothing, 0, 8);
    assert_non_null(nothing);
    assert_true(zl_same_string(NULL, NULL));
    assert_false(zl_same_string(NULL, ""));
    assert_false(zl_same_string("a", "b"));
    assert_true(zl_same_string("a", "a"));
}

static void test_auto_close_closes_and_keeps_errno(void **state)
{
    (void)state;
    int number;
    {
        ZL_AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        number = fd;
        errno = ENOSPC;
    }
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(fcntl(number, F_GETFD), -1);
}

static void test_buf_refuses_what_passes_its_maximum_and_stays_unchanged(void **state)
{
    (void)state;
    ZL_AUTO_BUF struct zl_buf buf;
    zl_buf_init(&buf, 5);
    assert_null(buf.data);
    assert_true(zl_buf_add(&buf, "abc", 3));
    assert_false(zl_buf_add(&buf, "def", 3));
    assert_false(zl_buf_printf(&buf, "%d", 123));
    assert_string_equal(buf.data, "abc");
    assert_true(zl_buf_printf(&buf, "%d", 12));
    assert_string_equal(buf.data, "abc12");
    assert_false(zl_buf_add_text(&buf, "x"));
    assert_true(zl_buf_add(&buf, NULL, 0));
    assert_int_equal(buf.length, 5);
}

static void test_buf_grows_drops_resets_and_gives_its_bytes_away(void **state)
{
    (void)state;
    ZL_AUTO_BUF struct zl_buf buf;
    zl_buf_init(&buf, SIZE_MAX);
    zl_buf_drop(&buf, 0);
    zl_buf_reset(&buf);
    for (int i = 0; i < 1000; i++) {
        assert_true(zl_buf_printf(&buf, "%03d,", i));
    }
    assert_int_equal(buf.length, 4000);
    zl_buf_drop(&buf, 3992);
    assert_string_equal(buf.data, "998,999,");
    zl_buf_drop(&buf, 8);
    assert_string_equal(buf.data, "");
    assert_true(zl_buf_add(&buf, "a\0b", 3));
    assert_int_equal(buf.length, 3);
    ZL_AUTO_FREE char *taken = zl_buf_take(&buf);
    assert_memory_equal(taken, "a\0b", 4);
    assert_null(buf.data);
    ZL_AUTO_FREE char *empty = zl_buf_take(&buf);
    assert_string_equal(empty, "");
    assert_true(zl_buf_add_text(&buf, "again"));
    zl_buf_reset(&buf);
    assert_string_equal(buf.data, "");
    zl_buf_clear(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.capacity, 0);
}

static void test_utf8_size_knows_characters_and_refuses_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } rows[] = {
        {"", 0},
        {"a", 1},
        {"\x7F", 1},
        {"\xC3\xA4", 2},
        {"\xE2\x82\xAC", 3},
        {"\xEE\x80\x80", 3},
        {"\xF0\x9F\x98\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"\x80", 0},             /* stray continuation */
        {"\xC0\xAF", 0},         /* overlong */
        {"\xC1\xBF", 0},         /* overlong */
        {"\xE0\x80\xAF", 0},     /* overlong */
        {"\xED\xA0\x80", 0},     /* surrogate */
        {"\xF0\x80\x80\xAF", 0}, /* overlong */
        {"\xF4\x90\x80\x80", 0}, /* beyond U+10FFFF */
        {"\xF5\x80\x80\x80", 0},
        {"\xFF", 0},
        {"\xC3", 0}, /* cut short */
        {"\xE2\x82", 0},
        {"\xF0\x9F\x98", 0},
        {"\xC3z", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (zl_utf8_size(rows[i].text) != rows[i].size) {
            fail_msg("row %zu: %zu", i, zl_utf8_size(rows[i].text));
        }
    }
    static const char euro[] = "a\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const size_t floors[] = {0, 1, 1, 1, 4, 4, 4, 4, 8};
    for (size_t i = 0; i < COUNT(floors); i++) {
        assert_int_equal(zl_utf8_floor(euro, i), floors[i]);
    }
    assert_int_equal(zl_utf8_floor("\x80\x80\x80\x80\x80\x80", 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_set_overwrites_every_field_and_returns_the_status),
        cmocka_unit_test(test_error_wrap_puts_context_before_the_message_and_keeps_the_rest),
        cmocka_unit_test(test_error_message_may_be_an_argument_of_its_own_replacement),
        cmocka_unit_test(test_error_message_is_cut_between_characters),
        cmocka_unit_test(test_status_names_are_distinct_words),
        cmocka_unit_test(test_memory_copies_and_owns_text),
        cmocka_unit_test(test_auto_close_closes_and_keeps_errno),
        cmocka_unit_test(test_buf_refuses_what_passes_its_maximum_and_stays_unchanged),
        cmocka_unit_test(test_buf_grows_drops_resets_and_gives_its_bytes_away),
        cmocka_unit_test(test_utf8_size_knows_characters_and_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
