# What the tests of the jobs share: a repository with a small model, settings, a mail server.
# shellcheck shell=bash

# Sets up a repository `dev` with a bare clone that is polled, and the settings. Data sets come from the user's cache.
set_up_pipeline() {
  cd "$BATS_TEST_TMPDIR" || return
  pipeline=$HONE_SOURCE_DIR/pipeline
  export HONE_DATA=${HONE_DATA:-${XDG_CACHE_HOME:-$HOME/.cache}/hone}
  export HONE_STATE=$PWD/state HONE_REPO=file://$PWD/served.git HONE_BRANCH=main HONE_MAIL_TO=dev@example.org
  export HONE_HOME=$HONE_SOURCE_DIR HONE_CPUS=1 HONE_STALL_SECONDS=20
  export GIT_CONFIG_GLOBAL=$PWD/gitconfig
  unset HONE_CONF GIT_COMMIT
  git config --file gitconfig user.name 'A Developer'
  git config --file gitconfig user.email dev@example.org
  git config --file gitconfig init.defaultBranch main
  git init --quiet dev
  git init --quiet --bare served.git
  git -C dev remote add origin "$PWD/served.git"
}

# model EPOCHS TARGET [EXTRA]: a dense net on a part of MNIST; an epoch takes a few hundredths of a second.
model() {
  cat <<TEXT
name: small
seed: 3
data: {dataset: mnist, validation: 0.2, limit: {train: 2000, test: 500}, normalize: unit}
model:
  layers:
    - dense: {units: 32, activation: relu}
    - dense: 10
train:
  epochs: $1
  batch_size: 16
  optimizer: {sgd: {learning_rate: 0.01, momentum: 0.9}}
  checkpoint: {every_seconds: 0.2}
target: {at_least: $2}
TEXT
}

# push [MESSAGE]: everything in dev, as the newest commit; prints it.
push() {
  git -C dev add --all
  git -C dev commit --quiet --allow-empty --message "${1:-a model}"
  git -C dev push --quiet --force origin HEAD:refs/heads/main
  git -C dev rev-parse HEAD
}

run_of() { printf '%s/runs/%s\n' "$HONE_STATE" "$1"; }

# wait_until SECONDS COMMAND...: fails where it is not so by then.
wait_until() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    if ((SECONDS >= until)); then
      echo "not within the time: $*" >&2
      return 1
    fi
    sleep 0.05
  done
}

# The process that trains trial $2 of commit $1, in a container or not; fails where none does. (Asking an engine may take
# longer than the rest of the training.)
trainer_pid() { pgrep --newest --full "^[^ ]*/hone train .* --out $(run_of "$1")/trials/trial-$2 "; }

# engine FUNCTION ARGUMENT...: of the engine that is set.
engine() {
  # shellcheck disable=SC2016 # expanded by that shell
  bash -c 'set -Eeuo pipefail; source "$0/lib/all.sh"; load_settings; use_engine; "$@"' "$pipeline" "$@"
}

# Trained far enough that a checkpoint inside an epoch is there.
has_checkpoint() { grep -q '"checkpoint"' "$(run_of "$1")/trials/trial-0/events.jsonl" 2>/dev/null; }

# tensors FILE: a digest of a checkpoint's weights without what tells of time.
tensors() {
  python3 - "$1" <<'TEXT'
import hashlib, json, sys
data = open(sys.argv[1], "rb").read()
size = int.from_bytes(data[:8], "little")
header = json.loads(data[8:8 + size])
digest = hashlib.sha256()
for name in sorted(name for name in header if name != "__metadata__"):
    begin, end = header[name]["data_offsets"]
    digest.update(name.encode() + data[8 + size + begin:8 + size + end])
print(digest.hexdigest())
TEXT
}

# What the model of dev comes to when nothing happens to it; trained once for all tests of a file.
undisturbed() {
  local plain
  plain=$BATS_FILE_TMPDIR/plain-$(sha256sum <dev/hone.yaml | head -c 12)
  if [[ ! -d $plain ]]; then "$HONE_BUILD_DIR/bin/hone" train dev/hone.yaml --out "$plain" --threads 1 --quiet; fi
  tensors "$plain/best.safetensors"
}

# start_mail_server [PORT [CERTIFICATE KEY LOGIN-FILE]]: on loopback; it keeps what it gets in mails/. Sets HONE_SMTP_URL.
start_mail_server() {
  mkdir -p mails
  /usr/bin/python3 "$HONE_SOURCE_DIR/tests/pipeline/mail_server.py" mails mail.port "${1:-0}" "${@:2}" 3>&- &
  mail_server=$!
  wait_until 60 test -s mail.port
  HONE_SMTP_URL=smtp://127.0.0.1:$(<mail.port)
  export HONE_SMTP_URL
}

stop_mail_server() {
  if [[ ${mail_server:-} ]]; then kill "$mail_server" 2>/dev/null || true; fi
  mail_server=
}

clean_up_pipeline() {
  stop_mail_server
  "$pipeline/pipeline" stop 2>/dev/null || true
  # shellcheck disable=SC2016 # expanded there
  if [[ ${HONE_ENGINE:-process} != process ]]; then
    engine eval 'for name in $(engine_list); do engine_remove "$name"; done' || true
  fi
}
