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

# give_up CODE TEXT: an outcome that job 5 mails.
give_up() {
  # shellcheck disable=SC2016 # for jq
  hand_over "$hand_over_3" --argjson exit "$1" --arg error "$2" '{exit: $exit, error: $error, at: (now | todate)}'
  note phase failed
  die "$1" "the training failed: $2"
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
    local verdict judge_code judge_error
    judge 0 --junit "$run/gate.xml"
    case $judge_code in
    0 | "$exit_not_met") ;;
    [34]) give_up "$judge_code" "the training ended, but what it left can't be judged: $judge_error" ;;
    *) die "$judge_code" "hone gate failed with exit code $judge_code: $judge_error" ;;
    esac
    write_report
    # shellcheck disable=SC2016 # for jq
    hand_over "$hand_over_3" --argjson exit "$trial_code" --argjson verdict "${verdict:-null}" \
      '{exit: $exit, accuracy: $verdict.value, target: $verdict.target, at: (now | todate)}'
    note phase trained accuracy "$(member "$run/$hand_over_3" accuracy)" target "$(member "$run/$hand_over_3" target)"
    say "trained; accuracy $(member "$run/$hand_over_3" accuracy) on the test split"
    ;;
  *)
    give_up "$trial_code" "$(failure_words 0)"
    ;;
  esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
