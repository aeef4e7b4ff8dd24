/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reasons.h - what zl_error.reason may say, for callers that treat one cause differently. Constants alone, so that
 * decisions may include it without the client.
 */
#ifndef ZL_KUBE_REASONS_H
#define ZL_KUBE_REASONS_H

/* A create was refused because its namespace is being deleted (with ZL_E_DENIED). */
#define ZL_REASON_NAMESPACE_TERMINATING "NamespaceTerminating"

#endif
