#!/usr/bin/env bash
# Job 2: looks at what the commit holds and starts the container that has what it needs.
set -Eeuo pipefail
job=2-launch
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/2-launch.sh [SHA]

Has hone parse HONE_MODEL of the commit (default: the newest that was polled, or GIT_COMMIT), fetches the data set that it
names, has the image of its kind built where it is missing, and starts the training in it. Exit code 0: it runs, or did
before; 3, 4: the model file is wrong or there is none, which job 5 mails.
TEXT
}

# refuse CODE TEXT: an outcome, not an accident: trying again would change nothing.
refuse() {
  # shellcheck disable=SC2016 # for jq
  hand_over "$hand_over_2" --argjson exit "$1" --arg error "$2" '{exit: $exit, error: $error, at: (now | todate)}'
  note phase refused
  die "$1" "$2"
}

# inspect_model: leaves in model.json what hone inspect says of the model file.
inspect_model() {
  local model about errors=$run/inspect.errors code=0
  model=$(model_file 0)
  if [[ -L $model || ! -f $model ]]; then
    refuse "$exit_data" "the commit has no file $HONE_MODEL; expected a model or a program there"
  fi
  about=$(engine_hone "$run" inspect "$model" --json 2>"$errors") || code=$?
  case $code in
  0) printf '%s\n' "$about" | write_file "$run/model.json" ;;
  3 | 4) refuse "$code" "$(plain "$(tail -n 1 -- "$errors")")" ;;
  *) die "$code" "hone inspect failed with exit code $code: $(tail -n 1 -- "$errors")" ;;
  esac
}

main() {
  if [[ ${1:-} == -* ]]; then only_help "$@"; fi
  load_settings
  choose_run "${1:-}"
  lock_run
  if [[ -f $run/$hand_over_2 ]]; then
    say "nothing to do: was launched before"
    exit 0
  fi
  local error
  error=$(member "$run/$hand_over_1" error)
  if [[ $error ]]; then refuse "$exit_data" "$error"; fi
  use_engine
  engine_prepare tool
  inspect_model
  local kind dataset
  kind=$(member "$run/model.json" kind)
  dataset=$(member "$run/model.json" dataset)
  if [[ $dataset ]]; then
    without_lock "$HONE_HOME/datasets/fetch" "$dataset" --into "$HONE_DATA" >/dev/null ||
      die "$exit_io" "the data set $dataset can't be had"
  fi
  engine_prepare "$kind"
  mkdir -p -- "$run/trials"
  if [[ $kind == program ]]; then
    propose 0
    if [[ $propose_error ]]; then refuse "$propose_code" "$propose_error"; fi
  fi
  launch_trial 0 own
  printf '%(%s)T\n' -1 | write_file "$run/started"
  # shellcheck disable=SC2016 # for jq
  hand_over "$hand_over_2" --arg kind "$kind" --arg container "$(container_name 0)" --arg engine "$HONE_ENGINE" \
    '{kind: $kind, container: $container, engine: $engine, at: (now | todate)}'
  say "$(container_name 0): trains the commit's $kind model"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
