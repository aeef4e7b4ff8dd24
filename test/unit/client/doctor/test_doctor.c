/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `doctor` against a sound installation, of which nothing may be said, and against that one with one fault in it: each is
 * named by its id, and by nothing else.
 */
#include "certs/ca.h"
#include "client/doctor/checks.h"
#include "client/doctor/gather.h"
#include "client/doctor/outcome.h"
#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/kube/config.h"
#include "common/objects/policy_fields.h"
#include "test/unit/object_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define YEAR_S INT64_C(31536000)
#define SYSTEM "zen-lead-system"
#define OURS "/apis/coordination.kube-zen.io/v1alpha1"
#define CRD                                                                                        \
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"                                     \
    "leaderpolicies.coordination.kube-zen.io"
#define CONFIGURATIONS "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/" SYSTEM "/deployments/"
#define LEASES "/apis/coordination.k8s.io/v1/"
#define RIGHTS "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define SLICES "/apis/discovery.k8s.io/v1/namespaces/" SYSTEM "/endpointslices"
#define SECRET "/api/v1/namespaces/" SYSTEM "/secrets/zen-lead-webhook-tls"
#define SERVICE "/api/v1/namespaces/" SYSTEM "/services/zen-lead-webhook"
#define CONTROLLER_LEASE LEASES "namespaces/" SYSTEM "/leases/zen-lead-controller-leader-election"
#define FLEETS "/apis/leadership.kube-zen.io/v1alpha1/leaderpolicies"
#define FLEET_SECRET "/api/v1/namespaces/" SYSTEM "/secrets/zen-lead-fleet"
#define HUB_RIGHTS "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define ARBITER LEASES "namespaces/zen-fleet/leases/zen-fleet-arbiter"
#define LIST(items) "{'kind':'List','metadata':{'resourceVersion':'1'},'items':[" items "]}"

struct scene {
    struct zl_object_peer *peer;
    struct zl_kube_client *client;
    char *url;              /* of the peer */
    char *ca, *certificate; /* base64 of PEM */
    char *other_ca, *old_certificate;
    bool
        may_write_all; /* the fixture's rights are all or none: the hub's are those of all Leases */
};

/* A CA and a certificate of it that ends at UNTIL_S; base64 each. */
static void make_pair(int64_t until_s, char **ca, char **certificate)
{
    const int64_t now_s = zl_clock_wall_us() / 1000000;
    char *ca_pem = NULL, *ca_key = NULL, *pem = NULL, *key = NULL;
    ZL_AUTO_NAMES struct zl_names names = {0};
    assert_int_equal(zl_names_collect("zen-lead-webhook", SYSTEM, NULL, NULL, &names, NULL), ZL_OK);
    assert_int_equal(zl_ca_create(now_s, now_s + YEAR_S, &ca_pem, &ca_key, NULL), ZL_OK);
    assert_int_equal(zl_ca_issue(ca_pem, ca_key, &names, now_s, until_s, &pem, &key, NULL), ZL_OK);
    *ca = zl_base64_encode(ca_pem, strlen(ca_pem));
    *certificate = zl_base64_encode(pem, strlen(pem));
    free(ca_pem);
    free(ca_key);
    free(pem);
    free(key);
}

static void put(struct scene *scene, const char *path, const char *text)
{
    zl_object_peer_put(scene->peer, "GET", path, 200, text);
}

/* --- the parts of a sound installation --- */

static void put_crd(struct scene *scene, const char *without)
{
    ZL_AUTO_JSON struct cJSON *fields = zl_json_object();
    for (const struct zl_policy_field *field = ZL_POLICY_FIELDS; field->name != NULL; field++) {
        if (strcmp(field->name, without) != 0) {
            (void)zl_json_child(fields, field->name);
        }
    }
    ZL_AUTO_FREE char *spec = zl_json_print(fields);
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{'metadata':{'name':'x'},'spec':{'versions':[{'name':'v1alpha1','schema':{"
        "'openAPIV3Schema':{'properties':{'spec':{'properties':%s},'status':{'properties':{"
        "'fencingToken':{},'ticks':{},'currentHolder':{},'conditions':{}}}}}}}]}}",
        spec);
    put(scene, CRD, text);
}

static void put_configuration_of(struct scene *scene, const char *ca, const char *namespaces,
                                 const char *failure_policy, const char *path)
{
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{'metadata':{'name':'zen-lead-pods'},'webhooks':[{'name':'pods.zen-lead.kube-zen.io',"
        "'failurePolicy':'%s','namespaceSelector':{'matchExpressions':[{'key':"
        "'kubernetes.io/metadata.name','operator':'In','values':[%s]}]},'clientConfig':{"
        "'caBundle':'%s','service':{'name':'zen-lead-webhook','path':'%s'}}}]}",
        failure_policy, namespaces, ca, path);
    put(scene, CONFIGURATIONS "zen-lead", "{'metadata':{'name':'zen-lead'}}");
    put(scene, CONFIGURATIONS "zen-lead-pods", text);
}

static void put_configuration(struct scene *scene, const char *ca, const char *namespaces,
                              const char *failure_policy)
{
    put_configuration_of(scene, ca, namespaces, failure_policy, "/validate/token");
}

static void put_deployment(struct scene *scene, const char *name, int ready, const char *args,
                           const char *version)
{
    ZL_AUTO_FREE char *path = zl_asprintf(DEPLOYMENTS "%s", name);
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{'metadata':{'name':'%s'},'spec':{'replicas':2,'template':{'spec':{'containers':[{"
        "'image':'r:5000/kube-zen/zen-lead:%s','args':[%s]}]}}},'status':{'readyReplicas':%d}}",
        name, version, args, ready);
    put(scene, path, text);
}

static void put_controller_lease(struct scene *scene, const char *holder, int age_s)
{
    char renewed[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us() - age_s * INT64_C(1000000), renewed);
    ZL_AUTO_FREE char *text = zl_asprintf("{'metadata':{'name':'l'},'spec':{'holderIdentity':'%s',"
                                          "'leaseDurationSeconds':15,'renewTime':'%s'}}",
                                          holder, renewed);
    put(scene, CONTROLLER_LEASE, text);
}

static void put_clock(struct scene *scene, int ahead_s)
{
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(zl_clock_wall_us() + ahead_s * INT64_C(1000000), now);
    ZL_AUTO_FREE char *text = zl_asprintf("{'metadata':{'creationTimestamp':'%s'}}", now);
    zl_object_peer_put(scene->peer, "POST", LEASES "namespaces/shop/leases", 201, text);
}

#define CONDITION(type, status, reason, since)                                                     \
    "{'type':'" type "','status':'" status "','reason':'" reason "','message':'about " reason      \
    "','lastTransitionTime':'" since "'}"
#define OLD "2020-01-01T00:00:00Z"
#define READY CONDITION("Ready", "True", "LeaderReady", OLD)
#define ARMED CONDITION("GatekeeperArmed", "True", "Armed", OLD)
#define POLICY(spec, seen, conditions)                                                             \
    "{'metadata':{'name':'web','namespace':'shop','uid':'p','generation':2,'creationTimestamp':"   \
    "'" OLD "'},'spec':{" spec "},'status':{'observedGeneration':" seen                            \
    ",'conditions':[" conditions "]}}"

static void put_policy(struct scene *scene, const char *policy)
{
    ZL_AUTO_FREE char *text = zl_asprintf(LIST("%s"), policy);
    put(scene, OURS "/leaderpolicies", text);
}

#define DEPLOYMENT(pool, strategy, spec)                                                           \
    "{'metadata':{'name':'app','namespace':'shop','labels':{'zen-lead/pool':'" pool "'}},'spec':{" \
    "'replicas':3" strategy ",'template':{'spec':{" spec "}}}}"

static void put_rights(struct scene *scene, const char *allowed)
{
    ZL_AUTO_FREE char *text = zl_asprintf("{'status':{'allowed':%s}}", allowed);
    zl_object_peer_put(scene->peer, "POST", RIGHTS, 201, text);
}

static void put_review(struct scene *scene, int status, const char *text)
{
    zl_object_peer_put(scene->peer, "POST", OURS "/namespaces/shop/leaderpolicies", status, text);
}

#define FLEET_POLICY(reached, differs, why)                                                        \
    "{'metadata':{'name':'fixes','namespace':'ops'},'spec':{'pool':'fixes'},'status':{'why':'" why \
    "','conditions':[" CONDITION("HubReached", reached, "R",                                       \
                                 OLD) "," CONDITION("SpecDiffers", differs, "D", OLD) "]}}"
#define SOUND_FLEET FLEET_POLICY("True", "False", "nothing waits for a turn")

static void put_arbiter(struct scene *scene, const char *holder, int age_s)
{
    char renewed[ZL_TIME_TEXT_MAX];
    zl_time_format_micro(zl_clock_wall_us() - age_s * INT64_C(1000000), renewed);
    ZL_AUTO_FREE char *text = zl_asprintf("{'metadata':{'name':'l'},'spec':{'holderIdentity':'%s',"
                                          "'leaseDurationSeconds':15,'renewTime':'%s'}}",
                                          holder, renewed);
    put(scene, ARBITER, text);
}

/* The cluster's kubeconfig for its hub, which is the peer too, with a token that ends in LEFT_S. 0: it does not. */
static void put_credential(struct scene *scene, int64_t left_s)
{
    ZL_AUTO_FREE char *claims =
        left_s == 0
            ? zl_strdup("{\"iss\":\"?>~\"}")
            : zl_asprintf("{\"exp\":%lld}", (long long)(zl_clock_wall_us() / 1000000 + left_s));
    ZL_AUTO_FREE char *part = zl_base64_encode(claims, strlen(claims));
    for (char *at = part; *at != '\0'; at++) { /* as a token has it */
        *at = (char)(*at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at);
    }
    ZL_AUTO_FREE char *kubeconfig = zl_asprintf(
        "{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"c\","
        "\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"%s\"}}],"
        "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"h.%s.s\"}}]}",
        scene->url, part);
    ZL_AUTO_FREE char *encoded = zl_base64_encode(kubeconfig, strlen(kubeconfig));
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{'metadata':{'name':'s'},'data':{'kubeconfig':'%s','cluster':'ZWFzdA=='}}", encoded);
    put(scene, FLEET_SECRET, text);
}

static void put_hub_rights(struct scene *scene, const char *allowed)
{
    ZL_AUTO_FREE char *text = zl_asprintf("{'status':{'allowed':%s}}", allowed);
    zl_object_peer_put(scene->peer, "POST", HUB_RIGHTS, 201, text);
}

static void put_fleet(struct scene *scene)
{
    put(scene, FLEETS, LIST(SOUND_FLEET));
    put_credential(scene, YEAR_S);
    put_hub_rights(scene, "true");
    put_arbiter(scene, "arbiter-a", 1);
    scene->may_write_all = false;
}

static void put_programs(struct scene *scene)
{
    put(scene, SERVICE, "{'metadata':{'name':'zen-lead-webhook'}}");
    put(scene, SLICES, LIST("{'endpoints':[{'conditions':{'ready':true}}]}"));
    put_deployment(scene, "zen-lead-webhook", 2, "'--port=8443'", ZL_VERSION);
    put_deployment(scene, "zen-lead-controller", 2, "", ZL_VERSION);
    put_controller_lease(scene, "controller-a", 1);
}

static void make_sound(struct scene *scene)
{
    put(scene, "/version", "{'major':'1','minor':'36'}");
    put(scene, "/apis",
        "{'groups':[{'versions':[{'groupVersion':'coordination.k8s.io/v1'}]},"
        "{'versions':[{'groupVersion':'apps/v1'},{'groupVersion':'batch/v1'},"
        "{'groupVersion':'discovery.k8s.io/v1'},"
        "{'groupVersion':'admissionregistration.k8s.io/v1'}]}]}");
    put(scene, OURS, "{'resources':[{'name':'leaderpolicies'}]}");
    put_crd(scene, "");
    put_clock(scene, 0);
    put_configuration(scene, scene->ca, "'shop'", "Fail");
    put_programs(scene);
    ZL_AUTO_FREE char *secret =
        zl_asprintf("{'metadata':{'name':'s'},'data':{'tls.crt':'%s'}}", scene->certificate);
    put(scene, SECRET, secret);
    put_policy(scene, POLICY("", "2", READY "," ARMED));
    put(scene, LEASES "leases", LIST("{'metadata':{'name':'zen-lead-web','namespace':'shop'}}"));
    put(scene, "/apis/apps/v1/deployments", LIST(DEPLOYMENT("web", "", "")));
    static const char *const empty[] = {"/apis/apps/v1/statefulsets", "/apis/apps/v1/daemonsets",
                                        "/apis/batch/v1/cronjobs", "/apis/batch/v1/jobs"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        put(scene, empty[i], LIST(""));
    }
    put_rights(scene, "true");
    put_review(scene, 201, "{}");
    put_fleet(scene);
}

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    const int64_t now_s = zl_clock_wall_us() / 1000000;
    char *unused = NULL;
    make_pair(now_s + YEAR_S, &scene->ca, &scene->certificate);
    make_pair(now_s + YEAR_S / 365, &scene->other_ca, &scene->old_certificate);
    scene->peer = zl_object_peer_start();
    scene->client = zl_object_peer_client(scene->peer);
    struct zl_kube_config config = {0};
    assert_int_equal(
        zl_kube_config_load(zl_object_peer_kubeconfig(scene->peer), NULL, &config, NULL), ZL_OK);
    scene->url = zl_strdup(config.server);
    zl_kube_config_clear(&config);
    make_sound(scene);
    free(unused);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    zl_kube_client_free(scene->client);
    zl_object_peer_stop(scene->peer);
    free(scene->url);
    free(scene->ca);
    free(scene->certificate);
    free(scene->other_ca);
    free(scene->old_certificate);
    free(scene);
    return 0;
}

/* --- faults: what ought to say so, and how loudly --- */

static void lose_rights(struct scene *scene)
{
    put_rights(scene, "false");
}
static void lack_a_field(struct scene *scene)
{
    put_crd(scene, "rollout");
}
static void put_clock_ahead(struct scene *scene)
{
    put_clock(scene, 60);
    put_controller_lease(scene, "controller-a", -60); /* its clock is right by the server's */
    put_arbiter(scene, "arbiter-a", -60);
}
static void age_the_server(struct scene *scene)
{
    put(scene, "/version", "{'major':'1','minor':'19+'}");
}
static void lose_the_entry(struct scene *scene)
{
    put(scene, CONFIGURATIONS "zen-lead-pods", "{'metadata':{'name':'zen-lead-pods'}}");
}
static void be_asked_at_the_plain_path(struct scene *scene)
{
    put_configuration_of(scene, scene->ca, "'shop'", "Fail", "/validate");
}
static void lose_the_endpoints(struct scene *scene)
{
    put(scene, SLICES, LIST("{'endpoints':[{'conditions':{'ready':false}}]}"));
}
static void crash_the_webhook(struct scene *scene)
{
    put_deployment(scene, "zen-lead-webhook", 0, "", ZL_VERSION);
}
static void halve_the_controllers(struct scene *scene)
{
    put_deployment(scene, "zen-lead-controller", 1, "", ZL_VERSION);
}
static void lose_the_controllers_deployment(struct scene *scene)
{
    zl_object_peer_put(scene->peer, "GET", DEPLOYMENTS "zen-lead-controller", 404, "{}");
}
static void silence_the_webhook(struct scene *scene)
{
    put_review(scene, 500,
               "{'kind':'Status','code':500,'reason':'InternalError','message':'failed calling "
               "webhook \\'policies.zen-lead.kube-zen.io\\': x509: unknown authority'}");
}
static void change_the_ca(struct scene *scene)
{
    put_configuration(scene, scene->other_ca, "'shop'", "Fail");
}
static void empty_the_ca_bundle(struct scene *scene)
{
    put_configuration(scene, "", "'shop'", "Fail");
}
static void let_it_expire(struct scene *scene)
{
    ZL_AUTO_FREE char *secret =
        zl_asprintf("{'metadata':{'name':'s'},'data':{'tls.crt':'%s'}}", scene->old_certificate);
    put(scene, SECRET, secret);
    put_configuration(scene, scene->other_ca, "'shop'", "Fail");
}
static void ignore_failures(struct scene *scene)
{
    put_configuration(scene, scene->ca, "'shop'", "Ignore");
}
static void arm_kube_system(struct scene *scene)
{
    put_configuration(scene, scene->ca, "'kube-system','shop'", "Fail");
}
static void stop_renewing(struct scene *scene)
{
    put_controller_lease(scene, "controller-a", 60);
}
static void have_no_controller(struct scene *scene)
{
    put_controller_lease(scene, "", 1);
}
static void differ_in_time_out(struct scene *scene)
{
    put_deployment(scene, "zen-lead-webhook", 2, "'--claim-timeout-seconds=9'", ZL_VERSION);
}
static void differ_in_version(struct scene *scene)
{
    put_deployment(scene, "zen-lead-webhook", 2, "", "0.1.0");
}
static void disarm(struct scene *scene)
{
    put_policy(
        scene,
        POLICY("", "2", READY "," CONDITION("GatekeeperArmed", "False", "NotIntercepted", OLD)));
}
static void forget_the_policy(struct scene *scene)
{
    put(scene, "/apis/apps/v1/deployments", LIST(DEPLOYMENT("wbe", "", "")));
}
static void fail_a_rollout(struct scene *scene)
{
    put(scene, LEASES "leases",
        LIST("{'metadata':{'name':'zen-lead-web','annotations':{"
             "'zen-lead.io/failed-revision':'r'}}}"));
}
static void work_against(struct scene *scene, const char *reason)
{
    ZL_AUTO_FREE char *policy =
        zl_asprintf(POLICY("", "2", READY "," ARMED ",%s"), "{'type':'Compatible','status':'False',"
                                                            "'reason':'@','message':'m'}");
    ZL_AUTO_FREE char *with =
        zl_asprintf("%.*s%s%s", (int)strcspn(policy, "@"), policy, reason, strchr(policy, '@') + 1);
    put_policy(scene, with);
}
static void forbid_eviction(struct scene *scene)
{
    work_against(scene, "BudgetForbidsEviction");
}
static void lead_elsewhere(struct scene *scene)
{
    work_against(scene, "ForeignEndpoints");
}
static void autoscale(struct scene *scene)
{
    work_against(scene, "AutoscalerCannotScale");
}
static void contest_jobs(struct scene *scene)
{
    work_against(scene, "JobsContested");
}
static void claim_a_volume(struct scene *scene)
{
    put(scene, "/apis/apps/v1/deployments",
        LIST(DEPLOYMENT("web", "", "'volumes':[{'persistentVolumeClaim':{'claimName':'c'}}]")));
}
static void lose_the_leader(struct scene *scene)
{
    put_policy(scene, POLICY("", "2", CONDITION("Ready", "False", "NoLeader", OLD) "," ARMED));
}
static void ignore_a_policy(struct scene *scene)
{
    put_policy(scene, POLICY("", "1", READY "," ARMED));
}
static void lose_a_group(struct scene *scene)
{
    put(scene, "/apis", "{'groups':[{'versions':[{'groupVersion':'apps/v1'}]}]}");
}

static void lose_the_hub(struct scene *scene)
{
    put(scene, FLEETS, LIST(FLEET_POLICY("False", "False", "")));
}
static void lose_the_own_lease(struct scene *scene)
{
    put_hub_rights(scene, "false");
}
static void let_it_write_all(struct scene *scene)
{
    scene->may_write_all = true;
}
static void let_the_credential_end(struct scene *scene)
{
    put_credential(scene, 2 * 24 * 3600 + 60);
}
static void end_the_credential(struct scene *scene)
{
    put_credential(scene, -100);
}
static void share_a_name(struct scene *scene)
{
    put(scene, FLEETS, LIST(FLEET_POLICY("True", "False", "two clusters use this name")));
}
static void differ_in_spec(struct scene *scene)
{
    put(scene, FLEETS, LIST(FLEET_POLICY("True", "True", "")));
}
static void lose_the_arbiter(struct scene *scene)
{
    put_arbiter(scene, "arbiter-a", 90);
}
static void have_no_arbiter(struct scene *scene)
{
    zl_object_peer_put(scene->peer, "GET", ARBITER, 404, "{}");
}
static void stop_the_arbiter(struct scene *scene)
{
    put_arbiter(scene, "", 1);
}
static void restore_the_hub(struct scene *scene)
{
    put(scene, FLEETS,
        LIST(FLEET_POLICY("True", "False",
                          "the hub was restored from a backup: turns that it forgot must end")));
}

static const struct {
    const char *id;
    enum zl_health health;
    void (*inject)(struct scene *scene);
    const char *detail; /* a part of it */
} FAULTS[] = {
    {"ZL0102", ZL_HEALTH_FAILED, age_the_server, "1.19"},
    {"ZL0103", ZL_HEALTH_FAILED, lose_a_group, "coordination.k8s.io/v1 is not"},
    {"ZL0104", ZL_HEALTH_WARNED, put_clock_ahead, "ahead"},
    {"ZL0202", ZL_HEALTH_FAILED, lack_a_field, "spec.rollout"},
    {"ZL0203", ZL_HEALTH_FAILED, lose_rights, "zen-lead-controller may not patch leases"},
    {"ZL0301", ZL_HEALTH_FAILED, lose_the_entry, "nothing is gatekept"},
    {"ZL0302", ZL_HEALTH_FAILED, lose_the_endpoints, "no Ready endpoint"},
    {"ZL0303", ZL_HEALTH_FAILED, crash_the_webhook, "0 of 2"},
    {"ZL0304", ZL_HEALTH_FAILED, silence_the_webhook, "unknown authority"},
    {"ZL0305", ZL_HEALTH_FAILED, change_the_ca, ""},
    {"ZL0305", ZL_HEALTH_FAILED, empty_the_ca_bundle, "is empty"},
    {"ZL0306", ZL_HEALTH_WARNED, let_it_expire, "the serving certificate expires in"},
    {"ZL0307", ZL_HEALTH_WARNED, ignore_failures, "Ignore"},
    {"ZL0308", ZL_HEALTH_FAILED, arm_kube_system, "kube-system"},
    {"ZL0309", ZL_HEALTH_WARNED, be_asked_at_the_plain_path, "/validate"},
    {"ZL0401", ZL_HEALTH_FAILED, stop_renewing, "s ago"},
    {"ZL0401", ZL_HEALTH_FAILED, have_no_controller, "none leads"},
    {"ZL0402", ZL_HEALTH_WARNED, halve_the_controllers, "1 of 2"},
    {"ZL0402", ZL_HEALTH_FAILED, lose_the_controllers_deployment, "no Deployment"},
    {"ZL0403", ZL_HEALTH_FAILED, differ_in_time_out, "webhook 9 s, controller 5 s"},
    {"ZL0404", ZL_HEALTH_WARNED, differ_in_version, "webhook 0.1.0"},
    {"ZL0501", ZL_HEALTH_FAILED, disarm, "shop/web: NotIntercepted"},
    {"ZL0502", ZL_HEALTH_WARNED, forget_the_policy, "Deployment shop/app names pool wbe"},
    {"ZL0503", ZL_HEALTH_WARNED, fail_a_rollout, "zen-lead-web"},
    {"ZL0504", ZL_HEALTH_WARNED, forbid_eviction, "shop/web"},
    {"ZL0505", ZL_HEALTH_WARNED, lead_elsewhere, "shop/web"},
    {"ZL0506", ZL_HEALTH_WARNED, claim_a_volume, "shop/app"},
    {"ZL0507", ZL_HEALTH_WARNED, lose_the_leader, "about NoLeader"},
    {"ZL0508", ZL_HEALTH_WARNED, autoscale, "shop/web"},
    {"ZL0509", ZL_HEALTH_WARNED, contest_jobs, "shop/web"},
    {"ZL0510", ZL_HEALTH_FAILED, ignore_a_policy, "shop/web"},
    {"ZL0601", ZL_HEALTH_FAILED, lose_the_hub, "ops/fixes: about R"},
    {"ZL0602", ZL_HEALTH_FAILED, lose_the_own_lease, "may not write Lease member.east"},
    {"ZL0602", ZL_HEALTH_FAILED, let_it_write_all,
     "may write Lease turn.east; it may write Lease fleet.fixes; it may write Lease "
     "member.not-east"},
    {"ZL0603", ZL_HEALTH_WARNED, let_the_credential_end, "ends in 48 h"},
    {"ZL0603", ZL_HEALTH_FAILED, end_the_credential, "ended"},
    {"ZL0604", ZL_HEALTH_FAILED, share_a_name, "ops/fixes"},
    {"ZL0605", ZL_HEALTH_WARNED, differ_in_spec, "ops/fixes: about D"},
    {"ZL0606", ZL_HEALTH_FAILED, lose_the_arbiter, "arbiter-a renewed its Lease"},
    {"ZL0606", ZL_HEALTH_FAILED, have_no_arbiter, "never"},
    {"ZL0606", ZL_HEALTH_FAILED, stop_the_arbiter, "none decides"},
    {"ZL0607", ZL_HEALTH_WARNED, restore_the_hub, "ops/fixes"},
};

/* --- looks --- */

static void gather(struct scene *scene, struct zl_doctor_facts *facts)
{
    const struct zl_gather_spec spec = {
        .home = "shop", .hub_namespace = "zen-fleet", .installed_in = SYSTEM};
    zl_gather(scene->client, &spec, facts);
    for (size_t i = 0; i < facts->hub_right_count && !scene->may_write_all; i++) {
        facts->hub_rights[i].allowed = facts->hub_rights[i].allowed && facts->hub_rights[i].wanted;
    }
}

/* Nothing but CHECK may be worse than GOOD: more than one fault may follow from it only where UNKNOWN does. */
static void expect_only(const struct zl_doctor_facts *facts, const char *id, enum zl_health health,
                        const char *part)
{
    for (const struct zl_check *check = ZL_CHECKS; check->id != NULL; check++) {
        char *detail = NULL;
        const enum zl_health is = zl_check_judge(check, facts, &detail);
        const bool meant = strcmp(check->id, id) == 0;
        if (meant ? is != health || strstr(detail, part) == NULL : is >= ZL_HEALTH_WARNED) {
            fail_msg("fault %s: %s is %s: %s", id, check->id, zl_health_name(is), detail);
        }
        free(detail);
    }
}

static void test_of_a_sound_installation_nothing_is_said_in_60_requests(void **state)
{
    struct scene *scene = *state;
    struct zl_doctor_facts facts;
    /* Nobody may patch pods: the fixture's rights are all or none, so a pool says that it wants them. */
    put_policy(scene, POLICY("'podRoleLabel':true", "2", READY "," ARMED));
    gather(scene, &facts);
    for (const struct zl_check *check = ZL_CHECKS; check->id != NULL; check++) {
        char *detail = NULL;
        const enum zl_health is = zl_check_judge(check, &facts, &detail);
        if (is != ZL_HEALTH_GOOD || detail[0] != '\0') {
            fail_msg("%s is %s: %s", check->id, zl_health_name(is), detail);
        }
        free(detail);
    }
    zl_gather_clear(&facts);
    print_message("%d requests\n", zl_object_peer_calls(scene->peer));
    assert_in_range(zl_object_peer_calls(scene->peer), 1, 60);
}

static void test_each_fault_is_named_by_its_id_and_no_other(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        struct zl_doctor_facts facts;
        make_sound(scene);
        FAULTS[i].inject(scene);
        gather(scene, &facts);
        for (size_t r = 0; r < facts.right_count; r++) {
            if (strcmp(facts.rights[r].resource, "pods") == 0 &&
                strcmp(facts.rights[r].verb, "patch") == 0) {
                facts.rights[r].allowed = false;
            }
        }
        expect_only(&facts, FAULTS[i].id, FAULTS[i].health, FAULTS[i].detail);
        zl_gather_clear(&facts);
    }
}

static void test_the_right_to_patch_pods_that_no_pool_needs_is_said(void **state)
{
    struct scene *scene = *state;
    struct zl_doctor_facts facts;
    gather(scene, &facts);
    expect_only(&facts, "ZL0204", ZL_HEALTH_WARNED, "zen-lead-controller may");
    zl_gather_clear(&facts);
}

static void test_what_may_not_be_read_is_unknown_and_never_a_fault(void **state)
{
    struct scene *scene = *state;
    struct zl_object_peer *blind = zl_object_peer_start();
    struct zl_kube_client *client = zl_object_peer_client(blind);
    struct zl_doctor_facts facts;
    int unknown = 0;
    (void)scene;
    zl_object_peer_put(blind, "GET", "/version", 200, "{'major':'1','minor':'30'}");
    zl_object_peer_put(blind, "GET", OURS, 200, "{'resources':[{'name':'leaderpolicies'}]}");
    static const char *const refused[] = {"GET " CRD,
                                          "GET " CONFIGURATIONS "zen-lead",
                                          "GET " CONFIGURATIONS "zen-lead-pods",
                                          "GET " OURS "/leaderpolicies",
                                          "GET " LEASES "leases",
                                          "GET " CONTROLLER_LEASE,
                                          "POST " RIGHTS,
                                          "GET " DEPLOYMENTS "zen-lead-webhook",
                                          "GET " DEPLOYMENTS "zen-lead-controller",
                                          "POST " OURS "/namespaces/shop/leaderpolicies",
                                          "GET " FLEETS};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *path = strchr(refused[i], ' ') + 1;
        ZL_AUTO_FREE char *method = zl_strndup(refused[i], strcspn(refused[i], " "));
        zl_object_peer_put(blind, method, path, 403,
                           "{'kind':'Status','code':403,'message':'forbidden'}");
    }
    const struct zl_gather_spec spec = {
        .home = "shop", .hub_namespace = "zen-fleet", .installed_in = SYSTEM};
    zl_gather(client, &spec, &facts);
    for (const struct zl_check *check = ZL_CHECKS; check->id != NULL; check++) {
        char *detail = NULL;
        const enum zl_health is = zl_check_judge(check, &facts, &detail);
        unknown += is == ZL_HEALTH_UNKNOWN;
        if (is >= ZL_HEALTH_WARNED) {
            fail_msg("%s is %s: %s", check->id, zl_health_name(is), detail);
        }
        free(detail);
    }
    assert_in_range(unknown, 17, 37);
    zl_gather_clear(&facts);
    zl_kube_client_free(client);
    zl_object_peer_stop(blind);
}

static void expect_all_of_fleets(const struct zl_doctor_facts *facts, enum zl_health wanted)
{
    for (const struct zl_check *check = ZL_CHECKS; check->id != NULL; check++) {
        char *detail = NULL;
        const enum zl_health is = zl_check_judge(check, facts, &detail);
        if (strcmp(check->group, "fleet") == 0 && is != wanted) {
            fail_msg("%s is %s: %s", check->id, zl_health_name(is), detail);
        }
        free(detail);
    }
}

static void test_without_a_fleet_there_is_nothing_to_check_and_nothing_more_is_asked(void **state)
{
    struct scene *scene = *state;
    struct zl_doctor_facts facts;
    gather(scene, &facts);
    zl_gather_clear(&facts);
    const int with = zl_object_peer_calls(scene->peer);
    zl_object_peer_put(scene->peer, "GET", FLEETS, 404, "{}");
    gather(scene, &facts);
    expect_all_of_fleets(&facts, ZL_HEALTH_ABSENT);
    zl_gather_clear(&facts);
    assert_int_equal(zl_object_peer_calls(scene->peer) - with, with - 6);
    put(scene, FLEETS, LIST(""));
    gather(scene, &facts);
    expect_all_of_fleets(&facts, ZL_HEALTH_ABSENT);
    zl_gather_clear(&facts);
}

static void test_a_token_without_an_end_does_not_end(void **state)
{
    struct scene *scene = *state;
    struct zl_doctor_facts facts;
    put_credential(scene, 0);
    gather(scene, &facts);
    assert_int_equal(facts.hub_credential_s, 0);
    expect_all_of_fleets(&facts, ZL_HEALTH_GOOD);
    zl_gather_clear(&facts);
}

static void test_a_server_that_is_silent_costs_three_seconds_and_is_a_fault(void **state)
{
    struct scene *scene = *state;
    struct zl_doctor_facts facts;
    char *detail = NULL;
    zl_object_peer_put(scene->peer, "GET", "/version", -1, "");
    gather(scene, &facts);
    assert_int_equal(zl_check_judge(&ZL_CHECKS[0], &facts, &detail), ZL_HEALTH_FAILED);
    assert_int_equal(zl_object_peer_calls(scene->peer), 1);
    free(detail);
    zl_gather_clear(&facts);
}

/* HEALTH of the checks 0, 1 and 2. */
static struct zl_outcome outcome_of(enum zl_health first, enum zl_health second,
                                    enum zl_health third)
{
    return (struct zl_outcome){.health = {first, second, third},
                               .unreachable = first == ZL_HEALTH_FAILED};
}

static void test_only_a_verdict_that_changes_is_said_again(void **state)
{
    enum { GOOD = ZL_HEALTH_GOOD, BAD = ZL_HEALTH_FAILED, UNKNOWN = ZL_HEALTH_UNKNOWN };
    static const struct {
        int health[3], count, changed; /* which one, where it is one; -1 */
    } rows[] = {
        {{GOOD, GOOD, BAD}, 0, -1}, /* the first look is printed as it is */
        {{GOOD, GOOD, BAD}, 0, -1},       {{GOOD, BAD, BAD}, 1, 1},
        {{BAD, UNKNOWN, UNKNOWN}, 1, 0}, /* no API server: of the others nothing is known, or said */
        {{BAD, UNKNOWN, UNKNOWN}, 0, -1}, {{GOOD, BAD, BAD}, 1, 0},
        {{GOOD, BAD, GOOD}, 1, 2},        {{GOOD, UNKNOWN, GOOD}, 1, 1},
    };
    struct zl_verdicts said = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool changed[ZL_CHECKS_MAX];
        const struct zl_outcome outcome =
            outcome_of((enum zl_health)rows[i].health[0], (enum zl_health)rows[i].health[1],
                       (enum zl_health)rows[i].health[2]);
        if (zl_outcome_changes(&outcome, &said, changed) != rows[i].count ||
            (rows[i].changed >= 0 && !changed[rows[i].changed])) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_ids_are_in_order_and_none_comes_twice(void **state)
{
    (void)state;
    for (const struct zl_check *check = ZL_CHECKS; check[1].id != NULL; check++) {
        assert_true(strcmp(check[0].id, check[1].id) < 0);
    }
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_of_a_sound_installation_nothing_is_said_in_60_requests),
        TEST(test_each_fault_is_named_by_its_id_and_no_other),
        TEST(test_the_right_to_patch_pods_that_no_pool_needs_is_said),
        TEST(test_what_may_not_be_read_is_unknown_and_never_a_fault),
        TEST(test_without_a_fleet_there_is_nothing_to_check_and_nothing_more_is_asked),
        TEST(test_a_token_without_an_end_does_not_end),
        TEST(test_a_server_that_is_silent_costs_three_seconds_and_is_a_fault),
        cmocka_unit_test(test_ids_are_in_order_and_none_comes_twice),
        cmocka_unit_test(test_only_a_verdict_that_changes_is_said_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
