#!/usr/bin/env bats
#
# strangers.bats - a tenant with rights in a namespace of its own, which has no LeaderPolicy, and a pod with network access
# alone, against the memory of our programs. Meanwhile a pool elsewhere fails over, also right after a restart.

load lib

# The manifests' limit is 256 MiB. A sanitizer takes several times what the program does.
peak_max_mib=128

# The API server is the first to suffer, and shares two processors with all others here. What makes other areas quick would
# make a controller give up, or a claim time out, when it is slow for 2 or 3 s: here they have users' times.
export ZL_CLAIM_TIMEOUT=41
eval "quick_$(declare -f start_controller)"
start_controller() {
    quick_start_controller "$@" --leader-elect-lease-duration-seconds 15 --leader-elect-renew-deadline-seconds 10
}
eval "quick_$(declare -f start_webhook)"
start_webhook() { quick_start_webhook "$@" --deadline-ms 2500; }
setup_file() { stop_programs; }
teardown_file() {
    stop_programs
    restart_recorder --all-namespaces
}
# restart_recorder SCOPE... - the API server ends a watch whose client does not keep up with a stranger's pods, and kubectl does not begin another.
restart_recorder() {
    process_stop recorder || true
    start_recorder "$@"
}
stop_programs() {
    local program
    for program in "${programs[@]}"; do process_stop "$program"; done
}
programs=(webhook-1 webhook-2 webhook-3 controller-1 controller-2)

setup() {
    restore_programs
    new_namespace
    restart_recorder --namespace "$NS"
    stranger=$NS-stranger
    NS=$stranger make_namespace
    policy main
    deployment web 3 main
    wait_for 60 one_leader web main
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    unset ZEN_LEAD_WATCH
    NS=$stranger drop_namespace
    # Its fat objects are the next test's, too, until they are gone.
    wait_for 120 is_gone_from_cluster "$stranger"
    drop_namespace
}

is_gone_from_cluster() {
    kubectl delete --namespace "$1" deployments,pods --all --wait=false --grace-period=0 --force >/dev/null 2>&1 || true
    prints_nothing kubectl get namespace "$1" --ignore-not-found -o name
}

# create PATH FILE - for the stranger. It goes as it is in the file: kubectl might write "<" as six bytes.
create() {
    curl -sf --noproxy '*' -m 30 -o /dev/null --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" \
        -H 'Content-Type: application/json' --data-binary "@$2" "$(grep -o 'https://[^"]*' "$ZL_RUN/kubeconfig")$1"
}

# ask PATH - as the administrator, without what kubectl would do with the answer.
ask() {
    curl -sf --noproxy '*' -m 60 --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" \
        "$(grep -o 'https://[^"]*' "$ZL_RUN/kubeconfig")$1"
}
# count_of RESOURCE - the stranger's, in apps/v1
count_of() { ask "/apis/apps/v1/namespaces/$stranger/$1?limit=1" | jq '(.metadata.remainingItemCount // 0) + (.items | length)'; }

repeat() { head -c "$1" /dev/zero | tr '\0' "$2"; }

# peak PROGRAM - the most that it ever had resident, in MiB.
peak() { awk '/^VmHWM:/ { printf "%d\n", $2 / 1024 }' "/proc/$(process_pid "$1")/status"; }

expect_small_peaks() {
    local program line="# $1:"
    for program in "${programs[@]}"; do line+=" $program $(peak "$program") MiB"; done
    echo "$line" >&3
    ldd "$ZL_BIN/zen-lead-webhook" | grep -qE 'lib[at]san' && return
    for program in "${programs[@]}"; do
        expect "peak of $program in MiB after $1" "$(peak "$program")" -lt "$peak_max_mib"
    done
}

# Not merely late.
none_complains() {
    local program
    for program in "${programs[@]}"; do
        process_is_running "$program" || return 1
        [ "$(curl -s --noproxy '*' -m 20 "http://127.0.0.1:$(port_of "$program-metrics")/readyz")" = ok ] || return 1
    done
}

restart_programs() {
    local started
    stop_programs
    started=$(now_ms)
    restore_programs
    echo "# ready $(($(now_ms) - started)) ms after the restart" >&3
}

fails_over() {
    local old
    old=$(leader_pod main)
    k delete pod "$old" --wait=false >/dev/null
    wait_for 180 leads_another "$old" # its ReplicaSet tries when it tries
    recorder_sync
    expect "pods at once" "$(most_at_once web)" = 1
}
leads_another() { one_leader web main && is_not "$1" leader_pod main; }

# asked_of_the_stranger PROGRAM - requests for objects of the stranger's namespace, or of all namespaces' pods and workloads,
# but watches: those the audit log leaves out, and a watch begins with a list.
asked_of_the_stranger() {
    jq -r --arg user "system:serviceaccount:zen-lead-system:zen-lead-$1" --arg stranger "$stranger" '
        select(.user.username == $user and .verb != "watch") |
        select(.objectRef.namespace == $stranger or
            (.objectRef.namespace == null and .verb == "list" and (.requestURI | contains("labelSelector") | not) and
                (.objectRef.resource | IN("pods", "replicasets", "controllerrevisions", "deployments", "statefulsets", "daemonsets", "jobs", "cronjobs")))) |
        .requestURI' "$ZL_RUN/audit.log"
}

@test "a stranger's objects are never asked for, at no start and whatever it creates" {
    local program
    { printf '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"fat-"},"spec":{"nodeSelector":{"no":"where"},"containers":[{"name":"main","image":"none","args":["'
      repeat 1400000 '<'; printf '"]}]}}'; } >"$BATS_TEST_TMPDIR/pod"
    for _ in {1..9}; do create "/api/v1/namespaces/$stranger/pods" "$BATS_TEST_TMPDIR/pod"; done
    restart_programs
    fails_over
    expect_small_peaks "a start beside nine fat pods"
    expect "requests of the controller for what is none of its business" "$(asked_of_the_stranger controller | sort -u)" = ""
    expect "requests of the webhook for what is none of its business" "$(asked_of_the_stranger webhook | sort -u)" = ""
    for program in "${programs[@]}"; do
        expect "streams for pods of $program" "$(metric "$program" zen_lead_watch_streams 'resource="pods"')" -ge 1
    done
}

# What they are with --watch=cluster, and where the stranger has a pool of its own.
@test "--watch=cluster: fat pods and Deployments on the watch and in a list of all namespaces stop nobody" {
    local args
    watch_cluster
    { printf '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"fat-"},"spec":{"nodeSelector":{"no":"where"},"containers":[{"name":"main","image":"none","args":["'
      repeat 1400000 '<'; printf '"]}]}}'; } >"$BATS_TEST_TMPDIR/pod"
    args=$(repeat 24000 x | sed 's/x/"A",/g')
    printf '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generateName":"fat-"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"none","args":[%s]}]}}}}' \
        "${args%,}" >"$BATS_TEST_TMPDIR/deployment"
    expect "bytes of a Deployment" "$(wc -c <"$BATS_TEST_TMPDIR/deployment")" -gt 95000
    for _ in {1..5}; do create "/api/v1/namespaces/$stranger/pods" "$BATS_TEST_TMPDIR/pod"; done
    export -f create
    export stranger
    # shellcheck disable=SC2016 # for the inner shell
    seq 60 | xargs -P 4 -I{} bash -c 'create "/apis/apps/v1/namespaces/$stranger/deployments" "$1"' _ "$BATS_TEST_TMPDIR/deployment"
    # What the controller manager makes of them is over, and the API server has time for others again.
    wait_for 120 is 60 count_of replicasets
    fails_over
    none_complains
    expect_small_peaks "fat objects on the watch"
    restart_programs
    fails_over
    expect "objects that were too large" "$(metric webhook-1 zen_lead_watch_objects_cut_total)" = 0
    expect_small_peaks "a list of them"
    expect "streams for pods" "$(metric controller-1 zen_lead_watch_streams 'resource="pods"')" = 1
    unset ZEN_LEAD_WATCH
    restart_programs
}

watch_cluster() {
    export ZEN_LEAD_WATCH=cluster
    restart_programs
}

# review OBJECT-FILE RESOURCE - as the API server would send it; without an owner a pod is in no pool.
review() {
    printf '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"x","operation":"CREATE","namespace":"%s","resource":{"group":"%s","version":"v1","resource":"%s"},"object":' \
        "$NS" "$2" "$3"
    cat "$1"
    printf '}}'
}

# post PATH FILE - its HTTP status
post() {
    curl -s --noproxy '*' -m 30 --cacert "$ZL_RUN/tls/ca.crt" -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
        --data-binary "@$2" "https://127.0.0.1:$(port_of webhook-1)${1/#\/validate-pods/$REVIEW_PATH}" || true
}

# Wherever the bytes are: where nobody reads them, or where all is read.
@test "many large reviews at once, by somebody who only has the network: small ones are answered" {
    local env dir=$BATS_TEST_TMPDIR statuses
    restart_programs # for the peaks
    env=$(repeat 240000 x | sed 's/x/{"name":"A"},/g')
    printf '{"metadata":{"name":"a"},"spec":{"containers":[{"env":[%s]}]}}' "${env%,}" >"$dir/object"
    review "$dir/object" "" pods >"$dir/pod"
    review "$dir/object" apps deployments >"$dir/workload"
    { printf '{"metadata":{"name":"a"},"spec":{"unknown":[0'; repeat 110000 x | sed 's/x/,0/g'; printf ']}}'; } >"$dir/object"
    review "$dir/object" coordination.kube-zen.io leaderpolicies >"$dir/policy"
    echo '{"metadata":{"name":"a"}}' >"$dir/object"
    review "$dir/object" "" pods >"$dir/small"
    expect "bytes of a review" "$(wc -c <"$dir/pod")" -gt 3000000

    export -f post port_of free_port
    REVIEW_PATH=$(review_path)
    export ZL_RUN REVIEW_PATH
    local attack=()
    for path in validate-pods:pod warn-workload:workload validate-leaderpolicy:policy validate-leaderpolicy:pod; do
        # shellcheck disable=SC2016 # for the inner shell
        seq 80 | xargs -P 8 -I{} bash -c 'post "/$1" "$2"' _ "${path%:*}" "$dir/${path#*:}" >"$dir/statuses-${path/:/-}" 3>&- &
        attack+=($!)
    done
    for _ in {1..20}; do expect "status of a small review" "$(post /validate-pods "$dir/small")" = 200; done
    fails_over
    wait "${attack[@]}"
    for statuses in "$dir"/statuses-*; do echo "# ${statuses##*/statuses-}: $(sort "$statuses" | uniq -c | tr -s '\n ' ' ')" >&3; done
    expect "pods, of which little is read" "$(sort -u "$dir/statuses-validate-pods-pod")" = 200
    expect "answers" "$(cat "$dir"/statuses-* | grep -cxE '200|413|429')" = 320
    expect_small_peaks "many large reviews"
    fails_over
}
