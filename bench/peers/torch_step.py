#!/usr/bin/env python3
"""usage: torch_step.py SECONDS

As bench_turns: a turn of that long for each name of a case on stdin, a line of JSON for each. Computed by PyTorch with
channels_last. Inputs are floats already: turning bytes into floats is not in its time, as it is in ours.
"""
import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import torch  # noqa: E402
from torch import nn  # noqa: E402


def conv_norm(channels, filters, stride=1, relu=True):
    layers = [nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)]
    return layers + [nn.ReLU(inplace=True)] if relu else layers


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(inplace=True), nn.Linear(500, 10))


def vgg():
    layers, channels = [], 3
    for filters in (64, 128, 256):
        layers += [*conv_norm(channels, filters), *conv_norm(filters, filters), nn.MaxPool2d(2)]
        channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 256), nn.ReLU(inplace=True), nn.Linear(256, 10))


class Block(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.body = nn.Sequential(*conv_norm(channels, filters, stride), *conv_norm(filters, filters, relu=False))
        self.shortcut = nn.Identity()
        if stride != 1 or channels != filters:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


def resnet20():
    layers, channels = conv_norm(3, 16), 16
    for filters in (16, 32, 64):
        for copy in range(3):
            layers.append(Block(channels, filters, 2 if copy == 0 and filters > 16 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


# As trainer/configs has them: net, input, optimizer.
NETS = {
    "mnist_lenet": (lenet, (1, 28, 28), {"lr": 0.001, "momentum": 0.9}),
    "cifar10_vgg": (vgg, (3, 32, 32), {"lr": 0.001, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}),
    "cifar10_resnet20": (resnet20, (3, 32, 32),
                         {"lr": 0.001, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}),
}
BATCHES = 8


def batches(count, shape):
    return [torch.randn(count, *shape).contiguous(memory_format=torch.channels_last) for _ in range(BATCHES)]


def training_step(net, shape, count, settings):
    net.train()
    inputs, labels = batches(count, shape), [torch.randint(10, (count,)) for _ in range(BATCHES)]
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), **settings)

    def step(number):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(net(inputs[number % BATCHES]), labels[number % BATCHES])
        loss.backward()
        optimizer.step()

    return step


def inference_step(net, shape, count):
    net.eval()
    inputs = batches(count, shape)

    def step(number):
        with torch.inference_mode():
            net(inputs[number % BATCHES])

    return step


class Contestant:
    """As in contestant.hpp."""

    def __init__(self, step, images, seconds):
        self.step, self.images, self.number, self.runs = step, images, 0, 1
        self.seconds_of(1)
        self.runs = max(1, int(seconds / self.seconds_of(1)))

    def seconds_of(self, runs):
        start = time.perf_counter()
        for _ in range(runs):
            self.step(self.number)
            self.number += 1
        return time.perf_counter() - start

    def take_turn(self):
        """Images a second."""
        if self.runs > 1:
            self.seconds_of(1)
        return self.images * self.runs / self.seconds_of(self.runs)


def contestant(case, seconds):
    """Of a case as bench_step names it: train/<net>/batch:<n>/threads:<n>."""
    what, name, batch, _ = case.split("/")
    make, shape, settings = NETS[name]
    net, count = make().to(memory_format=torch.channels_last), int(batch.removeprefix("batch:"))
    step = training_step(net, shape, count, settings) if what == "train" else inference_step(net, shape, count)
    return Contestant(step, count, seconds)


def main():
    seconds, contestants = float(sys.argv[1]), {}
    torch.manual_seed(1)
    for case in map(str.strip, sys.stdin):
        torch.set_num_threads(int(case.rpartition(":")[2]))
        if case not in contestants:
            contestants[case] = contestant(case, seconds)
        rate = contestants[case].take_turn()
        print(json.dumps({"name": case, "items_per_second": rate, "torch": torch.__version__}), flush=True)


if len(sys.argv) != 2:
    sys.exit(__doc__)
main()
