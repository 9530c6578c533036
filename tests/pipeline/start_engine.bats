#!/usr/bin/env bats
# ctest-labels: long
# pipeline/lib/start-engine with stand-ins for what it installs, starts and calls.

setup() {
  if ((EUID != 0)) || [[ -d /run/systemd/system ]]; then skip "it starts a daemon as root, where no systemd does"; fi
  cd "$BATS_TEST_TMPDIR" || return
  export CALLS=$PWD/calls HONE_ENGINE_RUN=$PWD/run XDG_CACHE_HOME=$PWD/cache
  export RUNNING=$PWD/running IMAGE=$PWD/image
  mkdir -p pipeline/lib tests bin
  cp "$BATS_TEST_DIRNAME/../../pipeline/lib/start-engine" pipeline/lib/
  stand_in tests/install-dependencies <<TEXT
echo "install \$*" >>"\$CALLS"
TEXT
  stand_in bin/docker <<'TEXT'
case $1 in
info) [ -f "$RUNNING" ] ;;
ps) ;;
image) [ -f "$IMAGE" ] ;;
pull) echo "$*" >>"$CALLS"; [ -f "$IMAGE.remote" ] && touch "$IMAGE" ;;
import) echo "$*" >>"$CALLS"; touch "$IMAGE" ;;
*) exit 99 ;;
esac
TEXT
  cp bin/docker bin/podman
  stand_in bin/dockerd <<'TEXT'
echo "dockerd $*" >>"$CALLS"
case ${REFUSE:-}/$* in
all/* | overlay/*[!s]) echo 'level=error msg="that is not to be had"' >&2; exit 1 ;;
esac
pid_file=${1#--pidfile=}
echo $$ >"$pid_file"
touch "$RUNNING"
trap 'rm "$RUNNING" "$pid_file"; exit 0' TERM
while :; do sleep 0.05; done
TEXT
  # shellcheck disable=SC2016 # expanded by the stand-in
  stand_in bin/debootstrap <<<'echo "debootstrap $2 $4" >>"$CALLS"; mkdir -p "$3"/etc/apt/apt.conf.d "$3"/etc/dpkg/dpkg.cfg.d'
  # shellcheck disable=SC2016 # expanded by the stand-in
  stand_in bin/apt-get <<<'[ "$1" = indextargets ] && echo http://mirror.example/debian'
  PATH=$PWD/bin:$PATH
}

teardown() { if [[ -f $BATS_TEST_TMPDIR/run/dockerd.pid ]]; then kill "$(cat "$BATS_TEST_TMPDIR/run/dockerd.pid")"; fi; }

stand_in() {
  { echo '#!/bin/sh' && cat; } >"$1"
  chmod +x "$1"
}

@test "what is there is used as it is" {
  touch running image
  [ -z "$(pipeline/lib/start-engine docker)" ]
  [ -z "$(pipeline/lib/start-engine podman)" ]
  [ "$(cat calls)" = $'install --only docker\ninstall --only podman' ]
}

@test "a daemon is started where none answers, without bridge or firewall rules, and only that one is stopped" {
  touch image
  [ "$(pipeline/lib/start-engine docker)" = started ]
  [[ $(grep -c ^dockerd calls) == 1 && $(cat calls) == *--bridge=none*--iptables=false*--ip-forward=false* ]]
  [ -z "$(pipeline/lib/start-engine docker)" ]
  pipeline/lib/start-engine --stop
  [ ! -e running ]
  sleep 60 3>&- &
  echo $! >run/dockerd.pid
  pipeline/lib/start-engine --stop
  kill -0 $!
  # A pid that another process has by now, as after a crash, is no hindrance either.
  [ "$(pipeline/lib/start-engine docker)" = started ]
  kill $!
}

@test "where one storage driver is refused, another one is taken; where all are, it says why" {
  touch image
  REFUSE=overlay run pipeline/lib/start-engine docker
  [ "$status" -eq 0 ]
  [[ $(tail -n 1 calls) == *--storage-driver=vfs ]]
  pipeline/lib/start-engine --stop
  REFUSE=all run pipeline/lib/start-engine docker
  [ "$status" -eq 6 ]
  [[ $output == *"dockerd does not come up"*"not to be had"* ]]
}

@test "the base image is pulled; where it can't be, it is made once" {
  touch running image.remote
  pipeline/lib/start-engine docker
  [ "$(tail -n 1 calls)" = "pull --quiet debian:bookworm-slim" ]
  rm image image.remote
  pipeline/lib/start-engine docker
  [[ $(cat calls) == *"install --only base-image"$'\n'"debootstrap bookworm http://mirror.example/debian"* ]]
  [[ $(tail -n 1 calls) == import*"$PWD/cache/hone/debian-bookworm-slim.tar debian:bookworm-slim" ]]
  rm image
  pipeline/lib/start-engine podman
  [ "$(grep -c ^debootstrap calls)" = 1 ]
  [[ $(tail -n 1 calls) == import*" docker.io/library/debian:bookworm-slim" ]]
  [ "$(ls -A cache/hone)" = $'.base-image.lock\ndebian-bookworm-slim.tar' ]
}

@test "it explains itself and refuses what it does not know" {
  run pipeline/lib/start-engine --help
  [ "$status" -eq 0 ]
  [[ $output == usage:*--stop* ]]
  run pipeline/lib/start-engine kubernetes
  [ "$status" -eq 2 ]
}
