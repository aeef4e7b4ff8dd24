/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shapes.h - what is read of a review on each path of the server. The rest of it is passed over while it comes in: a pod's
 * spec, status, managedFields and other people's annotations are never in memory.
 *
 * Whoever reads another field of a review's object adds it here.
 *
 * Threads: constant.
 */
#ifndef ZL_WEBHOOK_REVIEW_SHAPES_H
#define ZL_WEBHOOK_REVIEW_SHAPES_H

#include "common/base/json_prune.h"

extern const struct zl_json_shape ZL_REVIEW_OF_POD[];      /* and of the controller's probe */
extern const struct zl_json_shape ZL_REVIEW_OF_POLICY[];   /* LeaderPolicy */
extern const struct zl_json_shape ZL_REVIEW_OF_WORKLOAD[]; /* and of a Service */

#endif
