/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/store_secret.h"

#include "common/base/parse.h"

#define SECRET_TYPE "kubernetes.io/tls"

static struct zl_kube_target target_of(const struct zl_secret *secret)
{
    return (struct zl_kube_target){
        .resource = &ZL_KUBE_SECRETS,
        .namespace_ = secret->namespace_,
        .name = secret->name,
    };
}

static enum zl_status check_owner(const struct zl_secret *secret, const struct cJSON *object,
                                  struct zl_error *err)
{
    const char *type = zl_json_text(object, "type", NULL);
    if (type == NULL || strcmp(type, SECRET_TYPE) != 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "Secret %s/%s is of type %.60s, not " SECRET_TYPE
                            ": delete it, or choose another --secret",
                            secret->namespace_, secret->name, type != NULL ? type : "Opaque");
    }
    if (zl_json_at(object, "metadata", "annotations", "cert-manager.io/certificate-name", NULL) !=
        NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "Secret %s/%s belongs to cert-manager: zen-lead-certs is not needed "
                            "beside it; else choose another --secret",
                            secret->namespace_, secret->name);
    }
    return ZL_OK;
}

enum zl_status zl_secret_load(struct zl_secret *secret, struct zl_material *out,
                              struct zl_error *err)
{
    *out = (struct zl_material){0};
    zl_replace_string(&secret->version, NULL);
    struct zl_kube_target target = target_of(secret);
    ZL_AUTO_JSON struct cJSON *object = NULL;
    enum zl_status status = zl_kube_get(secret->client, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    if (status == ZL_OK) {
        status = check_owner(secret, object, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    zl_replace_string(&secret->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        const char *value = zl_json_text(object, "data", zl_part_names[i], NULL);
        size_t length = 0;
        /* The API server has checked the base64; what is broken nevertheless counts as absent. */
        if (value != NULL && zl_base64_decode(value, &out->pem[i], &length, NULL) != ZL_OK) {
            out->pem[i] = NULL;
        }
    }
    return ZL_OK;
}

static struct cJSON *with_data(const struct zl_material *material)
{
    struct cJSON *object = zl_json_object();
    struct cJSON *data = zl_json_child(object, "data");
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        ZL_AUTO_FREE char *text = zl_base64_encode(material->pem[i], strlen(material->pem[i]));
        zl_json_set_text(data, zl_part_names[i], text);
    }
    return object;
}

enum zl_status zl_secret_save(struct zl_secret *secret, const struct zl_material *material,
                              struct zl_error *err)
{
    struct zl_kube_target target = target_of(secret);
    ZL_AUTO_JSON struct cJSON *object = with_data(material);
    struct cJSON *metadata = zl_json_child(object, "metadata");
    if (secret->version != NULL) {
        zl_json_set_text(metadata, "resourceVersion", secret->version);
        enum zl_status status =
            zl_kube_patch(secret->client, &target, ZL_KUBE_PATCH_MERGE, object, NULL, err);
        /* Deleted since it was loaded: the next attempt creates it. */
        return status == ZL_E_NOT_FOUND ? ZL_E_CONFLICT : status;
    }
    zl_json_set_text(object, "apiVersion", "v1");
    zl_json_set_text(object, "kind", "Secret");
    zl_json_set_text(object, "type", SECRET_TYPE);
    zl_json_set_text(metadata, "name", secret->name);
    zl_json_set_text(zl_json_child(metadata, "labels"), "app.kubernetes.io/managed-by",
                     "zen-lead-certs");
    return zl_kube_create(secret->client, &target, object, NULL, err);
}
