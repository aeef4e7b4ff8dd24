/* SPDX-License-Identifier: Apache-2.0 */
/*
 * since.h - for how long has something been so, by our own monotonic clock, since this process first saw it?
 *
 * Clocks of machines differ, so nobody else's times are compared with ours. Nothing ever looks older than it is:
 * what is forgotten, or was never seen, begins at 0.
 *
 * A key is a namespace and a name in it; ZL_KEYS_REMEMBERED_MAX of them are kept, then the one that was asked about
 * longest ago goes. Of an id no more than ZL_ID_REMEMBERED_MAX bytes are kept.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_SINCE_H
#define ZL_SINCE_H

#include <stddef.h>
#include <stdint.h>

/* What is so. */
enum zl_topic {
    ZL_TOPIC_UNREADY,     /* of a pool: its leader is not Ready */
    ZL_TOPIC_TERMINATING, /* its leader is on its way out */
    ZL_TOPIC_SUCCESSOR,   /* there is a successor */
    ZL_TOPIC_SUCCESSOR_TERMINATING,
    ZL_TOPIC_ROUTED,          /* its routes lead to its leader, and one before it may still live */
    ZL_TOPIC_RETRYING,        /* a Job's pod failed, and its next one has not come */
    ZL_TOPIC_VACANT,          /* its Lease is absent or names nobody */
    ZL_TOPIC_UNARMED,         /* of a namespace: probes of the gatekeeper fail */
    ZL_TOPIC_DESERTED,        /* no workload joins it */
    ZL_TOPIC_SERVICE_UNREADY, /* of an annotated Service: its leader is not Ready */
    ZL_TOPIC_RENEWED,         /* of a pool: its Lease's renewTime */
    ZL_TOPIC_SURROUNDINGS, /* of a pool or Service: what else is in the namespace was looked at */
    ZL_TOPIC_COUNT,
};

struct zl_sinces; /* opaque; one entry for each key of which something is so */
struct zl_sinces *zl_sinces_new(size_t keys_max);
void zl_sinces_free(struct zl_sinces *sinces); /* NULL is fine */

/*
 * Note at NOW_MS that TOPIC is so of the key, for ID: a pod's uid, say. Another ID is another beginning.
 *
 * @param id  NULL: it is not so (any more)
 * @return milliseconds since it was first noted for that ID; 0: just now, or it is not so
 */
int64_t zl_since(struct zl_sinces *sinces, const char *namespace_, const char *name,
                 enum zl_topic topic, const char *id, int64_t now_ms);
/* The key's object is gone. */
void zl_since_forget(struct zl_sinces *sinces, const char *namespace_, const char *name);
/* How many keys are kept. */
size_t zl_sinces_count(struct zl_sinces *sinces);

/*
 * What is remembered of an id that a stranger may have written: the id itself, or of a longer one than
 * ZL_ID_REMEMBERED_MAX a fingerprint, which no uid looks like. NULL for NULL; the caller frees.
 */
char *zl_id_remembered(const char *id);

#endif
