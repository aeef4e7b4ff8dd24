/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/yaml.h"

#include <strings.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    bool is_manifest;
    size_t nodes, nodes_max;
    int depth_max;
    struct zl_error *err;
};

static enum zl_status refuse(struct reader *reader, const yaml_event_t *event, const char *why)
{
    return zl_error_set(reader->err, ZL_E_INVALID, "line %zu, column %zu: %s",
                        event->start_mark.line + 1, event->start_mark.column + 1, why);
}

static enum zl_status next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event) != 0) {
        return ZL_OK;
    }
    const yaml_parser_t *parser = &reader->parser;
    return zl_error_set(reader->err, ZL_E_INVALID, "line %zu, column %zu: not YAML: %s",
                        parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                        parser->problem ? parser->problem : "unreadable bytes");
}

static const char *text_of(const yaml_event_t *event)
{
    return (const char *)event->data.scalar.value;
}

static bool is_null_scalar(const yaml_event_t *event)
{
    const char *text = text_of(event);
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
            strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0);
}

/* What makes EVENT impossible as a node at DEPTH; NULL when nothing does. */
static const char *fault_of(const struct reader *reader, const yaml_event_t *event, int depth)
{
    bool anchored = false;
    switch ((int)event->type) {
    case YAML_ALIAS_EVENT:
        return "aliases are not accepted";
    case YAML_SCALAR_EVENT:
        anchored = event->data.scalar.anchor != NULL;
        if (strlen(text_of(event)) != event->data.scalar.length) {
            return "a NUL byte inside a text";
        }
        break;
    case YAML_MAPPING_START_EVENT:
        anchored = event->data.mapping_start.anchor != NULL;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchored = event->data.sequence_start.anchor != NULL;
        break;
    default:
        return "a value is missing";
    }
    if (anchored) {
        return "anchors are not accepted";
    }
    return depth > reader->depth_max ? "nested too deeply" : NULL;
}

/* Make VALUE a member KEY of PARENT, or an element when KEY is NULL. */
static void attach(struct cJSON *parent, const char *key, struct cJSON *taken)
{
    if (key != NULL) {
        zl_json_set(parent, key, taken);
    } else {
        zl_json_append(parent, taken);
    }
}

/* As JSON writes numbers; YAML's others (0x1f, 1_000) stay text. */
static bool is_number(const char *text)
{
    const char *at = text + (*text == '-');
    const size_t whole = strspn(at, "0123456789");
    if (whole == 0 || (whole > 1 && at[0] == '0')) {
        return false;
    }
    at += whole;
    if (*at == '.') {
        const size_t digits = strspn(at + 1, "0123456789");
        at += digits > 0 ? digits + 1 : 0;
    }
    if (*at == 'e' || *at == 'E') {
        const char *power = at + 1 + (at[1] == '-' || at[1] == '+');
        const size_t digits = strspn(power, "0123456789");
        at = digits > 0 ? power + digits : at;
    }
    return *at == '\0';
}

/* "true", "false" or NULL */
static const char *truth_of(const char *text)
{
    static const char *const words[][2] = {{"true", "true"},   {"yes", "true"}, {"on", "true"},
                                           {"false", "false"}, {"no", "false"}, {"off", "false"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i][0]) == 0) {
            return words[i][1];
        }
    }
    return NULL;
}

/* The value of a plain scalar of a manifest that is no text; NULL: it is text. */
static struct cJSON *value_of(const struct reader *reader, const yaml_event_t *event)
{
    if (!reader->is_manifest || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return NULL;
    }
    const char *text = is_number(text_of(event)) ? text_of(event) : truth_of(text_of(event));
    struct cJSON *value = NULL;
    return text != NULL && zl_json_parse(text, strlen(text), &value, NULL) == ZL_OK ? value : NULL;
}

static void attach_scalar(const struct reader *reader, struct cJSON *parent, const char *key,
                          const yaml_event_t *event)
{
    struct cJSON *value = value_of(reader, event);
    if (value != NULL) {
        attach(parent, key, value);
        return;
    }
    const char *text = is_null_scalar(event) ? NULL : text_of(event);
    if (key != NULL) {
        zl_json_set_text(parent, key, text);
    } else {
        zl_json_append_text(parent, text);
    }
}

static enum zl_status read_node(struct reader *reader, const yaml_event_t *event,
                                struct cJSON *parent, const char *key, int depth);

static enum zl_status read_member(struct reader *reader, const yaml_event_t *key,
                                  struct cJSON *object, int depth)
{
    yaml_event_t value;
    const char *fault = fault_of(reader, key, depth);
    if (fault != NULL || key->type != YAML_SCALAR_EVENT) {
        return refuse(reader, key, fault ? fault : "a key is not text");
    }
    if (zl_json_at(object, text_of(key), NULL) != NULL) {
        return refuse(reader, key, "this key is there twice");
    }
    enum zl_status status = next_event(reader, &value);
    if (status == ZL_OK) {
        status = read_node(reader, &value, object, text_of(key), depth);
        yaml_event_delete(&value);
    }
    return status;
}

/* The inside of a mapping or sequence, up to and with its END event. */
static enum zl_status read_inside(struct reader *reader, yaml_event_type_t end,
                                  struct cJSON *container, int depth)
{
    enum zl_status status = ZL_OK;
    bool more = true;
    while (status == ZL_OK && more) {
        yaml_event_t event;
        status = next_event(reader, &event);
        if (status != ZL_OK) {
            return status;
        }
        more = event.type != end;
        if (more && end == YAML_MAPPING_END_EVENT) {
            status = read_member(reader, &event, container, depth);
        } else if (more) {
            status = read_node(reader, &event, container, NULL, depth);
        }
        yaml_event_delete(&event);
    }
    return status;
}

static enum zl_status read_node(struct reader *reader, const yaml_event_t *event,
                                struct cJSON *parent, const char *key, int depth)
{
    const char *fault = fault_of(reader, event, depth);
    if (fault == NULL && ++reader->nodes > reader->nodes_max) {
        fault = "too many values";
    }
    if (fault != NULL) {
        return refuse(reader, event, fault);
    }
    if (event->type == YAML_SCALAR_EVENT) {
        attach_scalar(reader, parent, key, event);
        return ZL_OK;
    }
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    struct cJSON *container = mapping ? zl_json_object() : zl_json_array();
    attach(parent, key, container);
    return read_inside(reader, mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT,
                       container, depth + 1);
}

/* The events of the whole stream; the document becomes the member "root" of HOLDER. */
static enum zl_status read_stream(struct reader *reader, struct cJSON *holder)
{
    int documents = 0;
    bool more = true;
    enum zl_status status = ZL_OK;
    while (status == ZL_OK && more) {
        yaml_event_t event;
        status = next_event(reader, &event);
        if (status != ZL_OK) {
            return status;
        }
        switch ((int)event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            more = false;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (++documents > 1) {
                status = refuse(reader, &event, "a second document");
            }
            break;
        default:
            status = read_node(reader, &event, holder, "root", 1);
        }
        yaml_event_delete(&event);
    }
    return status;
}

static enum zl_status parse(struct reader reader, const char *text, size_t length,
                            struct cJSON **out)
{
    if (yaml_parser_initialize(&reader.parser) == 0) {
        abort();
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    ZL_AUTO_JSON struct cJSON *holder = zl_json_object();
    zl_json_set_null(holder, "root");
    enum zl_status status = read_stream(&reader, holder);
    if (status == ZL_OK) {
        *out = zl_json_copy(zl_json_at(holder, "root", NULL));
    }
    yaml_parser_delete(&reader.parser);
    return status;
}

enum zl_status zl_yaml_parse(const char *text, size_t length, struct cJSON **out,
                             struct zl_error *err)
{
    return parse(
        (struct reader){.nodes_max = ZL_YAML_NODES_MAX, .depth_max = ZL_YAML_DEPTH_MAX, .err = err},
        text, length, out);
}

enum zl_status zl_yaml_parse_manifest(const char *text, size_t length, struct cJSON **out,
                                      struct zl_error *err)
{
    return parse((struct reader){.is_manifest = true,
                                 .nodes_max = ZL_YAML_MANIFEST_NODES_MAX,
                                 .depth_max = ZL_YAML_MANIFEST_DEPTH_MAX,
                                 .err = err},
                 text, length, out);
}
