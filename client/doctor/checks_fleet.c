/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks_fleet.c - this cluster's part in fleets: what its LeaderPolicies say, and what its identity is worth on the hub.
 */
#include "client/doctor/checks.h"

#include "common/base/clock.h"
#include "common/fleet/fleet.h"

#include <inttypes.h>

#define WEEK_S (INT64_C(7) * 24 * 3600)
#define US_PER_S INT64_C(1000000)
/* As zen-lead's election has it, where the Lease does not say. */
#define LEASE_S 15
/* What the hub's clock and this cluster's may differ by. */
#define CLOCKS_S 5

/* Is there a fleet to check? GOOD: yes. */
static enum zl_health any_fleet(const struct zl_doctor_facts *facts,
                                struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_FLEETS];
    if (told->asked && told->status == ZL_E_NOT_FOUND) {
        return ZL_HEALTH_ABSENT; /* not installed */
    }
    if (!told->asked || told->status != ZL_OK) {
        return zl_check_unknown(told, out);
    }
    return zl_json_first(told->tree) != NULL ? ZL_HEALTH_GOOD : ZL_HEALTH_ABSENT;
}

static void say_of(const struct cJSON *policy, struct zl_findings_of_check *out, const char *what)
{
    const char *namespace_ = zl_json_text(policy, "metadata", "namespace", NULL);
    const char *name = zl_json_text(policy, "metadata", "name", NULL);
    zl_check_say(out, "%s/%s: %s", namespace_ != NULL ? namespace_ : "?", name != NULL ? name : "?",
                 what != NULL ? what : "no reason is given");
}

/* Condition TYPE of each LeaderPolicy ought not to be STATUS. */
static enum zl_health no_condition(const struct zl_doctor_facts *facts, const char *type,
                                   const char *status, enum zl_health bad,
                                   struct zl_findings_of_check *out)
{
    const enum zl_health any = any_fleet(facts, out);
    if (any != ZL_HEALTH_GOOD) {
        return any;
    }
    const struct cJSON *policy = zl_json_first(facts->told[ZL_ASKED_FLEETS].tree);
    for (; policy != NULL; policy = zl_json_next(policy)) {
        const struct cJSON *one = zl_json_first(zl_json_at(policy, "status", "conditions", NULL));
        for (; one != NULL; one = zl_json_next(one)) {
            if (zl_same_string(zl_json_text(one, "type", NULL), type) &&
                zl_same_string(zl_json_text(one, "status", NULL), status)) {
                say_of(policy, out, zl_json_text(one, "message", NULL));
            }
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : bad;
}

/* status.why of each LeaderPolicy ought not to begin with TEXT. */
static enum zl_health no_why(const struct zl_doctor_facts *facts, const char *text,
                             enum zl_health bad, struct zl_findings_of_check *out)
{
    const enum zl_health any = any_fleet(facts, out);
    if (any != ZL_HEALTH_GOOD) {
        return any;
    }
    const struct cJSON *policy = zl_json_first(facts->told[ZL_ASKED_FLEETS].tree);
    for (; policy != NULL; policy = zl_json_next(policy)) {
        const char *why = zl_json_text(policy, "status", "why", NULL);
        if (why != NULL && strncmp(why, text, strlen(text)) == 0) {
            say_of(policy, out, why);
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : bad;
}

enum zl_health zl_check_hub(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out)
{
    return no_condition(facts, "HubReached", "False", ZL_HEALTH_FAILED, out);
}

enum zl_health zl_check_fleet_specs(const struct zl_doctor_facts *facts,
                                    struct zl_findings_of_check *out)
{
    return no_condition(facts, "SpecDiffers", "True", ZL_HEALTH_WARNED, out);
}

enum zl_health zl_check_fleet_name(const struct zl_doctor_facts *facts,
                                   struct zl_findings_of_check *out)
{
    return no_why(facts, ZL_FLEET_WHY_DUPLICATE, ZL_HEALTH_FAILED, out);
}

enum zl_health zl_check_hub_restored(const struct zl_doctor_facts *facts,
                                     struct zl_findings_of_check *out)
{
    return no_why(facts, ZL_FLEET_WHY_RESTORED, ZL_HEALTH_WARNED, out);
}

/* GOOD: there is a fleet, and this cluster's credential for the hub was read. */
static enum zl_health credential_is_known(const struct zl_doctor_facts *facts,
                                          struct zl_findings_of_check *out)
{
    const enum zl_health any = any_fleet(facts, out);
    const struct zl_told *secret = &facts->told[ZL_ASKED_FLEET_SECRET];
    if (any != ZL_HEALTH_GOOD) {
        return any;
    }
    return secret->asked && secret->status == ZL_OK ? ZL_HEALTH_GOOD
                                                    : zl_check_unknown(secret, out);
}

/* What is on the hub was asked for with it. GOOD: it was, and it is known. */
static enum zl_health hub_is_known(const struct zl_doctor_facts *facts,
                                   struct zl_findings_of_check *out)
{
    const enum zl_health credential = credential_is_known(facts, out);
    if (credential != ZL_HEALTH_GOOD) {
        return credential;
    }
    if (facts->hub_problem[0] != '\0') {
        zl_check_say(out, "%s", facts->hub_problem);
        return ZL_HEALTH_UNKNOWN;
    }
    return ZL_HEALTH_GOOD;
}

enum zl_health zl_check_hub_rights(const struct zl_doctor_facts *facts,
                                   struct zl_findings_of_check *out)
{
    const enum zl_health known = hub_is_known(facts, out);
    if (known != ZL_HEALTH_GOOD) {
        return known;
    }
    for (size_t i = 0; i < facts->hub_right_count; i++) {
        const struct zl_hub_right *right = &facts->hub_rights[i];
        if (right->asked && right->status == ZL_OK && right->allowed != right->wanted) {
            zl_check_say(out, right->wanted ? "it may not write Lease %s" : "it may write Lease %s",
                         right->lease);
        }
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_FAILED;
}

enum zl_health zl_check_hub_credential(const struct zl_doctor_facts *facts,
                                       struct zl_findings_of_check *out)
{
    const enum zl_health credential = credential_is_known(facts, out);
    if (credential != ZL_HEALTH_GOOD) {
        return credential;
    }
    const int64_t end_s = facts->hub_credential_s;
    const int64_t left_s = end_s - (facts->now_us + zl_doctor_skew_us(facts)) / US_PER_S;
    if (end_s == 0 || left_s > WEEK_S) {
        return ZL_HEALTH_GOOD;
    }
    if (left_s <= 0) {
        zl_check_say(out, "it ended %" PRId64 " s ago", -left_s);
        return ZL_HEALTH_FAILED;
    }
    zl_check_say(out, "it ends in %" PRId64 " h", left_s / 3600);
    return ZL_HEALTH_WARNED;
}

enum zl_health zl_check_arbiter(const struct zl_doctor_facts *facts,
                                struct zl_findings_of_check *out)
{
    const enum zl_health known = hub_is_known(facts, out);
    const struct zl_told *told = &facts->told[ZL_ASKED_ARBITER];
    if (known != ZL_HEALTH_GOOD) {
        return known;
    }
    if (told->asked && told->status == ZL_E_NOT_FOUND) {
        zl_check_say(out, "there never was one");
        return ZL_HEALTH_FAILED;
    }
    if (!told->asked || told->status != ZL_OK) {
        return zl_check_unknown(told, out);
    }
    const char *holder = zl_json_text(told->tree, "spec", "holderIdentity", NULL);
    const int64_t lease_s = zl_json_i64(told->tree, LEASE_S, "spec", "leaseDurationSeconds", NULL);
    int64_t renewed_us = 0;
    if (holder == NULL || *holder == '\0') {
        zl_check_say(out, "none decides now");
        return ZL_HEALTH_FAILED;
    }
    if (!zl_time_parse(zl_json_text(told->tree, "spec", "renewTime", NULL), &renewed_us)) {
        zl_check_say(out, "%s holds the Lease, and does not say since when", holder);
        return ZL_HEALTH_UNKNOWN;
    }
    const int64_t age_s = (facts->now_us + zl_doctor_skew_us(facts) - renewed_us) / US_PER_S;
    if (age_s <= lease_s + CLOCKS_S) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "%s renewed its Lease %" PRId64 " s ago", holder, age_s);
    return ZL_HEALTH_FAILED;
}
