# shellcheck shell=bash
# Containers run by podman, without a daemon.

# shellcheck source=pipeline/lib/engines/oci.sh
source "${BASH_SOURCE[0]%/*}/oci.sh"

_oci_log_options=(--log-driver k8s-file --log-opt max-size=2mb)
# podman makes more folders writable than are asked for, and raises the limit of processes, which without
# CAP_SYS_RESOURCE it may not.
_oci_options=(--read-only-tmpfs=false --ulimit nproc=4096:4096)
_oci_as_caller=(--userns keep-id)
_podman_options=()
# It leaves groups, a journal and health checks to systemd; without that, only runc comes up.
if [[ ! -d /run/systemd/system ]]; then
  _oci_options+=(--no-healthcheck)
  _podman_options=(--cgroup-manager cgroupfs --events-backend file)
  if command -v runc >/dev/null; then _podman_options+=(--runtime runc); fi
fi

# Jenkins ends what carries the cookie of one of its builds: the container's keeper must outlive the build.
_oci() { JENKINS_NODE_COOKIE=hone podman "${_podman_options[@]}" "$@"; }

engine_check() {
  local answer
  command -v podman >/dev/null || {
    _oci_fail 6 "there is no program podman; pipeline/lib/start-engine podman installs it"
    return
  }
  answer=$(_oci info 2>&1 >/dev/null) || _oci_fail 6 "podman does not work here: $answer"
}

_oci_skips_stages() { true; }

_oci_build() { _oci build --format docker --network host --ulimit nofile=1024:1024 "$@"; }
