#!/usr/bin/env bats
# ctest-labels: containers long
# The images of dockerfiles/, as somebody uses them who knows Docker and nothing of the pipeline.

load ../support/engine

setup_file() {
  local kind image dockerfile programs
  if ! start_engine docker; then return; fi
  export HONE_HOME=$HONE_SOURCE_DIR HONE_ENGINE=docker
  # shellcheck source=pipeline/lib/engines/docker.sh
  source "$HONE_SOURCE_DIR/pipeline/lib/engines/docker.sh"
  for kind in cnn dense program; do
    engine_prepare "$kind"
    _oci_find_image "$kind"
    echo "$image" >"$BATS_FILE_TMPDIR/$kind.image"
  done
}

teardown_file() { stop_engine; }

setup() {
  if [[ ! -f $BATS_FILE_TMPDIR/cnn.image ]]; then skip "Docker can't be had here"; fi
  name=hone-image-$$-$BATS_TEST_NUMBER
  mkdir "$BATS_TEST_TMPDIR/out"
  chmod 777 "$BATS_TEST_TMPDIR/out"
  python3 "$HONE_SOURCE_DIR/tests/support/tiny_idx.py" "$BATS_TEST_TMPDIR/data/tiny"
  model idx tiny
}

teardown() { docker rm --force "$name" >/dev/null 2>&1 || true; }

# model FORMAT PATH: a training without end.
model() {
  printf 'data: {format: %s, path: /data/%s, validation: 0.25}\nmodel: {input: [1, 8, 8], layers: [dense: 2]}\n' "$@"
  printf 'train: {epochs: 100000, optimizer: {sgd: {learning_rate: 0.01}}}\n'
} >"$BATS_TEST_TMPDIR/hone.yaml"

# start KIND [OPTION...]: as dockerfiles/README.md shows it.
start() {
  docker run --detach --name "$name" --network none --read-only --tmpfs /tmp --cap-drop ALL --ulimit nofile=1024:1024 \
    --volume "$BATS_TEST_TMPDIR/hone.yaml:/model/hone.yaml:ro" --volume "$BATS_TEST_TMPDIR/data:/data:ro" \
    --volume "$BATS_TEST_TMPDIR/out:/out" "${@:2}" "$(image_of "$1")"
}

until_true() { # COMMAND...
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    if "$@"; then return; fi
    sleep 0.1
  done
  docker logs "$name"
  return 1
}

health_is() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$name")" = "$1" ]; }

image_of() { cat "$BATS_FILE_TMPDIR/$1.image"; }

# of_image KIND FORMAT: what Docker knows of it.
of_image() { docker image inspect --format "$2" "$(image_of "$1")"; }

@test "no image runs as root, has a shell as its first process, or a Debian that is not named" {
  local kind
  for kind in cnn dense program; do
    [ "$(of_image "$kind" '{{.Config.User}} {{.Config.StopSignal}} {{index .Config.Entrypoint 0}}')" = \
      "10001:10001 SIGTERM /usr/bin/tini" ]
    [ "$(of_image "$kind" '{{index .Config.Labels "org.opencontainers.image.licenses"}}')" = MIT ]
    [[ $(of_image "$kind" '{{index .Config.Labels "org.opencontainers.image.title"}}') == hone-* ]]
    [[ $(of_image "$kind" '{{index .Config.Labels "org.opencontainers.image.base.name"}}') == */debian:bookworm-slim ]]
    [[ $(of_image "$kind" '{{.Config.Healthcheck.Test}}') == *events.jsonl* ]]
  done
}

@test "an image that is started trains, saves on SIGTERM, and goes on when it is started again" {
  local kind
  for kind in cnn dense; do
    rm -rf "$BATS_TEST_TMPDIR/out/"*
    start "$kind"
    until_true test -f "$BATS_TEST_TMPDIR/out/last.safetensors"
    docker stop --time 10 "$name"
    [ "$(docker inspect --format '{{.State.ExitCode}}' "$name")" = 143 ]
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out/events.jsonl" | jq -r .event)" != start ]
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/out/last.safetensors")" = 10001 ]
    docker start "$name"
    until_true grep -q '"resume"' "$BATS_TEST_TMPDIR/out/events.jsonl"
    docker rm --force "$name"
  done
}

@test "health is the trainer's, not that of some process" {
  start cnn --env HONE_STALL_SECONDS=3 --health-interval 1s --health-start-period 1s
  until_true health_is healthy
  local first
  first=$(docker inspect --format '{{.State.Pid}}' "$name")
  kill -STOP "$(cut -d ' ' -f 1 "/proc/$first/task/$first/children")"
  until_true health_is unhealthy
  [ "$(docker inspect --format '{{.State.Status}}' "$name")" = running ]
}

@test "the dense image is smaller, and says that it can't decode pictures" {
  (($(of_image dense '{{.Size}}') < $(of_image cnn '{{.Size}}')))
  mkdir -p "$BATS_TEST_TMPDIR/data/pictures/"{train,test}/{a,b}
  for picture in "$BATS_TEST_TMPDIR/data/pictures/"*/*; do
    { printf 'P5 8 8 255\n' && head -c 64 /dev/zero; } | tee "$picture/1.pgm" "$picture/2.pgm" >"$picture/3.pgm"
  done
  model image_folder pictures
  start dense
  [ "$(docker wait "$name")" = 4 ]
  [[ $(docker logs "$name" 2>&1) == *"/data/pictures: this build can't decode pictures; expected"* ]]
  docker rm "$name"
  start cnn
  until_true test -f "$BATS_TEST_TMPDIR/out/last.safetensors"
}

@test "the Python image runs a program with NumPy" {
  echo 'import numpy, os; open("/out/sum", "w").write(str(numpy.arange(10).sum()) + " " + str(os.getppid()))' \
    >"$BATS_TEST_TMPDIR/train.py"
  start program --volume "$BATS_TEST_TMPDIR/train.py:/model/train.py:ro"
  [ "$(docker wait "$name")" = 0 ]
  [ "$(cat "$BATS_TEST_TMPDIR/out/sum")" = "45 1" ]
}
