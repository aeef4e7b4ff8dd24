/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/dispute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Somebody undoes each write at once; we write whenever we may. */
static void test_repairs_become_rarer_while_somebody_insists(void **state)
{
    (void)state;
    struct zl_dispute dispute = {0};
    int64_t now_ms = 1000000;
    static const int64_t waits_ms[] = {0,    0,    0,     0,     1000,  2000,
                                       4000, 8000, 16000, 32000, 60000, 60000};
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        assert_int_equal(zl_dispute_wait_ms(&dispute, "a", now_ms), waits_ms[i]);
        now_ms += waits_ms[i];
        assert_int_equal(zl_dispute_wait_ms(&dispute, "a", now_ms), 0);
        zl_dispute_wrote(&dispute, "a", now_ms);
    }
    /* Our own news waits for nobody. */
    assert_true(zl_dispute_wait_ms(&dispute, "a", now_ms) > 0);
    assert_int_equal(zl_dispute_wait_ms(&dispute, "b", now_ms), 0);
    zl_dispute_clear(&dispute);
}

static void test_a_minute_without_repairs_is_peace(void **state)
{
    (void)state;
    struct zl_dispute dispute = {0};
    assert_int_equal(zl_dispute_peace_ms(&dispute, 0), 0);
    zl_dispute_wrote(&dispute, "a", 1000);
    zl_dispute_wrote(&dispute, "a", 2000);
    assert_int_equal(zl_dispute_peace_ms(&dispute, 3000), 59000);
    assert_int_equal(dispute.repairs, 1);
    assert_int_equal(zl_dispute_peace_ms(&dispute, 62000), 0);
    assert_int_equal(dispute.repairs, 0);
    zl_dispute_clear(&dispute);
}

static void test_the_opponent_is_who_wrote_last_and_is_none_of_us(void **state)
{
    (void)state;
#define FIELD(manager, time)                                                                       \
    "{\"manager\":\"" manager "\",\"time\":\"2026-01-01T00:00:0" time "Z\"}"
    static const struct {
        const char *fields, *opponent;
    } rows[] = {
        {"[]", "somebody"},
        {"[" FIELD("zen-lead", "3") "]", "somebody"},
        {"[" FIELD("argocd", "1") "," FIELD("kubectl", "2") "," FIELD("zen-lead", "3") "]",
         "kubectl"},
        {"[" FIELD("argocd", "2") "," FIELD("kubectl", "1") "]", "argocd"},
        {"[{\"manager\":\"timeless\"},{\"time\":\"2026-01-01T00:00:09Z\"}]", "somebody"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text =
            zl_asprintf("{\"metadata\":{\"managedFields\":%s}}", rows[i].fields);
        ZL_AUTO_JSON struct cJSON *object = NULL;
        assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
        assert_string_equal(zl_opponent_of(object), rows[i].opponent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repairs_become_rarer_while_somebody_insists),
        cmocka_unit_test(test_a_minute_without_repairs_is_peace),
        cmocka_unit_test(test_the_opponent_is_who_wrote_last_and_is_none_of_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
