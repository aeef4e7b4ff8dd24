/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes reboot: never more than the slots, and each once. */
#include "common/fleet/reboots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_slots_are_taken_once_and_given_back(void **state)
{
    struct zl_fleet_reboots reboots = {0};
    (void)state;
    assert_int_equal(zl_fleet_reboots_take(&reboots, "a", 2, 10), ZL_FLEET_REBOOT_TAKEN);
    assert_int_equal(zl_fleet_reboots_take(&reboots, "a", 2, 11), ZL_FLEET_REBOOT_HAS);
    assert_int_equal(zl_fleet_reboots_take(&reboots, "b", 2, 12), ZL_FLEET_REBOOT_TAKEN);
    assert_int_equal(zl_fleet_reboots_take(&reboots, "c", 2, 13), ZL_FLEET_REBOOT_FULL);
    assert_int_equal(reboots.count, 2);
    assert_int_equal(reboots.nodes[0].since_s, 10);
    assert_true(zl_fleet_reboots_give(&reboots, "a"));
    assert_false(zl_fleet_reboots_give(&reboots, "a"));
    assert_string_equal(reboots.nodes[0].id, "b");
    assert_int_equal(zl_fleet_reboots_take(&reboots, "c", 2, 14), ZL_FLEET_REBOOT_TAKEN);
    /* Fewer slots than are taken: who has one keeps it. */
    assert_int_equal(zl_fleet_reboots_take(&reboots, "d", 1, 15), ZL_FLEET_REBOOT_FULL);
    assert_int_equal(zl_fleet_reboots_take(&reboots, "c", 1, 15), ZL_FLEET_REBOOT_HAS);
    zl_fleet_reboots_clear(&reboots);
}

static void test_what_is_written_is_read_and_what_cannot_be_meant_is_not(void **state)
{
    static const char *const wrong[] = {"[", "{\"nodes\":1}", "{\"nodes\":[{\"since\":1}]}",
                                        "{\"nodes\":[{\"id\":\"a\",\"since\":-1}]}"};
    struct zl_fleet_reboots reboots = {0}, found;
    (void)state;
    (void)zl_fleet_reboots_take(&reboots, "a", 2, 10);
    char *text = zl_fleet_reboots_encode(&reboots);
    assert_string_equal(text, "{\"nodes\":[{\"id\":\"a\",\"since\":10}]}");
    assert_int_equal(zl_fleet_reboots_decode(text, &found, NULL), ZL_OK);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.nodes[0].id, "a");
    free(text);
    zl_fleet_reboots_clear(&found);
    zl_fleet_reboots_clear(&reboots);
    assert_int_equal(zl_fleet_reboots_decode(NULL, &found, NULL), ZL_OK);
    assert_int_equal(found.count, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(zl_fleet_reboots_decode(wrong[i], &found, NULL), ZL_E_INVALID);
        assert_null(found.nodes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_taken_once_and_given_back),
        cmocka_unit_test(test_what_is_written_is_read_and_what_cannot_be_meant_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
