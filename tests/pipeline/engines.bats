#!/usr/bin/env bats
# ctest-labels: containers long
# The engines that run containers, each function against the real engine.

load ../support/engine

# The images are made from the programs of the build folder; `commands` is an image whose command is what it is given.
setup_file() {
  local engine image dockerfile programs
  export HONE_HOME=$BATS_FILE_TMPDIR/home HONE_STATE=$BATS_FILE_TMPDIR/state HONE_DATA=$BATS_FILE_TMPDIR/data
  export HONE_MEMORY=64m HONE_CPUS=1 HONE_PIDS=32 HONE_STALL_SECONDS=30 ENGINES=''
  mkdir -p "$HONE_HOME/pipeline" "$HONE_DATA"
  sed "s|dockerfiles/|$HONE_SOURCE_DIR/&|" "$HONE_SOURCE_DIR/pipeline/images.conf" >"$HONE_HOME/pipeline/images.conf"
  echo "commands $HONE_HOME/commands.Dockerfile" >>"$HONE_HOME/pipeline/images.conf"
  python3 "$HONE_SOURCE_DIR/tests/support/tiny_idx.py" "$HONE_DATA/tiny"
  for engine in docker podman; do
    if ! start_engine "$engine"; then continue; fi
    ENGINES+="$engine "
    use "$engine"
    engine_prepare tool
    _oci_find_image tool
    printf 'FROM %s\nENTRYPOINT ["/usr/bin/tini", "--"]\n' "$image" >"$HONE_HOME/commands.Dockerfile"
    engine_prepare commands
  done
}

teardown_file() { stop_engine; }

setup() {
  if [[ ! $ENGINES ]]; then skip "no container engine can be had here"; fi
  run=$HONE_STATE/runs/$BATS_TEST_NUMBER
  name=hone-$BATS_TEST_NUMBER-$$-0
  launch_kind=commands launch_commit=0123456789ab launch_repo="https://example.org/a b\$(c)" launch_attempt=0
  launch_env=('WORDS=two words') launch_files=() launch_command=(sleep 60)
}

teardown() {
  local engine
  for engine in $ENGINES; do
    use "$engine"
    engine_remove "$name"
  done
}

use() {
  HONE_ENGINE=$1
  echo "engine $1" # seen where a test fails
  # shellcheck source=pipeline/lib/engines/docker.sh
  source "$HONE_SOURCE_DIR/pipeline/lib/engines/$1.sh"
}

# use_afresh ENGINE: with new folders for what is launched.
use_afresh() {
  use "$1"
  launch_checkout=$run/$1/checkout launch_out=$run/$1/trials/trial-0 launch_log=$run/$1/trials/trial-0.log
  mkdir -p "$launch_checkout" "$launch_out"
}

# launch COMMAND...
launch() {
  launch_command=("$@")
  engine_launch "$name"
}

# launch_script [ARG...]: the script on standard input.
launch_script() {
  cat >"$launch_checkout/script"
  launch bash "$launch_checkout/script" "$@"
}

# becomes STATE: soon.
becomes() {
  local tries state
  for ((tries = 0; tries < 300; tries++)); do
    state=$(engine_state "$name")
    if [[ $state == "$1" ]]; then return; fi
    sleep 0.1
  done
  echo "is $state, expected $1; it said: $(engine_logs "$name")"
  return 1
}

ends_with() { becomes "exited $1"; }

first_pid() { _oci container inspect --format '{{.State.Pid}}' "$name"; }
main_pid() { cut -d ' ' -f 1 "/proc/$(first_pid)/task/$(first_pid)/children"; }

@test "what runs sees its three folders at their own paths, and can write into one" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    echo model >"$launch_checkout/model"
    launch_files=("$run/$engine/extra")
    echo extra >"${launch_files[0]}"
    launch_script "$launch_checkout" "${launch_files[0]}" <<'TEXT'
set -x
[[ $PWD == "$1" && $(cat model) == model && $(cat "$2") == extra && $WORDS == "two words" ]] || exit 1
[[ -e $HONE_DATA/tiny && $(id -u) != 0 ]] || exit 2
echo mine >"$HONE_OUT/file" || exit 3
for place in "$PWD" "$HONE_DATA" "$2" / /usr /etc /run /var/tmp /dev /sys/fs/cgroup /proc/sys/kernel; do
  if touch "$place/new" || echo x >>"$place"; then exit 4; fi
done
touch /tmp/scratch || exit 5
exit 0
TEXT
    ends_with 0
    [ "$(cat "$launch_out/file")" = mine ]
    [ "$(stat -c %u "$launch_out/file")" -eq $((EUID == 0 ? 10001 : EUID)) ]
  done
}

@test "what runs has no network, no capabilities, and no way to get any" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    launch_script <<'TEXT'
[[ $(grep -c : /proc/net/dev) == 1 ]] || exit 1 # lo
if (: </dev/tcp/127.0.0.1/80) 2>/dev/null; then exit 2; fi
grep -q "^CapEff:[[:blank:]]*0*$" /proc/self/status || exit 3
grep -q "^CapBnd:[[:blank:]]*0*$" /proc/self/status || exit 4
grep -q "^NoNewPrivs:[[:blank:]]*1$" /proc/self/status || exit 5
[[ $(ulimit -c) == 0 && $(ulimit -n) == 1024 && $(ulimit -f) != unlimited ]] || exit 6
TEXT
    ends_with 0
  done
}

@test "a fork bomb, a greedy one and one without end are contained" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    launch_script <<'TEXT'
perl -e 'my $n = 0; while (defined(my $p = fork)) { if (!$p) { sleep 60 } $n++ } exit($n < 32 ? 40 : 41)'
TEXT
    ends_with 40
    launch perl -e 'my @x; push @x, "x" x 1e6 while 1'
    becomes oom
    launch_script <<'TEXT'
exec perl -e 'open F, ">", "$ENV{HONE_OUT}/big" or exit 1; seek F, 5 * 2**30, 0; print F "x"; close F; exit 2'
TEXT
    ends_with 153 # SIGXFSZ
  done
}

@test "each way to end is told apart" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    [ "$(engine_state "$name")" = missing ]
    launch bash -c 'exit 7'
    ends_with 7
    launch_script <<<'kill -9 $$'
    ends_with 137
    launch sleep 60
    [ "$(engine_state "$name")" = running ]
    kill -9 "$(first_pid)"
    ends_with 137
    launch_script <<'TEXT'
trap "exit 143" TERM
touch "$HONE_OUT/ready"
while :; do sleep 0.1; done
TEXT
    while [[ ! -f $launch_out/ready ]]; do sleep 0.1; done
    engine_signal "$name" TERM
    ends_with 143
    engine_signal "$name" TERM
    engine_remove "$name"
    [ "$(engine_state "$name")" = missing ]
    engine_remove "$name"
    engine_signal "$name" TERM
  done
}

@test "what a signal or the engine has frozen is seen, and can be killed" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    launch sleep 60
    kill -STOP "$(main_pid)"
    becomes frozen
    kill -CONT "$(main_pid)"
    becomes running
    _oci pause "$name"
    becomes frozen
    _oci unpause "$name"
    kill -STOP "$(main_pid)"
    becomes frozen
    engine_signal "$name" KILL
    ends_with 137
    launch sleep 60
    _oci pause "$name"
    engine_remove "$name"
    [ "$(engine_state "$name")" = missing ]
  done
}

@test "it outlives who launched it, and holds none of its locks" {
  local engine launcher
  for engine in $ENGINES; do
    use_afresh "$engine"
    (
      exec 7>"$run/lock"
      flock 7
      launch sleep 60
      exec sleep 60
    ) 3>&- &
    launcher=$!
    becomes running
    while [[ $(readlink "/proc/$launcher/exe") != */sleep ]]; do sleep 0.05; done
    kill -9 "$launcher"
    wait "$launcher" || true
    flock --timeout 2 "$run/lock" true
    [ "$(engine_state "$name")" = running ]
    kill -0 "$(main_pid)"
    engine_remove "$name"
  done
}

@test "its labels, and what it said" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    launch bash -c 'echo one; echo two >&2; sleep 60'
    [ "$(_oci container inspect --format '{{index .Config.Labels "hone.repo"}}' "$name")" = "$launch_repo" ]
    [ "$(_oci container inspect --format '{{index .Config.Labels "hone.commit"}}' "$name")" = "$launch_commit" ]
    [ "$(_oci container inspect --format '{{index .Config.Labels "hone.attempt"}}' "$name")" = 0 ]
    [ "$(engine_list)" = "$name" ]
    [ -z "$(HONE_STATE=/elsewhere engine_list)" ]
    until [[ $(engine_logs "$name") == *two* ]]; do sleep 0.1; done
    [ "$(engine_logs "$name" | sort | paste -sd ' ')" = "one two" ]
    launch_script <<'TEXT'
while [[ ! -f $HONE_OUT/go ]]; do sleep 0.1; done
echo three
TEXT
    engine_logs "$name" --follow >"$run/followed" 3>&- &
    sleep 0.5
    touch "$launch_out/go"
    wait $!
    [ "$(cat "$run/followed")" = three ]
  done
}

@test "what it says is kept up to a limit" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    launch bash -c 'head -c 20000000 /dev/zero | tr "\0" x | fold -w 99; echo end'
    ends_with 0
    [[ $(engine_logs "$name" | tail -n 1) == *xend ]]
    (($(engine_logs "$name" | wc -c) < 10000000))
  done
}

@test "containers that are not ours are left alone" {
  local engine image dockerfile programs
  for engine in $ENGINES; do
    use_afresh "$engine"
    _oci_find_image commands
    _oci run --detach --name "$name" --network none --ulimit nofile=1024:1024 "${_oci_options[@]}" "$image" sleep 60
    for action in "engine_remove $name" "engine_signal $name KILL" "engine_launch $name"; do
      run $action
      [ "$status" -eq 6 ]
      [[ $output == *"not one of hone's"* ]]
    done
    [ "$(engine_state "$name")" = running ]
    [ -z "$(engine_list)" ]
    _oci kill --signal KILL "$name"
    _oci rm --force "$name"
  done
}

@test "hone in the tool image: its folder at the same path, its output, its exit codes" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    mkdir -p "$run/$engine/trials"
    printf 'data: {format: idx, path: %s}\nmodel: {layers: [dense: 2]}\ntrain: {epochs: 2, optimizer: {sgd: {learning_rate: 0.01}}}\n' \
      "$HONE_DATA/tiny" >"$run/$engine/hone.yaml"
    (cd / && engine_hone "$run/$engine" inspect hone.yaml --json) >"$run/inspected" 2>"$run/errors"
    [ "$(jq -r .kind "$run/inspected")" = dense ]
    engine_hone "$run/$engine" train "$run/$engine/hone.yaml" --out "$run/$engine/trials/trial-1" --quiet
    [ -f "$run/$engine/trials/trial-1/best.safetensors" ]
    run engine_hone "$run/$engine" gate trials/trial-1 --at-least 1.5
    [ "$status" -eq 2 ]
    run engine_hone "$run/$engine" train missing.yaml --out x
    [ "$status" -eq 3 ]
    [[ $output == *missing.yaml* ]]
    run engine_hone "$run/$engine" inspect "$HONE_SOURCE_DIR/trainer/configs/quickstart.yaml"
    [ "$status" -eq 3 ] # not in its folder
    [ -z "$(_oci ps --all --quiet --filter "volume=$run/$engine")" ]
  done
}

@test "a path that can't be mounted and a kind without image are refused" {
  local engine
  for engine in $ENGINES; do
    use_afresh "$engine"
    launch_out="$run/a,readonly"
    mkdir -p "$launch_out"
    run launch true
    [ "$status" -eq 2 ]
    [[ $output == *"a,readonly"*comma* ]]
    launch_kind=forest
    run launch true
    [ "$status" -eq 3 ]
    [[ $output == *"images.conf: there is no kind 'forest'"*"tool cnn dense program commands"* ]]
    [ "$(engine_state "$name")" = missing ]
    launch_kind=commands
  done
}

@test "the table of images is read strictly" {
  use "${ENGINES%% *}"
  export HONE_HOME=$BATS_TEST_TMPDIR
  mkdir "$HONE_HOME/pipeline"
  check() { # LINE MESSAGE
    printf '# comment\n\n%s\n' "$1" >"$HONE_HOME/pipeline/images.conf"
    run engine_prepare cnn
    echo "$output"
    [ "$status" -eq 3 ]
    [[ $output == *"$HONE_HOME/pipeline/images.conf$2"* ]]
  }
  check 'cnn' ":3: 'cnn'; expected KIND DOCKERFILE"
  check 'cnn a;b' ":3: 'cnn "
  check 'cnn a b' ':3: '
  check $'dense a\ndense b' ":4: 'dense' is there twice"
  check 'cnn no/such.Dockerfile' ": the Dockerfile of 'cnn' is missing: $HONE_HOME/no/such.Dockerfile"
}

@test "an image is built once, from what is built already; one that can't be is said to be that" {
  local engine
  for engine in $ENGINES; do
    use "$engine"
    engine_prepare dense
    run engine_prepare dense
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    mkdir -p "$BATS_TEST_TMPDIR/pipeline"
    printf 'FROM debian:bookworm-slim\nRUN echo the reason; exit 3\n' >"$BATS_TEST_TMPDIR/Dockerfile"
    echo 'bad Dockerfile' >"$BATS_TEST_TMPDIR/pipeline/images.conf"
    HONE_HOME=$BATS_TEST_TMPDIR run engine_prepare bad
    [ "$status" -eq 6 ]
    [[ $output == *"the reason"*"image of 'bad' could not be built"* ]]
  done
}

@test "an engine that does not answer is neither missing nor ended" {
  if [[ $ENGINES != *docker* ]]; then skip "Docker can't be had here"; fi
  use docker
  export DOCKER_HOST=unix:///nonexistent/docker.sock
  _oci_patience=0
  run engine_state "$name"
  [ "$status" -eq 6 ]
  [[ $output == *"docker: "* && $output != *missing* ]]
  run engine_check
  [ "$status" -eq 6 ]
  [ "${#lines[@]}" -eq 1 ]
  [[ $output == *start-engine* ]]
  run engine_remove "$name"
  [ "$status" -eq 6 ]
}
