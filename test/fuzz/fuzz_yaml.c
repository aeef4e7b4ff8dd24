/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes a kubeconfig or a manifest holds: no crash, and what was accepted can be printed as JSON and read back.
 */
#include "common/base/json.h"
#include "common/kube/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum zl_status parse_fn(const char *text, size_t length, struct cJSON **out,
                                struct zl_error *err);

static void check(parse_fn *parse, const char *text, size_t length)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    ZL_AUTO_JSON struct cJSON *again = NULL;
    struct zl_error err = {0};
    if (parse(text, length, &tree, &err) != ZL_OK) {
        return;
    }
    ZL_AUTO_FREE char *printed = zl_json_print(tree);
    if (zl_json_parse(printed, strlen(printed), &again, &err) != ZL_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ZL_AUTO_FREE char *text = zl_strndup((const char *)data, size);
    check(zl_yaml_parse, text, size);
    check(zl_yaml_parse_manifest, text, size);
    return 0;
}
