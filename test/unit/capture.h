/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.h - what a piece of code writes to standard output or standard error.
 *
 * Threads: begin and end from the thread of the test; any thread may write in between.
 */
#ifndef ZL_TEST_CAPTURE_H
#define ZL_TEST_CAPTURE_H

struct zl_capture {
    int fd;    /* the redirected one */
    int saved; /* where it went before */
    int file;
};

/* FD (1 or 2) goes to an unnamed file that is open for appending, as a log file is. */
void zl_capture_begin(struct zl_capture *capture, int fd);
/* Undo it; all that was written, the caller frees. */
char *zl_capture_end(struct zl_capture *capture);

#endif
