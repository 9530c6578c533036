#!/usr/bin/env bash
# Job 1: takes the newest commit of the branch where it was not taken before.
set -Eeuo pipefail
job=1-poll
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

usage() {
  cat <<'TEXT'
usage: pipeline/jobs/1-poll.sh

Looks at HONE_BRANCH of HONE_REPO. A commit that was not taken before is checked out into $HONE_STATE/runs/<sha>/checkout
and becomes the one that the other jobs work on. Prints the newest commit. Where GIT_COMMIT is set (Jenkins), that one is
taken. Exit code 0 also where nothing is new; 4: no such branch or commit; 6: the repository can't be reached.
TEXT
}

# take SHA: checks it out and hands it over.
take() {
  commit=$1 run=$HONE_STATE/runs/$1
  mkdir -p -- "$run"
  if [[ ! -f $run/$hand_over_1 ]]; then
    local repo error
    repo=$(shown_repo)
    lock_run
    fetch_commit "$commit"
    # Too large for us is an outcome like a model that can't be read: the developer gets a mail.
    error=$(why_not_taken "$commit")
    if [[ $error ]]; then error="the commit is not checked out: $error"; else check_out "$commit" "$run/checkout"; fi
    # shellcheck disable=SC2016 # for jq
    hand_over "$hand_over_1" --arg repo "$repo" --arg branch "$HONE_BRANCH" --arg commit "$commit" \
      --arg error "$error" --argjson about "$(about_commit "$commit")" \
      '{repo: $repo, branch: $branch, commit: $commit} + $about + {error: (if $error == "" then null else $error end), at: (now | todate)}'
    note repo "$repo" branch "$HONE_BRANCH" commit "$commit" phase polled
    say "took commit $commit of branch $HONE_BRANCH"
  fi
  printf '%s\n' "$commit" | write_file "$HONE_STATE/current"
}

main() {
  if (($#)); then only_help "$@"; fi
  load_settings
  if [[ -z $HONE_REPO ]]; then die "$exit_config" "HONE_REPO is not set; expected the address of a git repository"; fi
  mkdir -p -- "$HONE_STATE/runs"
  exec {poll_fd}>>"$HONE_STATE/.poll.lock"
  flock "$poll_fd"
  local tip=${GIT_COMMIT:-}
  if [[ -z $tip ]]; then tip=$(tip_of_branch); fi
  if [[ ! $tip =~ ^[0-9a-f]{40}([0-9a-f]{24})?$ ]]; then die "$exit_data" "'$tip' is no commit; expected its full hash"; fi
  if [[ ! -f $HONE_STATE/current || $(<"$HONE_STATE/current") != "$tip" || ! -f $HONE_STATE/runs/$tip/$hand_over_1 ]]; then
    take "$tip"
  fi
  printf '%s\n' "$tip"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
