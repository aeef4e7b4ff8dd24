/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_thread.h - a thread with its connections, for any number of informers.
 *
 * A connection to an API server costs some 115 KiB of libcurl, OpenSSL and nghttp2, and over HTTP/2 it carries a hundred watches. So
 * informers whose events may wait for each other for as long as one is decoded and applied share a thread; one of
 * which every millisecond counts has its own (zl_informer_spec.thread NULL).
 *
 * Threads: any but the one that it is. Its informers are freed before it.
 */
#ifndef ZL_KUBE_INFORMER_THREAD_H
#define ZL_KUBE_INFORMER_THREAD_H

struct zl_informer_thread; /* opaque */

/* Nothing runs before an informer is started. NAME: as `ps -L` shows it; borrowed. */
struct zl_informer_thread *zl_informer_thread_new(const char *name);
void zl_informer_thread_free(struct zl_informer_thread *thread); /* NULL is fine */

#endif
