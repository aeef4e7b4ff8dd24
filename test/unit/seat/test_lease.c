/* SPDX-License-Identifier: Apache-2.0 */
/* What the Lease says beside its holder: successor, deposed pods, revisions, and whether it was lost. */
#include "common/base/buf.h"
#include "common/objects/names.h"
#include "common/seat/claim_clock.h"
#include "common/seat/judge.h"
#include "test/unit/pruned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char ns[] = "shop", pool[] = "web", version[] = "7", identity[] = "web-0_uid-a";
static char pod_a[] = "web-0", uid_a[] = "uid-a", pod_b[] = "web-1", uid_b[] = "uid-b";
static char deposed[] = "uid-x,uid-y", old_revision[] = "rs-1", new_revision[] = "rs-2";

static const struct zl_policy POLICY = {.meta = {.namespace_ = ns, .name = pool, .uid = uid_b},
                                        .lease_duration_s = 15};
static const struct zl_lease ROLLING = {.namespace_ = ns,
                                        .pool = pool,
                                        .resource_version = version,
                                        .holder_identity = identity,
                                        .holder_pod = pod_a,
                                        .holder_uid = uid_a,
                                        .successor_pod = pod_b,
                                        .successor_uid = uid_b,
                                        .deposed = deposed,
                                        .ready_holder = uid_a,
                                        .ready_revision = old_revision,
                                        .failed_revision = new_revision,
                                        .fencing_token = 4};

static struct zl_lease *decode(struct cJSON *object)
{
    struct zl_lease *lease = NULL;
    zl_json_set_text(zl_json_child(object, "metadata"), "uid", "lease-uid");
    ZL_AUTO_JSON struct cJSON *copy = zl_json_copy(object);
    assert_int_equal(zl_lease_decode(zl_prune(ZL_LEASE_SHAPE, &copy), &lease, NULL), ZL_OK);
    return lease;
}

static void assert_same_rollout(const struct zl_lease *left, const struct zl_lease *right)
{
    assert_true(zl_same_string(left->successor_pod, right->successor_pod));
    assert_true(zl_same_string(left->successor_uid, right->successor_uid));
    assert_true(zl_same_string(left->deposed, right->deposed));
    assert_true(zl_same_string(left->ready_holder, right->ready_holder));
    assert_true(zl_same_string(left->ready_revision, right->ready_revision));
    assert_true(zl_same_string(left->failed_revision, right->failed_revision));
}

static void test_rollout_survives_encoding_and_copying(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = zl_lease_encode(&ROLLING, &POLICY);
    assert_string_equal(zl_json_text(object, "metadata", "annotations", ZL_KEY_SUCCESSOR, NULL),
                        "web-1_uid-b");
    struct zl_lease *decoded = decode(object);
    struct zl_lease *copy = zl_lease_copy(decoded);
    assert_same_rollout(decoded, &ROLLING);
    zl_lease_free(decoded);
    assert_same_rollout(copy, &ROLLING);
    zl_lease_free(copy);
}

static const char *const MARKS[] = {ZL_KEY_SUCCESSOR, ZL_KEY_DEPOSED, ZL_KEY_READY_HOLDER,
                                    ZL_KEY_READY_REVISION, ZL_KEY_FAILED_REVISION};

static void test_what_is_over_is_removed_by_the_patch_and_never_created(void **state)
{
    (void)state;
    struct zl_lease plain = {.namespace_ = ns, .pool = pool, .resource_version = version};
    ZL_AUTO_JSON struct cJSON *patch = zl_lease_encode(&plain, &POLICY);
    plain.resource_version = NULL;
    ZL_AUTO_JSON struct cJSON *created = zl_lease_encode(&plain, &POLICY);
    ZL_AUTO_FREE char *patch_text = zl_json_print(patch);
    for (size_t i = 0; i < sizeof MARKS / sizeof MARKS[0]; i++) {
        ZL_AUTO_FREE char *removal = zl_asprintf("\"%s\":null", MARKS[i]);
        assert_non_null(strstr(patch_text, removal));
        assert_null(zl_json_at(created, "metadata", "annotations", MARKS[i], NULL));
    }
}

static void test_successor_written_by_hand_is_a_pod_and_a_uid_or_none(void **state)
{
    (void)state;
    struct {
        const char *text, *pod, *uid;
    } rows[] = {{"web-1_9f", "web-1", "9f"},
                {"a_b_c", "a", "b_c"},
                {"web-1", NULL, NULL},
                {"web-1_", NULL, NULL},
                {"_9f", NULL, NULL},
                {"_", NULL, NULL},
                {"", NULL, NULL},
                {".._9f", NULL, NULL},
                {"../x_9f", NULL, NULL},
                {"Web_9f", NULL, NULL},
                {"a b_9f", NULL, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = zl_json_object();
        struct cJSON *metadata = zl_json_child(object, "metadata");
        zl_json_set_text(metadata, "name", ZL_LEASE_PREFIX "web");
        zl_json_set_text(zl_json_child(metadata, "annotations"), ZL_KEY_SUCCESSOR, rows[i].text);
        struct zl_lease *lease = decode(object);
        if (!zl_same_string(lease->successor_pod, rows[i].pod) ||
            !zl_same_string(lease->successor_uid, rows[i].uid)) {
            fail_msg("%s: %s, %s", rows[i].text, lease->successor_pod, lease->successor_uid);
        }
        zl_lease_free(lease);
    }
}

/* A Lease may be anybody's, and an annotation 256 KiB. */
static void test_what_is_longer_than_we_write_is_not_there(void **state)
{
    enum { LONG = 10000 };
    static const char *const KEYS[] = {ZL_KEY_HOLDER_UID,      ZL_KEY_DEPOSED,
                                       ZL_KEY_READY_HOLDER,    ZL_KEY_READY_REVISION,
                                       ZL_KEY_FAILED_REVISION, ZL_KEY_CLAIM_OWNER};
    ZL_AUTO_FREE char *uid = zl_alloc(LONG + 1);
    ZL_AUTO_JSON struct cJSON *object = zl_json_object();
    struct cJSON *metadata = zl_json_child(object, "metadata");
    struct cJSON *annotations = zl_json_child(metadata, "annotations");
    (void)state;
    memset(uid, 'u', LONG);
    ZL_AUTO_FREE char *pair = zl_asprintf("web-1_%s", uid);
    zl_json_set_text(metadata, "name", ZL_LEASE_PREFIX "web");
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        zl_json_set_text(annotations, KEYS[i], uid);
    }
    zl_json_set_text(annotations, ZL_KEY_CLAIM, ZL_CLAIM_PROVISIONAL);
    zl_json_set_text(annotations, ZL_KEY_HOLDER_POD, "web-1");
    zl_json_set_text(annotations, ZL_KEY_SUCCESSOR, pair);
    zl_json_set_text(annotations, ZL_KEY_TURN, pair);
    zl_json_set_text(zl_json_child(object, "spec"), "holderIdentity", pair);
    struct zl_lease *lease = decode(object);
    assert_string_equal(lease->holder_pod, "web-1"); /* of its identity */
    assert_int_equal(strncmp(lease->holder_identity, "#10006:", 7), 0);
    assert_null(lease->holder_uid);
    assert_null(lease->successor_uid);
    assert_null(lease->turn_uid);
    assert_null(lease->deposed);
    assert_null(lease->ready_holder);
    assert_null(lease->ready_revision);
    assert_null(lease->failed_revision);
    assert_null(lease->claim_owner);
    zl_lease_free(lease);
}

static void test_successor_is_the_pod_with_that_uid_only(void **state)
{
    (void)state;
    const struct zl_lease none = {.namespace_ = ns, .pool = pool};
    assert_true(zl_lease_is_succeeded_by(&ROLLING, uid_b));
    assert_false(zl_lease_is_succeeded_by(&ROLLING, uid_a));
    assert_false(zl_lease_is_succeeded_by(&ROLLING, NULL));
    assert_false(zl_lease_is_succeeded_by(&none, NULL));
    assert_false(zl_lease_is_succeeded_by(NULL, uid_b));

    assert_true(zl_lease_sets_aside(&ROLLING, uid_b));
    assert_true(zl_lease_sets_aside(&ROLLING, "uid-x"));
    assert_false(zl_lease_sets_aside(&ROLLING, uid_a));
    assert_false(zl_lease_sets_aside(NULL, uid_b));
}

static void test_deposed_is_whole_uids_only(void **state)
{
    (void)state;
    struct {
        const char *list, *uid;
        bool deposed;
    } rows[] = {
        {NULL, "a", false},       {"", "a", false},          {"a", "a", true},
        {"a", "", false},         {"a", NULL, false},        {"ab", "a", false},
        {"ba", "a", false},       {"ab,a", "a", true},       {"a,ab", "ab", true},
        {"aa,a", "a", true},      {"ba,ab", "a", false},     {"a,b,c", "b", true},
        {"a,b,c", "a,b", true},   {"aaa", "aa", false},      {",,a,", "a", true},
        {"x-1,x-12", "x", false}, {"x-1,x-12", "x-1", true}, {"x-12,x-1", "x-1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_lease lease = {.deposed = zl_strdup(rows[i].list)};
        if (zl_lease_has_deposed(&lease, rows[i].uid) != rows[i].deposed) {
            fail_msg("row %zu: %s in %s", i, rows[i].uid, rows[i].list);
        }
        free(lease.deposed);
    }
    assert_false(zl_lease_has_deposed(NULL, "a"));
}

static void test_deposing_appends_once(void **state)
{
    (void)state;
    struct {
        const char *before, *uid, *after;
    } rows[] = {{NULL, "a", "a"},    {"", "a", "a"},   {"a", "b", "a,b"}, {"a,b", "a", "a,b"},
                {"ab", "a", "ab,a"}, {"a", NULL, "a"}, {NULL, NULL, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_lease lease = {.deposed = zl_strdup(rows[i].before)};
        zl_lease_depose(&lease, rows[i].uid);
        if (!zl_same_string(lease.deposed, rows[i].after)) {
            fail_msg("row %zu: %s", i, lease.deposed);
        }
        free(lease.deposed);
    }
}

static void test_the_oldest_deposed_pod_is_forgotten_first(void **state)
{
    (void)state;
    struct zl_lease lease = {0};
    for (int i = 0; i < ZL_DEPOSED_MAX + 3; i++) {
        ZL_AUTO_FREE char *uid = zl_asprintf("uid-%d", i);
        zl_lease_depose(&lease, uid);
        assert_true(zl_lease_has_deposed(&lease, uid));
        assert_int_equal(zl_lease_has_deposed(&lease, "uid-0"), i < ZL_DEPOSED_MAX);
    }
    assert_false(zl_lease_has_deposed(&lease, "uid-2"));
    assert_true(zl_lease_has_deposed(&lease, "uid-3"));
    free(lease.deposed);

    /* Written by hand, far too long: cut to what we keep. */
    struct zl_buf commas;
    zl_buf_init(&commas, 4096);
    for (int i = 0; i < 1000; i++) {
        assert_true(zl_buf_printf(&commas, ","));
    }
    lease.deposed = zl_buf_take(&commas);
    zl_lease_depose(&lease, "a");
    assert_int_equal(strlen(lease.deposed), ZL_DEPOSED_MAX); /* as many commas less one, and "a" */
    assert_true(zl_lease_has_deposed(&lease, "a"));
    free(lease.deposed);
}

static bool is_listed(void *ctx, const char *uid)
{
    const struct zl_lease living = {.deposed = ctx};
    return zl_lease_has_deposed(&living, uid);
}

static void test_deposed_pods_are_forgotten_when_they_are_gone(void **state)
{
    (void)state;
    struct {
        const char *before, *living, *after;
    } rows[] = {
        {NULL, "a", NULL},
        {"", "a", NULL},
        {"a", "", NULL},
        {"a", "a", "a"},
        {"a,b,c", "b", "b"},
        {"a,b,c", "a,c", "a,c"},
        {"a,b,c", "c,b,a", "a,b,c"},
        {",a,,b,", "a,b", "a,b"},
        {"a,a", "a", "a"},
        {"ab,a", "ab", "ab"},
        {",,,", "a", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_lease lease = {.deposed = zl_strdup(rows[i].before)};
        ZL_AUTO_FREE char *living = zl_strdup(rows[i].living);
        zl_lease_prune_deposed(&lease, is_listed, living);
        if (!zl_same_string(lease.deposed, rows[i].after)) {
            fail_msg("row %zu: %s", i, lease.deposed);
        }
        free(lease.deposed);
    }
}

static void test_successor_that_takes_the_seat_is_one_no_longer(void **state)
{
    (void)state;
    const struct zl_candidate successor = {.pod = pod_b, .uid = uid_b};
    const struct zl_candidate stranger = {.pod = "web-2", .uid = "uid-c"};
    struct zl_lease *next = zl_lease_claimed(&ROLLING, &POLICY, 0, &successor, false, 1);
    assert_true(zl_lease_is_held_by(next, uid_b));
    assert_null(next->successor_pod);
    assert_null(next->successor_uid);
    assert_int_equal(next->fencing_token, 5);
    assert_string_equal(next->deposed, deposed); /* they still never lead again */
    assert_string_equal(next->ready_revision, old_revision);
    assert_string_equal(next->failed_revision, new_revision);
    zl_lease_free(next);

    next = zl_lease_claimed(&ROLLING, &POLICY, 0, &stranger, true, 1);
    assert_same_rollout(next, &ROLLING);
    zl_lease_free(next);
}

static void test_release_and_renewal_keep_the_rollout(void **state)
{
    (void)state;
    struct zl_lease *released = zl_lease_released(&ROLLING, 1);
    assert_same_rollout(released, &ROLLING);
    assert_false(zl_lease_is_held(released));
    struct zl_lease *renewed = zl_lease_renewed(&ROLLING, &POLICY, NULL, 1);
    assert_same_rollout(renewed, &ROLLING);
    zl_lease_free(renewed);
    zl_lease_free(released);
}

static void test_deposing_many_is_deposing_each(void **state)
{
    (void)state;
    struct {
        const char *before, *uids, *after;
    } rows[] = {{NULL, NULL, NULL},   {"a", NULL, "a"},        {"a", "", "a"},
                {NULL, "a,b", "a,b"}, {"a", "b,a,c", "a,b,c"}, {NULL, "a", "a"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_lease lease = {.deposed = zl_strdup(rows[i].before)};
        zl_lease_depose_all(&lease, rows[i].uids);
        if (!zl_same_string(lease.deposed, rows[i].after)) {
            fail_msg("row %zu: %s", i, lease.deposed);
        }
        free(lease.deposed);
    }
}

static void test_empty_seat_is_lost_unless_we_emptied_it(void **state)
{
    (void)state;
    struct {
        const char *holder;
        int64_t token, released_token;
        bool released, lost;
    } rows[] = {
        {"", 4, 4, true, false},   {NULL, 4, 4, true, false}, {"", 4, 0, false, true},
        {"", 4, 3, false, true},   {"", 4, 5, false, true},   {"", 0, 0, true, false},
        {"a", 4, 4, false, false}, {"a", 4, 0, false, false}, {"", 0, -1, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_lease lease = {.holder_identity = zl_strdup(rows[i].holder),
                                 .fencing_token = rows[i].token,
                                 .released_token = rows[i].released_token};
        if (zl_lease_was_released(&lease) != rows[i].released ||
            zl_lease_is_lost(&lease) != rows[i].lost) {
            fail_msg("row %zu", i);
        }
        free(lease.holder_identity);
    }
    assert_false(zl_lease_was_released(NULL));
    assert_true(zl_lease_is_lost(NULL));
}

static void test_release_leaves_its_mark_until_the_next_claim(void **state)
{
    (void)state;
    const struct zl_candidate next_leader = {.pod = "web-2", .uid = "uid-c"};
    struct zl_lease *released = zl_lease_released(&ROLLING, 1);
    assert_true(zl_lease_was_released(released));
    ZL_AUTO_JSON struct cJSON *object = zl_lease_encode(released, &POLICY);
    struct zl_lease *decoded = decode(object);
    assert_true(zl_lease_was_released(decoded));
    assert_int_equal(decoded->released_token, 4);

    struct zl_lease *claimed = zl_lease_claimed(decoded, &POLICY, 0, &next_leader, true, 1);
    ZL_AUTO_JSON struct cJSON *patch = zl_lease_encode(claimed, &POLICY);
    ZL_AUTO_FREE char *text = zl_json_print(patch);
    assert_non_null(strstr(text, "\"" ZL_KEY_RELEASED "\":null"));
    zl_replace_string(&claimed->holder_identity, ""); /* somebody empties it */
    assert_true(zl_lease_is_lost(claimed));
    zl_lease_free(claimed);
    zl_lease_free(decoded);
    zl_lease_free(released);

    struct zl_lease *vacant = zl_lease_vacant(&POLICY);
    assert_true(zl_lease_is_lost(vacant));
    assert_null(vacant->resource_version);
    assert_string_equal(vacant->pool, pool);
    assert_int_equal(vacant->duration_s, 15);
    struct zl_lease *marked = zl_lease_never_led(vacant);
    assert_true(zl_lease_was_released(marked));
    zl_lease_free(marked);
    zl_lease_free(vacant);
}

static void test_mark_of_a_release_edited_by_hand_is_none(void **state)
{
    (void)state;
    struct {
        const char *text;
        int64_t token;
    } rows[] = {{"7", 7},  {"0", 0}, {"", -1}, {"-1", -1}, {"x", -1}, {"9007199254740993", -1},
                {NULL, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = zl_json_object();
        struct cJSON *metadata = zl_json_child(object, "metadata");
        zl_json_set_text(metadata, "name", ZL_LEASE_PREFIX "web");
        zl_json_set_text(zl_json_child(metadata, "annotations"), ZL_KEY_RELEASED, rows[i].text);
        struct zl_lease *lease = decode(object);
        assert_int_equal(lease->released_token, rows[i].token);
        zl_lease_free(lease);
    }
}

static void test_loss_counts_from_its_first_sight_at_that_token(void **state)
{
    (void)state;
    struct zl_claim_clock *clock = zl_claim_clock_new();
    assert_int_equal(zl_claim_clock_observe_loss(clock, ns, pool, 3, 100), 0);
    assert_int_equal(zl_claim_clock_observe_loss(clock, ns, pool, 3, 600), 500);
    assert_int_equal(zl_claim_clock_observe_loss(clock, pool, pool, 3, 600), 0);
    assert_int_equal(zl_claim_clock_observe_loss(clock, ns, pool, 4, 700), 0); /* a claim since */
    assert_int_equal(zl_claim_clock_observe_loss(clock, ns, pool, 4, 800), 100);
    assert_int_equal(zl_claim_clock_last(clock, ns, pool, 900).age_ms, -1);
    (void)zl_claim_clock_observe(clock, &ROLLING, 900); /* it is there again */
    assert_int_equal(zl_claim_clock_observe_loss(clock, ns, pool, 4, 1000), 0);
    zl_claim_clock_free(clock);
}

static void test_successor_age_counts_from_the_first_sight_of_that_pod(void **state)
{
    (void)state;
    struct zl_claim_clock *clock = zl_claim_clock_new();
    struct zl_lease lease = ROLLING;
    struct zl_lease elsewhere = ROLLING;
    elsewhere.pool = pod_a;
    assert_int_equal(zl_claim_clock_observe_successor(clock, NULL, 100), 0);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 100), 0);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 700), 600);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &elsewhere, 900), 0);

    lease.fencing_token = 9; /* another leader meanwhile: the same successor */
    lease.holder_uid = old_revision;
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 900), 0);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 1000), 900);

    lease.successor_uid = NULL;
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 1100), 0);
    lease.successor_uid = uid_a;
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 1200), 0);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 1300), 100);
    /* And the claim's own age is not touched by it. */
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 1400), 500);
    zl_claim_clock_free(clock);
}

static void test_successor_alone_is_no_claim(void **state)
{
    (void)state;
    struct zl_claim_clock *clock = zl_claim_clock_new();
    struct zl_lease lease = ROLLING;
    lease.holder_identity = NULL;
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 100), 0);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 100), 0);
    assert_int_equal(zl_claim_clock_last(clock, ns, pool, 900).age_ms, -1);

    lease.holder_identity = identity; /* written by hand: no uid, no token */
    lease.holder_uid = NULL;
    lease.fencing_token = 0;
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 900), 0);
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 950), 50);
    assert_int_equal(zl_claim_clock_last(clock, ns, pool, 1000).age_ms, 100);
    zl_claim_clock_free(clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollout_survives_encoding_and_copying),
        cmocka_unit_test(test_what_is_over_is_removed_by_the_patch_and_never_created),
        cmocka_unit_test(test_successor_written_by_hand_is_a_pod_and_a_uid_or_none),
        cmocka_unit_test(test_what_is_longer_than_we_write_is_not_there),
        cmocka_unit_test(test_successor_is_the_pod_with_that_uid_only),
        cmocka_unit_test(test_deposed_is_whole_uids_only),
        cmocka_unit_test(test_deposing_appends_once),
        cmocka_unit_test(test_the_oldest_deposed_pod_is_forgotten_first),
        cmocka_unit_test(test_deposed_pods_are_forgotten_when_they_are_gone),
        cmocka_unit_test(test_successor_that_takes_the_seat_is_one_no_longer),
        cmocka_unit_test(test_release_and_renewal_keep_the_rollout),
        cmocka_unit_test(test_successor_age_counts_from_the_first_sight_of_that_pod),
        cmocka_unit_test(test_deposing_many_is_deposing_each),
        cmocka_unit_test(test_empty_seat_is_lost_unless_we_emptied_it),
        cmocka_unit_test(test_release_leaves_its_mark_until_the_next_claim),
        cmocka_unit_test(test_mark_of_a_release_edited_by_hand_is_none),
        cmocka_unit_test(test_loss_counts_from_its_first_sight_at_that_token),
        cmocka_unit_test(test_successor_alone_is_no_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
