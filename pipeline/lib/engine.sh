# What runs the trainings: lib/engines/$HONE_ENGINE.sh. README.md lists the functions that such a file defines.
# shellcheck shell=bash
if [[ ${hone_engine_sourced:-} ]]; then return; fi
hone_engine_sourced=1
# shellcheck source=pipeline/lib/state.sh
source "${BASH_SOURCE[0]%/*}/state.sh"
# shellcheck source=pipeline/lib/settings.sh
source "${BASH_SOURCE[0]%/*}/settings.sh"
# shellcheck source=pipeline/lib/git.sh
source "${BASH_SOURCE[0]%/*}/git.sh"

# use_engine: its functions are there afterwards; ends with 6 where it can't be used.
use_engine() {
  # shellcheck source=pipeline/lib/engines/process.sh
  source "$pipeline_lib/engines/$HONE_ENGINE.sh"
  engine_check
}

# container_name N: of trial N of the run.
container_name() { printf 'hone-%s-%s\n' "${commit:0:12}" "$1"; }

# Threads that the share of CPUs is worth.
threads_of_share() {
  local whole=${HONE_CPUS%.*} most
  most=$(nproc)
  if [[ $HONE_CPUS == *.* ]]; then whole=$((${whole:-0} + 1)); fi
  printf '%d\n' "$((whole < most ? whole : most))"
}
