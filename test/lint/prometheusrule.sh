#!/usr/bin/env bash
# prometheusrule.sh - manifests/monitoring/prometheusrule.yaml, made from the rule file beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cat <<'HEAD'
# Written by `make docs` from alerts.yaml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: zen-lead
  namespace: zen-lead-system
  labels:
    app.kubernetes.io/name: zen-lead
    app.kubernetes.io/part-of: zen-lead
spec:
HEAD
sed -n '/^groups:/,$ s/^/  /p' manifests/monitoring/alerts.yaml
