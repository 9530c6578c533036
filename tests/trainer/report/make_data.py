"""usage: make_data.py FOLDER. A small data set in the IDX format: of class k a bright row k, and noise."""
import os
import random
import struct
import sys

folder = sys.argv[1]
os.makedirs(folder)
noise = random.Random(1)
for split, count in (("train", 400), ("t10k", 200)):
    labels = bytes(i % 4 for i in range(count))
    pixels = bytes(
        noise.randrange(150) + (60 if at // 8 == label else 0) for label in labels for at in range(64)
    )
    with open(f"{folder}/{split}-images-idx3-ubyte", "wb") as images:
        images.write(struct.pack(">IIII", 0x803, count, 8, 8) + pixels)
    with open(f"{folder}/{split}-labels-idx1-ubyte", "wb") as out:
        out.write(struct.pack(">II", 0x801, count) + labels)
