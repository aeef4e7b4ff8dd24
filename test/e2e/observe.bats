#!/usr/bin/env bats
#
# observe.bats - what can be seen of zen-lead: metrics that a real Prometheus scrapes, alerts that fire for a fault and
# only then, and health that tells the truth.

load lib

setup() {
    # shellcheck disable=SC2154  # programs.bash sets it
    tools=$(bash "$zl_root/test/controlplane/prometheus.sh")
    restore_programs
    new_namespace
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    process_stop prometheus || true
    process_stop webhook-4 || true
    process_stop controller-3 || true
    process_stop link || true
    restore_programs
    drop_namespace
}

explain_area() {
    echo "--- alerts"
    prometheus alerts | jq -c '.data.alerts[] | [.state, .labels, .value]'
    log_tail prometheus 2>&1
}

# start_prometheus PROGRAM... - with the rules of the file $more_rules beside ours, it scrapes them every second and judges the rules as often. Minutes of patience become
# five seconds, and a watch may be down for 5 s, not 60: nobody waits that long in a test. (Not less: a scrape that a busy machine
# does not answer within its second looks as if the program were gone.)
start_prometheus() {
    local folder=$BATS_TEST_TMPDIR program targets=""
    for program in "$@"; do targets+="'127.0.0.1:$(port_of "$program-metrics")',"; done
    sed -E 's/^( +)for: [0-9]+[mh]$/\1for: 5s/; s/(watch_gap_seconds\)) > 60/\1 > 5/' \
        "$zl_root/manifests/monitoring/alerts.yaml" >"$folder/alerts.yaml"
    expect "rules that lost their patience" "$(grep -c 'for: 5s\|> 5$' "$folder/alerts.yaml")" -eq \
        "$(grep -c 'for: [0-9]*[mh]$\|watch_gap_seconds.*> 60' "$zl_root/manifests/monitoring/alerts.yaml")"
    cat >"$folder/prometheus.yaml" <<CONFIG
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [alerts.yaml${more_rules:+, $more_rules}]
scrape_configs:
  - {job_name: zen-lead, honor_labels: true, static_configs: [{targets: [$targets]}]}
CONFIG
    process_start prometheus "$tools/prometheus" --config.file "$folder/prometheus.yaml" --log.level warn \
        --storage.tsdb.path "$folder/data" --web.listen-address "127.0.0.1:$(port_of prometheus)"
    wait_for 60 is "$#" query 'count(up == 1)'
    wait_for 60 is "" firing # before the first scrape there is nothing, which is alarming
}

prometheus() { curl -sf --noproxy '*' -m 5 "http://127.0.0.1:$(port_of prometheus)/api/v1/$1" "${@:2}"; }
# query EXPRESSION - the values of its series, one a line.
query() { prometheus query --data-urlencode "query=$1" | jq -r '.data.result[].value[1]'; }
# firing - the names of the alerts that fire, sorted; without those about namespaces that earlier tests leave behind, and without
# the one about slow answers: what is slow on a machine that others use as well is no fault. Rules of other builds do not count.
firing() {
    local alerts
    alerts=$(prometheus alerts) || { echo "no answer" && return; }
    jq -r --arg ns "$NS" '[.data.alerts[] | select(.state == "firing") | .labels | select((.namespace // $ns) == $ns and .of == null)
        | .alertname | select(. != "ZenLeadGatekeeperSlow")] | unique | join(" ")' <<<"$alerts"
}
# fires ALERT - perhaps with others: each comes in its own time.
fires() { [[ " $(firing) " == *" $1 "* ]]; }
alert_labels() {
    prometheus alerts | jq -r --arg name "$1" --arg ns "$NS" '.data.alerts[] | .labels |
        select(.alertname == $name and .namespace == $ns) | .[]' | sort | xargs
}

all_programs=(webhook-1 webhook-2 webhook-3 controller-1 controller-2)

scrape() { curl -sf --noproxy '*' -m 5 "http://127.0.0.1:$(port_of "$1-metrics")/metrics"; }
# seen NAME LABEL... - the value of that series on the controllers; "" when neither has it.
seen() {
    local n name=$1 label line
    shift
    for n in 1 2; do
        scrape "controller-$n" | grep -E "^${name}[{ ]" | while read -r line; do
            for label in "$@"; do [[ $line == *"$label"* ]] || continue 2; done
            echo "${line##* }"
        done
    done
}
# sum NAME LABEL... - over both controllers.
sum() { echo $(($(metric controller-1 "$@") + $(metric controller-2 "$@"))); }
readyz() { curl -s --noproxy '*' -m 2 -w ' %{http_code}' "http://127.0.0.1:$(port_of "$1-metrics")/readyz" | xargs; }

annotated_service() {
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: $1, annotations: {zen-lead.io/enabled: "true"}}
spec: {selector: {app: $1}, ports: [{port: 80, targetPort: 8080}]}
SERVICE
}

@test "promtool finds nothing to improve in what both programs show" {
    policy web
    deployment web 3 web
    wait_for 60 one_leader web web
    local program
    for program in webhook-1 controller-1 controller-2; do
        scrape "$program" >"$BATS_TEST_TMPDIR/$program"
        run "$tools/promtool" check metrics <"$BATS_TEST_TMPDIR/$program"
        expect "promtool about $program: $output" "$status" -eq 0
    done
    expect "builds" "$(cat "$BATS_TEST_TMPDIR"/* | grep -c '^zen_lead_build_info{program="zen-lead-[a-z]*",version="[0-9.]*",commit="[0-9a-z-]*"} 1$')" -eq 3
}

@test "gauges about a pool and a Service follow them, and go with them" {
    local pool="namespace=\"$NS\",pool=\"web\",service=\"\"" service="namespace=\"$NS\",pool=\"\",service=\"api\""
    local of_pool="namespace=\"$NS\",pool=\"web\",service=\"web-leader\"" of_service="namespace=\"$NS\",pool=\"\",service=\"api-leader\""
    policy web
    bare_policy idle
    deployment web 3 web
    deployment api 2 ""
    annotated_service api
    wait_for 60 one_leader web web
    wait_for 30 is 1 seen zen_lead_leader_stable "$pool"
    wait_for 30 is 1 seen zen_lead_leader_stable "$service"
    wait_for 30 is 0 seen zen_lead_leader_service_without_endpoints "$of_pool"
    wait_for 30 is 0 seen zen_lead_leader_service_without_endpoints "$of_service"
    wait_for 30 is 2 seen zen_lead_pods_available "$service"
    expect "Ready pods of the pool" "$(seen zen_lead_pods_available "$pool")" -eq 1
    local since
    since=$(seen zen_lead_leader_duration_seconds "$pool")
    expect "seconds that the leader has led" "${since%.*}" -lt 600
    # Since when, its annotation says, which is written after the slices.
    wait_for 30 is_not "" seen zen_lead_leader_duration_seconds "$service"
    expect "the same of the Service" "$(seen zen_lead_leader_duration_seconds "$service" | wc -l)" -eq 1
    # web-leader, web-director, api-leader; other namespaces may still be going.
    wait_for 30 at_least 3 sum zen_lead_leader_services_total
    wait_for 30 at_least 3 sum zen_lead_endpointslices_total
    # Nobody has joined it, so nobody should lead.
    expect "a pool without workloads" "$(seen zen_lead_leader_stable 'pool="idle"')" = ""

    # Nobody can lead: what was said of the leader is not said any more.
    k annotate pods -l app=api zl-test/ready=false
    wait_for 30 is 0 seen zen_lead_leader_stable "$service"
    wait_for 30 is 1 seen zen_lead_leader_service_without_endpoints "$of_service"
    wait_for 30 is 0 seen zen_lead_pods_available "$service"
    expect "the leader that is none" "$(seen zen_lead_leader_duration_seconds "$service")" = ""

    k delete leaderpolicy web
    k annotate service api zen-lead.io/enabled-
    wait_for 30 is "" seen 'zen_lead_[a-z_]*' "namespace=\"$NS\""
}

@test "a failover is counted with its reason and timed, also when nobody led in between" {
    local before gone timed unready leader
    # It may be not Ready for longer than a busy machine keeps it so, without losing the seat.
    policy web '{leaseDurationSeconds: 300, renewDeadlineSeconds: 200}'
    deployment web 3 web
    deployment api 2 ""
    annotated_service api
    wait_for 60 one_leader web web
    wait_for 30 is 1 seen zen_lead_leader_stable "namespace=\"$NS\"" 'service="api"'
    # What still fails over in the namespaces of earlier tests would be counted too.
    wait_for 120 is_alone
    wait_for 30 is_not "" leader_annotation api-leader leader-pod-name
    leader=$(leader_annotation api-leader leader-pod-name)
    unready=$(sum zen_lead_failover_count_total 'reason="notReady"')
    k annotate pod "$leader" zl-test/ready=false
    # Another pod was Ready: it is a matter of milliseconds.
    wait_for 30 at_least $((unready + 1)) sum zen_lead_failover_count_total 'reason="notReady"'
    expect "failovers of notReady within 10 s" "$(sum zen_lead_failover_latency_seconds_bucket 'reason="notReady"' 'le="10"')" -ge 1

    # Of the pool another pod has to start. Two Services lead to it, as the controller has seen.
    wait_for 30 is 0 seen zen_lead_leader_service_without_endpoints "namespace=\"$NS\"" 'service="web-leader"'
    wait_for 30 is 0 seen zen_lead_leader_service_without_endpoints "namespace=\"$NS\"" 'service="web-director"'
    before=$(failovers) gone=$(holder web) timed=$(sum zen_lead_failover_latency_seconds_count)
    k delete pod "${gone%_*}" --wait=false
    wait_for 20 is_not "$gone" holder web
    wait_for 60 one_leader web web
    wait_for 30 is $((before + 2)) failovers
    expect "failovers that were timed" "$(sum zen_lead_failover_latency_seconds_count)" -ge $((timed + 2))
    # The same pod again is none.
    k annotate pod "$(pod_names web | cut -d/ -f2)" zl-test/ready=false
    wait_for 30 is 0 seen zen_lead_leader_stable "namespace=\"$NS\"" 'pool="web"'
    k annotate pod "$(pod_names web | cut -d/ -f2)" zl-test/ready-
    wait_for 30 is 1 seen zen_lead_leader_stable "namespace=\"$NS\"" 'pool="web"'
    stays 1 is $((before + 2)) failovers
}
failovers() { sum zen_lead_failover_count_total; }
# is_alone - the namespaces of earlier tests are gone.
is_alone() { prints_nothing kubectl get namespaces --field-selector status.phase=Terminating -o name; }

@test "Prometheus: no alert while all is well, and every query of the dashboard is answered" {
    policy web
    deployment web 3 web
    deployment api 2 ""
    annotated_service api
    wait_for 60 one_leader web web
    wait_for 30 is 1 seen zen_lead_leader_stable "namespace=\"$NS\"" 'service="api"'
    start_prometheus "${all_programs[@]}"
    expect "rules" "$(prometheus rules | jq '[.data.groups[].rules[]] | length')" -eq \
        "$(grep -c 'alert:' "$zl_root/manifests/monitoring/alerts.yaml")"
    stays 5 is "" firing
    # Only what has not happened has no data; fleets have an area of their own.
    local expression rare='failover_latency|wakes_total|errors_total|gap_seconds|retry_attempts|_fleet_'
    while read -r expression; do
        # shellcheck disable=SC2016  # Grafana's variables
        expression=${expression//'$__rate_interval'/1m} expression=${expression//'$namespace'/.*}
        prometheus query --data-urlencode "query=$expression" >"$BATS_TEST_TMPDIR/answer" || fail "refused: $expression"
        [[ $expression =~ $rare ]] || expect "series of $expression" "$(jq '.data.result | length' "$BATS_TEST_TMPDIR/answer")" -gt 0
    done < <(jq -r '.. | .expr? // empty' "$zl_root/manifests/monitoring/dashboard.json")
    expect "health of the rules" "$(prometheus rules | jq -r '[.data.groups[].rules[].health] | unique | join(" ")')" = ok
}

other_builds() { grep -v '^#' "$zl_root/test/monitoring/other_builds.txt"; }
# query_of HOW METRIC [METRIC] - as test/monitoring/other_builds.txt has them.
query_of() {
    local labels=${1#*:}
    case $1 in
    value) echo "$2" ;;
    sum) echo "sum($2)" ;;
    rate) echo "rate($2[1m])" ;;
    increase) echo "increase($2[1m])" ;;
    rates:*) echo "sum by (${1#*:}) (rate($2[1m]))" ;;
    p*:*) # of a histogram: its buckets, before the labels
        local name=${2%%\{*}
        echo "histogram_quantile(0.$(sed -E 's/^p([0-9]+):.*/\1/' <<<"$1"), sum by (le${labels:+, $labels}) (rate(${name}_bucket${2#"$name"}[1m])))" ;;
    share) echo "sum(rate($2[1m])) / (sum(rate($2[1m])) + sum(rate($3[1m])))" ;;
    *) return 1 ;;
    esac
}
# each_query COMMAND - COMMAND WHO ANSWER METRIC BEYOND QUERY, for each line of it.
each_query() {
    local who answer how metric rest other query
    while read -r who answer how metric rest; do
        other=
        [ "$how" != share ] || { other=${rest%% *} && rest=${rest#"$other"}; }
        query=$(query_of "$how" "$metric" "$other") || fail "no query: $who $how $metric"
        "$1" "$who" "$answer" "$metric" "${rest# }" "$query"
    done < <(other_builds)
}
rule_of() { [ "$1" = panel ] || printf '      - {alert: "%s", expr: %s, labels: {of: others}}\n' "$1" "$(jq -Rc . <<<"$5 $4")"; }
# Every metric of theirs is answered, or will be once it has happened, or docs/migration.md says why not.
is_answered() {
    local count name=${3%%\{*}
    count=$(prometheus query --data-urlencode "query=$5" | jq '.data.result | length') || fail "refused: $5"
    case $2 in
    yes) [ "$count" -gt 0 ] || echo "no series: $5" ;;
    after) grep -q "^| \`$name" "$zl_root/docs/metrics.md" || echo "not on docs/metrics.md: $name" ;;
    no) [ "$count" -eq 0 ] && grep -q "\`$name\`" "$zl_root/docs/migration.md" || echo "answered, or not on docs/migration.md: $name" ;;
    esac
}

@test "Prometheus: dashboard and alert rules of the Go build, loaded beside ours: each query is answered, or docs/migration.md names it" {
    # shellcheck disable=SC2034 # of start_prometheus
    local more_rules=other_builds.yaml leader
    policy web
    deployment web 3 web
    deployment api 2 ""
    annotated_service api
    wait_for 60 one_leader web web
    wait_for 30 is 1 seen zen_lead_leader_stable "namespace=\"$NS\"" 'service="api"'
    { printf 'groups:\n  - name: other-builds\n    rules:\n' && each_query rule_of; } >"$BATS_TEST_TMPDIR/other_builds.yaml"
    "$tools/promtool" check rules "$BATS_TEST_TMPDIR/other_builds.yaml"
    start_prometheus "${all_programs[@]}"
    expect "rules" "$(prometheus rules | jq '[.data.groups[].rules[]] | length')" -eq \
        $(($(grep -c 'alert:' "$zl_root/manifests/monitoring/alerts.yaml") + $(other_builds | grep -vc '^panel')))
    # One failover: what is asked of those has happened then.
    leader=$(leader_annotation api-leader leader-pod-name)
    k annotate pod "$leader" zl-test/ready=false
    wait_for 30 is_not "$leader" leader_annotation api-leader leader-pod-name
    wait_until 60 is "" each_query is_answered || fail "$(each_query is_answered)"
    expect "health of the rules" "$(prometheus rules | jq -r '[.data.groups[].rules[].health] | unique | join(" ")')" = ok
}

@test "Prometheus: a quota takes a pool's leader away, and two alerts say so until there is one again" {
    policy web
    policy other
    deployment web 3 web
    deployment other 2 other
    wait_for 60 one_leader web web
    wait_for 60 one_leader other other
    start_prometheus "${all_programs[@]}"
    stays 3 is "" firing
    k create quota none --hard pods=1
    wait_for 60 is 1 k get quota none -o 'jsonpath={.status.hard.pods}'
    k delete "$(pod_names web)" --wait=false
    wait_for 60 fires ZenLeadNoLeader
    expect "what it says" "$(alert_labels ZenLeadNoLeader)" = "ZenLeadNoLeader critical $NS web"
    # The pods that the gatekeeper lets in are refused by the quota, again and again.
    wait_for 120 is "ZenLeadClaimsReleased ZenLeadNoLeader" firing
    k delete quota none
    wait_for 120 one_leader web web # its owner is woken every 30 s by now
    wait_for 60 is ZenLeadClaimsReleased firing # for 15 minutes
}

@test "Prometheus: the webhooks stop, and alerts say so until they are back" {
    policy web
    bare_policy other
    deployment web 3 web
    wait_for 60 one_leader web web
    start_prometheus "${all_programs[@]}"
    local n
    for n in 1 2; do stop_webhook "$n"; done
    stays 3 is "" firing # one is left
    stop_webhook 3
    wait_for 60 fires ZenLeadWebhookDown
    # Probed once a minute, and when a LeaderPolicy comes or goes.
    k delete leaderpolicy other
    wait_for 90 is "ZenLeadGatekeeperNotArmed ZenLeadWebhookDown" firing
    restore_programs
    wait_for 90 is "" firing
}

@test "Prometheus: no controller acts, and one alert says so until one does" {
    policy web
    deployment web 3 web
    wait_for 60 one_leader web web
    start_prometheus "${all_programs[@]}"
    stop_controller 1 KILL
    stop_controller 2 KILL
    wait_for 60 is ZenLeadControllerDown firing
    stays 3 is ZenLeadControllerDown firing
    restore_programs
    wait_for 90 is "" firing
}

# is_unwatched PROGRAM - it says that it is not ready, which resource it does not see, and for how long: 30 s or more.
is_unwatched() { [[ $(readyz "$1") =~ ^"not ready: "[a-z]+" have not been watched for "([3-9][0-9]|[1-9][0-9][0-9])" s 503"$ ]]; }

@test "a replica that has lost its watches is not ready, says why, and Prometheus hears of it" {
    local apiserver name
    apiserver=$(grep -oE ':[0-9]+"' "$ZL_RUN/webhook.kubeconfig" | tr -d ':"')
    cat >"$BATS_TEST_TMPDIR/link.cfg" <<HAPROXY
defaults
    mode tcp
    timeout connect 1s
    timeout client 5m
    timeout server 5m
listen link
    bind 127.0.0.1:$(port_of link)
    server apiserver 127.0.0.1:$apiserver
HAPROXY
    process_start link haproxy -db -f "$BATS_TEST_TMPDIR/link.cfg"
    for name in webhook controller; do
        sed "s/:$apiserver/:$(port_of link)/" "$ZL_RUN/$name.kubeconfig" >"$ZL_RUN/$name-link.kubeconfig"
    done
    start_webhook 4 --kubeconfig "$ZL_RUN/webhook-link.kubeconfig"
    start_controller 3 --kubeconfig "$ZL_RUN/controller-link.kubeconfig" # a candidate: it is ready all the same
    await_ready webhook-4
    await_ready controller-3
    start_prometheus "${all_programs[@]}" webhook-4 controller-3
    process_stop link
    wait_for 20 fires ZenLeadWatchDown
    # A gap that a restarted API server makes is none: until 30 s are over nobody leaves the Service.
    expect "after some seconds" "$(readyz webhook-4)" = "ok 200"
    wait_for 60 is_unwatched webhook-4
    wait_for 30 is_unwatched controller-3
    expect "those that can reach the API server" "$(readyz webhook-1)" = "ok 200"
    expect "alive all the same" "$(curl -s --noproxy '*' "http://127.0.0.1:$(port_of controller-3-metrics)/healthz")" = ok
    process_start link haproxy -db -f "$BATS_TEST_TMPDIR/link.cfg"
    wait_for 40 is "ok 200" readyz webhook-4
    wait_for 40 is "ok 200" readyz controller-3
    wait_for 60 is "" firing
}
