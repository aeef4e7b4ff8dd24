/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - may a pool be asked for another leader, and what became of it? The controller decides by its own rules; what it would
 * refuse in any case is not asked.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_HANDOVER_ASK_H
#define ZL_CLIENT_HANDOVER_ASK_H

#include "common/seat/request.h"

struct zl_ask_facts {
    const struct zl_policy *policy;
    const struct zl_lease *lease; /* NULL: there is none */
    const char *to;               /* the pod that shall lead; NULL: whoever is next */
    const struct zl_pod *pod;     /* that pod; NULL: there is none */
    int64_t now_us;
};

enum zl_ask {
    ZL_ASK_NOW,
    ZL_ASK_LEADS, /* it leads already */
    ZL_ASK_REFUSED,
};
/* @param reason  why not, and what to do; the caller frees. NULL but with REFUSED */
enum zl_ask zl_ask_judge(const struct zl_ask_facts *facts, char **reason);

enum zl_ask_outcome {
    ZL_ASK_WAITS,
    ZL_ASK_DONE,    /* another pod leads */
    ZL_ASK_DROPPED, /* the controller cleared the request, and the leader stays */
};
/* Of LEASE (NULL: it was deleted) as it is after TOKEN's leader was asked to go. */
enum zl_ask_outcome zl_ask_outcome_of(const struct zl_lease *lease, int64_t token);

/*
 * The merge patch at LEASE's version that puts REQUEST there, NULL: that takes it away. The caller frees.
 */
struct cJSON *zl_ask_patch(const struct zl_lease *lease, const struct zl_request *request);

#endif
