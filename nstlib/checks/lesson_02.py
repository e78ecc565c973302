"""Checkers for the exercises of lesson 02."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstlib.checks.answers import check
from nstlib.networks import IMAGENET_MEAN, IMAGENET_STD


def check_patch_rows(function: Callable[[str, int], tuple[int, int]]) -> None:
    """Exercise of lesson 02: (layer, i) -> first and last row of pixels that row i of the layer's maps sees."""
    # (size, stride, start) of a field
    places = {
        ("relu1_1", 0): (3, 1, -1),
        ("relu1_2", 3): (5, 1, -2),
        ("relu2_1", 2): (10, 2, -4),
        ("relu3_1", 5): (24, 4, -10),
        ("relu4_2", 7): (84, 8, -38),
    }
    size, stride, start, i, convolutions = (
        torch.tensor(v) for v in (*zip(*places.values(), strict=True), [0, 3, 2, 5, 7], [1, 2, 3, 5, 10])
    )

    def rows(first: Tensor, count: Tensor) -> Tensor:
        return torch.stack([first, first + count - 1], 1)

    def answers() -> Tensor | None:
        found = [function(*place) for place in places]
        return (
            None
            if any(pair is None for pair in found)
            else torch.tensor([[int(number) for number in pair] for pair in found])
        )

    right = rows(i * stride + start, size)
    check(
        "patch_rows",
        answers,
        [],
        right,
        {
            "Off by one: n rows that begin with row a end with row a + n - 1.": rows(i * stride + start, size + 1),
            "The poolings are missing: behind each of them a step of the map is twice as many pixels.": rows(
                i - convolutions, 1 + 2 * convolutions
            ),
            "The stride is missing: row i of the map is not row i of the picture once there has been a pooling.": rows(
                i + start, size
            ),
            "That is the stride only: the pixels that the poolings have merged. The convolutions look beyond them, on both sides.": rows(
                i * stride, stride
            ),
            "A field does not begin at i times the stride: the convolutions look back as far as ahead.": rows(
                i * stride, size
            ),
            "A pooling looks at 2 × 2 values itself: it adds one step to what is seen.": rows(
                i * stride + start, size - stride + 1
            ),
            "Do not stop at the picture's edge: rows below 0 are the padding, and the network sees them, too.": torch.stack(
                [(i * stride + start).clamp(min=0), right[:, 1]], 1
            ),
        },
        praise="It agrees with nstlib.plots.receptive_field.",
    )


def check_normalize_input(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 02: an image (1, 3, H, W) in [0, 1] -> what the first convolution sees, (1, 3, H, W)."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    # a red pixel first
    image = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.75], [0.0, 1.0, 1.0]]).T.view(1, 3, 1, 3).repeat(1, 1, 2, 1)
    along = (image - mean.flatten()) / std.flatten()
    check(
        "normalize_input",
        function,
        [image],
        (image - mean) / std,
        {
            "The means are in the order blue, green, red; nstlib's pictures are red, green, blue.": (
                image - mean.flip(1)
            )
            / std,
            "Means and deviations are in the order blue, green, red; nstlib's pictures are red, green, blue.": (
                image - mean.flip(1)
            )
            / std.flip(1),
            "The channels are turned round to blue, green, red; this network wants red, green, blue.": (
                (image - mean) / std
            ).flip(1),
            "The division is missing: subtract the mean, then divide by the standard deviation.": image - mean,
            "The range is wrong: pixels are in [0, 1] here, not in 0 to 255.": (image * 255 - mean) / std,
            "The range is wrong: pixels are in [0, 1] here and the means too; nothing is to be divided or multiplied by 255.": (
                image / 255 - mean
            )
            / std,
            "Means of 0 to 255 from pixels in [0, 1]: the two must have one range.": (image - mean * 255) / std,
            "The order is wrong: subtract first, and divide the difference.": image / std - mean,
            "You multiplied by the standard deviation; divide by it.": (image - mean) * std,
            "Mean and standard deviation are swapped.": (image - std) / mean,
            "The three means ran along the width, not along the channels: give them the shape (1, 3, 1, 1).": along,
            "The three means ran along the width, not along the channels, and the division is missing: give them the shape (1, 3, 1, 1).": image
            - mean.flatten(),
        },
        praise="It agrees with what network(image, ...) does first.",
    )


def check_sparsity(function: Callable[[Tensor], Tensor]) -> None:
    """Exercise of lesson 02: features (1, C, h, w) after a ReLU -> for each channel the share of positions where it is
    silent, (C,).
    """
    # C = 2, h = 2, w = 3
    features = torch.tensor([[[[0.0, 2.0, 0.0], [5.0, 0.0, 0.25]], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]])
    silent = (features == 0).float()
    check(
        "sparsity",
        function,
        [features],
        silent.mean((0, 2, 3)),
        {
            "That is the share of positions where the channel fires; the silent ones are asked for.": 1
            - silent.mean((0, 2, 3)),
            "That is one number for all channels together; one for each channel is asked for, so average over positions only.": silent.mean(),
            "You averaged over the channels: that says for each place how many filters are silent there. Average over dimensions 2 and 3.": silent.mean(
                (0, 1)
            ),
            "That is how many positions; divide by how many there are.": silent.sum((0, 2, 3)),
            "You averaged over the height only: one number for each channel and column. Average over dimensions 2 and 3.": silent.mean(
                (0, 2)
            ),
            "You averaged over the width only: one number for each channel and row. Average over dimensions 2 and 3.": silent.mean(
                (0, 3)
            ),
            "That is the mean activation; ask first where it is zero.": features.mean((0, 2, 3)),
            "A weak activation is not a silent one: compare with 0, not with 1 or ½.": (features < 0.5)
            .float()
            .mean((0, 2, 3)),
        },
    )
