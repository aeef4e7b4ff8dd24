#!/usr/bin/env bash
# creator.sh RUN NAMESPACE - creates a pod there again and again (dry runs, which the gatekeeper is asked about like others) until it is
# ended. One line each: "201", or the time and what the API server of the run folder RUN said.
set -euo pipefail

run=$1 namespace=$2
server=$(grep -oP 'server: "\K[^"]*' "$run/kubeconfig")
token=$(cat "$run/admin.token")
pod='{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "nobody-"}, "spec": {"containers": [{"name": "main", "image": "none"}]}}'
while :; do
    # What was said, and in a last line the status.
    said=$(curl -s --noproxy '*' -m 20 --cacert "$run/ca.crt" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
        -d "$pod" -w '\n%{http_code}' "$server/api/v1/namespaces/$namespace/pods?dryRun=All") || true
    case $said in
    *$'\n201') echo 201 ;;
    *) echo "$EPOCHREALTIME ${said//$'\n'/ }" ;;
    esac
done
