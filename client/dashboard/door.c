/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/door.h"

#include "common/base/clock.h"

#include <string.h>

void zl_door_make(char out[ZL_DOOR_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[ZL_DOOR_BYTES];
    zl_random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[ZL_DOOR_LENGTH] = '\0';
}

const char *zl_door_open(const char *key, const char *path)
{
    volatile unsigned char differs = 0;
    const size_t length = strlen(path);
    if (length < ZL_DOOR_LENGTH + 2 || path[0] != '/' || path[ZL_DOOR_LENGTH + 1] != '/') {
        return NULL; /* nothing of the key was looked at */
    }
    for (size_t i = 0; i < ZL_DOOR_LENGTH; i++) {
        differs |= (unsigned char)(key[i] ^ path[i + 1]);
    }
    return differs == 0 ? path + ZL_DOOR_LENGTH + 2 : NULL;
}

const struct zl_http_header ZL_DOOR_HEADERS[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {NULL, NULL}};
