/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - all descendants of a process, whatever sessions and groups they made for themselves.
 *
 * Complete for a root that is a subreaper: who loses its parent becomes the root's child. Those that run as another
 * user (setuid) are found, and cannot be signalled.
 *
 * Threads: any.
 */
#ifndef ZL_CLIENT_TREE_H
#define ZL_CLIENT_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Can this machine show them: is /proc there? */
bool zl_tree_is_visible(void);
/* Send SIGNAL_NUMBER to each descendant of ROOT, not to ROOT. */
void zl_tree_signal(pid_t root, int signal_number);

#endif
