#!/usr/bin/env bash
# Job 3: follows the training of the developer's own model to its end and collects what came of it.
set -Eeuo pipefail
job=3-train
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/3-train.sh [SHA]

Follows the container that job 2 launched, shows its progress, starts it again where it died, froze or vanished, and
leaves in $HONE_STATE/runs/<sha>/: trials/trial-0/ (the run folder), trials/trial-0.txt (its log), gate.xml (JUnit) and
report.html. Exit code: 0 when training ended (also diverged: job 4 judges), otherwise that of the training.
TEXT
}

main() {
  if [[ ${1:-} == -* ]]; then only_help "$@"; fi
  load_settings
  choose_run "${1:-}"
  lock_run
  if [[ -f $run/$hand_over_3 ]]; then
    say "nothing to do: was trained before"
    exit 0
  fi
  if [[ ! -f $run/$hand_over_2 ]]; then die "$exit_data" "was not launched; run pipeline/jobs/2-launch.sh first"; fi
  local failure
  failure=$(failure_of_run)
  if [[ $failure ]]; then die "${failure%% *}" "was not launched: ${failure#* }"; fi
  use_engine
  local trial_code
  supervise 0 own
  case $trial_code in
  0 | 7)
    local verdict
    judge 0 --junit "$run/gate.xml"
    write_report
    # shellcheck disable=SC2016 # for jq
    hand_over "$hand_over_3" --argjson exit "$trial_code" --argjson verdict "${verdict:-null}" \
      '{exit: $exit, accuracy: $verdict.value, target: $verdict.target, at: (now | todate)}'
    note phase trained accuracy "$(member "$run/$hand_over_3" accuracy)" target "$(member "$run/$hand_over_3" target)"
    say "trained; accuracy $(member "$run/$hand_over_3" accuracy) on the test split"
    ;;
  *)
    local words
    words=$(last_words 0)
    # shellcheck disable=SC2016 # for jq
    hand_over "$hand_over_3" --argjson exit "$trial_code" --arg error "${words:-the training ended with exit code $trial_code}" \
      '{exit: $exit, error: $error, at: (now | todate)}'
    note phase failed
    die "$trial_code" "the training failed: $words"
    ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
