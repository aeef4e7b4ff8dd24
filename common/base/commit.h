/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit.h - which commit a program was made from.
 *
 * Threads: constant.
 */
#ifndef ZL_COMMIT_H
#define ZL_COMMIT_H

/*
 * "1f2e3d4c5b6a", with "-dirty" when files had been changed; "unknown" where no version control was. Programs link an object of their
 * own (Makefile), so that a new commit compiles one line anew; what has none gets the library's.
 */
extern const char zl_commit[];

#endif
