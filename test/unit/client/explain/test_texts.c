/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `explain` knows against all that the webhook can say: the gatekeeper's outcomes themselves, and the validator's texts as
 * they stand in its source, so that a new one without its row fails here.
 */
#include "client/explain/texts.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/parse.h"
#include "common/objects/budget.h"
#include "webhook/gatekeeper/decide.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *const SOURCES[] = {"common/validation", "webhook/validator"};

/* Exactly one row has its fragment in TEXT; "policy_invalid" stands around others. */
static const struct zl_known_text *explained(const char *text)
{
    const struct zl_known_text *found = NULL;
    for (const struct zl_known_text *row = ZL_KNOWN_TEXTS; row->id != NULL; row++) {
        if (strstr(text, row->fragment) == NULL || strcmp(row->id, "policy_invalid") == 0) {
            continue;
        }
        if (found != NULL) {
            fail_msg("\"%s\" is both %s and %s", text, found->id, row->id);
        }
        found = row;
    }
    if (found == NULL) {
        fail_msg("no row of client/explain/texts.c explains \"%s\"", text);
    }
    assert_ptr_equal(zl_known_text_find(text), found);
    return found;
}

static void test_every_refusal_of_a_pod_is_known_by_the_reason_that_the_metrics_have(void **state)
{
    (void)state;
    for (int i = 0; i < ZL_OUTCOME_COUNT; i++) {
        const enum zl_outcome outcome = (enum zl_outcome)i;
        ZL_AUTO_FREE char *message = zl_outcome_message(outcome, "web");
        if (message == NULL) {
            continue;
        }
        const struct zl_known_text *row = explained(message);
        const char *name = zl_outcome_name(outcome);
        const bool turn = strncmp(name, "turn_", 5) == 0 || strcmp(name, "queued") == 0;
        assert_string_equal(row->id, turn ? "turn" : name);
        assert_int_equal(row->refuses, !zl_outcome_allows(outcome));
        ZL_AUTO_FREE char *pool = zl_known_text_pool(message);
        assert_true(pool == NULL || strcmp(pool, "web") == 0);
    }
}

/* --- the validator's, out of its source --- */

/* The end of the argument that begins at AT: a ',' or ')' of this call. */
static const char *argument_end(const char *at)
{
    int depth = 0;
    for (bool quoted = false; *at != '\0'; at++) {
        if (*at == '\\' && quoted) {
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && (*at == '(' || *at == ')' || *at == ',') && depth == 0 &&
                   *at != '(') {
            return at;
        } else if (!quoted) {
            depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
        }
    }
    fail_msg("a call without an end");
    return at;
}

/* The text of the format FROM..TO: literals as they are, "%s" and macros as "x". The caller frees. */
static char *sample_of(const char *from, const char *to)
{
    ZL_AUTO_BUF struct zl_buf out;
    zl_buf_init(&out, 4 * ZL_KIB);
    bool quoted = false;
    for (const char *at = from; at < to; at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && *at >= 'A' && *at <= 'Z') {
            (void)zl_buf_add_text(&out, "x");
            at += strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") - 1;
        } else if (quoted && *at == '%') {
            (void)zl_buf_add_text(&out, "x");
            at += strspn(at, "%.0123456789lz");
        } else if (quoted) {
            at += *at == '\\';
            (void)zl_buf_printf(&out, "%c", *at);
        }
    }
    return zl_buf_take(&out);
}

/* What the calls of FUNCTION in SOURCE say. ARGUMENT: the format's, from 0. @return how many */
static int check_calls(const char *source, const char *function, int argument)
{
    int count = 0;
    const size_t length = strlen(function);
    for (const char *at = strstr(source, function); at != NULL; at = strstr(at + 1, function)) {
        const char *from = at + length;
        for (int i = 0; i < argument; i++) {
            from = argument_end(from) + 1;
        }
        ZL_AUTO_FREE char *sample = sample_of(from, argument_end(from));
        if (strcmp(sample, "x") == 0) {
            continue; /* somebody else's words: the complaints */
        }
        (void)explained(sample);
        count++;
    }
    return count;
}

/* @return how many texts */
static int check_folder(const char *name)
{
    DIR *folder = opendir(name);
    int count = 0;
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".c") != 0 || strcmp(entry->d_name, "findings.c") == 0) {
            continue;
        }
        ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", name, entry->d_name);
        char *text = NULL;
        assert_int_equal(zl_file_read(path, &text, NULL, NULL), ZL_OK);
        count += check_calls(text, "zl_findings_warn(", 2);
        count += check_calls(text, "zl_findings_error(", 3);
        free(text);
    }
    (void)closedir(folder);
    return count;
}

static void test_every_error_and_warning_of_the_validator_is_known(void **state)
{
    int count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof SOURCES / sizeof SOURCES[0]; i++) {
        count += check_folder(SOURCES[i]);
    }
    print_message("%d texts\n", count);
    assert_in_range(count, 35, 1000);
}

static void test_complaints_about_other_peoples_objects_are_known(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *budget = zl_budget_complaint(NULL, "Deployment", "web", 3);
    ZL_AUTO_FREE char *autoscaler = zl_autoscaler_complaint(NULL, "Deployment", "web");
    assert_string_equal(explained(budget)->id, "budget");
    assert_string_equal(explained(autoscaler)->id, "autoscaler");
}

static void test_texts_come_through_others_and_strangers_are_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id, *pool;
    } rows[] = {
        {"Error creating: admission webhook \"pods.zen-lead.kube-zen.io\" denied the request: "
         "zen-lead: pool \"web\" has a leader; only the leader's pod is allowed, followers wait "
         "(followerMode: scaleDown)",
         "follower", "web"},
        {"Error creating: Internal error occurred: failed calling webhook "
         "\"pods.zen-lead.kube-zen.io\": Post \"https://zen-lead-webhook\": x509: certificate "
         "signed by unknown authority",
         "webhook_unreachable", NULL},
        {"The LeaderPolicy \"web\" is invalid: spec.retryPeriodSeconds: Invalid value: 12: must be "
         "less than spec.renewDeadlineSeconds (10); e.g. 2",
         "policy_order", NULL},
        {"LeaderPolicy.coordination.kube-zen.io \"web\" is invalid: something of tomorrow",
         "policy_invalid", NULL},
        {"pods \"a\" is forbidden: exceeded quota: pods", NULL, NULL},
        {"", NULL, NULL},
        {"pool \"cut", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct zl_known_text *row = zl_known_text_find(rows[i].text);
        ZL_AUTO_FREE char *pool = zl_known_text_pool(rows[i].text);
        assert_int_equal(row != NULL, rows[i].id != NULL);
        assert_true(row == NULL || strcmp(row->id, rows[i].id) == 0);
        assert_true(zl_same_string(pool, rows[i].pool));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal_of_a_pod_is_known_by_the_reason_that_the_metrics_have),
        cmocka_unit_test(test_every_error_and_warning_of_the_validator_is_known),
        cmocka_unit_test(test_complaints_about_other_peoples_objects_are_known),
        cmocka_unit_test(test_texts_come_through_others_and_strangers_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
