/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limits.h"
#include "common/kube/informer_health.h"
#include "common/kube/retries.h"

#include "test/unit/informer_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "test/unit/await.h"

static void test_the_first_list_is_delivered_and_synced_then_watched(void **state)
{
    static const struct zl_step STEPS[] = {LIST("9", ITEM("a", "5") "," ITEM("b", "6"))};
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    assert_true(zl_informer_wait_synced(script->informer, NULL, NULL));
    assert_true(zl_script_journal_is(script, "+a@5 +b@6 "));
    assert_int_equal(zl_store_count(zl_informer_store(script->informer)), 2);
    assert_int_equal(zl_informer_state(script->informer, NULL).position, 9);
    AWAIT(zl_script_requests(script) == 2);
    zl_script_expect_request(script, 0, NULL);
    zl_script_expect_request(script, 1, "9");
}

static void test_a_cut_watch_resumes_from_the_last_event_without_loss_or_repeat(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ""),
        {.pieces = {EVENT("ADDED", ITEM("a", "10")), EVENT("ADDED", ITEM("b", "11"))},
         .ending = ZL_CUT},
        {.pieces = {EVENT("MODIFIED", ITEM("a", "12"))}, .ending = ZL_END},
        {.pieces = {EVENT("DELETED", ITEM("b", "13"))}, .ending = ZL_HOLD},
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_journal_is(script, "+a@10 +b@11 a@10>12 -b@11 "));
    AWAIT(zl_informer_state(script->informer, NULL).position == 13);
    zl_script_expect_request(script, 1, "9");
    zl_script_expect_request(script, 2, "11");
    zl_script_expect_request(script, 3, "12");
    const struct zl_informer_health health = zl_informer_health(script->informer);
    assert_true(health.synced && health.watching && !zl_informer_has_gap(script->informer));
    assert_int_equal(health.not_watching_ms, 0);
    assert_int_equal(health.restarts, 2);
    assert_int_equal(health.relists, 0);
    assert_int_equal(script->position_early, 0);
}

static void test_a_line_in_two_pieces_is_one_event_and_half_a_line_is_none(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ""),
        {.pieces = {"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name",
                    "space\":\"n\",\"name\":\"a\",\"resourceVersion\":\"10\"}}}\n{\"type\":\"ADD"},
         .ending = ZL_CUT},
        {.pieces = {EVENT("ADDED", ITEM("b", "11"))}, .ending = ZL_HOLD},
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_journal_is(script, "+a@10 +b@11 "));
    zl_script_expect_request(script, 2, "10");
}

static void test_a_bookmark_moves_the_version_of_the_next_watch(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ""),
        {.pieces = {BOOKMARK("77")}, .ending = ZL_END},
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_requests(script) == 3);
    zl_script_expect_request(script, 2, "77");
    assert_int_equal(zl_informer_state(script->informer, NULL).position, 77);
    assert_true(zl_script_journal_is(script, ""));
}

static void test_gone_lists_again_and_delivers_the_difference(void **state)
{
    static const struct zl_step BY_STATUS[] = {
        LIST("9", ITEM("a", "5") "," ITEM("b", "6") "," ITEM("c", "7")),
        {.status = 410, .body = GONE_STATUS},
        LIST("20", ITEM("a", "5") "," ITEM("b", "15") "," ITEM("d", "16")),
    };
    static const struct zl_step BY_EVENT[] = {
        LIST("9", ITEM("a", "5") "," ITEM("b", "6") "," ITEM("c", "7")),
        {.pieces = {GONE_EVENT}, .ending = ZL_END},
        LIST("20", ITEM("a", "5") "," ITEM("b", "15") "," ITEM("d", "16")),
    };
    static const struct zl_step *const SCRIPTS[] = {BY_STATUS, BY_EVENT};
    for (size_t i = 0; i < 2; i++) {
        struct zl_script *script = *state;
        zl_script_begin(script, SCRIPTS[i], 3, &ZL_QUICK);
        AWAIT(zl_script_journal_is(script, "+a@5 +b@6 +c@7 b@6>15 +d@16 -c@7 "));
        AWAIT(zl_script_requests(script) == 4);
        zl_script_expect_request(script, 2, NULL);
        zl_script_expect_request(script, 3, "20");
        assert_int_equal(zl_store_count(zl_informer_store(script->informer)), 3);
        assert_int_equal(zl_informer_state(script->informer, NULL).position, 20);
        assert_int_equal(zl_informer_health(script->informer).relists, 1);
        zl_script_tear_down(state);
        zl_script_set_up(state);
    }
}

/* An API server that was restored from a backup sends nothing to a watch from a version that it has lost. */
static void test_what_a_restored_server_has_is_listed_whatever_its_versions(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("90", ITEM("a", "85") "," ITEM("b", "86")),
        {.pieces = {EVENT("MODIFIED", ITEM("a", "95"))}, .ending = ZL_HOLD},
        LIST("20", ITEM("a", "15")),
        {.pieces = {EVENT("MODIFIED", ITEM("a", "21"))}, .ending = ZL_HOLD},
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_journal_is(script, "+a@85 +b@86 a@85>95 "));
    zl_informer_relist(script->informer);
    AWAIT(zl_script_journal_is(script, "+a@85 +b@86 a@85>95 a@95>15 -b@86 a@15>21 "));
    zl_script_expect_request(script, 2, NULL);
    zl_script_expect_request(script, 3, "20");
    assert_int_equal(zl_informer_state(script->informer, NULL).position, 21);
    assert_int_equal(zl_informer_health(script->informer).relists, 1);
}

static void test_gone_after_other_failures_lists_at_once_too(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ITEM("a", "5")),
        {.status = 403, .body = "{}"}, /* a kube-apiserver that has just started */
        {.pieces = {GONE_EVENT}, .ending = ZL_END},
        LIST("20", ITEM("b", "15")),
    };
    static const struct zl_informer_timing SLOW = {
        .backoff_ms = 1000, .backoff_max_ms = 60000, .list_gap_ms = 1, .short_watch_ms = 1000};
    int64_t took_ms = INT64_MAX;
    for (int attempt = 0; took_ms > 900 && attempt < AT_ONCE_TRIES; attempt++) {
        struct zl_script *script = *state;
        zl_script_begin(script, STEPS, 4, &SLOW);
        AWAIT(zl_script_requests(script) >= 4);
        took_ms = script->times_ms[3] - script->times_ms[2];
        AWAIT(zl_script_journal_is(script, "+a@5 +b@15 -a@5 "));
        zl_script_tear_down(state);
        zl_script_set_up(state);
    }
    assert_in_range(took_ms, 0, 900); /* else 1 to 2 s */
}

static void test_a_list_that_fails_in_the_middle_changes_nothing(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ITEM("a", "5")),
        {.status = 410, .body = GONE_STATUS},
        {.status = 200,
         .body =
             "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"20\",\"continue\":\"x\"},"
             "\"items\":[" ITEM("b", "15") "]}"},
        {.status = 500, .body = "{}"},
        LIST("30", ITEM("c", "25")),
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_requests(script) == 6);
    assert_true(zl_script_journal_is(script, "+a@5 +c@25 -a@5 "));
    zl_script_expect_request(script, 5, "30");
}

static void test_an_object_no_longer_wanted_is_removed(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ITEM_AS("never", "4", "unwanted") "," ITEM_AS("bad", "4", "broken") "," ITEM(
                      "a", "5") "," ITEM("b", "6")),
        {.pieces = {EVENT("MODIFIED", ITEM_AS("a", "10", "unwanted")),
                    EVENT("MODIFIED", ITEM_AS("b", "11", "broken")),
                    EVENT("MODIFIED", ITEM_AS("never", "12", "unwanted")),
                    EVENT("DELETED", ITEM("never", "13"))},
         .ending = ZL_HOLD},
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_informer_state(script->informer, NULL).position == 13);
    assert_true(zl_script_journal_is(script, "+a@5 +b@6 -a@5 -b@6 "));
    assert_int_equal(zl_store_count(zl_informer_store(script->informer)), 0);
}

/* --- objects that are too large to be read whole ------------------------------------------------ */

static const struct zl_json_shape METADATA[] = {{.name = "name"},
                                                {.name = "namespace"},
                                                {.name = "resourceVersion"},
                                                {.name = "labels"},
                                                {.name = NULL}};
static const struct zl_json_shape SHAPE[] = {{.name = "metadata", .members = METADATA},
                                             {.name = NULL}};

/* "a" with labels that no memory is given to, in the version; the caller frees. */
static char *fat_item(const char *name, const char *version)
{
    struct zl_buf text;
    zl_buf_init(&text, 2 * ZL_MIB);
    zl_buf_add_text(&text, "{\"metadata\":{\"labels\":{");
    for (int i = 0; text.length <= ZL_KEPT_MAX; i++) {
        zl_buf_printf(&text, "\"%016d\":\"\",", i);
    }
    zl_buf_printf(&text,
                  "\"a\":\"b\"},\"namespace\":\"n\",\"name\":\"%s\","
                  "\"resourceVersion\":\"%s\"}}",
                  name, version);
    return zl_buf_take(&text);
}

/* The last version that could be read stays; what was never read is not there; and nothing stops. */
static void test_what_was_known_of_an_object_that_got_too_large_stays(void **state)
{
    struct zl_script *script = *state;
    ZL_AUTO_FREE char *fat_a = fat_item("a", "10");
    ZL_AUTO_FREE char *fat_b = fat_item("b", "11");
    ZL_AUTO_FREE char *changed = zl_asprintf("{\"type\":\"MODIFIED\",\"object\":%s}\n", fat_a);
    ZL_AUTO_FREE char *added = zl_asprintf("{\"type\":\"ADDED\",\"object\":%s}\n", fat_b);
    ZL_AUTO_FREE char *page = zl_asprintf(
        "{\"metadata\":{\"resourceVersion\":\"20\"},\"items\":[%s,%s," ITEM("c", "15") "]}", fat_a,
        fat_b);
    /* Static: the peer looks at them until it is stopped. */
    static struct zl_step steps[] = {
        LIST("9", ITEM("a", "5")),
        {.pieces = {NULL, NULL, EVENT("ADDED", ITEM("d", "12"))}, .ending = ZL_END},
        {.status = 410, .body = GONE_STATUS},
        {.status = 200},
        {.pieces = {EVENT("DELETED", ITEM("a", "21"))}, .ending = ZL_HOLD},
    };
    steps[1].pieces[0] = changed;
    steps[1].pieces[1] = added;
    steps[3].body = page;
    script->shape = SHAPE;
    BEGIN(script, steps);
    AWAIT(zl_informer_state(script->informer, NULL).position == 21);
    /* Listed again it is the same object under a newer version. */
    assert_true(zl_script_journal_is(script, "+a@5 +d@12 a@5>5 +c@15 -d@12 -a@5 "));
    assert_int_equal(zl_informer_health(script->informer).cut, 4);
    assert_int_equal(zl_store_count(zl_informer_store(script->informer)), 1);
    assert_int_equal(script->requests, 5);
}

static void test_a_partial_object_is_better_than_none_where_the_spec_says_so(void **state)
{
    struct zl_script *script = *state;
    ZL_AUTO_FREE char *fat = fat_item("a", "10");
    ZL_AUTO_FREE char *event = zl_asprintf("{\"type\":\"MODIFIED\",\"object\":%s}\n", fat);
    static struct zl_step steps[] = {
        LIST("9", ITEM("a", "5")),
        {.ending = ZL_HOLD},
    };
    steps[1].pieces[0] = event;
    script->shape = SHAPE;
    script->partial = true;
    BEGIN(script, steps);
    AWAIT(zl_informer_state(script->informer, NULL).position == 10);
    assert_true(zl_script_journal_is(script, "+a@5 a@5>10 "));
    assert_int_equal(zl_informer_health(script->informer).cut, 1);
}

static void expect_limit(struct zl_script *script, int index, const char *limit)
{
    pthread_mutex_lock(&script->mutex);
    const char *at = strstr(script->paths[index], "limit=");
    if (at == NULL || strcmp(at, limit) != 0) {
        fail_msg("request %d: %s", index, script->paths[index]);
    }
    pthread_mutex_unlock(&script->mutex);
}

/* Whatever made a list fail, too large a page may have been it. */
static void test_a_list_that_failed_is_tried_in_smaller_pages(void **state)
{
    static const struct zl_step STEPS[] = {
        {.pieces = {"{\"items\":["}, .ending = ZL_CUT},
        {.status = 504, .body = "{}"},
        {.status = 200,
         .body = "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"x\"},\"items\":[]}"},
        LIST("9", ""),
        {.status = 410, .body = GONE_STATUS},
        LIST("10", ""),
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_requests(script) == 7);
    expect_limit(script, 0, "limit=50");
    expect_limit(script, 1, "limit=25");
    expect_limit(script, 2, "limit=12");
    expect_limit(script, 3, "limit=24&continue=x");
    expect_limit(script, 5, "limit=50");
}

static void test_refill_brings_what_decode_wants_now_beside_the_open_watch(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ITEM("a", "5") "," ITEM_AS("x", "6", "extra")),
        {.pieces = {BOOKMARK("10")}, .ending = ZL_HOLD},
        LIST("10", ITEM("a", "5") "," ITEM_AS("x", "6", "extra")),
    };
    struct zl_script *script = *state;
    script->picky = true;
    BEGIN(script, STEPS);
    AWAIT(zl_informer_state(script->informer, NULL).position == 10);
    assert_true(zl_script_journal_is(script, "+a@5 "));
    pthread_mutex_lock(&script->mutex);
    script->picky = false;
    pthread_mutex_unlock(&script->mutex);
    assert_true(zl_informer_state(script->informer, "n").settled);
    zl_informer_refill(script->informer, "n");
    AWAIT(zl_informer_state(script->informer, "n").settled);
    assert_true(zl_script_journal_is(script, "+a@5 +x@6 "));
    assert_non_null(strstr(script->paths[2], "/namespaces/n/pods?limit="));
    assert_int_equal(script->requests, 3); /* the watch stayed open */
    const struct zl_informer_health health = zl_informer_health(script->informer);
    assert_true(health.watching);
    assert_int_equal(health.relists, 1);
}

static void test_refill_requests_are_spaced_and_joined(void **state)
{
    static const struct zl_informer_timing SPACED = {
        .backoff_ms = 20, .backoff_max_ms = 80, .list_gap_ms = 100, .short_watch_ms = 1000};
    enum { REFILLS = 50, BEFORE = 2 };
    struct zl_step steps[BEFORE + REFILLS] = {LIST("9", ""),
                                              {.pieces = {BOOKMARK("10")}, .ending = ZL_HOLD}};
    for (int i = 0; i < REFILLS; i++) {
        steps[BEFORE + i] = (struct zl_step)LIST("10", "");
    }
    struct zl_script *script = *state;
    zl_script_begin(script, steps, BEFORE + REFILLS, &SPACED);
    AWAIT(zl_informer_state(script->informer, NULL).position == 10);
    const int64_t began_ms = zl_clock_ms();
    for (int i = 0; i < REFILLS; i++) {
        zl_informer_refill(script->informer, "n");
    }
    AWAIT(zl_informer_state(script->informer, "n").settled);
    /* One for all of them, or two when the first was on its way already; more only where asking took longer than the gap. */
    const int requests = zl_script_requests(script);
    assert_in_range(requests, BEFORE + 1, BEFORE + 2 + (zl_clock_ms() - began_ms) / 100);
    for (int i = BEFORE + 1; i < requests; i++) {
        assert_true(script->times_ms[i] - script->times_ms[i - 1] >= 99);
    }
}

#define SERVER_ERROR                                                                               \
    {                                                                                              \
        .status = 500, .body = "{}"                                                                \
    }

static void test_errors_back_off_longer_each_time_then_recover(void **state)
{
    static const struct zl_step STEPS[] = {
        SERVER_ERROR, SERVER_ERROR,
        SERVER_ERROR, SERVER_ERROR,
        SERVER_ERROR, LIST("9", ITEM("a", "5")),
        SERVER_ERROR, {.pieces = {BOOKMARK("12")}, .ending = ZL_END},
    };
    static const int64_t LEAST_MS[] = {10, 20, 40, 40, 40}; /* half of 20, 40, 80, 80, 80 */
    struct zl_script *script = *state;
    zl_metrics_reset();
    zl_metrics_register_all(
        (const struct zl_metric *const *const[]){ZL_RETRY_METRICS, ZL_INFORMER_METRICS, NULL});
    BEGIN(script, STEPS);
    AWAIT(zl_script_requests(script) == 9);
    for (int i = 0; i < 5; i++) {
        zl_script_expect_request(script, i, NULL);
        assert_in_range(script->times_ms[i + 1] - script->times_ms[i], LEAST_MS[i] - 1, 20000);
    }
    zl_script_expect_request(script, 6, "9");
    zl_script_expect_request(script, 7, "9"); /* an error says nothing about the version: no list */
    zl_script_expect_request(script, 8, "12");
    /* It recovered once, from all of them, and one whole list came. */
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, 1 << 20);
    zl_metrics_write(&text);
    assert_non_null(
        strstr(text.data, "zen_lead_retry_success_after_retry_total{operation=\"watch\"} 1\n"));
    assert_non_null(strstr(text.data, "zen_lead_cache_update_duration_seconds_count 1\n"));
    zl_metrics_reset();
}

static void test_retry_after_is_honoured(void **state)
{
    static const struct zl_step STEPS[] = {
        {.status = 429, .extra = "Retry-After: 1\r\n", .body = "{}"},
        LIST("9", ""),
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_informer_is_synced(script->informer));
    assert_in_range(script->times_ms[1] - script->times_ms[0], 999, 20000);
}

static void test_watches_that_end_at_once_without_news_do_not_spin(void **state)
{
    static const struct zl_step STEPS[] = {
        LIST("9", ""),
        {.ending = ZL_END},
        {.ending = ZL_END},
        {.ending = ZL_END},
        {.pieces = {BOOKMARK("9")}, .ending = ZL_END},
        {.ending = ZL_CUT},
    };
    struct zl_script *script = *state;
    BEGIN(script, STEPS);
    AWAIT(zl_script_requests(script) == 7);
    for (int i = 2; i < 7; i++) {
        zl_script_expect_request(script, i, "9");
        assert_true(script->times_ms[i] - script->times_ms[i - 1] >= (i == 2 ? 9 : 19));
    }
}

static void test_stop_returns_at_once(void **state)
{
    enum { AT_ONCE_MS = 100 };
    static const struct zl_informer_timing SLOW = {
        .backoff_ms = 60000, .backoff_max_ms = 60000, .list_gap_ms = 60000, .short_watch_ms = 1000};
    static const struct zl_step HELD_SILENT[] = {LIST("9", "")};
    static const struct zl_step HELD_OPEN[] = {LIST("9", ""), {.ending = ZL_HOLD}};
    static const struct zl_step BACKING_OFF[] = {LIST("9", ""), SERVER_ERROR};
    static const struct zl_step SPACING[] = {LIST("9", ""), {.status = 410, .body = GONE_STATUS}};
    static const struct {
        const struct zl_step *steps;
        int count;
    } CASES[] = {{HELD_SILENT, 1}, {HELD_OPEN, 2}, {BACKING_OFF, 2}, {SPACING, 2}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int64_t took_ms = INT64_MAX;
        for (int attempt = 0; took_ms > AT_ONCE_MS && attempt < AT_ONCE_TRIES; attempt++) {
            struct zl_script *script = *state;
            zl_script_begin(script, CASES[i].steps, CASES[i].count, &SLOW);
            AWAIT(zl_script_requests(script) == 2);
            usleep(5000); /* likely past the answer: any moment must do */
            const int64_t asked_ms = zl_clock_ms();
            zl_informer_stop(script->informer);
            zl_informer_stop(script->informer);
            took_ms = zl_clock_ms() - asked_ms;
            zl_script_tear_down(state);
            zl_script_set_up(state);
        }
        assert_in_range(took_ms, 0, AT_ONCE_MS);
    }
}

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_wait_synced_ends_when_told_or_stopped(void **state)
{
    static const struct zl_step STEPS[] = {SERVER_ERROR};
    static const struct zl_informer_timing SLOW = {.backoff_ms = 60000, .backoff_max_ms = 60000};
    struct zl_script *script = *state;
    zl_script_begin(script, STEPS, 1, &SLOW);
    assert_false(zl_informer_wait_synced(script->informer, yes, NULL));
    zl_informer_stop(script->informer);
    assert_false(zl_informer_wait_synced(script->informer, NULL, NULL));
    assert_false(zl_informer_health(script->informer).watching);
}

static void test_version_numbers_are_whole_or_zero(void **state)
{
    static const struct {
        const char *text;
        uint64_t number;
    } CASES[] = {{"12", 12}, {"9223372036854775807", INT64_MAX}, {"", 0}, {NULL, 0}, {"-1", 0},
                 {"1a", 0},  {"99999999999999999999", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(zl_resource_version_number(CASES[i].text), CASES[i].number);
    }
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, zl_script_set_up, zl_script_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_list_is_delivered_and_synced_then_watched),
        TEST(test_a_cut_watch_resumes_from_the_last_event_without_loss_or_repeat),
        TEST(test_a_line_in_two_pieces_is_one_event_and_half_a_line_is_none),
        TEST(test_a_bookmark_moves_the_version_of_the_next_watch),
        TEST(test_gone_lists_again_and_delivers_the_difference),
        TEST(test_what_a_restored_server_has_is_listed_whatever_its_versions),
        TEST(test_gone_after_other_failures_lists_at_once_too),
        TEST(test_a_list_that_fails_in_the_middle_changes_nothing),
        TEST(test_an_object_no_longer_wanted_is_removed),
        TEST(test_what_was_known_of_an_object_that_got_too_large_stays),
        TEST(test_a_partial_object_is_better_than_none_where_the_spec_says_so),
        TEST(test_a_list_that_failed_is_tried_in_smaller_pages),
        TEST(test_refill_brings_what_decode_wants_now_beside_the_open_watch),
        TEST(test_refill_requests_are_spaced_and_joined),
        TEST(test_errors_back_off_longer_each_time_then_recover),
        TEST(test_retry_after_is_honoured),
        TEST(test_watches_that_end_at_once_without_news_do_not_spin),
        TEST(test_stop_returns_at_once),
        TEST(test_wait_synced_ends_when_told_or_stopped),
        cmocka_unit_test(test_version_numbers_are_whole_or_zero),
    };
    zl_kube_init();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
