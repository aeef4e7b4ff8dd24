/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.h - doctor --filename: reads manifests, says what is wrong with them, asks nobody.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_DOCTOR_OFFLINE_H
#define ZL_CLIENT_DOCTOR_OFFLINE_H

#include "common/base/options.h"

struct zl_offline {
    const char *path;       /* "-": standard input */
    const char *namespace_; /* of objects that name none; NULL: not known */
    const char *output;     /* lines, wide, json, yaml */
    bool brief, strict;
};

/* @return the exit code */
int zl_doctor_offline(const struct zl_program *program, const struct zl_offline *offline);

#endif
