/* SPDX-License-Identifier: Apache-2.0 */
/* The sidecar's API over a server of one Lease: what it answers, whom it refuses, what watchers are told. */
#include "client/sidecar/answers.h"
#include "client/sidecar/serve.h"

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/http/server.h"
#include "common/kube/client.h"
#include "common/kube/yaml.h"
#include "common/objects/names.h"
#include "test/unit/lease_peer.h"
#include "test/unit/wire.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/await.h"

static const char *const POOLS[] = {"web"};
static const char *const FLEETS[] = {"fixes"};

struct scene {
    struct zl_lease_peer *peer;
    struct zl_sidecar *sidecar;
};

static void write_lease(struct scene *scene, const char *pod, int token)
{
    char renewed[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us(), renewed);
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{\"metadata\":{\"name\":\"zen-lead-web\",\"namespace\":\"shop\",\"uid\":\"u\","
        "\"annotations\":{\"zen-lead.io/holder-pod\":\"%s\",\"zen-lead.io/holder-uid\":\"1\","
        "\"zen-lead.io/fencing-token\":\"%d\"}},\"spec\":{\"holderIdentity\":\"%s_1\","
        "\"leaseDurationSeconds\":15,\"renewTime\":\"%s\",\"acquireTime\":\"%s\"}}",
        pod, token, pod, renewed, renewed);
    zl_lease_peer_write(scene->peer, text);
}

static struct zl_sidecar *start_at(struct scene *scene, const char *address)
{
    struct zl_sidecar_spec spec = {.lead = ZENLEAD_OPTIONS_INIT,
                                   .pools = POOLS,
                                   .pool_count = 1,
                                   .fleets = FLEETS,
                                   .fleet_count = 1,
                                   .compat = true,
                                   .address = address};
    struct zl_sidecar *sidecar = NULL;
    struct zl_error err = {0};
    spec.lead.kubeconfig = zl_lease_peer_kubeconfig(scene->peer);
    spec.lead.pod = "a";
    if (zl_sidecar_start(&spec, &sidecar, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    return sidecar;
}

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    scene->peer = zl_lease_peer_start();
    write_lease(scene, "a", 17);
    zl_kube_init();
    scene->sidecar = start_at(scene, "127.0.0.1");
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    if (scene->sidecar != NULL) {
        zl_sidecar_stop(scene->sidecar);
    }
    zl_lease_peer_stop(scene->peer);
    zl_kube_cleanup();
    free(scene);
    return 0;
}

static struct zl_wire_answer ask(const struct scene *scene, const char *method, const char *path,
                                 const char *host)
{
    struct zl_wire wire = zl_wire_open((uint16_t)zl_sidecar_port(scene->sidecar), 0);
    ZL_AUTO_FREE char *request =
        zl_asprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", method, path, host);
    assert_true(zl_wire_send_text(&wire, request));
    struct zl_wire_answer answer = zl_wire_receive(&wire, strcmp(method, "HEAD") == 0);
    zl_wire_close(&wire);
    answer.body[answer.body_length < sizeof answer.body ? answer.body_length
                                                        : sizeof answer.body - 1] = '\0';
    return answer;
}

static int code(const struct scene *scene, const char *method, const char *path)
{
    return ask(scene, method, path, "127.0.0.1").status;
}

static void test_an_answer_says_role_holder_token_and_for_how_long(void **state)
{
    struct scene *scene = *state;
    const struct zl_wire_answer answer = ask(scene, "GET", "/v1/pools/web", "localhost:4040");
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.head, "application/json"));
    assert_int_equal(zl_json_parse(answer.body, strlen(answer.body), &tree, NULL), ZL_OK);
    assert_string_equal(zl_json_text(tree, "role", NULL), "leader");
    assert_string_equal(zl_json_text(tree, "holder", NULL), "a");
    assert_string_equal(zl_json_text(tree, "reason", NULL), "holds");
    assert_int_equal(zl_json_i64(tree, 0, "token", NULL), 17);
    assert_in_range(zl_json_i64(tree, 0, "validForMs", NULL), 1, 15000);
}

static void test_only_what_is_certain_is_200(void **state)
{
    struct scene *scene = *state;
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < 3; i++) {
        AWAIT(code(scene, methods[i], "/v1/pools/web/leader") == 200);
        assert_int_equal(code(scene, methods[i], "/v1/pools/web/follower"), 503);
    }
    write_lease(scene, "b", 18);
    AWAIT(code(scene, "GET", "/v1/pools/web/follower") == 200);
    assert_int_equal(code(scene, "GET", "/v1/pools/web/leader"), 503);
    const struct zl_wire_answer compat = ask(scene, "GET", "/", "127.0.0.1");
    assert_string_equal(compat.body, "{\"name\":\"b\"}");
}

static void test_without_an_api_server_nothing_is_certain(void **state)
{
    struct scene *scene = *state;
    zl_sidecar_stop(scene->sidecar);
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_FAILING);
    scene->sidecar = start_at(scene, "127.0.0.1");
    assert_int_equal(code(scene, "GET", "/v1/pools/web/leader"), 503);
    assert_int_equal(code(scene, "GET", "/v1/pools/web/follower"), 503);
    const struct zl_wire_answer answer = ask(scene, "GET", "/v1/pools/web", "127.0.0.1");
    assert_non_null(strstr(answer.body, "\"role\":\"unknown\""));
    assert_non_null(strstr(answer.body, "\"validForMs\":0"));
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_WELL);
    AWAIT(code(scene, "GET", "/v1/pools/web/leader") == 200);
}

static void test_strangers_and_what_is_not_there_are_refused(void **state)
{
    struct scene *scene = *state;
    static const char *const paths[] = {"/v1/pools/web", "/v1/pools/web/leader",
                                        "/v1/pools/web/follower", "/v1/pools/web/watch", "/"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(ask(scene, "GET", paths[i], "evil.example").status, 403);
        assert_int_equal(ask(scene, "GET", paths[i], "127.0.0.1.evil.example").status, 403);
        assert_int_equal(code(scene, "POST", paths[i]), 405);
    }
    assert_int_equal(code(scene, "GET", "/v1/pools/other"), 404);
    assert_int_equal(code(scene, "GET", "/v1/pools/web/leader/x"), 404);
}

static void test_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool local;
    } rows[] = {{"127.0.0.1", true},   {"127.0.0.1:4040", true},
                {"localhost:1", true}, {"[::1]:4040", true},
                {"127.0.0.1:", false}, {"127.0.0.1:x", false},
                {"127.0.0.12", false}, {"localhost.x", false},
                {"", false},           {"127.0.0.1@x", false},
                {NULL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(zl_http_host_is_local(rows[i].host), rows[i].local);
    }
}

/* Wait until PART came over FD; what came stands in TEXT. */
static void await_text(int fd, char *text, size_t size, const char *part)
{
    size_t length = 0;
    text[0] = '\0';
    while (strstr(text, part) == NULL && length < size - 1) {
        const ssize_t got = recv(fd, text + length, size - 1 - length, 0);
        if (got <= 0) {
            fail_msg("it ended before %s: %s", part, text);
        }
        length += (size_t)got;
        text[length] = '\0';
    }
}

static void test_a_watcher_is_told_the_state_and_each_change_and_ends_with_the_sidecar(void **state)
{
    struct scene *scene = *state;
    char text[8192];
    struct zl_wire wire = zl_wire_open((uint16_t)zl_sidecar_port(scene->sidecar), 0);
    assert_true(
        zl_wire_send_text(&wire, "GET /v1/pools/web/watch HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    await_text(wire.fd, text, sizeof text, "\"token\":17");
    assert_non_null(strstr(text, "text/event-stream"));
    assert_non_null(strstr(text, "data: {\"role\":\"leader\""));
    write_lease(scene, "b", 18);
    await_text(wire.fd, text, sizeof text, "\"token\":18");
    assert_non_null(strstr(text, "\"role\":\"follower\",\"holder\":\"b\""));
    zl_sidecar_stop(scene->sidecar); /* does not wait for the watcher */
    scene->sidecar = NULL;
    assert_true(zl_wire_is_closed(&wire, 10000));
    zl_wire_close(&wire);
}

static void test_a_unix_socket_is_for_owner_and_group(void **state)
{
    struct scene *scene = *state;
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    struct stat found;
    char text[4096];
    (void)snprintf(where.sun_path, sizeof where.sun_path, "/tmp/zl-sidecar-%d.sock", (int)getpid());
    zl_sidecar_stop(scene->sidecar);
    scene->sidecar = start_at(scene, where.sun_path);
    assert_int_equal(stat(where.sun_path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0660);
    assert_int_equal(zl_sidecar_port(scene->sidecar), 0);
    struct zl_wire wire = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(wire.fd, (const struct sockaddr *)&where, sizeof where), 0);
    assert_true(zl_wire_send_text(&wire, "GET /v1/pools/web HTTP/1.1\r\nHost: any\r\n\r\n"));
    await_text(wire.fd, text, sizeof text, "\"token\":17");
    zl_wire_close(&wire);
    zl_sidecar_stop(scene->sidecar);
    scene->sidecar = NULL;
    assert_int_not_equal(stat(where.sun_path, &found), 0);
}

/* --- a fleet: the peer's one object is taken for the cluster's LeaderPolicy --- */

static const char *const WISHES[] = {"/v1/fleet/fixes/request", "/v1/fleet/fixes/accept",
                                     "/v1/fleet/fixes/decline", "/v1/fleet/fixes/extend",
                                     "/v1/fleet/fixes/done",    "/v1/fleet/fixes/failed",
                                     "/v1/fleet/fixes/release"};

/* With the header "zen-lead: MEANT", NULL: without it. */
static struct zl_wire_answer post(const struct scene *scene, const char *path, const char *meant,
                                  const char *body)
{
    struct zl_wire wire = zl_wire_open((uint16_t)zl_sidecar_port(scene->sidecar), 0);
    ZL_AUTO_FREE char *request =
        zl_asprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
                    path, meant != NULL ? "zen-lead: " : "", meant != NULL ? meant : "",
                    meant != NULL ? "\r\n" : "", strlen(body), body);
    assert_true(zl_wire_send_text(&wire, request));
    struct zl_wire_answer answer = zl_wire_receive(&wire, false);
    zl_wire_close(&wire);
    answer.body[answer.body_length < sizeof answer.body ? answer.body_length
                                                        : sizeof answer.body - 1] = '\0';
    return answer;
}

static int wish(const struct scene *scene, const char *verb, const char *body)
{
    ZL_AUTO_FREE char *path = zl_asprintf("/v1/fleet/fixes/%s", verb);
    return post(scene, path, "true", body).status;
}

static void expect_annotation(struct scene *scene, const char *key, const char *text)
{
    ZL_AUTO_FREE char *found = zl_lease_peer_annotation(scene->peer, key);
    assert_string_equal(found, text);
}

static void test_a_turn_is_active_only_while_it_is_certain(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 0, 0);
    AWAIT(strstr(ask(scene, "GET", "/v1/fleet/fixes", "127.0.0.1").body, "\"waiting\"") != NULL);
    assert_int_equal(code(scene, "HEAD", "/v1/fleet/fixes/active"), 503);
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 5);
    AWAIT(code(scene, "HEAD", "/v1/fleet/fixes/active") == 200);
    const struct zl_wire_answer answer = ask(scene, "GET", "/v1/fleet/fixes", "127.0.0.1");
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    assert_int_equal(zl_json_parse(answer.body, strlen(answer.body), &tree, NULL), ZL_OK);
    assert_int_equal(zl_json_i64(tree, 0, "token", NULL), 7);
    assert_in_range(zl_json_i64(tree, 0, "validForMs", NULL), 1, 6000);
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_GONE);
    AWAIT(code(scene, "HEAD", "/v1/fleet/fixes/active") == 503); /* its time is over */
    const struct zl_wire_answer after = ask(scene, "GET", "/v1/fleet/fixes", "127.0.0.1");
    assert_non_null(strstr(after.body, "\"state\":\"unknown\",\"token\":0,\"validForMs\":0"));
}

static void test_ends_are_reported_of_the_turn_that_is(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    assert_int_equal(wish(scene, "done", "{\"token\":6}"), 409);
    assert_int_equal(wish(scene, "done", ""), 400);
    assert_int_equal(wish(scene, "done", "[]"), 400);
    expect_annotation(scene, ZL_KEY_FLEET_REPORT, "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wish(scene, "failed", "{\"token\":7,\"reason\":\"node 3\"}"), 200);
        expect_annotation(scene, ZL_KEY_FLEET_REPORT, "7 failed node 3");
    }
    assert_int_equal(wish(scene, "request", ""), 200);
    expect_annotation(scene, ZL_KEY_FLEET_WANT, "true");
    expect_annotation(scene, ZL_KEY_FLEET_REPORT, "");
    assert_int_equal(wish(scene, "release", "{\"token\":7}"), 200);
    expect_annotation(scene, ZL_KEY_FLEET_REPORT, "7 released");
    assert_int_equal(wish(scene, "done", "{\"token\":7}"), 200);
    expect_annotation(scene, ZL_KEY_FLEET_REPORT, "7 done");
}

static void test_turns_are_accepted_declined_and_extended(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    assert_int_equal(wish(scene, "decline", ""), 400);
    assert_int_equal(wish(scene, "decline", "{\"reason\":\"\"}"), 400);
    assert_int_equal(wish(scene, "extend", ""), 400);
    assert_int_equal(wish(scene, "extend", "{\"token\":6}"), 409);
    expect_annotation(scene, ZL_KEY_FLEET_DECLINE, "");
    expect_annotation(scene, ZL_KEY_FLEET_EXTEND, "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wish(scene, "decline", "{\"reason\":\"disk is full\"}"), 200);
        expect_annotation(scene, ZL_KEY_FLEET_DECLINE, "disk is full");
        assert_int_equal(wish(scene, "accept", ""), 200);
        expect_annotation(scene, ZL_KEY_FLEET_DECLINE, "");
        expect_annotation(scene, ZL_KEY_FLEET_ACCEPT, "0"); /* no turn has ended yet */
        assert_int_equal(wish(scene, "extend", "{\"token\":7}"), 200);
        expect_annotation(scene, ZL_KEY_FLEET_EXTEND, "7 1");
    }
    expect_annotation(scene, ZL_KEY_FLEET_REPORT, "");
}

static void test_nothing_is_written_for_who_does_not_mean_it(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    for (size_t i = 0; i < sizeof WISHES / sizeof WISHES[0]; i++) {
        assert_int_equal(post(scene, WISHES[i], NULL, "{\"token\":7}").status, 403);
        assert_int_equal(post(scene, WISHES[i], "yes", "{\"token\":7}").status, 403);
        assert_int_equal(ask(scene, "POST", WISHES[i], "evil.example").status, 403);
        assert_int_equal(code(scene, "GET", WISHES[i]), 405);
    }
    expect_annotation(scene, ZL_KEY_FLEET_REPORT, "");
    expect_annotation(scene, ZL_KEY_FLEET_WANT, "");
    expect_annotation(scene, ZL_KEY_FLEET_ACCEPT, "");
    expect_annotation(scene, ZL_KEY_FLEET_DECLINE, "");
    expect_annotation(scene, ZL_KEY_FLEET_EXTEND, "");
    assert_int_equal(code(scene, "GET", "/v1/fleet/others"), 404);
}

static void test_what_cannot_be_written_is_said(void **state)
{
    static const struct {
        enum zl_mood mood;
        int code;
    } rows[] = {{ZL_MOOD_GONE, 503}, {ZL_MOOD_FAILING, 503}, {ZL_MOOD_DENYING, 403}};
    struct scene *scene = *state;
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        zl_lease_peer_set_mood(scene->peer, rows[i].mood);
        assert_int_equal(wish(scene, "done", "{\"token\":7}"), rows[i].code);
        zl_lease_peer_set_mood(scene->peer, ZL_MOOD_WELL);
    }
    zl_lease_peer_write_turn(scene->peer, "others", 7, 600);
    assert_int_equal(wish(scene, "done", "{\"token\":7}"), 404);
}

static void test_a_watcher_of_a_fleet_is_told_of_its_turn(void **state)
{
    struct scene *scene = *state;
    char text[8192];
    zl_lease_peer_write_turn(scene->peer, "fixes", 0, 0);
    AWAIT(strstr(ask(scene, "GET", "/v1/fleet/fixes", "127.0.0.1").body, "\"waiting\"") != NULL);
    struct zl_wire wire = zl_wire_open((uint16_t)zl_sidecar_port(scene->sidecar), 0);
    assert_true(
        zl_wire_send_text(&wire, "GET /v1/fleet/fixes/watch HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    await_text(wire.fd, text, sizeof text, "\"state\":\"waiting\"");
    zl_lease_peer_write_turn(scene->peer, "fixes", 7, 600);
    await_text(wire.fd, text, sizeof text, "\"state\":\"active\",\"token\":7");
    zl_wire_close(&wire);
}

static void test_all_that_is_described_is_served_and_the_other_way_round(void **state)
{
    struct scene *scene = *state;
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    char *yaml = NULL;
    size_t length = 0;
    int described = 0;
    assert_int_equal(zl_file_read("docs/sidecar.yaml", &yaml, &length, NULL), ZL_OK);
    assert_int_equal(zl_yaml_parse(yaml, length, &tree, NULL), ZL_OK);
    free(yaml);
    const struct cJSON *path = zl_json_first(zl_json_at(tree, "paths", NULL));
    for (; path != NULL; path = zl_json_next(path)) {
        const char *name = zl_json_name(path);
        const char *brace = strchr(name, '{');
        ZL_AUTO_FREE char *full =
            brace != NULL ? zl_asprintf("%.*s%s%s", (int)(brace - name), name,
                                        strncmp(brace, "{fleet", 6) == 0 ? FLEETS[0] : POOLS[0],
                                        strchr(name, '}') + 1)
                          : zl_strdup(name);
        if (zl_json_at(path, "post", NULL) != NULL) {
            assert_int_equal(post(scene, full, NULL, "").status, 403);
            described++;
            continue;
        }
        const struct cJSON *options = zl_json_at(path, "options", NULL);
        const int with = code(scene, "OPTIONS", full);
        assert_true(zl_json_at(path, "get", NULL) != NULL);
        /* A watch does not end by itself: that it is served is another test's. */
        assert_true(strstr(full, "watch") != NULL || code(scene, "GET", full) != 404);
        assert_int_equal(options != NULL, with == 200 || with == 503);
        described++;
    }
    assert_int_equal(described, 15);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_says_role_holder_token_and_for_how_long),
        TEST(test_only_what_is_certain_is_200),
        TEST(test_without_an_api_server_nothing_is_certain),
        TEST(test_strangers_and_what_is_not_there_are_refused),
        cmocka_unit_test(test_hosts),
        TEST(test_a_watcher_is_told_the_state_and_each_change_and_ends_with_the_sidecar),
        TEST(test_a_unix_socket_is_for_owner_and_group),
        TEST(test_a_turn_is_active_only_while_it_is_certain),
        TEST(test_ends_are_reported_of_the_turn_that_is),
        TEST(test_turns_are_accepted_declined_and_extended),
        TEST(test_nothing_is_written_for_who_does_not_mean_it),
        TEST(test_what_cannot_be_written_is_said),
        TEST(test_a_watcher_of_a_fleet_is_told_of_its_turn),
        TEST(test_all_that_is_described_is_served_and_the_other_way_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
