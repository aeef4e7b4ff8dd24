/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks.h - doctor's checks, one row each. An id stays what it is for ever; docs/troubleshooting.md has a line for each.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_DOCTOR_CHECKS_H
#define ZL_CLIENT_DOCTOR_CHECKS_H

#include "client/doctor/facts.h"
#include "common/base/buf.h"

enum zl_health {
    ZL_HEALTH_GOOD,
    ZL_HEALTH_ABSENT, /* there is nothing to check here */
    ZL_HEALTH_UNKNOWN,
    ZL_HEALTH_WARNED,
    ZL_HEALTH_FAILED,
    ZL_HEALTH_COUNT,
};

/* What a check has to say: a sentence for each object that it concerns, of which a few are kept. */
struct zl_findings_of_check {
    struct zl_buf text;
    int count;
};

struct zl_check {
    const char *id;    /* "ZL0305" */
    const char *group; /* "webhook" */
    const char *title; /* what ought to be so */
    const char *cure;
    enum zl_health (*judge)(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out);
};

/* By their ids; ends with id NULL. */
extern const struct zl_check ZL_CHECKS[];

/* Judge by CHECK. @param detail  what was found, "" for nothing; the caller frees */
enum zl_health zl_check_judge(const struct zl_check *check, const struct zl_doctor_facts *facts,
                              char **detail);

const char *
zl_health_name(enum zl_health health); /* "ok", "none", "unknown", "warning", "failed" */

/* --- for the files of checks --- */

/* One sentence more. */
void zl_check_say(struct zl_findings_of_check *out, const char *format, ...) ZL_PRINTF(2, 3);
/* ANSWER as it reads where it is no object: forbidden or too late is UNKNOWN, and was said. */
enum zl_health zl_check_unknown(const struct zl_told *answer, struct zl_findings_of_check *out);
/* The object, or NULL. */
static inline const struct cJSON *zl_told_tree(const struct zl_doctor_facts *facts,
                                               enum zl_question question)
{
    const struct zl_told *told = &facts->told[question];
    return told->asked && told->status == ZL_OK ? told->tree : NULL;
}
/* The gatekeeper's entry, in whichever of the two configurations; NULL: there is none. */
const struct cJSON *zl_doctor_pods_entry(const struct zl_doctor_facts *facts);
/* By how much the server's clock is ahead of ours; 0 where that is not known. */
int64_t zl_doctor_skew_us(const struct zl_doctor_facts *facts);

/* checks_api.c, checks_programs.c, checks_webhook.c, checks_pools.c, checks_fleet.c */
enum zl_health zl_check_reachable(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_version(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_groups(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_clock(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_crd(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_crd_fields(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_rights(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_no_pod_patch(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_configuration(const struct zl_doctor_facts *,
                                      struct zl_findings_of_check *);
enum zl_health zl_check_endpoints(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_webhook_ready(const struct zl_doctor_facts *,
                                      struct zl_findings_of_check *);
enum zl_health zl_check_review(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_ca_bundle(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_expiry(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_failure_policy(const struct zl_doctor_facts *,
                                       struct zl_findings_of_check *);
enum zl_health zl_check_blast_radius(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_secret_path(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_controller_lease(const struct zl_doctor_facts *,
                                         struct zl_findings_of_check *);
enum zl_health zl_check_controller_ready(const struct zl_doctor_facts *,
                                         struct zl_findings_of_check *);
enum zl_health zl_check_claim_timeouts(const struct zl_doctor_facts *,
                                       struct zl_findings_of_check *);
enum zl_health zl_check_skew(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_armed(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_policies_exist(const struct zl_doctor_facts *,
                                       struct zl_findings_of_check *);
enum zl_health zl_check_rollouts(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_budgets(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_foreign_endpoints(const struct zl_doctor_facts *,
                                          struct zl_findings_of_check *);
enum zl_health zl_check_volumes(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_leaders(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_autoscalers(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_jobs(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_observed(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_hub(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_hub_rights(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_hub_credential(const struct zl_doctor_facts *,
                                       struct zl_findings_of_check *);
enum zl_health zl_check_fleet_name(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_fleet_specs(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_arbiter(const struct zl_doctor_facts *, struct zl_findings_of_check *);
enum zl_health zl_check_hub_restored(const struct zl_doctor_facts *, struct zl_findings_of_check *);

#endif
