"""Pictures at another size."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def resize_image(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    """An image at another size, larger or smaller, antialiased (bicubic).

    Parameters
    ----------
    image
        (B, C, H, W), float, values in [0, 1].
    size
        The longer side in pixels, which keeps the proportions, or a pair (H, W), which need not.

    Returns
    -------
    Tensor
        (B, C, h, w), device and dtype of `image`; clamped to [0, 1], since bicubic weights overshoot at edges.
        Computed on the CPU, for the same values on every device; gradients pass. At its own size, `image` itself.

    Raises
    ------
    ValueError
        `image` or `size` is something else.

    Examples
    --------
    >>> checkerboard = (torch.arange(8)[:, None] + torch.arange(8)) % 2.0
    >>> resize_image(checkerboard.expand(1, 3, 8, 8), 1).flatten()  # squares finer than the new pixel: plain grey
    tensor([0.5000, 0.5000, 0.5000])
    """
    if not (isinstance(image, Tensor) and image.ndim == 4 and image.is_floating_point() and image.numel()):
        raise ValueError(f"resize_image got {describe(image)}, wanted floats (B, C, H, W); load_image makes them")
    new = resized_shape(image.shape[-2:], size)
    if new == tuple(image.shape[-2:]):
        return image
    precise = image.cpu().to(torch.promote_types(image.dtype, torch.float32))
    return torch.nn.functional.interpolate(precise, new, mode="bicubic", antialias=True).clamp(0, 1).to(image)


def resized_shape(own: Sequence[int], size: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) that `resize_image` gives to an image of shape `own`; ValueError as there."""
    pair = tuple(size) if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    if not all(isinstance(number, (int, np.integer)) and number >= 1 for number in pair):
        raise ValueError(f"size is {size!r}, wanted the longer side in pixels or a pair (H, W); for example 384")
    new = pair if pair[0] is not size else tuple(max(1, round(side * int(size) / max(own))) for side in own)
    limit = Image.MAX_IMAGE_PIXELS or float("inf")
    if new[0] * new[1] > limit:
        raise ValueError(f"size {size!r} is {new[0]} x {new[1]}, over {limit / 1e6:.0f} million pixels; ask for less")
    return new


def describe(value: object) -> str:
    known = isinstance(value, Tensor)
    return f"a tensor {tuple(value.shape)} of {value.dtype}" if known else f"a {type(value).__name__}"
