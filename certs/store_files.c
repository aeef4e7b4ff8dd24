/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/store_files.h"

#include "common/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum zl_status zl_files_load(const char *directory, struct zl_material *out, struct zl_error *err)
{
    *out = (struct zl_material){0};
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", directory, zl_part_names[i]);
        enum zl_status status = zl_file_read(path, &out->pem[i], NULL, err);
        if (status != ZL_OK && status != ZL_E_NOT_FOUND) {
            return status;
        }
    }
    return ZL_OK;
}

static bool write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t done = write(fd, text, left);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return false;
        }
        text += done;
        left -= (size_t)done;
    }
    return true;
}

/* mkostemp makes the file 0600: a key is never readable for others, not even for a moment. */
static enum zl_status replace_file(const char *directory, const char *name, const char *text,
                                   mode_t mode, struct zl_error *err)
{
    ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", directory, name);
    ZL_AUTO_FREE char *temporary = zl_asprintf("%s/.%s.XXXXXX", directory, name);
    ZL_AUTO_CLOSE int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd == -1) {
        return zl_error_set(err, ZL_E_INVALID, "cannot write into %s: %s", directory,
                            strerror(errno));
    }
    if (!write_all(fd, text) || fchmod(fd, mode) == -1 || fsync(fd) == -1 ||
        rename(temporary, path) == -1) {
        enum zl_status status =
            zl_error_set(err, ZL_E_INVALID, "cannot write %s: %s", path, strerror(errno));
        unlink(temporary);
        return status;
    }
    return ZL_OK;
}

static enum zl_status sync_directory(const char *directory, struct zl_error *err)
{
    ZL_AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1 || fsync(fd) == -1) {
        return zl_error_set(err, ZL_E_INVALID, "cannot sync %s: %s", directory, strerror(errno));
    }
    return ZL_OK;
}

enum zl_status zl_files_save(const char *directory, const struct zl_material *material,
                             struct zl_error *err)
{
    if (mkdir(directory, 0755) == -1 && errno != EEXIST) {
        return zl_error_set(err, ZL_E_INVALID, "cannot make the directory %s: %s", directory,
                            strerror(errno));
    }
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        mode_t mode = i == ZL_PART_KEY || i == ZL_PART_CA_KEY ? 0600 : 0644;
        enum zl_status status =
            replace_file(directory, zl_part_names[i], material->pem[i], mode, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    return sync_directory(directory, err);
}
