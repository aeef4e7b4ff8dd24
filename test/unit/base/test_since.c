/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/since.h"

#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/base/monitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Each row is noted after those before it. */
struct row {
    const char *what;
    const char *namespace_, *name;
    enum zl_topic topic;
    const char *id;
    int64_t now_ms, age_ms;
};

static const struct row ROWS[] = {
    {"first sight", "shop", "web", ZL_TOPIC_UNREADY, "a", 1000, 0},
    {"it lasts", "shop", "web", ZL_TOPIC_UNREADY, "a", 4000, 3000},
    {"the other topic is its own", "shop", "web", ZL_TOPIC_TERMINATING, "a", 5000, 0},
    {"another name is its own", "shop", "web2", ZL_TOPIC_UNREADY, "a", 5000, 0},
    {"another namespace is its own", "shop2", "web", ZL_TOPIC_UNREADY, "a", 5000, 0},
    {"none of them touched the first", "shop", "web", ZL_TOPIC_UNREADY, "a", 6000, 5000},
    {"another id: from the start", "shop", "web", ZL_TOPIC_UNREADY, "b", 7000, 0},
    {"which lasts too", "shop", "web", ZL_TOPIC_UNREADY, "b", 7500, 500},
    {"back to the first: from the start", "shop", "web", ZL_TOPIC_UNREADY, "a", 8000, 0},
    {"seen before it began, by another thread", "shop", "web", ZL_TOPIC_UNREADY, "a", 7999, 0},
    {"over", "shop", "web", ZL_TOPIC_UNREADY, NULL, 9000, 0},
    {"over twice", "shop", "web", ZL_TOPIC_UNREADY, NULL, 9100, 0},
    {"the same id again: from the start", "shop", "web", ZL_TOPIC_UNREADY, "a", 9500, 0},
    {"and it lasts", "shop", "web", ZL_TOPIC_UNREADY, "a", 9600, 100},
    {"the end of one was not that of the other", "shop", "web", ZL_TOPIC_TERMINATING, "a", 9600,
     4600},
};

static void test_since_counts_from_the_first_sight(void **state)
{
    (void)state;
    struct zl_sinces *sinces = zl_sinces_new(10);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        int64_t age_ms =
            zl_since(sinces, row->namespace_, row->name, row->topic, row->id, row->now_ms);
        if (age_ms != row->age_ms) {
            fail_msg("%s: %lld", row->what, (long long)age_ms);
        }
    }
    zl_since_forget(sinces, "shop", "web");
    assert_int_equal(zl_since(sinces, "shop", "web", ZL_TOPIC_TERMINATING, "a", 9900), 0);
    assert_int_equal(zl_since(sinces, "shop", "web2", ZL_TOPIC_UNREADY, "a", 9900), 4900);
    zl_sinces_free(sinces);
    zl_sinces_free(NULL);
}

static void test_since_keeps_nothing_of_what_is_not_so(void **state)
{
    (void)state;
    struct zl_sinces *sinces = zl_sinces_new(10);
    (void)zl_since(sinces, "shop", "web", ZL_TOPIC_UNREADY, NULL, 1000);
    assert_int_equal(zl_sinces_count(sinces), 0);
    (void)zl_since(sinces, "shop", "web", ZL_TOPIC_UNREADY, "a", 1000);
    (void)zl_since(sinces, "shop", "web", ZL_TOPIC_VACANT, "3", 1000);
    (void)zl_since(sinces, "shop", "web", ZL_TOPIC_UNREADY, NULL, 1000);
    assert_int_equal(zl_sinces_count(sinces), 1);
    (void)zl_since(sinces, "shop", "web", ZL_TOPIC_VACANT, NULL, 1000);
    assert_int_equal(zl_sinces_count(sinces), 0);
    zl_sinces_free(sinces);
}

static void test_since_drops_what_was_asked_about_longest_ago(void **state)
{
    (void)state;
    struct zl_sinces *sinces = zl_sinces_new(2);
    (void)zl_since(sinces, "shop", "a", ZL_TOPIC_UNREADY, "x", 1000);
    (void)zl_since(sinces, "shop", "b", ZL_TOPIC_UNREADY, "x", 1000);
    assert_int_equal(zl_since(sinces, "shop", "a", ZL_TOPIC_UNREADY, "x", 1500), 500);
    (void)zl_since(sinces, "shop", "c", ZL_TOPIC_UNREADY, "x", 2000); /* b goes */
    assert_int_equal(zl_sinces_count(sinces), 2);
    assert_int_equal(zl_since(sinces, "shop", "a", ZL_TOPIC_UNREADY, "x", 2500), 1500);
    assert_int_equal(zl_since(sinces, "shop", "b", ZL_TOPIC_UNREADY, "x", 3000), 0); /* c goes */
    assert_int_equal(zl_since(sinces, "shop", "a", ZL_TOPIC_UNREADY, "x", 3500), 2500);
    assert_int_equal(zl_sinces_count(sinces), 2);
    zl_sinces_free(sinces);
}

static void test_of_a_long_id_a_fingerprint_is_kept(void **state)
{
    (void)state;
    enum { LONG = 250000 };
    ZL_AUTO_FREE char *longest = zl_alloc(ZL_ID_REMEMBERED_MAX + 2);
    memset(longest, 'u', ZL_ID_REMEMBERED_MAX);
    ZL_AUTO_FREE char *kept = zl_id_remembered(longest);
    assert_string_equal(kept, longest);
    longest[ZL_ID_REMEMBERED_MAX] = 'u';
    ZL_AUTO_FREE char *cut = zl_id_remembered(longest);
    assert_true(strlen(cut) < 40);
    assert_null(zl_id_remembered(NULL));

    ZL_AUTO_FREE char *one = zl_alloc(LONG + 1);
    ZL_AUTO_FREE char *other = zl_alloc(LONG + 1);
    memset(one, 'u', LONG);
    memset(other, 'u', LONG);
    other[LONG - 1] = 'v';
    struct zl_sinces *sinces = zl_sinces_new(10);
    (void)zl_since(sinces, "shop", "web", ZL_TOPIC_SUCCESSOR, one, 1000);
    assert_int_equal(zl_since(sinces, "shop", "web", ZL_TOPIC_SUCCESSOR, one, 1500), 500);
    assert_int_equal(zl_since(sinces, "shop", "web", ZL_TOPIC_SUCCESSOR, other, 2000), 0);
    zl_sinces_free(sinces);
}

static void *note_many(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof name, "web-%d", i % 20);
        if (zl_since(arg, "shop", name, ZL_TOPIC_UNREADY, i % 3 != 0 ? "a" : NULL, i) < 0) {
            return arg;
        }
        if (i % 50 == 0) {
            zl_since_forget(arg, "shop", name);
        }
    }
    return NULL;
}

static void test_since_is_shared_by_threads(void **state)
{
    (void)state;
    struct zl_sinces *sinces = zl_sinces_new(10);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        threads[i] = zl_thread_start("noter", note_many, sinces);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        (void)pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_true(zl_sinces_count(sinces) <= 10);
    zl_sinces_free(sinces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_since_counts_from_the_first_sight),
        cmocka_unit_test(test_since_keeps_nothing_of_what_is_not_so),
        cmocka_unit_test(test_since_drops_what_was_asked_about_longest_ago),
        cmocka_unit_test(test_of_a_long_id_a_fingerprint_is_kept),
        cmocka_unit_test(test_since_is_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
