/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_secret.h - material as a Secret of type kubernetes.io/tls.
 *
 * Threads: one struct zl_secret, one thread at a time.
 */
#ifndef ZL_CERTS_STORE_SECRET_H
#define ZL_CERTS_STORE_SECRET_H

#include "certs/material.h"
#include "common/kube/client.h"

struct zl_secret {
    struct zl_kube_client *client; /* borrowed */
    const char *namespace_;
    const char *name;
    char *version; /* resourceVersion of what was loaded; NULL: it did not exist; free() */
};

/*
 * Read the Secret and remember its version. One that does not exist reads as empty material.
 *
 * Refuses a Secret of another type and one that cert-manager writes, each with the cure.
 *
 * @param out  overwritten; the caller clears it
 */
enum zl_status zl_secret_load(struct zl_secret *secret, struct zl_material *out,
                              struct zl_error *err) ZL_MUST_CHECK;

/*
 * Store MATERIAL as a compare-and-swap on what was loaded. Other keys, labels and annotations of
 * the Secret are left alone.
 *
 * @return ZL_E_CONFLICT: someone else was first; load again
 */
enum zl_status zl_secret_save(struct zl_secret *secret, const struct zl_material *material,
                              struct zl_error *err) ZL_MUST_CHECK;

#endif
