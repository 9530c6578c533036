#!/usr/bin/env bats
# From a push to a mail with real parts: git, hone, the sandbox of the engine `process`, a mail server.

bats_require_minimum_version 1.5.0
load support

setup() {
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  pipeline=$HONE_SOURCE_DIR/pipeline
  set_up_pipeline
}

teardown() { clean_up_pipeline; }

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

@test "push, below target, tweak, retrain, target met, one mail with the right figures" {
  start_mail_server
  model 1 0.87 >dev/hone.yaml
  local sha run
  sha=$(push)
  run=$(run_of "$sha")
  "$pipeline/pipeline" run
  [ "$(jq .met <"$run/5-retrain-or-notify.json")" = true ]
  [ "$(jq .met <"$run/4-tweak.json")" = false ]
  local before after
  before=$(jq .accuracy_before <"$run/5-retrain-or-notify.json")
  after=$(jq .accuracy <"$run/5-retrain-or-notify.json")
  jq -en "$before < 0.87 and $after >= 0.87"
  # The figures are those of the runs themselves, and the winner's weights give them again.
  local best
  best=$(jq .best <"$run/5-retrain-or-notify.json")
  [ "$(jq .accuracy <"$run/trials/trial-0/metrics.json")" = "$before" ]
  [ "$(jq .accuracy <"$run/trials/trial-$best/metrics.json")" = "$after" ]
  [ "$("$HONE_BUILD_DIR/bin/hone" evaluate "$run/trials/trial-$best/best.safetensors" --json | jq .accuracy)" = "$after" ]
  # No other candidate ever saw the test split.
  local trial
  for trial in "$run"/trials/trial-*/; do
    case $trial in */trial-0/ | */trial-"$best"/) continue ;; esac
    [ "$(jq .accuracy <"${trial}metrics.json")" = null ]
  done
  [ "$(find mails -type f | wc -l)" -eq 1 ]
  mail_text >text
  cat text
  grep -q "^subject hone: target met, accuracy $after (main, ${sha:0:12})" text
  grep -qx 'to dev@example.org' text
  grep -q "accuracy on the test split: $before before, $after now; target 0.87" text
  grep -q "^attached report.html" text
  grep -q "^attached tweaked.yaml" text
  [ "$("$pipeline/pipeline" status --json | jq -r '"\(.commit) \(.met) \(.mail)"')" = "$sha true sent" ]
  # Nothing more is done or sent for the same commit.
  "$pipeline/pipeline" run
  [ "$(find mails -type f | wc -l)" -eq 1 ]
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

@test "several pushes between two polls: the newest is trained; an older run keeps its commit" {
  model 1 0.1 >dev/hone.yaml
  push one >/dev/null
  local second third
  second=$(push two)
  "$pipeline/pipeline" run
  [ "$(ls "$HONE_STATE/runs")" = "$second" ]
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
  wait_until 60 grep -q "the mail can't be sent" log
  start_mail_server "$port"
  wait "$job"
  [ "$(find mails -type f | wc -l)" -eq 1 ]
}
