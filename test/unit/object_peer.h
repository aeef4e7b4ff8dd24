/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_peer.h - an API server that has what a test puts into it: each path answers with its text, all others with 404.
 *
 * Threads: the test's; the locking against the peer's is done inside.
 */
#ifndef ZL_TEST_OBJECT_PEER_H
#define ZL_TEST_OBJECT_PEER_H

#include "common/kube/client.h"

struct zl_object_peer; /* opaque */
struct zl_object_peer *zl_object_peer_start(void);
void zl_object_peer_stop(struct zl_object_peer *peer);

/*
 * What METHOD PATH (without query) answers from now on; the last word for it counts. TEXT: JSON in which ' stands for ".
 *
 * @param status  of HTTP; 0: the connection is cut, -1: there is never an answer
 */
void zl_object_peer_put(struct zl_object_peer *peer, const char *method, const char *path,
                        int status, const char *text);
/* Once there was a PATCH of PATH, GET PATH answers TEXT, as above. */
void zl_object_peer_change(struct zl_object_peer *peer, const char *path, const char *text);
/* From now on a PATCH of PATH puts its annotations into what GET PATH answers. */
void zl_object_peer_keep(struct zl_object_peer *peer, const char *path);
/* Requests so far. */
int zl_object_peer_calls(struct zl_object_peer *peer);
/* What the last request to METHOD PATH carried, and how many came; the caller frees. NULL: there was none. */
char *zl_object_peer_sent(struct zl_object_peer *peer, const char *method, const char *path,
                          int *count);

/* A client of it, namespace "shop". The caller frees. */
struct zl_kube_client *zl_object_peer_client(const struct zl_object_peer *peer);
/* A kubeconfig file that leads here, namespace "shop". */
const char *zl_object_peer_kubeconfig(const struct zl_object_peer *peer);

#endif
