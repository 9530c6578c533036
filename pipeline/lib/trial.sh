# A trial: one training in one container. Trial 0 is the developer's own model, the others are candidates.
# shellcheck shell=bash
if [[ ${hone_trial_sourced:-} ]]; then return; fi
hone_trial_sourced=1
# shellcheck source=pipeline/lib/engine.sh
source "${BASH_SOURCE[0]%/*}/engine.sh"

trial_folder() { printf '%s/trials/trial-%s\n' "$run" "$1"; }

# What tells hone of HONE_TARGET, one argument a line; nothing where it is not set.
target_of_config() { if [[ $HONE_TARGET ]]; then printf '%s\n%s\n' --set "target.at_least=$HONE_TARGET"; fi; }

# model_file N: what trial N trains.
model_file() {
  if (($1 == 0)); then printf '%s/checkout/%s\n' "$run" "$HONE_MODEL"; else printf '%s/trials/trial-%s.yaml\n' "$run" "$1"; fi
}

# describe_launch N MODE: fills the variables that engine_launch reads. MODE is `candidate` (the test split is left
# alone), `own` or `final` (it is measured).
# shellcheck disable=SC2034 # read by the engines
describe_launch() {
  local n=$1 mode=$2 arguments
  launch_kind=$(member "$run/model.json" kind)
  launch_repo=$(shown_repo) launch_commit=$commit launch_attempt=$n
  launch_checkout=$run/checkout
  launch_out=$(trial_folder "$n")
  launch_log=$run/trials/trial-$n.log
  launch_env=("HONE_COMMIT=$commit" "HONE_DATA=$HONE_DATA" "HONE_DATA_ROOT=$launch_checkout" "HONE_OUT=$launch_out"
    "HONE_STALL_SECONDS=$HONE_STALL_SECONDS" NO_COLOR=1)
  launch_files=()
  if [[ $launch_kind == program ]]; then
    launch_files=("$run/trials/trial-$n.json")
    mapfile -d '' -t launch_command < <(jq -j '.command[] | (., "\u0000")' <"$run/model.json")
    launch_env+=("HONE_PARAMETERS=${launch_files[0]}" HONE_RESUME=1)
    return
  fi
  if ((n > 0)); then launch_files=("$(model_file "$n")"); fi
  mapfile -t arguments < <(target_of_config)
  launch_command=(train "$(model_file "$n")" --out "$launch_out" --resume --threads "$(threads_of_share)" "${arguments[@]}")
  if [[ $mode == candidate ]]; then launch_command+=(--no-test); fi
}

# launch_trial N MODE: it runs afterwards, started where it did not.
launch_trial() {
  local name state
  name=$(container_name "$1")
  state=$(engine_state "$name")
  if [[ $state != running && $state != frozen ]]; then
    describe_launch "$@"
    mkdir -p -- "$launch_out"
    engine_remove "$name"
    # Jenkins ends what a build started by these: the training outlives the build.
    JENKINS_NODE_COOKIE=dontKillMe BUILD_ID=dontKillMe engine_launch "$name"
  elif [[ -f $run/trials/trial-$1.started ]]; then
    return
  fi
  printf '%(%s)T\n' -1 | write_file "$run/trials/trial-$1.started"
  note phase training attempt "$1" container "$name"
}

# Whether the trial's training came to an end that can be judged: as configured, or diverged.
was_trained() { [[ $(trial_exit "$1") =~ ^[07]$ ]]; }

# The exit code that trial N ended with; nothing where it has not.
trial_exit() { if [[ -f $run/trials/trial-$1.exit ]]; then cat -- "$run/trials/trial-$1.exit"; fi; }

# judge N [ARGUMENT...]: leaves hone gate's object for trial N in `verdict`, its exit code in judge_code, what it complained
# about in judge_error.
judge() {
  local n=$1
  shift
  local -a target=()
  if [[ $HONE_TARGET ]]; then
    target=(--at-least "$HONE_TARGET")
  elif [[ $(member "$run/model.json" kind) == program ]]; then # which does not know the target
    target=(--at-least "$(jq '.target.at_least' <"$run/model.json")")
  fi
  # shellcheck disable=SC2034 # for the job
  judge_code=0 judge_error=
  # shellcheck disable=SC2034 # for the job
  verdict=$(engine_hone "$run" gate "$(trial_folder "$n")" --json "${target[@]}" "$@" 2>"$run/hone.errors") || judge_code=$?
  # shellcheck disable=SC2034 # for the job
  if ((judge_code)); then judge_error=$(plain "$(tail -n 1 -- "$run/hone.errors")"); fi
}

# propose NEXT: has hone write the model file (or parameters) of trial NEXT after the trials before it. Sets `proposal`,
# hone tweak's object (kept in trial-NEXT.step), propose_code, and propose_error where it can't judge what the trials left.
propose() {
  local next=$1 n
  local -a trials=() arguments=(tweak)
  for ((n = 0; n < next; n++)); do
    if was_trained "$n"; then trials+=("$(trial_folder "$n")"); fi
  done
  if [[ $(member "$run/model.json" kind) == program ]]; then
    arguments+=(--program "$(model_file 0)" --out "$run/trials/trial-$next.json")
  else
    arguments+=(--out "$run/trials/trial-$next.yaml")
  fi
  if [[ $HONE_TARGET ]]; then arguments+=(--target "$HONE_TARGET"); fi
  propose_code=0 propose_error=
  # shellcheck disable=SC2034 # for the job
  proposal=$(engine_hone "$run" "${arguments[@]}" --json -- "${trials[@]}" 2>"$run/hone.errors") || propose_code=$?
  case $propose_code in
  0) if [[ $(jq '.rule' <<<"$proposal") != null ]]; then write_file "$run/trials/trial-$next.step" <<<"$proposal"; fi ;;
  "$exit_not_met") ;;
  *)
    propose_error=$(plain "$(tail -n 1 -- "$run/hone.errors")")
    if [[ $propose_code != [34] ]]; then die "$propose_code" "hone tweak failed with exit code $propose_code: $propose_error"; fi
    ;;
  esac
}
