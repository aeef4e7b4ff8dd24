/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review_door.h - who is heard: the paths at which reviews of pods are taken, as the Secret of common/objects/review_path.h
 * says. It is watched; and when a path is not known it is read once more before that is refused, so that a renewal needs no
 * waiting for watches. Such a read is made at most once a second, whoever asks.
 *
 * What was once known stays known while the Secret cannot be read or is gone.
 *
 * Threads: any; start and stop from main.
 */
#ifndef ZL_WEBHOOK_REVIEW_DOOR_H
#define ZL_WEBHOOK_REVIEW_DOOR_H

#include "common/base/metrics.h"
#include "common/kube/client.h"
#include "common/kube/informer_thread.h"

struct zl_review_door; /* opaque */

/* All are borrowed until the free. THREAD watches. */
struct zl_review_door *zl_review_door_start(struct zl_kube_client *client,
                                            struct zl_informer_thread *thread,
                                            const char *namespace_);
void zl_review_door_free(struct zl_review_door *door); /* NULL is fine */

/* Blocks for at most half a second, and only where PATH is not one that is known. */
bool zl_review_door_opens(struct zl_review_door *door, const char *path);
/* Why no review can be taken yet, for /readyz; NULL: it can. The caller frees. */
char *zl_review_door_complaint(struct zl_review_door *door);

extern const struct zl_metric *const ZL_REVIEW_DOOR_METRICS[];

#endif
