/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - the fleet's Leases as the hub had them at one moment, and what this arbiter has written since.
 *
 * Taken once for many decisions, since sorting ten thousand Leases costs more than one of them; a write is noted in it. So it
 * stays a state that the hub was in, plus our own writes.
 *
 * Threads: one.
 */
#ifndef ZL_CONTROLLER_FLEET_SNAPSHOT_H
#define ZL_CONTROLLER_FLEET_SNAPSHOT_H

#include "common/fleet/hub_store.h"
#include "common/fleet/view.h"
#include "common/kube/store.h"

struct zl_snapshot; /* opaque */
struct zl_snapshot *zl_snapshot_new(void);
void zl_snapshot_free(struct zl_snapshot *snapshot); /* NULL is fine */

/*
 * What was before is forgotten, but for own writes that the watch has not shown yet; these too when POSITION has fallen, because
 * a hub that was restored from a backup does not have them.
 *
 * @param taken     of struct zl_hub_lease, in any order; empty afterwards
 * @param position  the resourceVersion up to which the watch has shown everything
 */
void zl_snapshot_take(struct zl_snapshot *snapshot, struct zl_refs *taken, uint64_t position);
/* TAKEN is what the hub stored for us. */
void zl_snapshot_note(struct zl_snapshot *snapshot, struct zl_hub_lease *taken);

size_t zl_snapshot_count(const struct zl_snapshot *snapshot);
/* In order of kinds, and within one of clusters or pools; borrowed, as all that follows, until the next take or note. */
const struct zl_hub_lease *zl_snapshot_at(const struct zl_snapshot *snapshot, size_t at);
/* NULL: the hub has none. */
const struct zl_hub_lease *zl_snapshot_find(const struct zl_snapshot *snapshot,
                                            enum zl_hub_lease_kind kind, const char *of);
/*
 * Clusters that have a part in POOL, in order of their names: those that were told something, that ask for something, or that
 * have a slot in its ledger. Whoever deletes the Leases of one that acts does not make its slot stay for ever.
 *
 * @param out  receives them; the caller frees
 * @return how many
 */
size_t zl_snapshot_clusters(const struct zl_snapshot *snapshot, const char *pool,
                            struct zl_fleet_cluster **out);

#endif
