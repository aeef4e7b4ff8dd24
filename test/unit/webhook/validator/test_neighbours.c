/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about what stands around a workload: the API server is scripted, what it is told is a table. */
#include "webhook/validator/neighbours.h"

#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define LIST(items) "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" items "]}"
#define BUDGET(spec)                                                                               \
    "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}"  \
    "," spec "}}"
#define SCALER(name)                                                                               \
    "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"scaleTargetRef\":{\"kind\":\"Deployment\","      \
    "\"name\":\"" name "\"}}}"
#define CRONJOB_OF(name, pool, args)                                                               \
    "{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"zen-lead/pool\":\"" pool "\"}},\"spec\":{" \
    "\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"image\":\"tools\","     \
    "\"args\":[\"" args "\"]}]}}}}}}"
#define DEPLOYMENT(more)                                                                           \
    "{\"metadata\":{\"name\":\"web\",\"labels\":{\"zen-lead/"                                      \
    "pool\":\"p\"}},\"spec\":{\"replicas\":"                                                       \
    "3,\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{" more "}}}}"

static const char *budgets, *scalers, *cronjobs;

static void serve(const struct zl_script *script, struct zl_peer_call *call)
{
    const char *path = zl_peer_path(call);
    const char *body = strstr(path, "poddisruptionbudgets") != NULL ? budgets
                       : strstr(path, "autoscalers") != NULL        ? scalers
                                                                    : cronjobs;
    (void)script;
    if (body == NULL || strstr(path, "v1beta1") != NULL) {
        zl_peer_answer(call, 404, NULL, "{\"kind\":\"Status\",\"reason\":\"NotFound\"}");
    } else {
        zl_peer_answer(call, 200, NULL, body);
    }
}

/* The warnings, or "" for none; the caller frees. */
static char *warn(const struct zl_kind *kind, const char *text, const struct zl_policy *policy)
{
    char *warnings[4] = {NULL};
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_gatekeeper gatekeeper = {.client = zl_the_client};
    assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
    struct zl_review review = {.object = object, .namespace_ = "shop"};
    zl_play((struct zl_script){.serve = serve});
    /* The connection stands when the time is measured: under valgrind that alone takes as long. */
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_BUDGETS, .namespace_ = "shop", .name = "any"};
    const enum zl_status connected = zl_kube_get(zl_the_client, &target, NULL, NULL);
    assert_true(connected == ZL_OK || connected == ZL_E_NOT_FOUND);
    zl_warn_of_neighbours(&gatekeeper, &review, kind, policy, &findings);
    size_t count = zl_findings_warnings(&findings, warnings, COUNT(warnings));
    char *all = zl_strdup("");
    for (size_t i = 0; i < count; i++) {
        char *longer = zl_asprintf("%s%s\n", all, warnings[i]);
        free(all);
        free(warnings[i]);
        all = longer;
    }
    return all;
}

static char pool[] = "p";

static void check(const char *name, const struct zl_kind *kind, const char *object,
                  struct zl_policy policy, const char *wanted)
{
    policy.meta.name = pool;
    ZL_AUTO_FREE char *warnings = warn(kind, object, &policy);
    bool right = wanted != NULL ? strstr(warnings, wanted) != NULL : warnings[0] == '\0';
    if (!right) {
        fail_msg("%s: \"%s\", not \"%s\"", name, warnings, wanted != NULL ? wanted : "");
    }
}

/* Finding 11, case 14 */
static void test_a_budget_that_never_lets_the_leader_go_is_warned_of(void **state)
{
    static const struct {
        const char *name, *budgets;
        bool standby, warned;
    } rows[] = {
        {"one may be out of three", LIST(BUDGET("\"maxUnavailable\":1")), false, true},
        {"half of them", LIST(BUDGET("\"maxUnavailable\":\"50%\"")), false, true},
        {"one at least", LIST(BUDGET("\"minAvailable\":1")), false, true},
        {"a percent at least", LIST(BUDGET("\"minAvailable\":\"1%\"")), false, true},
        {"all may be out", LIST(BUDGET("\"maxUnavailable\":\"100%\"")), false, false},
        {"three of three", LIST(BUDGET("\"maxUnavailable\":3")), false, false},
        {"none at least", LIST(BUDGET("\"minAvailable\":0")), false, false},
        {"standby runs all", LIST(BUDGET("\"maxUnavailable\":1")), true, false},
        {"none", LIST(""), false, false},
        {"not to be had", NULL, false, false},
    };
    (void)state;
    scalers = LIST("");
    for (size_t i = 0; i < COUNT(rows); i++) {
        budgets = rows[i].budgets;
        check(rows[i].name, &ZL_KIND_DEPLOYMENT, DEPLOYMENT(""),
              (struct zl_policy){.standby = rows[i].standby},
              rows[i].warned ? "never lets the leader go" : NULL);
    }
}

static void test_an_autoscaler_of_a_workload_that_runs_one_pod_is_warned_of(void **state)
{
    (void)state;
    budgets = LIST("");
    scalers = LIST(SCALER("web"));
    check("its own", &ZL_KIND_DEPLOYMENT, DEPLOYMENT(""), (struct zl_policy){0}, "by its one pod");
    scalers = LIST(SCALER("other"));
    check("another's", &ZL_KIND_DEPLOYMENT, DEPLOYMENT(""), (struct zl_policy){0}, NULL);
}

static void test_a_claim_that_one_node_may_mount_is_warned_of_with_a_handover(void **state)
{
    static const char *const claim =
        DEPLOYMENT("\"volumes\":[{\"name\":\"c\",\"configMap\":{}},{\"name\":\"d\","
                   "\"persistentVolumeClaim\":{\"claimName\":\"data\"}}]");
    (void)state;
    budgets = scalers = LIST("");
    check("Handover", &ZL_KIND_DEPLOYMENT, claim, (struct zl_policy){0}, "\"data\"");
    check("Recreate", &ZL_KIND_DEPLOYMENT, claim, (struct zl_policy){.recreate = true}, NULL);
    check("standby", &ZL_KIND_DEPLOYMENT, claim, (struct zl_policy){.standby = true}, NULL);
    check("StatefulSet", &ZL_KIND_STATEFULSET, claim, (struct zl_policy){0}, NULL);
}

/* Case 13 */
static void test_a_second_cronjob_of_another_task_is_warned_of(void **state)
{
    static const struct {
        const char *name, *cronjobs;
        bool each, warned;
    } rows[] = {
        {"alone", LIST(CRONJOB_OF("dump", "p", "dump")), false, false},
        {"the same in another zone", LIST(CRONJOB_OF("dump-b", "p", "dump")), false, false},
        {"another task", LIST(CRONJOB_OF("vacuum", "p", "vacuum")), false, true},
        {"of another pool", LIST(CRONJOB_OF("vacuum", "q", "vacuum")), false, false},
        {"asked for", LIST(CRONJOB_OF("vacuum", "p", "vacuum")), true, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        cronjobs = rows[i].cronjobs;
        check(rows[i].name, &ZL_KIND_CRONJOB, CRONJOB_OF("dump", "p", "dump"),
              (struct zl_policy){.each_tick = rows[i].each},
              rows[i].warned ? "set spec.ticks: Each" : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_budget_that_never_lets_the_leader_go_is_warned_of),
        WITH_PEER(test_an_autoscaler_of_a_workload_that_runs_one_pod_is_warned_of),
        WITH_PEER(test_a_claim_that_one_node_may_mount_is_warned_of_with_a_handover),
        WITH_PEER(test_a_second_cronjob_of_another_task_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
