/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes a kubeconfig holds: no crash, and what was accepted can be printed as JSON and read back.
 */
#include "common/base/json.h"
#include "common/kube/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    ZL_AUTO_JSON struct cJSON *again = NULL;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *text = zl_strndup((const char *)data, size);
    if (zl_yaml_parse(text, size, &tree, &err) != ZL_OK) {
        return 0;
    }
    ZL_AUTO_FREE char *printed = zl_json_print(tree);
    if (zl_json_parse(printed, strlen(printed), &again, &err) != ZL_OK) {
        abort();
    }
    return 0;
}
