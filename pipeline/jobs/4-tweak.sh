#!/usr/bin/env bash
# Job 4: holds the accuracy against the target; below it, has hone write the next model file.
set -Eeuo pipefail
job=4-tweak
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/4-tweak.sh [SHA]

Exit code: 0 the target (HONE_TARGET, else the model's own, else 0.80) is met; 10 it is not: the next model file is in
$HONE_STATE/runs/<sha>/trials/trial-1.yaml (a program's parameters: trial-1.json); anything else is a failure.
TEXT
}

# Above the target, below it, or not to be judged: only hone decides, by the run that belongs to this commit.
main() {
  if [[ ${1:-} == -* ]]; then only_help "$@"; fi
  load_settings
  choose_run "${1:-}"
  lock_run
  if [[ ! -f $run/$hand_over_4 ]]; then
    if [[ ! -f $run/$hand_over_3 ]]; then die "$exit_data" "was not trained; run pipeline/jobs/3-train.sh first"; fi
    local failure
    failure=$(failure_of_run)
    if [[ $failure ]]; then die "${failure%% *}" "there is nothing to judge: ${failure#* }"; fi
    use_engine
    gate_and_tweak
  fi
  say "accuracy $(member "$run/$hand_over_4" accuracy), target $(member "$run/$hand_over_4" target): $(member "$run/$hand_over_4" sentence)"
  [[ $(member "$run/$hand_over_4" met) == true ]] || exit "$exit_not_met"
}

gate_and_tweak() {
  local judge_code judge_error verdict propose_code propose_error proposal='{}' met=false
  judge 0
  case $judge_code in
  0) met=true proposal='{"sentence": "met"}' ;;
  "$exit_not_met")
    propose 1
    if [[ $propose_error ]]; then
      # shellcheck disable=SC2016 # for jq
      hand_over "$hand_over_4" --argjson exit "$propose_code" --arg error "hone tweak: $propose_error" '{exit: $exit, error: $error}'
      die "$propose_code" "$propose_error"
    fi
    ;;
  *) die "$judge_code" "hone gate failed with exit code $judge_code: $judge_error" ;;
  esac
  # shellcheck disable=SC2016 # for jq
  hand_over "$hand_over_4" --argjson met "$met" --argjson verdict "$verdict" --argjson proposal "$proposal" \
    '{met: $met, accuracy: $verdict.value, target: $verdict.target,
      next: (if $proposal.rule then 1 else null end),
      sentence: ($proposal.sentence // (if $proposal.rule then "\($proposal.rule): \($proposal.change), because \($proposal.reason)"
        else $proposal.reason end)), at: (now | todate)}'
  note phase judged met "$met"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
