/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - Kubernetes Events about other people's objects, aggregated.
 *
 * Equal (object, type, reason, message) within an hour is one Event whose count and
 * lastTimestamp grow (client-go's EventCorrelator, in short). Delivery is asynchronous and best
 * effort: a full queue or a refused write drops the Event, counts it and logs it once a minute.
 *
 * Threads: zl_events_emit from any thread, never blocks on I/O.
 */
#ifndef ZL_KUBE_EVENTS_H
#define ZL_KUBE_EVENTS_H

#include "common/kube/client.h"

struct zl_event_object {
    const char *api_version, *kind, *namespace_, *name, *uid;
};

struct zl_events; /* opaque */

/* COMPONENT becomes source.component and reportingController: "zen-lead-controller". */
struct zl_events *zl_events_new(struct zl_kube_client *client, const char *component);
/* Delivers what is queued, at most DRAIN_MS, then frees. */
void zl_events_free(struct zl_events *events, int64_t drain_ms);

/* @param warning  type Warning, else Normal   @param reason  UpperCamelCase, a constant */
void zl_events_emit(struct zl_events *events, const struct zl_event_object *object, bool warning,
                    const char *reason, const char *format, ...) ZL_PRINTF(5, 6);

/*
 * As zl_events_emit, of something that is so whenever it is looked at: told when it begins, then less and less often, up to once in
 * forty minutes, and it takes nothing from the object's allowance (event_allowance.h). What stands can be read where it stands.
 *
 * @param edition  another number when somebody has edited the object since; then it is told again
 */
void zl_events_remind(struct zl_events *events, const struct zl_event_object *object,
                      uint64_t edition, bool warning, const char *reason, const char *message);

uint64_t zl_events_dropped(struct zl_events *events);

#endif
