/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/board.h"

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/limits.h"

#include <inttypes.h>

/* Rows that went are remembered for readers who do not know it yet; who knows less is given all. */
enum { GONE_MAX = 1024 };
/* 10,000 pools are 8 MiB. */
#define TEXT_MAX_BYTES (256 * ZL_MIB)

struct item {
    char *key;
    char *text; /* NULL: it went */
    int64_t number;
    UT_hash_handle hh; /* in the order of their numbers */
};

struct zl_board {
    struct item *items;
    int64_t last;
    int64_t forgotten; /* the newest of the rows that went and are not remembered */
    size_t gone;
};

struct zl_board *zl_board_new(void)
{
    return zl_alloc(sizeof(struct zl_board));
}

static void forget(struct zl_board *board, struct item *item)
{
    HASH_DEL(board->items, item);
    free(item->key);
    free(item->text);
    free(item);
}

void zl_board_free(struct zl_board *board)
{
    struct item *item = NULL, *next = NULL;
    if (board == NULL) {
        return;
    }
    HASH_ITER(hh, board->items, item, next)
    {
        forget(board, item);
    }
    free(board);
}

static struct item *find(const struct zl_board *board, const char *key)
{
    struct item *item = NULL;
    HASH_FIND_STR(board->items, key, item);
    return item;
}

/* It is the newest from now on. */
static void renew(struct zl_board *board, struct item *item)
{
    HASH_DEL(board->items, item);
    item->number = ++board->last;
    HASH_ADD_KEYPTR(hh, board->items, item->key, strlen(item->key), item);
}

bool zl_board_put(struct zl_board *board, const char *key, struct cJSON *row)
{
    ZL_AUTO_JSON struct cJSON *taken = row;
    ZL_AUTO_FREE char *text = zl_json_print(taken);
    struct item *item = find(board, key);
    if (item != NULL && zl_same_string(item->text, text)) {
        return false;
    }
    if (item == NULL) {
        item = zl_alloc(sizeof *item);
        item->key = zl_strdup(key);
        HASH_ADD_KEYPTR(hh, board->items, item->key, strlen(item->key), item);
    } else if (item->text == NULL) {
        board->gone--;
    }
    free(item->text);
    item->text = ZL_STEAL(&text);
    renew(board, item);
    return true;
}

static void forget_oldest_gone(struct zl_board *board)
{
    struct item *item = board->items;
    while (item->text != NULL) {
        item = item->hh.next;
    }
    board->forgotten = item->number;
    board->gone--;
    forget(board, item);
}

bool zl_board_drop(struct zl_board *board, const char *key)
{
    struct item *item = find(board, key);
    if (item == NULL || item->text == NULL) {
        return false;
    }
    free(ZL_STEAL(&item->text));
    board->gone++;
    renew(board, item);
    if (board->gone > GONE_MAX) {
        forget_oldest_gone(board);
    }
    return true;
}

size_t zl_board_count(const struct zl_board *board)
{
    return HASH_COUNT(board->items) - board->gone;
}

int64_t zl_board_last(const struct zl_board *board)
{
    return board->last;
}

/* The members of "set", or the elements of "drop". */
static void add_items(const struct zl_board *board, int64_t seen, bool gone, struct zl_buf *out)
{
    const char *separator = "";
    for (const struct item *item = board->items; item != NULL; item = item->hh.next) {
        if (item->number <= seen || (item->text == NULL) != gone) {
            continue;
        }
        ZL_AUTO_JSON struct cJSON *list = zl_json_array(); /* which quotes the key */
        zl_json_append_text(list, item->key);
        ZL_AUTO_FREE char *key = zl_json_print(zl_json_first(list));
        (void)zl_buf_add_text(out, separator);
        (void)zl_buf_add_text(out, key);
        if (!gone) {
            (void)zl_buf_add_text(out, ":");
            (void)zl_buf_add_text(out, item->text);
        }
        separator = ",";
    }
}

char *zl_board_tell(const struct zl_board *board, int64_t *seen, int64_t now_ms)
{
    struct zl_buf out;
    const bool whole = *seen == 0 || *seen < board->forgotten;
    const int64_t from = whole ? 0 : *seen;
    zl_buf_init(&out, TEXT_MAX_BYTES);
    (void)zl_buf_printf(&out, "{\"now\":%" PRId64 ",\"number\":%" PRId64 ",\"whole\":%s,\"set\":{",
                        now_ms, board->last, whole ? "true" : "false");
    add_items(board, from, false, &out);
    (void)zl_buf_add_text(&out, "},\"drop\":[");
    if (!whole) {
        add_items(board, from, true, &out);
    }
    (void)zl_buf_add_text(&out, "]}");
    *seen = board->last;
    return zl_buf_take(&out);
}
