# The tweaked model on a branch of the polled repository, where HONE_PUSH asks for it: one commit on top of the one that was
# trained. The branch is hone's: it is replaced by what comes next, unless somebody else has put something there.
# shellcheck shell=bash
if [[ ${hone_push_sourced:-} ]]; then return; fi
hone_push_sourced=1
# shellcheck source=pipeline/lib/trial.sh
source "${BASH_SOURCE[0]%/*}/trial.sh"

readonly tweaked_branch=hone/tweaked

# push_tweaked: leaves in `pushed`, and for good in $run/pushed, what came of it; empty where nothing was to be pushed.
# That it can't be pushed is no failure of the run.
push_tweaked() {
  local best
  pushed=
  if [[ -f $run/pushed ]]; then
    pushed=$(<"$run/pushed")
    return
  fi
  best=$(member "$run/result.json" best)
  if [[ $HONE_PUSH != yes || ! $best || $best == 0 ]]; then return; fi
  use_engine
  if [[ $HONE_BRANCH == "$tweaked_branch" ]]; then
    pushed="not pushed: $tweaked_branch is the branch that is polled"
  else
    try_to_push "$best"
  fi
  pushed=$(plain "$pushed")
  say "the tweaked model: $pushed"
  printf '%s\n' "$pushed" | write_file "$run/pushed"
}

# try_to_push N: sets `pushed`.
try_to_push() {
  local tip ours='' new answer
  if ! new=$(commit_tweaked "$1"); then
    pushed="not pushed: the commit can't be made"
    return
  fi
  if ! tip=$(tip_of "$tweaked_branch"); then
    pushed="not pushed: the repository can't be read"
    return
  fi
  if [[ -f $HONE_STATE/tweaked ]]; then ours=$(<"$HONE_STATE/tweaked"); fi
  if [[ $tip && $tip != "$ours" && $tip != "$new" ]]; then
    pushed="not pushed: branch $tweaked_branch has commit $tip, which is not the one that was pushed last; \
expected it to be left to hone, or deleted"
    return
  fi
  if ! answer=$(git_safely --git-dir="$HONE_STATE/$git_folder_name" push --porcelain --no-verify \
    "--force-with-lease=refs/heads/$tweaked_branch:$tip" -- "$HONE_REPO" "$new:refs/heads/$tweaked_branch"); then
    answer=$(sed -n $'s/^!\t[^\t]*\t//p' <<<"$answer")
    if [[ ! $answer ]]; then answer="the repository can't be written"; fi
    pushed="not pushed: $answer"
    return
  fi
  printf '%s\n' "$new" | write_file "$HONE_STATE/tweaked"
  pushed="commit $new on branch $tweaked_branch"
}

# commit_tweaked N: makes the commit, the same one whenever it is made again, and prints it.
commit_tweaked() (
  local file=$run/tweaked.file path=$HONE_MODEL blob tree
  export GIT_DIR=$HONE_STATE/$git_folder_name GIT_INDEX_FILE=$run/tweaked.index
  export GIT_AUTHOR_NAME=hone GIT_AUTHOR_EMAIL=$HONE_MAIL_FROM GIT_COMMITTER_NAME=hone GIT_COMMITTER_EMAIL=$HONE_MAIL_FROM
  GIT_AUTHOR_DATE="$(stat -c %Y -- "$run/result.json") +0000"
  export GIT_AUTHOR_DATE GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
  trap 'rm -f -- "$GIT_INDEX_FILE" "$file"' EXIT
  if [[ $(member "$run/model.json" kind) == program ]]; then path=${HONE_MODEL%.*}.parameters.json; fi
  tweaked_model "$1" >"$file" && [[ -s $file ]] &&
    blob=$(git_safely hash-object -w --no-filters --stdin <"$file") &&
    git_safely read-tree "$commit" >&2 &&
    git_safely update-index --add --cacheinfo "100644,$blob,$path" >&2 &&
    tree=$(git_safely write-tree) &&
    push_message "$1" | git_safely commit-tree "$tree" -p "$commit"
)

# tweaked_model N: the file of trial N as the developer could have written it: no path of this machine, no target but
# their own. Of a program, its parameters.
tweaked_model() {
  if [[ $(member "$run/model.json" kind) == program ]]; then
    jq . <"$run/trials/trial-$1.json"
  else
    local model=$run/checkout/$HONE_MODEL
    engine_hone "$run" inspect "$(model_file "$1")" --config-for "${model%/*}" \
      --set "target.at_least=$(jq .target.at_least <"$run/model.json")"
  fi
}

push_message() {
  printf 'hone: accuracy %s, before %s\n\n' "$(member "$run/result.json" accuracy)" "$(member "$run/result.json" accuracy_before)"
  steps_to "$1"
  printf '\nOn the test split; the target %s is %s. From commit %s.\n' "$(member "$run/result.json" target)" \
    "$(if [[ $(member "$run/result.json" met) == true ]]; then echo met; else echo 'not met'; fi)" "$commit"
}

# steps_to N: what was changed from the developer's model to trial N and why, a line each.
steps_to() {
  local n=$1 steps='' step
  while ((n > 0)); do
    step=$run/trials/trial-$n.step
    steps="- $(plain "$(member "$step" rule): $(member "$step" change), because $(member "$step" reason)")"$'\n'$steps
    if [[ ! $(member "$step" base) =~ trial-([0-9]+)$ ]] || ((BASH_REMATCH[1] >= n)); then break; fi
    n=${BASH_REMATCH[1]}
  done
  printf '%s' "$steps"
}
