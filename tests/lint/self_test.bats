#!/usr/bin/env bats
# Every lint passes a good tree and fails a bad one.
# ctest-labels: lint

setup() {
  lint=$BATS_TEST_DIRNAME
  tree=$BATS_TEST_TMPDIR/tree
  mkdir -p "$tree"/{engine/base,engine/graph,engine/kernels/isa,trainer/run,trainer/config,pipeline,tests}
  cp "$lint/../../.clang-format" "$tree/"
  echo 'Start with pipeline/quickstart, then tests/run.' >"$tree/README.md"
  local folder script
  for folder in engine engine/base engine/graph engine/kernels trainer trainer/run trainer/config pipeline tests; do
    echo '# A folder' >"$tree/$folder/README.md"
  done
  for script in pipeline/quickstart tests/run; do
    printf '#!/usr/bin/env bash\nset -Eeuo pipefail\necho hello\n' >"$tree/$script"
    chmod +x "$tree/$script"
  done
  echo 'int one();' >"$tree/engine/base/one.hpp"
  printf '#include "engine/base/one.hpp"\n\nint two() { return 2 * one(); }\n' >"$tree/engine/graph/two.cpp"
}

# fails LINT TEXT: the lint fails, and says so.
fails() {
  run "$lint/$1" "$tree"
  [ "$status" -eq 1 ] || return 1
  [[ $output == *"$2"* ]] || {
    echo "expected '$2' in: $output"
    return 1
  }
}

@test "a good tree passes" {
  local name
  for name in format shell includes words tree; do
    run "$lint/$name" "$tree"
    [ "$status" -eq 0 ] || {
      echo "$name: $output"
      return 1
    }
  done
}

@test "format: wrong spacing" {
  echo 'int  three( );' >"$tree/engine/base/three.hpp"
  fails format engine/base/three.hpp:1
}

@test "shell: an unquoted variable" {
  # shellcheck disable=SC2016 # the sample's variable
  printf '#!/usr/bin/env bash\nrm $1\n' >"$tree/pipeline/bad"
  fails shell SC2086
}

@test "shell: indented by four" {
  printf '#!/bin/sh\nif true; then\n    echo yes\nfi\n' >"$tree/pipeline/bad"
  fails shell shfmt
}

@test "includes: upward" {
  touch "$tree/engine/graph/graph.hpp"
  echo '#include "engine/graph/graph.hpp"' >"$tree/engine/base/bad.hpp"
  fails includes 'engine/base/bad.hpp:1: engine/base is below engine/graph'
}

@test "includes: in a circle" {
  echo '#include "trainer/run/a.hpp"' >"$tree/trainer/config/a.hpp"
  echo '#include "trainer/config/a.hpp"' >"$tree/trainer/run/a.hpp"
  fails includes 'include each other'
}

@test "includes: not from the root of the tree" {
  echo '#include "one.hpp"' >"$tree/engine/base/bad.hpp"
  fails includes 'not a file of this tree'
}

@test "includes: a library where it may not be" {
  local line
  for line in '#include <yaml-cpp/yaml.h>' '#include <cxxopts.hpp>' '#include <stb/stb_image.h>' '#include <omp.h>' \
    '#pragma omp parallel' '#include <xsimd/xsimd.hpp>' '#include <immintrin.h>' '#include <gtest/gtest.h>' \
    '#include <benchmark/benchmark.h>'; do
    echo "$line" >"$tree/engine/graph/bad.cpp"
    fails includes 'engine/graph/bad.cpp:1:'
  done
}

@test "includes: nlohmann-json in a header, fmt in a kernel" {
  echo '#include <nlohmann/json.hpp>' >"$tree/trainer/run/bad.hpp"
  fails includes trainer/run/bad.hpp:1
  echo '#include <fmt/core.h>' >"$tree/engine/kernels/bad.cpp"
  fails includes engine/kernels/bad.cpp:1
}

@test "words: reminders and paths of one machine" {
  local text
  for text in "TO""DO later" "FIX""ME" "good enough for"" now" "cd /wor""k/here" "/roo""t/.cache" "see /hom""e/someone"; do
    echo "// $text" >"$tree/engine/base/bad.hpp"
    fails words engine/base/bad.hpp:1
  done
}

@test "words: an address is not a path" {
  echo 'See https://example.org/wor''k/ and build/wor''k/x.' >"$tree/engine/README.md"
  run "$lint/words" "$tree"
  [ "$status" -eq 0 ]
}

@test "tree: a README is missing" {
  rm "$tree/trainer/run/README.md"
  touch "$tree/trainer/run/a.cpp"
  fails tree 'trainer/run/: has no README.md'
}

@test "tree: a command is not named" {
  echo 'Start with tests/run.' >"$tree/README.md"
  fails tree 'README.md: does not name pipeline/quickstart'
}

@test "tree: a large file" {
  truncate -s 2M "$tree/engine/large.bin"
  fails tree 'engine/large.bin: 2097152 bytes'
}

# archive SOURCE: compiles it as engine/kernels/isa/avx2.cpp into $BATS_TEST_TMPDIR/lib.a.
archive() {
  echo "$1" >"$tree/engine/kernels/isa/avx2.cpp"
  g++ -O0 -c -o "$BATS_TEST_TMPDIR/avx2.cpp.o" "$tree/engine/kernels/isa/avx2.cpp"
  ar rcs "$BATS_TEST_TMPDIR/lib.a" "$BATS_TEST_TMPDIR/avx2.cpp.o"
}

@test "isa_symbols: an inline function without its ISA" {
  [ "$(uname -m)" = x86_64 ] || skip "the sample is x86-64"
  archive 'inline int leaked(int x) { return x + 1; } int f(int x) { return leaked(x); }'
  run "$lint/isa_symbols" "$tree" "$BATS_TEST_TMPDIR/lib.a"
  [ "$status" -eq 1 ]
  [[ $output == *_Z6leakedi* ]]
}

@test "isa_symbols: another ISA's template" {
  [ "$(uname -m)" = x86_64 ] || skip "the sample is x86-64"
  archive 'struct sse2 {}; template <class A> int g(int x) { return x; } int f(int x) { return g<sse2>(x); }'
  run "$lint/isa_symbols" "$tree" "$BATS_TEST_TMPDIR/lib.a"
  [ "$status" -eq 1 ]
}

@test "isa_symbols: templates on the ISA pass" {
  [ "$(uname -m)" = x86_64 ] || skip "the sample is x86-64"
  archive 'struct avx2 {}; template <class A> int g(int x) { return x; } int f(int x) { return g<avx2>(x); }'
  run "$lint/isa_symbols" "$tree" "$BATS_TEST_TMPDIR/lib.a"
  [ "$status" -eq 0 ]
}

@test "isa_symbols: the object is missing" {
  [ "$(uname -m)" = x86_64 ] || skip "the sample is x86-64"
  archive 'int f() { return 1; }'
  ar d "$BATS_TEST_TMPDIR/lib.a" avx2.cpp.o
  run "$lint/isa_symbols" "$tree" "$BATS_TEST_TMPDIR/lib.a"
  [ "$status" -eq 1 ]
}
