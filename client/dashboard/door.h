/* SPDX-License-Identifier: Apache-2.0 */
/*
 * door.h - who is let in: a path that nobody can guess, and the headers that keep the page to itself.
 *
 * Threads: pure, but for zl_door_make.
 */
#ifndef ZL_CLIENT_DASHBOARD_DOOR_H
#define ZL_CLIENT_DASHBOARD_DOOR_H

#include "common/http/server.h"

/* 256 bits in lower-case hexadecimal digits. */
enum { ZL_DOOR_BYTES = 32, ZL_DOOR_LENGTH = 2 * ZL_DOOR_BYTES };

/* A key of this session. */
void zl_door_make(char out[ZL_DOOR_LENGTH + 1]);
/*
 * What PATH asks for: "/KEY/page.css" is "page.css". NULL: it does not begin with the key. The time that it takes does not tell how much
 * of the key was right.
 */
const char *zl_door_open(const char *key, const char *path);

/* Of every answer. Scripts, styles and requests are this page's own; nobody may frame it, and no link tells where it was. */
extern const struct zl_http_header ZL_DOOR_HEADERS[];

#endif
