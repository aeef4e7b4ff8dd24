/* SPDX-License-Identifier: Apache-2.0 */
/* From a review's bytes to the answer's: what is refused, what is only warned of, and what the API server is asked. */
#include "test/unit/peer.h"
#include "test/unit/pruned.h"
#include "webhook/review/shapes.h"
#include "webhook/validator/validator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define POLICY_PATH "/apis/coordination.kube-zen.io/v1alpha1/namespaces/shop/leaderpolicies/web"
#define REVIEW(group, resource, more)                                                              \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{"           \
    "\"uid\":\"u\",\"namespace\":\"shop\",\"name\":\"web\",\"resource\":{\"group\":\"" group       \
    "\",\"version\":\"v1\",\"resource\":\"" resource "\"}," more "}}"
#define POLICY(more) REVIEW("coordination.kube-zen.io", "leaderpolicies", more)
#define BAD_SPEC "\"object\":{\"metadata\":{\"name\":\"web\"},\"spec\":{\"retryPeriodSeconds\":12}}"
#define LABELLED                                                                                   \
    "\"operation\":\"CREATE\",\"object\":{\"metadata\":{\"name\":\"web\",\"labels\":{"             \
    "\"zen-lead/pool\":\"web\"}},\"spec\":{\"replicas\":1}}"

struct server {
    int status; /* of every answer; 0: none comes */
    const char *body;
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_cache *cache; /* never started: it knows nothing */
    struct zl_gatekeeper gatekeeper;
};

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct server *server = ctx;
    assert_int_equal(strncmp(zl_peer_path(call), POLICY_PATH, strlen(POLICY_PATH)), 0);
    if (server->status == 0) {
        zl_peer_hold(call);
    } else {
        zl_peer_answer(call, server->status, "Content-Type: application/json\r\n", server->body);
    }
}

static void start(struct server *server)
{
    server->peer = zl_peer_start(serve, server);
    struct zl_kube_config config = {.server = zl_peer_url(server->peer)};
    const struct zl_cache_options options = {.with_replicasets = false};
    struct zl_error err = {0};
    if (zl_kube_client_new(&config, "test", &server->client, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    free(config.server);
    server->cache = zl_cache_new(server->client, &options);
    server->gatekeeper = (struct zl_gatekeeper){
        .client = server->client, .cache = server->cache, .deadline_ms = 500};
}

static void stop(struct server *server)
{
    zl_cache_free(server->cache);
    zl_kube_client_free(server->client);
    zl_peer_stop(server->peer);
}

typedef char *answer_fn(const struct zl_gatekeeper *gatekeeper, const char *body, size_t length,
                        int *http_status);

static char *ask(answer_fn *answer, const struct server *server, const char *body, int http_status)
{
    int status = 0;
    const struct zl_json_shape *shape =
        answer == zl_validator_answer_policy ? ZL_REVIEW_OF_POLICY : ZL_REVIEW_OF_WORKLOAD;
    ZL_AUTO_FREE char *pruned = zl_pruned(shape, body);
    char *text = answer(&server->gatekeeper, pruned, strlen(pruned), &status);
    assert_int_equal(status, http_status);
    return text;
}

#define ANSWER(rest)                                                                               \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{"          \
    "\"uid\":\"u\",\"allowed\":" rest "}}"
#define NOT_FOUND                                                                                  \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"code\":404}"
#define FOUND "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"p\"},\"spec\":{}}"

static void test_a_policy_is_refused_as_the_api_server_refuses(void **state)
{
    (void)state;
    struct server server = {.status = 500, .body = "{}"};
    start(&server);
    ZL_AUTO_FREE char *text =
        ask(zl_validator_answer_policy, &server, POLICY("\"operation\":\"CREATE\"," BAD_SPEC), 200);
    assert_string_equal(
        text,
        ANSWER(
            "false,\"status\":{\"code\":422,\"reason\":\"Invalid\",\"message\":"
            "\"LeaderPolicy.coordination.kube-zen.io \\\"web\\\" is invalid: "
            "spec.retryPeriodSeconds: Invalid value: 12: must be less than "
            "spec.renewDeadlineSeconds (10); e.g. 2\",\"details\":{\"name\":\"web\",\"group\":"
            "\"coordination.kube-zen.io\",\"kind\":\"LeaderPolicy\",\"causes\":[{\"reason\":"
            "\"FieldValueInvalid\",\"message\":\"Invalid value: 12: must be less than "
            "spec.renewDeadlineSeconds (10); e.g. 2\",\"field\":\"spec.retryPeriodSeconds\"}]}}"));
    assert_int_equal(zl_peer_calls(server.peer), 0);
    stop(&server);
}

static void test_reviews_of_other_things_are_allowed(void **state)
{
    (void)state;
    static const struct {
        answer_fn *answer;
        const char *body;
    } rows[] = {
        {zl_validator_answer_policy, POLICY("\"operation\":\"DELETE\"," BAD_SPEC)},
        {zl_validator_answer_policy,
         POLICY("\"operation\":\"UPDATE\",\"subResource\":\"status\"," BAD_SPEC)},
        {zl_validator_answer_policy,
         REVIEW("leadership.kube-zen.io", "leaderpolicies", "\"operation\":\"CREATE\"," BAD_SPEC)},
        {zl_validator_answer_workload, REVIEW("apps", "replicasets", LABELLED)},
        {zl_validator_answer_workload,
         REVIEW("apps", "deployments", "\"subResource\":\"scale\"," LABELLED)},
        {zl_validator_answer_workload,
         REVIEW("apps", "deployments", "\"operation\":\"CREATE\",\"object\":{}")},
    };
    struct server server = {.status = 404, .body = NOT_FOUND};
    start(&server);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text = ask(rows[i].answer, &server, rows[i].body, 200);
        assert_string_equal(text, ANSWER("true"));
    }
    assert_int_equal(zl_peer_calls(server.peer), 0);
    stop(&server);
}

/* What memory does not know is asked for; only a certain "no" is called missing. */
static void test_a_policy_that_memory_does_not_know_is_read(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *answer;
    } rows[] = {
        {404, NOT_FOUND,
         ANSWER("true,\"warnings\":[\"metadata.labels[zen-lead/pool]: LeaderPolicy \\\"web\\\" "
                "does not exist in this namespace, so the pool does nothing; create it\"]")},
        {200, FOUND,
         ANSWER("true,\"warnings\":[\"spec.replicas: 1: high availability is skipped, every pod is "
                "let in, while no other workload of the pool wants one; use 2 or more\"]")},
        {500, "{}", ANSWER("true")},
        {403, "{}", ANSWER("true")},
        {200, "[]", ANSWER("true")},
        {0, "", ANSWER("true")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct server server = {.status = rows[i].status, .body = rows[i].body};
        start(&server);
        /* Under valgrind an answer can miss the deadline, which ends in no warning. */
        ZL_AUTO_FREE char *text = NULL;
        for (int tries = 0; tries < 20 && !zl_same_string(text, rows[i].answer); tries++) {
            free(text);
            text = ask(zl_validator_answer_workload, &server,
                       REVIEW("apps", "deployments", LABELLED), 200);
        }
        assert_string_equal(text, rows[i].answer);
        assert_true(zl_peer_calls(server.peer) >= 1);
        stop(&server);
    }
}

static void test_a_name_that_no_policy_can_have_is_not_asked_for(void **state)
{
    (void)state;
    struct server server = {.status = 404, .body = NOT_FOUND};
    start(&server);
    ZL_AUTO_FREE char *text =
        ask(zl_validator_answer_workload, &server,
            REVIEW("apps", "deployments",
                   "\"operation\":\"CREATE\",\"object\":{\"metadata\":{\"annotations\":{"
                   "\"zen-lead/pool\":\"../../secrets\"}}}"),
            200);
    assert_non_null(strstr(text, "cannot be the name of a LeaderPolicy"));
    assert_int_equal(zl_peer_calls(server.peer), 0);
    stop(&server);
}

/* A refusal would stand; an HTTP error is ignored, as failurePolicy says. */
static void test_a_bad_review_of_a_workload_is_an_http_error_and_no_refusal(void **state)
{
    (void)state;
    struct server server = {.status = 500, .body = "{}"};
    start(&server);
    const char *bad = REVIEW("apps", "deployments", "\"operation\":\"PATCH\"");
    ZL_AUTO_FREE char *warned = ask(zl_validator_answer_workload, &server, bad, 400);
    assert_non_null(strstr(warned, "request.operation is PATCH"));
    ZL_AUTO_FREE char *refused = ask(zl_validator_answer_policy, &server, bad, 200);
    assert_non_null(strstr(refused, "\"allowed\":false"));
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_policy_is_refused_as_the_api_server_refuses),
        cmocka_unit_test(test_reviews_of_other_things_are_allowed),
        cmocka_unit_test(test_a_policy_that_memory_does_not_know_is_read),
        cmocka_unit_test(test_a_name_that_no_policy_can_have_is_not_asked_for),
        cmocka_unit_test(test_a_bad_review_of_a_workload_is_an_http_error_and_no_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
