/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/log.h"

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

/* One long value must not push the pairs behind it off the line. */
#define VALUE_MAX ZL_KIB
/* What closes any line, so that a cut one is still an object: the quote of the value, this, newline. */
#define CUT_MARK ",\"cut\":true"
#define TAIL_MAX (sizeof "\"" CUT_MARK "}\n" - 1)

struct line {
    size_t length;
    bool cut; /* something did not fit */
    char bytes[ZL_LOG_LINE_MAX];
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static atomic_int lowest_level = ZL_LOG_LEVEL_INFO;

void zl_log_set_level(enum zl_log_level level)
{
    atomic_store_explicit(&lowest_level, (int)level, memory_order_relaxed);
}

bool zl_log_level_parse(const char *text, enum zl_log_level *out)
{
    for (size_t i = 0; text != NULL && i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum zl_log_level)i;
            return true;
        }
    }
    return false;
}

static bool fits(const struct line *line, size_t extra)
{
    return line->length + extra <= sizeof line->bytes - TAIL_MAX;
}

/* The callers have asked fits(), or write the tail that is kept free. */
static void put(struct line *line, const char *text, size_t length)
{
    memcpy(line->bytes + line->length, text, length);
    line->length += length;
}

/* The JSON form of the character at *TEXT into OUT; moves *TEXT behind it. */
static size_t escape(const char **text, char out[8])
{
    char c = **text;
    size_t size = zl_utf8_size(*text);
    *text += size > 0 ? size : 1;
    if (c == '"' || c == '\\') {
        return (size_t)snprintf(out, 8, "\\%c", c);
    }
    if ((c >= 0 && c < 0x20) || c == 0x7F) {
        return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)c);
    }
    if (size == 0) {
        return (size_t)snprintf(out, 8, "%s", ZL_UTF8_REPLACEMENT);
    }
    memcpy(out, *text - size, size);
    return size;
}

/* A quoted string, cut at a character's end when it is too long; the quotes always match. */
static void put_text(struct line *line, const char *text, size_t max)
{
    size_t start = line->length;
    put(line, "\"", 1);
    while (*text != '\0') {
        char escaped[8];
        size_t size = escape(&text, escaped);
        if (!fits(line, size) || line->length - start + size > max) {
            line->cut = true;
            break;
        }
        put(line, escaped, size);
    }
    put(line, "\"", 1);
}

static void put_value(struct line *line, const struct zl_log_pair *pair)
{
    char text[24];
    switch (pair->kind) {
    case ZL_LOG_KIND_STR:
        if (pair->text != NULL) {
            put_text(line, pair->text, VALUE_MAX);
        } else {
            put(line, "null", 4);
        }
        return;
    case ZL_LOG_KIND_I64:
        put(line, text, (size_t)snprintf(text, sizeof text, "%" PRId64, pair->number));
        return;
    case ZL_LOG_KIND_BOOL:
        put(line, pair->number != 0 ? "true" : "false", pair->number != 0 ? 4 : 5);
        return;
    }
    put(line, "null", 4);
}

/* A pair is there with its whole key, or not at all. */
static void put_pair(struct line *line, const struct zl_log_pair *pair)
{
    const char *key = pair->key != NULL ? pair->key : "";
    size_t worst = sizeof ",\"\":" + 6 * strlen(key) + sizeof "-9223372036854775808";
    if (!fits(line, worst)) {
        line->cut = true;
        return;
    }
    put(line, ",", 1);
    put_text(line, key, SIZE_MAX);
    put(line, ":", 1);
    put_value(line, pair);
}

static void put_time(struct line *line)
{
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us(), now);
    put(line, "{\"ts\":\"", 7);
    put(line, now, sizeof "2026-01-02T03:04:05.000" - 1);
    put(line, "Z\"", 2);
}

void zl_log_write(enum zl_log_level level, const char *msg, const struct zl_log_pair *pairs,
                  size_t count)
{
    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed)) {
        return;
    }
    int saved = errno; /* a log line must not disturb the report of a failure */
    struct line line;
    line.length = 0;
    line.cut = false;
    put_time(&line);
    put_pair(&line, &ZL_STR("level", level_names[level]));
    put_pair(&line, &ZL_STR("msg", msg));
    for (size_t i = 0; i < count; i++) {
        put_pair(&line, &pairs[i]);
    }
    if (line.cut) {
        put(&line, CUT_MARK, sizeof CUT_MARK - 1);
    }
    put(&line, "}\n", 2);
    /* One call, at most PIPE_BUF bytes: whole or not at all, also when several threads write. */
    while (write(STDERR_FILENO, line.bytes, line.length) < 0 && errno == EINTR) {
    }
    errno = saved;
}
