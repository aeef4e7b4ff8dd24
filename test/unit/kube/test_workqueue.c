/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/workqueue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define MAX_BACKOFF_MS 40

static int set_up(void **state)
{
    *state = zl_workqueue_new(MAX_BACKOFF_MS);
    return 0;
}

static int tear_down(void **state)
{
    zl_workqueue_free(*state);
    return 0;
}

/* Get the next key, which must be KEY, and leave it in processing. */
static void expect_get(struct zl_workqueue *queue, const char *key)
{
    ZL_AUTO_FREE char *got = zl_workqueue_get(queue, NULL);
    assert_non_null(got);
    assert_string_equal(got, key);
}

static void expect_run(struct zl_workqueue *queue, const char *key)
{
    expect_get(queue, key);
    zl_workqueue_done(queue, key);
}

static void test_keys_come_in_the_order_of_their_first_add(void **state)
{
    struct zl_workqueue *queue = *state;
    zl_workqueue_add(queue, "a");
    zl_workqueue_add(queue, "b");
    zl_workqueue_add(queue, "a");
    zl_workqueue_add(queue, "c");
    assert_int_equal(zl_workqueue_depth(queue), 3);
    expect_run(queue, "a");
    expect_run(queue, "b");
    expect_run(queue, "c");
    assert_int_equal(zl_workqueue_depth(queue), 0);
}

static void test_a_key_added_while_processed_runs_once_more_afterwards(void **state)
{
    struct zl_workqueue *queue = *state;
    zl_workqueue_add(queue, "a");
    expect_get(queue, "a");
    zl_workqueue_add(queue, "a");
    zl_workqueue_add(queue, "a");
    assert_int_equal(zl_workqueue_depth(queue), 0);
    zl_workqueue_add(queue, "b");
    zl_workqueue_done(queue, "a");
    assert_int_equal(zl_workqueue_depth(queue), 2);
    expect_run(queue, "b");
    expect_run(queue, "a");
    assert_int_equal(zl_workqueue_depth(queue), 0);
}

static void test_delayed_keys_come_when_due_and_in_that_order(void **state)
{
    struct zl_workqueue *queue = *state;
    bool in_time = false;
    for (int64_t unit_ms = 20; !in_time; unit_ms *= 2) {
        const int64_t start_ms = zl_clock_ms();
        zl_workqueue_add_after(queue, "late", 3 * unit_ms);
        zl_workqueue_add_after(queue, "early", unit_ms);
        zl_workqueue_add_after(queue, "middle", 2 * unit_ms);
        zl_workqueue_add_after(queue, "now", 0);
        const size_t depth = zl_workqueue_depth(queue);
        /* Held up between two of these lines, it has put them in another order. */
        in_time = zl_clock_ms() - start_ms < unit_ms;
        const char *const keys[] = {"now", "early", "middle", "late"};
        for (int i = 0; i < 4; i++) {
            ZL_AUTO_FREE char *got = zl_workqueue_get(queue, NULL);
            if (in_time) {
                assert_string_equal(got, keys[i]);
                assert_true(zl_clock_ms() - start_ms >= i * unit_ms);
            }
            zl_workqueue_done(queue, got);
        }
        assert_true(!in_time || depth == 1);
    }
}

static void test_the_earliest_of_several_delays_wins(void **state)
{
    static const int64_t DELAYS_MS[][2] = {{20, 60000}, {60000, 20}};
    struct zl_workqueue *queue = *state;
    for (size_t i = 0; i < 2; i++) {
        const int64_t start_ms = zl_clock_ms();
        zl_workqueue_add_after(queue, "a", DELAYS_MS[i][0]);
        zl_workqueue_add_after(queue, "a", DELAYS_MS[i][1]);
        expect_run(queue, "a");
        assert_in_range(zl_clock_ms() - start_ms, 20, 50000);
    }
}

struct getter {
    struct zl_workqueue *queue;
    char *got;
    atomic_bool done;
};

static void *get_one(void *arg)
{
    struct getter *getter = arg;
    getter->got = zl_workqueue_get(getter->queue, NULL);
    atomic_store(&getter->done, true);
    return NULL;
}

static void test_a_worker_asleep_until_a_late_key_wakes_for_an_earlier_one(void **state)
{
    struct getter getter = {.queue = *state};
    pthread_t thread;
    zl_workqueue_add_after(getter.queue, "late", 60000);
    pthread_create(&thread, NULL, get_one, &getter);
    zl_workqueue_add_after(getter.queue, "soon", 10);
    AWAIT(atomic_load(&getter.done));
    pthread_join(thread, NULL);
    assert_string_equal(getter.got, "soon");
    free(getter.got);
}

static void test_rate_limited_adds_wait_longer_each_time_until_forgotten(void **state)
{
    static const int64_t LEAST_MS[] = {5, 10, 20, MAX_BACKOFF_MS, MAX_BACKOFF_MS};
    struct zl_workqueue *queue = *state;
    for (int i = 0; i < 5; i++) {
        const int64_t start_ms = zl_clock_ms();
        assert_int_equal(zl_workqueue_failures(queue, "a"), i);
        zl_workqueue_add_rate_limited(queue, "a");
        expect_run(queue, "a");
        assert_in_range(zl_clock_ms() - start_ms, LEAST_MS[i], LEAST_MS[i] + 20000);
    }
    zl_workqueue_forget(queue, "a");
    assert_int_equal(zl_workqueue_failures(queue, "a"), 0);
    zl_workqueue_forget(queue, "never seen");
}

static void test_shutdown_drops_the_ready_and_the_delayed(void **state)
{
    struct zl_workqueue *queue = *state;
    zl_workqueue_add(queue, "a");
    zl_workqueue_add(queue, "b");
    zl_workqueue_add_after(queue, "later", 60000);
    expect_get(queue, "a");
    zl_workqueue_shutdown(queue);
    zl_workqueue_add(queue, "too late");
    assert_null(zl_workqueue_get(queue, NULL));
    zl_workqueue_done(queue, "a");
    assert_null(zl_workqueue_get(queue, NULL));
}

static void test_shutdown_wakes_a_waiting_worker(void **state)
{
    struct getter getter = {.queue = *state};
    pthread_t thread;
    pthread_create(&thread, NULL, get_one, &getter);
    zl_workqueue_shutdown(getter.queue);
    AWAIT(atomic_load(&getter.done));
    pthread_join(thread, NULL);
    assert_null(getter.got);
}

static void test_a_hundred_thousand_delayed_keys_all_come_once(void **state)
{
    enum { COUNT = 100000 };
    struct zl_workqueue *queue = *state;
    bool *seen = zl_alloc(COUNT * sizeof *seen);
    for (int i = 0; i < COUNT; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%05d", i);
        zl_workqueue_add_after(queue, key, 1 + (i * 7919L) % 97);
    }
    for (int i = 0; i < COUNT; i++) {
        int number = -1;
        ZL_AUTO_FREE char *key = zl_workqueue_get(queue, NULL);
        assert_int_equal(sscanf(key, "k%d", &number), 1);
        assert_false(seen[number]);
        seen[number] = true;
        zl_workqueue_done(queue, key);
    }
    assert_int_equal(zl_workqueue_depth(queue), 0);
    free(seen);
}

enum { KEYS = 20, WORKERS = 4, PRODUCERS = 3, ROUNDS = 500 };

struct arena {
    struct zl_workqueue *queue;
    atomic_int busy[KEYS];   /* workers that have the key now */
    atomic_int wanted[KEYS]; /* adds so far */
    atomic_int seen[KEYS];   /* what WANTED was when the key last ran */
    atomic_int clashes;
};

static void *work(void *arg)
{
    struct arena *arena = arg;
    for (;;) {
        ZL_AUTO_FREE char *key = zl_workqueue_get(arena->queue, NULL);
        if (key == NULL) {
            return NULL;
        }
        const int number = key[0] - 'a';
        if (atomic_fetch_add(&arena->busy[number], 1) != 0) {
            atomic_fetch_add(&arena->clashes, 1);
        }
        atomic_store(&arena->seen[number], atomic_load(&arena->wanted[number]));
        atomic_fetch_sub(&arena->busy[number], 1);
        zl_workqueue_done(arena->queue, key);
    }
}

static void *produce(void *arg)
{
    struct arena *arena = arg;
    for (int i = 0; i < ROUNDS; i++) {
        const int number = (i * 7) % KEYS;
        const char key[] = {(char)('a' + number), '\0'};
        atomic_fetch_add(&arena->wanted[number], 1);
        if (i % 3 == 0) {
            zl_workqueue_add_after(arena->queue, key, i % 5);
        } else {
            zl_workqueue_add(arena->queue, key);
        }
    }
    return NULL;
}

static bool all_seen(struct arena *arena)
{
    for (int i = 0; i < KEYS; i++) {
        if (atomic_load(&arena->seen[i]) != atomic_load(&arena->wanted[i])) {
            return false;
        }
    }
    return true;
}

static void test_many_threads_never_share_a_key_and_miss_no_add(void **state)
{
    struct arena arena = {.queue = *state};
    pthread_t workers[WORKERS], producers[PRODUCERS];
    for (int i = 0; i < WORKERS; i++) {
        pthread_create(&workers[i], NULL, work, &arena);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_create(&producers[i], NULL, produce, &arena);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i], NULL);
    }
    AWAIT(all_seen(&arena));
    zl_workqueue_shutdown(arena.queue);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i], NULL);
    }
    assert_int_equal(atomic_load(&arena.clashes), 0);
}

static bool has_waited(struct zl_workqueue *queue)
{
    return zl_workqueue_load(queue).waiting_ms > 0;
}

static bool has_worked(struct zl_workqueue *queue)
{
    return zl_workqueue_load(queue).working_ms > 0;
}

static void test_the_load_tells_of_the_oldest_key_and_the_longest_work(void **state)
{
    struct zl_workqueue *queue = *state;
    struct zl_workqueue_load load = zl_workqueue_load(queue);
    assert_int_equal(load.depth + (size_t)load.waiting_ms + (size_t)load.working_ms, 0);
    zl_workqueue_add_after(queue, "later", 60000);
    assert_int_equal(zl_workqueue_load(queue).depth, 0);
    zl_workqueue_add(queue, "a");
    zl_workqueue_add(queue, "b");
    AWAIT(has_waited(queue));
    assert_false(has_worked(queue));
    expect_get(queue, "a");
    AWAIT(has_worked(queue));
    expect_run(queue, "b");
    assert_false(has_waited(queue));
    zl_workqueue_done(queue, "a");
    load = zl_workqueue_load(queue);
    assert_int_equal(load.depth + (size_t)load.waiting_ms + (size_t)load.working_ms, 0);
}

/* --- lanes --- */

static void expect_lane(struct zl_workqueue *queue, const char *key, enum zl_lane lane)
{
    enum zl_lane from = ZL_LANE_COUNT;
    ZL_AUTO_FREE char *got = zl_workqueue_get(queue, &from);
    assert_string_equal(got, key);
    assert_int_equal(from, lane);
}

static void finish(struct zl_workqueue *queue, const char *key, enum zl_lane lane)
{
    expect_lane(queue, key, lane);
    zl_workqueue_done(queue, key);
}

static void test_events_go_before_what_is_due_and_that_before_what_can_wait(void **state)
{
    struct zl_workqueue *queue = *state;
    zl_workqueue_add_to(queue, "renewal", ZL_LANE_IDLE, 0);
    zl_workqueue_add_after(queue, "due", 0);
    zl_workqueue_add(queue, "event");
    finish(queue, "event", ZL_LANE_EVENT);
    finish(queue, "due", ZL_LANE_DUE);
    finish(queue, "renewal", ZL_LANE_IDLE);
}

static void test_a_key_moves_to_the_more_urgent_lane_and_runs_once(void **state)
{
    struct zl_workqueue *queue = *state;
    for (int i = 0; i < 3; i++) {
        const char *const names[] = {"a", "b", "c"};
        zl_workqueue_add_to(queue, names[i], ZL_LANE_IDLE, 0);
    }
    zl_workqueue_add(queue, "b");
    zl_workqueue_add_to(queue, "b", ZL_LANE_DUE, 0); /* less urgent than where it stands */
    finish(queue, "b", ZL_LANE_EVENT);
    finish(queue, "a", ZL_LANE_IDLE);
    finish(queue, "c", ZL_LANE_IDLE);
    assert_int_equal(zl_workqueue_depth(queue), 0);
}

static void test_whoever_looks_at_a_key_answers_for_its_idle_delay(void **state)
{
    struct zl_workqueue *queue = *state;
    zl_workqueue_add_to(queue, "a", ZL_LANE_IDLE, 30);
    zl_workqueue_add(queue, "a");
    const int64_t start_ms = zl_clock_ms();
    finish(queue, "a", ZL_LANE_EVENT);
    zl_workqueue_add_after(queue, "end", 60);
    finish(queue, "end", ZL_LANE_DUE);
    assert_true(zl_clock_ms() - start_ms >= 60);
}

/* Finding 5: 600 pools whose renewals take 80 ms each; a failover must not wait for any of them. */
static void test_renewals_never_occupy_the_worker_that_an_event_needs(void **state)
{
    enum { POOLS = 600, WORKERS_FOR_RENEWALS = 3 };
    struct zl_workqueue *queue = *state;
    char keys[WORKERS_FOR_RENEWALS][16];
    struct getter getter = {.queue = queue};
    pthread_t fourth;
    zl_workqueue_limit_idle(queue, WORKERS_FOR_RENEWALS);
    for (int i = 0; i < POOLS; i++) {
        char key[16];
        snprintf(key, sizeof key, "pool%03d", i);
        zl_workqueue_add_to(queue, key, ZL_LANE_IDLE, 0);
    }
    for (int i = 0; i < WORKERS_FOR_RENEWALS; i++) {
        snprintf(keys[i], sizeof keys[i], "pool%03d", i);
        expect_lane(queue, keys[i], ZL_LANE_IDLE); /* three writes that do not come back */
    }
    pthread_create(&fourth, NULL, get_one, &getter);
    zl_workqueue_add(queue, "failover");
    AWAIT(atomic_load(&getter.done));
    pthread_join(fourth, NULL);
    assert_string_equal(getter.got, "failover");
    free(getter.got);
    assert_int_equal(zl_workqueue_load(queue).idle_depth, POOLS - WORKERS_FOR_RENEWALS);
    assert_int_equal(zl_workqueue_load(queue).depth, 0);
    zl_workqueue_done(queue, "failover");
    zl_workqueue_done(queue, keys[0]);
    expect_run(queue, "pool003");
}

static void test_no_lane_starves(void **state)
{
    struct zl_workqueue *queue = *state;
    int events = 0;
    enum zl_lane lane = ZL_LANE_EVENT;
    bool due_came = false;
    zl_workqueue_add_to(queue, "renewal", ZL_LANE_IDLE, 0);
    zl_workqueue_add_after(queue, "due", 0);
    while (lane != ZL_LANE_IDLE && events < 100) {
        zl_workqueue_add(queue, "event"); /* again and again */
        ZL_AUTO_FREE char *key = zl_workqueue_get(queue, &lane);
        events += lane == ZL_LANE_EVENT;
        due_came = due_came || lane == ZL_LANE_DUE;
        zl_workqueue_done(queue, key);
    }
    assert_int_equal(lane, ZL_LANE_IDLE);
    assert_true(due_came);
    assert_in_range(events, 10, 20);
}

/* A pool to which something happens all the time is renewed all the same. */
static void test_a_key_that_is_always_urgent_has_its_idle_look_now_and_then(void **state)
{
    struct zl_workqueue *queue = *state;
    int urgent = 0;
    enum zl_lane lane = ZL_LANE_EVENT;
    zl_workqueue_add_to(queue, "a", ZL_LANE_IDLE, 0);
    while (lane != ZL_LANE_IDLE && urgent < 100) {
        zl_workqueue_add(queue, "a");
        ZL_AUTO_FREE char *key = zl_workqueue_get(queue, &lane);
        urgent += lane != ZL_LANE_IDLE;
        zl_workqueue_add_to(queue, key, ZL_LANE_IDLE, urgent % 2); /* in the line, or on its way */
        zl_workqueue_done(queue, key);
    }
    assert_in_range(
        urgent, 3,
        10); /* more than 3 where the look is on its way for longer than the urgent ones take */
}

static void test_a_lost_race_is_run_again_in_its_lane_and_a_lasting_failure_is_not(void **state)
{
    struct zl_workqueue *queue = *state;
    zl_workqueue_add(queue, "a");
    for (int i = 0; i < 6; i++) {
        expect_lane(queue, "a", ZL_LANE_EVENT);
        zl_workqueue_add_rate_limited(queue, "a");
        zl_workqueue_done(queue, "a");
    }
    finish(queue, "a", ZL_LANE_DUE);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_events_go_before_what_is_due_and_that_before_what_can_wait),
        TEST(test_a_key_moves_to_the_more_urgent_lane_and_runs_once),
        TEST(test_whoever_looks_at_a_key_answers_for_its_idle_delay),
        TEST(test_renewals_never_occupy_the_worker_that_an_event_needs),
        TEST(test_no_lane_starves),
        TEST(test_a_key_that_is_always_urgent_has_its_idle_look_now_and_then),
        TEST(test_a_lost_race_is_run_again_in_its_lane_and_a_lasting_failure_is_not),
        TEST(test_the_load_tells_of_the_oldest_key_and_the_longest_work),
        TEST(test_keys_come_in_the_order_of_their_first_add),
        TEST(test_a_key_added_while_processed_runs_once_more_afterwards),
        TEST(test_delayed_keys_come_when_due_and_in_that_order),
        TEST(test_the_earliest_of_several_delays_wins),
        TEST(test_a_worker_asleep_until_a_late_key_wakes_for_an_earlier_one),
        TEST(test_rate_limited_adds_wait_longer_each_time_until_forgotten),
        TEST(test_shutdown_drops_the_ready_and_the_delayed),
        TEST(test_shutdown_wakes_a_waiting_worker),
        TEST(test_a_hundred_thousand_delayed_keys_all_come_once),
        TEST(test_many_threads_never_share_a_key_and_miss_no_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
