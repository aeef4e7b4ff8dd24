/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h - what config.c (where to look) and kubeconfig.c (what a file says) share. */
#ifndef ZL_KUBE_CONFIG_INTERNAL_H
#define ZL_KUBE_CONFIG_INTERNAL_H

#include "common/kube/config.h"

/*
 * COUNT files, merged.
 *
 * @param may_miss  files that do not exist are skipped, but not all of them
 */
enum zl_status zl_kubeconfig_load(const char *const *paths, size_t count, bool may_miss,
                                  const char *context, struct zl_kube_config *out,
                                  struct zl_error *err) ZL_MUST_CHECK;

#endif
