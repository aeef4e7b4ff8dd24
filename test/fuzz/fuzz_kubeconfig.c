/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a kubeconfig says, also one of two: no crash; what is accepted names a server, has both halves of what comes in halves,
 * and no message holds a secret. The second file begins behind a NUL.
 */
#include "common/kube/config_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_BYTES = 32 };

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* A file in memory. */
static int write_file(const uint8_t *data, size_t size, char path[PATH_BYTES])
{
    int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, PATH_BYTES, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[PATH_BYTES], second[PATH_BYTES];
    const char *const paths[] = {first, second};
    struct zl_kube_config config;
    struct zl_error err = {0};
    const uint8_t *cut = size > 0 ? memchr(data, 0, size) : NULL;
    size_t length = cut == NULL ? size : (size_t)(cut - data);
    size_t rest = cut == NULL ? 0 : size - length - 1;
    int one = write_file(data, length, first);
    int two = write_file(cut == NULL ? data : cut + 1, rest, second);
    enum zl_status status =
        zl_kubeconfig_load(paths, cut == NULL ? 1 : 2, false, NULL, &config, &err);
    require((status == ZL_OK) == (err.message[0] == '\0'));
    if (status == ZL_OK) {
        require(config.server != NULL && config.namespace_ != NULL && config.source != NULL);
        require((config.client_cert_pem == NULL) == (config.client_key_pem == NULL));
        require((config.username == NULL) == (config.password == NULL));
    }
    zl_kube_config_clear(&config);
    close(one);
    close(two);
    return 0;
}
