/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_wishes.c - what the annotations of a user's Service say about its leader Service.
 */
#include "common/objects/service.h"

#include "common/base/buf.h"
#include "common/base/parse.h"
#include "common/base/since.h"
#include "common/objects/carried.h"
#include "common/objects/names.h"

#include <string.h>

enum { IGNORED_MAX = 1024 };

bool zl_preference_parse(const char *text, enum zl_preference *out)
{
    static const struct {
        const char *name;
        enum zl_preference preference;
    } names[] = {{"oldest", ZL_PREFER_OLDEST},
                 {"newest", ZL_PREFER_NEWEST},
                 {"node-aware", ZL_PREFER_OTHER_NODE}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i].name) == 0) {
            *out = names[i].preference;
            return true;
        }
    }
    return false;
}

bool zl_leader_type_parse(const char *text, const char **out)
{
    static const char *const types[] = {ZL_CLUSTER_IP, "NodePort", "LoadBalancer"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(text, types[i]) == 0) {
            *out = types[i];
            return true;
        }
    }
    return false;
}

static void ignore(struct zl_buf *ignored, const char *key, const char *why)
{
    (void)zl_buf_printf(ignored, "%s%s %s", ignored->length > 0 ? "; " : "", key, why);
}

static void decode_duration(const struct cJSON *annotations, const char *key, int64_t *out_ms,
                            struct zl_buf *ignored)
{
    const char *text = zl_json_text(annotations, key, NULL);
    if (text != NULL && !zl_parse_duration(text, out_ms)) {
        ignore(ignored, key, "is not a duration such as \"10s\"");
    }
}

static void decode_carried(const struct cJSON *map, const struct cJSON *annotations,
                           const char *key, char **out, struct zl_buf *ignored)
{
    bool is_cut = false;
    *out = zl_carried_pick(map, zl_json_text(annotations, key, NULL), &is_cut);
    if (is_cut) {
        ignore(ignored, key, "names more than 16 KiB, and the rest is left out");
    }
}

/* Of the leader Service itself. */
static void decode_leader_service(const struct cJSON *metadata, struct zl_service *service,
                                  struct zl_buf *ignored)
{
    const struct cJSON *annotations = zl_json_at(metadata, "annotations", NULL);
    const char *name = zl_json_text(annotations, ZL_KEY_LEADER_SERVICE, NULL);
    const char *type = zl_json_text(annotations, ZL_KEY_LEADER_TYPE, NULL);

    service->wanted_name = name != NULL && name[0] != '\0' ? zl_id_remembered(name) : NULL;
    service->leader_type = ZL_CLUSTER_IP;
    if (type != NULL && !zl_leader_type_parse(type, &service->leader_type)) {
        ignore(ignored, ZL_KEY_LEADER_TYPE, "is none of " ZL_LEADER_TYPE_NAMES);
    }
    if (service->opted_in) {
        decode_carried(zl_json_at(metadata, "labels", NULL), annotations, ZL_KEY_COPY_LABELS,
                       &service->carried_labels, ignored);
        decode_carried(annotations, annotations, ZL_KEY_COPY_ANNOTATIONS,
                       &service->carried_annotations, ignored);
    }
}

void zl_service_decode_wishes(const struct cJSON *metadata, struct zl_service *service)
{
    const struct cJSON *annotations = zl_json_at(metadata, "annotations", NULL);
    const char *pool = zl_json_text(annotations, ZL_KEY_POOL, NULL);
    const char *strategy = zl_json_text(annotations, ZL_KEY_STRATEGY, NULL);
    ZL_AUTO_BUF struct zl_buf ignored;

    zl_buf_init(&ignored, IGNORED_MAX);
    service->opted_in = zl_same_string(zl_json_text(annotations, ZL_KEY_ENABLED, NULL), "true");
    service->sticky = !zl_same_string(zl_json_text(annotations, ZL_KEY_STICKY, NULL), "false");
    service->joined_pool = pool != NULL && pool[0] != '\0' ? zl_id_remembered(pool) : NULL;
    decode_duration(annotations, ZL_KEY_MIN_READY, &service->min_ready_ms, &ignored);
    decode_duration(annotations, ZL_KEY_FAILOVER_DELAY, &service->failover_delay_ms, &ignored);
    if (strategy != NULL && !zl_preference_parse(strategy, &service->prefers)) {
        ignore(&ignored, ZL_KEY_STRATEGY, "is none of " ZL_PREFERENCE_NAMES);
    }
    decode_leader_service(metadata, service, &ignored);
    service->ignored = ignored.length > 0 ? zl_buf_take(&ignored) : NULL;
}
