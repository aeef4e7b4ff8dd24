/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.h - a descriptor that becomes readable at a time of the boot clock. poll's own timeout does not count while the machine
 * sleeps.
 */
#ifndef ZL_CLIENT_TIMER_H
#define ZL_CLIENT_TIMER_H

#include <stdint.h>

/* Close-on-exec, non-blocking; -1: none to be had. */
int zl_timer_new(void);
/* Readable from BOOT_MS (zl_clock_boot_ms) on; -1: never. */
void zl_timer_set(int timer, int64_t boot_ms);
void zl_timer_drain(int timer);

#endif
