{{/* Labels that select the pods of a role: posters.selector (dict "root" $ "role" "intake") */}}
{{- define "posters.selector" -}}
app.kubernetes.io/name: posterstream
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{/* Labels that select the pods of a site's command: posters.siteSelector (dict "root" $ "command" "relay_posters") */}}
{{- define "posters.siteSelector" -}}
app.kubernetes.io/name: posterstream-site
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .command | replace "_" "-" }}
{{- end }}

{{- define "posters.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The name of a role's Secret, or of the Secret of `setup`. */}}
{{- define "posters.secret" -}}
{{ index .root.Values.secrets .role | default (printf "%s-%s" .root.Release.Name .role) }}
{{- end }}

{{- define "posters.podSecurity" -}}
runAsNonRoot: true
# Numbers: the kubelet cannot tell from a name whether a user is root.
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  {{- if .browser }}
  {{- toYaml .root.Values.render.seccompProfile | nindent 2 }}
  {{- else }}
  type: RuntimeDefault
  {{- end }}
{{- end }}

{{- define "posters.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* What every pod has besides its container; `tls`: its Secret of certificates, or empty:
posters.pod (dict "root" $ "browser" false "tls" $.Values.tlsSecret) */}}
{{- define "posters.pod" -}}
# Services named posters-* would otherwise inject variables with the prefix of our settings.
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "posters.podSecurity" . | nindent 2 }}
volumes:
  - name: scratch
    {{- if .browser }}
    emptyDir: { medium: Memory, sizeLimit: {{ .root.Values.render.scratch }} }
    {{- else }}
    emptyDir: { sizeLimit: 64Mi }
    {{- end }}
  {{- with .tls }}
  - name: tls
    secret: { secretName: {{ . }}, defaultMode: 0440 }
  {{- end }}
{{- end }}

{{/* The mounts of these volumes, with the same Secret: posters.mounts $.Values.tlsSecret */}}
{{- define "posters.mounts" -}}
- { name: scratch, mountPath: /tmp }
{{- if . }}
- { name: tls, mountPath: /etc/posters/tls, readOnly: true }
{{- end }}
{{- end }}
