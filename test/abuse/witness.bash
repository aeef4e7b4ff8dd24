# shellcheck shell=bash
#
# witness.bash - what run.sh and node.sh have in common: the tenant, and what is looked at while an attack goes on. To be sourced after
# programs.bash and attacks.bash.
#
# shellcheck disable=SC2154 # $pod_spec and $policies are of attacks.bash

broken=0
# promise_broken WHAT...
promise_broken() {
    echo "BROKEN: $*"
    broken=$((broken + 1))
}

# The tenant's own pool, by itself: its namespace is followed as any other.
make_tenant() {
    as_tenant -H 'Content-Type: application/json' -d '{"apiVersion":"coordination.kube-zen.io/v1alpha1","kind":"LeaderPolicy","metadata":{"name":"main"},"spec":{}}' "$policies"
    kubectl get leaderpolicy -n tenant main >/dev/null || { echo "edit does not make a LeaderPolicy" >&2; exit 1; }
    await_armed tenant main
}

clear_tenant() {
    local kind
    for kind in deployments replicasets pods services leases leaderpolicies; do
        kubectl delete "$kind" -n tenant --all --wait=false --grace-period=0 --force >/dev/null 2>&1 || true
    done
    wait_until 120 is_clear
    make_tenant
}
is_clear() {
    kubectl delete replicasets,pods -n tenant --all --wait=false --grace-period=0 --force >/dev/null 2>&1 || true
    [ -z "$(kubectl get deployments,replicasets,pods,leaderpolicies -n tenant -o name)" ]
}

# A pod that is nobody's, in an armed namespace: there is no reason to refuse it. What the API server itself has against it does
# not count.
ask_for_pods() {
    local status body=$1/body
    while [ ! -e "$1/over" ]; do
        status=$(curl -s --noproxy '*' -m 30 -o "$body" -w '%{http_code}' --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" \
            -H 'Content-Type: application/json' -d "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"generateName\":\"x-\"},\"spec\":$pod_spec}" \
            "$(server_url)/api/v1/namespaces/single/pods?dryRun=All" || true)
        echo "$status" >>"$1/asked"
        if [ "$status" != 201 ] && grep -qE 'webhook|zen-lead' "$body"; then cat "$body" >>"$1/refused"; fi
        sleep 0.2
    done
}

# begin_attack NAME, end_attack NAME - nothing, where NAME is that of a time without attack.
begin_attack() {
    : >"$ZL_RUN/statuses"
    [ -n "${attack_is[$1]:-}" ] || return 0
    process_start attack bash test/abuse/attack.sh "$1"
    wait_until 30 has_begun || true
}
end_attack() { [ -z "${attack_is[$1]:-}" ] || process_stop attack || true; }
has_begun() { [ -s "$ZL_RUN/statuses" ] || pgrep -g "$(process_pid attack)" zl-stranger; }
