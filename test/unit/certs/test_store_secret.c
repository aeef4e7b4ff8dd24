/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/ca_bundle.h"
#include "certs/store_secret.h"
#include "test/unit/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOOKS "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/zen-lead"
#define SECRETS "/api/v1/namespaces/ns/secrets"
/* base64 of "CA" and "OLD" */
#define CA "Q0E="
#define OLD "T0xE"

static char PEM[] = "CA";
static const struct zl_material MATERIAL = {.pem = {PEM, PEM, PEM, PEM}};
static const struct zl_change CHANGE = {.before = &MATERIAL, .after = &MATERIAL};

/* One object behind a server: what a GET and a write answer, and what the write was. */
struct server {
    int get_status;
    const char *get_body;
    int write_status;
    struct zl_peer *peer;
    struct zl_kube_client *client;
    char *method, *path, *type, *body; /* of the last write; NULL: there was none */
};

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct server *server = ctx;
    if (strcmp(zl_peer_method(call), "GET") == 0) {
        zl_peer_answer(call, server->get_status, "Content-Type: application/json\r\n",
                       server->get_body);
        return;
    }
    zl_replace_string(&server->method, zl_peer_method(call));
    zl_replace_string(&server->path, zl_peer_path(call));
    zl_replace_string(&server->type, zl_peer_header(call, "content-type"));
    zl_replace_string(&server->body, zl_peer_body(call));
    zl_peer_answer(call, server->write_status, "Content-Type: application/json\r\n", "{}");
}

static void start(struct server *server)
{
    server->peer = zl_peer_start(serve, server);
    struct zl_kube_config config = {.server = zl_peer_url(server->peer)};
    struct zl_error err = {0};
    if (zl_kube_client_new(&config, "test", &server->client, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    free(config.server);
}

static void stop(struct server *server)
{
    zl_kube_client_free(server->client);
    zl_peer_stop(server->peer);
    free(server->method);
    free(server->path);
    free(server->type);
    free(server->body);
}

static void test_ca_bundle_writes_only_the_entries_that_differ(void **state)
{
    (void)state;
    static const char good[] =
        "{\"name\":\"a\",\"clientConfig\":{\"caBundle\":\"" CA "\",\"url\":\"https://a\"}}";
    static const char old[] = "{\"name\":\"b\",\"clientConfig\":{\"caBundle\":\"" OLD "\"}}";
    static const char none[] = "{\"name\":\"c\",\"clientConfig\":{}}";
    static const char op_b[] =
        "{\"op\":\"test\",\"path\":\"/webhooks/1/name\",\"value\":\"b\"},"
        "{\"op\":\"add\",\"path\":\"/webhooks/1/clientConfig/caBundle\",\"value\":\"" CA "\"}";
    static const char op_c[] =
        "{\"op\":\"test\",\"path\":\"/webhooks/2/name\",\"value\":\"c\"},"
        "{\"op\":\"add\",\"path\":\"/webhooks/2/clientConfig/caBundle\",\"value\":\"" CA "\"}";
    ZL_AUTO_FREE char *object = zl_asprintf("{\"webhooks\":[%s,%s,%s]}", good, old, none);
    ZL_AUTO_FREE char *expected = zl_asprintf("[%s,%s]", op_b, op_c);
    struct server server = {.get_status = 200, .get_body = object, .write_status = 200};
    start(&server);
    struct zl_bundled what = {0};
    assert_int_equal(zl_ca_bundle_set(server.client, "zen-lead", &CHANGE, &what, NULL), ZL_OK);
    assert_true(what.changed);
    assert_string_equal(server.method, "PATCH");
    assert_int_equal(strncmp(server.path, HOOKS "?", strlen(HOOKS "?")), 0);
    assert_string_equal(server.type, "application/json-patch+json");
    assert_string_equal(server.body, expected);
    stop(&server);
}

static void test_ca_bundle_that_is_right_is_not_written(void **state)
{
    (void)state;
    struct server server = {
        .get_status = 200,
        .get_body = "{\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{\"caBundle\":\"" CA "\"}}]}"};
    start(&server);
    struct zl_bundled what = {.changed = true};
    assert_int_equal(zl_ca_bundle_set(server.client, "zen-lead", &CHANGE, &what, NULL), ZL_OK);
    assert_false(what.changed);
    assert_null(server.method);
    stop(&server);
}

static void test_ca_bundle_failures_have_class_and_cure(void **state)
{
    (void)state;
    static const char ours[] = "{\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{}}]}";
    static const char managed[] =
        "{\"metadata\":{\"annotations\":{\"cert-manager.io/inject-ca-from\":\"ns/x\"}},"
        "\"webhooks\":[{\"name\":\"a\",\"clientConfig\":{}}]}";
    static const struct {
        int get_status;
        const char *get_body;
        int write_status;
        enum zl_status status;
        const char *says;
    } cases[] = {
        {404, "{}", 0, ZL_E_NOT_FOUND, "apply manifests/base first"},
        {200, managed, 0, ZL_E_INVALID, "cert-manager"},
        {200, ours, 422, ZL_E_CONFLICT, ""},
        {200, ours, 409, ZL_E_CONFLICT, ""},
        {200, ours, 403, ZL_E_DENIED, ""},
        {200, ours, 500, ZL_E_TRANSIENT, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server = {.get_status = cases[i].get_status,
                                .get_body = cases[i].get_body,
                                .write_status = cases[i].write_status};
        start(&server);
        struct zl_bundled what = {.changed = true};
        struct zl_error err = {0};
        enum zl_status status = zl_ca_bundle_set(server.client, "zen-lead", &CHANGE, &what, &err);
        if (status != cases[i].status || what.changed ||
            strstr(err.message, cases[i].says) == NULL) {
            fail_msg("case %zu: %s: %s", i, zl_status_name(status), err.message);
        }
        assert_true((server.method != NULL) == (cases[i].write_status != 0));
        stop(&server);
    }
}

#define DATA                                                                                       \
    "\"data\":{\"ca.crt\":\"" CA "\",\"ca.key\":\"" CA "\",\"tls.key\":\"" CA                      \
    "\",\"tls.crt\":\"" CA "\"}"

static struct zl_secret secret_of(const struct server *server)
{
    return (struct zl_secret){.client = server->client, .namespace_ = "ns", .name = "tls"};
}

static void test_an_absent_secret_is_created(void **state)
{
    (void)state;
    struct server server = {.get_status = 404, .get_body = "{}", .write_status = 201};
    start(&server);
    struct zl_secret secret = secret_of(&server);
    ZL_AUTO_MATERIAL struct zl_material loaded = {0};
    assert_int_equal(zl_secret_load(&secret, &loaded, NULL), ZL_OK);
    assert_null(loaded.pem[ZL_PART_CERT]);
    assert_int_equal(zl_secret_save(&secret, &MATERIAL, NULL), ZL_OK);
    assert_string_equal(server.method, "POST");
    assert_int_equal(strncmp(server.path, SECRETS "?", strlen(SECRETS "?")), 0);
    assert_non_null(strstr(server.body, DATA));
    assert_non_null(strstr(server.body, "\"type\":\"kubernetes.io/tls\""));
    stop(&server);
}

static void test_a_secret_is_changed_only_as_it_was_read(void **state)
{
    (void)state;
    static const struct {
        int write_status;
        enum zl_status status;
    } cases[] = {{200, ZL_OK}, {409, ZL_E_CONFLICT}, {404, ZL_E_CONFLICT}, {403, ZL_E_DENIED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server = {.get_status = 200,
                                .get_body = "{\"type\":\"kubernetes.io/tls\",\"metadata\":{"
                                            "\"resourceVersion\":\"7\"},"
                                            "\"data\":{\"tls.crt\":\"" OLD "\",\"ca.crt\":\"?\","
                                            "\"other\":\"eA==\"}}",
                                .write_status = cases[i].write_status};
        start(&server);
        struct zl_secret secret = secret_of(&server);
        ZL_AUTO_MATERIAL struct zl_material loaded = {0};
        assert_int_equal(zl_secret_load(&secret, &loaded, NULL), ZL_OK);
        assert_string_equal(loaded.pem[ZL_PART_CERT], "OLD");
        assert_null(loaded.pem[ZL_PART_CA_CERT]);
        assert_int_equal(zl_secret_save(&secret, &MATERIAL, NULL), cases[i].status);
        assert_string_equal(server.method, "PATCH");
        assert_string_equal(server.type, "application/merge-patch+json");
        assert_string_equal(server.body, "{" DATA ",\"metadata\":{\"resourceVersion\":\"7\"}}");
        free(secret.version);
        stop(&server);
    }
}

static void test_a_secret_of_someone_else_is_refused_with_a_cure(void **state)
{
    (void)state;
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"{\"type\":\"Opaque\",\"metadata\":{\"resourceVersion\":\"7\"}}",
         "is of type Opaque, not kubernetes.io/tls: delete it, or choose another --secret"},
        {"{\"type\":\"kubernetes.io/tls\",\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":{"
         "\"cert-manager.io/certificate-name\":\"x\"}}}",
         "belongs to cert-manager"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server = {.get_status = 200, .get_body = cases[i].body};
        start(&server);
        struct zl_secret secret = secret_of(&server);
        ZL_AUTO_MATERIAL struct zl_material loaded = {0};
        struct zl_error err = {0};
        assert_int_equal(zl_secret_load(&secret, &loaded, &err), ZL_E_INVALID);
        assert_non_null(strstr(err.message, cases[i].says));
        stop(&server);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ca_bundle_writes_only_the_entries_that_differ),
        cmocka_unit_test(test_ca_bundle_that_is_right_is_not_written),
        cmocka_unit_test(test_ca_bundle_failures_have_class_and_cure),
        cmocka_unit_test(test_an_absent_secret_is_created),
        cmocka_unit_test(test_a_secret_is_changed_only_as_it_was_read),
        cmocka_unit_test(test_a_secret_of_someone_else_is_refused_with_a_cure),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
