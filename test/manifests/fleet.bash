# shellcheck shell=bash
# shellcheck disable=SC2154 # what check.sh has, which sources this
#
# fleet.bash - manifests/fleet: the CRD's schema, and on the hub what a member and an arbiter may do and what not, by their own tokens.

hub=zen-fleet
fleet_crd=leaderpolicies.leadership.kube-zen.io
leases=/apis/coordination.k8s.io/v1/namespaces/$hub/leases

fleet_created=no

# Waits for the namespace, which somebody else has to finish: what runs next on this server must not meet half of it.
fleet_cleanup() {
    [[ $fleet_created == yes ]] || return 0
    kubectl_ delete --ignore-not-found --timeout=30s -f "$manifests/fleet/hub/rbac.yaml" -f "$manifests/fleet/member/rbac.yaml" \
        -f "$manifests/fleet/hub/namespace.yaml" >/dev/null || true
    kubectl_ delete --ignore-not-found crd "$fleet_crd" >/dev/null || true
}

# Before all folders are shown to the server: a dry run of what is in a namespace needs that.
fleet_prepare() {
    kubectl_ get namespace "$hub" >/dev/null 2>&1 || fleet_created=yes
    accepts "fleet: the hub's namespace and roles are created" kubectl_ apply -f "$manifests/fleet/hub/namespace.yaml" \
        -f "$manifests/fleet/hub/rbac.yaml"
}

fleet_policy() { # SPEC [STATUS]: a LeaderPolicy of a fleet as a file, its name is printed
    printf '{"apiVersion":"leadership.kube-zen.io/v1alpha1","kind":"LeaderPolicy","metadata":{"name":"fleet-columns","namespace":"default"},
        "spec":%s%s}\n' "$1" "${2:+,\"status\":$2}" >"$work/fleet-policy.json"
    echo "$work/fleet-policy.json"
}

fleet_refused() { # TEXT SPEC
    refuses "fleet: refused: $2" "$1" dry_create "$(fleet_policy "$2")"
}

# The manifest of docs/fleet.md, as users copy it.
fleet_example() {
    awk '/^```yaml$/ { code = 1; text = ""; next } /^```$/ { if (code && text ~ /kind: LeaderPolicy/) { printf "%s", text; exit } code = 0 }
        code { text = text $0 "\n" }' "$root/docs/fleet.md"
}

check_fleet_schema() {
    accepts "fleet: the CRD is created" kubectl_ apply -f "$manifests/fleet/member/crd.yaml"
    accepts "fleet: the CRD is established" kubectl_ wait --for=condition=Established --timeout=20s "crd/$fleet_crd"
    prints "fleet: no structural problem is reported" "" kubectl_ get crd "$fleet_crd" \
        -o 'jsonpath={.status.conditions[?(@.type=="NonStructuralSchema")].message}'
    prints "fleet: defaults are filled" '1 fairness 30m false 0 0 Auto 60' dry_create "$(fleet_policy '{"pool":"a"}')" \
        'jsonpath={.spec.maxConcurrentLeaders} {.spec.strategy} {.spec.leaseDuration} {.spec.pauseOnError} {.spec.maxFailures} {.spec.maxExtensions} {.spec.acceptance} {.spec.heartbeatSeconds}'
    fleet_example >"$work/fleet-example.yaml"
    prints "fleet: the manifest of docs/fleet.md is taken as it is written" \
        'security-remediation-pool 5 fairness 30m true CVE-2015-12345-remediation INC-98765' \
        kubectl_ create -n default --dry-run=server -f "$work/fleet-example.yaml" \
        -o 'jsonpath={.spec.pool} {.spec.maxConcurrentLeaders} {.spec.strategy} {.spec.leaseDuration} {.spec.pauseOnError} {.spec.observability.annotations.policy} {.spec.observability.annotations.incident}'
    fleet_refused 'pool' '{}' # kubectl or the server says it, each in its way
    fleet_refused 'spec.pool' '{"pool":""}'
    fleet_refused 'spec.pool' '{"pool":"Upper"}'
    fleet_refused 'spec.maxConcurrentLeaders' '{"pool":"a","maxConcurrentLeaders":0}'
    fleet_refused 'spec.maxConcurrentLeaders' '{"pool":"a","maxConcurrentLeaders":2001}'
    fleet_refused 'spec.strategy: Unsupported value' '{"pool":"a","strategy":"random"}'
    local duration
    for duration in '' 30 0s 0m 5d 1h0 m '1s1m' 90.5s -1m 169h 1h60m; do fleet_refused 'spec.leaseDuration' "{\"pool\":\"a\",\"leaseDuration\":\"$duration\"}"; done
    for duration in 1s 90s 30m 1h 1h30m 1h0m5s 100m 168h; do
        accepts "fleet: leaseDuration $duration is accepted" dry_create "$(fleet_policy "{\"pool\":\"a\",\"leaseDuration\":\"$duration\"}")"
    done
    fleet_refused 'spec.maxFailures' '{"pool":"a","maxFailures":-1}'
    fleet_refused 'spec.heartbeatSeconds' '{"pool":"a","heartbeatSeconds":1}'
    fleet_refused 'spec.acceptance: Unsupported value' '{"pool":"a","acceptance":"Perhaps"}'
    check_fleet_plan
}

# Stages, spread and windows.
check_fleet_plan() {
    accepts "fleet: stages, spread, windows and Manual are accepted" dry_create "$(fleet_policy '{"pool":"a","acceptance":"Manual",
        "stages":[{"match":{"tier":"canary","region":"eu"},"max":1,"soak":"1h30m"},{"approval":true},{"soak":"0s"}],"spread":{"key":"topology.kubernetes.io/region","max":2},
        "windows":[{"days":["Mon","Sun"],"from":"22:00","to":"24:00","timeZone":"-03:30"},{"from":"00:00","to":"05:59"}]}')"
    prints "fleet: a window's clock is UTC" UTC dry_create "$(fleet_policy '{"pool":"a","windows":[{"from":"22:00","to":"06:00"}]}')" 'jsonpath={.spec.windows[0].timeZone}'
    fleet_refused 'spec.stages' '{"pool":"a","stages":[{},{},{},{},{},{},{},{},{}]}'
    fleet_refused 'spec.stages' '{"pool":"a","stages":[{"match":{"tier":"not this"}}]}'
    fleet_refused 'spec.stages' '{"pool":"a","stages":[{"max":0}]}'
    fleet_refused 'spec.stages' '{"pool":"a","stages":[{"soak":"later"}]}'
    fleet_refused 'spec.stages' '{"pool":"a","stages":[{"soak":""}]}'
    fleet_refused 'spec.spread' '{"pool":"a","spread":{"key":"region"}}'
    fleet_refused 'spec.spread' '{"pool":"a","spread":{"key":"region","max":0}}'
    local window
    for window in '"from":"22:00"' '"from":"24:00","to":"06:00"' '"from":"22:00","to":"24:01"' '"from":"9:00","to":"10:00"' \
        '"from":"22:00","to":"06:00","timeZone":"Europe/Berlin"' '"from":"22:00","to":"06:00","timeZone":"+15:00"' '"from":"22:00","to":"06:00","days":["Monday"]'; do
        fleet_refused 'spec.windows' "{\"pool\":\"a\",\"windows\":[{$window}]}"
    done
}

check_fleet_status() {
    local version path=/apis/leadership.kube-zen.io/v1alpha1/namespaces/default/leaderpolicies/fleet-columns file
    kubectl_ delete --ignore-not-found flp fleet-columns >/dev/null
    accepts "fleet: a LeaderPolicy is created" kubectl_ create -f "$(fleet_policy '{"pool":"a"}')"
    version=$(kubectl_ get flp fleet-columns -o 'jsonpath={.metadata.resourceVersion}')
    file=$(fleet_policy '{"pool":"a"}' '{"phase":"Waiting","cluster":"one","position":3,"why":"2 of 2 act","active":2,"waiting":7,"done":1,"failed":1,
        "paused":{"id":3,"by":"arbiter","reason":"failure","since":"2026-01-02T03:04:05Z"},"round":"r","turn":{"token":9007199254740991,
        "until":"2026-01-02T03:34:05Z"},"conditions":[{"type":"HubReached","status":"True","reason":"Reached","message":"the hub answers",
        "lastTransitionTime":"2026-01-02T03:04:05Z"}],"observedGeneration":1}')
    sed -i "s/\"metadata\":{/&\"resourceVersion\":\"$version\",/" "$file"
    accepts "fleet: its status is written through the subresource" kubectl_ replace --raw "$path/status" -f "$file"
    prints "fleet: columns of kubectl get flp" "NAME POOL PHASE POSITION ACTIVE WAITING DONE FAILED PAUSED AGE fleet-columns a Waiting 3 2 7 1 1 failure " \
        kubectl_ get flp fleet-columns
    prints "fleet: columns of kubectl get flp -o wide" \
        "NAME POOL PHASE POSITION ACTIVE WAITING DONE FAILED PAUSED ROUND TOKEN UNTIL WHY AGE fleet-columns a Waiting 3 2 7 1 1 failure r 9007199254740991 2026-01-02T03:34:05Z 2 of 2 act " \
        kubectl_ get flp fleet-columns -o wide
    prints "fleet: nothing of the status is pruned" "one 3 arbiter Reached 1" kubectl_ get flp fleet-columns \
        -o 'jsonpath={.status.cluster} {.status.paused.id} {.status.paused.by} {.status.conditions[0].reason} {.status.observedGeneration}'
    kubectl_ create -f "$(policy check-both '')" >/dev/null
    prints "fleet: of both groups, kubectl means pools by leaderpolicies" "leaderpolicy.coordination.kube-zen.io/check-both " \
        kubectl_ get leaderpolicies -n default -o name
    kubectl_ delete lp -n default check-both >/dev/null
    accepts "fleet: it can be deleted" kubectl_ delete flp fleet-columns
}

# In a member's own cluster. A cluster without the fleet gets nothing new.
check_fleet_member_rbac() {
    local verb
    for verb in get list watch; do
        can no zen-lead-controller $verb $fleet_crd -n default
        can no zen-lead-webhook $verb $fleet_crd -n default
    done
    can_flush
    accepts "fleet: the roles of fleet/member are created" kubectl_ apply -f "$manifests/fleet/member/rbac.yaml"
    for verb in get list watch; do
        can yes zen-lead-controller $verb $fleet_crd -n default
    done
    can yes zen-lead-webhook list $fleet_crd -n default
    can yes zen-lead-controller patch $fleet_crd --subresource=status -n default
    can yes zen-lead-controller get namespaces/kube-system
    for verb in create update patch delete; do
        can no zen-lead-controller $verb $fleet_crd -n default
        can no zen-lead-webhook $verb $fleet_crd -n default
        can no zen-lead-webhook $verb $fleet_crd --subresource=status -n default
    done
    # What a Job's turn needs, base gives already; a member patches no pod.
    can yes zen-lead-controller patch jobs.batch -n default
    can no zen-lead-controller patch pods -n default
    can_flush
}

# hub_account FILE ACCOUNT - a kubeconfig with a token of that service account: what a member is given.
hub_account() {
    local token
    printf '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600}}' >"$work/token.json"
    token=$(kubectl_ create --raw "/api/v1/namespaces/$hub/serviceaccounts/$2/token" -f "$work/token.json" | jq -r .status.token)
    kubectl_ config view --raw --minify -o json | jq --arg token "$token" \
        '.users = [{name: "account", user: {$token}}] | .contexts[0].context.user = "account"' >"$1"
}

lease() { # NAME [VERSION]: a Lease of the hub as a file, its name is printed
    printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"%s","namespace":"%s"%s},"spec":{}}\n' \
        "$1" "$hub" "${2:+,\"resourceVersion\":\"$2\"}" >"$work/lease-$1.json"
    echo "$work/lease-$1.json"
}
version_of() { kubectl_ get lease -n "$hub" "$1" -o 'jsonpath={.metadata.resourceVersion}'; }
put() { kubectl_ replace --raw "$leases/$1" -f "$(lease "$1" "${2:-}")"; }
post() { kubectl_ create --raw "$leases" -f "$(lease "$1")"; }
remove() { kubectl_ delete --raw "$leases/$1"; }
patch() { kubectl_ patch lease -n "$hub" "$1" --type merge -p '{"spec":{"holderIdentity":"stolen"}}'; }
replaces() { put "$1" "$(admin_version "$1")"; } # with the resourceVersion that it has: nothing but a right is missing

# as FILE COMMAND... - with that kubeconfig instead of the administrator's.
as() { KUBECONFIG=$1 "${@:2}"; }
admin_version() { KUBECONFIG=$admin version_of "$1"; }

# forbidden VERB COMMAND... - a write of the member: 403, and the authorizer says which verb on Leases is missing.
forbidden() {
    local verb=$1
    shift
    refuses "fleet: 403 for a member: $*" "cannot $verb resource \"leases\"" as "$work/member.kubeconfig" "$@"
    grep -qF '(Forbidden)' "$work/out" || not_ok "fleet: it is a 403: $*"
}
# Roles and accounts are known to the authorizer a moment after they were written.
member_is_known() {
    local n
    for n in 1 2 3 4 5 6 7 8 9; do
        ! as "$work/member.kubeconfig" kubectl_ get lease -n $hub turn.one >/dev/null 2>&1 || return 0
        sleep "0.$n"
    done
    return 1
}
versions() { kubectl_ get leases -n $hub -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'; }

check_hub_rbac() {
    local name cluster admin=$KUBECONFIG pool=fleet.security-remediation-pool
    for cluster in one two; do
        accepts "fleet: the rights of cluster $cluster are created" kubectl_ apply -f - < <(
            kubectl_ kustomize "$manifests/fleet/hub-member" | sed "s/example-cluster/$cluster/g")
    done
    for name in turn.one turn.two member.two $pool fleet.other zen-fleet-arbiter; do
        kubectl_ create -f "$(lease "$name")" >/dev/null
    done
    hub_account "$work/member.kubeconfig" member.one
    accepts "fleet: a member's token is taken" member_is_known

    # What a member does.
    accepts "fleet: a member makes its Lease, by PUT" as "$work/member.kubeconfig" put member.one
    accepts "fleet: it swaps it" as "$work/member.kubeconfig" replaces member.one
    accepts "fleet: it reads its Lease" as "$work/member.kubeconfig" kubectl_ get lease -n $hub member.one
    accepts "fleet: it reads its turn" as "$work/member.kubeconfig" kubectl_ get lease -n $hub turn.one
    accepts "fleet: it lists its turn" as "$work/member.kubeconfig" kubectl_ get --raw "$leases?fieldSelector=metadata.name%3Dturn.one"
    accepts "fleet: it watches its turn" as "$work/member.kubeconfig" kubectl_ get --raw \
        "$leases?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dturn.one"
    accepts "fleet: it reads the ledger" as "$work/member.kubeconfig" kubectl_ get lease -n $hub $pool

    # What it must not do. None of it is refused for another reason, or changes anything.
    versions >"$work/before"
    forbidden update replaces turn.one
    forbidden patch patch turn.one
    forbidden delete remove turn.one
    forbidden update replaces $pool
    forbidden patch patch $pool
    forbidden delete remove $pool
    forbidden update replaces member.two
    forbidden update replaces turn.two
    forbidden update replaces zen-fleet-arbiter
    forbidden delete remove member.one
    forbidden create post member.one
    forbidden update put fleet.new
    versions >"$work/after"
    accepts "fleet: nothing was changed by what is forbidden" diff "$work/before" "$work/after"
    refuses "fleet: a member does not read another's Lease" 'cannot get resource "leases"' as "$work/member.kubeconfig" kubectl_ get lease -n $hub member.two
    refuses "fleet: a member does not list all Leases" 'cannot list resource "leases"' as "$work/member.kubeconfig" kubectl_ get leases -n $hub
    refuses "fleet: a member does not read a ledger that is not listed" 'cannot get resource "leases"' as "$work/member.kubeconfig" kubectl_ get lease -n $hub fleet.other
    kubectl_ delete leases -n $hub --all >/dev/null
    check_hub_reviews
}

# The rest by reviews: nothing but Leases, nowhere else.
check_hub_reviews() {
    # shellcheck disable=SC2034 # "can" reads $at: where the account is
    local verb lease=leases.coordination.k8s.io at=$hub account
    for verb in get list watch create update; do
        can yes zen-lead-arbiter $verb $lease -n $hub
        can no zen-lead-arbiter $verb $lease -n default
    done
    can yes zen-lead-arbiter patch $lease/zen-fleet-arbiter -n $hub
    can no zen-lead-arbiter patch $lease/fleet.a -n $hub
    can no zen-lead-arbiter delete $lease -n $hub
    can no zen-lead-arbiter list pods -n $hub
    can no zen-lead-arbiter list services -n $hub
    can no zen-lead-arbiter list endpointslices.discovery.k8s.io -n $hub
    can no member.one patch $lease/member.two -n $hub
    can yes member.one get $lease/zen-fleet-arbiter -n $hub # who decides, for the doctor
    can no member.one patch $lease/zen-fleet-arbiter -n $hub
    for account in zen-lead-arbiter member.one; do
        can no $account get secrets -n $hub
        can no $account create pods -n $hub
        can no $account list namespaces
        can no $account create serviceaccounts --subresource=token -n $hub
        can no $account create rolebindings.rbac.authorization.k8s.io -n $hub
        can no $account patch roles.rbac.authorization.k8s.io -n $hub
        can no $account impersonate users
        can no $account get $fleet_crd -n default
    done
    can_flush
}

check_fleet() {
    check_fleet_schema
    check_fleet_status
    check_fleet_member_rbac
    check_hub_rbac
}
