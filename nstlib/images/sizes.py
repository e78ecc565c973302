"""Pictures at another size."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nstlib.arguments import whole_number


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
    several = isinstance(size, (tuple, list)) or (isinstance(size, (np.ndarray, Tensor)) and size.ndim == 1)
    sides = [whole_number(number) for number in (size if several else [size])]
    if len(sides) != 1 + several or not all(number and number >= 1 for number in sides):
        told = " ".join(repr(size).split())
        raise ValueError(f"size is {told}, wanted the longer side in pixels or a pair (H, W); for example 384")
    limit, new = Image.MAX_IMAGE_PIXELS or 2**62, tuple(sides)
    if not several and sides[0] <= limit:
        new = tuple(max(1, round(side * sides[0] / max(own))) for side in own)
    if math.prod(new) > limit:
        shown = f" is {new[1]} x {new[0]}," if len(new) == 2 else " is"
        raise ValueError(f"size {size!r}{shown} over {limit / 1e6:.0f} million pixels; ask for less")
    return new


def tell_enlarged(photograph: Sequence[int], shape: Sequence[int]) -> None:
    """A warning, at the line of the caller's caller, where a photograph of shape (H, W) is enlarged to `shape`."""
    height, width = photograph
    if max(shape) > max(height, width):
        warnings.warn(
            f"The photograph is {width} × {height} pixels and is enlarged to {shape[1]} × {shape[0]}, which adds no "
            f"detail; a size of {max(height, width)} keeps it as it is.",
            stacklevel=3,
        )


def describe(value: object) -> str:
    known = isinstance(value, Tensor)
    return f"a tensor {tuple(value.shape)} of {value.dtype}" if known else f"a {type(value).__name__}"
