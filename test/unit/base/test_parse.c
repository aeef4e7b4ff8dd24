/* SPDX-License-Identifier: Apache-2.0 */
/* parse and clock */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/parse.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void test_time_is_parsed_as_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_us;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-02T03:04:05Z", 1767323045000000},
        {"2026-01-02T03:04:05.000006Z", 1767323045000006},
        {"2026-01-02T03:04:05.5Z", 1767323045500000},
        {"2026-01-02T03:04:05.123456789Z", 1767323045123456},
        {"2026-01-02T05:04:05+02:00", 1767323045000000},
        {"2026-01-01T17:34:05.25-09:30", 1767323045250000},
        {"2026-01-02T03:04:05-00:00", 1767323045000000},
        {"2024-02-29T00:00:00Z", 1709164800000000},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"0001-01-01T00:00:00Z", -62135596800000000}, /* Go's zero time */
        {"9999-12-31T23:59:59Z", 253402300799000000},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t wall_us = 42;
        if (!zl_time_parse(good[i].text, &wall_us) || wall_us != good[i].wall_us) {
            fail_msg("%s: %lld", good[i].text, (long long)wall_us);
        }
    }
}

static void test_time_refuses_what_is_not_rfc_3339(void **state)
{
    (void)state;
    static const char *const bad[] = {
        NULL,
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-01-02t03:04:05z",
        " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z ",
        "2026-1-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2026-02-30T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-06-30T23:59:60Z", /* a leap second: Go refuses it too */
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05.1234567890Z",
        "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+02:60",
        "2026-01-02T03:04:05+2:00",
        "2026-01-02T03:04:05*02:00",
        "20260102T030405Z",
        "-026-01-02T03:04:05Z",
        "02026-01-02T03:04:05Z",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t wall_us = 42;
        if (zl_time_parse(bad[i], &wall_us) || wall_us != 42) {
            fail_msg("%s was accepted", bad[i]);
        }
    }
}

static void test_time_is_written_so_that_it_reads_back(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_us;
        const char *micro, *seconds;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z"},
        {1767323045000006, "2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05Z"},
        {-1, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59Z"},
        {-62135596800000000, "0001-01-01T00:00:00.000000Z", "0001-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[ZL_TIME_TEXT_MAX];
        int64_t back = 42;
        zl_time_format_micro(rows[i].wall_us, text);
        assert_string_equal(text, rows[i].micro);
        assert_true(zl_time_parse(text, &back));
        assert_int_equal(back, rows[i].wall_us);
        zl_time_format(rows[i].wall_us, text);
        assert_string_equal(text, rows[i].seconds);
    }
    char text[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(INT64_MAX, text); /* only must not overflow */
    zl_time_format_micro(INT64_MIN, text);
}

static void test_clocks_and_jitter_stay_in_range(void **state)
{
    (void)state;
    int64_t before = zl_clock_ms();
    assert_true(zl_clock_ms() >= before);
    assert_int_equal(zl_clock_left_ms(before - 5), 1);
    assert_in_range(zl_clock_left_ms(zl_clock_ms() + 60000), 1, 60000);
    assert_true(zl_clock_left_ms(INT64_MAX) > 60000);
    assert_true(zl_clock_wall_us() > INT64_C(1700000000000000));
    bool differs = false;
    for (int i = 0; i < 1000; i++) {
        int64_t value = zl_jitter_ms(1000, 20);
        assert_in_range(value, 1000, 1200);
        differs |= value != 1000;
    }
    assert_true(differs);
    assert_int_equal(zl_jitter_ms(1000, 0), 1000);
    assert_int_equal(zl_jitter_ms(0, 50), 0);
    assert_int_equal(zl_jitter_ms(-5, 50), -5);
    assert_int_equal(zl_jitter_ms(INT64_MAX, 50), INT64_MAX);
}

static void test_random_bytes_fill_exactly_the_room(void **state)
{
    (void)state;
    unsigned char bytes[66] = {0};
    unsigned char seen = 0;
    for (int i = 0; i < 8; i++) {
        zl_random_bytes(bytes + 1, 64);
        assert_int_equal(bytes[0], 0);
        assert_int_equal(bytes[65], 0);
        seen |= bytes[64];
    }
    assert_int_not_equal(seen, 0);
    zl_random_bytes(bytes, 0);
}

static void test_parse_i64_accepts_whole_decimal_numbers_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max;
        bool good;
        int64_t value;
    } rows[] = {
        {"0", 0, 0, true, 0},
        {"-0", 0, 0, true, 0},
        {"007", 0, 10, true, 7},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"99999999999999999999", INT64_MIN, INT64_MAX, false, 0},
        {"65535", 1, 65535, true, 65535},
        {"65536", 1, 65535, false, 0},
        {"0", 1, 65535, false, 0},
        {NULL, INT64_MIN, INT64_MAX, false, 0},
        {"", INT64_MIN, INT64_MAX, false, 0},
        {"-", INT64_MIN, INT64_MAX, false, 0},
        {"+1", INT64_MIN, INT64_MAX, false, 0},
        {" 1", INT64_MIN, INT64_MAX, false, 0},
        {"1 ", INT64_MIN, INT64_MAX, false, 0},
        {"1x", INT64_MIN, INT64_MAX, false, 0},
        {"0x10", INT64_MIN, INT64_MAX, false, 0},
        {"1.0", INT64_MIN, INT64_MAX, false, 0},
        {"1e3", INT64_MIN, INT64_MAX, false, 0},
        {"--1", INT64_MIN, INT64_MAX, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 42;
        struct zl_error err = {0};
        enum zl_status status = zl_parse_i64(rows[i].text, rows[i].min, rows[i].max, &value, &err);
        if ((status == ZL_OK) != rows[i].good || value != (rows[i].good ? rows[i].value : 42)) {
            fail_msg("%s: %lld, %s", rows[i].text, (long long)value, err.message);
        }
        assert_true(rows[i].good || status == ZL_E_INVALID);
    }
}

static void test_parse_bool_knows_two_words(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL, "", "True", "TRUE", "yes", "1", "true ", "falsee"};
    bool value = false;
    assert_int_equal(zl_parse_bool("true", &value, NULL), ZL_OK);
    assert_true(value);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(zl_parse_bool(bad[i], &value, NULL), ZL_E_INVALID);
        assert_true(value);
    }
    assert_int_equal(zl_parse_bool("false", &value, NULL), ZL_OK);
    assert_false(value);
}

static void test_base64_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *coded;
    } rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xFF\xFE", "+//+"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ZL_AUTO_FREE char *coded = zl_base64_encode(rows[i].plain, strlen(rows[i].plain));
        assert_string_equal(coded, rows[i].coded);
        ZL_AUTO_FREE char *plain = NULL;
        size_t length = 42;
        assert_int_equal(zl_base64_decode(rows[i].coded, &plain, &length, NULL), ZL_OK);
        assert_int_equal(length, strlen(rows[i].plain));
        assert_string_equal(plain, rows[i].plain);
    }
    ZL_AUTO_FREE char *spaced = NULL;
    size_t length = 0;
    assert_int_equal(zl_base64_decode(" Zm9v\r\n YmE\t=\n", &spaced, &length, NULL), ZL_OK);
    assert_string_equal(spaced, "fooba");
    assert_int_equal(length, 5);
}

static void test_base64_survives_every_byte(void **state)
{
    (void)state;
    unsigned char all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (unsigned char)i;
    }
    for (size_t size = 0; size <= sizeof all; size++) {
        ZL_AUTO_FREE char *coded = zl_base64_encode(all, size);
        ZL_AUTO_FREE char *plain = NULL;
        size_t length = 0;
        assert_int_equal(zl_base64_decode(coded, &plain, &length, NULL), ZL_OK);
        assert_int_equal(length, size);
        assert_memory_equal(plain, all, size);
    }
}

static void test_base64_refuses_damage(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL,          "Z",     "Zg",   "Zg=",   "Zm8",
                                      "=",           "====",  "Z===", "Zg==Z", "Zg==Zg==",
                                      "Zg=\xC3\xA4", "Zm9v!", "Zm-_", "Zg=a",  "Zg==="};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *plain = NULL;
        size_t length = 42;
        if (zl_base64_decode(bad[i], &plain, &length, NULL) != ZL_E_INVALID) {
            fail_msg("%s was accepted", bad[i]);
        }
        assert_null(plain);
    }
}

static void write_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(fputc((int)(i & 0xFF), file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static void test_file_read_returns_the_whole_file_within_its_bound(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        enum zl_status status;
    } rows[] = {
        {0, ZL_OK},
        {1000, ZL_OK},
        {16 * ZL_KIB, ZL_OK},
        {ZL_FILE_MAX, ZL_OK},
        {ZL_FILE_MAX + 1, ZL_E_TOO_LARGE},
    };
    char path[] = "/tmp/zl-test-text-XXXXXX";
    ZL_AUTO_CLOSE int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        write_file(path, rows[i].size);
        ZL_AUTO_FREE char *content = NULL;
        size_t length = 42;
        struct zl_error err = {0};
        assert_int_equal(zl_file_read(path, &content, &length, &err), rows[i].status);
        if (rows[i].status == ZL_OK) {
            assert_int_equal(length, rows[i].size);
            assert_int_equal(content[length], 0);
            assert_true(length == 0 || content[length - 1] == (char)((length - 1) & 0xFF));
        } else {
            assert_null(content);
            assert_non_null(strstr(err.message, path));
        }
    }
    assert_int_equal(unlink(path), 0);
    char *content = NULL;
    struct zl_error err = {0};
    assert_int_equal(zl_file_read(path, &content, NULL, &err), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(zl_file_read("/tmp", &content, NULL, NULL), ZL_E_INVALID);
    assert_int_equal(zl_file_read("/dev/null/x", &content, NULL, NULL), ZL_E_NOT_FOUND);
    assert_null(content);
}

static void test_go_durations_are_read(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"10s", 10000}, {"1h30m", 5400000}, {"1.5s", 1500}, {"300ms", 300},
        {"0", 0},       {"0s", 0},          {"1us", 1},     {"1ns", 1},
        {".5s", 500},   {"+1s", 1000},      {"", -1},       {"10", -1},
        {"s", -1},      {"-1s", -1},        {"1d", -1},     {" 1s", -1},
        {"1s ", -1},    {"1..5s", -1},      {".", -1},      {"99999999999999999999999999h", -1},
        {"9000h", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = -1;
        bool read = zl_parse_duration(rows[i].text, &ms);
        if (read != (rows[i].ms >= 0) || ms != rows[i].ms) {
            fail_msg("\"%s\": %lld", rows[i].text, (long long)ms);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_go_durations_are_read),
        cmocka_unit_test(test_time_is_parsed_as_rfc_3339),
        cmocka_unit_test(test_time_refuses_what_is_not_rfc_3339),
        cmocka_unit_test(test_time_is_written_so_that_it_reads_back),
        cmocka_unit_test(test_clocks_and_jitter_stay_in_range),
        cmocka_unit_test(test_random_bytes_fill_exactly_the_room),
        cmocka_unit_test(test_parse_i64_accepts_whole_decimal_numbers_in_range),
        cmocka_unit_test(test_parse_bool_knows_two_words),
        cmocka_unit_test(test_base64_goes_both_ways),
        cmocka_unit_test(test_base64_survives_every_byte),
        cmocka_unit_test(test_base64_refuses_damage),
        cmocka_unit_test(test_file_read_returns_the_whole_file_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
