/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/carried.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cJSON *parse(const char *text)
{
    struct cJSON *json = NULL;
    struct zl_error err = {0};
    if (zl_json_parse(text, strlen(text), &json, &err) != ZL_OK) {
        fail_msg("%s: %s", err.message, text);
    }
    return json;
}

static void test_what_is_named_is_picked_and_nothing_else(void **state)
{
    (void)state;
    static const char map[] =
        "{\"team\":\"a\",\"teams\":\"b\",\"dns.example/name\":\"c=d\","
        "\"dns.example/ttl\":\"\",\"argocd.argoproj.io/instance\":\"x\","
        "\"zen-lead.io/enabled\":\"true\",\"meta.helm.sh/release-name\":\"r\"}";
    static const struct {
        const char *names, *picked; /* the names of what is picked */
    } rows[] = {
        {NULL, NULL},
        {"", NULL},
        {" , ,", NULL},
        {"team", "team"},
        {"  team ,\n teams", "team,teams"},
        {"teams,team,team", "team,teams"}, /* each once, in the map's order */
        {"tea", NULL},
        {"tea*", "team,teams"},
        {"team*s", NULL}, /* a star counts at the end alone */
        {"dns.example/*", "dns.example/name,dns.example/ttl"},
        {"*", "team,teams,dns.example/name,dns.example/ttl"}, /* never those of others, or ours */
        {"zen-lead.io/enabled,argocd.argoproj.io/instance,meta.helm.sh/*", NULL},
    };
    ZL_AUTO_JSON struct cJSON *json = parse(map);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_cut = false;
        ZL_AUTO_FREE char *picked = zl_carried_pick(json, rows[i].names, &is_cut);
        ZL_AUTO_FREE char *names = zl_carried_names(picked);
        if (!zl_same_string(names, rows[i].picked) || is_cut) {
            fail_msg("%s: %s", rows[i].names, names);
        }
    }
}

static void test_names_that_are_never_carried_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *names, *refused;
    } rows[] = {
        {NULL, NULL},
        {"team,dns.example/*,*", NULL}, /* a star means what may be copied */
        {"team, argocd.argoproj.io/instance ,x", "argocd.argoproj.io/instance"},
        {"kubectl.kubernetes.io/*", "kubectl.kubernetes.io/*"},
        {"zen-lead.io/sticky", "zen-lead.io/sticky"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = 0;
        const char *refused = zl_carried_refused(rows[i].names, &length);
        ZL_AUTO_FREE char *name =
            refused != NULL ? zl_asprintf("%.*s", (int)length, refused) : NULL;
        if (!zl_same_string(name, rows[i].refused)) {
            fail_msg("%s: %s", rows[i].names, name);
        }
    }
}

/* A stranger's large annotation is not kept, and the small one behind it is. */
static void test_what_is_too_much_is_left_out_and_said(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *large = zl_alloc(ZL_CARRIED_MAX + 1);
    memset(large, 'x', ZL_CARRIED_MAX);
    ZL_AUTO_FREE char *text = zl_asprintf("{\"a\":\"%s\",\"b\":\"1\"}", large);
    ZL_AUTO_JSON struct cJSON *json = parse(text);
    bool is_cut = false;
    ZL_AUTO_FREE char *picked = zl_carried_pick(json, "*", &is_cut);
    assert_string_equal(picked, "b=1");
    assert_true(is_cut);
}

static void test_a_patch_takes_away_what_was_carried_and_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *map, *were, *patch; /* all of MAP is carried now */
    } rows[] = {
        {"{}", NULL, "{}"},
        {"{\"a\":\"1\"}", NULL, "{\"a\":\"1\"}"},
        {"{\"a\":\"x=y\"}", "a", "{\"a\":\"x=y\"}"},
        {"{\"a\":\"1\"}", "a,b", "{\"a\":\"1\",\"b\":null}"},
        {"{}", "b", "{\"b\":null}"},
        /* Somebody has edited the list of what was carried. */
        {"{}", "app.kubernetes.io/managed-by,zen-lead.io/source-service", "{}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(rows[i].map);
        ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
        ZL_AUTO_FREE char *carried = zl_carried_pick(json, "*", NULL);
        zl_carried_encode(carried, rows[i].were, patch);
        ZL_AUTO_FREE char *text = zl_json_print(patch);
        assert_string_equal(text, rows[i].patch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_named_is_picked_and_nothing_else),
        cmocka_unit_test(test_names_that_are_never_carried_are_found),
        cmocka_unit_test(test_what_is_too_much_is_left_out_and_said),
        cmocka_unit_test(test_a_patch_takes_away_what_was_carried_and_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
