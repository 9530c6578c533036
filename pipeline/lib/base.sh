# What every script of the pipeline begins with: messages, errors, files that are whole or not there.
# shellcheck shell=bash
if [[ ${hone_base_sourced:-} ]]; then return; fi
hone_base_sourced=1

# shellcheck disable=SC2034 # for those that source this
pipeline_lib=$(cd -- "${BASH_SOURCE[0]%/*}" && pwd)

# Exit codes of CONTRACTS, as hone has them.
# shellcheck disable=SC2034 # for those that source this
readonly exit_usage=2 exit_config=3 exit_data=4 exit_io=6 exit_not_met=10

# Text from outside, fit for a terminal: one line, no control characters, 300 characters at most.
plain() {
  local text=${1//[^[:print:]]/?}
  printf '%s' "${text:0:300}"
}

# A log on a full disk ends nothing.
say() { printf '%(%FT%T%z)T %s: %s\n' -1 "${job:-pipeline}" "$(plain "$*")" >&2 || true; }

die() {
  local code=$1
  shift
  say "$@"
  exit "$code"
}

# write_file FILE: standard input becomes the file's content, at once or not at all.
write_file() {
  local temporary
  temporary=$(mktemp -- "$1.XXXXXX.part")
  if cat >"$temporary" && sync -- "$temporary" && chmod 644 -- "$temporary" && mv -T -- "$temporary" "$1"; then return; fi
  rm -f -- "$temporary"
  die "$exit_io" "$1 can't be written"
}

# member FILE NAME: a member of a JSON file of ours; empty where it or the file is not there. Where each member has its own
# line, as jq and hone write it, it is read here: to start jq takes longer than most of what a job does.
member() {
  local line value
  [[ -f $1 ]] || return 0
  {
    IFS= read -r line || true
    while [[ $line != '{'?* ]]; do
      IFS= read -r line || return 0
      if [[ $line != "  \"$2\": "* ]]; then continue; fi
      value=${line#*: }
      value=${value%,}
      case $value in
      null) return ;;
      '"'*\\* | '['* | '{'*) break ;;
      '"'*) value=${value:1:-1} ;;
      esac
      printf '%s\n' "$value"
      return
    done
  } <"$1"
  jq -r --arg name "$2" '.[$name] | if . == null then "" else tostring end' <"$1"
}

# Milliseconds since 1970.
now_ms() { printf '%s\n' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# only_help ARGUMENT...: what a script without options does with options.
only_help() {
  if [[ $# == 1 && ($1 == --help || $1 == -h) ]]; then
    usage
    exit 0
  fi
  die "$exit_usage" "'$*' is not understood; see --help"
}
