/* SPDX-License-Identifier: Apache-2.0 */
/* Where the leader Services of pools and of annotated Services lead: a scene in, steps as text out. */
#include "controller/traffic_director/pool_routes.h"
#include "controller/traffic_director/service_route.h"
#include "test/unit/controller/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char ns[] = "shop", web[] = "web", api[] = "api", uid_web[] = "uid-web",
            uid_api[] = "uid-api", pod_a[] = "web-a", uid_a[] = "uid-a", pod_b[] = "api-b",
            uid_b[] = "uid-b", identity[] = "web-a_uid-a", ip[] = "10.0.0.1", other[] = "all",
            selector[] = "app=web\0", name_leader[] = "web-leader", primary[] = "primary";
static char long_name[] = "0123456789-0123456789-0123456789-0123456789-0123456789-0123456789";
static struct zl_pod template_pod;

/* Two workloads, web (pod web-a) and api (pod api-b); what differs. */
struct knobs {
    bool absent;      /* no LeaderPolicy */
    bool elects_all;  /* standby */
    int workloads;    /* 0: 2 */
    int64_t web, api; /* replicas; 0: 3 and 1 */
    bool free_seat;   /* nobody holds the Lease; else web-a */
    bool provisional; /* only claimed */
    bool unready, leaving;
    bool b_is_ready, b_is_of_web;
    bool stored;   /* web-director is there */
    bool listing;  /* Services are being listed */
    bool lent;     /* Services "all" and "web" select web-a */
    bool bad_name; /* of web */
    bool named;    /* web wants its leader Service to be called "primary" */
};

struct scene {
    struct zl_policy policy;
    struct zl_lease lease;
    struct zl_workload all[2];
    struct zl_pod a, b;
    struct zl_member members[2];
    const struct zl_workload *workloads[2];
    struct zl_service services[2];
    const struct zl_service *lenders[2];
    struct zl_view view;
    struct zl_traffic_target own[2], templates[2];
    struct zl_traffic_view traffic;
};

static void set_scene(const struct knobs *knobs, struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->policy = (struct zl_policy){.meta = {.namespace_ = ns, .name = web}};
    scene->lease = (struct zl_lease){.namespace_ = ns,
                                     .pool = web,
                                     .holder_identity = knobs->free_seat ? NULL : identity,
                                     .holder_pod = pod_a,
                                     .holder_uid = uid_a,
                                     .provisional = knobs->provisional};
    scene->all[0] = (struct zl_workload){
        .meta = {.namespace_ = ns, .name = knobs->bad_name ? long_name : web, .uid = uid_web},
        .pool = web,
        .wanted_name = knobs->named ? primary : NULL,
        .kind = &ZL_KIND_DEPLOYMENT,
        .replicas = knobs->web != 0 ? knobs->web : 3,
        .template_pod = &template_pod};
    scene->all[1] = (struct zl_workload){.meta = {.namespace_ = ns, .name = api, .uid = uid_api},
                                         .pool = web,
                                         .kind = &ZL_KIND_DEPLOYMENT,
                                         .replicas = knobs->api != 0 ? knobs->api : 1,
                                         .template_pod = &template_pod};
    scene->a = (struct zl_pod){
        .meta = {.namespace_ = ns, .name = pod_a, .uid = uid_a, .deleting = knobs->leaving},
        .ready = !knobs->unready && !knobs->leaving,
        .ips = {ip}};
    scene->b = (struct zl_pod){.meta = {.namespace_ = ns, .name = pod_b, .uid = uid_b},
                               .ready = knobs->b_is_ready,
                               .ips = {ip}};
    scene->members[0] = (struct zl_member){.pod = &scene->a, .workload = &scene->all[0]};
    scene->members[1] =
        (struct zl_member){.pod = &scene->b, .workload = &scene->all[knobs->b_is_of_web ? 0 : 1]};
    scene->services[0].meta.name = other;
    scene->services[1].meta.name = web;
    for (size_t i = 0; i < 2; i++) {
        scene->workloads[i] = &scene->all[i];
        scene->lenders[i] = &scene->services[i];
        scene->own[i].workload = scene->templates[i].workload = &scene->all[i];
    }
    scene->view =
        (struct zl_view){.namespace_ = ns,
                         .name = web,
                         .policy = knobs->absent ? NULL : &scene->policy,
                         .lease = &scene->lease,
                         .holder_pod = knobs->free_seat ? NULL : &scene->a,
                         .workloads = scene->workloads,
                         .workload_count = knobs->workloads != 0 ? (size_t)knobs->workloads : 2,
                         .members = scene->members,
                         .member_count = 2,
                         .elects_all = knobs->elects_all};
    scene->traffic = (struct zl_traffic_view){.own = scene->own,
                                              .templates = scene->templates,
                                              .count = scene->view.workload_count,
                                              .director_is_stored = knobs->stored,
                                              .services_settled = !knobs->listing};
}

/* As look_traffic.c does, for the one pod that Services select. */
static void look(const struct knobs *knobs, struct scene *scene)
{
    struct zl_traffic_target *leader = &scene->traffic.leader;
    for (size_t i = 0; i < 2; i++) {
        if (leader->pod != NULL && leader->pod == scene->members[i].pod) {
            leader->workload = scene->members[i].workload;
        }
    }
    if (leader->pod != NULL && knobs->lent) {
        leader->lenders = scene->lenders;
        leader->lender_count = 2;
    }
}

/* Finding 8: a workload that is made again, or moves, leaves its pool for a moment, and clients know the director's address. */
static void test_the_director_outlives_its_workloads_for_a_while(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool stored;
        int64_t deserted_ms;
        const char *steps;
    } rows[] = {
        {"just now", true, 0,
         "slices no-leader web-director -> nobody; service no-leader web-director -> nobody; clean "
         "not-wanted but 1; again 10000"},
        {"for a while", true, 9000,
         "slices no-leader web-director -> nobody; service no-leader web-director -> nobody; clean "
         "not-wanted but 1; again 1000"},
        {"for good", true, 10000, "clean not-wanted but 0"},
        {"there never was one", false, 0, "clean not-wanted but 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene(&(struct knobs){.free_seat = true, .stored = rows[i].stored}, &scene);
        scene.view.workload_count = scene.traffic.count = 0;
        scene.view.deserted_ms = rows[i].deserted_ms;
        zl_steps_begin(&steps, &scene.view);
        zl_plan_pool_routes(&scene.traffic, &steps);
        expect_trace(rows[i].name, &steps, rows[i].steps);
    }
}

static void test_routes_of_a_pool_lead_where_its_lease_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct knobs knobs;
        const char *steps;
    } rows[] = {
        {"web-a leads, api's only pod is not Ready",
         {0},
         "slices leads web-leader -> web-a; slices leads api-leader -> nobody; slices leads "
         "web-director -> web-a; service leads web-leader -> web-a; service leads api-leader -> "
         "nobody; service leads web-director -> web-a; clean not-wanted but 3"},
        {"a workload may name its leader Service",
         {.named = true},
         "slices leads primary -> web-a; slices leads api-leader -> nobody; slices leads "
         "web-director -> web-a; service leads primary -> web-a; service leads api-leader -> "
         "nobody; service leads web-director -> web-a; clean not-wanted but 3"},
        {"beside the leader of another workload a single pod has no traffic",
         {.b_is_ready = true},
         "slices leads web-leader -> web-a; slices leads api-leader -> nobody; slices leads "
         "web-director -> web-a; service leads web-leader -> web-a; service leads api-leader -> "
         "nobody; service leads web-director -> web-a; clean not-wanted but 3"},
        {"not in a standby pool, which elects one of all",
         {.b_is_ready = true, .elects_all = true},
         "slices leads web-leader -> web-a; slices leads api-leader -> nobody; slices leads "
         "web-director -> web-a; service leads web-leader -> web-a; service leads api-leader -> "
         "nobody; service leads web-director -> web-a; clean not-wanted but 3"},
        {"the Service that is named like the workload lends its ports",
         {.lent = true},
         "slices leads web-leader -> web-a ports=web; slices leads api-leader -> nobody; slices "
         "leads web-director -> web-a ports=web; service leads web-leader -> web-a ports=web; "
         "service leads api-leader -> nobody; service leads web-director -> web-a ports=web; clean "
         "not-wanted but 3"},
        {"a claim is no leader yet",
         {.provisional = true},
         "slices no-leader web-leader -> nobody; slices no-leader api-leader -> nobody; slices "
         "no-leader web-director -> nobody; service no-leader web-leader -> nobody; service "
         "no-leader api-leader -> nobody; service no-leader web-director -> nobody; clean "
         "not-wanted but 3"},
        {"a leader that is not Ready gets nothing",
         {.unready = true},
         "slices no-leader web-leader -> nobody; slices no-leader api-leader -> nobody; slices "
         "no-leader web-director -> nobody; service no-leader web-leader -> nobody; service "
         "no-leader api-leader -> nobody; service no-leader web-director -> nobody; clean "
         "not-wanted but 3"},
        {"one on its way out is shown as what it is",
         {.leaving = true},
         "slices no-leader web-leader -> web-a; slices no-leader api-leader -> nobody; slices "
         "no-leader web-director -> web-a; service no-leader web-leader -> web-a; service "
         "no-leader api-leader -> nobody; service no-leader web-director -> web-a; clean "
         "not-wanted but 3"},
        {"nobody leads",
         {.free_seat = true},
         "slices no-leader web-leader -> nobody; slices no-leader api-leader -> nobody; slices "
         "no-leader web-director -> nobody; service no-leader web-leader -> nobody; service "
         "no-leader api-leader -> nobody; service no-leader web-director -> nobody; clean "
         "not-wanted but 3"},
        {"nobody elects in a pool of one workload with one replica",
         {.free_seat = true, .workloads = 1, .web = 1},
         "slices leads web-leader -> web-a; slices leads web-director -> web-a; service leads "
         "web-leader -> web-a; service leads web-director -> web-a; clean not-wanted but 2"},
        {"so a Lease of an earlier time is followed while its pod stays",
         {.workloads = 1, .web = 1, .b_is_of_web = true, .b_is_ready = true},
         "slices leads web-leader -> web-a; slices leads web-director -> web-a; service leads "
         "web-leader -> web-a; service leads web-director -> web-a; clean not-wanted but 2"},
        {"and no longer, if another one is Ready",
         {.workloads = 1, .web = 1, .b_is_of_web = true, .b_is_ready = true, .leaving = true},
         "slices leads web-leader -> api-b; slices leads web-director -> api-b; service leads "
         "web-leader -> api-b; service leads web-director -> api-b; clean not-wanted but 2"},
        {"with three replicas its pod keeps the seat until it is gone",
         {.workloads = 1, .b_is_of_web = true, .b_is_ready = true, .leaving = true},
         "slices no-leader web-leader -> web-a; slices no-leader web-director -> web-a; service "
         "no-leader web-leader -> web-a; service no-leader web-director -> web-a; clean not-wanted "
         "but 2"},
        {"but in a standby pool",
         {.free_seat = true, .workloads = 1, .web = 1, .elects_all = true},
         "slices no-leader web-leader -> nobody; slices no-leader web-director -> nobody; service "
         "no-leader web-leader -> nobody; service no-leader web-director -> nobody; clean "
         "not-wanted but 2"},
        {"who lends ports may be on the list that is under way", {.listing = true}, "again 20"},
        {"it is known already",
         {.listing = true, .lent = true},
         "slices leads web-leader -> web-a ports=web; slices leads api-leader -> nobody; slices "
         "leads web-director -> web-a ports=web; service leads web-leader -> web-a ports=web; "
         "service leads api-leader -> nobody; service leads web-director -> web-a ports=web; clean "
         "not-wanted but 3"},
        {"no Service can have such a name",
         {.bad_name = true},
         "slices leads api-leader -> nobody; slices leads web-director -> web-a; service leads "
         "api-leader -> nobody; service leads web-director -> web-a; clean not-wanted but 3; tell "
         "bad-name Deployment/0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"},
        {"no LeaderPolicy: all goes", {.absent = true}, "clean not-wanted but 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene(&rows[i].knobs, &scene);
        zl_steps_begin(&steps, &scene.view);
        if (!rows[i].knobs.absent) {
            zl_plan_targets(&scene.view, &scene.traffic);
            look(&rows[i].knobs, &scene);
        }
        zl_plan_pool_routes(&scene.traffic, &steps);
        expect_trace(rows[i].name, &steps, rows[i].steps);
    }
}

/* --- annotated Services --- */

static void test_route_of_a_service_leads_to_the_pod_that_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool unready, leaving, none, external, bad_wish, listing, led_by_pool, waits;
        const char *current;
        const char *steps;
    } rows[] = {
        {.name = "a Ready pod",
         .steps = "slices leads web-leader -> web-a ports=web; service leads web-leader -> web-a "
                  "ports=web; clean not-wanted but 1"},
        {.name = "the same as before",
         .current = uid_a,
         .steps = "slices leads web-leader -> web-a ports=web; service leads web-leader -> web-a "
                  "ports=web; clean not-wanted but 1"},
        {.name = "no pod is Ready",
         .unready = true,
         .steps = "slices no-ready-pod web-leader -> nobody ports=web; service no-ready-pod "
                  "web-leader -> nobody ports=web; clean not-wanted but 1"},
        {.name = "no pod at all",
         .none = true,
         .steps = "slices no-pod web-leader -> nobody ports=web; service no-pod web-leader -> "
                  "nobody ports=web; clean not-wanted but 1"},
        {.name = "nobody replaces one on its way out",
         .leaving = true,
         .current = uid_a,
         .steps = "slices no-ready-pod web-leader -> web-a ports=web; service no-ready-pod "
                  "web-leader -> web-a ports=web; clean not-wanted but 1"},
        {.name = "it leads if its pool says so",
         .led_by_pool = true,
         .leaving = true,
         .steps = "slices no-ready-pod web-leader -> web-a ports=web; service no-ready-pod "
                  "web-leader -> web-a ports=web; clean not-wanted but 1"},
        {.name = "the pods are being listed, and nobody leads",
         .unready = true,
         .listing = true,
         .steps = "clean not-wanted but 1; again 20"},
        {.name = "no pods to choose from",
         .external = true,
         .steps = "clean not-wanted but 0; tell bad-service Service/web"},
        {.name = "its leader is not Ready, and is waited for",
         .unready = true,
         .waits = true,
         .current = uid_a,
         .steps = "slices leader-awaited web-leader -> web-a ports=web; service leader-awaited "
                  "web-leader -> web-a ports=web; clean not-wanted but 1; again 3000"},
        {.name = "a duration that is none",
         .bad_wish = true,
         .steps = "slices leads web-leader -> web-a ports=web; service leads web-leader -> web-a "
                  "ports=web; clean not-wanted but 1; tell bad-wish Service/web"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const struct zl_view no_pool = {0};
        ZL_AUTO_STEPS struct zl_steps steps;
        const struct zl_pod pod = {
            .meta = {.namespace_ = ns, .name = pod_a, .uid = uid_a, .deleting = rows[i].leaving},
            .ready = !rows[i].unready && !rows[i].leaving,
            .ips = {ip}};
        const struct zl_pod *const pods[] = {&pod};
        const struct zl_service source = {.meta = {.namespace_ = ns, .name = web, .uid = uid_web},
                                          .opted_in = true,
                                          .sticky = true,
                                          .selector = selector,
                                          .external = rows[i].external,
                                          .failover_delay_ms = rows[i].waits ? 5000 : 0,
                                          .ignored = rows[i].bad_wish ? other : NULL};
        const struct zl_service_view view = {.source = &source,
                                             .name = name_leader,
                                             .pods = pods,
                                             .pod_count = !rows[i].none,
                                             .current_uid = rows[i].current,
                                             .unready_ms = 2000,
                                             .holder_uid = rows[i].led_by_pool ? uid_a : NULL,
                                             .settled = !rows[i].listing};
        zl_steps_begin(&steps, &no_pool);
        zl_plan_service(&view, &steps);
        expect_trace(rows[i].name, &steps, rows[i].steps);
    }
}

static void test_service_that_has_not_opted_in_loses_its_route(void **state)
{
    (void)state;
    static const struct zl_view no_pool = {0};
    ZL_AUTO_STEPS struct zl_steps steps;
    zl_steps_begin(&steps, &no_pool);
    zl_plan_no_service(ns, web, &steps);
    expect_trace("all goes", &steps, "clean not-wanted but 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_director_outlives_its_workloads_for_a_while),
        cmocka_unit_test(test_routes_of_a_pool_lead_where_its_lease_says),
        cmocka_unit_test(test_route_of_a_service_leads_to_the_pod_that_is_chosen),
        cmocka_unit_test(test_service_that_has_not_opted_in_loses_its_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
