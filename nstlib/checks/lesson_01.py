"""Checkers for the exercises of lesson 01."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from nstlib.checks.answers import check


def check_to_tensor(function: Callable) -> None:
    """Lesson 01: bytes (H, W, 3) as an image (1, 3, H, W) in [0, 1]."""
    pixels = torch.tensor(
        [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[51, 102, 153], [204, 51, 0], [255, 255, 255]]], dtype=torch.uint8
    )
    first = pixels.permute(2, 0, 1)[None]
    right, no_batch = first / 255, torch.full((1, 3, 2, 3), -1.0)

    def with_four_axes(array):
        answer = function(array)
        return no_batch if getattr(answer, "shape", None) == (3, 2, 3) else answer

    check(
        "to_tensor",
        with_four_axes,
        [pixels.numpy()],
        right,
        {
            "Your numbers still run to 255; the course's convention is 0 to 1.": first.float(),
            "White must become exactly 1: divide by 255, not by 256.": first / 256,
            "Whole-number division leaves only 0 and 1; use / instead of //.": first // 255,
            "view and reshape keep the order of the numbers in memory, so colours turn into places; permute moves the axes.": pixels.reshape(
                1, 3, 2, 3
            )
            / 255,
            "Red and blue are exchanged: your channels come in the order B, G, R.": right.flip(1),
            "Height and width are exchanged; the rows must stay rows.": right.mT,
            "The channels are still last; the convention is (1, 3, H, W).": pixels[None] / 255,
            "The leading 1 is missing: the convention is (1, 3, H, W), a batch of one picture.": no_batch,
        },
        praise="nstlib.load_image does the same",
    )


def check_convolve(function: Callable) -> None:
    """Lesson 01: one filter over three channels, with a border of zeros."""
    image = torch.tensor(
        [
            [
                [[1.0, 0, 2, 1], [0, 3, 0, 0], [1, 1, 0, 2]],
                [[0, 1, 0, 0], [2, 0, 0, 1], [0, 0, 4, 0]],
                [[1, 1, 0, 0], [0, 0, 2, 0], [3, 0, 0, 1]],
            ]
        ]
    )
    kernel = torch.tensor(
        [[[0.0, 1, 0], [0, 2, 0], [0, 0, -1]], [[1, 0, 0], [0, 0, 3], [0, 0, 0]], [[0, 0, -2], [0, 1, 0], [0, 0, 0]]]
    )
    right = F.conv2d(image, kernel[None], padding=1)
    check(
        "convolve",
        function,
        [image, kernel],
        right,
        {
            "Your kernel is flipped. That is a convolution as mathematicians write it; networks lay the kernel on as it is.": F.conv2d(
                image, kernel.flip(1, 2)[None], padding=1
            ),
            "Your kernel is transposed: its first index goes with the row, its second with the column.": F.conv2d(
                image, kernel.mT[None], padding=1
            ),
            "The border is missing: with one row or column of zeros on each side the size stays.": F.conv2d(
                image, kernel[None]
            ),
            "One result per channel; the three must be added up.": F.conv2d(
                image, kernel[:, None], padding=1, groups=3
            ),
            "Only the first channel was used; add up all three.": F.conv2d(image[:, :1], kernel[None, :1], padding=1),
            "That is the mean of the 27 products; their sum is wanted.": right / 27,
            "The border repeats the outermost pixels; here it is to be zeros.": F.conv2d(
                F.pad(image, (1, 1, 1, 1), mode="replicate"), kernel[None]
            ),
        },
        praise="torch.nn.functional.conv2d does the same, faster",
    )


def check_average_pool(function: Callable) -> None:
    """Lesson 01: averages of squares of 2 × 2."""
    channel = torch.tensor([[1.0, 3, 0, 0, 2, 8], [5, 7, 0, 4, 4, 2], [2, 2, 9, 1, 0, 1], [2, 6, 1, 1, 3, 0]])
    x = torch.stack([channel, -2 * channel])[None]
    right = F.avg_pool2d(x, 2)
    check(
        "average_pool",
        function,
        [x],
        right,
        {
            "That is the largest of each square; the mean is wanted.": F.max_pool2d(x, 2),
            "Your squares overlap: move on by two pixels, not by one.": F.avg_pool2d(x, 2, stride=1),
            "That is the sum of each square; divide by four.": 4 * right,
            "Every other pixel was taken and three in four thrown away; average them.": x[..., ::2, ::2],
            "Only pairs across were averaged, not pairs down.": F.avg_pool2d(x, (1, 2)),
            "Only pairs down were averaged, not pairs across.": F.avg_pool2d(x, (2, 1)),
            "The channels were mixed; each is pooled by itself.": right.mean(1, keepdim=True),
        },
        praise="torch.nn.functional.avg_pool2d does the same",
    )
