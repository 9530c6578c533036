#!/usr/bin/env bats
# ctest-cost: 52
# The tweaked model on branch hone/tweaked, where that is asked for.

bats_require_minimum_version 1.5.0
load support

setup() {
  set_up_pipeline
  export HONE_PUSH=yes HONE_MODEL=models/hone.yaml HONE_TARGET=0.9 HONE_TRIALS=10
  mkdir dev/models
  python3 "$HONE_SOURCE_DIR/tests/support/tiny_idx.py" dev/images/tiny
}

teardown() {
  if [[ -f log ]]; then cat log; fi
  clean_up_pipeline
}

# tiny_model SEED: learns next to nothing before it is tweaked.
tiny_model() {
  cat <<TEXT
seed: $1
data: {format: idx, path: ../images/tiny, validation: 0.25}
model: {layers: [dense: {units: 4, activation: relu}, dense: 2]}
train: {epochs: 1, optimizer: {sgd: {learning_rate: 0.000001}}}
target: {at_least: 0.6}
TEXT
}

# push_model SEED
push_model() {
  tiny_model "$1" >dev/models/hone.yaml
  sha=$(push)
  run_folder=$(run_of "$sha")
}

# Whether the target is met does not matter here, except where it is said.
pipeline_run() {
  # shellcheck disable=SC2154 # set_up_pipeline sets it
  "$pipeline/pipeline" run 2>>log || [ $? -eq 10 ]
}

tweaked() { git -C served.git rev-parse --verify --quiet refs/heads/hone/tweaked; }

result() { jq -r ".$1" <"$run_folder/5-retrain-or-notify.json"; }

# The text of the mail that is left in the outbox.
mail_text() {
  /usr/bin/python3 - "$HONE_STATE/outbox/$sha.eml" <<'TEXT'
import email, email.policy, sys
message = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
print(message.get_body(("plain",)).get_content())
TEXT
}

@test "one commit on top of the one that was trained: its model is the one that met the target" {
  push_model 1
  pipeline_run
  [ "$(result met)" = true ]
  (($(result best) > 0))
  local commit
  commit=$(tweaked)
  [ "$(git -C served.git rev-list --parents -n 1 "$commit")" = "$commit $sha" ]
  [ "$(git -C served.git diff --name-only "$sha" "$commit")" = models/hone.yaml ]
  [ "$(result pushed)" = "commit $commit on branch hone/tweaked" ]
  mail_text | grep -qx "tweaked model: commit $commit on branch hone/tweaked"
  git -C served.git log -n 1 --format='%an %ae%n%B' "$commit" >message
  cat message
  grep -qx 'hone hone@localhost' message
  grep -qx "hone: accuracy $(result accuracy), before $(result accuracy_before)" message
  grep -q '^- [a-z_ ]*: .*, because ' message
  grep -qx "On the test split; the target 0.9 is met. From commit $sha." message
  # What the developer gets trains to the same accuracy at once, and names nothing of this machine.
  git clone --quiet --branch hone/tweaked served.git clone
  run ! grep -F -e "$PWD" -e "$HONE_STATE" clone/models/hone.yaml
  grep -q 'path: .*\.\./images/tiny' clone/models/hone.yaml
  grep -q 'at_least: 0.6' clone/models/hone.yaml
  "$HONE_BUILD_DIR/bin/hone" train clone/models/hone.yaml --out trained --quiet
  [ "$(jq .accuracy trained/metrics.json)" = "$(result accuracy)" ]
  # It is no news.
  [ "$("$pipeline/jobs/1-poll.sh")" = "$sha" ]
}

@test "what comes next replaces it; what somebody else put there stays" {
  push_model 1
  pipeline_run
  local first second other
  first=$(tweaked)
  push_model 2
  pipeline_run
  second=$(tweaked)
  [ "$first" != "$second" ]
  [ "$(git -C served.git rev-parse "$second^")" = "$sha" ]
  git clone --quiet --branch hone/tweaked served.git clone
  git -C clone commit --quiet --allow-empty --message 'by hand'
  git -C clone push --quiet
  other=$(tweaked)
  push_model 3
  pipeline_run
  [ "$(tweaked)" = "$other" ]
  [[ $(result pushed) == "not pushed: branch hone/tweaked has commit $other"*deleted ]]
  mail_text | grep -q "^tweaked model: not pushed: branch hone/tweaked has commit $other"
  # Deleted it is hone's again.
  git -C served.git branch --quiet -D hone/tweaked
  push_model 4
  pipeline_run
  [ "$(result pushed)" = "commit $(tweaked) on branch hone/tweaked" ]
}

@test "a push that is refused ends nothing, and the mail says so" {
  push_model 1
  printf '#!/bin/sh\necho "no pushes here" >&2\nexit 1\n' >served.git/hooks/pre-receive
  chmod +x served.git/hooks/pre-receive
  pipeline_run
  [ "$(result met)" = true ]
  [ -z "$(tweaked)" ]
  [ "$(result pushed)" = 'not pushed: [remote rejected] (pre-receive hook declined)' ]
  mail_text | grep -qxF 'tweaked model: not pushed: [remote rejected] (pre-receive hook declined)'
}

@test "killed between the push and its note, it pushes the same commit" {
  push_model 1
  pipeline_run
  local commit
  commit=$(tweaked)
  rm "$run_folder/pushed" "$run_folder/5-retrain-or-notify.json" state/tweaked
  pipeline_run
  [ "$(result pushed)" = "commit $commit on branch hone/tweaked" ]
  [ "$(tweaked)" = "$commit" ]
}

@test "nothing is pushed unless it is asked for, where nothing was tweaked, and to the branch that is polled" {
  push_model 1
  HONE_TARGET=0.1 pipeline_run
  [ "$(result pushed)" = null ]
  push_model 2
  HONE_PUSH='' pipeline_run
  (($(result best) > 0))
  [ "$(result pushed)" = null ]
  [ -z "$(tweaked)" ]
  push_model 3
  git -C dev push --quiet origin HEAD:refs/heads/hone/tweaked
  HONE_BRANCH=hone/tweaked pipeline_run
  [ "$(result pushed)" = 'not pushed: hone/tweaked is the branch that is polled' ]
  [ "$(tweaked)" = "$sha" ]
  HONE_PUSH=maybe run -3 "$pipeline/jobs/1-poll.sh"
}

@test "of a program its parameters are pushed, beside its hone.yaml" {
  cat >dev/main.py <<'TEXT'
import json, os
rate = json.load(open(os.environ["HONE_PARAMETERS"]))["rate"]
accuracy = 0.5 + rate / 2
json.dump({"status": "finished", "accuracy": accuracy, "validation_accuracy": accuracy, "validation_images": 1000000},
          open(os.environ["HONE_OUT"] + "/metrics.json", "w"))
TEXT
  printf 'program:\n  command: [python3, main.py]\n  parameters: {rate: {type: real, low: 0, high: 1, default: 0}}\n' >dev/models/hone.yaml
  sha=$(push)
  run_folder=$(run_of "$sha")
  HONE_TARGET=0.6 pipeline_run
  [ "$(result met)" = true ]
  [ "$(git -C served.git diff --name-only "$sha" "$(tweaked)")" = models/hone.parameters.json ]
  git -C served.git show hone/tweaked:models/hone.parameters.json >parameters
  [ "$(jq .rate parameters)" = "$(jq .rate "$run_folder/trials/trial-$(result best).json")" ]
}
