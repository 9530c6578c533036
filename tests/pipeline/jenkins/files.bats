#!/usr/bin/env bats
# What Jenkins, Compose, systemd and cron read. None of them is here but systemd's own check: schemas stand in.

bats_require_minimum_version 1.5.0
load ../support

@test "configuration as code, compose, plugins and Dockerfile: by schemas, and they fit together" {
  /usr/bin/python3 "$HONE_SOURCE_DIR/tests/pipeline/jenkins/files_check.py" "$HONE_SOURCE_DIR"
}

@test "systemd takes the units" {
  command -v systemd-analyze >/dev/null || skip "NOT TESTED: systemd-analyze is missing"
  mkdir "$BATS_TEST_TMPDIR/units"
  cd "$BATS_TEST_TMPDIR/units"
  local unit
  for unit in "$HONE_SOURCE_DIR"/pipeline/systemd/hone-*; do
    # The programs have to be where the units say: those of this tree stand in.
    sed "s|/opt/hone|$HONE_SOURCE_DIR|g" "$unit" >"${unit##*/}"
  done
  run -0 systemd-analyze verify ./*.service ./*.timer
  [ -z "$output" ]
  sed -i 's/^KillMode=process/KillMood=process/' hone-watch.service
  run systemd-analyze verify ./hone-watch.service
  [[ $output == *KillMood* ]]
}

@test "cron's line starts a watch, a second one ends at once, and what it started is going on without its lock" {
  set_up_pipeline
  mkdir state
  local line
  line=$(grep -E '^\* \* \* \* \* ' "$HONE_SOURCE_DIR/pipeline/systemd/crontab")
  # Every variable that the line uses is set above it.
  local name
  while read -r name; do
    grep -q "^$name=/" "$HONE_SOURCE_DIR/pipeline/systemd/crontab"
  done < <(grep -oE 'HONE_\w+' <<<"$line" | sort -u)
  model 1 0.1 >dev/hone.yaml
  push
  HONE_MINUTES=1 bash -c "${line#\* \* \* \* \* }" 3>&- &
  local watch=$!
  wait_until 60 test -f state/watch.pid
  run bash -c "${line#\* \* \* \* \* }"
  [ "$status" -ne 0 ]
  wait_until 60 test -f "$(run_of "$(git -C dev rev-parse HEAD)")/5-retrain-or-notify.json"
  "$HONE_SOURCE_DIR/pipeline/pipeline" stop
  wait "$watch" || true
  flock -n state/.cron.lock true
}
