/* SPDX-License-Identifier: Apache-2.0 */
/* The page over HTTP: who is let in, with which headers, what is told, and what a namespace without rights says. */
#include "client/dashboard/answers.h"
#include "client/dashboard/health.h"
#include "client/dashboard/page.h"
#include "client/dashboard/serve.h"

#include "test/unit/object_peer.h"
#include "test/unit/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define SHOP(group, plural) "/apis/" group "/namespaces/shop/" plural

struct scene {
    struct zl_object_peer *peer;
    struct zl_kube_client *client;
    struct zl_dashboard *dashboard;
};

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    struct zl_error err = {0};
    scene->peer = zl_object_peer_start();
    zl_object_peer_put(
        scene->peer, "GET", SHOP("coordination.kube-zen.io/v1alpha1", "leaderpolicies"), 200,
        "{'kind':'List','metadata':{'resourceVersion':'7'},'items':[{'metadata':"
        "{'name':'web','namespace':'shop','uid':'p','resourceVersion':'5'},'spec':{},"
        "'status':{'candidates':3,'currentHolder':{'name':'<b>x</b>'}}}]}");
    zl_object_peer_put(scene->peer, "GET", SHOP("coordination.k8s.io/v1", "leases"), 403,
                       "{'kind':'Status','code':403,'reason':'Forbidden','message':'leases is "
                       "forbidden: User ann cannot list'}");
    scene->client = zl_object_peer_client(scene->peer);
    const struct zl_dashboard_spec spec = {.client = scene->client,
                                           .server = "https://example",
                                           .namespace_ = "shop",
                                           .home = "shop",
                                           .installed_in = "zen-lead-system",
                                           .fleet_namespace = "zen-fleet",
                                           .address = "127.0.0.1"};
    if (zl_dashboard_start(&spec, &scene->dashboard, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    zl_dashboard_stop(scene->dashboard);
    zl_kube_client_free(scene->client);
    zl_object_peer_stop(scene->peer);
    free(scene);
    return 0;
}

/* PATH below the session's. */
static char *below(const struct scene *scene, const char *path)
{
    return zl_asprintf("/%s/%s", zl_dashboard_key(scene->dashboard), path);
}

static struct zl_wire send_request(const struct scene *scene, const char *method, const char *path,
                                   const char *host)
{
    struct zl_wire wire = zl_wire_open((uint16_t)zl_dashboard_port(scene->dashboard), 0);
    ZL_AUTO_FREE char *request =
        zl_asprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", method, path, host);
    assert_true(zl_wire_send_text(&wire, request));
    return wire;
}

static struct zl_wire_answer ask(const struct scene *scene, const char *method, const char *path,
                                 const char *host)
{
    struct zl_wire wire = send_request(scene, method, path, host);
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    zl_wire_close(&wire);
    return answer;
}

static int code(const struct scene *scene, const char *method, const char *path)
{
    return ask(scene, method, path, "127.0.0.1").status;
}

static void test_only_the_sessions_path_is_served(void **state)
{
    const struct scene *scene = *state;
    ZL_AUTO_FREE char *page = below(scene, "");
    ZL_AUTO_FREE char *script = below(scene, "page.js");
    ZL_AUTO_FREE char *nothing = below(scene, "nothing");
    ZL_AUTO_FREE char *no_object = below(scene, "explain/shop/Deployment/web/more");
    ZL_AUTO_FREE char *wrong = zl_strdup(page);
    wrong[ZL_DOOR_LENGTH] = wrong[ZL_DOOR_LENGTH] == '0' ? '1' : '0';
    assert_int_equal(code(scene, "GET", page), 200);
    assert_int_equal(code(scene, "GET", script), 200);
    assert_int_equal(code(scene, "GET", nothing), 404);
    assert_int_equal(code(scene, "GET", no_object), 404);
    assert_int_equal(code(scene, "GET", wrong), 404);
    assert_int_equal(code(scene, "GET", "/"), 404);
    assert_int_equal(code(scene, "GET", "/favicon.ico"), 404);
    assert_int_equal(code(scene, "POST", page), 405);
    assert_int_equal(code(scene, "DELETE", page), 405);
    const struct zl_wire_answer refused = ask(scene, "GET", wrong, "127.0.0.1");
    assert_null(strstr(refused.body, zl_dashboard_key(scene->dashboard)));
}

static void test_another_sites_name_is_refused(void **state)
{
    const struct scene *scene = *state;
    ZL_AUTO_FREE char *page = below(scene, "");
    ZL_AUTO_FREE char *events = below(scene, "events");
    assert_int_equal(ask(scene, "GET", page, "attacker.example").status, 403);
    assert_int_equal(ask(scene, "GET", events, "127.0.0.1.attacker.example:80").status, 403);
    assert_int_equal(ask(scene, "GET", page, "localhost:1").status, 200);
}

static void test_the_page_keeps_to_itself(void **state)
{
    const struct scene *scene = *state;
    static const char *const wanted[] = {
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "Referrer-Policy: no-referrer",
        "X-Frame-Options: DENY",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
    };
    ZL_AUTO_FREE char *page = below(scene, "");
    const struct zl_wire_answer answer = ask(scene, "GET", page, "127.0.0.1");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strstr(answer.head, wanted[i]) == NULL) {
            fail_msg("no %s in %s", wanted[i], answer.head);
        }
    }
}

static void test_nothing_in_the_page_leads_elsewhere_or_makes_markup_of_text(void **state)
{
    static const char *const never[] = {
        "https://",       "innerHTML", "outerHTML", "insertAdjacentHTML",
        "document.write", "eval(",     " style=",   "onclick="};
    (void)state;
    for (const struct zl_page_file *file = ZL_PAGE_FILES; file->path != NULL; file++) {
        assert_true(file->end > file->text);
        for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
            if (strstr(file->text, never[i]) != NULL) {
                fail_msg("%s has %s", file->path, never[i]);
            }
        }
    }
    assert_null(zl_page_find("../page.c"));
}

/* Wait until PART came over WIRE; what came stands in TEXT. */
static void await_text(const struct zl_wire *wire, char *text, size_t size, const char *part)
{
    size_t length = strlen(text);
    while (strstr(text, part) == NULL && length < size - 1) {
        const ssize_t got = recv(wire->fd, text + length, size - 1 - length, 0);
        if (got <= 0) {
            fail_msg("it ended before %s: %s", part, text);
        }
        length += (size_t)got;
        text[length] = '\0';
    }
    assert_non_null(strstr(text, part));
}

static void test_events_tell_rows_and_what_may_not_be_read(void **state)
{
    const struct scene *scene = *state;
    char text[65536] = "";
    ZL_AUTO_FREE char *events = below(scene, "events");
    struct zl_wire wire = send_request(scene, "GET", events, "127.0.0.1");
    await_text(&wire, text, sizeof text, "Content-Type: text/event-stream");
    await_text(&wire, text, sizeof text, "\"whole\":true");
    await_text(&wire, text, sizeof text, "\"pool shop/web\":{");
    await_text(&wire, text, sizeof text, "\"leader\":\"<b>x</b>\"");
    await_text(&wire, text, sizeof text, "\"state\":\"forbidden\"");
    await_text(&wire, text, sizeof text, "cannot list");
    zl_wire_close(&wire);
}

static void test_explain_says_what_cannot_be_known(void **state)
{
    const struct scene *scene = *state;
    zl_object_peer_put(scene->peer, "GET", "/apis/apps/v1/namespaces/shop/deployments/web", 404,
                       "{'kind':'Status','code':404,'message':'no such Deployment'}");
    ZL_AUTO_FREE char *path = below(scene, "explain/shop/Deployment/web");
    const struct zl_wire_answer answer = ask(scene, "GET", path, "127.0.0.1");
    assert_int_equal(answer.status, 200);
    if (strstr(answer.body, "{\"error\":\"") == NULL ||
        strstr(answer.body, "no such Deployment") == NULL) {
        fail_msg("%s", answer.body);
    }
}

static void test_words_of_an_object_are_names_alone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {{"shop/Deployment/web", true},
                {"shop/deploy/web", true},
                {"shop/Secret/web", false},
                {"shop/Pod/", false},
                {"shop/Pod", false},
                {"/Pod/web", false},
                {"shop/Pod/a b", false},
                {"shop/Pod/a/b", false},
                {"shop/Pod/..%2f", false},
                {"shop/Pod/a?x=1", false},
                {"", false}};
    struct zl_explain_words words;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(zl_explain_words_read(rows[i].text, &words), rows[i].good);
    }
    assert_true(zl_explain_words_read("shop/deploy/web", &words));
    assert_string_equal(words.kind, "Deployment");
    char longest[400];
    (void)snprintf(longest, sizeof longest, "shop/Pod/%0300d", 1);
    assert_false(zl_explain_words_read(longest, &words));
}

static void test_a_key_opens_its_own_door_alone(void **state)
{
    char key[ZL_DOOR_LENGTH + 1], other[ZL_DOOR_LENGTH + 1];
    (void)state;
    zl_door_make(key);
    zl_door_make(other);
    assert_string_not_equal(key, other);
    ZL_AUTO_FREE char *path = zl_asprintf("/%s/page.css", key);
    ZL_AUTO_FREE char *bare = zl_asprintf("/%s", key);
    assert_string_equal(zl_door_open(key, path), "page.css");
    assert_null(zl_door_open(other, path));
    assert_null(zl_door_open(key, bare));
    assert_null(zl_door_open(key, ""));
    assert_null(zl_door_open(key, "/"));
}

static void test_health_says_of_each_kind_how_it_is_followed(void **state)
{
    (void)state;
    static const struct {
        struct zl_kind_health kind;
        const char *state;
        bool reached;
    } rows[] = {
        {{.wanted = true, .synced = true}, "followed", true},
        {{.wanted = true}, "loading", true},
        {{.wanted = true, .stale_since = 1, .answer = ZL_E_TRANSIENT}, "stale", false},
        {{.wanted = true, .stale_since = 1, .answer = ZL_OK}, "stale", true},
        {{.wanted = true, .stale_since = 1, .answer = ZL_E_DENIED}, "forbidden", true},
        {{.wanted = true, .stale_since = 1, .answer = ZL_E_NOT_FOUND}, "absent", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_kind_health kinds[ZL_FOLLOWED_COUNT] = {0};
        kinds[ZL_FOLLOWED_MEMBERSHIPS] = rows[i].kind;
        ZL_AUTO_JSON struct cJSON *row = zl_health_row(kinds);
        const struct cJSON *first = zl_json_first(zl_json_at(row, "kinds", NULL));
        assert_string_equal(zl_json_text(first, "state", NULL), rows[i].state);
        assert_int_equal(zl_json_bool(row, !rows[i].reached, "reached", NULL), rows[i].reached);
    }
    struct zl_kind_health kinds[ZL_FOLLOWED_COUNT] = {0};
    kinds[ZL_FOLLOWED_POLICIES] =
        (struct zl_kind_health){.wanted = true, .stale_since = 1, .answer = ZL_E_NOT_FOUND};
    ZL_AUTO_JSON struct cJSON *row = zl_health_row(kinds);
    assert_string_equal(zl_json_text(zl_json_first(zl_json_at(row, "kinds", NULL)), "state", NULL),
                        "missing");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_only_the_sessions_path_is_served),
        TEST(test_another_sites_name_is_refused),
        TEST(test_the_page_keeps_to_itself),
        cmocka_unit_test(test_nothing_in_the_page_leads_elsewhere_or_makes_markup_of_text),
        TEST(test_events_tell_rows_and_what_may_not_be_read),
        TEST(test_explain_says_what_cannot_be_known),
        cmocka_unit_test(test_words_of_an_object_are_names_alone),
        cmocka_unit_test(test_a_key_opens_its_own_door_alone),
        cmocka_unit_test(test_health_says_of_each_kind_how_it_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
