/* SPDX-License-Identifier: Apache-2.0 */
/*
 * material.h - CA and serving certificate as they are stored, and the decision to renew them.
 *
 * Threads: pure.
 */
#ifndef ZL_CERTS_MATERIAL_H
#define ZL_CERTS_MATERIAL_H

#include "certs/names.h"

#include <stdint.h>

/* In the order in which files are written: a reader that sees a new tls.crt finds its key there. */
enum zl_part { ZL_PART_CA_CERT, ZL_PART_CA_KEY, ZL_PART_KEY, ZL_PART_CERT, ZL_PART_COUNT };

/* File name in a directory and key in a Secret: "ca.crt", "ca.key", "tls.key", "tls.crt". */
extern const char *const zl_part_names[ZL_PART_COUNT];

/*
 * PEM texts, NULL where absent. ca.crt begins with the CA in use; a CA that it replaced and that
 * is still valid follows, so that nobody is refused while the change spreads.
 */
struct zl_material {
    char *pem[ZL_PART_COUNT];
};

void zl_material_clear(struct zl_material *material);
#define ZL_AUTO_MATERIAL ZL_CLEANUP(zl_material_clear)

struct zl_renewal {
    const struct zl_names *names;
    int64_t now_s;          /* seconds since 1970 */
    int64_t validity_s;     /* of a new serving certificate */
    int64_t ca_validity_s;  /* of a new CA */
    int64_t renew_before_s; /* what has less left is renewed */
    bool force;             /* renew the serving certificate in any case */
};

#define ZL_REASON_MAX 160

struct zl_renewed {
    bool changed;
    char reason[ZL_REASON_MAX]; /* why, or why not */
};

/*
 * Keep OLD when it is good, else make what is wrong anew.
 *
 * The serving certificate is good when it is readable, fits its key, is signed by the CA in use for
 * server authentication, names everything asked for, and has more than renew_before_s left. A CA
 * is used on as long as certificate and key fit and it has more than renew_before_s left.
 * Broken or mixed-up material is replaced, never an error: a run that was killed between two files
 * leaves such a mixture behind.
 *
 * @param out  overwritten; a full copy of OLD when nothing changed; the caller clears it
 */
enum zl_status zl_material_renew(const struct zl_material *old, const struct zl_renewal *renewal,
                                 struct zl_material *out, struct zl_renewed *what,
                                 struct zl_error *err) ZL_MUST_CHECK;

/* What is stored before a run and after it. Both borrowed. */
struct zl_change {
    const struct zl_material *before, *after;
    int64_t now_s; /* seconds since 1970 */
};

/*
 * The CAs that the API server is to trust: those of the new ca.crt, and of those that it trusts now (BUNDLE, PEM; may be NULL)
 * the ones that zen-lead-certs made, that have not expired and that the ca.crt before did not know, as long as the certificate
 * is younger than a day: where the Secret was lost, webhooks go on showing a certificate of a CA that only BUNDLE knows,
 * until they have the new one.
 *
 * @param kept  receives how many those are
 * @return PEM; the caller frees
 */
char *zl_trust_keep(const struct zl_change *change, const char *bundle, size_t *kept);

#endif
