#!/usr/bin/env bats
#
# client.bats - zen-lead on a real API server: what runs under elect and lock, whatever becomes of its processes.
#
#   ZL_ELECT_FAULTS     how many faults (10); 100 is the long run
#   ZL_ELECT_RELEASES   how many releases (5); 100 is the long run
#   ZL_ELECT_CRASHES    how many crashes (2); 20 is the long run
#   ZL_SEED             repeats a run's choices; each run prints its own

load lib

setup() {
    restore_programs
    new_namespace
    work=$BATS_TEST_TMPDIR/work
    mkdir "$work"
    # The command and a child of it in a session of its own. The kernel knows whether any of them lives: they hold a file lock
    # together. Each notes the boot clock, as long as it lives.
    cat >"$work/command" <<'COMMAND'
#!/bin/bash
trap '' TERM
exec 9>>lock
beat() { read -r up _ </proc/uptime && echo "$ZEN_LEAD_TOKEN $up"; }
read -r up _ </proc/uptime
flock -n 9 || echo "$ZEN_LEAD_TOKEN" >>clashes
echo "$ZEN_LEAD_TOKEN $up" >>starts
export -f beat
setsid bash -c 'trap "" TERM; while :; do beat; sleep 0.05; done >>beats' &
while :; do beat; sleep 0.05; done >>beats
COMMAND
    # One that ends when it is told to, and says when.
    cat >"$work/obedient" <<'COMMAND'
#!/bin/bash
trap 'echo "$ZEN_LEAD_TOKEN $EPOCHREALTIME" >>ends; exit 0' TERM
exec 9>>lock
flock -n 9 || echo "$ZEN_LEAD_TOKEN" >>clashes
echo "$ZEN_LEAD_TOKEN $EPOCHREALTIME" >>starts
sleep infinity &
wait
COMMAND
    chmod +x "$work/command" "$work/obedient"
}

teardown() {
    local n
    process_stop sidecar TERM || true
    process_stop doctor TERM || true
    for n in 1 2 3 4 5; do process_signal_quietly "elect-$n" CONT; process_stop "elect-$n" KILL || true; done
    [ -n "${BATS_TEST_COMPLETED:-}" ] || { cat "$work"/starts 2>/dev/null || true; tail -n 5 "$ZL_RUN"/log/elect-*.log; }
    drop_namespace
}

process_signal_quietly() {
    local pid
    if pid=$(process_pid "$1"); then kill -s "$2" "$pid"; fi
}

# elect N [COMMAND] - candidate N, with short times.
elect() {
    process_start "elect-$1" env --chdir "$work" "$ZL_BIN/zen-lead" elect --namespace "$NS" --component mailer --pod "elect-$1" \
        --lease-duration 3s --renew-deadline 2s --retry-period 300ms --grace 300ms -- "./${2:-command}"
}

# start_missing [COMMAND]
start_missing() {
    local n
    for n in 1 2 3 4 5; do process_is_running "elect-$n" || elect "$n" "$@"; done
}

# code ARGUMENT... - zen-lead's exit code.
code() {
    local status=0
    "$ZL_BIN/zen-lead" "$1" --namespace "$NS" "${@:2}" >&2 || status=$?
    echo "$status"
}

# said VERB ARGUMENT... - zen-lead's answer about this namespace.
said() { "$ZL_BIN/zen-lead" "$1" --namespace "$NS" "${@:2}"; }

elected() { k get lease mailer-leader-election -o 'jsonpath={.spec.holderIdentity}'; }
is_held() { [ -n "$(elected)" ]; }
count() { if [ -e "$work/$1" ]; then wc -l <"$work/$1"; else echo 0; fi; }
boot_ms() {
    local up
    read -r up _ </proc/uptime
    echo $((${up/./} * 10))
}

# one_fault - something happens to the supervisor or the guard of some candidate, mostly to the leader's.
one_fault() {
    local name pid victim signal=KILL
    name=$(elected) name=${name%_*}
    [ -n "$name" ] && [ $((RANDOM % 4)) -gt 0 ] || name=elect-$((RANDOM % 5 + 1))
    pid=$(process_pid "$name") || return 0
    victim=$pid
    [ $((RANDOM % 2)) -eq 0 ] || read -r victim _ <"/proc/$pid/task/$pid/children" || return 0
    [ $((RANDOM % 2)) -eq 0 ] || signal=STOP
    echo "$(boot_ms) $name $signal $([ "$victim" = "$pid" ] && echo supervisor || echo guard)"
    kill -s "$signal" "$victim" || true
    [ "$signal" = STOP ] || return 0
    (
        sleep "$((RANDOM % 5)).$((RANDOM % 10))"
        kill -s CONT "$victim" 2>/dev/null || true
    ) 3>&- &
}

# overlaps - tokens of which something lived when something of the next one lived, by the boot clock.
overlaps() {
    sort -n "$work/beats" | awk '
        !($1 in first) { order[++n] = $1; first[$1] = $2 }
        $2 < first[$1] { first[$1] = $2 }
        $2 > last[$1] { last[$1] = $2 }
        END { for (i = 1; i < n; i++) if (first[order[i + 1]] < last[order[i]]) print order[i], last[order[i]], order[i + 1], first[order[i + 1]] }'
}

# gaps - of all take-overs, in order: ms from the last sign of what ran to the start of the next, by the boot clock.
gaps() {
    sort -n "$work/beats" | awk 'FILENAME == "-" { last[$1] = $2 } FILENAME != "-" { token[++n] = $1; start[n] = $2 }
        END { for (i = 2; i <= n; i++) printf "%d\n", (start[i] - last[token[i - 1]]) * 1000 }' - "$work/starts"
}

# figures WHAT - of the ms on standard input: on bats' own output, where a person looks. Leaves the median in $median.
figures() {
    local sorted count
    sorted=$(sort -n)
    count=$(wc -l <<<"$sorted")
    at() { sed -n "$1p" <<<"$sorted"; }
    median=$(at $(((count + 1) / 2)))
    echo "# $1: $count times, p50 $median ms, p99 $(at $(((count * 99 + 99) / 100))) ms, most $(at "$count") ms" >&3
}

@test "five that elect, supervisors and guards killed and stopped: never two commands at once, grandchildren included" {
    local faults=${ZL_ELECT_FAULTS:-10} before
    RANDOM=${ZL_SEED:-$$}
    echo "seed ${ZL_SEED:-$$}"
    for _ in $(seq "$faults"); do
        start_missing
        wait_for 60 is_held
        before=$(count starts)
        one_fault
        sleep "0.$((RANDOM % 10))"
    done
    wait
    start_missing
    wait_for 60 is_held
    before=$(count starts)
    process_stop "$(elected | sed 's/_.*//')" KILL
    wait_for 60 at_least $((before + 1)) count starts
    echo "$(count starts) commands ran"
    expect "tokens that came twice" "$(cut -d' ' -f1 "$work/starts" | sort | uniq -d | wc -l)" -eq 0
    expect "commands that met another" "$(count clashes)" -eq 0
    expect "overlaps by the boot clock" "$(overlaps)" = ""
    figures "next command after a fault" < <(gaps) # among them a guard that was stopped when its candidate came to lead
}

@test "what a crash left behind is taken over when its lease ends" {
    local n
    start_missing
    wait_for 30 at_least 1 count starts
    for n in $(seq "${ZL_ELECT_CRASHES:-2}"); do
        process_signal_quietly "$(elected | sed 's/_.*//')" KILL
        wait_for 30 at_least $((n + 1)) count starts
        start_missing
    done
    figures "taken over after a crash, of a lease of 3 s" < <(gaps)
    expect "overlaps by the boot clock" "$(overlaps)" = ""
    # The aim is half a second more than the lease, on a machine that has the time: the figures above.
    expect "half of the take-overs, in ms" "$median" -le 6000
}

@test "what is released is taken over at once, and a locked command's code comes through" {
    local n
    start_missing obedient
    wait_for 30 at_least 1 count starts
    for n in $(seq "${ZL_ELECT_RELEASES:-5}"); do
        process_stop "$(elected | sed 's/_.*//')" TERM
        wait_for 30 at_least $((n + 1)) count starts
        start_missing obedient
        wait_for 30 is_held
    done
    expect "commands that met another" "$(count clashes)" -eq 0
    # From the last word of the one to the first of the next.
    figures "taken over after a release" < <(awk 'FILENAME ~ /starts$/ { start[FNR] = $2; token[FNR] = $1 } FILENAME ~ /ends$/ { end[$1] = $2 }
        END { for (i = 2; i in start; i++) printf "%d\n", (start[i] - end[token[i - 1]]) * 1000 }' "$work/starts" "$work/ends")
    expect "half of the take-overs, in ms, of a lease of 3 s" "$median" -lt 1500
    expect "the command's code" "$(code lock migrations -- sh -c 'exit 9')" -eq 9
    expect "the code of a Lease that another holds" "$(code elect --component mailer --timeout 0s -- true)" -eq 120
}

@test "status and wait say who leads, and scripts can rely on their codes and fields" {
    local leader
    policy web
    deployment app 3 web
    read -r leader _ < <(said wait web --timeout 30s)
    expect "the leader that wait prints" "$leader" = "$(k get pods -l app=app -o 'jsonpath={.items[0].metadata.name}')"
    wait_for 30 is "2 $leader" eval "said status web -o json | jq -r '.items[0] | \"\(.blocked) \(.leader)\"'"
    expect "the token of status" "$(said status -o json | jq '.items[0].token')" -eq "$(policy_status web .fencingToken)"
    wait_for 30 eval "said status | grep -qE '^web +$leader +[0-9]+ +[0-9]+[sm] +[0-9]+s +1 +2 *\$'"
    expect "a pool of another namespace" "$("$ZL_BIN/zen-lead" status -A | grep -c "^$NS ")" -eq 1
    expect "YAML" "$(said status -o yaml | grep -c "^  leader: \"$leader\"\$")" -eq 1
    expect "the code of waiting in vain" "$(code wait web --pod somebody-else --timeout 100ms)" -eq 1
    expect "the code of a pool that is not there" "$(code status no-such-pool)" -eq 1
    sed 's|https://[^" ,}]*|https://127.0.0.1:1|' "$KUBECONFIG" >"$BATS_TEST_TMPDIR/down"
    expect "the code without an API server" "$(code status --kubeconfig "$BATS_TEST_TMPDIR/down")" -eq 3
    # A pool's Lease is nobody else's.
    expect "the code of contending for it" "$(code elect --lease zen-lead-web -- true)" -eq 2
}

@test "explain says of real objects what is refused, who leads and what is not ours, and knows what the API server was told" {
    local leader follower
    policy web
    deployment app 2 web
    deployment stranger 1
    wait_for 30 is refused eval "said explain deployment/app -o json | jq -r .verdict"
    leader=$(k get pods -l app=app -o 'jsonpath={.items[0].metadata.name}')
    expect "the refused" "$(said explain deploy app | head -n 1 | grep -c "1 of 2 replicas.*$leader leads pool web")" -eq 1
    expect "the leader's verdict" "$(said explain "pod/$leader" -o json | jq -r .verdict)" = leads
    expect "the verdict of what is in no pool" "$(said explain deployment/stranger -o json | jq -r .verdict)" = not-ours
    follower=$(k get events --field-selector reason=FailedCreate -o 'jsonpath={.items[0].message}')
    expect "what the ReplicaSet was told" "$(said explain --text "$follower" -o json | jq -r .verdict)" = refused
    expect "the code of what is not there" "$(code explain pod/none)" -eq 1
}

@test "doctor finds nothing wrong with a sound control plane, in few requests, and names what is" {
    policy web
    deployment app 2 web
    wait_for 30 is refused eval "said explain deployment/app -o json | jq -r .verdict"
    said doctor -o json >"$work/sound"
    expect "what is wrong" "$(jq -r '.items[] | select(.result == "failed" or .result == "warning") | .id' "$work/sound")" = ""
    expect "what an administrator cannot know" "$(jq -r '.items[] | select(.result == "unknown") | .id' "$work/sound")" = ""
    start_anew doctor "$ZL_BIN/zen-lead" doctor --namespace "$NS" -w
    wait_for 30 grep -q ' 0 failed' "$ZL_RUN/log/doctor.log"
    expect "what it says at first" "$(grep -c ZL0 "$ZL_RUN/log/doctor.log")" -eq 0
    k patch deployment app --type merge -p '{"metadata": {"labels": {"zen-lead/pool": "wbe"}}}'
    wait_for 30 grep -q '‼ ZL0502 .*wbe' "$ZL_RUN/log/doctor.log"
    process_signal INT "$(process_pid doctor)"
    wait_for 10 process_is_gone doctor
    expect "its code with a warning" "$(code doctor --strict)" -eq 4
    expect "what it names" "$(said doctor --short | grep -c ZL0)" -eq 0
    expect "the id" "$(said doctor -o json | jq -r '.items[] | select(.result == "warning") | .id')" = ZL0502
    sed 's|https://[^" ,}]*|https://127.0.0.1:1|' "$KUBECONFIG" >"$BATS_TEST_TMPDIR/down"
    expect "the code without an API server" "$(code doctor --kubeconfig "$BATS_TEST_TMPDIR/down")" -eq 3
}

# What doctor says of the namespace's pools and of the installation: the ids of what is not well.
ailing() { said doctor -o json | jq -r '.items[] | select(.result == "failed" or .result == "warning") | .id'; }
names() { ailing | grep -qx "$1"; }
is_well() { prints_nothing ailing; }

# What is broken, and mended as its cure says.
break_ZL0203() { kubectl delete clusterrolebinding zen-lead-controller; }
# shellcheck disable=SC2154 # of programs.bash
mend_ZL0203() { kubectl apply -f "$zl_root/manifests/base/rbac.yaml"; }
break_ZL0304() { for n in 1 2 3; do stop_webhook "$n"; done; }
mend_ZL0304() { restore_programs; }

@test "doctor names faults of a real control plane by their ids, and their cures work" {
    local id
    policy web
    deployment app 2 web
    wait_for 60 one_leader app web
    wait_for 30 is_well
    for id in ZL0203 ZL0304; do
        "break_$id" >/dev/null
        wait_for 90 names "$id" || fail "$id is not named: $(ailing)"
        "mend_$id" >/dev/null
        wait_for 90 is_well || fail "not well after the cure of $id: $(ailing)"
    done
}

# leader POOL - of its Lease.
leader() { k get lease "zen-lead-$1" -o 'jsonpath={.metadata.annotations.zen-lead\.io/holder-pod}'; }
events_that_name() { k get events --field-selector "reason=$1" -o 'jsonpath={.items[*].message}' | grep -c "$2" || true; }

@test "handover and release move the leadership through the controller, once, and Events name who asked" {
    local first other token
    export USER=admin # older API servers do not say whom they take us for
    policy warm '{followerMode: standby}'
    deployment warm 2 warm
    wait_for 30 at_least 2 eval "k get pods -l app=warm -o json | jq '[.items[] | select(any(.status.conditions[]?; .type == \"Ready\" and .status == \"True\"))] | length'"
    wait_for 30 is_not "" leader warm
    first=$(leader warm)
    other=$(k get pods -l app=warm -o name | sed 's|pod/||' | grep -v "^$first\$")
    token=$(said status warm -o json | jq '.items[0].token')
    expect "what handover prints" "$(said handover warm --to "$other")" = "$other $((token + 1))"
    expect "what is left of the request" "$(k get lease zen-lead-warm -o json | jq '.metadata.annotations["zen-lead.io/handover-request"]')" = null
    wait_for 10 at_least 1 events_that_name HandedOver "$other leads in place of pod $first: admin asked"
    expect "the old leader still runs" "$(k get pod "$first" -o json | jq '.metadata.deletionTimestamp')" = null
    expect "handover to who leads already" "$(code handover warm --to "$other" --quiet)" -eq 0
    expect "release of a standby pool" "$(said release warm)" = "$first $((token + 2))"

    policy web
    deployment app 2 web
    wait_for 30 is_not "" leader web
    wait_for 30 is_not 0 policy_status web .fencingToken
    first=$(leader web)
    wait_for 30 eval "k wait --for condition=Ready --timeout 1s pod/$first"
    expect "handover where nobody else may run" "$(code handover web --to "$first-x")" -eq 1
    read -r other _ < <(said release web)
    expect "the next leader" "$other" = "$(leader web)"
    expect "that is another one" "$other" != "$first"
    expect "pods that run" "$(k get pods -l app=app -o name | wc -l)" -eq 1
    wait_for 10 at_least 1 events_that_name LeaderReplaced "$first is deleted: admin asked"
}

# example INTERPRETER FILE - what it prints; where the interpreter is not installed, that is said and nothing is wrong.
# shellcheck disable=SC2154 # zl_root is of programs.bash
example() {
    if ! command -v "$1" >/dev/null; then
        echo "skipped: no $1 for test/client/examples/$2" >&3
        return 0
    fi
    expect "$2" "$("$1" "$zl_root/test/client/examples/$2" worker "$url")" = "$3"
}

# build_go_example - $work/leader, with the Go of the PATH or the one that the control plane is built with. Without any that is said, and nothing is
# wrong; with one it must compile.
build_go_example() {
    local go
    go=$(command -v go || find /usr/lib -path '/usr/lib/go-*/bin/go' 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$go" ]; then
        echo "skipped: no go for test/client/examples/leader.go" >&3
        return 0
    fi
    env -u GOFLAGS -u GOROOT GO111MODULE=off GOCACHE="$work/gocache" "$go" build -o "$work/leader" "$zl_root/test/client/examples/leader.go"
}

# go_example WANTED - where there is a Go.
go_example() { [ ! -x "$work/leader" ] || expect leader.go "$("$work/leader" worker "$url")" = "$1"; }

# may VERB - the ServiceAccount of the example.
may() { k auth can-i --as "system:serviceaccount:$NS:worker" "$1" leases.coordination.k8s.io/zen-lead-worker || true; }

# sidecar_knows ROLE - by its own answer.
sidecar_knows() { is "$1" eval "curl -sf --noproxy '*' '$url/v1/pools/worker' | jq -r .role"; }

@test "a sidecar with the least rights says who leads, and the examples understand it" {
    local leader other token url verb
    export no_proxy=127.0.0.1
    sed 's|worker:latest.*|none|; /restartPolicy/d' "$zl_root/manifests/examples/sidecar.yaml" >"$work/sidecar.yaml"
    k apply -f "$work/sidecar.yaml"
    wait_for 30 is_not "" leader worker
    leader=$(leader worker)
    other=$(k get pods -l app=worker -o name | sed 's|pod/||' | grep -v "^$leader\$")
    for verb in get watch; do expect "its right to $verb" "$(may "$verb")" = yes; done
    for verb in patch delete; do expect "its right to $verb" "$(may "$verb")" = no; done
    start_anew sidecar env POD_NAME="$leader" "$ZL_BIN/zen-lead" sidecar worker --namespace "$NS" --port 0
    wait_for 10 grep -q http "$ZL_RUN/log/sidecar.log"
    url=$(grep -o 'http://[^ ]*' "$ZL_RUN/log/sidecar.log")
    wait_for 10 sidecar_knows leader
    token=$(curl -sf --noproxy '*' "$url/v1/pools/worker" | jq .token)
    example python3 leader.py "leader $token"
    example node leader.mjs "leader $token"
    build_go_example
    go_example leader
    said handover worker --to "$other"
    wait_for 10 sidecar_knows follower
    example python3 leader.py follower
    go_example follower
}
