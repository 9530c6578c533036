#!/usr/bin/env bats
# What shortens the wait for the next poll: the git hook and the webhook's receiver.

bats_require_minimum_version 1.5.0
load support

setup() {
  pipeline=$HONE_SOURCE_DIR/pipeline
  cd "$BATS_TEST_TMPDIR" || return
  export HONE_STATE=$PWD/state
  mkdir state
}

teardown() {
  if [[ ${receiver:-} ]]; then kill "$receiver" 2>/dev/null || true; fi
}

start_receiver() {
  printf 'a secret\nmore\n' >secret
  HONE_WEBHOOK_SECRET_FILE=$PWD/secret "$pipeline/webhook" --listen 127.0.0.1:0 --port-file port 3>&- 2>log &
  receiver=$!
  wait_until 60 test -s port
}

# post BODY HEADER...: prints the HTTP status.
post() {
  local body=$1 header
  local -a headers=()
  shift
  for header; do headers+=(--header "$header"); done
  curl --silent --output /dev/null --write-out '%{http_code}' --data-binary "$body" "${headers[@]}" "http://127.0.0.1:$(<port)/"
}

signature() { printf '%s' "$1" | openssl dgst -sha256 -hmac "$2" | sed 's/.* //'; }

@test "a signed request is a hint to poll" {
  start_receiver
  [ "$(post '{"ref": 1}' "X-Hub-Signature-256: sha256=$(signature '{"ref": 1}' 'a secret')")" = 204 ]
  [ -e state/poke ]
  rm state/poke
  [ "$(post x "X-Gitea-Signature: $(signature x 'a secret')")" = 204 ]
  [ -e state/poke ]
}

@test "a request that is not signed, or wrongly, is refused" {
  start_receiver
  [ "$(post x)" = 403 ]
  [ "$(post x "X-Hub-Signature-256: sha256=$(signature x other)")" = 403 ]
  [ "$(post y "X-Hub-Signature-256: sha256=$(signature x 'a secret')")" = 403 ]
  [ "$(post x 'X-Hub-Signature-256: sha256=')" = 403 ]
  [ "$(post x "X-Hub-Signature-256: $(printf '\303\244')")" = 403 ]
  [ "$(post x 'Content-Length: 99999999')" = 413 ]
  [ ! -e state/poke ]
}

@test "without a secret it does not start" {
  HONE_WEBHOOK_SECRET_FILE='' run -3 "$pipeline/webhook"
  : >secret
  HONE_WEBHOOK_SECRET_FILE=secret run -3 "$pipeline/webhook"
  HONE_WEBHOOK_SECRET_FILE=none run -6 "$pipeline/webhook"
  run -2 "$pipeline/webhook" --listen nowhere
}

@test "the git hook is a hint to poll" {
  git init --quiet --bare served.git
  ln -s "$pipeline/hooks/post-receive" served.git/hooks/post-receive
  git init --quiet dev
  git -C dev -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m one
  git -C dev push --quiet "$PWD/served.git" HEAD:main
  [ -e state/poke ]
}

@test "every setting is in the example with its default, and nothing else is" {
  # shellcheck source=pipeline/lib/settings.sh
  source "$pipeline/lib/settings.sh"
  while read -r name _ default; do
    if [[ $name ]]; then printf '%s=%s\n' "$name" "$default"; fi
  done <<<"$settings_table" | sort >table
  grep '^HONE_' "$pipeline/pipeline.conf.example" | sort >example
  diff table example
}

@test "a setting that is misspelt, wrong or there twice is named with its line" {
  export HONE_CONF=$PWD/conf HONE_REPO=/nowhere
  local bad
  for bad in 'HONE_BRANHC=main' 'HONE_TARGET=nan' 'HONE_TARGET=100.0' 'HONE_TARGET=0' 'HONE_ENGINE=rkt' 'HONE_TRIALS=-1' 'no'; do
    printf '# a comment\n%s\n' "$bad" >conf
    run -3 "$pipeline/jobs/1-poll.sh"
    [[ $output == *"${bad%%=*}"* && $output == *expected* ]]
    [[ $output == *conf:2* ]]
  done
}
