/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cronjobs.h - CronJobs with the fleet's label on themselves: the Jobs that they have going get it too, and are Jobs of the fleet
 * from then on (jobs.h). Until then the webhook looks at the CronJob and keeps their pods out.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_FLEET_CRONJOBS_H
#define ZL_CONTROLLER_FLEET_CRONJOBS_H

#include "common/objects/meta.h"

struct zl_fleet_cronjob {
    struct zl_meta meta;
    char *pool;
    char **active; /* names of its Jobs that have not finished */
    size_t active_count;
};

extern const struct zl_json_shape ZL_FLEET_CRONJOB_SHAPE[];
/* *OUT stays NULL for one without the label. */
enum zl_status zl_fleet_cronjob_decode(const struct cJSON *object, struct zl_fleet_cronjob **out,
                                       struct zl_error *err) ZL_MUST_CHECK;
void zl_fleet_cronjob_free(void *cronjob); /* fits zl_ref_new */

/* Merge patch that gives a Job the label; the caller frees. */
struct cJSON *zl_fleet_cronjob_label_patch(const struct zl_fleet_cronjob *cronjob);

#endif
