/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_entry.h - the gatekeeper's entry in the ValidatingWebhookConfiguration, and the one field of it
 * that the controller writes: namespaceSelector.
 *
 * The selector is `kubernetes.io/metadata.name In [...]`, sorted. An empty list is refused by the API
 * server, so "no namespace" is a list of one name that no namespace can have: it has a dot (RFC 1123
 * labels have none).
 *
 * Threads: pure; a decoded entry is read-only.
 */
#ifndef ZL_CONTROLLER_GATE_WEBHOOK_ENTRY_H
#define ZL_CONTROLLER_GATE_WEBHOOK_ENTRY_H

#include "common/base/json.h"

#define ZL_WEBHOOK_CONFIGURATION "zen-lead"
#define ZL_WEBHOOK_ENTRY "pods.zen-lead.kube-zen.io"
#define ZL_KEY_NAMESPACE_NAME "kubernetes.io/metadata.name"
/* Stands in the selector, and in manifests/, when there is no namespace to select. */
#define ZL_NO_NAMESPACE "no.leaderpolicy"

/* Names of namespaces; sorted and without doubles where that is said. {0} is empty. */
struct zl_namespaces {
    char **items;
    size_t count;
};
void zl_namespaces_clear(struct zl_namespaces *namespaces);
#define ZL_AUTO_NAMESPACES ZL_CLEANUP(zl_namespaces_clear)
void zl_namespaces_add(struct zl_namespaces *namespaces, const char *name);
/* Sort, and drop what comes twice. */
void zl_namespaces_sort(struct zl_namespaces *namespaces);
bool zl_namespaces_have(const struct zl_namespaces *namespaces, const char *name);

struct zl_webhook_entry {
    bool present;                  /* the configuration has an entry of our name */
    char *service_namespace;       /* where the webhook runs; NULL when the entry names a URL */
    struct cJSON *selector;        /* namespaceSelector as it is; NULL when it is absent */
    struct zl_namespaces selected; /* what it selects if it is of our form, else none; sorted */
    char *rest;                    /* all of the entry but the selector, as text: equal is equal */
};

/* OBJECT is a ValidatingWebhookConfiguration. The caller frees; it fits zl_ref_new. */
struct zl_webhook_entry *zl_webhook_entry_decode(const struct cJSON *object);
void zl_webhook_entry_free(void *entry);

/* The namespaceSelector that selects WANTED (sorted) and nothing else; the caller frees. */
struct cJSON *zl_selector_new(const struct zl_namespaces *wanted);
bool zl_selector_is(const struct cJSON *selector, const struct zl_namespaces *wanted);

/*
 * The JSON patch (RFC 6902) that gives the entry in OBJECT this selector. It tests that the entry still
 * stands in its place with the selector that was read, and touches no other field.
 *
 * @return NULL when there is nothing to change or no entry; the caller frees
 */
struct cJSON *zl_selector_patch(const struct cJSON *object, const struct zl_namespaces *wanted);

#endif
