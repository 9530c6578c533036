#!/usr/bin/env bats
# datasets/fetch, with sources that are files of the test's own: no network.

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  unset HONE_DATA XDG_CACHE_HOME
  export HOME=$BATS_TEST_TMPDIR/home
  mkdir home bin datasets mirror
  cp "$BATS_TEST_DIRNAME/../../datasets/fetch" datasets/
  printf 'some images' >mirror/images
  printf 'some labels, more of them' >mirror/labels
  gzip -k mirror/images mirror/labels
  mkdir -p inside/package/data
  cp mirror/images mirror/labels inside/package/data/
  tar -czf mirror/set.tgz -C inside package
  # npm pack as it behaves: the package becomes a file in the current folder.
  # shellcheck disable=SC2016
  printf '#!/bin/sh\n[ "$1" = pack ] || exit 1\necho "$@" >>"%s/npm-calls"\ncp "%s/mirror/set.tgz" ./toy-1.0.0.tgz\n' \
    "$PWD" "$PWD" >bin/npm
  printf '#!/bin/sh\nexit 1\n' >bin/node
  chmod +x bin/npm bin/node
  PATH=$PWD/bin:$PATH
  describe "gzip file://$PWD/mirror/{file}.gz"
}

# describe SOURCE...: writes the description of the set `toy`.
describe() {
  {
    printf 'name: toy\nformat: idx\nclasses:\n  - a b\nfiles:\n'
    printf '  - images %s %s\n' "$(stat -c %s mirror/images)" "$(sha256sum <mirror/images | cut -d ' ' -f 1)"
    printf '  - labels %s %s\n' "$(stat -c %s mirror/labels)" "$(sha256sum <mirror/labels | cut -d ' ' -f 1)"
    printf 'sources:\n'
    printf '  - %s\n' "$@"
  } >datasets/toy.yaml
}

# The set is complete in folder $1, and nothing else was left there but the lock.
assert_complete() {
  cmp "$1/toy/images" mirror/images
  cmp "$1/toy/labels" mirror/labels
  [ "$(find "$1" -mindepth 1 | sort | paste -sd ' ')" = "$1/.toy.lock $1/toy $1/toy/images $1/toy/labels" ]
}

@test "the folder: --into, HONE_DATA, XDG_CACHE_HOME, home" {
  [ "$(datasets/fetch toy)" = "$HOME/.cache/hone/toy" ]
  XDG_CACHE_HOME=relative datasets/fetch toy
  [ ! -e relative ]
  [ "$(XDG_CACHE_HOME=$PWD/xdg datasets/fetch toy)" = "$PWD/xdg/hone/toy" ]
  [ "$(HONE_DATA=$PWD/data XDG_CACHE_HOME=$PWD/xdg2 datasets/fetch toy)" = "$PWD/data/toy" ]
  [ "$(HONE_DATA=$PWD/data2 datasets/fetch toy --into "$PWD/a folder")" = "$PWD/a folder/toy" ]
  [ ! -e data2 ]
  assert_complete "$HOME/.cache/hone"
  assert_complete "$PWD/a folder"
}

@test "the second time nothing is touched, and no source is needed" {
  datasets/fetch toy --into out
  local before
  before=$(stat -c '%n %y %i' out out/toy/*)
  rm -r mirror/*.gz
  run datasets/fetch toy --into out
  [ "$status" -eq 0 ]
  [ "$output" = out/toy ]
  [ "$(stat -c '%n %y %i' out out/toy/*)" = "$before" ]
}

@test "each kind of source" {
  local source
  for source in "plain file://$PWD/mirror/{file}" "npm toy@1.0.0 package/data" \
    "archive file://$PWD/mirror/set.tgz $(sha256sum <mirror/set.tgz | cut -d ' ' -f 1) package/data"; do
    describe "$source"
    rm -rf out
    datasets/fetch toy --into out
    assert_complete out
  done
  [[ $(cat npm-calls) == "pack "*"--ignore-scripts"*" -- toy@1.0.0" ]]
}

@test "a package that needs a converter" {
  # shellcheck disable=SC2016
  printf '#!/bin/sh\n[ -f "$1" ] || exit 1\ncp "$2/images" "$2/labels" "$3"\n' >bin/node
  touch datasets/toy.mjs
  describe "npm toy@1.0.0 package/data toy.mjs"
  datasets/fetch toy --into out
  assert_complete out
}

@test "sources are tried in order until one gives the right bytes" {
  mkdir bad
  printf 'some imagfs' | gzip >bad/images.gz
  cp mirror/labels.gz bad/
  describe "gzip file://$PWD/none/{file}.gz" "gzip file://$PWD/bad/{file}.gz" "gzip file://$PWD/mirror/{file}.gz" \
    "npm toy@1.0.0 package/data"
  run datasets/fetch toy --into out
  [ "$status" -eq 0 ]
  [[ $output == *none*"did not work"*bad*"wrong images (sha256 or size)"*mirror* ]]
  [ ! -e npm-calls ]
  assert_complete out
}

@test "wrong bytes are never put in place" {
  mkdir bad
  head -c 1000000 /dev/zero | gzip >bad/images.gz
  cp mirror/labels.gz bad/
  describe "gzip file://$PWD/bad/{file}.gz" "archive file://$PWD/mirror/set.tgz $(printf '0%.0s' {1..64}) package/data"
  run datasets/fetch toy --into out
  [ "$status" -eq 4 ]
  [[ $output == *"no source gave it"* ]]
  [[ $output == *"another checksum"* ]]
  [ ! -e out/toy ]
}

@test "a link in an archive is not followed" {
  rm inside/package/data/images
  ln -s "$PWD/mirror/images" inside/package/data/images
  tar -czf mirror/set.tgz -C inside package
  describe "npm toy@1.0.0 package/data"
  run datasets/fetch toy --into out
  [ "$status" -eq 4 ]
  [ ! -e out/toy ]
}

@test "damaged and missing files are fetched again, good ones and others stay" {
  datasets/fetch toy --into out
  printf 'some imagfs' >out/toy/images
  printf 'my notes' >out/toy/notes
  local before
  before=$(stat -c '%y %i' out/toy/labels)
  datasets/fetch toy --into out
  cmp out/toy/images mirror/images
  [ "$(cat out/toy/notes)" = "my notes" ]
  [ "$(stat -c '%y %i' out/toy/labels)" = "$before" ]
  rm out/toy/labels
  datasets/fetch toy --into out
  cmp out/toy/labels mirror/labels
}

@test "what a killed fetch left is replaced" {
  mkdir -p out/.toy.partial out/.toy.work
  printf 'half' >out/.toy.partial/images
  datasets/fetch toy --into out
  assert_complete out
}

@test "killed while downloading, the set is not there" {
  # A curl that writes half a file and waits.
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nwhile [ "$1" != --output ]; do shift; done\nprintf half >"$2"\ntouch "%s/started"\nexec sleep 60\n' \
    "$PWD" >bin/curl
  chmod +x bin/curl
  setsid datasets/fetch toy --into out 3>&- &
  local fetch=$!
  until [ -e started ]; do sleep 0.05; done
  kill -9 -- "-$fetch"
  wait "$fetch" || true
  [ ! -e out/toy ]
  rm bin/curl
  datasets/fetch toy --into out
  assert_complete out
}

@test "two at once: one fetches, the other waits for it" {
  local curl
  curl=$(command -v curl)
  printf '#!/bin/sh\necho call >>"%s/curl-calls"\nsleep 0.3\nexec "%s" "$@"\n' "$PWD" "$curl" >bin/curl
  chmod +x bin/curl
  datasets/fetch toy --into out 3>&- >first 2>&1 &
  local first=$!
  datasets/fetch toy --into out 3>&- >second 2>&1
  wait "$first"
  [ "$(wc -l <curl-calls)" -eq 2 ] # one a file
  assert_complete out
}

@test "without a tool its sources are skipped; wget does where there is no curl" {
  local tool
  mkdir tools
  for tool in bash env cat gzip head tar sha256sum stat mkdir mv rm flock df tail dirname paste basename timeout find cp; do
    ln -s "$(command -v "$tool")" tools/
  done
  describe "gzip file://$PWD/mirror/{file}.gz" "npm toy@1.0.0 package/data"
  PATH=$PWD/tools run datasets/fetch toy --into out --no-install
  [ "$status" -eq 4 ]
  [[ $output == *"skipping gzip"*"a tool is missing"* ]]
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nfor last; do :; done\nwhile :; do case $1 in --output-document=*) to=${1#*=}; break ;; esac; shift; done\ncp "${last#file://}" "$to"\n' \
    >tools/wget
  chmod +x tools/wget
  ln -s "$(command -v sh)" tools/sh
  PATH=$PWD/tools datasets/fetch toy --into out --no-install
  assert_complete out
}

@test "npm is installed last, and only where it is needed" {
  local tool
  mkdir tools
  for tool in bash sh env cat gzip head tar sha256sum stat mkdir mv rm flock df tail dirname paste basename timeout find cp; do
    ln -s "$(command -v "$tool")" tools/
  done
  # apt-get makes npm and node appear; sudo does what it is told.
  printf '#!/bin/sh\necho "$@" >>"%s/apt-calls"\ncase "$*" in *install*) cp "%s"/bin/npm "%s"/bin/node "%s/tools/" ;; esac\n' \
    "$PWD" "$PWD" "$PWD" "$PWD" >tools/apt-get
  printf '#!/bin/sh\nshift\nexec "$@"\n' >tools/sudo
  chmod +x tools/apt-get tools/sudo
  describe "npm toy@1.0.0 package/data" "gzip file://$PWD/none/{file}.gz"
  PATH=$PWD/tools run datasets/fetch toy --into out --no-install
  [ "$status" -eq 4 ]
  [ ! -e apt-calls ]
  PATH=$PWD/tools datasets/fetch toy --into out
  assert_complete out
  [[ $(cat apt-calls) == *"update"*"install --yes --no-install-recommends npm ca-certificates" ]]
}

@test "the environment's proxies and certificates reach the tools" {
  # shellcheck disable=SC2016
  printf '#!/bin/sh\necho "$https_proxy $CURL_CA_BUNDLE" >"%s/seen"\nexit 1\n' "$PWD" >bin/curl
  # shellcheck disable=SC2016
  printf '#!/bin/sh\necho "$https_proxy $NODE_EXTRA_CA_CERTS" >"%s/npm-seen"\nexit 1\n' "$PWD" >bin/npm
  chmod +x bin/curl
  describe "gzip file://$PWD/mirror/{file}.gz" "npm toy@1.0.0 package/data"
  https_proxy=http://proxy:1 CURL_CA_BUNDLE=/a/ca NODE_EXTRA_CA_CERTS=/b/ca run datasets/fetch toy --into out
  [ "$status" -eq 4 ]
  [ "$(cat seen)" = "http://proxy:1 /a/ca" ]
  [ "$(cat npm-seen)" = "http://proxy:1 /b/ca" ]
}

@test "wrong use and wrong descriptions" {
  run datasets/fetch
  [ "$status" -eq 2 ]
  [[ $output == *toy* ]]
  run datasets/fetch ../toy
  [ "$status" -eq 2 ]
  run datasets/fetch tay
  [ "$status" -eq 2 ]
  [[ $output == *"no data set 'tay'; expected one of: toy"* ]]
  run datasets/fetch toy --onto out
  [ "$status" -eq 2 ]
  run datasets/fetch toy toy
  [ "$status" -eq 2 ]
  printf 'surprise\n' >>datasets/toy.yaml
  run datasets/fetch toy --into out
  [ "$status" -eq 4 ]
  [[ $output == *"toy.yaml:10: 'surprise'"* ]]
  describe "carrier pigeon"
  run datasets/fetch toy --into out
  [ "$status" -eq 4 ]
  [[ $output == *"unknown kind of source 'carrier'"* ]]
}

@test "a folder that can't be written is exit code 6" {
  touch file
  run datasets/fetch toy --into file/sub
  [ "$status" -eq 6 ]
  [[ $output == *"can't be written"* ]]
}

@test "the data sets that ship are listed and well formed" {
  cd "$BATS_TEST_DIRNAME/../../datasets" || return
  [ "$(./fetch --list | paste -sd ' ')" = "$(printf '%s\n' *.yaml | sed 's/\.yaml$//' | paste -sd ' ')" ]
  # shellcheck source=datasets/fetch
  source ./fetch
  local file
  for file in *.yaml; do
    read_description "$file"
    ((${#sources[@]} > 0))
    for source in "${sources[@]}"; do [ "$(type -t "source_${source%% *}")" = function ]; done
    grep -qxF "name: ${file%.yaml}" "$file"
  done
}
