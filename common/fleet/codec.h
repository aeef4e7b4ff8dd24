/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - the JSON in the annotations of a fleet's Leases.
 *
 * What is read was written by another version, by a person, or by a cluster that nobody trusts: fields that are not known
 * are passed over, what is missing is zero, and what cannot be meant is ZL_E_INVALID with the field's name: a list that is
 * longer than its bound, a number out of range, a word that is not known. Nothing is half decoded: OUT is zero then.
 *
 * Threads: pure.
 */
#ifndef ZL_FLEET_CODEC_H
#define ZL_FLEET_CODEC_H

#include "common/base/error.h"
#include "common/fleet/fleet.h"

/* Longer text is not read; the API server's own bound for all annotations of an object. */
#define ZL_FLEET_JSON_MAX (256 * 1024)

/* TEXT: NULL is an empty one. OUT is cleared by the caller with the zl_fleet_X_clear of its type. */
enum zl_status zl_fleet_ledger_decode(const char *text, struct zl_fleet_ledger *out,
                                      struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_fleet_turns_decode(const char *text, struct zl_fleet_turns *out,
                                     struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_fleet_member_decode(const char *text, struct zl_fleet_member *out,
                                      struct zl_error *err) ZL_MUST_CHECK;

/* The caller frees. A ledger that would be too long goes without its history and queue, which are for people. */
char *zl_fleet_ledger_encode(const struct zl_fleet_ledger *ledger);
/* Bytes of that without history and queue. */
size_t zl_fleet_ledger_least(const struct zl_fleet_ledger *ledger);
char *zl_fleet_turns_encode(const struct zl_fleet_turns *turns);
char *zl_fleet_member_encode(const struct zl_fleet_member *member);

#endif
