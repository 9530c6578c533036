# What the pipeline remembers: a folder a commit, $HONE_STATE/runs/<sha>/, with a hand-over file for each job that is done.
# shellcheck shell=bash
if [[ ${hone_state_sourced:-} ]]; then return; fi
hone_state_sourced=1
# shellcheck source=pipeline/lib/base.sh
source "${BASH_SOURCE[0]%/*}/base.sh"

# shellcheck disable=SC2034 # for those that source this
readonly hand_over_1=1-poll.json hand_over_2=2-launch.json hand_over_3=3-train.json hand_over_4=4-tweak.json
# shellcheck disable=SC2034 # for those that source this
readonly hand_over_5=5-retrain-or-notify.json

# choose_run [SHA]: sets `run` to the folder of the commit: the one that is named, Jenkins' GIT_COMMIT, or the newest.
choose_run() {
  local sha=${1:-${GIT_COMMIT:-}}
  if [[ -z $sha && -f $HONE_STATE/current ]]; then sha=$(<"$HONE_STATE/current"); fi
  if [[ -z $sha ]]; then die "$exit_data" "no commit was polled yet; run pipeline/jobs/1-poll.sh first"; fi
  if [[ ! $sha =~ ^[0-9a-f]{40}([0-9a-f]{24})?$ ]]; then die "$exit_usage" "'$sha' is no commit; expected its full hash"; fi
  commit=$sha
  run=$HONE_STATE/runs/$sha
  if [[ ! -f $run/$hand_over_1 ]]; then die "$exit_data" "commit $sha was not polled; run pipeline/jobs/1-poll.sh first"; fi
}

# lock_run: no second job works on this run. Waits for one that does, since what it does is needed. The lock goes with
# the process; children that outlive it must not inherit it (without_lock).
lock_run() {
  exec {lock_fd}>>"$run/.lock"
  if ! flock -n "$lock_fd"; then
    say "another job works on $commit; waiting for it"
    flock "$lock_fd"
  fi
}

# without_lock COMMAND...: for what may live longer than this process: it holds none of the locks.
without_lock() (
  close_locks
  "$@"
)

close_locks() {
  local fd
  for fd in "${lock_fd:-}" "${poll_fd:-}" "${monitor_fd:-}" "${watch_fd:-}"; do
    if [[ $fd ]]; then exec {fd}>&-; fi
  done
}

# is_locked RUN: whether some job works on it.
is_locked() {
  local fd
  exec {fd}>>"$1/.lock"
  if flock -n "$fd"; then
    exec {fd}>&-
    return 1
  fi
  exec {fd}>&-
}

# hand_over FILE JQ-ARGUMENT...: writes the object that `jq -n "$@"` gives.
hand_over() {
  local file=$1 object
  shift
  # Apart from the writing: what jq refuses must not leave an empty file, which would count as done.
  object=$(jq -n "$@") || die 1 "$file can't be put together"
  printf '%s\n' "$object" | write_file "$run/$file"
}

# note KEY VALUE...: what `pipeline status` shows of a run while it goes on.
note() {
  local file=$run/status.json old='{}'
  if [[ -f $file ]]; then old=$(<"$file"); fi
  # shellcheck disable=SC2016 # for jq
  hand_over status.json --argjson old "$old" '$old + ([$ARGS.positional | _nwise(2) | {(.[0]): .[1]}] | add)
    + {updated: (now | todate)}' --args job "${job:-}" "$@"
}

# The exit code and text of the job that failed for good before job 5; nothing where none did.
failure_of_run() {
  local file
  for file in "$hand_over_2" "$hand_over_3" "$hand_over_4"; do
    if [[ -f $run/$file && $(member "$run/$file" error) ]]; then
      printf '%s %s\n' "$(member "$run/$file" exit)" "$(member "$run/$file" error)"
      return
    fi
  done
}

# note_failure EXIT TEXT: what a job gave up on is the result.
note_failure() {
  # shellcheck disable=SC2016 # for jq
  hand_over result.json --argjson exit "$1" --arg error "$2" '{met: false, exit: $exit, error: $error}'
}
