"""What numpy.bats needs NumPy for: layers EXAMPLE | data FOLDER | same A.npz B.npz | killed EXAMPLE BATCHES"""
import os
import signal
import struct
import sys

import numpy as np

STEP = 1e-5


def difference(function, array):
    """Central differences of a scalar function with respect to each value of the array, in double."""
    gradient = np.zeros_like(array)
    for at in np.ndindex(*array.shape):
        before = array[at]
        array[at] = before + STEP
        above = function()
        array[at] = before - STEP
        gradient[at] = (above - function()) / (2 * STEP)
        array[at] = before
    return gradient


def expect_close(what, ours, theirs):
    error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-8)
    if ours.shape != theirs.shape or not error < 1e-6:
        sys.exit(f"{what}: relative error {error}")


def naive_convolution(src, weight, bias):
    n, c, h, w = src.shape
    k, _, r, s = weight.shape
    dst = np.zeros((n, k, h - r + 1, w - s + 1))
    for image, filter_, y, x in np.ndindex(*dst.shape):
        dst[image, filter_, y, x] = (src[image, :, y : y + r, x : x + s] * weight[filter_]).sum() + bias[filter_]
    return dst


def check_layer(layer, src, random):
    dst = layer.forward(src)
    diff_dst = random.standard_normal(dst.shape)
    diff_src = layer.backward(diff_dst)
    value = lambda: (layer.forward(src) * diff_dst).sum()
    name = type(layer).__name__
    gradients = {key: gradient.copy() for key, gradient in layer.gradients.items()}
    if set(gradients) != set(layer.parameters):
        sys.exit(f"{name}: a gradient for each parameter; got {sorted(gradients)}")
    expect_close(f"{name} src", diff_src, difference(value, src))
    for key, gradient in gradients.items():
        expect_close(f"{name} {key}", gradient, difference(value, layer.parameters[key]))


def check_layers(example):
    sys.path.insert(0, example)
    import layers

    random = np.random.default_rng(7)
    normal = random.standard_normal
    for n, c, h, w, k, r, s in [(2, 3, 6, 7, 4, 3, 3), (1, 1, 5, 5, 2, 5, 5), (3, 2, 4, 6, 1, 1, 3)]:
        conv = layers.Conv(normal((k, c, r, s)), normal(k))
        src = normal((n, c, h, w))
        expect_close("Conv dst", conv.forward(src), naive_convolution(src, conv.parameters["weight"], conv.parameters["bias"]))
        check_layer(conv, src, random)
    check_layer(layers.Relu(), normal((2, 3, 4, 5)), random)
    for h, w in [(4, 6), (5, 7), (2, 3)]:
        check_layer(layers.MaxPool(), normal((2, 3, h, w)), random)
    check_layer(layers.Dense(normal((4, 2 * 3 * 2)), normal(4)), normal((3, 2, 3, 2)), random)

    logits, labels = normal((5, 4)), np.array([0, 3, 1, 1, 2])
    loss, gradient = layers.softmax_cross_entropy(logits, labels)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expect_close("loss", np.array(loss), np.array(np.mean([-np.log(p[k]) for p, k in zip(probabilities, labels)])))
    expect_close("softmax", gradient, difference(lambda: layers.softmax_cross_entropy(logits, labels)[0], logits))

    network = layers.Network(2, 3, 8, 4, random)
    for name, array in network.parameters().items():
        layer, key = name.split(".")
        network.layers[int(layer)].parameters[key] = array.astype(np.float64)
    images, labels = normal((3, 1, 8, 8)), np.array([2, 0, 3])
    value = lambda: layers.softmax_cross_entropy(network.forward(images), labels)[0]
    network.backward(layers.softmax_cross_entropy(network.forward(images), labels)[1])
    gradients = {name: gradient.copy() for name, gradient in network.gradients().items()}
    for name, array in network.parameters().items():
        expect_close(f"Network {name}", gradients[name], difference(value, array))


def make_data(folder):
    """Images of 28 x 28 whose class is a bright stripe among noise."""
    random = np.random.default_rng(1)
    os.makedirs(folder)
    for prefix, count in [("train", 6500), ("t10k", 2100)]:
        labels = random.integers(0, 10, count).astype(np.uint8)
        images = random.integers(0, 160, (count, 28, 28)).astype(np.uint8)
        images[np.arange(count), 2 * labels + 4] += 90
        for name, dimensions, values in [("images-idx3", images.shape, images), ("labels-idx1", labels.shape, labels)]:
            with open(os.path.join(folder, f"{prefix}-{name}-ubyte"), "wb") as file:
                file.write(struct.pack(f">I{len(dimensions)}I", 0x800 + len(dimensions), *dimensions))
                file.write(values.tobytes())


def same(a, b):
    """The same arrays, bit by bit; the time that the runs took may differ."""
    with np.load(a) as first, np.load(b) as second:
        names = set(first.files) - {"state"}
        if names != set(second.files) - {"state"} or not names:
            sys.exit(f"other arrays: {sorted(first.files)}, {sorted(second.files)}")
        for name in names:
            if first[name].tobytes() != second[name].tobytes():
                sys.exit(f"{name} differs")


def train_and_be_killed(example, batches):
    """Trains as the example does, but saves after every batch, and is killed in the middle of one."""
    sys.path.insert(0, example)
    import train

    train.SAVE_SECONDS = 0
    train_batch, left = train.Training.train_batch, int(batches)

    def train_until_killed(training, places):
        nonlocal left
        train_batch(training, places)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    train.Training.train_batch = train_until_killed
    train.main()


if __name__ == "__main__":
    {"layers": check_layers, "data": make_data, "same": same, "killed": train_and_be_killed}[sys.argv[1]](*sys.argv[2:])
