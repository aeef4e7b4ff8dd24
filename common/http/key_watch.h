/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_watch.h - certificate and key files of a server, followed while it runs.
 *
 * A change of the files' directories is noticed at once (inotify), and every 10 s in any case; it may be a file
 * that is replaced or rewritten, or the symbolic link ..data that kubelet swaps. A pair is put into the
 * slot when both files can be read, belong together and are valid now; until then the one before
 * goes on being shown. What is wrong with the files is said once per change, and only after it has stood
 * for a second: a writer may be between the two.
 *
 * A thread of its own; start and stop from main, the rest from any thread.
 */
#ifndef ZL_HTTP_KEY_WATCH_H
#define ZL_HTTP_KEY_WATCH_H

#include "common/base/metrics.h"
#include "common/http/key_pair.h"

struct zl_key_watch; /* opaque */

struct zl_key_watch_state {
    bool is_usable; /* a pair is shown to clients, and it is valid now */
    char message
        [512]; /* "" or what is wrong, with the file and the cure; may be a warning when usable */
};

extern const struct zl_metric *const ZL_KEY_METRICS[];

/*
 * Reads the files before it returns; files that are no good are no failure: the slot stays empty until
 * they are. SLOT is borrowed until the stop.
 */
struct zl_key_watch *zl_key_watch_start(const char *cert_file, const char *key_file,
                                        struct zl_key_slot *slot);
void zl_key_watch_stop(struct zl_key_watch *watch); /* may be NULL */
void zl_key_watch_state(struct zl_key_watch *watch, struct zl_key_watch_state *out);

#endif
