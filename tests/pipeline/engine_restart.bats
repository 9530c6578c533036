#!/usr/bin/env bats
# ctest-labels: containers serial long
# Docker's daemon dies in the middle of a training: nothing is lost.

bats_require_minimum_version 1.5.0
load support
load ../support/engine

setup_file() { start_engine docker || touch "$BATS_FILE_TMPDIR/without-docker"; }
teardown_file() { stop_engine; }

daemon() { cat /run/hone/dockerd.pid; }

setup() {
  if [[ -f $BATS_FILE_TMPDIR/without-docker ]]; then skip "Docker can't be had here"; fi
  if ! grep -qs dockerd "/proc/$(daemon)/comm"; then skip "Docker's daemon here is not one of these tests: it is not killed"; fi
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  set_up_pipeline
  export HONE_ENGINE=docker
  model 400 0.1 >dev/hone.yaml
  sha=$(push)
  "$HONE_SOURCE_DIR/pipeline/jobs/1-poll.sh"
  "$HONE_SOURCE_DIR/pipeline/jobs/2-launch.sh"
  wait_until 120 has_checkpoint "$sha"
  "$HONE_SOURCE_DIR/pipeline/jobs/3-train.sh" 3>&- 2>log &
  job=$!
  wait_until 120 grep -q '| epoch' log # it watches
}

teardown() {
  if [[ -f log ]]; then cat log; fi
  "$HONE_SOURCE_DIR/pipeline/lib/start-engine" docker >/dev/null
  clean_up_pipeline
}

comes_to_the_same() {
  wait "$job"
  [ "$(tensors "$(run_of "$sha")/trials/trial-0/best.safetensors")" = "$(undisturbed)" ]
  (($(grep -c '"resume"' "$(run_of "$sha")/trials/trial-0/events.jsonl") > 0))
}

@test "the daemon is stopped and started again" {
  "$HONE_SOURCE_DIR/pipeline/lib/start-engine" --stop
  sleep 2
  [ "$("$HONE_SOURCE_DIR/pipeline/lib/start-engine" docker)" = started ]
  comes_to_the_same
}

@test "the daemon is killed and started again" {
  kill -9 "$(daemon)"
  sleep 2
  [ "$("$HONE_SOURCE_DIR/pipeline/lib/start-engine" docker)" = started ]
  comes_to_the_same
}
