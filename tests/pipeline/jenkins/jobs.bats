#!/usr/bin/env bats
# ctest-cost: 25
# The six jobs as Jenkins Job Builder makes them, executed from a push to a mail by a runner that stands in for Jenkins.

bats_require_minimum_version 1.5.0
load ../support

setup() {
  command -v jenkins-jobs >/dev/null || skip "NOT TESTED: jenkins-jobs is missing; tests/install-dependencies --only jenkins"
  here=$HONE_SOURCE_DIR/tests/pipeline/jenkins
  yaml=$HONE_SOURCE_DIR/pipeline/jenkins/jobs.yaml
}

# make_jobs YAML FOLDER
make_jobs() {
  jenkins-jobs --conf /dev/null test "$1" -o "$2" --config-xml >jjb.log 2>&1 || {
    cat jjb.log
    return 1
  }
}

# The definitions as an administrator would fill them in, as Jenkins' home.
set_up_jenkins() {
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  set_up_pipeline
  start_mail_server
  mkdir -p state jenkins
  sed -e "s|^    repository: .*|    repository: $HONE_REPO|" -e 's|^    mail: .*|    mail: dev@example.org|' \
    -e "s|^    operator: .*|    operator: operator@example.org|" -e "s|^    home: .*|    home: $HONE_HOME|" \
    -e "s|^    state: .*|    state: $HONE_STATE|" "$yaml" >filled-in.yaml
  make_jobs filled-in.yaml jenkins/jobs
  mv jenkins/jobs/hone view
  printf 'HONE_DATA=%s\nHONE_CPUS=1\nHONE_STALL_SECONDS=6\nHONE_TRIALS=3\nHONE_SMTP_URL=%s\n' "$HONE_DATA" "$HONE_SMTP_URL" \
    >state/pipeline.conf
  : >secret
}

# Nothing but what Jenkins gives reaches the jobs.
jenkins() {
  env -i PATH="$PATH" HOME="$HOME" /usr/bin/python3 "$here/runner.py" jenkins "$@" --secret hone-token=secret \
    --secret hone-smtp-password=secret --smtp "127.0.0.1:$(<mail.port)"
}

teardown() {
  if [[ ! ${pipeline:-} ]]; then return; fi
  if ls jenkins/jobs/*/builds/*/log >/dev/null 2>&1; then tail -n 20 jenkins/jobs/*/builds/*/log; fi
  clean_up_pipeline
}

result() { cat "jenkins/jobs/hone-$1/builds/${2:-1}/result"; }

@test "the definitions: no section that nobody reads, no trigger of nothing, no circle" {
  cd "$BATS_TEST_TMPDIR"
  make_jobs "$yaml" out
  [ "$(find out -name config.xml | wc -l)" -eq 7 ]
  /usr/bin/python3 "$here/definitions.py" "$yaml" out
}

@test "the check of the definitions finds each of these" {
  cd "$BATS_TEST_TMPDIR"
  local change words
  while IFS='|' read -r change words; do
    sed -e "$change" "$yaml" >bad.yaml
    rm -rf out
    make_jobs bad.yaml out
    run -1 /usr/bin/python3 "$here/definitions.py" bad.yaml out
    [[ $output == *"$words"* ]] || {
      echo "$change: expected '$words' in: $output"
      return 1
    }
  done <<'END'
0,/    builders:/s//    bilders:/|unknown section bilders
s/^    label: hone/&\n    lable: other/|nothing uses lable
s/next: '{name}-4-tweak'/next: '{name}-4-tweek'/|hone-3-train: no job hone-4-tweek
s/first-job: '{name}-1-poll'/first-job: '{name}-1-pole'/|hone: no job hone-1-pole
s/next: '{name}-5-retrain-or-notify'/next: '{name}-3-train'/|is triggered by what it triggers
/- pollscm/,/- github/d|hone-1-poll: nothing triggers it
END
}

@test "from a push to a mail: below target, retrained, met; figures, artefacts, descriptions" {
  set_up_jenkins
  model 1 0.87 >dev/hone.yaml
  local sha run
  sha=$(push)
  jenkins poll >order
  cat order
  run=$(run_of "$sha")
  [ "$(cut -d ' ' -f 1 <order | tr '\n' ' ')" = "hone-1-poll hone-2-launch hone-3-train hone-4-tweak hone-5-retrain-or-notify " ]
  [ "$(result 1-poll) $(result 2-launch) $(result 3-train) $(result 4-tweak)" = "SUCCESS SUCCESS SUCCESS UNSTABLE" ]
  [ "$(result 5-retrain-or-notify)" = SUCCESS ]
  local before after
  before=$(jq .accuracy_before <"$run/5-retrain-or-notify.json")
  after=$(jq .accuracy <"$run/5-retrain-or-notify.json")
  grep -qx "hone-4-tweak #1: UNSTABLE, commit ${sha:0:12}, accuracy $before, target 0.87" order
  grep -qx "hone-5-retrain-or-notify #1: SUCCESS, commit ${sha:0:12}, accuracy $after, target 0.87" order
  # What is archived are the files of the run; the plot has a row of each build.
  local kept=jenkins/jobs/hone-5-retrain-or-notify/builds/1/archive/results best
  best=$(jq .best <"$run/5-retrain-or-notify.json")
  cmp "$kept/best.safetensors" "$run/trials/trial-$best/best.safetensors"
  cmp "$kept/tweaked.yaml" "$run/trials/trial-$best.yaml"
  cmp jenkins/jobs/hone-3-train/builds/1/archive/results/best.safetensors "$run/trials/trial-0/best.safetensors"
  [ -s "$kept/log.txt" ]
  jq -en "[$(grep 1,accuracy, jenkins/jobs/hone-3-train/plot.csv | cut -d , -f 3), \
    $(grep 1,accuracy, jenkins/jobs/hone-5-retrain-or-notify/plot.csv | cut -d , -f 3)] == [$before, $after]"
  grep -q 'junit: [1-9].* cases, 0 failed' jenkins/jobs/hone-5-retrain-or-notify/builds/1/log
  # One mail, to the developer.
  [ "$(find mails -type f | wc -l)" -eq 1 ]
  grep -q '^X-Envelope-To: dev@example.org' mails/*.eml
  # Nothing new: nothing is built. The clock starts the monitor, which has nothing to do.
  [ -z "$(jenkins poll)" ]
  [ "$(jenkins timer)" = "hone-6-monitor #1: SUCCESS" ]
  [ "$(find mails -type f | wc -l)" -eq 1 ]
}

@test "job 3 and its training are killed: job 6 brings it back, and the mail comes" {
  set_up_jenkins
  model 150 0.1 >dev/hone.yaml
  local sha pid
  sha=$(push)
  jenkins poll >order 3>&- &
  local chain=$!
  wait_until 60 has_checkpoint "$sha"
  pid=$(trainer_pid "$sha" 0)
  kill -STOP "$pid" # it does not end before it is killed
  wait_until 60 test -d jenkins/jobs/hone-3-train/builds/1
  # The training has outlived the build that launched it. Now it dies, and all of the build, as when an agent does.
  [[ $(ps -o stat= -p "$pid") == [RSDT]* ]]
  kill -9 "$pid"
  wait_until 60 kill_build hone-3-train
  wait "$chain"
  cat order
  # What belonged to the build may have gone on for a moment: then it is the clock that starts the monitor that helps.
  if [[ ! -f $(run_of "$sha")/5-retrain-or-notify.json ]]; then jenkins timer; fi
  [ "$(result 3-train) $(result 6-monitor)" = "FAILURE SUCCESS" ]
  [ ! -e jenkins/jobs/hone-4-tweak/builds ]
  [ "$(jq .met <"$(run_of "$sha")/5-retrain-or-notify.json")" = true ]
  [ "$(tensors "$(run_of "$sha")/trials/trial-0/best.safetensors")" = "$(undisturbed)" ]
  [ "$(find mails -type f | wc -l)" -eq 1 ]
}

# kill_build JOB: every process of its build; fails where there is none.
kill_build() {
  local entry found=1
  while read -r entry; do
    entry=${entry#/proc/}
    if kill -9 "${entry%/*}" 2>/dev/null; then found=0; fi
  done < <(grep -lzs "^JENKINS_NODE_COOKIE=$PWD/jenkins/$1-" /proc/[0-9]*/environ)
  return "$found"
}

@test "a commit without a model: job 2 fails, job 6 mails the developer why" {
  set_up_jenkins
  echo nothing >dev/README
  push
  jenkins poll >order
  [ "$(result 2-launch) $(result 6-monitor)" = "FAILURE SUCCESS" ]
  [ "$(find mails -type f | wc -l)" -eq 1 ]
  grep -q '^X-Envelope-To: dev@example.org' mails/*.eml
}

@test "a build that can't do its work is mailed to the operator, once" {
  set_up_jenkins
  echo HONE_TRIALS=none >state/pipeline.conf
  model 1 0.1 >dev/hone.yaml
  push
  jenkins poll
  [ "$(result 1-poll)" = FAILURE ]
  push again
  jenkins poll
  [ "$(result 1-poll 2)" = FAILURE ]
  [ "$(grep -l 'Subject: hone-1-poll, build .: FAILURE' mails/*.eml | wc -l)" -eq 1 ]
  grep -q '^X-Envelope-To: operator@example.org' mails/*.eml
  grep -q "HONE_TRIALS is 'none'" mails/*.eml
}
