/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http/server.h"

#include <string.h>

bool zl_http_host_is_local(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; host != NULL && i < sizeof names / sizeof names[0]; i++) {
        const size_t length = strlen(names[i]);
        const char *port = host + length;
        if (strncmp(host, names[i], length) == 0 &&
            (port[0] == '\0' || (port[0] == ':' && port[1] != '\0' &&
                                 port[1 + strspn(port + 1, "0123456789")] == '\0'))) {
            return true;
        }
    }
    return false;
}

bool zl_http_refuses_host(const struct zl_http_request *request, struct zl_http_response *response)
{
    if (zl_http_host_is_local(request->host)) {
        return false;
    }
    zl_http_respond_text(response, 403, "403: the Host must be 127.0.0.1, [::1] or localhost\n");
    return true;
}
