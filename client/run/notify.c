/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/notify.h"

#include "common/base/parse.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void zl_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* the abstract name space */
    }
    const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&address, length);
        (void)close(fd);
    }
}

int64_t zl_notify_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    const char *for_pid = getenv("WATCHDOG_PID");
    int64_t us = 0, pid = 0;
    if (text == NULL || zl_parse_i64(text, 1, INT64_MAX, &us, NULL) != ZL_OK) {
        return 0;
    }
    if (for_pid != NULL &&
        (zl_parse_i64(for_pid, 1, INT32_MAX, &pid, NULL) != ZL_OK || pid != getpid())) {
        return 0;
    }
    const int64_t half_ms = us / 2000;
    return half_ms > 0 ? half_ms : 1;
}
