#!/usr/bin/env bash
# chart.sh FOLDER - write the Helm chart's crds/ and templates/ into FOLDER from the manifests for kustomize, which are the source.
#
# `make chart` does it for manifests/chart; test/manifests/chart.sh says whether that is what the manifests say today, and
# whether it renders to the same objects. The templates use nothing but what Go's text/template has itself.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$1
rm -rf "$out/crds" "$out/templates"
mkdir -p "$out/crds" "$out/templates"

note='# Written by "make chart" from manifests/: change it there.'

# template SOURCE NAME [CONDITION] - the file as it is, in the release's namespace.
template() {
    local condition=${3:-}
    {
        [ -z "$condition" ] || echo "{{- if $condition }}"
        echo "$note"
        cat "$here/$1"
        [ -z "$condition" ] || echo "{{- end }}"
    } | sed 's/zen-lead-system/{{ .Release.Namespace }}/g' >"$out/templates/$2"
}

# programs NAME PROGRAM - in that template: image, replicas, resources and options by the values of PROGRAM.
programs() {
    local file=$out/templates/$1 program=$2
    awk -v values=".Values.$program" '
        /^  replicas: / && values != ".Values." { print "  replicas: {{ " values ".replicas }}"; next }
        /^ *image: / {
            match($0, /^ */)
            indent = substr($0, 1, RLENGTH)
            print indent "image: \"{{ .Values.image.repository }}:{{ or .Values.image.tag .Chart.AppVersion }}\""
            print indent "imagePullPolicy: {{ .Values.image.pullPolicy }}"
            next
        }
        /^ +containers:/ {
            match($0, /^ */)
            indent = substr($0, 1, RLENGTH)
            print indent "{{- if .Values.image.pullSecrets }}"
            print indent "imagePullSecrets:"
            print indent "  {{- range .Values.image.pullSecrets }}"
            print indent "  - name: {{ . }}"
            print indent "  {{- end }}"
            print indent "{{- end }}"
        }
        values == ".Values." { print; next }
        /^          args:/ { args = 1; print; next }
        args && !/^            - / {
            args = 0
            print "            {{- range " values ".extraArgs }}"
            print "            - {{ printf \"%q\" . }}"
            print "            {{- end }}"
        }
        /^            (requests|limits):/ { part = $1; sub(":", "", part); print; next }
        /^              (cpu|memory): / && part { name = $1; sub(":", "", name)
            print "              " name ": {{ " values ".resources." part "." name " }}"; next }
        /^ {0,11}[^ ]/ { part = "" }
        { print }' "$file" >"$file.new"
    mv "$file.new" "$file"
}

{ echo "$note" && cat "$here/base/crd.yaml"; } >"$out/crds/leaderpolicies.yaml"
for name in priority-class rbac webhook-service pdb webhook-deployment controller-deployment webhook-configuration; do
    template "base/$name.yaml" "$name.yaml"
done
programs webhook-deployment.yaml webhook
programs controller-deployment.yaml controller

template self-signed/rbac.yaml certs-rbac.yaml 'eq .Values.certificates "self-signed"'
template self-signed/deployment.yaml certs-deployment.yaml 'eq .Values.certificates "self-signed"'
programs certs-deployment.yaml ""

template cert-manager/certificates.yaml certificates.yaml 'eq .Values.certificates "cert-manager"'
# As overlays/cert-manager does.
sed -i '0,/^webhooks:$/s//  {{- if eq .Values.certificates "cert-manager" }}\
  annotations:\
    cert-manager.io\/inject-ca-from: {{ .Release.Namespace }}\/zen-lead-webhook\
  {{- end }}\
webhooks:/' "$out/templates/webhook-configuration.yaml"

template network-policy/network-policy.yaml network-policy.yaml .Values.networkPolicy.enabled
template pod-role-label/rbac.yaml pod-role-label.yaml .Values.podRoleLabel.enabled
