/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/parse.h"

#include "common/base/buf.h"
#include "common/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* false: not a decimal number, or beyond 64 bits */
static bool to_i64(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    const char *at = negative ? text + 1 : text;
    if (*at == '\0') {
        return false;
    }
    int64_t value = 0;
    for (; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        int digit =
            negative ? '0' - *at : *at - '0'; /* counts down, so that INT64_MIN is reached */
        if (__builtin_mul_overflow(value, INT64_C(10), &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

enum zl_status zl_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out,
                            struct zl_error *err)
{
    int64_t value = 0;
    if (text == NULL || !to_i64(text, &value) || value < min || value > max) {
        return zl_error_set(err, ZL_E_INVALID,
                            "\"%.40s\" is not a whole number in %" PRId64 "..%" PRId64,
                            text != NULL ? text : "", min, max);
    }
    *out = value;
    return ZL_OK;
}

enum zl_status zl_parse_bool(const char *text, bool *out, struct zl_error *err)
{
    if (zl_same_string(text, "true") || zl_same_string(text, "false")) {
        *out = text[0] == 't';
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID, "\"%.40s\" is neither true nor false",
                        text != NULL ? text : "");
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0..63, or -1 */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

enum zl_status zl_base64_decode(const char *text, char **out, size_t *length, struct zl_error *err)
{
    if (text == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "base64: no text");
    }
    ZL_AUTO_FREE char *bytes = zl_alloc(strlen(text) / 4 * 3 + 4);
    size_t used = 0, digits = 0, padding = 0;
    uint32_t group = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (is_space(*at)) {
            continue;
        }
        int value = base64_value(*at);
        if (*at == '=' && digits % 4 >= 2) {
            padding++;
            value = 0;
        } else if (value < 0 || padding > 0) {
            return zl_error_set(err, ZL_E_INVALID, "base64: unexpected byte 0x%02x at offset %zu",
                                (unsigned)(unsigned char)*at, (size_t)(at - text));
        }
        group = group << 6 | (uint32_t)value;
        if (++digits % 4 == 0) {
            bytes[used++] = (char)(group >> 16 & 0xFF);
            bytes[used++] = (char)(group >> 8 & 0xFF);
            bytes[used++] = (char)(group & 0xFF);
        }
    }
    if (digits % 4 != 0) {
        return zl_error_set(err, ZL_E_INVALID, "base64: the end is missing (%zu digits)", digits);
    }
    used -= padding;
    bytes[used] = '\0';
    *out = ZL_STEAL(&bytes);
    *length = used;
    return ZL_OK;
}

char *zl_base64_encode(const void *bytes, size_t length)
{
    const unsigned char *in = bytes;
    char *text = zl_alloc((length + 2) / 3 * 4 + 1);
    char *at = text;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)in[i] << 16;
        group |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)in[i + 2] : 0;
        *at++ = base64_digits[group >> 18];
        *at++ = base64_digits[group >> 12 & 63];
        *at++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *at++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    return text;
}

static enum zl_status read_all(int fd, const char *path, struct zl_buf *out, struct zl_error *err)
{
    char piece[16 * 1024];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0) {
            return ZL_OK;
        }
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return zl_error_set(err, ZL_E_INVALID, "%s: %s", path, strerror(errno));
        }
        if (!zl_buf_add(out, piece, (size_t)got)) {
            return zl_error_set(err, ZL_E_TOO_LARGE, "%s: larger than %lu bytes", path,
                                ZL_FILE_MAX);
        }
    }
}

enum zl_status zl_file_read(const char *path, char **out, size_t *length, struct zl_error *err)
{
    ZL_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        return zl_error_set(err, absent ? ZL_E_NOT_FOUND : ZL_E_INVALID, "%s: %s", path,
                            strerror(errno));
    }
    ZL_AUTO_BUF struct zl_buf content;
    zl_buf_init(&content, ZL_FILE_MAX);
    enum zl_status status = read_all(fd, path, &content, err); /* a directory fails here: EISDIR */
    if (status != ZL_OK) {
        return status;
    }
    if (length != NULL) {
        *length = content.length;
    }
    *out = zl_buf_take(&content);
    return ZL_OK;
}
