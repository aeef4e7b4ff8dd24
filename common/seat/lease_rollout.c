/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_rollout.c - what a Lease says of pods beside its holder: the successor, and those that lost the seat.
 */
#include "common/seat/lease.h"

#include <string.h>

bool zl_lease_is_succeeded_by(const struct zl_lease *lease, const char *pod_uid)
{
    return lease != NULL && lease->successor_uid != NULL &&
           zl_same_string(lease->successor_uid, pod_uid);
}

/* Does the list TEXT hold UID at AT? */
static bool is_item(const char *text, const char *at, size_t length)
{
    return (at == text || at[-1] == ',') && (at[length] == '\0' || at[length] == ',');
}

bool zl_uids_have(const char *uids, const char *uid)
{
    size_t length = uid != NULL ? strlen(uid) : 0;
    if (uids == NULL || length == 0) {
        return false;
    }
    const char *at = strstr(uids, uid);
    while (at != NULL && !is_item(uids, at, length)) {
        at = strstr(at + 1, uid);
    }
    return at != NULL;
}

bool zl_lease_has_deposed(const struct zl_lease *lease, const char *pod_uid)
{
    return lease != NULL && zl_uids_have(lease->deposed, pod_uid);
}

void zl_lease_set_successor(struct zl_lease *lease, const char *pod, const char *uid)
{
    zl_replace_string(&lease->successor_pod, pod);
    zl_replace_string(&lease->successor_uid, uid);
}

static size_t count_items(const char *text)
{
    size_t count = text != NULL && text[0] != '\0' ? 1 : 0;
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        count += *at == ',';
    }
    return count;
}

void zl_lease_depose(struct zl_lease *lease, const char *uid)
{
    if (uid == NULL || zl_lease_has_deposed(lease, uid)) {
        return;
    }
    const char *kept = lease->deposed;
    for (size_t count = count_items(kept); count >= ZL_DEPOSED_MAX; count--) {
        kept = strchr(kept, ',') + 1;
    }
    char *deposed = count_items(kept) > 0 ? zl_asprintf("%s,%s", kept, uid) : zl_strdup(uid);
    free(lease->deposed);
    lease->deposed = deposed;
}

/* The item at *AT, which moves on to the next; the caller frees. */
static char *take_item(const char **at)
{
    size_t length = strcspn(*at, ",");
    char *item = zl_strndup(*at, length);
    *at += length;
    *at += **at == ',';
    return item;
}

void zl_lease_depose_all(struct zl_lease *lease, const char *uids)
{
    const char *at = uids;
    while (at != NULL && *at != '\0') {
        ZL_AUTO_FREE char *uid = take_item(&at);
        zl_lease_depose(lease, uid);
    }
}

void zl_lease_prune_deposed(struct zl_lease *lease, bool (*lives)(void *ctx, const char *uid),
                            void *ctx)
{
    ZL_AUTO_FREE char *before = ZL_STEAL(&lease->deposed);
    const char *at = before;
    while (at != NULL && *at != '\0') {
        ZL_AUTO_FREE char *uid = take_item(&at);
        if (lives(ctx, uid)) {
            zl_lease_depose(lease, uid);
        }
    }
}
