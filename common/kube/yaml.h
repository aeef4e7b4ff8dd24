/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - one YAML document as a tree that json.h reads.
 *
 * Every scalar becomes text ("true" and 5 too: the reader knows what it wants), an empty or null one
 * becomes JSON null. Refused, because nothing that we read needs them and they are how YAML files
 * surprise: anchors and aliases (a short file that grows without bound), duplicate keys, keys that are not
 * text, more than one document, nesting beyond ZL_YAML_DEPTH_MAX, more than ZL_YAML_NODES_MAX nodes.
 *
 * Threads: pure.
 */
#ifndef ZL_KUBE_YAML_H
#define ZL_KUBE_YAML_H

#include "common/base/json.h"

/* A kubeconfig nests 6 deep. */
#define ZL_YAML_DEPTH_MAX 32
/* A kubeconfig of 1000 clusters, users and contexts has about 25000. */
#define ZL_YAML_NODES_MAX 50000
#define ZL_YAML_MANIFEST_DEPTH_MAX 128
#define ZL_YAML_MANIFEST_NODES_MAX 500000

/*
 * @param out  the caller frees with zl_json_free; JSON null for an empty document
 * @return ZL_OK, or ZL_E_INVALID with line and column
 */
enum zl_status zl_yaml_parse(const char *text, size_t length, struct cJSON **out,
                             struct zl_error *err) ZL_MUST_CHECK;

/*
 * The same of a manifest: plain words and numbers are what they look like, as kubectl reads them (true, yes, on; false, no, off; 5,
 * 1.5e3), and limits are those of a large CustomResourceDefinition: ZL_YAML_MANIFEST_DEPTH_MAX, ZL_YAML_MANIFEST_NODES_MAX.
 */
enum zl_status zl_yaml_parse_manifest(const char *text, size_t length, struct cJSON **out,
                                      struct zl_error *err) ZL_MUST_CHECK;

#endif
