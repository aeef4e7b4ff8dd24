/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - an object read from the API server with what decides about it: its owners, its pool, the Lease, its pods.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_EXPLAIN_LOOK_H
#define ZL_CLIENT_EXPLAIN_LOOK_H

#include "client/explain/judge.h"
#include "common/kube/client.h"

/* What the user may name: "deployment", "deploy", "Deployment". NULL: none of these. */
const char *zl_explain_kind(const char *word);
/* All of them, for a message: "Pod, Service, ..."; the caller frees. */
char *zl_explain_kinds(void);

/*
 * Explain KIND (of zl_explain_kind) NAME: at most eight requests.
 *
 * @return ZL_E_NOT_FOUND: there is no such object; a request's failure, but for the Lease and the pods, without which less
 *         is said
 */
enum zl_status zl_explain_object(struct zl_kube_client *client, const char *namespace_,
                                 const char *kind, const char *name, struct zl_explanation *out,
                                 struct zl_error *err) ZL_MUST_CHECK;

#endif
