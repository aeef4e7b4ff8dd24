/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/certificate.h"
#include "client/doctor/gather_internal.h"

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/fleet/fleet.h"
#include "common/kube/config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECRET "zen-lead-fleet"

static const struct zl_kube_resource REVIEWS = {
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", true};

/* What FIELD of the Secret decodes to; NULL: it is not there. The caller frees. */
static char *secret_text(const struct zl_doctor_facts *facts, const char *field)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_FLEET_SECRET];
    const char *encoded =
        told->status == ZL_OK ? zl_json_text(told->tree, "data", field, NULL) : NULL;
    char *text = NULL;
    size_t length = 0;
    if (encoded == NULL || zl_base64_decode(encoded, &text, &length, NULL) != ZL_OK) {
        return NULL;
    }
    return text;
}

/* A kubeconfig is loaded from a file: this one is in memory alone. */
static enum zl_status load(const char *text, struct zl_kube_config *out, struct zl_error *err)
{
    const int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
    const size_t length = strlen(text);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return zl_error_set(err, ZL_E_TRANSIENT, "no room for a kubeconfig");
    }
    ZL_AUTO_FREE char *path = zl_asprintf("/proc/self/fd/%d", fd);
    const enum zl_status status = zl_kube_config_load(path, NULL, out, err);
    (void)close(fd);
    return status;
}

/* "exp" of a JSON Web Token: of its second part, in base64 for addresses. 0: it says none, or is none. */
static int64_t token_end_s(const char *token)
{
    const char *dot = strchr(token, '.');
    if (dot == NULL) {
        return 0;
    }
    const size_t length = strcspn(dot + 1, ".");
    char *part = zl_alloc(length + 4);
    memcpy(part, dot + 1, length);
    for (size_t i = 0; i < length; i++) {
        part[i] = (char)(part[i] == '-' ? '+' : part[i] == '_' ? '/' : part[i]);
    }
    (void)memset(part + length, '=', (4 - length % 4) % 4);
    ZL_AUTO_JSON struct cJSON *claims = NULL;
    ZL_AUTO_FREE char *text = NULL;
    size_t decoded = 0;
    int64_t end_s = 0;
    if (zl_base64_decode(part, &text, &decoded, NULL) == ZL_OK &&
        zl_json_parse(text, decoded, &claims, NULL) == ZL_OK) {
        end_s = zl_json_i64(claims, 0, "exp", NULL);
    }
    free(part);
    return end_s;
}

static int64_t credential_end_s(const struct zl_kube_config *config)
{
    int64_t end_s = 0;
    if (config->client_cert_pem != NULL && zl_certificate_end(config->client_cert_pem, &end_s)) {
        return end_s;
    }
    return config->token != NULL ? token_end_s(config->token) : 0;
}

static void ask_right(const struct zl_gathering *gathering, struct zl_kube_client *hub,
                      char *taken_lease, bool wanted)
{
    struct zl_doctor_facts *facts = gathering->facts;
    struct zl_hub_right *right = &facts->hub_rights[facts->hub_right_count++];
    struct zl_error err = {0};
    *right = (struct zl_hub_right){.lease = taken_lease, .wanted = wanted};
    right->asked = zl_clock_ms() < gathering->deadline_ms;
    if (!right->asked) {
        return;
    }
    ZL_AUTO_JSON struct cJSON *review = zl_json_object(), *answer = NULL;
    zl_json_set_text(review, "apiVersion", "authorization.k8s.io/v1");
    zl_json_set_text(review, "kind", REVIEWS.kind);
    struct cJSON *what = zl_json_child(zl_json_child(review, "spec"), "resourceAttributes");
    zl_json_set_text(what, "namespace", gathering->spec->hub_namespace);
    zl_json_set_text(what, "verb", "update");
    zl_json_set_text(what, "group", "coordination.k8s.io");
    zl_json_set_text(what, "resource", "leases");
    zl_json_set_text(what, "name", right->lease);
    const struct zl_kube_target target = {.resource = &REVIEWS,
                                          .deadline_ms = gathering->deadline_ms};
    right->status = zl_kube_create(hub, &target, review, &answer, &err);
    right->allowed = zl_json_bool(answer, false, "status", "allowed", NULL);
    if (right->status != ZL_OK) {
        (void)snprintf(facts->hub_problem, sizeof facts->hub_problem, "%.250s", err.message);
    }
}

/* Its own Lease, and what a thief would like to write: its turn, the ledger, another cluster's. */
static void ask_rights(const struct zl_gathering *gathering, struct zl_kube_client *hub,
                       const char *cluster, const char *fleet)
{
    ask_right(gathering, hub, zl_asprintf(ZL_FLEET_MEMBER_PREFIX "%s", cluster), true);
    if (gathering->facts->hub_rights[0].status != ZL_OK) {
        return; /* the hub says the same of the rest */
    }
    ask_right(gathering, hub, zl_asprintf(ZL_FLEET_TURN_PREFIX "%s", cluster), false);
    ask_right(gathering, hub, zl_asprintf(ZL_FLEET_LEDGER_PREFIX "%s", fleet), false);
    ask_right(gathering, hub, zl_asprintf(ZL_FLEET_MEMBER_PREFIX "not-%s", cluster), false);
}

static void ask_hub(const struct zl_gathering *gathering, const char *kubeconfig,
                    const char *cluster, const char *fleet)
{
    struct zl_kube_config config = {0};
    struct zl_kube_client *hub = NULL;
    struct zl_error err = {0};
    enum zl_status status = load(kubeconfig, &config, &err);
    if (status == ZL_OK) {
        gathering->facts->hub_credential_s = credential_end_s(&config);
        status = zl_kube_client_new(&config, "zen-lead/" ZL_VERSION, &hub, &err);
    }
    if (status == ZL_OK) {
        ask_rights(gathering, hub, cluster, fleet);
        if (gathering->facts->hub_rights[0].status == ZL_OK) {
            zl_gather_object(gathering, hub, ZL_ASKED_ARBITER, &ZL_KUBE_LEASES,
                             gathering->spec->hub_namespace, ZL_FLEET_ARBITER_LEASE);
        }
    } else {
        (void)snprintf(gathering->facts->hub_problem, sizeof gathering->facts->hub_problem,
                       "%.250s", err.message);
    }
    zl_kube_client_free(hub);
    zl_kube_config_clear(&config);
}

void zl_gather_fleets(const struct zl_gathering *gathering)
{
    struct zl_doctor_facts *facts = gathering->facts;
    zl_gather_list(gathering, ZL_ASKED_FLEETS, &ZL_KUBE_FLEETPOLICIES, gathering->spec->namespace_,
                   NULL);
    const struct cJSON *first = facts->told[ZL_ASKED_FLEETS].status == ZL_OK
                                    ? zl_json_first(facts->told[ZL_ASKED_FLEETS].tree)
                                    : NULL;
    const char *fleet = zl_json_text(first, "spec", "pool", NULL);
    if (fleet == NULL) {
        return; /* no part in a fleet */
    }
    zl_gather_object(gathering, gathering->client, ZL_ASKED_FLEET_SECRET, &ZL_KUBE_SECRETS,
                     gathering->spec->installed_in, SECRET);
    ZL_AUTO_FREE char *kubeconfig = secret_text(facts, "kubeconfig");
    ZL_AUTO_FREE char *cluster = secret_text(facts, "cluster");
    if (kubeconfig != NULL && cluster != NULL) {
        ask_hub(gathering, kubeconfig, cluster, fleet);
    } else if (facts->told[ZL_ASKED_FLEET_SECRET].status == ZL_OK) {
        (void)snprintf(facts->hub_problem, sizeof facts->hub_problem,
                       "Secret " SECRET " lacks kubeconfig or cluster");
    }
}
