# shellcheck shell=bats
#
# rollout.bats - a gatekept workload gets a new revision: one leader throughout, and a bad revision never leads.

setup() {
    load lib
    new_namespace
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    restore_programs
    drop_namespace
}

# roll NAME [POD-ANNOTATIONS] - a new revision of the Deployment or StatefulSet NAME: kind/name.
roll() {
    local stamp=$RANDOM$RANDOM
    k patch "$1" --type merge -p "$(jq -n --arg stamp "$stamp" --argjson extra "${2:-{\}}" \
        '{spec: {template: {metadata: {annotations: ({stamp: $stamp} + $extra)}}}}')"
    STAMP=$stamp
}

stamp_of() { k get "$1" -o 'jsonpath={.metadata.annotations.stamp}'; }
leader_pod() { holder "$1" | cut -d _ -f 1; }
leader_stamp() { stamp_of "pod/$(leader_pod "$1")"; }
successor() { lease "$1" '{.metadata.annotations.zen-lead\.io/successor}'; }
has_successor() { [ -n "$(successor "$1")" ]; }

@test "rolling update: the new revision takes over when it is Ready, and the service has a leader throughout" {
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    local old before
    old=$(pod_names web)
    before=$(token web)
    roll deployment/web
    wait_for 20 is "$STAMP" leader_stamp web
    wait_for 10 one_leader web web
    [ "$(pod_names web)" != "$old" ]
    expect "fencing token" "$(token web)" -eq $((before + 1))
    [ -z "$(successor web)" ]
}
