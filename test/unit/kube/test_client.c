/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sys/resource.h>

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

/* --- large lists ------------------------------------------------------------------------------ */

static const struct zl_json_shape NAME[] = {{.name = "name"}, {.name = "labels"}, {.name = NULL}};
static const struct zl_json_shape NAMED[] = {{.name = "metadata", .members = NAME}, {.name = NULL}};

/* Nine pods of 8.4 MB, as a page of the API server's is written, without ever having it in one piece. */
static void send_fat_page(struct zl_peer_call *call, int count)
{
    char head[256];
    struct zl_buf text;
    zl_buf_init(&text, 2 * ZL_MIB);
    while (text.length < ZL_MIB) {
        zl_buf_add_text(&text, "\\u003c");
    }
    zl_peer_begin(call, 200);
    snprintf(head, sizeof head, "{\"kind\":\"PodList\",\"items\":[");
    for (int i = 0; i < count; i++) {
        zl_peer_piece(call, head, strlen(head));
        snprintf(head, sizeof head, "%s{\"metadata\":{\"name\":\"%d\"},\"spec\":{\"args\":[\"",
                 i > 0 ? "," : "", i);
        zl_peer_piece(call, head, strlen(head));
        for (int k = 0; k < 8; k++) {
            zl_peer_piece(call, text.data, text.length);
        }
        snprintf(head, sizeof head, "\"]}}");
    }
    zl_peer_piece(call, head, strlen(head));
    snprintf(head, sizeof head, "],\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"%s\"}}",
             zl_peer_number(call) < 3 ? "c" : "");
    zl_peer_piece(call, head, strlen(head));
    zl_peer_end(call);
    zl_buf_clear(&text);
}

static char limits[64];

static void serve_fat_pages(const struct zl_script *now, struct zl_peer_call *call)
{
    (void)now;
    const char *limit = strstr(zl_peer_path(call), "limit=");
    size_t length = strlen(limits);
    snprintf(limits + length, sizeof limits - length, "%.*s ", (int)strcspn(limit, "&"), limit);
    send_fat_page(call, zl_peer_number(call) == 1 ? 9 : 0);
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_a_page_may_be_of_any_size_and_the_next_is_smaller(void **state)
{
    (void)state;
    char names[32] = "";
    ZL_AUTO_FREE char *version = NULL;
    struct zl_error err = {0};
    const struct zl_kube_target all = {.resource = &ZL_KUBE_PODS,
                                       .shape = NAMED,
                                       .deadline_ms = zl_clock_ms() + 60000,
                                       .page = 100};
    limits[0] = '\0';
    zl_play((struct zl_script){.serve = serve_fat_pages, .status = 200, .body = "{}"});
    long before_kib = peak_kib();
    assert_int_equal(zl_kube_list(zl_the_client, &all, NULL, collect, names, &version, &err),
                     ZL_OK);
    assert_string_equal(names, "012345678");
    assert_string_equal(version, "7");
    assert_string_equal(limits, "limit=100 limit=50 limit=100 ");
    assert_true(peak_kib() - before_kib < 16 * 1024);
}

static void test_an_object_of_which_too_much_is_read_is_said_to_be_so(void **state)
{
    (void)state;
    struct zl_buf body;
    char names[32] = "";
    bool is_cut = false;
    struct zl_error err = {0};
    struct zl_kube_target pod = {
        .resource = &ZL_KUBE_PODS, .namespace_ = "a", .name = "x", .shape = NAMED};
    struct zl_kube_target pods = {.resource = &ZL_KUBE_PODS, .shape = NAMED};
    zl_buf_init(&body, 2 * ZL_MIB);
    zl_buf_add_text(&body, "{\"metadata\":{},\"items\":[{\"metadata\":{\"labels\":\"");
    while (body.length < ZL_KEPT_MAX + ZL_KIB) {
        zl_buf_add_text(&body, "0123456789abcdef");
    }
    zl_buf_add_text(&body, "\",\"name\":\"x\"}}]}");
    zl_play((struct zl_script){.status = 200, .body = body.data});
    assert_int_equal(zl_kube_list(zl_the_client, &pods, NULL, collect, names, NULL, &err),
                     ZL_E_TOO_LARGE);
    assert_string_equal(err.message, "LIST pods: what is read of an object is too large");
    assert_string_equal(names, "");
    pods.is_cut = &is_cut;
    assert_int_equal(zl_kube_list(zl_the_client, &pods, NULL, collect, names, NULL, &err), ZL_OK);
    assert_string_equal(names, "x");
    assert_true(is_cut);

    struct cJSON *object = NULL;
    zl_buf_reset(&body);
    zl_buf_add_text(&body, "{\"metadata\":{\"name\":\"x\",\"labels\":\"");
    while (body.length < ZL_KEPT_MAX + ZL_KIB) {
        zl_buf_add_text(&body, "0123456789abcdef");
    }
    zl_buf_add_text(&body, "\"}}");
    zl_play((struct zl_script){.status = 200, .body = body.data});
    assert_int_equal(zl_kube_get(zl_the_client, &pod, &object, &err), ZL_E_TOO_LARGE);
    assert_null(object);
    pod.shape = NULL;
    assert_int_equal(zl_kube_get(zl_the_client, &pod, &object, &err), ZL_OK);
    zl_json_free(object);
    zl_buf_clear(&body);
}

static void test_a_list_that_breaks_in_a_page_fails(void **state)
{
    (void)state;
    static const char *const BODIES[] = {
        "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{\"name\":\"a\"}},",
        "{\"items\":[{\"metadata\":{\"name\":\"a\"}}]}{}",
        "{\"items\":[{\"metadata\":{\"name\":\"a\"}}]} x",
        "",
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        char names[32] = "";
        char *version = NULL;
        struct zl_error err = {0};
        const struct zl_kube_target pods = {.resource = &ZL_KUBE_PODS, .shape = NAMED};
        zl_play((struct zl_script){.status = 200, .body = BODIES[i]});
        assert_int_equal(zl_kube_list(zl_the_client, &pods, NULL, collect, names, &version, &err),
                         ZL_E_TRANSIENT);
        assert_non_null(strstr(err.message, "LIST pods: "));
        assert_null(version);
    }
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
        WITH_PEER(test_a_page_may_be_of_any_size_and_the_next_is_smaller),
        WITH_PEER(test_an_object_of_which_too_much_is_read_is_said_to_be_so),
        WITH_PEER(test_a_list_that_breaks_in_a_page_fails),
        WITH_PEER(test_a_list_goes_through_its_pages_in_order),
        WITH_PEER(test_a_list_ends_with_the_failure_of_its_reader),
        WITH_PEER(test_an_expired_continue_token_is_gone),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
