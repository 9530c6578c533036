#!/usr/bin/env bats
# ctest-labels: long
# What a repository or a program may try: contained, named in one line, and the next push works.

bats_require_minimum_version 1.5.0
load support

setup() {
  "$HONE_SOURCE_DIR/datasets/fetch" mnist >/dev/null
  set_up_pipeline
  export HONE_STALL_SECONDS=3 HONE_RESTARTS=1
}

teardown() {
  if mountpoint --quiet state; then umount state; fi
  if [[ -f log ]]; then cat log; fi
  clean_up_pipeline
}

# run_pipeline CODE: the newest push, to the end.
run_pipeline() {
  local code=0
  # shellcheck disable=SC2154 # set_up_pipeline sets it
  "$pipeline/pipeline" run >>log 2>&1 || code=$?
  [ "$code" -eq "$1" ]
}

# Whatever was pushed before, and took nothing with it.
next_push_works() {
  find dev -mindepth 1 -maxdepth 1 ! -name .git -exec rm -rf {} +
  model 1 0.1 >dev/hone.yaml
  push >/dev/null
  run_pipeline 0
  nothing_was_run
}

nothing_was_run() { [ -z "$(find "$BATS_TEST_TMPDIR" "$HONE_SOURCE_DIR" -name 'pwned*' -print -quit 2>/dev/null)" ]; }

# program TARGET: standard input is a Python program that is trained.
program() {
  cat >dev/main.py
  cat >dev/hone.yaml <<TEXT
program:
  command: [python3, main.py]
  parameters: {rate: {type: real, low: 0.1, high: 1, default: 0.5}}
target: {at_least: $1}
TEXT
}

# error_of SHA: what the mail of a run that failed says.
error_of() { jq -r .error <"$(run_of "$1")/5-retrain-or-notify.json"; }

# The mail of commit $1: its headers by name, then the text parts.
mail_of() {
  /usr/bin/python3 - "$HONE_STATE/outbox/$1.eml" <<'TEXT'
import email, email.policy, sys
message = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
assert not message.defects, message.defects
print("headers", " ".join(message.keys()))
print("to", message["To"])
for part in message.walk():
    if part.get_content_maintype() == "text":
        print(part.get_content())
TEXT
}

@test "names, texts and authors with shell metacharacters and line ends are only names" {
  # shellcheck disable=SC2016 # not to be expanded
  local bad='$(touch pwned1)`touch pwned2`;touch pwned3|touch pwned4&'
  { printf "name: '%s'\n" "$bad" && model 1 0.1 | sed 1d; } | sed 's/$/\r/' >dev/hone.yaml
  : >"dev/$bad"
  : >"dev/"$'line\nend\r'
  : >dev/-rf
  printf 'exit 1\n' >dev/'*'
  git -C dev add --all
  local tree sha
  tree=$(git -C dev write-tree)
  sha=$(printf 'tree %s\nauthor %s\rBcc: evil@example.org <dev@example.org> 1700000000 +0000\ncommitter c <c@d> 1700000000 +0000\n\nsubject %s\rBcc: evil@example.org\n' \
    "$tree" "$bad" "$bad" | git -C dev hash-object -t commit -w --stdin)
  git -C dev push --quiet origin "$sha:refs/heads/main"
  HONE_MAIL_TO=author run_pipeline 0
  nothing_was_run
  mail_of "$sha" >text
  grep -qx 'headers From To Subject Date Message-ID Auto-Submitted MIME-Version Content-Type' text
  grep -qx 'to dev@example.org' text
  run ! grep -q '^Bcc' text
}

@test "an address that is none, or several, gets no mail" {
  model 1 0.1 >dev/hone.yaml
  local sha
  git config --file gitconfig user.email 'dev@example.org, evil@example.org'
  sha=$(push)
  HONE_MAIL_TO=author HONE_SMTP_URL=smtp://127.0.0.1:1 run_pipeline 0
  mail_of "$sha" | grep -qx 'to undisclosed-recipients:;'
}

@test "branches are polled by their whole name, whatever it is" {
  # shellcheck disable=SC2016 # not to be expanded
  local branch='$(touch${IFS}pwned)' sha
  model 1 0.1 >dev/hone.yaml
  sha=$(push one)
  git -C dev push --quiet origin "HEAD:refs/heads/$branch"
  HONE_BRANCH=$branch "$pipeline/jobs/1-poll.sh"
  [ "$(jq -r .branch <"$(run_of "$sha")/1-poll.json")" = "$branch" ]
  # shellcheck disable=SC2016 # not to be expanded
  HONE_BRANCH='$(touch pwned)' run -3 "$pipeline/jobs/1-poll.sh"
  HONE_BRANCH='-main' run -3 "$pipeline/jobs/1-poll.sh"
  HONE_BRANCH='mai*' run -3 "$pipeline/jobs/1-poll.sh"
  # Its name ends like that of the branch that is polled.
  git -C dev commit --quiet --allow-empty --message other
  git -C dev push --quiet origin HEAD:refs/heads/a/refs/heads/main
  [ "$("$pipeline/jobs/1-poll.sh")" = "$sha" ]
  nothing_was_run
}

@test "HONE_MODEL stays inside the repository" {
  local name sha
  for name in /etc/passwd ../hone.yaml a/../../hone.yaml .. $'a\nb'; do
    HONE_MODEL=$name run -3 "$pipeline/jobs/1-poll.sh"
    [[ $output == *"HONE_MODEL is"*"expected a path inside the repository"* ]]
  done
  # shellcheck disable=SC2016 # not to be expanded
  name='-- $(touch pwned) "x'\''.yaml'
  model 1 0.1 >"dev/$name"
  sha=$(push)
  "$pipeline/jobs/1-poll.sh"
  HONE_MODEL=$name "$pipeline/jobs/2-launch.sh"
  [ "$(jq -r .kind <"$(run_of "$sha")/2-launch.json")" = dense ]
  nothing_was_run
}

@test "data outside of the repository are refused" {
  local sha
  model 1 0.1 | sed "s|{dataset: mnist|{format: idx, path: $HONE_DATA/mnist|" >dev/hone.yaml
  sha=$(push)
  run_pipeline 3
  [[ $(error_of "$sha") == *"$HONE_DATA/mnist"* ]]
  next_push_works
}

@test "links, submodules, filters and hooks are bytes or nothing" {
  ln -s /etc/passwd dev/hone.yaml
  ln -s /etc dev/folder
  printf '*.txt filter=evil ident eol=crlf export-subst\n*.bin filter=lfs diff=lfs\n' >dev/.gitattributes
  # shellcheck disable=SC2016 # git's own
  printf '$Id$ $Format:%%H$\n' >dev/a.txt
  printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >dev/a.bin
  mkdir -p dev/hooks dev/.githooks
  printf '#!/bin/sh\ntouch %q/pwned\n' "$PWD" | tee dev/hooks/post-checkout >dev/.githooks/post-checkout
  chmod +x dev/hooks/* dev/.githooks/*
  printf '[submodule "s"]\n\tpath = s\n\turl = file://%s/served.git\n' "$PWD" >dev/.gitmodules
  git config --file gitconfig filter.evil.smudge "touch $PWD/pwned"
  git config --file gitconfig filter.evil.clean cat
  git -C dev add --all
  git -C dev update-index --add --cacheinfo "160000,$(printf '1%.0s' {1..40}),s"
  git -C dev commit --quiet --message links
  git -C dev push --quiet origin HEAD:refs/heads/main
  local sha checkout
  sha=$(git -C dev rev-parse HEAD)
  run_pipeline 3
  checkout=$(run_of "$sha")/checkout
  [ -z "$(find "$checkout" ! -type f ! -type d)" ]
  [ "$(<"$checkout/hone.yaml")" = /etc/passwd ]
  [ "$(<"$checkout/folder")" = /etc ]
  [ ! -e "$checkout/s" ] || [ -z "$(ls -A "$checkout/s")" ]
  cmp "$checkout/a.txt" dev/a.txt
  cmp "$checkout/a.bin" dev/a.bin
  run ! grep -rq root: "$(run_of "$sha")" log
  next_push_works
}

@test "a file of a gigabyte is refused by its name" {
  local sha blob
  # It is served from where it is made: to push it would take as long as to fetch it.
  blob=$(python3 "$HONE_SOURCE_DIR/tests/pipeline/large_blob.py" served.git 1073741824)
  sha=$(git --git-dir=served.git commit-tree -m large \
    "$(printf '100644 blob %s\tweights.bin\n' "$blob" | git --git-dir=served.git mktree)")
  git --git-dir=served.git update-ref refs/heads/main "$sha"
  run_pipeline 4
  [[ $(error_of "$sha") == *"weights.bin is 1073741824"*"at most 536870912"* ]]
  [ ! -e "$(run_of "$sha")/checkout" ]
  next_push_works
}

@test "a tree of ten thousand million files is refused" {
  local sha tree
  tree=$(git -C dev mktree </dev/null)
  for _ in {1..11}; do
    tree=$(for name in {0..9}; do printf '040000 tree %s\t%s\n' "$tree" "$name"; done | git -C dev mktree)
  done
  sha=$(git -C dev commit-tree -m bomb "$tree")
  git -C dev push --quiet origin "$sha:refs/heads/main"
  run_pipeline 4
  [[ $(error_of "$sha") == *"more than 20000 files"* ]]
  next_push_works
}

@test "a program writes nowhere but to its folder, has no network, no processes of others and no rights" {
  start_mail_server
  program 0.5 <<TEXT
import json, os, socket, sys
tried = {}
def attempt(name, call):
    try:
        call()
        tried[name] = "done"
    except OSError as error:
        tried[name] = error.strerror or str(error)
def write(folder):
    return lambda: open(os.path.join(folder, "pwned"), "w").close()
for folder in ["/", "/usr", "/etc", "/dev", "/proc/sys/kernel", "/home", os.getcwd(), os.environ["HONE_DATA"],
               "/sys/fs/cgroup"]:
    attempt("write " + folder, write(folder))
attempt("loopback", lambda: socket.create_connection(("127.0.0.1", ${HONE_SMTP_URL##*:}), 2))
attempt("internet", lambda: socket.create_connection(("1.1.1.1", 80), 2))
attempt("memory", lambda: open("/dev/shm/x", "wb").write(b"x" * (300 << 20)))
attempt("root", lambda: os.chroot("/tmp"))
attempt("kill", lambda: os.kill($$, 9))
out = os.environ["HONE_OUT"]
os.symlink("/etc/passwd", out + "/link")
os.mkfifo(out + "/pipe")
open(out + "/rights", "w").close()
os.chmod(out + "/rights", 0o4755)
print("\x1b[2J\x1b]0;title\x07 screen", flush=True)
tried["environment"] = sorted(os.environ)
json.dump(tried, open(out + "/tried.json", "w"))
json.dump({"status": "finished", "accuracy": 0.9, "validation_accuracy": 0.9}, open(out + "/metrics.json", "w"))
TEXT
  local sha out
  sha=$(push)
  HONE_SMTP_PASSWORD_FILE=/secret SECRET=x run_pipeline 0
  out=$(run_of "$sha")/trials/trial-0
  jq . "$out/tried.json"
  [ "$(jq '[del(.environment)[] | select(. == "done")] | length' <"$out/tried.json")" -eq 0 ]
  [ "$(jq 'del(.environment) | length' <"$out/tried.json")" -eq 14 ]
  [ "$(jq -c '[.environment[] | select(test("SMTP|SECRET|TOKEN"))]' <"$out/tried.json")" = '[]' ]
  # What it leaves is data.
  [ -z "$(find "$out" ! -type f ! -type d)" ]
  [ -z "$(find "$out" -perm /7000)" ]
  grep -q 'trial 0: left 2 links, pipes or sockets' log
  run ! grep -q $'\x1b' log
  nothing_was_run
}

@test "what a program leaves in place of its metrics is not read" {
  local kind sha
  for kind in 'os.symlink("/etc/passwd", out + "/metrics.json"); os.mkfifo(out + "/events.jsonl")' \
    'open(out + "/metrics.json", "w").truncate(3 << 30)' \
    'open(out + "/metrics.json", "w").write("{\"status\": \"finished\", \"accuracy\": NaN}"); os.chmod(out + "/metrics.json", 0)'; do
    program 0.5 <<<"import os; out = os.environ['HONE_OUT']; $kind"
    sha=$(push)
    run_pipeline 4
    [[ $(error_of "$sha") == *"can't be judged: "*metrics.json* ]]
    run ! grep -q root: log
  done
  next_push_works
}

@test "a program that forks for ever ends" {
  if ((EUID == 0)) && [[ ! -w /sys/fs/cgroup/pids/cgroup.procs && ! -w /sys/fs/cgroup/cgroup.procs ]]; then
    skip "root without control groups: there is no limit of processes"
  fi
  local sha
  program 0.5 <<<'
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.5)'
  sha=$(push)
  HONE_PIDS=30 HONE_STALL_SECONDS=1 "$pipeline/pipeline" run >>log 2>&1 &
  local job=$! most=0 now code=0
  while kill -0 "$job" 2>/dev/null; do
    now=$(grep -lsz main.py /proc/[0-9]*/cmdline | wc -l)
    if ((now > most)); then most=$now; fi
    sleep 0.2
  done
  wait "$job" || code=$?
  [ "$code" -eq 137 ]
  echo "at most $most processes"
  ((most > 1 && most <= 34)) # with those that watch it
  [[ $(error_of "$sha") == *"no sign of life"* ]]
  [ -z "$(pgrep -f "bwrap.*$(run_of "$sha")")" ]
  next_push_works
}

@test "a program that fills its folder, and says that it lives in the future, ends" {
  local sha
  program 0.5 <<'TEXT'
import os, time
out = os.environ["HONE_OUT"]
for i in range(100100):
    open(f"{out}/{i}", "w").close()
while True:
    open(out + "/events.jsonl", "a").close()
    os.utime(out + "/events.jsonl")
    time.sleep(0.5)
TEXT
  sha=$(push)
  HONE_STALL_SECONDS=60 run_pipeline 6
  [[ $(error_of "$sha") == *"more than 100000 files"* ]]
  [ ! -e "$(run_of "$sha")/trials/trial-0" ]
  program 0.5 <<'TEXT'
import os, time
open(os.environ["HONE_OUT"] + "/events.jsonl", "w").close()
os.utime(os.environ["HONE_OUT"] + "/events.jsonl", (4e9, 4e9))
time.sleep(600)
TEXT
  sha=$(push)
  HONE_STALL_SECONDS=1 run_pipeline 137
  [[ $(error_of "$sha") == *"no sign of life"* ]]
}

@test "a full disk is named, and when there is room again the run goes on" {
  mkdir state
  mount -t tmpfs -o size=16m tmpfs state 2>/dev/null || skip "no file system can be mounted here"
  model 1 0.1 >dev/hone.yaml
  push
  dd if=/dev/zero of=state/filler bs=4k 2>/dev/null || true
  local code=0
  "$pipeline/pipeline" run 2>log || code=$?
  rm state/filler
  [ "$code" -eq 6 ]
  run_pipeline 0
}
