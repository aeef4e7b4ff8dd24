/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limits.h"
#include "common/base/metrics.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct zl_metric plain = {.name = "zl_plain_total",
                                       .type = ZL_METRIC_COUNTER,
                                       .help = "Things that\nhappened \\ \"so\"."};
static const struct zl_metric level = {
    .name = "zl_level", .type = ZL_METRIC_GAUGE, .help = "Level."};
static const struct zl_metric labelled = {.name = "zl_labelled_total",
                                          .type = ZL_METRIC_COUNTER,
                                          .help = "By verdict.",
                                          .label1 = "verdict",
                                          .label2 = "reason"};
static const double bounds[] = {0.005, 0.25, 2, 0};
static const struct zl_metric timed = {.name = "zl_timed_seconds",
                                       .type = ZL_METRIC_HISTOGRAM,
                                       .help = "Duration.",
                                       .label1 = "verb",
                                       .buckets = bounds};

static const struct zl_metric named = {.name = "zl_named",
                                       .type = ZL_METRIC_GAUGE,
                                       .help = "About one pool.",
                                       .label1 = "namespace",
                                       .label2 = "pool",
                                       .label3 = "service"};
static const struct zl_metric untyped = {
    .name = "zl_things_total", .type = ZL_METRIC_UNTYPED, .help = "Things."};

static const char *verdict_at(size_t index, const char **reason)
{
    static const char *const reasons[] = {"known", "unknown"};
    if (index >= COUNT(reasons)) {
        return NULL;
    }
    *reason = reasons[index];
    return index == 0 ? "allowed" : "denied";
}

static const struct zl_metric pairs = {.name = "zl_pairs_total",
                                       .type = ZL_METRIC_COUNTER,
                                       .help = "By verdict.",
                                       .label1 = "verdict",
                                       .label2 = "reason",
                                       .zero_at = verdict_at};
static const struct zl_metric kinds = {.name = "zl_kinds",
                                       .type = ZL_METRIC_GAUGE,
                                       .help = "By kind.",
                                       .label1 = "kind",
                                       .zeros = (const char *const[]){"good", "bad", NULL}};

static int forget(void **state)
{
    (void)state;
    zl_metrics_reset();
    return 0;
}

static char *exposition(void)
{
    struct zl_buf out;
    zl_buf_init(&out, ZL_MIB);
    zl_metrics_write(&out);
    return zl_buf_take(&out);
}

static void test_registered_metrics_are_shown_before_their_first_use(void **state)
{
    (void)state;
    zl_metrics_register(&plain);
    zl_metrics_register(&level);
    zl_metrics_register(&labelled);
    zl_metrics_register(&timed);
    zl_metrics_register(&plain); /* twice is once */
    ZL_AUTO_FREE char *text = exposition();
    assert_string_equal(text, "# HELP zl_plain_total Things that\\nhappened \\\\ \"so\".\n"
                              "# TYPE zl_plain_total counter\n"
                              "zl_plain_total 0\n"
                              "# HELP zl_level Level.\n"
                              "# TYPE zl_level gauge\n"
                              "zl_level 0\n"
                              "# HELP zl_labelled_total By verdict.\n"
                              "# TYPE zl_labelled_total counter\n"
                              "# HELP zl_timed_seconds Duration.\n"
                              "# TYPE zl_timed_seconds histogram\n");
}

static void test_series_whose_labels_are_known_begin_at_zero(void **state)
{
    (void)state;
    const struct zl_metric *const one[] = {&pairs, &level, NULL};
    const struct zl_metric *const other[] = {&kinds, NULL};
    const struct zl_metric *const none[] = {NULL};
    zl_metrics_register_all((const struct zl_metric *const *const[]){one, none, other, NULL});
    zl_metric_add(&pairs, "denied", "unknown", 2);
    zl_metrics_register(&pairs); /* keeps what was counted */
    ZL_AUTO_FREE char *text = exposition();
    assert_string_equal(text, "# HELP zl_pairs_total By verdict.\n"
                              "# TYPE zl_pairs_total counter\n"
                              "zl_pairs_total{verdict=\"allowed\",reason=\"known\"} 0\n"
                              "zl_pairs_total{verdict=\"denied\",reason=\"unknown\"} 2\n"
                              "# HELP zl_level Level.\n"
                              "# TYPE zl_level gauge\n"
                              "zl_level 0\n"
                              "# HELP zl_kinds By kind.\n"
                              "# TYPE zl_kinds gauge\n"
                              "zl_kinds{kind=\"good\"} 0\n"
                              "zl_kinds{kind=\"bad\"} 0\n");
}

static void test_counters_rise_and_gauges_move(void **state)
{
    (void)state;
    assert_true(zl_metric_value(&plain, NULL, NULL) <= 0);
    zl_metric_add(&plain, NULL, NULL, 2);
    zl_metric_add(&plain, NULL, NULL, -1); /* ignored */
    zl_metric_add(&plain, NULL, NULL, (double)NAN);
    zl_metric_observe(&plain, NULL, NULL, 1);
    assert_int_equal(zl_metric_value(&plain, NULL, NULL), 2);
    zl_metric_set(&level, NULL, NULL, 5);
    zl_metric_add(&level, NULL, NULL, -7);
    assert_int_equal(zl_metric_value(&level, NULL, NULL), -2);
    zl_metric_set(&timed, "get", NULL, 5);
    zl_metric_add(&timed, "get", NULL, 5);
    assert_int_equal(zl_metric_value(&timed, "get", NULL), 0);
}

static void test_series_are_told_apart_by_both_labels_and_escaped(void **state)
{
    (void)state;
    zl_metric_add(&labelled, "deny", "a\"\\\nb", 1);
    zl_metric_add(&labelled, "allow", NULL, 1);
    zl_metric_add(&labelled, "deny", "bad\xFF", 1);
    zl_metric_add(&labelled, "deny", "a\"\\\nb", 1);
    assert_int_equal(zl_metric_value(&labelled, "deny", "a\"\\\nb"), 2);
    assert_int_equal(zl_metric_value(&labelled, "allow", ""), 1);
    assert_int_equal(zl_metric_value(&labelled, "deny", "absent"), 0);
    ZL_AUTO_FREE char *text = exposition();
    assert_string_equal(text, "# HELP zl_labelled_total By verdict.\n"
                              "# TYPE zl_labelled_total counter\n"
                              "zl_labelled_total{verdict=\"deny\",reason=\"a\\\"\\\\\\nb\"} 2\n"
                              "zl_labelled_total{verdict=\"allow\",reason=\"\"} 1\n"
                              "zl_labelled_total{verdict=\"deny\",reason=\"bad\xEF\xBF\xBD\"} 1\n");
}

static void test_histogram_buckets_cumulate_and_end_with_inf(void **state)
{
    (void)state;
    static const double seconds[] = {0.001, 0.005, 0.1, 3, 0.25, 100};
    for (size_t i = 0; i < COUNT(seconds); i++) {
        zl_metric_observe(&timed, "get", NULL, seconds[i]);
    }
    zl_metric_observe(&timed, "get", NULL, (double)NAN); /* would spoil the sum for good */
    assert_int_equal(zl_metric_value(&timed, "get", NULL), COUNT(seconds));
    ZL_AUTO_FREE char *text = exposition();
    assert_string_equal(text, "# HELP zl_timed_seconds Duration.\n"
                              "# TYPE zl_timed_seconds histogram\n"
                              "zl_timed_seconds_bucket{verb=\"get\",le=\"0.005\"} 2\n"
                              "zl_timed_seconds_bucket{verb=\"get\",le=\"0.25\"} 4\n"
                              "zl_timed_seconds_bucket{verb=\"get\",le=\"2\"} 4\n"
                              "zl_timed_seconds_bucket{verb=\"get\",le=\"+Inf\"} 6\n"
                              "zl_timed_seconds_sum{verb=\"get\"} 103.356\n"
                              "zl_timed_seconds_count{verb=\"get\"} 6\n");
}

static void test_numbers_are_short_and_read_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "zl_level 0\n"},
        {-1.5, "zl_level -1.5\n"},
        {1767323045, "zl_level 1767323045\n"},
        {123456789012345, "zl_level 123456789012345\n"},
        {0.1, "zl_level 0.1\n"},
        {1e300, "zl_level 1e+300\n"},
        {(double)INFINITY, "zl_level +Inf\n"},
        {-(double)INFINITY, "zl_level -Inf\n"},
        {(double)NAN, "zl_level NaN\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        zl_metric_set(&level, NULL, NULL, rows[i].value);
        ZL_AUTO_FREE char *text = exposition();
        assert_non_null(strstr(text, rows[i].text));
    }
}

static void test_default_buckets_go_from_1_ms_to_10_s_and_rise(void **state)
{
    (void)state;
    size_t last = 0;
    while (ZL_BUCKETS_SECONDS[last + 1] > 0) {
        assert_true(ZL_BUCKETS_SECONDS[last] < ZL_BUCKETS_SECONDS[last + 1]);
        last++;
    }
    assert_int_equal(ZL_BUCKETS_SECONDS[0] * 1e6, 1000);
    assert_int_equal(ZL_BUCKETS_SECONDS[last], 10);
}

static void test_what_does_not_fit_is_left_out_by_whole_families(void **state)
{
    (void)state;
    zl_metric_add(&plain, NULL, NULL, 1);
    zl_metric_observe(&timed, "get", NULL, 1);
    zl_metric_set(&level, NULL, NULL, 1);
    ZL_AUTO_FREE char *whole = exposition();
    for (size_t max = 0; max <= strlen(whole); max++) {
        ZL_AUTO_BUF struct zl_buf out;
        zl_buf_init(&out, max);
        zl_metrics_write(&out);
        if (out.length == 0) {
            continue;
        }
        assert_int_equal(strlen(out.data), out.length);
        assert_int_equal(out.data[out.length - 1], '\n');
        bool timed_in = strstr(out.data, "# HELP zl_timed_seconds") != NULL;
        assert_int_equal(timed_in, strstr(out.data, "zl_timed_seconds_count") != NULL);
        assert_int_equal(max == strlen(whole), strcmp(out.data, whole) == 0);
    }
}

static void test_replaced_series_are_those_of_the_last_look_alone(void **state)
{
    (void)state;
    zl_metrics_register(&named);
    struct zl_samples *samples = zl_samples_new();
    zl_samples_add(samples, "shop", "web", NULL, 1);
    zl_samples_add(samples, "shop", NULL, "api", 0);
    zl_metric_replace(&named, samples);
    ZL_AUTO_FREE char *first = exposition();
    assert_string_equal(first, "# HELP zl_named About one pool.\n"
                               "# TYPE zl_named gauge\n"
                               "zl_named{namespace=\"shop\",pool=\"web\",service=\"\"} 1\n"
                               "zl_named{namespace=\"shop\",pool=\"\",service=\"api\"} 0\n");
    samples = zl_samples_new();
    zl_samples_add(samples, "shop", NULL, "api", 1);
    zl_metric_replace(&named, samples);
    ZL_AUTO_FREE char *second = exposition();
    assert_string_equal(second, "# HELP zl_named About one pool.\n"
                                "# TYPE zl_named gauge\n"
                                "zl_named{namespace=\"shop\",pool=\"\",service=\"api\"} 1\n");
    zl_metric_replace(&named, zl_samples_new());
    ZL_AUTO_FREE char *third = exposition();
    assert_null(strstr(third, "zl_named{"));
    zl_metric_replace(&timed, zl_samples_new()); /* no histogram: nothing happens */
    zl_samples_free(NULL);
}

static void test_what_is_not_typed_may_move_both_ways(void **state)
{
    (void)state;
    zl_metrics_register(&untyped);
    zl_metric_set(&untyped, NULL, NULL, 7);
    zl_metric_set(&untyped, NULL, NULL, 3);
    ZL_AUTO_FREE char *text = exposition();
    assert_string_equal(text, "# HELP zl_things_total Things.\n"
                              "# TYPE zl_things_total untyped\n"
                              "zl_things_total 3\n");
}

#define THREADS 4
#define ROUNDS 2000

static void *count_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        zl_metric_add(&labelled, i % 2 ? "deny" : "allow", "x", 1);
        zl_metric_observe(&timed, "get", NULL, 0.001 * i);
        if (i % 500 == 0) {
            free(exposition());
        }
    }
    return NULL;
}

static void test_threads_lose_no_count(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(zl_metric_value(&labelled, "deny", "x"), THREADS * ROUNDS / 2);
    assert_int_equal(zl_metric_value(&labelled, "allow", "x"), THREADS * ROUNDS / 2);
    assert_int_equal(zl_metric_value(&timed, "get", NULL), THREADS * ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_registered_metrics_are_shown_before_their_first_use, forget),
        cmocka_unit_test_teardown(test_series_whose_labels_are_known_begin_at_zero, forget),
        cmocka_unit_test_teardown(test_counters_rise_and_gauges_move, forget),
        cmocka_unit_test_teardown(test_series_are_told_apart_by_both_labels_and_escaped, forget),
        cmocka_unit_test_teardown(test_histogram_buckets_cumulate_and_end_with_inf, forget),
        cmocka_unit_test_teardown(test_numbers_are_short_and_read_back, forget),
        cmocka_unit_test_teardown(test_default_buckets_go_from_1_ms_to_10_s_and_rise, forget),
        cmocka_unit_test_teardown(test_what_does_not_fit_is_left_out_by_whole_families, forget),
        cmocka_unit_test_teardown(test_replaced_series_are_those_of_the_last_look_alone, forget),
        cmocka_unit_test_teardown(test_what_is_not_typed_may_move_both_ways, forget),
        cmocka_unit_test_teardown(test_threads_lose_no_count, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
