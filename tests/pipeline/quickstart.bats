#!/usr/bin/env bats
# pipeline/quickstart with stand-ins for what it calls: what it runs, in which order, and when it need not.

setup() {
  tree=$BATS_TEST_TMPDIR/tree
  export CALLS=$BATS_TEST_TMPDIR/calls HONE_STATE=$BATS_TEST_TMPDIR/state RUN_STATUS=0
  mkdir -p "$tree"/{pipeline/lib,tests,trainer/configs,build/release} "$BATS_TEST_TMPDIR/bin"
  cp "$BATS_TEST_DIRNAME/../../pipeline/quickstart" "$tree/pipeline/"
  echo 'name: weak' >"$tree/trainer/configs/quickstart.yaml"
  local script
  for script in "$tree/tests/install-dependencies" "$tree/pipeline/lib/start-engine" "$BATS_TEST_TMPDIR/bin/cmake"; do
    # shellcheck disable=SC2016 # expanded by the stand-in
    printf '#!/bin/sh\necho "${0##*/} $*" >>"$CALLS"\n' >"$script"
    chmod +x "$script"
  done
  cat >"$tree/pipeline/pipeline" <<'TEXT'
#!/bin/sh
echo "pipeline $* $HONE_ENGINE $(git -C "$HONE_REPO" show "$HONE_BRANCH:hone.yaml")" >>"$CALLS"
mkdir -p "$HONE_STATE/runs/a"
echo a >"$HONE_STATE/current"
echo "accuracy 0.95 -> 0.99" >"$HONE_STATE/runs/a/mail.txt"
echo '{"best": 3}' >"$HONE_STATE/runs/a/result.json"
exit "$RUN_STATUS"
TEXT
  chmod +x "$tree/pipeline/pipeline"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

runs() { grep -c '^pipeline run' "$CALLS"; }

@test "installs, builds, pushes the model and runs the pipeline, and shows the result" {
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  [[ $output == *"accuracy 0.95 -> 0.99"*"report: $HONE_STATE/quickstart/runs/a/report.html"*trial-3/best.safetensors* ]]
  [ "$(cut -d' ' -f1-2 "$CALLS" | tr '\n' ';')" = "install-dependencies --only;cmake --preset;cmake --build;pipeline run;" ]
  grep -qx 'pipeline run process name: weak' "$CALLS"
}

@test "shows the result again the second time and runs nothing" {
  "$tree/pipeline/quickstart"
  : >"$CALLS"
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  [[ $output == *"accuracy 0.95 -> 0.99"* ]]
  [ ! -s "$CALLS" ]
}

@test "with --docker it starts the engine and trains there" {
  run "$tree/pipeline/quickstart" --docker
  [ "$status" -eq 0 ]
  grep -qx 'start-engine docker' "$CALLS"
  grep -qx 'pipeline run docker name: weak' "$CALLS"
}

@test "starts over with --fresh, and where the model was changed" {
  "$tree/pipeline/quickstart"
  "$tree/pipeline/quickstart" --fresh
  [ "$(runs)" -eq 2 ]
  echo 'name: other' >"$tree/trainer/configs/quickstart.yaml"
  "$tree/pipeline/quickstart"
  [ "$(runs)" -eq 3 ]
}

@test "passes on that the target was not met, and keeps no result" {
  RUN_STATUS=10 run "$tree/pipeline/quickstart"
  [ "$status" -eq 10 ]
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  [ "$(runs)" -eq 2 ]
}

@test "a step that fails ends it" {
  printf '#!/bin/sh\nexit 4\n' >"$tree/tests/install-dependencies"
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 4 ]
  [ ! -e "$CALLS" ]
}

@test "does not configure a build folder that was configured before" {
  touch "$tree/build/release/build.ninja"
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  run grep 'cmake --preset' "$CALLS"
  [ "$status" -eq 1 ]
}
