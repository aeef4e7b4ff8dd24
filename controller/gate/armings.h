/* SPDX-License-Identifier: Apache-2.0 */
/*
 * armings.h - what is known of each namespace with a LeaderPolicy: is the gatekeeper armed there?
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_CONTROLLER_GATE_ARMINGS_H
#define ZL_CONTROLLER_GATE_ARMINGS_H

#include "controller/gate/arming.h"
#include "controller/gate/webhook_entry.h"

struct zl_armings; /* opaque */
struct zl_armings *zl_armings_new(void);
void zl_armings_free(struct zl_armings *armings);

struct zl_arming_state {
    enum zl_arming arming;
    int attempts;    /* as in zl_arming_facts */
    uint64_t serial; /* of this stay in the table */
    bool
        resembling; /* a probe that resembled the namespace's own objects got through where a bare one did not */
    char detail[ZL_ARMING_DETAIL_MAX]; /* of the condition's message, or "" */
};

/* TEXT (NULL: none) as the state's detail; without the names that each probe has anew. */
void zl_arming_say(struct zl_arming_state *state, const char *text);

/* Begin to look at NAMESPACE_: what was known of it, nothing (Probing) the first time. */
struct zl_arming_state zl_armings_begin(struct zl_armings *armings, const char *namespace_);
/*
 * Note at NOW_MS that probes of NAMESPACE_ fail, or do not (any more), in the look of that serial.
 *
 * @return milliseconds since they began to
 */
int64_t zl_armings_note(struct zl_armings *armings, const char *namespace_, uint64_t serial,
                        bool failing, int64_t now_ms);
/*
 * End the look that began with this serial. A verdict about a namespace that was forgotten meanwhile is
 * dropped: its selector was taken away, perhaps after the probe.
 *
 * @return true when the verdict is another one than before
 */
bool zl_armings_end(struct zl_armings *armings, const char *namespace_,
                    const struct zl_arming_state *state);
/* false: never judged */
bool zl_armings_find(struct zl_armings *armings, const char *namespace_,
                     struct zl_arming_state *out);
/* Forget all but these (sorted): the others have no LeaderPolicy any more. */
void zl_armings_keep(struct zl_armings *armings, const struct zl_namespaces *kept);
/* How many there are; *ARMED receives how many of them are armed. */
size_t zl_armings_count(struct zl_armings *armings, size_t *armed);

#endif
