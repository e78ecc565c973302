"""Checkers for the exercises of lesson 01."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from nstlib.checks.answers import check_cases, random_numbers

# Each formula stands below its hint.
# fmt: off


def check_to_tensor(function: Callable) -> None:
    """Exercise of lesson 01: bytes, a NumPy array (H, W, 3) -> an image, a tensor (1, 3, H, W) in [0, 1]."""
    dull = (random_numbers(4, 5, 3, seed=0) * 250).byte()  # neither 0 nor 255 in it
    bright = (random_numbers(2, 6, 3, seed=1) * 250).byte()
    bright[0, 1] = 255

    def first(pixels: Tensor) -> Tensor:
        return pixels.permute(2, 0, 1)[None]

    check_cases(
        "to_tensor",
        lambda pixels: function(pixels.numpy()),
        [(dull,), (bright,)],
        lambda p: first(p) / 255,
        {
            "Your numbers still run to 255; the course's convention is 0 to 1.":
                lambda p: first(p),
            "White must become exactly 1: divide by 255, not by 256.":
                lambda p: first(p) / 256,
            "Whole-number division leaves only 0 and 1; use / instead of //.":
                lambda p: first(p) // 255,
            "You divided by 255 twice.":
                lambda p: first(p) / 255**2,
            "You divided by the largest number of this picture, so that every picture becomes equally bright. Divide by 255, whatever is in the picture.":
                lambda p: first(p) / p.max(),
            "You stretched this picture from its darkest to its brightest number. Divide by 255, whatever is in the picture.": (
                lambda p: (first(p).float() - p.min()) / (p.max().float() - p.min()),
                lambda p: (first(p).float() - first(p).amin((2, 3), True)) / (first(p).amax((2, 3), True).float() - first(p).amin((2, 3), True)),
            ),
            "Your numbers run from -1 to 1; the course's convention is 0 to 1.":
                lambda p: first(p) / 127.5 - 1,
            "view and reshape keep the order of the numbers in memory, so that colours become places. permute moves the axes.":
                lambda p: p.reshape(1, 3, *p.shape[:2]) / 255,
            "Red and blue are exchanged: your channels come in the order B, G, R.":
                lambda p: first(p).flip(1) / 255,
            "Height and width are exchanged; the rows must stay rows.":
                lambda p: first(p).mT / 255,
            "The channels are still last; the convention is (1, 3, H, W).":
                lambda p: p[None] / 255,
        },
        dtype=torch.float32,
        praise="nstlib.load_image does the same",
    )


def check_convolve(function: Callable) -> None:
    """Exercise of lesson 01: an image (1, 3, H, W) and a kernel (3, 3, 3) -> their sum of products at each pixel,
    (H, W), with a frame of zeros.
    """

    def convolve(image: Tensor, kernel: Tensor, frame: tuple = (1, 1, 1, 1), mode: str = "constant") -> Tensor:
        return F.conv2d(F.pad(image, frame, mode), kernel[None])[0, 0]

    check_cases(
        "convolve",
        function,
        [
            (random_numbers(1, 3, 4, 5, seed=0), random_numbers(3, 3, 3, seed=1) - 0.4),
            (random_numbers(1, 3, 7, 6, seed=2), random_numbers(3, 3, 3, seed=3) - 0.4),
        ],
        convolve,
        {
            "Your kernel is turned by 180°. That is a convolution as mathematicians write it; networks lay the kernel on as it is.":
                lambda x, k: convolve(x, k.flip(1, 2)),
            "Your kernel is transposed: its first index goes with the row, its second with the column.":
                lambda x, k: convolve(x, k.mT),
            "The frame is missing: with one row or column of zeros on each side the size stays the same.":
                lambda x, k: convolve(x, k, (0, 0, 0, 0)),
            "Your frame is on one side only. The middle of the kernel lies on the pixel, so the frame needs one row or column on each side.": (
                lambda x, k: convolve(x, k, (0, 2, 0, 2)),
                lambda x, k: convolve(x, k, (2, 0, 2, 0)),
            ),
            "Your frame repeats the outermost pixels; it should be zeros.":
                lambda x, k: convolve(x, k, mode="replicate"),
            "Your frame mirrors the picture; it should be zeros.":
                lambda x, k: convolve(x, k, mode="reflect"),
            "That is one result per channel; add the three up.":
                lambda x, k: F.conv2d(x, k[:, None], padding=1, groups=3),
            "Only the first channel was used; add up all three.":
                lambda x, k: convolve(x[:, :1], k[:1]),
            "The first channel's kernel was laid on all three channels; each channel has its own.":
                lambda x, k: convolve(x, k[:1].expand(3, 3, 3)),
            "Your kernel's channels are in the order blue, green, red; kernel[0] belongs to image[:, 0].":
                lambda x, k: convolve(x, k.flip(0)),
            "That is a mean of products; their sum is wanted.": (
                lambda x, k: convolve(x, k) / 27,
                lambda x, k: convolve(x, k) / 9,
                lambda x, k: convolve(x, k) / 3,
            ),
        },
        praise="torch.nn.functional.conv2d does the same, faster",
    )


def check_average_pool(function: Callable) -> None:
    """Exercise of lesson 01: x (1, C, H, W) -> the averages of its 2 × 2 squares, (1, C, H/2, W/2)."""

    def corner(x: Tensor, row: int, column: int) -> Tensor:
        """One pixel of each square."""
        return x[..., row::2, column::2]

    def regroup(x: Tensor, *axes: int) -> Tensor:
        """A reshape in which the short axes come first, where they should come second."""
        _, c, h, w = x.shape
        return x.reshape(1, c, 2, h // 2, 2, w // 2).mean(axes)

    def in_a_row(x: Tensor) -> Tensor:
        _, c, h, w = x.shape
        return x.reshape(1, c, h // 2, w // 2, 4).mean(-1)

    check_cases(
        "average_pool",
        function,
        [(random_numbers(1, 3, 4, 10, seed=0),), (random_numbers(1, 5, 8, 6, seed=1),)],
        lambda x: F.avg_pool2d(x, 2),
        {
            "That is the largest of each square; the mean is wanted.":
                lambda x: F.max_pool2d(x, 2),
            "Your squares overlap: move on by two pixels, not by one.":
                lambda x: F.avg_pool2d(x, 2, stride=1),
            "That is the sum of each square; divide by four.":
                lambda x: 4 * F.avg_pool2d(x, 2),
            "You divided the sum of four pixels by two; divide by four.":
                lambda x: 2 * F.avg_pool2d(x, 2),
            "Only the last of the four was divided by 4: division comes before addition, so put the sum in brackets.":
                lambda x: corner(x, 0, 0) + corner(x, 0, 1) + corner(x, 1, 0) + corner(x, 1, 1) / 4,
            "A reshape to (…, 4) takes four neighbours of one row. A square has two from one row and two from the next.":
                in_a_row,
            "Your reshape splits the sides the wrong way round, so that pixels half a picture apart are averaged: the 2 comes after H/2, not before.":
                lambda x: regroup(x, 2, 4),
            "Every other pixel was taken and three in four thrown away; average them.":
                tuple(lambda x, r=r, c=c: corner(x, r, c) for r in (0, 1) for c in (0, 1)),
            "Only two corners of each square were averaged; it has four pixels.": (
                lambda x: (corner(x, 0, 0) + corner(x, 1, 1)) / 2,
                lambda x: (corner(x, 0, 0) + corner(x, 0, 1)) / 2,
                lambda x: (corner(x, 0, 0) + corner(x, 1, 0)) / 2,
            ),
            "Only pairs across were averaged, not pairs down.":
                lambda x: F.avg_pool2d(x, (1, 2)),
            "Only pairs down were averaged, not pairs across.":
                lambda x: F.avg_pool2d(x, (2, 1)),
            "The channels were mixed; each is pooled by itself.":
                lambda x: F.avg_pool2d(x, 2).mean(1, keepdim=True),
        },
        praise="torch.nn.functional.avg_pool2d does the same",
    )
