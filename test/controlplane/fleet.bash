# shellcheck shell=bash
# shellcheck disable=SC2154 # ZL_RUN, ZL_BIN: of programs.bash
#
# fleet.bash - clusters of a fleet whose hub is this control plane, or another one with the same accounts. To be sourced.

# member_token SERVER NAMESPACE CLUSTER [SPEC] - that the hub gives for the cluster's service account; SPEC of the TokenRequest, as JSON.
member_token() {
    local token
    token=$(curl -sf --noproxy '*' --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" \
        -H 'Content-Type: application/json' -d "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":${4:-{\}}}" \
        "$1/api/v1/namespaces/$2/serviceaccounts/member.$3/token" | jq -r .status.token)
    [ -n "$token" ] && [ "$token" != null ] && echo "$token"
}

# hub_kubeconfig NAMESPACE CLUSTER - $ZL_RUN/hub-CLUSTER.kubeconfig: how the cluster reaches this control plane as its hub.
hub_kubeconfig() {
    local config token
    config=$(kubectl config view --raw --minify --flatten -o json)
    token=$(member_token "$(jq -r '.clusters[0].cluster.server' <<<"$config")" "$1" "$2") || return 1
    jq --arg token "$token" '.users[0].user = {token: $token}' <<<"$config" >"$ZL_RUN/hub-$2.kubeconfig"
}

# fleet_program NAME METRICS-PORT NAMESPACE OPTION... - a controller of its own, which serves no pools and is elected by nobody.
fleet_program() {
    process_start "$1" "$ZL_BIN/zen-lead-controller" --listen-address 127.0.0.1 --metrics-port "$2" --routing-only --leader-elect=false \
        --fleet-namespace "$3" "${@:4}"
}
