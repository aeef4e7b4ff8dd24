/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/review_secret.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/parse.h"
#include "controller/gate/webhook_entry.h"

#include <string.h>

/* In a patch null takes away what was there; in a new object it would be an empty value. */
static void set_data(struct cJSON *data, const char *key, const char *value, bool is_patch)
{
    ZL_AUTO_FREE char *text = value != NULL ? zl_base64_encode(value, strlen(value)) : NULL;
    if (text != NULL || is_patch) {
        zl_json_set_text(data, key, text);
    }
}

static struct cJSON *planned(const struct zl_token_plan *plan, const char *token, int64_t now_us,
                             bool is_patch)
{
    struct cJSON *object = zl_json_object();
    struct cJSON *data = zl_json_child(object, "data");
    set_data(data, "token", plan->token != NULL ? plan->token : token, is_patch);
    set_data(data, "previous", plan->previous, is_patch);
    set_data(data, "plain", plan->plain ? "accepted" : NULL, is_patch);
    if (plan->renewed) {
        struct cJSON *annotations = zl_json_child(zl_json_child(object, "metadata"), "annotations");
        char now[ZL_TIME_TEXT_MAX];
        zl_time_format(now_us, now);
        zl_json_set_text(annotations, ZL_KEY_REVIEW_RENEWED, now);
        if (is_patch) {
            zl_json_set_null(annotations, ZL_KEY_REVIEW_RENEW);
        }
    }
    return object;
}

struct cJSON *zl_review_secret_new(const struct zl_token_plan *plan, const char *token,
                                   int64_t now_us, const struct cJSON *configuration)
{
    struct cJSON *object = planned(plan, token, now_us, false);
    struct cJSON *metadata = zl_json_child(object, "metadata");
    struct cJSON *owners = zl_json_array();
    struct cJSON *owner = zl_json_object();
    zl_json_set_text(object, "apiVersion", "v1");
    zl_json_set_text(object, "kind", "Secret");
    zl_json_set_text(object, "type", "Opaque");
    zl_json_set_text(metadata, "name", ZL_REVIEW_SECRET);
    zl_json_set_text(zl_json_child(metadata, "labels"), "app.kubernetes.io/part-of", "zen-lead");
    zl_json_set_text(owner, "apiVersion", "admissionregistration.k8s.io/v1");
    zl_json_set_text(owner, "kind", "ValidatingWebhookConfiguration");
    zl_json_set_text(owner, "name", ZL_PODS_CONFIGURATION);
    zl_json_set_text(owner, "uid", zl_json_text(configuration, "metadata", "uid", NULL));
    zl_json_append(owners, owner);
    zl_json_set(metadata, "ownerReferences", owners);
    return object;
}

struct cJSON *zl_review_secret_patch(const struct zl_token_plan *plan, const char *token,
                                     int64_t now_us, const struct cJSON *old)
{
    struct cJSON *patch = planned(plan, token, now_us, true);
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion",
                     zl_json_text(old, "metadata", "resourceVersion", NULL));
    return patch;
}
