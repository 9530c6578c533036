#!/usr/bin/env python3
"""usage: plain_python_test.py WRITE_SAMPLE. Reads a checkpoint as safetensors with the standard library alone."""
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import unittest

WRITE_SAMPLE = sys.argv.pop(1)


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), "a key is there twice"
    return dict(pairs)


def load(path):
    """name -> (shape, values), and the metadata: https://github.com/huggingface/safetensors#format"""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    assert data[8:9] == b"{"
    header = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=refuse_duplicates)
    body = data[8 + length :]
    metadata = header.pop("__metadata__")
    tensors = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        assert set(entry) == {"dtype", "shape", "data_offsets"}, entry
        assert entry["dtype"] == "F32", entry
        begin, stop = entry["data_offsets"]
        assert begin == end and stop - begin == 4 * math.prod(entry["shape"]), entry
        tensors[name] = (entry["shape"], struct.unpack(f"<{(stop - begin) // 4}f", body[begin:stop]))
        end = stop
    assert end == len(body), "the tensors do not cover the file"
    return tensors, metadata, length


class PlainPython(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sample.safetensors")
            subprocess.run([WRITE_SAMPLE, path], check=True)
            cls.tensors, cls.metadata, cls.length = load(path)

    def test_header_keeps_the_data_aligned(self):
        self.assertEqual(self.length % 8, 0)

    def test_names_and_shapes(self):
        shapes = {name: shape for name, (shape, _) in self.tensors.items()}
        self.assertEqual(
            shapes,
            {
                "layers.2.weight": [4, 1, 3, 3],
                "layers.2.bias": [4],
                "layers.0.weight": [10, 6],
                "empty": [0, 3],
                "scalar": [],
                "optimizer.momentum.layers.2.weight": [4, 1, 3, 3],
            },
        )

    def test_values(self):
        for index, name in ((0, "layers.2.weight"), (1, "layers.2.bias"), (2, "layers.0.weight")):
            for i, value in enumerate(self.tensors[name][1]):
                self.assertAlmostEqual(value, math.sin(i + 700 + index), places=5)
        self.assertEqual(math.copysign(1, self.tensors["scalar"][1][0]), -1)

    def test_metadata_are_strings(self):
        for value in self.metadata.values():
            self.assertIsInstance(value, str)
        self.assertEqual(self.metadata["hone.step"], "7")
        self.assertTrue(self.metadata["hone.config"].startswith('name: "caf\u00e9"\n'))
        self.assertEqual(self.metadata["hone.labels"], '["cat","dog"]')
        for name in self.tensors:
            self.assertRegex(self.metadata["hone.xxh3." + name], "^[0-9a-f]{16}$")
        self.assertRegex(self.metadata["hone.xxh3.header"], "^[0-9a-f]{16}$")


if __name__ == "__main__":
    unittest.main()
