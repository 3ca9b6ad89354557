{{- define "kubepulse.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kubepulse.fullname" -}}
{{- $name := include "kubepulse.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "kubepulse.selector" -}}
app.kubernetes.io/name: {{ include "kubepulse.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kubepulse.labels" -}}
{{ include "kubepulse.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Arguments: root, values (with namespace, labels, annotations), name. What stands elsewhere than the release may be set. */}}
{{- define "kubepulse.metadata" -}}
name: {{ .name }}
namespace: {{ .values.namespace | default .root.Release.Namespace }}
labels:
  {{- include "kubepulse.labels" .root | nindent 2 }}
  {{- with .values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kubepulse.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "kubepulse.fullname" .) }}
{{- end }}

{{- /* A value as the daemon reads it: lists with commas, and no number as Go writes large and small ones (1e+06). */}}
{{- define "kubepulse.text" -}}
{{- if kindIs "slice" . -}}
{{- range $i, $each := . }}{{ if $i }},{{ end }}{{ include "kubepulse.text" $each }}{{ end -}}
{{- else if and (kindIs "float64" .) (ne (floor .) .) -}}
{{- printf "%.9f" . | trimAll "0" | printf "0%s" -}}
{{- else if kindIs "float64" . -}}
{{- int64 . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end }}

{{- define "kubepulse.option" -}}
{{- $value := index .root.Values.config .name -}}
{{- if not (kindIs "invalid" $value) }}{{ include "kubepulse.text" $value }}{{ end -}}
{{- end }}

{{- define "kubepulse.port" -}}
{{ include "kubepulse.option" (dict "root" . "name" "listen") | default ":9090" | splitList ":" | last }}
{{- end }}

{{- define "kubepulse.podsFrom" -}}
{{ .Values.config.pods | default "auto" }}
{{- end }}

{{- /* "true" or "". */}}
{{- define "kubepulse.asksKubelet" -}}
{{ if has (include "kubepulse.podsFrom" .) (list "auto" "kubelet") }}true{{ end }}
{{- end }}
{{- define "kubepulse.asksLogs" -}}
{{ if has (include "kubepulse.podsFrom" .) (list "auto" "apiserver" "logs") }}true{{ end }}
{{- end }}
{{- define "kubepulse.asksApiserver" -}}
{{ if or .Values.config.apiserver .Values.config.kubeconfig (eq (include "kubepulse.podsFrom" .) "apiserver") }}true{{ end }}
{{- end }}

{{- /* What one value alone does not show, and the daemon would end over, or do nothing useful with. */}}
{{- define "kubepulse.check" -}}
{{- $config := .Values.config }}
{{- $pods := include "kubepulse.podsFrom" . }}
{{- if ne (eq (default "" $config.profile) "custom") (not (empty $config.collect)) }}
{{- fail "config: profile: custom and collect go together" }}
{{- end }}
{{- if ne (empty (index $config "kubelet-cert-file")) (empty (index $config "kubelet-key-file")) }}
{{- fail "config: kubelet-cert-file and kubelet-key-file go together" }}
{{- end }}
{{- if and (index $config "label-selector") (has $pods (list "logs" "none")) }}
{{- fail (printf "config: label-selector cannot work with pods: %s, which knows no labels" $pods) }}
{{- end }}
{{- if and (eq (default "" $config.apiserver) "kubeconfig") (not $config.kubeconfig) }}
{{- fail "config: apiserver: kubeconfig needs kubeconfig, a file of extraVolumes" }}
{{- end }}
{{- if and $config.interface (not .Values.hostNetwork) }}
{{- fail "config: interface needs hostNetwork: true, the pod has none of the node's interfaces else" }}
{{- end }}
{{- if regexMatch "^(127\\.|\\[::1\\])" (include "kubepulse.option" (dict "root" . "name" "listen")) }}
{{- fail "config: listen: neither Prometheus nor the probes reach a pod's loopback" }}
{{- end }}
{{- if and .Values.kubelet.selfSigned (index $config "kubelet-ca-file") }}
{{- fail "kubelet.selfSigned is a config.kubelet-ca-file of its own: set one of them" }}
{{- end }}
{{- if and .Values.kubelet.selfSigned $config.kubeconfig }}
{{- fail "kubelet.selfSigned would stand for the CA of config.kubeconfig, too: set one of them" }}
{{- end }}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled }}
{{- fail "podMonitor and serviceMonitor: each daemon would be scraped twice into the same series, set one of them" }}
{{- end }}
{{- end }}
