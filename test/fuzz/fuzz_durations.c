/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever text stands where a duration, number or base64 belongs: no crash, and what is accepted is within its bounds.
 */
#include "common/base/memory.h"
#include "common/base/parse.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_base64(const char *text)
{
    ZL_AUTO_FREE char *bytes = NULL;
    size_t length = 0;
    if (zl_base64_decode(text, &bytes, &length, NULL) == ZL_OK) {
        ZL_AUTO_FREE char *again = zl_base64_encode(bytes, length);
        ZL_AUTO_FREE char *twice = NULL;
        size_t same = 0;
        require(bytes[length] == '\0');
        require(zl_base64_decode(again, &twice, &same, NULL) == ZL_OK);
        require(same == length && memcmp(bytes, twice, length) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t YEAR_MS = 365ll * 24 * 3600 * 1000;
    ZL_AUTO_FREE char *text = zl_strndup((const char *)data, size);
    int64_t ms = -1, number = -1;
    bool yes = false;
    require(zl_parse_duration(text, &ms) ? ms >= 0 && ms <= YEAR_MS : ms == -1);
    require(zl_parse_i64(text, -5, 1000000, &number, NULL) == ZL_OK
                ? number >= -5 && number <= 1000000
                : number == -1);
    require(zl_parse_bool(text, &yes, NULL) != ZL_OK || strcmp(text, yes ? "true" : "false") == 0);
    check_base64(text);
    return 0;
}
