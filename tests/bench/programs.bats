#!/usr/bin/env bats
# The bench programs: names of cases, counters and context of their JSON, and what they say about bad input. No speeds.

setup() {
  bin=$HONE_BUILD_DIR/bin
  cd "$BATS_TEST_TMPDIR" || exit
  printf '%s\n' '# name N C H W K R S stride pad groups' 'tiny 3 2 6 5 4 3 3 1 1 2' 'other 1 1 4 4 1 2 2 2 0 1' >shapes.txt
  export HONE_BENCH_SHAPES=$PWD/shapes.txt
}

kernels() {
  "$bin/bench_kernels" --benchmark_min_time=0.001 --benchmark_format=json "$@" 2>/dev/null
}

@test "every pass of a shape of one's own, with its counters" {
  kernels --benchmark_filter='^conv/.*/tiny/threads:1' >out.json
  run jq -r '.benchmarks[].name' out.json
  [ "$output" = "conv/fwd/tiny/threads:1/real_time
conv/bwd_data/tiny/threads:1/real_time
conv/bwd_weights/tiny/threads:1/real_time" ]
  jq -e '.benchmarks | all(.GFLOPS > 0 and .peak_share > 0 and .peak_share < 2 and .real_time > 0)' out.json
  # 2 x 3 images x 4 filters x 30 pixels x 1 channel x 9 taps, padding counted, in 1e9 a second.
  jq -e '.benchmarks | all((.GFLOPS * .real_time / (2 * 3 * 4 * 30 * 9)) as $ratio | $ratio > 0.99 and $ratio < 1.01)' out.json
}

@test "the set of kernels is in the context, and HONE_ISA chooses it" {
  HONE_ISA=reference kernels --benchmark_filter='^conv-direct/fwd/tiny/threads:1' >out.json
  jq -e '.context.HONE_ISA == "reference" and (.benchmarks | length) == 1' out.json
}

@test "all cases: convolutions, dense layers, pools, and the machine's own limits" {
  "$bin/bench_kernels" --benchmark_list_tests >names
  grep -qx 'conv/bwd_weights/other/threads:1/real_time' names
  grep -qx 'dense/fwd/LD/threads:1/real_time' names
  grep -qx 'max_pool/bwd_data/VP/threads:1/real_time' names
  grep -qx 'peak/fma/threads:1/real_time' names
  grep -qx 'peak/triad-dram/threads:1/real_time' names
  run grep -c winograd names
  [ "$output" = 0 ]
  unset HONE_BENCH_SHAPES
  "$bin/bench_kernels" --benchmark_list_tests >names
  for shape in L1 L2 V1 V2 V3 V4 R1 R2 R3 S2 P1 I1 I2 D1 B1; do
    grep -qx "conv/fwd/$shape/threads:1/real_time" names
  done
}

@test "dense layers and pools are right on this machine's kernels" {
  kernels --benchmark_filter='^(dense/.*/LO|max_pool/.*/LP)/' >out.json
  jq -e '.benchmarks | length >= 5' out.json
  jq -e '[.benchmarks[] | select(.name | startswith("max_pool")) | .GBs > 0] | all' out.json
}

@test "a shape that can't be is named with its line" {
  printf '%s\n' 'good 1 1 4 4 1 3 3 1 0 1' 'bad 1 3 4 4 2 3 3 1 0 2' >shapes.txt
  run "$bin/bench_kernels" --benchmark_list_tests
  [ "$status" -eq 4 ]
  [[ $output == *"shapes.txt:2: impossible shape; expected groups to divide C and K"* ]]
  printf '%s\n' 'short 1 1 4 4' >shapes.txt
  run "$bin/bench_kernels" --benchmark_list_tests
  [ "$status" -eq 4 ]
  [[ $output == *"shapes.txt:1: shape 'short' has 4 sizes"* ]]
  HONE_BENCH_SHAPES=missing.txt run "$bin/bench_kernels" --benchmark_list_tests
  [ "$status" -eq 6 ]
}

@test "a set of kernels or an option that is unknown: exit code 2" {
  HONE_ISA=mmx run "$bin/bench_kernels" --benchmark_list_tests
  [ "$status" -eq 2 ]
  run "$bin/bench_kernels" --no-such-option
  [ "$status" -eq 2 ]
}

@test "steps of the nets that ship" {
  "$bin/bench_step" --benchmark_list_tests >names
  for name in mnist_lenet cifar10_vgg cifar10_resnet20; do
    grep -q "^train/$name/batch:[0-9]*/threads:1/real_time$" names
    grep -qx "inference/$name/batch:1/threads:1/real_time" names
    grep -qx "inference/$name/batch:256/threads:1/real_time" names
  done
  "$bin/bench_step" --benchmark_filter='/mnist_lenet/batch:(1|64)/threads:1' --benchmark_min_time=0.001 \
    --benchmark_format=json >out.json 2>/dev/null
  jq -e '.benchmarks | length == 2 and all(.items_per_second > 0 and .peak_share > 0 and .bytes > 0)' out.json
}

@test "a turn for each name, and what is no case" {
  printf '%s\n' inference/mnist_lenet/batch:{1,128}/threads:1 inference/mnist_lenet/batch:1/threads:1 |
    "$bin/bench_turns" 0.001 >out.json
  [ "$(jq -r .name out.json | uniq | wc -l)" -eq 3 ]
  jq -es 'length == 3 and all(.items_per_second > 0 and .peak_share > 0 and .peak_share < 2)' out.json
  run "$bin/bench_turns" 0.001 <<<train/nothing
  [ "$status" -eq 2 ]
  [[ $output == *"no case 'train/nothing'"* ]]
  for seconds in 0 -1 1x nan ''; do
    run "$bin/bench_turns" "$seconds" </dev/null
    [ "$status" -eq 2 ]
  done
}
