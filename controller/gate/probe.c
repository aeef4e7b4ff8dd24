/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/probe.h"

#include "common/base/clock.h"
#include "common/objects/names.h"
#include "controller/gate/webhook_entry.h"

#include <string.h>

static struct cJSON *new_probe(const char *namespace_, const char *nonce)
{
    struct cJSON *object = zl_json_object();
    ZL_AUTO_FREE char *name = zl_asprintf(ZL_PROBE_PREFIX "%s", nonce);
    zl_json_set_text(object, "apiVersion", ZL_POLICY_API_VERSION);
    zl_json_set_text(object, "kind", ZL_POLICY_KIND);
    struct cJSON *metadata = zl_json_child(object, "metadata");
    zl_json_set_text(metadata, "name", name);
    zl_json_set_text(metadata, "namespace", namespace_);
    zl_json_set_text(zl_json_child(metadata, "annotations"), ZL_KEY_PROBE, nonce);
    (void)zl_json_child(object, "spec");
    return object;
}

/* Of what kubectl applied, it is about another object. */
static void copy_texts(struct cJSON *to, const struct cJSON *from)
{
    const struct cJSON *one = zl_json_first(from);
    for (; one != NULL; one = zl_json_next(one)) {
        if (strcmp(zl_json_name(one), "kubectl.kubernetes.io/last-applied-configuration") != 0) {
            zl_json_set(to, zl_json_name(one), zl_json_copy(one));
        }
    }
}

/* Without it, a bare one says what there is to be said. */
static void resemble(struct zl_kube_client *client, const char *namespace_, const char *like,
                     struct cJSON *object)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *model = NULL;
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEADERPOLICIES, .namespace_ = namespace_, .name = like};
    if (zl_kube_get(client, &target, &model, &err) != ZL_OK) {
        return;
    }
    struct cJSON *metadata = zl_json_child(object, "metadata");
    copy_texts(zl_json_child(metadata, "labels"), zl_json_at(model, "metadata", "labels", NULL));
    copy_texts(zl_json_child(metadata, "annotations"),
               zl_json_at(model, "metadata", "annotations", NULL));
    copy_texts(zl_json_child(object, "spec"), zl_json_at(model, "spec", NULL));
}

enum zl_probe zl_probe_namespace(struct zl_kube_client *client, const char *namespace_,
                                 const char *like, struct zl_error *err)
{
    ZL_AUTO_FREE char *nonce = zl_asprintf("%016llx", (unsigned long long)zl_random());
    ZL_AUTO_JSON struct cJSON *object = new_probe(namespace_, nonce);
    if (like != NULL) {
        resemble(client, namespace_, like, object);
    }
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEADERPOLICIES, .namespace_ = namespace_, .dry_run = true};
    enum zl_status status = zl_kube_create(client, &target, object, NULL, err);
    return zl_probe_judge(status, err, nonce);
}

bool zl_probe_label(struct zl_kube_client *client, const char *namespace_)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_NAMESPACES, .name = namespace_, .metadata_only = true};
    if (zl_kube_get(client, &target, &object, &err) != ZL_OK) {
        return true; /* the next look asks again */
    }
    return zl_same_string(zl_json_text(object, "metadata", "labels", ZL_KEY_NAMESPACE_NAME, NULL),
                          namespace_);
}
