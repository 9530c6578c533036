# Engine `process`: no container engine. Each training is a process of its own in a sandbox (bubblewrap): it sees the
# system's programs, its checkout, the data and its own folder, and can write only there; no network, no other process, no
# capability. Limits by control groups where they can be had, else by ulimit.
# shellcheck shell=bash
if [[ ${hone_engines_process_sourced:-} ]]; then return; fi
hone_engines_process_sourced=1
# shellcheck source=pipeline/lib/engine.sh
source "${BASH_SOURCE[0]%/*}/../engine.sh"
# shellcheck source=pipeline/lib/settings.sh
source "${BASH_SOURCE[0]%/*}/../settings.sh"

readonly _process_memory_files=$((256 << 20)) # bytes in /tmp, and in /dev/shm

_process_folder() { printf '%s/process/%s\n' "$HONE_STATE" "$1"; }

_process_program() {
  local program=$HONE_HOME/build/release/bin/hone
  if [[ -x $program ]]; then
    printf '%s\n' "$program"
  else
    type -P hone || die "$exit_io" "$program is not built; run pipeline/quickstart or cmake --build --preset release"
  fi
}

engine_check() {
  local tool
  for tool in bwrap setsid; do
    if ! type -P "$tool" >/dev/null; then die "$exit_io" "$tool is missing; run tests/install-dependencies --only pipeline"; fi
  done
}

engine_prepare() { _process_program >/dev/null; }

# Also hone itself, on what is not trusted: with what a training may do and write only FOLDER.
engine_hone() {
  local folder=$1 program
  local -a sandbox
  shift
  program=$(_process_program)
  _process_sandbox "$folder" "$folder" "$HONE_DATA" "$program"
  "${sandbox[@]}" --setenv HONE_DATA "$HONE_DATA" -- "$program" "$@" </dev/null
}

# _process_sandbox WRITABLE CURRENT READABLE...: what bwrap is given: the system's programs and libraries, these folders and
# files, nothing else.
_process_sandbox() {
  local out=$1 current=$2 path
  shift 2
  sandbox=(bwrap --unshare-all --uid 10001 --gid 10001 --die-with-parent --new-session --as-pid-1 --cap-drop ALL
    --clearenv --setenv PATH /usr/local/bin:/usr/bin:/bin --setenv HOME /tmp --setenv LANG C.UTF-8 --dev /dev
    --size "$_process_memory_files" --tmpfs /dev/shm --remount-ro /dev --proc /proc
    --size "$_process_memory_files" --tmpfs /tmp --ro-bind /usr /usr)
  for path in /bin /lib /lib64 /etc/ld.so.cache /etc/alternatives /etc/localtime; do
    sandbox+=(--ro-bind-try "$path" "$path")
  done
  for path in "$@"; do
    if [[ -e $path ]]; then sandbox+=(--ro-bind "$path" "$path"); fi
  done
  # The root is in memory; nothing may be put there.
  sandbox+=(--bind "$out" "$out" --chdir "$current" --remount-ro /)
}

engine_launch() {
  local name=$1 folder entry_point
  local -a sandbox entry=()
  folder=$(_process_folder "$name")
  rm -rf -- "$folder"
  mkdir -p -- "$folder"
  jq -n --arg repo "$launch_repo" --arg commit "$launch_commit" --arg attempt "$launch_attempt" \
    '{"hone.repo": $repo, "hone.commit": $commit, "hone.attempt": $attempt}' | write_file "$folder/labels.json"
  if [[ $launch_kind != program ]]; then
    entry_point=$(_process_program)
    entry=("$entry_point")
  fi
  _process_sandbox "$launch_out" "$launch_checkout" "$launch_checkout" "$HONE_DATA" "${launch_files[@]}" "${entry[@]}"
  local pair
  for pair in "${launch_env[@]}"; do sandbox+=(--setenv "${pair%%=*}" "${pair#*=}"); done
  printf '%s\n' "$launch_log" >"$folder/log"
  # Detached: it outlives the job that launched it.
  without_lock setsid --fork "$BASH" "$pipeline_lib/engines/process-child" "$folder" "${sandbox[@]}" -- \
    "${entry[@]}" "${launch_command[@]}" </dev/null >>"$launch_log" 2>&1
  local tries
  for ((tries = 0; tries < 1500; tries++)); do
    if [[ -f $folder/pid || -f $folder/exit ]]; then return; fi
    sleep 0.02
  done
}

# _process_pid NAME [WHICH]: its process (pid), or the one that watches it (child), where that still is the one that was
# started.
_process_pid() {
  local folder pid start
  folder=$(_process_folder "$1")
  [[ -f $folder/${2:-pid} ]] || return 1
  read -r pid start <"$folder/${2:-pid}" || return 1
  [[ $start && $(_process_start "$pid") == "$start" ]] || return 1
  printf '%s\n' "$pid"
}

# When a process began, in ticks since the machine's start; nothing where there is none, or what is left of it.
_process_start() {
  local line=
  local -a fields=()
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
  read -ra fields <<<"${line##*) }"
  if [[ ${fields[0]:-} != [ZX] ]]; then printf '%s\n' "${fields[19]:-}"; fi
}

engine_state() {
  local folder pid line
  folder=$(_process_folder "$1")
  if [[ -f $folder/exit ]]; then
    if [[ -f $folder/oom ]]; then printf 'oom\n'; else printf 'exited %s\n' "$(<"$folder/exit")"; fi
  elif pid=$(_process_pid "$1"); then
    { read -r line <"/proc/$pid/stat"; } 2>/dev/null || line='gone) Z'
    case ${line##*) } in
    T* | t*) printf 'frozen\n' ;;
    *) printf 'running\n' ;;
    esac
  elif _process_pid "$1" child >/dev/null; then
    printf 'running\n' # begins, or is about to say how it ended
  elif [[ -f $folder/exit ]]; then
    engine_state "$1" # said it meanwhile
  else
    printf 'missing\n'
  fi
}

engine_signal() {
  local pid
  if pid=$(_process_pid "$1"); then kill -s "$2" -- "$pid" 2>/dev/null || true; fi
}

# Also the process that watches it: the next one of that name must not be told how this one ended.
engine_remove() {
  local folder tries pid group
  folder=$(_process_folder "$1")
  for ((tries = 0; tries < 200; tries++)); do
    engine_signal "$1" KILL
    if pid=$(_process_pid "$1" child); then
      kill -s KILL -- "$pid" 2>/dev/null || true
    elif ! _process_pid "$1" >/dev/null; then
      break
    fi
    sleep 0.05
  done
  if [[ -f $folder/groups ]]; then
    while read -r group; do rmdir -- "$group" 2>/dev/null || true; done <"$folder/groups"
  fi
  rm -rf -- "$folder"
}

engine_logs() {
  local folder log
  folder=$(_process_folder "$1")
  [[ -f $folder/log ]] || return 0
  log=$(<"$folder/log")
  # Not longer than the job that shows it.
  if [[ ${2:-} == --follow ]]; then exec tail -n 0 -F --pid=$$ -- "$log"; fi
  cat -- "$log"
}

engine_list() {
  local folder
  for folder in "$HONE_STATE"/process/*/; do
    if [[ -d $folder ]]; then basename -- "$folder"; fi
  done
}
