/* SPDX-License-Identifier: Apache-2.0 */
/* AdmissionReview: what is read from one, what is refused, and that every answer is valid. */
#include "webhook/review/admission_review.h"

#include "common/base/budget.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/parse.h"
#include "common/objects/meta.h"
#include "test/unit/pruned.h"
#include "webhook/review/shapes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ENVELOPE "\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\""
#define RESOURCE "\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\"}"
#define REVIEW(request) "{" ENVELOPE ",\"request\":{" request "}}"

static void test_review_of_a_replica_sets_pod_is_read(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *body = NULL;
    size_t length = 0;
    struct zl_error err = {0};
    struct zl_review review;
    assert_int_equal(zl_file_read("test/data/review-pod-create.json", &body, &length, &err), ZL_OK);
    assert_int_equal(zl_review_decode(body, length, &review, &err), ZL_OK);
    assert_string_equal(review.uid, "0c2f4a9e-6f0e-4c39-9a53-4b7d2f6f3c11");
    assert_string_equal(review.operation, "CREATE");
    assert_string_equal(review.group, "");
    assert_string_equal(review.version, "v1");
    assert_string_equal(review.resource, "pods");
    assert_string_equal(review.subresource, "");
    assert_string_equal(review.namespace_, "payments");
    assert_string_equal(review.name, "");
    assert_string_equal(review.username, "system:serviceaccount:kube-system:replicaset-controller");
    assert_false(review.dry_run);
    assert_null(review.old_object);
    assert_string_equal(zl_json_text(review.object, "metadata", "generateName", NULL),
                        "ledger-7c9d8f6b5d-");
    assert_string_equal(
        zl_json_text(review.object, "metadata", "annotations", "example.com/note", NULL),
        "quotes \" and back\\slash, caf\xc3\xa9 \xf0\x9f\x98\x80");
    zl_review_clear(&review);
}

/* What the server keeps of it: all that is decided from, no more than a small share of the budget, and no spec. */
static void test_all_that_is_decided_from_is_kept_of_a_pods_review(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *body = NULL;
    size_t length = 0;
    struct zl_error err = {0};
    struct zl_review whole, review;
    struct zl_controller_ref whole_owner, owner;
    assert_int_equal(zl_file_read("test/data/review-pod-create.json", &body, &length, &err), ZL_OK);
    ZL_AUTO_FREE char *kept = zl_pruned(ZL_REVIEW_OF_POD, body);
    assert_true(zl_budget_of_tree(strlen(kept)) <= ZL_BUDGET_SMALL_SHARE);
    assert_int_equal(zl_review_decode(body, length, &whole, &err), ZL_OK);
    assert_int_equal(zl_review_decode(kept, strlen(kept), &review, &err), ZL_OK);
    assert_string_equal(review.uid, whole.uid);
    assert_string_equal(review.operation, whole.operation);
    assert_string_equal(review.group, whole.group);
    assert_string_equal(review.resource, whole.resource);
    assert_string_equal(review.namespace_, whole.namespace_);
    assert_string_equal(review.username, whole.username);
    zl_controller_ref_decode(zl_json_at(whole.object, "metadata", NULL), &whole_owner);
    zl_controller_ref_decode(zl_json_at(review.object, "metadata", NULL), &owner);
    assert_string_equal(owner.api_version, whole_owner.api_version);
    assert_string_equal(owner.kind, whole_owner.kind);
    assert_string_equal(owner.name, whole_owner.name);
    assert_string_equal(owner.uid, whole_owner.uid);
    assert_non_null(zl_json_at(whole.object, "spec", NULL));
    assert_null(zl_json_at(review.object, "spec", NULL));
    assert_null(zl_json_at(review.object, "metadata", "managedFields", NULL));
    zl_controller_ref_clear(&whole_owner);
    zl_controller_ref_clear(&owner);
    zl_review_clear(&whole);
    zl_review_clear(&review);
}

static void test_minimal_and_unusual_reviews_are_accepted(void **state)
{
    (void)state;
    const struct row {
        const char *body;
        const char *operation, *subresource;
        bool dry_run, has_object, has_old;
    } rows[] = {
        {REVIEW("\"uid\":\"u\",\"operation\":\"CREATE\"," RESOURCE ",\"object\":{}"), "CREATE", "",
         false, true, false},
        {REVIEW("\"uid\":\"u\",\"operation\":\"UPDATE\"," RESOURCE
                ",\"object\":{},\"oldObject\":{},\"subResource\":\"status\",\"dryRun\":true"),
         "UPDATE", "status", true, true, true},
        {REVIEW("\"uid\":\"u\",\"operation\":\"DELETE\"," RESOURCE
                ",\"object\":null,\"oldObject\":{}"),
         "DELETE", "", false, false, true},
        {REVIEW("\"uid\":\"u\",\"operation\":\"CONNECT\"," RESOURCE), "CONNECT", "", false, false,
         false},
        /* fields of a wrong type that no decision rests on read as absent */
        {REVIEW("\"uid\":\"u\",\"operation\":\"DELETE\"," RESOURCE
                ",\"namespace\":7,\"name\":[],\"dryRun\":\"yes\",\"userInfo\":null"),
         "DELETE", "", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_review review;
        struct zl_error err = {0};
        if (zl_review_decode(rows[i].body, strlen(rows[i].body), &review, &err) != ZL_OK) {
            fail_msg("row %zu: %s", i, err.message);
        }
        assert_string_equal(review.operation, rows[i].operation);
        assert_string_equal(review.subresource, rows[i].subresource);
        assert_string_equal(review.namespace_, "");
        assert_string_equal(review.name, "");
        assert_string_equal(review.username, "");
        assert_int_equal(review.dry_run, rows[i].dry_run);
        assert_int_equal(review.object != NULL, rows[i].has_object);
        assert_int_equal(review.old_object != NULL, rows[i].has_old);
        zl_review_clear(&review);
    }
}

static const struct refusal {
    const char *body;
    const char *uid; /* kept, or NULL */
    const char *in_message;
} REFUSALS[] = {
    {"", NULL, "body is empty"},
    {"not json", NULL, "not an AdmissionReview"},
    {"{\"kind\":", NULL, "not an AdmissionReview"},
    {"{} {}", NULL, "not an AdmissionReview"},
    {"[]", NULL, "not an object"},
    {"null", NULL, "not an object"},
    {"\"text\"", NULL, "not an object"},
    {"{}", NULL, "kind is (none)"},
    {"{\"kind\":\"Pod\",\"request\":{\"uid\":\"u\"}}", "u", "kind is Pod, not AdmissionReview"},
    {"{\"kind\":1,\"request\":{\"uid\":\"u\"}}", "u", "kind is (none)"},
    {"{\"Kind\":\"AdmissionReview\"}", NULL, "kind is (none)"},
    {"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1beta1\","
     "\"request\":{\"uid\":\"u\"}}",
     "u", "apiVersion is admission.k8s.io/v1beta1, not admission.k8s.io/v1"},
    {"{\"kind\":\"AdmissionReview\"}", NULL, "apiVersion is (none)"},
    {"{" ENVELOPE "}", NULL, "request is missing"},
    {"{" ENVELOPE ",\"request\":[]}", NULL, "request is missing or not an object"},
    {"{" ENVELOPE ",\"request\":null}", NULL, "request is missing"},
    {REVIEW(""), NULL, "request.uid is missing"},
    {REVIEW("\"uid\":\"\""), NULL, "request.uid is missing or empty"},
    {REVIEW("\"uid\":12"), NULL, "request.uid is missing"},
    {REVIEW("\"uid\":\"u\""), "u", "request.operation is (none)"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"create\""), "u", "request.operation is create"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"CREATE\""), "u", "request.resource.resource is missing"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"CREATE\",\"resource\":{\"resource\":\"\"}"), "u",
     "request.resource.resource is missing or empty"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"CREATE\"," RESOURCE), "u",
     "request.object is missing on CREATE"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"UPDATE\"," RESOURCE ",\"object\":null"), "u",
     "request.object is missing on UPDATE"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"CREATE\"," RESOURCE ",\"object\":\"x\""), "u",
     "request.object is neither"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"DELETE\"," RESOURCE ",\"object\":[]"), "u",
     "request.object is neither"},
    {REVIEW("\"uid\":\"u\",\"operation\":\"DELETE\"," RESOURCE ",\"oldObject\":false"), "u",
     "request.oldObject is neither an object nor null"},
};

static void test_what_is_refused_names_the_field_and_keeps_a_valid_uid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        const struct refusal *row = &REFUSALS[i];
        struct zl_review review;
        struct zl_error err = {0};
        assert_int_equal(zl_review_decode(row->body, strlen(row->body), &review, &err),
                         ZL_E_INVALID);
        if (strstr(err.message, row->in_message) == NULL) {
            fail_msg("%s: %s", row->body, err.message);
        }
        if (!zl_same_string(review.uid, row->uid) || (review.tree == NULL) != (row->uid == NULL)) {
            fail_msg("%s: uid %s", row->body, review.uid == NULL ? "(null)" : review.uid);
        }
        assert_null(review.operation);
        assert_null(review.object);
        zl_review_clear(&review);
    }
}

static char *review_with_uid_of(size_t length)
{
    ZL_AUTO_FREE char *uid = zl_alloc(length + 1);
    memset(uid, 'u', length);
    return zl_asprintf(REVIEW("\"uid\":\"%s\",\"operation\":\"CONNECT\"," RESOURCE), uid);
}

static void test_uid_may_have_256_bytes_and_not_257(void **state)
{
    (void)state;
    struct zl_review review;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *fits = review_with_uid_of(256), *longer = review_with_uid_of(257);
    assert_int_equal(zl_review_decode(fits, strlen(fits), &review, &err), ZL_OK);
    assert_int_equal(strlen(review.uid), 256);
    zl_review_clear(&review);
    assert_int_equal(zl_review_decode(longer, strlen(longer), &review, &err), ZL_E_INVALID);
    assert_string_equal(err.message, "request.uid is longer than 256 bytes");
    assert_null(review.uid);
    zl_review_clear(&review);
}

static void test_every_prefix_of_a_review_is_refused(void **state)
{
    (void)state;
    const char whole[] =
        REVIEW("\"uid\":\"u\",\"operation\":\"CREATE\"," RESOURCE ",\"object\":{}");
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        /* a copy of exactly LENGTH bytes: reading past it is then seen by the sanitizers */
        ZL_AUTO_FREE char *part = zl_alloc(length);
        memcpy(part, whole, length);
        struct zl_review review;
        assert_int_equal(zl_review_decode(part, length, &review, NULL), ZL_E_INVALID);
        zl_review_clear(&review);
    }
}

static void test_deep_nesting_is_refused_not_followed(void **state)
{
    (void)state;
    ZL_AUTO_BUF struct zl_buf body;
    zl_buf_init(&body, ZL_MIB);
    zl_buf_add_text(&body, "{" ENVELOPE ",\"request\":{\"uid\":\"u\",\"object\":");
    for (int i = 0; i < 100000; i++) {
        zl_buf_add_text(&body, i % 2 == 0 ? "[" : "{\"a\":");
    }
    struct zl_review review;
    struct zl_error err = {0};
    assert_int_equal(zl_review_decode(body.data, body.length, &review, &err), ZL_E_INVALID);
    assert_null(review.tree);
    zl_review_clear(&review);
}

/* --- the answer ----------------------------------------------------------------------------- */

static struct cJSON *encode(const char *uid, const struct zl_review_answer *answer)
{
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *text = zl_review_encode(uid, answer);
    if (zl_json_parse(text, strlen(text), &tree, &err) != ZL_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    return tree;
}

static void test_allowed_answer_is_exactly_this(void **state)
{
    (void)state;
    const struct zl_review_answer answer = {.allowed = true, .code = 403, .message = "unused"};
    ZL_AUTO_FREE char *text = zl_review_encode("u-1", &answer);
    assert_string_equal(text,
                        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                        "\"response\":{\"uid\":\"u-1\",\"allowed\":true}}");
}

static void test_denied_answer_carries_code_reason_and_message(void **state)
{
    (void)state;
    const struct zl_review_answer answer = {.code = 403,
                                            .reason = "Forbidden",
                                            .message =
                                                "pool \"a\\b\"\n\t\x01 has a leader \xc3\xa9"};
    ZL_AUTO_JSON struct cJSON *tree = encode("u", &answer);
    assert_false(zl_json_bool(tree, true, "response", "allowed", NULL));
    assert_int_equal(zl_json_i64(tree, 0, "response", "status", "code", NULL), 403);
    assert_string_equal(zl_json_text(tree, "response", "status", "reason", NULL), "Forbidden");
    assert_string_equal(zl_json_text(tree, "response", "status", "message", NULL), answer.message);
}

static void test_warnings_are_listed_up_to_the_maximum(void **state)
{
    (void)state;
    struct zl_review_answer answer = {.allowed = true};
    for (size_t count = 0; count <= ZL_REVIEW_WARNINGS_MAX; count++) {
        ZL_AUTO_JSON struct cJSON *tree = encode("u", &answer);
        const struct cJSON *warnings = zl_json_at(tree, "response", "warnings", NULL);
        assert_int_equal(warnings != NULL, count > 0);
        assert_int_equal(zl_json_count(warnings), count);
        if (count > 0) {
            assert_string_equal(zl_json_value_text(zl_json_first(warnings)), "say \"no\"");
        }
        if (count < ZL_REVIEW_WARNINGS_MAX) {
            answer.warnings[count] = "say \"no\"";
        }
    }
}

static void test_uid_is_echoed_whatever_it_holds(void **state)
{
    (void)state;
    const char *const uids[] = {
        "705ab4f5-6393-11e8-b7cc-42010a800002",
        " ",
        "\\\"",
        "a\\nb\\tc\\u0007",
        "<script>&'/\\/",
        "%s%n",
        "\xc3\xa9\xf0\x9f\x98\x80",
        "\\ud83d\\ude00",
    };
    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        ZL_AUTO_FREE char *body =
            zl_asprintf(REVIEW("\"uid\":\"%s\",\"operation\":\"CONNECT\"," RESOURCE), uids[i]);
        struct zl_review review;
        struct zl_error err = {0};
        if (zl_review_decode(body, strlen(body), &review, &err) != ZL_OK) {
            fail_msg("%s: %s", uids[i], err.message);
        }
        const struct zl_review_answer answer = {.allowed = true};
        ZL_AUTO_JSON struct cJSON *tree = encode(review.uid, &answer);
        assert_string_equal(zl_json_text(tree, "response", "uid", NULL), review.uid);
        zl_review_clear(&review);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_review_of_a_replica_sets_pod_is_read),
        cmocka_unit_test(test_all_that_is_decided_from_is_kept_of_a_pods_review),
        cmocka_unit_test(test_minimal_and_unusual_reviews_are_accepted),
        cmocka_unit_test(test_what_is_refused_names_the_field_and_keeps_a_valid_uid),
        cmocka_unit_test(test_uid_may_have_256_bytes_and_not_257),
        cmocka_unit_test(test_every_prefix_of_a_review_is_refused),
        cmocka_unit_test(test_deep_nesting_is_refused_not_followed),
        cmocka_unit_test(test_allowed_answer_is_exactly_this),
        cmocka_unit_test(test_denied_answer_carries_code_reason_and_message),
        cmocka_unit_test(test_warnings_are_listed_up_to_the_maximum),
        cmocka_unit_test(test_uid_is_echoed_whatever_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
