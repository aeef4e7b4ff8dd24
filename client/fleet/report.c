/* SPDX-License-Identifier: Apache-2.0 */
#include "client/fleet/report.h"

#include "common/base/memory.h"
#include "common/fleet/report_store.h"

#include <inttypes.h>

static const char *phase_of(const struct zl_fleet_place *place)
{
    return place->phase[0] != '\0' ? place->phase : "new";
}

static enum zl_status answer(struct zl_kube_client *client, const char *namespace_,
                             const struct zl_fleet_place *place,
                             const struct zl_fleet_report_wish *wish, FILE *out,
                             struct zl_error *err)
{
    const bool accepts = wish->kind == ZL_WISH_ACCEPT;
    enum zl_status status =
        accepts ? zl_fleet_place_accept(client, namespace_, place, err)
                : zl_fleet_place_decline(client, namespace_, place, wish->reason, err);
    if (status == ZL_OK) {
        (void)fprintf(out, "LeaderPolicy %s %s.\n", place->name,
                      accepts ? "takes its next turn" : "takes no turn until it is accepted");
    }
    return status;
}

static enum zl_status extend(struct zl_kube_client *client, const char *namespace_,
                             const struct zl_fleet_place *place, FILE *out, struct zl_error *err)
{
    if (place->token == 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND, "LeaderPolicy %s has no turn (it is %s)",
                            place->name, phase_of(place));
    }
    enum zl_status status = zl_fleet_place_extend(client, namespace_, place, err);
    if (status == ZL_OK) {
        (void)fprintf(out,
                      "LeaderPolicy %s asks for more time; status.turn.until says whether it "
                      "got it.\n",
                      place->name);
    }
    return status;
}

static enum zl_status request(struct zl_kube_client *client, const char *namespace_,
                              const struct zl_fleet_place *place, FILE *out, struct zl_error *err)
{
    enum zl_status status =
        zl_fleet_place_annotate(client, namespace_, place->name, "true", NULL, err);
    if (status == ZL_OK) {
        (void)fprintf(out, "LeaderPolicy %s asks for a turn.\n", place->name);
    }
    return status;
}

static enum zl_status report(struct zl_kube_client *client, const char *namespace_,
                             const struct zl_fleet_place *place,
                             const struct zl_fleet_report_wish *wish, FILE *out,
                             struct zl_error *err)
{
    int64_t token = wish->token != 0 ? wish->token : place->token;
    if (token == 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "LeaderPolicy %s has no turn to report of (it is %s): say with --token "
                            "which one was meant",
                            place->name, phase_of(place));
    }
    ZL_AUTO_FREE char *text = wish->kind == ZL_WISH_DONE
                                  ? zl_asprintf("%" PRId64 " done", token)
                                  : zl_asprintf("%" PRId64 " failed %s", token, wish->reason);
    enum zl_status status =
        zl_fleet_place_annotate(client, namespace_, place->name, NULL, text, err);
    if (status == ZL_OK) {
        (void)fprintf(out, "LeaderPolicy %s reports: %s\n", place->name, text);
    }
    return status;
}

/* Beside a report the want is over, and a new want takes the old report off. */
static enum zl_status write_place(struct zl_kube_client *client, const char *namespace_,
                                  const struct zl_fleet_place *place,
                                  const struct zl_fleet_report_wish *wish, FILE *out,
                                  struct zl_error *err)
{
    switch (wish->kind) {
    case ZL_WISH_REQUEST:
        return request(client, namespace_, place, out, err);
    case ZL_WISH_ACCEPT:
    case ZL_WISH_DECLINE:
        return answer(client, namespace_, place, wish, out, err);
    case ZL_WISH_EXTEND:
        return extend(client, namespace_, place, out, err);
    case ZL_WISH_DONE:
    case ZL_WISH_FAILED:
        break;
    }
    return report(client, namespace_, place, wish, out, err);
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
