"""What has to be reached: one row each, computed from what was measured.

`ratio(case)` is ours over the peer's best for one case, `share(case)` of the measured peak; both raise Missing where it
was not measured.
"""
from dataclasses import dataclass
from typing import Callable

import measure

PASSES = ("fwd", "bwd_data", "bwd_weights")
MANY_CHANNELS = ("V2", "V3", "V4", "R3", "I1", "I2", "B1")
WINOGRAD = ("V2", "V3", "V4", "I1", "I2", "R2", "R3")
ODD_CHANNELS = ("L2", "O1", "O2", "O3")


class Missing(Exception):
    """What a row needs and nobody measured."""


@dataclass(frozen=True)
class Row:
    what: str
    unit: str  # ratio, share, ms, MiB
    floor: float
    goal: float
    value: Callable  # of a Measured
    detail: Callable = None  # a short text beside the figure

    @property
    def less_is_better(self):
        return self.unit in ("ms", "MiB")

    def verdict(self, value):
        def reaches(limit):
            return value <= limit if self.less_is_better else value >= limit

        return "goal" if reaches(self.goal) else "floor" if reaches(self.floor) else "below"


def mean_of(op, shapes, passes):
    return lambda m: measure.geometric_mean([m.ratio(f"{op}/{p}/{s}") for s in shapes for p in passes])


def lowest_of(op, shapes, passes):
    def text(m):
        low, name = min((m.ratio(f"{op}/{p}/{s}"), s) for s in shapes for p in passes)
        return f"lowest {low:.2f} ({name})"

    return text


def direct(kernel_pass):
    return Row(f"direct convolution, >= 64 channels, {kernel_pass}", "ratio", 0.93, 1.0,
               mean_of("conv-direct", MANY_CHANNELS, (kernel_pass,)),
               lowest_of("conv-direct", MANY_CHANNELS, (kernel_pass,)))


def winograd(kernel_pass):
    return Row(f"3x3 with Winograd over oneDNN direct, {kernel_pass}", "ratio", 1.5, 2.0,
               mean_of("conv-winograd", WINOGRAD, (kernel_pass,)),
               lowest_of("conv-winograd", WINOGRAD, (kernel_pass,)))


def step(what, case, floor, goal):
    return Row(what, "ratio", floor, goal, lambda m: m.ratio(case), lambda m: m.both(case))


def scaling(what, case, floor, goal):
    return Row(what, "ratio", floor, goal, lambda m: m.scaling(case),
               lambda m: f"multiply-adds alone {m.peak_scaling(case):.2f}")


ROWS = [
    *[direct(kernel_pass) for kernel_pass in PASSES],
    Row("channel counts that are no multiple of 16 (L2, O1, O2, O3), all passes", "ratio", 1.15, 1.35,
        mean_of("conv-direct", ODD_CHANNELS, PASSES), lowest_of("conv-direct", ODD_CHANNELS, PASSES)),
    Row("L1 (first layer): share of peak, fwd and weights", "share", 0.7, 0.8,
        lambda m: measure.geometric_mean([m.share("conv-direct/fwd/L1"), m.share("conv-direct/bwd_weights/L1")])),
    Row("L1: ratio, fwd and weights", "ratio", 1.2, 1.3, mean_of("conv-direct", ("L1",), ("fwd", "bwd_weights"))),
    Row("P1 (1x1): fwd and weights", "ratio", 1.0, 1.1, mean_of("conv-direct", ("P1",), ("fwd", "bwd_weights")),
        lowest_of("conv-direct", ("P1",), ("fwd", "bwd_weights"))),
    Row("P1: data", "ratio", 0.95, 1.0, mean_of("conv-direct", ("P1",), ("bwd_data",))),
    Row("S2 (strided), all passes", "ratio", 0.95, 1.0, mean_of("conv-direct", ("S2",), PASSES),
        lowest_of("conv-direct", ("S2",), PASSES)),
    Row("D1 (depthwise), all passes", "ratio", 1.0, 1.3, mean_of("conv-direct", ("D1",), PASSES),
        lowest_of("conv-direct", ("D1",), PASSES)),
    *[winograd(kernel_pass) for kernel_pass in PASSES],
    step("LeNet training", "train/mnist_lenet/batch:64", 2.2, 3.0),
    step("VGG-like training", "train/cifar10_vgg/batch:128", 1.5, 2.2),
    step("ResNet-20 training", "train/cifar10_resnet20/batch:128", 1.3, 1.8),
    step("LeNet inference, batch 256", "inference/mnist_lenet/batch:256", 1.6, 2.0),
    step("LeNet inference, batch 1: latency", "inference/mnist_lenet/batch:1", 2.5, 4.0),
    step("VGG-like inference, batch 128", "inference/cifar10_vgg/batch:128", 1.6, 2.3),
    scaling("2 threads over 1, VGG-like training", "train/cifar10_vgg/batch:128", 1.8, 1.9),
    scaling("2 threads over 1, LeNet training", "train/mnist_lenet/batch:64", 1.8, 1.85),
    Row("peak memory, LeNet/MNIST training", "MiB", 150, 100, lambda m: m.extra("memory_mib")),
    Row("start of the process", "ms", 30, 10, lambda m: m.extra("start_ms")),
]
