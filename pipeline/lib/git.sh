# The repository that is polled. Whatever it holds is untrusted: no hooks, submodules, filters or links, sizes limited.
# shellcheck shell=bash
if [[ ${hone_git_sourced:-} ]]; then return; fi
hone_git_sourced=1
# shellcheck source=pipeline/lib/settings.sh
source "${BASH_SOURCE[0]%/*}/settings.sh"

readonly git_folder_name=repository.git
readonly max_checkout_bytes=$((512 << 20)) max_checkout_files=20000 max_git_seconds=600

# git as it is used here. The token reaches it by a helper that reads the file: it is on no command line.
git_safely() {
  local -a token=()
  # shellcheck disable=SC2016 # expanded by the shell that git starts
  if [[ $HONE_TOKEN_FILE ]]; then
    token=(-c credential.helper= -c 'credential.helper=!f() { echo username=token; printf "password=%s\n" "$(head -n 1 -- "$HONE_TOKEN_FILE")"; }; f')
  fi
  GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=true GIT_ALLOW_PROTOCOL=file:git:http:https:ssh GIT_LFS_SKIP_SMUDGE=1 \
    GIT_SSH_COMMAND="${GIT_SSH_COMMAND:-ssh -oBatchMode=yes}" without_lock timeout "$max_git_seconds" \
    git "${token[@]}" -c core.hooksPath=/dev/null -c core.symlinks=false -c core.autocrlf=false -c core.fsmonitor=false \
    -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=30 -c fetch.fsckObjects=true "$@"
}

# tip_of_branch: the newest commit; fails where the repository can't be reached or has no such branch.
tip_of_branch() {
  local line
  git check-ref-format "refs/heads/$HONE_BRANCH" ||
    die "$exit_config" "HONE_BRANCH is '$HONE_BRANCH', which is no name of a branch"
  line=$(git_safely ls-remote -- "$HONE_REPO" "refs/heads/$HONE_BRANCH") ||
    die "$exit_io" "$HONE_REPO can't be read; expected a git repository"
  if [[ ! $line ]]; then die "$exit_data" "$HONE_REPO has no branch '$HONE_BRANCH'"; fi
  printf '%s\n' "${line%%[[:space:]]*}"
}

# fetch_commit SHA: it is in our repository afterwards.
fetch_commit() {
  local folder=$HONE_STATE/$git_folder_name
  if [[ ! -f $folder/HEAD ]]; then
    git init --quiet --bare -- "$folder"
  fi
  mkdir -p -- "$folder/info"
  # Before what a .gitattributes says: bytes come out as they were committed.
  printf '* -text -eol -filter -ident -working-tree-encoding\n' >"$folder/info/attributes"
  if git --git-dir="$folder" cat-file -e "$1^{commit}" 2>/dev/null; then return; fi
  git_safely --git-dir="$folder" fetch --quiet --force --no-tags --no-recurse-submodules --no-write-fetch-head -- "$HONE_REPO" \
    "+refs/heads/$HONE_BRANCH:refs/heads/polled" >&2 || die "$exit_io" "$HONE_REPO: branch '$HONE_BRANCH' can't be fetched"
  git --git-dir="$folder" cat-file -e "$1^{commit}" 2>/dev/null || die "$exit_data" \
    "$HONE_REPO: commit $1 is not on branch '$HONE_BRANCH' (any more)"
}

# check_out SHA FOLDER: its tracked files, a link as a file that holds its target, submodules as nothing. Fails with 4
# where they are too many or too large.
check_out() {
  local git_folder=$HONE_STATE/$git_folder_name folder=$2 bytes files
  read -r files bytes < <(git --git-dir="$git_folder" ls-tree -r -l -z "$1" |
    LC_ALL=C awk 'BEGIN { RS = "\0" } $2 == "blob" { files++; bytes += $4 } END { printf "%.0f %.0f\n", files, bytes }')
  if ((files > max_checkout_files || bytes > max_checkout_bytes)); then
    say "commit $1 holds $files files of $bytes bytes; at most $max_checkout_files of $max_checkout_bytes are taken"
    return "$exit_data"
  fi
  rm -rf -- "$folder" "$folder.part"
  mkdir -- "$folder.part"
  GIT_INDEX_FILE=$folder.index git_safely --git-dir="$git_folder" --work-tree="$folder.part" read-tree "$1"
  GIT_INDEX_FILE=$folder.index git_safely --git-dir="$git_folder" -c core.bare=false --work-tree="$folder.part" \
    -C "$folder.part" checkout-index --all --force --quiet
  rm -f -- "$folder.index"
  find "$folder.part" ! -type d ! -type f -delete
  chmod -R u+rwX,go+rX,go-w -- "$folder.part"
  mv -T -- "$folder.part" "$folder"
}

# about_commit SHA: its author, mail address and subject as a JSON object.
about_commit() {
  git --git-dir="$HONE_STATE/$git_folder_name" show --no-patch --no-show-signature --format='%an%n%ae%n%s' "$1" |
    head -c 4096 | jq -Rs 'split("\n") | {author: .[0], address: .[1], subject: .[2]}'
}
