#!/usr/bin/env bats
# The Jenkinsfile under a strict stand-in for declarative Pipeline, and under npm-groovy-lint. tests/run --full has both.

bats_require_minimum_version 1.5.0
load ../support

setup() {
  [[ ${HONE_FULL:-} ]] || skip "NOT TESTED: takes a minute; tests/run --full or HONE_FULL=1 has it"
  here=$HONE_SOURCE_DIR/tests/pipeline/jenkins
  jenkinsfile=$HONE_SOURCE_DIR/pipeline/jenkins/Jenkinsfile
  cd "$BATS_TEST_TMPDIR" || return
  [[ $BATS_TEST_DESCRIPTION == npm* ]] && return
  command -v groovy >/dev/null || skip "NOT TESTED: groovy is missing; tests/install-dependencies --only jenkins"
  JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  export JAVA_HOME
}

# A home with scripts that only note that they were called; FAIL names one that fails with CODE.
set_up_stub() {
  mkdir -p home/pipeline/jenkins
  cat >home/pipeline/jenkins/step.sh <<'TEXT'
#!/bin/sh
echo "$1 $HONE_REPO $HONE_BRANCH" >>"$WORKSPACE/../called"
mkdir -p "$WORKSPACE/results"
TEXT
  chmod +x home/pipeline/jenkins/step.sh
  git init --quiet ws
  git -C ws -c user.name=A -c user.email=a@example.org commit --quiet --allow-empty --message one
}

# build FILE [FAILING-COMMAND CODE]: the Jenkinsfile as a build of branch main.
build() {
  : >secret
  env -i PATH="$PATH" HOME="$HOME" JAVA_HOME="$JAVA_HOME" WORKSPACE="$PWD/ws" BRANCH_NAME=main SCM_URL="file://$PWD/served.git" \
    HONE_HOME="${HONE_HOME:-$PWD/home}" HONE_STATE="$PWD/state" HONE_MAIL_TO=dev@example.org SECRET="$PWD/secret" \
    JENKINS_NODE_COOKIE=build groovy "$here/declarative.groovy" "$@"
}

stages() { grep -E '^(stage|post|result)' <<<"$1" | tr '\n' ';'; }

@test "stages, conditions and post actions: below the target" {
  set_up_stub
  run -0 build "$jenkinsfile" '4-tweak' 10
  [ "${lines[0]}" = "agent label hone" ]
  [ "$(stages "$output")" = "stage 1 poll;stage 2 launch;stage 3 train;stage 4 tweak;stage 5 retrain;stage 5 notify: skipped by when;post always;result SUCCESS;" ]
  [ "$(tr '\n' ';' <called)" = "1-poll file://$PWD/served.git main;2-launch file://$PWD/served.git main;3-train file://$PWD/served.git main;5-retrain-or-notify file://$PWD/served.git main;" ]
}

@test "stages, conditions and post actions: met at once" {
  set_up_stub
  run -0 build "$jenkinsfile"
  [ "$(stages "$output")" = "stage 1 poll;stage 2 launch;stage 3 train;stage 4 tweak;stage 5 retrain: skipped by when;stage 5 notify;post always;result SUCCESS;" ]
}

@test "stages, conditions and post actions: a job fails, the monitor goes on" {
  set_up_stub
  run -1 build "$jenkinsfile" '3-train' 137
  [ "$(stages "$output")" = "stage 1 poll;stage 2 launch;stage 3 train;stage 4 tweak: skipped after a failure;stage 5 retrain: skipped after a failure;stage 5 notify: skipped after a failure;post always;post failure;result FAILURE;" ]
  [ "$(tail -n 1 called)" = "6-monitor file://$PWD/served.git main" ]
  run -1 build "$jenkinsfile" '4-tweak' 6
  [[ $output == *"failed: job 4 failed with exit code 6"*"post failure"* ]]
}

@test "the stand-in refuses what is unknown, or where it does not belong" {
  set_up_stub
  local change
  while read -r change; do
    sed -e "$change" "$jenkinsfile" >Bad
    cmp -s Bad "$jenkinsfile" && return 1
    run -2 build Bad
    [[ $output == *refused:* ]] || return 1
  done <<'END'
s/stages {/stagez {/
s/archiveArtifacts(/archiveArtefacts(/
s/allowEmptyArchive/allowEmptyArchives/
s/agent { label 'hone' }//
s/credentials('hone-token')/credentials('hone-tokens')/
0,/steps {/s//when {/
END
}

@test "from a push to a mail with the real scripts" {
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  set_up_pipeline
  start_mail_server
  model 1 0.87 >dev/hone.yaml
  local sha
  sha=$(push)
  git clone --quiet served.git ws
  mkdir -p state
  printf 'HONE_DATA=%s\nHONE_CPUS=1\nHONE_TRIALS=3\nHONE_SMTP_URL=%s\n' "$HONE_DATA" "$HONE_SMTP_URL" >state/pipeline.conf
  run -0 build "$jenkinsfile"
  [ "$(jq .met <"$(run_of "$sha")/5-retrain-or-notify.json")" = true ]
  [[ $output == *"stage 5 retrain"*"junit results/gate.xml: 0 failed"* ]]
  [ "$(find mails -type f | wc -l)" -eq 1 ]
  clean_up_pipeline
}

@test "npm-groovy-lint has nothing to say" {
  command -v npm >/dev/null || skip "NOT TESTED: npm is missing"
  npm install --ignore-scripts --no-audit --no-fund --silent npm-groovy-lint@16 >npm.log 2>&1 || skip "NOT TESTED: npm can't install npm-groovy-lint"
  cp "$jenkinsfile" Jenkinsfile
  node_modules/.bin/npm-groovy-lint --noserver --no-insight --failon warning Jenkinsfile
}
