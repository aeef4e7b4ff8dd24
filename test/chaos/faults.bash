# shellcheck shell=bash
#
# faults.bash - doing it: each fault of schedule.bash by its kind. To be sourced.
#
# A fault counts once it has hit: a connection that is not there cannot be cut, and a pod that died by itself not killed.

chaos_kubectl() { kubectl -n chaos --request-timeout 5s "$@"; }

# hit KIND - for the table at the end
hit() { echo "$1" >>"$ZL_RUN/hits"; }

# in_background KIND COMMAND... - something that a person does to the cluster; it may fail, etcd may be down
in_background() {
    local kind=$1
    shift
    { if "$@" >>"$ZL_RUN/log/driver.log" 2>&1; then hit "$kind"; else hit "$kind (missed)"; fi; } &
}

# insist COMMAND... - what ends a fault: again and again until it works
insist() {
    { wait_until 60 "$@" || echo "never worked: $*" >>"$ZL_RUN/log/driver.log"; } >/dev/null 2>&1 &
}

kill_program() {
    local pid
    pid=$(process_pid "$1") && kill -s KILL "$pid" && down[$1]=1 && hit "$2"
}

freeze_program() {
    local pid
    pid=$(process_pid "$1") && kill -s STOP "$pid" && frozen[$1]=1 && hit "$2"
}

thaw_program() {
    local pid
    unset "frozen[$1]"
    pid=$(process_pid "$1") && kill -s CONT "$pid"
}

bring_back() {
    unset "down[$1]"
    process_is_running "$1" || start_again "$1"
}

restart_program() {
    local name=$1 pid
    pid=$(process_pid "$name") && kill -s TERM "$pid" && hit "$2"
    # It drains; supervise starts it again when it is gone.
    restarting["$name"]=1
}

# The API server, or what is behind it, stands still: what it has admitted may be stored later.
platform_fault() { # KIND begin|end PROGRAM
    case $1-$2 in
    *-kill-begin)
        tell slow - "$1 begins"
        kill_program "$3" "$1"
        ;;
    *-freeze-begin)
        tell slow - "$1 begins"
        freeze_program "$3" "$1"
        ;;
    *-kill-end) bring_back "$3" ;;
    *-freeze-end) thaw_program "$3" ;;
    esac
    [ "$2" = begin ] || tell quick - 10000 "$1 ends"
}

link_fault() { # KIND begin|end TARGET NUMBER
    local names=("$3") name command
    [ "$3" != all ] || names=("${webhooks[@]}" "${controllers[@]}")
    case $1 in
    link-delay) command="delay $((50 + $4 * 3 / 2))" ;;
    *) command=${1#link-} ;;
    esac
    [ "$2" = begin ] || command=heal
    # Reviews that are answered late are stored late.
    if [ "$3" = review ]; then
        if [ "$2" = begin ]; then tell slow - "$1"; fi
        if [ "$2" = end ] || [[ $1 = link-cut* ]]; then tell quick - 10000 "$1"; fi
    fi
    for name in "${names[@]}"; do link "$name" "$command"; done
    [ "$2" = end ] || hit "$1"
}

# leader_of POOL - the pod that leads it, as the Lease says
leader_of() {
    local holder
    holder=$(chaos_kubectl get lease "zen-lead-$1" -o jsonpath='{.spec.holderIdentity}') && [ -n "$holder" ] &&
        echo "${holder%%_*}"
}

hurt_leader() { # KIND POOL
    local pod
    pod=$(leader_of "$2") || return 1
    case $1 in
    pod-delete) chaos_kubectl delete pod "$pod" --wait=false ;;
    pod-kill) chaos_kubectl delete pod "$pod" --grace-period=0 --force ;;
    pod-fail) chaos_kubectl annotate pod "$pod" --overwrite zl-test/fail-after-ms=0 ;;
    pod-unready) chaos_kubectl annotate pod "$pod" --overwrite zl-test/ready=false ;;
    esac
}

kind_of() {
    if [ "$1" = stateful ]; then echo statefulset; else echo deployment; fi
}

pool_of() { echo "${1%-[ab]}"; }

scale() { chaos_kubectl scale "$(kind_of "$1")" "$1" --replicas "$2"; }

label() { chaos_kubectl label "$(kind_of "$1")" "$1" --overwrite "zen-lead/pool$2"; }

# roll_out WORKLOAD NUMBER READY - a new revision, whose pods become Ready or never do
roll_out() {
    chaos_kubectl patch "$(kind_of "$1")" "$1" -p \
        "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"zl-test/revision\":\"$2-$SRANDOM\",\"zl-test/ready\":\"$3\"}}}}}"
}

# join_again WORKLOAD scale|label VALUE - from here on it is gatekept; but webhooks may hear of that late, while links stall,
# and pods may be stored late that were let in before
join_again() { "$2" "$1" "$3" && tell close "$(pool_of "$1")" 20000 "$2 $1 $3"; }

delete_lease() { chaos_kubectl delete lease "zen-lead-$1"; }

# jobs_not_over - their names
jobs_not_over() {
    chaos_kubectl get jobs -o json |
        jq -r '.items[] | select(all(.status.conditions[]?; .type != "Complete" and .type != "Failed")) | .metadata.name'
}

# job NAME NUMBER LABELS [MS] - one to three pods, up to three at once, MS or 0.3 to 1.5 s each; of some Jobs each pod fails
job() {
    local ms=${4:-$((300 + $2 / 9 % 25 * 50))} ends=succeed
    [ $(($2 % 8)) -ne 0 ] || ends=fail
    cat <<JOB
---
apiVersion: batch/v1
kind: Job
metadata: {name: $1, labels: $3}
spec:
  parallelism: $((1 + $2 % 3))
  completions: $((1 + $2 / 3 % 3))
  backoffLimit: $(($2 % 8 == 0 ? 1 : 6))
  template:
    metadata: {labels: {app: $1}, annotations: {zl-test/$ends-after-ms: "$ms"}}
    spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
JOB
}

# add_jobs SERIAL NUMBER - as many as it takes for three to five that are not over
add_jobs() {
    local names n
    names=$(jobs_not_over) || return 1
    n=$(wc -w <<<"$names")
    [ "$n" -lt $((3 + $2 % 3)) ] || return 1
    for (( ; n < 3 + $2 % 3; n++)); do
        job "job-$1-$n" $(($2 + n * 7)) "{zen-lead/pool: jobs}"
    done | chaos_kubectl create -f -
}

delete_job() { # NUMBER
    local names
    mapfile -t names < <(jobs_not_over)
    [ ${#names[@]} -gt 0 ] && chaos_kubectl delete job "${names[$1 % ${#names[@]}]}" --wait=false
}

# A Job that runs in no pool, and is put into one while it runs: a webhook hears of it late while its link stalls.
start_outside() { job "$1" "$(($2 / 8 * 8 + 4))" "{}" 4000 | chaos_kubectl create -f -; }
join_job() {
    tell open jobs "$1 joins"
    chaos_kubectl label job "$1" --overwrite zen-lead/pool=jobs
    tell close jobs 20000 "$1 has joined"
}

# The webhooks' own count of answers is the proof that kube-apiserver asks them about this namespace's pods: the condition
# may be left from before.
gatekeeper_answers() {
    local before after
    before=$(webhook_decisions result=)
    KUBECONFIG=$ZL_RUN/kubeconfig chaos_kubectl create --dry-run=server -f - >/dev/null <<'POD' || return 1
apiVersion: v1
kind: Pod
metadata: {name: probe}
spec: {containers: [{name: main, image: none}]}
POD
    after=$(webhook_decisions result=)
    [ "$after" -gt "$before" ]
}

# While etcd is away a deletion can take longer than the fault: it must not come after what ends it.
disarm() {
    disarm_gatekeeper
    local result=$?
    rm -f "$ZL_RUN/disarming"
    return "$result"
}

arm_again() {
    [ ! -e "$ZL_RUN/disarming" ] || return 1
    arm_gatekeeper "$(port_of link-review)" && wait_until 20 gatekeeper_answers && tell close - 5000 "gatekeeper-off ends"
}

cluster_fault() { # KIND begin|end TARGET NUMBER
    case $1-$2 in
    pod-*-begin) in_background "$1" hurt_leader "$1" "$3" ;;
    scale-begin) in_background "$1" scale "$3" $((2 + $4 % 4)) ;;
    scale-down-up-begin)
        tell open "$(pool_of "$3")" "$1"
        in_background "$1" scale "$3" $(($4 % 2))
        ;;
    scale-down-up-end) insist join_again "$3" scale $((2 + $4 % 4)) ;;
    label-off-on-begin)
        tell open "$(pool_of "$3")" "$1"
        in_background "$1" label "$3" -
        ;;
    label-off-on-end) insist join_again "$3" label "=$(pool_of "$3")" ;;
    lease-delete-begin)
        # A pod whose claim stood in it may be on its way.
        tell slow "$3" "$1"
        in_background "$1" delete_lease "$3"
        tell quick "$3" 8000 "$1"
        ;;
    gatekeeper-off-begin)
        tell open - "$1 begins"
        touch "$ZL_RUN/disarming"
        in_background "$1" disarm
        ;;
    gatekeeper-off-end) insist arm_again ;;
    job-add-begin) in_background "$1" add_jobs "$((++jobs_begun))" "$4" ;;
    job-delete-begin) in_background "$1" delete_job "$4" ;;
    job-join-begin)
        joining=job-$((++jobs_begun))-joins
        in_background "$1" start_outside "$joining" "$4"
        ;;
    job-join-end) join_job "$joining" >>"$ZL_RUN/log/driver.log" 2>&1 & ;;
    rollout-begin) in_background "$1" roll_out "$3" "$4" true ;;
    rollout-bad-begin) in_background "$1" roll_out "$3" "$4" false ;;
    rollout-bad-end) insist roll_out "$3" "$4" true ;;
    esac
}

# do_fault KIND begin|end TARGET NUMBER
do_fault() {
    tell note "$*"
    case $1-$2 in
    webhook-restart-* | controller-restart-*) restart_program "$3" "$1" ;;
    webhook-kill-begin | controller-kill-begin) kill_program "$3" "$1" ;;
    webhook-kill-end | controller-kill-end) bring_back "$3" ;;
    webhook-freeze-begin | controller-freeze-begin) freeze_program "$3" "$1" ;;
    webhook-freeze-end | controller-freeze-end) thaw_program "$3" ;;
    apiserver-* | etcd-*) platform_fault "$@" ;;
    link-*) link_fault "$@" ;;
    *) cluster_fault "$@" ;;
    esac || tell note "had no effect: $*"
}

# supervise - what a kubelet does: a program that ended by itself is started again. Ours must have said why; a kube-apiserver
# that does not find its etcd ends, too, and not always with grace.
supervise() {
    local name
    for name in "${webhooks[@]}" "${controllers[@]}" kube-apiserver etcd; do
        if [ -n "${down[$name]:-}" ] || process_is_running "$name"; then continue; fi
        if [ "$name" = kube-apiserver ] || [ "$name" = etcd ]; then
            tell slow - "$name ended"
            start_again "$name"
            tell quick - 15000 "$name started again"
            echo "$name" >>"$ZL_RUN/ended"
            continue
        fi
        if [ -n "${restarting[$name]:-}" ]; then
            unset "restarting[$name]"
        elif tail -n 1 "$ZL_RUN/log/$name.log" | grep -q '"level":"error"'; then
            tell note "$name gave up: $(tail -n 1 "$ZL_RUN/log/$name.log" | cut -c 1-200)"
            echo "$name gave up" >>"$ZL_RUN/ended"
        else
            tell note "$name CRASHED"
            echo "$name CRASHED" >>"$ZL_RUN/ended"
        fi
        start_again "$name"
    done
}

# heal - nothing is disturbed any more, and everything has been started
heal() {
    local name
    for name in "${!frozen[@]}"; do thaw_program "$name"; done
    for name in "${!down[@]}"; do bring_back "$name"; done
    for name in "${webhooks[@]}" "${controllers[@]}" review; do link "$name" heal; done
    wait_for_background
}

# works - all of it runs; says what does not
works() {
    local name
    wait_until 60 apiserver_is_back || { echo "kube-apiserver does not come back" >&2; return 1; }
    for name in "${webhooks[@]}" "${controllers[@]}"; do
        wait_until 60 is_back "$name" || { echo "$name does not come back" >&2; log_tail "$name"; return 1; }
    done
    for name in kube-controller-manager kubelet observer expectations; do
        process_is_running "$name" || { echo "$name has died" >&2; log_tail "$name"; return 1; }
    done
}

apiserver_is_back() {
    supervise
    kubectl --kubeconfig "$ZL_RUN/kubeconfig" --request-timeout 5s get --raw /readyz
}

is_back() {
    supervise
    answers "http://127.0.0.1:$(port_of "$1-metrics")/readyz"
}

# All that was begun in the background; with a job that bash does not know the wait would last for ever.
wait_for_background() {
    local pid
    for pid in $(jobs -p); do wait "$pid" 2>/dev/null || true; done
}
