/* SPDX-License-Identifier: Apache-2.0 */
/*
 * streams.h - every change of every object that matters, of seven resource types, as one sequence in the order in which
 * etcd stored them.
 *
 * Each type is followed by a watch of its own, from a list that is made once; a watch that ends is resumed from the last
 * revision seen. Watches are not in step with each other. So a marker object of each type is patched again and again:
 * a watch that has delivered its marker's revision R has delivered everything before R, and what lies below the lowest
 * such position of all watches can be put in order for good. No clock takes part in that.
 *
 * Threads: one for each watch, one for the markers; the functions are called by one other.
 */
#ifndef ZL_TEST_CHAOS_STREAMS_H
#define ZL_TEST_CHAOS_STREAMS_H

#include "common/kube/client.h"
#include "test/chaos/fact.h"

struct zl_streams; /* opaque */

/*
 * Follow NAMESPACE_. The markers, named MARKER, are in namespace kube-system and exist already.
 *
 * @return ZL_OK once all first lists are there
 */
enum zl_status zl_streams_start(struct zl_kube_client *client, const char *namespace_,
                                const char *marker, struct zl_streams **out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_streams_stop(struct zl_streams *streams); /* joins the threads and frees */

/*
 * The next fact in order; NULL: none is known to be the next within WAIT_MS. The caller frees it with zl_fact_free.
 */
struct zl_fact *zl_streams_next(struct zl_streams *streams, int64_t wait_ms);

/* Everything that was stored before this instant (zl_clock_ms) has been handed out. */
int64_t zl_streams_fresh_ms(struct zl_streams *streams);

struct zl_streams_health {
    uint64_t events, restarts; /* of watches */
    bool
        gap; /* the server has forgotten revisions that were not seen: the sequence is not complete */
};
struct zl_streams_health zl_streams_health(struct zl_streams *streams);

/*
 * Compare what the watches say is there with what a list says. To be asked when everything rests.
 *
 * @param difference  receives one sentence; the caller frees
 * @return ZL_E_CONFLICT with a difference
 */
enum zl_status zl_streams_audit(struct zl_streams *streams, char **difference,
                                struct zl_error *err) ZL_MUST_CHECK;

#endif
