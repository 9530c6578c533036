"""Convolutions that nobody tuned for: random, but the same for the same seed."""
import random

LARGEST_FLOPS = 4e9
SMALLEST_FLOPS = 1e7  # below, waking the threads is most of it
LARGEST_TENSOR = 32 << 20  # values


def draw(source):
    """N C H W K R S stride pad groups, from small to ImageNet-like; every third with channels of any number."""
    size = source.choice([4, 6, 7, 8, 12, 14, 16, 19, 24, 28, 32, 33, 48, 56, 64, 96, 112, 224])
    height, width = size, source.choice([size, size, size, max(3, size - 1), size + 3])
    if source.random() < 1 / 3:
        channels, filters = source.randint(1, 100), source.randint(1, 100)
    else:
        channels = source.choice([1, 3, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512])
        filters = source.choice([8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512])
    kernel = source.choice([1, 1, 3, 3, 3, 3, 5, 7])
    other = kernel if source.random() < 0.9 else source.choice([1, 3])
    stride = source.choice([1, 1, 1, 2])
    pad = source.choice([0, kernel // 2])
    groups = 1
    if kernel > 1 and source.random() < 0.1:
        groups = filters = channels
    images = source.choice([1, 2, 8, 16, 32, 50, 64, 100, 128, 256])
    return images, channels, height, width, filters, kernel, other, stride, pad, groups


def fits(images, channels, height, width, filters, kernel, other, stride, pad, groups):
    out_h = (height + 2 * pad - kernel) // stride + 1
    out_w = (width + 2 * pad - other) // stride + 1
    if height + 2 * pad < kernel or width + 2 * pad < other or pad >= min(kernel, other) > 1:
        return False
    flops = 2.0 * images * filters * out_h * out_w * channels // groups * kernel * other
    tensors = images * channels * height * width, images * filters * out_h * out_w
    return SMALLEST_FLOPS <= flops <= LARGEST_FLOPS and max(tensors) <= LARGEST_TENSOR


def shapes(seed, count):
    source, chosen = random.Random(seed), []
    while len(chosen) < count:
        shape = draw(source)
        if fits(*shape):
            chosen.append(shape)
    return [(f"rnd{number}", *shape) for number, shape in enumerate(chosen)]


def describe(shape):
    _, images, channels, height, width, filters, kernel, other, stride, pad, groups = shape
    text = f"{images} {channels} {height}x{width} -> {filters}, {kernel}x{other}"
    return text + (f" stride {stride}" if stride > 1 else "") + (f" pad {pad}" if pad else "") + (
        f" groups {groups}" if groups > 1 else "")
