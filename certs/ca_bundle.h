/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca_bundle.h - the CA that the API server trusts when it calls our webhooks.
 *
 * Threads: as the client.
 */
#ifndef ZL_CERTS_CA_BUNDLE_H
#define ZL_CERTS_CA_BUNDLE_H

#include "certs/material.h"
#include "common/kube/client.h"

struct zl_bundled {
    bool changed;
    size_t kept; /* CAs that only caBundle names, and that it goes on naming */
};

/*
 * Set clientConfig.caBundle of every webhook in the ValidatingWebhookConfiguration NAME to what the new ca.crt of CHANGE says, and
 * to what zl_trust_keep keeps. No other field is written: it is a JSON patch that first tests that each entry is still the
 * one that was read. Nothing is written when all is as it should be.
 *
 * @return ZL_E_NOT_FOUND and ZL_E_INVALID (cert-manager fills it) with the cure; ZL_E_CONFLICT: it
 *         changed meanwhile, call again
 */
enum zl_status zl_ca_bundle_set(struct zl_kube_client *client, const char *name,
                                const struct zl_change *change, struct zl_bundled *what,
                                struct zl_error *err) ZL_MUST_CHECK;

#endif
