#!/usr/bin/env bats
# Whatever dies during a training is going again within ten seconds, and comes to bitwise the undisturbed weights.

bats_require_minimum_version 1.5.0
load support

setup() {
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  pipeline=$HONE_SOURCE_DIR/pipeline
  set_up_pipeline
  model 150 0.1 >dev/hone.yaml
  sha=$(push)
  "$pipeline/jobs/1-poll.sh"
}

teardown() {
  if [[ -f log ]]; then cat log; fi
  clean_up_pipeline
}

start_training() {
  "$pipeline/jobs/2-launch.sh"
  wait_until 20 has_checkpoint "$sha"
}

# Another process trains than $1.
is_going_again() {
  local pid
  pid=$(trainer_pid "$sha" 0 2>/dev/null) && [[ $pid && $pid != "$1" ]] && kill -0 "$pid" 2>/dev/null
}

expect_undisturbed() { [ "$(tensors "$(run_of "$sha")/trials/trial-0/best.safetensors")" = "$(undisturbed)" ]; }

@test "the training is killed" {
  start_training
  "$pipeline/jobs/3-train.sh" 3>&- 2>log &
  local job=$! pid
  pid=$(trainer_pid "$sha" 0)
  kill -9 "$pid"
  wait_until 10 is_going_again "$pid"
  wait "$job"
  grep -q 'start 1 of at most 5 again' log
  expect_undisturbed
}

@test "the training is frozen" {
  start_training
  "$pipeline/jobs/3-train.sh" 3>&- 2>log &
  local job=$! pid
  pid=$(trainer_pid "$sha" 0)
  kill -STOP "$pid"
  wait_until 10 is_going_again "$pid"
  wait "$job"
  expect_undisturbed
}

@test "the container vanishes" {
  start_training
  "$pipeline/jobs/3-train.sh" 3>&- 2>log &
  local job=$! pid
  pid=$(trainer_pid "$sha" 0)
  engine engine_remove "hone-${sha:0:12}-0"
  wait_until 10 is_going_again "$pid"
  wait "$job"
  expect_undisturbed
}

@test "job 3 is killed, and its training too: the monitor goes on" {
  start_training
  "$pipeline/jobs/3-train.sh" 3>&- 2>/dev/null &
  local job=$! pid
  sleep 0.5
  pid=$(trainer_pid "$sha" 0)
  kill -9 "$job"
  kill -9 "$pid"
  "$pipeline/jobs/6-monitor.sh" --watch 3>&- 2>log &
  local monitor=$!
  wait_until 10 is_going_again "$pid"
  wait_until 60 test -f "$(run_of "$sha")/5-retrain-or-notify.json"
  kill "$monitor"
  expect_undisturbed
}

@test "pipeline stop saves, and run goes on from there" {
  start_training
  "$pipeline/jobs/3-train.sh" 3>&- 2>log &
  local job=$! code=0
  "$pipeline/pipeline" stop
  wait "$job" || code=$?
  [ "$code" -eq 143 ]
  # The monitor leaves it alone.
  "$pipeline/jobs/6-monitor.sh"
  [ ! -f "$(run_of "$sha")/3-train.json" ]
  "$pipeline/pipeline" run
  expect_undisturbed
}

@test "job 5 is killed in the middle of a candidate: the monitor goes on" {
  model 2 0.95 >dev/hone.yaml
  sha=$(push)
  HONE_TRIALS=2 "$pipeline/pipeline" run || true
  local whole
  whole=$(jq -c '[.accuracy, .best, .trials]' <"$(run_of "$sha")/5-retrain-or-notify.json")
  rm -r state/runs state/current
  "$pipeline/jobs/1-poll.sh"
  for job in 2-launch 3-train 4-tweak; do "$pipeline/jobs/$job.sh" || [ "$job" = 4-tweak ]; done
  HONE_TRIALS=2 "$pipeline/jobs/5-retrain-or-notify.sh" 3>&- 2>/dev/null &
  local job5=$!
  wait_until 20 test -d "$(run_of "$sha")/trials/trial-1"
  kill -9 "$job5"
  # What job 5 had started, holds the run's lock a moment longer.
  HONE_TRIALS=2 "$pipeline/jobs/6-monitor.sh" --watch 3>&- 2>log &
  local monitor=$!
  wait_until 60 test -f "$(run_of "$sha")/5-retrain-or-notify.json"
  kill "$monitor"
  [ "$(jq -c '[.accuracy, .best, .trials]' <"$(run_of "$sha")/5-retrain-or-notify.json")" = "$whole" ]
}
