#!/usr/bin/env bats
# pipeline/quickstart with stand-ins for what it calls: what it runs, in which order, and when it need not.

setup() {
  tree=$BATS_TEST_TMPDIR/tree
  export CALLS=$BATS_TEST_TMPDIR/calls HONE_STATE=$BATS_TEST_TMPDIR/state SEARCH_STATUS=0
  mkdir -p "$tree"/{pipeline,tests,datasets,trainer/configs,build/release/bin} "$BATS_TEST_TMPDIR/bin"
  cp "$BATS_TEST_DIRNAME/../../pipeline/quickstart" "$tree/pipeline/"
  echo 'name: weak' >"$tree/trainer/configs/quickstart.yaml"
  local script
  for script in "$tree/tests/install-dependencies" "$tree/datasets/fetch" "$BATS_TEST_TMPDIR/bin/cmake"; do
    # shellcheck disable=SC2016 # expanded by the stand-in
    printf '#!/bin/sh\necho "${0##*/} $*" >>"$CALLS"\n' >"$script"
  done
  cat >"$tree/build/release/bin/hone" <<'TEXT'
#!/bin/sh
echo "hone $*" >>"$CALLS"
mkdir -p "$4"
echo "accuracy 0.95 -> 0.99"
exit "$SEARCH_STATUS"
TEXT
  chmod +x "$tree/tests/install-dependencies" "$tree/datasets/fetch" "$BATS_TEST_TMPDIR"/bin/cmake "$tree/build/release/bin/hone"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

searches() { grep -c '^hone search' "$CALLS"; }

@test "installs, builds, fetches and searches, and shows the result" {
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  [[ $output == *"accuracy 0.95 -> 0.99"* ]]
  [ "$(cut -d' ' -f1-2 "$CALLS" | tr '\n' ';')" = \
    "install-dependencies --only;cmake --preset;cmake --build;fetch mnist;hone search;" ]
  grep -q "^hone search trainer/configs/quickstart.yaml --out $HONE_STATE/quickstart/" "$CALLS"
}

@test "shows the result again the second time and runs nothing" {
  "$tree/pipeline/quickstart"
  : >"$CALLS"
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  [[ $output == *"accuracy 0.95 -> 0.99"* ]]
  [ ! -s "$CALLS" ]
}

@test "starts over with --fresh, and where the model was changed" {
  "$tree/pipeline/quickstart"
  "$tree/pipeline/quickstart" --fresh
  [ "$(searches)" -eq 2 ]
  echo 'name: other' >"$tree/trainer/configs/quickstart.yaml"
  "$tree/pipeline/quickstart"
  [ "$(searches)" -eq 3 ]
}

@test "passes on that the target was not met, and keeps no result" {
  SEARCH_STATUS=10 run "$tree/pipeline/quickstart"
  [ "$status" -eq 10 ]
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  [ "$(searches)" -eq 2 ]
}

@test "a step that fails ends it" {
  printf '#!/bin/sh\nexit 4\n' >"$tree/datasets/fetch"
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 4 ]
  run grep '^hone' "$CALLS"
  [ "$status" -eq 1 ]
}

@test "does not configure a build folder that was configured before" {
  touch "$tree/build/release/build.ninja"
  run "$tree/pipeline/quickstart"
  [ "$status" -eq 0 ]
  run grep 'cmake --preset' "$CALLS"
  [ "$status" -eq 1 ]
}
