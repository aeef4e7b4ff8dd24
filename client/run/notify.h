/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - what a service manager is told (sd_notify's protocol), where there is one.
 *
 * Threads: any.
 */
#ifndef ZL_CLIENT_NOTIFY_H
#define ZL_CLIENT_NOTIFY_H

#include <stdint.h>

/* STATE: "READY=1\nSTATUS=...". Nothing without $NOTIFY_SOCKET. */
void zl_notify(const char *state);
/* How often "WATCHDOG=1" is expected, halved; 0: it is not. */
int64_t zl_notify_watchdog_ms(void);

#endif
