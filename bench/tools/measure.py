"""Building the bench programs, running them, and what the figures were measured on."""
import json
import os
import platform
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "release")
OUT = os.path.join(ROOT, "build", "bench")


class Failure(Exception):
    """One line for the user."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    if done.returncode:
        tail = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Failure(f"{command[0]} ended with exit code {done.returncode}: {tail[0] if tail else 'no message'}")
    return done.stdout


def build(*targets):
    say("building " + " ".join(targets))
    run(["cmake", "--preset", "release"], cwd=ROOT)
    run(["cmake", "--build", "--preset", "release", "--target", *targets], cwd=ROOT)


def program(name):
    return os.path.join(BUILD, "bin", name)


def threads():
    return len(os.sched_getaffinity(0))


def google_benchmark(command, pattern, min_time, repetitions=1, environment=None):
    """Cases of a Google Benchmark program whose name matches: (context, [entry of each run])."""
    text = run(
        [*command, f"--benchmark_filter={pattern}", f"--benchmark_min_time={min_time}", "--benchmark_format=json",
         f"--benchmark_repetitions={repetitions}", "--benchmark_enable_random_interleaving=false"],
        env={**os.environ, **(environment or {})},
    )
    if not text.strip():
        return {}, []  # nothing matches
    result = json.loads(text)
    entries = [
        {**entry, "name": entry["name"].removesuffix("/real_time")}
        for entry in result["benchmarks"]
        if entry.get("run_type", "iteration") == "iteration" and not entry.get("error_occurred")
    ]
    return result["context"], entries


class Turns:
    """A program that does a turn for each name of a case on its stdin: bench_turns, torch_step.py."""

    def __init__(self, command, seconds, **options):
        self.name = os.path.basename(command[-1])
        self.process = subprocess.Popen([*command, str(seconds)], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **options)

    def take(self, case):
        try:
            print(case, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # there is no answer either
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.name} ended with exit code {self.process.wait()} in its turn with {case}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def names(command):
    text = run([*command, "--benchmark_list_tests"])
    return [line.removesuffix("/real_time") for line in text.split()]


# What a case is measured by: counter and unit, the first that it has. More is better.
METRICS = (("items_per_second", "images/s"), ("GFLOPS", "GFLOP/s"), ("GBs", "GB/s"))


def figure(entry):
    for counter, unit in METRICS:
        if counter in entry:
            return entry[counter], unit
    raise Failure(f"{entry['name']} has none of the counters GFLOPS, GBs, items_per_second")


def spread(values):
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {"median": quartiles[1], "low": quartiles[0], "high": quartiles[2], "min": min(values), "max": max(values),
            "values": list(values)}


def geometric_mean(values):
    return statistics.geometric_mean(values)


def machine(isa):
    """What the figures depend on."""
    def read(path):
        try:
            with open(path, encoding="utf-8") as opened:
                return opened.read().strip()
        except OSError:
            return ""

    model = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), platform.machine())
    caches = []
    base = "/sys/devices/system/cpu/cpu0/cache"
    for index in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        level, size = read(f"{base}/{index}/level"), read(f"{base}/{index}/size")
        if size and read(f"{base}/{index}/type") != "Instruction":
            caches.append(f"L{level} {size}")
    compiler = next((line.split("=", 1)[1] for line in read(os.path.join(BUILD, "CMakeCache.txt")).splitlines()
                     if line.startswith("CMAKE_CXX_COMPILER:")), "")
    version = run([compiler, "-dumpfullversion", "-dumpversion"]).strip() if compiler else "unknown"
    return {
        "cpu": model,
        "threads": threads(),
        "caches": ", ".join(caches) or "unknown",
        "isa": isa,
        "compiler": f"{os.path.basename(compiler) or 'unknown'} {version}",
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def write_json(path, value):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as opened:
        json.dump(value, opened, indent=1)
        opened.write("\n")
    os.replace(path + ".part", path)
