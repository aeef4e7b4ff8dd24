/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/hub_store.h"

#include "common/base/clock.h"
#include "common/objects/meta.h"
#include "common/objects/names.h"

#include <string.h>

static const struct zl_json_shape METADATA[] = {{.name = "name"},       {.name = "namespace"},
                                                {.name = "uid"},        {.name = "resourceVersion"},
                                                {.name = "labels"},     {.name = "annotations"},
                                                {.name = "finalizers"}, {.name = "ownerReferences"},
                                                {.name = NULL}};
const struct zl_json_shape ZL_HUB_LEASE_SHAPE[] = {
    {.name = "metadata", .members = METADATA}, {.name = "spec"}, {.name = NULL}};

static const struct {
    const char *prefix, *key;
} KINDS[] = {[ZL_HUB_LEDGER] = {ZL_FLEET_LEDGER_PREFIX, ZL_FLEET_LEDGER_KEY},
             [ZL_HUB_TURN] = {ZL_FLEET_TURN_PREFIX, ZL_FLEET_TURN_KEY},
             [ZL_HUB_MEMBER] = {ZL_FLEET_MEMBER_PREFIX, ZL_FLEET_MEMBER_KEY},
             [ZL_HUB_REBOOTS] = {ZL_FLEET_REBOOTS_PREFIX, ZL_FLEET_REBOOTS_KEY}};

static bool kind_of(const char *name, enum zl_hub_lease_kind *kind)
{
    for (size_t i = 0; name != NULL && i < sizeof KINDS / sizeof KINDS[0]; i++) {
        size_t length = strlen(KINDS[i].prefix);
        if (strncmp(name, KINDS[i].prefix, length) == 0 && zl_fleet_name_is_valid(name + length)) {
            *kind = (enum zl_hub_lease_kind)i;
            return true;
        }
    }
    return false;
}

static enum zl_status decode_text(struct zl_hub_lease *lease, const char *text,
                                  struct zl_error *err)
{
    switch (lease->kind) {
    case ZL_HUB_LEDGER:
        lease->ledger = zl_alloc(sizeof *lease->ledger);
        return zl_fleet_ledger_decode(text, lease->ledger, err);
    case ZL_HUB_TURN:
        return zl_fleet_turns_decode(text, &lease->turns, err);
    case ZL_HUB_MEMBER:
        return zl_fleet_member_decode(text, &lease->member, err);
    case ZL_HUB_REBOOTS:
        return zl_fleet_reboots_decode(text, &lease->reboots, err);
    }
    return ZL_OK;
}

enum zl_status zl_hub_lease_decode(const struct cJSON *object, struct zl_hub_lease **out,
                                   struct zl_error *err)
{
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    const char *version = zl_json_text(object, "metadata", "resourceVersion", NULL);
    enum zl_hub_lease_kind kind = ZL_HUB_LEDGER;
    *out = NULL;
    if (!kind_of(name, &kind)) {
        return ZL_OK;
    }
    if (version == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "Lease %s: no resourceVersion", name);
    }
    struct zl_hub_lease *lease = zl_alloc(sizeof *lease);
    struct zl_error why = {0};
    lease->kind = kind;
    lease->name = zl_strdup(name);
    lease->of = lease->name + strlen(KINDS[kind].prefix);
    lease->version = zl_strdup(version);
    lease->object = zl_json_print(object);
    const char *text = zl_json_text(object, "metadata", "annotations", KINDS[kind].key, NULL);
    if (decode_text(lease, text, &why) != ZL_OK) {
        lease->broken = true;
        lease->why = zl_strdup(why.message);
    }
    *out = lease;
    return ZL_OK;
}

void zl_hub_lease_free(void *object)
{
    struct zl_hub_lease *lease = object;
    if (lease == NULL) {
        return;
    }
    zl_fleet_ledger_free(lease->ledger);
    zl_fleet_turns_clear(&lease->turns);
    zl_fleet_member_clear(&lease->member);
    zl_fleet_reboots_clear(&lease->reboots);
    free(lease->name);
    free(lease->version);
    free(lease->object);
    free(lease->why);
    free(lease);
}

enum zl_status zl_hub_lease_read(struct zl_kube_client *hub, const char *namespace_,
                                 const char *name, struct zl_hub_lease **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .shape = ZL_HUB_LEASE_SHAPE};
    *out = NULL;
    enum zl_status status = zl_kube_get(hub, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    return status == ZL_OK ? zl_hub_lease_decode(object, out, err) : status;
}

/* What is to be stored: all of WAS, and the annotation. */
static enum zl_status compose(const char *namespace_, const char *name,
                              const struct zl_hub_lease *was, const char *text, bool beat,
                              struct cJSON **out, struct zl_error *err)
{
    enum zl_hub_lease_kind kind = ZL_HUB_LEDGER;
    struct cJSON *object = NULL;
    if (!kind_of(name, &kind)) {
        return zl_error_set(err, ZL_E_INVALID, "%s: no name of a fleet's Lease", name);
    }
    if (was == NULL) {
        object = zl_json_object();
    } else {
        enum zl_status status = zl_json_parse(was->object, strlen(was->object), &object, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    zl_json_set_text(object, "apiVersion", "coordination.k8s.io/v1");
    zl_json_set_text(object, "kind", "Lease");
    struct cJSON *metadata = zl_json_child(object, "metadata");
    zl_json_set_text(metadata, "name", name);
    zl_json_set_text(metadata, "namespace", namespace_);
    zl_json_set_text(zl_json_child(metadata, "annotations"), KINDS[kind].key, text);
    zl_json_set_text(zl_json_child(metadata, "labels"), ZL_KEY_MANAGED_BY, ZL_MANAGED_BY);
    if (beat) {
        char now[ZL_TIME_TEXT_MAX];
        zl_time_format_micro(zl_clock_wall_us(), now);
        zl_json_set_text(zl_json_child(object, "spec"), "renewTime", now);
    }
    *out = object;
    return ZL_OK;
}

/* A Lease can be created by a PUT: RBAC can then be held to its name. */
enum zl_status zl_hub_lease_put(struct zl_kube_client *hub, const char *namespace_,
                                const char *name, const struct zl_hub_lease *was, const char *text,
                                bool beat, struct zl_hub_lease **stored, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .shape = ZL_HUB_LEASE_SHAPE};
    enum zl_status status = compose(namespace_, name, was, text, beat, &object, err);
    if (status == ZL_OK) {
        status = zl_kube_replace(hub, &target, object, &answer, err);
    }
    if (was == NULL && status == ZL_E_INVALID) { /* it is there: a PUT needs its version */
        return zl_error_wrap(err, ZL_E_CONFLICT, "Lease %s was made meanwhile", name);
    }
    if (status == ZL_E_NOT_FOUND) {
        return was != NULL
                   ? zl_error_wrap(err, ZL_E_CONFLICT, "Lease %s was deleted meanwhile", name)
                   : zl_error_wrap(err, ZL_E_TRANSIENT, "has the hub the namespace %s?",
                                   namespace_);
    }
    if (status != ZL_OK || stored == NULL) {
        return status;
    }
    return zl_hub_lease_decode(answer, stored, err);
}

struct ledgers {
    enum zl_status (*each)(void *ctx, const struct zl_hub_lease *ledger, struct zl_error *err);
    void *ctx;
};

static enum zl_status look_at_lease(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    const struct ledgers *ledgers = ctx;
    struct zl_hub_lease *lease = NULL;
    enum zl_status status = zl_hub_lease_decode(object, &lease, err);
    if (status == ZL_OK && lease != NULL && lease->kind == ZL_HUB_LEDGER) {
        status = ledgers->each(ledgers->ctx, lease, err);
    }
    zl_hub_lease_free(lease);
    return status;
}

enum zl_status zl_hub_ledgers(struct zl_kube_client *hub, const char *namespace_,
                              enum zl_status (*each)(void *ctx, const struct zl_hub_lease *ledger,
                                                     struct zl_error *err),
                              void *ctx, struct zl_error *err)
{
    struct ledgers ledgers = {.each = each, .ctx = ctx};
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEASES, .namespace_ = namespace_, .shape = ZL_HUB_LEASE_SHAPE};
    return zl_kube_list(hub, &target, NULL, look_at_lease, &ledgers, NULL, err);
}

enum zl_status zl_hub_lease_delete(struct zl_kube_client *hub, const char *namespace_,
                                   const char *name, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .shape = ZL_HUB_LEASE_SHAPE};
    enum zl_status status = zl_kube_delete(hub, &target, NULL, err);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}
