/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/cgroup.h"

#include "common/base/memory.h"
#include "common/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define REMOVE_TRIES 20
#define REMOVE_PAUSE_NS 5000000L

/* --- where it is --- */

/* Word NUMBER (from 0) of the line AT into OUT. */
static bool word(const char *at, int number, char *out, size_t size)
{
    for (int i = 0; i < number; i++) {
        at += strcspn(at, " \n");
        at += *at == ' ';
    }
    const size_t length = strcspn(at, " \n");
    if (length == 0 || length >= size) {
        return false;
    }
    (void)snprintf(out, size, "%.*s", (int)length, at);
    return true;
}

static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return *at == '\n' ? at + 1 : at;
}

/* Of the mount of version 2 the part of the tree that it shows, and where. */
static bool find_mount(const char *mounts, char *root, size_t root_size, char *point,
                       size_t point_size)
{
    for (const char *line = mounts; *line != '\0'; line = next_line(line)) {
        const size_t length = strcspn(line, "\n");
        const char *kind = memmem(line, length, " - cgroup2 ", 11);
        if (kind != NULL && word(line, 3, root, root_size) && word(line, 4, point, point_size)) {
            return true;
        }
    }
    return false;
}

bool zl_cgroup_locate(const char *mounts, const char *groups, char *out, size_t size)
{
    char root[256], point[256], path[256];
    const char *line = groups;
    while (*line != '\0' && strncmp(line, "0::/", 4) != 0) {
        line = next_line(line);
    }
    const size_t length = strcspn(line, "\n");
    if (*line == '\0' || length - 3 >= sizeof path ||
        !find_mount(mounts, root, sizeof root, point, sizeof point)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%.*s", (int)(length - 3), line + 3);
    const size_t shown = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, shown) != 0 || (path[shown] != '/' && path[shown] != '\0')) {
        return false; /* ".." and the like: not below what is mounted */
    }
    const int got =
        snprintf(out, size, "%s%s", point, strcmp(path + shown, "/") == 0 ? "" : path + shown);
    return got > 0 && (size_t)got < size;
}

/* --- may we --- */

static bool says_so(const char *path, const char *attribute)
{
    char value = '\0';
    return getxattr(path, attribute, &value, 1) == 1 && value == '1';
}

static bool is_delegated(const char *path, const char *groups)
{
    struct stat found;
    return says_so(path, "user.delegate") || says_so(path, "trusted.delegate") ||
           strstr(groups, "0::/\n") != NULL || (stat(path, &found) == 0 && found.st_uid != 0);
}

static bool open_folder(struct zl_cgroup *cgroup)
{
    cgroup->folder = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup->folder >= 0 && faccessat(cgroup->folder, "cgroup.kill", W_OK, 0) == 0) {
        return true;
    }
    zl_cgroup_remove(cgroup);
    return false;
}

bool zl_cgroup_make(struct zl_cgroup *out)
{
    char parent[400];
    ZL_AUTO_FREE char *mounts = NULL, *groups = NULL;
    *out = (struct zl_cgroup){.folder = -1};
    if (zl_file_read("/proc/self/mountinfo", &mounts, NULL, NULL) != ZL_OK ||
        zl_file_read("/proc/self/cgroup", &groups, NULL, NULL) != ZL_OK ||
        !zl_cgroup_locate(mounts, groups, parent, sizeof parent) || !is_delegated(parent, groups)) {
        return false;
    }
    (void)snprintf(out->path, sizeof out->path, "%s/zen-lead-%d", parent, (int)getpid());
    (void)rmdir(out->path); /* of one that had this number and was killed */
    return mkdir(out->path, 0755) == 0 && open_folder(out);
}

/* --- what it is for --- */

static bool put(const struct zl_cgroup *cgroup, const char *file, const char *text)
{
    const int fd = cgroup->folder < 0 ? -1 : openat(cgroup->folder, file, O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        (void)close(fd);
    }
    return done;
}

bool zl_cgroup_join(const struct zl_cgroup *cgroup)
{
    return put(cgroup, "cgroup.procs", "0");
}

bool zl_cgroup_kill(const struct zl_cgroup *cgroup)
{
    return put(cgroup, "cgroup.kill", "1");
}

/* Who was killed leaves it a moment after it was waited for. */
void zl_cgroup_remove(struct zl_cgroup *cgroup)
{
    const struct timespec pause = {.tv_nsec = REMOVE_PAUSE_NS};
    for (int i = 0;
         cgroup->path[0] != '\0' && i < REMOVE_TRIES && rmdir(cgroup->path) != 0 && errno == EBUSY;
         i++) {
        (void)nanosleep(&pause, NULL);
    }
    if (cgroup->folder >= 0) {
        (void)close(cgroup->folder);
    }
    *cgroup = (struct zl_cgroup){.folder = -1};
}
