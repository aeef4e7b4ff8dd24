/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/fields.h"

#include <assert.h>

#define AT(member) ZL_FIELD_AT(struct zl_fleet_turn, member)

static_assert(offsetof(struct zl_fleet_turn, pool) == 0, "a turn's key is its pool");

static const struct zl_field TURN[] = {
    {"state", ZL_FIELD_WORD, AT(state), .most = ZL_FLEET_ACTIVE + 1, .word = zl_field_state},
    {"round", ZL_FIELD_NAME, AT(round)},
    {"uid", ZL_FIELD_NAME, AT(uid)},
    {"ticket", ZL_FIELD_NUMBER, AT(ticket)},
    {"turns", ZL_FIELD_NUMBER, AT(turns)},
    {"done", ZL_FIELD_NUMBER, AT(done)},
    {"token", ZL_FIELD_NUMBER, AT(token)},
    {"gen", ZL_FIELD_NUMBER, AT(gen)},
    {"limitMs", ZL_FIELD_NUMBER, AT(limit_ms)},
    {"answers", ZL_FIELD_NUMBER, AT(answers)},
    {"endedToken", ZL_FIELD_NUMBER, AT(ended_token)},
    {"outcome", ZL_FIELD_WORD, AT(outcome), .most = ZL_FLEET_DONE_LATE + 1,
     .word = zl_field_outcome},
    {"declines", ZL_FIELD_NUMBER, AT(declines)},
    {"retried", ZL_FIELD_NUMBER, AT(retried)},
    {"witnessed", ZL_FIELD_NUMBER, AT(witnessed)},
    {"position", ZL_FIELD_NUMBER, AT(position)},
    {"why", ZL_FIELD_TEXT, AT(why)},
    {.name = NULL}};

static const struct zl_field TURNS[] = {{"pools", ZL_FIELD_MAP,
                                         ZL_FIELD_ITEMS(struct zl_fleet_turns, items, count),
                                         .most = ZL_FLEET_POOLS_MAX, .members = TURN},
                                        {.name = NULL}};

enum zl_status zl_fleet_turns_decode(const char *text, struct zl_fleet_turns *out,
                                     struct zl_error *err)
{
    memset(out, 0, sizeof *out);
    enum zl_status status = zl_fields_read(TURNS, text, "turn", out, err);
    if (status != ZL_OK) {
        zl_fleet_turns_clear(out);
    }
    return status;
}

char *zl_fleet_turns_encode(const struct zl_fleet_turns *turns)
{
    return zl_fields_write(TURNS, turns, true);
}
