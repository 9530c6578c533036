# shellcheck shell=bash
# Containers, for the engines that take Docker's arguments. Such an engine's own file defines
#   _oci ARG...          its client
#   _oci_options         an array: what each container gets besides
#   _oci_log_options     an array: a log of limited size
#   _oci_as_caller       an array: with these options a process inside is the caller outside, where that is not root
# and what oci_images.sh needs. A function that fails has said why in one line on standard error; 6: the engine did not
# do it.

# shellcheck source=pipeline/lib/engine.sh
source "${BASH_SOURCE[0]%/*}/../engine.sh"
# shellcheck source=pipeline/lib/engines/oci_images.sh
source "${BASH_SOURCE[0]%/*}/oci_images.sh"

_oci_patience=60 # seconds

_oci_fail() { # CODE WHAT
  say "$HONE_ENGINE: $2"
  return "$1"
}

# The client, whose output matters only where it fails.
_oci_quietly() {
  local output
  output=$(_oci "$@" 2>&1 </dev/null) || _oci_fail 6 "$output"
}

# Adds a mount of a path at the same place inside to `options`.
_oci_mount() { # PATH [readonly]
  if [[ $1 != /* || $1 == *[,:\"$'\n']* ]]; then
    _oci_fail 2 "'$1' can't be mounted; expected an absolute path without comma, colon, quote or line break"
    return
  fi
  options+=(--mount "type=bind,source=$1,target=$1${2:+,$2}")
}

# Adds what every container is held in to `options`. Who runs inside is the caller, or 10001 where that is root.
_oci_confine() {
  options+=(
    --pull never --network none --read-only --cap-drop ALL --security-opt no-new-privileges
    --tmpfs "/tmp:rw,nosuid,nodev,noexec,size=64m" --shm-size 16m --hostname hone
    --pids-limit "$HONE_PIDS" --memory "$HONE_MEMORY" --memory-swap "$HONE_MEMORY" --cpus "$HONE_CPUS"
    --ulimit nofile=1024:1024 --ulimit core=0:0 --ulimit "fsize=$((4 << 30))" --env "HONE_DATA=$HONE_DATA"
    "${_oci_options[@]}"
  )
  if ((EUID == 0)); then
    options+=(--user 10001:10001)
  else
    options+=(--user "$EUID:$(id -g)" "${_oci_as_caller[@]}")
  fi
  if [[ -d $HONE_DATA ]]; then _oci_mount "$HONE_DATA" readonly; fi
}

# Gives a folder and what is in it to who runs inside. No link is followed.
_oci_give() { # FOLDER
  if ((EUID == 0)); then
    find "$1" -xdev ! -user 10001 -exec chown -h 10001:10001 -- {} + || _oci_fail 6 "$1: can't be given to user 10001"
  fi
}

# The current folder of a client that runs a container: podman's keeper may leave a file `oom` there, where podman itself
# does not look for it.
_oci_folder() { # NAME
  printf '%s/containers/%s\n' "$HONE_STATE" "$1"
}

engine_hone() { # FOLDER ARG...
  local folder=$1 image dockerfile programs status=0
  local -a options=(--rm --log-driver none --workdir "$1")
  shift
  engine_prepare tool || return
  _oci_find_image tool || return
  _oci_confine || return
  _oci_mount "$folder" || return
  _oci_give "$folder" || return
  mkdir -p -- "$(_oci_folder hone)" || return
  (cd -- "$(_oci_folder hone)" && _oci run "${options[@]}" "$image" "$@" </dev/null) || status=$?
  if ((status >= 125 && status <= 127)); then
    _oci_fail 6 "hone could not be run (exit code $status)"
    return
  fi
  return "$status"
}

# A container of ours that has this name already is replaced.
engine_launch() { # NAME
  local image dockerfile programs variable file
  local -a options=(
    --detach --name "$1" --workdir "$launch_checkout" "${_oci_log_options[@]}"
    --label "hone.repo=$launch_repo" --label "hone.commit=$launch_commit" --label "hone.attempt=$launch_attempt"
    --label "hone.state=$HONE_STATE" --env "HONE_OUT=$launch_out" --env "HONE_STALL_SECONDS=$HONE_STALL_SECONDS"
  )
  engine_prepare "$launch_kind" || return
  _oci_find_image "$launch_kind" || return
  engine_remove "$1" || return
  _oci_confine || return
  _oci_mount "$launch_checkout" readonly || return
  for file in "${launch_files[@]}"; do _oci_mount "$file" readonly || return; done
  _oci_mount "$launch_out" || return
  _oci_give "$launch_out" || return
  for variable in "${launch_env[@]}"; do options+=(--env "$variable"); done
  mkdir -p -- "$(_oci_folder "$1")" || return
  (
    _oci_close_inherited
    cd -- "$(_oci_folder "$1")"
    _oci_quietly run "${options[@]}" "$image" "${launch_command[@]}"
  ) || {
    engine_remove "$1" # made, but not started
    return 6
  }
}

# What the client leaves running must not hold the caller's locks: closes every descriptor but the first three.
_oci_close_inherited() {
  local path descriptor
  for path in /proc/"$BASHPID"/fd/*; do
    descriptor=${path##*/}
    if ((descriptor > 2)); then exec {descriptor}>&-; fi
  done
}

# _oci_exists NAME: 0 it does, 1 it does not, 6 the engine does not say.
_oci_exists() {
  local found
  found=$(_oci ps --all --quiet --filter "name=^$1\$" 2>&1) || {
    _oci_fail 6 "$found"
    return
  }
  [[ $found ]]
}

# Sets `line` to what the engine says of a container, nothing where there is none; fails where it does not answer.
_oci_inspect() { # NAME
  local exists=0 format='{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Pid}} {{.Id}}'
  if line=$(_oci container inspect --format "$format" "$1" 2>/dev/null); then return; fi
  line=
  _oci_exists "$1" || exists=$?
  ((exists == 1))
}

# An engine that is being restarted is waited for. Where it does not come back in time, nothing is printed, and the exit
# code is 6.
engine_state() { # NAME -> running | frozen | exited CODE | oom | missing
  local line status code oom pid id tries
  for ((tries = 0; ; tries++)); do
    if _oci_inspect "$1" 2>/dev/null; then break; fi
    if ((tries >= _oci_patience)); then
      _oci_inspect "$1" || return 6
      break
    fi
    if ((tries == 0)); then say "$HONE_ENGINE does not answer; waiting for it for $_oci_patience seconds"; fi
    sleep 1
  done
  if [[ ! $line ]]; then
    echo missing
    return
  fi
  read -r status code oom pid id <<<"$line"
  case $status in
  running) if _oci_is_stopped "$pid" "$id"; then echo frozen; else echo running; fi ;;
  paused) echo frozen ;;
  created | configured | initialized) echo exited 137 ;; # its launch was killed before it began
  *)
    if [[ -e $(_oci_folder "$1")/oom ]]; then oom=true; fi
    if [[ $oom == true && $code == 137 ]]; then echo oom; else echo "exited $((code & 255))"; fi
    ;;
  esac
}

# _oci_is_stopped PID ID: a signal has stopped the container's first process or what that runs. What can't be seen from
# here (an engine on another machine, other process ids) is not stopped.
_oci_is_stopped() {
  local groups children='' process key value
  read -rd '' groups 2>/dev/null </proc/"$1"/cgroup || [[ ${groups:-} == *"$2"* ]] || return 1
  read -r children 2>/dev/null </proc/"$1"/task/"$1"/children || true
  for process in "$1" ${children%% *}; do
    while read -r key value; do
      if [[ $key == State: ]]; then break; fi
    done 2>/dev/null </proc/"$process"/status || continue
    if [[ $value == T* ]]; then return 0; fi
  done
  return 1
}

# Only what carries our labels is ever touched.
_oci_is_ours() { # NAME: 0 it is, 1 there is none of that name, 6 it is somebody else's
  local label
  if label=$(_oci container inspect --format '{{index .Config.Labels "hone.commit"}}' "$1" 2>/dev/null); then
    if [[ -z $label ]]; then _oci_fail 6 "container $1 is not one of hone's"; fi
  else
    _oci_exists "$1"
  fi
}

engine_signal() { # NAME SIGNAL: nothing where it does not run
  local ours=0
  _oci_is_ours "$1" || ours=$?
  case $ours in
  0) _oci kill --signal "$2" "$1" >/dev/null 2>&1 || true ;;
  1) ;;
  *) return "$ours" ;;
  esac
}

engine_remove() { # NAME
  local tries ours
  for ((tries = 0; tries < 50; tries++)); do
    ours=0
    _oci_is_ours "$1" || ours=$?
    if ((ours == 1)); then
      rm -rf -- "$(_oci_folder "$1")"
      return
    fi
    if ((ours)); then return "$ours"; fi
    _oci kill --signal KILL "$1" >/dev/null 2>&1 || true
    _oci rm --force --volumes "$1" >/dev/null 2>&1 || sleep 0.2 # it may be about to be removed already
  done
  _oci_fail 6 "container $1 can't be removed"
}

engine_logs() { # NAME [--follow]: with --follow what it prints from now on
  local -a from=()
  if [[ ${2:-} == --follow ]]; then from=(--follow --tail 0); fi
  _oci logs "${from[@]}" "$1" 2>&1
}

engine_list() {
  _oci ps --all --filter "label=hone.state=$HONE_STATE" --format '{{.Names}}'
}
