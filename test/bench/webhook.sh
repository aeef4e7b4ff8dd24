#!/usr/bin/env bash
# webhook.sh - how long a review takes, and what it costs: zen-lead's webhook beside a Go webhook with Kubernetes' own types and a bare
# libmicrohttpd, which decides nothing, on the same machine, with the same certificate and the same bytes.
#
# They are asked one after the other, ROUNDS times; of each figure the median of the rounds is printed. The review is of a pod that is
# refused because another one of its pool leads: the gatekeeper's most frequent answer. zen-lead asks nobody for it, as long as it follows.
#
#   SIZES="3 10 100"        KiB of the review (3 10 100)
#   RATES="500 2000 5000"   reviews a second, due by a clock (500 2000 5000), of the first size
#   SECONDS_=N              for so long each (5); of a rate so long that there are 2,000 reviews
#   ROUNDS=N                (3)
#   AMONG=N                 so many other Deployments of the namespace have a pool each, without pods (0)
#   PEER=0                  without the Go webhook, which is built once, in 4 minutes
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
read -ra sizes <<<"${SIZES:-3 10 100}"
read -ra rates <<<"${RATES:-500 2000 5000}"
seconds_each=${SECONDS_:-5} seconds=$seconds_each
rounds=${ROUNDS:-3}
among=${AMONG:-0}
status=0
go_webhook=$([ "${PEER:-1}" = 0 ] || bash test/peer/build.sh webhook) || status=$?
[ "$status" -eq 0 ] || [ "$status" -eq 77 ] # without Debian's packages there is no Go here, which is said

set_up() {
    # shellcheck disable=SC2119
    start_cluster
    make_certificates
    start_webhook 1
    start_controller 1
    await_ready webhook-1
    arm_gatekeeper "$(port_of webhook-1)" >/dev/null
    make_namespace bench
    kubectl apply -n bench -f - >/dev/null <<'OBJECTS'
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: main}
OBJECTS
    await_armed bench main
    kubectl apply -n bench -f - >/dev/null 2>&1 <<'OBJECTS'
apiVersion: apps/v1
kind: Deployment
metadata: {name: guarded, labels: {zen-lead/pool: main}}
spec:
  replicas: 2
  selector: {matchLabels: {app: guarded}}
  template:
    metadata: {labels: {app: guarded}}
    spec: {containers: [{name: main, image: none, ports: [{containerPort: 8080}]}]}
OBJECTS
    wait_until 60 somebody_leads
    [ "$among" -eq 0 ] || add_others
    for name in bare bare-cjson; do
        process_start "$name" "$ZL_BIN/zl-bare-webhook" --port "$(port_of "$name")" --cert-file "$ZL_RUN/tls/tls.crt" --key-file "$ZL_RUN/tls/tls.key" \
            "--parse=$([ "$name" = bare ] && echo false || echo true)"
    done
    contenders=(zen-lead bare-cjson bare)
    if [ -n "$go_webhook" ]; then
        process_start go "$go_webhook" --address "127.0.0.1:$(port_of go)" --cert-file "$ZL_RUN/tls/tls.crt" --key-file "$ZL_RUN/tls/tls.key"
        contenders=(zen-lead go bare-cjson bare)
    fi
}
add_others() {
    local i
    for i in $(seq "$among"); do
        echo ---
        echo "{apiVersion: apps/v1, kind: Deployment, metadata: {name: other-$i, labels: {zen-lead/pool: pool-$i}}, spec: {replicas: 0, selector: {matchLabels: {app: other-$i}}, template: {metadata: {labels: {app: other-$i}}, spec: {containers: [{name: main, image: none}]}}}}"
    done | split -l 600 - "$ZL_RUN/others.yaml-"
    printf '%s\n' "$ZL_RUN"/others.yaml-* | xargs -P 2 -n 1 kubectl create -n bench -f >/dev/null 2>&1 # each is warned of
    rm "$ZL_RUN"/others.yaml-*
    wait_until 120 knows_others
    echo "# $among other Deployments in pools of the same namespace"
}
knows_others() { [ "$(metric webhook-1 zen_lead_cache_size 'resource="deployments"')" -gt "$among" ]; }
somebody_leads() { [ -n "$(kubectl get leaderpolicy main -n bench -o 'jsonpath={.status.currentHolder.name}')" ]; }

# write_review KIB - what the API server sends for the second pod of that Deployment, with an annotation that makes it so large.
write_review() {
    kubectl get pods -n bench -l app=guarded -o json | jq -c --argjson size "$(($1 * 1024))" '
        .items[0] | del(.metadata.name, .metadata.uid, .metadata.resourceVersion, .spec.nodeName, .metadata.managedFields) | .status = {} |
        {kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: {
            uid: "0c2f4a9e-6f0e-4c39-9a53-4b7d2f6f3c11", kind: {group: "", version: "v1", kind: "Pod"}, resource: {group: "", version: "v1", resource: "pods"},
            requestKind: {group: "", version: "v1", kind: "Pod"}, requestResource: {group: "", version: "v1", resource: "pods"}, namespace: "bench", operation: "CREATE",
            userInfo: {username: "system:serviceaccount:kube-system:replicaset-controller", groups: ["system:serviceaccounts", "system:authenticated"]},
            object: ., oldObject: null, dryRun: false, options: {kind: "CreateOptions", apiVersion: "meta.k8s.io/v1"}}} |
        (tojson | length) as $bare | .request.object.metadata.annotations["example/padding"] = ("x" * ([$size - $bare - 40, 1] | max))' >"$ZL_RUN/review-$1"
}

program_of() { case $1 in zen-lead) echo webhook-1 ;; *) echo "$1" ;; esac; }
path_of() { case $1 in zen-lead) review_path ;; *) echo / ;; esac; }
# cpu_us PROGRAM - microseconds of processor time that it has had
cpu_us() { awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%d", ($12 + $13) * 1e6 / tick }' "/proc/$(process_pid "$1")/stat"; }

# ask NAME KIB OPTION... - "count per-second p50 p99 max allowed processor-us" of one run
ask() {
    local name=$1 size=$2 program before line
    shift 2
    program=$(program_of "$name")
    before=$(cpu_us "$program")
    line=$("$ZL_BIN/zl-reviews" --name "$name" --port "$(port_of "$program")" --path "$(path_of "$name")" --ca "$ZL_RUN/tls/ca.crt" \
        --review "$ZL_RUN/review-$size" --seconds "$seconds" "$@")
    # Who lets it in has not decided what is measured.
    [ "$name" != zen-lead ] || [[ $line == *' 0%' ]] || { echo "webhook.sh: zen-lead admitted what it ought to refuse: $line" >&2 && exit 1; }
    awk -v us="$(($(cpu_us "$program") - before))" '{ print $2, $3, $4, $5, $6, $7, us / $2 }' <<<"$line"
}

# median COLUMN - of the lines read
median() { awk -v c="$1" '{ print $c }' | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# measure TITLE KIB OPTION... - a table of all contenders
measure() {
    local title=$1 size=$2 name round
    shift 2
    for ((round = 0; round < rounds; round++)); do
        for name in "${contenders[@]}"; do ask "$name" "$size" "$@" >>"$ZL_RUN/times-$name"; done
    done
    printf '\n%s\n%-12s %9s %9s %9s %9s %12s\n' "$title" who "a second" "p50 ms" "p99 ms" "max ms" "processor us"
    for name in "${contenders[@]}"; do
        printf '%-12s %9.0f %9.3f %9.3f %9.3f %12.1f\n' "$name" "$(median 2 <"$ZL_RUN/times-$name")" "$(median 3 <"$ZL_RUN/times-$name")" \
            "$(median 4 <"$ZL_RUN/times-$name")" "$(median 5 <"$ZL_RUN/times-$name")" "$(median 7 <"$ZL_RUN/times-$name")"
        rm "$ZL_RUN/times-$name"
    done
}

# resident TITLE NAME=PROGRAM...
resident() {
    local pair
    printf '\nresident MiB %s\n' "$1"
    for pair in "${@:2}"; do
        awk -v name="${pair%%=*}" '/^VmRSS|^RssAnon|^VmHWM/ { v[$1] = $2 / 1024 } END { printf "%-12s %.1f, of it anonymous %.1f, at most %.1f\n", name, v["VmRSS:"], v["RssAnon:"], v["VmHWM:"] }' \
            "/proc/$(process_pid "${pair#*=}")/status"
    done
}

set_up
machine
sleep 12 # connections for lists are closed when for ten seconds there was none
resident "idle, with one pool" webhook=webhook-1 controller=controller-1
for size in "${sizes[@]}"; do write_review "$size"; done
for name in "${contenders[@]}"; do ask "$name" "${sizes[0]}" --seconds 1 >/dev/null; done # the first ones are others
for rate in "${rates[@]}"; do
    # A 99th percentile of fewer is of a handful of them.
    seconds=$((seconds_each * rate < 2000 ? (2000 + rate - 1) / rate : seconds_each))
    measure "$rate reviews of ${sizes[0]} KiB a second, 32 connections" "${sizes[0]}" --rate "$rate" --connections 32
done
seconds=$seconds_each
for size in "${sizes[@]}"; do measure "as many of $size KiB as 16 connections get answers" "$size" --connections 16; done
measure "a new connection for each of ${sizes[0]} KiB, 8 at once" "${sizes[0]}" --connections 8 --fresh
pairs=()
for name in "${contenders[@]}"; do pairs+=("$name=$(program_of "$name")"); done
resident afterwards "${pairs[@]}"
