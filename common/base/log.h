/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - structured log: one JSON object per line to standard error.
 *
 *     ZL_LOG_INFO("lease claimed", ZL_STR("namespace", ns), ZL_I64("fencingToken", token));
 *     {"ts":"2026-01-02T03:04:05.000Z","level":"info","msg":"lease claimed","namespace":"a","fencingToken":7}
 *
 * MSG is a constant; what varies goes into the pairs. Never tokens, Secret data or whole objects.
 * A NULL string is written as null. Values end after 1 KiB, lines after ZL_LOG_LINE_MAX; a line that lost
 * something says "cut":true.
 *
 * Threads: any; a line is written by one write() and never interleaves.
 */
#ifndef ZL_LOG_H
#define ZL_LOG_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zl_log_level {
    ZL_LOG_LEVEL_DEBUG,
    ZL_LOG_LEVEL_INFO,
    ZL_LOG_LEVEL_WARN,
    ZL_LOG_LEVEL_ERROR,
    ZL_LOG_LEVEL_NONE, /* for zl_log_set_level alone: a library says nothing */
};

enum zl_log_kind { ZL_LOG_KIND_STR, ZL_LOG_KIND_I64, ZL_LOG_KIND_BOOL };

struct zl_log_pair {
    const char *key;
    enum zl_log_kind kind;
    const char *text;
    int64_t number;
};

#define ZL_STR(key_, text_) ((struct zl_log_pair){(key_), ZL_LOG_KIND_STR, (text_), 0})
#define ZL_I64(key_, number_)                                                                      \
    ((struct zl_log_pair){(key_), ZL_LOG_KIND_I64, NULL, (int64_t)(number_)})
#define ZL_BOOL(key_, value_)                                                                      \
    ((struct zl_log_pair){(key_), ZL_LOG_KIND_BOOL, NULL, (value_) ? 1 : 0})
/* the pair "error": the message of a struct zl_error */
#define ZL_ERR(err_) ZL_STR("error", (err_)->message)

/* Lines below LEVEL are dropped. Default: info. */
void zl_log_set_level(enum zl_log_level level);
/* "debug", "info", "warn", "error"; false for anything else */
bool zl_log_level_parse(const char *text, enum zl_log_level *out);

void zl_log_write(enum zl_log_level level, const char *msg, const struct zl_log_pair *pairs,
                  size_t count);

/* ZL_LOG_AT(level, msg, pair, ...): the pairs may be absent, so an empty one ends them. */
#define ZL_LOG_AT(level_, ...) ZL_LOG_PAIRS((level_), __VA_ARGS__, ((struct zl_log_pair){0}))
#define ZL_LOG_PAIRS(level_, msg_, ...)                                                            \
    do {                                                                                           \
        const struct zl_log_pair zl_log_pairs_[] = {__VA_ARGS__};                                  \
        zl_log_write((level_), (msg_), zl_log_pairs_,                                              \
                     sizeof zl_log_pairs_ / sizeof zl_log_pairs_[0] - 1);                          \
    } while (0)
#define ZL_LOG_DEBUG(...) ZL_LOG_AT(ZL_LOG_LEVEL_DEBUG, __VA_ARGS__)
#define ZL_LOG_INFO(...) ZL_LOG_AT(ZL_LOG_LEVEL_INFO, __VA_ARGS__)
#define ZL_LOG_WARN(...) ZL_LOG_AT(ZL_LOG_LEVEL_WARN, __VA_ARGS__)
#define ZL_LOG_ERROR(...) ZL_LOG_AT(ZL_LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
