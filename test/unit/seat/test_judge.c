/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/names.h"
#include "common/seat/claim_clock.h"
#include "common/seat/judge.h"
#include "common/seat/rank.h"
#include "test/unit/pruned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char uid_a[] = "uid-a", uid_b[] = "uid-b", pod_a[] = "web-0", pool[] = "web", ns[] = "shop";
static char identity_a[] = "web-0_uid-a", nobody[] = "";

static const struct zl_lease HELD = {.namespace_ = ns,
                                     .pool = pool,
                                     .holder_identity = identity_a,
                                     .holder_pod = pod_a,
                                     .holder_uid = uid_a,
                                     .fencing_token = 4,
                                     .transitions = 3};
static const struct zl_lease CLAIMED = {.namespace_ = ns,
                                        .pool = pool,
                                        .holder_identity = identity_a,
                                        .holder_pod = pod_a,
                                        .holder_uid = uid_a,
                                        .provisional = true};
static const struct zl_lease RELEASED = {.namespace_ = ns, .pool = pool, .holder_identity = nobody};

struct judge_row {
    const struct zl_lease *lease;
    enum zl_holder holder;
    int64_t age_ms;
    enum zl_seat seat;
};

static const struct judge_row JUDGE_ROWS[] = {
    {NULL, ZL_HOLDER_UNKNOWN, 0, ZL_SEAT_ABSENT},
    {&RELEASED, ZL_HOLDER_UNKNOWN, 0, ZL_SEAT_EMPTY},
    {&HELD, ZL_HOLDER_UNKNOWN, 0, ZL_SEAT_UNKNOWN},
    {&HELD, ZL_HOLDER_ALIVE, 0, ZL_SEAT_HELD},
    {&HELD, ZL_HOLDER_ALIVE, 900000, ZL_SEAT_HELD}, /* expiry plays no part */
    {&HELD, ZL_HOLDER_TERMINATING, 0, ZL_SEAT_HELD},
    {&HELD, ZL_HOLDER_FINISHED, 0, ZL_SEAT_ABANDONED},
    {&HELD, ZL_HOLDER_GONE, 0, ZL_SEAT_ABANDONED},
    {&CLAIMED, ZL_HOLDER_GONE, 0, ZL_SEAT_PROVISIONAL},
    {&CLAIMED, ZL_HOLDER_GONE, 4999, ZL_SEAT_PROVISIONAL},
    {&CLAIMED, ZL_HOLDER_GONE, 5000, ZL_SEAT_ABANDONED},
    {&CLAIMED, ZL_HOLDER_ALIVE, 60000, ZL_SEAT_HELD},
    {&CLAIMED, ZL_HOLDER_FINISHED, 0, ZL_SEAT_ABANDONED},
};

static void test_judge_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof JUDGE_ROWS / sizeof JUDGE_ROWS[0]; i++) {
        const struct judge_row *row = &JUDGE_ROWS[i];
        if (zl_seat_judge(row->lease, row->holder, row->age_ms, 5000) != row->seat) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_an_owner_that_asks_again_waits_less(void **state)
{
    const struct zl_lease claimed = {.provisional = true, .claim_owner = uid_a};
    const struct zl_lease older = {.provisional = true}; /* of a webhook that did not say whose */
    (void)state;
    assert_int_equal(zl_claim_patience_ms(&claimed, "uid-a", 41000), ZL_CLAIM_RETRY_MS);
    assert_int_equal(zl_claim_patience_ms(&claimed, "uid-a", 2000), 2000);
    assert_int_equal(zl_claim_patience_ms(&claimed, "uid-b", 41000), 41000);
    assert_int_equal(zl_claim_patience_ms(&claimed, NULL, 41000), 41000);
    assert_int_equal(zl_claim_patience_ms(&older, "uid-a", 41000), 41000);
    assert_int_equal(zl_claim_patience_ms(&older, NULL, 41000), 41000);
    assert_int_equal(zl_claim_patience_ms(NULL, "uid-a", 41000), 41000);
}

static void test_holder_is_the_pod_with_that_uid_only(void **state)
{
    (void)state;
    struct zl_pod same = {.meta = {.name = pod_a, .uid = uid_a}};
    struct zl_pod namesake = {.meta = {.name = pod_a, .uid = uid_b}};
    assert_int_equal(zl_holder_of(&HELD, NULL), ZL_HOLDER_GONE);
    assert_int_equal(zl_holder_of(&HELD, &namesake), ZL_HOLDER_GONE);
    assert_int_equal(zl_holder_of(&HELD, &same), ZL_HOLDER_ALIVE);
    same.meta.deleting = true;
    assert_int_equal(zl_holder_of(&HELD, &same), ZL_HOLDER_TERMINATING);
    same.finished = true;
    assert_int_equal(zl_holder_of(&HELD, &same), ZL_HOLDER_FINISHED);
}

static void test_claim_age_counts_from_the_first_sight_of_that_claim(void **state)
{
    (void)state;
    struct zl_claim_clock *clock = zl_claim_clock_new();
    struct zl_lease lease = CLAIMED;
    lease.fencing_token = 4;
    assert_int_equal(zl_claim_clock_last(clock, ns, pool, 0).age_ms, -1);
    assert_int_equal(zl_claim_clock_observe(clock, NULL, 50), 0);
    assert_int_equal(zl_claim_clock_observe(clock, &RELEASED, 50), 0);

    assert_int_equal(zl_claim_clock_observe(clock, &lease, 100), 0);
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 1100), 1000);
    struct zl_last_claim last = zl_claim_clock_last(clock, ns, pool, 1200);
    assert_int_equal(last.age_ms, 1100);
    assert_int_equal(last.fencing_token, 4);
    assert_true(last.provisional);

    lease.provisional = false; /* confirmed: the same claim, the same age */
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 2100), 2000);
    assert_false(zl_claim_clock_last(clock, ns, pool, 2100).provisional);

    lease.holder_uid = uid_b;
    lease.fencing_token = 5;
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 3000), 0);
    lease.fencing_token = 1; /* edited down: another claim, but the largest token stays known */
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 4000), 0);
    assert_int_equal(zl_claim_clock_last(clock, ns, pool, 4000).fencing_token, 5);
    zl_claim_clock_free(clock);
}

struct token_row {
    int64_t current, transitions, known; /* CURRENT -1: no Lease */
    int64_t stated;                      /* transitions in LeaderPolicy status */
    int64_t next, next_transitions;
};

static const struct token_row TOKEN_ROWS[] = {
    {-1, 0, 0, 0, 1, 0}, /* the first leader ever */
    {-1, 0, 2, 0, 3, 0}, /* ... after two claims that died half-way */
    {-1, 0, 7, 5, 8, 6}, /* the Lease was deleted: continue where LeaderPolicy status stands */
    {1, 0, 0, 0, 2, 1},
    {4, 3, 4, 3, 5, 4},
    {4, 3, 9, 3, 10, 4},  /* the annotation was edited down */
    {4, 20, 0, 3, 5, 21}, /* leaseTransitions was edited up: it never falls */
    {4, 0, 0, 3, 5, 4},   /* ... and down */
    /* ... but the API server takes no more than an int32 */
    {4, INT32_MAX, 0, 0, 5, INT32_MAX},
    {3000000000, 1, 0, 0, 3000000001, 2},
};

static void test_claim_raises_the_fencing_token_past_all_that_is_known(void **state)
{
    (void)state;
    struct zl_policy policy = {.meta = {.namespace_ = ns, .name = pool}, .lease_duration_s = 15};
    const struct zl_candidate candidate = {.pod = "web-1", .uid = "uid-b"};
    for (size_t i = 0; i < sizeof TOKEN_ROWS / sizeof TOKEN_ROWS[0]; i++) {
        const struct token_row *row = &TOKEN_ROWS[i];
        struct zl_lease current = HELD;
        current.fencing_token = row->current;
        current.transitions = row->transitions;
        policy.status.lease_transitions = row->stated;
        struct zl_lease *next = zl_lease_claimed(row->current < 0 ? NULL : &current, &policy,
                                                 row->known, &candidate, true, 1000);
        if (next->fencing_token != row->next || next->transitions != row->next_transitions) {
            fail_msg("row %zu: token %lld transitions %lld", i, (long long)next->fencing_token,
                     (long long)next->transitions);
        }
        assert_string_equal(next->holder_identity, "web-1_uid-b");
        assert_string_equal(next->namespace_, ns);
        assert_true(next->provisional);
        assert_int_equal(next->acquire_us, 1000);
        zl_lease_free(next);
    }
}

static void test_custom_identity_keeps_pod_and_uid_beside_it(void **state)
{
    (void)state;
    const struct zl_policy policy = {.meta = {.namespace_ = ns, .name = pool}};
    const struct zl_candidate candidate = {.pod = "web-1", .uid = "uid-b", .identity = "primary"};
    struct zl_lease *next = zl_lease_claimed(NULL, &policy, 0, &candidate, true, 1);
    assert_string_equal(next->holder_identity, "primary");
    assert_string_equal(next->holder_pod, "web-1");
    assert_true(zl_lease_is_held_by(next, "uid-b"));
    zl_lease_free(next);
}

static void test_empty_custom_identity_still_takes_the_seat(void **state)
{
    (void)state;
    const struct zl_policy policy = {.meta = {.namespace_ = ns, .name = pool}};
    const struct zl_candidate candidate = {.pod = "web-1", .uid = "uid-b", .identity = ""};
    struct zl_lease *next = zl_lease_claimed(NULL, &policy, 0, &candidate, true, 1);
    assert_true(zl_lease_is_held(next));
    assert_string_equal(next->holder_identity, "web-1_uid-b");
    zl_lease_free(next);
}

static struct zl_lease *round_trip(const struct zl_lease *lease, const struct zl_policy *policy)
{
    ZL_AUTO_JSON struct cJSON *object = zl_lease_encode(lease, policy);
    struct zl_lease *decoded = NULL;
    zl_json_set_text(zl_json_child(object, "metadata"), "uid", "lease-uid");
    assert_int_equal(zl_lease_decode(zl_prune(ZL_LEASE_SHAPE, &object), &decoded, NULL), ZL_OK);
    return decoded;
}

static void test_lease_survives_encoding(void **state)
{
    (void)state;
    struct zl_policy policy = {.meta = {.namespace_ = ns, .name = pool, .uid = uid_b},
                               .lease_duration_s = 15};
    const struct zl_candidate candidate = {.pod = "web-1", .uid = "uid-b", .owner = "uid-r"};
    struct zl_lease *claimed =
        zl_lease_claimed(NULL, &policy, 41, &candidate, true, 1767225600123456);
    struct zl_lease *decoded = round_trip(claimed, &policy);
    assert_string_equal(decoded->pool, pool);
    assert_string_equal(decoded->holder_uid, "uid-b");
    assert_true(decoded->provisional);
    assert_string_equal(decoded->claim_owner, "uid-r");
    assert_false(decoded->wants_repair);
    assert_int_equal(decoded->fencing_token, 42);
    assert_int_equal(decoded->duration_s, 15);
    assert_int_equal(decoded->acquire_us, 1767225600123456);

    struct zl_lease *released = zl_lease_released(decoded, 1767225600999999);
    assert_false(zl_lease_is_held(released));
    assert_null(released->claim_owner);
    struct zl_lease *renewed = zl_lease_renewed(decoded, &policy, NULL, 1767225600999999);
    assert_null(renewed->claim_owner);
    zl_lease_free(renewed);
    struct zl_lease *adopted =
        zl_lease_claimed(decoded, &policy, 42, &candidate, false, 1767225600999999);
    assert_null(adopted->claim_owner); /* the pod is there: nobody is waited for */
    zl_lease_free(adopted);
    assert_int_equal(released->fencing_token, 42); /* a release does not give the token back */
    zl_lease_free(released);
    zl_lease_free(decoded);
    zl_lease_free(claimed);
}

static void test_holder_written_by_hand_is_read_from_its_identity(void **state)
{
    (void)state;
    struct {
        const char *identity, *pod, *uid;
    } rows[] = {{"web-1_9f", "web-1", "9f"}, {"web-1", "web-1", NULL}, {"a_b_c", "a", "b_c"},
                {"web-1_", "web-1", NULL},   {"_9f", NULL, NULL},      {"..", NULL, NULL},
                {"no such/pod", NULL, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = zl_json_object();
        struct cJSON *metadata = zl_json_child(object, "metadata");
        struct zl_lease *lease = NULL;
        zl_json_set_text(metadata, "name", ZL_LEASE_PREFIX "web");
        zl_json_set_text(metadata, "uid", "1");
        zl_json_set_text(zl_json_child(object, "spec"), "holderIdentity", rows[i].identity);
        assert_int_equal(zl_lease_decode(zl_prune(ZL_LEASE_SHAPE, &object), &lease, NULL), ZL_OK);
        assert_true(zl_same_string(lease->holder_pod, rows[i].pod));
        assert_true(zl_same_string(lease->holder_uid, rows[i].uid));
        assert_true(zl_lease_is_held(lease));
        assert_true(lease->wants_repair);
        zl_lease_free(lease);
    }
}

struct hand_row {
    const char *token;
    int64_t fencing_token;
};

static void test_lease_edited_by_hand_stays_writable(void **state)
{
    (void)state;
    const struct hand_row rows[] = {{"7", 7},   {"", 0},
                                    {"-1", 0},  {"x", 0},
                                    {"07x", 0}, {"9007199254740993", 0},
                                    {NULL, 0},  {"99999999999999999999", 0}};
    const struct zl_policy policy = {.meta = {.namespace_ = ns, .name = pool, .uid = uid_a}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = zl_json_object();
        struct cJSON *metadata = zl_json_child(object, "metadata");
        struct zl_lease *lease = NULL;
        zl_json_set_text(metadata, "name", ZL_LEASE_PREFIX "web");
        zl_json_set_text(metadata, "uid", "1");
        zl_json_set_text(zl_json_child(metadata, "annotations"), ZL_KEY_FENCING_TOKEN,
                         rows[i].token);
        zl_json_set_text(zl_json_child(object, "spec"), "holderIdentity", "someone");
        assert_int_equal(zl_lease_decode(zl_prune(ZL_LEASE_SHAPE, &object), &lease, NULL), ZL_OK);
        assert_int_equal(lease->fencing_token, rows[i].fencing_token);

        struct zl_lease *released = zl_lease_released(lease, 1);
        ZL_AUTO_JSON struct cJSON *sent = zl_lease_encode(released, &policy);
        /* The API server refuses leaseDurationSeconds 0. */
        assert_null(zl_json_at(sent, "spec", "leaseDurationSeconds", NULL));
        zl_lease_free(released);
        zl_lease_free(lease);
    }
}

static void test_pods_are_ordered_staying_ready_longest_oldest_name(void **state)
{
    (void)state;
    char a[] = "a", b[] = "b";
    const struct zl_pod best = {
        .meta = {.name = a, .created_us = 5}, .ready = true, .ready_since_us = 10};
    const struct zl_pod rows[] = {
        {.meta = {.name = a, .created_us = 1, .deleting = true}},
        {.meta = {.name = a, .created_us = 1}},
        {.meta = {.name = a, .created_us = 1}, .ready = true, .ready_since_us = 11},
        {.meta = {.name = a, .created_us = 6}, .ready = true, .ready_since_us = 10},
        {.meta = {.name = b, .created_us = 5}, .ready = true, .ready_since_us = 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(zl_pod_precedes(&best, &rows[i]));
        assert_false(zl_pod_precedes(&rows[i], &best));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_follows_the_table),
        cmocka_unit_test(test_an_owner_that_asks_again_waits_less),
        cmocka_unit_test(test_holder_is_the_pod_with_that_uid_only),
        cmocka_unit_test(test_claim_age_counts_from_the_first_sight_of_that_claim),
        cmocka_unit_test(test_claim_raises_the_fencing_token_past_all_that_is_known),
        cmocka_unit_test(test_custom_identity_keeps_pod_and_uid_beside_it),
        cmocka_unit_test(test_empty_custom_identity_still_takes_the_seat),
        cmocka_unit_test(test_lease_survives_encoding),
        cmocka_unit_test(test_holder_written_by_hand_is_read_from_its_identity),
        cmocka_unit_test(test_lease_edited_by_hand_stays_writable),
        cmocka_unit_test(test_pods_are_ordered_staying_ready_longest_oldest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
