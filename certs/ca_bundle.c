/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/ca_bundle.h"

#include "common/base/parse.h"

static struct cJSON *operation(const char *op, const char *path, const char *value)
{
    struct cJSON *object = zl_json_object();
    zl_json_set_text(object, "op", op);
    zl_json_set_text(object, "path", path);
    zl_json_set_text(object, "value", value);
    return object;
}

/* An entry is found by its place, so the patch fails unless the same webhook is still there. */
static void add_operations(struct cJSON *patch, size_t place, const char *webhook,
                           const char *bundle)
{
    ZL_AUTO_FREE char *name = zl_asprintf("/webhooks/%zu/name", place);
    ZL_AUTO_FREE char *path = zl_asprintf("/webhooks/%zu/clientConfig/caBundle", place);
    zl_json_append(patch, operation("test", name, webhook));
    zl_json_append(patch, operation("add", path, bundle));
}

static enum zl_status read_configuration(struct zl_kube_client *client,
                                         const struct zl_kube_target *target, struct cJSON **out,
                                         struct zl_error *err)
{
    enum zl_status status = zl_kube_get(client, target, out, err);
    if (status == ZL_E_NOT_FOUND) {
        return zl_error_set(err, status,
                            "there is no ValidatingWebhookConfiguration %s: apply manifests/base "
                            "first, or correct --webhook-configuration",
                            target->name);
    }
    if (status == ZL_OK && zl_json_at(*out, "metadata", "annotations",
                                      "cert-manager.io/inject-ca-from", NULL) != NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "cert-manager fills caBundle of %s: remove its annotation "
                            "cert-manager.io/inject-ca-from, or do not run zen-lead-certs",
                            target->name);
    }
    return status;
}

/* What the webhook's caBundle is to be, as base64; the caller frees. */
static char *new_bundle(const struct cJSON *webhook, const struct zl_change *change, size_t *kept)
{
    ZL_AUTO_FREE char *old = NULL;
    size_t length = 0;
    const char *text = zl_json_text(webhook, "clientConfig", "caBundle", NULL);
    if (text != NULL && zl_base64_decode(text, &old, &length, NULL) != ZL_OK) {
        old = NULL;
    }
    ZL_AUTO_FREE char *trust = zl_trust_keep(change, old, kept);
    return zl_base64_encode(trust, strlen(trust));
}

enum zl_status zl_ca_bundle_set(struct zl_kube_client *client, const char *name,
                                const struct zl_change *change, struct zl_bundled *what,
                                struct zl_error *err)
{
    *what = (struct zl_bundled){0};
    struct zl_kube_target target = {.resource = &ZL_KUBE_VALIDATING_WEBHOOKS, .name = name};
    ZL_AUTO_JSON struct cJSON *configuration = NULL;
    enum zl_status status = read_configuration(client, &target, &configuration, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_json_array();
    size_t place = 0;
    const struct cJSON *webhook = zl_json_first(zl_json_at(configuration, "webhooks", NULL));
    for (; webhook != NULL; webhook = zl_json_next(webhook), place++) {
        size_t kept = 0;
        ZL_AUTO_FREE char *bundle = new_bundle(webhook, change, &kept);
        what->kept = kept > what->kept ? kept : what->kept;
        if (!zl_same_string(zl_json_text(webhook, "clientConfig", "caBundle", NULL), bundle)) {
            add_operations(patch, place, zl_json_text(webhook, "name", NULL), bundle);
        }
    }
    if (zl_json_count(patch) == 0) {
        return ZL_OK;
    }
    status = zl_kube_patch(client, &target, ZL_KUBE_PATCH_JSON, patch, NULL, err);
    what->changed = status == ZL_OK;
    /* 422, and 404 or 409 from old servers: the entry is not there any more. */
    return status == ZL_E_INVALID || status == ZL_E_NOT_FOUND ? ZL_E_CONFLICT : status;
}
