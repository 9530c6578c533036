# shellcheck shell=bash
# Containers run by Docker's daemon.

# shellcheck source=pipeline/lib/engines/oci.sh
source "${BASH_SOURCE[0]%/*}/oci.sh"

_oci_log_options=(--log-driver "local" --log-opt max-size=2m --log-opt max-file=2)
_oci_options=()
_oci_as_caller=()

_oci() { docker "$@"; }

engine_check() {
  local answer
  command -v docker >/dev/null || {
    _oci_fail 6 "there is no program docker; pipeline/lib/start-engine docker installs and starts it"
    return
  }
  answer=$(docker version --format '{{.Server.Version}}' 2>&1) ||
    _oci_fail 6 "the daemon does not answer: $answer; pipeline/lib/start-engine docker starts it"
}

# A client that has BuildKit, which leaves out the stages that nothing needs: a newer one with its plug-in, or one of
# before version 23. Debian's may stand behind another one.
_docker_with_buildkit() {
  local client version
  for client in docker /usr/bin/docker; do
    command -v "$client" >/dev/null || continue
    version=$("$client" version --format '{{.Client.Version}}' 2>/dev/null || true)
    if ((${version%%.*} < 23)) || "$client" buildx version >/dev/null 2>&1; then
      echo "$client"
      return
    fi
  done
  return 1
}

_oci_skips_stages() { _docker_with_buildkit >/dev/null; }

_oci_build() {
  local client
  local -a network=()
  # A daemon without a bridge has no other network for a build.
  docker network inspect bridge >/dev/null 2>&1 || network=(--network host)
  if client=$(_docker_with_buildkit); then
    DOCKER_BUILDKIT=1 "$client" build --progress plain "${network[@]}" "$@"
  else
    DOCKER_BUILDKIT=0 docker build "${network[@]}" "$@"
  fi
}
