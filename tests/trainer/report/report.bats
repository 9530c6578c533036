#!/usr/bin/env bats
# The report of a real search: as a parser reads it, and as a browser shows it.

setup_file() {
  cd "$BATS_FILE_TMPDIR" || return
  python3 "$BATS_TEST_DIRNAME/make_data.py" data
  cat >model.yaml <<'TEXT'
name: small
data: {format: idx, path: data, validation: 0.25, normalize: unit}
model:
  layers:
    - conv: {filters: 1, kernel: 3, stride: 2, activation: relu}
    - dense: 4
train: {epochs: 4, batch_size: 16, optimizer: {sgd: {learning_rate: 0.05, momentum: 0.9}}}
target: {at_least: 0.999}
tweak: {allow: [width]}
TEXT
  "$HONE_BUILD_DIR/bin/hone" search model.yaml --out search --trials 2 --quiet >summary || [ "$?" -eq 10 ]
}

setup() {
  cd "$BATS_FILE_TMPDIR" || return
  hone=$HONE_BUILD_DIR/bin/hone
}

# browser ARGUMENT...: a headless one without the network; what the page's console says goes to the file `console`.
browser() {
  HOME=$BATS_TEST_TMPDIR timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$BATS_TEST_TMPDIR/profile" --enable-logging=stderr "$@" 2>"$BATS_TEST_TMPDIR/log"
  grep CONSOLE "$BATS_TEST_TMPDIR/log" >"$BATS_TEST_TMPDIR/console" || true
}

# look FILE WIDTH,HEIGHT SCHEME SLOT...
look() {
  local file=$1 size=$2 dark=()
  shift 2
  if [ "$1" = dark ]; then dark=(--blink-settings=preferredColorScheme=0); fi
  browser "${dark[@]}" --window-size="$size" --screenshot="$BATS_TEST_TMPDIR/picture.png" "file://$PWD/$file"
  cat "$BATS_TEST_TMPDIR/console"
  [ ! -s "$BATS_TEST_TMPDIR/console" ]
  /usr/bin/python3 "$BATS_TEST_DIRNAME/look_at_page.py" "$BATS_TEST_TMPDIR/picture.png" "$@"
}

@test "search writes its report, and hone report writes the same" {
  "$hone" report search --out again.html
  cmp search/report.html again.html
  grep -q "^report: search/report.html$" summary
}

@test "train writes its report" {
  "$hone" train model.yaml --out run --quiet
  "$hone" report run --out again.html
  cmp run/report.html again.html
  rm run/report.html
  "$hone" train model.yaml --out run --quiet --resume
  cmp run/report.html again.html
}

@test "the page loads nothing, runs nothing, and its policy names its style" {
  python3 "$BATS_TEST_DIRNAME/parse_page.py" search/report.html
  sed 's/<body>/<body onload="x()"><script>x()<\/script>/' search/report.html >bad.html
  run python3 "$BATS_TEST_DIRNAME/parse_page.py" bad.html
  [ "$status" -eq 1 ]
  sed 's/margin: 0;/margin: 1px;/' search/report.html >bad.html
  run python3 "$BATS_TEST_DIRNAME/parse_page.py" bad.html
  [ "$status" -eq 1 ]
}

@test "a browser shows the curves of every trial, and nothing beside the cards" {
  look search/report.html 1200,4200 light 0 1 2
}

@test "in a dark scheme, too" {
  look search/report.html 1200,4200 dark 0 1 2
}

@test "on a narrow screen, too" {
  look search/report.html 520,6000 light narrow 0 1 2
}

@test "a run by itself" {
  "$hone" report "search/$("$hone" report search --out again.html --json | jq -r .best)" --out one.html
  look one.html 1200,4200 light 1
}

@test "a browser refuses a style that the policy does not name" {
  sed 's/--bg: #f4f6f8/--bg: #ff0000/' search/report.html >bad.html
  run look bad.html 1200,4200 light 0 1 2
  [ "$status" -ne 0 ]
  [[ $output == *"Content Security Policy"* ]]
}

@test "hostile trials are shown as text" {
  cp -r search hostile
  rm hostile/trial-1/metrics.json hostile/trial-2/history.csv
  ln -s /etc/passwd hostile/trial-2/history.csv
  mkdir hostile/trial-3
  sed -i '1s/.*/# <script>x()<\/script>: <b>, because <img src=x>/' hostile/trial-1/source.yaml
  "$hone" report hostile --out hostile.html --text hostile.txt --mail hostile.mail
  python3 "$BATS_TEST_DIRNAME/parse_page.py" hostile.html
  browser --dump-dom "file://$PWD/hostile.html" >dom
  [ ! -s "$BATS_TEST_TMPDIR/console" ]
  grep -qF '&lt;script&gt;x()&lt;/script&gt;' dom
  grep -q 'history.csv: is a symbolic link' dom
  grep -q 'nothing there' dom
  run grep -cE '<(script|img|b)\b' dom hostile.mail
  [ "$status" -eq 1 ]
  run grep -c 'root:' dom hostile.txt hostile.mail
  [ "$status" -eq 1 ]
}
