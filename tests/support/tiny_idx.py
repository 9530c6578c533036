"""usage: tiny_idx.py FOLDER. A data set in MNIST's format: 8 x 8 pixels, two classes, 64 + 32 images, bright above or below."""
import os
import struct
import sys

os.makedirs(sys.argv[1], exist_ok=True)
for name, count in (("train", 64), ("t10k", 32)):
    labels = bytes(i % 2 for i in range(count))
    images = b"".join(bytes([200 + i % 50] * 32 + [i % 40] * 32)[:: 1 if label else -1] for i, label in enumerate(labels))
    with open(os.path.join(sys.argv[1], name + "-images-idx3-ubyte"), "wb") as file:
        file.write(struct.pack(">4I", 0x803, count, 8, 8) + images)
    with open(os.path.join(sys.argv[1], name + "-labels-idx1-ubyte"), "wb") as file:
        file.write(struct.pack(">2I", 0x801, count) + labels)
