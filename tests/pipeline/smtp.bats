#!/usr/bin/env bats
# A mail server that asks for a password: given only over TLS, to a certificate that is trusted, and seen by nobody.

bats_require_minimum_version 1.5.0
load support

setup() {
  set_up_pipeline
  export HONE_SMTP_USER='dev "x" \y' HONE_SMTP_PASSWORD_FILE=$PWD/password
  # Of two halves, so that no command line of this test has it.
  password='pass "word" '
  password+='\n 123'
  printf '%s\nand no more\n' "$password" >password
  printf '%s\n%s\n' "$HONE_SMTP_USER" "$password" >login
  certificate 127.0.0.1
  export CURL_CA_BUNDLE=$PWD/127.0.0.1.pem
}

teardown() {
  if [[ ${decoy:-} ]]; then kill "$decoy" 2>/dev/null || true; fi
  clean_up_pipeline
}

# certificate ADDRESS: ADDRESS.pem and ADDRESS.key, trusted by who is told of them.
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
    -addext "subjectAltName = IP:$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}

# ended SHA: a run of which only the mail is missing.
ended() {
  local folder
  folder=$(run_of "$1")
  mkdir -p "$folder"
  echo '{"author": "A", "address": "dev@example.org", "subject": "S"}' >"$folder/1-poll.json"
  echo '{"met": false, "exit": 3, "error": "the model is wrong"}' >"$folder/result.json"
}

sha() { printf "$1%.0s" {1..40}; }

# notify N: of run N. The exit code is job 5's.
notify() {
  ended "$(sha "$1")"
  # shellcheck disable=SC2154 # set_up_pipeline sets it
  "$pipeline/jobs/5-retrain-or-notify.sh" "$(sha "$1")"
}

mails() { find mails -type f | wc -l; }

@test "the mail is sent, and no process shows the password" {
  start_mail_server 0 127.0.0.1.pem 127.0.0.1.key login
  notify 1
  [ "$(jq -r .mail <"$(run_of "$(sha 1)")/5-retrain-or-notify.json")" = sent ]
  [ "$(mails)" -eq 1 ]
  grep -q '^X-Envelope-To: dev@example.org' mails/*.eml
  [ -e shown ]
  [ ! -s shown ]
  # The server would have seen one that does.
  python3 -c 'import time; time.sleep(60)' "$password" 3>&- &
  decoy=$!
  notify 2
  grep -qx "$decoy cmdline" shown
  [ "$(mails)" -eq 2 ]
}

@test "a wrong password, or none, is named, and the mail comes when it is right" {
  start_mail_server 0 127.0.0.1.pem 127.0.0.1.key login
  echo wrong >password
  run -6 notify 1
  [[ $output == *"refuses HONE_SMTP_USER or its password"* ]]
  rm password
  run -3 notify 1
  [[ $output == *"HONE_SMTP_PASSWORD_FILE is '$PWD/password'"* ]]
  [ "$(mails)" -eq 0 ]
  printf '%s\n' "$password" >password
  notify 1
  [ "$(mails)" -eq 1 ]
}

@test "a certificate that is not trusted, or another server's, gets neither password nor mail" {
  start_mail_server 0 127.0.0.1.pem 127.0.0.1.key login
  certificate 127.0.0.2
  CURL_CA_BUNDLE=$PWD/127.0.0.2.pem run -6 notify 1
  [[ $output == *"certificate that is not trusted"* ]]
  stop_mail_server
  rm mail.port
  start_mail_server 0 127.0.0.2.pem 127.0.0.2.key login
  CURL_CA_BUNDLE=$PWD/127.0.0.2.pem run -6 notify 1
  [[ $output == *"certificate that is not trusted"* ]]
  [ ! -e shown ]
  [ "$(mails)" -eq 0 ]
}

@test "a server without TLS gets neither password nor mail" {
  start_mail_server
  run -6 notify 1
  [[ $output == *"offers no TLS"* ]]
  [ "$(mails)" -eq 0 ]
}
