/* SPDX-License-Identifier: Apache-2.0 */
/* Whom `handover` and `release` ask, and what they make of the answer. */
#include "client/handover/ask.h"

#include "common/objects/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US INT64_C(1767225600000000)
#define FOREIGN(until, token) "{\"token\":" token ",\"until\":\"" until "\",\"by\":\"ann\"}"

static char pool[] = "web", ns[] = "shop", a[] = "web-a", uid_a[] = "uid-a", b[] = "web-b";
static char uid_b[] = "uid-b", identity[] = "web-a_uid-a", job[] = "j", nobody[] = "";

static const struct zl_policy SCALE_DOWN = {.meta = {.name = pool, .namespace_ = ns}};
static const struct zl_policy STANDBY = {.meta = {.name = pool, .namespace_ = ns}, .standby = true};
static const struct zl_pod A = {.meta = {.name = a, .uid = uid_a}};
static const struct zl_pod B = {.meta = {.name = b, .uid = uid_b}};
static const struct zl_pod B_LEAVING = {.meta = {.name = b, .uid = uid_b, .deleting = true}};

#define HELD .holder_identity = identity, .holder_pod = a, .holder_uid = uid_a, .fencing_token = 17
static const struct zl_lease BY_A = {HELD};
static const struct zl_lease CLAIMED = {HELD, .provisional = true};
static const struct zl_lease OF_JOBS = {HELD, .turn_job = job, .turn_uid = job};
static const struct zl_lease FREE = {.holder_identity = nobody, .fencing_token = 17};
static const struct zl_lease SUCCEEDED = {HELD, .successor_pod = b, .successor_uid = uid_b};

static void test_what_would_be_refused_in_any_case_is_not_asked(void **state)
{
    (void)state;
    static const struct {
        const struct zl_policy *policy;
        const struct zl_lease *lease;
        const char *to;
        const struct zl_pod *pod;
        enum zl_ask ask;
        const char *reason; /* a part of it */
    } rows[] = {
        {&STANDBY, &BY_A, b, &B, ZL_ASK_NOW, NULL},
        {&STANDBY, &BY_A, NULL, NULL, ZL_ASK_NOW, NULL},
        {&SCALE_DOWN, &BY_A, NULL, NULL, ZL_ASK_NOW, NULL},
        {&SCALE_DOWN, &SUCCEEDED, b, &B, ZL_ASK_NOW, NULL},
        {&STANDBY, &BY_A, a, &A, ZL_ASK_LEADS, NULL},
        {&STANDBY, &BY_A, b, NULL, ZL_ASK_REFUSED, "no pod web-b in namespace shop"},
        {&STANDBY, &BY_A, b, &B_LEAVING, ZL_ASK_REFUSED, "on its way out"},
        {&SCALE_DOWN, &BY_A, b, &B, ZL_ASK_REFUSED, "zen-lead release web"},
        {&STANDBY, NULL, b, &B, ZL_ASK_REFUSED, "nobody leads pool web"},
        {&STANDBY, &FREE, NULL, NULL, ZL_ASK_REFUSED, "nobody leads pool web"},
        {&SCALE_DOWN, &CLAIMED, NULL, NULL, ZL_ASK_REFUSED, "not there yet"},
        {&SCALE_DOWN, &OF_JOBS, NULL, NULL, ZL_ASK_REFUSED, "of Jobs"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct zl_ask_facts facts = {rows[i].policy, rows[i].lease, rows[i].to, rows[i].pod,
                                           NOW_US};
        ZL_AUTO_FREE char *reason = NULL;
        const enum zl_ask ask = zl_ask_judge(&facts, &reason);
        if (ask != rows[i].ask || (reason == NULL) != (rows[i].reason == NULL) ||
            (reason != NULL && strstr(reason, rows[i].reason) == NULL)) {
            fail_msg("row %zu: %d, %s", i, (int)ask, reason != NULL ? reason : "no reason");
        }
    }
}

static void test_only_a_request_that_still_stands_is_in_the_way(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        enum zl_ask ask;
    } rows[] = {
        {FOREIGN("2026-01-01T00:00:30Z", "17"), ZL_ASK_REFUSED},
        {FOREIGN("2026-01-01T00:00:30Z", "16"), ZL_ASK_NOW},
        {FOREIGN("2025-12-31T23:59:59Z", "17"), ZL_ASK_NOW},
        {"", ZL_ASK_NOW},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_lease lease = BY_A;
        ZL_AUTO_FREE char *text = zl_strdup(rows[i].request);
        lease.request = text;
        const struct zl_ask_facts facts = {&STANDBY, &lease, NULL, NULL, NOW_US};
        ZL_AUTO_FREE char *reason = NULL;
        assert_int_equal(zl_ask_judge(&facts, &reason), rows[i].ask);
        assert_true(reason == NULL || strstr(reason, "ann") != NULL);
    }
}

static void test_the_lease_says_what_became_of_it(void **state)
{
    (void)state;
    static const struct {
        int64_t token;
        bool held, provisional, asked;
        enum zl_ask_outcome outcome;
    } rows[] = {
        {17, true, false, true, ZL_ASK_WAITS},   /* not answered yet */
        {17, false, false, false, ZL_ASK_WAITS}, /* the leader is gone, the next one comes */
        {18, true, true, false, ZL_ASK_WAITS},   /* it was let in */
        {18, true, false, false, ZL_ASK_DONE},   /* and leads */
        {17, true, false, false, ZL_ASK_DROPPED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct zl_lease lease = {.holder_identity = rows[i].held ? identity : nobody,
                                       .provisional = rows[i].provisional,
                                       .fencing_token = rows[i].token,
                                       .request = rows[i].asked ? job : NULL};
        assert_int_equal(zl_ask_outcome_of(&lease, 17), rows[i].outcome);
    }
    assert_int_equal(zl_ask_outcome_of(NULL, 17), ZL_ASK_WAITS);
}

static void test_the_patch_is_a_compare_and_swap_of_one_annotation(void **state)
{
    (void)state;
    static char version[] = "5";
    const struct zl_lease lease = {.resource_version = version};
    const struct zl_request request = {.token = 17, .until_us = NOW_US};
    ZL_AUTO_JSON struct cJSON *put = zl_ask_patch(&lease, &request);
    ZL_AUTO_JSON struct cJSON *take = zl_ask_patch(&lease, NULL);
    ZL_AUTO_FREE char *text = zl_json_print(take);
    assert_string_equal(zl_json_text(put, "metadata", "resourceVersion", NULL), "5");
    assert_string_equal(zl_json_text(put, "metadata", "annotations", ZL_KEY_REQUEST, NULL),
                        "{\"token\":17,\"until\":\"2026-01-01T00:00:00Z\",\"by\":\"somebody\"}");
    assert_string_equal(text, "{\"metadata\":{\"annotations\":{\"" ZL_KEY_REQUEST
                              "\":null},\"resourceVersion\":\"5\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_be_refused_in_any_case_is_not_asked),
        cmocka_unit_test(test_only_a_request_that_still_stands_is_in_the_way),
        cmocka_unit_test(test_the_lease_says_what_became_of_it),
        cmocka_unit_test(test_the_patch_is_a_compare_and_swap_of_one_annotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
