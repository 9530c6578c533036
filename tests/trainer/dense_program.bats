#!/usr/bin/env bats
# hone-dense: the same trainer without the picture decoder.

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  dense=$HONE_BUILD_DIR/bin/hone-dense hone=$HONE_BUILD_DIR/bin/hone
  python3 "$HONE_SOURCE_DIR/tests/support/tiny_idx.py" tiny
  printf 'data: {format: idx, path: tiny}\nmodel: {layers: [conv: {filters: 2, kernel: 3}, dense: 2]}\n' >hone.yaml
  printf 'train: {epochs: 3, optimizer: {sgd: {learning_rate: 0.01}}}\n' >>hone.yaml
}

# A checkpoint without its header, which holds times.
tensors() {
  python3 -c 'import struct, sys
file = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(file[8 + struct.unpack("<Q", file[:8])[0] :])' "$1"
}

@test "it trains to the same bits" {
  "$hone" train hone.yaml --out one --quiet
  "$dense" train hone.yaml --out two --quiet
  tensors one/last.safetensors >one.bytes
  [ -s one.bytes ]
  tensors two/last.safetensors | cmp - one.bytes
}

@test "it refuses pictures, and says what it takes" {
  local folder
  for folder in pictures/{train,test}/{a,b}; do
    mkdir -p "$folder"
    { printf 'P5 8 8 255\n' && head -c 64 /dev/zero; } >"$folder/1.pgm"
  done
  run "$dense" train hone.yaml --out run --set data.format=image_folder --set data.path=pictures
  [ "$status" -eq 4 ]
  [[ $output == *"pictures: this build can't decode pictures; expected data as idx or cifar_bin"* ]]
  [ ! -e run ]
  "$hone" train hone.yaml --out one --quiet
  run "$dense" predict one/best.safetensors pictures/train/a/1.pgm
  [ "$status" -eq 4 ]
  [[ $output == *"pictures/train/a/1.pgm: this build can't decode pictures"* ]]
  "$hone" predict one/best.safetensors pictures/train/a/1.pgm
}

@test "it has no decoder in it" {
  grep -q 'bad huffman code' "$hone" # one of the decoder's words
  run grep -q 'bad huffman code' "$dense"
  [ "$status" -eq 1 ]
  (($(stat -c %s "$dense") < $(stat -c %s "$hone")))
}
