#!/usr/bin/env bats
# ctest-cost: 80
# ctest-engines: docker podman
# From a push to a mail with real parts: git, hone, the engine (here `process`, a sandbox), a mail server.

bats_require_minimum_version 1.5.0
load support
load ../support/engine

setup_file() { set_up_engine; }
teardown_file() { stop_engine; }

setup() {
  need_engine
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  pipeline=$HONE_SOURCE_DIR/pipeline
  set_up_pipeline
}

teardown() {
  if [[ -f log ]]; then cat log; fi
  clean_up_pipeline
  if [[ -d home ]]; then remove_own_images; fi
}

# own_images: of container engines, images that only this test has, so that job 2 has to build them.
own_images() {
  local kind file
  if [[ $HONE_ENGINE == process ]]; then return; fi
  mkdir -p home/pipeline
  ln -s "$HONE_SOURCE_DIR/datasets" home/
  while read -r kind file; do
    { cat "$HONE_SOURCE_DIR/$file" && echo "LABEL hone.test=\"$PWD\""; } >"home/${file##*/}"
    echo "$kind $PWD/home/${file##*/}"
  done < <(grep -v '^#' "$HONE_SOURCE_DIR/pipeline/images.conf") >home/pipeline/images.conf
  export HONE_HOME=$PWD/home
}

own_images_built() { "$HONE_ENGINE" image ls --quiet --filter "label=hone.test=$PWD" | sort -u; }

remove_own_images() { own_images_built | xargs -r "$HONE_ENGINE" image rm --force >/dev/null; }

# The text part of the only mail.
mail_text() {
  /usr/bin/python3 - mails/*.eml <<'TEXT'
import email, email.policy, sys
message = email.message_from_file(open(sys.argv[1], newline=""), policy=email.policy.default)
print("subject", message["subject"])
print("to", message["X-Envelope-To"])
for part in message.walk():
    if part.get_content_type() == "text/plain":
        print(part.get_content())
    if part.get_filename():
        print("attached", part.get_filename(), len(part.get_content()))
TEXT
}

# to_the_target KIND TARGET ATTACHED: from a push of what is in dev, which falls short, to the mail. Sets sha, folder (of the
# run), best and after (its accuracy).
to_the_target() {
  local before
  own_images
  start_mail_server
  sha=$(push)
  folder=$(run_of "$sha")
  "$pipeline/pipeline" run 2>log
  if [[ $HONE_ENGINE != process ]]; then
    grep -q "building the image hone-$1:" log
    [ "$(own_images_built)" ]
  fi
  [ "$(jq -r '"\(.kind) \(.engine)"' <"$folder/2-launch.json")" = "$1 $HONE_ENGINE" ]
  [ "$(jq .met <"$folder/4-tweak.json")" = false ]
  [ "$(jq .met <"$folder/5-retrain-or-notify.json")" = true ]
  before=$(jq .accuracy_before <"$folder/5-retrain-or-notify.json")
  after=$(jq .accuracy <"$folder/5-retrain-or-notify.json")
  best=$(jq .best <"$folder/5-retrain-or-notify.json")
  jq -en "$before < $2 and $after >= $2"
  # The figures are those of the runs themselves.
  [ "$(jq .accuracy <"$folder/trials/trial-0/metrics.json")" = "$before" ]
  [ "$(jq .accuracy <"$folder/trials/trial-$best/metrics.json")" = "$after" ]
  [ "$(find mails -type f | wc -l)" -eq 1 ]
  mail_text >text
  cat text
  grep -q "^subject hone: target met, accuracy $after (main, ${sha:0:12})" text
  grep -qx 'to dev@example.org' text
  grep -q "accuracy on the test split: $before before, $after now; target $2" text
  grep -q '^attached report.html' text
  grep -q "^attached $3" text
  [ "$("$pipeline/pipeline" status --json | jq -r '"\(.commit) \(.met) \(.mail)"')" = "$sha true sent" ]
  # Nothing more is done or sent for the same commit.
  "$pipeline/pipeline" run
  [ "$(find mails -type f | wc -l)" -eq 1 ]
}

# What the winner's weights come to by themselves is what the mail says, and no other candidate ever saw the test split.
expect_honest_figures() {
  local trial
  [ "$("$HONE_BUILD_DIR/bin/hone" evaluate "$folder/trials/trial-$best/best.safetensors" --json | jq .accuracy)" = "$after" ]
  for trial in "$folder"/trials/trial-*/; do
    case $trial in */trial-0/ | */trial-"$best"/) continue ;; esac
    [ "$(jq .accuracy <"${trial}metrics.json")" = null ]
  done
}

@test "push, below target, tweak, retrain, target met, one mail with the right figures" {
  model 1 0.87 >dev/hone.yaml
  to_the_target dense 0.87 tweaked.yaml
  expect_honest_figures
}

@test "the same with convolutions" {
  model 1 0.85 | sed 's/    - dense: {units: 32.*/    - conv: {filters: 4, kernel: 5, stride: 2, activation: relu}/' >dev/hone.yaml
  to_the_target cnn 0.85 tweaked.yaml
  expect_honest_figures
}

@test "the same with a program of one's own, in NumPy" {
  # With the PATH of the sandbox.
  if [[ $HONE_ENGINE == process ]] && ! PATH=/usr/local/bin:/usr/bin:/bin python3 -c 'import numpy'; then
    skip "needs Debian's python3-numpy"
  fi
  cp "$pipeline"/examples/numpy/*.{yaml,py} dev
  to_the_target program 0.9 tweaked.json
}

@test "a convolutional model that meets its target at once is not changed" {
  model 2 0.5 | sed 's/    - dense: {units: 32/    - conv: {filters: 2, kernel: 5, stride: 4}\n&/' >dev/hone.yaml
  local sha
  sha=$(push)
  "$pipeline/pipeline" run
  [ "$(jq -r .kind <"$(run_of "$sha")/2-launch.json")" = cnn ]
  [ "$(jq .trials <"$(run_of "$sha")/5-retrain-or-notify.json")" -eq 1 ]
  [ ! -e "$(run_of "$sha")/trials/trial-1.yaml" ]
  [ -s "$HONE_STATE/outbox/$sha.eml" ]
}

@test "the kind comes from the parsed model, not from its words" {
  { echo '# Conv2D convolution conv: {filters: 8}' && model 1 0.1; } >dev/hone.yaml
  local sha
  sha=$(push)
  "$pipeline/jobs/1-poll.sh"
  "$pipeline/jobs/2-launch.sh"
  [ "$(jq -r .kind <"$(run_of "$sha")/2-launch.json")" = dense ]
}

@test "the data set that a program names is fetched before it starts" {
  mkdir -p home/datasets
  ln -s "$HONE_SOURCE_DIR"/{build,dockerfiles,pipeline} home/
  export HONE_HOME=$PWD/home
  printf 'program: {command: [python3, main.py], dataset: fashion_mnist}\n' >dev/hone.yaml
  echo 'open("/dev/null")' >dev/main.py
  local sha
  sha=$(push)
  "$pipeline/jobs/1-poll.sh"
  # It can't be had at first.
  # shellcheck disable=SC2016 # expanded by the stand-in
  printf '#!/bin/sh\necho "$*" >>"$HONE_STATE/fetched"\n[ -e "$HONE_STATE/network" ]\n' >home/datasets/fetch
  chmod +x home/datasets/fetch
  run -6 "$pipeline/jobs/2-launch.sh"
  [[ $output == *"the data set fashion_mnist can't be had"* ]]
  [ "$(<state/fetched)" = "fashion_mnist --into $HONE_DATA" ]
  [ -z "$(engine engine_list)" ]
  touch state/network
  "$pipeline/jobs/2-launch.sh"
  [ "$(jq -r .kind <"$(run_of "$sha")/2-launch.json")" = program ]
  sed -i 's/fashion_mnist/--help/' dev/hone.yaml
  push
  "$pipeline/jobs/1-poll.sh"
  run -3 "$pipeline/jobs/2-launch.sh"
  [[ $output == *"unknown data set '--help'"* ]]
  [ "$(wc -l <state/fetched)" -eq 2 ]
}

@test "several pushes between two polls: the newest is trained; an older run keeps its commit" {
  model 1 0.1 >dev/hone.yaml
  push one >/dev/null
  local second third
  second=$(push two)
  "$pipeline/pipeline" run
  [ "$(cd "$HONE_STATE/runs" && echo *)" = "$second" ]
  git -C dev checkout --quiet --orphan other
  third=$(push forced)
  "$pipeline/pipeline" run
  [ "$("$pipeline/pipeline" status --json | jq -r .commit)" = "$third" ]
  [ "$(jq -r .subject <"$(run_of "$second")/1-poll.json")" = two ]
}

@test "the budget of trials ends it, and the mail says so" {
  model 1 0.999 >dev/hone.yaml
  start_mail_server
  push
  HONE_TRIALS=1 run -10 "$pipeline/pipeline" run
  mail_text >text
  grep -q '^subject hone: target not met' text
  grep -q 'ended because: the budget of 1 trials is spent' text
}

@test "accuracy of an earlier commit never passes a later one's gate" {
  model 3 0.8 >dev/hone.yaml
  push
  "$pipeline/pipeline" run
  model 1 0.8 | sed 's/learning_rate: 0.01, momentum: 0.9/learning_rate: 0.000001/' >dev/hone.yaml
  push
  "$pipeline/jobs/1-poll.sh"
  "$pipeline/jobs/2-launch.sh"
  "$pipeline/jobs/3-train.sh"
  run -10 "$pipeline/jobs/4-tweak.sh"
}

@test "the mail server is away for a while: the mail arrives once" {
  model 1 0.1 >dev/hone.yaml
  start_mail_server
  local port
  port=$(<mail.port)
  stop_mail_server
  rm mail.port
  push
  "$pipeline/pipeline" run 3>&- 2>log &
  local job=$!
  wait_until 120 grep -q "the mail can't be sent" log
  start_mail_server "$port"
  wait "$job"
  [ "$(find mails -type f | wc -l)" -eq 1 ]
}
