/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_peer.h - an API server of one Lease, with watches, that can be made to fail: for what contends for a Lease. Where
 * LeaderPolicies of a fleet are asked for, that one object is taken for one.
 *
 * Threads: the test's; the locking against the peer's is done inside.
 */
#ifndef ZL_TEST_LEASE_PEER_H
#define ZL_TEST_LEASE_PEER_H

#include "common/base/json.h"

#include <stdint.h>

enum zl_mood {
    ZL_MOOD_WELL,
    ZL_MOOD_SILENT,  /* takes requests, answers none */
    ZL_MOOD_FAILING, /* 500 */
    ZL_MOOD_DENYING, /* 403 */
    ZL_MOOD_GONE,    /* cuts the connection */
};

struct zl_lease_peer; /* opaque */
struct zl_lease_peer *zl_lease_peer_start(void);
void zl_lease_peer_stop(struct zl_lease_peer *peer);

/* A kubeconfig file that leads here, namespace "shop". */
const char *zl_lease_peer_kubeconfig(const struct zl_lease_peer *peer);
void zl_lease_peer_set_mood(struct zl_lease_peer *peer, enum zl_mood mood);
/* Does it serve LeaderPolicies? At first it does. */
void zl_lease_peer_set_installed(struct zl_lease_peer *peer, bool installed);
/* Somebody else writes the whole Lease; TEXT: JSON, NULL: it is deleted. */
void zl_lease_peer_write(struct zl_lease_peer *peer, const char *text);
/* The cluster's LeaderPolicy of FLEET; TOKEN 0: it waits. Its turn ends in LEFT_S. */
void zl_lease_peer_write_turn(struct zl_lease_peer *peer, const char *fleet, int token, int left_s);
/* A watch without a resource version begins with this from now on, as a cache that is late has it; NULL: with what there is. */
void zl_lease_peer_set_cached(struct zl_lease_peer *peer, const char *text);
/* No watch can begin at a version before this one: 410, and those that run end. */
void zl_lease_peer_compact(struct zl_lease_peer *peer);
/* spec.holderIdentity, "" when there is none; the caller frees. */
char *zl_lease_peer_holder(struct zl_lease_peer *peer);
/* Of that object's annotations, "" when there is none; the caller frees. */
char *zl_lease_peer_annotation(struct zl_lease_peer *peer, const char *key);
/* Requests so far, watches among them. */
int zl_lease_peer_calls(struct zl_lease_peer *peer);

#endif
