/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.h - what the sidecar says: an answer of libzenlead as JSON, as a status code, as an event.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_SIDECAR_ANSWERS_H
#define ZL_CLIENT_SIDECAR_ANSWERS_H

#include "client/lib/zenlead.h"

/* {"role":"leader","holder":"web-1","token":17,"validForMs":11800,"reason":"holds"}; the caller frees. */
char *zl_sidecar_json(const struct zenlead_answer *answer, int64_t now_ns);
/* 200 when ROLE is certain, else 503. */
int zl_sidecar_status(const struct zenlead_answer *answer, enum zenlead_role role, int64_t now_ns);
/* As the old contrib/leader-elector had it: {"name":"web-1"}. The caller frees. */
char *zl_sidecar_compat(const struct zenlead_answer *answer);
/* Has something changed that a watcher is told of? Validity alone is none. */
bool zl_sidecar_differs(const struct zenlead_answer *left, const struct zenlead_answer *right);

/* Is HOST (as sent; NULL: none) this machine by one of its own names, whatever the port? */
bool zl_sidecar_host_is_local(const char *host);

#endif
