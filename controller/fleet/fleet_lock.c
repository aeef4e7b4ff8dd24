/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/fleet_lock.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/fleet/hub_store.h"
#include "common/objects/meta.h"

#include <inttypes.h>
#include <string.h>

enum { TRIES = 8 }; /* each lost swap is somebody else's won one */

struct group {
    char *name;
    int64_t slots;
};

struct zl_fleet_lock {
    struct zl_kube_client *hub;
    char *namespace_;
    struct group *groups;
    size_t count;
};

/* --- the option --- */

static enum zl_status read_group(const char *part, struct group *out, struct zl_error *err)
{
    const char *equals = strchr(part, '=');
    if (equals == NULL || zl_parse_i64(equals + 1, 1, ZL_FLEET_N_MAX, &out->slots, NULL) != ZL_OK) {
        return zl_error_set(err, ZL_E_INVALID,
                            "%s: must be a group and how many of its nodes may reboot at once, "
                            "such as default=1",
                            part);
    }
    out->name = zl_asprintf("%.*s", (int)(equals - part), part);
    if (!zl_fleet_name_is_valid(out->name)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "group %s: must be lower-case letters, digits, '-' and '.', at most 63 "
                            "of them",
                            out->name);
    }
    return ZL_OK;
}

static const struct group *find(const struct zl_fleet_lock *lock, const char *name)
{
    for (size_t i = 0; name != NULL && i < lock->count; i++) {
        if (strcmp(lock->groups[i].name, name) == 0) {
            return &lock->groups[i];
        }
    }
    return NULL;
}

static enum zl_status read_groups(struct zl_fleet_lock *lock, const char *text,
                                  struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    for (const char *part = text; status == ZL_OK && part != NULL;) {
        const char *comma = strchr(part, ',');
        ZL_AUTO_FREE char *one =
            comma != NULL ? zl_asprintf("%.*s", (int)(comma - part), part) : zl_strdup(part);
        struct group group = {0};
        status = read_group(one, &group, err);
        if (status == ZL_OK && find(lock, group.name) != NULL) {
            status = zl_error_set(err, ZL_E_INVALID, "group %s is there twice", group.name);
        }
        lock->groups = zl_realloc(lock->groups, lock->count + 1, sizeof *lock->groups);
        lock->groups[lock->count++] = group;
        part = comma != NULL ? comma + 1 : NULL;
    }
    return status;
}

enum zl_status zl_fleet_lock_new(struct zl_kube_client *hub, const char *namespace_,
                                 const char *groups, struct zl_fleet_lock **out,
                                 struct zl_error *err)
{
    struct zl_fleet_lock *lock = zl_alloc(sizeof *lock);
    lock->hub = hub;
    lock->namespace_ = zl_strdup(namespace_);
    const enum zl_status status = read_groups(lock, groups, err);
    if (status != ZL_OK) {
        zl_fleet_lock_free(lock);
        return status;
    }
    *out = lock;
    return ZL_OK;
}

void zl_fleet_lock_free(struct zl_fleet_lock *lock)
{
    if (lock == NULL) {
        return;
    }
    for (size_t i = 0; i < lock->count; i++) {
        free(lock->groups[i].name);
    }
    free(lock->groups);
    free(lock->namespace_);
    free(lock);
}

/* --- a request --- */

static void refuse(struct zl_http_response *response, int status, const char *kind,
                   const char *value)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "kind", kind);
    zl_json_set_text(tree, "value", value);
    zl_http_respond_json(response, status, zl_json_print(tree));
}

/* GROUP and ID of the body. @return false: it was answered */
static bool read_request(const struct zl_fleet_lock *lock, const struct zl_http_request *request,
                         struct cJSON **tree, const struct group **group, const char **id,
                         struct zl_http_response *response)
{
    if (request->fleet_lock == NULL || strcmp(request->fleet_lock, "true") != 0) {
        refuse(response, 400, "no_header", "the header fleet-lock-protocol: true is missing");
        return false;
    }
    if (zl_json_parse(request->body, request->body_length, tree, NULL) != ZL_OK) {
        refuse(response, 400, "no_json", "the body is no JSON");
        return false;
    }
    const char *name = zl_json_text(*tree, "client_params", "group", NULL);
    *id = zl_json_text(*tree, "client_params", "id", NULL);
    if (name == NULL || *id == NULL || **id == '\0' || strlen(*id) >= ZL_FLEET_NODE_MAX) {
        refuse(response, 400, "no_client_params",
               "the body is not {\"client_params\": {\"group\": TEXT, \"id\": TEXT}}, the id at "
               "most 159 bytes long");
        return false;
    }
    *group = find(lock, name);
    if (*group == NULL) {
        refuse(response, 404, "unknown_group", "--fleet-lock names no such group");
    }
    return *group != NULL;
}

/* Who has the slots, for the person who wonders why a node does not reboot. */
static char *describe(const struct group *group, const struct zl_fleet_reboots *reboots)
{
    struct zl_buf text;
    zl_buf_init(&text, 4096);
    (void)zl_buf_printf(&text, "%zu of %" PRId64 " slots of group %s are taken:", reboots->count,
                        group->slots, group->name);
    for (size_t i = 0; i < reboots->count && i < 8; i++) {
        char since[ZL_TIME_TEXT_MAX];
        zl_time_format(reboots->nodes[i].since_s * INT64_C(1000000), since);
        (void)zl_buf_printf(&text, "%s %s since %s", i > 0 ? "," : "", reboots->nodes[i].id, since);
    }
    return zl_buf_take(&text);
}

/* REBOOTS as it shall be. @return false: it is as it shall be, or SLOTS are taken and WHY says by whom */
static bool decide(const struct group *group, const char *id, bool takes,
                   struct zl_fleet_reboots *reboots, char **why)
{
    if (!takes) {
        return zl_fleet_reboots_give(reboots, id);
    }
    switch (zl_fleet_reboots_take(reboots, id, group->slots, zl_clock_wall_us() / 1000000)) {
    case ZL_FLEET_REBOOT_FULL:
        *why = describe(group, reboots);
        return false;
    case ZL_FLEET_REBOOT_HAS:
        return false;
    case ZL_FLEET_REBOOT_TAKEN:
        break;
    }
    return true;
}

/* One look and one swap. @return ZL_E_CONFLICT: somebody was faster */
static enum zl_status swap(const struct zl_fleet_lock *lock, const struct group *group,
                           const char *id, bool takes, char **why, struct zl_error *err)
{
    struct zl_hub_lease *was = NULL;
    struct zl_fleet_reboots none = {0};
    ZL_AUTO_FREE char *name = zl_asprintf(ZL_FLEET_REBOOTS_PREFIX "%s", group->name);
    enum zl_status status = zl_hub_lease_read(lock->hub, lock->namespace_, name, &was, err);
    if (status == ZL_OK && was != NULL && was->broken) {
        status = zl_error_set(err, ZL_E_INVALID,
                              "Lease %s/%s, annotation " ZL_FLEET_REBOOTS_KEY
                              ": %s: take it off when no node of the group reboots",
                              lock->namespace_, name, was->why);
    }
    struct zl_fleet_reboots *reboots = was != NULL ? &was->reboots : &none;
    if (status == ZL_OK && decide(group, id, takes, reboots, why)) {
        ZL_AUTO_FREE char *text = zl_fleet_reboots_encode(reboots);
        status = zl_hub_lease_put(lock->hub, lock->namespace_, name, was, text, false, NULL, err);
        if (status == ZL_OK) {
            ZL_LOG_INFO(takes ? "node may reboot" : "node is back", ZL_STR("group", group->name),
                        ZL_STR("node", id));
        }
    }
    zl_fleet_reboots_clear(&none);
    zl_hub_lease_free(was);
    return status;
}

void zl_fleet_lock_answer(const struct zl_fleet_lock *lock, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    const bool takes = strcmp(request->path, "/v1/pre-reboot") == 0;
    const struct group *group = NULL;
    const char *id = NULL;
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    ZL_AUTO_FREE char *why = NULL;
    if (!read_request(lock, request, &tree, &group, &id, response)) {
        return;
    }
    enum zl_status status = ZL_E_CONFLICT;
    for (int i = 0; i < TRIES && status == ZL_E_CONFLICT; i++) {
        status = swap(lock, group, id, takes, &why, &err);
    }
    if (status != ZL_OK) {
        ZL_LOG_WARN("a node was not answered", ZL_STR("group", group->name), ZL_STR("node", id),
                    ZL_STR("error", err.message));
        refuse(response, 503, "hub", err.message);
    } else if (why != NULL) {
        refuse(response, 409, "failed_lock_semaphore_full", why);
    } else {
        zl_http_respond_json(response, 200, zl_strdup("{}"));
    }
}
