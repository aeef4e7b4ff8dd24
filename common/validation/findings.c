/* SPDX-License-Identifier: Apache-2.0 */
#include "common/validation/findings.h"

#include "common/base/buf.h"
#include "common/base/utf8.h"

#include <stdarg.h>
#include <string.h>

enum {
    MESSAGE_MAX = 512,
    WARNING_MAX = 256, /* the API server cuts longer ones */
    TEXT_MAX = ZL_FINDINGS_MAX * 2 * MESSAGE_MAX,
};

void zl_findings_clear(struct zl_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].field);
        free(findings->items[i].message);
    }
    *findings = (struct zl_findings){0};
}

static void add(struct zl_findings *findings, const char *cause, const char *field,
                const char *format, va_list arguments) ZL_PRINTF(4, 0);

static void add(struct zl_findings *findings, const char *cause, const char *field,
                const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];
    if (findings->count == ZL_FINDINGS_MAX) {
        return;
    }
    (void)vsnprintf(message, sizeof message, format, arguments);
    findings->items[findings->count++] = (struct zl_finding){
        .cause = cause, .field = zl_strdup(field), .message = zl_strdup(message)};
}

void zl_findings_error(struct zl_findings *findings, const char *cause, const char *field,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, cause, field, format, arguments);
    va_end(arguments);
}

void zl_findings_warn(struct zl_findings *findings, const char *field, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, NULL, field, format, arguments);
    va_end(arguments);
}

size_t zl_findings_errors(const struct zl_findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        count += findings->items[i].cause != NULL;
    }
    return count;
}

char *zl_findings_text(const struct zl_findings *findings)
{
    bool several = zl_findings_errors(findings) > 1;
    const char *separator = several ? "[" : "";
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < findings->count; i++) {
        const struct zl_finding *finding = &findings->items[i];
        if (finding->cause != NULL) {
            (void)zl_buf_printf(&text, "%s%s: %s", separator, finding->field, finding->message);
            separator = ", ";
        }
    }
    (void)zl_buf_add_text(&text, several ? "]" : "");
    return zl_buf_take(&text);
}

struct cJSON *zl_findings_causes(const struct zl_findings *findings)
{
    struct cJSON *causes = zl_json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct zl_finding *finding = &findings->items[i];
        if (finding->cause != NULL) {
            struct cJSON *cause = zl_json_object();
            zl_json_set_text(cause, "reason", finding->cause);
            zl_json_set_text(cause, "message", finding->message);
            zl_json_set_text(cause, "field", finding->field);
            zl_json_append(causes, cause);
        }
    }
    return causes;
}

size_t zl_findings_warnings(const struct zl_findings *findings, char **out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count && count < max; i++) {
        const struct zl_finding *finding = &findings->items[i];
        if (finding->cause == NULL) {
            char *text = zl_asprintf("%s: %s", finding->field, finding->message);
            size_t length = strlen(text);
            text[zl_utf8_floor(text, length < WARNING_MAX ? length : WARNING_MAX)] = '\0';
            out[count++] = text;
        }
    }
    return count;
}
