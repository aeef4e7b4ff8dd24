/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_a_get_names_the_object_in_the_path_and_returns_it(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *out = NULL;
    zl_play((struct zl_script){.status = 200, .body = "{\"metadata\":{\"name\":\"zen-lead-a\"}}"});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, &out, NULL), ZL_OK);
    assert_string_equal(zl_asked().method, "GET");
    assert_string_equal(zl_asked().path, LEASE_PATH);
    assert_string_equal(zl_asked().accept, "application/json");
    assert_string_equal(zl_asked().user_agent, "zen-lead-test/1");
    assert_string_equal(zl_asked().authorization, "");
    assert_string_equal(zl_json_text(out, "metadata", "name", NULL), "zen-lead-a");
}

static void test_a_path_segment_cannot_leave_its_place(void **state)
{
    (void)state;
    struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = "a/b?c", .name = "x y%/..", .metadata_only = true};
    assert_int_equal(zl_kube_get(zl_the_client, &target, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().path, "/api/v1/namespaces/a%2Fb%3Fc/pods/x%20y%25%2F..");
    assert_string_equal(
        zl_asked().accept,
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
}

static void test_an_object_without_a_name_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    static const struct zl_kube_target TARGETS[] = {
        {.resource = &ZL_KUBE_PODS, .namespace_ = "default"},
        {.resource = &ZL_KUBE_PODS, .namespace_ = "default", .name = ""},
        {.resource = &ZL_KUBE_PODS, .namespace_ = "default", .name = ".."},
        {.resource = &ZL_KUBE_PODS, .name = "a"},
        {.resource = &ZL_KUBE_PODS, .namespace_ = "", .name = "a"},
        {.resource = &ZL_KUBE_PODS, .namespace_ = ".", .name = "a"},
        {.resource = &ZL_KUBE_NAMESPACES, .namespace_ = "a"},
    };
    for (size_t i = 0; i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        assert_int_equal(zl_kube_delete(zl_the_client, &TARGETS[i], NULL, NULL), ZL_E_INVALID);
        assert_int_equal(zl_kube_get(zl_the_client, &TARGETS[i], NULL, NULL), ZL_E_INVALID);
    }
    assert_int_equal(zl_peer_calls(zl_the_peer), 0);
}

static void test_writes_carry_method_media_type_and_field_manager(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const char *text = "{\"metadata\":{\"name\":\"zen-lead-a\"}}";
    assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
    struct zl_kube_target target = *LEASE;

    target.dry_run = true;
    assert_int_equal(zl_kube_create(zl_the_client, &target, object, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().method, "POST");
    assert_string_equal(zl_asked().path, "/apis/coordination.k8s.io/v1/namespaces/default/leases"
                                         "?fieldManager=zen-lead&dryRun=All");
    assert_string_equal(zl_asked().content_type, "application/json");
    assert_string_equal(zl_asked().sent, text);

    target.dry_run = false;
    target.subresource = "status";
    assert_int_equal(zl_kube_replace(zl_the_client, &target, object, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().method, "PUT");
    assert_string_equal(zl_asked().path, LEASE_PATH "/status?fieldManager=zen-lead");

    assert_int_equal(zl_kube_patch(zl_the_client, LEASE, ZL_KUBE_PATCH_MERGE, object, NULL, NULL),
                     ZL_OK);
    assert_string_equal(zl_asked().method, "PATCH");
    assert_string_equal(zl_asked().path, LEASE_PATH "?fieldManager=zen-lead");
    assert_string_equal(zl_asked().content_type, "application/merge-patch+json");

    assert_int_equal(zl_kube_patch(zl_the_client, LEASE, ZL_KUBE_PATCH_APPLY, object, NULL, NULL),
                     ZL_OK);
    assert_string_equal(zl_asked().path, LEASE_PATH "?force=true&fieldManager=zen-lead");
    assert_string_equal(zl_asked().content_type, "application/apply-patch+yaml");

    /* a body does not stick to the handle */
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().method, "GET");
    assert_string_equal(zl_asked().sent, "");
    assert_string_equal(zl_asked().content_type, "");
}

static void test_a_delete_carries_its_options_in_the_body(void **state)
{
    (void)state;
    struct zl_kube_target target = *LEASE;
    assert_int_equal(zl_kube_delete(zl_the_client, &target, NULL, NULL), ZL_OK);
    assert_string_equal(zl_asked().method, "DELETE");
    assert_string_equal(zl_asked().path, LEASE_PATH);
    assert_string_equal(zl_asked().sent, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
                                         "\"propagationPolicy\":\"Background\"}");
    target.dry_run = true;
    const struct zl_kube_delete_options options = {
        .uid = "u", .resource_version = "7", .foreground = true};
    assert_int_equal(zl_kube_delete(zl_the_client, &target, &options, NULL), ZL_OK);
    assert_string_equal(zl_asked().sent,
                        "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
                        "\"propagationPolicy\":\"Foreground\",\"dryRun\":[\"All\"],"
                        "\"preconditions\":{\"uid\":\"u\",\"resourceVersion\":\"7\"},"
                        "\"gracePeriodSeconds\":0}");
}

static void test_refusals_become_classes_and_sentences(void **state)
{
    (void)state;
    static const struct {
        int http_status;
        enum zl_status status;
    } ROWS[] = {
        {301, ZL_E_INVALID},   {400, ZL_E_INVALID},   {401, ZL_E_DENIED},    {403, ZL_E_DENIED},
        {404, ZL_E_NOT_FOUND}, {405, ZL_E_INVALID},   {409, ZL_E_CONFLICT},  {410, ZL_E_GONE},
        {413, ZL_E_TOO_LARGE}, {415, ZL_E_INVALID},   {422, ZL_E_INVALID},   {429, ZL_E_THROTTLED},
        {500, ZL_E_TRANSIENT}, {502, ZL_E_TRANSIENT}, {503, ZL_E_TRANSIENT}, {504, ZL_E_TRANSIENT},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_error err = {0};
        zl_play((struct zl_script){
            .status = ROWS[i].http_status,
            .body = "{\"kind\":\"Status\",\"reason\":\"Because\",\"message\":\"the sentence\"}"});
        assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ROWS[i].status);
        assert_int_equal(err.status, ROWS[i].status);
        assert_int_equal(err.http_status, ROWS[i].http_status);
        assert_string_equal(err.reason, "Because");
        assert_string_equal(err.message, "GET leases default/zen-lead-a: the sentence");
        assert_int_equal(err.retry_after_ms, 0);
    }
}

static void test_what_a_server_quotes_of_a_secret_stays_out_of_the_error(void **state)
{
    (void)state;
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    const struct zl_kube_target secret = {
        .resource = &ZL_KUBE_SECRETS, .namespace_ = "a", .name = "tls"};
    zl_play((struct zl_script){.status = 422,
                               .body = "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":"
                                       "\"Invalid value: {data: s3cret}\"}"});
    assert_int_equal(zl_kube_patch(zl_the_client, &secret, ZL_KUBE_PATCH_MERGE, patch, NULL, &err),
                     ZL_E_INVALID);
    assert_string_equal(err.message, "PATCH secrets a/tls: HTTP 422 Invalid");
}

static void test_retry_after_comes_from_header_or_status(void **state)
{
    (void)state;
    struct zl_error err = {0};
    zl_play((struct zl_script){.status = 429, .extra = "Retry-After: 7\r\n", .body = ""});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_THROTTLED);
    assert_int_equal(err.retry_after_ms, 7000);
    assert_string_equal(err.message, "GET leases default/zen-lead-a: HTTP 429");
    zl_play((struct zl_script){
        .status = 500,
        .body = "{\"kind\":\"Status\",\"reason\":\"ServerTimeout\",\"message\":\"m\","
                "\"details\":{\"retryAfterSeconds\":2}}"});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_TRANSIENT);
    assert_int_equal(err.retry_after_ms, 2000);
}

static void test_an_answer_that_is_no_status_is_quoted_in_part(void **state)
{
    (void)state;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *page = zl_alloc(1001);
    memset(page, 'x', 1000);
    memcpy(page, "<html>\n\x01", 8);
    zl_play((struct zl_script){.status = 502, .body = page});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, NULL, &err), ZL_E_TRANSIENT);
    const char *quoted = strstr(err.message, ": HTTP 502: <html>  xxx");
    assert_non_null(quoted);
    assert_int_equal(strlen(quoted), strlen(": HTTP 502: ") + 200);
    assert_int_equal(err.http_status, 502);

    ZL_AUTO_JSON struct cJSON *out = NULL;
    zl_play((struct zl_script){.status = 200, .body = page});
    assert_int_equal(zl_kube_get(zl_the_client, LEASE, &out, &err), ZL_E_TRANSIENT);
    assert_non_null(strstr(err.message, "not JSON"));
    assert_null(out);
}

static void test_a_status_object_decodes_without_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int http_status;
        enum zl_status status;
        const char *message;
    } ROWS[] = {
        {"{\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}", 0, ZL_E_GONE, "too old"},
        {"{\"reason\":\"Expired\"}", 0, ZL_E_GONE, "HTTP 410 Expired"},
        {"{\"reason\":\"Gone\"}", 0, ZL_E_GONE, "HTTP 410 Gone"},
        {"{\"reason\":\"TooManyRequests\"}", 0, ZL_E_THROTTLED, "HTTP 429 TooManyRequests"},
        {"{\"code\":200,\"message\":\"\"}", 0, ZL_E_TRANSIENT, "HTTP 200"},
        {"{\"code\":-5}", 0, ZL_E_TRANSIENT, "HTTP 500"},
        {"{\"code\":404}", 409, ZL_E_CONFLICT, "HTTP 409"},
        {"[]", 0, ZL_E_TRANSIENT, "HTTP 500"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_error err = {0};
        ZL_AUTO_JSON struct cJSON *tree = NULL;
        assert_int_equal(zl_json_parse(ROWS[i].text, strlen(ROWS[i].text), &tree, NULL), ZL_OK);
        assert_int_equal(zl_kube_status_decode(tree, ROWS[i].http_status, &err), ROWS[i].status);
        assert_string_equal(err.message, ROWS[i].message);
    }
    assert_int_equal(zl_kube_status_decode(NULL, 0, NULL), ZL_E_TRANSIENT);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void serve_pages(const struct zl_script *now, struct zl_peer_call *call)
{
    (void)now;
    if (zl_peer_number(call) == 1) {
        zl_peer_answer(
            call, 200, NULL,
            "{\"metadata\":{\"resourceVersion\":\"11\",\"continue\":\"a+b=\"},"
            "\"items\":[{\"metadata\":{\"name\":\"x\"}},{\"metadata\":{\"name\":\"y\"}}]}");
    } else if (zl_peer_number(call) == 2) {
        zl_peer_answer(
            call, 200, NULL,
            "{\"metadata\":{\"resourceVersion\":\"12\",\"continue\":\"c\"},\"items\":null}");
    } else {
        zl_peer_answer(call, 200, NULL,
                       "{\"metadata\":{\"resourceVersion\":\"13\",\"continue\":\"\"},"
                       "\"items\":[{\"metadata\":{\"name\":\"z\"}}]}");
    }
}

static enum zl_status collect(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    char *names = ctx;
    size_t length = strlen(names);
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    if (zl_same_string(name, "z") && names[0] == '!') {
        return zl_error_set(err, ZL_E_INVALID, "enough");
    }
    snprintf(names + length, 32 - length, "%s", name);
    return ZL_OK;
}

static void test_a_list_goes_through_its_pages_in_order(void **state)
{
    (void)state;
    char names[32] = "";
    ZL_AUTO_FREE char *version = NULL;
    const struct zl_kube_target all = {.resource = &ZL_KUBE_PODS, .metadata_only = true};
    const struct zl_kube_selector selector = {.label = "a in (b,c)", .field = "spec.nodeName=n"};
    zl_play((struct zl_script){.serve = serve_pages, .status = 200, .body = "{}"});
    assert_int_equal(zl_kube_list(zl_the_client, &all, &selector, collect, names, &version, NULL),
                     ZL_OK);
    assert_string_equal(names, "xyz");
    assert_string_equal(version, "11");
    assert_int_equal(zl_peer_calls(zl_the_peer), 3);
    assert_string_equal(zl_asked().path, "/api/v1/pods?labelSelector=a%20in%20%28b%2Cc%29"
                                         "&fieldSelector=spec.nodeName%3Dn&limit=250&continue=c");
    assert_string_equal(
        zl_asked().accept,
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");
}

static void test_a_list_ends_with_the_failure_of_its_reader(void **state)
{
    (void)state;
    char names[32] = "!";
    char *version = NULL;
    struct zl_error err = {0};
    const struct zl_kube_target some = {.resource = &ZL_KUBE_PODS, .namespace_ = "a"};
    zl_play((struct zl_script){.serve = serve_pages, .status = 200, .body = "{}"});
    assert_int_equal(zl_kube_list(zl_the_client, &some, NULL, collect, names, &version, &err),
                     ZL_E_INVALID);
    assert_string_equal(err.message, "enough");
    assert_null(version);
}

static void test_an_expired_continue_token_is_gone(void **state)
{
    (void)state;
    char names[32] = "";
    struct zl_error err = {0};
    const struct zl_kube_target some = {.resource = &ZL_KUBE_PODS, .namespace_ = "a"};
    zl_play((struct zl_script){
        .status = 410,
        .body =
            "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}"});
    assert_int_equal(zl_kube_list(zl_the_client, &some, NULL, collect, names, NULL, &err),
                     ZL_E_GONE);
    assert_string_equal(err.message, "LIST pods a: too old");
    zl_play((struct zl_script){.status = 200, .body = "{\"kind\":\"Pod\"}"});
    assert_int_equal(zl_kube_list(zl_the_client, &some, NULL, collect, names, NULL, &err),
                     ZL_E_TRANSIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_get_names_the_object_in_the_path_and_returns_it),
        WITH_PEER(test_a_path_segment_cannot_leave_its_place),
        WITH_PEER(test_an_object_without_a_name_is_refused_before_it_is_sent),
        WITH_PEER(test_writes_carry_method_media_type_and_field_manager),
        WITH_PEER(test_a_delete_carries_its_options_in_the_body),
        WITH_PEER(test_refusals_become_classes_and_sentences),
        WITH_PEER(test_what_a_server_quotes_of_a_secret_stays_out_of_the_error),
        WITH_PEER(test_retry_after_comes_from_header_or_status),
        WITH_PEER(test_an_answer_that_is_no_status_is_quoted_in_part),
        cmocka_unit_test(test_a_status_object_decodes_without_an_answer),
        WITH_PEER(test_a_list_goes_through_its_pages_in_order),
        WITH_PEER(test_a_list_ends_with_the_failure_of_its_reader),
        WITH_PEER(test_an_expired_continue_token_is_gone),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
