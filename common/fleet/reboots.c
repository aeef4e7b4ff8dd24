/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/reboots.h"

#include "common/base/memory.h"
#include "common/fleet/fields.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) ZL_FIELD_AT(struct zl_fleet_node, member)

static const struct zl_field NODE[] = {{"id", ZL_FIELD_NAME, AT(id), .required = true},
                                       {"since", ZL_FIELD_NUMBER, AT(since_s)},
                                       {.name = NULL}};
static const struct zl_field REBOOTS[] = {{"nodes", ZL_FIELD_LIST,
                                           ZL_FIELD_ITEMS(struct zl_fleet_reboots, nodes, count),
                                           .most = ZL_FLEET_N_MAX, .members = NODE},
                                          {.name = NULL}};

void zl_fleet_reboots_clear(struct zl_fleet_reboots *reboots)
{
    free(reboots->nodes);
    *reboots = (struct zl_fleet_reboots){0};
}

enum zl_status zl_fleet_reboots_decode(const char *text, struct zl_fleet_reboots *out,
                                       struct zl_error *err)
{
    memset(out, 0, sizeof *out);
    enum zl_status status = zl_fields_read(REBOOTS, text, "reboots", out, err);
    if (status != ZL_OK) {
        zl_fleet_reboots_clear(out);
    }
    return status;
}

char *zl_fleet_reboots_encode(const struct zl_fleet_reboots *reboots)
{
    return zl_fields_write(REBOOTS, reboots, true);
}

/* COUNT: it is not among them. */
static size_t find(const struct zl_fleet_reboots *reboots, const char *id)
{
    size_t at = 0;
    while (at < reboots->count && strcmp(reboots->nodes[at].id, id) != 0) {
        at++;
    }
    return at;
}

enum zl_fleet_reboot zl_fleet_reboots_take(struct zl_fleet_reboots *reboots, const char *id,
                                           int64_t slots, int64_t now_s)
{
    if (find(reboots, id) < reboots->count) {
        return ZL_FLEET_REBOOT_HAS;
    }
    if ((int64_t)reboots->count >= slots) {
        return ZL_FLEET_REBOOT_FULL;
    }
    reboots->nodes = zl_realloc(reboots->nodes, reboots->count + 1, sizeof *reboots->nodes);
    struct zl_fleet_node *node = &reboots->nodes[reboots->count++];
    *node = (struct zl_fleet_node){.since_s = now_s};
    zl_fleet_text(node->id, sizeof node->id, id);
    return ZL_FLEET_REBOOT_TAKEN;
}

bool zl_fleet_reboots_give(struct zl_fleet_reboots *reboots, const char *id)
{
    const size_t at = find(reboots, id);
    if (at == reboots->count) {
        return false;
    }
    memmove(&reboots->nodes[at], &reboots->nodes[at + 1],
            (reboots->count - at - 1) * sizeof *reboots->nodes);
    reboots->count--;
    return true;
}
