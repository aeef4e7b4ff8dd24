/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review/probe.h"

#include "common/objects/names.h"

#include <string.h>

const char *zl_probe_nonce(const struct zl_review *review)
{
    if (!review->dry_run || strcmp(review->operation, "CREATE") != 0 ||
        strcmp(review->group, ZL_POLICY_GROUP) != 0 ||
        strcmp(review->resource, "leaderpolicies") != 0 || review->subresource[0] != '\0') {
        return NULL;
    }
    const char *nonce = zl_json_text(review->object, "metadata", "annotations", ZL_KEY_PROBE, NULL);
    if (nonce == NULL) {
        return NULL;
    }
    size_t length = strspn(nonce, "0123456789abcdefghijklmnopqrstuvwxyz");
    return length > 0 && length <= ZL_PROBE_NONCE_MAX && nonce[length] == '\0' ? nonce : NULL;
}

char *zl_probe_message(const char *nonce)
{
    return zl_asprintf("zen-lead: the gatekeeper is armed (probe %s)", nonce);
}
