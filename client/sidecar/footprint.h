/* SPDX-License-Identifier: Apache-2.0 */
/*
 * footprint.h - a sidecar stands beside every pod: what it keeps in memory is paid for many times.
 *
 * Threads: any.
 */
#ifndef ZL_CLIENT_FOOTPRINT_H
#define ZL_CLIENT_FOOTPRINT_H

/*
 * Give back what starting took and answering does not: freed heap, and the pages of program and libraries that are code or constants.
 * Those come from their files again when they are needed. Nothing that was ever written is touched.
 */
void zl_footprint_shrink(void);

#endif
