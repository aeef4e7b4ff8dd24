/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/fields.h"

#include <assert.h>

#define AT(member) ZL_FIELD_AT(struct zl_fleet_request, member)
#define OF_ALL(member) ZL_FIELD_AT(struct zl_fleet_member, member)

static_assert(offsetof(struct zl_fleet_request, pool) == 0, "a request's key is its pool");

#define WINDOW(member) ZL_FIELD_AT(struct zl_fleet_window, member)

static const struct zl_field WINDOWS[] = {
    {"days", ZL_FIELD_NUMBER, WINDOW(days), .most = 127},
    {"fromMin", ZL_FIELD_NUMBER, WINDOW(from_min), .most = ZL_FLEET_DAY_MIN},
    {"toMin", ZL_FIELD_NUMBER, WINDOW(to_min), .most = ZL_FLEET_DAY_MIN},
    {"offsetMin", ZL_FIELD_NUMBER, WINDOW(offset_min), .least = -ZL_FLEET_DAY_MIN,
     .most = ZL_FLEET_DAY_MIN},
    {.name = NULL}};

static const struct zl_field SPEC[] = {
    {"n", ZL_FIELD_NUMBER, AT(spec.n)},
    {"limitMs", ZL_FIELD_NUMBER, AT(spec.limit_ms), .most = ZL_FLEET_LIMIT_MAX_MS},
    {"maxFailures", ZL_FIELD_NUMBER, AT(spec.max_failures), .least = -1},
    {"maxExtensions", ZL_FIELD_NUMBER, AT(spec.max_extensions)},
    {"round", ZL_FIELD_NAME, AT(spec.round)},
    {"stages", ZL_FIELD_ROW, ZL_FIELD_STAGES_AT(struct zl_fleet_request, spec.plan)},
    {"spreadKey", ZL_FIELD_NAME, AT(spec.plan.spread.key)},
    {"spreadMax", ZL_FIELD_NUMBER, AT(spec.plan.spread.max), .most = ZL_FLEET_N_MAX},
    {"windows", ZL_FIELD_ROW,
     ZL_FIELD_ITEMS(struct zl_fleet_request, spec.windows.items, spec.windows.count),
     .most = ZL_FLEET_WINDOWS_MAX, .members = WINDOWS, .unless_empty = true},
    {.name = NULL}};

static const struct zl_field REPORT[] = {{"token", ZL_FIELD_NUMBER, AT(report.token)},
                                         {"outcome", ZL_FIELD_WORD, AT(report.outcome),
                                          .most = ZL_FLEET_DONE_LATE + 1, .word = zl_field_outcome},
                                         {"reason", ZL_FIELD_TEXT, AT(report.reason)},
                                         {.name = NULL}};

static const struct zl_field REQUEST[] = {
    {"spec", ZL_FIELD_OBJECT, .members = SPEC, .always = true},
    {"verb", ZL_FIELD_WORD, AT(verb), .most = ZL_FLEET_CLAIM + 1, .word = zl_field_verb},
    {"nonce", ZL_FIELD_NUMBER, AT(nonce)},
    {"token", ZL_FIELD_NUMBER, AT(token)},
    {"gen", ZL_FIELD_NUMBER, AT(gen)},
    {"restMs", ZL_FIELD_NUMBER, AT(rest_ms)},
    {"reason", ZL_FIELD_TEXT, AT(reason)},
    {"seenToken", ZL_FIELD_NUMBER, AT(seen_token)},
    {"report", ZL_FIELD_OBJECT, .members = REPORT},
    {.name = NULL}};

static const struct zl_field MEMBER[] = {{"clusterUID", ZL_FIELD_NAME, OF_ALL(cluster_uid)},
                                         {"beat", ZL_FIELD_NUMBER, OF_ALL(beat)},
                                         {"periodMs", ZL_FIELD_NUMBER, OF_ALL(period_ms)},
                                         {"mark", ZL_FIELD_NUMBER, OF_ALL(mark)},
                                         {"labels", ZL_FIELD_NAME, OF_ALL(labels)},
                                         {"pools", ZL_FIELD_MAP,
                                          ZL_FIELD_ITEMS(struct zl_fleet_member, items, count),
                                          .most = ZL_FLEET_POOLS_MAX, .members = REQUEST},
                                         {.name = NULL}};

enum zl_status zl_fleet_member_decode(const char *text, struct zl_fleet_member *out,
                                      struct zl_error *err)
{
    memset(out, 0, sizeof *out);
    enum zl_status status = zl_fields_read(MEMBER, text, "member", out, err);
    if (status != ZL_OK) {
        zl_fleet_member_clear(out);
    }
    return status;
}

char *zl_fleet_member_encode(const struct zl_fleet_member *member)
{
    return zl_fields_write(MEMBER, member, true);
}
