/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/capture.h"

#include "common/base/memory.h"

#include <fcntl.h>
#include <unistd.h>

static void must(bool done, const char *what)
{
    if (!done) {
        perror(what);
        abort();
    }
}

void zl_capture_begin(struct zl_capture *capture, int fd)
{
    char path[] = "/tmp/zl-capture-XXXXXX";
    (void)fflush(NULL);
    capture->fd = fd;
    capture->file = mkostemp(path, O_APPEND | O_CLOEXEC);
    must(capture->file >= 0 && unlink(path) == 0, path);
    capture->saved = dup(fd);
    must(capture->saved >= 0 && dup2(capture->file, fd) == fd, "dup");
}

char *zl_capture_end(struct zl_capture *capture)
{
    (void)fflush(NULL);
    must(dup2(capture->saved, capture->fd) == capture->fd, "dup2");
    off_t size = lseek(capture->file, 0, SEEK_END);
    must(size >= 0, "lseek");
    char *text = zl_alloc((size_t)size + 1);
    must(pread(capture->file, text, (size_t)size, 0) == size, "pread");
    (void)close(capture->file);
    (void)close(capture->saved);
    return text;
}
