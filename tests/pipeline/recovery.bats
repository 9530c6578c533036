#!/usr/bin/env bats
# ctest-cost: 72
# ctest-engines: docker podman
# Whatever dies during a training is going again within ten seconds, and comes to bitwise the undisturbed weights.

bats_require_minimum_version 1.5.0
load support
load ../support/engine

setup_file() { set_up_engine; }
teardown_file() { stop_engine; }

setup() {
  need_engine
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

# start_training: it is held where it is once there is a checkpoint inside of an epoch. Sets `pid`.
start_training() {
  "$pipeline/jobs/2-launch.sh"
  wait_until 60 has_checkpoint "$sha"
  pid=$(trainer_pid "$sha" 0)
  kill -STOP "$pid"
}

# follow: job 3, in the background.
follow() {
  "$pipeline/jobs/3-train.sh" 3>&- 2>log &
  job=$!
}

# Another process than the first one trains.
is_going_again() {
  local now
  now=$(trainer_pid "$sha" 0) && ((now != pid))
}

expect_undisturbed() { [ "$(tensors "$(run_of "$sha")/trials/trial-0/best.safetensors")" = "$(undisturbed)" ]; }

@test "the training is killed" {
  start_training
  follow
  kill -9 "$pid"
  wait_until 10 is_going_again
  wait "$job"
  grep -q 'start 1 of at most 5 again' log
  expect_undisturbed
}

@test "the training is frozen" {
  start_training
  follow
  wait_until 10 is_going_again
  wait "$job"
  grep -q 'trial 0: is frozen; it is killed' log
  expect_undisturbed
}

@test "the container vanishes" {
  start_training
  follow
  engine engine_remove "hone-${sha:0:12}-0"
  wait_until 10 is_going_again
  wait "$job"
  expect_undisturbed
}

# starve PID: has the kernel end that process for want of memory in its group, as if it had asked for too much.
starve() {
  local controllers path group=
  while IFS=: read -r _ controllers path; do
    case $controllers in
    '') if [[ ! $group ]]; then group=/sys/fs/cgroup$path; fi ;;
    memory) group=/sys/fs/cgroup/memory$path ;;
    esac
  done <"/proc/$1/cgroup"
  if [[ $group == */ || ! -w $group/cgroup.procs ]]; then skip "no memory group can be had here"; fi
  echo 1000 >"/proc/$1/oom_score_adj"
  # It ends by the same hand, later.
  (echo "$BASHPID" >"$group/cgroup.procs" && exec tail /dev/zero) 3>&- 2>/dev/null &
}

@test "the training is out of memory" {
  export HONE_MEMORY=256m
  start_training
  starve "$pid"
  follow
  wait_until 10 is_going_again
  wait "$job"
  grep -q 'it needed more than 256m of memory; start 1 of at most 5 again' log
  expect_undisturbed
}

@test "job 3 is killed, and its training too: the monitor goes on" {
  start_training
  follow
  sleep 0.5
  kill -9 "$job"
  kill -9 "$pid"
  "$pipeline/jobs/6-monitor.sh" --watch 3>&- 2>log &
  local monitor=$!
  wait_until 10 is_going_again
  wait_until 120 test -f "$(run_of "$sha")/5-retrain-or-notify.json"
  kill "$monitor"
  expect_undisturbed
}

# What job 3 has started and what is still there.
children_of_job_3() { grep -lzs '^STARTED_BY=job 3$' /proc/[0-9]*/environ || true; }
shows_the_log() { pgrep -f "^tail --pid=$job " >/dev/null; }
no_children_of_job_3() { [ -z "$(children_of_job_3)" ]; }

@test "job 3 is killed: nothing that it started stays, and the monitor follows the same training" {
  start_training
  STARTED_BY='job 3' follow
  wait_until 60 shows_the_log
  kill -9 "$job"
  [ "$(children_of_job_3)" ]
  wait_until 60 no_children_of_job_3
  kill -CONT "$pid"
  "$pipeline/jobs/6-monitor.sh" 3>&- 2>log
  expect_undisturbed
  [ -f "$(run_of "$sha")/5-retrain-or-notify.json" ]
  run ! grep 'start 1 of' log
}

@test "pipeline stop saves, and run goes on from there" {
  start_training
  kill -CONT "$pid"
  follow
  local code=0
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
  for name in 2-launch 3-train 4-tweak; do "$pipeline/jobs/$name.sh" || [ "$name" = 4-tweak ]; done
  HONE_TRIALS=2 "$pipeline/jobs/5-retrain-or-notify.sh" 3>&- 2>/dev/null &
  local job5=$!
  wait_until 60 test -d "$(run_of "$sha")/trials/trial-1"
  kill -9 "$job5"
  # What job 5 had started, holds the run's lock a moment longer.
  HONE_TRIALS=2 "$pipeline/jobs/6-monitor.sh" --watch 3>&- 2>log &
  local monitor=$!
  wait_until 120 test -f "$(run_of "$sha")/5-retrain-or-notify.json"
  kill "$monitor"
  [ "$(jq -c '[.accuracy, .best, .trials]' <"$(run_of "$sha")/5-retrain-or-notify.json")" = "$whole" ]
}
