#!/usr/bin/env python3
"""usage: torch_step.py [--min-time S] [--filter REGEX]

The cases of bench_step computed by PyTorch with channels_last, as Google Benchmark would print them in JSON. Inputs are
floats already: turning bytes into floats is not in its time, as it is in bench_step's.
"""
import argparse
import json
import os
import re
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


# As trainer/configs has them: net, input, batch size in training, optimizer.
NETS = {
    "mnist_lenet": (lenet, (1, 28, 28), 64, {"lr": 0.001, "momentum": 0.9}),
    "cifar10_vgg": (vgg, (3, 32, 32), 128, {"lr": 0.001, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}),
    "cifar10_resnet20": (resnet20, (3, 32, 32), 128,
                         {"lr": 0.001, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}),
}
INFERENCE_BATCHES = (1, 128, 256)
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


def timed(step, min_time):
    """Seconds of a step, over at least min_time and two steps."""
    for number in range(2):
        step(number)
    done, start = 0, time.perf_counter()
    while done < 2 or time.perf_counter() - start < min_time:
        step(done)
        done += 1
    return (time.perf_counter() - start) / done


def cases():
    counts = sorted({1, len(os.sched_getaffinity(0))})
    for name, (make, shape, batch, settings) in NETS.items():
        for threads in counts:
            yield (f"train/{name}/batch:{batch}/threads:{threads}", threads, batch,
                   lambda make=make, shape=shape, batch=batch, settings=settings: training_step(
                       make().to(memory_format=torch.channels_last), shape, batch, settings))
            for count in INFERENCE_BATCHES:
                yield (f"inference/{name}/batch:{count}/threads:{threads}", threads, count,
                       lambda make=make, shape=shape, count=count: inference_step(
                           make().to(memory_format=torch.channels_last), shape, count))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--min-time", type=float, default=0.5)
    parser.add_argument("--filter", default=".")
    options = parser.parse_args()
    torch.manual_seed(1)
    results = []
    for name, threads, images, make in cases():
        if not re.search(options.filter, name):
            continue
        torch.set_num_threads(threads)
        seconds = timed(make(), options.min_time)
        results.append({"name": name, "run_type": "iteration", "real_time": seconds * 1e6, "time_unit": "us",
                        "items_per_second": images / seconds})
    json.dump({"context": {"torch": torch.__version__}, "benchmarks": results}, sys.stdout)


main()
