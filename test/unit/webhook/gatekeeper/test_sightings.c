/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of owners has a bound in bytes, whatever strangers write into them. */
#include "webhook/gatekeeper/sightings.h"

#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void put_lost(struct zl_sightings *sightings, int number, char *pool)
{
    char uid[32];
    snprintf(uid, sizeof uid, "uid-%d", number);
    zl_sightings_put(sightings, uid, &(struct zl_sighting){.was_in = pool});
}

static bool is_known(struct zl_sightings *sightings, const char *uid)
{
    ZL_AUTO_SIGHTING struct zl_sighting found = {0};
    return zl_sightings_find(sightings, uid, &found);
}

static char *text_of(size_t length)
{
    char *text = zl_alloc(length + 1);
    memset(text, 'l', length);
    return text;
}

static void test_what_is_too_large_is_not_remembered(void **state)
{
    (void)state;
    struct zl_sightings *sightings = zl_sightings_new();
    ZL_AUTO_FREE char *large = text_of(200000);
    put_lost(sightings, 1, large);
    assert_false(is_known(sightings, "uid-1"));
    assert_int_equal(zl_sightings_bytes(sightings), 0);
    /* Nor is what was known of it before: that is not true any more. */
    char pool[] = "web";
    put_lost(sightings, 1, pool);
    assert_true(is_known(sightings, "uid-1"));
    put_lost(sightings, 1, large);
    assert_false(is_known(sightings, "uid-1"));
    assert_int_equal(zl_sightings_bytes(sightings), 0);
    zl_sightings_free(sightings);
}

static void test_the_oldest_go_when_bytes_or_entries_are_too_many(void **state)
{
    (void)state;
    struct zl_sightings *sightings = zl_sightings_new();
    ZL_AUTO_FREE char *pool = text_of(3000);
    for (int i = 0; i < 4000; i++) { /* 12 MB */
        put_lost(sightings, i, pool);
        assert_in_range(zl_sightings_bytes(sightings), 3000, ZL_SIGHTINGS_BYTES_MAX);
    }
    assert_false(is_known(sightings, "uid-0"));
    assert_true(is_known(sightings, "uid-3999"));
    char small[] = "web";
    for (int i = 4000; i < 4001 + ZL_SIGHTINGS_MAX; i++) {
        put_lost(sightings, i, small);
    }
    assert_false(is_known(sightings, "uid-4000"));
    assert_true(is_known(sightings, "uid-4001"));
    zl_sightings_free(sightings);
}

static void test_an_owner_counts_as_what_it_was_read_as(void **state)
{
    (void)state;
    struct zl_sightings *sightings = zl_sightings_new();
    struct zl_ref *owner = zl_ref_new(zl_strdup("owner"), free);
    zl_sightings_put(sightings, "uid-1",
                     &(struct zl_sighting){.owner = owner, .owner_bytes = ZL_SIGHTING_BYTES_MAX});
    assert_false(is_known(sightings, "uid-1"));
    zl_sightings_put(sightings, "uid-1", &(struct zl_sighting){.owner = owner, .owner_bytes = 600});
    assert_true(is_known(sightings, "uid-1"));
    assert_in_range(zl_sightings_bytes(sightings), 600, 1000);
    zl_ref_drop(owner);
    zl_sightings_free(sightings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_too_large_is_not_remembered),
        cmocka_unit_test(test_the_oldest_go_when_bytes_or_entries_are_too_many),
        cmocka_unit_test(test_an_owner_counts_as_what_it_was_read_as),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
