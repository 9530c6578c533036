#!/usr/bin/env bats
# What the first README shows works.

setup() {
  readme=$HONE_SOURCE_DIR/README.md
  cd "$BATS_TEST_TMPDIR" || return
}

@test "the model is one that hone takes" {
  # shellcheck disable=SC2016 # Markdown's own quotes
  sed -n '/^```yaml$/,/^```$/p' "$readme" | sed '1d;$d' >model.yaml
  [ -s model.yaml ]
  run "$HONE_BUILD_DIR/bin/hone" inspect model.yaml
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"kind: cnn"* ]]
}

@test "every command of hone that it names exists" {
  run "$HONE_BUILD_DIR/bin/hone" --help
  local command commands
  mapfile -t commands < <(grep -oE '\bhone (train|evaluate|predict|gate|tweak|search|inspect|report|datasets|schema|info)\b' \
    "$readme" | cut -d' ' -f2 | sort -u)
  [ "${#commands[@]}" -gt 4 ]
  for command in "${commands[@]}"; do
    [[ $output == *"  $command "* ]] || {
      echo "no command $command"
      return 1
    }
  done
}

@test "every file that it links to exists" {
  local file
  grep -oE '\]\([^)#:]+\)' "$readme" | tr -d '()]' >links
  [ -s links ]
  while read -r file; do
    [ -e "$HONE_SOURCE_DIR/$file" ] || {
      echo "no file $file"
      return 1
    }
  done <links
}
