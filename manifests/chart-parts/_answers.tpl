{{/*
What other builds of zen-lead have as values, each with what to say here instead. "keeps" is what holds here anyway, and
needs no answer. "refused" would get something else than it says, so nothing is installed; "told" changes nothing here, which NOTES.txt says.
*/}}
{{- define "zen-lead.answers" -}}
refused:
  replicaCount: {say: "set controller.replicas and webhook.replicas"}
  nameOverride: {say: "names are fixed, because there is one zen-lead in a cluster; leave it out"}
  fullnameOverride: {say: "names are fixed, because there is one zen-lead in a cluster; leave it out"}
  image.variant: {keeps: ga-only, say: "there is one image; leave it out"}
  serviceAccount.create: {keeps: true, say: "each program has an account of its own, with its rights; leave it out"}
  serviceAccount.name: {say: "the accounts are zen-lead-controller, zen-lead-webhook and zen-lead-certs; leave it out"}
  leaderElectionID: {say: "the Lease is zen-lead-controller-leader-election; leave it out"}
  leaderElection: {say: "set controller.extraArgs, for example [--leader-elect-lease-duration-seconds=15] (docs/options.md)"}
  leadergroups.enabled: {say: "there is no LeaderGroup: other programs elect with `zen-lead elect` or libzenlead (docs/client.md)"}
  livenessProbe: {say: "set controller.livenessProbe and webhook.livenessProbe (of a probe the times alone can be set)"}
  readinessProbe: {say: "set controller.readinessProbe and webhook.readinessProbe (of a probe the times alone can be set)"}
  startupProbe: {say: "the readiness probe does for it; leave it out"}
  resources: {say: "set controller.resources and webhook.resources"}
  topologySpreadConstraints: {say: "set controller.topologySpreadConstraints and webhook.topologySpreadConstraints"}
  strategy: {say: "set controller.strategy and webhook.strategy"}
  terminationGracePeriodSeconds: {say: "set controller.terminationGracePeriodSeconds and webhook.terminationGracePeriodSeconds"}
  pdb.minAvailable: {keeps: 1, say: "set controller.pdb.minAvailable and webhook.pdb.minAvailable"}
  pdb.maxUnavailable: {keeps: 1, say: "set controller.pdb.maxUnavailable and webhook.pdb.maxUnavailable"}
  metrics.port: {keeps: 8080, say: "the port is 8080; leave it out"}
  namespace.create: {say: "use helm's --create-namespace"}
  namespace.name: {say: "use helm's --namespace"}
  controller.maxConcurrentReconciles: {keeps: 10, say: "set controller.extraArgs: [--workers=N]"}
told:
  metrics.enabled: {say: "metrics are always there; metrics.podMonitor and metrics.serviceMonitor have them scraped"}
  health.port: {say: "probes ask the port of the metrics, 8080"}
  service: {say: "metrics.service is what makes Services for metrics"}
  controller.maxCacheSizePerNamespace: {say: "what is watched is known, without a limit (docs/tuning.md)"}
  controller.cacheUpdateTimeoutSeconds: {say: "there is no such cache (docs/tuning.md)"}
  controller.metricsCollectionTimeoutSeconds: {say: "metrics come from memory (docs/tuning.md)"}
  controller.qps: {say: "something is written only when something changed (docs/tuning.md)"}
  controller.burst: {say: "something is written only when something changed (docs/tuning.md)"}
  controller.fastRetryInitialDelayMs: {say: "a failed write is tried again at once, then with a back-off (docs/tuning.md)"}
  controller.fastRetryMaxDelayMs: {say: "a failed write is tried again at once, then with a back-off (docs/tuning.md)"}
  controller.fastRetryMaxAttempts: {say: "a failed write is tried again at once, then with a back-off (docs/tuning.md)"}
  controller.enableLeaderPodCache: {say: "the memory is the watch (docs/tuning.md)"}
  controller.leaderPodCacheTTLSeconds: {say: "the memory is the watch (docs/tuning.md)"}
  controller.enableParallelAPICalls: {say: "controller.extraArgs: [--workers=N] is what runs beside each other (docs/tuning.md)"}
  experimental: {say: "there is one image"}
  rbac.clusterScoped: {say: "the whole cluster is looked at, or the namespaces of watchNamespaces alone"}
{{- end -}}

{{/* zen-lead.answer - lines "value: what to say" of the PART, for the values that are set. */}}
{{- define "zen-lead.answer" -}}
{{- $values := .values -}}
{{- range $path, $answer := get (include "zen-lead.answers" . | fromYaml) .part -}}
  {{- $at := $values -}}
  {{- range $key := splitList "." $path -}}
    {{- if and (kindIs "map" $at) (hasKey $at $key) -}}{{- $at = get $at $key -}}{{- else -}}{{- $at = "" -}}{{- end -}}
  {{- end -}}
  {{- $kept := and (hasKey $answer "keeps") (eq (toString $at) (toString (get $answer "keeps"))) -}}
  {{- if and (not $kept) (or $at (and (kindIs "bool" $at) (or (hasKey $answer "keeps") (eq $path "rbac.clusterScoped")))) }}
  {{ $path }}: {{ $answer.say }}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* zen-lead.refuse - fails with everything that cannot be installed as it was asked for. */}}
{{- define "zen-lead.refuse" -}}
{{- $said := include "zen-lead.answer" (dict "values" .Values "part" "refused") -}}
{{- if hasPrefix "kubezen/" .Values.image.repository -}}
  {{- $said = printf "%s\n  image.repository: %s is the image of another build; name yours (docs/install.md)" $said .Values.image.repository -}}
{{- end -}}
{{- if and .Values.routingOnly .Values.watchNamespaces -}}
  {{- $said = printf "%s\n  watchNamespaces: with routingOnly the whole cluster is looked at; set one of the two" $said -}}
{{- end -}}
{{- if and .Values.routingOnly .Values.podRoleLabel.enabled -}}
  {{- $said = printf "%s\n  podRoleLabel.enabled: with routingOnly there are no pools, and so no roles; set one of the two" $said -}}
{{- end -}}
{{- if and .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled -}}
  {{- $said = printf "%s\n  metrics: podMonitor and serviceMonitor would count everything twice; enable one of the two" $said -}}
{{- end -}}
{{- if $said -}}
  {{- fail (printf "these values say what this chart cannot do so:\n%s\n\nAll values: manifests/chart/README.md" (trimPrefix "\n" $said)) -}}
{{- end -}}
{{- end -}}
