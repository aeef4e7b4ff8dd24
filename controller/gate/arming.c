/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/arming.h"

#include "common/base/backoff.h"
#include "common/base/larger.h"
#include "common/base/memory.h"
#include "common/kube/reasons.h"
#include "controller/gate/webhook_entry.h"

#include <string.h>

enum {
    PROBE_PERIOD_MS = 60000,
    PROBE_SPACING_MS = 100,
    IDLE_LOOK_MS = 1000,
    RETRY_FIRST_MS = 50,
    RETRY_MAX_MS = 5000,
    SETTLING_MS = 5000, /* the API server's own cache needs milliseconds; a busy one's, longer */
};

/* A sibling of our entry counts: a LeaderPolicy is shown to both, and one process answers for both. */
#define CALL_FAILED "failed calling webhook \""
#define ENTRY_SUFFIX ".zen-lead.kube-zen.io\""

static bool is_refusal_of_ours(const struct zl_error *err, const char *nonce)
{
    return err->http_status == 403 && strstr(err->message, "\"" ZL_WEBHOOK_ENTRY "\"") != NULL &&
           strstr(err->message, nonce) != NULL;
}

static bool is_failed_call_of_ours(const struct zl_error *err)
{
    const char *call = strstr(err->message, CALL_FAILED);
    if (call == NULL) {
        return false;
    }
    const char *name = call + strlen(CALL_FAILED);
    size_t length = strcspn(name, "\"") + 1;
    size_t suffix = strlen(ENTRY_SUFFIX);
    return length > suffix && strncmp(name + length - suffix, ENTRY_SUFFIX, suffix) == 0;
}

enum zl_probe zl_probe_judge(enum zl_status status, const struct zl_error *err, const char *nonce)
{
    if (status == ZL_OK) {
        return ZL_PROBE_PASSED;
    }
    if (strcmp(err->reason, ZL_REASON_NAMESPACE_TERMINATING) == 0 || status == ZL_E_NOT_FOUND) {
        return ZL_PROBE_TERMINATING; /* or gone already */
    }
    if (is_refusal_of_ours(err, nonce)) {
        return ZL_PROBE_REFUSED;
    }
    return is_failed_call_of_ours(err) ? ZL_PROBE_UNREACHABLE : ZL_PROBE_FAILED;
}

const char *zl_probe_name(enum zl_probe probe)
{
    static const char *const names[ZL_PROBE_COUNT] = {
        [ZL_PROBE_NONE] = "none",
        [ZL_PROBE_REFUSED] = "refused",
        [ZL_PROBE_PASSED] = "passed",
        [ZL_PROBE_UNREACHABLE] = "unreachable",
        [ZL_PROBE_TERMINATING] = "terminating",
        [ZL_PROBE_FAILED] = "failed",
    };
    return names[probe];
}

bool zl_arming_needs_probe(const struct zl_arming_facts *facts)
{
    return !facts->excluded && facts->read && facts->entry && facts->selected;
}

static enum zl_arming judge_probe(const struct zl_arming_facts *facts)
{
    bool benefit_of_doubt = facts->was_armed && facts->attempts <= 1;
    switch (facts->probe) {
    case ZL_PROBE_REFUSED:
        return ZL_ARMING_ARMED;
    case ZL_PROBE_PASSED:
        if (!facts->labelled) {
            return ZL_ARMING_NAMESPACE_NOT_LABELLED;
        }
        return facts->failing_ms < SETTLING_MS ? ZL_ARMING_PROBING : ZL_ARMING_NOT_INTERCEPTED;
    case ZL_PROBE_UNREACHABLE:
        return benefit_of_doubt ? ZL_ARMING_ARMED : ZL_ARMING_WEBHOOK_UNREACHABLE;
    case ZL_PROBE_FAILED:
        return benefit_of_doubt ? ZL_ARMING_ARMED : ZL_ARMING_PROBE_FAILED;
    case ZL_PROBE_NONE:
    case ZL_PROBE_TERMINATING:
    case ZL_PROBE_COUNT:
        break;
    }
    return ZL_ARMING_PROBING;
}

enum zl_arming zl_arming_judge(const struct zl_arming_facts *facts)
{
    if (facts->excluded) {
        return ZL_ARMING_EXCLUDED_NAMESPACE;
    }
    if (facts->read && !facts->entry) {
        return ZL_ARMING_CONFIGURATION_MISSING;
    }
    if (facts->read && !facts->selected && facts->contested) {
        return ZL_ARMING_CONTESTED;
    }
    return zl_arming_needs_probe(facts) ? judge_probe(facts) : ZL_ARMING_PROBING;
}

const char *zl_arming_reason(enum zl_arming arming)
{
    static const char *const reasons[ZL_ARMING_COUNT] = {
        [ZL_ARMING_PROBING] = "Probing",
        [ZL_ARMING_ARMED] = "Armed",
        [ZL_ARMING_EXCLUDED_NAMESPACE] = "ExcludedNamespace",
        [ZL_ARMING_CONFIGURATION_MISSING] = "ConfigurationMissing",
        [ZL_ARMING_CONTESTED] = "Contested",
        [ZL_ARMING_NAMESPACE_NOT_LABELLED] = "NamespaceNotLabelled",
        [ZL_ARMING_WEBHOOK_UNREACHABLE] = "WebhookUnreachable",
        [ZL_ARMING_NOT_INTERCEPTED] = "NotIntercepted",
        [ZL_ARMING_PROBE_FAILED] = "ProbeFailed",
    };
    return reasons[arming];
}

/* What stands for itself; NULL: the message has something to fill in. */
static const char *constant_message(enum zl_arming arming)
{
    switch (arming) {
    case ZL_ARMING_ARMED:
        return "the API server asks the webhook about the pods of this namespace";
    case ZL_ARMING_EXCLUDED_NAMESPACE:
        return "the pods of kube-system and of zen-lead's own namespace are never "
               "gatekept: use another namespace, or followerMode standby";
    case ZL_ARMING_CONFIGURATION_MISSING:
        return "ValidatingWebhookConfiguration " ZL_PODS_CONFIGURATION
               " with entry " ZL_WEBHOOK_ENTRY
               " does not exist, so every pod is let in: apply manifests/; the entry is filled in "
               "when " ZL_SHIPPED_CONFIGURATION " has a caBundle";
    case ZL_ARMING_WEBHOOK_UNREACHABLE:
        return "the API server cannot reach the webhook: look at the pods of "
               "zen-lead-webhook, at its Service and at caBundle";
    case ZL_ARMING_PROBING:
        return "the API server does not ask the webhook about this namespace yet";
    case ZL_ARMING_CONTESTED:
    case ZL_ARMING_NAMESPACE_NOT_LABELLED:
    case ZL_ARMING_NOT_INTERCEPTED:
    case ZL_ARMING_PROBE_FAILED:
    case ZL_ARMING_COUNT:
        break;
    }
    return NULL;
}

char *zl_arming_message(enum zl_arming arming, const char *namespace_, const char *detail)
{
    const char *constant = constant_message(arming);
    if (constant != NULL) {
        return zl_strdup(constant);
    }
    switch (arming) {
    case ZL_ARMING_CONTESTED:
        return zl_asprintf("%s keeps changing " ZL_PODS_CONFIGURATION
                           ", so it is repaired less and less often: make it leave that alone",
                           detail);
    case ZL_ARMING_NAMESPACE_NOT_LABELLED:
        return zl_asprintf("the namespace lacks its label (Kubernetes sets it since 1.21): kubectl "
                           "label namespace %s " ZL_KEY_NAMESPACE_NAME "=%s",
                           namespace_, namespace_);
    case ZL_ARMING_NOT_INTERCEPTED:
        return zl_asprintf(
            "the API server lets the probe through without asking the webhook: look at "
            "rules, objectSelector and failurePolicy of entry " ZL_WEBHOOK_ENTRY "%s%s",
            detail[0] != '\0' ? ", and at what others added to its namespaceSelector: " : "",
            detail);
    case ZL_ARMING_PROBE_FAILED:
        return zl_asprintf(
            "the probe (a dry run of creating a LeaderPolicy) was refused by somebody "
            "else or failed%s%s",
            detail[0] != '\0' ? ": " : "", detail);
    case ZL_ARMING_PROBING:
    case ZL_ARMING_ARMED:
    case ZL_ARMING_EXCLUDED_NAMESPACE:
    case ZL_ARMING_CONFIGURATION_MISSING:
    case ZL_ARMING_WEBHOOK_UNREACHABLE:
    case ZL_ARMING_COUNT:
        break;
    }
    return zl_strdup("");
}

int64_t zl_arming_look_again_ms(enum zl_arming arming, int attempts, size_t namespaces,
                                int64_t unchanged_ms)
{
    int64_t spaced_ms = (int64_t)namespaces * PROBE_SPACING_MS;
    switch (arming) {
    case ZL_ARMING_EXCLUDED_NAMESPACE:
    case ZL_ARMING_CONFIGURATION_MISSING:
        return 0;
    case ZL_ARMING_ARMED:
        if (attempts > 0) {
            return IDLE_LOOK_MS; /* in doubt */
        }
        return zl_larger(spaced_ms, unchanged_ms < SETTLING_MS ? SETTLING_MS : PROBE_PERIOD_MS);
    case ZL_ARMING_CONTESTED:
    case ZL_ARMING_NAMESPACE_NOT_LABELLED:
    case ZL_ARMING_WEBHOOK_UNREACHABLE:
    case ZL_ARMING_NOT_INTERCEPTED:
    case ZL_ARMING_PROBE_FAILED:
        return zl_larger(spaced_ms, RETRY_MAX_MS);
    case ZL_ARMING_PROBING:
    case ZL_ARMING_COUNT:
        break;
    }
    if (attempts <= 0) {
        return IDLE_LOOK_MS; /* waits for the selector */
    }
    return zl_backoff_ms(attempts - 1, RETRY_FIRST_MS, RETRY_MAX_MS);
}
