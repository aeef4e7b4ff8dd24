/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks_webhook.c - does the API server reach the webhook, where it should and nowhere else?
 */
#include "client/doctor/certificate.h"
#include "client/doctor/checks.h"
#include "common/base/parse.h"
#include "common/objects/review_path.h"

#include <inttypes.h>

#define PODS_ENTRY "pods.zen-lead.kube-zen.io"
#define POLICIES_ENTRY "policies.zen-lead.kube-zen.io"
#define SLOW_MS 1000
#define WEEK_S INT64_C(604800)
#define DAY_S INT64_C(86400)

static const struct cJSON *find_entry(const struct cJSON *configuration, const char *name)
{
    const struct cJSON *entry = zl_json_first(zl_json_at(configuration, "webhooks", NULL));
    while (entry != NULL && !zl_same_string(zl_json_text(entry, "name", NULL), name)) {
        entry = zl_json_next(entry);
    }
    return entry;
}

const struct cJSON *zl_doctor_pods_entry(const struct zl_doctor_facts *facts)
{
    const struct cJSON *entry = find_entry(zl_told_tree(facts, ZL_ASKED_PODS_WEBHOOK), PODS_ENTRY);
    return entry != NULL ? entry : find_entry(zl_told_tree(facts, ZL_ASKED_WEBHOOKS), PODS_ENTRY);
}

/* An entry through which the webhook is asked: the gatekeeper's, else that for LeaderPolicies. */
static const struct cJSON *any_entry(const struct zl_doctor_facts *facts)
{
    const struct cJSON *entry = zl_doctor_pods_entry(facts);
    return entry != NULL ? entry
                         : find_entry(zl_told_tree(facts, ZL_ASKED_WEBHOOKS), POLICIES_ENTRY);
}

enum zl_health zl_check_configuration(const struct zl_doctor_facts *facts,
                                      struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_WEBHOOKS];
    if (told->status != ZL_OK && told->status != ZL_E_NOT_FOUND) {
        return zl_check_unknown(told, out);
    }
    if (facts->told[ZL_ASKED_KINDS].status == ZL_E_NOT_FOUND) {
        return ZL_HEALTH_ABSENT;
    }
    if (zl_doctor_pods_entry(facts) != NULL) {
        return ZL_HEALTH_GOOD;
    }
    /* A configuration that the controller fills stays empty until there is a LeaderPolicy. */
    if (zl_told_tree(facts, ZL_ASKED_PODS_WEBHOOK) != NULL &&
        zl_json_count(facts->told[ZL_ASKED_POLICIES].tree) == 0) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "no ValidatingWebhookConfiguration has the entry " PODS_ENTRY
                      ": nothing is gatekept");
    return ZL_HEALTH_FAILED;
}

/* Is the webhook named by URL, outside of the cluster's own network? Then no Service leads to it. */
static bool is_by_url(const struct zl_doctor_facts *facts)
{
    return zl_json_text(any_entry(facts), "clientConfig", "url", NULL) != NULL;
}

enum zl_health zl_check_endpoints(const struct zl_doctor_facts *facts,
                                  struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_SLICES];
    if (any_entry(facts) == NULL || is_by_url(facts)) {
        return ZL_HEALTH_ABSENT;
    }
    if (facts->told[ZL_ASKED_SERVICE].status == ZL_E_NOT_FOUND) {
        zl_check_say(out, "there is no Service %s/zen-lead-webhook", facts->installed_in);
        return ZL_HEALTH_FAILED;
    }
    if (!told->asked || told->status != ZL_OK) {
        return zl_check_unknown(told, out);
    }
    const struct cJSON *slice = zl_json_first(told->tree);
    for (; slice != NULL; slice = zl_json_next(slice)) {
        const struct cJSON *endpoint = zl_json_first(zl_json_at(slice, "endpoints", NULL));
        for (; endpoint != NULL; endpoint = zl_json_next(endpoint)) {
            if (zl_json_bool(endpoint, true, "conditions", "ready", NULL)) {
                return ZL_HEALTH_GOOD;
            }
        }
    }
    zl_check_say(out, "Service %s/zen-lead-webhook has no Ready endpoint", facts->installed_in);
    return ZL_HEALTH_FAILED;
}

enum zl_health zl_check_review(const struct zl_doctor_facts *facts,
                               struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_REVIEW];
    if (!told->asked) {
        return zl_told_tree(facts, ZL_ASKED_KINDS) == NULL ? ZL_HEALTH_ABSENT
                                                           : zl_check_unknown(told, out);
    }
    if (strstr(told->message, "failed calling webhook") != NULL) {
        zl_check_say(out, "%s", told->message);
        return ZL_HEALTH_FAILED;
    }
    /* A refusal by the webhook is an answer; one by RBAC says nothing. */
    const bool refused = strstr(told->message, "denied the request") != NULL;
    if (told->status != ZL_OK && !refused) {
        return zl_check_unknown(told, out);
    }
    if (told->took_ms <= SLOW_MS) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "it took %" PRId64 " ms", told->took_ms);
    return ZL_HEALTH_WARNED;
}

/* --- certificates --- */

/* NAME's text, base64 decoded; NULL: there is none. The caller frees. */
static char *decoded(const char *text)
{
    char *bytes = NULL;
    size_t length = 0;
    if (text == NULL || text[0] == '\0' || zl_base64_decode(text, &bytes, &length, NULL) != ZL_OK) {
        return NULL;
    }
    return bytes;
}

static char *ca_bundle(const struct zl_doctor_facts *facts)
{
    return decoded(zl_json_text(any_entry(facts), "clientConfig", "caBundle", NULL));
}

static char *serving_certificate(const struct zl_doctor_facts *facts)
{
    return decoded(zl_json_text(zl_told_tree(facts, ZL_ASKED_SECRET), "data", "tls.crt", NULL));
}

enum zl_health zl_check_ca_bundle(const struct zl_doctor_facts *facts,
                                  struct zl_findings_of_check *out)
{
    ZL_AUTO_FREE char *ca = ca_bundle(facts);
    ZL_AUTO_FREE char *certificate = serving_certificate(facts);
    struct zl_error err = {0};
    if (any_entry(facts) == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    if (ca == NULL) {
        zl_check_say(out, "caBundle is empty: nobody has filled it");
        return ZL_HEALTH_FAILED;
    }
    if (certificate == NULL) {
        return is_by_url(facts) ? ZL_HEALTH_ABSENT
                                : zl_check_unknown(&facts->told[ZL_ASKED_SECRET], out);
    }
    if (zl_certificate_verify(ca, certificate, &err) == ZL_OK) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "%s", err.message);
    return ZL_HEALTH_FAILED;
}

/* Says when PEM ends, if that is soon. */
static enum zl_health judge_end(const struct zl_doctor_facts *facts, const char *what,
                                const char *pem, struct zl_findings_of_check *out)
{
    const int64_t now_s = (facts->now_us + zl_doctor_skew_us(facts)) / 1000000;
    int64_t end_s = 0;
    if (pem == NULL || !zl_certificate_end(pem, &end_s) || end_s - now_s > WEEK_S) {
        return ZL_HEALTH_GOOD;
    }
    if (end_s <= now_s) {
        zl_check_say(out, "%s expired %" PRId64 " days ago", what, (now_s - end_s) / DAY_S);
        return ZL_HEALTH_FAILED;
    }
    zl_check_say(out, "%s expires in %" PRId64 " days", what, (end_s - now_s) / DAY_S);
    return ZL_HEALTH_WARNED;
}

enum zl_health zl_check_expiry(const struct zl_doctor_facts *facts,
                               struct zl_findings_of_check *out)
{
    ZL_AUTO_FREE char *ca = ca_bundle(facts);
    ZL_AUTO_FREE char *certificate = serving_certificate(facts);
    if (ca == NULL && certificate == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    const enum zl_health of_ca = judge_end(facts, "the CA in caBundle", ca, out);
    const enum zl_health of_pair = judge_end(facts, "the serving certificate", certificate, out);
    return of_ca > of_pair ? of_ca : of_pair;
}

/* --- what it is asked about --- */

enum zl_health zl_check_blast_radius(const struct zl_doctor_facts *facts,
                                     struct zl_findings_of_check *out)
{
    const struct cJSON *entry = zl_doctor_pods_entry(facts);
    const struct cJSON *expressions =
        zl_json_at(entry, "namespaceSelector", "matchExpressions", NULL);
    const struct cJSON *one = zl_json_first(expressions);
    bool named = false;
    if (entry == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    for (; one != NULL; one = zl_json_next(one)) {
        if (!zl_same_string(zl_json_text(one, "key", NULL), "kubernetes.io/metadata.name") ||
            !zl_same_string(zl_json_text(one, "operator", NULL), "In")) {
            continue; /* others only narrow it */
        }
        named = true;
        const struct cJSON *value = zl_json_first(zl_json_at(one, "values", NULL));
        for (; value != NULL; value = zl_json_next(value)) {
            const char *name = zl_json_value_text(value);
            if (zl_same_string(name, "kube-system") || zl_same_string(name, facts->installed_in)) {
                zl_check_say(out, "it is armed for %s: a failure keeps its pods from starting",
                             name);
            }
        }
    }
    if (!named) {
        zl_check_say(out,
                     "it is asked about the pods of all namespaces: a failure jams the cluster");
    }
    return out->count == 0 ? ZL_HEALTH_GOOD : ZL_HEALTH_FAILED;
}

enum zl_health zl_check_secret_path(const struct zl_doctor_facts *facts,
                                    struct zl_findings_of_check *out)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_PODS_WEBHOOK];
    const struct cJSON *entry = find_entry(zl_told_tree(facts, ZL_ASKED_PODS_WEBHOOK), PODS_ENTRY);
    if (told->status != ZL_OK && told->status != ZL_E_NOT_FOUND) {
        return zl_check_unknown(told, out);
    }
    const char *path = zl_json_text(entry, "clientConfig", "service", "path", NULL);
    if (path == NULL) {
        return ZL_HEALTH_ABSENT;
    }
    if (!zl_same_string(path, ZL_REVIEW_PATH_PLAIN)) {
        return ZL_HEALTH_GOOD;
    }
    zl_check_say(out, "it is " ZL_REVIEW_PATH_PLAIN
                      ", which releases before the secret path know: whoever reaches the webhook "
                      "may claim a seat");
    return ZL_HEALTH_WARNED;
}
