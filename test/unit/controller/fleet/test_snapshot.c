/* SPDX-License-Identifier: Apache-2.0 */
/* The arbiter's view: who has a part in a pool, and its own writes until the watch shows them. */
#include "controller/fleet/snapshot.h"

#include "common/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEDGER                                                                                     \
    "{\"n\":1,\"active\":[{\"cluster\":\"c2\",\"token\":5},{\"cluster\":\"b\",\"token\":6}]}"

static struct zl_hub_lease *lease(const char *name, int version, const char *key, const char *text)
{
    struct zl_hub_lease *out = NULL;
    ZL_AUTO_JSON struct cJSON *object = zl_json_object();
    struct cJSON *metadata = zl_json_child(object, "metadata");
    ZL_AUTO_FREE char *number = zl_asprintf("%d", version);
    zl_json_set_text(metadata, "name", name);
    zl_json_set_text(metadata, "resourceVersion", number);
    zl_json_set_text(zl_json_child(metadata, "annotations"), key, text);
    assert_int_equal(zl_hub_lease_decode(object, &out, NULL), ZL_OK);
    assert_non_null(out);
    return out;
}

static struct zl_hub_lease *member(const char *cluster, int version, const char *pool)
{
    ZL_AUTO_FREE char *name = zl_asprintf("member.%s", cluster);
    ZL_AUTO_FREE char *text = zl_asprintf("{\"pools\":{\"%s\":{\"verb\":\"want\"}}}", pool);
    return lease(name, version, ZL_FLEET_MEMBER_KEY, text);
}

static struct zl_hub_lease *turn(const char *cluster, int version, const char *pool, int ticket)
{
    ZL_AUTO_FREE char *name = zl_asprintf("turn.%s", cluster);
    ZL_AUTO_FREE char *text = zl_asprintf("{\"pools\":{\"%s\":{\"ticket\":%d}}}", pool, ticket);
    return lease(name, version, ZL_FLEET_TURN_KEY, text);
}

static void add(struct zl_refs *refs, struct zl_hub_lease *taken)
{
    zl_refs_add(refs, zl_ref_new(taken, zl_hub_lease_free));
}

static int64_t ticket_of(const struct zl_snapshot *snapshot, const char *cluster)
{
    const struct zl_hub_lease *found = zl_snapshot_find(snapshot, ZL_HUB_TURN, cluster);
    return found != NULL ? found->turns.items[0].ticket : -1;
}

static void test_clusters_of_a_pool_come_in_order_with_turn_and_request_side_by_side(void **state)
{
    (void)state;
    struct zl_fleet_cluster *clusters = NULL;
    struct zl_refs refs = {0};
    struct zl_snapshot *snapshot = zl_snapshot_new();
    add(&refs, member("d", 1, "p"));  /* asks, and was told nothing */
    add(&refs, turn("a", 2, "p", 1)); /* was told, and has no Lease of its own any more */
    add(&refs, member("b", 3, "p"));
    add(&refs, turn("b", 4, "p", 2));
    add(&refs, member("c", 5, "other"));
    add(&refs, lease("fleet.p", 6, ZL_FLEET_LEDGER_KEY, LEDGER));
    zl_snapshot_take(snapshot, &refs, 6);
    assert_int_equal(refs.count, 0);
    assert_int_equal(zl_snapshot_count(snapshot), 6);
    assert_int_equal(zl_snapshot_clusters(snapshot, "p", &clusters), 4);
    assert_string_equal(clusters[0].name, "a");
    assert_null(clusters[0].member);
    assert_string_equal(clusters[1].name, "b");
    assert_int_equal(clusters[1].turn->ticket, 2);
    assert_int_equal(clusters[1].request->verb, ZL_FLEET_WANT);
    assert_string_equal(clusters[2].name, "c2"); /* its Leases were deleted while it acts */
    assert_null(clusters[2].turn);
    assert_null(clusters[2].member);
    assert_string_equal(clusters[3].name, "d");
    assert_null(clusters[3].turn);
    free(clusters);
    assert_int_equal(zl_snapshot_find(snapshot, ZL_HUB_LEDGER, "p")->ledger->n, 1);
    assert_null(zl_snapshot_find(snapshot, ZL_HUB_LEDGER, "b"));
    zl_snapshot_free(snapshot);
}

static void test_a_write_of_its_own_counts_at_once_and_until_the_watch_is_past_it(void **state)
{
    (void)state;
    struct zl_refs refs = {0};
    struct zl_snapshot *snapshot = zl_snapshot_new();
    add(&refs, turn("b", 4, "p", 1));
    zl_snapshot_take(snapshot, &refs, 4);
    zl_snapshot_note(snapshot, turn("b", 9, "p", 2));  /* in the place of another */
    zl_snapshot_note(snapshot, turn("a", 10, "p", 3)); /* a new one, in its order */
    assert_int_equal(ticket_of(snapshot, "b"), 2);
    assert_string_equal(zl_snapshot_at(snapshot, 0)->of, "a");
    add(&refs, turn("b", 4, "p", 1));
    zl_snapshot_take(snapshot, &refs, 8); /* the watch is behind */
    assert_int_equal(ticket_of(snapshot, "b"), 2);
    assert_int_equal(ticket_of(snapshot, "a"), 3);
    add(&refs, turn("b", 11, "p", 5)); /* somebody else wrote after us, and a was deleted */
    zl_snapshot_take(snapshot, &refs, 11);
    assert_int_equal(ticket_of(snapshot, "b"), 5);
    assert_int_equal(ticket_of(snapshot, "a"), -1);
    zl_snapshot_take(snapshot, &refs, 11); /* nothing is left of what was noted */
    assert_int_equal(zl_snapshot_count(snapshot), 0);
    zl_snapshot_free(snapshot);
}

static void test_own_writes_that_a_restored_hub_never_stored_are_forgotten(void **state)
{
    (void)state;
    struct zl_refs refs = {0};
    struct zl_snapshot *snapshot = zl_snapshot_new();
    add(&refs, turn("a", 20, "p", 1));
    zl_snapshot_take(snapshot, &refs, 20);
    zl_snapshot_note(snapshot, turn("a", 21, "p", 2));
    add(&refs, turn("a", 9, "p", 7)); /* of the backup */
    zl_snapshot_take(snapshot, &refs, 12);
    assert_int_equal(ticket_of(snapshot, "a"), 7);
    zl_snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters_of_a_pool_come_in_order_with_turn_and_request_side_by_side),
        cmocka_unit_test(test_a_write_of_its_own_counts_at_once_and_until_the_watch_is_past_it),
        cmocka_unit_test(test_own_writes_that_a_restored_hub_never_stored_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
