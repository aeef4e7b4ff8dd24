/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arming.h - is the gatekeeper armed in a namespace? Pure functions from what is known to condition
 * GatekeeperArmed, and to when to look again.
 *
 * Only a probe proves it: the stored configuration says what ought to be, the API server acts on what its
 * own cache holds, on the namespace's labels and on the webhook's answer (probe.h).
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_GATE_ARMING_H
#define ZL_CONTROLLER_GATE_ARMING_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What became of a probe. */
enum zl_probe {
    ZL_PROBE_NONE,        /* none was made */
    ZL_PROBE_REFUSED,     /* by the webhook, through our entry: armed */
    ZL_PROBE_PASSED,      /* nobody asked the webhook */
    ZL_PROBE_UNREACHABLE, /* the API server asked and got no answer */
    ZL_PROBE_TERMINATING, /* the namespace is being deleted */
    ZL_PROBE_FAILED,      /* something else: RBAC, another webhook, the API server itself */
    ZL_PROBE_COUNT,
};

/*
 * Classify the API server's answer to a probe that carries NONCE.
 *
 * Texts are read here, because nothing else in a refusal says who refused. Both are the API server's own
 * (apiserver/pkg/admission/plugin/webhook/errors, util/webhook/error.go), the same in Kubernetes 1.20 and 1.34: `admission webhook "NAME" denied the request: ...` and
 * `failed calling webhook "NAME": ...`.
 */
enum zl_probe zl_probe_judge(enum zl_status status, const struct zl_error *err, const char *nonce);
const char *zl_probe_name(enum zl_probe probe); /* for metrics and logs: "refused" */

#define ZL_PROBE_PREFIX "zen-lead-probe-" /* of its name; the nonce follows */
#define ZL_ARMING_DETAIL_MAX 320

struct zl_arming_facts {
    bool excluded; /* a namespace that is never gatekept */
    bool read;  /* the configuration was looked for; without that it is not known to be missing */
    bool entry; /* it exists and has our entry */
    bool selected;  /* the entry's selector names the namespace */
    bool contested; /* somebody keeps changing it */
    enum zl_probe probe;
    bool labelled;  /* with PASSED: the namespace carries the label that the selector asks for */
    bool was_armed; /* the verdict before this one */
    int attempts;   /* probes in a row, this one included, that were not refused by the webhook */
    int64_t failing_ms; /* since the first of them */
};

enum zl_arming {
    ZL_ARMING_PROBING,
    ZL_ARMING_ARMED,
    ZL_ARMING_EXCLUDED_NAMESPACE,
    ZL_ARMING_CONFIGURATION_MISSING,
    ZL_ARMING_CONTESTED,
    ZL_ARMING_NAMESPACE_NOT_LABELLED,
    ZL_ARMING_WEBHOOK_UNREACHABLE,
    ZL_ARMING_NOT_INTERCEPTED,
    ZL_ARMING_PROBE_FAILED,
    ZL_ARMING_COUNT,
};

/* Does it take a probe to judge these facts? */
bool zl_arming_needs_probe(const struct zl_arming_facts *facts);
/*
 * An armed namespace stays armed at the first probe that gets no answer: a replica of the webhook may
 * just be restarting. One that passes counts at once: the gate is open.
 */
enum zl_arming zl_arming_judge(const struct zl_arming_facts *facts);

/* The condition's reason: "Armed", "Probing", ... */
const char *zl_arming_reason(enum zl_arming arming);
/* The condition's message, the same for equal arguments; the caller frees. DETAIL: "" or what there is beside. */
char *zl_arming_message(enum zl_arming arming, const char *namespace_, const char *detail);

/*
 * Milliseconds until the next look at a namespace; 0: only an event can change something.
 *
 * @param namespaces    how many are looked after: armed ones are probed once a minute, all of them together
 *                      no more than ten times a second
 * @param unchanged_ms  since the entry changed in anything but our names. The API server may hear of that later than
 *                      this program does, and a refusal until then is of the older entry: an armed namespace is
 *                      looked at once more
 */
int64_t zl_arming_look_again_ms(enum zl_arming arming, int attempts, size_t namespaces,
                                int64_t unchanged_ms);

#endif
