/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/error.h"

#include "common/base/utf8.h"

#include <stdarg.h>

/* Through a copy, because the arguments may point into ERR itself. */
static void set_message(struct zl_error *err, const char *text)
{
    size_t length = strlen(text);
    if (length >= sizeof err->message) {
        length = zl_utf8_floor(text, sizeof err->message - 1);
    }
    memmove(err->message, text, length);
    err->message[length] = '\0';
}

enum zl_status zl_error_set(struct zl_error *err, enum zl_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    char text[sizeof err->message + 4];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *err = (struct zl_error){.status = status};
    set_message(err, text);
    return status;
}

enum zl_status zl_error_wrap(struct zl_error *err, enum zl_status status, const char *format, ...)
{
    if (err == NULL) {
        return status;
    }
    char text[2 * sizeof err->message + 4];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof err->message, format, args);
    va_end(args);
    size_t length = strlen(text);
    (void)snprintf(text + length, sizeof text - length, ": %s", err->message);
    err->status = status;
    set_message(err, text);
    return status;
}

const char *zl_status_name(enum zl_status status)
{
    switch (status) {
    case ZL_OK:
        return "success"; /* in metrics, as other builds have it */
    case ZL_E_INVALID:
        return "invalid";
    case ZL_E_NOT_FOUND:
        return "not_found";
    case ZL_E_CONFLICT:
        return "conflict";
    case ZL_E_GONE:
        return "gone";
    case ZL_E_DENIED:
        return "denied";
    case ZL_E_THROTTLED:
        return "throttled";
    case ZL_E_TRANSIENT:
        return "transient";
    case ZL_E_TOO_LARGE:
        return "too_large";
    case ZL_E_STOPPED:
        return "stopped";
    }
    return "unknown";
}
