#!/usr/bin/env bats
# ctest-cost: 38
# The example program in NumPy, as the pipeline runs it, and what hone makes of its runs.

setup_file() {
  export PYTHONDONTWRITEBYTECODE=1 HONE_DATA=$BATS_FILE_TMPDIR/data
  export EXAMPLE=$BATS_TEST_DIRNAME/../../pipeline/examples/numpy SUPPORT=$BATS_TEST_DIRNAME/numpy_support.py
  export HONE=${HONE_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build/release}/bin/hone
  unset HONE_OUT HONE_COMMIT
  PYTHON=
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import numpy' 2>/dev/null; then PYTHON=$python; fi
  done
  export PYTHON
  if [[ $PYTHON ]]; then "$PYTHON" "$SUPPORT" data "$HONE_DATA/mnist"; fi
}

setup() {
  if [[ ! $PYTHON ]]; then skip "needs Debian's python3-numpy"; fi
  cd "$BATS_TEST_TMPDIR" || return
  parameters 0.02 3
}

# parameters RATE EPOCHS
parameters() {
  jq -n --argjson rate "$1" --argjson epochs "$2" \
    '{learning_rate: $rate, momentum: 0.5, filters: 4, kernel: 5, batch_size: 32, epochs: $epochs}' >parameters.json
}

# train RUN [PARAMETERS]
train() { HONE_PARAMETERS=$PWD/${2:-parameters.json} HONE_OUT=$PWD/$1 "$PYTHON" "$EXAMPLE/train.py"; }

# start RUN: in the background, as process $pid.
start() {
  HONE_PARAMETERS=$PWD/parameters.json HONE_OUT=$PWD/$1 "$PYTHON" "$EXAMPLE/train.py" >"$1.log" 2>&1 3>&- &
  pid=$!
}

# Waits until file $1 is there and newer than file $2.
newer() {
  for ((i = 0; i < 600; i++)); do
    if [[ $1 -nt $2 ]]; then return; fi
    sleep 0.05
  done
  return 1
}

@test "layers agree with naive ones and with central differences in double" {
  run "$PYTHON" "$SUPPORT" layers "$EXAMPLE"
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "hone judges its run, proposes other parameters and takes their run too" {
  "$HONE" inspect "$EXAMPLE/hone.yaml" --json | jq -e '.kind == "program" and .command == ["python3", "train.py"]'
  "$HONE" tweak --program "$EXAMPLE/hone.yaml" --out trial-0.json
  HONE_COMMIT=abc train trial-0 trial-0.json
  jq -e '.status == "finished" and .commit == "abc" and .kind == "program" and .test_images == 2000' trial-0/metrics.json
  [ "$(wc -l <trial-0/history.csv)" -eq 2 ]
  run "$HONE" gate trial-0 --at-least 0.999 --json
  [ "$status" -eq 10 ]
  [ "$(jq .value <<<"$output")" = "$(jq .accuracy trial-0/metrics.json)" ]
  run "$HONE" gate trial-0 --at-least 0.001
  [ "$status" -eq 0 ]
  "$HONE" tweak --program "$EXAMPLE/hone.yaml" --target 0.999 --out trial-1.json trial-0
  [ "$(jq -c . trial-0.json)" != "$(jq -c . trial-1.json)" ]
  train trial-1 trial-1.json
  "$HONE" tweak --program "$EXAMPLE/hone.yaml" --target 0.999 --json --out trial-2.json trial-0 trial-1 |
    jq -e --slurpfile metrics trial-1/metrics.json '.best == "trial-1" and .reached == ($metrics[0].validation_accuracy >= 0.999)'
  # It has ended: started again, it stays what it is.
  cp -r trial-1 before
  train trial-1 trial-1.json
  "$PYTHON" "$SUPPORT" same before/checkpoint.npz trial-1/checkpoint.npz
  [ "$(jq .accuracy before/metrics.json)" = "$(jq .accuracy trial-1/metrics.json)" ]
}

@test "killed in the middle of an epoch it goes on to bitwise the same weights" {
  train whole
  for batches in 40 150; do # an epoch has 157; the second one dies in the second epoch
    run env OPENBLAS_NUM_THREADS=1 HONE_PARAMETERS="$PWD/parameters.json" HONE_OUT="$PWD/killed" "$PYTHON" "$SUPPORT" killed "$EXAMPLE" "$batches"
    [ "$status" -eq 137 ]
    [ ! -e killed/metrics.json ]
  done
  train killed
  jq -se 'map(select(.event == "resume") | [.epoch, .step]) == [[0, 39], [1, 31]]' killed/events.jsonl
  "$PYTHON" "$SUPPORT" same whole/checkpoint.npz killed/checkpoint.npz
  [ "$(jq -c '[.accuracy, .validation_accuracy, .loss]' whole/metrics.json)" = "$(jq -c '[.accuracy, .validation_accuracy, .loss]' killed/metrics.json)" ]
}

@test "SIGTERM saves and ends it with 143, and it goes on as if nothing had been" {
  train whole
  start stopped
  newer stopped/events.jsonl parameters.json
  sleep 1
  kill -TERM "$pid"
  local code=0
  wait "$pid" || code=$?
  [ "$code" -eq 143 ]
  [ "$(jq -r .status stopped/metrics.json)" = interrupted ]
  run "$HONE" gate stopped
  [ "$status" -eq 4 ]
  train stopped
  "$PYTHON" "$SUPPORT" same whole/checkpoint.npz stopped/checkpoint.npz
}

@test "two at once do not write one folder" {
  start run
  newer run/events.jsonl parameters.json
  kill -STOP "$pid"
  run train run
  kill -CONT "$pid"
  [ "$status" -eq 6 ]
  [[ $output == *"another process"* ]]
  wait "$pid"
  [ "$(grep -c '"start"' run/events.jsonl)" -eq 1 ]
}

@test "its heart beats while it works" {
  start run
  newer run/events.jsonl parameters.json
  local slowest=0 age
  while kill -0 "$pid" 2>/dev/null; do
    age=$(($(date +%s) - $(stat -c %Y run/events.jsonl)))
    if ((age > slowest)); then slowest=$age; fi
    sleep 0.1
  done
  wait "$pid"
  [ "$slowest" -le 3 ]
  # More often than the lines it writes: between two of them the file is touched only.
  [ "$(wc -l <run/events.jsonl)" -eq 5 ]
}

@test "what is wrong has its exit code and one line" {
  jq 'del(.kernel)' parameters.json >incomplete.json
  run train wrong incomplete.json
  [ "$status" -eq 3 ]
  [ "${#lines[@]}" -eq 1 ]
  parameters 1e30 1
  run train diverged
  [ "$status" -eq 7 ]
  [ "${#lines[@]}" -eq 1 ]
  [ "$(jq -r .status diverged/metrics.json)" = diverged ]
  run "$HONE" gate diverged --at-least 0.1
  [ "$status" -eq 10 ]
  parameters 0.02 1
  HONE_DATA=$PWD/nothing run train nodata
  [ "$status" -eq 4 ]
  mkdir damaged
  echo damaged >damaged/checkpoint.npz
  run train damaged
  [ "$status" -eq 5 ]
  train run
  parameters 0.03 1
  run train run
  [ "$status" -eq 5 ]
  [[ $output == *"other parameters"* ]]
}
