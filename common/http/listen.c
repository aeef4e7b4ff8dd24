/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - the listening socket, made here rather than by libmicrohttpd so that a failure has a reason.
 */
#include "common/http/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t length_of(const union socket_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

/* TEXT NULL: the unspecified IPv6 address, which also takes IPv4. */
static bool parse_address(const char *text, uint16_t port, union socket_address *out)
{
    *out = (union socket_address){0};
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    if (text == NULL || inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        return true;
    }
    *out = (union socket_address){0};
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    return inet_pton(AF_INET, text, &out->v4.sin_addr) == 1;
}

static bool bind_and_listen(int fd, const union socket_address *address, bool both_families)
{
    int yes = 1, v6_only = !both_families;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) {
        return false;
    }
    if (address->any.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) != 0) {
        return false;
    }
    return bind(fd, &address->any, length_of(address)) == 0 && listen(fd, SOMAXCONN) == 0;
}

/* -1 with errno of the step that failed */
static int open_socket(const union socket_address *address, bool both_families)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind_and_listen(fd, address, both_families)) {
        return fd;
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static enum zl_status explain(const char *address, int64_t port, int error, struct zl_error *err)
{
    const char *cure = "see the reason";
    if (error == EADDRINUSE) {
        cure = "another program has it: stop that one or choose another port";
    } else if (error == EACCES) {
        cure = "ports below 1024 need CAP_NET_BIND_SERVICE: choose one from 1024 on";
    } else if (error == EADDRNOTAVAIL) {
        cure = "no interface of this host has that address";
    } else if (error == EAFNOSUPPORT) {
        cure = "this kernel does not have that address family: choose an address of the other one";
    }
    return zl_error_set(err, ZL_E_INVALID, "cannot listen on address %s, port %d: %s (%s)",
                        address == NULL ? "* (all)" : address, (int)port, strerror(error), cure);
}

/* What a process before us left there goes; its owner and group alone may connect. */
static enum zl_status listen_unix(const char *path, int *out, struct zl_error *err)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    struct stat found;
    if (strlen(path) >= sizeof where.sun_path) {
        return zl_error_set(err, ZL_E_INVALID,
                            "cannot listen on %.200s: the path is longer than %zu", path,
                            sizeof where.sun_path - 1);
    }
    (void)snprintf(where.sun_path, sizeof where.sun_path, "%s", path);
    if (lstat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
        (void)unlink(path);
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const mode_t mask = umask(0117);
    const bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&where, sizeof where) == 0;
    (void)umask(mask);
    if (bound && listen(fd, SOMAXCONN) == 0) {
        *out = fd;
        return ZL_OK;
    }
    const int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return zl_error_set(err, ZL_E_INVALID, "cannot listen on %.200s: %s (is there another file?)",
                        path, strerror(error));
}

enum zl_status zl_http_listen(const char *address, int64_t port, int *fd, struct zl_error *err)
{
    union socket_address where;
    if (address != NULL && address[0] == '/') {
        return listen_unix(address, fd, err);
    }
    if (port < 0 || port > UINT16_MAX) {
        return zl_error_set(err, ZL_E_INVALID,
                            "cannot listen on port %lld: choose one in 1..65535, or 0 for any",
                            (long long)port);
    }
    if (!parse_address(address, (uint16_t)port, &where)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "cannot listen on address %.64s, port %d: "
                            "give a numeric IPv4 or IPv6 address, such as 0.0.0.0 or ::1",
                            address, (int)port);
    }
    *fd = open_socket(&where, address == NULL);
    if (*fd < 0 && address == NULL && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        where = (union socket_address){.v4 = {.sin_family = AF_INET}};
        where.v4.sin_port = htons((uint16_t)port);
        *fd = open_socket(&where, false);
    }
    return *fd < 0 ? explain(address, port, errno, err) : ZL_OK;
}

uint16_t zl_http_local_port(int fd)
{
    union socket_address address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) != 0 || address.any.sa_family == AF_UNIX) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
