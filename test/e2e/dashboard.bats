#!/usr/bin/env bats
#
# dashboard.bats - zen-lead dashboard in a real browser, on a real API server. What is looked at: test/dashboard/check.py.
#
#   ZL_DASHBOARD_POOLS      how many pools are many (100); 1000 in make bench-dashboard
#   ZL_DASHBOARD_FAILOVERS  how many failovers are timed (2); 20 there
#   ZL_DASHBOARD_JUDGED=1   times over the aim fail, as there
#   ZL_PICTURES=FOLDER      the pictures go there (make dashboard-pictures)

load lib

setup_file() {
    # shellcheck disable=SC2154 # of programs.bash
    bash "$zl_root/test/controlplane/packages.sh" chromium chromium-driver fonts-dejavu-core >&2
    # Debian's npm and python3 where the machine has none of its own.
    local name
    for name in python3 npm; do command -v $name >/dev/null || bash "$zl_root/test/controlplane/packages.sh" $name >&2; done
    kubectl apply -k "$zl_root/manifests/fleet/member" >/dev/null
    kubectl wait --for condition=established --timeout 30s crd/leaderpolicies.leadership.kube-zen.io >/dev/null
}
teardown_file() { kubectl delete --ignore-not-found -k "$zl_root/manifests/fleet/member" >/dev/null; }

setup() {
    export no_proxy=127.0.0.1
    restore_programs
    new_namespace
    export NS
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    process_stop dashboard || true
    process_stop relay KILL || true
    drop_namespace
}

# dashboard [OPTION...] - of this namespace, unless it is said otherwise; $url is where.
dashboard() {
    start_anew dashboard "$ZL_BIN/zen-lead" dashboard --namespace "$NS" "$@"
    wait_for 20 grep -q http "$ZL_RUN/log/dashboard.log"
    url=$(grep -o 'http://[^ ]*' "$ZL_RUN/log/dashboard.log")
}

# check SCENARIO [ARGUMENT...] - figures of a test that passed stand in the report as well.
check() {
    local said line
    said=$(cd "$BATS_TEST_TMPDIR" && timeout 300 python3 "$zl_root/test/dashboard/check.py" "$1" "$url" "${@:2}" 2>&1) || { echo "$said"; return 1; }
    while read -r line; do echo "# $line" >&3; done <<<"$said"
}

# web [SPEC] - a pool that has a leader.
web() {
    policy web "${1:-}"
    deployment web "${2:-3}" web
    wait_for 60 is_not "" leader_pod web
}

# kubeconfig_of ACCOUNT - on standard output, with the token that the API server made for it.
kubeconfig_of() {
    k create serviceaccount "$1" >/dev/null
    k apply -f - >/dev/null <<SECRET
apiVersion: v1
kind: Secret
metadata: {name: $1-token, annotations: {kubernetes.io/service-account.name: $1}}
type: kubernetes.io/service-account-token
SECRET
    wait_for 30 has_token "$1"
    kubectl config view --raw --minify -o json |
        jq --arg token "$(k get secret "$1-token" -o 'jsonpath={.data.token}' | base64 -d)" '.users[0].user = {token: $token}'
}
has_token() { [ -n "$(k get secret "$1-token" -o 'jsonpath={.data.token}')" ]; }

@test "a failover is on the page as soon as the API server tells of it, with its cause" {
    web '{followerMode: standby}' # where no Event but the election's own says why
    dashboard
    check failovers "${ZL_DASHBOARD_FAILOVERS:-2}"
}

@test "a refusal is on the page at once, and explained beside it" {
    web "{}" 2
    wait_for 30 is 1 policy_status web .blocked
    dashboard
    check refusal
}

@test "a Job's turn is on the page at once" {
    policy batch
    job first batch | k apply -f -
    wait_for 60 is first executing batch
    job second batch | k apply -f -
    wait_for 30 is second queue batch
    dashboard
    check turn
}

@test "a fleet's wave is on the page at once, and who paused it" {
    dashboard --hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$NS"
    check wave
}

@test "the API server is gone and comes back: the page says so, keeps what it knows, and goes on by itself" {
    local server port own looker
    web
    server=$(kubectl config view --raw --minify -o 'jsonpath={.clusters[0].cluster.server}')
    port=${server##*:}
    start_anew relay python3 "$zl_root/test/dashboard/relay.py" "$port"
    wait_for 20 test -s "$ZL_RUN/log/relay.log"
    own=$(head -n 1 "$ZL_RUN/log/relay.log")
    kubectl config view --raw --minify -o json | jq --arg server "${server%:*}:$own" '.clusters[0].cluster.server = $server' >"$BATS_TEST_TMPDIR/kubeconfig"
    dashboard --kubeconfig "$BATS_TEST_TMPDIR/kubeconfig"
    check outage "$BATS_TEST_TMPDIR" &
    looker=$!
    wait_for 60 test -e "$BATS_TEST_TMPDIR/looking"
    process_stop relay KILL || true
    wait_for 90 test -e "$BATS_TEST_TMPDIR/stale"
    bare_policy late
    process_start relay python3 "$zl_root/test/dashboard/relay.py" "$port" "$own"
    wait "$looker"
}

@test "the program is gone: the page says since when" {
    web
    dashboard
    check gone "$(process_pid dashboard)"
}

@test "rights in one namespace are enough, and without the right to read Leases and Events it says so" {
    web
    kubeconfig_of reader >"$BATS_TEST_TMPDIR/kubeconfig"
    k create role reader --verb=list,watch,get --resource=leaderpolicies.coordination.kube-zen.io,services >/dev/null
    k create rolebinding reader --role=reader --serviceaccount="$NS:reader" >/dev/null
    dashboard --kubeconfig "$BATS_TEST_TMPDIR/kubeconfig"
    check rights
    process_stop dashboard
    k delete rolebinding reader >/dev/null
    dashboard --kubeconfig "$BATS_TEST_TMPDIR/kubeconfig"
    check no_rights
}

@test "what a stranger wrote is text, and nobody else is asked for anything" {
    policy web
    for n in 1 2; do stop_controller "$n"; done # which would put the Lease right
    dashboard
    check hostile
}

@test "a link leads to the same view, keys lead everywhere, doctor answers" {
    web
    bare_policy batch
    dashboard
    check links
    check examine
}

@test "axe finds nothing, in light and dark, on a desktop, at 200 percent and on a phone" {
    web
    dashboard --hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$NS"
    npm install --silent --no-audit --no-fund --prefix "$BATS_TEST_TMPDIR" axe-core@4 >&2 || skip "npm does not get axe-core@4 here"
    check axe "$BATS_TEST_TMPDIR/node_modules/axe-core/axe.min.js"
}

@test "many pools and fifty clusters stay fluent" {
    local n i count=${ZL_DASHBOARD_POOLS:-100}
    for n in 0 1 2 3; do
        for i in $(seq -f %04g "$n" 4 $((count - 1))); do
            printf -- '---\napiVersion: coordination.kube-zen.io/v1alpha1\nkind: LeaderPolicy\nmetadata: {name: many-%s}\nspec: {}\n' "$i"
        done >"$BATS_TEST_TMPDIR/many-$n.yaml"
    done
    printf '%s\n' "$BATS_TEST_TMPDIR"/many-*.yaml | xargs -P 4 -n 1 kubectl create --namespace "$NS" -f >/dev/null
    echo '{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "fleet.patches"}, "spec": {}}' | k create -f - >/dev/null
    dashboard --hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$NS"
    check many "$count"
}

@test "pictures: what leads, what waits, what is wrong" {
    local name n pool folder=${ZL_PICTURES:-$BATS_TEST_TMPDIR}
    mkdir -p "$folder"
    web
    policy cart '{followerMode: standby}'
    deployment cart 2 cart
    policy reports
    deployment reports 2 reports '{zl-test/ready: "false"}'
    policy nightly
    # Those of one second take turns by their names.
    for n in invoice export cleanup; do
        job "$n" nightly | k apply -f -
        wait_for 60 is invoice executing nightly
    done
    policy search
    deployment search 2 search
    bare_policy spare
    k delete pod "$(leader_pod web)" --wait=false
    for pool in cart search; do wait_for 60 is_not "" leader_pod "$pool"; done
    dashboard --hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$NS"
    check pictures "$folder"
    for name in light dark phone-light phone-dark; do
        [ -s "$folder/dashboard-$name.png" ] || fail "there is no dashboard-$name.png"
    done
}
