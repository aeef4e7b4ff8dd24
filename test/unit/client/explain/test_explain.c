/* SPDX-License-Identifier: Apache-2.0 */
/* What `explain` says of objects as the API server has them: one row each. */
#include "client/explain/look.h"
#include "test/unit/object_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define APPS "/apis/apps/v1/namespaces/shop/"
#define BATCH "/apis/batch/v1/namespaces/shop/"
#define CORE "/api/v1/namespaces/shop/"
#define POLICIES "/apis/coordination.kube-zen.io/v1alpha1/namespaces/shop/leaderpolicies/"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/shop/leases/"

#define META(name, more)                                                                           \
    "'metadata':{'name':'" name "','namespace':'shop','uid':'" name "-uid'" more "}"
#define IN(pool) ",'labels':{'zen-lead/pool':'" pool "'}"
#define OWNER(kind, name)                                                                          \
    ",'ownerReferences':[{'apiVersion':'" kind "','name':'" name "','uid':'" name                  \
    "-uid','controller':true}]"
#define IN_RS OWNER("apps/v1','kind':'ReplicaSet", "app-1")
#define BY_ANNOTATION(pool) ",'annotations':{'zen-lead/pool':'" pool "'}"
#define WORKLOAD(name, meta, replicas)                                                             \
    "{" META(name, meta) ",'spec':{'replicas':" replicas                                           \
                         ",'selector':{'matchLabels':{'app':'a'}},"                                \
                         "'template':{'metadata':{},'spec':{}}}}"
#define POD(name, owner)                                                                           \
    "{" META(name, owner) ",'spec':{},'status':{'phase':'Running','conditions':[{'type':'Ready',"  \
                          "'status':'True'}]}}"
#define HELD                                                                                       \
    "'zen-lead.io/holder-pod':'app-1-a','zen-lead.io/holder-uid':'app-1-a-uid',"                   \
    "'zen-lead.io/fencing-token':'17'"
#define LEASE(pool, annotations, holder)                                                           \
    "{" META("zen-lead-" pool,                                                                     \
             ",'annotations':{" annotations "}") ",'spec':{'holderIdentity':'" holder              \
                                                 "','acquireTime':'2026-01-01T00:00:00.000000Z'}}"

static const struct {
    const char *path, *text;
} OBJECTS[] = {
    {POLICIES "web", "{" META("web", "") ",'spec':{'leaseDurationSeconds':20},'status':{'phase':"
                                         "'Stable'}}"},
    {LEASES "zen-lead-web",
     LEASE("web",
           HELD
           ",'zen-lead.io/successor':'app-1-s_app-1-s-uid','zen-lead.io/deposed':'app-1-d-uid'",
           "app-1-a_u")},
    {POLICIES "free", "{" META("free", "") ",'spec':{}}"},
    {LEASES "zen-lead-free", LEASE("free", "", "")},
    {POLICIES "warm", "{" META("warm", "") ",'spec':{'followerMode':'standby'}}"},
    {LEASES "zen-lead-warm", LEASE("warm", HELD, "app-1-a_u")},
    {POLICIES "open", "{" META("open", "") ",'spec':{},'status':{'conditions':[{'type':"
                                           "'GatekeeperArmed','status':'False','reason':"
                                           "'WebhookUnreachable','message':'no answer'}]}}"},
    {POLICIES "jobs", "{" META("jobs", "") ",'spec':{},'status':{'waiting':2,'executing':{'name':"
                                           "'first'},'queue':[{'name':'x','uid':'x'},{'name':"
                                           "'second','uid':'second-uid'}]}}"},
    {LEASES "zen-lead-jobs",
     LEASE("jobs", HELD ",'zen-lead.io/turn':'first_first-uid'", "first-a_u")},
    {POLICIES "mixed", "{" META("mixed", "") ",'spec':{},'status':{'workloads':[{'kind':"
                                             "'Deployment','name':'d','strategy':"
                                             "'TrafficDirector'}]}}"},
    {APPS "deployments/app", WORKLOAD("app", IN("web"), "3")},
    {APPS "replicasets/app-1",
     "{" META("app-1", OWNER("apps/v1','kind':'Deployment", "app")) ",'spec':{}}"},
    {APPS "deployments/free", WORKLOAD("free", IN("free"), "3")},
    {APPS "deployments/warm", WORKLOAD("warm", IN("warm"), "3")},
    {APPS "deployments/open", WORKLOAD("open", IN("open"), "3")},
    {APPS "deployments/one", WORKLOAD("one", IN("web"), "1")},
    /* A pair of one replica each, one of them by annotation; and a pool of one. */
    {POLICIES "pair", "{" META("pair", "") ",'spec':{}}"},
    {LEASES "zen-lead-pair", LEASE("pair", HELD, "app-1-a_u")},
    {APPS "deployments/north", WORKLOAD("north", IN("pair"), "1")},
    {POLICIES "solo", "{" META("solo", "") ",'spec':{}}"},
    {LEASES "zen-lead-solo", LEASE("solo", HELD, "app-1-a_u")},
    {APPS "deployments/solo", WORKLOAD("solo", IN("solo"), "1")},
    {APPS "replicasets/solo-1",
     "{" META("solo-1", OWNER("apps/v1','kind':'Deployment", "solo")) ",'spec':{}}"},
    {CORE "pods/solo-1-b", POD("solo-1-b", OWNER("apps/v1','kind':'ReplicaSet", "solo-1"))},
    {APPS "deployments/none", WORKLOAD("none", IN("pair"), "0")},
    {APPS "deployments",
     "{'kind':'DeploymentList','metadata':{'resourceVersion':'1'},'items':[" WORKLOAD(
         "app", IN("web"), "3") "," WORKLOAD("north", IN("pair"),
                                             "1") "," WORKLOAD("solo", IN("solo"), "1") "]}"},
    {APPS "statefulsets",
     "{'kind':'StatefulSetList','metadata':{'resourceVersion':'1'},'items':[" WORKLOAD(
         "south", BY_ANNOTATION("pair"), "1") "]}"},
    {APPS "deployments/lost", WORKLOAD("lost", IN("nowhere"), "3")},
    {APPS "deployments/stranger", WORKLOAD("stranger", "", "3")},
    {APPS "deployments/out",
     WORKLOAD("out", IN("web") ",'annotations':{'zen-lead/join':'false'}", "3")},
    {APPS "daemonsets/agent", WORKLOAD("agent", IN("web"), "0")},
    {APPS "statefulsets/db", WORKLOAD("db", IN("web"), "3")},
    {CORE "pods",
     "{'kind':'PodList','metadata':{'resourceVersion':'1'},'items':[" POD("app-1-a", IN_RS) "]}"},
    {CORE "pods/app-1-a", POD("app-1-a", IN_RS)},
    {CORE "pods/app-1-s", POD("app-1-s", IN_RS)},
    {CORE "pods/app-1-d", POD("app-1-d", IN_RS)},
    {CORE "pods/app-1-x", POD("app-1-x", IN_RS)},
    {CORE "pods/alone", POD("alone", "")},
    {CORE "pods/orphan", POD("orphan", OWNER("apps/v1','kind':'ReplicaSet", "gone"))},
    {CORE "pods/warm-a", POD("warm-a", OWNER("apps/v1','kind':'StatefulSet", "warm"))},
    {APPS "statefulsets/warm", WORKLOAD("warm", IN("warm"), "3")},
    {CORE "pods/first-a", POD("first-a", OWNER("batch/v1','kind':'Job", "first"))},
    {BATCH "jobs/first", "{" META("first", IN("jobs")) ",'spec':{},'status':{}}"},
    {BATCH "jobs/second", "{" META("second", IN("jobs")) ",'spec':{},'status':{}}"},
    {BATCH "jobs/done",
     "{" META("done", IN("jobs")) ",'spec':{},'status':{'conditions':[{'type':'Complete',"
                                  "'status':'True'}]}}"},
    {BATCH "jobs/held", "{" META("held", IN("jobs")) ",'spec':{'suspend':true}}"},
    {BATCH "jobs/beside", "{" META("beside", IN("mixed")) ",'spec':{}}"},
    {BATCH "jobs/warm", "{" META("warm", IN("warm")) ",'spec':{}}"},
    {BATCH "jobs/tick", "{" META("tick", OWNER("batch/v1','kind':'CronJob", "cron")) ",'spec':{}}"},
    {BATCH "cronjobs/cron", "{" META("cron", IN("jobs")) ",'spec':{'jobTemplate':{}}}"},
    {CORE "services/plain", "{" META("plain", "") ",'spec':{'selector':{'a':'b'}}}"},
    {CORE "services/on",
     "{" META("on", ",'annotations':{'zen-lead.io/enabled':'true'}") ",'spec':{}}"},
    {CORE "services/on-leader",
     "{" META("on-leader", ",'labels':{'app.kubernetes.io/managed-by':'zen-lead',"
                           "'zen-lead.io/source-service':'on'},'annotations':{"
                           "'zen-lead.io/leader-pod-name':'on-1'}") ",'spec':{}}"},
    {CORE "services/bare",
     "{" META("bare", ",'annotations':{'zen-lead.io/enabled':'true'}") ",'spec':{}}"},
    {CORE "services/taken",
     "{" META("taken", ",'annotations':{'zen-lead.io/enabled':'true'}") ",'spec':{}}"},
    {CORE "services/taken-leader", "{" META("taken-leader", "") ",'spec':{}}"},
};

static const struct {
    const char *kind, *name, *verdict, *what;
} ROWS[] = {
    {"Deployment", "app", ZL_VERDICT_REFUSED, ": app-1-a leads pool web (token 17)"},
    {"ReplicaSet", "app-1", ZL_VERDICT_REFUSED, "2 of 3 replicas, for "},
    {"StatefulSet", "db", ZL_VERDICT_REFUSED, "app-1-a leads"},
    {"Deployment", "free", ZL_VERDICT_ELECTING, "nobody leads pool free"},
    {"Deployment", "warm", ZL_VERDICT_ALL_RUN, "followerMode: standby"},
    {"DaemonSet", "agent", ZL_VERDICT_ALL_RUN, "app-1-a leads"},
    {"Deployment", "open", ZL_VERDICT_ALL_RUN, "no answer"},
    {"Deployment", "one", ZL_VERDICT_LEADS, "want 3 more"},
    {"Deployment", "north", ZL_VERDICT_LEADS, "want 1 more, which are refused"},
    {"Deployment", "none", ZL_VERDICT_SINGLE, "wants no pod"},
    {"Deployment", "solo", ZL_VERDICT_SINGLE, "no other workload of pool solo"},
    {"Pod", "solo-1-b", ZL_VERDICT_FOLLOWS, "app-1-a leads pool solo"},
    {"Deployment", "lost", ZL_VERDICT_POLICY_MISSING, "joins pool nowhere"},
    {"Deployment", "stranger", ZL_VERDICT_NOT_OURS, "in no pool"},
    {"Deployment", "out", ZL_VERDICT_OPTED_OUT, "zen-lead/join"},
    {"Pod", "app-1-a", ZL_VERDICT_LEADS, "leads pool web, for "},
    {"Pod", "app-1-s", ZL_VERDICT_SUCCEEDS, "is to take over"},
    {"Pod", "app-1-d", ZL_VERDICT_DEPOSED, "for good"},
    {"Pod", "app-1-x", ZL_VERDICT_SURPLUS, "app-1-a leads"},
    {"Pod", "warm-a", ZL_VERDICT_FOLLOWS, "app-1-a leads"},
    {"Pod", "alone", ZL_VERDICT_NOT_OURS, "in no pool"},
    {"Pod", "orphan", ZL_VERDICT_NOT_OURS, "in no pool"},
    {"Job", "first", ZL_VERDICT_EXECUTES, "token 17"},
    {"Job", "second", ZL_VERDICT_WAITS, "number 2 of 2"},
    {"Job", "done", ZL_VERDICT_OVER, "Complete"},
    {"Job", "held", ZL_VERDICT_PAUSED, "suspended"},
    {"Job", "beside", ZL_VERDICT_REFUSED, "does not start"},
    {"Job", "warm", ZL_VERDICT_ALL_RUN, "at once"},
    {"Job", "tick", ZL_VERDICT_WAITS, "pool jobs"},
    {"CronJob", "cron", ZL_VERDICT_MEMBER, "first executes"},
    {"Service", "plain", ZL_VERDICT_NOT_OURS, "all of its Ready pods"},
    {"Service", "on", ZL_VERDICT_ROUTED, "on-leader of on leads to pod on-1"},
    {"Service", "on-leader", ZL_VERDICT_LEADER_SERVICE, "leads to pod on-1"},
    {"Service", "bare", ZL_VERDICT_REFUSED, "no leader Service"},
    {"Service", "taken", ZL_VERDICT_REFUSED, "no leader Service"},
};

static int set_up(void **state)
{
    struct zl_object_peer *peer = zl_object_peer_start();
    for (size_t i = 0; i < sizeof OBJECTS / sizeof OBJECTS[0]; i++) {
        zl_object_peer_put(peer, "GET", OBJECTS[i].path, 200, OBJECTS[i].text);
    }
    *state = peer;
    return 0;
}

static int tear_down(void **state)
{
    zl_object_peer_stop(*state);
    return 0;
}

static void test_each_object_gets_its_verdict_in_few_requests(void **state)
{
    struct zl_object_peer *peer = *state;
    struct zl_kube_client *client = zl_object_peer_client(peer);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_explanation out = {0};
        struct zl_error err = {0};
        const int before = zl_object_peer_calls(peer);
        if (zl_explain_object(client, "shop", ROWS[i].kind, ROWS[i].name, &out, &err) != ZL_OK) {
            fail_msg("%s %s: %s", ROWS[i].kind, ROWS[i].name, err.message);
        }
        if (strcmp(out.verdict, ROWS[i].verdict) != 0 || strstr(out.what, ROWS[i].what) == NULL) {
            fail_msg("%s %s: %s: %s", ROWS[i].kind, ROWS[i].name, out.verdict, out.what);
        }
        assert_true(out.by != NULL && out.changes != NULL && out.cure != NULL);
        assert_in_range(zl_object_peer_calls(peer) - before, 1, 8);
        zl_explanation_clear(&out);
    }
    zl_kube_client_free(client);
}

/* The replicas of all workloads of a pool count together, as the gatekeeper counts them. */
static void test_a_workload_is_judged_with_its_whole_pool(void **state)
{
    static const struct {
        int64_t wanted, others, running;
        bool leader_inside, foreign_leads, nobody_leads;
        const char *verdict, *what;
    } rows[] = {
        {1, 0, 1, true, false, false, ZL_VERDICT_SINGLE, "its pod is let in"},
        {1, 0, 0, false, false, true, ZL_VERDICT_SINGLE, "nobody leads"},
        {0, 1, 0, false, false, false, ZL_VERDICT_SINGLE, "no other workload"},
        {1, 0, 0, false, true, false, ZL_VERDICT_REFUSED, "refused for now: a leads pool web"},
        {1, 0, 1, false, true, false, ZL_VERDICT_SINGLE, "its pod is let in"},
        {1, 1, 0, false, false, false, ZL_VERDICT_REFUSED, "1 of 1 replicas: a leads"},
        {1, 1, 1, true, false, false, ZL_VERDICT_LEADS, "want 1 more"},
        {1, 1, 1, false, false, false, ZL_VERDICT_SURPLUS, "one pod of the pool may"},
        {1, 1, 0, false, false, true, ZL_VERDICT_ELECTING, "0 of 1 replicas run"},
        {3, 0, 1, true, false, false, ZL_VERDICT_REFUSED, "2 of 3 replicas"},
        {2, 0, 2, true, false, false, ZL_VERDICT_SURPLUS, "all 2 replicas run"},
        {0, 2, 0, false, false, false, ZL_VERDICT_SINGLE, "wants no pod"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_policy policy = {.lease_duration_s = 15};
        char identity[] = "a_u", pod[] = "a", none[] = "";
        struct zl_lease lease = {.holder_identity = rows[i].nobody_leads ? none : identity,
                                 .holder_pod = rows[i].nobody_leads ? NULL : pod};
        const struct zl_workload workload = {.kind = &ZL_KIND_DEPLOYMENT,
                                             .replicas = rows[i].wanted};
        const struct zl_explain_facts facts = {.kind = "Deployment",
                                               .name = "app",
                                               .namespace_ = "shop",
                                               .pool = "web",
                                               .policy = &policy,
                                               .lease = &lease,
                                               .workload = &workload,
                                               .others = rows[i].others,
                                               .running = rows[i].running,
                                               .leader_inside = rows[i].leader_inside,
                                               .foreign_leads = rows[i].foreign_leads};
        struct zl_explanation out = {0};
        zl_explain_judge(&facts, &out);
        if (strcmp(out.verdict, rows[i].verdict) != 0 || strstr(out.what, rows[i].what) == NULL) {
            fail_msg("row %zu: %s: %s", i, out.verdict, out.what);
        }
        zl_explanation_clear(&out);
    }
}

static void test_what_is_not_there_or_may_not_be_read_is_no_verdict(void **state)
{
    struct zl_object_peer *peer = *state;
    struct zl_kube_client *client = zl_object_peer_client(peer);
    struct zl_explanation out = {0};
    struct zl_error err = {0};
    assert_int_equal(zl_explain_object(client, "shop", "Pod", "none", &out, &err), ZL_E_NOT_FOUND);
    zl_object_peer_put(peer, "GET", POLICIES "web", 403, "{}");
    assert_int_equal(zl_explain_object(client, "shop", "Deployment", "app", &out, &err),
                     ZL_E_DENIED);
    assert_null(out.what);
    zl_object_peer_put(peer, "GET", POLICIES "web", 200, OBJECTS[0].text);
    /* The Lease and the pods are not necessary. */
    zl_object_peer_put(peer, "GET", LEASES "zen-lead-web", 403, "{}");
    zl_object_peer_put(peer, "GET", CORE "pods", 403, "{}");
    assert_int_equal(zl_explain_object(client, "shop", "Deployment", "app", &out, &err), ZL_OK);
    assert_string_equal(out.verdict, ZL_VERDICT_ELECTING);
    zl_explanation_clear(&out);
    zl_kube_client_free(client);
}

static void test_kinds_are_named_as_kubectl_names_them(void **state)
{
    (void)state;
    assert_string_equal(zl_explain_kind("deploy"), "Deployment");
    assert_string_equal(zl_explain_kind("Deployments.apps"), "Deployment");
    assert_string_equal(zl_explain_kind("svc"), "Service");
    assert_null(zl_explain_kind("secret"));
    assert_null(zl_explain_kind(""));
    ZL_AUTO_FREE char *kinds = zl_explain_kinds();
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        const struct zl_kind *kind = ZL_KINDS[i];
        assert_string_equal(zl_explain_kind(kind->name), kind->name);
        assert_string_equal(zl_explain_kind(kind->resource.plural), kind->name);
        assert_string_equal(
            zl_explain_kind(kind->abbreviation != NULL ? kind->abbreviation : kind->name),
            kind->name);
        assert_non_null(strstr(kinds, kind->name));
    }
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_object_gets_its_verdict_in_few_requests),
        TEST(test_what_is_not_there_or_may_not_be_read_is_no_verdict),
        cmocka_unit_test(test_a_workload_is_judged_with_its_whole_pool),
        cmocka_unit_test(test_kinds_are_named_as_kubectl_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
