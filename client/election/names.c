/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/names.h"

#include "common/base/clock.h"

#include <unistd.h>

#define OWN_PREFIX "zen-lead-"
#define NAME_MAX_BYTES 253
#define EPOCH_2020_S INT64_C(1577836800)
#define RANDOM_BYTES 8

char *zl_election_lease(const char *component)
{
    return zl_asprintf("%s-leader-election", component);
}

char *zl_lock_lease(const char *name)
{
    return zl_asprintf("%s-lock", name);
}

/* Lower case, digits, '-' and '.'; it begins and ends with a letter or digit. */
static bool is_object_name(const char *name)
{
    static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const size_t length = strlen(name);
    return length > 0 && length <= NAME_MAX_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length &&
           strchr(alphanumeric, name[0]) != NULL && strchr(alphanumeric, name[length - 1]) != NULL;
}

enum zl_status zl_lease_name_check(const char *lease, struct zl_error *err)
{
    if (!is_object_name(lease)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "\"%.100s\" cannot be a Lease's name: lower-case letters, digits, '-' "
                            "and '.', at most %d",
                            lease, NAME_MAX_BYTES);
    }
    if (strncmp(lease, OWN_PREFIX, strlen(OWN_PREFIX)) == 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "Lease %s: names that begin with \"" OWN_PREFIX
                            "\" belong to zen-lead's pools and programs; take another name",
                            lease);
    }
    return ZL_OK;
}

char *zl_election_identity(const char *pod)
{
    char host[256] = "";
    if (pod == NULL) {
        (void)gethostname(host, sizeof host - 1);
        pod = host[0] != '\0' ? host : "unknown";
    }
    unsigned char random[RANDOM_BYTES];
    char text[2 * RANDOM_BYTES + 1] = "";
    zl_random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", random[i]);
    }
    return zl_asprintf("%s_%s", pod, text);
}

int64_t zl_first_token(int64_t wall_us)
{
    const int64_t seconds = wall_us / 1000000 - EPOCH_2020_S;
    return seconds > 0 ? seconds : 0;
}
