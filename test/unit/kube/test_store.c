/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/store.h"

#include "common/kube/store_internal.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static atomic_int alive; /* objects not yet freed */

static void free_object(void *object)
{
    atomic_fetch_sub(&alive, 1);
    free(object);
}

static struct zl_ref *object(const char *text)
{
    atomic_fetch_add(&alive, 1);
    return zl_ref_new(zl_strdup(text), free_object);
}

static int set_up(void **state)
{
    atomic_store(&alive, 0);
    *state = zl_store_new();
    return 0;
}

static int tear_down(void **state)
{
    zl_store_free(*state);
    return atomic_load(&alive) == 0 ? 0 : -1;
}

static void put(struct zl_store *store, const char *namespace_, const char *name, const char *text)
{
    zl_ref_drop(zl_store_put(store, namespace_, name, object(text)));
}

static void expect(struct zl_store *store, const char *namespace_, const char *name,
                   const char *text)
{
    ZL_AUTO_REF struct zl_ref *ref = zl_store_find(store, namespace_, name);
    if (text == NULL) {
        assert_null(ref);
        return;
    }
    assert_non_null(ref);
    assert_string_equal(zl_ref_object(ref), text);
}

static void test_a_name_is_found_in_its_namespace_only(void **state)
{
    put(*state, "a", "x", "a/x");
    put(*state, "b", "x", "b/x");
    put(*state, "", "x", "cluster x");
    expect(*state, "a", "x", "a/x");
    expect(*state, "b", "x", "b/x");
    expect(*state, "", "x", "cluster x");
    expect(*state, "a", "y", NULL);
    expect(*state, "c", "x", NULL);
    assert_int_equal(zl_store_count(*state), 3);
}

static void test_put_returns_what_it_replaced(void **state)
{
    assert_null(zl_store_put(*state, "a", "x", object("old")));
    ZL_AUTO_REF struct zl_ref *old = zl_store_put(*state, "a", "x", object("new"));
    assert_string_equal(zl_ref_object(old), "old");
    expect(*state, "a", "x", "new");
    assert_int_equal(zl_store_count(*state), 1);
}

static void test_a_reader_keeps_its_version_after_it_was_replaced_and_removed(void **state)
{
    put(*state, "a", "x", "old");
    ZL_AUTO_REF struct zl_ref *held = zl_store_find(*state, "a", "x");
    put(*state, "a", "x", "new");
    zl_ref_drop(zl_store_remove(*state, "a", "x"));
    assert_string_equal(zl_ref_object(held), "old");
    assert_int_equal(atomic_load(&alive), 1);
}

static void test_remove_of_the_absent_is_null(void **state)
{
    assert_null(zl_store_remove(*state, "a", "x"));
    put(*state, "a", "y", "y");
    assert_null(zl_store_remove(*state, "a", "x"));
    zl_ref_drop(zl_store_remove(*state, "a", "y"));
    assert_null(zl_store_remove(*state, "a", "y"));
    assert_int_equal(zl_store_count(*state), 0);
}

static void test_list_gives_one_namespace_or_all(void **state)
{
    static const struct {
        const char *namespace_;
        size_t count;
    } CASES[] = {{"a", 40}, {"b", 1}, {"c", 0}, {NULL, 41}};
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        put(*state, "a", name, name);
    }
    put(*state, "b", "y", "y");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        ZL_AUTO_REFS struct zl_refs refs = {0};
        zl_store_list(*state, CASES[i].namespace_, &refs);
        assert_int_equal(refs.count, CASES[i].count);
    }
}

static void test_sweep_takes_out_what_was_not_put_since_the_mark(void **state)
{
    put(*state, "a", "x", "x");
    put(*state, "a", "y", "y");
    put(*state, "b", "z", "z");
    zl_store_mark(*state);
    put(*state, "a", "y", "y again");
    put(*state, "c", "new", "new");
    ZL_AUTO_REFS struct zl_refs gone = {0};
    zl_store_sweep(*state, NULL, &gone);
    assert_int_equal(gone.count, 2);
    expect(*state, "a", "x", NULL);
    expect(*state, "b", "z", NULL);
    expect(*state, "a", "y", "y again");
    expect(*state, "c", "new", "new");
    assert_int_equal(zl_store_count(*state), 2);
}

static void test_put_version_tells_the_unchanged(void **state)
{
    static const struct {
        uint64_t version;
        bool same;
    } STEPS[] = {{7, false}, {7, true}, {8, false}, {0, false}, {0, false}, {8, false}};
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        bool same = !STEPS[i].same;
        zl_ref_drop(zl_store_put_version(*state, "a", "x", object("x"), STEPS[i].version, &same));
        assert_int_equal(same, STEPS[i].same);
    }
}

struct readers {
    struct zl_store *store;
    atomic_bool stop;
    atomic_int reads;
};

static void *read_always(void *arg)
{
    struct readers *readers = arg;
    while (!atomic_load(&readers->stop)) {
        ZL_AUTO_REFS struct zl_refs refs = {0};
        zl_store_list(readers->store, NULL, &refs);
        ZL_AUTO_REF struct zl_ref *one = zl_store_find(readers->store, "a", "x1");
        if (one != NULL) {
            atomic_fetch_add(&readers->reads, *(const char *)zl_ref_object(one) == 'v');
        }
        for (size_t i = 0; i < refs.count; i++) {
            atomic_fetch_add(&readers->reads, *(const char *)zl_ref_object(refs.items[i]) == 'v');
        }
    }
    return NULL;
}

static void test_readers_and_a_writer_may_run_at_once(void **state)
{
    struct readers readers = {.store = *state};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, read_always, &readers);
    }
    for (int i = 0; i < 2000 || atomic_load(&readers.reads) == 0; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i % 7);
        if (i % 5 == 4) {
            zl_ref_drop(zl_store_remove(*state, "a", name));
        } else {
            put(*state, "a", name, "v");
        }
    }
    atomic_store(&readers.stop, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* An object "a,b" has the values "a" and "b". */
static void split(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    ZL_AUTO_FREE char *text = zl_strdup(object);
    char *rest = NULL;
    char *value = strtok_r(text, ",", &rest);
    for (; value != NULL; value = strtok_r(NULL, ",", &rest)) {
        add(ctx, value);
    }
}

static void first_letter(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    add(ctx, (const char[]){*(const char *)object, '\0'});
}

static const struct zl_indexer INDEXERS[] = {{0}, {.values = split}, {.values = first_letter}};

static void expect_by(struct zl_store *store, size_t index, const char *namespace_,
                      const char *value, size_t count)
{
    ZL_AUTO_REFS struct zl_refs found = {0};
    zl_store_list_by(store, index, namespace_, value, &found);
    if (found.count != count || zl_store_count_by(store, index, namespace_, value) != count) {
        fail_msg("%s in %s: %zu objects, not %zu", value, namespace_, found.count, count);
    }
    for (size_t i = 0; i < found.count; i++) {
        const char *text = zl_ref_object(found.items[i]);
        assert_non_null(strstr(text, value));
    }
}

static void test_an_object_is_found_by_each_of_its_values_while_it_has_them(void **state)
{
    zl_store_set_indexers(*state, INDEXERS, 3);
    put(*state, "n", "x", "red,round");
    put(*state, "n", "y", "red,red,square");
    put(*state, "m", "x", "red");
    expect_by(*state, 1, "n", "red", 2);
    expect_by(*state, 1, "n", "round", 1);
    expect_by(*state, 1, "m", "red", 1);
    expect_by(*state, 1, "m", "round", 0);
    expect_by(*state, 1, "nowhere", "red", 0);
    expect_by(*state, 2, "n", "r", 2);

    put(*state, "n", "x", "blue,round"); /* a new version */
    expect_by(*state, 1, "n", "red", 1);
    expect_by(*state, 1, "n", "blue", 1);
    expect_by(*state, 1, "n", "round", 1);
    expect_by(*state, 2, "n", "b", 1);

    zl_ref_drop(zl_store_remove(*state, "n", "y"));
    expect_by(*state, 1, "n", "red", 0);
    expect_by(*state, 1, "n", "square", 0);
}

static void test_a_sweep_takes_out_of_the_indexes_too(void **state)
{
    zl_store_set_indexers(*state, INDEXERS, 3);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        put(*state, "n", name, "red");
    }
    expect_by(*state, 1, "n", "red", 100);
    ZL_AUTO_REFS struct zl_refs gone = {0};
    zl_store_mark(*state);
    put(*state, "n", "x7", "red");
    zl_store_sweep(*state, NULL, &gone);
    assert_int_equal(gone.count, 99);
    expect_by(*state, 1, "n", "red", 1);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_name_is_found_in_its_namespace_only),
        TEST(test_put_returns_what_it_replaced),
        TEST(test_a_reader_keeps_its_version_after_it_was_replaced_and_removed),
        TEST(test_remove_of_the_absent_is_null),
        TEST(test_list_gives_one_namespace_or_all),
        TEST(test_sweep_takes_out_what_was_not_put_since_the_mark),
        TEST(test_put_version_tells_the_unchanged),
        TEST(test_an_object_is_found_by_each_of_its_values_while_it_has_them),
        TEST(test_a_sweep_takes_out_of_the_indexes_too),
        TEST(test_readers_and_a_writer_may_run_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
