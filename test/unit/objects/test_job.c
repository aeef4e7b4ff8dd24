/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/job.h"
#include "test/unit/pruned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cJSON *parse(const char *text)
{
    struct cJSON *json = NULL;
    struct zl_error err = {0};
    if (zl_json_parse(text, strlen(text), &json, &err) != ZL_OK) {
        fail_msg("%s: %s", err.message, text);
    }
    return json;
}

#define OWNER(kind)                                                                                \
    "\"ownerReferences\":[{\"kind\":\"" kind                                                       \
    "\",\"name\":\"tick\",\"uid\":\"c\",\"controller\":true}]"
#define JOB(name, meta, rest) "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"u\"" meta "}" rest "}"
#define NOTES(text) ",\"annotations\":{" text "}"

static const struct tick_row {
    const char *json;
    int64_t tick_s;
} TICK_ROWS[] = {
    {JOB("tick-28000000", "," OWNER("CronJob"), ""), INT64_C(28000000) * 60},
    {JOB("tick-1680000000", "," OWNER("CronJob"), ""), 1680000000},
    {JOB("tick-28000000",
         "," OWNER("CronJob") NOTES(
             "\"batch.kubernetes.io/cronjob-scheduled-timestamp\":\"2026-01-02T03:04:00+01:00\""),
         ""),
     1767319440},
    /* An annotation that is no time does not hide the name. */
    {JOB("tick-28000000",
         "," OWNER("CronJob") NOTES("\"batch.kubernetes.io/cronjob-scheduled-timestamp\":\"soon\""),
         ""),
     INT64_C(28000000) * 60},
    {JOB("tick-28000000",
         "," OWNER("CronJob") NOTES("\"cronjob.kubernetes.io/instantiate\":\"manual\""), ""),
     0},
    {JOB("tick-28000000", "," OWNER("Workflow"), ""), 0},
    {JOB("tick-28000000", "", ""), 0},
    {JOB("tick-by-hand", "," OWNER("CronJob"), ""), 0},
    {JOB("tick-", "," OWNER("CronJob"), ""), 0},
    {JOB("tick-0", "," OWNER("CronJob"), ""), 0},
    {JOB("tick--5", "," OWNER("CronJob"), ""), 0},
    {JOB("tick-99999999999999999999", "," OWNER("CronJob"), ""), 0},
    {JOB("other-28000000", "," OWNER("CronJob"), ""), 0},
    {JOB("tick", "," OWNER("CronJob"), ""), 0},
};

static void test_tick_is_read_from_annotation_or_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof TICK_ROWS / sizeof TICK_ROWS[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(TICK_ROWS[i].json);
        struct zl_job *job = NULL;
        assert_int_equal(zl_job_decode(zl_prune(ZL_JOB_SHAPE, &json), &job, NULL), ZL_OK);
        if (job->tick_s != TICK_ROWS[i].tick_s) {
            fail_msg("row %zu: %lld", i, (long long)job->tick_s);
        }
        zl_job_free(job);
    }
}

static const struct state_row {
    const char *json;
    bool finished, failed, paused, ours;
} STATE_ROWS[] = {
    {JOB("j", "", ""), false, false, false, false},
    {JOB("j", "", ",\"spec\":{\"suspend\":true}"), false, false, true, false},
    {JOB("j", NOTES("\"zen-lead.io/queued\":\"2026-01-01T00:00:00Z\""),
         ",\"spec\":{\"suspend\":true}"),
     false, false, false, true},
    /* Queued on a server that cannot suspend, or resumed by somebody. */
    {JOB("j", NOTES("\"zen-lead.io/queued\":\"2026-01-01T00:00:00Z\""),
         ",\"spec\":{\"suspend\":false}"),
     false, false, false, true},
    {JOB("j", "", ",\"spec\":{\"parallelism\":0}"), false, false, true, false},
    {JOB("j", "", ",\"status\":{\"conditions\":[{\"type\":\"Complete\",\"status\":\"True\"}]}"),
     true, false, false, false},
    {JOB("j", "", ",\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\"}]}"), true,
     true, false, false},
    {JOB("j", "",
         ",\"status\":{\"conditions\":[{\"type\":\"Suspended\",\"status\":\"True\"},{\"type\":"
         "\"Complete\",\"status\":\"False\"}]}"),
     false, false, false, false},
    /* On its way out: its pods still end (1.31 and later). */
    {JOB("j", "",
         ",\"status\":{\"conditions\":[{\"type\":\"FailureTarget\",\"status\":\"True\"},{\"type\":"
         "\"SuccessCriteriaMet\",\"status\":\"True\"}]}"),
     false, false, false, false},
};

static void test_state_of_a_job(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof STATE_ROWS / sizeof STATE_ROWS[0]; i++) {
        const struct state_row *row = &STATE_ROWS[i];
        ZL_AUTO_JSON struct cJSON *json = parse(row->json);
        struct zl_job *job = NULL;
        assert_int_equal(zl_job_decode(zl_prune(ZL_JOB_SHAPE, &json), &job, NULL), ZL_OK);
        if (job->finished != row->finished || job->failed != row->failed ||
            zl_job_is_paused(job) != row->paused || job->queued != row->ours) {
            fail_msg("row %zu", i);
        }
        zl_job_free(job);
    }
}

#define CRON(meta, job, pod)                                                                       \
    "{\"metadata\":{\"name\":\"c\",\"uid\":\"u\"" meta                                             \
    "},\"spec\":{\"jobTemplate\":{\"metadata\":{" job                                              \
    "},\"spec\":{\"template\":{\"metadata\":{" pod "}}}}}}"
#define LABEL(pool) "\"labels\":{\"zen-lead/pool\":\"" pool "\"}"
#define NOTE(pool) "\"annotations\":{\"zen-lead/pool\":\"" pool "\"}"
#define OUT "\"annotations\":{\"zen-lead/join\":\"false\"}"

static const struct pool_row {
    const char *json, *pool;
} POOL_ROWS[] = {
    {CRON("," LABEL("a"), "", ""), "a"},
    {CRON("," NOTE("a"), "", ""), "a"},
    {CRON("", LABEL("b"), ""), "b"},
    {CRON("", NOTE("b"), ""), "b"},
    {CRON("", "", NOTE("c")), "c"},
    {CRON("", "", LABEL("c")), NULL},
    {CRON("," LABEL("a"), LABEL("b"), ""), "a"},
    {CRON("," LABEL("a"), OUT, ""), NULL},
    {CRON("," LABEL("a") "," OUT, "", ""), NULL},
    {CRON("," OUT, LABEL("b"), ""), NULL},
    {CRON("," LABEL("a"), "", OUT), NULL},
    {CRON("", "", ""), NULL},
};

static void test_cronjob_joins_by_its_keys_or_its_template(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof POOL_ROWS / sizeof POOL_ROWS[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(POOL_ROWS[i].json);
        struct zl_cronjob *cronjob = NULL;
        assert_int_equal(zl_cronjob_decode(zl_prune(ZL_CRONJOB_SHAPE, &json), &cronjob, NULL),
                         ZL_OK);
        if (!zl_same_string(cronjob->pool, POOL_ROWS[i].pool)) {
            fail_msg("row %zu: %s", i, cronjob->pool != NULL ? cronjob->pool : "none");
        }
        assert_int_equal(cronjob->starting_deadline_s, -1);
        zl_cronjob_free(cronjob);
    }
}

static void test_a_job_made_by_hand_belongs_to_its_cronjob(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *json = parse(
        "{\"metadata\":{\"name\":\"tick-28000000\",\"uid\":\"u\",\"ownerReferences\":["
        "{\"kind\":\"Other\",\"name\":\"o\",\"uid\":\"x\"},"
        "{\"apiVersion\":\"batch/v1\",\"kind\":\"CronJob\",\"name\":\"tick\",\"uid\":\"c\"}]}}");
    struct zl_job *job = NULL;
    assert_int_equal(zl_job_decode(zl_prune(ZL_JOB_SHAPE, &json), &job, NULL), ZL_OK);
    assert_string_equal(job->meta.controller.kind, "CronJob");
    assert_string_equal(job->meta.controller.name, "tick");
    assert_string_equal(job->meta.controller.uid, "c");
    assert_int_equal(job->tick_s, 0); /* no schedule made it, whatever its name */
    zl_job_free(job);
}

static void test_a_job_without_name_or_uid_is_refused(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *json = parse("{\"metadata\":{\"name\":\"j\"}}");
    struct zl_job *job = NULL;
    struct zl_cronjob *cronjob = NULL;
    struct zl_error err = {0};
    assert_int_equal(zl_job_decode(zl_prune(ZL_JOB_SHAPE, &json), &job, &err), ZL_E_INVALID);
    assert_null(job);
    assert_int_equal(zl_cronjob_decode(zl_prune(ZL_CRONJOB_SHAPE, &json), &cronjob, &err),
                     ZL_E_INVALID);
    assert_null(cronjob);
}

/* Pods of a Job carry job-name, unless its user chose their labels. */
static void test_a_manual_selector_is_kept_and_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *json, *selector;
    } ROWS[] = {
        {JOB("a", "", ",\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}}"), NULL},
        {JOB("a", "",
             ",\"spec\":{\"manualSelector\":true,\"selector\":{\"matchLabels\":{\"a\":\"b\"}}}"),
         "a=b"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_error err = {0};
        struct zl_job *job = NULL;
        ZL_AUTO_JSON struct cJSON *json = parse(ROWS[i].json);
        assert_int_equal(zl_job_decode(zl_prune(ZL_JOB_SHAPE, &json), &job, &err), ZL_OK);
        assert_true(zl_same_string(job->own_selector, ROWS[i].selector));
        zl_job_free(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_manual_selector_is_kept_and_no_other),
        cmocka_unit_test(test_tick_is_read_from_annotation_or_name),
        cmocka_unit_test(test_state_of_a_job),
        cmocka_unit_test(test_cronjob_joins_by_its_keys_or_its_template),
        cmocka_unit_test(test_a_job_made_by_hand_belongs_to_its_cronjob),
        cmocka_unit_test(test_a_job_without_name_or_uid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
