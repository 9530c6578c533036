#!/usr/bin/python3
"""usage: make_golden.py [FOLDER]. Writes golden values of small nets: what PyTorch computes for them in double precision.

Debian's python3-torch is enough; the tests only read what is written here. Each file holds a net's first weights, the
images and labels of every step, and what ten steps make of them: losses, right answers, some weights, the loss of an
evaluation. tests/engine/graph/golden_test.cpp describes the same nets. Tensors and images are hexadecimal, a byte an
element; a tensor's value is (byte - 128) * step.
"""
import json
import os
import random
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = 10
KEPT = 12  # values of a tensor that are kept in the end, evenly spaced


class Activation(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


RELU, RELU6, TANH, SIGMOID = F.relu, F.relu6, torch.tanh, torch.sigmoid
LEAKY_RELU, ELU, SILU, SOFTPLUS = F.leaky_relu, F.elu, F.silu, F.softplus


def gelu(x):
    return F.gelu(x, approximate="tanh")


class Block(nn.Module):
    """A convolution or dense layer, then batch norm, then an activation."""

    def __init__(self, layer, batch_norm=False, activation=None, pad=None):
        super().__init__()
        self.layer, self.activation, self.pad = layer, activation, pad
        if batch_norm:
            self.bn = (nn.BatchNorm2d if isinstance(layer, nn.Conv2d) else nn.BatchNorm1d)(layer.weight.shape[0])
        else:
            self.bn = None

    def forward(self, x):
        if isinstance(self.layer, nn.Linear):
            x = x.flatten(1)
        if self.pad:
            x = F.pad(x, self.pad)  # left, right, top, bottom
        x = self.layer(x)
        if self.bn:
            x = self.bn(x)
        return self.activation(x) if self.activation else x


class Residual(nn.Module):
    def __init__(self, layers, shortcut=None):
        super().__init__()
        self.layers, self.shortcut = nn.ModuleList(layers), shortcut

    def forward(self, x):
        y = x
        for layer in self.layers:
            y = layer(y)
        return y + (self.shortcut(x) if self.shortcut else x)


class GlobalAvgPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3), keepdim=True)


def conv(inputs, outputs, kernel, batch_norm=False, activation=None, pad=None, **more):
    return Block(nn.Conv2d(inputs, outputs, kernel, bias=not batch_norm, **more), batch_norm, activation, pad)


def dense(inputs, outputs, activation=None, batch_norm=False):
    return Block(nn.Linear(inputs, outputs, bias=not batch_norm), batch_norm, activation)


def sgd(momentum=0.0, nesterov=False):
    return lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=momentum, nesterov=nesterov)


def lenet():
    layers = [
        conv(1, 6, 5, activation=RELU), nn.MaxPool2d(2), conv(6, 12, 3, activation=RELU), nn.MaxPool2d(2),
        dense(48, 24, RELU), dense(24, 5),
    ]
    return dict(input=(1, 16, 16), layers=layers, optimizer=sgd(0.9, True), decay=0.005, rate=lambda step: 0.004)


def residual():
    shortcut = Block(nn.Conv2d(8, 12, 1, stride=2, bias=False), batch_norm=True)
    layers = [
        conv(3, 8, 3, True, RELU, padding=1),
        # `same` with stride 2 on 12 rows: nothing before them, one after.
        Residual([conv(8, 12, 3, True, RELU, pad=(0, 1, 0, 1), stride=2), conv(12, 12, 3, True, padding=1)], shortcut),
        Activation(RELU),
        Residual([conv(12, 12, 3, True, RELU, padding=1), conv(12, 12, 3, True, padding=1)]),
        Activation(RELU), GlobalAvgPool(), dense(12, 5),
    ]
    return dict(input=(3, 12, 12), layers=layers, optimizer=lambda groups: torch.optim.Adam(groups, lr=0.1),
                decay=0.01, rate=lambda step: 0.002)


def activations():
    layers = [
        conv(2, 6, 3, activation=gelu, stride=(2, 1), padding=(1, 2)),
        conv(6, 9, 3, activation=SILU, groups=3, dilation=(2, 1), padding=2),
        nn.AvgPool2d(3, 2, 1), Activation(ELU), conv(9, 9, (1, 3), activation=LEAKY_RELU, groups=9, padding=(0, 1)),
        nn.MaxPool2d(3, 1, 1), dense(9 * 4 * 8, 16, SOFTPLUS), dense(16, 12, SIGMOID), dense(12, 10, TANH),
        dense(10, 10), Activation(RELU6), dense(10, 4),
    ]
    return dict(input=(2, 13, 11), layers=layers, optimizer=lambda groups: torch.optim.AdamW(groups, lr=0.1),
                decay=0.05, rate=lambda step: 0.003, smoothing=0.1, clip=0.2)


def wide():
    """A dense layer with enough weights to be worked on with the whole batch; a rate of its own for each step."""
    layers = [dense(256, 258, RELU), dense(258, 20, TANH, True), dense(20, 5)]
    return dict(input=(1, 16, 16), layers=layers, optimizer=sgd(0.9), decay=0.0, rate=lambda step: 0.05 * 0.8**step,
                clip=0.5)


def name_of(name):
    return "layers." + name.replace(".layer.", ".")


def set_weights(net, draw):
    """Weights of the usual size, as bytes; returns what a file holds of them."""
    kept = {}
    for name, tensor in net.named_parameters():
        size = tensor.numel()
        if tensor.dim() > 1:
            deviation = (2 / (size / tensor.shape[0])) ** 0.5
            values = [draw.gauss(0, deviation) for _ in range(size)]
        else:  # biases, and scales of batch norm
            center = 1.0 if name.endswith("bn.weight") else 0.0
            values = [center + draw.uniform(-0.2, 0.2) for _ in range(size)]
        step = 2.0**-10
        while max(map(abs, values)) / step > 127:
            step *= 2
        codes = [round(value / step) + 128 for value in values]
        tensor.data = torch.tensor([(code - 128) * step for code in codes]).reshape(tensor.shape)
        kept[name_of(name)] = {"step": step, "bytes": bytes(codes).hex()}
    return kept


def some(tensor):
    """[index, value] of values of a tensor."""
    flat = tensor.detach().flatten()
    count = min(KEPT, len(flat))
    return [[i * len(flat) // count, flat[i * len(flat) // count].item()] for i in range(count)]


def record(name, net_of, seed):
    draw = random.Random(seed)
    setting = net_of()
    net = nn.ModuleList(setting["layers"])
    weights = set_weights(net, draw)
    shape, classes = setting["input"], list(net[-1].layer.bias.shape)[0]
    sizes = [18, 18, 18, 18, 7] * 2
    pixels = bytes(draw.randrange(256) for _ in range(sum(sizes[:5]) * shape[0] * shape[1] * shape[2]))
    labels = [draw.randrange(classes) for _ in range(sum(sizes[:5]))]
    images = (torch.tensor(list(pixels)).reshape(-1, *shape) - 128.0) / 64
    answers = torch.tensor(labels)

    def logits_of(x):
        for layer in net:
            x = layer(x)
        return x

    decayed = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    optimizer = setting["optimizer"]([{"params": decayed, "weight_decay": setting["decay"]},
                                      {"params": others, "weight_decay": 0.0}])
    smoothing, clip = setting.get("smoothing", 0.0), setting.get("clip", 0.0)
    steps, norms = [], []
    for step in range(STEPS):
        first = sum(sizes[:step]) % len(labels)
        x, y = images[first:first + sizes[step]], answers[first:first + sizes[step]]
        for group in optimizer.param_groups:
            group["lr"] = setting["rate"](step)
        optimizer.zero_grad()
        logits = logits_of(x)
        loss = F.cross_entropy(logits, y, label_smoothing=smoothing)
        loss.backward()
        if clip:
            # Not clip_grad_norm_, which divides by the norm + 1e-6.
            norms.append(sum((p.grad**2).sum() for p in net.parameters()).sqrt().item())
            for p in net.parameters():
                p.grad *= min(1.0, clip / norms[-1])
        optimizer.step()
        steps.append({"first": first, "size": sizes[step], "learning_rate": setting["rate"](step), "loss": loss.item(),
                      "correct": (logits.argmax(1) == y).sum().item()})
    assert not clip or max(norms) > clip, norms

    net.eval()
    with torch.no_grad():
        logits = logits_of(images)
        evaluation = {"loss_sum": F.cross_entropy(logits, answers, reduction="sum").item(),
                      "correct": (logits.argmax(1) == answers).sum().item(), "logits": some(logits)}
    final = {name_of(key): some(value) for key, value in net.state_dict().items() if "num_batches" not in key}
    return {"made_with": "PyTorch " + torch.__version__, "pixels": pixels.hex(), "labels": labels, "weights": weights,
            "label_smoothing": smoothing, "clip_gradients": clip, "weight_decay": setting["decay"], "steps": steps,
            "final": final, "evaluation": evaluation}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    for seed, net in enumerate([lenet, residual, activations, wide]):
        with open(os.path.join(folder, net.__name__ + ".json"), "w", encoding="ascii") as file:
            golden = record(net.__name__, net, seed)
            file.write("{\n" + ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
