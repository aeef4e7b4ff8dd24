#!/usr/bin/env bash
# run.sh - work without a pause for a long time: memory, descriptors and threads of both programs stay what they were.
#
# Two pools fail over again and again, a standby and a scaleDown one; LeaderPolicies, workloads, annotated Services and a namespace
# come and go; pods are asked for; the certificate is renewed each minute, and metrics are scraped. Each minute has a line. In the
# end the last third of the time is compared with the second: the first is for caches to fill.
#
#   MINUTES=N   (30)
#   GROW_MIB=N  what a median of resident memory may grow by, in MiB, beside a twentieth (2)
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/../bench/cluster.bash"
minutes=${MINUTES:-30}
grow_mib=${GROW_MIB:-2}
programs=(webhook-1 webhook-2 controller-1 controller-2)

set_up() {
    local program n
    bash test/controlplane/packages.sh haproxy
    # shellcheck disable=SC2119
    start_cluster
    make_certificates
    for n in 1 2; do
        start_webhook "$n" --deadline-ms 2500
        start_controller "$n" --leader-elect-lease-duration-seconds 15 --leader-elect-renew-deadline-seconds 10 --leader-elect-retry-period-seconds 2
    done
    start_proxy 2
    for program in "${programs[@]}"; do await_ready "$program"; done
    wait_until 60 proxy_answers
    arm_gatekeeper "$(port_of proxy)" >/dev/null
    make_namespace standby
    make_namespace single
    pool main bench '{followerMode: standby}' | kubectl apply -n standby -f - >/dev/null
    pool main web '{}' | kubectl apply -n single -f - >/dev/null
    await_armed standby main
    await_armed single main
}

# pool NAME WORKLOAD SPEC
pool() {
    cat <<OBJECTS
---
{apiVersion: coordination.kube-zen.io/v1alpha1, kind: LeaderPolicy, metadata: {name: $1}, spec: $3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: $2, labels: {zen-lead/pool: $1}}
spec: {replicas: 3, selector: {matchLabels: {app: $2}}, template: {metadata: {labels: {app: $2}}, spec: {containers: [{name: main, image: none, ports: [{containerPort: 8080}]}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: $2-plain, annotations: {zen-lead.io/enabled: "true"}}, spec: {selector: {app: $2}, ports: [{port: 80, targetPort: 8080}]}}
OBJECTS
}

is_over() { [ -e "$ZL_RUN/over" ]; }

# fail_over NAME OPTION... - until it is over; a failover that does not come in a minute is a failure.
fail_over() {
    local name=$1
    shift
    until is_over; do
        "$ZL_BIN/zl-bench" --kubeconfig "$KUBECONFIG" --kubernetes=false --limit=false --count 20 --trial-seconds 60 --save="$ZL_RUN/times-$name" "$@" \
            >/dev/null 2>>"$ZL_RUN/log/bench-$name.log" || is_over || touch "$ZL_RUN/failed-$name"
    done
}

come_and_go() {
    local i=0
    until is_over; do
        i=$((i + 1))
        pool "p$i" "w$i" '{}' | kubectl apply -n single -f - || true
        make_namespace "n$i" || true
        pool main w '{followerMode: standby}' | kubectl apply -n "n$i" -f - || true
        sleep 3
        kubectl delete -n single leaderpolicy/"p$i" deployment/"w$i" service/"w$i-plain" --wait=false || true
        kubectl delete namespace "n$i" --wait=false || true
        echo "$i" >"$ZL_RUN/came-and-went"
    done >/dev/null 2>>"$ZL_RUN/log/come-and-go.log"
}

# sample FILE - a line for each program: seconds, name, KiB, descriptors, threads. A scrape takes part in it.
sample() {
    local program pid
    for program in "${programs[@]}"; do
        pid=$(process_pid "$program") || return 1
        metric "$program" zen_lead_watch_streams >/dev/null
        echo "$SECONDS $program $(awk '/^VmRSS|^Threads/ { printf "%s ", $2 }' "/proc/$pid/status") $(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)" >>"$1"
    done
}

# of FILE PROGRAM COLUMN FROM TO PERCENT - of the samples from FROM to TO hundredths of the time
of() {
    awk -v p="$2" -v c="$3" -v from="$4" -v to="$5" -v all=$((minutes * 60)) \
        '$2 == p && ($1 - start) * 100 >= from * all && ($1 - start) * 100 <= to * all { print $c }' start="$began" "$1" |
        sort -n | awk -v q="$6" '{ v[NR] = $1 } END { i = int((NR * q + 99) / 100); print (NR ? v[i < 1 ? 1 : i] : -1) }'
}

set_up
machine
fail_over standby --namespace standby --cause not-ready &
workers=($!)
fail_over single --namespace single --cause deleted --app web --leader-service web-leader --pods 1 &
workers+=($!)
come_and_go &
workers+=($!)

samples=$ZL_RUN/samples
began=$SECONDS
printf '%-8s' minute
for program in "${programs[@]}"; do printf ' %26s' "$program"; done
printf '   (KiB, threads, descriptors)\n'
for minute in $(seq "$minutes"); do
    make_certificates >/dev/null 2>&1 || true
    while [ $((SECONDS - began)) -lt $((minute * 60)) ]; do
        sample "$samples" || { echo "a program is gone" >&2; exit 1; }
        sleep 5
    done
    printf '%-8s' "$minute"
    for program in "${programs[@]}"; do printf ' %26s' "$(grep " $program " "$samples" | tail -n 1 | cut -d ' ' -f 3-)"; done
    echo
done
touch "$ZL_RUN/over"
wait "${workers[@]}"

status=0
for program in "${programs[@]}"; do
    read -r was is < <(echo "$(of "$samples" "$program" 3 33 66 50) $(of "$samples" "$program" 3 67 100 50)")
    verdict=flat
    [ "$is" -le $((was + was / 20 + grow_mib * 1024)) ] || { verdict=GROWS; status=1; }
    echo "$program: resident $was KiB, then $is: $verdict"
    for column in threads:4 descriptors:5; do
        read -r was is < <(echo "$(of "$samples" "$program" "${column#*:}" 33 66 100) $(of "$samples" "$program" "${column#*:}" 67 100 100)")
        verdict=flat
        [ "$is" -le $((was + 8)) ] || { verdict=GROWS; status=1; }
        echo "$program: at most $was ${column%:*}, then $is: $verdict"
    done
done
for name in standby single; do
    [ ! -e "$ZL_RUN/failed-$name" ] || { echo "a failover of $name did not come: $(tail -n 1 "$ZL_RUN/log/bench-$name.log")"; status=1; }
done
echo "soak: $minutes minutes, $(wc -l <"$ZL_RUN/times-standby") and $(wc -l <"$ZL_RUN/times-single") failovers, $(cat "$ZL_RUN/came-and-went") times pools and a namespace came and went: $([ $status -eq 0 ] && echo flat || echo NOT FLAT)"
exit $status
