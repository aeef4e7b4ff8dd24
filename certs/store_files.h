/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_files.h - material as files of one directory.
 *
 * Each file is replaced by rename, so that a reader sees the old or the new text, never a part.
 * The files change one after the other: a reader that finds a key of another certificate reads
 * both again.
 *
 * Threads: one writer per directory.
 */
#ifndef ZL_CERTS_STORE_FILES_H
#define ZL_CERTS_STORE_FILES_H

#include "certs/material.h"

/* A missing directory or file reads as absent; @param out overwritten, cleared by the caller. */
enum zl_status zl_files_load(const char *directory, struct zl_material *out,
                             struct zl_error *err) ZL_MUST_CHECK;

/* Makes DIRECTORY (not its parents) when it is missing. Keys get mode 0600, certificates 0644. */
enum zl_status zl_files_save(const char *directory, const struct zl_material *material,
                             struct zl_error *err) ZL_MUST_CHECK;

#endif
