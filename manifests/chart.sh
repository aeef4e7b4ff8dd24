#!/usr/bin/env bash
# chart.sh FOLDER - write the Helm chart's crds/, files/ and templates/ into FOLDER from the manifests for kustomize, which are the source.
#
# `make chart` does it for manifests/chart; test/manifests/chart.sh says whether that is what the manifests say today, and
# whether it renders to the same objects. What only Helm has (NOTES.txt, the answers to values of other builds) is in chart-parts/.
# A value stands where the manifests have theirs, so that what nobody sets renders to the manifests.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$1
rm -rf "$out/crds" "$out/files" "$out/templates"
mkdir -p "$out/crds" "$out/files" "$out/templates"

note='# Written by "make chart" from manifests/: change it there.'

# template SOURCE NAME - the file as it is, in the release's namespace.
template() {
    { echo "$note" && cat "$here/$1"; } | sed 's/zen-lead-system/{{ .Release.Namespace }}/g' >"$out/templates/$2"
}

# only CONDITION NAME... - these templates are there only then. To be called when nothing else is done to them.
only() {
    local condition=$1 name file
    shift
    for name in "$@"; do
        file=$out/templates/$name
        { echo "{{- if $condition -}}" && cat "$file" && echo "{{- end }}"; } >"$file.new"
        mv "$file.new" "$file"
    done
}

# edit NAME AWK [VARIABLE=VALUE...] - the template goes through awk.
edit() {
    local file=$out/templates/$1 program=$2 variables=() variable
    shift 2
    for variable in "$@"; do variables+=(-v "$variable"); done
    awk "${variables[@]}" "$program" "$file" >"$file.new"
    mv "$file.new" "$file"
}

# programs NAME PROGRAM - in that template the values of PROGRAM, and those of all programs. "" is zen-lead-certs, which has none of its own.
# shellcheck disable=SC2016 # awk's
programs() {
    edit "$1" '
        function spaces(n) { return substr("                    ", 1, n) }
        # The block that begins here stays as it is while nobody set VALUE, which takes its place.
        function or_value(value, key, indent) {
            print spaces(indent) "{{- with " value " }}"
            if (key != "") print spaces(indent) key ":"
            print spaces(indent) "{{- toYaml . | nindent " (key != "" ? indent + 2 : indent) " }}"
            print spaces(indent) "{{- else }}"
            block = key != "" ? indent : indent - 1
        }
        # VALUE, if somebody set it, beside what the manifests have.
        function add_value(value, key, indent) {
            print spaces(indent) "{{- with " value " }}"
            if (key != "") print spaces(indent) key ":"
            print spaces(indent) "{{- toYaml . | nindent " (key != "" ? indent + 2 : indent) " }}"
            print spaces(indent) "{{- end }}"
        }
        function add_text(condition, text, indent) {
            print spaces(indent) "{{- " condition " }}"
            print spaces(indent) text
            print spaces(indent) "{{- end }}"
        }
        BEGIN {
            values = program != "" ? ".Values." program : ""
            labels = "omit .Values.podLabels \"app.kubernetes.io/name\" \"app.kubernetes.io/component\" \"app.kubernetes.io/part-of\""
        }
        { match($0, /^ */); indent = RLENGTH }
        block && indent <= block { print spaces(block + block % 2) "{{- end }}"; block = 0 }
        values && /^  replicas: / { print "  replicas: {{ " values ".replicas }}"; next }
        values && /^  strategy:$/ { or_value(values ".strategy", "strategy", 2) }
        /^  template:$/ { pods = 1 }
        pods && /^        app.kubernetes.io\/part-of: / { print; add_value(labels, "", 8); next }
        pods && /^      annotations:$/ { annotated = 1 }
        pods && /^    spec:$/ {
            if (annotated) add_value("omit .Values.podAnnotations \"zen-lead.io/review-path\"", "", 8)
            else add_value(".Values.podAnnotations", "annotations", 6)
        }
        !values && /^      enableServiceLinks: / { add_text("with .Values.priorityClassName", "priorityClassName: {{ . }}", 6) }
        /^      priorityClassName: / { $0 = "      priorityClassName: {{ or .Values.priorityClassName \"zen-lead\" }}" }
        values && /^      terminationGracePeriodSeconds: / {
            $0 = "      terminationGracePeriodSeconds: {{ or " values ".terminationGracePeriodSeconds " $2 " }}"
        }
        /^        kubernetes.io\/os: / {
            add_text("if not (hasKey .Values.nodeSelector \"kubernetes.io/os\")", "kubernetes.io/os: linux", 8)
            add_value(".Values.nodeSelector", "", 8)
            add_value(".Values.tolerations", "tolerations", 6)
            add_value(values ? "or " values ".affinity .Values.affinity" : ".Values.affinity", "affinity", 6)
            next
        }
        values && /^      topologySpreadConstraints:$/ { or_value(values ".topologySpreadConstraints", "topologySpreadConstraints", 6) }
        /^      securityContext:$/ { or_value(".Values.podSecurityContext", "securityContext", 6) }
        /^          securityContext:$/ { or_value(".Values.securityContext", "securityContext", 10) }
        /^      containers:$/ {
            print "      {{- if or .Values.image.pullSecrets .Values.imagePullSecrets }}"
            print "      imagePullSecrets:"
            print "        {{- range .Values.image.pullSecrets }}"
            print "        - name: {{ . }}"
            print "        {{- end }}"
            print "        {{- range .Values.imagePullSecrets }}"
            print "        - name: {{ .name }}"
            print "        {{- end }}"
            print "      {{- end }}"
        }
        /^ *image: / {
            print spaces(indent) "image: \"{{ .Values.image.repository }}:{{ or .Values.image.tag .Chart.AppVersion }}\""
            $0 = spaces(indent) "imagePullPolicy: {{ .Values.image.pullPolicy }}"
        }
        values && /^          args:$/ { args = 1; print; next }
        args && !/^            - / {
            args = 0
            if (program == "controller") add_text("if .Values.routingOnly", "- --routing-only", 12)
            add_text("range " values ".extraArgs", "- {{ printf \"%q\" . }}", 12)
        }
        values && /^          ports:$/ {
            print "            {{- with .Values.watchNamespaces }}"
            print "            - name: WATCH_NAMESPACE"
            print "              value: {{ join \",\" . | quote }}"
            print "            {{- end }}"
            add_value(".Values.extraEnv", "", 12)
        }
        !values && /^          resources:$/ { add_value(".Values.extraEnv", "env", 10) }
        # Of a probe only the times can be set.
        /^          (readiness|liveness)Probe:$/ { probe = $1; sub(":", "", probe) }
        probe && /^              port: metrics$/ { print; or_value(values "." probe, "", 12); probe = ""; next }
        values && /^            (requests|limits):/ { part = $1; sub(":", "", part) }
        values && part && /^              (cpu|memory): / {
            name = $1
            sub(":", "", name)
            print "              " name ": {{ " values ".resources." part "." name " }}"
            if (part == "limits") add_text("with " values ".resources.limits.cpu", "cpu: {{ . }}", 14)
            next
        }
        /^ {0,11}[^ ]/ { part = "" }
        { print }
        END { if (block) print spaces(block) "{{- end }}" }' "program=$2"
}

# documents NAME [KIND/OBJECT=CONDITION]... - these objects of the template are there only then.
# shellcheck disable=SC2016
documents() {
    local name=$1
    shift
    edit "$name" '
        function flush(    i) {
            wrapped = ((kind "/" object) in condition)
            if (wrapped) print "{{- if " condition[kind "/" object] " }}"
            if (documents++) print "---"
            for (i = 1; i <= lines; i++) print line[i]
            if (wrapped) print "{{- end }}"
            lines = 0
            kind = object = ""
        }
        BEGIN {
            count = split(conditions, each, "\n")
            for (i = 1; i <= count; i++) {
                at = index(each[i], "=")
                condition[substr(each[i], 1, at - 1)] = substr(each[i], at + 1)
            }
        }
        /^---$/ { flush(); next }
        /^kind: / { kind = $2 }
        /^  name: / && object == "" { object = $2 }
        { line[++lines] = $0 }
        END { flush() }' "conditions=$(printf '%s\\n' "$@")"
}

# accounts NAME - its ServiceAccounts carry the annotations of the values.
# shellcheck disable=SC2016
accounts() {
    edit "$1" '
        /^kind: / { account = ($2 == "ServiceAccount") }
        { print }
        account && /^    app.kubernetes.io\/part-of: / {
            print "  {{- with .Values.serviceAccount.annotations }}"
            print "  annotations:"
            print "    {{- toYaml . | nindent 4 }}"
            print "  {{- end }}"
        }'
}

# --- what there is in every installation but those that say otherwise

{ echo "$note" && cat "$here/base/crd.yaml"; } >"$out/crds/leaderpolicies.yaml"
for name in priority-class rbac webhook-service pdb webhook-deployment controller-deployment webhook-configuration; do
    template "base/$name.yaml" "$name.yaml"
done
programs webhook-deployment.yaml webhook
programs controller-deployment.yaml controller
accounts rbac.yaml
documents rbac.yaml Cluster{Role,RoleBinding}/zen-lead-{webhook,controller}='not .Values.watchNamespaces'
documents pdb.yaml PodDisruptionBudget/zen-lead-webhook='and .Values.webhook.pdb.enabled (not .Values.routingOnly)' \
    PodDisruptionBudget/zen-lead-controller=.Values.controller.pdb.enabled
# shellcheck disable=SC2016
edit pdb.yaml '
    /^  name: / { values = ".Values." substr($2, length("zen-lead-") + 1) ".pdb" }
    /^  maxUnavailable: / {
        print "  {{- if hasKey " values " \"minAvailable\" }}"
        print "  minAvailable: {{ " values ".minAvailable }}"
        print "  {{- else }}"
        print "  maxUnavailable: {{ " values ".maxUnavailable }}"
        print "  {{- end }}"
        next
    }
    { print }'

# --- certificates

template self-signed/rbac.yaml certs-rbac.yaml
accounts certs-rbac.yaml
template self-signed/deployment.yaml certs-deployment.yaml
programs certs-deployment.yaml ""
template cert-manager/certificates.yaml certificates.yaml
# As overlays/cert-manager does.
sed -i '0,/^webhooks:$/s//  {{- if eq .Values.certificates "cert-manager" }}\
  annotations:\
    cert-manager.io\/inject-ca-from: {{ .Release.Namespace }}\/zen-lead-webhook\
  {{- end }}\
webhooks:/' "$out/templates/webhook-configuration.yaml"

# --- without rights in the cluster: as namespaces, in each of them, and overlays/namespaces

template overlays/namespaces/rbac.yaml election-rbac.yaml
template namespaces/rbac.yaml namespaces-rbac.yaml
sed -i 's/{{ .Release/{{ $.Release/' "$out/templates/namespaces-rbac.yaml"
# shellcheck disable=SC2016
edit namespaces-rbac.yaml '
    NR == 2 { print "{{- range $namespace := .Values.watchNamespaces }}\n---" }
    /^[a-z]/ { metadata = /^metadata:/ }
    { print }
    metadata && /^  name: / { print "  namespace: {{ $namespace }}" }
    END { print "{{- end }}" }'
entry=$(sed -n '/^  - name: pods/,$p' "$here/overlays/namespaces/webhook-selector.yaml" |
    sed 's/zen-lead-system/{{ .Release.Namespace }}/; s/values: \[shop, billing\]/values: {{ toJson .Values.watchNamespaces }}/
        s/path: .*/path: {{ .Values.webhook.reviewPath }}/')
edit webhook-configuration.yaml '
    { print }
    /^webhooks:$/ && !done++ { print "  {{- if .Values.watchNamespaces }}\n" entry "\n  {{- end }}" }' "entry=$entry"

# --- routing only: as overlays/routing-only

template overlays/routing-only/rbac.yaml routing-only-rbac.yaml
accounts routing-only-rbac.yaml

# --- what can be beside it

template network-policy/network-policy.yaml network-policy.yaml
template pod-role-label/rbac.yaml pod-role-label.yaml
template service-monitor/services.yaml metrics-services.yaml
template service-monitor/servicemonitor.yaml servicemonitor.yaml
template monitoring/podmonitor.yaml podmonitor.yaml
template monitoring/prometheusrule.yaml prometheusrule.yaml
cp "$here/monitoring/dashboard.json" "$out/files/dashboard.json"
sed -n '/^groups:/,$p' "$here/monitoring/alerts.yaml" >"$out/files/alerts.yaml"
# Their braces are Prometheus' own.
sed -i '/^spec:$/q' "$out/templates/prometheusrule.yaml"
echo '  {{- .Files.Get "files/alerts.yaml" | trim | nindent 2 }}' >>"$out/templates/prometheusrule.yaml"
cat >"$out/templates/dashboard.yaml" <<DASHBOARD
$note
apiVersion: v1
kind: ConfigMap
metadata:
  name: zen-lead-dashboard
  namespace: {{ .Release.Namespace }}
  labels:
    app.kubernetes.io/part-of: zen-lead
data:
  zen-lead.json: |
    {{- .Files.Get "files/dashboard.json" | trim | nindent 4 }}
DASHBOARD
# labels_of NAME VALUES - labels and annotations by which an operator or Grafana finds it.
labels_of() {
    edit "$1" '
        { print }
        /^    app.kubernetes.io\/part-of: / {
            print "    {{- with " values ".labels }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}"
            print "  {{- with " values ".annotations }}\n  annotations:\n    {{- toYaml . | nindent 4 }}\n  {{- end }}"
        }' "values=.Values.metrics.$2"
}
labels_of metrics-services.yaml service
labels_of podmonitor.yaml podMonitor
labels_of servicemonitor.yaml serviceMonitor
labels_of prometheusrule.yaml prometheusRule
labels_of dashboard.yaml dashboard
sed -i 's/interval: .*/interval: {{ .Values.metrics.podMonitor.interval }}/' "$out/templates/podmonitor.yaml"
sed -i 's/interval: .*/interval: {{ .Values.metrics.serviceMonitor.interval }}/' "$out/templates/servicemonitor.yaml"

# --- when

only 'not .Values.priorityClassName' priority-class.yaml
only 'not .Values.routingOnly' rbac.yaml webhook-service.yaml webhook-deployment.yaml webhook-configuration.yaml
only .Values.routingOnly routing-only-rbac.yaml
only 'and (eq .Values.certificates "self-signed") (not .Values.routingOnly)' certs-rbac.yaml certs-deployment.yaml
only 'and (eq .Values.certificates "cert-manager") (not .Values.routingOnly)' certificates.yaml
only .Values.watchNamespaces election-rbac.yaml namespaces-rbac.yaml
only .Values.networkPolicy.enabled network-policy.yaml
only .Values.podRoleLabel.enabled pod-role-label.yaml
only 'or .Values.metrics.service.enabled .Values.metrics.serviceMonitor.enabled' metrics-services.yaml
only .Values.metrics.serviceMonitor.enabled servicemonitor.yaml
only .Values.metrics.podMonitor.enabled podmonitor.yaml
only .Values.metrics.prometheusRule.enabled prometheusrule.yaml
only .Values.metrics.dashboard.enabled dashboard.yaml

cp "$here"/chart-parts/* "$out/templates/"
