/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"

#include "common/base/backoff.h"
#include "common/base/log.h"

#include <errno.h>
#include <sys/random.h>

#define US_PER_S INT64_C(1000000)

static int64_t read_ms(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t zl_clock_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t zl_clock_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t zl_clock_wall_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

/* The second that WALL_US lies in, broken down; returns the microseconds into it. */
static int break_down(int64_t wall_us, struct tm *utc)
{
    int64_t seconds = wall_us / US_PER_S;
    int64_t micro = wall_us % US_PER_S;
    if (micro < 0) { /* before 1970 */
        micro += US_PER_S;
        seconds--;
    }
    time_t when = (time_t)seconds;
    *utc = (struct tm){0};
    (void)gmtime_r(&when, utc);
    return (int)micro;
}

/* FRACTION: ".000006", or nothing. */
static void write_time(const struct tm *utc, const char *fraction, char out[ZL_TIME_TEXT_MAX])
{
    char text[128] = ""; /* room for any int in every field, which no compiler can rule out */
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", utc->tm_year + 1900,
                   utc->tm_mon + 1, utc->tm_mday, utc->tm_hour, utc->tm_min, utc->tm_sec, fraction);
    memcpy(out, text, ZL_TIME_TEXT_MAX - 1);
    out[ZL_TIME_TEXT_MAX - 1] = '\0';
}

void zl_time_format_micro(int64_t wall_us, char out[ZL_TIME_TEXT_MAX])
{
    struct tm utc;
    char fraction[16];
    (void)snprintf(fraction, sizeof fraction, ".%06d", break_down(wall_us, &utc));
    write_time(&utc, fraction, out);
}

void zl_time_format(int64_t wall_us, char out[ZL_TIME_TEXT_MAX])
{
    struct tm utc;
    (void)break_down(wall_us, &utc);
    write_time(&utc, "", out);
}

/* Exactly DIGITS digits with a value in MIN..MAX; moves *AT behind them. */
static bool take_number(const char **at, int digits, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    if (value < min || value > max) {
        return false;
    }
    *at += digits;
    *out = value;
    return true;
}

static bool take_char(const char **at, char expected)
{
    if (**at != expected) {
        return false;
    }
    (*at)++;
    return true;
}

/* "2026-01-02T03:04:05"; the day must exist in its month. */
static bool take_date_time(const char **at, int64_t *seconds)
{
    int year, month, day, hour, minute, second;
    if (!take_number(at, 4, 0, 9999, &year) || !take_char(at, '-') ||
        !take_number(at, 2, 1, 12, &month) || !take_char(at, '-') ||
        !take_number(at, 2, 1, 31, &day) || !take_char(at, 'T') ||
        !take_number(at, 2, 0, 23, &hour) || !take_char(at, ':') ||
        !take_number(at, 2, 0, 59, &minute) || !take_char(at, ':') ||
        !take_number(at, 2, 0, 59, &second)) {
        return false;
    }
    struct tm utc = {.tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second};
    time_t when = timegm(&utc);
    *seconds = (int64_t)when;
    return utc.tm_mday == day; /* timegm has turned February 30 into March */
}

/* Nothing, or '.' and 1 to 9 digits; what is finer than a microsecond is dropped. */
static bool take_fraction(const char **at, int64_t *micro)
{
    *micro = 0;
    if (!take_char(at, '.')) {
        return true;
    }
    int digits = 0;
    int64_t nano = 0;
    for (; **at >= '0' && **at <= '9' && digits < 9; digits++, (*at)++) {
        nano = nano * 10 + (**at - '0');
    }
    if (digits == 0) {
        return false;
    }
    for (; digits < 9; digits++) {
        nano *= 10;
    }
    *micro = nano / 1000;
    return true;
}

/* "Z", "+02:00", "-09:30": seconds east of Greenwich. */
static bool take_zone(const char **at, int64_t *east_s)
{
    *east_s = 0;
    if (take_char(at, 'Z')) {
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    int hours, minutes;
    if ((!take_char(at, '+') && !take_char(at, '-')) || !take_number(at, 2, 0, 23, &hours) ||
        !take_char(at, ':') || !take_number(at, 2, 0, 59, &minutes)) {
        return false;
    }
    *east_s = (int64_t)sign * (hours * 3600 + minutes * 60);
    return true;
}

bool zl_time_parse(const char *text, int64_t *wall_us)
{
    if (text == NULL) {
        return false;
    }
    int64_t seconds, micro, east_s;
    if (!take_date_time(&text, &seconds) || !take_fraction(&text, &micro) ||
        !take_zone(&text, &east_s) || *text != '\0') {
        return false;
    }
    *wall_us = (seconds - east_s) * US_PER_S + micro;
    return true;
}

int64_t zl_jitter_ms(int64_t value_ms, int percent)
{
    int64_t span = 0;
    if (value_ms <= 0 || percent <= 0 || __builtin_mul_overflow(value_ms, percent, &span)) {
        return value_ms;
    }
    span /= 100;
    int64_t extra = zl_spread_ms(0, span, zl_random());
    return value_ms > INT64_MAX - extra ? INT64_MAX : value_ms + extra;
}

uint64_t zl_random(void)
{
    uint64_t random = 0;
    zl_random_bytes(&random, sizeof random);
    return random;
}

void zl_random_bytes(void *out, uint32_t length)
{
    char *at = out;
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0 && errno != EINTR) {
            /* a kernel before 3.17, or a sandbox that forbids it: nothing here is safe without */
            ZL_LOG_ERROR("no random numbers from the system", ZL_STR("error", strerror(errno)));
            abort();
        }
        if (got > 0) {
            at += got;
            length -= (uint32_t)got;
        }
    }
}

int64_t zl_clock_left_ms(int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - zl_clock_ms();
    return left_ms > 0 ? left_ms : 1;
}
