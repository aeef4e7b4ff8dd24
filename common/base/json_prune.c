/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step per byte, but for strings and for what is passed over, which go in runs:
 *
 *     VALUE -> WHOLE ----------------------------> AFTER     all of a value is kept, or none
 *     VALUE -> FIRST_KEY -> KEY -> COLON -> VALUE            an object of which the shape names members
 *     VALUE -> FIRST_VALUE -> VALUE                          an array of such
 *
 * Frames stand for the objects and arrays of the second sort alone; within WHOLE a number counts the depth.
 */
#include "common/base/json_prune.h"

#include "common/base/buf.h"
#include "common/base/json_text.h"
#include "common/base/limits.h"

#include <string.h>

/* No table is nested deeper than ten; an array in an array counts as well. Deeper ones are passed over. */
enum { FRAMES_MAX = 32 };
/* Longer than any name in a table. */
enum { KEY_MAX = 128 };
/* A comma, two quotes, a colon and the value's first byte. */
#define AROUND_KEY 5
/* What a buffer of one document may keep for the next one. */
#define IDLE_CAPACITY (4 * ZL_KIB)

enum state {
    VALUE,
    WHOLE,
    FIRST_VALUE, /* or the end of the array */
    FIRST_KEY,   /* or the end of the object */
    KEY,
    IN_KEY,
    COLON,
    AFTER,
};

struct frame {
    const struct zl_json_shape *members;
    bool is_array;
    bool apart;
    bool has_any; /* something is written in it: a comma comes before the next */
};

struct zl_json_pruner {
    const struct zl_json_shape *shape;
    size_t kept_max;
    enum zl_status (*each)(void *ctx, const struct zl_json_kept *kept, struct zl_error *err);
    void *ctx;

    enum state state;
    struct frame frames[FRAMES_MAX];
    size_t frame_count;
    size_t element_frames; /* frames below the element that is handed over apart; 0: none is open */

    /* The value to come, or that is under way. */
    const struct zl_json_shape *members;
    bool keep, apart;
    size_t max;   /* as the shape's */
    size_t start; /* where the member or element began in the text, with its comma */
    bool had_any; /* the frame's has_any before it */

    /* In WHOLE. */
    size_t depth, length;
    bool in_text, is_escaped, is_text;

    char key[KEY_MAX];
    size_t key_length; /* KEY_MAX: none of ours */

    struct zl_buf document, element;
    bool document_is_cut, element_is_cut;
    bool is_inside; /* a document has begun */
};

struct zl_json_pruner *zl_json_pruner_new(const struct zl_json_shape *shape, size_t kept_max,
                                          enum zl_status (*each)(void *ctx,
                                                                 const struct zl_json_kept *kept,
                                                                 struct zl_error *err),
                                          void *ctx)
{
    struct zl_json_pruner *pruner = zl_alloc(sizeof *pruner);
    /* Room for what closes the frames, and for a key whose value turns out to have none. */
    const size_t max = kept_max + ZL_KEPT_RESERVE + FRAMES_MAX + KEY_MAX + AROUND_KEY;
    pruner->shape = shape;
    pruner->kept_max = kept_max;
    pruner->each = each;
    pruner->ctx = ctx;
    pruner->members = shape;
    pruner->keep = true;
    zl_buf_init(&pruner->document, max);
    zl_buf_init(&pruner->element, max);
    return pruner;
}

void zl_json_pruner_free(struct zl_json_pruner *pruner)
{
    if (pruner != NULL) {
        zl_buf_clear(&pruner->document);
        zl_buf_clear(&pruner->element);
        free(pruner);
    }
}

void zl_json_pruner_cleanup(struct zl_json_pruner **pruner)
{
    zl_json_pruner_free(*pruner);
}

bool zl_json_pruner_is_between(const struct zl_json_pruner *pruner)
{
    return pruner != NULL && pruner->state == VALUE && !pruner->is_inside;
}

size_t zl_json_pruner_kept(const struct zl_json_pruner *pruner)
{
    return pruner->document.length + pruner->element.length;
}

const char *zl_json_pruner_rest(const struct zl_json_pruner *pruner)
{
    return pruner->document.data != NULL ? pruner->document.data : "";
}

/* --- what is written ------------------------------------------------------------------------ */

static struct zl_buf *text_of(struct zl_json_pruner *pruner)
{
    return pruner->element_frames > 0 ? &pruner->element : &pruner->document;
}

static void note_cut(struct zl_json_pruner *pruner)
{
    bool *is_cut = pruner->element_frames > 0 ? &pruner->element_is_cut : &pruner->document_is_cut;
    *is_cut = true;
}

/* Whoever calls has made sure of the room. */
static void put(struct zl_json_pruner *pruner, const char *bytes, size_t length)
{
    if (!zl_buf_add(text_of(pruner), bytes, length)) {
        abort();
    }
}

/* There is one. */
static struct frame *top(struct zl_json_pruner *pruner)
{
    return &pruner->frames[pruner->frame_count - 1];
}

/* A member, or an element of an array: is there room to begin it? LENGTH: of its key. */
static bool begin(struct zl_json_pruner *pruner, size_t length, size_t max)
{
    struct frame *frame = top(pruner);
    pruner->start = text_of(pruner)->length;
    if (frame->apart) {
        return true;
    }
    pruner->had_any = frame->has_any;
    if (pruner->start + length + AROUND_KEY > max) {
        note_cut(pruner);
        return false;
    }
    if (frame->has_any) {
        put(pruner, ",", 1);
    }
    frame->has_any = true;
    return true;
}

/* What was begun is left out after all: it would have to be cut in its middle. */
static void take_back(struct zl_json_pruner *pruner)
{
    struct zl_buf *text = text_of(pruner);
    if (text->data != NULL) {
        text->length = pruner->start;
        text->data[text->length] = '\0';
    }
    if (pruner->frame_count > 0 && !top(pruner)->apart) {
        top(pruner)->has_any = pruner->had_any;
    } else {
        put(pruner, "null", 4); /* the whole document or element */
    }
    pruner->keep = false;
    note_cut(pruner);
}

/* A part of a value of which all is kept. */
static void put_whole(struct zl_json_pruner *pruner, const char *bytes, size_t length)
{
    pruner->length += length;
    if (!pruner->keep || length == 0) {
        return;
    }
    const size_t max = pruner->kept_max + (pruner->length <= ZL_JSON_SMALL ? ZL_KEPT_RESERVE : 0);
    const bool is_long = pruner->max != 0 && pruner->length > pruner->max;
    if (is_long || text_of(pruner)->length + length > max) {
        take_back(pruner);
    } else {
        put(pruner, bytes, length);
    }
}

/* --- the ends of things --------------------------------------------------------------------- */

static void reset(struct zl_buf *text)
{
    if (text->capacity > IDLE_CAPACITY) {
        zl_buf_clear(text);
    } else {
        zl_buf_reset(text);
    }
}

static enum zl_status hand_over(struct zl_json_pruner *pruner, bool is_element,
                                struct zl_error *err)
{
    struct zl_buf *text = is_element ? &pruner->element : &pruner->document;
    const struct zl_json_kept kept = {
        .text = text->data != NULL ? text->data : "",
        .length = text->length,
        .element = is_element,
        .cut = is_element ? pruner->element_is_cut : pruner->document_is_cut,
    };
    enum zl_status status = pruner->each(pruner->ctx, &kept, err);
    reset(text);
    if (is_element) {
        pruner->element_is_cut = false;
    } else {
        pruner->document_is_cut = false;
    }
    return status;
}

/* A value is complete. */
static enum zl_status end_value(struct zl_json_pruner *pruner, struct zl_error *err)
{
    if (pruner->frame_count == 0) {
        pruner->state = VALUE;
        pruner->members = pruner->shape;
        pruner->keep = true;
        pruner->apart = false;
        pruner->max = 0;
        pruner->is_inside = false;
        pruner->start = 0;
        return hand_over(pruner, false, err);
    }
    pruner->state = AFTER;
    if (top(pruner)->apart && pruner->element_frames == pruner->frame_count) {
        pruner->element_frames = 0;
        return hand_over(pruner, true, err);
    }
    return ZL_OK;
}

static enum zl_status close_frame(struct zl_json_pruner *pruner, char c, struct zl_error *err)
{
    const struct frame *frame = top(pruner);
    if ((c == ']') != frame->is_array) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: unexpected '%c'", c);
    }
    const bool is_written = !frame->apart;
    pruner->frame_count--;
    if (is_written) {
        put(pruner, &c, 1);
    }
    return end_value(pruner, err);
}

/* --- values --------------------------------------------------------------------------------- */

/* An array whose elements are handed over; none of those is under way. */
static bool is_apart(const struct zl_json_pruner *pruner, char c)
{
    return c == '[' && pruner->apart && pruner->element_frames == 0;
}

static void open_frame(struct zl_json_pruner *pruner, char c)
{
    const bool apart = is_apart(pruner, c);
    put(pruner, &c, 1);
    if (apart) {
        put(pruner, "]", 1);
    }
    pruner->frames[pruner->frame_count++] =
        (struct frame){.members = pruner->members, .is_array = c == '[', .apart = apart};
    pruner->state = c == '[' ? FIRST_VALUE : FIRST_KEY;
}

/* A value of which all is kept, or nothing. */
static void begin_whole(struct zl_json_pruner *pruner, char first)
{
    pruner->state = WHOLE;
    pruner->depth = 0;
    pruner->length = 0;
    pruner->in_text = false;
    pruner->is_escaped = false;
    pruner->is_text = first == '"';
}

/* The next element of an array begins. */
static void begin_element(struct zl_json_pruner *pruner)
{
    const struct frame *frame = top(pruner);
    pruner->members = frame->members;
    pruner->apart = false;
    pruner->max = 0;
    if (frame->apart) {
        pruner->element_frames = pruner->frame_count;
    }
    pruner->keep = begin(pruner, 0, pruner->kept_max);
    pruner->state = VALUE;
}

/* In a text: what comes before its end or the end of the bytes, of which there is one at least. */
static size_t pass_text(struct zl_json_pruner *pruner, const char *bytes, size_t length)
{
    const size_t start = pruner->is_escaped ? 1 : 0;
    const size_t end = zl_json_text_end(bytes, start, length);
    pruner->is_escaped = end > length;
    pruner->in_text = end >= length;
    return pruner->in_text ? length : end + 1;
}

/* What one byte outside of texts means for a value of which all is kept or none. */
enum meaning { GOES_ON, ENDS_HERE, ENDED_BEFORE };

static enum meaning pass_byte(struct zl_json_pruner *pruner, char c)
{
    switch (c) {
    case '"':
        pruner->in_text = true;
        return GOES_ON;
    case '{':
    case '[':
        pruner->depth++;
        return GOES_ON;
    case '}':
    case ']':
        if (pruner->depth == 0) {
            return ENDED_BEFORE;
        }
        return --pruner->depth == 0 ? ENDS_HERE : GOES_ON;
    case ',':
    case ':':
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return pruner->depth == 0 ? ENDED_BEFORE : GOES_ON;
    default:
        return GOES_ON;
    }
}

/* Returns how many of the bytes belong to the value; sets *IS_OVER when it is complete. */
static size_t pass_whole(struct zl_json_pruner *pruner, const char *bytes, size_t length,
                         bool *is_over)
{
    size_t i = 0;
    while (i < length && !*is_over) {
        if (pruner->in_text) {
            i += pass_text(pruner, bytes + i, length - i);
            *is_over = !pruner->in_text && pruner->depth == 0;
            continue;
        }
        enum meaning meaning = pass_byte(pruner, bytes[i]);
        *is_over = meaning != GOES_ON;
        i += meaning == ENDED_BEFORE ? 0 : 1;
    }
    return i;
}

static enum zl_status take_whole(struct zl_json_pruner *pruner, const char *bytes, size_t length,
                                 size_t *used, struct zl_error *err)
{
    bool is_over = false;
    *used = pass_whole(pruner, bytes, length, &is_over);
    put_whole(pruner, bytes, *used);
    if (!is_over) {
        return ZL_OK;
    }
    if (pruner->length == 0) {
        return zl_error_set(err, ZL_E_INVALID, "JSON: a value is missing");
    }
    return end_value(pruner, err);
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool names(const struct zl_json_shape *shape, const char *key)
{
    if (shape->name[0] != key[0] && shape->name[0] != '*') { /* nearly all */
        return false;
    }
    const size_t length = strlen(shape->name);
    return length > 0 && shape->name[length - 1] == '*' ? strncmp(shape->name, key, length - 1) == 0
                                                        : strcmp(shape->name, key) == 0;
}

static const struct zl_json_shape *find(const struct zl_json_shape *shape, const char *key)
{
    while (shape != NULL) {
        if (shape->name == NULL) {
            shape = shape->members;
        } else if (names(shape, key)) {
            return shape;
        } else {
            shape++;
        }
    }
    return NULL;
}

static void end_key(struct zl_json_pruner *pruner)
{
    const struct zl_json_shape *found = NULL;
    if (pruner->key_length < KEY_MAX) {
        pruner->key[pruner->key_length] = '\0';
        found = find(top(pruner)->members, pruner->key);
    }
    pruner->state = COLON;
    pruner->keep =
        found != NULL && begin(pruner, pruner->key_length, pruner->kept_max + ZL_KEPT_RESERVE);
    if (pruner->keep) {
        put(pruner, "\"", 1);
        put(pruner, pruner->key, pruner->key_length);
        put(pruner, "\":", 2);
        pruner->members = found->members;
        pruner->apart = found->apart;
        pruner->max = found->max;
    }
}

static size_t take_key(struct zl_json_pruner *pruner, const char *bytes, size_t length)
{
    size_t used = pass_text(pruner, bytes, length);
    const bool is_over = !pruner->in_text;
    const size_t count = used - (is_over ? 1 : 0);
    const bool is_plain = memchr(bytes, '\\', count) == NULL && memchr(bytes, '\0', count) == NULL;
    if (!is_plain || pruner->key_length + count >= KEY_MAX) {
        pruner->key_length = KEY_MAX;
    } else {
        memcpy(pruner->key + pruner->key_length, bytes, count);
        pruner->key_length += count;
    }
    if (is_over) {
        end_key(pruner);
    }
    return used;
}

/* --- the machine ---------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum zl_status refuse(char c, const char *wanted, struct zl_error *err)
{
    return zl_error_set(err, ZL_E_INVALID, "JSON: byte 0x%02x where %s belongs",
                        (unsigned)(unsigned char)c, wanted);
}

/* *USED becomes 0: C is looked at again, as the first byte of a whole value. */
static enum zl_status take_value(struct zl_json_pruner *pruner, char c, size_t *used)
{
    const bool is_shaped = pruner->keep && ((pruner->members != NULL && (c == '{' || c == '[')) ||
                                            is_apart(pruner, c));
    pruner->is_inside = true;
    if (is_shaped && pruner->frame_count < FRAMES_MAX) {
        open_frame(pruner, c);
        return ZL_OK;
    }
    if (is_shaped) {
        take_back(pruner);
    }
    begin_whole(pruner, c);
    *used = 0;
    return ZL_OK;
}

static enum zl_status take_after(struct zl_json_pruner *pruner, char c, struct zl_error *err)
{
    if (c != ',') {
        return c == '}' || c == ']' ? close_frame(pruner, c, err) : refuse(c, "a comma", err);
    }
    if (top(pruner)->is_array) {
        begin_element(pruner);
    } else {
        pruner->state = KEY;
    }
    return ZL_OK;
}

static enum zl_status take_byte(struct zl_json_pruner *pruner, char c, size_t *used,
                                struct zl_error *err)
{
    const bool closes =
        (pruner->state == FIRST_KEY && c == '}') || (pruner->state == FIRST_VALUE && c == ']');
    if (closes) {
        return close_frame(pruner, c, err);
    }
    switch (pruner->state) {
    case FIRST_KEY:
    case KEY:
        if (c != '"') {
            return refuse(c, "a name", err);
        }
        pruner->state = IN_KEY;
        pruner->in_text = true;
        pruner->is_escaped = false;
        pruner->key_length = 0;
        return ZL_OK;
    case COLON:
        pruner->state = VALUE;
        return c == ':' ? ZL_OK : refuse(c, "a colon", err);
    case FIRST_VALUE:
        begin_element(pruner);
        *used = 0;
        return ZL_OK;
    case AFTER:
        return take_after(pruner, c, err);
    case VALUE:
    case WHOLE:
    case IN_KEY:
    default:
        return take_value(pruner, c, used);
    }
}

enum zl_status zl_json_pruner_feed(struct zl_json_pruner *pruner, const char *bytes, size_t length,
                                   struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    for (size_t i = 0; status == ZL_OK && i < length;) {
        size_t used = 1;
        if (pruner->state == WHOLE) {
            status = take_whole(pruner, bytes + i, length - i, &used, err);
        } else if (pruner->state == IN_KEY) {
            used = take_key(pruner, bytes + i, length - i);
        } else if (!is_space(bytes[i])) {
            status = take_byte(pruner, bytes[i], &used, err);
        }
        i += used;
    }
    return status;
}

enum zl_status zl_json_pruner_end(struct zl_json_pruner *pruner, struct zl_error *err)
{
    /* Only here a number can be over without a byte after it. */
    if (pruner->state == WHOLE && pruner->frame_count == 0 && pruner->depth == 0 &&
        !pruner->is_text && pruner->length > 0) {
        return end_value(pruner, err);
    }
    return pruner->is_inside ? zl_error_set(err, ZL_E_INVALID, "JSON: ends inside a value") : ZL_OK;
}
