/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/timeline.h"

#include "common/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S INT64_C(1000000)

struct scene {
    struct zl_board *board;
    struct zl_timeline *timeline;
};

static int setup(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    scene->board = zl_board_new();
    scene->timeline = zl_timeline_new(scene->board);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    zl_timeline_free(scene->timeline);
    zl_board_free(scene->board);
    free(scene);
    return 0;
}

static struct zl_lease *lease(const char *pod, int64_t token, int64_t at_us)
{
    struct zl_lease *made = zl_alloc(sizeof *made);
    made->namespace_ = zl_strdup("shop");
    made->pool = zl_strdup("web");
    made->holder_pod = zl_strdup(pod);
    made->holder_identity = zl_strdup(pod);
    made->fencing_token = token;
    made->acquire_us = at_us;
    return made;
}

static bool note_lease(struct scene *scene, struct zl_lease *taken_old, struct zl_lease *taken_new)
{
    const bool noted = zl_timeline_note_lease(scene->timeline, taken_old, taken_new, 99 * S);
    zl_lease_free(taken_old);
    zl_lease_free(taken_new);
    return noted;
}

static bool note_news(struct scene *scene, const char *name, const char *reason,
                      const char *message, int64_t at_us)
{
    char namespace_[] = "shop", kind[] = "LeaderPolicy", pool[] = "web";
    ZL_AUTO_FREE char *own_name = zl_strdup(name);
    ZL_AUTO_FREE char *own_reason = zl_strdup(reason);
    ZL_AUTO_FREE char *own_message = zl_strdup(message);
    const struct zl_news news = {.meta = {.namespace_ = namespace_, .name = own_name},
                                 .kind = kind,
                                 .name = pool,
                                 .reason = own_reason,
                                 .message = own_message,
                                 .at_us = at_us,
                                 .count = 1};
    return zl_timeline_note_news(scene->timeline, &news);
}

/* What is told of ID; the caller frees. */
static struct cJSON *entry(const struct scene *scene, const char *id)
{
    int64_t seen = 0;
    ZL_AUTO_FREE char *text = zl_board_tell(scene->board, &seen, 0);
    ZL_AUTO_FREE char *key = zl_asprintf("event %s", id);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    assert_int_equal(zl_json_parse(text, strlen(text), &tree, NULL), ZL_OK);
    const struct cJSON *row = zl_json_at(tree, "set", key, NULL);
    return row != NULL ? zl_json_copy(row) : NULL;
}

#define GONE "leader pod web-1 is gone; the next pod that is created leads"

static void test_a_change_and_its_cause_are_one_entry_whichever_comes_first(void **state)
{
    struct scene *scene = *state;
    for (int late = 0; late < 2; late++) {
        const int64_t token = 5 + late, at_us = (100 + 100 * late) * S;
        ZL_AUTO_FREE char *id = zl_asprintf("change/shop/web/%d", (int)token);
        if (late == 0) {
            assert_true(note_news(scene, "e0", "LeaderLost", GONE, at_us - 4 * S));
        }
        assert_true(note_lease(scene, lease("web-1", token - 1, 0), lease("web-2", token, at_us)));
        if (late == 1) {
            assert_true(note_news(scene, "e1", "LeaderLost", GONE, at_us + 1 * S));
        }
        ZL_AUTO_JSON struct cJSON *row = entry(scene, id);
        assert_string_equal(zl_json_text(row, "from", NULL), "web-1");
        assert_string_equal(zl_json_text(row, "to", NULL), "web-2");
        assert_string_equal(zl_json_text(row, "cause", NULL), GONE);
        assert_string_equal(zl_json_text(row, "reason", NULL), "LeaderLost");
        assert_int_equal(zl_board_count(scene->board), late + 1);
    }
}

static void test_an_event_of_long_ago_is_no_cause(void **state)
{
    struct scene *scene = *state;
    assert_true(note_news(scene, "e", "LeaderLost", GONE, 50 * S));
    assert_true(note_lease(scene, lease("web-1", 4, 0), lease("web-2", 5, 100 * S)));
    ZL_AUTO_JSON struct cJSON *row = entry(scene, "change/shop/web/5");
    assert_true(zl_json_is_null(zl_json_at(row, "cause", NULL)));
    assert_int_equal(zl_board_count(scene->board), 2);
}

static void test_the_event_of_an_election_is_the_same_change(void **state)
{
    struct scene *scene = *state;
    assert_true(
        note_news(scene, "a", "LeaderElected", "pod web-2 leads, fencing token 5", 100 * S));
    assert_true(note_lease(scene, lease("web-1", 4, 0), lease("web-2", 5, 100 * S)));
    assert_int_equal(zl_board_count(scene->board), 1);
    ZL_AUTO_JSON struct cJSON *row = entry(scene, "change/shop/web/5");
    assert_string_equal(zl_json_text(row, "from", NULL), "web-1");
    assert_false(
        note_news(scene, "a", "LeaderElected", "pod web-2 leads, fencing token 5", 100 * S));
    assert_true(zl_json_is_null(zl_json_at(row, "cause", NULL)));
    assert_true(note_news(scene, "a", "LeaderElected",
                          "pod web-2 leads, fencing token 5: pod web-1, which led, is gone",
                          101 * S));
    ZL_AUTO_JSON struct cJSON *later = entry(scene, "change/shop/web/5");
    assert_string_equal(zl_json_text(later, "cause", NULL), "pod web-1, which led, is gone");
    assert_int_equal(zl_board_count(scene->board), 1);
    /* A text of somebody else's is an Event like others. */
    assert_true(note_news(scene, "b", "LeaderElected", "pod x leads, fencing token -3", 100 * S));
    ZL_AUTO_JSON struct cJSON *other = entry(scene, "shop/b");
    assert_string_equal(zl_json_text(other, "type", NULL), "event");
}

static void test_a_renewal_is_no_change_and_who_released_it_is_remembered(void **state)
{
    struct scene *scene = *state;
    assert_false(note_lease(scene, lease("web-1", 4, 0), lease("web-1", 4, 0)));
    assert_false(note_lease(scene, lease("web-1", 4, 0), lease(NULL, 4, 0)));
    assert_false(note_lease(scene, lease(NULL, 4, 0), NULL));
    assert_true(note_lease(scene, lease(NULL, 4, 0), lease("web-2", 5, 100 * S)));
    ZL_AUTO_JSON struct cJSON *row = entry(scene, "change/shop/web/5");
    assert_string_equal(zl_json_text(row, "from", NULL), "web-1");
}

static void test_only_the_latest_are_kept(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 3 * ZL_TIMELINE_MAX; i++) {
        ZL_AUTO_FREE char *name = zl_asprintf("e%d", i);
        assert_true(note_news(scene, name, "Queued", "waits", (1000 + i) * S));
    }
    assert_false(note_news(scene, "old", "Queued", "waits", 1 * S));
    assert_int_equal(zl_board_count(scene->board), ZL_TIMELINE_MAX);
    ZL_AUTO_JSON struct cJSON *last = entry(scene, "shop/e599");
    assert_non_null(last);
}

/* --- Events as they are stored --- */

static struct zl_news *decode(const char *component, const char *reason, const char *message)
{
    struct zl_news *news = NULL;
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{\"metadata\":{\"name\":\"e\",\"namespace\":\"shop\",\"uid\":\"u\"},\"involvedObject\":"
        "{\"kind\":\"ReplicaSet\",\"name\":\"web-5\"},\"source\":{\"component\":\"%s\"},"
        "\"reason\":\"%s\",\"message\":\"%s\",\"type\":\"Warning\",\"count\":3,"
        "\"lastTimestamp\":\"2026-01-02T03:00:00Z\"}",
        component, reason, message);
    assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
    assert_int_equal(zl_news_decode(object, &news, NULL), ZL_OK);
    return news;
}

static void test_only_our_events_and_refusals_by_us_are_news(void **state)
{
    struct scene *scene = *state;
    assert_null(decode("kubelet", "Pulled", "image"));
    assert_null(decode("replicaset-controller", "FailedCreate", "exceeded quota"));
    struct zl_news *news = decode(
        "replicaset-controller", "FailedCreate",
        "Error creating: admission webhook denied the request: zen-lead: pool \\\"web\\\" has a "
        "leader; only the leader's pod is allowed, followers wait (followerMode: scaleDown)");
    assert_non_null(news);
    assert_int_equal(news->count, 3);
    assert_true(news->warning);
    assert_true(zl_timeline_note_news(scene->timeline, news));
    ZL_AUTO_JSON struct cJSON *row = entry(scene, "shop/e");
    assert_string_equal(zl_json_text(row, "type", NULL), "refusal");
    assert_string_equal(zl_json_text(row, "name", NULL), "web-5");
    assert_string_equal(zl_json_text(row, "pool", NULL), "web");
    assert_non_null(zl_json_text(row, "explanation", "do", NULL));
    zl_news_free(news);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_and_its_cause_are_one_entry_whichever_comes_first),
        TEST(test_an_event_of_long_ago_is_no_cause),
        TEST(test_the_event_of_an_election_is_the_same_change),
        TEST(test_a_renewal_is_no_change_and_who_released_it_is_remembered),
        TEST(test_only_the_latest_are_kept),
        TEST(test_only_our_events_and_refusals_by_us_are_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
