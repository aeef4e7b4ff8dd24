/* SPDX-License-Identifier: Apache-2.0 */
#include "client/fleet/clusters.h"

#include "common/base/parse.h"
#include "common/fleet/hub_store.h"

#include <inttypes.h>
#include <string.h>

/* manifests/fleet/hub-member: a unit test compares them. */
static const char MANIFEST[] = "apiVersion: v1\n"
                               "kind: ServiceAccount\n"
                               "metadata:\n"
                               "  name: member.example-cluster\n"
                               "  namespace: zen-fleet\n"
                               "  labels:\n"
                               "    app.kubernetes.io/part-of: zen-lead\n"
                               "---\n"
                               "apiVersion: v1\n"
                               "kind: Secret\n"
                               "type: kubernetes.io/service-account-token\n"
                               "metadata:\n"
                               "  name: member.example-cluster\n"
                               "  namespace: zen-fleet\n"
                               "  labels:\n"
                               "    app.kubernetes.io/part-of: zen-lead\n"
                               "  annotations:\n"
                               "    kubernetes.io/service-account.name: member.example-cluster\n"
                               "---\n"
                               "apiVersion: rbac.authorization.k8s.io/v1\n"
                               "kind: Role\n"
                               "metadata:\n"
                               "  name: member.example-cluster\n"
                               "  namespace: zen-fleet\n"
                               "  labels:\n"
                               "    app.kubernetes.io/part-of: zen-lead\n"
                               "rules:\n"
                               "  - apiGroups: [coordination.k8s.io]\n"
                               "    resources: [leases]\n"
                               "    resourceNames: [member.example-cluster]\n"
                               "    verbs: [get, update, patch, create]\n"
                               "  - apiGroups: [coordination.k8s.io]\n"
                               "    resources: [leases]\n"
                               "    resourceNames: [turn.example-cluster]\n"
                               "    verbs: [get, list, watch]\n"
                               "  - apiGroups: [coordination.k8s.io]\n"
                               "    resources: [leases]\n"
                               "    resourceNames: [zen-fleet-arbiter]\n"
                               "    verbs: [get]\n"
                               "---\n"
                               "apiVersion: rbac.authorization.k8s.io/v1\n"
                               "kind: RoleBinding\n"
                               "metadata:\n"
                               "  name: member.example-cluster\n"
                               "  namespace: zen-fleet\n"
                               "  labels:\n"
                               "    app.kubernetes.io/part-of: zen-lead\n"
                               "roleRef:\n"
                               "  apiGroup: rbac.authorization.k8s.io\n"
                               "  kind: Role\n"
                               "  name: member.example-cluster\n"
                               "subjects:\n"
                               "  - kind: ServiceAccount\n"
                               "    name: member.example-cluster\n"
                               "    namespace: zen-fleet\n";
static const char EXAMPLE[] = "example-cluster",
                  NAMESPACE[] = "namespace: " ZL_FLEET_NAMESPACE "\n";

static enum zl_status check(const char *cluster, struct zl_error *err)
{
    return zl_fleet_name_is_valid(cluster)
               ? ZL_OK
               : zl_error_set(err, ZL_E_INVALID,
                              "%.80s: no name of a cluster; lower-case letters, digits, '-' and "
                              "'.', at most 63 of them",
                              cluster);
}

enum zl_status zl_fleet_add(const char *namespace_, const char *cluster, FILE *out,
                            struct zl_error *err)
{
    enum zl_status status = check(cluster, err);
    for (const char *at = MANIFEST; status == ZL_OK && *at != '\0';) {
        if (strncmp(at, EXAMPLE, strlen(EXAMPLE)) == 0) {
            (void)fputs(cluster, out);
            at += strlen(EXAMPLE);
        } else if (strncmp(at, NAMESPACE, strlen(NAMESPACE)) == 0) {
            (void)fprintf(out, "namespace: %s\n", namespace_);
            at += strlen(NAMESPACE);
        } else {
            (void)fputc(*at++, out);
        }
    }
    return status;
}

/* --- credentials --- */

static enum zl_status read_token(const struct zl_fleet_hub *hub, const char *cluster, char **out,
                                 struct zl_error *err)
{
    size_t length = 0;
    ZL_AUTO_JSON struct cJSON *secret = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_MEMBER_PREFIX, cluster);
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_SECRETS, .namespace_ = hub->namespace_, .name = name};
    enum zl_status status = zl_kube_get(hub->client, &target, &secret, err);
    const char *token = zl_json_text(secret, "data", "token", NULL);
    if (status == ZL_E_NOT_FOUND || (status == ZL_OK && token == NULL)) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "Secret %s in namespace %s has no token: apply what zen-lead fleet add "
                            "%s prints; where the hub makes no such tokens, see docs/fleet.md",
                            name, hub->namespace_, cluster);
    }
    return status == ZL_OK ? zl_base64_decode(token, out, &length, err) : status;
}

static struct cJSON *named(const char *name, const char *what, struct cJSON *taken)
{
    struct cJSON *list = zl_json_array();
    struct cJSON *item = zl_json_object();
    zl_json_set_text(item, "name", name);
    zl_json_set(item, what, taken);
    zl_json_append(list, item);
    return list;
}

static struct cJSON *server_of(const struct zl_kube_config *config)
{
    struct cJSON *server = zl_json_object();
    zl_json_set_text(server, "server", config->server);
    if (config->ca_pem != NULL) {
        ZL_AUTO_FREE char *ca = zl_base64_encode(config->ca_pem, strlen(config->ca_pem));
        zl_json_set_text(server, "certificate-authority-data", ca);
    }
    if (config->tls_server_name != NULL) {
        zl_json_set_text(server, "tls-server-name", config->tls_server_name);
    }
    if (config->insecure) {
        zl_json_set_bool(server, "insecure-skip-tls-verify", true);
    }
    return server;
}

enum zl_status zl_fleet_credentials(const struct zl_fleet_hub *hub, const char *cluster, FILE *out,
                                    struct zl_error *err)
{
    ZL_AUTO_FREE char *token = NULL;
    enum zl_status status = check(cluster, err);
    status = status == ZL_OK ? read_token(hub, cluster, &token, err) : status;
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_JSON struct cJSON *config = zl_json_object();
    struct cJSON *user = zl_json_object(), *context = zl_json_object();
    zl_json_set_text(user, "token", token);
    zl_json_set_text(context, "cluster", "hub");
    zl_json_set_text(context, "user", cluster);
    zl_json_set_text(context, "namespace", hub->namespace_);
    zl_json_set_text(config, "apiVersion", "v1");
    zl_json_set_text(config, "kind", "Config");
    zl_json_set_text(config, "current-context", "hub");
    zl_json_set(config, "clusters", named("hub", "cluster", server_of(hub->config)));
    zl_json_set(config, "users", named(cluster, "user", user));
    zl_json_set(config, "contexts", named("hub", "context", context));
    ZL_AUTO_FREE char *text = zl_json_print(config);
    (void)fprintf(out, "%s\n", text);
    return ZL_OK;
}

/* --- away with it --- */

static enum zl_status refuse_slot(void *ctx, const struct zl_hub_lease *ledger,
                                  struct zl_error *err)
{
    const char *cluster = ctx;
    const struct zl_fleet_entry *entry = zl_fleet_entry_of(ledger->ledger, cluster);
    if (entry == NULL) {
        return ZL_OK;
    }
    int64_t left_ms = entry->limit_ms - entry->elapsed_ms + zl_fleet_grace_ms(entry->limit_ms);
    return zl_error_set(err, ZL_E_NOT_FOUND,
                        "%s has a turn in fleet %s: nothing but the clock proves that it stopped. "
                        "Its slot is free when the turn ends, at the latest in about %" PRId64
                        " s; then remove it again",
                        cluster, ledger->of, left_ms > 0 ? left_ms / 1000 : 0);
}

/* A cluster without its own Lease gets no offer: after that is deleted nothing new begins. */
enum zl_status zl_fleet_remove(const struct zl_fleet_hub *hub, const char *cluster, FILE *out,
                               struct zl_error *err)
{
    char name[ZL_FLEET_NAME_MAX];
    ZL_AUTO_FREE char *own = zl_asprintf("%s%s", ZL_FLEET_MEMBER_PREFIX, cluster);
    ZL_AUTO_FREE char *turn = zl_asprintf("%s%s", ZL_FLEET_TURN_PREFIX, cluster);
    ZL_FLEET_TEXT(name, cluster);
    enum zl_status status = check(cluster, err);
    for (int i = 0; i < 2 && status == ZL_OK; i++) { /* before, and what began meanwhile */
        status = zl_hub_ledgers(hub->client, hub->namespace_, refuse_slot, name, err);
        if (status == ZL_OK && i == 0) {
            status = zl_hub_lease_delete(hub->client, hub->namespace_, own, err);
        }
    }
    if (status == ZL_OK) {
        status = zl_hub_lease_delete(hub->client, hub->namespace_, turn, err);
    }
    if (status == ZL_OK) {
        (void)fprintf(out,
                      "Leases %s and %s are deleted. A cluster that still has its credentials "
                      "comes back: zen-lead fleet add %s | kubectl delete -f -\n",
                      own, turn, cluster);
    }
    return status;
}

/* `turn` first, and the ledger follows by the arbiter, as with every end. */
static enum zl_status write_end(const struct zl_fleet_hub *hub, struct zl_hub_lease *lease,
                                const struct zl_fleet_turn *told, struct zl_error *err)
{
    struct zl_fleet_turn turn = *told;
    turn.state = ZL_FLEET_IDLE;
    turn.ended_token = turn.token;
    turn.outcome = ZL_FLEET_RELEASED;
    zl_fleet_turn_put(&lease->turns, &turn);
    ZL_AUTO_FREE char *text = zl_fleet_turns_encode(&lease->turns);
    return zl_hub_lease_put(hub->client, hub->namespace_, lease->name, lease, text, false, NULL,
                            err);
}

static enum zl_status end_turn(const struct zl_fleet_hub *hub, const char *pool,
                               const char *cluster, const struct zl_fleet_entry *entry,
                               struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_TURN_PREFIX, cluster);
    enum zl_status status = zl_hub_lease_read(hub->client, hub->namespace_, name, &lease, err);
    const struct zl_fleet_turn *told = lease != NULL ? zl_fleet_turn_of(&lease->turns, pool) : NULL;
    if (status == ZL_OK && told != NULL && told->token == entry->token) {
        status = write_end(hub, lease, told, err);
    } else if (status == ZL_OK) {
        status = zl_error_set(err, ZL_E_CONFLICT,
                              "Lease %s does not show turn %" PRId64 " yet: try again", name,
                              entry->token);
    }
    zl_hub_lease_free(lease);
    return status;
}

static enum zl_status find_entry(const struct zl_fleet_hub *hub, const char *pool,
                                 const char *cluster, struct zl_fleet_entry *out,
                                 struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    ZL_AUTO_FREE char *name = zl_asprintf("%s%s", ZL_FLEET_LEDGER_PREFIX, pool);
    enum zl_status status = zl_hub_lease_read(hub->client, hub->namespace_, name, &lease, err);
    const struct zl_fleet_entry *entry =
        lease != NULL ? zl_fleet_entry_of(lease->ledger, cluster) : NULL;
    if (status == ZL_OK && entry == NULL) {
        status = zl_error_set(err, ZL_E_NOT_FOUND, "%s has no turn in fleet %s", cluster, pool);
    } else if (status == ZL_OK) {
        *out = *entry;
    }
    zl_hub_lease_free(lease);
    return status;
}

enum zl_status zl_fleet_release(const struct zl_fleet_hub *hub, const char *pool,
                                const char *cluster, bool force, FILE *out, struct zl_error *err)
{
    struct zl_fleet_entry entry = {0};
    enum zl_status status = check(cluster, err);
    status = status == ZL_OK ? find_entry(hub, pool, cluster, &entry, err) : status;
    if (status == ZL_OK && !force) {
        return zl_error_set(err, ZL_E_INVALID,
                            "%s may still act in turn %" PRId64 " of fleet %s: with --force its "
                            "slot is given away, and more than N may act. Say so only if you have "
                            "seen that it does not",
                            cluster, entry.token, pool);
    }
    status = status == ZL_OK ? end_turn(hub, pool, cluster, &entry, err) : status;
    if (status == ZL_OK) {
        (void)fprintf(out, "Turn %" PRId64 " of %s in fleet %s is over; its slot is given away.\n",
                      entry.token, cluster, pool);
    }
    return status;
}
