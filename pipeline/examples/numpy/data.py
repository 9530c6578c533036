"""MNIST from its four IDX files, plain or .gz."""
import gzip
import math
import os
import struct

import numpy as np


def open_either(folder, name):
    path = os.path.join(folder, name)
    return open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")


def read_idx(folder, name, dimensions):
    """An IDX file of bytes."""
    with open_either(folder, name) as file:
        head = file.read(4 + 4 * dimensions)
        if len(head) < 4 + 4 * dimensions or head[:4] != bytes([0, 0, 8, dimensions]):
            raise ValueError(f"{name}: is no IDX file of bytes in {dimensions} dimensions")
        shape = struct.unpack(f">{dimensions}I", head[4:])
        size = math.prod(shape)
        values = file.read(size)
    if len(values) < size:
        raise ValueError(f"{name}: ends early")
    return np.frombuffer(values, np.uint8).reshape(shape)


def load_split(folder, prefix, most, random):
    """A sample of at most `most`: images (N, 1, 28, 28) of mean 0 and deviation 1, roughly; labels."""
    images = read_idx(folder, f"{prefix}-images-idx3-ubyte", 3)
    labels = read_idx(folder, f"{prefix}-labels-idx1-ubyte", 1)
    if len(images) != len(labels) or len(images) < most or labels.max() > 9:
        raise ValueError(f"{prefix}: expected at least {most} images, each with a label")
    places = random.permutation(len(images))[:most]
    images, labels = images[places, np.newaxis] / np.float32(255), labels[places].astype(np.int64)
    return (images - np.float32(0.13)) / np.float32(0.31), labels
