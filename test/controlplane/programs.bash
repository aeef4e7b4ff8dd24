# shellcheck shell=bash
#
# programs.bash - zen-lead's own programs on the control plane of up.sh, for the tests and the demo. To be sourced.
#
#   $ZL_RUN   the run folder of up.sh
#   $ZL_BIN   the folder of the programs (default build/bin; a sanitizer build works as well)
#
# Webhook replicas stand behind haproxy, as they stand behind a Service in a cluster: the API server knows one
# address, and a replica that does not answer its readiness check gets no new connections.

zl_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ZL_BIN=$(realpath -m "${ZL_BIN:-$zl_root/build/bin}")
ZL_CLAIM_TIMEOUT=${ZL_CLAIM_TIMEOUT:-5}
# shellcheck source=test/controlplane/process.bash
. "$zl_root/test/controlplane/process.bash"

check_programs() {
    local name
    for name in zen-lead-webhook zen-lead-controller zen-lead-certs zl-kubelet; do
        [ -x "$ZL_BIN/$name" ] && continue
        echo "$ZL_BIN/$name is missing: run make first, or set ZL_BIN" >&2
        return 1
    done
}

# port_of NAME - the port of that name in this run: chosen at the first call, the same ever after.
port_of() {
    local file=$ZL_RUN/port-$1
    [ -e "$file" ] || free_port >"$file"
    cat "$file"
}

# answers URL - true when a GET is answered with 200.
answers() { curl -sf --noproxy '*' -m 2 -o /dev/null "$1"; }

# ready_or_dead NAME - as a condition for wait_until: it is ready, or waiting longer makes no sense.
ready_or_dead() { answers "http://127.0.0.1:$(port_of "$1-metrics")/readyz" || process_is_gone "$1"; }

await_ready() {
    # Several control planes may share two processors.
    wait_until "${2:-60}" ready_or_dead "$1" && process_is_running "$1" && return 0
    echo "$1 did not become ready" >&2
    log_tail "$1"
    return 1
}

# Of the server: 20 for 1.20.
minor_version() { kubectl version -o json | jq -r '.serverVersion.minor | sub("[^0-9].*"; "")'; }

# quick_kubectl - from here on "kubectl" is zl-kubectl, which starts in a tenth of the time and leaves to the real one what
# it does not do exactly as that does (test/kubectl/kubectl.h). ZL_REAL_KUBECTL=1: it is the real one for everything.
quick_kubectl() {
    local program=$zl_root/build/bin/zl-kubectl versions # a sanitizer build of it would test nothing
    [ -z "${ZL_REAL_KUBECTL:-}" ] || return 0
    [ -x "$program" ] || { echo "$program is missing: run make first" >&2; return 1; }
    # Of two versions it knows nothing.
    versions=$(kubectl version -o json | jq -r '[.clientVersion, .serverVersion | .minor | sub("[^0-9].*"; "")] | unique | join(" and ")')
    # The real one looks up what there is when it first meets a type that it does not know, and remembers it.
    kubectl get leaderpolicies --all-namespaces >/dev/null 2>&1
    mkdir -p "$ZL_RUN/quick"
    ln -sf "$program" "$ZL_RUN/quick/kubectl"
    export ZL_KUBECTL=$ZL_RUN/bin/kubectl ZL_KUBECTL_VERSION=$versions PATH=$ZL_RUN/quick:$PATH
}

# quick_jq - from here on "jq" is gojq where there is one: jq 1.6 takes 40 ms to start, gojq 3.
quick_jq() {
    [ -z "$(command -v gojq)" ] || ln -sf "$(command -v gojq)" "$ZL_RUN/bin/jq"
}

# manifests KIND-REGEX - what users install on this version of Kubernetes: the objects whose kind matches.
manifests() {
    local folder=$zl_root/manifests/base minor
    minor=$(minor_version)
    [ "$minor" -ge 27 ] || folder=$zl_root/manifests/overlays/kubernetes-1.25
    [ "$minor" -ge 25 ] || folder=$zl_root/manifests/overlays/kubernetes-1.20
    kubectl kustomize "$folder" |
        awk -v kinds="^($1)\$" '
            function flush() { if (kind ~ kinds) printf "---\n%s", object; object = ""; kind = "" }
            /^---/ { flush(); next }
            /^kind:/ { kind = $2 }
            { object = object $0 "\n" }
            END { flush() }'
}

# All of it, but for the programs themselves: no machine here runs containers. See arm_gatekeeper for the rest.
install_manifests() {
    manifests 'Namespace|PriorityClass|CustomResourceDefinition|Service|ServiceAccount|ClusterRole.*|Role.*|PodDisruptionBudget' |
        kubectl apply -f - -f "$zl_root/manifests/self-signed/rbac.yaml" &&
        kubectl wait --for condition=Established --timeout 60s crd/leaderpolicies.coordination.kube-zen.io &&
        # A controller that asks what there is a moment too early asks again after half a minute.
        wait_until 20 kubectl get --raw /apis/coordination.kube-zen.io/v1alpha1
}

make_certificates() {
    mkdir -p "$ZL_RUN/tls"
    "$ZL_BIN/zen-lead-certs" --out-dir "$ZL_RUN/tls" --ip 127.0.0.1 \
        --dns-name zen-lead-webhook.zen-lead-system.svc
}

start_kubelet() {
    process_start kubelet "$ZL_BIN/zl-kubelet" --kubeconfig "$ZL_RUN/kubelet.kubeconfig" "$@"
}

# start_webhook N [OPTION...] - replica N, without waiting.
start_webhook() {
    local name=webhook-$1
    shift
    process_start "$name" "$ZL_BIN/zen-lead-webhook" --kubeconfig "$ZL_RUN/webhook.kubeconfig" \
        --listen-address 127.0.0.1 --port "$(port_of "$name")" --metrics-port "$(port_of "$name-metrics")" \
        --namespace zen-lead-system --cert-file "$ZL_RUN/tls/tls.crt" --key-file "$ZL_RUN/tls/tls.key" \
        --claim-timeout-seconds "$ZL_CLAIM_TIMEOUT" "$@"
}

# start_controller N [OPTION...] - replica N, without waiting. Its elections are quick, so that tests are.
start_controller() {
    local name=controller-$1
    shift
    process_start "$name" "$ZL_BIN/zen-lead-controller" --kubeconfig "$ZL_RUN/controller.kubeconfig" \
        --metrics-port "$(port_of "$name-metrics")" --namespace zen-lead-system \
        --claim-timeout-seconds "$ZL_CLAIM_TIMEOUT" --leader-elect-lease-duration-seconds 4 \
        --leader-elect-renew-deadline-seconds 3 --leader-elect-retry-period-seconds 1 "$@"
}

# The same with the elections of the defaults.
start_default_controller() {
    start_controller "$1" --leader-elect-lease-duration-seconds 15 --leader-elect-renew-deadline-seconds 10 --leader-elect-retry-period-seconds 2
}

# start_proxy COUNT [PATIENCE] - the Service in front of webhook replicas 1..COUNT. One that is gone or says that it is not ready
# is left at once, with all its connections; one that does not answer, after PATIENCE (5s): it may just be a busy machine.
start_proxy() {
    local n
    {
        cat <<HAPROXY
defaults
    mode tcp
    option redispatch
    timeout connect 500ms
    timeout client 5m
    timeout server 5m
    timeout check ${2:-5s}
listen webhook
    bind 127.0.0.1:$(port_of proxy)
    balance roundrobin
    option httpchk GET /readyz
    default-server check inter 100ms fall 1 rise 1 on-marked-down shutdown-sessions
HAPROXY
        for n in $(seq "$1"); do
            echo "    server webhook-$n 127.0.0.1:$(port_of "webhook-$n") port $(port_of "webhook-$n-metrics")"
        done
    } >"$ZL_RUN/haproxy.cfg"
    process_start haproxy haproxy -db -f "$ZL_RUN/haproxy.cfg"
}

proxy_answers() {
    curl -sf --noproxy '*' -m 2 -o /dev/null --cacert "$ZL_RUN/tls/ca.crt" "https://127.0.0.1:$(port_of proxy)/readyz"
}

# arm_gatekeeper PORT - give the API server the configurations that users install. Only the address differs:
# no Service leads out of a cluster without machines. The controller fills the second one.
arm_gatekeeper() {
    local ca
    ca=$(base64 -w 0 "$ZL_RUN/tls/ca.crt")
    manifests ValidatingWebhookConfiguration | kubectl create --dry-run=client -o json -f - |
        jq --arg url "https://127.0.0.1:$1" --arg ca "$ca" \
            'if .webhooks then .webhooks[].clientConfig |= {url: ($url + .service.path), caBundle: $ca} else . end' |
        kubectl apply -f - || return 1
    # Who stopped the controllers knows why.
    process_is_running controller-1 || process_is_running controller-2 || return 0
    wait_until 30 gatekeeper_is_filled "$1" "$ca" || echo "zen-lead-pods is not filled yet" >&2
}

# gatekeeper_is_filled [PORT CA] - the controller has done its part: at this address.
gatekeeper_is_filled() {
    kubectl get validatingwebhookconfiguration zen-lead-pods -o json | jq -e --arg url "${1:+https://127.0.0.1:$1/}" --arg ca "${2:-}" \
        '.webhooks[0].clientConfig | (.url // "" | startswith($url)) and ($ca == "" or .caBundle == $ca)' >/dev/null
}

# review_path - where reviews of pods are taken: /validate/<token>
review_path() {
    kubectl get validatingwebhookconfiguration zen-lead-pods -o json |
        jq -r '.webhooks[0].clientConfig | .service.path // (.url | sub("^https://[^/]*"; ""))'
}

disarm_gatekeeper() { kubectl delete validatingwebhookconfiguration zen-lead-pods zen-lead; }

# await_armed NAMESPACE POOL - until the API server asks the webhook about the pods of this namespace: what users wait
# for between a namespace's first LeaderPolicy and its first workload.
await_armed() {
    kubectl wait --namespace "$1" --for condition=GatekeeperArmed --timeout 60s "leaderpolicy/$2" >/dev/null
}

# Every change of every pod, in the API server's order: what the tests count with, independent of zen-lead.
# One line: ADDED|MODIFIED|DELETED namespace app-label name uid phase
# start_recorder [SCOPE...] - of all namespaces, or --namespace NAME.
start_recorder() {
    [ $# -gt 0 ] || set -- --all-namespaces
    process_start recorder kubectl get pods "$@" --watch --output-watch-events \
        -o go-template='{{.type}} {{with .object}}{{.metadata.namespace}} {{with .metadata.labels}}{{or .app "-"}}{{else}}-{{end}} {{.metadata.name}} {{.metadata.uid}} {{or .status.phase "-"}}{{end}}{{"\n"}}'
}

# watch_renewals NAMESPACE - from now on: each line a Lease and its renewTime
watch_renewals() {
    rm -f "$ZL_RUN/log/renewals.log"
    process_start renewals kubectl get leases --namespace "$1" --watch -o 'jsonpath={.metadata.name} {.spec.renewTime}{"\n"}'
}
# renewal_gaps - the seconds from each of these renewals to the next one of the same Lease, as a list of JSON
renewal_gaps() {
    jq -ncR '[inputs / " " | select(length == 2 and .[1] != "")] | group_by(.[0]) |
        map(map(.[1] | split("[.Z]"; "") | (.[0] + "Z" | fromdate) + ("0." + .[1] | tonumber)) | unique |
            [.[1:], .[:-1]] | transpose | map(.[0] - .[1])) | add' "$ZL_RUN/log/renewals.log"
}

# workload KIND NAME REPLICAS POOL [POD-ANNOTATIONS [SPEC [POD-SPEC]]] - to be applied; POOL "" for no label. POD-ANNOTATIONS,
# SPEC of the workload and POD-SPEC in flow style: {zl-test/ready-after-ms: "500"}, "minReadySeconds: 2,".
workload() {
    local kind=$1 name=$2 replicas=$3 labels="{}" spec=${6:-} pod=${7:-}
    [ -z "$4" ] || labels="{zen-lead/pool: $4}"
    [ "$kind" != StatefulSet ] || spec="$spec serviceName: $name,"
    [ -n "$pod" ] || pod="containers: [{name: main, image: none, ports: [{containerPort: 8080}]}]"
    cat <<WORKLOAD
---
apiVersion: apps/v1
kind: $kind
metadata: {name: $name, labels: $labels}
spec: {
  replicas: $replicas, $spec
  selector: {matchLabels: {app: $name}},
  template: {
    metadata: {labels: {app: $name}, annotations: ${5:-{\}}},
    spec: {$pod}}}
WORKLOAD
}

# webhook_decisions [LABEL...] - answers of all running replicas together, of those with these labels
# (result="denied", reason="claimed", ...).
webhook_decisions() {
    local file sum=0
    for file in "$ZL_RUN"/pids/webhook-*; do
        sum=$((sum + $(metric "$(basename "$file")" zen_lead_admission_decisions_total "$@")))
    done
    echo "$sum"
}

# metric PROGRAM NAME [LABEL...] - the sum over all series that carry the labels, as a whole number; 0 when
# there is none.
metric() {
    local program=$1 name=$2
    shift 2
    { curl -sf --noproxy '*' -m 2 "http://127.0.0.1:$(port_of "$program-metrics")/metrics" || true; } |
        awk -v name="$name" -v labels="$*" '
            BEGIN { wanted = split(labels, label, " ") }
            { split($1, part, "{") }
            part[1] == name {
                for (i = 1; i <= wanted; i++) if (!index($1, label[i])) next
                sum += $NF
            }
            END { printf "%d\n", sum }'
}
