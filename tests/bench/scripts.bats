#!/usr/bin/env bats
# bench/run end to end on little; what bench/compare computes from figures, on made-up ones. Peers are not needed.

setup() {
  tools=$HONE_SOURCE_DIR/bench/tools
  cd "$BATS_TEST_TMPDIR" || exit
}

with_tools() {
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$tools python3 -
}

@test "bench/run prints spread and share, and the worst of random shapes" {
  [ "$HONE_BUILD_DIR" = "$HONE_SOURCE_DIR/build/release" ] || skip "bench/run takes the programs of build/release"
  PYTHONDONTWRITEBYTECODE=1 "$HONE_SOURCE_DIR/bench/run" --no-build --filter '^conv/fwd/R3/threads:1$' --repetitions 2 \
    --min-time 0.001 --random 2 --worst 3 --json out.json >out.txt
  grep -E '^conv/fwd/R3/threads:1 .* GFLOP/s +[0-9.]+ %' out.txt
  grep -F '2 random shapes (seed 1)' out.txt
  [ "$(grep -c 'GFLOP/s  [fb]' out.txt)" -eq 3 ]
  jq -e '.cases | length == 1 and .["conv/fwd/R3/threads:1"].values as $v | ($v | length) == 2' out.json
  jq -e '(.random | length) == 6 and .machine.threads >= 1 and .machine.isa != ""' out.json
}

@test "random shapes depend on their seed alone and are possible ones" {
  with_tools <<'PYTHON'
import random_shapes
first = random_shapes.shapes(1, 200)
assert first == random_shapes.shapes(1, 200) and first != random_shapes.shapes(2, 200)
assert len(set(shape[1:] for shape in first)) > 190
assert all(shape[2] % shape[10] == 0 and shape[5] % shape[10] == 0 for shape in first)
assert max(shape[3] for shape in first) >= 112 and min(shape[3] for shape in first) <= 8
PYTHON
}

@test "ratios are against the peer's better direct layout, the median over turns" {
  with_tools <<'PYTHON'
import comparison, measure, targets
measure.threads = lambda: 2
m = comparison.Measured()
m.add_turns({"name": "conv-direct/fwd/V2/threads:2", "unit": "GFLOP/s", "ours": [100, 120, 90], "peak": [200, 200, 300],
             "peers": {"dnnl-blocked": [50] * 3, "dnnl-nhwc": [80, 60, 90], "dnnl-winograd": [400] * 3}})
assert m.ratio("conv-direct/fwd/V2") == 1.25, m.ratio("conv-direct/fwd/V2")
assert m.share("conv-direct/fwd/V2") == 0.5
case = m.cases()["conv-direct/fwd/V2/threads:2"]
assert case["peer"]["name"] == "dnnl-nhwc" and case["median"] == 100 and (case["low"], case["high"]) == (95, 110)
try:
    m.ratio("conv-direct/fwd/V3")
except targets.Missing:
    pass
else:
    raise AssertionError("a case that nobody measured has a ratio")
for threads, value, share in ((1, 10, 0.8), (2, 19, 0.76)):
    m.add({"name": f"train/mnist_lenet/batch:64/threads:{threads}", "items_per_second": value, "peak_share": share})
m.extras["start_ms"] = 20
rows = {row["what"]: row for row in m.rows()}
assert rows["2 threads over 1, LeNet training"]["value"] == 1.9
assert rows["2 threads over 1, LeNet training"]["verdict"] == "goal"
assert rows["2 threads over 1, LeNet training"]["detail"] == "multiply-adds alone 2.00"
assert rows["start of the process"]["verdict"] == "floor"  # less is better
assert rows["peak memory, LeNet/MNIST training"]["verdict"] == "not measured"
PYTHON
}

@test "a program of turns that ends early is a failure that names the case" {
  with_tools <<'PYTHON'
import sys
import measure
program = "import json; print(json.dumps({'name': input()}), flush=True); exit(3)"
with measure.Turns([sys.executable, "-c", program], 0.25) as turns:
    assert turns.take("first") == {"name": "first"}
    try:
        turns.take("second")
    except measure.Failure as failure:
        assert "exit code 3 in its turn with second" in str(failure), failure
    else:
        raise AssertionError("no failure")
PYTHON
}

@test "renewing the results keeps what people wrote around them" {
  cp "$HONE_SOURCE_DIR/bench/RESULTS.md" results.md
  echo 'Notes on what bounds it.' >>results.md
  with_tools <<'PYTHON'
import xml.dom.minidom
import report
machine = dict(date="2025-01-01", cpu="a CPU", threads=2, caches="L1 32K", isa="avx2", compiler="g++ 12", kernel="6", load=0)
case = {"median": 2.0, "low": 1.0, "high": 3.0, "unit": "GFLOP/s", "peak_share": 0.5, "ratio": 1.5,
        "peer": {"name": "dnnl-nhwc", "median": 1.3}}
row = {"what": "a row", "unit": "ratio", "value": 1.5, "floor": 1.0, "goal": 2.0, "verdict": "floor", "detail": ""}
result = {"machine": machine, "peers": "oneDNN 2.6.3", "rounds": 5, "rows": [row], "cases": {"conv/fwd/V2 <x>": case}}
report.update_results("results.md", result)
once = open("results.md").read()
report.update_results("results.md", result)
assert once == open("results.md").read()
assert once.startswith("# Results") and once.endswith("Notes on what bounds it.\n")
assert "| a row | 1.50 | 1.00 | 2.00 | floor |" in once and "| 50 % | 1.3 | dnnl-nhwc | 1.50 |" in once
xml.dom.minidom.parseString(report.plot(result["cases"]))
try:
    open("empty.md", "w").close()
    report.update_results("empty.md", result)
except ValueError:
    pass
else:
    raise AssertionError("a file without marks was accepted")
PYTHON
}
