#!/usr/bin/env bats
# ctest-cost: 42
# `pipeline watch`: what waiting costs, and that it can be killed.

bats_require_minimum_version 1.5.0
load support

setup() {
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  pipeline=$HONE_SOURCE_DIR/pipeline
  set_up_pipeline
  export HONE_POLL_SECONDS=1
  model 1 0.1 >dev/hone.yaml
}

teardown() {
  if [[ -f log ]]; then cat log; fi
  clean_up_pipeline
}

# watch: in the background, as process $watch.
watch() {
  "$pipeline/pipeline" watch 3>&- 2>>log &
  watch=$!
}

ended() { [[ -f $(run_of "$1")/5-retrain-or-notify.json ]]; }

@test "a poll without news takes less than 0.2 s" {
  local from took best=999999
  push
  "$pipeline/jobs/1-poll.sh"
  for _ in {1..10}; do
    from=${EPOCHREALTIME/./}
    "$pipeline/jobs/1-poll.sh" >/dev/null
    took=$(((${EPOCHREALTIME/./} - from) / 1000))
    if ((took < best)); then best=$took; fi
  done
  echo "$best ms"
  ((best < 200))
}

# Ticks of a hundredth of a second that process $1 and what it waited for have computed.
ticks() {
  local -a fields
  read -ra fields <"/proc/$1/stat"
  echo $((fields[13] + fields[14] + fields[15] + fields[16]))
}

@test "the monitor takes less than 1 % of a core while a run goes on" {
  local sha monitor from
  sha=$(push)
  "$pipeline/jobs/1-poll.sh"
  flock "$(run_of "$sha")/.lock" sleep 60 3>&- & # as a job would
  local job=$!
  "$pipeline/jobs/6-monitor.sh" --watch 3>&- 2>log &
  monitor=$!
  sleep 3
  from=$(ticks "$monitor")
  sleep 20
  local took=$(($(ticks "$monitor") - from))
  kill "$monitor" "$job"
  echo "$took ticks in 20 s"
  ((took < 20))
  run ! grep 'going on' log
}

@test "several pushes while a training runs: the newest is trained, the others are not" {
  local first second third
  model 100 0.1 >dev/hone.yaml
  first=$(push one)
  watch
  wait_until 300 has_checkpoint "$first"
  second=$(push two)
  third=$(push three)
  [ ! -e "$(run_of "$first")/5-retrain-or-notify.json" ]
  wait_until 300 ended "$third"
  ended "$first"
  [ ! -e "$(run_of "$second")" ]
}

monitors() { pgrep -f "6-monitor.sh --while $1\$" >/dev/null; }
has_no_monitor() { ! monitors "$1"; }

@test "killed, it can be started again at once, and what it had started ends" {
  local sha killed
  push
  watch
  killed=$watch
  wait_until 60 monitors "$killed"
  kill -9 "$killed"
  watch
  wait_until 60 has_no_monitor "$killed"
  wait_until 60 monitors "$watch"
  sha=$(push again)
  wait_until 300 ended "$sha"
  kill -0 "$watch"
}
