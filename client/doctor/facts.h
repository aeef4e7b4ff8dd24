/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what doctor asked and was told: the checks judge it, and nothing else.
 *
 * Threads: plain data.
 */
#ifndef ZL_CLIENT_DOCTOR_FACTS_H
#define ZL_CLIENT_DOCTOR_FACTS_H

#include "common/base/json.h"
#include "common/kinds/kind.h"

enum zl_question {
    ZL_ASKED_VERSION,      /* /version */
    ZL_ASKED_GROUPS,       /* /apis */
    ZL_ASKED_KINDS,        /* what LeaderPolicies' group serves */
    ZL_ASKED_CRD,          /* their CustomResourceDefinition */
    ZL_ASKED_TIME,         /* a Lease, made as a dry run: the server's clock stands in it */
    ZL_ASKED_WEBHOOKS,     /* ValidatingWebhookConfiguration zen-lead */
    ZL_ASKED_PODS_WEBHOOK, /* zen-lead-pods, which newer versions have besides */
    ZL_ASKED_SERVICE,
    ZL_ASKED_SLICES, /* of that Service: a list */
    ZL_ASKED_WEBHOOK_DEPLOYMENT,
    ZL_ASKED_CONTROLLER_DEPLOYMENT,
    ZL_ASKED_SECRET, /* the serving certificate */
    ZL_ASKED_CONTROLLER_LEASE,
    ZL_ASKED_FLEET_SECRET, /* zen-lead-fleet: this cluster's kubeconfig for the hub, and its name */
    ZL_ASKED_ARBITER,      /* on the hub, with that: the arbiters' election */
    ZL_ASKED_REVIEW,       /* a LeaderPolicy, made as a dry run: the webhook has to answer */
    ZL_ASKED_POLICIES,     /* lists, from here on */
    ZL_ASKED_FLEETS,       /* LeaderPolicies of leadership.kube-zen.io */
    ZL_ASKED_LEASES,
    ZL_ASKED_WORKLOADS, /* one for each Kind that may join a pool, those that have our label */
    ZL_QUESTIONS = ZL_ASKED_WORKLOADS + ZL_KIND_COUNT,
};

struct zl_told {
    bool asked;            /* else there was no need, or no time */
    enum zl_status status; /* ZL_OK: TREE is there */
    struct cJSON *tree;    /* the object; of a list, an array of objects */
    char message[512];     /* of a failure, the server's sentence */
    int64_t took_ms;
};

/* May this cluster write that Lease on the hub? */
struct zl_hub_right {
    char *lease;           /* owned */
    bool wanted;           /* it ought to */
    enum zl_status status; /* ZL_OK: ALLOWED is known */
    bool asked, allowed;
};
#define ZL_HUB_RIGHTS_MAX 4

/* May ACCOUNT (of the system namespace) do that in all namespaces? */
struct zl_right {
    const char *account, *verb, *group, *resource;
    enum zl_status status; /* ZL_OK: ALLOWED is known */
    bool asked, allowed;
};
#define ZL_RIGHTS_MAX 16

struct zl_doctor_facts {
    const char *version;      /* of this program */
    const char *installed_in; /* the namespace of zen-lead's programs */
    int64_t now_us;           /* of this machine's clock, as ZL_ASKED_TIME was asked */
    struct zl_told told[ZL_QUESTIONS];
    struct zl_right rights[ZL_RIGHTS_MAX];
    size_t right_count;
    struct zl_hub_right hub_rights[ZL_HUB_RIGHTS_MAX];
    size_t hub_right_count;
    char hub_problem[256]; /* the credential cannot be used: why; "": it can, or there is none */
    int64_t
        hub_credential_s; /* when it ends, seconds since 1970; 0: it does not, or that is not known */
};

#endif
