/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - the self-probe: is the webhook asked about this namespace?
 *
 * A dry run of creating a LeaderPolicy that carries a nonce. The entry that covers pods covers LeaderPolicies
 * too, so the API server treats both alike: same selector, same address, same certificate. The webhook
 * refuses such a dry run and repeats the nonce; that refusal is the proof. A dry-run pod would prove the
 * same, but the right to create pods would let a stolen token of the controller run anything.
 *
 * Threads: any; blocks on the API server.
 */
#ifndef ZL_CONTROLLER_GATE_PROBE_H
#define ZL_CONTROLLER_GATE_PROBE_H

#include "common/kube/client.h"
#include "controller/gate/arming.h"

/*
 * @param like  a LeaderPolicy of that namespace whose labels, annotations and spec the probe has, as others' policies may
 *              ask for them; NULL: it has none
 * @param err   with anything but REFUSED and PASSED: what the API server said
 */
enum zl_probe zl_probe_namespace(struct zl_kube_client *client, const char *namespace_,
                                 const char *like, struct zl_error *err);

/* Does the namespace carry the label that the selector asks for? true when that cannot be read. */
bool zl_probe_label(struct zl_kube_client *client, const char *namespace_);

#endif
