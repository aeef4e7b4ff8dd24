/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_prune.h - JSON while it streams in, cut down to what somebody reads.
 *
 * A tree of cJSON takes 7 to 20 times its text, and nearly all of a Kubernetes object is never looked at. So bytes are
 * fed as they arrive, and what comes out is a short text for zl_json_parse: the members that a shape names, as they were
 * written. The rest is passed over without being kept; of it nothing is checked but where it ends.
 *
 * Memory: KEPT_MAX and a little, whatever is fed. What would need more is left out member by member (CUT); members of up to
 * ZL_JSON_SMALL bytes have ZL_KEPT_RESERVE of their own, so that an object's name, uid and version are there all the same.
 *
 * Threads: one pruner, one thread at a time.
 */
#ifndef ZL_JSON_PRUNE_H
#define ZL_JSON_PRUNE_H

#include "common/base/memory.h"

#include <stdbool.h>

#define ZL_JSON_SMALL 4096

/*
 * What is read of an object, member by member: a table that ends with a row without name. Arrays do not count: the
 * members of {"ports"} are those of each element. A name that is written with an escape is none of the table's.
 */
struct zl_json_shape {
    const char *name; /* one that ends with "*": all that begin so */
    /* Of the value: what is read of it; NULL: all. In the row without name: where the table goes on, NULL: nowhere. */
    const struct zl_json_shape *members;
    bool
        apart; /* the elements of this array are handed over one by one, and the array stays empty */
    /* With MEMBERS NULL: bytes of a value, as it is written, beyond which it is left out (CUT). 0: KEPT_MAX alone. */
    size_t max;
};

struct zl_json_kept {
    const char *text; /* JSON as far as what was fed is; NUL-terminated; borrowed for the call */
    size_t length;
    bool element; /* of an array that is handed over APART; else a whole document */
    bool cut; /* something that the shape names is left out: it is too long, or there was no room */
};

struct zl_json_pruner; /* opaque */

/*
 * For any number of documents, one after another.
 *
 * @param shape     borrowed for the pruner's life; NULL: all is kept
 * @param kept_max  bytes kept of one document, and of one element, beside small members
 * @param each      called for each document when it is complete, before that for each of its elements that are
 *                  handed over apart; its failure is zl_json_pruner_feed's
 */
struct zl_json_pruner *zl_json_pruner_new(const struct zl_json_shape *shape, size_t kept_max,
                                          enum zl_status (*each)(void *ctx,
                                                                 const struct zl_json_kept *kept,
                                                                 struct zl_error *err),
                                          void *ctx);
void zl_json_pruner_free(struct zl_json_pruner *pruner); /* NULL is fine */
void zl_json_pruner_cleanup(struct zl_json_pruner **pruner);
#define ZL_AUTO_PRUNER ZL_CLEANUP(zl_json_pruner_cleanup)

/*
 * @return ZL_OK, EACH's failure, or ZL_E_INVALID: this cannot be JSON. After a failure nothing more may be fed.
 */
enum zl_status zl_json_pruner_feed(struct zl_json_pruner *pruner, const char *bytes, size_t length,
                                   struct zl_error *err) ZL_MUST_CHECK;
/* No more comes. ZL_E_INVALID: a document is not complete. */
enum zl_status zl_json_pruner_end(struct zl_json_pruner *pruner,
                                  struct zl_error *err) ZL_MUST_CHECK;
/* What is kept of a document that is not complete: no JSON. Borrowed until the next call. */
const char *zl_json_pruner_rest(const struct zl_json_pruner *pruner);
/* No document is under way, and none was broken: the next one may be fed. NULL: false. */
bool zl_json_pruner_is_between(const struct zl_json_pruner *pruner);
/* Bytes that are kept at this moment. */
size_t zl_json_pruner_kept(const struct zl_json_pruner *pruner);

#endif
