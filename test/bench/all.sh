#!/usr/bin/env bash
# all.sh - every benchmark but those on a node, one after the other, and the page that they make: docs/benchmarks.md. Under 15
# minutes on two processors, once the Go webhook is built; nothing else should be at work on them. Run by `make bench`.
#
#   OUT=FILE   (docs/benchmarks.md)
#   ONLY="webhook fleet"   these alone, to see whether they work: the page is not written
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-docs/benchmarks.md}
read -ra only <<<"${ONLY:-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# NAME|TITLE|SETTINGS|SCRIPT|WHAT IT IS
benchmarks=(
    "webhook|A review|ROUNDS=3 SECONDS_=1|webhook.sh|zen-lead's webhook beside a Go webhook with Kubernetes' own types (client-go of Debian 13) and a bare libmicrohttpd, which answers without looking (bare) or parses the review with cJSON (bare-cjson). In the open loop a time counts from when a review was due, so that one which waits for the one before is not left out. Medians of three runs of each, in turns."
    "failover|A failover, by its cause|COUNT=30|failover.sh|From the event of a leader's pod to the new revision of the EndpointSlice, beside Kubernetes' own EndpointSlice controller for the ordinary Service, and the limit: one watch event, one PUT."
    "scale|A failover among 1,000 Services|COUNT=20|scale.sh|Until all are routed, memory, requests, and a failover among few and among all of them."
    "namespaces|Many pools, each in a namespace|NAMESPACES=20\\ 200 PODS=2000 COUNT=20 QUIET=10|namespaces.sh|Time to be ready, streams, memory, requests while nothing happens, and a failover among them. The pods are a stranger's."
    "pools|Many pools, quiet and not|POOLS=1000\\ 3000 COUNT=20|pools.sh|Pools that lead, each with a Deployment of one pod. While nothing happens each Lease is renewed once in 12.74 s. Then the acting controller is killed with two replicas there, as installed."
    "jobs|Jobs through one pool|JOBS=12|jobs.sh|A guarded pool lets one Job execute at a time. Beside it the same Jobs without a pool, each created as the one before is complete."
    "sidecar|The sidecar||sidecar.sh|Answers at 1,000 requests a second, and how far behind the API server's events they are."
    "fleet|A fleet|COUNTS=50 SECONDS_EACH=30 WORK_MS=4000|fleet/run.sh|One hub, one arbiter, 45 simulated clusters and 5 real ones that wait among them."
)

is_wanted() { [ "${#only[@]}" -eq 0 ] || [[ " ${only[*]} " = *" $1 "* ]]; }

processor() { sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1; }

head_of_page() {
    cat <<PAGE
# Benchmarks

Written by \`make bench\` (\`test/bench/all.sh\`), all in one run; nothing of it is asserted in tests. What a number means is said beside
it and in the script; what is promised, and what was seen in longer runs and on a real node, stands in [status.md](status.md) and
[node.md](node.md).

- $(date -u +%Y-%m-%d), commit $(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD || echo " and changes that were not committed"), \`$(build/bin/zen-lead --version | head -n 1)\`
- $(nproc) processors ($(processor)), $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r), $(. /etc/os-release && echo "$PRETTY_NAME")
- $(cc --version | head -n 1), flags \`${ZL_FLAGS:-as in the Makefile}\`
- etcd, kube-apiserver and kube-controller-manager on the same processors; loopback
PAGE
}

section() { # TITLE SETTINGS SCRIPT WHAT OUTPUT
    printf '\n## %s\n\n%s\n\n```text\n$ %s\n' "$1" "$4" "${2:+${2//\\ /,} }bash test/bench/$3"
    cat "$5"
    printf '```\n'
}

started=$SECONDS
for line in "${benchmarks[@]}"; do
    IFS='|' read -r name title settings script what <<<"$line"
    is_wanted "$name" || continue
    echo "== $name" >&2
    before=$SECONDS
    eval "env $settings bash test/bench/$script" >"$work/$name" 2>"$work/$name.err" || {
        cat "$work/$name" "$work/$name.err" >&2
        echo "bench: $name failed" >&2
        exit 1
    }
    cat "$work/$name" >&2
    echo "== $name: $((SECONDS - before)) s" >&2
done
[ "${#only[@]}" -eq 0 ] || exit 0
{
    head_of_page
    for line in "${benchmarks[@]}"; do
        IFS='|' read -r name title settings script what <<<"$line"
        section "$title" "$settings" "$script" "$what" "$work/$name"
    done
} >"$work/page"
mv "$work/page" "$out"
echo "bench: $out written after $((SECONDS - started)) s" >&2
