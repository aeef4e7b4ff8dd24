/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ban.h - functions that this code base does not use, made a compile error.
 *
 * Included before every file by the Makefile. The system headers come first, because their own
 * declarations would trip the poison.
 */
#ifndef ZL_BAN_H
#define ZL_BAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#undef sprintf
#undef vsprintf
#pragma GCC poison gets strcpy strcat stpcpy strncpy strncat sprintf vsprintf strtok
#pragma GCC poison atoi atol strtol strtoul localtime gmtime ctime system popen

#endif
