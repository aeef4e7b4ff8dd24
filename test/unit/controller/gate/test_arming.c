/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/arming.h"

#include "common/kube/client.h"
#include "controller/gate/armings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NONCE "00ff00ff00ff00ff"
#define REFUSAL                                                                                    \
    "admission webhook \"pods.zen-lead.kube-zen.io\" denied the request: zen-lead: the "           \
    "gatekeeper is armed (probe "

enum { LONG = 3600000 }; /* since the entry changed */

/* --- what the API server's answer means --- */

static const struct {
    const char *name;
    enum zl_status status;
    struct zl_error err;
    enum zl_probe probe;
} ANSWERS[] = {
    {"created", ZL_OK, {0}, ZL_PROBE_PASSED},
    {"our refusal",
     ZL_E_DENIED,
     {.http_status = 403, .message = "POST leaderpolicies: " REFUSAL NONCE ")"},
     ZL_PROBE_REFUSED},
    {"a refusal with another nonce: an answer to somebody else",
     ZL_E_DENIED,
     {.http_status = 403, .message = REFUSAL "1234)"},
     ZL_PROBE_FAILED},
    {"a refusal by another webhook, which shows the object",
     ZL_E_DENIED,
     {.http_status = 403,
      .message = "admission webhook \"x.example.com\" denied the request: zen-lead-probe-" NONCE},
     ZL_PROBE_FAILED},
    {"a refusal by a sibling of the entry, which does not cover pods",
     ZL_E_DENIED,
     {.http_status = 403,
      .message = "admission webhook \"policies.zen-lead.kube-zen.io\" denied the request: " NONCE},
     ZL_PROBE_FAILED},
    {"our words with another code",
     ZL_E_INVALID,
     {.http_status = 400, .message = REFUSAL NONCE ")"},
     ZL_PROBE_FAILED},
    {"RBAC",
     ZL_E_DENIED,
     {.http_status = 403,
      .reason = "Forbidden",
      .message = "leaderpolicies is forbidden: User \"x\" cannot create"},
     ZL_PROBE_FAILED},
    {"no answer of the webhook, 1.20",
     ZL_E_TRANSIENT,
     {.http_status = 500,
      .message =
          "Internal error occurred: failed calling webhook \"pods.zen-lead.kube-zen.io\": Post"},
     ZL_PROBE_UNREACHABLE},
    {"no answer of the webhook, newer",
     ZL_E_TRANSIENT,
     {.http_status = 500,
      .message =
          "Internal error occurred: failed calling webhook \"policies.zen-lead.kube-zen.io\": "
          "failed to call webhook: Post"},
     ZL_PROBE_UNREACHABLE},
    {"no answer of another webhook",
     ZL_E_TRANSIENT,
     {.http_status = 500,
      .message = "Internal error occurred: failed calling webhook \"x.example.com\": Post"},
     ZL_PROBE_FAILED},
    {"another webhook with a name like ours",
     ZL_E_TRANSIENT,
     {.http_status = 500, .message = "failed calling webhook \"zen-lead.kube-zen.io\": Post"},
     ZL_PROBE_FAILED},
    {"cut in the middle of the name",
     ZL_E_TRANSIENT,
     {.http_status = 500, .message = "failed calling webhook \"pods.zen-lead.kube-zen.io"},
     ZL_PROBE_FAILED},
    {"the namespace is on its way out",
     ZL_E_DENIED,
     {.http_status = 403, .reason = ZL_REASON_NAMESPACE_TERMINATING, .message = "x"},
     ZL_PROBE_TERMINATING},
    {"the namespace is gone",
     ZL_E_NOT_FOUND,
     {.http_status = 404, .reason = "NotFound", .message = "namespaces \"x\" not found"},
     ZL_PROBE_TERMINATING},
    {"no connection", ZL_E_TRANSIENT, {.message = "connection refused"}, ZL_PROBE_FAILED},
};

static void test_answers_to_a_probe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        enum zl_probe probe = zl_probe_judge(ANSWERS[i].status, &ANSWERS[i].err, NONCE);
        if (probe != ANSWERS[i].probe) {
            fail_msg("%s: %s", ANSWERS[i].name, zl_probe_name(probe));
        }
    }
}

/* --- the condition --- */

#define COVERED .read = true, .entry = true, .selected = true

static const struct {
    const char *name;
    struct zl_arming_facts facts;
    bool probes;
    enum zl_arming arming;
} VERDICTS[] = {
    {"excluded, whatever else is known",
     {COVERED, .excluded = true},
     false,
     ZL_ARMING_EXCLUDED_NAMESPACE},
    {"the configuration was not looked for: it is not known to be missing",
     {0},
     false,
     ZL_ARMING_PROBING},
    {"no configuration, or no entry", {.read = true}, false, ZL_ARMING_CONFIGURATION_MISSING},
    {"not selected yet", {.read = true, .entry = true}, false, ZL_ARMING_PROBING},
    {"somebody keeps taking it out",
     {.read = true, .entry = true, .contested = true},
     false,
     ZL_ARMING_CONTESTED},
    {"somebody keeps changing it, but it is selected",
     {COVERED, .contested = true, .probe = ZL_PROBE_REFUSED},
     true,
     ZL_ARMING_ARMED},
    {"selected by somebody's hand no more: what was proven holds no longer",
     {.read = true, .entry = true, .was_armed = true},
     false,
     ZL_ARMING_PROBING},
    {"refused", {COVERED, .probe = ZL_PROBE_REFUSED}, true, ZL_ARMING_ARMED},
    {"passes: the API server does not know the selector yet",
     {COVERED, .probe = ZL_PROBE_PASSED, .labelled = true, .attempts = 1},
     true,
     ZL_ARMING_PROBING},
    {"passes although it was armed: no benefit of doubt",
     {COVERED, .probe = ZL_PROBE_PASSED, .labelled = true, .attempts = 1, .was_armed = true},
     true,
     ZL_ARMING_PROBING},
    {"passes often, but not for long",
     {COVERED, .probe = ZL_PROBE_PASSED, .labelled = true, .attempts = 30, .failing_ms = 4999},
     true,
     ZL_ARMING_PROBING},
    {"passes for long",
     {COVERED, .probe = ZL_PROBE_PASSED, .labelled = true, .attempts = 8, .failing_ms = 5000},
     true,
     ZL_ARMING_NOT_INTERCEPTED},
    {"passes for want of the label",
     {COVERED, .probe = ZL_PROBE_PASSED, .attempts = 1},
     true,
     ZL_ARMING_NAMESPACE_NOT_LABELLED},
    {"no answer, never armed",
     {COVERED, .probe = ZL_PROBE_UNREACHABLE, .attempts = 1},
     true,
     ZL_ARMING_WEBHOOK_UNREACHABLE},
    {"no answer once, armed",
     {COVERED, .probe = ZL_PROBE_UNREACHABLE, .attempts = 1, .was_armed = true},
     true,
     ZL_ARMING_ARMED},
    {"no answer twice, armed",
     {COVERED, .probe = ZL_PROBE_UNREACHABLE, .attempts = 2, .was_armed = true},
     true,
     ZL_ARMING_WEBHOOK_UNREACHABLE},
    {"failed once, armed",
     {COVERED, .probe = ZL_PROBE_FAILED, .attempts = 1, .was_armed = true},
     true,
     ZL_ARMING_ARMED},
    {"failed twice, armed",
     {COVERED, .probe = ZL_PROBE_FAILED, .attempts = 2, .was_armed = true},
     true,
     ZL_ARMING_PROBE_FAILED},
};

static void test_verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VERDICTS / sizeof VERDICTS[0]; i++) {
        enum zl_arming arming = zl_arming_judge(&VERDICTS[i].facts);
        if (arming != VERDICTS[i].arming ||
            zl_arming_needs_probe(&VERDICTS[i].facts) != VERDICTS[i].probes) {
            fail_msg("%s: %s", VERDICTS[i].name, zl_arming_reason(arming));
        }
    }
}

static void test_every_verdict_has_a_reason_and_a_message(void **state)
{
    (void)state;
    for (int i = 0; i < ZL_ARMING_COUNT; i++) {
        ZL_AUTO_FREE char *message = zl_arming_message((enum zl_arming)i, "shop", "detail");
        assert_true(strlen(zl_arming_reason((enum zl_arming)i)) > 0);
        assert_true(strlen(message) > 20);
    }
    ZL_AUTO_FREE char *cure = zl_arming_message(ZL_ARMING_NAMESPACE_NOT_LABELLED, "shop", "");
    assert_non_null(strstr(cure, "kubectl label namespace shop kubernetes.io/metadata.name=shop"));
}

/* A message that is another one at each probe would be a write of every LeaderPolicy's status each time. */
static void test_details_are_the_same_for_every_probe(void **state)
{
    (void)state;
    struct zl_arming_state said = {0};
    zl_arming_say(
        &said,
        "leaderpolicies \"zen-lead-probe-00ff00ff00ff00ff\" is forbidden: label team is required");
    assert_string_equal(said.detail,
                        "leaderpolicies \"zen-lead-probe-\" is forbidden: label team is required");
    zl_arming_say(&said, NULL);
    assert_string_equal(said.detail, "");
    char text[2 * ZL_ARMING_DETAIL_MAX];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    zl_arming_say(&said, text);
    assert_true(strlen(said.detail) < ZL_ARMING_DETAIL_MAX);
}

static void test_looks_are_quick_while_arming_and_rare_when_armed(void **state)
{
    (void)state;
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_PROBING, 1, 1, LONG), 50);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_PROBING, 3, 1, LONG), 200);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_PROBING, 60, 1, LONG), 5000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_PROBING, 0, 1, LONG), 1000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 0, 1, LONG), 60000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 0, 2000, LONG), 200000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 1, 2000, LONG), 1000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_WEBHOOK_UNREACHABLE, 9, 1, LONG), 5000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_WEBHOOK_UNREACHABLE, 9, 100, LONG), 10000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_CONFIGURATION_MISSING, 0, 1, LONG), 0);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_EXCLUDED_NAMESPACE, 0, 1, LONG), 0);
}

/* The API server refused by the entry as it was: it hears of a change by a watch of its own, perhaps after us. */
static void test_a_refusal_just_after_a_change_of_the_entry_is_looked_at_once_more(void **state)
{
    (void)state;
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 0, 1, 0), 5000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 0, 1, 4999), 5000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 0, 1, 5000), 60000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 0, 2000, 0), 200000);
    assert_int_equal(zl_arming_look_again_ms(ZL_ARMING_ARMED, 1, 1, 0), 1000);
}

/* --- what is known of each namespace --- */

static void test_a_verdict_changes_once(void **state)
{
    (void)state;
    struct zl_arming_state found = {0};
    size_t armed = 0;
    struct zl_armings *armings = zl_armings_new();
    struct zl_arming_state look = zl_armings_begin(armings, "a");
    assert_int_equal(look.arming, ZL_ARMING_PROBING);
    assert_false(zl_armings_find(armings, "a", &found));

    assert_true(zl_armings_end(armings, "a", &look)); /* the first verdict is news, also Probing */
    assert_false(zl_armings_end(armings, "a", &look));
    look.arming = ZL_ARMING_ARMED;
    assert_true(zl_armings_end(armings, "a", &look));
    assert_true(zl_armings_find(armings, "a", &found));
    assert_int_equal(found.arming, ZL_ARMING_ARMED);
    assert_int_equal(zl_armings_count(armings, &armed), 1);
    assert_int_equal(armed, 1);
    zl_armings_free(armings);
}

static void test_a_verdict_about_a_forgotten_namespace_is_dropped(void **state)
{
    (void)state;
    struct zl_arming_state found = {0};
    struct zl_namespaces none = {0};
    struct zl_armings *armings = zl_armings_new();
    struct zl_arming_state look = zl_armings_begin(armings, "a");
    look.arming = ZL_ARMING_ARMED;
    zl_armings_keep(armings, &none);
    assert_false(zl_armings_end(armings, "a", &look));

    /* It is back: the old look still says nothing about it. */
    struct zl_arming_state again = zl_armings_begin(armings, "a");
    assert_int_equal(again.arming, ZL_ARMING_PROBING);
    assert_false(zl_armings_end(armings, "a", &look));
    assert_false(zl_armings_find(armings, "a", &found));
    zl_armings_free(armings);
}

static void test_failing_counts_from_the_first_probe_of_a_stay(void **state)
{
    (void)state;
    struct zl_namespaces none = {0};
    struct zl_armings *armings = zl_armings_new();
    uint64_t serial = zl_armings_begin(armings, "a").serial;
    assert_int_equal(zl_armings_note(armings, "a", serial, true, 1000), 0);
    assert_int_equal(zl_armings_note(armings, "a", serial, true, 4000), 3000);
    assert_int_equal(zl_armings_note(armings, "b", serial, true, 4000), 0);
    assert_int_equal(zl_armings_note(armings, "a", serial, false, 5000), 0);
    assert_int_equal(zl_armings_note(armings, "a", serial, true, 6000), 0);

    zl_armings_keep(armings, &none); /* and the look that is under way notes one more */
    assert_int_equal(zl_armings_note(armings, "a", serial, true, 7000), 0);
    uint64_t again = zl_armings_begin(armings, "a").serial;
    assert_int_equal(zl_armings_note(armings, "a", again, true, 9000), 0);
    zl_armings_free(armings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_to_a_probe),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_every_verdict_has_a_reason_and_a_message),
        cmocka_unit_test(test_details_are_the_same_for_every_probe),
        cmocka_unit_test(test_looks_are_quick_while_arming_and_rare_when_armed),
        cmocka_unit_test(test_a_refusal_just_after_a_change_of_the_entry_is_looked_at_once_more),
        cmocka_unit_test(test_a_verdict_changes_once),
        cmocka_unit_test(test_a_verdict_about_a_forgotten_namespace_is_dropped),
        cmocka_unit_test(test_failing_counts_from_the_first_probe_of_a_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
