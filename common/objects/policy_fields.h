/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_fields.h - the fields of a LeaderPolicy's spec, one row each: what it is called, may be and is by default.
 *
 * Decoding (policy.c), the validator and `make docs-check`, which holds the CRD and docs/reference.md against it,
 * read this table. A new field is a row here, a member of struct zl_policy, and what those two say of it.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_POLICY_FIELDS_H
#define ZL_OBJECTS_POLICY_FIELDS_H

#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct zl_policy;

enum zl_policy_field_type {
    ZL_POLICY_SECONDS, /* an int64_t of struct zl_policy */
    ZL_POLICY_CHOICE,  /* a bool: is it the second choice? */
    ZL_POLICY_SWITCH,  /* a bool; false by default */
};

struct zl_policy_field {
    const char *name, *path; /* "rollout", "spec.rollout" */
    enum zl_policy_field_type type;
    int64_t fallback, min, max; /* SECONDS: the default, and its range */
    const char *less_than;      /* SECONDS: the field that must be more; NULL: none */
    const char *choices[2];     /* CHOICE: the first is the default */
    const char *help;           /* as in the CRD */
    size_t offset;              /* in struct zl_policy */
};

/* In the order in which they are documented; the last one's name is NULL. */
extern const struct zl_policy_field ZL_POLICY_FIELDS[];

/* NULL: there is none of that name. */
const struct zl_policy_field *zl_policy_field_find(const char *name);
/* Fill POLICY from SPEC (NULL: all defaults). A value of another type counts as the default; ranges are the CRD's. */
void zl_policy_fields_decode(const struct cJSON *spec, struct zl_policy *policy);

#endif
