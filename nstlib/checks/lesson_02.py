"""Checkers for the exercises of lesson 02."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import check_cases, random_activations, random_numbers
from nstlib.networks import CONVOLUTIONS, IMAGENET_MEAN, IMAGENET_STD, receptive_field

# Each formula stands below its hint.
# fmt: off


def check_patch_rows(function: Callable[[str, int], tuple[int, int]]) -> None:
    """Exercise of lesson 02: (layer, i) -> first and last row of pixels that row i of the layer's maps sees."""

    def rows(first: int, count: int) -> tuple[int, int]:
        return first, first + count - 1

    def field(rule: Callable) -> Callable:
        """A formula of (layer, i) from one of i, size, stride and start (`receptive_field`)."""
        return lambda layer, i: rule(i, *receptive_field(layer))

    def without_poolings(layer: str, i: int) -> tuple[int, int]:
        n = CONVOLUTIONS.index(layer[4:]) + 1  # convolutions so far
        return rows(i - n, 2 * n + 1)

    def without_the_last(layer: str, i: int) -> tuple[int, int]:
        size, stride, start = receptive_field(layer)
        return rows(i * stride + start + stride, size - 2 * stride) if layer[:4] == "conv" else rows(i * stride + start, size)

    check_cases(
        "patch_rows",
        function,
        [("relu1_1", 0), ("relu1_2", 3), ("conv2_2", 6), ("relu2_1", 2), ("relu3_1", 5), ("relu4_2", 7)],
        field(lambda i, size, stride, start: rows(i * stride + start, size)),
        {
            "Off by one: n rows that begin with row a end with row a + n - 1.":
                field(lambda i, size, stride, start: rows(i * stride + start, size + 1)),
            "Your second number is how many rows there are; the last row is wanted.":
                field(lambda i, size, stride, start: (i * stride + start, size)),
            "The poolings are missing: behind each of them a step of the map is twice as many pixels.":
                without_poolings,
            "The stride is missing: row i of the map is not row i of the picture once there has been a pooling.":
                field(lambda i, size, stride, start: rows(i + start, size)),
            "That is the stride only: the pixels that the poolings have merged. The convolutions look beyond them, on both sides.":
                field(lambda i, size, stride, start: rows(i * stride, stride)),
            "A field does not begin at i times the stride: the convolutions look back as far as ahead.":
                field(lambda i, size, stride, start: rows(i * stride, size)),
            "The sign of the start is wrong: the convolutions look back, so the first row lies before i times the stride.":
                field(lambda i, size, stride, start: rows(i * stride - start, size)),
            "The field's middle is not at i times the stride: a pooling looks ahead, not back. So half of the size is too far back. Go through the layers one by one.": (
                field(lambda i, size, stride, start: rows(i * stride - size // 2, size)),
                field(lambda i, size, stride, start: (i * stride - size // 2, i * stride + size // 2)),
            ),
            "A pooling looks at 2 × 2 values itself: it adds one step to what is seen.":
                field(lambda i, size, stride, start: rows(i * stride + start, size - stride + 1)),
            "You doubled the step before the pooling had used it: a pooling looks one of the old steps ahead, then the step doubles.":
                field(lambda i, size, stride, start: rows(i * stride + start, size + stride - 1)),
            "A pooling looks ahead only: it does not move the first row back.":
                field(lambda i, size, stride, start: rows(i * stride + start - stride + 1, size + stride - 1)),
            "You stopped one layer too early: conv2_2 is a convolution itself and looks one step to each side.":
                without_the_last,
            "Do not stop at the picture's edge: rows below 0 are the padding, and the network sees them, too.":
                field(lambda i, size, stride, start: (max(0, i * stride + start), i * stride + start + size - 1)),
        },
        praise="It agrees with nstlib.plots.receptive_field.",
    )


def check_normalize_input(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 02: an image (1, 3, H, W) in [0, 1] -> what the first convolution sees, (1, 3, H, W)."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))

    def spread(x: Tensor, *axes: int, unbiased: bool = False) -> Tensor:
        """The picture with its own mean and deviation taken out."""
        return (x - x.mean(axes, keepdim=True)) / x.std(axes, unbiased=unbiased, keepdim=True)

    check_cases(
        "normalize_input",
        function,
        # One picture has three columns: a mean for each column is possible there, and shows itself.
        [(random_numbers(1, 3, 4, 3, seed=0),), (random_numbers(1, 3, 2, 5, seed=1),)],
        lambda x: (x - mean) / std,
        {
            "The means are in the order blue, green, red; nstlib's pictures are red, green, blue.":
                lambda x: (x - mean.flip(1)) / std,
            "Means and deviations are in the order blue, green, red; nstlib's pictures are red, green, blue.":
                lambda x: (x - mean.flip(1)) / std.flip(1),
            "The channels are turned round to blue, green, red; this network wants red, green, blue.": (
                lambda x: ((x - mean) / std).flip(1),
                lambda x: (x.flip(1) - mean) / std,
            ),
            "The division is missing: subtract the mean, then divide by the standard deviation.":
                lambda x: x - mean,
            "The mean is missing: subtract it, then divide by the standard deviation.":
                lambda x: x / std,
            "The range is wrong: pixels are in [0, 1] here, not in 0 to 255.":
                lambda x: (x * 255 - mean) / std,
            "The range is wrong: pixels are in [0, 1] here and the means too, so nothing is multiplied or divided by 255.":
                lambda x: (x / 255 - mean) / std,
            "Means of 0 to 255 from pixels in [0, 1]: the two must have one range.":
                lambda x: (x - mean * 255) / std,
            "These are the numbers of the paper's first network, 0 to 255 less the mean. This one wants pixels in [0, 1], less the mean, divided by the deviation.":
                lambda x: (x - mean) * 255,
            "The order is wrong: subtract first, and divide the difference.":
                lambda x: x / std - mean,
            "You multiplied by the standard deviation; divide by it.":
                lambda x: (x - mean) * std,
            "You divided by the squared deviation; divide by the deviation itself.":
                lambda x: (x - mean) / std**2,
            "Mean and standard deviation are exchanged.":
                lambda x: (x - std) / mean,
            "(x − 0.5) / 0.5 is what other networks want. This one was trained with ImageNet's means and deviations, which differ from channel to channel.":
                lambda x: (x - 0.5) / 0.5,
            "You used this picture's own mean and deviation, so that a dark picture would look like a bright one. The network wants the same six numbers for every picture, those of ImageNet.": (
                lambda x: spread(x, 2, 3),
                lambda x: spread(x, 2, 3, unbiased=True),
                lambda x: spread(x, 1, 2, 3),
                lambda x: spread(x, 1, 2, 3, unbiased=True),
            ),
            "You stretched this picture to its own darkest and brightest value. The network wants the same six numbers for every picture, those of ImageNet.": (
                lambda x: (x - x.min()) / (x.max() - x.min()),
                lambda x: ((x - x.min()) / (x.max() - x.min()) - mean) / std,
            ),
            "The three means ran along the width, not along the channels: give them the shape (1, 3, 1, 1).": (
                lambda x: (x - mean.flatten()) / std.flatten(),
                lambda x: x - mean.flatten(),
            ),
        },
        dtype=torch.float32,
        praise="It agrees with what network(image, ...) does first.",
    )


def check_sparsity(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 02: features (1, C, h, w) after a ReLU -> for each channel the share of positions where it is
    silent, (C,).
    """

    def silent(features: Tensor, *axes: int) -> Tensor:
        return (features == 0).double().mean(axes)

    def with_weak(features: Tensor) -> Tensor:
        """Some activations are made weak, a hundred times weaker from channel to channel."""
        features = features.clone()
        for channel, maps in enumerate(features[0]):
            maps[-1, -1], maps[-1, -2] = 0.3 * 100.0**-channel, 0.7 * 100.0**-channel
        return features

    check_cases(
        "sparsity",
        function,
        [(with_weak(random_activations(1, 5, 3, 4, seed=0)),), (with_weak(random_activations(1, 4, 6, 2, seed=1)),)],
        lambda f: silent(f, 0, 2, 3),
        {
            "That is the share of positions where the channel fires; the silent ones are asked for.":
                lambda f: 1 - silent(f, 0, 2, 3),
            "That is one number for all channels together; one for each channel is asked for, so average over positions only.":
                lambda f: silent(f, 0, 1, 2, 3),
            "You averaged over the channels: that says for each place how many filters are silent there. Average over dimensions 2 and 3.":
                lambda f: silent(f, 0, 1),
            "That is how many positions are silent; divide by how many there are.":
                lambda f: (f == 0).sum((0, 2, 3)),
            "That is how many positions fire; the share of silent ones is asked for.":
                lambda f: (f > 0).sum((0, 2, 3)),
            "You divided by all numbers of the layer; divide by the positions of one channel, height times width.":
                lambda f: (f == 0).sum((0, 2, 3)) / f.numel(),
            "That is per cent; a share between 0 and 1 is asked for.":
                lambda f: 100 * silent(f, 0, 2, 3),
            "You averaged over the height only: one number for each channel and column. Average over dimensions 2 and 3.":
                lambda f: silent(f, 0, 2),
            "You averaged over the width only: one number for each channel and row. Average over dimensions 2 and 3.":
                lambda f: silent(f, 0, 3),
            "That is the mean activation; ask first where it is zero.":
                lambda f: f.mean((0, 2, 3)),
            "A weak activation is not a silent one: compare with 0 itself, without rounding.":
                tuple(lambda f, t=t: (f < t).double().mean((0, 2, 3)) for t in (1, 0.5, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-6, 1e-8)),
        },
    )
