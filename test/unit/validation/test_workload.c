/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads and Services: what is warned of, in which words, and what is not. */
#include "common/validation/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* ' stands for " in TEXT, so that rows stay readable. */
static struct cJSON *parse(const char *text)
{
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *json = zl_strdup(text);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    if (zl_json_parse(json, strlen(json), &tree, &err) != ZL_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    return tree;
}

static const struct zl_policy SCALE_DOWN = {.lease_duration_s = 15};
static const struct zl_policy STANDBY = {.standby = true};
static const struct zl_policy CUSTOM = {.standby = true, .custom_identity = true};

enum known { SCALES_DOWN, STANDS_BY, IS_CUSTOM, IS_MISSING, IS_UNKNOWN, IS_MIXED, STANDS_BY_MIXED };

static const struct zl_warned_policy KNOWN[] = {
    [SCALES_DOWN] = {.policy = &SCALE_DOWN},
    [STANDS_BY] = {.policy = &STANDBY},
    [IS_CUSTOM] = {.policy = &CUSTOM},
    [IS_MISSING] = {.missing = true},
    [IS_UNKNOWN] = {.policy = NULL},
    [IS_MIXED] = {.policy = &SCALE_DOWN, .has_workloads = true, .has_jobs = true},
    [STANDS_BY_MIXED] = {.policy = &STANDBY, .has_workloads = true, .has_jobs = true},
};

struct row {
    const char *object;
    enum known policy;
    const char *warnings[4]; /* all of them, in order */
};

static void check_row(const struct zl_kind *kind, const struct row *row)
{
    char *warnings[ZL_FINDINGS_MAX] = {NULL};
    ZL_AUTO_JSON struct cJSON *object = parse(row->object);
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    zl_warn_workload(kind, object, &KNOWN[row->policy], &findings);
    assert_int_equal(zl_findings_errors(&findings), 0);
    size_t count = zl_findings_warnings(&findings, warnings, ZL_FINDINGS_MAX);
    for (size_t i = 0; i < 4; i++) {
        if (!zl_same_string(i < count ? warnings[i] : NULL, row->warnings[i])) {
            fail_msg("%s: warning %zu is\n  %s\nnot\n  %s", row->object, i,
                     i < count ? warnings[i] : "(none)",
                     row->warnings[i] != NULL ? row->warnings[i] : "(none)");
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(warnings[i]);
    }
}

#define LABEL "'labels':{'zen-lead/pool':'web'}"
#define META "'metadata':{'name':'web'," LABEL "}"
#define SPEC(more) "'spec':{'replicas':3" more "}"
#define RECREATE ",'strategy':{'type':'Recreate'}"
#define ROLLING ",'strategy':{'type':'RollingUpdate'}"
#define ANNOTATED(text) "{'metadata':{'name':'web','annotations':{" text "}}," SPEC(RECREATE) "}"
#define TEMPLATE(text) ",'template':{'metadata':{" text "}}"

#define NAME_56 "a2345678901234567890123456789012345678901234567890123456"
#define NO_LEADER_SERVICE                                                                          \
    "metadata.name: no Service can be named <name>-leader, so there is none; use at most 56 of "   \
    "a-z, 0-9 and '-', a letter first"
#define MISSING                                                                                    \
    "metadata.labels[zen-lead/pool]: LeaderPolicy \"web\" does not exist in this namespace, so "   \
    "the pool does nothing; create it"

static const struct row DEPLOYMENTS[] = {
    {"{" META "," SPEC(RECREATE) "}", SCALES_DOWN, {NULL}},
    {"{" META "," SPEC(ROLLING) "}", STANDS_BY, {NULL}},
    {"{'metadata':{'name':'" NAME_56 "7'," LABEL
     ",'annotations':{'zen-lead.io/leader-service-name':'primary'}}," SPEC(ROLLING) "}",
     STANDS_BY,
     {NULL}},
    {"{'metadata':{'name':'web'," LABEL
     ",'annotations':{'zen-lead.io/leader-service-name':'My_Web'}}," SPEC(ROLLING) "}",
     STANDS_BY,
     {"metadata.annotations[zen-lead.io/leader-service-name]: \"My_Web\" cannot be the name of a "
      "Service; use at most 63 of a-z, 0-9 and '-', a letter first"}},

    /* the pool */
    {"{" META "," SPEC(RECREATE) "}", IS_MISSING, {MISSING}},
    {"{" META "," SPEC(ROLLING) "}", IS_UNKNOWN, {NULL}},
    {ANNOTATED("'zen-lead/pool':'web'"),
     IS_MISSING,
     {"metadata.annotations[zen-lead/pool]: LeaderPolicy \"web\" does not exist in this namespace, "
      "so the pool does nothing; create it"}},
    {"{'metadata':{'name':'web'}," SPEC(
         RECREATE TEMPLATE("'annotations':{'zen-lead/pool':'web'}")) "}",
     IS_MISSING,
     {"spec.template.metadata.annotations[zen-lead/pool]: LeaderPolicy \"web\" does not exist in "
      "this namespace, so the pool does nothing; create it"}},
    {ANNOTATED("'zen-lead/pool':'web','zen-lead/join':'false'"), IS_MISSING, {NULL}},
    {"{'metadata':{'name':'web','labels':{'zen-lead/pool':''}}," SPEC(RECREATE) "}",
     IS_MISSING,
     {"metadata.labels[zen-lead/pool]: is empty, so no pool is joined; name a LeaderPolicy"}},
    {ANNOTATED("'zen-lead/pool':'My Pool'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead/pool]: \"My Pool\" cannot be the name of a LeaderPolicy; use "
      "at most 63 of a-z, 0-9, '-' and '.'"}},
    {"{'metadata':{'name':'web','labels':{'zen-lead/pool':'a'},'annotations':{'zen-lead/pool':'b'}"
     "}," SPEC(RECREATE TEMPLATE("'annotations':{'zen-lead/pool':'c'}")) "}",
     SCALES_DOWN,
     {"metadata.annotations[zen-lead/pool]: \"b\" is ignored: metadata.labels[zen-lead/pool] names "
      "\"a\"; keep one",
      "spec.template.metadata.annotations[zen-lead/pool]: \"c\" is ignored: "
      "metadata.labels[zen-lead/pool] names \"a\"; keep one"}},
    {"{'metadata':{'name':'web','labels':{'zen-lead/pool':'a'},'annotations':{'zen-lead/pool':'a'}"
     "}," SPEC(RECREATE) "}",
     SCALES_DOWN,
     {NULL}},
    {ANNOTATED("'zen-lead/pool':'web','zen-lead/join':'no'"),
     SCALES_DOWN,
     {"metadata.annotations[zen-lead/join]: \"no\" is neither \"true\" nor \"false\" and has no "
      "effect; only \"false\" opts out"}},
    {"{" META "," SPEC(RECREATE TEMPLATE("'annotations':{'zen-lead/join':'False'}")) "}",
     SCALES_DOWN,
     {"spec.template.metadata.annotations[zen-lead/join]: \"False\" is neither \"true\" nor "
      "\"false\" and has no effect; only \"false\" opts out"}},
    {ANNOTATED("'zen-lead/pool':'web','zen-lead/join':'true'"), SCALES_DOWN, {NULL}},

    /* the workload in its pool */
    {"{" META ",'spec':{'replicas':1}}",
     SCALES_DOWN,
     {"spec.replicas: 1: high availability is skipped, every pod is let in, while no other "
      "workload of the pool wants one; use 2 or more"}},
    {"{" META ",'spec':{'replicas':0}}",
     STANDS_BY,
     {"spec.replicas: 0: high availability is skipped, every pod is let in, while no other "
      "workload of the pool wants one; use 2 or more"}},
    {"{" META ",'spec':{}}",
     SCALES_DOWN,
     {"spec.replicas: 1: high availability is skipped, every pod is let in, while no other "
      "workload of the pool wants one; use 2 or more"}},
    {"{" META "," SPEC(ROLLING) "}",
     SCALES_DOWN,
     {"spec.strategy.type: 1 of 3 replicas runs (followerMode: scaleDown), so it never reports all "
      "replicas available; followerMode: standby runs all, strategy: Recreate starts no pod beside "
      "the leader"}},
    {"{'metadata':{'name':'" NAME_56 "'," LABEL "}," SPEC(RECREATE) "}", SCALES_DOWN, {NULL}},
    {"{'metadata':{'name':'" NAME_56 "7'," LABEL "}," SPEC(RECREATE) "}",
     SCALES_DOWN,
     {NO_LEADER_SERVICE}},
    {"{'metadata':{'name':'my.app'," LABEL "}," SPEC(RECREATE) "}",
     SCALES_DOWN,
     {NO_LEADER_SERVICE}},
    {"{" META "," SPEC("") "}",
     IS_CUSTOM,
     {"spec.template.metadata.annotations: no zen-lead/identity, which identityStrategy: custom "
      "reads; the Lease will name <pod>_<uid>"}},
    {"{" META "," SPEC(TEMPLATE("'annotations':{'zen-lead/identity':'me'}")) "}",
     IS_CUSTOM,
     {NULL}},
    {"{" META "," SPEC(TEMPLATE("'annotations':{'zen-lead/identity':'me'}")) "}",
     STANDS_BY,
     {"spec.template.metadata.annotations[zen-lead/identity]: has no effect without "
      "identityStrategy: custom in the LeaderPolicy"}},

    /* keys */
    {"{'metadata':{'name':'web','labels':{'zen-lead/poool':'web','zen-leader/pool':'web'}}," SPEC(
         RECREATE) "}",
     IS_UNKNOWN,
     {"metadata.labels[zen-lead/poool]: is no key of zen-lead and has no effect; did you mean "
      "zen-lead/pool?"}},
    {ANNOTATED("'zen-lead.io/pool':'web'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/pool]: is no key of zen-lead and has no effect; did you "
      "mean zen-lead/pool?"}},
    {ANNOTATED("'zen-lead.io/ports-mode':'x'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/ports-mode]: is no key of zen-lead and has no effect; "
      "remove it"}},
    {ANNOTATED("'zen-lead.io/enabled':'true'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/enabled]: has no effect here; make it an annotation of a "
      "Service"}},
    {"{'metadata':{'name':'web'}," SPEC(RECREATE TEMPLATE("'labels':{'zen-lead/pool':'web'}")) "}",
     IS_UNKNOWN,
     {"spec.template.metadata.labels[zen-lead/pool]: has no effect here; make it a label or "
      "annotation of the workload, or an annotation of its pod template or of a Service"}},
    {"{'metadata':{'name':'web','labels':{'zen-lead/join':'false'}}," SPEC(RECREATE) "}",
     IS_UNKNOWN,
     {"metadata.labels[zen-lead/join]: has no effect here; make it an annotation of the workload "
      "or of its pod template"}},
    {ANNOTATED("'zen-lead.io/wake':'5'"), IS_UNKNOWN, {NULL}},
};

static const struct row STATEFULSETS[] = {
    {"{" META "," SPEC("") "}",
     IS_MIXED,
     {"metadata.labels[zen-lead/pool]: pool \"web\" has Jobs, which do not start beside a "
      "Deployment or another workload that stays; give each a pool of its own"}},
    {"{" META "," SPEC("") "}", STANDS_BY_MIXED, {NULL}},
    {"{" META "," SPEC("") "}", SCALES_DOWN, {NULL}},
    {"{" META "," SPEC("") "}", STANDS_BY, {NULL}},
    {"{" META ",'spec':{'replicas':1}}",
     SCALES_DOWN,
     {"spec.replicas: 1: high availability is skipped, every pod is let in, while no other "
      "workload of the pool wants one; use 2 or more"}},
};

#define STANDBY_JOBS                                                                               \
    "pool \"web\" has followerMode: standby, so its Jobs do not take turns and all execute at "    \
    "once; use scaleDown"
#define LED_JOBS                                                                                   \
    "pool \"web\" has a Deployment or another workload that stays, beside which Jobs do not "      \
    "start; "                                                                                      \
    "give them a pool of their own"

static const struct row JOBS[] = {
    {"{" META ",'spec':{}}", SCALES_DOWN, {NULL}},
    {"{" META ",'spec':{'parallelism':1}}", SCALES_DOWN, {NULL}},
    {"{" META ",'spec':{'parallelism':3}}",
     SCALES_DOWN,
     {"spec.parallelism: 3: pods of a pool's Jobs execute one at a time; use 1"}},
    {"{" META ",'spec':{'parallelism':3}}",
     STANDS_BY_MIXED,
     {"metadata.labels[zen-lead/pool]: " STANDBY_JOBS}},
    {"{" META ",'spec':{}}", IS_MIXED, {"metadata.labels[zen-lead/pool]: " LED_JOBS}},
    {"{" META ",'spec':{}}", IS_MISSING, {MISSING}},
    {"{" META ",'spec':{'parallelism':3}}", IS_UNKNOWN, {NULL}},
    {"{'metadata':{'name':'web','annotations':{'zen-lead.io/queued':'x','zen-lead/pool':'web'}}}",
     SCALES_DOWN,
     {NULL}},
};

#define JOB_TEMPLATE(text) "{'metadata':{'name':'web'},'spec':{'jobTemplate':{" text "}}}"

static const struct row CRONJOBS[] = {
    {"{" META ",'spec':{}}", IS_MISSING, {MISSING}},
    {"{" META ",'spec':{'jobTemplate':{'spec':{'parallelism':2}}}}",
     SCALES_DOWN,
     {"spec.jobTemplate.spec.parallelism: 2: pods of a pool's Jobs execute one at a time; use 1"}},
    {JOB_TEMPLATE("'metadata':{'annotations':{'zen-lead/pool':'web'}}"), SCALES_DOWN, {NULL}},
    {JOB_TEMPLATE("'metadata':{'annotations':{'zen-lead/pool':'web'}}"),
     STANDS_BY,
     {"spec.jobTemplate.metadata.annotations[zen-lead/pool]: " STANDBY_JOBS}},
    {JOB_TEMPLATE("'spec':{'template':{'metadata':{'annotations':{'zen-lead/pool':'web'}}}}"),
     IS_MIXED,
     {"spec.jobTemplate.spec.template.metadata.annotations[zen-lead/pool]: " LED_JOBS}},
};

#define SERVICE(text)                                                                              \
    "{'metadata':{'name':'web','annotations':{" text "}},'spec':{'selector':{'a':'b'}}}"
#define ENABLED "'zen-lead.io/enabled':'true'"

static const struct row SERVICES[] = {
    {SERVICE(ENABLED), IS_UNKNOWN, {NULL}},
    {SERVICE(ENABLED ",'zen-lead.io/sticky':'false','zen-lead.io/min-ready-duration':'1m30s',"
                     "'zen-lead.io/leader-service-name':'other','zen-lead/pool':'web'"),
     SCALES_DOWN,
     {NULL}},
    {SERVICE("'zen-lead.io/enabled':'false'"), IS_UNKNOWN, {NULL}},
    {SERVICE("'zen-lead.io/enabled':'True'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/enabled]: \"True\" is neither \"true\" nor \"false\"; it "
      "counts as \"false\""}},
    {SERVICE(ENABLED ",'zen-lead.io/sticky':'no'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/sticky]: \"no\" is neither \"true\" nor \"false\"; it "
      "counts as \"true\""}},
    {SERVICE(ENABLED ",'zen-lead.io/min-ready-duration':'10'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/min-ready-duration]: \"10\" is not a duration and is "
      "ignored; write for example 10s or 1m30s"}},
    {SERVICE(ENABLED ",'zen-lead.io/strategy':'node-aware','zen-lead.io/failover-min-delay':'5s',"
                     "'zen-lead.io/leader-service-type':'LoadBalancer','zen-lead.io/copy-labels':"
                     "'team,x/*','zen-lead.io/copy-annotations':'dns.example/*'"),
     IS_UNKNOWN,
     {NULL}},
    {SERVICE(ENABLED ",'zen-lead.io/strategy':'random','zen-lead.io/failover-min-delay':'soon'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/failover-min-delay]: \"soon\" is not a duration and is "
      "ignored; write for example 10s or 1m30s",
      "metadata.annotations[zen-lead.io/strategy]: \"random\" is none of oldest, newest, "
      "node-aware "
      "and is ignored: the pod that has been Ready longest leads"}},
    {SERVICE(ENABLED ",'zen-lead.io/leader-service-type':'ExternalName'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/leader-service-type]: \"ExternalName\" is none of "
      "ClusterIP, NodePort, LoadBalancer and is ignored: the leader Service is of type ClusterIP"}},
    {SERVICE(ENABLED ",'zen-lead.io/copy-annotations':'a, argocd.argoproj.io/*'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/copy-annotations]: argocd.argoproj.io/* is never copied: a "
      "GitOps tool, kubectl or zen-lead would take the leader Service for its own; leave it out"}},
    {SERVICE("'zen-lead.io/copy-labels':'team'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/copy-labels]: has no effect without the annotation "
      "zen-lead.io/enabled: \"true\""}},
    {SERVICE(ENABLED ",'zen-lead.io/leader-service-name':'web'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/leader-service-name]: names the Service itself, so no "
      "leader Service is made; choose another name"}},
    {SERVICE(ENABLED ",'zen-lead.io/leader-service-name':'My_Web'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/leader-service-name]: \"My_Web\" cannot be the name of a "
      "Service; use at most 63 of a-z, 0-9 and '-', a letter first"}},
    {"{'metadata':{'name':'" NAME_56 "7','annotations':{" ENABLED "}},'spec':{'selector':{'a':'b'}}"
     "}",
     IS_UNKNOWN,
     {"metadata.name: no Service can be named <name>-leader, so none is made; set the annotation "
      "zen-lead.io/leader-service-name"}},
    {"{'metadata':{'name':'" NAME_56 "','annotations':{" ENABLED
     "}},'spec':{'selector':{'a':'b'}}}",
     IS_UNKNOWN,
     {NULL}},
    {"{'metadata':{'name':'web','annotations':{" ENABLED "}},'spec':{}}",
     IS_UNKNOWN,
     {"spec.selector: is empty, so there are no pods to choose a leader from; set it"}},
    {"{'metadata':{'name':'web','annotations':{" ENABLED "}},'spec':{'type':'ExternalName'}}",
     IS_UNKNOWN,
     {"spec.type: a Service of type ExternalName has no pods, so none can lead; annotate one with "
      "a selector"}},
    {SERVICE("'zen-lead.io/sticky':'false'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/sticky]: has no effect without the annotation "
      "zen-lead.io/enabled: \"true\""}},
    {SERVICE(ENABLED ",'zen-lead/pool':'web'"),
     IS_MISSING,
     {"metadata.annotations[zen-lead/pool]: LeaderPolicy \"web\" does not exist in this namespace, "
      "so the pool does nothing; create it"}},
    {SERVICE(ENABLED ",'zen-lead/pool':''"),
     IS_MISSING,
     {"metadata.annotations[zen-lead/pool]: is empty, so no pool is joined; name a LeaderPolicy"}},
    {SERVICE("'zen-lead.io/enable':'true'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead.io/enable]: is no key of zen-lead and has no effect; did you "
      "mean zen-lead.io/enabled?"}},
    {SERVICE(ENABLED ",'zen-lead/join':'false'"),
     IS_UNKNOWN,
     {"metadata.annotations[zen-lead/join]: has no effect here; make it an annotation of the "
      "workload or of its pod template"}},
    {"{'metadata':{'name':'web','labels':{" ENABLED "}},'spec':{'selector':{'a':'b'}}}",
     IS_UNKNOWN,
     {"metadata.labels[zen-lead.io/enabled]: has no effect here; make it an annotation of a "
      "Service"}},
};

#define CHECK_ROWS(kind, rows)                                                                     \
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows)[0]; i++) {                                  \
        check_row(kind, &(rows)[i]);                                                               \
    }

static void test_each_warning_names_field_and_cure(void **state)
{
    (void)state;
    CHECK_ROWS(&ZL_KIND_DEPLOYMENT, DEPLOYMENTS)
    CHECK_ROWS(&ZL_KIND_STATEFULSET, STATEFULSETS)
    CHECK_ROWS(&ZL_KIND_JOB, JOBS)
    CHECK_ROWS(&ZL_KIND_CRONJOB, CRONJOBS)
    CHECK_ROWS(NULL, SERVICES) /* which have no row */
}

/* A Kind of whose pods none is ever refused: what would be said of refused ones is not, and scaleDown is. */
static void test_scale_down_is_warned_of_where_it_refuses_nobody(void **state)
{
    (void)state;
    static struct zl_kind unrefused;
    unrefused = ZL_KIND_DEPLOYMENT;
    unrefused.name = "Fleet";
    unrefused.wanted = NULL;
    static const struct row rows[] = {
        {"{" META ",'spec':{}}",
         SCALES_DOWN,
         {"metadata.labels[zen-lead/pool]: followerMode: scaleDown of pool \"web\" refuses no pod "
          "of "
          "a Fleet: all of them run and one leads; write followerMode: standby"}},
        {"{" META ",'spec':{}}", STANDS_BY, {NULL}},
        {"{" META ",'spec':{}}", IS_MISSING, {MISSING}},
    };
    CHECK_ROWS(&unrefused, rows)
}

static void test_who_is_looked_at(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct zl_kind *kind;
        const char *object, *old_object;
        bool concerns;
    } rows[] = {
        {"created", &ZL_KIND_DEPLOYMENT, "{" META ",'spec':{'replicas':3}}", NULL, true},
        {"no key of ours", &ZL_KIND_DEPLOYMENT, "{'metadata':{'labels':{'app':'a'}}}", NULL, false},
        {"a key in the template", &ZL_KIND_JOB,
         "{'spec':{'template':{'metadata':{'labels':{'zen-lead/pool':'a'}}}}}", NULL, true},
        {"a key in the Job's template", &ZL_KIND_CRONJOB,
         "{'spec':{'jobTemplate':{'metadata':{'labels':{'zen-lead/pool':'a'}}}}}", NULL, true},
        {"deleting", &ZL_KIND_DEPLOYMENT,
         "{'metadata':{" LABEL ",'deletionTimestamp':'2026-01-01T00:00:00Z'}}", NULL, false},
        {"our leader Service", NULL,
         "{'metadata':{'labels':{'zen-lead/pool':'a','app.kubernetes.io/managed-by':'zen-lead'}}}",
         NULL, false},
        {"a CronJob's Job", &ZL_KIND_JOB,
         "{'metadata':{" LABEL ",'ownerReferences':[{'kind':'CronJob','name':'a','uid':'u',"
         "'apiVersion':'batch/v1','controller':true}]}}",
         NULL, false},
        {"nothing changed", &ZL_KIND_DEPLOYMENT, "{" META ",'spec':{'replicas':3}}",
         "{" META ",'spec':{'replicas':3}}", false},
        {"the spec changed", &ZL_KIND_DEPLOYMENT, "{" META ",'spec':{'replicas':3}}",
         "{" META ",'spec':{'replicas':2}}", true},
        {"a key came", &ZL_KIND_DEPLOYMENT, "{" META "}", "{'metadata':{'name':'web'}}", true},
        {"a value changed", &ZL_KIND_DEPLOYMENT, "{" META "}",
         "{'metadata':{'labels':{'zen-lead/pool':'other'}}}", true},
        {"another label changed", &ZL_KIND_DEPLOYMENT,
         "{'metadata':{'labels':{'app':'b','zen-lead/pool':'web'}}}",
         "{'metadata':{'labels':{'app':'a','zen-lead/pool':'web'}}}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = parse(rows[i].object);
        ZL_AUTO_JSON struct cJSON *old_object =
            rows[i].old_object != NULL ? parse(rows[i].old_object) : NULL;
        if (zl_warned_concerns(rows[i].kind, object, old_object) != rows[i].concerns) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void test_names_of_pools(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "1", "web", "my-pool", "a.b", "a--b", NAME_56 "7890123"};
    static const char *const bad[] = {"",  "-a",  "a-",  ".a",   "a.",   "a..b",
                                      "A", "a_b", "a b", "a.-b", "a-.b", NAME_56 "78901234"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!zl_pool_name_is_valid(good[i])) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (zl_pool_name_is_valid(bad[i])) {
            fail_msg("%s passes", bad[i]);
        }
    }
}

static void test_the_pool_to_look_up(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *deployment = parse("{" META "}");
    ZL_AUTO_JSON struct cJSON *cronjob =
        parse(JOB_TEMPLATE("'metadata':{'labels':{'zen-lead/pool':'night'}}"));
    ZL_AUTO_JSON struct cJSON *service = parse(SERVICE("'zen-lead/pool':'web'"));
    ZL_AUTO_JSON struct cJSON *empty = parse(SERVICE("'zen-lead/pool':''"));
    ZL_AUTO_JSON struct cJSON *labelled = parse("{" META "}");
    assert_string_equal(zl_warned_pool(&ZL_KIND_DEPLOYMENT, deployment), "web");
    assert_string_equal(zl_warned_pool(&ZL_KIND_CRONJOB, cronjob), "night");
    assert_string_equal(zl_warned_pool(NULL, service), "web");
    assert_null(zl_warned_pool(NULL, empty));
    assert_null(zl_warned_pool(NULL, labelled));
}

static void test_a_long_value_is_cut_where_the_api_server_would(void **state)
{
    (void)state;
    char *warnings[1] = {NULL};
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    ZL_AUTO_FREE char *value = zl_alloc(601);
    for (int i = 0; i < 600; i += 2) {
        value[i] = '\xc3';
        value[i + 1] = '\xa9';
    }
    zl_findings_warn(&findings, "f", "ab%s", value);
    assert_int_equal(zl_findings_warnings(&findings, warnings, 1), 1);
    assert_int_equal(strlen(warnings[0]), 255);
    /* no half a character */
    assert_true(warnings[0][strlen(warnings[0]) - 1] == '\xa9');
    free(warnings[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_warning_names_field_and_cure),
        cmocka_unit_test(test_scale_down_is_warned_of_where_it_refuses_nobody),
        cmocka_unit_test(test_who_is_looked_at),
        cmocka_unit_test(test_names_of_pools),
        cmocka_unit_test(test_the_pool_to_look_up),
        cmocka_unit_test(test_a_long_value_is_cut_where_the_api_server_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
