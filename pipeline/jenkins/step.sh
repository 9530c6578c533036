#!/usr/bin/env bash
# What a build step of Jenkins calls: runs one of the six jobs and collects what the build is to keep.
set -Eeuo pipefail
job=jenkins
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=pipeline/lib/all.sh
source "$here/lib/all.sh"

readonly max_artefact_bytes=$((64 << 20))

usage() {
  cat <<'TEXT'
usage: pipeline/jenkins/step.sh JOB

Runs pipeline/jobs/JOB.sh, and leaves in $WORKSPACE/results/ what came of it: report.html, gate.xml, log.txt, tweaked.yaml,
best.safetensors where it is at most 64 MiB, and plot.csv, one row for this build. Exit code: that of the job.
TEXT
}

# keep FILE NAME: a copy in results/. What a container wrote may be a link to anywhere: only regular files are taken.
keep() {
  if [[ -L $1 || ! -f $1 ]] || (($(stat -c %s -- "$1") > max_artefact_bytes)); then return; fi
  dd if="$1" of="$results/$2" bs=1M iflag=nofollow,nonblock status=none || rm -f -- "$results/$2"
}

# plot_row FILE: a row of accuracies as the plot plugin reads it, from a hand-over.
plot_row() {
  if [[ ! -f $1 ]]; then return; fi
  jq -r 'select(.accuracy != null) | "accuracy,target\n\(.accuracy),\(.target)"' <"$1" >"$results/plot.csv"
  if [[ ! -s $results/plot.csv ]]; then rm -- "$results/plot.csv"; fi
}

# collect JOB: what came of it, and in the log the line that becomes the description of the build.
collect() {
  local best='' accuracy target hand_over
  choose_run
  hand_over=$run/$1.json
  accuracy=$(member "$hand_over" accuracy) target=$(member "$hand_over" target)
  say "commit ${commit:0:12}${accuracy:+, accuracy $accuracy}${target:+, target $target}"
  if [[ $1 != [35]-* ]]; then return; fi
  if [[ $1 == 5-* ]]; then best=$(member "$hand_over" best); fi
  keep "$run/report.html" report.html
  keep "$run/gate.xml" gate.xml
  keep "$run/trials/trial-${best:-0}.txt" log.txt
  keep "$(trial_folder "${best:-0}")/best.safetensors" best.safetensors
  if [[ ${best:-0} != 0 ]]; then keep "$(model_file "$best")" tweaked.yaml; fi
  plot_row "$hand_over"
}

main() {
  local step=${1:-} code=0
  if [[ $# != 1 || ! -f $here/jobs/$step.sh ]]; then only_help "$@"; fi
  results=${WORKSPACE:?is not set; this is for a build of Jenkins}/results
  # What an earlier build left is not of this one.
  rm -rf -- "$results"
  mkdir -- "$results"
  load_settings
  "$here/jobs/$step.sh" || code=$?
  if [[ $step != 6-* ]] && ! (collect "$step"); then say "what came of it can't be collected"; fi
  exit "$code"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
