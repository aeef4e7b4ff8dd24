/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/spells.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Each row is noted after those before it. */
struct row {
    const char *name;
    const char *namespace_, *pool;
    enum zl_spell spell;
    const char *uid;
    int64_t now_ms, age_ms;
};

static const struct row ROWS[] = {
    {"first sight", "shop", "web", ZL_SPELL_UNREADY, "a", 1000, 0},
    {"it lasts", "shop", "web", ZL_SPELL_UNREADY, "a", 4000, 3000},
    {"the other spell is its own", "shop", "web", ZL_SPELL_TERMINATING, "a", 5000, 0},
    {"another pool is its own", "shop", "web2", ZL_SPELL_UNREADY, "a", 5000, 0},
    {"another namespace is its own", "shop2", "web", ZL_SPELL_UNREADY, "a", 5000, 0},
    {"none of them touched the first", "shop", "web", ZL_SPELL_UNREADY, "a", 6000, 5000},
    {"another pod: from the start", "shop", "web", ZL_SPELL_UNREADY, "b", 7000, 0},
    {"which lasts too", "shop", "web", ZL_SPELL_UNREADY, "b", 7500, 500},
    {"back to the first: from the start", "shop", "web", ZL_SPELL_UNREADY, "a", 8000, 0},
    {"over", "shop", "web", ZL_SPELL_UNREADY, NULL, 9000, 0},
    {"over twice", "shop", "web", ZL_SPELL_UNREADY, NULL, 9100, 0},
    {"the same pod again: from the start", "shop", "web", ZL_SPELL_UNREADY, "a", 9500, 0},
    {"and it lasts", "shop", "web", ZL_SPELL_UNREADY, "a", 9600, 100},
    {"the end of one was not that of the other", "shop", "web", ZL_SPELL_TERMINATING, "a", 9600,
     4600},
};

static void test_spell_counts_from_its_first_sight(void **state)
{
    (void)state;
    struct zl_spells *spells = zl_spells_new();
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        int64_t age_ms =
            zl_spells_note(spells, row->namespace_, row->pool, row->spell, row->uid, row->now_ms);
        if (age_ms != row->age_ms) {
            fail_msg("%s: %lld", row->name, (long long)age_ms);
        }
    }
    zl_spells_forget(spells, "shop", "web");
    assert_int_equal(zl_spells_note(spells, "shop", "web", ZL_SPELL_TERMINATING, "a", 9900), 0);
    assert_int_equal(zl_spells_note(spells, "shop", "web2", ZL_SPELL_UNREADY, "a", 9900), 4900);
    zl_spells_free(spells);
    zl_spells_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spell_counts_from_its_first_sight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
