/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject.h - whom something is about: the object that Events are told of, and with which objects of ours go.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_APPLY_SUBJECT_H
#define ZL_CONTROLLER_APPLY_SUBJECT_H

#include "common/kinds/kind.h"

/* Borrowed, all of it. */
struct zl_subject {
    const char *api_version, *kind, *namespace_, *name, *uid;
    uint64_t edition; /* as zl_meta_edition; 0: unknown */
};

static inline struct zl_subject zl_subject_of(const char *api_version, const char *kind,
                                              const struct zl_meta *meta)
{
    return (struct zl_subject){.api_version = api_version,
                               .kind = kind,
                               .namespace_ = meta->namespace_,
                               .name = meta->name,
                               .uid = meta->uid,
                               .edition = zl_meta_edition(meta)};
}

static inline struct zl_subject zl_subject_of_kind(const struct zl_kind *kind,
                                                   const struct zl_meta *meta)
{
    return zl_subject_of(kind->api_version, kind->name, meta);
}

#endif
