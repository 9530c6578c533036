#!/usr/bin/env bash
# Job 6: goes on with whatever died: containers, the jobs that watched them, the engine, the machine.
set -Eeuo pipefail
job=6-monitor
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/6-monitor.sh [--watch]

Looks once at every run that has not ended and that no job works on, starts its container again from the last checkpoint
and does what is left of jobs 3 to 5. --watch does so for good, every two seconds. Runs that `pipeline stop` stopped are
left alone. Exit code 0, whatever the runs came to.
TEXT
}

main() {
  local watch=0
  if [[ ${1:-} == --watch && $# == 1 ]]; then watch=1; elif (($#)); then only_help "$@"; fi
  load_settings
  mkdir -p -- "$HONE_STATE/runs"
  exec {monitor_fd}>>"$HONE_STATE/.monitor.lock"
  if ! flock -n "$monitor_fd"; then
    say "another monitor is at work"
    exit 0
  fi
  while :; do
    care_for_runs
    if ((watch == 0)); then break; fi
    sleep 2
  done
  wait
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
