#!/usr/bin/env bats
#
# traffic.bats - leader Services: one endpoint, the right one, and nothing else touched.

load lib

explain_area() {
    k get services,endpointslices -o wide
    k get endpointslices -o json | jq -c '.items[] | {name: .metadata.name, ports, endpoints}'
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    [ -z "${dismantled:-}" ] || everything_again
    unblock_services >/dev/null
    drop_namespace
}

# --- what the tests are made of -----------------------------------------------------------------------

# pod NAME [ANNOTATIONS [PORTS [APP]]] - a pod of "web" without owner, when it is Ready (or will not be).
pod() {
    k create -f - <<POD
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: ${4:-web}}, annotations: ${2:-{\}}}
spec: {containers: [{name: main, image: none, ports: ${3:-[{containerPort: 8080, name: http\}]}}]}
POD
    [ -n "${2:-}" ] || wait_for 10 is_ready "$1"
}

is_ready() { [ "$(k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }

# service NAME ANNOTATIONS [PORTS [MORE-SPEC [APP]]] - it selects APP, or the app of its own name.
service() {
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: $1, annotations: $2}
spec: {selector: {app: ${5:-$1}}, ports: ${3:-[{name: http, port: 80, targetPort: 8080\}]}, ${4:-}}
SERVICE
}

enabled='{zen-lead.io/enabled: "true"}'

slices() { k get endpointslices -l "kubernetes.io/service-name=$1" -o json; }

# endpoint SERVICE - the names of the pods that get its traffic
endpoint() {
    slices "$1" | jq -r '[.items[].endpoints[]? | select(.conditions.ready != false) | .targetRef.name] | join(" ")'
}
# target_ports SERVICE - name:port/protocol of its EndpointSlices
target_ports() {
    slices "$1" | jq -r '[.items[].ports[]? | "\(.name):\(.port)/\(.protocol)"] | sort | join(" ")'
}
leads() { [ "$(endpoint "$1")" = "$2" ]; }
# leads_one SERVICE APP - exactly one pod of APP, which is Ready
leads_one() {
    local pod
    pod=$(endpoint "$1")
    [[ -n $pod && $pod != *" "* ]] &&
        is "True $2" k get pod "$pod" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.metadata.labels.app}'
}
leads_other() { leads_one "$1" "$2" && ! leads "$1" "$3"; }
leads_not() {
    local pod
    pod=$(endpoint "$1") && [ -n "$pod" ] && [ "$pod" != "$2" ]
}
has_no_endpoint() { [ "$(slices "$1" | jq '.items | length')" -ge 1 ] && leads "$1" ""; }

service_field() { k get service "$1" -o "jsonpath=$2"; }
all_gone() { is_gone service "$1" && [ "$(slices "$1" | jq '.items | length')" = 0 ]; }

three_pods() {
    pod a
    pod b
    pod c
}

# Everything of this namespace that users or Kubernetes have written; ours would show.
inventory() {
    k get services,endpointslices -o json | jq -r '.items[] |
        select(.metadata.labels["endpointslice.kubernetes.io/managed-by"] != "endpointslice-controller.k8s.io") |
        "\(.kind)/\(.metadata.name) \(.spec // .endpoints | tojson)"' | sort
}

# --- one Service --------------------------------------------------------------------------------------

@test "an annotated Service: a leader Service without selector and one endpoint; nothing else is touched" {
    local slice pod_version
    pod a
    sleep 1.1 # readiness has whole seconds
    pod b
    pod_version=$(k get pod a -o 'jsonpath={.metadata.resourceVersion}')
    service web '{}'
    stays 1 is_gone service web-leader
    k annotate service web zen-lead.io/enabled=true
    wait_for 10 leads web-leader a

    expect "selector" "$(service_field web-leader '{.spec.selector}')" = ""
    expect "type" "$(service_field web-leader '{.spec.type}')" = ClusterIP
    [[ $(service_field web-leader '{.spec.clusterIP}') == 10.* ]] || fail "no address"
    expect "port" "$(service_field web-leader '{.spec.ports[*].name}{.spec.ports[*].port}')" = http80
    expect "owner" "$(service_field web-leader '{.metadata.ownerReferences[*].uid}')" = "$(service_field web '{.metadata.uid}')"
    expect "managed-by" "$(service_field web-leader '{.metadata.labels.app\.kubernetes\.io/managed-by}')" = zen-lead
    expect "source" "$(service_field web-leader '{.metadata.labels.zen-lead\.io/source-service}')" = web
    wait_for 20 is a leader_annotation web-leader leader-pod-name
    expect "leader's uid" "$(leader_annotation web-leader leader-pod-uid)" = "$(pod_uid pod/a)"
    expect "switch time" "$(leader_annotation web-leader leader-last-switch-time)" != ""

    slice=$(slices web-leader | jq -c '.items[]')
    expect "slices and their owners" "$(jq -r '.metadata.ownerReferences[].uid' <<<"$slice" | wc -l)" -eq 1
    expect "managed-by" "$(jq -r '.metadata.labels["endpointslice.kubernetes.io/managed-by"]' <<<"$slice")" = zen-lead
    expect "address" "$(jq -r '.endpoints[].addresses[]' <<<"$slice")" = "$(k get pod a -o 'jsonpath={.status.podIP}')"
    expect "address type" "$(jq -r .addressType <<<"$slice")" = IPv4
    expect "uid" "$(jq -r '.endpoints[].targetRef.uid' <<<"$slice")" = "$(pod_uid pod/a)"
    expect "node" "$(jq -r '.endpoints[] | .nodeName // .topology["kubernetes.io/hostname"]' <<<"$slice")" = \
        "$(k get pod a -o 'jsonpath={.spec.nodeName}')"
    [[ $(jq -r '.endpoints[] | .zone // .topology["topology.kubernetes.io/zone"]' <<<"$slice") == zone-* ]] || fail "no zone"
    expect "target port" "$(target_ports web-leader)" = http:8080/TCP

    expect "the pod's version" "$(k get pod a -o 'jsonpath={.metadata.resourceVersion}')" = "$pod_version"
    expect "the source's selector" "$(service_field web '{.spec.selector.app}')" = web
    wait_for 10 has_event Service web LeaderServiceCreated
    wait_for 10 has_event Service web LeaderRoutingAvailable
}

# fails_over COMMAND... - does it to the leader: the next pod gets the traffic. How soon, make bench-failover measures.
fails_over() {
    local leader
    three_pods
    service web "$enabled"
    wait_for 30 leads_one web-leader web
    leader=$(endpoint web-leader)
    "$@" "$leader"
    wait_for 20 leads_not web-leader "$leader"
    stays 1 leads_other web-leader web "$leader"
    wait_for 20 is "$(endpoint web-leader)" leader_annotation web-leader leader-pod-name
    wait_for 10 has_event Service web LeaderChanged
}

make_not_ready() { k annotate pod "$1" zl-test/ready=false; }
make_ready() { k annotate pod "$1" zl-test/ready-; }
delete_pod() { k delete pod "$1" --wait=false; }
fail_pod() { k annotate pod "$1" zl-test/fail-after-ms=1; }
# Its node is gone: the pod is Terminating for ever, and still says Ready.
lose_node() {
    k annotate pod "$1" zl-test/stuck=true
    delete_pod "$1"
}

@test "failover: the leader is not Ready" { fails_over make_not_ready; }
@test "failover: the leader is deleted" { fails_over delete_pod; }
@test "failover: the leader has Failed" { fails_over fail_pod; }
@test "failover: the leader's node is gone" { fails_over lose_node; }

@test "a terminating pod never gets traffic again, although it says Ready and is the oldest" {
    pod a
    service web "$enabled"
    wait_for 10 leads web-leader a
    pod b
    lose_node a
    wait_for 20 leads web-leader b
    is_ready a
    make_not_ready b
    wait_for 20 has_no_endpoint web-leader
    stays 2 has_no_endpoint web-leader
    make_ready b
    wait_for 20 leads web-leader b
}

# late_elder SERVICE-ANNOTATIONS - b leads; then a, which has been Ready for longer, joins the Service.
late_elder() {
    pod a '' '' other
    sleep 2.1
    pod b
    service web "$1"
    wait_for 10 leads web-leader b
    k label pod a app=web --overwrite
}

@test "sticky: who leads keeps leading when an older pod appears" {
    late_elder "$enabled"
    stays 2 leads web-leader b
}

@test "sticky \"false\": the pod that has been Ready longest leads" {
    late_elder '{zen-lead.io/enabled: "true", zen-lead.io/sticky: "false"}'
    wait_for 20 leads web-leader a
}

@test "strategy: newest and oldest choose by creation; node-aware another node than the lost leader's" {
    three_pods
    sleep 1.1 # creation has whole seconds
    pod d
    service web '{zen-lead.io/enabled: "true", zen-lead.io/strategy: newest}'
    wait_for 10 leads web-leader d
    k annotate service web zen-lead.io/strategy=oldest zen-lead.io/sticky=false --overwrite
    wait_for 20 leads_other web-leader web d
    k annotate service web zen-lead.io/strategy=newest --overwrite
    wait_for 20 leads web-leader d
    k annotate service web zen-lead.io/strategy=random --overwrite
    wait_for 10 has_event Service web InvalidService
}

node_of() { k get pod "$1" -o 'jsonpath={.spec.nodeName}'; }
# on_node NAME NODE - a pod of "web" there, when it is Ready.
on_node() {
    k create -f - <<POD
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: web}}
spec: {nodeName: $2, containers: [{name: main, image: none, ports: [{containerPort: 8080, name: http}]}]}
POD
    wait_for 10 is_ready "$1"
}

@test "strategy node-aware: after a failover a pod of another node leads, although one beside it has been Ready longer" {
    local nodes
    read -ra nodes <<<"$(kubectl get nodes -o 'jsonpath={.items[*].metadata.name}')"
    expect "nodes" "${#nodes[@]}" -ge 2
    on_node a "${nodes[0]}"
    service web '{zen-lead.io/enabled: "true", zen-lead.io/strategy: node-aware}'
    wait_for 10 leads web-leader a
    on_node b "${nodes[0]}"
    sleep 1.1 # readiness has whole seconds
    on_node c "${nodes[1]}"
    make_not_ready a
    wait_for 20 leads web-leader c
}

@test "failover-min-delay: a leader that is not Ready is waited for, one that is deleted is not" {
    service web '{zen-lead.io/enabled: "true", zen-lead.io/failover-min-delay: "1h"}'
    pod a
    wait_for 20 leads web-leader a
    pod b
    make_not_ready a
    wait_for 20 has_no_endpoint_ready web-leader
    wait_for 10 has_event Service web LeaderNotReady
    stays 2 has_no_endpoint_ready web-leader
    make_ready a
    wait_for 20 leads web-leader a
    # Shorter: the same fault moves the traffic once it has lasted so long.
    k annotate service web zen-lead.io/failover-min-delay=3s --overwrite
    make_not_ready a
    wait_for 20 has_no_endpoint_ready web-leader
    wait_for 20 leads web-leader b
    k annotate service web zen-lead.io/failover-min-delay=1h --overwrite
    make_ready a
    wait_for 10 is_ready a
    delete_pod b
    wait_for 20 leads web-leader a
}
# Its slice names a pod, which gets no traffic.
has_no_endpoint_ready() { leads "$1" "" && [ "$(slices "$1" | jq '[.items[].endpoints[]?] | length')" = 1 ]; }

@test "labels and annotations that the source lists are carried over, follow it, and go; nobody else's do" {
    pod a
    service web '{zen-lead.io/enabled: "true", zen-lead.io/copy-labels: "team, app.kubernetes.io/instance",
        zen-lead.io/copy-annotations: "external-dns.alpha.kubernetes.io/*", external-dns.alpha.kubernetes.io/hostname: web.example}'
    k label service web team=one app.kubernetes.io/instance=shop other=x
    wait_for 10 leads web-leader a
    wait_for 10 is one service_field web-leader '{.metadata.labels.team}'
    wait_for 10 is web.example service_field web-leader '{.metadata.annotations.external-dns\.alpha\.kubernetes\.io/hostname}'
    expect "not listed" "$(service_field web-leader '{.metadata.labels.other}')" = ""
    expect "by which Argo CD would prune it" "$(service_field web-leader '{.metadata.labels.app\.kubernetes\.io/instance}')" = ""
    k label service web-leader mine=yes
    k label service web-leader team=edited --overwrite
    wait_for 10 is one service_field web-leader '{.metadata.labels.team}'
    k label service web team=two --overwrite
    wait_for 10 is two service_field web-leader '{.metadata.labels.team}'
    k annotate service web zen-lead.io/copy-labels- external-dns.alpha.kubernetes.io/hostname-
    wait_for 10 is "" service_field web-leader '{.metadata.labels.team}'
    wait_for 10 is "" service_field web-leader '{.metadata.annotations.external-dns\.alpha\.kubernetes\.io/hostname}'
    expect "somebody else's label" "$(service_field web-leader '{.metadata.labels.mine}')" = yes
}

@test "leader-service-type: NodePort and LoadBalancer on request; the node port stays through a failover; and back" {
    local port
    pod a
    service web '{zen-lead.io/enabled: "true", zen-lead.io/leader-service-type: NodePort}' '[{name: http, port: 80, targetPort: 8080}]' 'type: NodePort'
    wait_for 10 leads web-leader a
    expect "type" "$(service_field web-leader '{.spec.type}')" = NodePort
    port=$(service_field web-leader '{.spec.ports[0].nodePort}')
    [[ $port =~ ^3[0-9]{4}$ ]] || fail "no node port: $port"
    expect "another one than the source's" "$port" != "$(service_field web '{.spec.ports[0].nodePort}')"
    pod b
    make_not_ready a
    wait_for 20 leads web-leader b
    wait_for 10 is b leader_annotation web-leader leader-pod-name
    expect "node port after a failover" "$(service_field web-leader '{.spec.ports[0].nodePort}')" = "$port"
    k annotate service web zen-lead.io/leader-service-type=LoadBalancer --overwrite
    wait_for 10 is LoadBalancer service_field web-leader '{.spec.type}'
    expect "node port behind the load balancer" "$(service_field web-leader '{.spec.ports[0].nodePort}')" = "$port"
    k annotate service web zen-lead.io/leader-service-type-
    wait_for 10 is ClusterIP service_field web-leader '{.spec.type}'
    wait_for 10 is "" service_field web-leader '{.spec.ports[0].nodePort}'
    wait_for 10 leads web-leader b
}

@test "min-ready-duration: a pod leads only after it has been Ready for that long" {
    service web '{zen-lead.io/enabled: "true", zen-lead.io/min-ready-duration: "4s"}'
    wait_for 10 has_no_endpoint web-leader
    pod a
    wait_for 20 leads web-leader a
    expect "seconds that a was Ready before" "$(ready_before a)" -ge 4
    pod b
    make_not_ready a
    wait_for 20 leads web-leader b
    expect "seconds that b was Ready before" "$(ready_before b)" -ge 4
}

# ready_before POD - how long it was Ready when it was made the leader, by what both objects say, in whole seconds. Whenever
# the test comes to look.
ready_before() {
    local since
    wait_for 10 is "$1" leader_annotation web-leader leader-pod-name
    since=$(k get pod "$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime}')
    echo $(($(date -d "$(leader_annotation web-leader leader-last-switch-time)" +%s) - $(date -d "$since" +%s)))
}

@test "no pod, no Ready pod: an empty slice and an Event that says which; then it recovers" {
    service web "$enabled"
    wait_for 10 has_event Service web NoPodsFound
    pod a
    wait_for 20 leads web-leader a
    make_not_ready a
    wait_for 20 has_no_endpoint web-leader
    wait_for 10 has_event Service web NoReadyPods
    stays 1 has_no_endpoint web-leader
    make_ready a
    wait_for 20 leads web-leader a
}

# --- ports --------------------------------------------------------------------------------------------

@test "a targetPort by name is looked up in the pod that leads; a leader without it gets no traffic" {
    pod a '' '[{containerPort: 8080, name: http}]'
    service web "$enabled" '[{name: http, port: 80, targetPort: http}]'
    wait_for 10 is http:8080/TCP target_ports web-leader
    pod b '' '[{containerPort: 9090, name: http}]'
    make_not_ready a
    wait_for 20 leads web-leader b
    expect "target port" "$(target_ports web-leader)" = http:9090/TCP
    pod c '' '[{containerPort: 7070, name: other}]'
    make_not_ready b
    wait_for 10 has_event Service web PortResolutionFailed
    wait_for 10 has_no_endpoint web-leader # the Event may be quicker
    # It leads all the same, as the one that has been Ready longest: readiness has whole seconds.
    sleep 1.1
    make_ready a
    wait_for 10 is_ready a
    stays 1 has_no_endpoint web-leader
}

@test "several ports, protocol and appProtocol are kept; they follow the source" {
    pod a '' '[{containerPort: 8080, name: http}, {containerPort: 5353, name: dns, protocol: UDP}]'
    service web "$enabled" \
        '[{name: http, port: 80, targetPort: http, appProtocol: http}, {name: dns, port: 53, targetPort: 5353, protocol: UDP}]'
    wait_for 10 leads web-leader a
    expect "target ports" "$(target_ports web-leader)" = "dns:5353/UDP http:8080/TCP"
    expect "ports" "$(service_field web-leader '{range .spec.ports[*]}{.name}:{.port}/{.protocol} {end}')" = "http:80/TCP dns:53/UDP "
    expect "appProtocol of the slice" "$(slices web-leader | jq -r '.items[].ports[] | select(.name == "http").appProtocol')" = http
    k patch service web --type json -p '[{"op": "replace", "path": "/spec/ports/0/port", "value": 8000},
        {"op": "replace", "path": "/spec/ports/0/targetPort", "value": 8001}]'
    wait_for 20 is "dns:5353/UDP http:8001/TCP" target_ports web-leader
    wait_for 20 is "8000 53" service_field web-leader '{.spec.ports[*].port}'
}

@test "a headless source gets a leader Service with an address" {
    pod a
    service web "$enabled" '[{name: http, port: 8080}]' 'clusterIP: None'
    wait_for 10 leads web-leader a
    [[ $(service_field web-leader '{.spec.clusterIP}') == 10.* ]] || fail "no address"
    expect "target port" "$(target_ports web-leader)" = http:8080/TCP
}

# both_families POD ADDRESS - POD has ADDRESS as well.
both_families() {
    k get pod "$1" -o json | jq --arg ip "$2" '.status.podIPs += [{ip: $ip}]' |
        kubectl replace --raw "/api/v1/namespaces/$NS/pods/$1/status" -f - >/dev/null
    expect "addresses" "$(k get pod "$1" -o 'jsonpath={.status.podIPs[*].ip}' | wc -w)" -eq 2
}
families() { slices "$1" | jq -r '[.items[] | "\(.addressType)=\(.endpoints[]?.addresses[])"] | sort | join(" ")'; }

@test "a dual-stack Service gets a leader Service of both families, and a slice for each" {
    pod a
    pod b '{zl-test/ready: "false"}'
    both_families a fd00::a
    service web "$enabled" '[{name: http, port: 8080}]' 'ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6, IPv4]'
    wait_for 10 is "IPv4=$(k get pod a -o 'jsonpath={.status.podIP}') IPv6=fd00::a" families web-leader
    expect "families" "$(service_field web-leader '{.spec.ipFamilies[*]}')" = "IPv6 IPv4"
    expect "addresses of its own" "$(service_field web-leader '{.spec.clusterIPs[*]}' | wc -w)" -eq 2
    k annotate pod b zl-test/ready-
    k annotate pod a zl-test/ready=false
    wait_for 10 is_ready b
    both_families b fd00::b # the stand-in has just written the one that it knows
    wait_for 10 is "IPv4=$(k get pod b -o 'jsonpath={.status.podIP}') IPv6=fd00::b" families web-leader
}

@test "a Service of one family gets that one, whatever its pods have" {
    pod a "" "" six
    pod b "" "" four
    both_families a fd00::a
    both_families b fd00::b
    service six "$enabled" '[{name: http, port: 8080}]' 'ipFamilyPolicy: SingleStack, ipFamilies: [IPv6]'
    service four "$enabled" '[{name: http, port: 8080}]' 'ipFamilyPolicy: SingleStack, ipFamilies: [IPv4]'
    wait_for 10 is "IPv6=fd00::a" families six-leader
    wait_for 10 is "IPv4=$(k get pod b -o 'jsonpath={.status.podIP}')" families four-leader
    expect "family" "$(service_field six-leader '{.spec.ipFamilies[*]}')" = IPv6
}

@test "a Service that selects nothing is told so" {
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: blind, annotations: $enabled}
spec: {ports: [{port: 80}]}
SERVICE
    wait_for 10 has_event Service blind InvalidService
    is_gone service blind-leader
}

# --- coming and going -----------------------------------------------------------------------------------

@test "own name, another name, opt-out: the cluster is as it was" {
    local before
    pod a
    service web '{}'
    before=$(inventory)
    k annotate service web zen-lead.io/enabled=true zen-lead.io/leader-service-name=web-primary
    wait_for 10 leads web-primary a
    is_gone service web-leader
    k annotate service web zen-lead.io/leader-service-name=web-boss --overwrite
    wait_for 10 leads web-boss a
    wait_for 30 all_gone web-primary
    k annotate service web zen-lead.io/leader-service-name-
    wait_for 10 leads web-leader a
    wait_for 30 all_gone web-boss
    k annotate service web zen-lead.io/enabled-
    wait_for 30 all_gone web-leader
    expect "all Services and EndpointSlices" "$(inventory)" = "$before"
    stays 1 all_gone web-leader
}

@test "opt-out and deletion while no controller runs are caught up with" {
    pod a
    service web "$enabled"
    wait_for 10 leads web-leader a
    stop_controller 1
    stop_controller 2
    k annotate service web zen-lead.io/enabled=false --overwrite
    restore_programs
    wait_for 30 all_gone web-leader
}

@test "the source is deleted: so are the leader Service and its slice" {
    pod a
    service web "$enabled"
    wait_for 10 leads web-leader a
    k delete service web
    wait_for 30 all_gone web-leader
}

@test "a Service of that name that is not ours is never touched; ours comes when it goes" {
    local version
    pod a
    service web-leader '{}' '[{name: mine, port: 1234}]'
    version=$(service_field web-leader '{.metadata.resourceVersion}')
    service web "$enabled"
    wait_for 10 has_event Service web NameConflict
    stays 1 is "$version" service_field web-leader '{.metadata.resourceVersion}'
    expect "our slices" "$(k get endpointslices -l endpointslice.kubernetes.io/managed-by=zen-lead -o name)" = ""
    k annotate service web zen-lead.io/enabled=false --overwrite
    stays 1 is "$version" service_field web-leader '{.metadata.resourceVersion}'
    k annotate service web zen-lead.io/enabled=true --overwrite
    wait_for 10 at_least 2 conflicts web
    k delete service web-leader
    # Its deletion is an event: there is no other look at a name that memory knows to be taken.
    wait_for 20 leads web-leader a
    wait_for 10 is "$(service_field web '{.metadata.uid}')" service_field web-leader '{.metadata.ownerReferences[*].uid}'
}

# conflicts SERVICE - how often it was told of a name that is taken
conflicts() {
    k get events -o json | jq --arg name "$1" '[.items[] | select(.reason == "NameConflict" and .involvedObject.name == $name) | .count // .series.count // 1] | add'
}

@test "an EndpointSlice of that name that is not ours is never touched" {
    local version
    pod a
    k apply -f - <<SLICE
apiVersion: $(kubectl api-versions | grep -x -m 1 discovery.k8s.io/v1 || echo discovery.k8s.io/v1beta1)
kind: EndpointSlice
metadata: {name: web-leader}
addressType: IPv4
endpoints: []
SLICE
    slice_version() { k get endpointslice web-leader -o 'jsonpath={.metadata.resourceVersion}'; }
    version=$(slice_version)
    service web "$enabled"
    wait_for 10 has_event Service web NameConflict
    stays 1 is "$version" slice_version
    k delete endpointslice web-leader
    # Nobody follows other people's slices: it is looked for every five seconds.
    wait_for 20 leads web-leader a
}

@test "pool: a Service of that name that is not ours is never touched; ours comes when it goes" {
    local version
    service api-leader '{}' '[{name: mine, port: 1234}]'
    version=$(service_field api-leader '{.metadata.resourceVersion}')
    # A pool that renews its Lease so seldom is not looked at for more than a minute, unless an event says so.
    policy team '{followerMode: standby, leaseDurationSeconds: 300, renewDeadlineSeconds: 200, retryPeriodSeconds: 100}'
    deployment api 2 team
    wait_for 15 has_event Deployment api NameConflict
    # The others of the pool do not suffer from it.
    wait_for 30 leads_one team-director api
    stays 1 is "$version" service_field api-leader '{.metadata.resourceVersion}'
    k delete service api-leader
    wait_for 20 leads_one api-leader api
}

@test "edited or deleted by somebody else: put right" {
    local slice
    pod a
    pod b
    service web "$enabled"
    wait_for 30 leads_one web-leader web
    slice=$(slices web-leader | jq -r '.items[0].metadata.name')

    k patch endpointslice "$slice" --type json -p '[{"op": "replace", "path": "/endpoints/0/addresses/0", "value": "192.0.2.1"}]'
    address() { slices web-leader | jq -r '.items[].endpoints[].addresses[]'; }
    wait_for 20 is "$(k get pod "$(endpoint web-leader)" -o 'jsonpath={.status.podIP}')" address
    k patch service web-leader --type json -p '[{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]'
    wait_for 20 is 80 service_field web-leader '{.spec.ports[*].port}'
    k delete endpointslice "$slice"
    wait_for 20 leads_one web-leader web
    wait_for 10 has_event Service web EndpointSliceDeleted
    k delete service web-leader
    wait_for 10 is web-leader service_field web-leader '{.metadata.name}'
    wait_for 30 leads_one web-leader web # the slices were there all the time
    # What others add to our objects stays: nobody fights over it.
    k annotate service web-leader example.com/note=kept
    stays 1 is kept service_field web-leader '{.metadata.annotations.example\.com/note}'
}

@test "somebody gives the leader Service a selector: it is taken away, with what Kubernetes made of it" {
    pod a
    pod b
    service web "$enabled"
    wait_for 30 leads_one web-leader web
    # With a controller that is quick about it, Kubernetes may make nothing of it, or make it after the test has looked.
    stop_controller 1
    stop_controller 2
    k patch service web-leader --type merge -p '{"spec": {"selector": {"app": "web"}}}'
    wait_for 30 at_least 3 endpoint_count web-leader
    restore_programs
    wait_for 20 is "" service_field web-leader '{.spec.selector}'
    wait_for 40 leads_one web-leader web
    # It goes on for a while, for what Kubernetes' own controllers are late with.
    wait_for 60 is "" leader_annotation web-leader had-selector
    stays 2 leads_one web-leader web
}
# All of them: ours, and those of both pods that the selector brought.
endpoint_count() { endpoint "$1" | wc -w; }

# --- pools --------------------------------------------------------------------------------------------

@test "pool, scaleDown: <workload>-leader and <pool>-director lead to the holder of the Lease" {
    local first
    policy team
    deployment api 3 team
    wait_for 60 one_leader api team
    first=$(policy_status team .currentHolder.name)
    wait_for 10 leads api-leader "$first"
    wait_for 10 leads team-director "$first"
    expect "target port" "$(target_ports api-leader | sed 's/.*://')" = 8080/TCP
    k delete pod "$first" --wait=false
    wait_for 60 one_leader api team
    wait_for 10 leads api-leader "$(policy_status team .currentHolder.name)"
    wait_for 10 leads team-director "$(policy_status team .currentHolder.name)"
    k label deployment api zen-lead/pool-
    wait_for 30 all_gone api-leader
    wait_for 30 all_gone team-director
}

@test "pool, standby: all replicas run, Lease and both Services name the same Ready pod" {
    local first
    policy team '{followerMode: standby}'
    deployment api 3 team
    wait_for 30 is 3 ready_pods api
    wait_for 30 leads_one team-director api
    agree() {
        local pod
        pod=$(endpoint team-director)
        [ -n "$pod" ] && leads api-leader "$pod" && [ "$(holder team)" = "${pod}_$(pod_uid "pod/$pod")" ] &&
            [ "$(policy_status team .currentHolder.name)" = "$pod" ]
    }
    wait_for 10 agree
    first=$(endpoint team-director)
    make_not_ready "$first"
    wait_for 20 leads_other team-director api "$first"
    wait_for 10 agree
    k delete leaderpolicy team
    wait_for 30 all_gone team-director
    wait_for 30 all_gone api-leader
}

@test "two workloads in one standby pool: one of them has the leader, the other's Service leads nowhere" {
    policy team '{followerMode: standby}'
    deployment api 2 team
    wait_for 30 leads_one team-director api
    deployment back 2 team
    # It is there before anybody of it leads: a client's look-up of the name finds it.
    wait_for 10 has_no_endpoint back-leader
    [[ $(service_field back-leader '{.spec.clusterIP}') == 10.* ]] || fail "no address"
    expect "port" "$(service_field back-leader '{.spec.ports[*].port}')" = 8080
    wait_for 30 is 2 ready_pods back
    wait_for 10 has_no_endpoint back-leader
    wait_for 10 leads api-leader "$(endpoint team-director)"
    k scale deployment api --replicas 0
    wait_for 20 leads_one team-director back
    wait_for 10 leads back-leader "$(endpoint team-director)"
}

@test "pool, scaleDown, two workloads: the one that is refused has its Service too, with the ports of its own" {
    policy team
    deployment api 2 team
    wait_for 60 one_leader api team
    service back '{}' '[{name: admin, port: 81, targetPort: 8080}]'
    deployment back 2 team
    wait_for 10 has_no_endpoint back-leader
    wait_for 20 is admin:81 service_field back-leader '{.spec.ports[*].name}:{.spec.ports[*].port}'
    expect "pods of it" "$(pod_count back)" -eq 0
    wait_for 10 leads api-leader "$(endpoint team-director)"
    k delete deployment api
    wait_for 60 leads_one back-leader back # its pods are the garbage collector's
    wait_for 30 all_gone api-leader
    wait_for 10 leads team-director "$(endpoint back-leader)"
}

@test "pool: all traffic moves first, also when a leader Service cannot be written" {
    local first
    policy team '{followerMode: standby}'
    deployment api 3 team
    wait_for 30 is 3 ready_pods api
    wait_for 30 leads_one team-director api
    wait_for 30 leads_one api-leader api
    first=$(endpoint team-director)
    wait_for 10 is "$first" leader_annotation api-leader leader-pod-name
    block_services
    make_not_ready "$first"
    wait_for 10 leads_other team-director api "$first"
    wait_for 10 leads_other api-leader api "$first"
    expect "the annotation, which could not be written" "$(leader_annotation api-leader leader-pod-name)" = "$first"
    # The rest of the pool's affairs do not wait for it.
    wait_for 20 is "$(endpoint team-director)" policy_status team .currentHolder.name
    wait_for 20 has_event Deployment api LeaderServiceRefused
    [[ $(event_message Deployment api LeaderServiceRefused) == *'"api-leader"'*nobody.example.com* ]] || fail "says neither what nor who"
    unblock_services
    # What failed again and again is tried every 30 s at last.
    wait_for 90 is "$(endpoint api-leader)" leader_annotation api-leader leader-pod-name
}

# Every change of a Service in this namespace is refused from now on: by a webhook that never answers.
block_services() {
    k apply -f - <<WEBHOOK
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: $NS}
webhooks:
  - name: nobody.example.com
    clientConfig: {url: "https://127.0.0.1:1/"}
    rules: [{apiGroups: [""], apiVersions: [v1], resources: [services], operations: [UPDATE]}]
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Fail
    timeoutSeconds: 1
WEBHOOK
    wait_for 10 is_blocked
}
is_blocked() { ! k label service team-director test/blocked=true --dry-run=server; }
unblock_services() { kubectl delete validatingwebhookconfiguration "$NS" --ignore-not-found; }

@test "a quota refuses the leader Service: an Event says so, and it comes when there is room" {
    pod a
    service web '{}'
    k create quota none --hard services=1
    wait_for 60 service_is_refused
    k annotate service web zen-lead.io/enabled=true
    wait_for 20 has_event Service web LeaderServiceRefused
    [[ $(event_message Service web LeaderServiceRefused) == *'"web-leader"'*'exceeded quota'* ]] || fail "says neither what nor why"
    is_gone service web-leader
    k delete quota none
    wait_for 90 leads web-leader a
}
# kube-controller-manager has counted, and the API server knows.
service_is_refused() { [[ $(k create service clusterip other --tcp 80 --dry-run=server 2>&1) == *'exceeded quota'* ]]; }

@test "an annotated Service that names a pool follows the holder of its Lease, not its own choice" {
    local holder
    policy team '{followerMode: standby}'
    deployment web 3 team
    wait_for 30 is 3 ready_pods web
    wait_for 30 leads_one team-director web
    # By itself, it would go to the pod that has been Ready longest, and to another one as soon as a label says so.
    service front '{zen-lead.io/enabled: "true", zen-lead/pool: team, zen-lead.io/sticky: "false"}' '' '' web
    for _ in 1 2 3; do
        holder=$(endpoint team-director)
        wait_for 20 leads front-leader "$holder"
        make_not_ready "$holder"
        wait_for 20 leads_other team-director web "$holder"
        wait_for 20 leads front-leader "$(endpoint team-director)"
        # Ready again, and not the leader again: the pool is sticky.
        make_ready "$holder"
        wait_for 20 is_ready "$holder"
        stays 1 leads front-leader "$(endpoint team-director)"
    done
}

@test "a leader on its way out without successor: the endpoint says so" {
    pod a
    service web "$enabled"
    wait_for 10 leads web-leader a
    lose_node a
    conditions() { slices web-leader | jq -c '[.items[].endpoints[]? | [.targetRef.name, .conditions.ready, .conditions.serving, .conditions.terminating]]'; }
    # Servers that do not store the two younger conditions (before 1.22) tell at least that it is not ready.
    is_truthful() { [[ $(conditions) == '[["a",false,true,true]]' || $(conditions) == '[["a",false,null,null]]' && $minor -lt 22 ]]; }
    minor=$(minor_version)
    wait_for 20 is_truthful
    stays 1 is_truthful
    pod b
    wait_for 20 leads web-leader b
    serves_b() { [[ $(conditions) == '[["b",true,true,false]]' || $(conditions) == '[["b",true,null,null]]' && $minor -lt 22 ]]; }
    wait_for 10 serves_b
}

# --- our own ends ---------------------------------------------------------------------------------------

@test "controllers are killed in turn: routes stay, and failover goes on with the one that is left" {
    local n leader
    three_pods
    service web "$enabled"
    wait_for 30 leads_one web-leader web
    for n in 1 2; do
        leader=$(endpoint web-leader)
        stop_controller "$n" KILL
        stays 1 leads web-leader "$leader"
        make_not_ready "$leader"
        wait_for 30 leads_other web-leader web "$leader" # a Lease of 4 s, looked at every 1 to 2 s
        make_ready "$leader"
        restore_programs
    done
}

@test "no controller runs: routes stay as they are; the next one finds out what has changed" {
    three_pods
    service web "$enabled"
    wait_for 30 leads_one web-leader web
    local leader
    leader=$(endpoint web-leader)
    stop_controller 1 KILL
    stop_controller 2 KILL
    stays 2 leads web-leader "$leader"
    make_not_ready "$leader"
    restore_programs
    wait_for 30 leads_other web-leader web "$leader"
}

# --- manifests/examples -----------------------------------------------------------------------------------

# shellcheck disable=SC2154 # of programs.bash
example() { k apply -f "$zl_root/manifests/examples/$1.yaml"; }
# shellcheck disable=SC2154
drop() { k delete --wait=false -f "$zl_root/manifests/examples/$1.yaml"; }
gone() { prints_nothing k get service,endpointslice,deployment,statefulset,pod -o name; }

# In each: the leader Service leads to one Ready pod of the application.
@test "manifests/examples: those of annotated Services do what they say" {
    local name leader
    example quick-start
    wait_for 30 is 3 ready_pods my-app
    is_gone service my-app-leader
    k annotate service my-app zen-lead.io/enabled=true
    wait_for 30 leads_one my-app-leader my-app
    wait_for 10 is 3 eval 'endpoint my-app | wc -w'
    drop quick-start
    wait_for 60 gone
    for name in basic named-target-port custom-name sticky-false min-ready-duration by-request multi-port; do
        echo "# $name"
        example "$name"
        leader=my-app-leader
        [ $name != custom-name ] || leader=my-app-primary
        wait_for 30 leads_one "$leader" my-app
        [[ $(target_ports "$leader") == *:8080/TCP* ]] || fail "$name: $(target_ports "$leader")"
        [ $name != by-request ] || wait_for 10 is "LoadBalancer shop internal" service_field "$leader" \
            '{.spec.type} {.metadata.labels.team} {.metadata.annotations.service\.beta\.kubernetes\.io/aws-load-balancer-scheme}'
        drop "$name"
        wait_for 60 gone
    done
    example headless
    wait_for 30 leads_one my-db-leader my-db
    example client
    expect "host name" "$(k get deployment my-client -o 'jsonpath={..env[*].value}')" = my-app-leader
}

@test "manifests/examples: those of pools do what they say" {
    local name
    example service-in-pool
    wait_for 30 leads_one my-app-leader my-app
    wait_for 30 is 3 ready_pods my-app
    drop service-in-pool
    wait_for 60 gone
    example pool
    wait_for 60 one_leader zen-flow-controller zen-flow-pool
    wait_for 30 leads_one zen-flow-controller-leader zen-flow-controller
    wait_for 30 leads_one zen-flow-pool-director zen-flow-controller
    drop pool
    wait_for 60 gone
    example pool-standby
    wait_for 30 leads_one my-app-leader my-app
    wait_for 30 is 3 ready_pods my-app
    wait_for 10 leads my-pool-director "$(endpoint my-app-leader)"
    drop pool-standby
    wait_for 60 gone
    example multi-component
    for name in zen-flow zen-lock zen-watcher; do
        wait_for 60 one_leader $name $name-pool
        wait_for 30 leads_one $name-leader $name
        wait_for 30 leads_one $name-pool-director $name
    done
    drop multi-component
    wait_for 60 gone
    example standard-app
    wait_for 60 one_leader my-app my-app-pool
    wait_for 30 leads_one my-app-pool-director my-app
    wait_for 30 leads_one my-app-leader my-app
}

# --- last: it takes zen-lead's own installation away ----------------------------------------------------------

routing_only() {
    local n
    dismantled=yes # teardown puts it together again, also after a failure
    for n in 1 2; do stop_controller "$n"; done
    for n in 1 2 3; do stop_webhook "$n"; done
    disarm_gatekeeper
    kubectl delete crd leaderpolicies.coordination.kube-zen.io
    kubectl delete clusterrolebinding zen-lead-controller
    kubectl apply -f "$zl_root/manifests/overlays/routing-only/rbac.yaml"
    for n in 1 2; do start_controller "$n" --routing-only; done
    for n in 1 2; do await_ready "controller-$n"; done
}

everything_again() {
    local n
    for n in 1 2; do stop_controller "$n"; done
    kubectl delete clusterrolebinding zen-lead-routing --ignore-not-found
    install_manifests
    restore_programs
    arm_gatekeeper "$(port_of proxy)"
}

@test "routing-only: without CRD, webhook and the right to touch a pod, annotated Services are routed" {
    local leader
    routing_only
    three_pods
    service web "$enabled"
    wait_for 30 leads_one web-leader web
    leader=$(endpoint web-leader)
    delete_pod "$leader"
    wait_for 20 leads_other web-leader web "$leader"
    wait_for 10 has_event Service web LeaderChanged
    for leader in delete patch; do
        expect "may $leader pods" "$(kubectl auth can-i $leader pods \
            --as system:serviceaccount:zen-lead-system:zen-lead-controller || true)" = no
    done
    k annotate service web zen-lead.io/enabled-
    wait_for 30 all_gone web-leader
    ! grep -E '"level":"(error|warn)".*(forbidden|cannot)' "$ZL_RUN"/log/controller-?.log | grep -q "$NS" ||
        fail "it asked for what it may not do"
}
