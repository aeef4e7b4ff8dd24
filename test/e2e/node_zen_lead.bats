#!/usr/bin/env bats
#
# node_zen_lead.bats - zen-lead's own life on a real node: how it is installed, updated, renewed, drained and killed, while pods are
# created all the time in a namespace that it guards, and a client asks a leader Service.

load lib
# shellcheck source=test/node/node.bash
. "$BATS_TEST_DIRNAME/../node/node.bash"
# shellcheck disable=SC2154 # $node_name and $zl_root are sourced

setup() { new_namespace; }

teardown() {
    local name
    for name in creator "client-web"; do process_stop "$name" KILL || true; done
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    drop_namespace
}

explain_area() {
    kubectl get pods --all-namespaces -o wide
    kubectl describe pods --namespace zen-lead-system | tail -n 60
    z get pdb -o json | jq -c '.items[] | [.metadata.name, .metadata.generation, .status]'
    [ ! -e "$BATS_TEST_TMPDIR/eviction" ] || cat "$BATS_TEST_TMPDIR/eviction"
    for name in webhook controller; do
        kubectl logs --namespace zen-lead-system -l "app.kubernetes.io/component=$name" --tail 15 --prefix
    done
    grep -v '^201' "$ZL_RUN/log/creator.log" | tail -n 5
}

z() { kubectl --namespace zen-lead-system "$@"; }
# own_pods PROGRAM - those that stay: on a busy machine the ones of the test before are on their way out for long.
own_pods() {
    z get pods -l "app.kubernetes.io/component=$1" -o json |
        jq -r '[.items[] | select(.status.phase == "Running" and .metadata.deletionTimestamp == null) | .metadata.name] | join(" ")'
}

# create_all_the_time - pods that the gatekeeper is asked about, some twenty a second.
create_all_the_time() {
    : >"$ZL_RUN/log/creator.log"
    process_start creator bash "$zl_root/test/node/creator.sh" "$ZL_RUN" "$NS"
    wait_for 180 created 20
}
created() { [ "$(grep -c '^201' "$ZL_RUN/log/creator.log")" -ge "$1" ]; }
# created_more - twenty more than now: the storm is over, or it would show.
created_more() { wait_for 180 created $(($(grep -c '^201' "$ZL_RUN/log/creator.log") + 20)); }
refused() { grep -vc '^201' "$ZL_RUN/log/creator.log" || true; }

# under_load - a guarded namespace with a standby pool, its client, and creations.
under_load() {
    # A Service that was just made is known to kube-proxy after a moment: the API server's first question may get lost.
    wait_for 180 policy web '{followerMode: standby}'
    app Deployment web 2 web | k apply -f -
    wait_for 180 is 2 ready_pods web
    wait_for 180 service_leads
    # Fewer than elsewhere: it asks for minutes, and one address has 14,000 ports for a minute.
    client_start web "$NS" web-leader 20
    create_all_the_time
}
service_leads() { [ "$(curl -sf --noproxy '*' -m 1 "http://$(service_address "$NS" web-leader)/")" = "$(leader_pod web)" ]; }

# nobody_noticed - neither who created pods nor who asked the leader.
nobody_noticed() {
    local line
    created_more
    line=$(client_count web)
    echo "# $line; created $(grep -c '^201' "$ZL_RUN/log/creator.log"), refused $(refused)" >&3
    expect "refused: $(grep -v '^201' "$ZL_RUN/log/creator.log" | head -n 2)" "$(refused)" -eq 0
    expect "client's errors" "$(client_field errors "$line")" -eq 0
}

@test "installed by the README's line: all Ready, and the kernel holds them to what the manifests say" {
    local pod pid
    node_await_zen_lead
    [ "$(own_pods webhook | wc -w)" -eq 2 ] && [ "$(own_pods controller | wc -w)" -eq 2 ]
    for pod in $(own_pods webhook) $(own_pods controller); do
        pid=$(process_of zen-lead-system "$pod")
        grep -q '^Uid:[[:space:]]*65534[[:space:]]*65534' "/proc/$pid/status" || fail "$pod runs as $(grep Uid "/proc/$pid/status")"
        grep -q '^CapBnd:[[:space:]]*0000000000000000$' "/proc/$pid/status" || fail "$pod has $(grep CapBnd "/proc/$pid/status")"
        grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status" || fail "$pod may gain privileges"
        grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status" || fail "$pod has no seccomp filter"
        awk '$5 == "/" {print $6}' "/proc/$pid/mountinfo" | grep -q '^ro' || fail "the root of $pod can be written"
        expect "memory limit of $pod" "$(memory_limit "$pid")" -eq $((256 << 20))
    done
    expect "restarts" "$(z get pods -l app.kubernetes.io/component!=certs -o json | jq '[.items[].status.containerStatuses[]?.restartCount] | add')" -eq 0
}

# memory_limit PID - of its cgroup, in bytes.
memory_limit() { cat "$(memory_cgroup "$1")"/memory.{limit_in_bytes,max} 2>/dev/null; }

@test "an update of zen-lead to another image: no review is refused, no client sees an error" {
    local image
    under_load
    # The same programs under another name; another version's have a test of their own.
    image=$(ctr images ls -q | grep /zen-lead:)
    ctr images tag --force "$image" docker.io/kube-zen/zen-lead:next
    z set image deployment/zen-lead-webhook webhook=kube-zen/zen-lead:next
    z set image deployment/zen-lead-controller controller=kube-zen/zen-lead:next
    node_await_zen_lead
    nobody_noticed
    # And back.
    z set image deployment/zen-lead-webhook "webhook=${image#docker.io/}"
    z set image deployment/zen-lead-controller "controller=${image#docker.io/}"
    node_await_zen_lead
    nobody_noticed
}

@test "the certificate is renewed: no review is refused" {
    local before
    under_load
    before=$(served_certificate)
    # The command of docs/tls.md, with a Job in the place of a shell.
    z get deployment zen-lead-certs -o json | jq '{apiVersion: "batch/v1", kind: "Job", metadata: {name: "renew-now"}, spec: {backoffLimit: 2, template: {spec: .spec.template.spec}}}
        | .spec.template.spec |= (.restartPolicy = "OnFailure" | .containers[0].args |= (map(select(startswith("--every-seconds") | not)) + ["--force"]))' | z apply -f -
    z wait --for=condition=Complete --timeout=60s job/renew-now
    # When the kubelet has brought the changed Secret, and half a minute later at the latest.
    serves_another() { local now && now=$(served_certificate) && [ -n "$now" ] && [ "$now" != "$before" ]; }
    wait_for 150 serves_another
    nobody_noticed
    z delete job renew-now
}
served_certificate() {
    openssl s_client -connect "$(service_address zen-lead-system zen-lead-webhook)" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}

@test "zen-lead's pods are evicted one after the other within their budgets: no review is refused" {
    local pod
    under_load
    for pod in $(own_pods webhook) $(own_pods controller); do
        may_go() { evict zen-lead-system "$pod" >"$BATS_TEST_TMPDIR/eviction" 2>&1; }
        wait_for 180 may_go
        # Minutes, where the kubelet (1.20) has begun to wait for the volumes of a pod that is already on its way out.
        wait_for 180 pod_is_gone "$pod"
        node_await_zen_lead
    done
    nobody_noticed
}
pod_is_gone() { prints_nothing z get pod "$1" --ignore-not-found -o name; }

@test "one controller is killed with -9: no client notices, the other one acts" {
    under_load
    acting=$(z get lease zen-lead-controller-leader-election -o 'jsonpath={.spec.holderIdentity}')
    kill_container zen-lead-system "${acting%%_*}"
    another_acts() { [ "$(z get lease zen-lead-controller-leader-election -o 'jsonpath={.spec.holderIdentity}')" != "$acting" ]; }
    wait_for 180 another_acts
    node_await_zen_lead
    nobody_noticed
}

# What was under way in it is lost, and until its Service has forgotten it, so is what is sent to it: nobody is left to answer.
@test "one webhook is killed for its memory by the kernel: reviews are refused for seconds at most, and it is back" {
    local victim killed late
    under_load
    read -r victim _ <<<"$(own_pods webhook)"
    killed=$EPOCHSECONDS
    kill_by_memory zen-lead-system "$victim"
    oom_killed() { [ "$(z get pod "$victim" -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.reason}')" = OOMKilled ]; }
    wait_for 180 oom_killed
    node_await_zen_lead
    created_more
    line=$(client_count web)
    late=$(awk -v until="$((killed + 10))" '$1 != 201 && $1 > until' "$ZL_RUN/log/creator.log" | wc -l)
    echo "# $line; created $(grep -c '^201' "$ZL_RUN/log/creator.log"), refused $(refused), of these later than 10 s: $late" >&3
    expect "refused later than 10 s afterwards" "$late" -eq 0
    expect "client's errors" "$(client_field errors "$line")" -eq 0
}

# Of another version there are its image and its manifests, and docs/upgrade.md says what else is to be done on the way there and back.
@test "an update from an earlier version and back, by the lines of docs/upgrade.md: no review is refused, no client sees an error" {
    [ -n "${ZL_EARLIER:-}" ] || skip "the earlier version's sources are not in this checkout's history"
    bash "$zl_root/test/node/archive.sh" "$ZL_RUN/images/earlier.tar" docker.io/kube-zen/zen-lead:earlier "$ZL_EARLIER/root" \
        '{"Cmd": ["zen-lead-controller"], "User": "65534:65534"}'
    ctr images import "$ZL_RUN/images/earlier.tar"
    undeploy
    apply_earlier
    under_load

    upgrade_lines 'create -f -'
    for folder in $(node_overlay); do kubectl apply -k "$zl_root/manifests/$folder"; done
    node_await_zen_lead
    upgrade_lines 'delete job'
    wait_for 180 guarded
    # Those on their way out as well, or they would lose a review when nothing is forgiven any more.
    wait_for 300 is 0 earlier_containers
    forgive_earlier
    nobody_noticed

    upgrade_lines plain-path
    apply_earlier
    upgrade_lines 'delete validatingwebhookconfiguration'
    wait_for 180 guarded
    nobody_noticed

    kubectl delete leaderpolicies --namespace "$NS" --all
    undeploy
    for folder in $(node_overlay); do kubectl apply -k "$zl_root/manifests/$folder"; done
    node_await_zen_lead
}
# forgive_earlier - that version closed its kept connections when it ended, one of which may be in use just then: a fault of its own, which no
# later one can mend. What else was refused counts.
forgive_earlier() {
    local log=$ZL_RUN/log/creator.log
    echo "# refused by the earlier version as it ended: $(grep -c '?timeout=3s\\": EOF' "$log")" >&3
    grep -v '?timeout=3s\\": EOF' "$log" >"$BATS_TEST_TMPDIR/creator"
    cat "$BATS_TEST_TMPDIR/creator" >"$log" # the same file: the creator adds to it
}
# earlier_containers - that have not ended. A pod whose containers have may stay for minutes (1.20).
earlier_containers() {
    z get pods -o json | jq '[.items[] | select(any(.spec.containers[]; .image | endswith(":earlier"))) | .status.containerStatuses[]? | select(.state.terminated == null)] | length'
}
# apply_earlier - the earlier version as it was installed, until its programs are ready and no others are there.
apply_earlier() {
    for folder in $(node_overlay); do
        kubectl kustomize "$ZL_EARLIER/manifests/$folder" | sed 's|kube-zen/zen-lead:.*|kube-zen/zen-lead:earlier|' | kubectl apply -f -
    done
    node_await_zen_lead
}
# upgrade_lines PART - the commands of docs/upgrade.md, about the step from before zen-lead-pods, that have PART: a block, or what stands within a
# sentence.
upgrade_lines() {
    local text lines
    text=$(awk '/^- \*\*From a release before/ {here = 1; next} /^- / {here = 0} here' "$zl_root/docs/upgrade.md" | sed 's/^  //')
    lines=$(part="$1" awk '/^```$/ { if (index(block, ENVIRON["part"])) printf "%s", block; code = 0 } code { block = block $0 "\n" } /^```sh$/ { code = 1; block = "" }' <<<"$text")
    [ -n "$lines" ] || lines=$(tr '\140' '\n' <<<"$text" | grep -F "$1")
    [ -n "$lines" ] || fail "docs/upgrade.md has no such line: $1"
    bash -eu -c "$lines"
}
# guarded - a second pod of the pool would be refused its seat: the API server asks about this namespace.
guarded() {
    kubectl get validatingwebhookconfigurations -o json | jq -e --arg namespace "$NS" '[.items[].webhooks[] | select(.name == "pods.zen-lead.kube-zen.io") |
        select(.namespaceSelector | tostring | contains($namespace))] | length == 1'
}
undeploy() {
    local base beside
    read -r base beside <<<"$(node_overlay)"
    # shellcheck disable=SC2086 # folders are words
    bash "$zl_root/manifests/undeploy.sh" "${base#overlays/}" $beside
    wait_for 180 namespace_is_gone
}

# Each way of installing, from nothing, by the lines of docs/install.md, and away again by those of docs/upgrade.md. At the end it is installed as before.
@test "every overlay becomes Ready, and goes" {
    local minor folder
    minor=$(minor_version)
    undeploy

    kubectl apply -k "$zl_root/manifests/overlays/routing-only"
    node_await_zen_lead
    bash "$zl_root/manifests/undeploy.sh" routing-only
    wait_for 180 namespace_is_gone

    # Its own API versions alone keep these from older servers.
    if [ "$minor" -ge 27 ]; then
        for folder in ha pod-role-label; do
            kubectl apply -k "$zl_root/manifests/overlays/$folder"
            kubectl apply -k "$zl_root/manifests/self-signed"
            kubectl apply -k "$zl_root/manifests/network-policy"
            node_await_zen_lead
            bash "$zl_root/manifests/undeploy.sh" "$folder" self-signed network-policy
            wait_for 180 namespace_is_gone
        done
    fi
    for folder in $(node_overlay); do kubectl apply -k "$zl_root/manifests/$folder"; done
    kubectl apply -k "$zl_root/manifests/network-policy"
    node_await_zen_lead
    kubectl delete -k "$zl_root/manifests/network-policy"
    under_load
    nobody_noticed
}

# cert-manager itself is not here. Its part is what it is asked for by the Certificates: the Secrets, and caBundle where the annotation says so.
@test "overlay cert-manager: Ready by an issuer's Secrets alone, and a renewal refuses nobody" {
    local before
    [ "$(minor_version)" -ge 27 ] || skip "the overlay's API versions are those of Kubernetes 1.27 and newer"
    undeploy
    kubectl apply -f "$zl_root/test/manifests/cert-manager-crds.yaml"
    kubectl wait --for=condition=Established --timeout=60s crd/certificates.cert-manager.io crd/issuers.cert-manager.io
    kubectl apply -k "$zl_root/manifests/overlays/cert-manager"
    issue_authority
    issue_serving
    inject_authority
    node_await_zen_lead
    under_load
    nobody_noticed

    before=$(served_certificate)
    issue_serving
    wait_for 180 serves_another_than "$before"
    nobody_noticed

    kubectl delete leaderpolicies --namespace "$NS" --all
    bash "$zl_root/manifests/undeploy.sh" cert-manager
    wait_for 180 namespace_is_gone
    kubectl delete -f "$zl_root/test/manifests/cert-manager-crds.yaml"
    for folder in $(node_overlay); do kubectl apply -k "$zl_root/manifests/$folder"; done
    node_await_zen_lead
}
serves_another_than() { local now && now=$(served_certificate) && [ -n "$now" ] && [ "$now" != "$1" ]; }
# issue_authority - the Secret of Certificate zen-lead-ca, which signs itself.
issue_authority() {
    (
        cd "$BATS_TEST_TMPDIR" || exit 1
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 3650 \
            -subj "/CN=$(z get certificate zen-lead-ca -o 'jsonpath={.spec.commonName}')" 2>/dev/null
    )
    write_secret zen-lead-ca ca.crt ca.key
}
# issue_serving - the Secret of Certificate zen-lead-webhook, by that authority, for the names it asks for.
issue_serving() {
    (
        cd "$BATS_TEST_TMPDIR" || exit 1
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.csr -subj / 2>/dev/null
        z get certificate zen-lead-webhook -o json | jq -r '"subjectAltName=critical," + ([.spec.dnsNames[] | "DNS:" + .] | join(",")), "extendedKeyUsage=serverAuth"' >extensions
        openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -extfile extensions -out tls.crt 2>/dev/null
    )
    write_secret zen-lead-webhook tls.crt tls.key
}
# write_secret CERTIFICATE CRT KEY - the Secret that this Certificate names.
write_secret() {
    local folder=$BATS_TEST_TMPDIR
    kubectl create secret generic "$(z get certificate "$1" -o 'jsonpath={.spec.secretName}')" --namespace zen-lead-system --type kubernetes.io/tls --dry-run=client -o yaml \
        --from-file "tls.crt=$folder/$2" --from-file "tls.key=$folder/$3" --from-file "ca.crt=$folder/ca.crt" | kubectl apply -f -
}
# inject_authority - into each configuration whose annotation asks for it.
inject_authority() {
    local name
    for name in $(kubectl get validatingwebhookconfigurations -o json |
        jq -r '.items[] | select(.metadata.annotations["cert-manager.io/inject-ca-from"] == "zen-lead-system/zen-lead-webhook") | .metadata.name'); do
        kubectl get validatingwebhookconfiguration "$name" -o json | jq --arg bundle "$(base64 -w 0 "$BATS_TEST_TMPDIR/ca.crt")" -c '[.webhooks // [] | to_entries[] |
            {op: "add", path: "/webhooks/\(.key)/clientConfig/caBundle", value: $bundle}]' >"$BATS_TEST_TMPDIR/patch"
        kubectl patch validatingwebhookconfiguration "$name" --type json --patch "$(cat "$BATS_TEST_TMPDIR/patch")"
    done
}
namespace_is_gone() { prints_nothing kubectl get namespace zen-lead-system --ignore-not-found -o name; }

@test "installed by Helm: helm test finds it well, and does not without a controller" {
    local helm image
    [ "$(minor_version)" -ge 27 ] || skip "the chart is for Kubernetes 1.27 and newer"
    helm=$(bash "$zl_root/test/controlplane/helm.sh" 4) || skip "helm cannot be had here"
    image=$(z get deployment zen-lead-controller -o 'jsonpath={.spec.template.spec.containers[0].image}')
    undeploy
    "$helm" install zen-lead "$zl_root/manifests/chart" --namespace zen-lead-system --create-namespace \
        --set "image.repository=${image%:*},image.tag=${image##*:}" >/dev/null
    kubectl label namespace zen-lead-system pod-security.kubernetes.io/enforce=restricted
    node_await_zen_lead
    "$helm" test zen-lead --namespace zen-lead-system --timeout 4m --logs >"$BATS_TEST_TMPDIR/tested" 2>&1 || fail "$(cat "$BATS_TEST_TMPDIR/tested")"
    wait_for 180 is_gone_everywhere zen-lead-test
    z scale deployment zen-lead-controller --replicas 0
    wait_for 180 is "" own_pods controller
    run "$helm" test zen-lead --namespace zen-lead-system --timeout 20s
    expect "exit status without a controller: $output" "$status" -ne 0
    "$helm" uninstall zen-lead --namespace zen-lead-system
    z delete --ignore-not-found pod/zen-lead-test role/zen-lead-test rolebinding/zen-lead-test serviceaccount/zen-lead-test
    kubectl delete --ignore-not-found clusterrole/zen-lead-test clusterrolebinding/zen-lead-test
    kubectl delete namespace zen-lead-system
    wait_for 180 namespace_is_gone
    for folder in $(node_overlay); do kubectl apply -k "$zl_root/manifests/$folder"; done
    node_await_zen_lead
}
# is_gone_everywhere NAME - nothing of helm test is left.
is_gone_everywhere() {
    prints_nothing kubectl get pods,serviceaccounts,roles,rolebindings --all-namespaces --field-selector "metadata.name=$1" -o name &&
        prints_nothing kubectl get clusterroles,clusterrolebindings --field-selector "metadata.name=$1" -o name
}
