/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/discovery.h"
#include "controller/manager/keys.h"
#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct zl_kube_resource *const SLICES[] = {&ZL_KUBE_ENDPOINTSLICES,
                                                        &ZL_KUBE_ENDPOINTSLICES_V1BETA1, NULL};

struct row {
    int http_status;
    const char *body;
    enum zl_status status;
    const struct zl_kube_resource *found;
};

#define GROUP(versions) "{\"kind\":\"APIGroup\",\"versions\":[" versions "]}"
#define VERSION(name) "{\"groupVersion\":\"discovery.k8s.io/" name "\",\"version\":\"" name "\"}"

static const struct row ROWS[] = {
    {200, GROUP(VERSION("v1") "," VERSION("v1beta1")), ZL_OK, &ZL_KUBE_ENDPOINTSLICES},
    {200, GROUP(VERSION("v1beta1") "," VERSION("v1")), ZL_OK, &ZL_KUBE_ENDPOINTSLICES},
    {200, GROUP(VERSION("v1beta1")), ZL_OK, &ZL_KUBE_ENDPOINTSLICES_V1BETA1},
    {200, GROUP(VERSION("v2")), ZL_E_NOT_FOUND, NULL},
    {200, "{}", ZL_E_NOT_FOUND, NULL},
    {404, "404 page not found", ZL_E_NOT_FOUND, NULL},
    {503, "{}", ZL_E_TRANSIENT, NULL},
};

static void test_first_version_that_the_server_has_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct zl_kube_resource *found = NULL;
        struct zl_error err = {0};
        zl_play((struct zl_script){.status = ROWS[i].http_status, .body = ROWS[i].body});
        enum zl_status status = zl_kube_discover(zl_the_client, SLICES, &found, &err);
        if (status != ROWS[i].status || found != ROWS[i].found) {
            fail_msg("row %zu: status %d: %s", i, (int)status, err.message);
        }
    }
    assert_string_equal(zl_asked().path, "/apis/discovery.k8s.io");
}

static void test_key_says_what_it_is_of(void **state)
{
    (void)state;
    const struct {
        const char *key, *namespace_, *name;
        enum zl_key_kind kind;
    } rows[] = {
        {"shop/web", "shop", "web", ZL_KEY_OF_POOL},
        {"service:shop/web", "shop", "web", ZL_KEY_OF_SERVICE},
        {"service/web", "service", "web", ZL_KEY_OF_POOL},
        {"wake:shop/Deployment/web", "shop", "Deployment/web", ZL_KEY_OF_WAKE},
        {"last-wake:shop/Deployment/web", "shop", "Deployment/web", ZL_KEY_OF_WAKE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *namespace_ = NULL;
        ZL_AUTO_FREE char *name = NULL;
        assert_int_equal(zl_key_split(rows[i].key, &namespace_, &name), rows[i].kind);
        assert_string_equal(namespace_, rows[i].namespace_);
        assert_string_equal(name, rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_first_version_that_the_server_has_is_taken),
        cmocka_unit_test(test_key_says_what_it_is_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
