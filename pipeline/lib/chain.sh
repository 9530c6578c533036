# The jobs of one run, one after the other. A job is done when its hand-over is there; that is all that is looked at, so
# whatever was killed in between goes on where it was.
# shellcheck shell=bash
if [[ ${hone_chain_sourced:-} ]]; then return; fi
hone_chain_sourced=1
# shellcheck source=pipeline/lib/state.sh
source "${BASH_SOURCE[0]%/*}/state.sh"
# shellcheck source=pipeline/lib/settings.sh
source "${BASH_SOURCE[0]%/*}/settings.sh"

# continue_run SHA: runs what is missing of jobs 2 to 5. Returns 0: target met, 10: not met, else what failed.
continue_run() {
  local commit run code step
  choose_run "$1"
  for step in 2-launch 3-train 4-tweak 5-retrain-or-notify; do
    if [[ -f $run/$step.json ]]; then continue; fi
    if [[ $step != 5-* && $(failure_of_run) ]]; then continue; fi
    code=0
    "$pipeline_lib/../jobs/$step.sh" "$commit" || code=$?
    if [[ $code == 143 && -f $run/stopped ]]; then return 143; fi
    if [[ ! -f $run/$step.json ]] && [[ ! $(failure_of_run) ]]; then
      note_failed_attempt "$step" "$code"
      return "$code"
    fi
  done
  rm -f -- "$run/attempts"
  if [[ $(member "$run/$hand_over_5" met) == true ]]; then return 0; fi
  code=$(member "$run/$hand_over_5" exit)
  return "${code:-$exit_not_met}"
}

# A job that failed without a result (the network, the engine, its own death) is tried again: later each time, and not
# for ever, but for the mail, which waits for its server.
note_failed_attempt() {
  local step=$1 code=$2 attempts=0 delay
  if [[ -f $run/attempts ]]; then read -r attempts _ <"$run/attempts"; fi
  attempts=$((attempts + 1))
  delay=$((attempts > 6 ? 60 : 1 << attempts))
  printf '%d %d\n' "$attempts" "$((EPOCHSECONDS + delay))" | write_file "$run/attempts"
  say "job $step of $commit: failed with exit code $code; attempt $attempts, the next one in $delay s"
  if ((attempts <= HONE_RESTARTS)); then return; fi
  local error="job $step failed $attempts times, at last with exit code $code"
  if [[ $step != 5-* ]]; then
    # shellcheck disable=SC2016 # for jq
    hand_over "$step.json" --arg error "$error" --argjson exit "$code" '{exit: $exit, error: $error}'
  elif [[ ! -f $run/result.json ]]; then
    note_failure "$code" "$error"
  fi
}

# Whether the run waits for nothing: not done, not stopped, not being worked on, and its next attempt is due.
needs_care() {
  local folder=$1 due=0
  [[ -f $folder/$hand_over_1 && ! -f $folder/$hand_over_5 && ! -f $folder/stopped ]] || return 1
  if [[ -f $folder/attempts ]]; then read -r _ due <"$folder/attempts"; fi
  ((due <= EPOCHSECONDS)) && ! is_locked "$folder"
}

# care_for_runs: goes on with every run that something died of, each by itself.
care_for_runs() {
  local folder sha
  for folder in "$HONE_STATE"/runs/*/; do
    folder=${folder%/}
    sha=${folder##*/}
    # Between two jobs of a run that is cared for it is not locked.
    if [[ ${carer_of[$sha]:-} ]] && kill -0 "${carer_of[$sha]}" 2>/dev/null; then continue; fi
    if ! needs_care "$folder"; then continue; fi
    say "going on with $sha"
    care_for "$sha" &
    carer_of[$sha]=$!
  done
}
declare -gA carer_of=()

care_for() {
  local code=0
  close_locks # the monitor's own must not outlive the monitor
  continue_run "$1" || code=$?
  say "$1: ended with exit code $code"
}
