/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/turn_watch.h"

#include "client/election/lease_watch.h"
#include "common/base/clock.h"

#define APART_MS 2000

struct zl_turn_watch {
    struct zl_turn_watch_spec spec;
    char *fleet;
    struct zl_lease_watch *watch;
    int64_t asked_ms;
    bool is_gone; /* the LeaderPolicy that was watched */
};

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct zl_turn_watch *watch = ctx;
    if (strcmp(type, "BOOKMARK") == 0) {
        return ZL_OK;
    }
    /* Of another fleet now: another one may have taken its place. */
    watch->is_gone = strcmp(type, "DELETED") == 0 ||
                     !zl_same_string(zl_json_text(object, "spec", "pool", NULL), watch->fleet);
    if (watch->is_gone) {
        return zl_error_set(err, ZL_E_STOPPED, "gone");
    }
    struct zl_fleet_place place;
    zl_fleet_place_read(object, &place);
    const enum zl_status status = watch->spec.told(watch->spec.ctx, &place, watch->asked_ms, err);
    free(place.name);
    return status;
}

struct zl_turn_watch *zl_turn_watch_new(const struct zl_turn_watch_spec *spec)
{
    struct zl_turn_watch *watch = zl_alloc(sizeof *watch);
    const struct zl_lease_watch_spec watched = {.lease = "", /* not known yet */
                                                .resource = &ZL_KUBE_FLEETPOLICIES,
                                                .watch_s = ZL_TURN_WATCH_S,
                                                .event = on_event,
                                                .ctx = watch};
    watch->spec = *spec;
    watch->fleet = zl_strdup(spec->fleet);
    watch->spec.fleet = watch->fleet;
    watch->watch = zl_lease_watch_new(&watched);
    return watch;
}

void zl_turn_watch_free(struct zl_turn_watch *watch)
{
    if (watch != NULL) {
        zl_lease_watch_free(watch->watch);
        free(watch->fleet);
        free(watch);
    }
}

/* Find it and watch it for a while. ZL_OK: it is time to look again, at once where it was seen. */
static enum zl_status look(struct zl_turn_watch *watch, struct zl_kube_client *client,
                           const char *namespace_, struct zl_error *err)
{
    struct zl_fleet_place place = {0};
    watch->is_gone = false;
    watch->asked_ms = zl_clock_boot_ms();
    enum zl_status status = zl_fleet_place_find(client, namespace_, watch->fleet, &place, err);
    if (status == ZL_E_NOT_FOUND) {
        status = watch->spec.told(watch->spec.ctx, NULL, watch->asked_ms, err);
        watch->is_gone = true;
    } else if (status == ZL_OK) {
        zl_lease_watch_go_on_with(watch->watch, place.name);
        status = zl_lease_watch_once(watch->watch, client, namespace_, err);
        status = watch->is_gone && status == ZL_E_STOPPED ? ZL_OK : status;
    }
    free(place.name);
    return status;
}

enum zl_status zl_turn_watch_run(struct zl_turn_watch *watch, struct zl_kube_client *client,
                                 const char *namespace_, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    int64_t next_ms = 0;
    do {
        status = look(watch, client, namespace_, err);
        const bool refused = status == ZL_E_DENIED || status == ZL_E_INVALID;
        if (status == ZL_E_STOPPED || (refused && watch->spec.failed == NULL)) {
            return status;
        }
        if (status != ZL_OK && watch->spec.failed != NULL) {
            watch->spec.failed(watch->spec.ctx, err);
        }
        next_ms = zl_clock_ms() + (status == ZL_OK && !watch->is_gone ? 0 : APART_MS);
    } while (zl_lease_watch_rest(watch->watch, next_ms));
    return status == ZL_OK ? ZL_E_STOPPED : status;
}

bool zl_turn_watch_rest(struct zl_turn_watch *watch, int64_t until_ms)
{
    return zl_lease_watch_rest(watch->watch, until_ms);
}

void zl_turn_watch_end(struct zl_turn_watch *watch)
{
    zl_lease_watch_end(watch->watch);
}
