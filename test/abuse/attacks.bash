# shellcheck shell=bash
#
# attacks.bash - what a tenant with `edit` in one namespace, and somebody who has the network alone, may do to us. To be sourced.
#
# attack_NAME goes on until it is ended. It leaves the HTTP status of each thing that it did in $ZL_RUN/statuses: an attack that
# did nothing is no evidence. All of the namespace "tenant" is the tenant's, a LeaderPolicy included: where there is none,
# nothing of it is ever read (test/e2e/strangers.bats).
#
# shellcheck disable=SC2034,SC2154 # of the scripts that source it

# In the order of the table.
all_attacks=(fat_pods fat_deployments leases policies warnings long_names many_labels storm
    idle_probes silent_reviews idle_reviews slow_heads slow_bodies large_bodies forged)

declare -A attack_is=(
    [fat_pods]="tenant: 9 pods with 1.4 MB of '<', a label of one changed all the time"
    [fat_deployments]="tenant: 250 Deployments of 100 KiB; two programs start beside them"
    [leases]="tenant: Leases like a pool's, 250 KB each, made and deleted"
    [policies]="tenant: LeaderPolicies and workloads made and deleted in a loop"
    [warnings]="tenant: the same misspelt workloads and Services again and again"
    [long_names]="tenant: the longest names; annotations of 200 KiB where a name belongs"
    [many_labels]="tenant: 100 Deployments with 320 KB of labels and selector, in a pool; two programs start beside them"
    [storm]="tenant: pods of its own pool asked for without a pause, 8 at a time"
    [idle_probes]="network: 600 connections kept on each port for probes"
    [silent_reviews]="network: 1200 silent connections to the reviews, from 60 addresses"
    [idle_reviews]="network: 1200 idle TLS connections to the reviews"
    [slow_heads]="network: 600 TLS requests whose head comes byte by byte"
    [slow_bodies]="network: 600 TLS requests whose body comes byte by byte"
    [large_bodies]="network: reviews of 3 MB on each path, 4 at a time"
    [forged]="network: forged reviews of a pool's pods at guessed paths"
)

pods=/api/v1/namespaces/tenant/pods
services=/api/v1/namespaces/tenant/services
deployments=/apis/apps/v1/namespaces/tenant/deployments
leases=/apis/coordination.k8s.io/v1/namespaces/tenant/leases
policies=/apis/coordination.kube-zen.io/v1alpha1/namespaces/tenant/leaderpolicies
pod_spec='{"nodeSelector":{"no":"where"},"containers":[{"name":"main","image":"none"}]}'

repeat() { head -c "$1" /dev/zero | tr '\0' "$2"; }
server_url() { grep -o 'https://[^"]*' "$ZL_RUN/kubeconfig"; }

# as_tenant CURL-ARGUMENT... PATH - RBAC sees the tenant. The bytes are sent as they are: kubectl might write "<" as six.
as_tenant() {
    curl -s --noproxy '*' -m 60 -o /dev/null -w '%{http_code}\n' --cacert "$ZL_RUN/ca.crt" \
        -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" -H 'Impersonate-User: tenant' \
        "${@:1:$#-1}" "$(server_url)${!#}" >>"$ZL_RUN/statuses" || true
}

# create_many N PATH FILE [QUERY] - its generateName makes N of it. The API server does not know the parameter n.
create_many() {
    as_tenant -Z --parallel-max 4 -H 'Content-Type: application/json' --data-binary "@$3" "$2?n=[1-$1]${4:-}"
}

delete_all() { as_tenant -X DELETE "$1?gracePeriodSeconds=0${2:-}"; }

# workload_of NAME-PREFIX LABELS ANNOTATIONS ARGS - a Deployment
workload_of() {
    printf '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generateName":"%s-","labels":{%s},"annotations":{%s}},' "$1" "$2" "$3"
    printf '"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},'
    printf '"spec":{"containers":[{"name":"main","image":"none","args":[%s]}]}}}}' "$4"
}

attack_fat_pods() {
    local i=0
    { printf '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"fat-","labels":{"app":"fat"}},"spec":{"containers":[{"name":"main","image":"none","args":["'
      repeat 1400000 '<'; printf '"]}],"nodeSelector":{"no":"where"}}}'; } >"$work/pod"
    create_many 9 "$pods" "$work/pod"
    # A name of its own for one that is changed.
    sed 's/"generateName":"fat-"/"name":"changed"/' "$work/pod" >"$work/changed"
    as_tenant -H 'Content-Type: application/json' --data-binary "@$work/changed" "$pods"
    while :; do
        i=$((i + 1))
        as_tenant -X PATCH -H 'Content-Type: application/merge-patch+json' -d "{\"metadata\":{\"labels\":{\"n\":\"$i\"}}}" "$pods/changed"
        sleep 0.5
    done
}

attack_fat_deployments() {
    local args
    args=$(repeat 24000 x | sed 's/x/"A",/g')
    workload_of fat '' '' "${args%,}" >"$work/deployment"
    create_many 250 "$deployments" "$work/deployment"
    touch "$ZL_RUN/restart" # see run.sh
    sleep infinity
}

attack_leases() {
    { printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"generateName":"zen-lead-","labels":{"app.kubernetes.io/managed-by":"zen-lead"},"annotations":{"zen-lead.io/holder-uid":"'
      repeat 250000 x; printf '"}},"spec":{"holderIdentity":"a_b"}}'; } >"$work/lease"
    for _ in {1..8}; do # etcd's limit is the tenant's own affair
        create_many 100 "$leases" "$work/lease"
        delete_all "$leases" '&labelSelector=app.kubernetes.io/managed-by%3Dzen-lead'
    done
    sleep infinity
}

attack_policies() {
    local names
    printf '{"apiVersion":"coordination.kube-zen.io/v1alpha1","kind":"LeaderPolicy","metadata":{"generateName":"%s-"},"spec":{}}' "$(repeat 40 p)" >"$work/policy"
    workload_of w '"zen-lead/pool":"main","zl":"w"' '' '' >"$work/deployment"
    while :; do
        create_many 40 "$policies" "$work/policy"
        create_many 10 "$deployments" "$work/deployment"
        delete_all "$deployments" '&labelSelector=zl%3Dw'
        # No role of Kubernetes' deletes all of them at once.
        names=$(kubectl get leaderpolicies -n tenant -o 'jsonpath={.items[*].metadata.name}')
        as_tenant -Z --parallel-max 4 -X DELETE "$policies/{${names// /,}}"
    done
}

attack_warnings() {
    workload_of warned '"zen-lead/pol":"main","zen-lead/pool":"missing"' '"zen-lead.io/sticky":"perhaps","zen-lead/identity":"x"' '' >"$work/workload"
    cat >"$work/service" <<'SERVICE'
{"apiVersion":"v1","kind":"Service","metadata":{"generateName":"warned-","annotations":{"zen-lead.io/enabled":"true","zen-lead.io/leader-service-name":"web","zen-lead.io/min-ready-duration":"never"}},
 "spec":{"selector":{"a":"b"},"ports":[{"port":80,"targetPort":"nowhere"}]}}
SERVICE
    # Someone else's Service where all of them want theirs: a conflict that stands.
    as_tenant -H 'Content-Type: application/json' -d '{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}' "$services"
    create_many 30 "$services" "$work/service"
    while :; do create_many 40 "$deployments" "$work/workload" '&dryRun=All'; done
}

attack_long_names() {
    local long
    long=$(repeat 200000 l)
    workload_of "$(repeat 50 l)" '' "\"zen-lead/pool\":\"$long\",\"zen-lead.io/wake\":\"$long\"" '' >"$work/workload" # too much
    create_many 2 "$deployments" "$work/workload"
    workload_of "$(repeat 50 l)" '' "\"zen-lead/pool\":\"$long\"" '' >"$work/workload"
    { printf '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"%s-","labels":{' "$(repeat 240 l)"
      for i in {100..299}; do printf '"%s%s/%s":"%s",' "$(repeat 59 k)" "$i" "$(repeat 63 k)" "$(repeat 63 v)"; done
      printf '"app":"l"},"annotations":{"zen-lead/identity":"%s"}},"spec":%s}' "$long" "$pod_spec"; } >"$work/pod"
    for _ in {1..4}; do
        create_many 25 "$deployments" "$work/workload"
        create_many 25 "$pods" "$work/pod"
        delete_all "$pods" '&labelSelector=app%3Dl'
    done
    sleep infinity
}

# Less than what is read of one object; the labels of the template have to be the selector's.
attack_many_labels() {
    local labels i
    # Few and long ones: of many short ones Kubernetes' own programs take gigabytes.
    labels=$(for i in {100..999}; do printf '"%s.%s/%s":"%s"\n' "$(repeat 40 d)" "$i" "$(repeat 63 k)" "$(repeat 63 v)"; done | paste -sd,)
    printf '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"generateName":"many-","labels":{"zen-lead/pool":"main"}},"spec":{"replicas":0,"selector":{"matchLabels":{%s}},"template":{"metadata":{"labels":{%s}},"spec":{"containers":[{"name":"main","image":"none"}]}}}}' \
        "$labels" "$labels" >"$work/workload"
    create_many 100 "$deployments" "$work/workload"
    touch "$ZL_RUN/restart" # see run.sh
    sleep infinity
}

attack_storm() {
    local owner
    as_tenant -H 'Content-Type: application/json' -d '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"storm","labels":{"zen-lead/pool":"main"}},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"storm"}},"template":{"metadata":{"labels":{"app":"storm"}},"spec":{"containers":[{"name":"main","image":"none"}]}}}}' "$deployments"
    wait_until 30 has_replicaset
    owner=$(kubectl get replicasets -n tenant -l app=storm -o 'jsonpath={.items[0].metadata.name}","uid":"{.items[0].metadata.uid}')
    printf '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"storm-","labels":{"app":"storm"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"%s","controller":true}]},"spec":%s}' \
        "$owner" "$pod_spec" >"$work/pod"
    while :; do
        as_tenant -Z --parallel-max 8 -H 'Content-Type: application/json' --data-binary "@$work/pod" "$pods?n=[1-200]"
    done
}
has_replicaset() { [ -n "$(kubectl get replicasets -n tenant -l app=storm -o name)" ]; }

# --- who has the network alone

# address_of PROGRAM - HOST:PORT of webhook-N, and of webhook-N-metrics and controller-N-metrics.
address_of() {
    if [ -e "$ZL_RUN/addresses" ]; then
        awk -v name="$1" '$1 == name {print $2}' "$ZL_RUN/addresses"
    else
        echo "127.0.0.1:$(port_of "$1")"
    fi
}

# strangers PORT-NAME... -- OPTION... - until the end; what stood is one "status" of this attack.
strangers() {
    local ports=() port
    while [ "$1" != -- ]; do
        ports+=("$1")
        shift
    done
    shift
    trap 'kill "${children[@]}" 2>/dev/null' TERM
    children=()
    for port in "${ports[@]}"; do
        # shellcheck disable=SC2046 # two words
        "$ZL_BIN/zl-stranger" $(address_of "$port" | sed 's/^/--host /; s/:/ --port /') --from "${ZL_ATTACK_FROM:-127.0.66.0}" "$@" >>"$ZL_RUN/statuses" &
        children+=($!)
    done
    wait || wait
}

attack_idle_probes() { strangers {webhook,controller}-{1,2}-metrics -- --connections 600 --manner idle; }
attack_silent_reviews() { strangers webhook-{1,2} -- --connections 1200 --manner silent --addresses 60; }
attack_idle_reviews() { strangers webhook-{1,2} -- --connections 1200 --manner idle --tls; }
attack_slow_heads() { strangers webhook-{1,2} -- --connections 600 --manner head --tls; }
attack_slow_bodies() { strangers webhook-{1,2} -- --connections 600 --manner body --tls; }

# review GROUP RESOURCE OBJECT-FILE [OWNER] - as the API server would send it, of the pool that fails over
review() {
    printf '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"x","operation":"CREATE","namespace":"single","resource":{"group":"%s","version":"v1","resource":"%s"},"object":' "$1" "$2"
    cat "$3"
    printf '}}'
}

# post_many N AT-ONCE PATH FILE
post_many() {
    local n from=${ZL_ATTACK_FROM:-127.0.66.0}
    for n in 1 2; do
        curl -sk --noproxy '*' -m 30 -o /dev/null -w '%{http_code}\n' --interface "${from%0}1" -Z --parallel-max "$2" \
            -H 'Content-Type: application/json' --data-binary "@$4" "https://$(address_of "webhook-$n")$3?n=[1-$1]" >>"$ZL_RUN/statuses" || true
    done
}

attack_large_bodies() {
    local env
    env=$(repeat 240000 x | sed 's/x/{"name":"A"},/g')
    printf '{"metadata":{"name":"a","labels":{"zen-lead/x":"y"}},"spec":{"template":{"spec":{"containers":[{"env":[%s]}]}}}}' "${env%,}" >"$work/object"
    review apps deployments "$work/object" >"$work/workload"
    { printf '{"metadata":{"name":"a"},"spec":{"unknown":[0'; repeat 110000 x | sed 's/x/,0/g'; printf ']}}'; } >"$work/object"
    review coordination.kube-zen.io leaderpolicies "$work/object" >"$work/policy"
    while :; do
        post_many 40 4 /warn-workload "$work/workload" &
        post_many 40 4 /validate-leaderpolicy "$work/policy" &
        post_many 40 4 /validate-leaderpolicy "$work/workload" &
        post_many 40 4 /validate/guess "$work/workload" &
        wait
        sleep 0.5
    done
}

attack_forged() {
    local owner path
    owner=$(kubectl get replicasets -n single -o 'jsonpath={.items[0].metadata.name}","uid":"{.items[0].metadata.uid}')
    printf '{"metadata":{"name":"ghost","uid":"ghost-uid","namespace":"single","labels":{"app":"web"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"%s","controller":true}]},"spec":{}}' "$owner" >"$work/object"
    review "" pods "$work/object" >"$work/pod"
    while :; do
        for path in /validate /validate/ /validate-pods "/validate/$(repeat 43 A)" "/validate/$(repeat 4000 B)"; do
            post_many 20 4 "$path" "$work/pod"
        done
        sleep 0.1
    done
}
