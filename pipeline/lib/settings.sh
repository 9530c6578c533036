# The settings: from the environment, else from a strict key=value file, else their defaults.
# shellcheck shell=bash
if [[ ${hone_settings_sourced:-} ]]; then return; fi
hone_settings_sourced=1
# shellcheck source=pipeline/lib/base.sh
source "${BASH_SOURCE[0]%/*}/base.sh"

# One line each: name, the form of its value, its default (from here on other settings may be named).
readonly settings_table='
HONE_REPO            url
HONE_BRANCH          text     main
HONE_MODEL           inside   hone.yaml
HONE_ENGINE          engine   process
HONE_TARGET          share
HONE_TRIALS          count    20
HONE_MINUTES         number   30
HONE_DATA            path
HONE_MEMORY          size     2g
HONE_CPUS            number   2
HONE_PIDS            count    256
HONE_RESTARTS        count    5
HONE_STALL_SECONDS   count    30
HONE_SMTP_URL        smtp
HONE_MAIL_FROM       mail     hone@localhost
HONE_MAIL_TO         mail
HONE_SMTP_USER       text
HONE_SMTP_PASSWORD_FILE  path
HONE_TOKEN_FILE      path
HONE_PUSH            switch   no
HONE_WEBHOOK_SECRET_FILE path
HONE_POLL_SECONDS    count    60
'

# The form of a value as a regular expression, and in words.
declare -grA setting_form=(
  [url]='^(https?|ssh|git|file)://[^[:space:]]+$|^/[^[:cntrl:]]*$|^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^[:space:]]+$'
  [text]='^[^[:cntrl:]]*$'
  [path]='^[^[:cntrl:]]*$'
  [inside]='^[^/[:cntrl:]][^[:cntrl:]]*$'
  [engine]='^(process|docker|podman)$'
  [share]='^(0?\.[0-9]*[1-9][0-9]*|1|1\.0*)$'
  [count]='^[1-9][0-9]{0,8}$'
  [number]='^([1-9][0-9]{0,5}(\.[0-9]+)?|0?\.[0-9]*[1-9][0-9]*)$'
  [switch]='^(yes|no)$'
  [size]='^[1-9][0-9]{0,5}[kmg]$'
  [smtp]='^smtps?://[A-Za-z0-9.:_-]+(/[A-Za-z0-9.-]*)?$|^smtps?://\[[0-9a-fA-F:]+\](:[0-9]+)?$'
  [mail]='^[A-Za-z0-9._%+=-]+@[A-Za-z0-9._-]+$|^author$'
)
declare -grA setting_words=(
  [url]='a https, ssh, git or file address, or an absolute path' [text]='text on one line' [path]='a path'
  [inside]='a path inside the repository' [switch]='yes or no'
  [engine]='process, docker or podman' [share]='a number above 0, at most 1' [count]='a whole number above 0'
  [number]='a number above 0' [size]='a number of k, m or g bytes' [smtp]='smtp://host:port or smtps://host:port'
)

setting_names() {
  local name rest
  while read -r name rest; do
    if [[ $name ]]; then printf '%s\n' "$name"; fi
  done <<<"$settings_table"
}

# Where runs, locks and the outbox are, unless HONE_STATE says so.
default_state() { printf '%s/hone\n' "${XDG_STATE_HOME:-${HOME:?is not set; set HONE_STATE}/.local/state}"; }
default_data() { printf '%s/hone\n' "${XDG_CACHE_HOME:-${HOME:?is not set; set HONE_DATA}/.cache}"; }

# read_settings_file FILE: what the environment has not set. Lines are data, never evaluated. Leaves in setting_place
# where each came from.
read_settings_file() {
  local file=$1 line key names number=0
  local -A seen=()
  names=$(setting_names)
  while IFS= read -r line || [[ $line ]]; do
    number=$((number + 1))
    if [[ $line =~ ^[[:space:]]*(#.*)?$ ]]; then continue; fi
    key=${line%%=*}
    if [[ $line != *=* || $key == *[!A-Z_]* || $'\n'$names$'\n' != *$'\n'$key$'\n'* ]]; then
      die "$exit_config" "$file:$number: '$line' is no setting; expected KEY=VALUE with a key of pipeline.conf.example"
    fi
    if [[ ${seen[$key]:-} ]]; then
      die "$exit_config" "$file:$number: $key is set again; expected it once (line ${seen[$key]})"
    fi
    seen[$key]=$number
    if [[ -z ${!key:-} ]]; then
      printf -v "$key" '%s' "${line#*=}"
      setting_place[$key]="$file:$number: "
    fi
  done <"$file"
}

has_form() {
  [[ $2 =~ ${setting_form[$1]} ]] || return 1
  [[ $1 != inside || /$2/ != */../* ]]
}

# Sets and exports every HONE_ variable; ends with 3 where one has the wrong form.
load_settings() {
  local name form default
  local -A setting_place=()
  HONE_STATE=${HONE_STATE:-$(default_state)}
  if [[ $HONE_STATE != /* ]]; then HONE_STATE=$PWD/$HONE_STATE; fi
  local file=${HONE_CONF:-$HONE_STATE/pipeline.conf}
  if [[ -f $file ]]; then
    read_settings_file "$file"
  elif [[ ${HONE_CONF:-} ]]; then
    die "$exit_config" "$file: does not exist; expected a file of settings (HONE_CONF)"
  fi
  HONE_DATA=${HONE_DATA:-$(default_data)}
  if [[ $HONE_DATA != /* ]]; then HONE_DATA=$PWD/$HONE_DATA; fi
  while read -r name form default; do
    [[ $name ]] || continue
    if [[ -z ${!name:-} ]]; then printf -v "$name" '%s' "$default"; fi
    if [[ ${!name} ]] && ! has_form "$form" "${!name}"; then
      die "$exit_config" "${setting_place[$name]:-}$name is '${!name}'; expected ${setting_words[$form]}"
    fi
    export "${name?}"
  done <<<"$settings_table"
  export HONE_STATE
}
