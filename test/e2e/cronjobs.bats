#!/usr/bin/env bats
#
# cronjobs.bats - CronJobs of one pool: each scheduled time runs once, and the Jobs that it does not need do not pile up.
#
# Nobody waits for minutes to pass: the CronJobs look back to an hour ago (status.lastScheduleTime), and their schedule is
# moved from one minute of that hour to the next. Kubernetes' controller finds a time that it has missed, and makes
# its Job: at its next look (every 10 s, before 1.21) or at once. Up to 1.20 that is the first version of the controller, which
# puts seconds into the Jobs' names; most tests here ask for the second one, as newer versions have it.

load lib

readonly SHORT='{zl-test/succeed-after-ms: "300"}'

explain_area() {
    k get cronjobs,jobs
    k get leaderpolicy -o json | jq -c '.items[].status'
    echo "turns: $(turns | paste -sd ' ')"
}

teardown_file() {
    is_second_version && [ "$(minor_version)" -lt 21 ] || return 0
    restart_controller_manager --feature-gates=CronJobControllerV2=false
}

is_second_version() {
    [ "$(minor_version)" -ge 21 ] || tr '\0' '\n' <"/proc/$(process_pid kube-controller-manager)/cmdline" |
        grep CronJobControllerV2 | tail -n 1 | grep -q =true
}
second_version() { is_second_version || restart_controller_manager --feature-gates=CronJobControllerV2=true; }

# --- schedules -------------------------------------------------------------------------------------

cron_version() { if kubectl get --raw /apis/batch/v1 | grep -q '"cronjobs"'; then echo v1; else echo v1beta1; fi; }

# In the controller manager's time zone, which is ours: SECONDS since 1970.
schedule_of() { date -d "@$1" '+%-M %-H %-d %-m *'; }
# minute K - since 1970, of an hour ago; K minutes later.
minute() { echo $((HOUR_AGO + $1 * 60)); }

# cronjob NAME [SPEC [METADATA [JOB-METADATA [POD-ANNOTATIONS]]]] - in flow style; SPEC without braces and with a comma at its end.
cronjob() {
    local joins='labels: {zen-lead/pool: mail}'
    cat <<CRONJOB
---
apiVersion: batch/$CRON_VERSION
kind: CronJob
metadata: {name: $1, ${3:-$joins}}
spec: {
  schedule: "$(schedule_of $(($(date +%s) - 86400)))", ${2:-}
  jobTemplate: {
    metadata: {${4:-}},
    spec: {backoffLimit: 0, template: {
      metadata: {labels: {app: batch}, annotations: ${5:-$SHORT}},
      spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}}}
CRONJOB
}

setup() {
    restore_programs
    new_namespace
    CRON_VERSION=$(cron_version)
    HOUR_AGO=$((($(date +%s) - 3600) / 60 * 60))
}

# replace_status CRONJOB - with that of the object on standard input.
replace_status() { k replace --raw "/apis/batch/$CRON_VERSION/namespaces/$NS/cronjobs/$1/status" -f - >/dev/null; }

# look_back CRONJOB... - their last scheduled time was an hour ago.
look_back() {
    local name
    for name; do
        k get cronjob "$name" -o json |
            jq --arg time "$(date -u -d "@$(minute -1)" +%FT%TZ)" '.status.lastScheduleTime = $time' |
            replace_status "$name"
    done
}

# Up to 1.20 the second version is an alpha. If somebody writes the CronJob between its Job and its status, it tries again, finds
# the Job made, and notes one without a name as active; and of that it only ever says "resource name may not be empty".
take_out_nameless() {
    local object
    [ "$(minor_version)" -lt 21 ] || return 0
    k get cronjobs -o json | jq -c '.items[] | select(any(.status.active[]?; .name == null)) | .status.active |= map(select(.name))' |
        while read -r object; do
            replace_status "$(jq -r .metadata.name <<<"$object")" <<<"$object"
        done
}

# tick K CRONJOB... - minute K is due, in all of them.
tick() {
    local time name
    time=$(minute "$1")
    shift
    take_out_nameless
    for name; do k patch cronjob "$name" --type merge -p "{\"spec\": {\"schedule\": \"$(schedule_of "$time")\"}}"; done
    # The second version acts on a changed schedule when it is due again, in a year; on any other change at once.
    k annotate cronjob "$@" --overwrite "test/poke=$RANDOM$RANDOM"
}

# Number of the minute that a Job was made for: from the end of its name.
number_of_minute() { if [ "$1" -ge 1000000000 ]; then echo $((($1 - HOUR_AGO) / 60)); else echo $(($1 - HOUR_AGO / 60)); fi; }
# executions - for each Job that ever had a pod the number of its minute, in the order of their turns.
executions() { turns | sed 's/.*-//' | while read -r number; do number_of_minute "$number"; done; }

# scheduled CRONJOB K - it has made its Job for minute K.
scheduled() { is "$(date -u -d "@$(minute "$2")" +%FT%TZ)" k get cronjob "$1" -o 'jsonpath={.status.lastScheduleTime}'; }
jobs_left() { k get jobs -o json | jq '[.items[] | select(any(.status.conditions[]?; (.type == "Complete" or .type == "Failed") and .status == "True") | not)] | length'; }
runs_one() { is 1 eval 'k get pods -l app=batch --field-selector status.phase=Running -o name | wc -l'; }
finish_one() { k annotate pods --field-selector status.phase=Running -l app=batch --overwrite zl-test/succeed-after-ms=0; }
# job_of CRONJOB K - the name of its Job for minute K, whichever version made it.
job_of() {
    k get jobs -o name | sed 's|.*/||' | while read -r name; do
        [ "${name%-*}" != "$1" ] || [ "$(number_of_minute "${name##*-}")" != "$2" ] || echo "$name"
    done
}

# three_zones - as the seed of the idea has them: one CronJob for each zone, that joins in one of three ways.
three_zones() {
    {
        cronjob mail-a "successfulJobsHistoryLimit: 9," 'annotations: {zen-lead/pool: mail}'
        cronjob mail-b "successfulJobsHistoryLimit: 9," 'labels: {team: mail}' 'labels: {zen-lead/pool: mail}'
        cronjob mail-c "successfulJobsHistoryLimit: 9," 'labels: {team: mail}' "" '{zen-lead/pool: mail, zl-test/succeed-after-ms: "300"}'
    } | k apply -f -
    look_back mail-a mail-b mail-c
}

five_ticks() {
    local n name
    for n in 1 2 3 4 5; do
        tick "$n" mail-a mail-b mail-c >/dev/null
        for name in mail-a mail-b mail-c; do wait_for 60 scheduled $name "$n"; done
        # All three Jobs have been there; two of them are removed, and the third one has had its turn.
        wait_for 40 is 0 jobs_left
        # Before somebody is killed who has not told of it yet.
        wait_for 20 at_least $((n * 2)) skipped
        [ -z "${1:-}" ] || "$1" "$n"
    done
}

five_executions() {
    recorder_sync
    expect "minutes that were executed" "$(executions | paste -sd ' ')" = "1 2 3 4 5"
    expect "pods that ever ran" "$(admitted batch)" -eq 5
    expect "ticks in the status" "$(policy_status mail '.ticks[*].time' | wc -w)" -eq 5
    # Those that had no turn are gone, with an Event each on their CronJob. A CronJob controller that could not write its
    # status makes the same Job again; that one goes as well.
    expect "Jobs" "$(k get jobs -o name | wc -l)" -eq 5
    wait_for 10 at_least 10 skipped
    # At most again for each of the two changes of a tick, to the two that do not execute.
    expect "Jobs that were skipped" "$(skipped)" -le 30
}
skipped() { k get events -o json | jq '[.items[] | select(.reason == "TickSkipped" and .involvedObject.kind == "CronJob") | .count // .series.count // 1] | add // 0'; }

@test "three CronJobs, one pool, five scheduled times: five executions (the server's own CronJob controller)" {
    policy mail
    three_zones
    five_ticks
    five_executions
}

@test "the same with the second version of the controller, and ours killed between two ticks" {
    second_version
    policy mail
    three_zones
    five_ticks disturb
    five_executions
}
disturb() {
    case $1 in
    2)
        stop_controller 1 KILL
        stop_controller 2 KILL
        stop_webhook 1 KILL
        restore_programs
        ;;
    3)
        # The record of used ticks outlives the Lease.
        k delete lease zen-lead-mail
        ;;
    esac
}

@test "one CronJob is late: its Job for a time that is used up never runs, and is removed" {
    second_version
    policy mail
    three_zones
    tick 1 mail-a mail-b
    wait_for 20 scheduled mail-a 1
    wait_for 20 scheduled mail-b 1
    wait_for 20 is 0 jobs_left
    # Also when the Job that ran is gone.
    k delete jobs --all
    tick 1 mail-c
    wait_for 20 scheduled mail-c 1
    wait_for 20 is 0 jobs_left
    expect "Jobs" "$(k get jobs -o name | wc -l)" -eq 0
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 1
    wait_for 10 has_event CronJob mail-c TickSkipped
}

@test "no controller of ours runs: a scheduled time is executed once all the same" {
    second_version
    policy mail
    three_zones
    stop_controller 1 KILL
    stop_controller 2 KILL
    tick 1 mail-a mail-b mail-c
    for name in mail-a mail-b mail-c; do wait_for 20 scheduled $name 1; done
    wait_for 60 is 2 jobs_left # Kubernetes' own back-off, if the first attempts met
    poke
    stays 2 is 2 jobs_left
    poke
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 1
    start_controller 1
    start_controller 2
    wait_for 60 is 0 jobs_left
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 1
}

@test "a Job that fails has used its scheduled time up: no other CronJob's Job runs for it" {
    second_version
    policy mail
    for name in mail-a mail-b; do cronjob $name "" "" "" '{zl-test/fail-after-ms: "200"}'; done | k apply -f -
    look_back mail-a mail-b
    tick 1 mail-a mail-b
    for name in mail-a mail-b; do wait_for 20 scheduled $name 1; done
    wait_for 20 is 0 jobs_left
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 1
    expect "Jobs" "$(k get jobs -o name | wc -l)" -eq 1
}

@test "without the LeaderPolicy each CronJob runs each time: that is what the pool spares them" {
    second_version
    three_zones
    tick 1 mail-a mail-b mail-c
    for name in mail-a mail-b mail-c; do wait_for 20 scheduled $name 1; done
    wait_for 20 is 0 jobs_left
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 3
}

# --- concurrencyPolicy ------------------------------------------------------------------------------

# two_ticks POLICY - minute 1 executes and does not end, then minute 2 is due.
two_ticks() {
    second_version
    policy mail
    cronjob mail "concurrencyPolicy: $1," "" "" '{zl-test/terminate-after-ms: "1500"}' | k apply -f -
    look_back mail
    tick 1 mail
    wait_for 20 runs_one
    wait_for 20 scheduled mail 1 # so it knows that this one is active
    tick 2 mail
}

@test "concurrencyPolicy Allow: the next scheduled time waits for its turn, and executes" {
    two_ticks Allow
    wait_for 20 scheduled mail 2
    wait_for 10 is_queued "$(job_of mail 2)"
    finish_one
    wait_for 15 runs "$(job_of mail 2)"
    finish_one
    await_complete 15 --all
    recorder_sync
    expect "minutes that were executed" "$(executions | paste -sd ' ')" = "1 2"
    expect "pods at one instant" "$(most_at_once batch)" -eq 1
}

@test "concurrencyPolicy Forbid: no Job while one executes, nor while one waits; afterwards it goes on" {
    local forbidden
    two_ticks Forbid
    wait_for 10 has_event CronJob mail JobAlreadyActive
    expect "Jobs" "$(k get jobs -o name | wc -l)" -eq 1
    # Now one that waits, behind somebody else.
    job other mail | k apply -f -
    wait_for 10 is_queued other
    wait_for 3 is_older other
    finish_one
    wait_for 20 runs other
    wait_for 20 scheduled mail 2
    wait_for 10 is_queued "$(job_of mail 2)"
    forbidden=$(times_forbidden)
    tick 3 mail
    wait_for 20 at_least $((forbidden + 1)) times_forbidden
    expect "Job for the next minute" "$(job_of mail 3)" = ""
    finish other
    wait_for 15 runs "$(job_of mail 2)"
    finish_one
    wait_for 20 scheduled mail 3
    wait_for 15 runs "$(job_of mail 3)"
    recorder_sync
    expect "pods at one instant" "$(most_at_once batch)" -eq 1
}
times_forbidden() { k get events -o json | jq '[.items[] | select(.reason == "JobAlreadyActive") | .count // .series.count // 1] | add // 0'; }

@test "concurrencyPolicy Replace: the next Job takes the turn when the replaced one's pod is gone" {
    two_ticks Replace
    wait_for 20 scheduled mail 2
    wait_for 60 runs "$(job_of mail 2)" # the end of the other one's pod is the garbage collector's
    expect "Job of the minute before" "$(job_of mail 1)" = ""
    # One that waits is replaced as well, and its time is nobody's.
    job other mail | k apply -f -
    wait_for 10 is_queued other
    wait_for 3 is_older other
    tick 3 mail
    wait_for 60 runs other
    wait_for 20 scheduled mail 3
    tick 4 mail
    wait_for 20 scheduled mail 4
    expect "Job of the minute before" "$(job_of mail 3)" = ""
    finish other
    wait_for 15 runs "$(job_of mail 4)"
    recorder_sync
    expect "pods at one instant" "$(most_at_once batch)" -eq 1
}

# --- startingDeadlineSeconds, suspend, by hand ------------------------------------------------------------

@test "startingDeadlineSeconds: a Job that waits beyond it is removed with an Event, one with time left is not" {
    second_version
    policy mail
    job busy mail | k apply -f -
    wait_for 15 runs busy
    # The last full minute, so that the deadline is near.
    local deadline
    HOUR_AGO=$(($(date +%s) / 60 * 60))
    for name in hasty patient; do cronjob $name "startingDeadlineSeconds: 3600,"; done | k apply -f -
    look_back hasty patient
    tick 0 hasty
    wait_for 20 scheduled hasty 0
    wait_for 10 is_queued "$(job_of hasty 0)"
    # It comes when we have seen the Job wait, however long that took.
    deadline=$(($(date +%s) - HOUR_AGO + 5))
    k patch cronjob hasty --type merge -p "{\"spec\": {\"startingDeadlineSeconds\": $deadline}}"
    wait_for 40 is "" job_of hasty 0
    expect "seconds since its time" $(($(date +%s) - HOUR_AGO)) -ge "$deadline"
    wait_for 10 has_event CronJob hasty TickMissed
    # Nobody used the time up: it is another's to take.
    tick 0 patient
    wait_for 20 scheduled patient 0
    wait_for 10 is_queued "$(job_of patient 0)"
    finish busy
    await_complete 20 --all
    recorder_sync
    expect "turns" "$(turns | sed 's/-[0-9]*$//' | paste -sd ' ')" = "busy patient"
}

@test "a suspended CronJob makes no Job, and the others' run; one made by hand is no duplicate" {
    second_version
    policy mail
    three_zones
    k patch cronjob mail-a --type merge -p '{"spec": {"suspend": true}}'
    tick 1 mail-a mail-b mail-c
    for name in mail-b mail-c; do wait_for 20 scheduled $name 1; done
    wait_for 20 is 0 jobs_left
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 1
    expect "Jobs of the suspended one" "$(k get jobs -o name | grep -c /mail-a- || true)" -eq 0
    job_by_hand again mail-a
    job_by_hand "mail-b-$(minute 1)" mail-b
    await_complete 20 again "mail-b-$(minute 1)"
    recorder_sync
    expect "pods that ever ran" "$(admitted batch)" -eq 3
    expect "pods at one instant" "$(most_at_once batch)" -eq 1
}

# job_by_hand NAME CRONJOB - by kubectl, or as it does: kubectl 1.20 knows CronJobs of batch/v1beta1 only, and servers since 1.25
# have none.
job_by_hand() {
    k create job "$1" --from="cronjob/$2" || k get cronjob "$2" -o json | jq --arg name "$1" '{apiVersion: "batch/v1", kind: "Job",
        metadata: {name: $name, labels: .spec.jobTemplate.metadata.labels,
            annotations: ((.spec.jobTemplate.metadata.annotations // {}) + {"cronjob.kubernetes.io/instantiate": "manual"}),
            ownerReferences: [{apiVersion, kind: "CronJob", name: .metadata.name, uid: .metadata.uid}]},
        spec: .spec.jobTemplate.spec}' | k create -f -
}

@test "eight scheduled times in a row: refused Jobs do not pile up, and the record of ticks stays short" {
    second_version
    policy mail
    cronjob mail-a "successfulJobsHistoryLimit: 1," "" "" '{zl-test/succeed-after-ms: "0"}' | k apply -f -
    cronjob mail-b "successfulJobsHistoryLimit: 1," "" "" '{zl-test/succeed-after-ms: "0"}' | k apply -f -
    look_back mail-a mail-b
    local n name
    for n in $(seq 1 8); do
        tick "$n" mail-a mail-b >/dev/null
        # Both Jobs have been there: a late one would be found among those that are left.
        for name in mail-a mail-b; do wait_for 30 scheduled $name "$n"; done
        wait_for 20 is_used_up "$n"
        wait_for 40 is 0 jobs_left
    done
    recorder_sync
    expect "minutes that were executed" "$(executions | paste -sd ' ')" = "1 2 3 4 5 6 7 8"
    # How many of the executed ones are kept is their CronJob's history, and Kubernetes 1.20's alpha controller's affair.
    expect "Jobs left that never executed" "$(comm -23 <(k get jobs -o name | sed 's|.*/||' | sort) <(turns | sort))" = ""
}
is_used_up() { policy_status mail '.ticks[*].time' | grep -q "$(date -u -d "@$(minute "$1")" +%FT%TZ)"; }

@test "manifests/examples: the same report in three zones is sent once" {
    second_version
    # shellcheck disable=SC2154 # of programs.bash
    # Its own time of the day may be within the hour that is looked back to.
    sed "s|^apiVersion: batch/v1$|apiVersion: batch/$CRON_VERSION|; s|startingDeadlineSeconds: 1800|startingDeadlineSeconds: 7200|
        s|schedule: .*|schedule: \"$(schedule_of $(($(date +%s) - 86400)))\"|" \
        "$zl_root/manifests/examples/cronjob.yaml" | k apply -f -
    await_armed "$NS" report-generator
    look_back daily-report-a daily-report-b daily-report-c
    tick 1 daily-report-a daily-report-b daily-report-c
    for name in a b c; do wait_for 20 scheduled daily-report-$name 1; done
    wait_for 20 is 1 ready_pods daily-report
    wait_for 20 is 1 eval "k get jobs -o name | wc -l"
    k annotate pods -l app=daily-report zl-test/succeed-after-ms=0
    await_complete 15 --all
    recorder_sync
    expect "pods that ever ran" "$(admitted daily-report)" -eq 1
}
