#!/usr/bin/env bash
# Job 5: trains what job 4 proposed, again and again until the target is met or the budget is spent; then mails.
set -Eeuo pipefail
job=5-retrain-or-notify
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/5-retrain-or-notify.sh [SHA]

Trains candidates in containers of their own, at most HONE_TRIALS in HONE_MINUTES, ranked by their validation accuracy; the
best one is measured on the test split once and, where HONE_PUSH says so, pushed to branch hone/tweaked. Then sends one mail about the outcome (HONE_MAIL_TO; without HONE_SMTP_URL the
mail is put into $HONE_STATE/outbox/). Where an earlier job failed, the mail says so. Exit code: 0 when the mail is out,
whatever the outcome; 6 while the mail server can't be reached: run it again.
TEXT
}

# The budget: that of the settings, or less where the model asks for less.
set_budget() {
  read -r most_trials most_minutes < <(jq -r --argjson trials "$HONE_TRIALS" --argjson minutes "$HONE_MINUTES" \
    '"\([$trials, (.tweak.trials // $trials)] | min) \([$minutes, (.tweak.minutes // $minutes)] | min)"' <"$run/model.json")
}

# minutes_are_spent: since job 2 launched the first training.
minutes_are_spent() {
  local started
  started=$(<"$run/started")
  jq -en --argjson now "$EPOCHSECONDS" --argjson from "$started" --argjson minutes "$most_minutes" \
    '$now - $from > $minutes * 60' >/dev/null
}

# train_candidates: until there is nothing to train; sets ended, count and best (a number).
train_candidates() {
  local n=1 trial_code propose_code propose_error proposal='{}' base most_trials most_minutes
  set_budget
  best=0
  while :; do
    propose "$n"
    if [[ $propose_error ]]; then
      ended="what trial $((n - 1)) left can't be judged: $propose_error"
      count=$n
      return
    fi
    base=$(jq -r '.best // empty' <<<"$proposal")
    if [[ $base =~ trial-([0-9]+)$ ]]; then best=${BASH_REMATCH[1]}; fi
    if [[ $(jq -r '.reached' <<<"$proposal") == true ]]; then
      ended="the target is met"
    elif [[ $(jq -r '.rule // empty' <<<"$proposal") == '' ]]; then
      ended=$(jq -r '.reason' <<<"$proposal")
    elif ((n > most_trials)); then
      ended="the budget of $most_trials trials is spent"
    elif minutes_are_spent; then
      ended="the budget of $most_minutes minutes is spent"
    else
      say "trial $n: $(jq -r '"\(.rule): \(.change), because \(.reason)"' <<<"$proposal")"
      supervise "$n" candidate
      n=$((n + 1))
      continue
    fi
    count=$n
    return
  done
}

# find_the_best: retrains, measures the winner on the test split and writes result.json.
find_the_best() {
  local best=0 count=1 ended='the target is met' judge_code judge_error verdict before trial_code
  before=$(member "$run/$hand_over_4" accuracy)
  if [[ $(member "$run/$hand_over_4" met) != true ]]; then
    train_candidates
    if ((best > 0)); then supervise "$best" final; fi
  fi
  judge "$best" --junit "$run/gate.xml"
  if ((judge_code != 0 && judge_code != exit_not_met)); then die "$judge_code" "hone gate failed with exit code $judge_code: $judge_error"; fi
  write_report
  # shellcheck disable=SC2016 # for jq
  hand_over result.json --argjson before "${before:-null}" --argjson verdict "$verdict" --argjson best "$best" --argjson trials "$count" \
    --arg ended "$ended" '{met: $verdict.met, exit: (if $verdict.met then 0 else 10 end), accuracy_before: $before,
      accuracy: $verdict.value, target: $verdict.target, best: $best, trials: $trials, ended_because: $ended}'
}

main() {
  if [[ ${1:-} == -* ]]; then only_help "$@"; fi
  load_settings
  choose_run "${1:-}"
  lock_run
  if [[ -f $run/$hand_over_5 ]]; then
    say "nothing to do: ended before"
    exit 0
  fi
  if [[ ! -f $run/result.json ]]; then
    local failure
    failure=$(failure_of_run)
    if [[ $failure ]]; then
      note_failure "${failure%% *}" "${failure#* }"
    else
      if [[ ! -f $run/$hand_over_4 ]]; then die "$exit_data" "was not judged; run pipeline/jobs/4-tweak.sh first"; fi
      use_engine
      find_the_best
    fi
  fi
  local pushed
  push_tweaked
  note phase notifying accuracy "$(member "$run/result.json" accuracy)" met "$(member "$run/result.json" met)"
  send_result
  # shellcheck disable=SC2016 # for jq
  hand_over "$hand_over_5" --slurpfile result "$run/result.json" --arg mail "$mail_state" --arg pushed "$pushed" \
    '$result[0] + {mail: $mail, pushed: (if $pushed == "" then null else $pushed end), at: (now | todate)}'
  note phase "$(if [[ $(member "$run/result.json" met) == true ]]; then echo met; else echo "not met"; fi)" mail "$mail_state"
  say "ended: $(member "$run/result.json" ended_because)$(member "$run/result.json" error); mail: $mail_state"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
