/* SPDX-License-Identifier: Apache-2.0 */
#include "client/fleet/report.h"

#include "common/base/memory.h"
#include "common/fleet/report_store.h"

#include <inttypes.h>

/* Beside a report the want is over, and a new want takes the old report off. */
static enum zl_status write_place(struct zl_kube_client *client, const char *namespace_,
                                  const struct zl_fleet_place *place,
                                  const struct zl_fleet_report_wish *wish, FILE *out,
                                  struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    int64_t token = wish->token != 0 ? wish->token : place->token;
    if (wish->action == ZL_EDIT_REQUEST) {
        status = zl_fleet_place_annotate(client, namespace_, place->name, "true", NULL, err);
        if (status == ZL_OK) {
            (void)fprintf(out, "LeaderPolicy %s asks for a turn.\n", place->name);
        }
        return status;
    }
    if (token == 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "LeaderPolicy %s has no turn to report of (it is %s): say with --token "
                            "which one was meant",
                            place->name, place->phase[0] != '\0' ? place->phase : "new");
    }
    ZL_AUTO_FREE char *report = wish->action == ZL_EDIT_DONE
                                    ? zl_asprintf("%" PRId64 " done", token)
                                    : zl_asprintf("%" PRId64 " failed %s", token, wish->reason);
    status = zl_fleet_place_annotate(client, namespace_, place->name, NULL, report, err);
    if (status == ZL_OK) {
        (void)fprintf(out, "LeaderPolicy %s reports: %s\n", place->name, report);
    }
    return status;
}

enum zl_status zl_fleet_report_write(struct zl_kube_client *client, const char *namespace_,
                                     const char *pool, const struct zl_fleet_report_wish *wish,
                                     FILE *out, struct zl_error *err)
{
    struct zl_fleet_place place = {0};
    enum zl_status status = zl_fleet_place_find(client, namespace_, pool, &place, err);
    if (status == ZL_OK) {
        status = write_place(client, namespace_, &place, wish, out, err);
    }
    free(place.name);
    return status;
}
