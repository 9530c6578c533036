// usage: node fashion_mnist.mjs FROM TO
// FROM holds 0.json ... 9.json, one a class: {"data": [[784 numbers], ...]}, 7,000 images each. TO gets the four IDX
// files. The package mixes the original training and test images, so the split is made here: in each class a seeded
// permutation decides which 6,000 are for training and which 1,000 for the test.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CLASSES = 10, TRAIN = 6000, TEST = 1000, SIDE = 28, SEED = 1;

// mulberry32: 32 bits of state, the same everywhere.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

function shuffle(list, next) {
  for (let i = list.length - 1; i > 0; --i) {
    const j = Math.floor((next() / 2 ** 32) * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
}

function fail(message) {
  console.error(`fashion_mnist: ${message}`);
  process.exit(1);
}

function readClass(folder, label) {
  const file = join(folder, `${label}.json`);
  // Class 0 holds two empty entries beside its images.
  const images = JSON.parse(readFileSync(file, "utf8")).data.filter((image) => image.length > 0);
  if (images.length !== TRAIN + TEST) fail(`${file}: expected ${TRAIN + TEST} images`);
  return images.map((image, i) => {
    const valid = Array.isArray(image) && image.length === SIDE * SIDE &&
      image.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);
    if (!valid) fail(`${file}: image ${i} is not ${SIDE * SIDE} numbers from 0 to 255`);
    return { label, pixels: Uint8Array.from(image) };
  });
}

function header(magic, ...sizes) {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  [magic, ...sizes].forEach((word, i) => bytes.writeUInt32BE(word, 4 * i));
  return bytes;
}

function writeSplit(folder, prefix, images) {
  writeFileSync(join(folder, `${prefix}-images-idx3-ubyte`),
    Buffer.concat([header(0x803, images.length, SIDE, SIDE), ...images.map((image) => image.pixels)]));
  writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte`),
    Buffer.concat([header(0x801, images.length), Uint8Array.from(images, (image) => image.label)]));
}

const [from, to] = process.argv.slice(2);
if (!from || !to) fail("usage: node fashion_mnist.mjs FROM TO");
const next = generator(SEED);
const train = [], test = [];
for (let label = 0; label < CLASSES; ++label) {
  const images = readClass(from, label);
  shuffle(images, next);
  train.push(...images.slice(0, TRAIN));
  test.push(...images.slice(TRAIN));
}
shuffle(train, next);
shuffle(test, next);
writeSplit(to, "train", train);
writeSplit(to, "t10k", test);
