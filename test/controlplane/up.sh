#!/usr/bin/env bash
# up.sh DIR [OWNER] - start etcd, kube-apiserver and kube-controller-manager on free loopback ports.
#
# Everything lives in DIR (made when absent):
#   DIR/kubeconfig              administrator
#   DIR/NAME.kubeconfig         webhook, controller, certs: the service accounts of manifests/, with their RBAC;
#                               kubelet: the pod stand-in; scheduler, proxy, node: for test/node
#   DIR/bin/kubectl             the kubectl of this control plane, with its cache in DIR
#   DIR/log/, DIR/pids/         see process.bash
#   DIR/audit.log               with ZL_AUDIT=1: every request of webhook, controller and members of a fleet but watches, a JSON line each
# OWNER is a pid: when that process is gone, however it ended, everything is taken down and DIR removed.
#
# Takes any version from 1.20 on; see build.sh for where the binaries come from.
#
#   ZL_CONTROLLER_MANAGER_OPTIONS   more options for kube-controller-manager, separated by spaces
#   ZL_NODE_ADDRESS                 set by test/node: the API server serves a real node there, and pods find it as the Service
#                                   "kubernetes"; service accounts are what they are in a cluster
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: up.sh DIR [OWNER]" >&2; exit 2; }
mkdir -p "$1"
ZL_RUN=$(cd "$1" && pwd)
owner=${2:-}
# shellcheck source=test/controlplane/process.bash
. "$here/process.bash"

die() {
    echo "control plane: $*" >&2
    exit 1
}

bash "$here/packages.sh" curl openssl
assets=$(bash "$here/build.sh")

trap '[ $? -eq 0 ] || process_stop_all' EXIT
trap 'exit 130' INT TERM

find_kubectl() {
    if [ -x "$assets/kubectl" ]; then
        echo "$assets/kubectl"
    else
        [ -n "$(command -v kubectl)" ] || bash "$here/packages.sh" kubernetes-client
        command -v kubectl
    fi
}

make_keys() {
    cd "$ZL_RUN"
    # Signs service account tokens.
    openssl ecparam -name prime256v1 -genkey -noout -out sa.key
    openssl ec -in sa.key -pubout -out sa.pub
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj "/CN=control plane under test" -days 2 -out ca.crt
    openssl ecparam -name prime256v1 -genkey -noout -out apiserver.key
    openssl req -new -key apiserver.key -subj "/CN=kube-apiserver" -out apiserver.csr
    printf 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc%s\n' \
        "${ZL_NODE_ADDRESS:+,IP:$ZL_NODE_ADDRESS}" >apiserver.ext
    openssl x509 -req -in apiserver.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
        -extfile apiserver.ext -out apiserver.crt
    [ -z "${ZL_NODE_ADDRESS:-}" ] || make_node_keys
}

# Between API server and kubelet there are no tokens: one key pair for each direction.
make_node_keys() {
    local name
    printf 'subjectAltName=DNS:%s,IP:%s\nextendedKeyUsage=serverAuth\n' "$node" "$ZL_NODE_ADDRESS" >kubelet-serving.ext
    printf 'extendedKeyUsage=clientAuth\n' >kubelet-client.ext
    for name in kubelet-serving kubelet-client; do
        openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
        openssl req -new -key "$name.key" -subj "/O=system:masters/CN=$name" -out "$name.csr"
        openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile "$name.ext" -out "$name.crt"
    done
}

new_token() { openssl rand -hex 16; }

# Who is who. The programs authenticate as their service accounts, so that RBAC is really tested.
make_users() {
    local user name groups token
    : >"$ZL_RUN/tokens.csv"
    while IFS='|' read -r name user groups; do
        token=$(new_token)
        echo "$token,$user,$name,\"$groups\"" >>"$ZL_RUN/tokens.csv"
        echo "$token" >"$ZL_RUN/$name.token"
    done <<USERS
admin|admin|system:masters
controller-manager|system:kube-controller-manager|
kubelet|stand-in-kubelet|system:masters
webhook|system:serviceaccount:zen-lead-system:zen-lead-webhook|system:serviceaccounts,system:serviceaccounts:zen-lead-system
controller|system:serviceaccount:zen-lead-system:zen-lead-controller|system:serviceaccounts,system:serviceaccounts:zen-lead-system
certs|system:serviceaccount:zen-lead-system:zen-lead-certs|system:serviceaccounts,system:serviceaccounts:zen-lead-system
scheduler|system:kube-scheduler|
proxy|system:kube-proxy|
node|system:node:$node|system:nodes
USERS
}

# kubeconfig NAME FILE SERVER
kubeconfig() {
    cat >"$2" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: $1, namespace: default}}]
clusters: [{name: test, cluster: {server: "$3", certificate-authority-data: "$(base64 -w 0 "$ZL_RUN/ca.crt")"}}]
users: [{name: $1, user: {token: "$(cat "$ZL_RUN/$1.token")"}}]
KUBECONFIG
}

# What they ask the API server for, as it saw it. A line is written before the request is answered.
write_audit_policy() {
    cat >"$ZL_RUN/audit-policy.yaml" <<POLICY
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: None
  verbs: [watch]
- level: Metadata
  users:
  - system:serviceaccount:zen-lead-system:zen-lead-webhook
  - system:serviceaccount:zen-lead-system:zen-lead-controller
- level: Metadata
  userGroups: [system:serviceaccounts:zen-fleet]
- level: None
POLICY
    audit=(--audit-policy-file "$ZL_RUN/audit-policy.yaml" --audit-log-path "$ZL_RUN/audit.log" --audit-log-mode blocking)
}

start_etcd() {
    local client peer options=()
    client=http://127.0.0.1:$(free_port)
    peer=http://127.0.0.1:$(free_port)
    # Nothing here has to survive a power cut. (3.4 knows the flag too, but does not list it.)
    if "$assets/etcd" --unsafe-no-fsync --version >/dev/null 2>&1; then options+=(--unsafe-no-fsync); fi
    process_start etcd "$assets/etcd" --data-dir "$ZL_RUN/etcd" \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" \
        --quota-backend-bytes $((1 << 30)) "${options[@]}"
    etcd_url=$client
}

start_apiserver() {
    local port
    port=$(free_port)
    # Who sets an owner must be allowed to delete what is owned, as on OpenShift: whatever works here works without it.
    local address=127.0.0.1 place=() plugins=OwnerReferencesPermissionEnforcement
    if [ -n "${ZL_NODE_ADDRESS:-}" ]; then
        address=0.0.0.0
        place=(--advertise-address "$ZL_NODE_ADDRESS" --authorization-mode "Node,RBAC" --enable-admission-plugins "NodeRestriction,$plugins"
            --allow-privileged --kubelet-preferred-address-types InternalIP --kubelet-client-certificate "$ZL_RUN/kubelet-client.crt"
            --kubelet-client-key "$ZL_RUN/kubelet-client.key" --kubelet-certificate-authority "$ZL_RUN/ca.crt")
    else
        place=(--advertise-address 127.0.0.1 --endpoint-reconciler-type none --authorization-mode RBAC
            --disable-admission-plugins ServiceAccount --enable-admission-plugins "$plugins")
    fi
    # kubectl get --watch, the recorder of the tests, ends with its watch: by default after 30 to 60 minutes.
    process_start kube-apiserver "$assets/kube-apiserver" --etcd-servers "$etcd_url" \
        --min-request-timeout 86400 \
        --bind-address "$address" --secure-port "$port" "${place[@]}" \
        --cert-dir "$ZL_RUN" --tls-cert-file "$ZL_RUN/apiserver.crt" --tls-private-key-file "$ZL_RUN/apiserver.key" \
        --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$ZL_RUN/sa.pub" \
        --service-account-signing-key-file "$ZL_RUN/sa.key" \
        --service-cluster-ip-range 10.96.0.0/16,fd00:10:96::/112 "${features[@]}" \
        --token-auth-file "$ZL_RUN/tokens.csv" --profiling=false "${audit[@]}"
    server=https://${ZL_NODE_ADDRESS:-127.0.0.1}:$port
}

start_controller_manager() {
    local options=()
    read -r -a options <<<"${ZL_CONTROLLER_MANAGER_OPTIONS:-}"
    # The plain HTTP port: opened by default up to 1.23, where two would clash; unknown to newer versions.
    [ "$minor" -ge 24 ] || options+=(--port=0)
    process_start kube-controller-manager "$assets/kube-controller-manager" \
        --kubeconfig "$ZL_RUN/controller-manager.kubeconfig" --leader-elect=false \
        --bind-address 127.0.0.1 --secure-port "$(free_port)" --cert-dir "$ZL_RUN" \
        --use-service-account-credentials --service-account-private-key-file "$ZL_RUN/sa.key" \
        --root-ca-file "$ZL_RUN/ca.crt" --profiling=false "${options[@]}" "${features[@]}"
}

# await SECONDS PROGRAM CONDITION... - false at once when PROGRAM dies.
await() {
    local seconds=$1 program=$2
    shift 2
    holds_or_died() { "$@" || process_is_gone "$program"; }
    wait_until "$seconds" holds_or_died "$@" && "$@" >/dev/null 2>&1 && return 0
    log_tail "$program"
    process_is_running "$program" && echo "control plane: $program was not ready within $seconds s" >&2
    return 1
}

etcd_is_healthy() { curl -sf --noproxy '*' -m 2 "$etcd_url/health"; }
apiserver_is_ready() {
    curl -sf --noproxy '*' -m 2 --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" "$server/readyz"
}
# Published by one of the last controllers that start.
controllers_work() { "$ZL_RUN/bin/kubectl" get configmap --namespace default kube-root-ca.crt; }

start_all() {
    start_etcd
    await 60 etcd etcd_is_healthy || return 1
    start_apiserver
    kubeconfig admin "$ZL_RUN/kubeconfig" "$server"
    kubeconfig controller-manager "$ZL_RUN/controller-manager.kubeconfig" "$server"
    for name in webhook controller certs kubelet scheduler proxy node; do kubeconfig "$name" "$ZL_RUN/$name.kubeconfig" "$server"; done
    # Newer versions have more to start, and several control planes may share two processors.
    await 120 kube-apiserver apiserver_is_ready || return 1
    start_controller_manager
    await 120 kube-controller-manager controllers_work
}

umask 077
node="node-1"
version=$("$assets/kube-apiserver" --version)
minor=$(sed -E 's/.*v1\.([0-9]+).*/\1/' <<<"$version")
# Services of both families and ttlSecondsAfterFinished of Jobs are asked for before 1.21; later nobody may ask any more.
features=()
[ "$minor" -ge 21 ] || features=(--feature-gates "IPv6DualStack=true,TTLAfterFinished=true")
audit=()
[ -z "${ZL_AUDIT:-}" ] || write_audit_policy
kubectl=$(find_kubectl)
mkdir -p "$ZL_RUN/bin"
cat >"$ZL_RUN/bin/kubectl" <<KUBECTL
#!/bin/sh
# It lives too short for garbage to be worth its collection: this saves a fifth of its time.
export GOGC=\${GOGC:-400}
KUBECONFIG=\${KUBECONFIG:-$ZL_RUN/kubeconfig} exec "$kubectl" --cache-dir "$ZL_RUN/kubectl-cache" "\$@"
KUBECTL
chmod +x "$ZL_RUN/bin/kubectl"
if ! make_keys >"$ZL_RUN/openssl.log" 2>&1; then
    cat "$ZL_RUN/openssl.log" >&2
    die "could not make the keys"
fi
make_users

# Memory for time: collecting garbage takes these programs, which hold little, a good part of their time.
export GOGC=${GOGC:-300}
# A free port can be taken between the look and the bind: then all of it is tried again.
for attempt in 1 2 3; do
    start_all && break
    process_stop_all
    grep -qsi "address already in use" "$ZL_RUN"/log/*.log || die "did not start"
    [ "$attempt" -lt 3 ] || die "found no free ports in three attempts"
    rm -rf "$ZL_RUN/etcd" "$ZL_RUN/log"
done

if [ -n "$owner" ]; then
    process_start guard bash "$here/guard.sh" "$ZL_RUN" "$owner"
fi
echo "control plane: $version at $server" >&2
