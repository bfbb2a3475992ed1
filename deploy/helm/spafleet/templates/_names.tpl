{{- /* A Job cannot be changed once it runs: each revision of the release has one of its own. */ -}}
{{- define "spafleet.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}-{{ .Release.Revision }}
{{- end }}

{{- define "spafleet.labels" -}}
app.kubernetes.io/name: spafleet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
