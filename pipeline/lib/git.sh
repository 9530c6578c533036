# The repository that is polled. Whatever it holds is untrusted: no hooks, submodules, filters or links, sizes limited.
# shellcheck shell=bash
if [[ ${hone_git_sourced:-} ]]; then return; fi
hone_git_sourced=1
# shellcheck source=pipeline/lib/settings.sh
source "${BASH_SOURCE[0]%/*}/settings.sh"

readonly git_folder_name=repository.git
readonly max_checkout_bytes=$((512 << 20)) max_checkout_files=20000 max_git_seconds=600 max_list_seconds=60
readonly max_pack_kib=$((4 << 20))

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
    -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=30 -c fetch.fsckObjects=true -c fetch.unpackLimit=1 -c gc.autoDetach=false \
    -c core.protectNTFS=false "$@"
}

# The repository's address without the password that it may hold.
shown_repo() { sed -E 's|^([a-z]+://)[^/@]*:[^/@]*@|\1|' <<<"$HONE_REPO"; }

# tip_of BRANCH: its newest commit, nothing where there is no such branch; fails where the repository can't be read.
tip_of() {
  local lines sha name
  lines=$(git_safely ls-remote -- "$HONE_REPO" "refs/heads/$1") || return
  # git also lists branches whose names end like this one's.
  while read -r sha name; do
    if [[ $name == "refs/heads/$1" ]]; then printf '%s\n' "$sha"; fi
  done <<<"$lines"
}

# tip_of_branch: the newest commit of HONE_BRANCH; ends where the repository can't be reached or has no such branch.
tip_of_branch() {
  local tip
  git check-ref-format --branch "$HONE_BRANCH" >/dev/null 2>&1 ||
    die "$exit_config" "HONE_BRANCH is '$HONE_BRANCH', which is no name of a branch"
  tip=$(tip_of "$HONE_BRANCH") || die "$exit_io" "$(shown_repo) can't be read; expected a git repository"
  if [[ ! $tip ]]; then die "$exit_data" "$(shown_repo) has no branch '$HONE_BRANCH'"; fi
  printf '%s\n' "$tip"
}

# fetch_commit SHA: it is in our repository afterwards.
fetch_commit() {
  local folder=$HONE_STATE/$git_folder_name
  git init --quiet --bare --template= -- "$folder" || die "$exit_io" "$folder can't be made" # also what was begun before
  mkdir -p -- "$folder/info"
  # Before what a .gitattributes says: bytes come out as they were committed.
  printf '* -text -eol -filter -ident -working-tree-encoding\n' >"$folder/info/attributes"
  if git --git-dir="$folder" cat-file -e "$1^{commit}" 2>/dev/null; then return; fi
  if ! (
    ulimit -c 0 -f "$max_pack_kib"
    git_safely --git-dir="$folder" fetch --quiet --force --no-tags --no-recurse-submodules --no-write-fetch-head -- \
      "$HONE_REPO" "+refs/heads/$HONE_BRANCH:refs/heads/polled" >&2
  ); then
    find "$folder/objects" -name 'tmp_*' -delete
    die "$exit_io" "$(shown_repo): branch '$HONE_BRANCH' can't be fetched"
  fi
  git --git-dir="$folder" cat-file -e "$1^{commit}" 2>/dev/null || die "$exit_data" \
    "$(shown_repo): commit $1 is not on branch '$HONE_BRANCH' (any more)"
}

# why_not_taken SHA: why its files are not checked out: too many, too large, names too long. Nothing where they are.
why_not_taken() {
  local code=0 reason
  # Folders are counted too, and the first that is too many ends it: a tree may name one folder many times, in many levels.
  reason=$(
    set +o pipefail # git is cut short
    timeout "$max_list_seconds" git --git-dir="$HONE_STATE/$git_folder_name" ls-tree -r -t -l -z "$1" |
      LC_ALL=C awk -v most_files="$max_checkout_files" -v most_bytes="$max_checkout_bytes" '
        BEGIN { RS = "\0" }
        {
          if (++files > most_files) exit
          path = substr($0, index($0, "\t") + 1)
          if ($2 == "blob") bytes += $4
          if ($2 == "blob" && $4 > largest) { largest = $4; name = path }
          count = split(path, parts, "/")
          for (i = 1; i <= count; i++) if (length(parts[i]) > 255) long = path
          if (length(path) > 2048) long = path
        }
        END {
          if (files > most_files) printf "it holds more than %d files and folders", most_files
          else if (bytes > most_bytes) printf "its files are %.0f bytes, %s is %.0f; at most %.0f are taken", bytes, name, largest, most_bytes
          else if (long) printf "the name of %.80s... is too long", long
        }'
    exit "${PIPESTATUS[0]}"
  ) || code=$?
  if [[ ! $reason ]] && ((code == 124)); then reason="its files can't be listed within $max_list_seconds s"; fi
  if [[ ! $reason ]] && ((code)); then die "$exit_io" "the files of commit $1 can't be listed"; fi
  printf '%s' "$reason"
}

# check_out SHA FOLDER: its tracked files, a link as a file that holds its target, submodules as nothing.
check_out() {
  local git_folder=$HONE_STATE/$git_folder_name folder=$2
  rm -rf -- "$folder" "$folder.part"
  rm -f -- "$folder.index" "$folder.index.lock"
  mkdir -- "$folder.part" || die "$exit_io" "$folder can't be made"
  GIT_INDEX_FILE=$folder.index git_safely --git-dir="$git_folder" --work-tree="$folder.part" read-tree "$1" >&2 ||
    die "$exit_io" "the files of commit $1 can't be read"
  GIT_INDEX_FILE=$folder.index git_safely --git-dir="$git_folder" -c core.bare=false --work-tree="$folder.part" \
    -C "$folder.part" checkout-index --all --force --quiet >&2 || die "$exit_io" "commit $1 can't be checked out"
  rm -f -- "$folder.index"
  find "$folder.part" ! -type d ! -type f -delete
  chmod -R u+rwX,go+rX,go-w -- "$folder.part"
  mv -T -- "$folder.part" "$folder"
}

# about_commit SHA: its author, mail address and subject as a JSON object.
about_commit() {
  # Not `git show`: it compares the trees even where nothing of that is shown.
  git --git-dir="$HONE_STATE/$git_folder_name" log --max-count=1 --no-show-signature --no-mailmap --format='%an%n%ae%n%s' "$1" |
    head -c 4096 | jq -Rs 'split("\n") | {author: .[0], address: .[1], subject: .[2]}'
}
