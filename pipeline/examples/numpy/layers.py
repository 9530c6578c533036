"""A small convolutional network in NumPy: images are (N, C, H, W), everything keeps the type of its input."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Conv:
    """Valid convolution with stride 1, by one matrix product over all windows; weight is (K, C, R, S)."""

    def __init__(self, weight, bias):
        self.parameters = {"weight": weight, "bias": bias}
        self.gradients = {}

    def forward(self, src):
        weight = self.parameters["weight"]
        k, c, r, s = weight.shape
        windows = sliding_window_view(src, (r, s), axis=(2, 3))  # (N, C, P, Q, R, S), a view
        n, _, p, q = windows.shape[:4]
        self.src_shape = src.shape
        self.rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * p * q, c * r * s)
        dst = self.rows @ weight.reshape(k, -1).T + self.parameters["bias"]
        return dst.reshape(n, p, q, k).transpose(0, 3, 1, 2)

    def backward(self, diff_dst, need_diff_src=True):
        weight = self.parameters["weight"]
        k, c, r, s = weight.shape
        n, _, p, q = diff_dst.shape
        diff = diff_dst.transpose(0, 2, 3, 1).reshape(-1, k)
        self.gradients["weight"] = (diff.T @ self.rows).reshape(weight.shape)
        self.gradients["bias"] = diff.sum(axis=0)
        if not need_diff_src:
            return None
        diff_windows = (diff @ weight.reshape(k, -1)).reshape(n, p, q, c, r, s)
        diff_src = np.zeros(self.src_shape, diff_dst.dtype)
        for i in range(r):
            for j in range(s):
                diff_src[:, :, i : i + p, j : j + q] += diff_windows[:, :, :, :, i, j].transpose(0, 3, 1, 2)
        return diff_src


class Relu:
    parameters, gradients = {}, {}

    def forward(self, src):
        self.positive = src > 0
        return src * self.positive

    def backward(self, diff_dst):
        return diff_dst * self.positive


class MaxPool:
    """2 x 2; a last odd row or column is left out, and the first of equal values counts."""

    parameters, gradients = {}, {}

    def forward(self, src):
        n, c, h, w = src.shape
        self.src_shape = src.shape
        self.dst_shape = (n, c, h // 2, w // 2)
        cropped = src[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
        windows = cropped.transpose(0, 1, 2, 4, 3, 5).reshape(*self.dst_shape, 4)
        self.place = windows.argmax(axis=-1)[..., np.newaxis]
        return np.take_along_axis(windows, self.place, axis=-1)[..., 0]

    def backward(self, diff_dst):
        n, c, p, q = self.dst_shape
        windows = np.zeros((n, c, p, q, 4), diff_dst.dtype)
        np.put_along_axis(windows, self.place, diff_dst[..., np.newaxis], axis=-1)
        diff_src = np.zeros(self.src_shape, diff_dst.dtype)
        diff_src[:, :, : 2 * p, : 2 * q] = (
            windows.reshape(n, c, p, q, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * p, 2 * q)
        )
        return diff_src


class Dense:
    """Flattens (N, ...); weight is (out, in)."""

    def __init__(self, weight, bias):
        self.parameters = {"weight": weight, "bias": bias}
        self.gradients = {}

    def forward(self, src):
        self.src_shape = src.shape
        self.flat = src.reshape(len(src), -1)
        return self.flat @ self.parameters["weight"].T + self.parameters["bias"]

    def backward(self, diff_dst):
        self.gradients["weight"] = diff_dst.T @ self.flat
        self.gradients["bias"] = diff_dst.sum(axis=0)
        return (diff_dst @ self.parameters["weight"]).reshape(self.src_shape)


def softmax_cross_entropy(logits, labels):
    """The mean loss of a batch, and its gradient."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = (np.log(sums[:, 0]) - shifted[rows, labels]).mean()
    gradient = exponentials / sums
    gradient[rows, labels] -= 1
    return loss, gradient / len(labels)


class Network:
    """conv - relu - max pool - dense."""

    def __init__(self, filters, kernel, side, classes, random):
        def normal(*shape):  # He et al., "Delving deep into rectifiers" (2015)
            return (random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)

        pooled = (side - kernel + 1) // 2
        zeros = lambda n: np.zeros(n, np.float32)
        self.conv = Conv(normal(filters, 1, kernel, kernel), zeros(filters))
        self.dense = Dense(normal(classes, filters * pooled * pooled), zeros(classes))
        self.layers = [self.conv, Relu(), MaxPool(), self.dense]

    def parameters(self):
        """By name: the arrays themselves, changed in place."""
        return {f"{i}.{name}": array for i, layer in enumerate(self.layers) for name, array in layer.parameters.items()}

    def gradients(self):
        return {f"{i}.{name}": array for i, layer in enumerate(self.layers) for name, array in layer.gradients.items()}

    def forward(self, images):
        for layer in self.layers:
            images = layer.forward(images)
        return images

    def backward(self, gradient):
        for layer in reversed(self.layers[1:]):
            gradient = layer.backward(gradient)
        self.layers[0].backward(gradient, need_diff_src=False)
