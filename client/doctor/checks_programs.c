/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks_programs.c - webhook and controller as they run: Deployments, options, versions, the Lease.
 */
#include "client/doctor/checks.h"
#include "common/base/clock.h"

#include <inttypes.h>
#include <string.h>

#define LEASE_SLACK_US INT64_C(2000000)

static const struct cJSON *container_of(const struct zl_doctor_facts *facts,
                                        enum zl_question question)
{
    return zl_json_first(
        zl_json_at(zl_told_tree(facts, question), "spec", "template", "spec", "containers", NULL));
}

/* The value of OPTION as the Deployment gives it; NULL: its default. Borrowed. */
static const char *option_of(const struct cJSON *container, const char *option,
                             const char *variable)
{
    const size_t length = strlen(option);
    const struct cJSON *arg = zl_json_first(zl_json_at(container, "args", NULL));
    for (; arg != NULL; arg = zl_json_next(arg)) {
        const char *text = zl_json_value_text(arg);
        if (text != NULL && strncmp(text, option, length) == 0) {
            return text[length] == '='    ? text + length + 1
                   : text[length] == '\0' ? zl_json_value_text(zl_json_next(arg))
                                          : NULL;
        }
    }
    const struct cJSON *env = zl_json_first(zl_json_at(container, "env", NULL));
    while (env != NULL && !zl_same_string(zl_json_text(env, "name", NULL), variable)) {
        env = zl_json_next(env);
    }
    return zl_json_text(env, "value", NULL);
}

/* "0.3.0" of "kube-zen/zen-lead:0.3.0@sha256:..."; NULL: no tag. The caller frees. */
static char *tag_of(const struct cJSON *container)
{
    const char *image = zl_json_text(container, "image", NULL);
    const char *slash = image != NULL ? strrchr(image, '/') : NULL;
    const char *tag = image != NULL ? strchr(slash != NULL ? slash : image, ':') : NULL;
    return tag != NULL ? zl_strndup(tag + 1, strcspn(tag + 1, "@")) : NULL;
}

/* --- replicas --- */

/* Does any Deployment of ours run? Programs may be run by other means. */
static bool runs_elsewhere(const struct zl_doctor_facts *facts)
{
    const struct cJSON *entry = zl_doctor_pods_entry(facts);
    return facts->told[ZL_ASKED_WEBHOOK_DEPLOYMENT].status == ZL_E_NOT_FOUND &&
           facts->told[ZL_ASKED_CONTROLLER_DEPLOYMENT].status == ZL_E_NOT_FOUND &&
           zl_json_text(entry, "clientConfig", "url", NULL) != NULL;
}

static enum zl_health judge_replicas(const struct zl_doctor_facts *facts, enum zl_question question,
                                     const char *name, struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[question];
    const int64_t wanted = zl_json_i64(told->tree, 1, "spec", "replicas", NULL);
    const int64_t ready = zl_json_i64(told->tree, 0, "status", "readyReplicas", NULL);
    if (runs_elsewhere(facts)) {
        return ZL_HEALTH_ABSENT;
    }
    if (told->status == ZL_E_NOT_FOUND) {
        zl_check_say(out, "there is no Deployment %s/%s", facts->installed_in, name);
        return ZL_HEALTH_FAILED;
    }
    if (!told->asked || told->status != ZL_OK) {
        return zl_check_unknown(told, out);
    }
    if (ready >= wanted && wanted > 0) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "%" PRId64 " of %" PRId64 " are", ready, wanted);
    return ready == 0 ? ZL_HEALTH_FAILED : ZL_HEALTH_WARNED;
}

enum zl_health zl_check_webhook_ready(const struct zl_doctor_facts *facts,
                                      struct zl_findings_of_check *out)
{
    return judge_replicas(facts, ZL_ASKED_WEBHOOK_DEPLOYMENT, "zen-lead-webhook", out);
}

enum zl_health zl_check_controller_ready(const struct zl_doctor_facts *facts,
                                         struct zl_findings_of_check *out)
{
    return judge_replicas(facts, ZL_ASKED_CONTROLLER_DEPLOYMENT, "zen-lead-controller", out);
}

/* --- options --- */

enum zl_health zl_check_failure_policy(const struct zl_doctor_facts *facts,
                                       struct zl_findings_of_check *out)
{
    const struct cJSON *entry = zl_doctor_pods_entry(facts);
    const struct cJSON *container = container_of(facts, ZL_ASKED_WEBHOOK_DEPLOYMENT);
    const char *policy = zl_json_text(entry, "failurePolicy", NULL);
    if (entry == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    const char *answer = option_of(container, "--on-api-error", "ZEN_LEAD_ON_API_ERROR");
    const bool allows = zl_same_string(answer, "allow");
    const bool ignores = zl_same_string(policy, "Ignore");
    if (container == NULL ? !ignores : allows == ignores) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "failurePolicy %s, --on-api-error=%s", ignores ? "Ignore" : "Fail",
                 container == NULL ? "(not known)"
                 : allows          ? "allow"
                                   : "deny");
    return ZL_HEALTH_WARNED;
}

enum zl_health zl_check_claim_timeouts(const struct zl_doctor_facts *facts,
                                       struct zl_findings_of_check *out)
{
    static const char option[] = "--claim-timeout-seconds";
    static const char variable[] = "ZEN_LEAD_CLAIM_TIMEOUT_SECONDS";
    static const char fallback[] = "5";
    const struct cJSON *webhook = container_of(facts, ZL_ASKED_WEBHOOK_DEPLOYMENT);
    const struct cJSON *controller = container_of(facts, ZL_ASKED_CONTROLLER_DEPLOYMENT);
    if (webhook == NULL || controller == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    const char *left = option_of(webhook, option, variable);
    const char *right = option_of(controller, option, variable);
    left = left != NULL ? left : fallback;
    right = right != NULL ? right : fallback;
    if (strcmp(left, right) == 0) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "webhook %s s, controller %s s", left, right);
    return ZL_HEALTH_FAILED;
}

enum zl_health zl_check_skew(const struct zl_doctor_facts *facts, struct zl_findings_of_check *out)
{
    ZL_AUTO_FREE char *webhook = tag_of(container_of(facts, ZL_ASKED_WEBHOOK_DEPLOYMENT));
    ZL_AUTO_FREE char *controller = tag_of(container_of(facts, ZL_ASKED_CONTROLLER_DEPLOYMENT));
    if (webhook == NULL || controller == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    if (strcmp(webhook, controller) == 0 && strcmp(webhook, facts->version) == 0) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "webhook %s, controller %s, this program %s", webhook, controller,
                 facts->version);
    return ZL_HEALTH_WARNED;
}

/* --- the controllers' own election --- */

enum zl_health zl_check_controller_lease(const struct zl_doctor_facts *facts,
                                         struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_CONTROLLER_LEASE];
    const struct cJSON *lease = zl_told_tree(facts, ZL_ASKED_CONTROLLER_LEASE);
    const char *holder = zl_json_text(lease, "spec", "holderIdentity", NULL);
    const int64_t duration_s = zl_json_i64(lease, 15, "spec", "leaseDurationSeconds", NULL);
    int64_t renewed_us = 0;
    if (told->status == ZL_E_NOT_FOUND) {
        zl_check_say(out, "no controller has ever led in %s", facts->installed_in);
        return ZL_HEALTH_FAILED;
    }
    if (lease == NULL) {
        return zl_check_unknown(told, out);
    }
    if (holder == NULL || holder[0] == '\0') {
        zl_check_say(out, "none leads: the last one gave its Lease back");
        return ZL_HEALTH_FAILED;
    }
    (void)zl_time_parse(zl_json_text(lease, "spec", "renewTime", NULL), &renewed_us);
    const int64_t age_us = facts->now_us + zl_doctor_skew_us(facts) - renewed_us;
    if (age_us <= duration_s * 1000000 + LEASE_SLACK_US) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "%s renewed it %" PRId64 " s ago: failovers wait", holder, age_us / 1000000);
    return ZL_HEALTH_FAILED;
}
