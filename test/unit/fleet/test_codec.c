/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the annotations: kept whole, tolerant of what is newer, clear about what is wrong. */
#include "common/fleet/codec.h"

#include "common/base/memory.h"
#include "common/fleet/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEDGER                                                                                     \
    "{\"n\":5,\"limitMs\":1800000,\"maxFailures\":-1,\"maxExtensions\":2,\"round\":\"cve\","       \
    "\"set\":true,\"specDiffers\":true,\"stages\":[{\"match\":\"tier=canary\",\"max\":2,"          \
    "\"soakMs\":60000,\"approval\":true},{}],\"spreadKey\":\"region\",\"spreadMax\":3,"            \
    "\"stage\":{\"open\":1,\"round\":\"cve\",\"overSince\":7},\"retryToken\":14,\"paused\":{"      \
    "\"id\":4,\"by\":\"ann\",\"reason\":\"why\","                                                  \
    "\"since\":9},\"restored\":{\"serial\":2,\"since\":8,\"holdMs\":7},\"lastPause\":4,"           \
    "\"lastRestored\":2,\"failed\":[12,13],\"lastToken\":9007199254740991,\"nextTicket\":44,"      \
    "\"counts\":{\"waiting\":1,\"done\":2,\"failed\":3,\"released\":4,\"late\":5},\"active\":["    \
    "{\"cluster\":\"a\",\"uid\":\"u\",\"round\":\"cve\",\"state\":\"Active\",\"token\":15,"        \
    "\"gen\":2,\"answers\":77,\"limitMs\":60000,\"elapsedMs\":6000,\"extensions\":1,"              \
    "\"stage\":1,\"spread\":\"region=eu\"}],"                                                      \
    "\"tickets\":[{\"cluster\":\"b\",\"ticket\":43,\"nonce\":8}],\"queue\":[\"b\"],"               \
    "\"history\":[{\"cluster\":\"c\",\"round\":\"cve\",\"outcome\":\"DoneLate\",\"token\":12,"     \
    "\"at\":99}]}"

static void test_a_ledger_is_written_as_it_was_read(void **state)
{
    (void)state;
    struct zl_fleet_ledger ledger;
    struct zl_error err = {0};
    assert_int_equal(zl_fleet_ledger_decode(LEDGER, &ledger, &err), ZL_OK);
    ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(&ledger);
    assert_string_equal(text, LEDGER);
    zl_fleet_ledger_clear(&ledger);
}

static void test_a_turn_and_a_member_are_written_as_they_were_read(void **state)
{
    (void)state;
    static const char turn_text[] =
        "{\"pools\":{\"p\":{\"state\":\"Active\",\"round\":\"cve\",\"uid\":\"u\",\"ticket\":1,"
        "\"turns\":2,\"done\":1,\"token\":3,\"gen\":4,\"limitMs\":5,\"answers\":6,\"endedToken\":2,"
        "\"outcome\":\"Expired\",\"declines\":7,\"retried\":2,\"witnessed\":8,\"position\":9,"
        "\"why\":\"w\"}}}";
    static const char member_text[] =
        "{\"clusterUID\":\"u\",\"beat\":3,\"periodMs\":60000,\"mark\":5,\"labels\":\"tier=canary\","
        "\"pools\":{\"p\":{\"spec\":"
        "{\"n\":5,\"limitMs\":6,\"maxFailures\":-1,\"maxExtensions\":1,\"round\":\"r\","
        "\"stages\":[{\"match\":\"tier=canary\"}],\"spreadKey\":\"region\",\"spreadMax\":1,"
        "\"windows\":[{\"days\":31,\"fromMin\":60,\"toMin\":120,\"offsetMin\":-30}]},"
        "\"verb\":\"claim\",\"nonce\":7,\"token\":8,\"gen\":9,\"restMs\":10,\"reason\":\"no\","
        "\"seenToken\":11,\"report\":{\"token\":4,\"outcome\":\"Failed\",\"reason\":\"x\"}}}}";
    struct zl_fleet_turns turns;
    struct zl_fleet_member member;
    struct zl_error err = {0};
    assert_int_equal(zl_fleet_turns_decode(turn_text, &turns, &err), ZL_OK);
    assert_int_equal(zl_fleet_member_decode(member_text, &member, &err), ZL_OK);
    ZL_AUTO_FREE char *turn_again = zl_fleet_turns_encode(&turns);
    ZL_AUTO_FREE char *member_again = zl_fleet_member_encode(&member);
    assert_string_equal(turn_again, turn_text);
    assert_string_equal(member_again, member_text);
    zl_fleet_turns_clear(&turns);
    zl_fleet_member_clear(&member);
}

/* A person's edit, or another version's ledger. */
static void test_slots_are_found_in_whatever_order_they_were_written(void **state)
{
    (void)state;
    static const char text[] = "{\"active\":[{\"cluster\":\"a\",\"token\":3},{\"cluster\":\"c\","
                               "\"token\":1},{\"cluster\":\"b\",\"token\":2}]}";
    static const char *const names[] = {"c", "b", "a"}; /* by token */
    struct zl_fleet_ledger ledger;
    struct zl_error err = {0};
    assert_int_equal(zl_fleet_ledger_decode(text, &ledger, &err), ZL_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(zl_fleet_entry_of(&ledger, names[i])->token, i + 1);
    }
    assert_null(zl_fleet_entry_of(&ledger, "aa"));
    ZL_AUTO_FREE char *again = zl_fleet_ledger_encode(&ledger);
    const char *first = strstr(again, "\"c\""), *second = strstr(again, "\"b\"");
    assert_true(first < second && second < strstr(again, "\"a\"")); /* as they were given */
    zl_fleet_entry_remove(&ledger, "b");
    assert_null(zl_fleet_entry_of(&ledger, "b"));
    zl_fleet_entry_add(&ledger, &(struct zl_fleet_entry){.cluster = "aa", .token = 4});
    assert_int_equal(zl_fleet_entry_of(&ledger, "aa")->token, 4);
    assert_int_equal(zl_fleet_entry_of(&ledger, "c")->token, 1);
    zl_fleet_ledger_clear(&ledger);
}

/* What an arbiter need not wake up for. */
static void test_a_mere_beat_is_told_from_all_that_a_member_says(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"clusterUID\":\"u\",\"beat\":3,\"pools\":{\"p\":{\"verb\":\"want\",\"nonce\":7}}}",
        "{\"clusterUID\":\"u\",\"beat\":4,\"pools\":{\"p\":{\"verb\":\"want\",\"nonce\":7}}}",
        "{\"clusterUID\":\"u\",\"beat\":4,\"pools\":{\"p\":{\"verb\":\"want\",\"nonce\":8}}}",
        "{\"clusterUID\":\"v\",\"beat\":4,\"pools\":{\"p\":{\"verb\":\"want\",\"nonce\":7}}}",
        "{\"clusterUID\":\"u\",\"beat\":4,\"mark\":1,\"pools\":{\"p\":{\"verb\":\"want\",\"nonce\":"
        "7}}}",
        "{\"clusterUID\":\"u\",\"beat\":4,\"labels\":\"a=b\",\"pools\":{\"p\":{\"verb\":\"want\","
        "\"nonce\":7}}}",
        "{\"clusterUID\":\"u\",\"beat\":4,\"pools\":{}}"};
    struct zl_fleet_member members[sizeof texts / sizeof texts[0]];
    struct zl_error err = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(zl_fleet_member_decode(texts[i], &members[i], &err), ZL_OK);
        assert_int_equal(zl_fleet_member_is_same(&members[0], &members[i]), i <= 1);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        zl_fleet_member_clear(&members[i]);
    }
}

static void test_what_is_newer_is_passed_over_and_what_is_missing_is_zero(void **state)
{
    (void)state;
    struct zl_fleet_ledger ledger;
    struct zl_error err = {0};
    assert_int_equal(zl_fleet_ledger_decode("{\"stages\":[{}],\"n\":2}", &ledger, &err), ZL_OK);
    assert_int_equal(ledger.n, 2);
    assert_int_equal(ledger.active_count, 0);
    assert_int_equal(zl_fleet_ledger_decode(NULL, &ledger, &err), ZL_OK);
}

static void test_what_cannot_be_meant_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"{", "ledger"},
        {"[]", "not a JSON object"},
        {"{\"n\":-1}", "n:"},
        {"{\"n\":1.5}", "n:"},
        {"{\"n\":\"five\"}", "n:"},
        {"{\"n\":2001}", "n:"},
        {"{\"limitMs\":604800001}", "limitMs"},
        {"{\"maxFailures\":-2}", "maxFailures"},
        {"{\"lastToken\":1e300}", "lastToken"},
        {"{\"paused\":{}}", "paused.id"},
        {"{\"failed\":[0]}", "failed"},
        {"{\"active\":[{}]}", "cluster"},
        {"{\"paused\":1}", "paused: an object is expected"}, /* not: it is not paused */
        {"{\"restored\":true}", "restored: an object is expected"},
        {"{\"active\":1}", "active: a list is expected"}, /* not: nobody acts */
        {"{\"active\":{\"a\":{}}}", "active: a list is expected"},
        {"{\"active\":[{\"cluster\":\"a\",\"token\":1,\"state\":\"Asleep\"}]}", "state"},
        {"{\"active\":[{\"token\":1,\"cluster\":\"0123456789012345678901234567890123456789"
         "012345678901234567890123456789\"}]}",
         "cluster: too long"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct zl_fleet_ledger ledger;
        struct zl_error err = {0};
        if (zl_fleet_ledger_decode(bad[i].text, &ledger, &err) != ZL_E_INVALID ||
            strstr(err.message, bad[i].says) == NULL) {
            fail_msg("%s: \"%s\"", bad[i].text, err.message);
        }
        assert_int_equal(ledger.active_count, 0);
    }
}

static void test_lists_and_texts_are_bounded(void **state)
{
    (void)state;
    struct zl_fleet_turns turns;
    struct zl_fleet_ledger ledger;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *large = zl_alloc(ZL_FLEET_JSON_MAX + 2);
    memset(large, ' ', ZL_FLEET_JSON_MAX + 1);
    assert_int_equal(zl_fleet_ledger_decode(large, &ledger, &err), ZL_E_TOO_LARGE);
    size_t used = (size_t)snprintf(large, 100, "{\"pools\":{");
    for (int i = 0; i <= ZL_FLEET_POOLS_MAX; i++) {
        used += (size_t)snprintf(large + used, 100, "%s\"p%d\":{}", i > 0 ? "," : "", i);
    }
    (void)snprintf(large + used, 100, "}}");
    assert_int_equal(zl_fleet_turns_decode(large, &turns, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "pools: too many"));
    assert_int_equal(zl_fleet_turns_decode("{\"pools\":{\"A_b\":{}}}", &turns, &err), ZL_E_INVALID);
}

static void test_a_ledger_that_is_too_long_goes_without_what_people_read(void **state)
{
    (void)state;
    struct zl_fleet_ledger ledger = {.n = 2000};
    struct zl_fleet_entry entry = {.active = true, .token = 1, .limit_ms = 1};
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(entry.cluster, sizeof entry.cluster, "a-cluster-with-a-name-%06d", i);
        ZL_FLEET_TEXT(entry.uid, "01234567-0123-0123-0123-012345678901");
        zl_fleet_entry_add(&ledger, &entry);
    }
    ledger.history = zl_alloc(ZL_FLEET_SHOWN_MAX * sizeof *ledger.history);
    ledger.history_count = ZL_FLEET_SHOWN_MAX;
    for (size_t i = 0; i < ledger.history_count; i++) {
        ZL_FLEET_TEXT(ledger.history[i].cluster, "a-cluster-with-a-name-that-is-rather-long");
    }
    ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(&ledger);
    assert_in_range(strlen(text), ZL_FLEET_JSON_MAX - 20000, ZL_FLEET_JSON_MAX);
    assert_non_null(strstr(text, "\"history\":[]"));
    zl_fleet_ledger_clear(&ledger);
}

/* --- the arbiter's own clock --- */

static void test_ages_are_counted_from_when_something_was_first_seen(void **state)
{
    (void)state;
    struct zl_fleet_clocks *clocks = zl_fleet_clocks_new(0);
    struct zl_fleet_ledger ledger = {.n = 1};
    struct zl_fleet_entry entry = {.cluster = "a", .token = 5, .gen = 1, .elapsed_ms = 6000};
    struct zl_fleet_member member = {.beat = 3, .period_ms = 60000, .cluster_uid = "u"};
    struct zl_fleet_cluster cluster = {.name = "a", .member = &member};
    struct zl_fleet_view view = {.pool = "p", .ledger = &ledger, .clusters = &cluster, .count = 1};
    zl_fleet_entry_add(&ledger, &entry);
    zl_fleet_clocks_look(clocks, &view, 1000, 1000);
    assert_int_equal(cluster.entry_ms, 6000); /* another arbiter had counted so far */
    assert_false(cluster.beaten);
    zl_fleet_clocks_look(clocks, &view, 1000, 181001);
    assert_int_equal(cluster.entry_ms, 186001);
    assert_int_equal(view.unbroken_ms, 180001);
    assert_true(zl_fleet_is_absent(&cluster));
    member.beat = 4;
    ledger.active[0].gen = 2;
    ledger.active[0].elapsed_ms = 0;
    zl_fleet_clocks_look(clocks, &view, 1000, 181002);
    assert_false(zl_fleet_is_absent(&cluster));
    assert_true(cluster.beaten);
    assert_int_equal(cluster.entry_ms, 0);
    zl_fleet_ledger_clear(&ledger);
    zl_fleet_clocks_free(clocks);
}

static void test_who_appears_while_the_watch_is_open_has_beaten(void **state)
{
    (void)state;
    struct zl_fleet_clocks *clocks = zl_fleet_clocks_new(0);
    struct zl_fleet_member member = {.beat = 3, .period_ms = 60000, .cluster_uid = "u"};
    struct zl_fleet_cluster clusters[] = {{.name = "a", .member = &member},
                                          {.name = "b", .member = &member}};
    struct zl_fleet_view view = {.pool = "p", .clusters = clusters, .count = 1};
    zl_fleet_clocks_look(clocks, &view, 1000, 2000);
    view.count = 2;
    zl_fleet_clocks_look(clocks, &view, 1000, 3000);
    assert_false(clusters[0].beaten); /* its Lease was there already: it may be dead */
    assert_true(clusters[1].beaten);
    zl_fleet_clocks_look(clocks, &view, 5000, 6000); /* another watch */
    assert_false(clusters[1].beaten);
    zl_fleet_clocks_free(clocks);
}

/* Nobody who names a fleet that is new can have died before it was there: no minute until their next beat goes by. */
static void
test_the_clusters_of_a_pool_that_appears_while_the_watch_is_open_have_beaten(void **state)
{
    (void)state;
    struct zl_fleet_member member = {.beat = 1, .period_ms = 60000, .cluster_uid = "u"};
    for (int appears = 0; appears < 2; appears++) {
        struct zl_fleet_cluster cluster = {.name = "a", .member = &member};
        struct zl_fleet_view view = {.pool = "p", .clusters = &cluster, .count = 1};
        struct zl_fleet_clocks *clocks = zl_fleet_clocks_new(appears == 1 ? 1000 : 0);
        zl_fleet_clocks_look(clocks, &view, 1000, 2000);
        assert_int_equal(cluster.beaten, appears == 1);
        zl_fleet_clocks_look(clocks, &view, 5000, 6000); /* another watch */
        assert_false(cluster.beaten);
        zl_fleet_clocks_free(clocks);
    }
}

static void test_two_clusters_of_one_name_are_noticed_while_both_live(void **state)
{
    (void)state;
    struct zl_fleet_clocks *clocks = zl_fleet_clocks_new(0);
    struct zl_fleet_member member = {.beat = 3, .period_ms = 60000, .cluster_uid = "u"};
    struct zl_fleet_cluster cluster = {.name = "a", .member = &member};
    struct zl_fleet_view view = {.pool = "p", .clusters = &cluster, .count = 1};
    zl_fleet_clocks_look(clocks, &view, 0, 1000);
    assert_false(cluster.duplicate);
    ZL_FLEET_TEXT(member.cluster_uid, "v");
    zl_fleet_clocks_look(clocks, &view, 0, 2000);
    assert_true(cluster.duplicate);
    assert_false(view.older);
    zl_fleet_clocks_look(clocks, &view, 0, 182000);
    assert_false(cluster.duplicate); /* u was installed anew as v */
    zl_fleet_clocks_free(clocks);
}

static void test_an_arbiter_notices_by_itself_that_the_hub_is_older(void **state)
{
    (void)state;
    struct zl_fleet_clocks *clocks = zl_fleet_clocks_new(0);
    struct zl_fleet_ledger ledger = {.n = 1, .last_token = 9};
    struct zl_fleet_member member = {.beat = 3, .cluster_uid = "u"};
    struct zl_fleet_cluster cluster = {.name = "a", .member = &member};
    struct zl_fleet_view view = {.pool = "p", .ledger = &ledger, .clusters = &cluster, .count = 1};
    zl_fleet_clocks_look(clocks, &view, 0, 1000);
    member.beat = 2;
    zl_fleet_clocks_look(clocks, &view, 0, 2000);
    assert_true(view.older);
    ledger.restored_serial = 1;
    zl_fleet_clocks_look(clocks, &view, 0, 3000);
    assert_false(view.older); /* it has been said */
    zl_fleet_clocks_look(clocks, &view, 0, 4000);
    assert_int_equal(view.restored_ms, 1000);
    ledger.restored_serial = 0;
    ledger.last_token = 8;
    zl_fleet_clocks_look(clocks, &view, 0, 5000);
    assert_true(view.older);
    assert_int_equal(view.seen_token, 9);
    zl_fleet_clocks_free(clocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ledger_is_written_as_it_was_read),
        cmocka_unit_test(test_a_turn_and_a_member_are_written_as_they_were_read),
        cmocka_unit_test(test_slots_are_found_in_whatever_order_they_were_written),
        cmocka_unit_test(test_a_mere_beat_is_told_from_all_that_a_member_says),
        cmocka_unit_test(test_what_is_newer_is_passed_over_and_what_is_missing_is_zero),
        cmocka_unit_test(test_what_cannot_be_meant_is_refused_by_name),
        cmocka_unit_test(test_lists_and_texts_are_bounded),
        cmocka_unit_test(test_a_ledger_that_is_too_long_goes_without_what_people_read),
        cmocka_unit_test(test_ages_are_counted_from_when_something_was_first_seen),
        cmocka_unit_test(test_who_appears_while_the_watch_is_open_has_beaten),
        cmocka_unit_test(
            test_the_clusters_of_a_pool_that_appears_while_the_watch_is_open_have_beaten),
        cmocka_unit_test(test_two_clusters_of_one_name_are_noticed_while_both_live),
        cmocka_unit_test(test_an_arbiter_notices_by_itself_that_the_hub_is_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
