/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook_entry.h - the two ValidatingWebhookConfigurations, and who writes which field of them.
 *
 * zen-lead is shipped: the entries that warn and validate, with the reference to the webhook's Service. Its caBundle is
 * filled by cert-manager or zen-lead-certs. zen-lead-pods is shipped without any entry, so that nobody who applies it again
 * has anything to say about what is in it: the controller fills it with the gatekeeper's entry, whose address and caBundle are
 * those of zen-lead.
 *
 * The namespaceSelector is `kubernetes.io/metadata.name In [...]`, sorted. An empty list is refused by the API
 * server, so "no namespace" is a list of one name that no namespace can have: it has a dot (RFC 1123
 * labels have none). What others add beside it can only narrow it, and stays.
 *
 * Threads: pure; a decoded entry is read-only.
 */
#ifndef ZL_CONTROLLER_GATE_WEBHOOK_ENTRY_H
#define ZL_CONTROLLER_GATE_WEBHOOK_ENTRY_H

#include "common/base/json.h"

#define ZL_SHIPPED_CONFIGURATION "zen-lead"
#define ZL_PODS_CONFIGURATION "zen-lead-pods"
#define ZL_WEBHOOK_ENTRY "pods.zen-lead.kube-zen.io"
#define ZL_SOURCE_ENTRY "policies.zen-lead.kube-zen.io"
#define ZL_KEY_NAMESPACE_NAME "kubernetes.io/metadata.name"
/* Stands in the selector when there is no namespace to select. */
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

/* A configuration as far as it concerns us: one of the two, with the entry of one name. */
struct zl_webhook_entry {
    bool present;                  /* the configuration has an entry of that name */
    char *service_namespace;       /* where the webhook runs; NULL when the entry names a URL */
    char *path;                    /* of clientConfig.service.path or .url; NULL: it has none */
    char *ca_bundle;               /* NULL when absent or empty */
    struct cJSON *selector;        /* namespaceSelector as it is; NULL when it is absent */
    struct zl_namespaces selected; /* what our requirement in it selects, else none; sorted */
    char *rest;           /* all of the entry but the names selected, as text: equal is equal */
    char *owner_uid;      /* of the Namespace that owns the configuration; NULL: none does */
    struct cJSON *object; /* the configuration itself */
};

/* OBJECT is a ValidatingWebhookConfiguration. The caller frees; it fits zl_ref_new. */
struct zl_webhook_entry *zl_webhook_entry_decode(const struct cJSON *object, const char *name);
void zl_webhook_entry_free(void *entry);

/* The namespaceSelector that selects WANTED (sorted) and nothing else; the caller frees. */
struct cJSON *zl_selector_new(const struct zl_namespaces *wanted);
/* Does it select WANTED, but for what the requirements of others take out of that? */
bool zl_selector_is(const struct cJSON *selector, const struct zl_namespaces *wanted);
/* What others require beside ours, as text for people ("" when nothing); the caller frees. */
char *zl_selector_others(const struct cJSON *selector, const struct zl_namespaces *wanted);

/*
 * The JSON patch (RFC 6902) that gives the entry in OBJECT this selector. It tests that the entry still
 * stands in its place with the selector that was read, and touches no other field.
 *
 * @return NULL when there is nothing to change or no entry; the caller frees
 */
struct cJSON *zl_selector_patch(const struct cJSON *object, const struct zl_namespaces *wanted);

/* What the entry of zen-lead-pods is to be. All borrowed. */
struct zl_gate_wanted {
    const struct cJSON *shipped; /* the configuration zen-lead */
    const char *path;            /* of reviews of pods */
    const char *ca_bundle;       /* base64 */
    const struct zl_namespaces *namespaces;
};

/*
 * The JSON patch that makes the entry in OBJECT (zen-lead-pods) what is wanted: an absent one whole; of one that is there
 * the address, caBundle and the selector's requirement alone. It tests what it replaces.
 *
 * @return NULL when there is nothing to change, or when zen-lead has no address to take; the caller frees
 */
struct cJSON *zl_gate_patch(const struct cJSON *object, const struct zl_gate_wanted *wanted);

/* The JSON patch that gives CA_BUNDLE to our entries in OBJECT that have none; NULL: each has one. The caller frees. */
struct cJSON *zl_ca_bundle_patch(const struct cJSON *object, const char *ca_bundle);

/* A merge patch, of OBJECT alone as it is: it is owned by the Namespace of that NAME and UID, and by no other one. The caller frees. */
struct cJSON *zl_owner_patch(const struct cJSON *object, const char *name, const char *uid);

#endif
