"""Masks: where in a picture a painting counts, and at which positions of a layer.

Gatys et al., Controlling perceptual factors in neural style transfer (2017), section 4.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nstlib.networks import receptive_field

BLACK = 0.02  # of the range of a pixel: a mask that is nowhere lighter is black


def check_mask(name: str, mask: Tensor, picture: str, shape: Sequence[int]) -> Tensor:
    """A mask (1, C, h, w) in [0, 1] as grey, (1, 1, h, w), for a `picture` of `shape`, (H, W). `name` is for the
    messages.

    Raises
    ------
    ValueError: it is black everywhere, or its proportions are not those of the picture, to a pixel.

    >>> check_mask("The mask", torch.ones(1, 3, 20, 30), "photograph", (200, 300)).shape
    torch.Size([1, 1, 20, 30])
    """
    if not (isinstance(mask, Tensor) and mask.ndim == 4 and len(mask) == 1):
        raise ValueError(f"{name} is {mask!r:.80}; wanted a picture (1, C, height, width), as load_image gives.")
    (height, width), (own_height, own_width) = shape, mask.shape[-2:]
    if abs(own_width - own_height * width / height) > max(1, width / height):
        raise ValueError(
            f"{name} is {own_width} × {own_height} pixels and the {picture} {width} × {height}: their proportions "
            "differ. Make the mask from that picture, at any size."
        )
    if mask.max() <= BLACK:
        raise ValueError(f"{name} is black everywhere; make it white where the painting shall count.")
    return mask.mean(1, keepdim=True)


def position_weights(mask: Tensor, layer: str) -> Tensor:
    """How much each position of a layer counts for a region: w of `nstlib.distances`.

        Tₖ = max(0, 2 m̄ₖ − 1)        wₖ = Tₖ / Σ T

    m̄ₖ is the mean of the mask over what position k sees, its receptive field. A position that sees more of the other
    side than of this one does not count. So regions that do not overlap have no position in common at any layer, a
    position counts the more the less it sees of the other side, and a region narrower than half of a receptive field
    is not there. Beyond the picture's edges the mask goes on as it ends.

    Parameters
    ----------
    mask : Tensor (1, 1, H, W) in [0, 1], as large as the picture
    layer : name of an activation

    Returns
    -------
    Tensor (1, 1, h, w) with the sum 1; zeros where the region has less than one position

    Examples
    --------
    >>> left = torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0]).expand(1, 1, 4, 8)
    >>> position_weights(left, "relu1_1")[0, 0, 0] * 4  # 3 × 3 pixels: two, then one column see only white, the next ⅔
    tensor([0.3000, 0.3000, 0.3000, 0.1000, 0.0000, 0.0000, 0.0000, 0.0000])
    """
    (height, width), (size, stride, start) = mask.shape[-2:], receptive_field(layer)
    height, width = height // stride, width // stride
    beyond = [
        max(0, (n - 1) * stride + start + size - side) for n, side in ((width, mask.shape[3]), (height, mask.shape[2]))
    ]
    padded = F.pad(mask, (-start, beyond[0], -start, beyond[1]), mode="replicate")
    guidance = (2 * F.avg_pool2d(padded, size, stride)[..., :height, :width] - 1).clamp(min=0)
    total = guidance.sum()
    return guidance / total if total >= 1 else torch.zeros_like(guidance)
