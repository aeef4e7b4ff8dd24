/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/indexes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    char text[256];
};

static void note(void *ctx, const char *value)
{
    struct seen *seen = ctx;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s%s", used > 0 ? " " : "", value);
}

#define LABELS "app=web\0tier=front\0"

static void test_each_kind_is_found_by_what_leads_to_it(void **state)
{
    (void)state;
    struct zl_pod pod = {.meta.controller.uid = (char[]){"rs-1"}, .labels = (char[]){LABELS}};
    struct zl_pod bare = {0};
    struct zl_service user = {.meta.name = (char[]){"web"},
                              .selector = (char[]){LABELS},
                              .joined_pool = (char[]){"team"},
                              .opted_in = true};
    struct zl_service named = {
        .meta.name = (char[]){"web"}, .wanted_name = (char[]){"boss"}, .opted_in = true};
    struct zl_service plain = {.meta.name = (char[]){"web"}};
    struct zl_service ours = {
        .ours = true, .source = (char[]){"web"}, .selector = (char[]){LABELS}};
    struct zl_service of_pool = {.ours = true, .pool = (char[]){"team"}};
    struct zl_slice slice = {
        .source = (char[]){"web"}, .pool = (char[]){"team"}, .target_name = (char[]){"web-1"}};
    struct zl_lease lease = {.holder_pod = (char[]){"web-1"}};
    struct zl_lease released = {0};
    struct zl_workload workload = {.pool = (char[]){"team"},
                                   .selector = (char[]){"tier in (a,b),app=web,part=x"}};
    struct zl_job job = {.pool = (char[]){"team"}, .meta.controller.uid = (char[]){"c-1"}};
    struct zl_cronjob cronjob = {.pool = (char[]){"team"}};
    struct zl_replicaset replicaset = {.meta.controller.uid = (char[]){"d-1"}};
    const struct {
        enum zl_cached kind;
        enum zl_index index;
        const void *object;
        const char *values;
    } rows[] = {
        {ZL_CACHED_PODS, ZL_BY_OWNER, &pod, "rs-1"},
        {ZL_CACHED_PODS, ZL_BY_OWNER, &bare, ""},
        {ZL_CACHED_PODS, ZL_BY_LABEL, &pod, "app=web tier=front"},
        {ZL_CACHED_PODS, ZL_BY_LABEL, &bare, ""},
        /* One label leads to it: a pod that it selects has all of them. */
        {ZL_CACHED_SERVICES, ZL_BY_LABEL, &user, "app=web"},
        {ZL_CACHED_SERVICES, ZL_BY_LABEL, &plain, ""},
        {ZL_CACHED_SERVICES, ZL_BY_LABEL, &ours, ""},
        {ZL_CACHED_SERVICES, ZL_BY_POOL, &user, "team"},
        {ZL_CACHED_SERVICES, ZL_BY_POOL, &of_pool, "team"},
        {ZL_CACHED_SERVICES, ZL_BY_SOURCE, &user, ""},
        {ZL_CACHED_SERVICES, ZL_BY_SOURCE, &ours, "web"},
        {ZL_CACHED_SERVICES, ZL_BY_WANTED_NAME, &user, "web-leader"},
        {ZL_CACHED_SERVICES, ZL_BY_WANTED_NAME, &named, "boss"},
        {ZL_CACHED_SERVICES, ZL_BY_WANTED_NAME, &plain, ""},
        {ZL_CACHED_SLICES, ZL_BY_POOL, &slice, "team"},
        {ZL_CACHED_SLICES, ZL_BY_SOURCE, &slice, "web"},
        {ZL_CACHED_SLICES, ZL_BY_POD, &slice, "web-1"},
        {ZL_CACHED_LEASES, ZL_BY_POD, &lease, "web-1"},
        {ZL_CACHED_LEASES, ZL_BY_POD, &released, ""},
        {zl_cached_of(&ZL_KIND_DEPLOYMENT), ZL_BY_POOL, &workload, "team"},
        {zl_cached_of(&ZL_KIND_STATEFULSET), ZL_BY_POOL, &workload, "team"},
        {zl_cached_of(&ZL_KIND_DEPLOYMENT), ZL_BY_LABEL, &workload, "app=web"},
        {zl_cached_of(&ZL_KIND_STATEFULSET), ZL_BY_LABEL, &workload, ""}, /* not asked for */
        {ZL_CACHED_JOBS, ZL_BY_POOL, &job, "team"},
        {ZL_CACHED_JOBS, ZL_BY_OWNER, &job, "c-1"},
        {ZL_CACHED_CRONJOBS, ZL_BY_POOL, &cronjob, "team"},
        {ZL_CACHED_REPLICASETS, ZL_BY_OWNER, &replicaset, "d-1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen seen = {{0}};
        struct zl_indexer indexers[ZL_BY_COUNT];
        zl_indexers_of(rows[i].kind, indexers);
        zl_indexer_values(&indexers[rows[i].index], rows[i].object, note, &seen);
        if (strcmp(seen.text, rows[i].values) != 0) {
            fail_msg("row %zu: \"%s\", not \"%s\"", i, seen.text, rows[i].values);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_is_found_by_what_leads_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
