/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - a cgroup (version 2) of the command's own, below this process's, where that one is delegated to us: one write kills all that is
 * in it, at once, processes that run as another user and those that fork as fast as they die among them.
 *
 * Delegated is one that the service manager marked so (systemd: Delegate=yes), that belongs to a user who is not root, or that is the root
 * of what this process sees (a container whose cgroups are writable). Elsewhere, and on kernels before 5.14, there is none, and
 * tree.h has to do.
 *
 * Threads: any; fork keeps it.
 */
#ifndef ZL_CLIENT_CGROUP_H
#define ZL_CLIENT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

struct zl_cgroup {
    int folder; /* -1: there is none */
    char path[512];
};

/* @return false: there is none; OUT is good for the functions below all the same */
bool zl_cgroup_make(struct zl_cgroup *out);
/* The calling process goes into it; what it starts stays there. */
bool zl_cgroup_join(const struct zl_cgroup *cgroup);
/* SIGKILL to all that is in it. */
bool zl_cgroup_kill(const struct zl_cgroup *cgroup);
/* Nothing is in it any more; who is second finds nothing to do. */
void zl_cgroup_remove(struct zl_cgroup *cgroup);

/* --- the parts, for tests --- */

/*
 * Where the cgroup of this process is in the file system.
 *
 * @param mounts  /proc/self/mountinfo
 * @param groups  /proc/self/cgroup
 * @return false: no version 2 is mounted, or it shows another part of the tree
 */
bool zl_cgroup_locate(const char *mounts, const char *groups, char *out, size_t size);

#endif
