/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - time: monotonic for intervals, wall clock only for what is written into objects.
 *
 * Threads: any.
 */
#ifndef ZL_CLOCK_H
#define ZL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of the monotonic clock: only differences have a meaning. */
int64_t zl_clock_ms(void);
/*
 * Milliseconds of the boot clock, which goes on while the machine sleeps: only differences have a meaning. For limits that
 * others count too.
 */
int64_t zl_clock_boot_ms(void);
/* Milliseconds left until DEADLINE_MS of zl_clock_ms, at least 1: a time-out that is never "none". */
int64_t zl_clock_left_ms(int64_t deadline_ms);
/* Microseconds since 1970 UTC. */
int64_t zl_clock_wall_us(void);

#define ZL_TIME_TEXT_MAX 40
/* RFC 3339 with microseconds ("2026-01-02T03:04:05.000006Z"): Kubernetes' MicroTime, for Leases. */
void zl_time_format_micro(int64_t wall_us, char out[ZL_TIME_TEXT_MAX]);
/* RFC 3339 in whole seconds: Kubernetes' Time, for status and Events. */
void zl_time_format(int64_t wall_us, char out[ZL_TIME_TEXT_MAX]);
/*
 * Parse RFC 3339 with or without a fraction (1 to 9 digits), 'Z' or an offset; false when TEXT (may be
 * NULL) is not one. Like Go's parser it refuses lower-case letters and leap seconds (":60").
 */
bool zl_time_parse(const char *text, int64_t *wall_us);

/* VALUE_MS spread evenly over [value, value * (1 + percent / 100)]: client-go's wait.Jitter. */
int64_t zl_jitter_ms(int64_t value_ms, int percent);
uint64_t zl_random(void); /* 64 random bits from the system */
/* LENGTH random bytes from the system. */
void zl_random_bytes(void *out, uint32_t length);

#endif
