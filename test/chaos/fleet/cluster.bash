# shellcheck shell=bash
# shellcheck disable=SC2154 # what run.sh and the others have
#
# cluster.bash - what the faults are done to: a hub of its own, two arbiters, and clusters whose links to the hub can be disturbed. To be
# sourced.
#
#   arbiter-N, member cNN -- link -- front -- hub (kube-apiserver) -- hub-etcd -- checker
#   member cNN, worker ------------------- kube-apiserver -- etcd          (the clusters' own, never disturbed)
#
# link is a TCP proxy that cuts, stalls and delays; front is haproxy, which answers some requests itself with 409, 429 and 503, and some
# that the hub has stored with 500. Members have the rights of manifests/fleet/hub-member on the hub. The clocks of arbiters and
# members go $rate times as fast (clock.c), and their wall clocks are wrong.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
cd "$root" || exit 1
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/controlplane/apiservers.bash
. test/controlplane/apiservers.bash
# shellcheck source=test/controlplane/fleet.bash
. test/controlplane/fleet.bash
# shellcheck source=test/chaos/programs.bash
. test/chaos/programs.bash

readonly FLEET=zen-fleet POOL=chaos
arbiters=(arbiter-1 arbiter-2)
mapfile -t members < <(seq -f 'c%02g' "${ZL_CHAOS_MEMBERS:-12}")

# Every program's clocks begin here. Certificates are an hour old, so that they are valid to whose clock is behind.
mono0_ns=$(LD_PRELOAD=$ZL_BIN/zl-clock.so ZL_CLOCK="1 0 0 0" date +%s%N) # a wall clock that began with CLOCK_MONOTONIC
wall0_ns=${EPOCHREALTIME/./}000
with_clock() { # RATE OFFSET-S COMMAND...
    local rate=$1 offset=$2
    shift 2
    LD_PRELOAD=$ZL_BIN/zl-clock.so ZL_CLOCK="$rate $mono0_ns $wall0_ns $offset" "$@"
}

hub_kubectl() { kubectl --kubeconfig "$ZL_RUN/hub.kubeconfig" --request-timeout 10s "$@"; }

hub_is_ready() { hub_kubectl get --raw /readyz; }

start_hub() {
    local argv url peer n=0
    mapfile -d '' -t argv <"/proc/$(process_pid etcd)/cmdline"
    url=http://127.0.0.1:$(port_of hub-etcd)
    peer=http://127.0.0.1:$(port_of hub-etcd-peer)
    process_start hub-etcd "${argv[@]}" --data-dir "$ZL_RUN/hub-etcd" --listen-client-urls "$url" --advertise-client-urls "$url" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
    wait_until 30 curl -sf --noproxy '*' -m 2 "$url/health" || return 1
    mapfile -d '' -t argv <"/proc/$(process_pid kube-apiserver)/cmdline"
    while [ "${argv[$n]}" != --etcd-servers ]; do n=$((n + 1)); done
    argv[n + 1]=$url # the option is a list: what comes last does not count alone
    process_start hub "${argv[@]}" --secure-port "$(port_of hub)" --storage-media-type application/json --etcd-compaction-interval 0
    sed "s/:$(apiserver_port)\"/:$(port_of hub)\"/" "$ZL_RUN/kubeconfig" >"$ZL_RUN/hub.kubeconfig"
    wait_until 60 hub_is_ready || { log_tail hub; return 1; }
    remember hub hub-etcd
    hub_kubectl apply -k manifests/fleet/hub >>"$ZL_RUN/log/driver.log" 2>&1
}

# What it answers itself it counts in its log, of 1000 requests so many each.
start_front() {
    local of=${ZL_CHAOS_ANSWERS:-10} status='{"kind":"Status","apiVersion":"v1","status":"Failure"'
    cat "$ZL_RUN/apiserver.crt" "$ZL_RUN/apiserver.key" >"$ZL_RUN/front.pem"
    cat >"$ZL_RUN/front.cfg" <<HAPROXY
global
    log stdout format raw local0
defaults
    mode http
    log global
    log-format "%[var(txn.fault)] %ST %HM %HU"
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
listen front
    bind 127.0.0.1:$(port_of front) ssl crt $ZL_RUN/front.pem alpn h2,http/1.1
    http-request set-var(txn.dice) rand(1000)
    http-request set-var(txn.fault) str(429) if { var(txn.dice) -m int lt $of }
    http-request set-var(txn.fault) str(503) if { var(txn.dice) -m int ge 100 } { var(txn.dice) -m int lt $((100 + of)) }
    http-request set-var(txn.fault) str(409) if { method PUT } { var(txn.dice) -m int ge 200 } { var(txn.dice) -m int lt $((200 + of)) }
    http-request set-var(txn.fault) str(500-stored) if { method PUT } { var(txn.dice) -m int ge 300 } { var(txn.dice) -m int lt $((300 + of)) }
    http-request set-log-level silent unless { var(txn.fault) -m found }
    http-request return status 429 content-type application/json hdr Retry-After 1 string '$status,"code":429,"reason":"TooManyRequests","message":"chaos"}' if { var(txn.fault) -m str 429 }
    http-request return status 503 content-type application/json string '$status,"code":503,"reason":"ServiceUnavailable","message":"chaos"}' if { var(txn.fault) -m str 503 }
    http-request return status 409 content-type application/json string '$status,"code":409,"reason":"Conflict","message":"chaos"}' if { var(txn.fault) -m str 409 }
    http-response return status 500 content-type application/json string '$status,"code":500,"reason":"InternalError","message":"chaos"}' if { var(txn.fault) -m str 500-stored }
    server hub 127.0.0.1:$(port_of hub) ssl verify none
HAPROXY
    process_start front haproxy -db -f "$ZL_RUN/front.cfg"
}

# hub_way NAME TOKEN - the kubeconfig by which NAME reaches the hub: through its link
hub_way() {
    start_link "$1" "$(port_of front)" || return 1
    kubectl config view --kubeconfig "$ZL_RUN/hub.kubeconfig" --raw --minify --flatten -o json |
        jq --arg token "$2" --arg server "https://127.0.0.1:$(port_of "link-$1")" \
            '.users[0].user = {token: $token} | .clusters[0].cluster.server = $server' >"$ZL_RUN/hub-$1.kubeconfig"
}

# How wrong a member's wall clock is, from its first start on.
offset_of() { awk -v name="$1" '$1 == name { print $2 }' "$ZL_RUN/offsets"; }

# start_program NAME - an arbiter's wall clock is wrong in another way each time: OFFSET-S
start_program() {
    local name=$1 offset=${2:-0} own=(--kubeconfig "$ZL_RUN/hub-$1.kubeconfig" --fleet-arbiter-only)
    if [[ $name = c* ]]; then
        offset=$(offset_of "$name")
        own=(--kubeconfig "$ZL_RUN/controller.kubeconfig" --namespaces "$name" --fleet-hub-kubeconfig "$ZL_RUN/hub-$name.kubeconfig" --cluster-name "$name")
    fi
    with_clock "$rate" "$offset" process_start "$name" "$ZL_BIN/zen-lead-controller" --listen-address 127.0.0.1 --metrics-port 0 \
        --routing-only --leader-elect=false --fleet-namespace "$FLEET" "${own[@]}"
}

make_members() {
    local name
    for name in "${members[@]}"; do
        echo ---
        sed "s/example-cluster/$name/g" manifests/fleet/hub-member/member.yaml
    done | hub_kubectl create -f - || return 1
    for name in "${members[@]}"; do
        printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n---\napiVersion: leadership.kube-zen.io/v1alpha1\nkind: LeaderPolicy\nmetadata: {name: chaos, namespace: %s}\nspec: {pool: %s, maxConcurrentLeaders: 3, leaseDuration: %ss, heartbeatSeconds: 5, pauseOnError: true, maxFailures: 2}\n' \
            "$name" "$name" "$POOL" "$limit_s"
    done | kubectl create -f - || return 1
    for name in "${members[@]}"; do hub_way "$name" "$(member_token "https://127.0.0.1:$(port_of hub)" "$FLEET" "$name" '{"expirationSeconds":86400}')" || return 1; done
    for name in "${arbiters[@]}"; do hub_way "$name" "$(cat "$ZL_RUN/admin.token")" || return 1; done
}

# start_everything - up to clusters that take turns, watched by the checker
start_everything() {
    local name
    with_clock 1 -3600 bash test/controlplane/up.sh "$ZL_RUN" $$ || return 1
    export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
    touch "$ZL_RUN/log/driver.log"
    start_hub || return 1
    process_stop kube-controller-manager || true
    {
        install_manifests
        kubectl apply -k manifests/fleet/member
        kubectl wait --for condition=established --timeout 60s crd/leaderpolicies.leadership.kube-zen.io
    } >>"$ZL_RUN/log/driver.log" 2>&1 || return 1
    start_front
    for name in "${members[@]}"; do
        roll 1201
        echo "$name $((rolled - 600))"
    done >"$ZL_RUN/offsets"
    make_members >>"$ZL_RUN/log/driver.log" 2>&1 || return 1
    process_start checker "$ZL_BIN/zl-fleet-checker" --etcd "http://127.0.0.1:$(port_of hub-etcd)" --namespace "$FLEET" --pool "$POOL" \
        --control "$ZL_RUN/checker" --summary "$ZL_RUN/summary" --rate "$rate" --patience-ms 6000
    wait_until 20 grep -q -e '-- watching' "$ZL_RUN/log/checker.log" || { log_tail checker; return 1; }
    process_start worker "$ZL_BIN/zl-fleet-worker" --kubeconfig "$KUBECONFIG" --policy chaos --stamps "$ZL_RUN/checker" \
        --offsets "$ZL_RUN/offsets" --rate "$rate" --mono0-ns "$mono0_ns" --wall0-ns "$wall0_ns" --seed "$seed"
    for name in "${arbiters[@]}" "${members[@]}"; do start_program "$name" 0; done
}
