"""A picture at several sizes, each half of the one before (Burt and Adelson, 1983)."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nstlib.networks import least_size

MIN_SIZE = 60  # longer side of the smallest copy of a picture at which styles are compared


def halve(image: Tensor, times: int) -> Tensor:
    """`image` at half its height and width, `times` times.

    Each pixel is a weighted mean of 4 × 4, the weights (1, 3, 3, 1) / 8 down and across, as in a Gaussian pyramid (Burt
    and Adelson, 1983). With the mean of 2 × 2 alone, an optimisation hides patterns of two pixels in the picture that
    its copies show as something else.

    Parameters
    ----------
    image : Tensor (B, C, H, W)
    times : int

    Returns
    -------
    Tensor (B, C, H // 2^times, W // 2^times); beyond the edge the picture goes on with its last row and column.

    >>> row = torch.tensor([0.0, 0.0, 8.0, 8.0])  # (0·1 + 0·3 + 0·3 + 8·1) / 8 and (0·1 + 8·3 + 8·3 + 8·1) / 8
    >>> halve(row.expand(1, 1, 2, 4), 1)
    tensor([[[[1., 7.]]]])
    """
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0], device=image.device, dtype=image.dtype) / 8
    kernel = torch.outer(weights, weights).expand(image.shape[1], 1, 4, 4)  # one for each channel
    for _ in range(times):
        image = F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=image.shape[1])
    return image


def count_scales(content: Tensor, style: Tensor, layers: Sequence[str], wanted: int | None = None) -> int:
    """At how many sizes two pictures can be compared: `wanted`, or where None down to a longer side of 60 pixels or a
    little more; fewer where one of the pictures is so narrow that the deepest of `layers` would have less than two
    positions across.
    """
    usual = 1 + int(math.log2(max(1, max(content.shape[-2:]) / MIN_SIZE)))
    narrow = min(*content.shape[-2:], *style.shape[-2:])
    least = max(4, 2 * max(map(least_size, layers)))  # 4: to be mirrored at its edges
    room = 1 + int(math.log2(max(1, narrow / least)))
    return min(room, usual if wanted is None else wanted)
