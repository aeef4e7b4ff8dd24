/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub_peer.h - an API server of any objects: lists, watches, creations, PUT and merge patch with resourceVersion, deletions.
 *
 * Threads: the test's; the locking against the peer's is done inside.
 */
#ifndef ZL_TEST_HUB_PEER_H
#define ZL_TEST_HUB_PEER_H

#include "common/kube/client.h"

struct zl_hub_peer; /* opaque */
struct zl_hub_peer *zl_hub_peer_start(void);
void zl_hub_peer_stop(struct zl_hub_peer *peer);
struct zl_kube_client *zl_hub_peer_client(struct zl_hub_peer *peer); /* the caller frees */

/* Store what TEXT (JSON in which ' stands for ") says at PATH, whatever is there. */
void zl_hub_peer_store(struct zl_hub_peer *peer, const char *path, const char *text);
/* Merge TEXT into what is at PATH. */
void zl_hub_peer_merge(struct zl_hub_peer *peer, const char *path, const char *text);
/* What is at PATH, as JSON; NULL: nothing is. The caller frees. */
struct cJSON *zl_hub_peer_read(struct zl_hub_peer *peer, const char *path);
/* While it is away all connections are cut. */
void zl_hub_peer_set_away(struct zl_hub_peer *peer, bool away);
/* Called with the lock held after each change, to look at what is stored: no function of the peer may be called then. */
void zl_hub_peer_watch(struct zl_hub_peer *peer,
                       void (*changed)(void *ctx, const char *path, const struct cJSON *object),
                       void *ctx);

#endif
