"""usage: large_blob.py GIT-FOLDER BYTES. Puts a blob of that many zeros (whole MiB) into a repository and prints its name.
A pack and its index as git would write them, without the time that git takes to compress a gigabyte."""
import hashlib
import os
import struct
import sys
import zlib

folder, size = sys.argv[1], int(sys.argv[2])
block = bytes(1 << 20)
digest, check = hashlib.sha1(b"blob %d\0" % size), 1
for _ in range(size >> 20):
    digest.update(block)
    check = zlib.adler32(block, check)

stream = zlib.compressobj(1)
stream_head = stream.compress(b"") + stream.flush(zlib.Z_FULL_FLUSH)
# After a full flush each block comes out the same.
zeros = stream.compress(block) + stream.flush(zlib.Z_FULL_FLUSH)
compressed = stream_head + zeros * (size >> 20) + b"\x03\x00" + check.to_bytes(4, "big")

entry, rest = [3 << 4 | size & 15], size >> 4  # 3: a blob
while rest:
    entry[-1] |= 0x80
    entry.append(rest & 0x7F)
    rest >>= 7
entry = bytes(entry) + compressed
pack = b"PACK" + struct.pack(">2I", 2, 1) + entry
pack += hashlib.sha1(pack).digest()

name = digest.digest()
fan_out = [int(first >= name[0]) for first in range(256)]
index = b"\xfftOc" + struct.pack(">257I", 2, *fan_out) + name + struct.pack(">2I", zlib.crc32(entry), 12) + pack[-20:]
index += hashlib.sha1(index).digest()
for ending, content in ((".pack", pack), (".idx", index)):  # the index last: with it the pack is there
    with open(os.path.join(folder, "objects/pack", "pack-" + pack[-20:].hex() + ending), "xb") as file:
        file.write(content)
print(name.hex())
