#!/usr/bin/env bats
# The scripts a newcomer runs first.

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return
  export HONE_STATE=$BATS_TEST_TMPDIR/state
}

@test "install-dependencies is silent and quick when there is nothing to do" {
  local start took best=99999999
  for _ in {1..5}; do
    start=${EPOCHREALTIME/./}
    run tests/install-dependencies
    took=$((${EPOCHREALTIME/./} - start))
    if ((took < best)); then best=$took; fi
    [ "$status" -eq 0 ]
    [ -z "$output" ]
  done
  ((best < 1500000))
}

@test "install-dependencies installs what is missing, and only that" {
  # A dpkg-query that knows every package but two, and an apt-get that writes down its calls.
  mkdir "$BATS_TEST_TMPDIR/bin"
  tests/install-dependencies --list | grep -vxE 'cmake|bats' | sed 's/.*/installed=&/' >"$BATS_TEST_TMPDIR/installed"
  printf '#!/bin/sh\ntr "\\n" " " <"%s"\nexit 1\n' "$BATS_TEST_TMPDIR/installed" >"$BATS_TEST_TMPDIR/bin/dpkg-query"
  printf '#!/bin/sh\necho "$@" >>"%s"\n' "$BATS_TEST_TMPDIR/calls" >"$BATS_TEST_TMPDIR/bin/apt-get"
  printf '#!/bin/sh\nshift\nexec "$@"\n' >"$BATS_TEST_TMPDIR/bin/sudo"
  chmod +x "$BATS_TEST_TMPDIR"/bin/*
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run tests/install-dependencies
  [ "$status" -eq 0 ]
  [ "$output" = "installing bats cmake" ]
  [ "$(wc -l <"$BATS_TEST_TMPDIR/calls")" -eq 2 ]
  [[ $(sed -n 1p "$BATS_TEST_TMPDIR/calls") == *update ]]
  [[ $(sed -n 2p "$BATS_TEST_TMPDIR/calls") == *"--no-install-recommends -- bats cmake" ]]
}

@test "install-dependencies --only limits it to a group, and refuses an unknown one" {
  run tests/install-dependencies --only lint --list
  [ "$status" -eq 0 ]
  [[ $output == *shfmt* ]]
  [[ $output != *libyaml-cpp-dev* ]]
  run tests/install-dependencies --only nothing
  [ "$status" -eq 2 ]
}

@test "install-dependencies names what another system needs" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  local tool
  for tool in bash sort dirname; do ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin/"; done
  PATH=$BATS_TEST_TMPDIR/bin run tests/install-dependencies --only build
  [ "$status" -eq 1 ]
  [[ $output == *"not a Debian system"*libyaml-cpp-dev* ]]
}

@test "tests/run explains itself and refuses what it does not know" {
  run tests/run --help
  [ "$status" -eq 0 ]
  [[ $output == usage:*--full* ]]
  run tests/run --nothing
  [ "$status" -eq 2 ]
  [[ $output == *--nothing* ]]
}

@test "tests/run: the first stage that fails ends the run, with its exit code" {
  run bash -c 'source tests/run; stage good true; stage bad bash -c "exit 7"; stage never true'
  [ "$status" -eq 7 ]
  [[ $output == *"==== good: "*"==== bad: failed with exit code 7"* ]]
  [[ $output != *never* ]]
}

@test ".ci/run is tests/run" {
  run .ci/run --help
  [ "$status" -eq 0 ]
  [[ $output == "usage: tests/run"* ]]
}

@test "quickstart explains itself and refuses what it does not know" {
  run pipeline/quickstart --help
  [ "$status" -eq 0 ]
  [[ $output == usage:*--fresh* ]]
  run pipeline/quickstart --nothing
  [ "$status" -eq 2 ]
}
