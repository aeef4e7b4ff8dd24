/* SPDX-License-Identifier: Apache-2.0 */
#include "common/validation/our_keys.h"

#include "common/objects/names.h"

#include <string.h>

#define ON_WORKLOAD (ZL_PLACE_WORKLOAD_LABEL | ZL_PLACE_WORKLOAD_ANNOTATION)

enum {
    KEY_MAX = 64,  /* longer ones are no slip of the pen */
    SLIPS_MAX = 3, /* "zen-lead.io/pool" is three letters from "zen-lead/pool" */
};

static const struct key {
    const char *name;
    unsigned places;     /* 0: written by zen-lead, wherever that is */
    const char *belongs; /* for a person */
} KEYS[] = {
    {ZL_KEY_POOL, ON_WORKLOAD | ZL_PLACE_TEMPLATE_ANNOTATION | ZL_PLACE_SERVICE_ANNOTATION,
     "a label or annotation of the workload, or an annotation of its pod template or of a Service"},
    {ZL_KEY_JOIN, ZL_PLACE_WORKLOAD_ANNOTATION | ZL_PLACE_TEMPLATE_ANNOTATION,
     "an annotation of the workload or of its pod template"},
    {ZL_KEY_IDENTITY, ZL_PLACE_TEMPLATE_ANNOTATION, "an annotation of the pod template"},
    {ZL_KEY_FLEET, ZL_PLACE_WORKLOAD_LABEL, "a label of a Job"},
    {ZL_KEY_FLEET_HELD, 0, NULL},
    {ZL_KEY_FLEET_TURN, 0, NULL},
    {ZL_KEY_ENABLED, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_LEADER_SERVICE, ZL_PLACE_SERVICE_ANNOTATION | ZL_PLACE_WORKLOAD_ANNOTATION,
     "an annotation of a Service or of a workload"},
    {ZL_KEY_STICKY, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_MIN_READY, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_STRATEGY, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_FAILOVER_DELAY, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_LEADER_TYPE, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_COPY_LABELS, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_COPY_ANNOTATIONS, ZL_PLACE_SERVICE_ANNOTATION, "an annotation of a Service"},
    {ZL_KEY_ROLE, 0, NULL},
    {ZL_KEY_WAKE, 0, NULL},
    {ZL_KEY_QUEUED, 0, NULL},
    {ZL_KEY_SOURCE_SERVICE, 0, NULL},
    {ZL_KEY_LEADER_POD, 0, NULL},
    {ZL_KEY_LEADER_POD_OTHER, 0, NULL},
    {ZL_KEY_LEADER_UID, 0, NULL},
    {ZL_KEY_LEADER_SWITCH, 0, NULL},
    {ZL_KEY_HAD_SELECTOR, 0, NULL},
    {ZL_KEY_COPIED_LABELS, 0, NULL},
    {ZL_KEY_COPIED_ANNOTATIONS, 0, NULL},
};
enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0] };

static bool is_ours(const char *name)
{
    return strncmp(name, "zen-lead/", strlen("zen-lead/")) == 0 ||
           strncmp(name, "zen-lead.io/", strlen("zen-lead.io/")) == 0;
}

/* The next member from NODE on that is ours; NULL after the last. */
static const struct cJSON *next_ours(const struct cJSON *node)
{
    while (node != NULL && (zl_json_name(node) == NULL || !is_ours(zl_json_name(node)))) {
        node = zl_json_next(node);
    }
    return node;
}

bool zl_keys_any(const struct cJSON *map)
{
    return next_ours(zl_json_first(map)) != NULL;
}

bool zl_keys_same(const struct cJSON *left, const struct cJSON *right)
{
    left = next_ours(zl_json_first(left));
    right = next_ours(zl_json_first(right));
    while (left != NULL && right != NULL) {
        if (!zl_same_string(zl_json_name(left), zl_json_name(right)) ||
            !zl_same_string(zl_json_value_text(left), zl_json_value_text(right))) {
            return false;
        }
        left = next_ours(zl_json_next(left));
        right = next_ours(zl_json_next(right));
    }
    return left == right;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Letters to add, drop or change to get from one to the other (Levenshtein, 1966), by one row of the table. */
static size_t slips_between(const char *left, const char *right)
{
    size_t row[KEY_MAX + 1];
    size_t length = strlen(right);
    if (strlen(left) > KEY_MAX || length > KEY_MAX) {
        return KEY_MAX;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; left[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t changed = diagonal + (left[i] != right[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(row[j] + 1, row[j + 1] + 1, changed);
        }
    }
    return row[length];
}

static const struct key *find(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(KEYS[i].name, name) == 0) {
            return &KEYS[i];
        }
    }
    return NULL;
}

/* The key that a user can set and that NAME is nearest to; NULL when none is near. */
static const char *meant(const char *name)
{
    const char *best = NULL;
    size_t best_slips = SLIPS_MAX + 1;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        size_t slips = KEYS[i].places == 0 ? best_slips : slips_between(name, KEYS[i].name);
        if (slips < best_slips) {
            best = KEYS[i].name;
            best_slips = slips;
        }
    }
    return best;
}

void zl_keys_check(const struct cJSON *map, enum zl_key_place place, const char *path,
                   struct zl_findings *findings)
{
    const struct cJSON *node = next_ours(zl_json_first(map));
    for (; node != NULL; node = next_ours(zl_json_next(node))) {
        const char *name = zl_json_name(node);
        const struct key *key = find(name);
        ZL_AUTO_FREE char *field = zl_asprintf("%s[" ZL_SHOWN "]", path, name);
        if (key == NULL) {
            const char *near = meant(name);
            zl_findings_warn(findings, field, "is no key of zen-lead and has no effect%s%s%s",
                             near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                             near != NULL ? "?" : "; remove it");
        } else if (key->places != 0 && (key->places & (unsigned)place) == 0) {
            zl_findings_warn(findings, field, "has no effect here; make it %s", key->belongs);
        }
    }
}
