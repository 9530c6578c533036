#!/usr/bin/env bash
# Job 6: goes on with whatever died: containers, the jobs that watched them, the engine, the machine.
set -Eeuo pipefail
job=6-monitor
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/6-monitor.sh [--watch | --while PID]

Looks once at every run that has not ended and that no job works on, starts its container again from the last checkpoint
and does what is left of jobs 3 to 5. --watch does so for good, every two seconds, --while as long as that process lives. Runs that `pipeline stop` stopped are
left alone. Exit code 0, whatever the runs came to.
TEXT
}

main() {
  local watch=0 pid=$$
  case $#${1:-} in
  0) ;;
  1--watch) watch=1 ;;
  2--while) watch=1 pid=$2 ;;
  *) only_help "$@" ;;
  esac
  if [[ ! $pid =~ ^[1-9][0-9]*$ ]]; then die "$exit_usage" "'$pid' is no process; expected its number"; fi
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
    # The runs that are being cared for are left to those that do so.
    kill -0 "$pid" 2>/dev/null || exit 0
  done
  wait
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
