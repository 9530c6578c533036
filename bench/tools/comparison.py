"""Ours and the peers' figures, case by case, measured alternately."""
import json
import os
import re
import statistics
import tempfile
import time

import measure
import targets

DEBIAN_PYTHON = "/usr/bin/python3"  # the one that has Debian's PyTorch
STEP_TURN = 0.25  # seconds; a step may take longer
TORCH_STEP = os.path.join(measure.ROOT, "bench", "peers", "torch_step.py")


class Measured:
    """What targets.py asks for."""

    def __init__(self):
        # By case with /threads:n: a value a turn.
        self.ours, self.shares, self.units = {}, {}, {}
        self.peers = {}  # by case: {peer: [value a turn]}
        self.extras, self.versions = {}, {}

    def add(self, entry):
        value, unit = measure.figure(entry)
        self.ours.setdefault(entry["name"], []).append(value)
        self.units[entry["name"]] = unit
        if "peak_share" in entry:
            self.shares.setdefault(entry["name"], []).append(entry["peak_share"])

    def add_peer(self, peer, case, entry):
        self.peers.setdefault(case, {}).setdefault(peer, []).append(measure.figure(entry)[0])

    def add_turns(self, case):
        """A line of bench_peers."""
        name = case["name"]
        self.units[name] = case["unit"]
        self.ours.setdefault(name, []).extend(case["ours"])
        self.shares.setdefault(name, []).extend(ours / peak for ours, peak in zip(case["ours"], case["peak"]))
        for peer, rates in case["peers"].items():
            self.peers.setdefault(name, {}).setdefault(peer, []).extend(rates)

    @staticmethod
    def with_threads(case):
        return case if "/threads:" in case else f"{case}/threads:{measure.threads()}"

    def best_peer(self, case):
        """The peer's direct kernel in its better layout. Winograd is shown, but nobody is measured by it."""
        peers = {name: values for name, values in self.peers.get(case, {}).items()
                 if not name.endswith("-winograd")}
        if not peers:
            raise targets.Missing(case)
        return max(peers.items(), key=lambda peer: statistics.median(peer[1]))

    def ratio(self, case):
        case = self.with_threads(case)
        if case not in self.ours:
            raise targets.Missing(case)
        _, theirs = self.best_peer(case)
        return statistics.median([a / b for a, b in zip(self.ours[case], theirs)])

    def share(self, case):
        case = self.with_threads(case)
        if case not in self.shares:
            raise targets.Missing(case)
        return statistics.median(self.shares[case])

    def by_threads(self, values, case):
        """For each turn: with all threads, with one."""
        many, one = f"{case}/threads:{measure.threads()}", f"{case}/threads:1"
        if measure.threads() != 2 or many not in values or one not in values:
            raise targets.Missing(case)
        return zip(values[many], values[one])

    def scaling(self, case):
        return statistics.median([many / one for many, one in self.by_threads(self.ours, case)])

    def peak_scaling(self, case):
        """What the machine's multiply-adds did in the same turns."""
        peaks = {name: [rate / share for rate, share in zip(self.ours[name], shares)]
                 for name, shares in self.shares.items()}
        return statistics.median([many / one for many, one in self.by_threads(peaks, case)])

    def both(self, case):
        case = self.with_threads(case)
        name, theirs = self.best_peer(case)
        return f"{statistics.median(self.ours[case]):,.0f} images/s, {name} {statistics.median(theirs):,.0f}"

    def extra(self, name):
        if name not in self.extras:
            raise targets.Missing(name)
        return self.extras[name]

    def cases(self):
        """{case: spread, unit, peak_share, ratio, peer}, for JSON."""
        found = {}
        for name, values in self.ours.items():
            case = found[name] = {**measure.spread(values), "unit": self.units[name]}
            if name in self.shares:
                case["peak_share"] = statistics.median(self.shares[name])
            try:
                peer, theirs = self.best_peer(name)
            except targets.Missing:
                continue
            case["peer"] = {"name": peer, **measure.spread(theirs)}
            case["ratio"] = self.ratio(name)
            case["peers"] = {other: statistics.median(runs) for other, runs in self.peers[name].items()}
        return found

    def rows(self):
        rows = []
        for row in targets.ROWS:
            value, verdict, detail = None, "not measured", ""
            try:
                value = row.value(self)
                verdict, detail = row.verdict(value), row.detail(self) if row.detail else ""
            except targets.Missing:
                pass
            rows.append({"what": row.what, "unit": row.unit, "value": value, "floor": row.floor, "goal": row.goal,
                         "verdict": verdict, "detail": detail})
        return rows


def measure_kernels(measured, options):
    lines = measure.run([measure.program("bench_peers"), options.filter, str(options.min_time)]).splitlines()
    context, cases = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    measured.versions.update({"isa": context["isa"], "oneDNN": context["onednn"]})
    for case in cases:
        measured.add_turns(case)


def measure_steps(measured, options):
    nets = {}
    for name in measure.names([measure.program("bench_step")]):
        if re.search(options.filter, name):
            nets.setdefault("/".join(name.split("/")[:3]), []).append(name)
    torch = [DEBIAN_PYTHON, TORCH_STEP]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    for cases in nets.values():
        with measure.Turns([measure.program("bench_turns")], STEP_TURN) as ours, \
                measure.Turns(torch, STEP_TURN, env=environment) as theirs:
            for _ in range(max(1, round(options.step_time / STEP_TURN))):
                for case in cases:
                    measured.add(ours.take(case))
                    entry = theirs.take(case)
                    measured.add_peer("torch", case, entry)
                    measured.versions["PyTorch"] = entry["torch"]


def measure_process(measured, options):
    """Start of the process; memory of a real training where its data set is at hand."""
    hone = measure.program("hone")
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        measure.run([hone, "info"])
        seconds.append(time.perf_counter() - start)
    measured.extras["start_ms"] = 1e3 * statistics.median(seconds)
    if not options.train:
        return
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        config = os.path.join(measure.ROOT, "trainer", "configs", "mnist_lenet.yaml")
        try:
            measure.run([hone, "train", config, "--out", run, "--quiet", "--set", "train.epochs=1"])
        except measure.Failure as failure:
            measure.say(f"training is left out: {failure}")
            return
        with open(os.path.join(run, "metrics.json"), encoding="utf-8") as opened:
            metrics = json.load(opened)
    measured.extras["memory_mib"] = metrics["peak_rss_bytes"] / 2**20
    measured.extras["train_images_per_second"] = metrics["images_per_second"]
