/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML with its types. kubectl reads YAML 1.1, where "no" is a boolean and 1_0 a number: a plain scalar is taken only
 * when no version of YAML doubts it.
 */
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>
#include <yaml.h>

#define DEPTH_MAX 32

static bool is_any_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcasecmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_integer(const char *text)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    size_t length = strlen(digits);
    return length > 0 && length <= 15 && strspn(digits, "0123456789") == length &&
           (digits[0] != '0' || (length == 1 && digits == text));
}

/* It may begin with a digit, but is no number. */
static bool is_uid(const char *text)
{
    return strlen(text) == 36 && strspn(text, "0123456789abcdef-") == 36 && text[8] == '-' &&
           text[13] == '-' && text[18] == '-' && text[23] == '-';
}

/* NULL when its type is not certain. */
static struct cJSON *plain_scalar(const char *text)
{
    static const char *const BOOLEANS[] = {"y",   "n",    "yes",   "no", "on",
                                           "off", "true", "false", NULL};
    static const char *const NULLS[] = {"", "~", "null", NULL};
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return cJSON_CreateBool(text[0] == 't');
    }
    if (is_any_of(text, NULLS)) {
        return cJSON_CreateNull();
    }
    if (is_integer(text)) {
        return cJSON_CreateNumber(strtod(text, NULL));
    }
    bool letter =
        (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '/';
    return (letter || is_uid(text)) && !is_any_of(text, BOOLEANS) ? cJSON_CreateString(text) : NULL;
}

static struct cJSON *scalar(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL ||
        strlen(text) != event->data.scalar.length) {
        return NULL;
    }
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_scalar(text)
                                                               : cJSON_CreateString(text);
}

static struct cJSON *read_value(yaml_parser_t *parser, const yaml_event_t *event, int depth);

/* The members up to END; false when one is not certain. */
static bool read_members(yaml_parser_t *parser, struct cJSON *into, yaml_event_type_t end,
                         int depth)
{
    for (;;) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0) {
            return false;
        }
        if (event.type == end) {
            yaml_event_delete(&event);
            return true;
        }
        ZL_AUTO_JSON struct cJSON *value = read_value(parser, &event, depth);
        yaml_event_delete(&event);
        if (value != NULL && end == YAML_MAPPING_END_EVENT) {
            ZL_AUTO_JSON struct cJSON *key = ZL_STEAL(&value);
            const char *name = zl_json_value_text(key);
            if (name == NULL || zl_json_at(into, name, NULL) != NULL ||
                yaml_parser_parse(parser, &event) == 0) {
                return false;
            }
            value = read_value(parser, &event, depth);
            yaml_event_delete(&event);
            if (value != NULL) {
                zl_json_set(into, name, ZL_STEAL(&value));
                continue;
            }
        }
        if (value == NULL) {
            return false;
        }
        zl_json_append(into, ZL_STEAL(&value));
    }
}

static struct cJSON *read_value(yaml_parser_t *parser, const yaml_event_t *event, int depth)
{
    if (event->type == YAML_SCALAR_EVENT) {
        return scalar(event);
    }
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    if (depth >= DEPTH_MAX || (!mapping && event->type != YAML_SEQUENCE_START_EVENT)) {
        return NULL;
    }
    if ((mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor) != NULL) {
        return NULL;
    }
    ZL_AUTO_JSON struct cJSON *value = mapping ? zl_json_object() : zl_json_array();
    yaml_event_type_t end = mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    return read_members(parser, value, end, depth + 1) ? ZL_STEAL(&value) : NULL;
}

static bool read_documents(yaml_parser_t *parser, struct cJSON *documents)
{
    for (;;) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0) {
            return false;
        }
        yaml_event_type_t type = event.type;
        bool is_frame = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
                        type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT;
        struct cJSON *value = is_frame ? NULL : read_value(parser, &event, 0);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) {
            return true;
        }
        if (!is_frame && value == NULL) {
            return false;
        }
        if (zl_json_is_null(value)) {
            zl_json_free(value); /* between two separators */
        } else if (value != NULL) {
            zl_json_append(documents, value);
        }
    }
}

struct cJSON *zl_manifest_read(const char *text, size_t length)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        abort();
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    ZL_AUTO_JSON struct cJSON *documents = zl_json_array();
    bool certain = read_documents(&parser, documents);
    yaml_parser_delete(&parser);
    return certain ? ZL_STEAL(&documents) : NULL;
}
