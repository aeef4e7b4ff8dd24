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

/* {"state":"active","token":7,"validForMs":1740000,"position":0,"why":"it is this cluster's turn"}; the caller frees. */
char *zl_sidecar_turn_json(const struct zenlead_turn *turn, int64_t now_ns);
/* Is it certain that the cluster may act? */
bool zl_sidecar_may_act(const struct zenlead_turn *turn, int64_t now_ns);
bool zl_sidecar_turn_differs(const struct zenlead_turn *left, const struct zenlead_turn *right);

#endif
