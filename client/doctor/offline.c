/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/offline.h"

#include "client/cli/connection.h"
#include "client/cli/exit_codes.h"
#include "client/cli/mark.h"
#include "client/doctor/manifests.h"
#include "client/status/pools.h"
#include "common/base/buf.h"
#include "common/base/limits.h"

#include <errno.h>

struct sums {
    size_t objects, refused, warnings, elsewhere;
};

static enum zl_status read_text(const char *path, struct zl_buf *out, struct zl_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "option --filename: %s: %s", path, strerror(errno));
    }
    char block[16384];
    size_t got = 0;
    bool fits = true;
    errno = 0;
    while (fits && (got = fread(block, 1, sizeof block, file)) > 0) {
        fits = zl_buf_add(out, block, got);
    }
    const int why = ferror(file) != 0 ? errno : 0;
    if (file != stdin) {
        (void)fclose(file);
    }
    if (!fits) {
        return zl_error_set(err, ZL_E_INVALID, "option --filename: %s is larger than %lu MiB", path,
                            ZL_ANSWER_MAX / ZL_MIB);
    }
    return why != 0
               ? zl_error_set(err, ZL_E_INVALID, "option --filename: %s: %s", path, strerror(why))
               : ZL_OK;
}

static struct sums sums_of(const struct zl_manifests *manifests)
{
    struct sums sums = {.objects = manifests->count};
    for (size_t i = 0; i < manifests->count; i++) {
        const struct zl_manifest *item = &manifests->items[i];
        const size_t errors = zl_findings_errors(&item->findings);
        sums.refused += errors > 0;
        sums.warnings += item->findings.count - errors;
        sums.elsewhere += item->elsewhere != NULL;
    }
    return sums;
}

/* --- lines --- */

static bool is_shown(const struct zl_offline *offline, const struct zl_manifest *item)
{
    if (offline->brief) {
        return zl_findings_errors(&item->findings) > 0;
    }
    return item->findings.count > 0 || item->elsewhere != NULL ||
           (item->concerns_us && strcmp(offline->output, "wide") == 0);
}

static void print_item(const struct zl_offline *offline, const struct zl_manifest *item)
{
    (void)printf("%s:%zu  %s %s%s%s\n", offline->path, item->line, item->kind, item->namespace_,
                 item->namespace_[0] != '\0' ? "/" : "", item->name);
    for (size_t i = 0; i < item->findings.count; i++) {
        const struct zl_finding *finding = &item->findings.items[i];
        if (finding->cause != NULL || !offline->brief) {
            (void)printf("  %s %s: %s\n",
                         zl_mark(finding->cause != NULL ? ZL_MARK_BAD : ZL_MARK_WARNING),
                         finding->field, finding->message);
        }
    }
    if (item->elsewhere != NULL && !offline->brief) {
        (void)printf("  %s these manifests have no LeaderPolicy \"%s\"; the cluster must\n",
                     zl_mark(ZL_MARK_UNKNOWN), item->elsewhere);
    } else if (item->findings.count == 0) {
        (void)printf("  %s\n", zl_mark(ZL_MARK_GOOD));
    }
}

static void print_lines(const struct zl_offline *offline, const struct zl_manifests *manifests)
{
    const struct sums sums = sums_of(manifests);
    for (size_t i = 0; i < manifests->count; i++) {
        if (is_shown(offline, &manifests->items[i])) {
            print_item(offline, &manifests->items[i]);
        }
    }
    (void)printf("%zu object%s, %zu would be refused, %zu warning%s", sums.objects,
                 sums.objects == 1 ? "" : "s", sums.refused, sums.warnings,
                 sums.warnings == 1 ? "" : "s");
    (void)(sums.elsewhere > 0 ? printf(", %zu unknown\n", sums.elsewhere) : printf("\n"));
}

/* --- json, yaml --- */

static void append_row(struct cJSON *rows, const struct zl_manifest *item, const char *result,
                       const char *field, const char *message)
{
    struct cJSON *row = zl_json_object();
    zl_json_set_i64(row, "line", (int64_t)item->line);
    zl_json_set_text(row, "kind", item->kind);
    zl_json_set_text(row, "namespace", item->namespace_[0] != '\0' ? item->namespace_ : NULL);
    zl_json_set_text(row, "name", item->name);
    zl_json_set_text(row, "result", result);
    zl_json_set_text(row, "field", field);
    zl_json_set_text(row, "message", message);
    zl_json_append(rows, row);
}

static void append_item(struct cJSON *rows, const struct zl_manifest *item)
{
    for (size_t i = 0; i < item->findings.count; i++) {
        const struct zl_finding *finding = &item->findings.items[i];
        append_row(rows, item, finding->cause != NULL ? "failed" : "warning", finding->field,
                   finding->message);
    }
    if (item->elsewhere != NULL) {
        ZL_AUTO_FREE char *message = zl_asprintf(
            "these manifests have no LeaderPolicy \"%s\"; the cluster must", item->elsewhere);
        append_row(rows, item, "unknown", NULL, message);
    } else if (item->concerns_us && item->findings.count == 0) {
        append_row(rows, item, "ok", NULL, NULL);
    }
}

static void print_tree(const struct zl_offline *offline, const struct zl_manifests *manifests)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    struct cJSON *rows = zl_json_array();
    zl_json_set(tree, "items", rows);
    for (size_t i = 0; i < manifests->count; i++) {
        append_item(rows, &manifests->items[i]);
    }
    if (strcmp(offline->output, "json") == 0) {
        ZL_AUTO_FREE char *text = zl_json_print(tree);
        (void)puts(text);
    } else {
        zl_yaml_print(stdout, tree);
    }
}

int zl_doctor_offline(const struct zl_program *program, const struct zl_offline *offline)
{
    struct zl_error err = {0};
    struct zl_manifests manifests = {0};
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, ZL_ANSWER_MAX);
    enum zl_status status = read_text(offline->path, &text, &err);
    if (status == ZL_OK) {
        status =
            zl_manifests_read(text.data != NULL ? text.data : "", text.length, &manifests, &err);
        if (status != ZL_OK) {
            status = zl_error_wrap(&err, status, "%s", offline->path);
        }
    }
    if (status != ZL_OK) {
        zl_manifests_clear(&manifests);
        return zl_verb_failed(program, status, &err);
    }
    zl_manifests_judge(&manifests, offline->namespace_ != NULL ? offline->namespace_ : "");
    if (strcmp(offline->output, "json") == 0 || strcmp(offline->output, "yaml") == 0) {
        print_tree(offline, &manifests);
    } else {
        print_lines(offline, &manifests);
    }
    const struct sums sums = sums_of(&manifests);
    zl_manifests_clear(&manifests);
    if (sums.refused > 0) {
        return ZL_EXIT_NO;
    }
    return offline->strict && sums.warnings > 0 ? ZL_EXIT_WARNED : ZL_EXIT_YES;
}
