/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sightings.h - what was learnt by reading an owner live, remembered by its uid.
 *
 * A ReplicaSet keeps its Deployment, but for one that is deleted without it and made again: owners.c sees
 * that by the Deployment's uid. A workload's pool and replicas do change, so its reading carries the resourceVersion from which an informer knows better.
 * Holds at most ZL_SIGHTINGS_MAX and ZL_SIGHTINGS_BYTES_MAX; the oldest goes first and would merely be read again. What takes more than
 * ZL_SIGHTING_BYTES_MAX is not remembered: whoever makes such objects is the one whose reviews wait for reading them.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_SIGHTINGS_H
#define ZL_WEBHOOK_GATEKEEPER_SIGHTINGS_H

#include "common/base/limits.h"
#include "common/kube/store.h"

#include <stdbool.h>
#include <stdint.h>

#define ZL_SIGHTINGS_MAX 10000
#define ZL_SIGHTINGS_BYTES_MAX (8ul * ZL_MIB) /* most take 300 to 800 bytes */
#define ZL_SIGHTING_BYTES_MAX (4ul * ZL_KIB)

struct zl_sighting {
    char *owner_name, *owner_uid; /* a ReplicaSet's Deployment; NULL: it has none */
    struct zl_ref *owner; /* a workload, Job or CronJob as it was read; NULL: it joined no pool */
    size_t owner_bytes;   /* about what that takes */
    uint64_t version;     /* its resourceVersion as a number */
    char *was_in;         /* of an owner that memory has lost: the pool that it was in; else NULL */
};

struct zl_sightings; /* opaque */
struct zl_sightings *zl_sightings_new(void);
void zl_sightings_free(struct zl_sightings *sightings);

/* Remember, unless it is too large; strings are copied, OWNER gets a reference of its own. */
void zl_sightings_put(struct zl_sightings *sightings, const char *uid,
                      const struct zl_sighting *sighting);
/* false when UID was never seen; else OUT owns copies: zl_sighting_clear. */
bool zl_sightings_find(struct zl_sightings *sightings, const char *uid, struct zl_sighting *out);
void zl_sighting_clear(struct zl_sighting *sighting);
/* About what all of them take. */
size_t zl_sightings_bytes(struct zl_sightings *sightings);
#define ZL_AUTO_SIGHTING ZL_CLEANUP(zl_sighting_clear)

#endif
