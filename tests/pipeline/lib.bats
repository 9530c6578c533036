#!/usr/bin/env bats
# Functions of pipeline/lib by themselves.

bats_require_minimum_version 1.5.0
load support

setup() {
  set_up_pipeline
  # shellcheck source=pipeline/lib/all.sh disable=SC2154 # set_up_pipeline sets it
  source "$pipeline/lib/all.sh"
  load_settings
  commit=$(printf 'a%.0s' {1..40}) run=$HONE_STATE/runs/$commit
  mkdir -p "$run/trials"
}

teardown() {
  local name
  if declare -F engine_remove >/dev/null; then for name in $(engine_list); do engine_remove "$name"; done; fi
}

@test "which exits start a training again, how often, and after how long" {
  local code
  HONE_RESTARTS=3
  for code in 0 2 3 4 7 10; do run -1 restart_delay "$code" 0; done
  for code in 1 5 9 126 127; do
    [ "$(restart_delay "$code" 0)" = 1 ]
    run -1 restart_delay "$code" 1
  done
  for code in 6 128 129 130 137 143 199 200 255; do
    [ "$(restart_delay "$code" 0) $(restart_delay "$code" 1) $(restart_delay "$code" 2)" = "1 2 4" ]
    run -1 restart_delay "$code" 3
  done
  HONE_RESTARTS=100
  [ "$(restart_delay 137 5) $(restart_delay 137 6) $(restart_delay 137 99)" = "32 60 60" ]
}

# The mail that compose makes, as a strict reader takes it: headers, then the parts that are text.
read_mail() {
  compose "$@" | sed 's/$/\r/' >mail.eml
  /usr/bin/python3 - mail.eml <<'TEXT'
import email, email.policy, sys
raw = open(sys.argv[1], "rb").read()
raw.decode("ascii")
assert max(map(len, raw.splitlines())) <= 76, max(raw.splitlines(), key=len)
message = email.message_from_bytes(raw, policy=email.policy.default)
for name, value in message.items():
    print(f"{name}: {value}")
for part in message.walk():
    assert not part.defects, part.defects
    if part.get_content_maintype() == "text" and not part.get_filename():
        print(part.get_content_type(), part.get_content(), sep="\n")
TEXT
}

# what_was_pushed AUTHOR SUBJECT
what_was_pushed() {
  # shellcheck disable=SC2016 # for jq
  jq -n --arg author "$1" --arg subject "$2" '{$author, $subject, address: "dev@example.org"}' >"$run/1-poll.json"
  jq -n '{met: true, accuracy: 0.91, accuracy_before: 0.5, target: 0.9, best: 0, ended_because: "the target is met"}' >"$run/result.json"
}

@test "a mail: line ends, quotes, markup and letters of the world stay what they are, and where they are" {
  # shellcheck disable=SC2016 # not to be expanded
  what_was_pushed $'Zoë "Z" \\ Ünal\r\nBcc: evil@example.org' $'a\n\nb <script>alert(1)</script> & `touch pwned` $(touch pwned) 学习'
  HONE_BRANCH='größe "x", <evil@example.org>'
  read_mail dev@example.org >text
  cat text
  [ "$(sed -n '1,/^text/s/^\([A-Za-z-]*\): .*/\1/p' text | tr '\n' ' ')" = \
    "From To Subject Date Message-ID Auto-Submitted MIME-Version Content-Type " ]
  grep -qx 'To: dev@example.org' text
  grep -qxF "Subject: hone: target met, accuracy 0.91 ($HONE_BRANCH, ${commit:0:12})" text
  grep -qxF 'author      Zoë "Z" \ Ünal??Bcc: evil@example.org' text
  # shellcheck disable=SC2016 # not to be expanded
  grep -qxF 'subject     a??b <script>alert(1)</script> & `touch pwned` $(touch pwned) 学习' text
  grep -qx 'accuracy on the test split: 0.5 before, 0.91 now; target 0.9' text
  sed -n '/^text\/html/,$p' text >html
  [ -s html ]
  grep -qF '&lt;script&gt;alert(1)&lt;/script&gt; &amp; `touch' html
  run ! grep -q '<script' html
  [ ! -e pwned ]
}

@test "a subject of any length is folded into words that a header may have" {
  local text
  what_was_pushed a b
  for text in '' x "$(printf 'ß%.0s' {1..299})" "$(printf '🙂%.0s' {1..100})" "$(printf 'word %.0s' {1..60})"; do
    HONE_BRANCH=$text
    read_mail dev@example.org | grep -qxF "Subject: hone: target met, accuracy 0.91 ($text, ${commit:0:12})"
  done
}

@test "only an address that is one is a receiver" {
  local address
  [ "$(mail_receiver)" = dev@example.org ]
  HONE_MAIL_TO=author
  for address in other@example.org first.last+tag@mail.example.org; do
    jq -n --arg address "$address" '{$address}' >"$run/1-poll.json"
    [ "$(mail_receiver)" = "$address" ]
  done
  # shellcheck disable=SC2016 # not to be expanded
  for address in '' author a@b,c@d $'a@b\nc@d' $'a@b\r' '<a@b>' 'a b@c' 'a@b c' '@b' 'a@' '"a"@b' '$(id)@b'; do
    jq -n --arg address "$address" '{$address}' >"$run/1-poll.json"
    [ -z "$(mail_receiver)" ]
  done
}

@test "a member is read as jq reads it, however the file is written" {
  local name value
  # shellcheck disable=SC2016 # for jq
  jq -n --arg odd $'a "quoted" \\ \t line\nend, {"name": 1}' '{number: 0.875, whole: 3, yes: true, no: false, none: null, empty: "",
    text: "a: \"b", plain: "x, y: z,", odd: $odd, list: [1, "2"], nested: {name: "inner", text: "no"}, name: "outer", last: "ß"}' >pretty
  jq -c . pretty >compact
  for name in $(jq -r 'keys[]' pretty) missing; do
    # shellcheck disable=SC2016 # for jq
    value=$(jq -r --arg name "$name" '.[$name] | if . == null then "" else tostring end' <pretty)
    [ "$(member pretty "$name")" = "$value" ]
    [ "$(member compact "$name")" = "$value" ]
  done
  [ -z "$(member no-such-file name)" ]
}

@test "text from outside is one line without control characters, and no longer than it may be" {
  [ "$(plain $'a\tb\nc\e[2Jd\x7f')" = 'a?b?c?[2Jd?' ]
  [ "$(plain 'größe 学习')" = 'größe 学习' ]
  [ "$(plain "$(printf 'x%.0s' {1..1000})" | wc -c)" -eq 300 ]
}

@test "a name that another one begins with is not that one" {
  export HONE_ENGINE=process
  use_engine
  launch_kind=program launch_repo=r launch_commit=$commit launch_attempt=1 launch_checkout=$PWD/dev launch_out=$PWD/out
  launch_log=$PWD/log launch_files=() launch_env=() launch_command=(sleep 60)
  mkdir out
  engine_launch hone-abc-10
  [ "$(engine_state hone-abc-1)" = missing ]
  engine_signal hone-abc-1 KILL
  engine_remove hone-abc-1
  [ "$(engine_state hone-abc-10)" = running ]
  engine_launch hone-abc-1
  [ "$(engine_list | tr '\n' ' ')" = 'hone-abc-1 hone-abc-10 ' ]
  engine_remove hone-abc-1
  [ "$(engine_state hone-abc-1) $(engine_state hone-abc-10)" = 'missing running' ]
}

@test "what was changed on the way to a model, and only that" {
  local step
  for step in '1 null width' '2 trial-1 rate' '3 trial-1 depth' '4 trial-3 epochs'; do
    # shellcheck disable=SC2016 # for jq
    jq -n --arg step "$step" '$step | split(" ") | {rule: .[2], change: "a -> b", reason: "it\nis low",
      base: (if .[1] == "null" then null else "/runs/x/trials/" + .[1] end)}' >"$run/trials/trial-${step%% *}.step"
  done
  [ "$(steps_to 4)" = $'- width: a -> b, because it?is low\n- depth: a -> b, because it?is low\n- epochs: a -> b, because it?is low' ]
  [ -z "$(steps_to 0)" ]
}
