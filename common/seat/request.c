/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/request.h"

#include "common/base/clock.h"

#include <string.h>

void zl_request_clear(struct zl_request *request)
{
    free(request->pod);
    free(request->uid);
    free(request->user);
    *request = (struct zl_request){0};
}

bool zl_request_decode(const struct zl_lease *lease, struct zl_request *out)
{
    const char *text = lease != NULL ? lease->request : NULL;
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    struct zl_error ignored = {0};
    if (text == NULL || zl_json_parse(text, strlen(text), &tree, &ignored) != ZL_OK) {
        return false;
    }
    const char *to = zl_json_text(tree, "to", NULL);
    const char *separator = to != NULL ? strchr(to, '_') : NULL;
    if (!zl_time_parse(zl_json_text(tree, "until", NULL), &out->until_us)) {
        return false;
    }
    out->token = zl_json_i64(tree, -1, "token", NULL);
    out->user = zl_strdup(zl_json_text(tree, "by", NULL));
    if (separator != NULL) {
        out->pod = zl_strndup(to, (size_t)(separator - to));
        out->uid = zl_strdup(separator + 1);
    }
    return true;
}

char *zl_request_encode(const struct zl_request *request)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    char until[ZL_TIME_TEXT_MAX];
    zl_time_format(request->until_us, until);
    if (request->uid != NULL) {
        ZL_AUTO_FREE char *to = zl_asprintf("%s_%s", request->pod, request->uid);
        zl_json_set_text(tree, "to", to);
    }
    zl_json_set_i64(tree, "token", request->token);
    zl_json_set_text(tree, "until", until);
    zl_json_set_text(tree, "by", request->user != NULL ? request->user : "somebody");
    return zl_json_print(tree);
}
