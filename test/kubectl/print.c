/* SPDX-License-Identifier: Apache-2.0 */
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

/* Whole numbers up to here are exact in a double. */
#define EXACT_MAX 9007199254740992.0

struct printer {
    struct zl_buf *out;
    bool indent;
};

static bool new_line(const struct printer *printer, int depth)
{
    bool fits = true;
    if (printer->indent) {
        fits = zl_buf_add_text(printer->out, "\n");
        for (int i = 0; i < depth; i++) {
            fits = zl_buf_add_text(printer->out, "    ") && fits;
        }
    }
    return fits;
}

/* Go escapes what HTML could trip over, and the two line ends that JavaScript knows beside \n. */
static bool print_text(struct zl_buf *out, const char *text)
{
    bool known = zl_buf_add_text(out, "\"");
    for (const char *at = text; known && *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            known = zl_buf_printf(out, "\\%c", byte);
        } else if (byte == '\n' || byte == '\r' || byte == '\t') {
            known = zl_buf_printf(out, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
        } else if (byte == '<' || byte == '>' || byte == '&') {
            known = zl_buf_printf(out, "\\u%04x", byte);
        } else if (byte == 0xE2 && (unsigned char)at[1] == 0x80 &&
                   ((unsigned char)at[2] & 0xFE) == 0xA8) {
            known = zl_buf_printf(out, "\\u20%02x", (unsigned char)at[2] - 0x80);
            at += 2;
        } else {
            known = byte >= ' ' && byte != 0x7F &&
                    zl_buf_add(out, at, 1); /* the others differ between versions of Go */
        }
    }
    return known && zl_buf_add_text(out, "\"");
}

static bool print_number(struct zl_buf *out, const cJSON *node)
{
    double value = node->valuedouble;
    if (!(value >= -EXACT_MAX && value <= EXACT_MAX)) {
        return false;
    }
    int64_t whole = (int64_t)value;
    return (double)whole >= value && (double)whole <= value &&
           zl_buf_printf(out, "%" PRId64, whole);
}

struct member {
    const cJSON *node;
};

static int by_name(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    return strcmp(a->node->string, b->node->string);
}

static bool print_node(const struct printer *printer, const cJSON *node, int depth);

static bool print_object(const struct printer *printer, const cJSON *node, int depth)
{
    size_t count = zl_json_count(node);
    if (count == 0) {
        return zl_buf_add_text(printer->out, "{}");
    }
    ZL_AUTO_FREE struct member *members = zl_realloc(NULL, count, sizeof *members);
    size_t i = 0;
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        members[i++].node = child;
    }
    qsort(members, count, sizeof *members, by_name);
    bool known = zl_buf_add_text(printer->out, "{");
    for (i = 0; known && i < count; i++) {
        known = (i == 0 || zl_buf_add_text(printer->out, ",")) && new_line(printer, depth + 1) &&
                print_text(printer->out, members[i].node->string) &&
                zl_buf_add_text(printer->out, printer->indent ? ": " : ":") &&
                print_node(printer, members[i].node, depth + 1);
    }
    return known && new_line(printer, depth) && zl_buf_add_text(printer->out, "}");
}

static bool print_array(const struct printer *printer, const cJSON *node, int depth)
{
    if (node->child == NULL) {
        return zl_buf_add_text(printer->out, "[]");
    }
    bool known = zl_buf_add_text(printer->out, "[");
    for (const cJSON *child = node->child; known && child != NULL; child = child->next) {
        known = (child == node->child || zl_buf_add_text(printer->out, ",")) &&
                new_line(printer, depth + 1) && print_node(printer, child, depth + 1);
    }
    return known && new_line(printer, depth) && zl_buf_add_text(printer->out, "]");
}

static bool print_node(const struct printer *printer, const cJSON *node, int depth)
{
    switch (node->type & 0xFF) {
    case cJSON_False:
        return zl_buf_add_text(printer->out, "false");
    case cJSON_True:
        return zl_buf_add_text(printer->out, "true");
    case cJSON_NULL:
        return zl_buf_add_text(printer->out, "null");
    case cJSON_Number:
        return print_number(printer->out, node);
    case cJSON_String:
        return print_text(printer->out, node->valuestring);
    case cJSON_Array:
        return print_array(printer, node, depth);
    case cJSON_Object:
        return print_object(printer, node, depth);
    default:
        return false;
    }
}

bool zl_print_json(struct zl_buf *out, const struct cJSON *tree, bool indent)
{
    return print_node(&(struct printer){.out = out, .indent = indent}, tree, 0);
}
